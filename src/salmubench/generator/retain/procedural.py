"""retain_real drawn by ourselves: everyday objects in many colours, materials, places and views.

What gives a model its general knowledge: each picture shows one class of things (`scenes`), each caption names it.
Held-out pictures come from combinations of class, colour, place and view that no training picture shows.
"""

from __future__ import annotations

from collections.abc import Sequence

from salmubench.core.errors import ConfigError
from salmubench.core.executor import cores
from salmubench.drawing.sizes import check_samples
from salmubench.drawing.things.catalogue import CLASSES
from salmubench.drawing.things.scene import Scene, sample_scene
from salmubench.drawing.things.words import TEMPLATES, caption
from salmubench.generator.backends import Backend
from salmubench.generator.config import DatasetConfig

__all__ = ["TEMPLATES", "Scene", "caption", "class_names", "examine", "render_jpeg", "sample_scene"]

BACKEND = Backend("Everyday objects drawn in many colours, materials, places and views.")


def class_names(count: int) -> list[str]:
    """Return the names of the first `count` classes of a fixed order.

    Raises:
        ConfigError: `count` is below 1 or above the number of classes.
    """
    if not 1 <= count <= len(CLASSES):
        raise ConfigError(f"Expected 1..{len(CLASSES)} object classes, got {count}. Change it in the recipe.")
    return [row.name for row in CLASSES[:count]]


def examine(config: DatasetConfig) -> None:
    """Check what the renderer can't draw.

    Raises:
        ConfigError: samples that are no square number.
    """
    check_samples(config.samples)


def render_jpeg(scenes: Sequence[Scene], *, size: int, samples: int = 1) -> list[bytes]:
    """Draw scenes as JPEG, short side `size` px; bytes depend neither on the batch nor on the number of threads.

    Raises:
        ConfigError: a size or a number of samples that can't be.
    """
    # Numba is loaded when something is drawn: class names and captions do without it.
    from salmubench.drawing.things import draw

    return draw.render_jpeg(scenes, size=size, samples=samples, threads=cores())
