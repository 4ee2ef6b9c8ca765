"""What trials of our methods showed in worlds whose facts belong to faces, for `docs/trials.md`."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from typing import Any

from page_blocks import ROOT

from salmubench.contest.deciding import FACT, FACT_ROLES
from salmubench.core import manifest
from salmubench.scoring.verdict import THRESHOLDS

WORLD = 1001
TRIALS = ROOT / "results" / "trials" / "trials.jsonl"
_BOTH = (THRESHOLDS.ineffective_association, FACT, *FACT_ROLES.values())
_SOME, _FACT, _PARAPHRASED, _OTHER, _NAMELESS = ((-limit, limit) for limit in _BOTH)
_KEPT = (THRESHOLDS.over_generalised, None)
VIEWS: Mapping[str, tuple[str, str, str, tuple[float | None, float | None]]] = {
    "L": ("L of retrieval, people all of whose facts go", "RetFail", "mrr_identity", (None, THRESHOLDS.ineffective)),
    "L association": ("L of retrieval, people some of whose facts go", "RetFail", "mrr_association", _SOME),
    "L fact": ("L of the fact, trained picture", "FactRet", "mrr", _FACT),
    "L paraphrased": ("L of the fact, paraphrased", "FactRetPara", "mrr", _PARAPHRASED),
    "L other pictures": ("L of the fact, unseen pictures", "FactRetOther", "known_unseen", _OTHER),
    "L nameless": ("L of the fact, unseen pictures, no name", "FactRetNameless", "known_unseen", _NAMELESS),
    "D": ("D", "GenKnow", "value", (None, THRESHOLDS.catastrophic)),
    "K inter": ("K of similarities, other people", "InterIdSim", "value", _KEPT),
    "K intra": ("K of similarities, same people", "IntraIdSim", "value", _KEPT),
    "K facts of others": ("K of facts, other people", "FactHold", "mrr_identity", _KEPT),
    "K facts": ("K of facts, same people", "FactHold", "mrr_association", _KEPT),
}
"""Short name of a view → its name, metric, part, and least and most that passes."""
_ASKED = {"compromised": "Compromised", "retrained": "Retrained", "strangers": "Compromised, strangers' portraits"}


def trials() -> str:
    """Views of the trials of one world in the generator track, a column each; bold within its limits."""
    rows = [row for row in _lines() if row["world"] == WORLD and "track=generator" in row["options"]]
    return _table(rows, [str(place) for place in range(1, len(rows) + 1)])


def worlds() -> str:
    """The same of `level_redirection` as it is, in all worlds whose facts belong to faces."""
    rows = [row for row in _lines() if row["world"] >= WORLD]  # of the first row is the method of the package
    rows = [row for row in rows if row["method_sha256"] == rows[0]["method_sha256"]]
    return _table(rows, [f"{row['world']}, {row['config']['method']['track']}" for row in rows])


def _lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in TRIALS.read_text(encoding="utf-8").splitlines()]


def _table(rows: list[dict[str, Any]], heads: list[str]) -> str:
    table = [f"| view, % | limits | {' | '.join(heads)} |", f"|:--|:--|{'--:|' * len(rows)}"]
    for name, metric, part, (low, high) in VIEWS.values():
        cells = [_cell(row["views"][metric][part]["view"], low, high) for row in rows]
        table.append(f"| {name} | {_limits(low, high)} | {' | '.join(cells)} |")
    seconds = [f"{row['cost']['processor_seconds']:.0f}" for row in rows]
    return "\n".join([*table, f"| processor seconds | | {' | '.join(seconds)} |"])


def _cell(view: float, low: float | None, high: float | None) -> str:
    within = (low is None or view >= low) and (high is None or view <= high)
    near = any(end is not None and abs(view - end) < 0.006 for end in (low, high))
    text = f"{100 * view:.{1 if near or abs(view) < 0.095 else 0}f}".replace("-", "−")
    return f"**{text}**" if within else text


def _limits(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"±{100 * high:.0f}"
    return f"at most {100 * high:.0f}" if high is not None else f"at least {100 * (low or 0):.0f}"


def pictures() -> str:
    """What edits of the picture tower reach (`benchmarks/picture_edits.py`)."""
    worlds: list[dict[str, Any]] = list(manifest.read_json(TRIALS.with_name("pictures.json"))["worlds"].values())
    lines = [
        "| | facts to forget, unseen portraits | facts of others | others' portraits | general knowledge |",
        "|:--|--:|--:|--:|--:|",
    ]
    for key, title in {
        "compromised": "Compromised",
        "retrained": "Retrained",
        "strangers": "strangers' portraits",
    }.items():
        known = [world[key] for world in worlds]
        lines.append(f"| {title} | {_span(known, 'forget')} | {_span(known, 'holdout_identity')} | | |")
    for kind, title in (("projection", "last matrix, holding × {}"), ("kernel", "any function, width {}")):
        for setting in worlds[0][kind]:
            known, cosine = ([world[kind][setting][what] for world in worlds] for what in ("known", "cosine"))
            lines.append(
                f"| {title.format(setting)} | {_span(known, 'forget')} | {_span(known, 'holdout_identity')} | "
                f"{_span(cosine, 'holdout_identity')} | {_span(cosine, 'general_knowledge')} |"
            )
    shares = [world["recognised"]["share"] for world in worlds]
    wanted = [world["wanted"] for world in worlds]
    told = (
        f"{len(worlds)} worlds, least to most. The nearest mean of a person's trained pictures names the person of an "
        f"unseen portrait in {100 * min(shares):.0f} to {100 * max(shares):.0f} % of cases. A picture that tells no "
        f"fact of its person any more has a cosine of {min(wanted):.2f} to {max(wanted):.2f} with what it was."
    )
    return "\n".join([*lines, "", *textwrap.wrap(told, 120)])


def _span(rows: list[dict[str, float]], key: str) -> str:
    values = [row[key] for row in rows]
    least, most = (f"{value:.2f}".removeprefix("0") for value in (min(values), max(values)))
    return least if least == most else f"{least} to {most}"
