"""Options of the stage `attack`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from salmubench.core.errors import ConfigError


@dataclass(frozen=True)
class AttackConfig:
    """How models are attacked; rates and steps of each attack are its own options, those of mini by default."""

    attacks: tuple[str, ...] = ()
    """Names or paths; `all` stands for every one, and none is run by default."""
    budgets: tuple[float, ...] = ()
    """Of the candidates of a run those of these budgets are attacked; all by default."""
    seeds: int = 2
    """How often each attack runs, with the seeds `seed`, `seed + 1`, …."""
    share: float = 0.1
    """T: share of the forget pairs that an attacker with a few of them has."""
    facts_per_person: int = 2
    """Facts of one person in T at most."""
    rows: int = 2000
    """Pairs outside T on which attacks are judged, whole associations; all where there are fewer."""
    retain_rows: int = 4000
    """Retain pairs of each kind that an attacker has; all where there are fewer."""
    knowledge_pictures: int = 512
    """Pictures of general knowledge that each attacked model is shown."""
    threads: int = 1
    """Processor threads of one model's attacks; with another number the last digits of rows may differ."""
    overrides: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Attack → options by name, e.g. other rates at another scale."""

    def __post_init__(self) -> None:
        """Check the fields."""
        for name in ("seeds", "facts_per_person", "rows", "retain_rows", "threads"):
            if getattr(self, name) < 1:
                raise ConfigError(f"Expected attack.{name} of at least 1, got {getattr(self, name)}.")
        if not 0 < self.share <= 0.5:
            raise ConfigError(
                f"Expected attack.share above 0 and at most 0.5, got {self.share}: what an attacker is given can't be "
                "more than what is left to judge the attack on."
            )
        if any(budget <= 0 for budget in self.budgets):
            raise ConfigError(f"Expected attack.budgets above 0, got {list(self.budgets)}.")
        if self.knowledge_pictures < 0:
            raise ConfigError(f"Expected attack.knowledge_pictures of at least 0, got {self.knowledge_pictures}.")
