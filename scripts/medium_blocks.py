"""Blocks of the docs about `results/medium` and `results/medium-ours`: one world with the paper's counts, two plans.

Numbers are the records' own: their items are packed, and too many to be read again for a page. Only those of the
references are: the records are older than the rule by which a view says "not learnt", and here it is applied to them.
"""

from __future__ import annotations

import functools
import json
import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import mini_blocks
import pyarrow as pa
from contest_blocks import contest
from mini_blocks import MINI, committed, main_score, ours, share
from packed import packed, stored_records
from page_blocks import ROOT, computer, stage_lines

from salmubench.contest.checks import WORLDS
from salmubench.core import manifest
from salmubench.metrics import descriptions
from salmubench.report.main_numbers import rows
from salmubench.report.tables import text_table
from salmubench.scoring.bootstrap import BOOTSTRAPS, SEED
from salmubench.scoring.compare import paired_differences
from salmubench.scoring.difference import Difference
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.intervals import is_learnt
from salmubench.scoring.items import of_metric
from salmubench.scoring.metric import main_part
from salmubench.scoring.record import NOT_LEARNT, Normalised, RunRecord, Score
from salmubench.scoring.record_files import read_items_file, record_of
from salmubench.scoring.references import ENDS, KINDS, RETRAINED, is_pretrained
from salmubench.scoring.roles import with_descriptions
from salmubench.scoring.stages import RUN
from salmubench.scoring.verdict import answers, judge, rests_on
from salmubench.scoring.views import describe_all, held_of
from salmubench.workflow import recipe as recipes

WORLD = Path(WORLDS) / "451"
MEDIUM, OURS = (ROOT / "results" / name / WORLD for name in ("medium", "medium-ours"))
BUDGET = 5
IN_MINI = {"redirection_closed": "counterfactual_redirection, closed"}
"""Ours as it is called in the plan, and in the world of the demo."""
BESIDE = {1: "leakage left", 5: "utility drop", 6: "K inter-identity", 7: "K intra-identity"}
"""Those of the main numbers that stand beside mini's, by their place."""
COLUMNS = {"FactRet": 3, "FactRetPara": 4, "FactHold": 9}
"""Metrics of facts and their columns in the table that a run prints."""
ANSWERS = 10
"""Its first column of failure modes."""


@functools.cache
def models() -> tuple[RunRecord, ...]:
    """All models of the world, without views of what it didn't learn: references, the nine methods, variants, ours."""
    return tuple(_without_unlearnt(record) for record in _as_recorded())


@functools.cache
def _as_recorded() -> tuple[RunRecord, ...]:
    found = {**_records(OURS), **_records(MEDIUM)}
    candidates = [row.name for name in ("medium", "medium-ours") for row in contest(name).rows]
    return tuple(found[name] for name in (*KINDS, *candidates))


@functools.cache
def _not_learnt() -> Mapping[str, Difference]:
    """Metric → what Compromised shows beyond the zero of its views, where that is known too badly to divide by."""
    records = {kind: _of_kind(_as_recorded(), kind) for kind in KINDS}
    tables = {kind: _items(MEDIUM / "records" / f"{kind}.items.parquet") for kind in KINDS}
    held, described = held_of(records["compromised"], tables["compromised"]), describe_all(records["compromised"])
    found = {}
    for name in COLUMNS:
        main = main_part(described[name].items)
        zero = records[RETRAINED].scores[name][main].normalised.against or "clean"
        exposed, base = (of_metric(tables[kind], name) for kind in ("compromised", zero))
        one = paired_differences(described[name], exposed, base, None, held, BOOTSTRAPS, SEED)[main]
        assert one.difference is not None
        assert one.ci95 is not None
        if not is_learnt(one.difference, one.ci95):
            found[name] = one
    return found


def _items(path: Path) -> pa.Table:
    """Items of a model, packed or not."""
    if path.is_file():
        return read_items_file(path)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / path.name
        file.write_bytes(packed(path.parent)[path.name])
        return read_items_file(file)


def _without_unlearnt(record: RunRecord) -> RunRecord:
    """A record without views of what the world didn't learn, judged again without them."""
    if record.verdict is None:
        return record
    scores = {
        name: {part: replace(one, normalised=_emptied(one)) for part, one in parts.items()}
        if name in _not_learnt()
        else parts
        for name, parts in record.scores.items()
    }
    verdict = judge(scores, descriptions(), independent=record.model.kind == RETRAINED)
    return replace(record, scores=scores, verdict=verdict)


def _emptied(one: Score) -> Normalised:
    return replace(one.normalised, value=None, ci95=None, reason=NOT_LEARNT)


def _unjudged() -> list[str]:
    """Failure modes that rest on what the world didn't learn alone."""
    found = rests_on(_of_kind(models(), RETRAINED).scores, descriptions())
    return [mode for mode, views in found.items() if all(one.held.metric in _not_learnt() for one in views)]


def _records(world: Path) -> dict[str, RunRecord]:
    return {
        name: with_descriptions(record_of(json.loads(content), where=name), descriptions())
        for name, content in stored_records(world / "records").items()
    }


def _titles() -> dict[str, str]:
    titles = mini_blocks.titles()
    return titles | {f"{name}_released": f"{title}, released" for name, title in titles.items()}


def table() -> str:
    """What a run with these models prints, without the legend, which the demo's table has, and what wasn't learnt."""
    numbers, _, *costs_of_each = text_table(models(), _titles()).split("\n\n")
    modes = [mode.name for mode in MODES]
    empty = [*(COLUMNS[name] for name in _not_learnt()), *(ANSWERS + modes.index(mode) for mode in _unjudged())]
    return "\n".join(["```", "\n\n".join([_cut(numbers, empty), *costs_of_each]).rstrip(), "```", "", not_learnt()])


def _cut(table: str, columns: Collection[int]) -> str:
    """A table of fixed width without some columns; each ends where its head does."""
    head, *rest = table.split("\n")
    ends = [match.end() for match in re.finditer(r"\S+", head)]
    spans = [(ends[place - 1], ends[place]) for place in sorted(columns, reverse=True)]
    lines = []
    for line in (head, *rest):
        for start, end in spans:
            line = line[:start] + line[end:]
        lines.append(line.rstrip())
    return "\n".join(lines)


def not_learnt() -> str:
    """What this world didn't learn, and by which numbers that is so."""
    titles = {"FactRet": "the fact", "FactRetPara": "the paraphrased fact", "FactHold": "facts that should stay"}
    told = ", ".join(
        f"{titles[name]} {one.difference:.3f} [{one.ci95[0]:.4f}, {one.ci95[1]:.4f}]"
        for name, one in _not_learnt().items()
        if one.ci95 is not None
    )
    return (
        "Facts were **not learnt here**. What Compromised has beyond the reference that never saw them (mean "
        "reciprocal rank of the true value, with a 95 % interval over people): "
        f"{told}. A share of so uncertain a difference says nothing. So the columns of facts are left out, no model is "
        "judged *hollow*, and *over-generalised* rests on similarities alone."
    )


def phenomenon() -> str:
    """What a miniature must show, and what this one shows."""
    classes = recipes.load("medium").recipe.dataset.classes
    return mini_blocks.phenomenon(models(), classes=classes, not_learnt=_unjudged())


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
        "- **Each caption was seen once.** The mean reciprocal rank of the "
        f"true value among {values} of its field: {ranked}; guessing gives {guessed:.3f}. RetFail of Compromised is "
        f"{retrieval} all the same: it tells whether the person is found."
    )
    pairs = [pair for pair in _pairs() if not is_pretrained(pair[0])]
    lines = []
    for mode, word in ((mode.name, mode.word) for mode in MODES):
        if mode in _unjudged():
            lines.append(f"- *{word}*: not learnt here, so not judged.")
            continue
        here = [record for record, other in pairs if _has(record, mode) and not _has(other, mode)]
        there = [record for record, other in pairs if _has(other, mode) and not _has(record, mode)]
        same = len(pairs) - len(here) - len(there)
        apart = _named("in mini alone", there) + _named("here alone", here)
        lines.append(f"- *{word}*: {same} of {len(pairs)} as in mini{apart}.")
    return "\n".join([leaves, learnt, f"- {not_learnt()}", *lines])


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
