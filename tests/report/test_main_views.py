"""Views and goals whose zero is Retrained: what stands in the references' rows, at the limits, beside the seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from report_world import METRICS
from salmubench.report import cells, main_numbers, seeds
from salmubench.report.collect import read_run
from salmubench.report.drawings import panels
from salmubench.scoring.record import Normalised, RunRecord, Score
from salmubench.scoring.references import Kind
from salmubench.scoring.verdict import OLD_THRESHOLDS, THRESHOLDS

FACT, LEAKAGE = ("FactRet", "mrr"), ("RetFail", "mrr_association")
REASON = "references don't differ"


@pytest.fixture(scope="module")
def by_name(run_folder: Path) -> Mapping[str, RunRecord]:
    return {record.model.name: record for record in read_run(run_folder, METRICS).records}


def changed(record: RunRecord, which: tuple[str, str], **fields: object) -> RunRecord:
    metric, part = which
    parts = record.scores[metric]
    return replace(record, scores={**record.scores, metric: {**parts, part: replace(parts[part], **fields)}})


def view(value: float | None, zero: Kind = "retrained") -> Normalised:
    ends = None if value is None else (value - 0.01, value + 0.01)
    return Normalised("leakage", value, ends, None if value is not None else REASON, zero)


def judged(record: RunRecord, *, fact: float | None = 0.44, beside: float | None = 0.03) -> RunRecord:
    """A record with a Retrained: of the fact C .398, R .434, P .712; of the leakage C 0, R .06, P .56."""
    fact_view, leakage = view(fact), view(0.1, "clean")
    record = changed(record, FACT, value=0.556, clean=0.398, retrained=0.434, compromised=0.712, normalised=fact_view)
    record = changed(record, FACT, goal="retrained")
    record = changed(record, LEAKAGE, value=0.07, clean=0.0, retrained=0.06, compromised=0.56, normalised=leakage)
    return changed(record, LEAKAGE, against_retrained=view(beside))


def run(by_name: Mapping[str, RunRecord], **numbers: float | None) -> list[RunRecord]:
    return [by_name["clean"], by_name["compromised"], judged(by_name["delete-5x"], **numbers)]


def view_row(records: list[RunRecord], name: str) -> dict[str, cells.Cell]:
    names = {record.model.name: record.model.name for record in records}
    table = cells.view_table(records, names, key="run1", thresholds=THRESHOLDS)
    row = next(row for row in [*table.references, *table.methods] if row.name == name)
    return {head.label: cell for head, cell in zip(table.heads, row.cells, strict=True)}


def test_clean_is_beside_a_zero_that_is_retrained(by_name: Mapping[str, RunRecord]) -> None:
    clean, compromised, _ = main_numbers.rows(run(by_name))
    assert clean.numbers[1:4] == ("0 %", "−13 %", "0 %")  # the paraphrased fact has no Retrained here
    assert compromised.numbers[1:4] == ("100 %",) * 3
    row = view_row(run(by_name), "clean")
    assert row["Fact left L"].text == "−13\u202f%"
    assert row["Leakage left L, some facts to forget, against Retrained"].text == "−12\u202f%"
    assert row["Leakage left L"].text == row["K inter-identity"].text == "0\u202f%"
    assert {cell.text for cell in view_row(run(by_name), "compromised").values()} == {"100\u202f%", "0\u202f%"}


def test_without_a_record_of_clean_its_row_says_the_same(by_name: Mapping[str, RunRecord]) -> None:
    rows = main_numbers.rows(main_numbers.between_references(judged(by_name["delete-5x"])))
    assert (rows[0].reference, rows[0].numbers[2]) == ("clean", "−13 %")


def test_where_the_references_do_not_differ_clean_has_a_dash_and_a_reason(by_name: Mapping[str, RunRecord]) -> None:
    records = run(by_name, fact=None)
    assert main_numbers.rows(records)[0].numbers[2] == "–"
    cell = view_row(records, "clean")["Fact left L"]
    assert (cell.text, cell.title, cell.note > 0) == ("–", REASON, True)
    other = judged(by_name["cliperase-5x"])  # another record knows
    assert main_numbers.rows([*records, other])[0].numbers[2] == "−13 %"


def test_a_column_names_its_goal_where_that_is_retrained(by_name: Mapping[str, RunRecord]) -> None:
    records = run(by_name)
    names = {record.model.name: record.model.name for record in records}
    table = cells.number_table(records, names, goal="clean", key="run1")
    heads = {head.label: head for head in table.heads}
    assert heads["FactRet MRR"].n.endswith(", goal: Retrained")
    assert heads["FactRet MRR"].title.endswith("The goal is Retrained’s value.")
    assert "goal" not in heads["RetFail MRR"].n
    assert table.caption == "Forgetting: the goal is Clean’s value where a column names no other, one world"
    at = list(heads).index("FactRet MRR")
    marks = {row.name: (row.goal, row.cells[at].text, row.cells[at].state) for row in table.references}
    number = cells.wording.number(by_name["clean"].scores["FactRet"]["mrr"].value)
    assert list(marks) == ["clean", "Retrained", "compromised"]
    assert marks["clean"] == (True, number, "not-goal")
    assert marks["Retrained"] == (False, "0.434", "is-goal")
    plain = [by_name[name] for name in ("clean", "compromised", "delete-5x")]
    table = cells.number_table(plain, names, goal="clean", key="run1")
    assert table.caption == "Forgetting: the goal is Clean’s value, one world"
    assert {cell.state for row in table.references for cell in row.cells} == {""}


def test_a_strip_has_the_limit_of_its_own_view(by_name: Mapping[str, RunRecord]) -> None:
    cell = view_row(run(by_name), "delete-5x")["Leakage left L, some facts to forget, against Retrained"]
    assert cell.strip == panels.strip(0.03, (0.03 - 0.01, 0.03 + 0.01), threshold=0.05)
    assert cell.strip != panels.strip(0.03, (0.03 - 0.01, 0.03 + 0.01), threshold=0.01)
    (one,) = [one for one in cells.main_views(run(by_name)) if one.beside]
    assert (one.limit(THRESHOLDS), one.limit(OLD_THRESHOLDS)) == (0.05, 0.05)


def test_the_spread_of_a_view_against_retrained_is_of_that_view(by_name: Mapping[str, RunRecord]) -> None:
    repeats = [judged(by_name["delete-5x"], beside=value) for value in (0.02, 0.04)]
    found = seeds.spread(repeats, *LEAKAGE, view=True, beside="retrained")
    assert found == pytest.approx(0.01 * 2**0.5)
    assert seeds.spread(repeats, *LEAKAGE, view=True) == 0
    names = {"delete-5x": "it"}
    table = cells.view_table(repeats[:1], names, key="run1", thresholds=THRESHOLDS, repeats={"delete-5x": repeats})
    at = [head.label for head in table.heads].index("Leakage left L, some facts to forget, against Retrained")
    assert table.methods[0].cells[at].spread == "± 1.4\u202f%"


def test_older_records_have_clean_at_zero(by_name: Mapping[str, RunRecord]) -> None:
    old: Score = by_name["delete-5x"].scores["FactRet"]["mrr"]
    record = changed(by_name["delete-5x"], FACT, normalised=replace(old.normalised, against=None))
    assert main_numbers.rows([by_name["clean"], record])[0].numbers[2] == "0 %"
