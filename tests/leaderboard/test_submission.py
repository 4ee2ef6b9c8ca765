"""Packing a submission, checking it, and every way to cheat or attack that we know of."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from report_world import METRICS
from salmubench.core import manifest
from salmubench.core.errors import ConfigError, OutputError, RecordError
from salmubench.core.tables import TableLimits
from salmubench.dataset import layout
from salmubench.leaderboard.build import build
from salmubench.leaderboard.check import check
from salmubench.leaderboard.intake import read_json, read_table
from salmubench.leaderboard.peers import conflicts, duplicates_in, fingerprint
from salmubench.leaderboard.submission import REQUIRED, split_name, submit
from salmubench.scoring.items import ITEM_SCHEMA
from salmubench.scoring.record_files import GALLERY_SCHEMA, read_record
from submission_world import edit_items, edit_json, made_with, mend, rescored

pytestmark = pytest.mark.stage


@pytest.fixture
def folder(packed: Path, tmp_path: Path) -> Path:
    """A copy of the good submission, to be spoilt."""
    return shutil.copytree(packed, tmp_path / "submission")


def codes(folder: Path, **options: object) -> set[str]:
    return {finding.code for finding in check(folder, metrics=METRICS, **options).findings}  # type: ignore[arg-type]


# --- packing ------------------------------------------------------------------------------------------------------


def test_holds_just_the_files_of_the_contract(packed: Path) -> None:
    assert {path.name for path in packed.iterdir()} == {*REQUIRED, "submission.json"}
    assert set(REQUIRED) == {
        "record.json", "record.items.parquet", "gallery.parquet", "clean.json", "clean.items.parquet",
        "compromised.json", "compromised.items.parquet",
    }  # fmt: skip
    info = json.loads((packed / "submission.json").read_text())
    record = read_record(packed / "record.json")
    assert info["files"] == {name: manifest.sha256_file(packed / name) for name in REQUIRED}
    assert (info["checkpoint_sha256"], info["track"]) == (record.model.weights, "closed")


def test_breakdowns_stay_at_home(submittable: Path, tmp_path: Path) -> None:
    run = shutil.copytree(submittable, tmp_path / "run")
    model = next(path.stem for path in sorted((run / "records").glob("*x.json")))
    told = lambda record: record.update(breakdowns={"style": {"ACS": {"formal": record["scores"]["ACS"]}}})  # noqa: E731
    edit_json(run / "records" / f"{model}.json", told)
    out = submit(run, model=model, out=tmp_path / "packed")
    assert read_record(out / "record.json").breakdowns == {}
    assert list(check(out, metrics=METRICS).findings) == []


def test_good_one_passes(packed: Path, submittable: Path) -> None:
    found = check(packed, metrics=METRICS, dataset=layout.Dataset(submittable / "dataset"))
    assert list(found.findings) == []
    receipt = found.receipt()
    assert receipt["passed"]
    assert receipt["content_sha256"] == check(packed, metrics=METRICS).content_sha256
    json.dumps(receipt)


@pytest.mark.parametrize("model", ["delete-5x", "finetuning-5x", "direct_similarity_minimisation-5x"])
def test_other_models_pass(submittable: Path, tmp_path: Path, model: str) -> None:
    assert codes(submit(submittable, model=model, out=tmp_path / "out")) == set()


def test_own_method_needs_file_or_link(submittable: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"method\.py or a link"):
        submit(submittable, model="my_method-5x", out=tmp_path / "a")
    code = tmp_path / "mine.py"
    code.write_text("raise RuntimeError('never run')\n")
    submittable = made_with(code, shutil.copytree(submittable, tmp_path / "run"), "my_method-5x")
    for name, options in {"b": {"method_file": code}, "c": {"link": "https://example.org/code"}}.items():
        made = submit(submittable, model="my_method-5x", out=tmp_path / name, **options)  # type: ignore[arg-type]
        assert codes(made) == set()
    (tmp_path / "b" / "method.py").unlink()
    mend(tmp_path / "b")
    assert codes(tmp_path / "b") == {"info"}


@pytest.mark.parametrize(
    "options",
    [
        {"link": "javascript:alert(1)"}, {"link": "https://a.example/\"onclick=x"}, {"link": "http://a.example"},
        {"link": "https://a.example/[x](y)"}, {"hub_id": "../../etc"}, {"hub_id": "a/b/c"}, {"author": ""},
    ],
)  # fmt: skip
def test_options_that_a_submission_cannot_have(submittable: Path, tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="Expected"):
        submit(submittable, model="cliperase-5x", out=tmp_path / "out", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_packed(submittable: Path, run_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"got .*cliperase-5x"):
        submit(submittable, model="absent-5x", out=tmp_path / "out")
    with pytest.raises(ConfigError, match="a model's name"):
        submit(submittable, model="../records/clean", out=tmp_path / "out")
    with pytest.raises(ConfigError, match="got the reference clean"):
        submit(submittable, model="clean", out=tmp_path / "out")
    with pytest.raises(RecordError, match="status 'failed'"):
        submit(run_folder, model="salun-5x", out=tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(OutputError, match="new or empty"):
        submit(submittable, model="cliperase-5x", out=tmp_path / "full")


def test_retrained_is_no_submission(submittable: Path, tmp_path: Path) -> None:
    shutil.copytree(submittable / "records", tmp_path / "records")
    path = tmp_path / "records" / "cliperase-5x.json"
    content = json.loads(path.read_text())
    content["model"]["kind"] = "retrained"
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match="got the reference cliperase-5x"):
        submit(tmp_path, model="cliperase-5x", out=tmp_path / "out")


# --- cheating -----------------------------------------------------------------------------------------------------


def test_altered_bytes(folder: Path) -> None:
    with (folder / "record.json").open("a") as stream:
        stream.write("\n")
    assert codes(folder) == {"hash"}


@pytest.mark.parametrize("key", ["value", "n", "ci95", "clean"])
def test_altered_score(folder: Path, key: str) -> None:
    def change(record: dict) -> None:
        score = record["scores"]["RetFail"]["mrr"]
        score[key] = [0.0, 0.001] if key == "ci95" else score[key] + 1 if key == "n" else score[key] / 2

    edit_json(folder / "record.json", change)
    mend(folder)
    assert codes(folder) == {"scores"}


def test_altered_view_and_verdict(folder: Path) -> None:
    edit_json(folder / "record.json", lambda record: record["verdict"].update(over_generalised="no"))
    mend(folder)
    assert codes(folder) == {"verdict"}


def test_altered_items(folder: Path) -> None:
    edit_items(folder / "record.items.parquet", "InterIdSim", lambda values: values + 0.3)
    mend(folder)
    assert codes(folder) == {"scores", "verdict"} or codes(folder) == {"scores"}


def test_altered_reference_values(folder: Path) -> None:
    edit_items(folder / "record.items.parquet", "IntraIdSim", lambda values: values - 0.3, column="compromised")
    rescored(folder)
    assert codes(folder) == {"items"}


def test_altered_reference(folder: Path) -> None:
    edit_json(folder / "compromised.json", lambda record: record["scores"]["GenKnow"]["value"].update(value=0.1))
    mend(folder)
    assert codes(folder) == {"scores"}


def test_hard_items_left_out(folder: Path) -> None:
    for role in ("record", "clean", "compromised"):
        path = folder / f"{role}.items.parquet"
        table = pq.read_table(path)
        rows = np.flatnonzero(np.array(table.column("metric").to_pylist()) == "InterIdSim")
        keep = np.setdiff1d(np.arange(table.num_rows), rows[:5])
        pq.write_table(table.take(keep), path)
        rescored(folder, role)
    assert codes(folder) == {"items"}


def test_item_twice(folder: Path) -> None:
    path = folder / "record.items.parquet"
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), path)
    rescored(folder)
    assert "items" in codes(folder)


def test_item_of_no_part(folder: Path) -> None:
    path = folder / "record.items.parquet"
    table = pq.read_table(path)
    parts = [None, *table.column("part").to_pylist()[1:]]
    pq.write_table(table.set_column(table.column_names.index("part"), "part", pa.array(parts, pa.string())), path)
    mend(folder)
    assert "items" in codes(folder)


def test_unpleasant_metric_left_out(folder: Path) -> None:
    edit_json(folder / "record.json", lambda record: record["scores"].pop("IntraIdSim"))
    mend(folder)
    assert {"protocol", "items"} <= codes(folder)


@pytest.mark.parametrize("metric", ["GenKnow", "FactRet", "FactRetPara", "FactHold"])
def test_items_that_a_mode_rests_on_left_out_everywhere(folder: Path, metric: str) -> None:
    """The mode would become undecided."""
    for role in ("record", "clean", "compromised"):
        path = folder / f"{role}.items.parquet"
        table = pq.read_table(path)
        pq.write_table(table.filter(pc.not_equal(table.column("metric"), metric)), path)
        rescored(folder, role)
    (found, *_) = check(folder, metrics=METRICS).findings
    assert f"Expected items of {metric}, by which" in found.message


COSTS: dict[str, tuple[dict[str, int | None], str]] = {
    "nothing": ({"pairs": 0, "steps": 0}, "got 0 in 0"),
    "fewer steps": ({"steps": 1}, "in 1"),
    "more steps": ({"steps": 99}, "in 99"),
    "pictures of five times as much": ({"pictures": 10**6}, "pictures at most"),
    "no pictures": ({"pictures": 0, "captions": 0}, "got 0 and 0"),
    "silence": ({"pictures": None, "captions": None}, "got 0 and 0"),
}


@pytest.mark.parametrize("name", COSTS)
def test_what_a_loss_cannot_have_cost(folder: Path, name: str) -> None:
    change, expected = COSTS[name]
    edit_json(folder / "record.json", lambda record: record["cost"].update(change))
    mend(folder)
    (found,) = check(folder, metrics=METRICS).findings
    assert (found.code, expected in found.message) == ("cost", True), found.message


def test_a_budget_of_one_beside_the_steps_of_five(folder: Path) -> None:
    def smaller(record: dict) -> None:
        record["model"] |= {"name": "cliperase-1x", "budget": 1.0}
        record["cost"]["pairs"] //= 5

    edit_json(folder / "record.json", smaller)
    edit_json(folder / "submission.json", lambda info: info.update(model="cliperase-1x"))
    mend(folder)
    assert codes(folder) == {"cost"}


def test_engine_settings_are_stated(folder: Path) -> None:
    edit_json(folder / "record.json", lambda record: record["model"]["config"].pop("engine"))
    mend(folder)
    assert codes(folder) == {"cost"}


def test_a_version_left_out_everywhere(folder: Path) -> None:
    for role in ("record", "clean", "compromised"):
        edit_json(folder / f"{role}.json", lambda record: record.update(benchmark_version=None))
    mend(folder)
    assert codes(folder) == {"protocol"}


@pytest.mark.parametrize("name", ["FineTuning", "finetuning.", "finetuning_", "fine-tuning", "CLIPErase"])
def test_a_name_that_is_taken_for_a_built_in(folder: Path, name: str) -> None:
    edit_json(folder / "record.json", lambda record: record["model"].update(name=f"{name}-5x", method=name))
    edit_json(folder / "submission.json", lambda info: info.update(model=f"{name}-5x", link="https://a.example"))
    mend(folder)
    (found,) = check(folder, metrics=METRICS).findings
    assert found.code == "method"
    assert f"which is built in, got {name}." in found.message


def test_a_copy_with_noise_and_names_that_look_the_same(submittable: Path, tmp_path: Path) -> None:
    results, noise = tmp_path / "results", np.random.default_rng(0)
    first = submit(submittable, model="cliperase-5x", out=results / "first")
    assert build(results, out=tmp_path / "site", metrics=METRICS).refused == {}
    copy = shutil.copytree(first, results / "second")
    edit_items(
        copy / "record.items.parquet", "AssocStr", lambda values: values + noise.uniform(-1e-9, 1e-9, len(values))
    )
    edit_json(copy / "record.json", lambda record: record["model"].update(weights_sha256="9" * 64))
    edit_json(copy / "submission.json", lambda info: info.update(checkpoint_sha256="9" * 64))
    rescored(copy)
    (found,) = build(results, out=tmp_path / "site", metrics=METRICS).refused["second"]
    assert "got the values of first, or nearly" in found.message
    shutil.rmtree(copy)
    submit(submittable, model="delete-5x", out=results / "First")
    (found,) = build(results, out=tmp_path / "site", metrics=METRICS).refused["First"]
    assert found.message == "Expected another folder than first, got First: rename it."


def test_own_methods_whose_names_look_the_same(submittable: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    one = submit(submittable, model="my_method-5x", out=results / "one", link="https://a.example")
    two = submit(submittable, model="delete-5x", out=results / "two")
    edit_json(two / "record.json", lambda record: record["model"].update(name="MyMethod-5x", method="MyMethod"))
    edit_json(two / "submission.json", lambda info: info.update(model="MyMethod-5x", link="https://a.example"))
    mend(two)
    assert codes(one) == codes(two) == set()
    refused = build(results, out=tmp_path / "site", metrics=METRICS).refused
    assert [finding.code for findings in refused.values() for finding in findings] == ["name"]


def test_a_board_has_its_own_number_of_resamples(submittable: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    for name in ("cliperase-5x", "delete-5x", "finetuning-5x"):
        submit(submittable, model=name, out=results / name)
    for role in ("record", "clean", "compromised"):
        edit_json(results / "delete-5x" / f"{role}.json", lambda record: record["protocol"].update(bootstraps=137))
        rescored(results / "delete-5x", role)
    assert codes(results / "delete-5x") == set(), "alone it can't be told"
    refused = build(results, out=tmp_path / "site", metrics=METRICS).refused
    (found,) = refused.pop("delete-5x")
    assert refused == {}
    assert "Expected the resamples of the other submissions of this dataset, 100, got 137" in found.message
    assert "Intervals are of 100 resamples each" in (tmp_path / "site" / "index.html").read_text()


def test_an_entry_says_whether_it_was_run_again(packed: Path, tmp_path: Path) -> None:
    results, site = tmp_path / "results", tmp_path / "site"
    copy = shutil.copytree(packed, results / "one")
    build(results, out=site, metrics=METRICS)
    assert (
        "no: that this code made the model is the submitter’s word" in (site / "submissions" / "one.html").read_text()
    )
    found = dataclasses.replace(check(copy, metrics=METRICS), rerun={"checkpoint": "x", "tolerance": 0.02})
    manifest_json = json.dumps(found.receipt())
    (site / "receipts" / "one.json").write_text(manifest_json)
    for _ in range(2):
        build(results, out=site, metrics=METRICS)
        assert "yes, with the numbers of the submission" in (site / "submissions" / "one.html").read_text()


@pytest.mark.parametrize("metric", ["RetFailPara", "PersonRet"])
def test_unpleasant_metric_left_out_everywhere(folder: Path, metric: str) -> None:
    for role in ("record", "clean", "compromised"):
        edit_json(folder / f"{role}.json", lambda record: record["scores"].pop(metric))
        path = folder / f"{role}.items.parquet"
        table = pq.read_table(path)
        pq.write_table(table.filter(pc.not_equal(table.column("metric"), metric)), path)
        rescored(folder, role)
    assert codes(folder) == {"protocol"}


def test_every_row_is_there_in_all_records(folder: Path) -> None:
    for role in ("record", "clean", "compromised"):
        path = folder / f"{role}.items.parquet"
        table = pq.read_table(path)
        pq.write_table(table.filter(pc.not_equal(table.column("metric"), "InterIdSim")), path)
        rescored(folder, role)
    assert codes(folder) == {"items"}


@pytest.mark.parametrize("role", ["leakage", "fact", "drop"])
def test_a_metric_of_ones_own_does_not_take_the_packages_place(folder: Path, role: str) -> None:
    """Written first in a record, with items and all, it would decide the verdict by numbers of its own."""
    for name in ("record", "clean", "compromised"):
        path = folder / f"{name}.items.parquet"
        table = pq.read_table(path)
        mine = table.filter(pc.equal(table.column("metric"), "AssocStr"))
        mine = mine.set_column(0, "metric", pa.array(["Mine"] * mine.num_rows))
        pq.write_table(pa.concat_tables([table, mine]), path)

        def add(record: dict) -> None:
            info = {**record["protocol"]["metrics"]["AssocStr"], "number": None, "main": False, "role": role}
            record["protocol"]["metrics"] = {"Mine": info, **record["protocol"]["metrics"]}
            record["scores"] = {"Mine": record["scores"]["AssocStr"], **record["scores"]}

        edit_json(folder / f"{name}.json", add)
        rescored(folder, name)
    claimed = read_record(folder / "record.json")
    assert next(iter(claimed.scores)) == "Mine"
    assert codes(folder) == {"verdict"}, "by the package's own numbers another one follows, of the model or a reference"


def test_pairs_are_resampled_with_their_person(folder: Path) -> None:
    """More units would make narrower intervals."""
    for role in ("record", "clean", "compromised"):
        path = folder / f"{role}.items.parquet"
        table = pq.read_table(path)
        names = table.column("metric").to_pylist()
        own = [f"{name}{row}" if name == "InterIdSim" else old for row, (name, old) in
               enumerate(zip(names, table.column("cluster").to_pylist(), strict=True))]  # fmt: skip
        pq.write_table(table.set_column(table.column_names.index("cluster"), "cluster", pa.array(own)), path)
        rescored(folder, role)
    assert codes(folder) == {"items"}


def test_a_track_that_the_options_contradict(folder: Path, submittable: Path, tmp_path: Path) -> None:
    def generator(record: dict) -> None:
        record["model"]["config"]["method"] = {"track": "generator"}

    edit_json(folder / "record.json", generator)
    mend(folder)
    assert codes(folder) == {"info"}
    run = shutil.copytree(submittable, tmp_path / "run")
    edit_json(run / "records" / "cliperase-5x.json", generator)
    with pytest.raises(ConfigError, match="Expected --track generator"):
        submit(run, model="cliperase-5x", out=tmp_path / "out")
    submit(run, model="cliperase-5x", out=tmp_path / "out", track="generator")
    assert codes(tmp_path / "out") == set()


def test_rows_of_another_dataset(folder: Path, submittable: Path) -> None:
    dataset = layout.Dataset(submittable / "dataset")
    assert codes(folder, dataset=dataset) == set()
    for role in ("record", "clean", "compromised"):
        edit_json(folder / f"{role}.json", lambda record: record["dataset"]["counts"].pop("holdout_identity"))
        rescored(folder, role)
    assert codes(folder, dataset=dataset) == {"dataset"}


def test_items_of_another_dataset(folder: Path, submittable: Path) -> None:
    dataset = layout.Dataset(submittable / "dataset")
    for role in ("record", "clean", "compromised"):
        path = folder / f"{role}.items.parquet"
        table = pq.read_table(path)
        other = [f"x{text}" if name == "InterIdSim" else text for name, text in
                 zip(*(table.column(key).to_pylist() for key in ("metric", "caption")), strict=True)]  # fmt: skip
        pq.write_table(table.set_column(table.column_names.index("caption"), "caption", pa.array(other)), path)
        rescored(folder, role)
    assert codes(folder) == set(), "the files alone can't tell"
    assert codes(folder, dataset=dataset) == {"dataset"}


def test_number_hidden_behind_null(folder: Path) -> None:
    path = folder / "record.items.parquet"
    table = pq.read_table(path)
    keep = [name != "GenKnow" for name in table.column("metric").to_pylist()]
    pq.write_table(table.filter(pa.array(keep)), path)
    rescored(folder)
    assert codes(folder) == {"items"}


@pytest.mark.parametrize(
    ("metric", "value"),
    [("AssocStr", -1.5), ("GenKnow", 2.0), ("ACS", 0.5), ("RetFail", 0.5), ("RetFail", 1e6), ("RetFail", 3.3),
     ("RetFailPara", 0.0), ("CoreAssoc", float("nan")), ("FragSim", float("inf"))],
)  # fmt: skip
def test_impossible_values(folder: Path, metric: str, value: float) -> None:
    def spoil(values: np.ndarray) -> np.ndarray:
        values[0] = value
        return values

    edit_items(folder / "record.items.parquet", metric, spoil)
    if np.isfinite(value) and (metric, value) != ("RetFail", 0.5):  # of a rank below 1 no score follows
        rescored(folder)
    else:
        mend(folder)
    assert codes(folder) == {"items"}


def test_wrong_gallery(folder: Path) -> None:
    path = folder / "gallery.parquet"
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)
    mend(folder)
    assert codes(folder) == {"gallery", "items"} or codes(folder) == {"gallery"}


def test_easier_gallery_with_mended_hash(folder: Path) -> None:
    from salmubench.scoring.record_files import gallery_sha256

    path = folder / "gallery.parquet"
    rows = pq.read_table(path).to_pylist()
    rows[0]["caption"] = "a caption that no row of forget has"
    table = pa.Table.from_pylist(rows, schema=GALLERY_SCHEMA)
    pq.write_table(table, path)
    for role in ("record", "clean", "compromised"):
        edit_json(folder / f"{role}.json", lambda record: record.update(gallery_sha256=gallery_sha256(table)))
    mend(folder)
    assert codes(folder) == {"gallery"}


@pytest.mark.parametrize("file", ["record.json", "clean.json"])
def test_a_quick_look_is_found(file: str, folder: Path) -> None:
    edit_json(folder / file, lambda record: record["dataset"].update(limit=100))
    mend(folder)
    findings = check(folder, metrics=METRICS).findings
    assert any("got a quick look (--limit 100)" in finding.message and finding.file == file for finding in findings)


@pytest.mark.parametrize("file", ["record.json", "clean.json"])
def test_people_moved_into_another_group_are_found(file: str, folder: Path) -> None:
    """A record that states who is held out is believed by whoever reads it: a submission's items have to tell it."""
    edit_json(folder / file, lambda record: record["dataset"].update(held=["00000000"]))
    mend(folder)
    findings = check(folder, metrics=METRICS).findings
    assert any("dataset.held" in finding.message and finding.file == file for finding in findings)


def test_another_dataset(folder: Path, submittable: Path) -> None:
    edit_json(folder / "clean.json", lambda record: record["dataset"].update(fingerprint="0" * 64))
    mend(folder)
    assert codes(folder) == {"dataset"}
    for role in ("record", "compromised"):
        edit_json(folder / f"{role}.json", lambda record: record["dataset"].update(fingerprint="0" * 64))
    mend(folder)
    assert codes(folder) == set()  # consistent in itself …
    assert codes(folder, dataset=layout.Dataset(submittable / "dataset")) == {"dataset"}  # … but not the board's


def budget(folder: Path, value: float, *, pairs: int | None = None) -> None:
    def change(record: dict) -> None:
        record["model"].update(name=f"cliperase-{value:g}x", budget=value)
        forget = record["dataset"]["counts"]["forget"]
        seen = round(value * forget)
        steps = -(-seen // min(record["model"]["config"]["engine"]["batch_size"], forget))
        record["cost"] |= {"pairs": seen, "steps": steps, "pictures": seen, "captions": seen}
        record["cost"]["pairs"] = seen if pairs is None else pairs

    edit_json(folder / "record.json", change)
    edit_json(folder / "submission.json", lambda info: info.update(model=f"cliperase-{value:g}x"))
    mend(folder)


def test_budget_above_the_limit(folder: Path) -> None:
    budget(folder, 20)
    assert codes(folder) == {"budget"}
    assert codes(folder, max_budget=20) == set()


@pytest.mark.parametrize("pairs", [10**6, 1])
def test_pairs_that_do_not_fit_the_budget(folder: Path, pairs: int) -> None:
    budget(folder, 5, pairs=pairs)
    assert codes(folder) == {"cost"}


def test_budget_that_is_not_the_names(folder: Path) -> None:
    edit_json(folder / "record.json", lambda record: record["model"].update(budget=1.0))
    mend(folder)
    assert codes(folder) == {"budget", "cost"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda record: record["protocol"].update(bootstrap_seed=1), "protocol"),
        (lambda record: record["protocol"].update(bootstraps=10**9), "protocol"),
        (lambda record: record.update(breakdowns={"style": {"ACS": {"formal": record["scores"]["ACS"]}}}), "protocol"),
        (lambda record: record["protocol"]["thresholds"].update(ineffective=0.5), "protocol"),
        (lambda record: record["references"].update(clean="0" * 64), "references"),
        (lambda record: record["cost"].update(seconds=-1.0), "cost"),
        (lambda record: record["model"].update(sha256="0" * 64), "checkpoint"),
        (lambda record: record.update(extra=1), "format"),
        (lambda record: record["scores"].update({"<b>": record["scores"]["ACS"]}), "format"),
        (lambda record: record.update(schema_version=99), "format"),
        (lambda record: record.update(status="failed"), "format"),
    ],
)  # fmt: skip
def test_other_lies(folder: Path, change, code: str) -> None:  # type: ignore[no-untyped-def]
    edit_json(folder / "record.json", change)
    mend(folder)
    assert codes(folder) == {code}


def test_compromised_handed_in_as_a_method(folder: Path) -> None:
    theirs = json.loads((folder / "compromised.json").read_text())["model"]["sha256"]
    edit_json(folder / "record.json", lambda record: record["model"].update(sha256=theirs))
    edit_json(folder / "submission.json", lambda info: info.update(checkpoint_sha256=theirs))
    mend(folder)
    assert codes(folder) == {"checkpoint"}


def test_duplicates(packed: Path, folder: Path, submittable: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    shutil.copytree(packed, results / "first")
    other = submit(submittable, model="delete-5x", out=results / "other")
    loaded = check(folder, metrics=METRICS).loaded
    assert loaded is not None
    assert {finding.code for finding in duplicates_in(results, folder, loaded)} == {"duplicate"}
    assert duplicates_in(results, other, check(other, metrics=METRICS).loaded) == []  # type: ignore[arg-type]
    edit_json(folder / "record.json", lambda record: record["model"].update(sha256="1" * 64))  # renamed, same items
    edit_json(folder / "submission.json", lambda info: info.update(checkpoint_sha256="1" * 64))
    mend(folder)
    renamed = check(folder, metrics=METRICS).loaded
    assert renamed is not None
    assert {finding.code for finding in duplicates_in(results, folder, renamed)} == {"duplicate"}
    third = check(other, metrics=METRICS).loaded
    assert third is not None
    known = "2026-01-01T00:00:00+00:00"
    prints = [
        fingerprint(name, one, METRICS, content=known) for name, one in (("a", loaded), ("b", renamed), ("c", third))
    ]
    assert set(conflicts(prints)) == {"b"}
    copied = dataclasses.replace(prints[1], submitted="2000-01-01T00:00:00+00:00", known="2026-01-02T00:00:00+00:00")
    assert set(conflicts([prints[0], copied])) == {"b"}, "dated back, but the board knows the other longer"


def test_a_copy_that_is_dated_back_evicts_nobody(packed: Path, tmp_path: Path) -> None:
    results, site = tmp_path / "results", tmp_path / "site"
    shutil.copytree(packed, results / "original")
    assert build(results, out=site, metrics=METRICS).refused == {}
    receipt = json.loads((site / "receipts" / "original.json").read_text())
    receipt["print"]["known"] = "2026-01-01T00:00:00+00:00"  # built some time ago
    (site / "receipts" / "original.json").write_text(json.dumps(receipt))
    copy = shutil.copytree(packed, results / "copy")
    edit_json(copy / "submission.json", lambda info: info.update(submitted="2020-01-01T00:00:00+00:00"))
    mend(copy)
    assert set(build(results, out=site, metrics=METRICS).refused) == {"copy"}
    for held in (1.0, 5.0):  # another limit asks for another check, but the board goes on knowing it
        assert set(build(results, out=site, metrics=METRICS, max_budget=held * 5).refused) == {"copy"}


# --- attacks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["extra.txt", "weights.pkl", "model.npz", ".hidden", "bundle.zip", "index.html"])
def test_other_files_are_findings(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"PK\x03\x04")
    assert codes(folder) == {"files"}


def test_links_and_folders_are_not_followed(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("{}")
    (folder / "record.json").unlink()
    (folder / "record.json").symlink_to(secret)
    assert codes(folder) == {"files"}
    (folder / "record.json").unlink()
    (folder / "record.json").mkdir()
    assert codes(folder) == {"files"}
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.raises(RecordError, match="folder of a submission"):
        check(link, metrics=METRICS)


def test_archive_is_no_submission(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    bomb.write_bytes(b"PK\x03\x04")
    with pytest.raises(RecordError, match="Archives are not unpacked"):
        check(bomb, metrics=METRICS)


@pytest.mark.parametrize("name", ["../../evil.json", "/etc/passwd", "a/b"])
def test_paths_in_the_list_of_files(folder: Path, name: str) -> None:
    edit_json(folder / "submission.json", lambda info: info["files"].update({name: "0" * 64}))
    assert codes(folder) == {"hash"}


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>-5x", "../up-5x", "[x](https://e.example)-5x", "=1+1-5x", "a" * 99]
)
def test_names_that_are_refused(folder: Path, name: str) -> None:
    edit_json(folder / "record.json", lambda record: record["model"].update(name=name))
    edit_json(folder / "submission.json", lambda info: info.update(model=name))
    mend(folder)
    assert {"name", "info"} <= codes(folder)
    for finding in check(folder, metrics=METRICS).findings:
        assert finding.message.isprintable()


def test_json_of_a_gigabyte_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (folder / "record.json").open("r+b") as stream:
        stream.truncate(2**30)  # sparse: takes no room
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail(f"{self} was read"))
    (finding,) = check(folder, metrics=METRICS).findings
    assert finding.code == "files"
    assert "at most 1,000,000 bytes" in finding.message


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 200_000,
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b"\xff\xfe",
        pickle.dumps({"schema_version": 1}),
        b"9" * 9999,
        b"null",
    ],
)
def test_json_that_is_refused(folder: Path, content: bytes) -> None:
    (folder / "record.json").write_bytes(content)
    mend(folder)
    assert codes(folder) == {"format"}


def test_pickle_instead_of_a_table(folder: Path, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self):  # type: ignore[no-untyped-def]
            return os.mkdir, (str(tmp_path / "executed"),)

    (folder / "record.items.parquet").write_bytes(pickle.dumps(Evil()))
    (folder / "record.json").write_bytes(pickle.dumps(Evil()))
    mend(folder)
    assert codes(folder) == {"format"}
    assert not (tmp_path / "executed").exists()


def test_code_is_not_executed(submittable: Path, tmp_path: Path) -> None:
    code = tmp_path / "mine.py"
    code.write_text(f"from pathlib import Path; Path({str(tmp_path / 'executed')!r}).mkdir()\n")
    run = made_with(code, shutil.copytree(submittable, tmp_path / "run"), "my_method-5x")
    made = submit(run, model="my_method-5x", out=tmp_path / "out", method_file=code)
    assert codes(made) == set()
    assert not (tmp_path / "executed").exists()


def repeated(path: Path, text: str, rows: int) -> Path:
    """A small file whose column unpacks to rows × len(text)."""
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), [text]).cast(pa.string())
    pq.write_table(pa.table(dict.fromkeys(GALLERY_SCHEMA.names, column)), path, compression="zstd")
    return path


def test_tables_that_would_unpack_to_much_more(tmp_path: Path) -> None:
    long = repeated(tmp_path / "long.parquet", "x" * 5000, 10)
    with pytest.raises(RecordError, match="texts of more than 4,096"):
        read_table(long, GALLERY_SCHEMA)
    many = repeated(tmp_path / "many.parquet", "x" * 1000, 20_000)
    assert many.stat().st_size < 50_000
    with pytest.raises(RecordError, match="texts that unpack to 60,000,000 bytes"):
        read_table(many, GALLERY_SCHEMA, limits=TableLimits(texts=10_000_000))
    with pytest.raises(RecordError, match="at most 100 rows"):
        read_table(many, GALLERY_SCHEMA, limits=TableLimits(rows=100))
    with pytest.raises(RecordError, match=r"at most 1,000 bytes"):
        read_table(many, GALLERY_SCHEMA, limits=TableLimits(file=1000))


def test_tables_of_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({name: [[1]] for name in GALLERY_SCHEMA.names}), path)
    with pytest.raises(RecordError, match="Expected"):
        read_table(path, GALLERY_SCHEMA)
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(RecordError, match="Expected the columns"):
        read_table(path, ITEM_SCHEMA)


def test_strict_json(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": [1, 2.5, null]}')
    assert read_json(path) == {"a": [1, 2.5, None]}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cliperase-5x", ("cliperase", 5.0)),
        ("cliperase-r2-5x", ("cliperase", 5.0)),  # the second of several seeds
        ("my-r-method-r12-0.5x", ("my-r-method", 0.5)),
        ("npo-1e-3x", ("npo", 0.001)),
        ("npo-1e999x", None),  # no number of times
        ("cliperase", None),
        ("-5x", None),
    ],
)
def test_names_of_models(name: str, expected: tuple[str, float] | None) -> None:
    assert split_name(name) == expected
