"""The tables in plain forms: complete, aligned, escaped."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest

from report_world import WORLDS
from salmubench.report import cells, latex, tables
from salmubench.report.collect import read_run
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.origin import Failure
from salmubench.scoring.record import RunRecord, Verdict
from salmubench.scoring.verdict import THRESHOLDS
from salmubench.unlearn.registry import method_titles


@pytest.fixture(scope="module")
def records(run_folder: Path) -> list[RunRecord]:
    return list(read_run(run_folder).records)


def renamed(record: RunRecord, method: str) -> RunRecord:
    return replace(record, model=replace(record.model, name=method, method=method))


def test_order(records: list[RunRecord]) -> None:
    names = [record.model.name for record in records]
    assert names == [*WORLDS, "salun-5x"]


def test_text_fits_a_terminal(records: list[RunRecord]) -> None:
    long = renamed(records[2], "a_method_with_a_name_that_no_column_can_hold_in_full")
    table = tables.text_table([*records, long], method_titles())
    lines = table.splitlines()
    assert max(map(len, lines)) <= 132
    shown = 3 + len(records) + 1 + 1 + 8  # head, records, rule below the references, long name, key with "n.l."
    models = [record for record in records if record.status == "complete"]
    assert len(lines) == shown + 1 + 3 + len(models) + 1  # and the costs: a gap, head, models, long name
    assert lines[shown + 1].split() == ["cost", "Pairs", "Optimiser", "Pictures", "Captions", "Processor"]
    cliperase = next(line for line in lines if line.startswith("CLIPErase"))
    assert re.search(r"yes +(yes|no|\?) +(yes|\?) +no$", cliperase)
    assert "a_method_with_a_name_that…" in table


def test_text_columns_are_aligned(records: list[RunRecord]) -> None:
    lines = tables.text_table(records, method_titles()).splitlines()
    end = lines[0].index("RetFail") + len("RetFail")
    for name in ("Clean", "Compromised", "Finetuning", "DELETE"):
        line = next(line for line in lines if line.startswith(name))
        assert re.fullmatch(r"\d\.\d{3}", line[end - 5 : end]), line


def test_text_numbers_do_not_run_together(records: list[RunRecord]) -> None:
    """Two spaces between columns, even beside the widest numbers."""
    scores = {
        name: {
            part: replace(score, normalised=replace(score.normalised, value=-98.76 if score.normalised.view else None))
            for part, score in parts.items()
        }
        for name, parts in records[2].scores.items()
    }
    lines = tables.text_table(
        [*records[:2], replace(records[2], scores=scores), *records[3:]], method_titles()
    ).splitlines()
    heads = re.split(r" {2,}", lines[0].strip())
    assert len(heads) == 14
    for name in ("Finetuning", "DELETE", "CLIPErase"):
        line = next(line for line in lines if line.startswith(name))
        assert len(re.split(r" {2,}", line.strip())) == 14, line
    assert "−9,876 %  −9,876 %" in "\n".join(lines)


def test_yes_is_always_good(records: list[RunRecord]) -> None:
    """The terminal, the page's table and its marks answer the same question the same way."""
    verdict = Verdict("no", "yes", "undecided", hollow="no")
    record = replace(records[2], verdict=verdict)
    assert tables.rows([record])[0].passes == ("yes", "yes", "no", "?")
    table = cells.mode_table([record], {record.model.name: "it"}, key="run1", thresholds=THRESHOLDS)
    assert [head.label for head in table.heads] == [mode.answers[0].capitalize() for mode in MODES]
    assert [cell.text for cell in table.methods[0].cells] == ["✓ yes", "✓ yes", "✕ no", "? undecided"]
    old = replace(record, verdict=Verdict("no", "no", "no"))  # records of schema 1 know three modes
    row = cells.mode_table([old], {record.model.name: "it"}, key="run1", thresholds=THRESHOLDS).methods[0]
    assert [cell.text for cell in row.cells] == ["✓ yes", "–", "✓ yes", "✓ yes"]


def test_text_of_a_failed_method_is_one_line(records: list[RunRecord]) -> None:
    failed = replace(records[-1], error=Failure("salun", 12, "first\nsecond " * 30))
    (line,) = [line for line in tables.text_table([failed]).splitlines() if "failed" in line]
    assert len(line) <= 132


def test_markdown(records: list[RunRecord]) -> None:
    table = tables.markdown_table([*records, renamed(records[2], "a|b_c<script>*x*")], method_titles())
    lines = table.splitlines()
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1
    assert r"a\|b\_c&lt;script&gt;\*x\*" in table
    assert any(line.startswith("| CLIPErase |") and "over-generalised" in line for line in lines)
    assert any(line.startswith("| Clean |") and line.endswith("| reference |") for line in lines)
    assert lines[0].split(" | ")[-2] == "pairs seen"
    assert all(line.split(" | ")[-2] == "4,800" for line in lines[2:] if "failed at" not in line)
    assert any("failed at step 12" in line for line in lines)


def test_csv_holds_everything(records: list[RunRecord]) -> None:
    awkward = renamed(records[2], 'a "quoted", name\nin two lines')
    rows = list(csv.DictReader(io.StringIO(tables.csv_table([*records, awkward]))))
    complete = [*records, awkward]
    numbers = sum(len(parts) for record in complete for parts in record.scores.values())
    assert len(rows) == numbers + 1  # a failed method has one row
    for record in records[:-1]:
        for metric, parts in record.scores.items():
            for part, score in parts.items():
                key = {"model": record.model.name, "metric": metric, "part": part}
                (row,) = [row for row in rows if row["method"] != awkward.model.method and key.items() <= row.items()]
                assert int(row["n"]) == score.n
                if score.value is None:  # the world has no such people
                    assert (row["value"], row["reason"]) == ("", score.reason)
                    continue
                assert float(row["value"]) == score.value
                assert (float(row["ci95_low"]), float(row["ci95_high"])) == score.ci95
                if score.normalised.value is not None:
                    assert float(row["normalised"]) == score.normalised.value
                elif score.normalised.view is not None:
                    assert (row["normalised"], row["reason"]) == ("", score.normalised.reason)
    assert any(row["reason"] == "not learnt" for row in rows)
    assert any(row["method"] == awkward.model.method for row in rows)
    (failed,) = [row for row in rows if row["status"] == "failed"]
    assert failed["reason"] == "failed at step 12: loss is not finite"
    assert None not in failed


def test_latex(records: list[RunRecord]) -> None:
    table = latex.latex_table([*records, renamed(records[2], r"50%_of\all {things} & $more$ #1 ~^")])
    lines = table.splitlines()
    assert lines[1] == r"\toprule"
    assert lines[-2:] == [r"\bottomrule", r"\end{tabular}"]
    plain = [line for line in lines if line.endswith(r"\\") and "multicolumn" not in line]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in plain} == {11}
    assert r"50\%\_of\textbackslash{}all \{things\} \& \$more\$ \#1 \textasciitilde{}\textasciicircum{} &" in table
    assert "$-0." in table
    assert "−" not in table
    assert "failed at step 12" in table


def test_missing_number_is_a_dash(records: list[RunRecord]) -> None:
    scores = {key: value for key, value in records[2].scores.items() if key != "GenKnow"}
    poorer = replace(records[2], scores=scores)
    assert re.search(r"Finetuning .* – +– ", tables.text_table([poorer], method_titles()))
    assert "| – | – |" in tables.markdown_table([poorer])
    assert "& -- &" in latex.latex_table([poorer])
