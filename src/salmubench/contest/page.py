"""`contest.json` and the page of a contest."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

from salmubench.core import writing
from salmubench.core.errors import RecordError
from salmubench.report import contests, rendering
from salmubench.scoring.contest_record import ContestRecord, read_contest

RESULT, PAGE = "contest.json", "index.html"


def html(contest: ContestRecord) -> str:
    """The page."""
    shown = contests.shown(contest)
    return rendering.page("contest.html.j2", room="salmubench.contest", title=shown["title"], shown=shown)


def write(out: Path, contest: ContestRecord, *, page: bool = True) -> Path:
    """Write both files into the contest's folder, unless they say just this; where there is a page, it is written."""
    page = page or (out / PAGE).is_file()
    with contextlib.suppress(RecordError):  # none yet, or of another version
        earlier = read_contest(out / RESULT)
        if replace(contest, provenance=earlier.provenance) == earlier and (out / PAGE).is_file() == page:
            return out / PAGE
    if page:
        writing.write_text(out / PAGE, html(contest))
    writing.write_json(out / RESULT, contest)  # last: a call that was killed before writes both again
    return out / PAGE
