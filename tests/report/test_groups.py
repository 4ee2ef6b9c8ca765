"""Tables by group, and a method at several budgets, as they stand on the page."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from report_world import METRICS
from salmubench.report import damage, groups, wording
from salmubench.report.collect import Run, read_run
from salmubench.report.config import ReportConfig
from salmubench.report.page import report
from salmubench.scoring.record import RunRecord
from salmubench.scoring.verdict import THRESHOLDS
from salmubench.unlearn.registry import method_titles
from submission_world import OTHER_BUDGETS, write_submittable_run

TITLES = method_titles()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of one method with three budgets and another with one."""
    names = (*OTHER_BUDGETS, "cliperase-5x", "delete-5x")
    return read_run(write_submittable_run(tmp_path_factory.mktemp("budgets") / "run", names=names), METRICS)


def test_plot_joins_the_budgets_of_a_method(run: Run, page: str) -> None:
    picture = damage.plots(damage.damage(run.records, wording.display_names(run.records, TITLES), THRESHOLDS))[0]
    (way,) = re.findall(r'<path d="([^"]*)" class="way"', picture)
    ends = [float(number) for number in re.findall(r"[ML]([\d.]+) ", way)]
    assert ends == sorted(ends, reverse=True)  # leakage falls with the budget
    assert way.count("L") == 3  # from Compromised to 1, 2 and 5 ×
    assert 'class="way"' not in page  # every method of that run has one budget


def test_numbers_that_records_break_down_have_tables_without_the_dataset(run: Run) -> None:
    def told(record: RunRecord) -> RunRecord:
        by_job = {"job": record.scores["AssocStr"], "city": record.scores["AssocStr"]}
        retrieval = {"job": record.scores["RetFail"]}
        return replace(record, breakdowns={"attribute": {"AssocStr": by_job, "RetFail": retrieval}})

    alone = replace(run, dataset=None, records=[told(run.records[0]), run.records[1], *map(told, run.records[2:])])
    names = wording.display_names(alone.records, TITLES)
    (found,) = groups.breakdowns(alone, names, key="r")
    strength, *retrieval = found.tables
    assert strength.caption == "AssocStr, by attribute, one world"
    assert [head.label for head in strength.heads] == [wording.group("city"), wording.group("job")]
    assert [row.name for row in strength.references] == [names[alone.records[0].model.name]]
    assert len(strength.methods) == len(alone.records) - 2
    score = alone.records[2].scores["AssocStr"]["value"]
    assert strength.methods[0].cells[0].text == wording.percent(score.normalised.value)
    captions = [table.caption for table in retrieval]
    assert captions == ["RetFail MRR, by attribute, one world", "RetFail R@1, by attribute, one world"]


def test_groups_add_up_to_the_whole(run: Run) -> None:
    names = wording.display_names(run.records, TITLES)
    found = groups.breakdowns(run, names, key="r")
    assert found[0].title == "By attribute"
    counts = next(iter(run.records)).dataset.counts
    for item in found:
        left, kept = item.tables
        for table, total in (
            (left, counts["forget"]),
            (kept, counts["holdout_identity"] + counts["holdout_association"]),
        ):
            sizes = [int(head.n.removeprefix("n = ").replace(",", "")) for head in table.heads]
            assert sum(sizes) == total
            assert {len(row.cells) for row in (*table.references, *table.methods)} == {len(table.heads)}
            assert len(table.methods) == 4


def test_without_a_dataset_there_are_no_groups(run: Run, tmp_path: Path) -> None:
    import shutil

    records = shutil.copytree(run.folder / "records", tmp_path / "records")
    path = report([records], out=tmp_path / "page", config=ReportConfig(), metrics=METRICS, titles=TITLES)
    page = path.read_text(encoding="utf-8")
    assert "By attribute and group" not in page
