"""The groups of identities behind the structured holdouts, in the paper's proportions 193 : 387 : 194."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from salmubench.core.errors import ConfigError
from salmubench.dataset.apportion import apportion


class Group(StrEnum):
    """What becomes of an identity."""

    FORGET = "forget_identity"
    MIXED = "mixed"
    HOLDOUT = "holdout_identity"


SHARES: Mapping[Group, int] = {Group.FORGET: 193, Group.MIXED: 387, Group.HOLDOUT: 194}
"""The paper's counts (774 identities)."""

_LEAST: Mapping[Group, int] = {Group.FORGET: 1, Group.MIXED: 2, Group.HOLDOUT: 1}


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
    total = sum(SHARES.values())
    exact = [identities * SHARES[group] / total for group in Group]
    return dict(zip(Group, apportion(exact, identities, least=[_LEAST[group] for group in Group]), strict=True))
