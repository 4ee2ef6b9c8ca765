"""The groups of identities behind the structured holdouts, in the paper's proportions 193 : 387 : 194."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from salmubench.errors import ConfigError


class Group(StrEnum):
    """What becomes of an identity."""

    FORGET = "forget_identity"
    MIXED = "mixed"
    HOLDOUT = "holdout_identity"


SHARES: Mapping[Group, int] = {Group.FORGET: 193, Group.MIXED: 387, Group.HOLDOUT: 194}
"""The paper's counts (774 identities)."""


def group_sizes(identities: int) -> dict[Group, int]:
    """Divide a number of identities 193 : 387 : 194 (largest remainder), at least one of each and two mixed.

    Raises:
        ConfigError: fewer than four identities.
    """
    if identities < 4:
        raise ConfigError(
            f"Expected at least 4 identities (one to forget, two mixed, one held out), got {identities}. Raise "
            "dataset.identities."
        )
    least = {Group.FORGET: 1, Group.MIXED: 2, Group.HOLDOUT: 1}
    total = sum(SHARES.values())
    exact = {group: identities * share / total for group, share in SHARES.items()}
    sizes = {group: max(int(exact[group]), least[group]) for group in Group}
    while sum(sizes.values()) < identities:
        sizes[max(Group, key=lambda group: exact[group] - sizes[group])] += 1
    while sum(sizes.values()) > identities:
        spare = [group for group in Group if sizes[group] > least[group]]
        sizes[max(spare, key=lambda group: sizes[group] - exact[group])] -= 1
    return sizes
