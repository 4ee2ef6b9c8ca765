"""`contest.json` and the page of a contest."""

from __future__ import annotations

from pathlib import Path

from salmubench import manifest
from salmubench.report import contests, rendering
from salmubench.scoring.contest_record import ContestRecord

RESULT, PAGE = "contest.json", "index.html"


def write(out: Path, contest: ContestRecord) -> Path:
    """Write both files into the contest's folder; give the path of the page. Same result, same page."""
    manifest.write_json(out / RESULT, contest)
    shown = contests.shown(contest, key="contest")
    manifest.write_text(out / PAGE, rendering.Pages().page("contest.html.j2", title=shown.title, shown=shown))
    return out / PAGE
