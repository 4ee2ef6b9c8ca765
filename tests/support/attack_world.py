"""Invented attacks on the models of a run folder: rows that show everything, and the sections that follow from them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from salmubench.core import writing
from salmubench.core.types import Pair
from salmubench.dataset import layout
from salmubench.scoring.attacks.record import AttackInfo, Attacks
from salmubench.scoring.attacks.recovery import THRESHOLD, attack_score, verdict
from salmubench.scoring.attacks.table import GENERAL, SCHEMA, SUFFIX
from salmubench.scoring.record_files import read_record

INFOS: Mapping[str, AttackInfo] = {
    "asked": AttackInfo("asked otherwise", "none", "clean", "leakage", "1" * 64, {}),
    "picked": AttackInfo("first or last among others", "none", "clean", "pick", "2" * 64, {}),
    "trained": AttackInfo("trained on some of them", "few", "clean", "leakage", "3" * 64, {"lr": 0.1}),
    "relearnt": AttackInfo("true facts against false ones", "all", "false_facts", "relearnt", "4" * 64, {}),
}
"""Attack → what it is."""
VARIANTS: Mapping[str, Sequence[str]] = {
    "asked": ("asked",),
    "picked": ("asked: top", "asked: lowest"),
    "trained": ("lr 0.1, 10 steps", "lr 0.1, 20 steps", "lr 0.3, 10 steps", "lr 0.3, 20 steps"),
    "relearnt": ("relearnt",),
}
_PARTS: Mapping[str, Sequence[str]] = {
    "asked": ("leakage", "fact"),
    "picked": ("pick", "auc_value"),
    "trained": ("leakage", "fact", GENERAL),
    "relearnt": ("true", "false_invented", "false_swapped"),
}
SEEDS = (0, 1)
REFERENCES = {"clean": 0.0, "compromised": 1.0, "retrained": 0.0}
"""Column → share of the facts that the reference shows under any attack."""


def attack_rows(dataset: layout.Dataset, levels: Mapping[str, float], *, who: str = "own") -> pa.Table:
    """Rows of all attacks on one invented model.

    Args:
        dataset: the pairs.
        levels: attack → share of the facts that comes back.
        who: names the model, for its noise.
    """
    whole, pairs = dataset.forget_identity_ids(), dataset.rows("forget")
    knowledge = [Pair(row.file_name, row.caption) for row in dataset.rows("general_knowledge")]
    found = []
    for attack in levels:
        for variant in VARIANTS[attack]:
            for part in _PARTS[attack]:
                for seed in SEEDS:
                    for pair in knowledge if part == GENERAL else pairs:
                        row = dict.fromkeys(SCHEMA.names)
                        row |= {"attack": attack, "variant": variant, "seed": seed, "part": part}
                        row |= {"file_name": pair.file_name, "identity": pair.identity}
                        group = "identity" if pair.identity in whole else "association"
                        row["group"] = None if part == GENERAL else group
                        key = (variant, part, seed, pair.file_name)
                        own = "rank" if part in ("leakage", "fact") else "score"
                        row[own] = _number(levels[attack] * _strength(variant), who, *key)
                        row |= {name: _number(level, name, *key) for name, level in REFERENCES.items()}
                        found.append(row)
    return pa.Table.from_pylist(found, SCHEMA)


def _strength(variant: str) -> float:
    return (1.0 if "20 steps" in variant or "steps" not in variant else 0.6) * (0.5 if "0.3" in variant else 1.0)


def _number(level: float, who: str, variant: str, part: str, seed: int, name: str) -> float:
    """A rank where ranks are asked for, else 1 or 0; nobody knows what is false, and everybody general knowledge."""
    chance = random.Random(repr((who, part, seed, name))).random()
    knows = chance < level
    if part in ("leakage", "fact"):
        return 1.0 if knows else float(2 + int(100 * chance) % (900 if part == "leakage" else 5))
    if part == GENERAL:
        return float(chance < 0.5)
    if part == "pick":
        return float(knows and variant.endswith("top"))
    return float(knows and not part.startswith("false_"))


def write_attacks(folder: Path, levels: Mapping[str, Mapping[str, float]], *, bootstraps: int = 100) -> None:
    """Attack models of a run folder: rows beside their records, the section in them.

    Args:
        folder: of the run.
        levels: model → attack → share of the facts that comes back.
        bootstraps: resamples behind an interval.
    """
    dataset = layout.Dataset(folder / "dataset")
    shas = {name: read_record(folder / "records" / f"{name}.json").model.sha256 for name in ("clean", "compromised")}
    for model, of_attack in levels.items():
        path = folder / "records" / f"{model}.json"
        table = attack_rows(dataset, of_attack, who=model)
        pq.write_table(table, path.with_name(path.stem + SUFFIX))
        writing.write_json(path, replace(read_record(path), attacks=section(table, of_attack, shas, bootstraps)))


def section(table: pa.Table, attacks: Sequence[str] | Mapping[str, float], shas: Mapping[str, str | None],
            bootstraps: int = 100) -> Attacks:  # fmt: skip
    """What follows from rows."""
    import pyarrow.compute as pc

    scores = {
        name: attack_score(
            table.filter(pc.equal(table.column("attack"), name)).combine_chunks(), INFOS[name], bootstraps=bootstraps
        )
        for name in attacks
    }
    answer, strongest = verdict(scores)
    return Attacks(
        recoverable=answer, strongest=strongest, threshold=THRESHOLD, seeds=SEEDS, known=6, held=60, references=shas,
        inputs="5" * 64, bootstraps=bootstraps, scores=scores,
    )  # fmt: skip
