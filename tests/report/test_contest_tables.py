"""A committed contest as Markdown, LaTeX, CSV and JSON, and one with a view that was not learnt."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from salmubench.core.errors import RecordError
from salmubench.report import contests
from salmubench.report.export import contest_table, table
from salmubench.scoring.contest_record import ContestRecord, Row, read_contest

LEVEL = Path(__file__).resolve().parents[2] / "results" / "contest-level"


@pytest.fixture(scope="module")
def contest() -> ContestRecord:
    return read_contest(LEVEL / "contest.json")


def unlearnt(row: Row) -> Row:
    """The row as it is where the paraphrased fact was not learnt."""
    views = tuple(
        replace(view, mean=None, sd=None, ci90=None, ci95=None, ratio=None, p_holm=None, answer="not learnt")
        if view.name == "FactRetPara mrr"
        else view
        for view in row.views
    )
    numbers = {**row.numbers, "fact_paraphrase": replace(row.numbers["fact_paraphrase"], reason="not learnt")}
    return replace(row, views=views, numbers=numbers)


def test_every_form_says_what_is_decided(contest: ContestRecord) -> None:
    decided = {row.decision.answer for row in contest.rows if row.decision is not None}
    assert decided == {"fails", "open"}
    markdown, latex = (contest_table(contest, form=form) for form in ("markdown", "latex"))
    for row in contest.rows:
        assert row.decision is not None
        assert f"{row.title} {row.budget:g}× | {row.decision.answer}" in markdown
    assert markdown.count("| Retrained | passes |") == len(contest.leagues)
    assert latex.count(r"\begin{tabular}") == latex.count(r"\bottomrule") == len(contest.leagues)
    assert "Retrained & passes & " in latex
    rows = list(csv.DictReader(io.StringIO(contest_table(contest, form="csv"))))
    assert len(rows) == sum(len(row.views) for row in (*contest.rows, contest.exact) if row is not None)
    assert {row["answer"] for row in rows} == {"inside", "beyond", "open"}
    for told in contest.rows:
        mine = [row for row in rows if (row["candidate"], row["league"]) == (told.name, told.league)]
        assert [float(row["mean"]) for row in mine] == [view.mean for view in told.views]
    assert json.loads(contest_table(contest, form="json"))["schema_version"] == 2


def test_what_was_not_learnt_is_said_in_every_form(contest: ContestRecord) -> None:
    changed = replace(contest, rows=tuple(map(unlearnt, contest.rows)))
    for form in ("markdown", "latex", "csv", "json"):
        assert contest_table(changed, form=form).count("not learnt") >= len(contest.rows), form
    _, rows = contests.text_rows(changed)
    assert sum("not learnt" in row for row in rows) == len(contest.rows)


def test_a_contest_stands_alone(contest: ContestRecord) -> None:
    given = {"form": "csv", "metrics": {}, "titles": {}}
    assert table([LEVEL], **given) == table([LEVEL / "contest.json"], **given)
    with pytest.raises(RecordError, match="Expected a contest alone"):
        table([LEVEL, LEVEL], **given)
