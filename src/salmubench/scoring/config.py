"""Options of the stage `score`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from salmubench.core.errors import ConfigError, UnknownName
from salmubench.core.types import GROUPINGS
from salmubench.scoring.bootstrap import BOOTSTRAPS, MOST

Rounding = Literal["exact", "fp16", "bf16"]
Ties = Literal["half", "optimistic", "pessimistic"]


@dataclass(frozen=True)
class Ranking:
    """How similarities become ranks; the protocol's way is the default, the others are to compare with other programs.

    Attributes:
        rounding: `exact`, or similarities rounded to half precision first.
        ties: equally similar others count `half`, not at all (`optimistic`) or whole (`pessimistic`).
    """

    rounding: Rounding = "exact"
    ties: Ties = "half"

    @property
    def weight(self) -> float:
        """What an equally similar other adds to a rank."""
        return {"half": 0.5, "optimistic": 0.0, "pessimistic": 1.0}[self.ties]


PROTOCOL_RANKING = Ranking()
"""How records rank."""


STATED = ("bootstraps", "identity_prompt", "fact_values", "fact_rows", "acs_test_share")
"""Options that records state, and datasets of a recipe."""


@dataclass(frozen=True)
class ScoreConfig:
    """How scores are computed; galleries, permutations and resamples have fixed seeds of their own."""

    bootstraps: int = BOOTSTRAPS
    """Resamples behind each interval."""
    identity_prompt: str = "a photo of {name}"
    """Prompt that names a person (the paper prints none); recorded with the scores."""
    extra_metrics: tuple[str, ...] = ()
    """Further metrics: paths of Python files, or names of installed plug-ins."""
    by: tuple[str, ...] = ()
    """Groupings by which every number is broken down in the record, e.g. attribute or country."""

    fact_values: int = 100
    """Other values of each association, among which its fact is ranked; all where there are fewer. Recorded."""
    fact_rows: int = 2000
    """Pairs of forget whose facts are ranked, whole associations, and half as many of each holdout; 0: all."""

    acs_test_share: float = 0.5
    """Share of the pictures of forget on which true and permuted pairs are told apart; the others train the
    classifier. Half, as in the authors' own results. Recorded with the scores."""

    @classmethod
    def of(cls, stated: Any, **others: Any) -> ScoreConfig:
        """The options that a record's protocol states; those that it leaves out (older records) as by default."""
        values = {name: value for name in STATED if (value := getattr(stated, name, None)) is not None}
        return cls(**{**values, **others})

    @property
    def stated(self) -> dict[str, Any]:
        """Those that records and datasets state."""
        return {name: getattr(self, name) for name in STATED}

    def __post_init__(self) -> None:
        """Check the fields."""
        if not 100 <= self.bootstraps <= MOST:
            raise ConfigError(f"Expected score.bootstraps from 100 to {MOST:,}, got {self.bootstraps}.")
        if self.fact_values < 5:
            raise ConfigError(
                f"Expected score.fact_values of at least 5, got {self.fact_values}: a rank needs three others."
            )
        if self.fact_rows < 0:
            raise ConfigError(f"Expected score.fact_rows of at least 0 (0: all), got {self.fact_rows}.")
        if not 0 < self.acs_test_share < 1:
            raise ConfigError(f"Expected score.acs_test_share between 0 and 1, got {self.acs_test_share}.")
        for name in self.by:
            if name not in GROUPINGS:
                raise UnknownName("grouping", name, GROUPINGS)
        if self.identity_prompt.count("{name}") != 1:
            raise ConfigError(f"Expected score.identity_prompt with one {{name}}, got {self.identity_prompt!r}.")
