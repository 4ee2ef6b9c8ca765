"""LaTeX that compiles: a compiler is asked where there is one, a strict parser always; columns are counted."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from pylatexenc.latexwalker import LatexEnvironmentNode, LatexWalker

from salmubench.cli.main import main
from salmubench.report import latex
from salmubench.report.collect import read_run
from salmubench.report.main_numbers import between_references, rows, why_missing
from salmubench.scoring.record import Failure, RunRecord
from salmubench.unlearn.registry import method_titles

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def records(run_folder: Path) -> list[RunRecord]:
    return list(read_run(run_folder).records)


def environments(nodes: list, name: str) -> list[LatexEnvironmentNode]:
    found = []
    for node in nodes:
        if isinstance(node, LatexEnvironmentNode):
            found += [node] if node.environmentname == name else []
            found += environments(node.nodelist, name)
    return found


def check(text: str, folder: Path) -> None:
    """Parse strictly, count the cells of each row, and compile where that is possible."""
    nodes, _, length = LatexWalker(text, tolerant_parsing=False).get_latex_nodes()
    assert length == len(text)
    for table in environments(nodes, "tabular"):
        body = table.latex_verbatim()
        columns = len(re.match(r"\\begin\{tabular\}\{(\w+)\}", body)[1])
        for line in body.splitlines():
            if line.endswith(r"\\"):
                spans = [int(span) for span in re.findall(r"\\multicolumn\{(\d+)\}", line)]
                assert len(re.findall(r"(?<!\\)&", line)) + 1 + sum(spans) - len(spans) == columns, line
    compiler = shutil.which("tectonic") or shutil.which("pdflatex")
    if compiler is not None:
        document = folder / "table.tex"
        document.write_text(
            "\\documentclass[a4paper]{article}\n\\usepackage{booktabs}\n\\begin{document}\n"
            + text
            + "\\end{document}\n"
        )
        options = [] if "tectonic" in compiler else ["-interaction=nonstopmode", "-halt-on-error"]
        subprocess.run([compiler, *options, document.name], cwd=folder, check=True, capture_output=True, timeout=300)


def test_floats_parse_and_hold_numbers_intervals_and_verdicts(records: list[RunRecord], tmp_path: Path) -> None:
    awkward = replace(
        records[2], model=replace(records[2].model, name="x-5x", method=r"50%_of\all {things} & $more$ #1 ~^ ×–")
    )
    text = latex.latex_report([*records, awkward], method_titles(), name="mini_run")
    check(text, tmp_path)
    assert (text.count(r"\begin{table*}"), text.count(r"\caption{"), text.count(r"\midrule")) == (2, 2, 4)
    assert r"\label{tab:salmubench-minirun}" in text
    assert "booktabs" in text.splitlines()[0]
    (row,) = [row for row in rows(records, method_titles()) if row.name == "CLIPErase"]
    lines = text.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("CLIPErase"))
    assert lines[at].endswith(" & ".join(row.passes) + r" \\")
    shown = [cell for cell in row.intervals if cell]
    assert len(shown) == 7, "of nine numbers but two that this world didn't learn"
    assert lines[at].count("& not learnt") == row.numbers.count("not learnt") == 2
    assert lines[at + 1].count(r"\tiny") == len(shown)
    plain = lines[at + 1].replace("$-$", "−").replace(r"\,\%", " %")
    assert all(cell in plain for cell in shown)


def test_captions_name_their_level(records: list[RunRecord]) -> None:
    captions = re.findall(r"\\caption\{(.*)\}", latex.latex_report(records, method_titles()))
    assert len(captions) == 2
    assert all(", one world, with" in caption for caption in captions)


@pytest.mark.parametrize("name", ["[12pt] mine", "*mine", " [a]"])
def test_no_name_is_read_as_an_option_of_a_line_break_or_rule(
    records: list[RunRecord], name: str, tmp_path: Path
) -> None:
    odd = replace(records[2], model=replace(records[2].model, name="x-5x", method=name))
    failed = replace(odd, status="failed", scores={}, verdict=None, error=Failure("mine", 0, "it diverged"))
    failed = replace(failed, model=replace(failed.model, name="y-5x", method=f"{name} again"))
    text = latex.latex_report([*records[:2], odd, failed], method_titles())
    check(text, tmp_path)
    begun = [line for line in text.splitlines() if line.startswith("{}" + name.strip())]
    assert len(begun) == 4
    assert not re.search(r"(\\\\|rule)\s*[\[*]", text)


def test_thousands_and_long_reasons_fit_a_table(records: list[RunRecord], tmp_path: Path) -> None:
    assert latex._plain("−3,377 %") == r"$-3{,}377\,\%$"
    assert latex._plain("1,385 %") == r"1,385\,\%"
    error = Failure("mine", 0, "it diverged: " + "the loss is nan. " * 20)
    failed = replace(records[2], status="failed", scores={}, verdict=None, error=error)
    text = latex.latex_report([*records[:2], failed], method_titles(), name="mini")
    check(text, tmp_path)
    (row, _) = [line for line in text.splitlines() if "it diverged" in line]
    assert len(row) < 200


def test_a_strict_parser_sees_a_broken_table(records: list[RunRecord], tmp_path: Path) -> None:
    text = latex.latex_table(records)
    for broken in (text.replace(r"\end{tabular}", ""), text.replace("{c}", "{c", 1)):
        with pytest.raises(Exception, match=r"."):
            check(broken, tmp_path)
    with pytest.raises(AssertionError):
        check(text.replace(" & ", " ", 1), tmp_path)


def test_the_paper_is_cited_alike_everywhere(records: list[RunRecord]) -> None:
    entry = latex.bibtex(records)
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())["preferred-citation"]
    authors = " and ".join(f"{who['family-names']}, {who['given-names']}" for who in cited["authors"])
    assert f"author = {{{authors}}}" in entry
    assert (
        cited["title"].casefold()
        == re.search(r"title = \{(.*)\},", entry)[1].replace("{", "").replace("}", "").casefold()
    )
    assert entry.count("author = ") == 2
    assert latex.PAPER.strip() in (ROOT / "README.md").read_text()


def test_command_prints_each_form(run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = next((run_folder / "records").glob("cliperase*.json"))
    out = {}
    for form in ("latex", "markdown", "csv", "json"):
        assert main(["table", str(run_folder), str(record), "--format", form]) == 0
        out[form] = capsys.readouterr().out
    check(out["latex"], tmp_path)
    assert out["latex"].count(r"\begin{tabular}") == 4
    assert f"**{run_folder.name}**" in out["markdown"]
    assert out["markdown"].count("| Clean |") == 2  # a record alone has its references' rows, too
    assert "[" in out["markdown"]
    assert [entry["model"]["name"] for entry in json.loads(out["json"])].count("cliperase-5x") == 2
    assert out["csv"].splitlines()[0].endswith(",dataset")
    assert main(["table", str(record), "--format", "latex", "--out", str(tmp_path / "paper" / "table.tex")]) == 0
    assert capsys.readouterr().out.strip().endswith("table.tex")
    check((tmp_path / "paper" / "table.tex").read_text(), tmp_path)


def test_a_record_alone_has_its_references_and_says_what_is_missing(records: list[RunRecord]) -> None:
    record = next(item for item in records if item.model.name == "cliperase-5x")
    clean, compromised, same = between_references(record)
    assert same is record
    for kind, reference in (("clean", clean), ("compromised", compromised)):
        own = next(item for item in records if item.model.name == kind)
        for metric in ("RetFail", "GenKnow"):
            for part, score in reference.scores[metric].items():
                assert score.value == own.scores[metric][part].value
    assert between_references(clean) == [clean]
    unlearnt = "L of ACS, K of FactHold MRR, L of FactRetPara MRR: not learnt"
    assert why_missing(record) == [unlearnt]
    score = record.scores["GenKnow"]["value"]
    gone = replace(score, value=None, ci95=None, reason="no rows in general_knowledge")
    blind = replace(record, scores={**record.scores, "GenKnow": {"value": gone}})
    assert sorted(why_missing(blind)) == ["GenKnow: no rows in general_knowledge", unlearnt]
    vague = replace(score, normalised=replace(score.normalised, value=None, ci95=None, reason="too close"))
    changed = replace(record, scores={**record.scores, "GenKnow": {"value": vague}})
    assert sorted(why_missing(changed)) == ["D of GenKnow: too close", unlearnt]
