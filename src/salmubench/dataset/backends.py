"""What the plug-ins that make pictures and captions offer, and how they are found.

A backend is a module: a name of the plug-in package, or the path of a `.py` file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Protocol, cast

from salmubench import manifest, plugins
from salmubench.dataset.config import DatasetConfig
from salmubench.errors import ConfigError

PACKAGES: Mapping[str, str] = {
    "portraits": "salmubench.dataset.portraits",
    "captions": "salmubench.dataset.captions",
    "retain_real": "salmubench.dataset.retain",
}
"""Key of `dataset.backends` → plug-in package."""


class Drawn(Protocol):
    """One picture before it is rendered."""

    @property
    def facts(self) -> Mapping[str, str]:
        """What is visible, in plain words."""


class Portraits(Protocol):
    """Draws people."""

    def sample_identity(self, seed: int, *, gender: Literal["female", "male"], age: int) -> Any:
        """Fixed traits of a face."""

    def sample_shot(self, appearance: Any, seed: int, *, aspect: float) -> Drawn:
        """One picture of it."""

    def render_jpeg(self, shots: Sequence[Any], *, size: int, samples: int = 1) -> list[bytes]:
        """Render pictures; each depends on its shot alone."""


class Scenes(Protocol):
    """Draws everything else."""

    TEMPLATES: Sequence[str]

    def class_names(self, count: int) -> Sequence[str]:
        """The first `count` classes."""

    def sample_scene(self, class_index: int, seed: int, *, aspect: float = 1.0, heldout: bool = False) -> Drawn:
        """One picture of a class."""

    def caption(self, scene: Any, seed: int) -> str:
        """A caption that names the class."""

    def render_jpeg(self, scenes: Sequence[Any], *, size: int, samples: int = 1) -> list[bytes]:
        """Render pictures; each depends on its scene alone."""


class Captions(Protocol):
    """Writes captions; the same text from the same seed."""

    def sensitive(self, name: str, field: str, value: str, *, gender: str | None, style: str, seed: int) -> str:
        """Name and one value verbatim, in a style."""

    def paraphrase(self, name: str, field: str, value: str, *, seed: int) -> str:
        """The same in a phrasing that no training caption uses."""

    def generic(self, facts: Mapping[str, str], seed: int) -> str:
        """What is visible, and nothing else."""


def captions(name: str) -> Captions:
    """Load a caption backend.

    Raises:
        ConfigError: no such backend, or it lacks a function.
    """
    return cast(Captions, _load("captions", name, ("sensitive", "paraphrase", "generic")))


def portraits(name: str) -> Portraits:
    """Load a portrait backend.

    Raises:
        ConfigError: no such backend, or it lacks a function.
    """
    return cast(Portraits, _load("portraits", name, ("sample_identity", "sample_shot", "render_jpeg")))


def scenes(name: str) -> Scenes:
    """Load a backend of retain_real.

    Raises:
        ConfigError: no such backend, or it lacks a function.
    """
    needed = ("TEMPLATES", "class_names", "sample_scene", "caption", "render_jpeg")
    return cast(Scenes, _load("retain_real", name, needed))


def file_hashes(config: DatasetConfig) -> dict[str, str]:
    """SHA-256 of the backends that are files of the user's: inputs of the build."""
    chosen = {part: str(getattr(config.backends, part)) for part in PACKAGES}
    return {
        part: manifest.sha256_file(Path(name))
        for part, name in chosen.items()
        if plugins.is_path(name) and Path(name).is_file()
    }


def _load(part: str, name: str, needed: Sequence[str]) -> ModuleType:
    module = plugins.load(PACKAGES[part], name, kind=f"{part} backend")
    missing = [item for item in needed if not hasattr(module, item)]
    if missing:
        raise ConfigError(
            f"Expected {', '.join(needed)} in the {part} backend {name!r}, found no {', '.join(missing)}."
        )
    return module
