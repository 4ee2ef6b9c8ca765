"""What attacks bring back, as cells of tables."""

from __future__ import annotations

from salmubench.scoring.attack_record import AttackScore, Recovery

NOTHING = "–"


def cell(score: AttackScore) -> str:
    """The headline number in per cent, or a dash where there is none."""
    found = headline(score)
    return NOTHING if found is None or found.value is None else f"{100 * found.value:.1f}".replace("-", "−")


def headline(score: AttackScore) -> Recovery | None:
    """The recovery that stands for an attack; `None` where it says nothing."""
    return None if score.reason is not None else score.numbers.get(score.info.headline)
