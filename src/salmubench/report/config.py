"""Options of the report."""

from __future__ import annotations

from dataclasses import dataclass

from salmubench.core.errors import ConfigError

MAX_MEGABYTES = 100.0
"""No page may be allowed to be larger."""


@dataclass(frozen=True)
class ReportConfig:
    """What the page shows."""

    title: str = "SALMUBench"
    """Heading and title of the page."""

    questions: int = 12
    """Pictures of *Look inside* that each model with embeddings is asked about; 0 leaves it out."""

    gallery_seed: int = 0
    """Draws the pictures of *Look inside*. The draw never looks at scores."""

    portrait_size: int = 160
    """Short side of a picture in pixels; larger ones are reduced to it."""

    curve_points: int = 160
    """Points of a learning curve at most; longer ones are averaged in equal bins."""

    max_megabytes: float = 6.0
    """The page may not be larger; a larger one is an error, not a truncated page."""

    def __post_init__(self) -> None:
        for name, least, most in (
            ("questions", 0, 64),
            ("gallery_seed", 0, 2**32),
            ("portrait_size", 16, 512),
            ("curve_points", 8, 2000),
            ("max_megabytes", 0.1, MAX_MEGABYTES),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise ConfigError(f"Expected report.{name} from {least} to {most}, got {value!r}.")
        if not self.title.strip():
            raise ConfigError("Expected a report.title with at least one letter, got an empty one.")
