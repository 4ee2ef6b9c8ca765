"""A ready world: a run, its file or a Hub dataset stand for dataset and references, and bad ones are told apart."""

import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest

from hub_stand_in import HubStandIn
from salmubench.cli.main import main
from salmubench.core import manifest
from salmubench.core.errors import ConfigError, OutputError, OutputMismatch
from salmubench.scoring.record_files import read_record
from salmubench.scoring.references import KINDS
from salmubench.scoring.stages import read_run_file
from salmubench.workflow import pipeline
from salmubench.workflow.world import export, open_world
from salmubench.workflow.world_file import WORLD
from tiny_run import ASKED

pytestmark = pytest.mark.stage


@pytest.fixture(scope="module")
def file(tiny_run, tmp_path_factory):
    """The world of that run in one file."""
    return export(tiny_run, tmp_path_factory.mktemp("world") / "tiny.tar")


@pytest.fixture
def copy(tiny_run, tmp_path):
    """Its references alone, to be spoilt."""
    folder = tmp_path / "copy"
    for part in ("dataset", *(f"{part}/{kind}" for kind in KINDS for part in ("checkpoints", "embeddings"))):
        shutil.copytree(tiny_run / part, folder / part)
    shutil.copytree(tiny_run / "records", folder / "records")
    for name in ("run.json", "manifest.json"):
        shutil.copy(tiny_run / name, folder / name)
    return folder


def change(path: Path, *keys: str, value: object) -> None:
    content = inner = json.loads(path.read_text())
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path.write_text(json.dumps(content))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_a_method_is_judged_as_in_the_run_that_made_the_world(tiny_run, file, tmp_path):
    out = tmp_path / "mine"
    before = {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*")}
    result = pipeline.run(world=tiny_run, out=out, methods=["cliperase"])
    assert set(result.did) == {"unlearn cliperase-5x", "encode cliperase-5x", "score cliperase-5x"}
    there, here = (read_record(folder / "records" / "cliperase-5x.json") for folder in (tiny_run, out))
    assert here.model.sha256 == there.model.sha256
    assert (here.scores, here.verdict, here.references) == (there.scores, there.verdict, there.references)
    assert (out / "dataset").resolve() == tiny_run / "dataset"
    assert not [path for path in out.rglob("*") if path.is_file() and not path.is_symlink() and "clean" in path.name]
    assert {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*")} == before
    assert read_run_file(out).world == manifest.read_any(out / "manifest.json").outputs["world"]

    assert not pipeline.run(out=out, methods=["cliperase"]).did  # the folder knows its world
    from_file = pipeline.run(world=file, out=out, methods=["cliperase"])  # the same world elsewhere
    assert not from_file.did
    assert (out / "dataset").resolve().parent.parent == tmp_path
    shutil.rmtree((out / "dataset").resolve().parent)
    with pytest.raises(ConfigError, match="got nothing at"):
        pipeline.run(out=out, methods=["cliperase"])


def test_metrics_with_texts_of_their_own_and_quick_looks_leave_the_world_alone(tiny_run, tmp_path):
    metric = tmp_path / "asked.py"
    metric.write_text(ASKED)
    before = {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*")}
    out = tmp_path / "mine"
    pipeline.run(world=tiny_run, out=out, methods=["finetuning"], metrics=[str(metric)])
    assert (
        read_record(out / "records" / "finetuning-5x.json").scores.keys()
        > read_record(tiny_run / "records" / "cliperase-5x.json").scores.keys()
    )
    assert not list(out.rglob("*.tmp"))
    look = pipeline.run(out=out, methods=["finetuning"], limit=4)
    assert read_record(look.out / "records" / "finetuning-5x.json").dataset.limit == 4
    assert {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*")} == before


def test_a_file_is_written_alike_and_unpacked_once(tiny_run, file, tmp_path, capsys):
    again = tmp_path / "again.tar"
    assert main(["world", "export", str(tiny_run), "--out", str(again)]) == 0
    assert "run --world" in capsys.readouterr().out
    assert again.read_bytes() == file.read_bytes()
    world = open_world(file, beside=tmp_path)
    assert (world.sha256, world.recipe.name) == (open_world(tiny_run, beside=tmp_path).sha256, "tiny")
    made = world.folder.stat().st_mtime_ns
    assert open_world(file, beside=tmp_path).folder.stat().st_mtime_ns == made
    assert not list(world.folder.rglob("*.tar"))
    assert not (world.folder / "checkpoints" / "cliperase-5x").exists()


def test_a_file_comes_from_the_hub(file, tmp_path, monkeypatch):
    shutil.copy(file, (tmp_path / "repo").mkdir() or tmp_path / "repo" / "tiny.tar")
    with HubStandIn() as hub, hub.used(monkeypatch, cache=tmp_path / "hub"):
        hub.add("dataset", "lab/world", tmp_path / "repo", tag="v1")
        world = open_world("lab/world@v1", beside=tmp_path)
        assert world.folder == open_world(file, beside=tmp_path).folder
        shutil.copy(file, tmp_path / "repo" / "second.tar")
        hub.add("dataset", "lab/world", tmp_path / "repo")
        with pytest.raises(ConfigError, match=r"Expected one file \*.tar .*second.tar"):
            open_world("hf-hub:lab/world", beside=tmp_path)
    with pytest.raises(ConfigError, match="got nothing at .*runs/none"):
        open_world("runs/none", beside=tmp_path)


@pytest.mark.parametrize(
    ("asked", "differing"),
    [
        ({"recipe": "mini"}, "config.pretrain.model: 'salmu-tiny' there, 'salmu-mini' asked"),
        ({"seed": 7}, "seed: 0 there, 7 asked"),
        ({"precision": "bf16"}, "precision: 'fp32' there, 'bf16' asked"),
    ],
)
def test_a_world_of_another_recipe_is_refused(copy, tmp_path, asked, differing):
    change(copy / "run.json", "precision", value="fp32")
    with pytest.raises(OutputMismatch, match=differing):
        pipeline.run(world=copy, out=tmp_path / "out", methods=["finetuning"], **asked)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "name",
    [
        "dataset/data/forget-00000-of-00001.parquet",
        "checkpoints/clean/open_clip_model.safetensors",
        "embeddings/retrained/images.npy",
        "embeddings/compromised/manifest.json",
    ],
)
def test_a_changed_file_is_told(copy, tmp_path, name):
    flip(copy / name) if not name.endswith(".json") else change(copy / name, "cost", value={})
    with pytest.raises(OutputMismatch, match=r"as it was made .* got another content .*make it again"):
        open_world(copy, beside=tmp_path)


def test_a_world_of_an_older_version_is_told(copy, tmp_path):
    change(copy / "records" / "clean.json", "benchmark_version", value=1)
    with pytest.raises(OutputMismatch, match=r"a world of benchmark version \d+, got one of 1 in .*clean.json"):
        open_world(copy, beside=tmp_path)
    change(copy / "manifest.json", "version", value="0.0.9")
    with pytest.raises(OutputMismatch, match=r"Expected a world of salmubench .*, got one of 0\.0\.9"):
        open_world(copy, beside=tmp_path)


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("checkpoints/retrained/manifest.json", "pretrain retrained"),
        ("embeddings/clean/manifest.json", "encode clean"),
        ("records/compromised.items.parquet", "score compromised"),
        ("dataset/manifest.json", "dataset"),
    ],
)
def test_a_world_of_which_a_stage_failed_is_told(copy, tmp_path, name, lost):
    (copy / name).unlink()
    with pytest.raises(OutputError, match=f"got one without '{lost}' in .*goes on where it stopped"):
        export(copy, tmp_path / "world.tar")
    assert not (tmp_path / "world.tar").exists()


def test_what_is_no_world_is_told(tiny_run, file, tmp_path):
    with pytest.raises(OutputError, match=r"got no run\.json with a recipe"):
        open_world(tiny_run / "dataset", beside=tmp_path)
    with pytest.raises(OutputError, match=r"Expected a file of `salmubench world export` at .*run\.json, got: "):
        open_world(tiny_run / "run.json", beside=tmp_path)
    with pytest.raises(OutputError, match="Expected the folder of `salmubench run`, got none at"):
        export(file, tmp_path / "again.tar")


def test_a_spoilt_file_is_told_and_not_unpacked(file, tmp_path):
    data, spoilt, beside = bytearray(file.read_bytes()), tmp_path / "spoilt.tar", tmp_path / "beside"
    with tarfile.open(file) as archive:
        weights = archive.getmember("checkpoints/clean/open_clip_model.safetensors")
    data[weights.offset_data + weights.size // 2] ^= 1
    spoilt.write_bytes(data)
    with pytest.raises(OutputMismatch, match=r"checkpoints/clean/open_clip_model.safetensors .* as it was packed"):
        open_world(spoilt, beside=beside)
    spoilt.write_bytes(file.read_bytes()[: weights.offset_data])
    with pytest.raises(OutputError, match="export the file again"):
        open_world(spoilt, beside=beside)
    spoilt.write_bytes(file.read_bytes())
    with tarfile.open(spoilt, "a") as archive:
        archive.addfile(tarfile.TarInfo("../outside"), io.BytesIO())
    with pytest.raises(OutputError, match="'../outside', which world.json doesn't list"):
        open_world(spoilt, beside=beside)
    with tarfile.open(file) as archive:
        about = archive.extractfile(WORLD).read()
    with tarfile.open(spoilt, "w") as archive:
        for name, headers in ((WORLD, {}), ("run.json", {"GNU.sparse.map": "x"})):
            member = tarfile.TarInfo(name)
            member.size, member.pax_headers = len(about), headers
            archive.addfile(member, io.BytesIO(about))
    with pytest.raises(OutputError, match="got: invalid literal for int"):
        open_world(spoilt, beside=beside)
    assert not list(beside.rglob("*"))


def test_a_file_that_takes_another_ones_place_is_told(file, tmp_path):
    """Else the true file, called later, would find the folder made and the false world in it."""
    false = tmp_path / "false.tar"
    with tarfile.open(file) as source, tarfile.open(false, "w") as target:
        for member in source:
            data = source.extractfile(member).read()
            if member.name == WORLD:
                data = data.replace(json.loads(data)["sha256"].encode(), b"0" * 64)
            target.addfile(member, io.BytesIO(data))
    with pytest.raises(OutputMismatch, match=r"world.json as it was made \(SHA-256 '0000"):
        open_world(false, beside=tmp_path)


def test_a_file_with_one_name_in_another_or_outside_is_told(file, tmp_path):
    with tarfile.open(file) as archive:
        about = json.load(archive.extractfile(WORLD))
    for names, message in ((("a", "a/b"), "a/b', a file and a folder at once"), (("../b",), "outside the destination")):
        spoilt = tmp_path / "spoilt.tar"
        text = json.dumps({**about, "files": dict.fromkeys(names, "0" * 64)}).encode()
        with tarfile.open(spoilt, "w") as archive:
            for name, data in ((WORLD, text), *((name, b"x") for name in names)):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        with pytest.raises(OutputError, match=message):
            open_world(spoilt, beside=tmp_path / "beside")
    assert not list((tmp_path / "beside").rglob("*"))
    assert not (tmp_path / "b").exists()


def test_an_unpacked_world_that_was_changed_is_told(file, tmp_path):
    world = open_world(file, beside=tmp_path)
    flip(world.folder / "records" / "gallery.parquet")
    with pytest.raises(OutputMismatch, match=r"records/gallery.parquet .*Delete that folder"):
        open_world(file, beside=tmp_path)


def test_a_folder_keeps_its_own_world(tiny_run, copy, tmp_path):
    with pytest.raises(OutputMismatch, match="without a dataset of its own beside --world"):
        pipeline.run(world=tiny_run, out=copy, methods=["finetuning"])
    out, world = tmp_path / "out", open_world(tiny_run, beside=tmp_path)
    out.mkdir()
    (out / "run.json").write_text(json.dumps({"status": "complete", "world": {"name": "other", "sha256": "0" * 64}}))
    with pytest.raises(OutputMismatch, match="Expected the world 'other', with which"):
        world.link(out)
