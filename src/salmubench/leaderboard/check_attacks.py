"""What can be wrong with the attacks of a submission: rows, what the record says of them, numbers that don't follow.

Rows are looked at before anything is computed of them: what follows trusts that each variant of an attack was read on
the same pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salmubench.core import plugins, writing
from salmubench.leaderboard import intake
from salmubench.leaderboard.check_items import Metrics, rows_of
from salmubench.leaderboard.findings import BOOTSTRAPS, WORD, Finding, Loaded, first_difference
from salmubench.leaderboard.intake import LIMITS
from salmubench.leaderboard.method_code import built_in_sha256, taken_for
from salmubench.leaderboard.submission import ATTACKS, RECORDS
from salmubench.scoring import items as item_tables
from salmubench.scoring.attacks.record import Attacks
from salmubench.scoring.attacks.recovery import THRESHOLD, section_again
from salmubench.scoring.attacks.table import GENERAL, KEYS, PARTS, REFERENCES
from salmubench.scoring.views import held_of

_PACKAGE, _VARIABLE = "salmubench.attacks", "ATTACK"
_STATED = ("title", "knows", "control", "headline")
_FALSE, _TRUE = "false_", "true"
_SEEDS = 10


def attack_findings(loaded: Loaded, metrics: Metrics) -> Iterator[Finding]:
    """Whether a record's attacks follow from its rows."""
    section, rows = loaded.record.attacks, loaded.attacks
    if section is None and rows is None:
        return
    if section is None or rows is None:
        given = "the section alone" if rows is None else "the rows alone"
        yield Finding("attacks", ATTACKS, f"Expected the record's section attacks with its rows, got {given}.")
        return
    said = [(RECORDS["record"], text) for text in _section_problems(loaded, section)]
    said += [(ATTACKS, text) for text in _row_problems(loaded, section, rows, metrics)]
    if not said:  # numbers from rows that can't be are no evidence
        said += [(RECORDS["record"], text) for text in _number_problems(section, rows)]
    for file, text in said:
        yield Finding("attacks", file, intake.plain_text(text, most=300))


def _section_problems(loaded: Loaded, section: Attacks) -> Iterator[str]:
    """What the section says that isn't the protocol's."""
    low, high = BOOTSTRAPS
    if not low <= section.bootstraps <= high:
        yield f"Expected attacks with {low} to {high:,} resamples, got {section.bootstraps}."
    if section.threshold != THRESHOLD:
        yield f"Expected the threshold {THRESHOLD} of attacks, got {section.threshold}."
    if not 1 <= len(section.seeds) <= _SEEDS or len(set(section.seeds)) < len(section.seeds):
        yield f"Expected 1 to {_SEEDS} different seeds of attacks, got {len(section.seeds)}."
    if section.breakdowns:
        yield "Expected no breakdowns of attacks, which can't be computed from the rows, got some."
    if not 1 <= len(section.scores) <= LIMITS.attacks:
        yield f"Expected 1 to {LIMITS.attacks} attacks, got {len(section.scores)}."
    if not set(section.references) <= set(REFERENCES):
        yield f"Expected the references {', '.join(REFERENCES)} of attacks, got others."
    for role, other in loaded.records.items():
        if role in section.references and section.references[role] != other.model.sha256:
            yield f"Expected attacks on the {role} that the submission shows, got those on another."
    if not {"clean", "compromised"} <= set(section.references):
        yield "Expected attacks on Clean and Compromised too, got none."
    built_in = plugins.names(_PACKAGE, outside=False)
    for name, score in section.scores.items():
        if not WORD.fullmatch(name):
            yield "Expected attacks called by letters, digits and _, got others."
        elif name in built_in:
            stated = plugins.description(_PACKAGE, name, _VARIABLE)
            described = {"control": "clean", "headline": PARTS[0], **stated}
            if any(getattr(score.info, field) != described[field] for field in _STATED):
                yield f"Expected {name} described as it is, got another description."
            if score.info.sha256 not in (hashes := built_in_sha256(name, _PACKAGE, _VARIABLE)):
                yield f"Expected the built-in code of {name} (SHA-256 {min(hashes)}), got {score.info.sha256:.64}."
        elif (taken := taken_for(name, built_in)) is not None:
            yield f"Expected a name that nobody takes for the attack {taken}, which is built in, got {name}."


def _row_problems(loaded: Loaded, section: Attacks, rows: pa.Table, metrics: Metrics) -> Iterator[str]:
    """Rows that can't be."""
    for name in KEYS:
        if name not in ("identity", "group") and rows.column(name).null_count:
            yield f"Expected something in every row of column {name}, got nothing in some."
            return
    strange = sorted(set(rows.column("attack").unique().to_pylist()) - set(section.scores))
    if strange:
        yield f"Expected rows of the record's attacks only, got {strange[0]!s:.40}."
    if set(rows.column("seed").unique().to_pylist()) - set(section.seeds):
        yield "Expected rows of the record's seeds only, got others."
    yield from _pair_problems(loaded, rows, metrics)
    yield from _value_problems(rows, loaded.gallery.num_rows)
    for name in section.scores:
        of_attack = rows.filter(pc.equal(rows.column("attack"), name))
        yield from _frame_problems(name, of_attack, section)
        if of_attack.num_rows and not section.scores[name].numbers:
            yield f"Expected the numbers of {name}, whose rows are there, got none."
    yield from _work(section, rows)


def _pair_problems(loaded: Loaded, rows: pa.Table, metrics: Metrics) -> Iterator[str]:
    """Pairs that aren't to be forgotten, and people in the wrong group."""
    judged = rows.filter(pc.not_equal(rows.column("part"), GENERAL))
    items = loaded.items["record"]
    held = held_of(loaded.record, items)
    whole = next((name for name, one in metrics.items() if one.split == "forget" and one.every_row), "")
    forget = set(rows_of(item_tables.of_metric(items, whole), "file_name", "identity_id"))
    for file, identity, group in dict.fromkeys(rows_of(judged, "file_name", "identity", "group")):
        if forget and (file, identity) not in forget:
            yield f"Expected pairs of forget that the items have, got {file!s:.60} of another person or none."
            return
        right = None if held is None else "association" if identity in held else "identity"
        if identity is None or group not in ("association", "identity") or right not in (None, group):
            yield f"Expected {file!s:.60} in the group of its person, got {group!s:.40}."
            return


def _frame_problems(name: str, rows: pa.Table, section: Attacks) -> Iterator[str]:
    """Each variant of an attack is read on the same pairs, once each; what zero is can be told."""
    parts = [str(part) for part in rows.column("part").unique().to_pylist()]
    variants = rows.column("variant").unique().to_pylist()
    if len(variants) > LIMITS.variants or len(parts) > LIMITS.parts or not all(map(WORD.fullmatch, parts)):
        yield f"Expected at most {LIMITS.variants} variants and {LIMITS.parts} parts, called by letters, of {name}."
        return
    frames: dict[tuple[int, str], Any] = {}
    for seed in rows.column("seed").unique().to_pylist():
        of_seed = rows.filter(pc.equal(rows.column("seed"), seed))
        for part in parts:
            frames[seed, part] = _frame(of_seed.filter(pc.equal(of_seed.column("part"), part)))
            if frames[seed, part] is None:
                yield f"Expected the same pairs, each once, in every variant of {name}, part {part:.40}, got others."
                return
    if section.scores[name].info.control != "clean" and rows.num_rows:
        false = [part for part in parts if part.startswith(_FALSE)]
        if _TRUE not in parts or not false:
            yield f"Expected true and false facts in {name}, got the parts {', '.join(parts):.80}."
        elif any(frames[seed, _TRUE] != frames[seed, part] for seed, _ in frames for part in false):
            yield f"Expected true and false facts of {name} about the same pairs, got others."
    for reference in ("clean", "compromised"):
        if rows.column(reference).null_count not in (0, rows.num_rows):
            yield f"Expected {reference} in all rows of {name} or in none, got it in some."


def _frame(rows: pa.Table) -> tuple[tuple[str, ...], list[tuple[Any, ...]]] | None:
    """Variants and pairs of one seed and part: variant by variant, all of the same pairs, none twice; else `None`."""
    names = rows.column("variant").to_pylist()
    variants, keys = tuple(dict.fromkeys(names)), rows_of(rows, "file_name", "identity", "group")
    each = len(keys) // max(len(variants), 1)
    first = keys[:each]
    blocks = names == [variant for variant in variants for _ in range(each)]
    return (variants, first) if blocks and keys == first * len(variants) and len(set(first)) == each else None


def _value_problems(rows: pa.Table, gallery_rows: int) -> Iterator[str]:
    """Ranks and scores that can't be."""
    columns = {name: rows.column(name).to_numpy().astype(np.float64) for name in ("rank", "score", *REFERENCES)}
    rank = columns["rank"]
    if (np.isnan(rank) == np.isnan(columns["score"])).any():
        yield "Expected a rank or a score in every row, got both or none in some."
        return
    ranked, retrieval = ~np.isnan(rank), np.array(rows.column("part").to_pylist(), object) == PARTS[0]
    for name, values in columns.items():
        given = ~np.isnan(values)
        bad_rank = ranked & given & ((values < 1) | (values * 2 != np.round(values * 2)) | ~np.isfinite(values))
        bad_rank |= ranked & given & retrieval & (values > gallery_rows + 1)
        bad_score = ~ranked & given & ((np.abs(values) > 1) | ~np.isfinite(values))
        bad = np.flatnonzero(bad_rank | bad_score)
        if len(bad):
            expected = f"ranks from 1 to {gallery_rows + 1:,} in halves, scores from −1 to 1"
            yield f"Expected {expected} in column {name}, got {values[bad[0]]:g}."


def _work(section: Attacks, rows: pa.Table) -> Iterator[str]:
    """More work than a check does."""
    people = pc.count_distinct(rows.column("identity")).as_py()
    names = rows.select(["attack", "part"]).group_by(["attack", "part"]).aggregate([]).num_rows
    work = people * section.bootstraps * (3 * names + len(REFERENCES) * len(section.scores))
    if work > LIMITS.work:
        yield f"Expected at most {LIMITS.work:,} people × resamples × numbers of attacks, got {work:,}."


def _number_problems(section: Attacks, rows: pa.Table) -> Iterator[str]:
    """Numbers, controls and the answer again from the rows."""
    again = section_again(section, rows)
    for name, score in again.scores.items():
        difference = first_difference(writing.plain(section.scores[name]), writing.plain(score))
        if difference is not None:
            yield f"Expected {name} as its rows give it, {difference}."
    claimed, computed = ({"recoverable": one.recoverable, "strongest": one.strongest} for one in (section, again))
    answer = first_difference(claimed, computed)
    if answer is not None:
        yield f"Expected the answer that follows from the attacks, {answer}."
