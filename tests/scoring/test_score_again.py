"""`score --items`: the same record from items and gallery alone; numbers broken down by group."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fake_embeddings import fake_world, vectors, write_embeddings
from salmubench.cli.main import main
from salmubench.clip.embeddings import DATASET, open_embeddings, write_dataset_facts
from salmubench.core import manifest
from salmubench.core.errors import EmbeddingsError, RecordError, UnknownName
from salmubench.core.types import GROUPINGS
from salmubench.dataset import phrasings
from salmubench.dataset.layout import open_dataset
from salmubench.dataset.people import apparent_gender
from salmubench.encode import encode
from salmubench.metrics import ScoreConfig, required_texts, score, score_again
from salmubench.scoring.breakdown import IndexedFacts, labels_of
from salmubench.scoring.compare import compare
from salmubench.scoring.record_files import gallery_path, items_path, read_gallery, read_items, read_record
from tiny_model import tiny_model

pytestmark = pytest.mark.stage

WORLD = fake_world(identities=15)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("again")
    folders = {
        name: write_embeddings(root / name, WORLD, vectors(WORLD, seed=seed, strength=strength))
        for seed, (name, strength) in enumerate({"clean": 0.1, "compromised": 1.0, "a-5x": 0.4}.items())
    }
    return score(
        embeddings=folders["a-5x"], clean=folders["clean"], compromised=folders["compromised"],
        out=root / "records" / "a-5x.json", config=ScoreConfig(bootstraps=200),
    )  # fmt: skip


def test_the_record_again_from_its_items(record: Path, tmp_path: Path) -> None:
    assert main(["score", "--items", str(items_path(record)), "--out", str(tmp_path / "b.json")]) == 0
    first, again = (json.loads(path.read_text()) for path in (record, tmp_path / "b.json"))
    assert first.keys() == again.keys()
    assert {key for key in first if first[key] != again[key]} == {"inputs", "provenance"}
    assert read_items(tmp_path / "b.json").equals(read_items(record))
    assert read_gallery(tmp_path / "b.json").equals(read_gallery(record))


def test_items_and_gallery_are_enough(record: Path, tmp_path: Path) -> None:
    """Without the record beside them the numbers are the same; what isn't computed is empty."""
    alone = tmp_path / "elsewhere" / "a-5x.items.parquet"
    alone.parent.mkdir()
    shutil.copy(items_path(record), alone)
    gallery = shutil.copy(gallery_path(record), tmp_path / "g.parquet")
    config = ScoreConfig(bootstraps=200)
    with pytest.raises(RecordError, match=r"gallery\.parquet"):
        score_again(alone, out=tmp_path / "b.json", config=config)
    found = read_record(score_again(alone, out=tmp_path / "b.json", gallery=gallery, config=config))
    known = read_record(record)
    assert (found.scores, found.verdict, found.gallery_sha256) == (known.scores, known.verdict, known.gallery_sha256)
    assert (found.model.name, found.model.sha256, found.dataset.fingerprint) == ("a-5x", None, "unknown")


def test_a_changed_item_changes_the_record(record: Path, tmp_path: Path) -> None:
    table = read_items(record)
    values = table.column("value").to_numpy().copy()
    values[(table.column("metric").to_numpy(zero_copy_only=False) == "AssocStr").nonzero()[0][0]] += 0.5
    changed = tmp_path / "a-5x.items.parquet"
    pq.write_table(table.set_column(table.column_names.index("value"), "value", pa.array(values)), changed)
    for path in (record, gallery_path(record)):
        shutil.copy(path, tmp_path)
    found, known = read_record(score_again(changed, out=tmp_path / "new" / "b.json")), read_record(record)
    assert found.scores["AssocStr"]["value"].value > known.scores["AssocStr"]["value"].value  # type: ignore[operator]
    assert found.scores["RetFail"] == known.scores["RetFail"]


def test_wrong_items_are_refused(record: Path, tmp_path: Path) -> None:
    table = read_items(record)
    strange = table.set_column(0, "metric", pa.array(["Own"] * table.num_rows))
    pq.write_table(strange, tmp_path / "x.items.parquet")
    shutil.copy(gallery_path(record), tmp_path)
    with pytest.raises(RecordError, match="got 'Own'. Put its record beside the items"):
        score_again(tmp_path / "x.items.parquet", out=tmp_path / "b.json")
    pq.write_table(table.drop_columns(["cluster"]), tmp_path / "y.items.parquet")
    with pytest.raises(RecordError, match="Expected the columns"):
        score_again(tmp_path / "y.items.parquet", out=tmp_path / "b.json")
    assert not (tmp_path / "b.json").exists()


@pytest.mark.parametrize("arguments", [[], ["--items", "i", "--embeddings", "e"], ["--items", "i", "--clean", "c"]])
def test_either_embeddings_or_items(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", *arguments]) == 2
    assert "or --items I alone" in capsys.readouterr().err


def test_resamples_are_the_records(record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A number that nobody would follow is refused, and followed where there is no record."""
    for path in (record, items_path(record), gallery_path(record)):
        shutil.copy(path, tmp_path / path.name)
    copied, out = tmp_path / record.name, tmp_path / "out" / "b.json"
    command = ["score", "--items", str(items_path(copied)), "--bootstraps", "100", "--out", str(out)]
    assert main(command) == 2
    assert f"the resamples are those that {copied} states" in capsys.readouterr().err
    assert not out.exists()
    copied.unlink()
    assert main(command) == 0
    assert read_record(out).protocol.bootstraps == 100


def test_with_nobody_held_out_everybody_is_a_group(tmp_path: Path) -> None:
    """A holdout without rows names nobody: all must go of all people, in breakdowns and comparisons too."""
    world = WORLD.with_rows(row for row in WORLD.rows if row.split != "holdout_association")
    folders = {}
    for seed, (name, strength) in enumerate({"clean": 0.1, "compromised": 1.0, "a-5x": 0.4}.items()):
        folders[name] = write_embeddings(tmp_path / name, world, vectors(world, seed=seed, strength=strength))
        facts = open_embeddings(folders[name]).dataset
        write_dataset_facts(folders[name] / DATASET, replace(facts, people={}))
    path = score(
        embeddings=folders["a-5x"], clean=folders["clean"], compromised=folders["compromised"],
        out=tmp_path / "records" / "a-5x.json", config=ScoreConfig(bootstraps=100, by=("kind",)),
    )  # fmt: skip
    record, rows = read_record(path), len(world.of("forget"))
    assert (record.scores["RetFail"]["mrr_identity"].n, record.dataset.held) == (rows, None)
    groups = record.breakdowns["kind"]["RetFail"]
    assert groups == {"forget_identity": record.scores["RetFail"]}
    found = compare(path, path, bootstraps=100).differences["RetFail"]
    assert (found["mrr_identity"].n, found["mrr_association"].n) == (rows, 0)


# --- by group ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def by_group(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record of the tiny dataset with every breakdown."""
    root, dataset = tmp_path_factory.mktemp("groups"), open_dataset(tiny_folder)
    folders = {}
    for seed, name in enumerate(("clean", "compromised", "a-5x")):
        model = tiny_model(root / "models" / name, seed=seed)
        folders[name] = encode(
            model=model, dataset=dataset, out=root / name, texts=required_texts(dataset), precision="fp32"
        )
    return score(
        embeddings=folders["a-5x"], clean=folders["clean"], compromised=folders["compromised"],
        out=root / "records" / "a-5x.json", config=ScoreConfig(bootstraps=100, by=GROUPINGS),
    )  # fmt: skip


def test_every_number_is_broken_down_with_n_and_intervals(by_group: Path, tiny_folder: Path) -> None:
    record, items, dataset = read_record(by_group), read_items(by_group).to_pylist(), open_dataset(tiny_folder)
    assert set(record.breakdowns) == set(GROUPINGS)
    fields = {row.file_name: row.field for row in dataset.rows("forget")}
    for metric in ("RetFail", "AssocStr", "CoreAssoc", "RetFailPara"):
        by_field: dict[str, list[float]] = {}
        for item in items:
            if item["metric"] == metric:
                value = 1 / item["value"] if metric == "RetFail" else item["value"]
                by_field.setdefault(str(fields[item["file_name"]]), []).append(value)
        groups = record.breakdowns["attribute"][metric]
        assert set(groups) == set(by_field)
        for label, values in by_field.items():
            found = groups[label]["mrr" if metric.startswith("RetFail") else "value"]
            assert (found.n, found.value) == (len(values), pytest.approx(np.mean(values)))
            assert (found.ci95 is None) == (found.units < 2)
    for by, metrics in record.breakdowns.items():
        for metric, groups in metrics.items():
            parts = record.scores[metric]
            for part, whole in parts.items():
                assert sum(group[part].n for group in groups.values()) == whole.n, (by, metric)
    assert set(record.breakdowns["kind"]["AssocStr"]) == {"forget_identity", "forget_association"}
    assert "GenKnow" not in record.breakdowns["country"]  # nothing is known of its pictures' countries


def test_labels_from_embeddings_are_those_of_the_dataset(by_group: Path, tiny_folder: Path) -> None:
    items, dataset = read_items(by_group), open_dataset(tiny_folder)
    stored = IndexedFacts(open_embeddings(by_group.parent.parent / "a-5x"))
    for by in GROUPINGS:
        assert labels_of(items, stored, by) == labels_of(items, dataset, by)


def test_broken_down_again_from_items_and_dataset(
    by_group: Path, tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "score",
        "--items",
        str(items_path(by_group)),
        "--by",
        "kind,attribute",
        "--out",
        str(tmp_path / "b.json"),
    ]
    assert main(arguments) == 1
    assert main([*arguments, "--dataset", str(tiny_folder)]) == 0
    out = capsys.readouterr().out
    assert out.index("by kind") < out.index("by attribute")
    assert "forget_association" in out
    known = read_record(by_group).breakdowns
    assert read_record(tmp_path / "b.json").breakdowns == {by: known[by] for by in ("kind", "attribute")}


def test_unknown_groupings_and_old_folders(record: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'country'"):
        ScoreConfig(by=("county",))
    old = shutil.copytree(record.parent.parent / "a-5x", tmp_path / "old")
    facts = manifest.read_json(old / DATASET)
    assert facts["people"] is None
    with pytest.raises(EmbeddingsError, match="Encode the model again"):
        IndexedFacts(open_embeddings(old))
    opened = open_embeddings(old)
    assert IndexedFacts(replace(opened, dataset=replace(opened.dataset, people={}))).genders == {}


@pytest.mark.parametrize(
    ("captions", "gender"),
    [
        (["a photo of a woman", "A Woman in a hat", "a man"], "female"),
        (["an elderly man with his dog"], "male"),
        (["a man and a woman", "a woman"], None),
        (["a person", "womanly manner"], None),
        ([], None),
    ],
)
def test_apparent_gender(captions: list[str], gender: str | None) -> None:
    assert apparent_gender(captions) == gender


@pytest.mark.parametrize(("gender", "word"), [("woman", "female"), ("man", "male")])
def test_apparent_gender_of_the_grammars_captions(gender: str, word: str) -> None:
    told = [phrasings.generic_caption({"gender": gender, "age": "young"}, variant=form) for form in range(52)]
    assert apparent_gender(told) == word
