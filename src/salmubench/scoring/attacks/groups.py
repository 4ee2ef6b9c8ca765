"""Recovery by group: the same rows, split by what the dataset says about the pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salmubench.core.types import Split
from salmubench.scoring.attacks.record import Attacks, Recovery
from salmubench.scoring.attacks.recovery import recovery_of
from salmubench.scoring.attacks.table import GENERAL
from salmubench.scoring.breakdown import UNKNOWN, Facts, labels_of


def with_breakdowns(section: Attacks, table: pa.Table, facts: Facts, by: tuple[str, ...]) -> Attacks:
    """The section with the headline number of each attack by groupings.

    People all of whose associations had to go are counted, as in the headline; by `kind` all are, which splits the
    two. Variants are chosen within each group. An attack without a number has none by group either.
    """
    return replace(section, breakdowns={one: _by(section, table, facts, one) for one in by})


def _by(section: Attacks, table: pa.Table, facts: Facts, by: str) -> dict[str, Mapping[str, Recovery]]:
    recoveries: dict[str, Mapping[str, Recovery]] = {}
    for name, score in section.scores.items():
        if score.reason is not None:
            continue
        rows = table.filter(
            pc.and_(pc.equal(table.column("attack"), name), pc.not_equal(table.column("part"), GENERAL))
        )
        if by != "kind":
            rows = rows.filter(pc.equal(rows.column("group"), "identity"))
        named = rows.append_column("split", pa.array([str(Split.FORGET)] * rows.num_rows, pa.string()))
        labels = np.array(labels_of(named, facts, by), dtype=object)
        ordered = [label for label, _ in sorted(Counter(labels.tolist()).items(), key=lambda item: (-item[1], item[0]))]
        if set(ordered) - {UNKNOWN}:
            recoveries[name] = {
                label: recovery_of(rows.filter(pa.array(labels == label)), score.info, bootstraps=section.bootstraps)
                for label in ordered
            }
    return recoveries
