"""A walk with a fifth failure mode and a fourth reference, in a copy of the package that has them (`test_one_list`)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from salmubench.cli.main import main
from salmubench.contest.page import html
from salmubench.contest.rows import judged
from salmubench.leaderboard.build import build
from salmubench.leaderboard.submission import submit
from salmubench.metrics import descriptions
from salmubench.pretrain.config import PretrainConfig
from salmubench.report import contests, tables
from salmubench.report.collect import read_run
from salmubench.report.config import ReportConfig
from salmubench.report.latex import latex_report
from salmubench.report.page import report
from salmubench.scoring.contest_record import read_contest
from salmubench.scoring.failure_modes import legend
from salmubench.scoring.record_files import read_record
from salmubench.scoring.references import LABELS
from salmubench.scoring.verdict import answers
from submission_world import write_submittable_run

MODEL, MODE, REFERENCE = "cliperase-5x", "reworded", "rehearsed"
CONTEST = Path(__file__).parents[2] / "results" / "contest" / "contest.json"


def walk(out: Path) -> None:
    """List, record, page, tables, board and contest show both."""
    assert legend().endswith("R reworded")
    assert LABELS[REFERENCE] == "Rehearsed"
    assert PretrainConfig(rehearsed=True).kinds == ("clean", "compromised", REFERENCE)  # type: ignore[call-arg]

    further = {REFERENCE: "vlunlearn-5x", "retrained": "finetuning-5x"}
    run = write_submittable_run(out / "run", names=(MODEL,), **further)
    record = read_record(run / "records" / f"{MODEL}.json")
    stored = json.loads((run / "records" / f"{MODEL}.json").read_text(encoding="utf-8"))
    assert stored["verdict"][MODE] == answers(record)[MODE] != "undecided"
    assert stored["protocol"]["thresholds"][MODE] == 0.1
    score = stored["scores"]["RetFail"]["mrr"]
    assert score[REFERENCE] != score["clean"]
    assert score[f"against_{REFERENCE}"]["against"] == REFERENCE
    assert judged(record)[MODE] == stored["verdict"][MODE]

    page = report([run], out=out / "page", config=ReportConfig(), metrics=descriptions()).read_text(encoding="utf-8")
    assert "It can fail in five ways" in page.replace(" 5 ", " five ")
    assert all(text in page for text in (">Reworded<", "Tells nothing in other words", "Rehearsed"))
    records = read_run(run, descriptions()).records
    latex = latex_report(records, {})
    assert "tells nothing in other words (W)" in latex
    assert "Rehearsed" in latex
    head = tables.csv_table(records).splitlines()[0]
    assert {MODE, REFERENCE, f"against_{REFERENCE}"} <= set(head.split(","))
    assert "words" in tables.text_table(records)

    submission = submit(run, model=MODEL, out=out / "board" / "one")
    assert (submission / f"{REFERENCE}.items.parquet").is_file()
    assert build(out / "board", out=out / "site", metrics=descriptions()).refused == {}
    feed = json.loads((out / "site" / "leaderboard.json").read_text(encoding="utf-8"))
    (board,) = feed["boards"]
    assert board[f"against_{REFERENCE}"]
    assert MODE in board["submissions"][0]["verdict"]
    index = (out / "site" / "index.html").read_text(encoding="utf-8")
    assert f'<option value="{MODE}">reworded, or may be</option>' in index
    assert "Rehearsed" in (out / "site" / "submissions" / "one.html").read_text(encoding="utf-8")

    contest = read_contest(CONTEST)
    assert "Reworded" in html(contest)
    assert "R" in contests.text_rows(contest)[0]
    assert main(["pretrain", "--kind", "nonsense", "--estimate"]) == 2


if __name__ == "__main__":
    walk(Path(sys.argv[1]))
