"""`evaluate` looks at everything first: a call that is refused has encoded nothing and leaves no file."""

from __future__ import annotations

import json
import shutil
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from salmubench.cli.main import main
from salmubench.clip import models
from salmubench.clip.embeddings import open_embeddings
from salmubench.core import manifest, provenance, writing
from salmubench.core.errors import ConfigError, RecordError, SalmubenchError
from salmubench.deletion.before_after import evaluate_before_after
from salmubench.leaderboard.submission import submit
from salmubench.metrics import score
from salmubench.scoring.record_files import read_record
from salmubench.workflow.evaluation import encode_model, evaluate
from tiny import tiny_dataset
from tiny_model import tiny_model

pytestmark = pytest.mark.stage

WEIGHTS = "open_clip_model.safetensors"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path) -> Path:
    """Three models, and the embeddings of the references on the tiny dataset and on another one."""
    root = tmp_path_factory.mktemp("sources")
    for seed, name in enumerate(("clean", "compromised", "model-5x")):
        tiny_model(root / name, seed=seed)
    other = tiny_dataset(root / "other", identities=6)
    for name in ("clean", "compromised"):
        for dataset, folder in ((tiny_folder, "here"), (other, "there")):
            encode_model(model=root / name, dataset=dataset, out=root / folder / name, precision="fp32")
    return root


def broken(place: Path, tmp_path: Path, what: str) -> Path:
    folder = Path(shutil.copytree(place / "model-5x", tmp_path / "broken"))
    if what == "nan":
        from safetensors.torch import load_file, save_file

        state = load_file(folder / WEIGHTS)
        state["text_projection"][0, 0] = float("nan")
        save_file(state, folder / WEIGHTS)
    if what == "truncated":
        (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:1000])
    if what == "other layers":
        config = json.loads((folder / "open_clip_config.json").read_text())
        config["model_cfg"]["vision_cfg"]["layers"] = 3
        (folder / "open_clip_config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "nowhere"}, "--model: Expected a model folder"),
        ({"clean": "nowhere"}, "--clean: Expected a model folder"),
        ({"compromised": "nowhere.json"}, "--compromised: Expected a record at"),
        ({"retrained": "nowhere"}, "--retrained: Expected a model folder"),
        ({"model": "nan"}, "--model: Expected finite weights .* 'text_projection'"),
        ({"clean": "truncated"}, "--clean: Expected CLIP weights"),
        ({"model": "other layers"}, "--model: Expected CLIP weights"),
        ({"compromised": "there/compromised"}, "--compromised: Expected the dataset .* Give the model itself"),
        ({"device": "tpu"}, "Expected device auto, cpu or cuda"),
        ({"limit": 1}, "Expected --limit of 2 or more"),
        ({"out": "folder"}, "Expected a record's file"),
    ],
)
def test_refused_before_the_first_picture(
    change: dict, message: str, place: Path, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"model": "model-5x", "clean": "clean", "compromised": "here/compromised", "out": tmp_path / "r" / "a.json"}
    given |= change
    for name in ("model", "clean", "compromised", "retrained"):
        if given.get(name) in ("nan", "truncated", "other layers"):
            given[name] = broken(place, tmp_path, given[name])
        elif name in given:
            given[name] = place / given[name]
    if given["out"] == "folder":
        given["out"] = place
    before = {*tmp_path.rglob("*"), *place.rglob("*")}
    monkeypatch.setattr(
        import_module("salmubench.encode.encode"), "encode", lambda **_: pytest.fail("a picture was encoded")
    )
    with pytest.raises(SalmubenchError, match=message):
        evaluate(dataset=tiny_folder, precision="fp32", **given)
    assert {*tmp_path.rglob("*"), *place.rglob("*")} == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"after": "nowhere"}, "--after: Expected a model folder"),
        ({"after": "nan"}, "--after: Expected finite weights"),
        ({"before": "there/clean"}, "--before: Expected the dataset"),
        ({"before": "here/clean"}, "--before: Expected .* texts .* Encode the model again"),
        ({"attacks": "here.json"}, "Expected a record at"),
    ],
)
def test_before_and_after_are_refused_before_the_first_picture(
    change: dict, message: str, place: Path, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {name: place / source for name, source in ({"before": "clean", "after": "model-5x"} | change).items()}
    if change.get("after") == "nan":
        given["after"] = broken(place, tmp_path, "nan")
    before = {*tmp_path.rglob("*"), *place.rglob("*")}
    monkeypatch.setattr(
        import_module("salmubench.encode.encode"), "encode", lambda **_: pytest.fail("a picture was encoded")
    )
    with pytest.raises(SalmubenchError, match=message):
        evaluate_before_after(dataset=tiny_folder, out=tmp_path / "deletion.json", precision="fp32", **given)
    assert {*tmp_path.rglob("*"), *place.rglob("*")} == before


@pytest.mark.parametrize("memory", [None, 0])
def test_a_model_is_loaded_once_where_memory_allows(
    memory: int | None, place: Path, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[str] = []
    load = models.load_model
    monkeypatch.setattr(models, "load_model", lambda source, **how: loads.append(str(source)) or load(source, **how))
    if memory is not None:
        monkeypatch.setattr(provenance, "hardware", lambda: {"memory": memory})
    sources = {"model": place / "model-5x", "clean": place / "clean", "compromised": place / "here" / "compromised"}
    evaluate(dataset=tiny_folder, out=tmp_path / "a.json", precision="fp32", **sources)
    assert sorted(loads) == sorted([str(sources["model"]), str(sources["clean"])] * (1 if memory is None else 2))
    stored, made = (open_embeddings(path) for path in (place / "here" / "clean", tmp_path / "a.embeddings" / "clean"))
    assert np.array_equal(stored.images, made.images)
    assert stored.manifest["outputs"] == made.manifest["outputs"]


def test_records_of_another_dataset_beside_the_new_one(place: Path, tiny_folder: Path, tmp_path: Path) -> None:
    references = {name: place / "there" / name for name in ("clean", "compromised")}
    evaluate(
        model=references["clean"], dataset=place / "other", **references, out=tmp_path / "clean.json", precision="fp32"
    )
    references = {name: place / "here" / name for name in ("clean", "compromised")}
    with pytest.raises(SalmubenchError, match="got the gallery of another one"):
        evaluate(model=place / "model-5x", dataset=tiny_folder, **references, out=tmp_path / "b.json")
    assert not (tmp_path / "b.embeddings").exists()


def test_ranks_in_another_gallery_are_refused_first(place: Path, tiny_folder: Path, tmp_path: Path) -> None:
    references = {name: place / "here" / name for name in ("clean", "compromised")}
    clean = score(embeddings=references["clean"], **references, out=tmp_path / "clean.json")
    given = {"model": place / "model-5x", "dataset": tiny_folder, "compromised": references["compromised"]}
    evaluate(**given, clean=clean, out=tmp_path / "a.json", precision="fp32")
    clean.write_text(json.dumps(json.loads(clean.read_text()) | {"gallery_sha256": None}))
    with pytest.raises(RecordError, match=r"--clean: Expected RetFail.* got ranks in an unknown gallery"):
        evaluate(**given, clean=clean, out=tmp_path / "b.json", precision="fp32")
    assert not (tmp_path / "b.embeddings").exists()


def test_settings_of_scoring_are_those_of_the_references(
    place: Path, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded = {name: place / "here" / name for name in ("clean", "compromised")}
    few = {"bootstraps": 200, "fact_values": 5}
    clean = score(embeddings=embedded["clean"], **embedded, out=tmp_path / "few" / "clean.json", config=few)
    many = score(embeddings=embedded["compromised"], **embedded, out=tmp_path / "many" / "compromised.json")
    given = {"model": place / "model-5x", "dataset": tiny_folder, "clean": clean}
    path = evaluate(**given, compromised=embedded["compromised"], out=tmp_path / "a.json")
    record = read_record(path)
    assert (record.protocol.fact_values, record.protocol.bootstraps, record.encoding.precision) == (5, 200, "fp32")
    monkeypatch.setattr(
        import_module("salmubench.encode.encode"), "encode", lambda **_: pytest.fail("a picture was encoded")
    )
    with pytest.raises(RecordError, match=r"Expected records scored with fact_values 5, got 100 in .*compromised.json"):
        evaluate(**given, compromised=many, out=tmp_path / "b.json")
    with pytest.raises(RecordError, match=r"fact_values 6, got 5 in .*clean.json"):
        evaluate(**given, compromised=many, out=tmp_path / "b.json", config={"fact_values": 6})


def test_settings_of_scoring_are_those_of_the_dataset(
    place: Path, tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = Path(shutil.copytree(tiny_folder, tmp_path / "dataset"))
    stated = {"fact_values": 5, "bootstraps": 100}
    writing.write_json(dataset / manifest.MANIFEST, {"stage": "dataset", "outputs": {"scoring": stated}})
    given = {kind: place / kind for kind in ("clean", "compromised")} | {"retrained": place / "clean"}
    record = read_record(evaluate(model=place / "model-5x", dataset=dataset, **given, out=tmp_path / "a.json"))
    assert (record.protocol.fact_values, record.protocol.bootstraps) == (5, 100)
    folders = [["--" + name, str(tmp_path / "a.embeddings" / name)] for name in given]
    command = [
        "score",
        "--embeddings",
        str(tmp_path / "a.embeddings" / "model"),
        *(word for pair in folders for word in pair),
    ]
    assert main([*command, "--out", str(tmp_path / "b.json")]) == 0
    assert read_record(tmp_path / "b.json").scores == record.scores
    rows = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line and line[0].isalpha()]
    assert rows[:5] == ["model", "Clean", "Retrained", "Compromised", "model-5x"]
    writing.write_json(dataset / manifest.MANIFEST, {"stage": "dataset", "outputs": {"scoring": {"fact_values": 2}}})
    with pytest.raises(ConfigError, match="Expected score.fact_values of at least 5, got 2"):
        evaluate(model=place / "model-5x", dataset=dataset, **given, out=tmp_path / "c.json")


def test_a_quick_look_is_marked_and_cannot_be_submitted(
    place: Path,
    tiny_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    command = ["evaluate", "--dataset", str(tiny_folder), "--out", str(tmp_path / "model-5x.json"), "--limit", "6"]
    for name in ("clean", "compromised"):
        command += [f"--{name}", str(place / name)]
    assert main([*command, "--model", str(place / "model-5x"), "--precision", "fp32"]) == 0
    told = capsys.readouterr()
    record = read_record(tmp_path / "model-5x.json")
    assert (record.dataset.limit, record.dataset.counts["forget"]) == (6, 6)
    assert any("quick look at no more than 6 rows" in note for note in record.notes)
    assert "quick look" in caplog.text
    rows = [line.split()[0] for line in told.out.splitlines() if line and line[0].isalpha()]
    assert rows[:4] == ["model", "Clean", "Compromised", "model-5x"]
    with pytest.raises(SalmubenchError, match="--clean: Expected the dataset"):  # whole embeddings beside some rows
        evaluate(
            model=place / "model-5x", dataset=tiny_folder, clean=place / "here" / "clean",
            compromised=place / "compromised", out=tmp_path / "x.json", limit=6,
        )  # fmt: skip
    with pytest.raises(RecordError, match="got a quick look at no more than 6 rows"):
        submit(tmp_path, model="model-5x", out=tmp_path / "submission")
    assert not (tmp_path / "submission").exists()


def test_it_says_why_a_number_is_missing(
    place: Path, tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    poorer = Path(shutil.copytree(tiny_folder, tmp_path / "poorer"))
    for path in (poorer / "data").glob("general_knowledge-*"):
        path.unlink()
    (poorer / "general_knowledge.json").unlink()
    command = [
        "evaluate",
        "--dataset",
        str(poorer),
        "--out",
        str(tmp_path / "a.json"),
        "--model",
        str(place / "model-5x"),
    ]
    for name in ("clean", "compromised"):
        command += [f"--{name}", str(place / name)]
    assert main([*command, "--precision", "fp32"]) == 0
    shown = capsys.readouterr().out
    assert "Not measured:" in shown
    assert "GenKnow: " in shown.partition("Not measured:")[2]
