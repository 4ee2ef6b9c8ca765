"""The section of attacks: every number of the records, drawings that start before the attack, one person's fact."""

from __future__ import annotations

import base64
import csv
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from attack_world import INFOS, write_attacks
from report_world import METRICS, write_run
from salmubench.core import writing
from salmubench.report import wording
from salmubench.report.collect import Run, read_run
from salmubench.report.config import ReportConfig
from salmubench.report.page import report
from salmubench.report.recovery import heat
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import read_record

LEVELS = {
    "cliperase-5x": {"asked": 0.1, "picked": 0.0, "trained": 0.8, "relearnt": 0.9},
    "my_method-5x": dict.fromkeys(INFOS, 0.0),
    "finetuning-5x": {"asked": 1.0, "trained": 1.0},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = write_run(tmp_path_factory.mktemp("attacked") / "mini", identities=16, broken=None)
    write_attacks(made, LEVELS)
    return made


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    return read_run(folder, METRICS)


@pytest.fixture(scope="module")
def content(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    page = report([folder], out=tmp_path_factory.mktemp("page"), config=ReportConfig(), metrics=METRICS)
    return page.read_text(encoding="utf-8")


def names(run: Run) -> dict[str, str]:
    return wording.display_names(run.records, {})


def record_of(run: Run, name: str) -> RunRecord:
    return next(record for record in run.records if record.model.name == name)


def test_clean_is_measured_where_zero_is_what_false_facts_give(run: Run) -> None:
    attacked = [record for record in run.records if record.attacks is not None]
    table = heat.heat_table([(record.model.name, record) for record in attacked], key="run1")
    assert table is not None
    clean = dict(zip(INFOS, table.references[0].cells, strict=False))
    found = next(
        control
        for record in attacked
        if record.attacks is not None
        and "relearnt" in record.attacks.scores
        and (control := record.attacks.scores["relearnt"].controls.get("clean")) is not None
    )
    assert clean["relearnt"].text == wording.percent(found.value)
    assert "by definition" not in clean["relearnt"].tip
    assert clean["asked"].tip == ("by definition",)


def test_cells_are_the_record_s_numbers(run: Run) -> None:
    called = names(run)
    table = heat.heat_table([(called[record.model.name], record) for record in run.records], key="run1")
    assert table is not None
    assert [head.label for head in table.heads] == [*INFOS, "Stays forgotten"]
    assert [row.name for row in table.references] == ["Clean", "Retrained", "Compromised"]
    assert {row.name for row in table.methods} == {"cliperase", "my_method", "finetuning"}
    for row in table.methods:
        section = record_of(run, row.detail).attacks
        assert section is not None
        for name, cell in zip(INFOS, row.cells, strict=False):
            if name not in section.scores:
                assert (cell.text, cell.tip) == ("–", ("this attack was not run",))
                continue
            found = section.scores[name].numbers[INFOS[name].headline]
            assert found.value is not None
            assert cell.text == wording.percent(found.value)
            assert cell.tip[0] == f"95 % interval {wording.percent_interval(found.ci95)}"
            assert cell.heat == min(max(round(10 * found.value), 0), 10)
        expected = {"yes": "✕ no", "no": "✓ yes", "undecided": "? undecided", None: "–"}
        assert row.cells[-1].text == expected[section.recoverable]


def test_a_control_that_fails_says_so_in_the_cell(run: Run) -> None:
    record = record_of(run, "cliperase-5x")
    assert record.attacks is not None
    silent = replace(record.attacks.scores["asked"], reason="the control retrained shows 9 %", numbers={})
    changed = replace(record, attacks=replace(record.attacks, scores={**record.attacks.scores, "asked": silent}))
    table = heat.heat_table([("C", changed)], key="run1")
    assert table is not None
    first = table.methods[0].cells[0]
    assert (first.text, first.tip) == ("–", ("the control retrained shows 9 %",))


def test_other_options_than_most_are_told(run: Run) -> None:
    record = record_of(run, "cliperase-5x")
    assert record.attacks is not None
    score = record.attacks.scores["trained"]
    other = replace(score, info=replace(score.info, config={"lr": 9.0}))
    changed = replace(record, attacks=replace(record.attacks, scores={"trained": other}, strongest="trained"))
    named = [("A", record), ("B", record_of(run, "my_method-5x")), ("C", changed)]
    table = heat.heat_table(named, key="run1")
    assert table is not None
    words = "another version or other options than most models here"
    assert [words in row.cells[2].tip for row in table.methods] == [False, False, True]


@pytest.mark.stage
def test_page_has_the_section_only_where_models_were_attacked(content: str, folder: Path, tmp_path: Path) -> None:
    assert "What can be brought back" in content
    assert content.count('class="heat heat-') >= 14
    shutil.copytree(folder, tmp_path / "mini")
    for path in (tmp_path / "mini" / "records").glob("*.json"):
        writing.write_json(path, replace(read_record(path), attacks=None))
    page = report([tmp_path / "mini"], out=tmp_path / "page", config=ReportConfig(), metrics=METRICS)
    assert "What can be brought back" not in page.read_text(encoding="utf-8")


@pytest.mark.stage
def test_names_labels_and_reasons_of_strangers_are_text(folder: Path, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\"' & <img src=x onerror=alert(2)>"
    shutil.copytree(folder, tmp_path / "mini")
    path = tmp_path / "mini" / "records" / "cliperase-5x.json"
    record = read_record(path)
    assert record.attacks is not None
    score = record.attacks.scores["trained"]
    number = replace(score.numbers["leakage"], chosen=(evil, evil))
    labels = {f"{evil}, {steps} steps": 0.5 for steps in (10, 20)}
    told = replace(score, info=replace(score.info, title=evil), numbers={"leakage": number}, variants=labels)
    scores = {evil: told, "asked": replace(record.attacks.scores["asked"], reason=evil, numbers={})}
    writing.write_json(path, replace(record, attacks=replace(record.attacks, scores=scores, strongest=evil)))
    page = report([tmp_path / "mini"], out=tmp_path / "page", config=ReportConfig(), metrics=METRICS)
    content = page.read_text(encoding="utf-8")
    assert "<script>alert" not in content
    assert "<img src=x" not in content
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in content
    formula = replace(record.attacks, scores={f"={evil}": told}, strongest=f"={evil}")
    table = heat.csv_recovery([replace(record, attacks=formula)])
    assert f"'={evil[:8]}" in table
    assert r"\textless{}script\textgreater{}" in heat.latex_recovery([read_record(path)], {"cliperase-5x": "C"})


def test_csv_and_latex_hold_the_numbers(run: Run, content: str) -> None:
    links = dict(re.findall(r'download="(attacks\.\w+)" href="data:[^,]*,([^"]+)"', content))
    texts = {name: base64.b64decode(data).decode() for name, data in links.items()}
    assert set(texts) == {"attacks.csv", "attacks.tex"}
    lines = list(csv.DictReader(texts["attacks.csv"].splitlines()))
    section = record_of(run, "cliperase-5x").attacks
    assert section is not None
    for name, score in section.scores.items():
        for kind, numbers in (("number", score.numbers), ("control", score.controls)):
            for part, found in numbers.items():
                (line,) = [
                    one for one in lines if (one["model"], one["attack"]) == ("cliperase-5x", name)
                    and (one["kind"], one["number"]) == (kind, part)
                ]  # fmt: skip
                assert float(line["recovered"]) == found.value
                assert line["people"] == str(found.people)
    assert texts["attacks.tex"].startswith(r"\begin{tabular}{lrrrrl}")
    assert r"my\_method & " in texts["attacks.tex"]
    assert texts["attacks.tex"].count(r"\\") == 4
