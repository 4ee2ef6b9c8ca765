"""Blocks of the docs about `results/medium` and `results/medium-ours`: one world with the paper's counts, two plans.

Numbers are the records' own: their items are packed, and too many to be read again for a page.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mini_blocks
from contest_blocks import contest
from mini_blocks import MINI, committed, main_score, ours, share
from packed import stored_records
from page_blocks import ROOT, computer, stage_lines

from salmubench.contest.checks import WORLDS
from salmubench.core import manifest
from salmubench.metrics import descriptions
from salmubench.report.main_numbers import rows
from salmubench.report.tables import text_table
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.record import RunRecord, Score
from salmubench.scoring.record_files import record_of
from salmubench.scoring.references import ENDS, KINDS, RETRAINED, is_pretrained
from salmubench.scoring.roles import with_descriptions
from salmubench.scoring.stages import RUN
from salmubench.scoring.verdict import answers
from salmubench.workflow import recipe as recipes

WORLD = Path(WORLDS) / "451"
MEDIUM, OURS = (ROOT / "results" / name / WORLD for name in ("medium", "medium-ours"))
BUDGET = 5
IN_MINI = {"redirection_closed": "counterfactual_redirection, closed"}
"""Ours as it is called in the plan, and in the world of the demo."""
BESIDE = {1: "leakage left", 2: "fact left", 5: "utility drop", 6: "K inter-identity", 7: "K intra-identity"}
"""Those of the main numbers that stand beside mini's, by their place."""


@functools.cache
def models() -> tuple[RunRecord, ...]:
    """All models of the world: references, the nine methods, their variants, ours."""
    found = {**_records(OURS), **_records(MEDIUM)}
    candidates = [row.name for name in ("medium", "medium-ours") for row in contest(name).rows]
    return tuple(found[name] for name in (*KINDS, *candidates))


def _records(world: Path) -> dict[str, RunRecord]:
    return {
        name: with_descriptions(record_of(json.loads(content), where=name), descriptions())
        for name, content in stored_records(world / "records").items()
    }


def _titles() -> dict[str, str]:
    titles = mini_blocks.titles()
    return titles | {f"{name}_released": f"{title}, released" for name, title in titles.items()}


def table() -> str:
    """What a run with these models prints, but for the legend, which the demo's table has."""
    numbers, _, *costs_of_each = text_table(models(), _titles()).split("\n\n")
    return "\n".join(["```", "\n\n".join([numbers, *costs_of_each]).rstrip(), "```"])


def phenomenon() -> str:
    """What a miniature must show, and what this one shows."""
    return mini_blocks.phenomenon(models(), classes=recipes.load("medium").recipe.dataset.classes)


def beside() -> str:
    """The main numbers of each method, those in the world of the demo before them."""
    here, there = (rows(side, _titles()) for side in zip(*_pairs(), strict=True))
    lines = [f"| mini → medium | {' | '.join(BESIDE.values())} |", f"|:--|{'--:|' * len(BESIDE)}"]
    for now, before in zip(here, there, strict=True):
        cells = [f"{before.numbers[place]} → {now.numbers[place]}".replace(" ", "\u00a0") for place in BESIDE]
        lines.append(f"| {now.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


@functools.cache
def _pairs() -> tuple[tuple[RunRecord, RunRecord], ...]:
    """Models that are in both worlds, Clean and Compromised left out: each with that of the demo's world."""
    there = {_called(record): record for record in [*committed(MINI), *ours()] if record.model.budget in (BUDGET, None)}
    found = [record for record in models() if record.status == "complete" and record.model.kind not in ENDS]
    return tuple((record, there[_called(record)]) for record in found if _called(record) in there)


def _called(record: RunRecord) -> str:
    """What a model is called in the world of the demo."""
    method = str(record.model.method or record.model.kind)
    return IN_MINI.get(method, method)


def findings() -> str:
    """What the exact answer leaves, how well the facts themselves were learnt, and which modes are mini's."""
    exact = (_of_kind(records, RETRAINED) for records in (models(), committed(MINI)))
    left, before = (share(main_score(record, "leakage").normalised) for record in exact)
    values = recipes.load("medium").recipe.score.fact_values + 1
    guessed = sum(1 / rank for rank in range(1, values + 1)) / values
    known = [(kind, _of_kind(models(), kind).scores["FactRet"]["mrr"]) for kind in ("clean", RETRAINED, "compromised")]
    ranked = ", ".join(f"{kind.capitalize()} {_told(score)}" for kind, score in known)
    retrieval = _told(_of_kind(models(), "compromised").scores["RetFail"]["mrr"])
    leaves = (
        f"- **The exact answer leaves {left}** by the paper's rule, and {before} in mini. It has met these people in "
        "their other captions, and finds a caption by whom it is about."
    )
    learnt = (
        "- **The facts themselves are hardly learnt**, at one sight of each caption. The mean reciprocal rank of the "
        f"true value among {values} of its field: {ranked}; guessing gives {guessed:.3f}. RetFail of Compromised is "
        f"{retrieval} all the same: it tells whether the person is found. What is left of the fact is a share of a "
        "small difference here, and its intervals are wide."
    )
    pairs = [pair for pair in _pairs() if not is_pretrained(pair[0])]
    lines = []
    for mode, word in ((mode.name, mode.word) for mode in MODES):
        here = [record for record, other in pairs if _has(record, mode) and not _has(other, mode)]
        there = [record for record, other in pairs if _has(other, mode) and not _has(record, mode)]
        same = len(pairs) - len(here) - len(there)
        apart = _named("in mini alone", there) + _named("here alone", here)
        lines.append(f"- *{word}*: {same} of {len(pairs)} as in mini{apart}.")
    return "\n".join([leaves, learnt, *lines])


def _has(record: RunRecord, mode: str) -> bool:
    return answers(record)[mode] == "yes"


def _named(where: str, records: Sequence[RunRecord]) -> str:
    names = ", ".join(_titles()[str(record.model.method)] for record in records)
    return f"; {where}: {names}" if names else ""


def _of_kind(records: Sequence[RunRecord], kind: str) -> RunRecord:
    return next(record for record in records if record.model.kind == kind)


def _told(score: Score) -> str:
    assert score.ci95 is not None
    return f"{score.value:.3f} [{score.ci95[0]:.3f}, {score.ci95[1]:.3f}]"


def costs() -> str:
    """Seconds and peak memory of the stages of both plans; what came before them as its own manifests say."""
    runs = [manifest.read_json(world / RUN) for world in (MEDIUM, OURS)]
    before = [_of_manifest("dataset", MEDIUM / "dataset")]
    before += [_of_manifest(f"pretrain {kind}", MEDIUM / "checkpoints" / kind) for kind in KINDS]
    candidates = {row.name for row in contest("medium-ours").rows}
    later = [*runs[0]["stages"], *(stage for stage in runs[1]["stages"] if stage["name"].split()[-1] in candidates)]
    peak = max(stage["peak_memory"] for run in runs for stage in run["stages"]) / 2**30
    told = (
        f"Two and three models at once, a plan's page among the stages: at most {peak:.2f} GiB. "
        f"{computer(runs[0]['provenance']['hardware'])}, {runs[0]['precision']}."
    )
    return "\n".join([*stage_lines([*before, *later]), "", told])


def _of_manifest(stage: str, folder: Path) -> dict[str, Any]:
    return {"name": stage, **manifest.read_json(folder / manifest.MANIFEST)["cost"]}
