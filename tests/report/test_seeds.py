"""Candidates that differ by seed: one row, its spread, each seed in a fold; settings in words; where weights moved."""

from __future__ import annotations

import shutil
import statistics
from dataclasses import replace
from pathlib import Path

import pytest

from report_world import METRICS, WORLDS, World, items, record
from salmubench.core import writing
from salmubench.dataset import layout
from salmubench.report import sections, seeds
from salmubench.report.collect import read_run
from salmubench.report.config import ReportConfig
from salmubench.report.page import report
from salmubench.report.tables import text_table
from salmubench.scoring.items import with_references
from salmubench.scoring.origin import Tuned
from salmubench.scoring.record import Answer, Verdict
from salmubench.scoring.record_files import GALLERY_SCHEMA, read_record, write_record
from salmubench.unlearn.registry import method_titles

SEEDS = {
    "cliperase-5x": World(0.004, 0.02, -0.19, -0.21, 0.553),
    "cliperase-r2-5x": World(0.006, 0.05, -0.10, -0.11, 0.541),
    "cliperase-r3-5x": World(0.002, -0.02, -0.25, -0.30, 0.549),
}
TUNED = Tuned(selection_seed=1000, trials=12, objective=0.2, default=0.4, sha256="ab")


@pytest.fixture(scope="module")
def folder(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up run with three seeds of CLIPErase, tuned, and DELETE at another budget."""
    root = tmp_path_factory.mktemp("seeds") / "mini"
    shutil.copytree(run_folder, root)
    dataset = layout.Dataset(root / "dataset")
    references = {kind: items(WORLDS[kind], dataset) for kind in ("clean", "compromised")}
    for seed, (name, world) in enumerate(SEEDS.items()):
        table = with_references(items(world, dataset), references)
        made = record(name, table, dataset)
        made = replace(made, model=replace(made.model, method="cliperase", seed=seed, tuned=TUNED))
        write_record(root / "records" / f"{name}.json", made, items=table, gallery=GALLERY_SCHEMA.empty_table())
    return root


def test_one_row_is_the_mean_over_seeds(folder: Path) -> None:
    run = seeds.pooled(read_run(folder))
    assert [item.model.name for item in run.records if item.model.method == "cliperase"] == ["cliperase-5x"]
    joint = next(item for item in run.records if item.model.name == "cliperase-5x")
    alone = [read_record(folder / "records" / f"{name}.json") for name in SEEDS]
    for metric, part in (("InterIdSim", "value"), ("GenKnow", "value"), ("RetFail", "mrr")):
        values = [item.scores[metric][part].value for item in alone]
        assert joint.scores[metric][part].value == pytest.approx(statistics.mean(values), abs=1e-12)
        assert joint.scores[metric][part].n == alone[0].scores[metric][part].n
        assert joint.scores[metric][part].units == alone[0].scores[metric][part].units  # people, not people × seeds
        found = seeds.spread(run.repeats["cliperase-5x"], metric, part)
        assert found == pytest.approx(statistics.stdev(values))
    assert seeds.seeds_of(run) == [0, 1, 2]


def test_equal_seeds_change_neither_number_nor_interval(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "same"
    (root / "records").mkdir(parents=True)
    first = read_record(folder / "records" / "cliperase-5x.json")
    for kind in ("clean", "compromised", "cliperase-5x"):
        for suffix in (".json", ".items.parquet"):
            shutil.copyfile(folder / "records" / f"{kind}{suffix}", root / "records" / f"{kind}{suffix}")
    again = replace(first, model=replace(first.model, name="cliperase-r2-5x", seed=1))
    writing.write_json(root / "records" / "cliperase-r2-5x.json", again)
    source = folder / "records" / "cliperase-5x.items.parquet"
    shutil.copyfile(source, root / "records" / "cliperase-r2-5x.items.parquet")
    joint = seeds.pooled(read_run(root)).records[-1]
    for metric, parts in first.scores.items():
        for part, score in parts.items():
            found = joint.scores[metric][part]
            assert found.value == pytest.approx(score.value)
            assert found.ci95 == pytest.approx(score.ci95)
            assert found.normalised.ci95 == pytest.approx(score.normalised.ci95)
    assert joint.verdict == first.verdict


def test_other_settings_or_budgets_are_other_rows(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "apart"
    shutil.copytree(folder, root)
    path = root / "records" / "cliperase-r2-5x.json"
    changed = read_record(path)
    writing.write_json(path, replace(changed, model=replace(changed.model, config={"lr": 1.0})))
    names = [item.model.name for item in seeds.pooled(read_run(root)).records]
    assert {"cliperase-5x", "cliperase-r2-5x"} <= set(names)
    assert "cliperase-r3-5x" not in names


def test_page_shows_spread_seeds_and_settings(folder: Path, tmp_path: Path) -> None:
    page = report([folder], out=tmp_path, config=ReportConfig(), metrics=METRICS, titles=method_titles()).read_text(
        encoding="utf-8"
    )
    assert "Each seed by itself" in page
    assert "draws seeds as well as people" in page
    told = "costs, tables by attribute and group, distributions and learning curves are those of its"
    assert told in page
    assert "CLIPErase, seed 2" in page
    assert page.count('class="interval spread"') > 10
    assert "Settings chosen by tuning, 12 trials on another world (seed 1000): CLIPErase." in page
    assert "not tuned: Finetuning" in page


def test_page_without_repeats_and_checkpoints_says_nothing_of_them(page: str) -> None:
    assert "Each seed by itself" not in page
    assert "Settings chosen by tuning" not in page


def test_terminal_has_one_line_a_method(folder: Path) -> None:
    lines = text_table(seeds.pooled(read_run(folder)).records, method_titles()).splitlines()
    assert sum(line.startswith("CLIPErase") for line in lines) == 2  # its numbers and its cost


def test_settings_of_several_tunings_are_told_apart(folder: Path) -> None:
    run = read_run(folder)
    names = {item.model.name: item.model.name for item in run.records}
    other = replace(run.records[2], model=replace(run.records[2].model, tuned=replace(TUNED, trials=8)))
    told = sections.settings([other, *run.records[3:]], names)
    assert any("8 trials" in sentence for sentence in told)
    assert any("12 trials" in sentence for sentence in told)


@pytest.mark.parametrize(
    ("pooled", "alone", "expected"),
    [
        ("no", ("no", "no", "undecided"), "no"),
        ("no", ("no", "yes", "no"), "undecided"),
        ("yes", ("yes", "undecided", "yes"), "yes"),
        ("yes", ("yes", "no", "yes"), "undecided"),
        ("undecided", ("yes", "no", "no"), "undecided"),
        ("undecided", ("yes", "yes", "yes"), "undecided"),
    ],
)
def test_a_seed_that_says_the_opposite_leaves_it_undecided(
    pooled: Answer, alone: tuple[Answer, ...], expected: Answer
) -> None:
    found = seeds.joint_verdict(Verdict(pooled, "no", "yes"), [Verdict(one, "no", "yes") for one in alone])
    assert found == Verdict(expected, "no", "yes")
