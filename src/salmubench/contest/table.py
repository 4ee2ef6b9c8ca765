"""What follows from the records of the evaluation worlds: a row a candidate, paired differences, notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from salmubench.contest import checks, rule
from salmubench.contest.deciding import corrected, decided, rankings
from salmubench.contest.plan import LoadedPlan, Plan
from salmubench.contest.power import power, read_spreads
from salmubench.contest.rows import differences, is_unlearnt, judged, numbers_of, outcome_of, over
from salmubench.core import manifest, provenance, reading, writing
from salmubench.core.errors import OutputMismatch, RecordError
from salmubench.core.provenance import commit_of
from salmubench.report.collect import failure
from salmubench.scoring.contest_record import (
    NUMBERS,
    SCHEMA_VERSION,
    ContestRecord,
    EarlierPlan,
    InWorld,
    League,
    PairedDifference,
    PlanFacts,
    Row,
    Standing,
    Track,
    WorldState,
)
from salmubench.scoring.origin import Hash, Name, Whole
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import read_record, record_provenance
from salmubench.scoring.references import LABELS, RETRAINED
from salmubench.scoring.verdict import THRESHOLDS, complete
from salmubench.unlearn.registry import method_titles
from salmubench.workflow.planning import candidate_name

DONE = "world.json"
"""Written last into a world's folder: all its records are there."""
WAITING = "not made yet"
"""Why a world has no records while a contest runs."""
SECOND = f"{RETRAINED}-2"
"""The Retrained that is judged against the first one."""


@dataclass(frozen=True)
class Members:
    """A league with its candidates: name of the method → its budget."""

    key: str
    title: str
    budgets: Mapping[str, float]


@dataclass(frozen=True)
class _Done:
    """`world.json`."""

    seed: Whole
    plan: Hash
    fingerprint: Hash
    records: Mapping[Name, Hash]


@dataclass(frozen=True)
class ReadWorld:
    """An evaluation world as its folder has it, or why there is none; name of the model → record and its file's hash.

    Attributes:
        message: why it has no records: why it failed, or `WAITING`.
    """

    seed: int
    message: str | None = None
    fingerprint: str | None = None
    records: Mapping[str, tuple[RunRecord, str]] = field(default_factory=dict)


def read_world(folder: Path, seed: int, plan: str, message: str | None = None) -> ReadWorld:
    """Read a world that is done by the plan of this hash, or say why there is none.

    Raises:
        OutputMismatch: it belongs to another plan, or a record isn't the one that was written.
    """
    if message is not None:
        return ReadWorld(seed, message)
    advice = f"Delete the folder {folder}: the same command makes it again."
    done = reading.validated(
        _Done, manifest.read_json(folder / DONE), where=str(folder / DONE), error=OutputMismatch, advice=advice
    )
    if done.plan != plan or done.seed != seed:
        raise OutputMismatch(
            f"Expected the evaluation world {seed} of this plan in {folder}, got one of another contest. Choose "
            "another folder."
        )
    records = {}
    for name, sha256 in done.records.items():
        path = folder / "records" / f"{name}.json"
        record = read_record(path)
        if manifest.sha256_file(path) != sha256 or record.dataset.fingerprint != done.fingerprint:
            raise OutputMismatch(f"Expected the record that the contest wrote at {path}, got another one. {advice}")
        records[name] = (record, sha256)
    return ReadWorld(seed, None, done.fingerprint, records)


@dataclass(frozen=True)
class Terms:
    """What a table needs to know of its plan: what `contest.json` says of it, the methods' titles, earlier spreads."""

    plan: Plan
    facts: PlanFacts
    titles: Mapping[str, str]
    spreads: Path | None = None
    notes: Sequence[str] = ()


def terms_of(loaded: LoadedPlan, methods: Mapping[str, str], earlier: Sequence[EarlierPlan] = ()) -> Terms:
    """The terms of a contest that runs, with the file of each method."""
    plan = loaded.plan
    facts = PlanFacts(
        file=loaded.path.name, sha256=loaded.sha256, commit=commit_of(loaded.path), recipe=loaded.recipe.name,
        selection=plan.selection, evaluation=plan.evaluation, trials=plan.tuning.trials, identity=loaded.identity,
        content=provenance.portable(writing.plain(plan)), standing="exploratory", earlier=tuple(earlier),
    )  # fmt: skip
    return Terms(plan, facts, _titles(methods), loaded.spreads)


def summary(terms: Terms, worlds: Sequence[ReadWorld], leagues: Sequence[Members]) -> ContestRecord:
    """Everything that a contest says.

    Raises:
        RecordError: records of two versions of the benchmark; a record was judged by other thresholds, or made by
            another file or with other options than the contest's; or a world has none of a candidate or of Retrained.
    """
    plan, scored = terms.plan, [world for world in worlds if world.message is None]
    _check_one_rule(scored)
    tracks = {entry.called: entry.track for entry in plan.methods}
    rows, names_in_plan = [], {}
    for league in leagues:
        for method, budget in league.budgets.items():
            name = candidate_name(method, budget)
            names_in_plan[name] = method
            rows.append(_row(scored, plan, [name], terms.titles[method], league.key, tracks[method], budget))
    rows = corrected(rows)
    retrained = _row(scored, plan, [SECOND, RETRAINED], LABELS[RETRAINED]) if scored else None
    _check_one_content(scored, names_in_plan, terms.facts.identity)
    standing, why = _standing(terms, scored, retrained)
    notes = [*_absent(worlds), *why, *_silent_attacks(scored), *checks.notes(plan)]
    return ContestRecord(
        schema_version=SCHEMA_VERSION,
        plan=replace(terms.facts, standing=standing),
        thresholds=THRESHOLDS,
        notes=tuple(notes),
        worlds=tuple(_state(world) for world in worlds),
        leagues=tuple(League(league.key, league.title) for league in leagues),
        retrained=retrained,
        rows=tuple(rows),
        differences=tuple(_differences(plan, rows, leagues)),
        rankings=tuple(rankings(rows, [league.key for league in leagues])),
        provenance=replace(record_provenance(started=provenance.utc_now(), seconds=0.0), plan=terms.facts.sha256),
    )


def _absent(worlds: Sequence[ReadWorld]) -> Iterator[str]:
    """Which worlds count nowhere."""
    waiting = [str(world.seed) for world in worlds if world.message == WAITING]
    failed = [str(world.seed) for world in worlds if world.message not in (None, WAITING)]
    if failed:
        yield f"Of {len(worlds)} evaluation worlds {len(failed)} failed and count nowhere: {', '.join(failed)}."
    if waiting:
        made = len(worlds) - len(waiting)
        yield f"{made} of {len(worlds)} evaluation worlds are made; still to come: {', '.join(waiting)}."


def _standing(terms: Terms, scored: Sequence[ReadWorld], retrained: Row | None) -> tuple[Standing, list[str]]:
    """What may rest on a contest, and why not more."""
    count, plan, why = len(scored), terms.plan, list(terms.notes)
    if count < rule.FEWEST:
        few = f"Over fewer than {rule.FEWEST} worlds nothing is decided about methods; {count} could be scored here."
        return "refused", [*why, few]
    if count < rule.DECISIVE:
        why.append(
            f"Exploratory: {count} worlds. A contest decides over {rule.DECISIVE} worlds or more; with fewer its "
            "answers say where to look."
        )
    if any(SECOND not in world.records for world in scored):
        why.append(
            "No second Retrained is judged in every world: whether exact unlearning passes was not asked, and no "
            "statement about methods rests on this."
        )
    elif retrained is None or retrained.decision is None or retrained.decision.answer != "passes":
        decision = None if retrained is None else retrained.decision
        words = {"fails": "fails", "open": "is open"}
        answer = "is not judged" if decision is None else f"{words[decision.answer]} in {', '.join(decision.why)}"
        why.append(
            f"Retrained, the exact answer, {answer}: the rule asks for too much here, and no statement about methods "
            "rests on it."
        )
    if not why:
        can = power(count, read_spreads(terms.spreads), plan.rule.limits)
        if not can.enough:
            why.append(
                f"Exploratory: with {count} worlds Retrained would pass in {can.exact:.0%} of contests and a "
                f"method well within its limits in {can.method:.0%}."
            )
    early = min(plan.evaluation) < checks.UNSEEN  # said by the notes on the plan
    return ("exploratory" if why or early else "decisive"), why


def _row(
    scored: Sequence[ReadWorld],
    plan: Plan,
    names: Sequence[str],
    title: str,
    league: str | None = None,
    track: Track | None = None,
    budget: float | None = None,
) -> Row:
    """What a candidate is in each world, and over them; of several names the first that a world has counts there."""
    worlds: dict[str, InWorld] = {}
    records = []
    for world in scored:
        name = next((name for name in names if name in world.records), None)
        if name is None:
            raise RecordError(f"Expected a record of {names[0]} in the evaluation world {world.seed}, got none.")
        record, sha256 = world.records[name]
        records.append(record)
        message = None if record.status == "complete" else failure(record)
        worlds[str(world.seed)] = InWorld(outcome_of(record), judged(record), numbers_of(record), sha256, message)
    decision, views = decided(records, plan.rule.limits)
    return Row(
        name=names[-1],
        title=title,
        league=league,
        track=track,
        budget=budget,
        decision=decision,
        views=views,
        worlds=worlds,
        **over(worlds, [number for number in NUMBERS if is_unlearnt(number, records, views)]),
    )


def _differences(plan: Plan, rows: Sequence[Row], leagues: Sequence[Members]) -> list[PairedDifference]:
    """All pairs that the plan prints, with Holm's correction over all of them."""
    compare, pairs = plan.compare, []
    for terms in leagues:
        members = [row for row in rows if row.league == terms.key]
        compared = {
            candidate_name(name, budget)
            for name, budget in terms.budgets.items()
            if name in (compare.methods or terms.budgets)
        }
        pairs += [
            (terms.key, first, second, number)
            for first, second in combinations(members, 2)
            if {first.name, second.name} & compared
            for number in compare.numbers
        ]
    return differences(pairs)


def _titles(methods: Mapping[str, str]) -> dict[str, str]:
    """Name of a method → its title; its name too, where two have one title."""
    titles = {name: method_titles([path]).get(name, name) for name, path in methods.items()}
    shown = list(titles.values())
    return {name: f"{title}, {name}" if shown.count(title) > 1 else title for name, title in titles.items()}


def _state(world: ReadWorld) -> WorldState:
    provenances = [record.provenance for record, _ in world.records.values()]
    commits = {one.commit + (", with uncommitted changes" if one.dirty else "") for one in provenances if one.commit}
    if world.message is not None:
        message = provenance.portable(world.message)
        return WorldState(world.seed, "waiting" if world.message == WAITING else "failed", None, message)
    return WorldState(world.seed, "scored", world.fingerprint, None, tuple(sorted(commits)))


def _silent_attacks(scored: Sequence[ReadWorld]) -> list[str]:
    """Where the strongest attack is that of fewer than were asked for."""
    sentences = []
    for world in scored:
        scores = [record.attacks.scores for record, _ in world.records.values() if record.attacks is not None]
        for name in dict.fromkeys(name for several in scores for name in several):
            reasons = [several[name].reason for several in scores if name in several]
            silent = [reason for reason in reasons if reason is not None]
            if silent:
                sentences.append(
                    f"In world {world.seed} the attack {name} says nothing of {len(silent)} of {len(reasons)} models "
                    f"({', '.join(dict.fromkeys(silent))}): R there is that of the others."
                )
    return sentences


def _check_one_rule(worlds: Sequence[ReadWorld]) -> None:
    """Refuse records judged by other thresholds, or of two versions of the benchmark."""
    versions: dict[int | None, str] = {}
    for world in worlds:
        for name, (record, _) in world.records.items():
            if record.protocol is not None and complete(record.protocol.thresholds) != THRESHOLDS:
                raise RecordError(
                    f"Expected records judged by the thresholds of this version, got others for {name} in the "
                    f"evaluation world {world.seed}. Take the version that made it."
                )
            versions.setdefault(record.benchmark_version, f"{record.benchmark_version} ({name}, world {world.seed})")
    if len(versions) > 1:
        raise RecordError(
            f"Expected records of one benchmark_version, got {' and '.join(versions.values())}. Numbers of two "
            "versions are not compared: make the older worlds again."
        )


def _check_one_content(worlds: Sequence[ReadWorld], methods: Mapping[str, str], identity: Mapping[str, str]) -> None:
    """Refuse a candidate of another file than the contest's, or with other options in another world."""
    configs: dict[str, Any] = {}
    for world in worlds:
        for name, (record, _) in world.records.items():
            files = {} if record.attacks is None else record.attacks.scores
            hashes = {f"the attack {attack}": score.info.sha256 for attack, score in files.items()}
            if name in methods and record.model.method_sha256 is not None:
                hashes[f"the method {methods[name]}"] = record.model.method_sha256
            others = [what for what, sha256 in hashes.items() if identity.get(what) != sha256]
            config = record.model.config if name in methods and record.status == "complete" else None
            if config is not None and configs.setdefault(name, config) != config:
                others.append("the options that the worlds before had")
            if others:
                raise RecordError(
                    f"Expected a record of {name} in the evaluation world {world.seed} by what the contest fixed, got "
                    f"other content of {', '.join(others)}. Delete the world's folder: the same command makes it again."
                )
