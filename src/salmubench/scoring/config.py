"""Options of the stage `score`."""

from __future__ import annotations

from dataclasses import dataclass

from salmubench.errors import ConfigError, UnknownName
from salmubench.types import GROUPINGS


@dataclass(frozen=True)
class ScoreConfig:
    """How scores are computed; galleries, permutations and resamples have fixed seeds of their own."""

    bootstraps: int = 1000
    """Resamples behind each interval."""
    identity_prompt: str = "a photo of {name}"
    """Prompt that names a person (the paper prints none); recorded with the scores."""
    extra_metrics: tuple[str, ...] = ()
    """Further metrics: paths of Python files, or names of installed plug-ins."""
    by: tuple[str, ...] = ()
    """Groupings by which every number is broken down in the record, e.g. attribute or country."""

    def __post_init__(self) -> None:
        """Check the fields."""
        if self.bootstraps < 100:
            raise ConfigError(f"Expected score.bootstraps of at least 100, got {self.bootstraps}.")
        for name in self.by:
            if name not in GROUPINGS:
                raise UnknownName("grouping", name, GROUPINGS)
        if self.identity_prompt.count("{name}") != 1:
            raise ConfigError(f"Expected score.identity_prompt with one {{name}}, got {self.identity_prompt!r}.")
