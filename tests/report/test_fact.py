"""The figure of one fact: which pair, and where each model ranks its true value."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from report_world import METRICS, OTHERS
from salmubench.report import fact
from salmubench.report.collect import Run, read_run
from salmubench.report.config import ReportConfig
from salmubench.scoring.record_files import read_items


def made(run: Run, config: ReportConfig | None = None) -> fact.ShownFact | None:
    return fact.fact(run, {record.model.name: record.model.name for record in run.records}, config or ReportConfig())


def test_the_pair_is_known_to_compromised_and_not_to_the_exact_answer(run_folder: Path) -> None:
    run = read_run(run_folder, METRICS)
    found = made(run)
    assert found is not None
    assert found.pieces[1::2], "the value stands in the sentence"
    sentence = "".join(found.pieces)
    words = {line.name: line.words for line in found.lines}
    assert words["compromised"] == f"1 of {OTHERS + 1}"
    for name, told in words.items():
        rows = read_items(run_folder / "records" / f"{name}.json").to_pylist()
        (rank,) = {row["value"] for row in rows if row["metric"] == "FactRet" and row["caption"] == sentence}
        assert told == f"{rank:g} of {OTHERS + 1}"
    assert float(words["clean"].split()[0]) > 1 + OTHERS / 2


def test_seeds_draw_different_pairs_and_the_same_one_twice(run_folder: Path) -> None:
    run = read_run(run_folder, METRICS)
    drawn = [made(run, ReportConfig(gallery_seed=seed)) for seed in (*range(8), 0)]
    assert drawn[0] == drawn[-1]
    assert len({item.pieces[0] for item in drawn if item is not None}) > 1


def test_nothing_is_shown_where_nobody_knows_or_no_items_say(run_folder: Path) -> None:
    run = read_run(run_folder, METRICS)
    assert made(replace(run, dataset=None)) is None
    assert made(replace(run, metrics={})) is None
    assert made(replace(run, records=[item for item in run.records if item.model.name != "compromised"])) is None


def test_the_true_place_is_filled() -> None:
    drawn = str(fact.place(2.5, 3, "clean"))
    assert drawn.count('class="slot"') == 4
    slots = [float(x) for x in re.findall(r'<rect x="([\d.]+)"[^>]*class="slot"', drawn)]
    (true,) = (float(x) for x in re.findall(r'<rect x="([\d.]+)"[^>]*class="true clean"', drawn))
    assert slots[1] < true < slots[2], "a tie lies between two places"
