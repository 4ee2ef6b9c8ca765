"""All object classes, in a fixed order: new ones are appended, so that the first n classes stay the first n."""

from __future__ import annotations

from salmubench.dataset.scenes.catalogue import animals, food, household, nature, outdoors, things, tools, vehicles
from salmubench.dataset.scenes.classes import ObjectClass


def _interleaved() -> tuple[ObjectClass, ...]:
    # Every prefix shall hold classes of all kinds: take them from the tables in turn.
    tables = [module.CLASSES for module in (household, animals, vehicles, food, tools, nature, things, outdoors)]
    longest = max(len(table) for table in tables)
    return tuple(table[i] for i in range(longest) for table in tables if i < len(table))


CLASSES: tuple[ObjectClass, ...] = _interleaved()
