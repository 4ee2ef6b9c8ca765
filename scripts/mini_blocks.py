"""Tables of the committed runs at `mini`, for `update_docs.py`: numbers, intervals and verdicts from the items.

`results/mini-people` is the demo: `mini` as it is, with worlds that teach facts about people. `results/mini` is `mini`
as it was, and `results/mini-<track>-<budget>` are the method of ours in that world.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from page_blocks import ROOT

from salmubench.core import manifest
from salmubench.metrics import descriptions
from salmubench.report.recovery.heat import attacks_of
from salmubench.report.tables import text_table
from salmubench.report.wording import DASH, display_names, percent, percent_interval
from salmubench.scoring.attacks.record import AttackScore
from salmubench.scoring.metric import main_part
from salmubench.scoring.record import Normalised, RunRecord, Score
from salmubench.scoring.record_files import items_path, read_items_file, read_record
from salmubench.scoring.references import is_judged_reference, is_pretrained, reference_kind
from salmubench.scoring.roles import with_descriptions
from salmubench.scoring.verdict import THRESHOLDS, answers
from salmubench.scoring.views import rescore
from salmubench.unlearn.registry import method_titles

MINI = ROOT / "results" / "mini"
DEMO = ROOT / "results" / "mini-people"
TRACKS = ("closed", "generator")
DROP = THRESHOLDS.catastrophic


@functools.cache
def committed(folder: Path) -> tuple[RunRecord, ...]:
    """The records of a committed run in its order, computed again from their items."""
    return tuple(_again(folder / "records" / f"{name}.json") for name in run(folder)["models"])


def _again(path: Path) -> RunRecord:
    record = with_descriptions(read_record(path), descriptions())
    if record.status != "complete":
        return record
    again = rescore(record, read_items_file(items_path(path)))
    stated = None if record.protocol is None else replace(record.protocol, thresholds=THRESHOLDS)
    return replace(record, scores=again.scores, verdict=again.verdict, protocol=stated)


def run(folder: Path = MINI) -> dict[str, Any]:
    """`run.json` of a committed run."""
    content: dict[str, Any] = manifest.read_json(folder / "run.json")
    return content


def ours() -> list[RunRecord]:
    """The method of ours in either track, at either budget; the track is part of its name."""
    found = []
    for track in TRACKS:
        for folder in sorted(MINI.parent.glob(f"mini-{track}-*"), key=lambda path: len(path.name)):
            for record in committed(folder):
                if not is_pretrained(record):
                    method, name = (f"{text}, {track}" for text in (record.model.method, record.model.name))
                    found.append(replace(record, model=replace(record.model, method=method, name=name)))
    return found


def titles() -> dict[str, str]:
    """Titles of methods, and of ours in either track."""
    known = dict(method_titles())
    return known | {f"{name}, {track}": f"{title}, {track}" for name, title in known.items() for track in TRACKS}


def demo_table() -> str:
    """What the demo prints first: the numbers, without the costs below them."""
    numbers, _, _ = text_table(list(committed(DEMO)), method_titles()).partition("\n\ncost ")
    return f"```\n{numbers}\n```"


def findings() -> str:
    """What retrieval calls forgotten although the fact is there, and what the exact answer fails."""
    records = [*committed(MINI), *ours()]
    names = display_names(records, titles())
    methods = [record for record in records if not is_pretrained(record)]
    paper = [record for record in methods if record.verdict is not None and record.verdict.ineffective_paper == "no"]
    passing = _named([item for item in methods if set(answers(item).values()) == {"no"}], names)
    rule = "The paper's rule (all rows of RetFail, against Clean)"
    lines = [f"- **Passes: {passing}.** Of {len(methods)} rows."]
    lines.append(f"- {rule} calls forgotten: {_named(paper, names)}. {_facts(paper, names)}")
    seeming = [record for record in methods if _drop(record, "shown")[0] <= DROP < _drop(record, "hidden")[0]]
    lines.append(
        f"- Keep general knowledge by the classes that their retain pairs show (D's interval reaches {percent(DROP)}), "
        f"and lose it on classes that only pretraining saw: {_named(seeming, names)}."
    )
    exact = next(record for record in records if is_judged_reference(record))
    leakage = main_score(exact, "leakage")
    lines.append(
        f"- The exact answer itself, Retrained, leaves {share(leakage.normalised)} by that rule, which calls that "
        f"*ineffective*: {exact.verdict.ineffective_paper if exact.verdict else '–'}. It knows these people from their "
        "other facts."
    )
    return "\n".join(lines)


def phenomenon(records: Sequence[RunRecord], *, classes: int, not_learnt: Collection[str] = ()) -> str:
    """What a miniature must show, and what this one shows.

    Args:
        records: of its models.
        classes: of general knowledge.
        not_learnt: failure modes about what this world's Compromised didn't learn.
    """
    clean, compromised = (
        next(item for item in records if reference_kind(item) == kind) for kind in ("clean", "compromised")
    )
    candidates = [item for item in records if not is_pretrained(item)]
    mrr = [record.scores["RetFail"]["mrr"].value or 0.0 for record in (clean, compromised)]
    strength = [record.scores["AssocStr"]["value"].value or 0.0 for record in (clean, compromised)]
    known = [record.scores["GenKnow"]["value"] for record in (clean, compromised)]
    chance = 1 / classes
    lines = ["| condition | value |", "|---|---|"]
    lines.append(
        f"| RetFail MRR of Compromised ≥ 0.15 and ≥ 20 × Clean's | {mrr[1]:.3f}, {mrr[1] / mrr[0]:.0f} × {mrr[0]:.4f} |"
    )
    lines.append(f"| AssocStr of Compromised − Clean ≥ 0.2 | {strength[1] - strength[0]:.3f} |")
    spans = " and ".join(
        f"{score.value:.3f} [{score.ci95[0]:.3f}, {score.ci95[1]:.3f}]" for score in known if score.ci95
    )
    lines.append(
        f"| GenKnow of Clean and Compromised: intervals overlap or within 5 %; ≥ 10 × chance | {spans}; "
        f"{min(score.value or 0.0 for score in known) / chance:.0f} × |"
    )
    for mode in answers(candidates[0]):
        if mode in not_learnt:
            lines.append(f"| {mode.replace('_', '-')} methods | not learnt here |")
            continue
        guilty = [str(item.model.method) for item in candidates if answers(item)[mode] == "yes"]
        lines.append(f"| {mode.replace('_', '-')} methods | {len(guilty)}: {', '.join(guilty) or '–'} |")
    return "\n".join(lines)


def _drop(record: RunRecord, part: str) -> tuple[float, float]:
    """The interval of the utility drop on a part of the classes."""
    metric = next(one for one in descriptions().values() if one.role == "drop")
    ends = record.scores[metric.name][part].normalised.ci95
    assert ends is not None
    return ends


def attacked() -> list[RunRecord]:
    """The models that were attacked: tuned methods, and ours in either track."""
    tuned = [record for record in committed(MINI.with_name("mini-tuned")) if not is_pretrained(record)]
    return [record for record in (*tuned, *ours()) if record.attacks is not None]


def recovery() -> str:
    """What each attack that has numbers brings back of what each method unlearnt."""
    records = attacked()
    names = display_names(records, titles())
    cells = {
        name: [_recovered(record.attacks.scores.get(name) if record.attacks else None) for record in records]
        for name in attacks_of(records)
    }
    known = {name: column for name, column in cells.items() if set(column) != {DASH}}
    lines = [
        f"| model | {' | '.join(f'`{name}`' for name in known)} | recoverable |",
        f"|:--|{'--:|' * len(known)}:--|",
    ]
    for record, *row in zip(records, *known.values(), strict=True):
        answer = record.attacks.recoverable if record.attacks else None
        lines.append(f"| {names[record.model.name]} | {' | '.join(row)} | {answer or DASH} |")
    return "\n".join(lines)


def _recovered(score: AttackScore | None) -> str:
    found = None if score is None else score.main
    if found is None or found.value is None:
        return DASH
    return re.sub(r"[ \u202f]%", "", f"{percent(found.value)}<br>{percent_interval(found.ci95)}").replace(" ", "\u00a0")


def _facts(records: Sequence[RunRecord], names: dict[str, str]) -> str:
    told = [f"{names[item.model.name]} {share(main_score(item, 'fact').normalised)}" for item in records]
    return f"What is left of the fact (0 as Retrained): {'; '.join(told)}." if told else ""


def main_score(record: RunRecord, role: str) -> Score:
    """The score that a role's main number is."""
    metric = next(one for one in descriptions().values() if one.role == role)
    return record.scores[metric.name][main_part(metric.items)]


def share(view: Normalised) -> str:
    """A number between its references, and its interval."""
    return f"{percent(view.value)} {percent_interval(view.ci95)}".strip()


def _named(records: Sequence[RunRecord], names: dict[str, str]) -> str:
    return ", ".join(names[item.model.name] for item in records) or "none"
