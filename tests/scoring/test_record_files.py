"""Records on disk: schema, reading, comparison, the official result file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from fake_embeddings import fake_world, vectors, write_embeddings
from salmubench.core import writing
from salmubench.core.errors import MethodError, OutputError, RecordError
from salmubench.dataset.layout import open_dataset
from salmubench.leaderboard.intake import read_table
from salmubench.metrics import ScoreConfig, descriptions, score
from salmubench.official.result_file import (
    compare_with_published,
    export_official,
    numbers,
    published,
    read_official,
)
from salmubench.scoring.compare import compare
from salmubench.scoring.items import ITEM_SCHEMA
from salmubench.scoring.record import record_schema
from salmubench.scoring.record_files import (
    check_target,
    gallery_sha256,
    items_path,
    read_gallery,
    read_items,
    read_record,
    write_failed,
    write_record,
)

WORLD = fake_world(identities=15)
METRICS = list(descriptions().values())
PUBLISHED_SCHEMA = Path(__file__).parents[2] / "docs" / "record.schema.json"


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("records")
    folders = {
        name: write_embeddings(root / "embeddings" / name, WORLD, vectors(WORLD, seed=seed, strength=strength))
        for seed, (name, strength) in enumerate({"clean": 0.1, "compromised": 1.0, "a-5x": 0.6, "b-5x": 0.3}.items())
    }
    config = ScoreConfig(bootstraps=200)
    return {
        name: score(
            embeddings=folder, clean=folders["clean"], compromised=folders["compromised"],
            out=root / "records" / f"{name}.json", config=config,
        )
        for name, folder in folders.items()
    }  # fmt: skip


def changed(path: Path, tmp_path: Path, **changes: Any) -> Path:
    content = json.loads(path.read_text())
    content.update(changes)
    copy = tmp_path / path.name
    copy.write_text(json.dumps(content))
    return copy


def test_records_fit_their_schema(records: dict[str, Path], tmp_path: Path, tiny_folder: Path) -> None:
    schema = record_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    failed = write_failed(
        tmp_path / "x-5x.json", model="x-5x", error=MethodError("x", 3, "loss is NaN"),
        dataset=open_dataset(tiny_folder), budget=5,
    )  # fmt: skip
    for path in (*records.values(), failed):
        validator.validate(json.loads(path.read_text()))
    broken = json.loads(records["a-5x"].read_text())
    broken["verdict"]["ineffective"] = "maybe"
    assert not validator.is_valid(broken)


def test_published_schema_is_current(tmp_path: Path) -> None:
    writing.write_json(tmp_path / "schema.json", record_schema())
    assert PUBLISHED_SCHEMA.read_text() == (tmp_path / "schema.json").read_text(), (
        'run: python -c "from pathlib import Path; from salmubench.core import writing; '
        "from salmubench.scoring.record import record_schema; "
        "writing.write_json(Path('docs/record.schema.json'), record_schema())\""
    )


def test_every_field_of_the_schema_is_described() -> None:
    for name, kind in record_schema()["$defs"].items():
        assert kind["description"], name
        for field, schema in kind["properties"].items():
            assert schema["description"], f"{name}.{field}"


def test_failed_record(tmp_path: Path, tiny_folder: Path) -> None:
    path = tmp_path / "x-5x.json"
    items_path(path).write_bytes(b"of an earlier run")
    write_failed(
        path, model="x-5x", error=MethodError("./methods/x.py", None, "out of memory"),
        dataset=open_dataset(tiny_folder), budget=5,
    )  # fmt: skip
    record = read_record(path)
    assert record.status == "failed"
    assert record.scores == {}
    assert record.error is not None
    assert (record.error.method, record.error.step, record.error.message) == ("x", None, "out of memory")
    assert (record.model.name, record.model.method, record.model.budget) == ("x-5x", "x", 5)
    assert not items_path(path).exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": 99}, "Install a newer salmubench"),
        ({"schema_version": "1"}, "whole number"),
        ({"status": "done"}, "Expected one of complete, failed"),
        ({"extra": 1}, "got 'extra'"),
        ({"model": {}}, r"Expected the key 'name' at .*\.model"),
        ({"scores": {"X": {"value": {"value": "high"}}}}, "Expected the key 'reason'"),
        ({"notes": "none"}, r"Expected a list at .*\.notes"),
        ({"gallery_sha256": 3}, "Expected str"),
    ],
)
def test_wrong_records_are_refused(
    records: dict[str, Path], tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecordError, match=message):
        read_record(changed(records["a-5x"], tmp_path, **changes))


def test_unreadable_records_and_items(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    with pytest.raises(RecordError, match="Expected a record at"):
        read_record(path)
    path.write_text("{")
    with pytest.raises(RecordError, match="Expected JSON"):
        read_record(path)
    with pytest.raises(RecordError, match="Expected a parquet table"):
        read_items(path)
    pq.write_table(pa.table({"metric": ["x"]}), items_path(path))
    with pytest.raises(RecordError, match="Expected the columns"):
        read_items(path)


RESULTS = sorted((Path(__file__).parents[2] / "results").rglob("*.json"))


LATER = {"role": None, "split": None, "title": "", "definition": {}, "goal": None, "groups": []}


NEW_THRESHOLDS = ("ineffective_association", "fact", "fact_paraphrase", "fact_other", "fact_nameless")


def every_score(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for parts in record["scores"].values():
        yield from parts.values()
    for metrics in record["breakdowns"].values():
        for groups in metrics.values():
            for parts in groups.values():
                yield from parts.values()


def test_committed_records_load_and_are_written_as_they_were(tmp_path: Path) -> None:
    loaded = 0
    for path in RESULTS:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
        is_record = isinstance(content, dict) and {"schema_version", "scores", "verdict"} <= content.keys()
        if is_record and content["schema_version"] == 1:
            writing.write_json(tmp_path / "again.json", read_record(path))
            again = json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))
            for info in (again["protocol"] or {"metrics": {}})["metrics"].values():  # what older records don't say
                for name, value in LATER.items():
                    assert info.pop(name) == value or name in text
            assert again["model"].pop("weights_sha256") is None or "weights_sha256" in text
            for within, name in (("model", "method_sha256"), ("dataset", "limit"), ("dataset", "held")):
                assert again[within].pop(name) is None
            assert again.pop("benchmark_version") is None
            assert again["provenance"].pop("plan") is None
            for name in ("captions", "pictures", "processor_seconds"):
                assert again["cost"].pop(name) is None or f'"{name}":' in text
            for place, names in (
                (again["protocol"], ("fact_values", "fact_rows", "acs_test_share")),
                ((again["protocol"] or {}).get("thresholds"), NEW_THRESHOLDS),
                (again["verdict"], ("hollow", "ineffective_paper")),
            ):
                for name in names:
                    assert (place or {name: None}).pop(name) is None or name in text
            if again["verdict"] is not None:
                assert again["verdict"].pop("ignored") == {}
            for score in every_score(again):
                assert score.pop("retrained") is None
                assert score.pop("against_retrained") is None
                assert score["normalised"].pop("against") is None
                assert score["normalised"].pop("most_of_one") is None
            assert again.pop("attacks") is None or "attacks" in content
            assert again == {name: value for name, value in content.items() if name != "attacks"}, path
            loaded += 1
    assert loaded > 150


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (
            ("scores", "RetFail", "mrr", "value"),
            "high",
            r"Expected float at .*\.scores\.RetFail\.mrr\.value, got 'high'",
        ),
        (("scores", "RetFail", "mrr", "n"), 1.5, r"Expected int at .*\.RetFail\.mrr\.n, got 1\.5"),
        (("scores", "RetFail", "mrr", "n"), True, r"Expected int at .*\.RetFail\.mrr\.n, got True"),
        (("scores", "RetFail", "mrr", "ci95"), [1], r"more elements at .*\.mrr\.ci95, got \[1\]"),
        (("scores", "RetFail", "mrr", "ci95"), [1, None], r"Expected float at .*\.mrr\.ci95\[1\], got None"),
        (("scores", "RetFail", "mrr", "goal"), "best", "Expected one of clean, compromised, retrained at"),
        (("model", "name"), "x" * 5000, r"at most 4096 characters at .*\.model\.name, got 'x{198}…\. Score"),
        (("model", "name"), "\x1b[2J" * 2000, r"got '\\x1b"),
        (("provenance", "dirty"), 1, r"Expected bool at .*\.provenance\.dirty, got 1"),
        (("notes",), ["a", 2], r"Expected str at .*\.notes\[1\], got 2"),
    ],
)
def test_messages_name_the_place(
    records: dict[str, Path], tmp_path: Path, place: tuple[str, ...], value: Any, message: str
) -> None:
    content = json.loads(records["a-5x"].read_text())
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(RecordError, match=message) as caught:
        read_record(changed(records["a-5x"], tmp_path, **content))
    assert str(caught.value).isprintable()


def test_records_check_themselves_when_they_are_made(records: dict[str, Path]) -> None:
    record = read_record(records["a-5x"])
    with pytest.raises(ValidationError, match="finite"):
        replace(record.scores["AssocStr"]["value"], value=float("nan"))
    with pytest.raises(ValidationError, match="schema_version"):
        replace(record, schema_version="1")  # type: ignore[arg-type]
    with pytest.raises(FrozenInstanceError):
        record.status = "failed"  # type: ignore[misc]


def spoilt(path: Path, column: str, change: Any) -> Path:
    table = read_items(path)
    values = table.column(column).to_pylist()
    values[3] = change
    kind = pa.binary() if isinstance(change, bytes) else table.schema.field(column).type
    if isinstance(change, bytes):
        values = [value if value is None or isinstance(value, bytes) else value.encode() for value in values]
    copy = path.with_name(f"spoilt-{column}.json")
    pq.write_table(table.set_column(table.column_names.index(column), column, pa.array(values, kind)), items_path(copy))
    return copy


@pytest.mark.parametrize(
    ("column", "change", "message"),
    [
        ("caption", b"\xff\xfe", r"type string in column caption of .*got binary: .*UTF8"),
        ("caption", None, r"a value in every row of column caption in .*got none in row 3"),
        ("value", None, r"a value in every row of column value in .*row 3"),
        ("value", float("nan"), r"finite numbers up to 1e.12 of column value in .*row 3"),
        ("clean", float("inf"), r"finite numbers up to 1e.12 of column clean in .*row 3"),
    ],
)
def test_items_that_are_refused(records: dict[str, Path], column: str, change: Any, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        read_items(spoilt(records["a-5x"], column, change))


def test_texts_that_claim_to_be_utf8(records: dict[str, Path], tmp_path: Path) -> None:
    table = read_items(records["a-5x"])
    raw = pa.array([b"\xff" for _ in range(table.num_rows)], pa.binary())
    lying = pa.StringArray.from_buffers(table.num_rows, raw.buffers()[1], raw.buffers()[2])
    path = tmp_path / "r.json"
    pq.write_table(table.set_column(table.column_names.index("caption"), "caption", lying), items_path(path))
    for read in (lambda: read_items(path), lambda: read_table(items_path(path), ITEM_SCHEMA)):
        with pytest.raises(RecordError, match="UTF8"):
            read()


def test_gallery_hash_is_of_the_content(records: dict[str, Path], tmp_path: Path) -> None:
    gallery = read_gallery(records["a-5x"])
    assert gallery_sha256(gallery) == read_record(records["a-5x"]).gallery_sha256
    pq.write_table(gallery, tmp_path / "gallery.parquet", compression="none", row_group_size=3)
    assert gallery_sha256(read_gallery(tmp_path / "r.json")) == gallery_sha256(gallery)
    assert gallery_sha256(gallery.slice(1)) != gallery_sha256(gallery)


def test_comparison_is_paired(records: dict[str, Path]) -> None:
    found = compare(records["a-5x"], records["b-5x"], bootstraps=300)
    assert (found.first, found.second) == ("a-5x", "b-5x")
    strength = found.differences["AssocStr"]["value"]
    a, b = (read_record(records[name]).scores["AssocStr"]["value"].value for name in ("a-5x", "b-5x"))
    assert a is not None
    assert b is not None
    assert (strength.first, strength.second) == (a, b)
    assert strength.difference == pytest.approx(a - b)
    assert strength.ci95[0] > 0 or strength.ci95[1] < 0  # type: ignore[index]
    backwards = compare(records["b-5x"], records["a-5x"], bootstraps=300).differences["AssocStr"]["value"]
    assert backwards.ci95 == pytest.approx((-strength.ci95[1], -strength.ci95[0]))  # type: ignore[index]
    same = compare(records["a-5x"], records["a-5x"], bootstraps=300).differences
    for parts in same.values():
        for difference in parts.values():
            assert difference.difference == (0.0 if difference.n else None)
            assert difference.ci95 in ((0.0, 0.0), None)  # one class is hidden: nothing to draw
            assert difference.answer in ("can't tell", "not learnt")


def test_comparison_refuses_other_datasets_and_failures(records: dict[str, Path], tmp_path: Path) -> None:
    content = json.loads(records["a-5x"].read_text())
    other = changed(records["a-5x"], tmp_path, dataset={**content["dataset"], "fingerprint": "0" * 64})
    with pytest.raises(RecordError, match="one dataset fingerprint"):
        compare(records["b-5x"], other)
    with pytest.raises(RecordError, match="one gallery"):
        compare(records["b-5x"], changed(records["a-5x"], tmp_path, gallery_sha256="0" * 64))
    with pytest.raises(RecordError, match="failed"):
        compare(records["b-5x"], changed(records["a-5x"], tmp_path, status="failed"))


def test_official_result_file_there_and_back(records: dict[str, Path], tmp_path: Path) -> None:
    path = export_official(records["a-5x"], tmp_path, metrics=METRICS)
    assert path.name == "evaluation_a-5x.json"
    content = json.loads(path.read_text())
    record = read_record(records["a-5x"])
    retrieval = content["efficacy"]["1.1_RetFail"]
    assert retrieval["MRR"] == pytest.approx(np.mean([1 / rank for rank in retrieval["outcomes"]]))
    assert retrieval["R@1"] == pytest.approx(np.mean([rank == 1 for rank in retrieval["outcomes"]]))
    assert content["efficacy"]["1.2_AssocStr"]["mean"] == pytest.approx(
        np.mean(content["efficacy"]["1.2_AssocStr"]["scores"])
    )
    assert content["utility"]["2.1_GenKnow"]["ImageNet1k_Accuracy"] == record.scores["GenKnow"]["value"].value
    assert read_official(path, METRICS) == numbers(record, METRICS)


def test_skipped_general_knowledge_is_minus_one_there_and_null_here(records: dict[str, Path], tmp_path: Path) -> None:
    content = json.loads(records["a-5x"].read_text())
    content["scores"]["GenKnow"]["value"].update(value=None, reason="no general_knowledge", ci95=None)
    copy = changed(records["a-5x"], tmp_path, scores=content["scores"])
    pq.write_table(read_items(records["a-5x"]), items_path(copy))
    path = export_official(copy, tmp_path / "official.json", metrics=METRICS)
    assert json.loads(path.read_text())["utility"]["2.1_GenKnow"]["ImageNet1k_Accuracy"] == -1
    assert read_official(path, METRICS)["GenKnow"] is None


def test_broken_official_files(tmp_path: Path) -> None:
    path = tmp_path / "o.json"
    path.write_text('{"efficacy": {"1.1_RetFail": {"MRR": "x"}}}')
    with pytest.raises(RecordError, match="Expected float at efficacy.1.1_RetFail.MRR"):
        read_official(path, METRICS)
    path.write_text("{}")
    with pytest.raises(RecordError, match="got no 'efficacy'"):
        read_official(path, METRICS)


def test_published_numbers() -> None:
    table = published()
    assert table["clean"]["AssocStr"] == 0.14169
    assert table["compromised"]["RetFail_MRR"] == 0.2361
    assert table["compromised"]["GenKnow"] == 0.638
    assert len(table["clean"]) == len(table["compromised"]) == 11
    exact = compare_with_published(table["clean"])
    assert all(row.agrees for row in exact)
    off = compare_with_published({**table["clean"], "ACS": 0.61, "GenKnow": None})
    assert {row.name: row.agrees for row in off if row.agrees is not True} == {"ACS": False, "GenKnow": None}
    with pytest.raises(RecordError, match="published row"):
        compare_with_published({}, "nobody")


_WRITE = """
import sys
from dataclasses import replace
from pathlib import Path
from salmubench.scoring.record_files import read_gallery, read_items, read_record
from salmubench.scoring.record_files import write_record
out, number = Path(sys.argv[2]), int(sys.argv[3])
record, items, gallery = (read(Path(sys.argv[1])) for read in (read_record, read_items, read_gallery))
record = replace(record, notes=(str(number),))
items = items.slice(number)
print("ready", flush=True); sys.stdin.readline()
for _ in range(15):
    write_record(out, record, items=items, gallery=gallery)
"""


def test_a_record_never_stands_beside_the_items_of_another(records: dict[str, Path], tmp_path: Path) -> None:
    """Two processes write different records of one name at once; a third reads between."""
    out, source = tmp_path / "r.json", records["a-5x"]
    rows = read_items(source).num_rows
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITE, str(source), str(out), str(number)],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in (1, 2)
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    for writer in writers:
        writer.communicate("go\n")
        assert writer.returncode == 0
        assert read_items(out).num_rows == rows - int(read_record(out).notes[0])
    assert {path.name for path in tmp_path.iterdir()} == {"r.json", "r.items.parquet", "gallery.parquet"}


def test_nothing_is_written_where_the_record_cannot_be(records: dict[str, Path], tmp_path: Path) -> None:
    record, items, gallery = (read(records["a-5x"]) for read in (read_record, read_items, read_gallery))
    endless = items.set_column(7, ITEM_SCHEMA.field(7), pa.array([float("inf")] * items.num_rows))
    with pytest.raises(RecordError, match="finite numbers up to 1e.12 of column value"):
        write_record(tmp_path / "x" / "r.json", record, items=endless, gallery=gallery)
    model = replace(record.model, config={"lr": float("nan")})
    with pytest.raises(OutputError, match="Expected finite numbers"):
        write_record(tmp_path / "x" / "r.json", replace(record, model=model), items=items, gallery=gallery)
    assert not list(tmp_path.iterdir())
    for name in ("x" * 242 + ".json", "."):
        with pytest.raises(OutputError, match="a name of at most 241 bytes"):
            check_target(tmp_path / name)
    check_target(tmp_path / ("x" * 241 + ".json"))


def test_a_writer_that_was_killed_leaves_no_record_of_other_items(
    records: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, items, gallery = (read(records["a-5x"]) for read in (read_record, read_items, read_gallery))
    write_record(tmp_path / "r.json", record, items=items, gallery=gallery)
    half = writing.temporary_beside(tmp_path / "r.items.parquet")
    (tmp_path / "r.notes.tmp").write_text("of the user")
    half.write_text("half")

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", killed)
        write_record(tmp_path / "r.json", record, items=items.slice(1), gallery=gallery)
    assert not (tmp_path / "r.json").exists()
    write_record(tmp_path / "r.json", record, items=items, gallery=gallery)
    assert not half.exists()
    assert (tmp_path / "r.notes.tmp").exists()


def test_a_failed_record_names_no_place_of_this_machine(tmp_path: Path, tiny_folder: Path) -> None:
    error = MethodError("mine", None, "no file /srv/ann/secret/weights.pt")
    path = write_failed(
        tmp_path / "r.json", model="mine-5x", error=error, dataset=open_dataset(tiny_folder), budget=5,
        config={"weights": "/srv/ann/secret/weights.pt"},
    )  # fmt: skip
    assert "ann" not in path.read_text()
    assert "…/weights.pt" in read_record(path).error.message
