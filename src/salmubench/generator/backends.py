"""What the plug-ins that make pictures and captions offer, and how they are found.

A backend is a module: a name of the plug-in package, or the path of a `.py` file. One with options has a dataclass
`Config` and a function `connect(config)`, which gives an object with the functions that others have themselves.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import typing
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple, Protocol, cast

from salmubench import manifest, plugins
from salmubench.errors import ConfigError, UnknownName
from salmubench.generator.config import DatasetConfig

PACKAGES: Mapping[str, str] = {
    "portraits": "salmubench.generator.portraits",
    "captions": "salmubench.generator.captions",
    "retain_real": "salmubench.generator.retain",
}
"""Key of `dataset.backends` → plug-in package."""

_NEEDED: Mapping[str, tuple[str, ...]] = {
    "portraits": ("sample_identity", "sample_shot", "render_jpeg"),
    "captions": ("sensitive", "paraphrase", "generic"),
    "retain_real": ("TEMPLATES", "class_names", "sample_scene", "caption", "render_jpeg"),
    "checks": ("see", "faults"),
}


CHECKS = "salmubench.generator.checks"
"""Plug-in package of the checks by models (`dataset.curation.checks`)."""


class FaceView(NamedTuple):
    """Where the face lies in a picture.

    Attributes:
        inside: share of it that lies inside the picture.
        height: from chin to hairline, in shares of the picture's short side.
    """

    inside: float
    height: float


class Drawn(Protocol):
    """One picture before it is rendered. One that knows where the face lies has a property `face_view: FaceView`."""

    @property
    def facts(self) -> Mapping[str, str]:
        """What is visible, in plain words."""


class Portraits(Protocol):
    """Draws people.

    One that is bound to the people it has also offers `cast(config, seed) -> Casting`; one that depends on files
    offers `fingerprint() -> str`, the hash of what it depends on.
    """

    def sample_identity(self, seed: int, *, gender: Literal["female", "male"], age: int) -> Any:
        """Fixed traits of a face."""

    def sample_shot(self, appearance: Any, seed: int, *, aspect: float) -> Drawn:
        """One picture of it."""

    def render_jpeg(self, shots: Sequence[Any], *, size: int, samples: int = 1) -> list[bytes]:
        """Render pictures; each depends on its shot alone."""


class Scenes(Protocol):
    """Draws everything else.

    One whose pictures exist already sets `counted = True`: a scene's seed is then the picture's number within its class
    and split, from 0, and `examine(config)` raises a `ConfigError` with everything that is wrong with them. One that
    depends on files offers `fingerprint() -> str`.
    """

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
    """Writes captions; the same text from the same seed.

    One that writes many at once also offers `write(requests) -> list[Written]`.
    """

    def sensitive(self, name: str, field: str, value: str, *, gender: str | None, style: str, seed: int) -> str:
        """Name and one value verbatim, in a style."""

    def paraphrase(self, name: str, field: str, value: str, *, seed: int) -> str:
        """The same in a phrasing that no training caption uses."""

    def generic(self, facts: Mapping[str, str], seed: int) -> str:
        """What is visible, and nothing else."""


class Check(Protocol):
    """Judges portraits by a model."""

    def see(self, images: Sequence[bytes], facts: Sequence[Mapping[str, str]]) -> Sequence[Any]:
        """What the model finds on each picture; the facts say what it shall show."""

    def faults(self, seen: Sequence[Any], kin: Sequence[Hashable]) -> Mapping[int, tuple[str, str]]:
        """Index of each picture to draw again → reason in a word or two, and details. Kin: who is on it, or `None`."""


@dataclass(frozen=True, slots=True)
class Request:
    """One caption to write.

    Attributes:
        kind: which of the three functions of a caption backend.
        seed: the only source of randomness.
        name: full name of the persona, which a generic caption may not tell; empty where there is none.
        field: the value field.
        value: the text of it.
        gender: of the persona.
        style: of a training caption.
        facts: what is visible (generic captions).
        forbidden: private values that the text may not tell.
    """

    kind: Literal["sensitive", "paraphrase", "generic"]
    seed: int
    name: str = ""
    field: str = ""
    value: str = ""
    gender: str | None = None
    style: str = ""
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    forbidden: tuple[str, ...] = ()


class Written(NamedTuple):
    """A caption and how it came about.

    Attributes:
        text: the caption.
        refused: why each earlier attempt was refused, in order.
        by: the backend that wrote it in the end, where it wasn't the one asked; else `None`.
    """

    text: str
    refused: tuple[str, ...] = ()
    by: str | None = None


def captions(name: str, options: Mapping[str, Any] | None = None) -> Captions:
    """Load a caption backend.

    Raises:
        ConfigError: no such backend, an option that it doesn't have, or it lacks a function.
    """
    return cast(Captions, _load("captions", name, options))


def portraits(name: str, options: Mapping[str, Any] | None = None) -> Portraits:
    """Load a portrait backend.

    Raises:
        ConfigError: no such backend, an option that it doesn't have, or it lacks a function.
    """
    return cast(Portraits, _load("portraits", name, options))


def scenes(name: str, options: Mapping[str, Any] | None = None) -> Scenes:
    """Load a backend of retain_real.

    Raises:
        ConfigError: no such backend, an option that it doesn't have, or it lacks a function.
    """
    return cast(Scenes, _load("retain_real", name, options))


def check(name: str, options: Mapping[str, Any] | None = None) -> Check:
    """Load a check by a model.

    Raises:
        ConfigError: no such check, an option that it doesn't have, or a model that can't be used.
    """
    return cast(Check, _load("checks", name, options))


def write(backend: Captions, requests: Sequence[Request]) -> list[Written]:
    """Write captions, at once where the backend can."""
    if hasattr(backend, "write"):
        return cast(list[Written], backend.write(requests))
    return [Written(write_one(backend, request)) for request in requests]


def write_one(backend: Captions, request: Request) -> str:
    """Write one caption."""
    if request.kind == "generic":
        return backend.generic(request.facts, request.seed)
    if request.kind == "paraphrase":
        return backend.paraphrase(request.name, request.field, request.value, seed=request.seed)
    return backend.sensitive(
        request.name, request.field, request.value, gender=request.gender, style=request.style, seed=request.seed
    )


def file_hashes(config: DatasetConfig) -> dict[str, str]:
    """Hashes of the backends that are files of the user's and of the files they depend on: inputs of the build."""
    found = {}
    for part in PACKAGES:
        name, options = _chosen(config, part)
        if plugins.is_path(name) and Path(name).is_file():
            found[part] = manifest.sha256_file(Path(name))
        backend = _load(part, name, options)
        if hasattr(backend, "fingerprint"):
            found[f"{part}_content"] = str(backend.fingerprint())
    for name, options in config.curation.checks.items():
        if plugins.is_path(name) and Path(name).is_file():
            found[f"check {name}"] = manifest.sha256_file(Path(name))
        judge = check(name, options)
        if hasattr(judge, "fingerprint"):
            found[f"check {name} model"] = str(judge.fingerprint())
    return found


def _chosen(config: DatasetConfig, part: str) -> tuple[str, Mapping[str, Any]]:
    return str(getattr(config.backends, part)), getattr(config.backends, f"{part}_options")


def _load(part: str, name: str, options: Mapping[str, Any] | None) -> Any:
    module = plugins.load({**PACKAGES, "checks": CHECKS}[part], name, kind=f"{part} backend")
    backend = _connected(part, name, module, json.dumps(dict(options or {}), sort_keys=True, default=str))
    missing = [item for item in _NEEDED[part] if not hasattr(backend, item)]
    if missing:
        raise ConfigError(
            f"Expected {', '.join(_NEEDED[part])} in the {part} backend {name!r}, found no {', '.join(missing)}."
        )
    return backend


@functools.lru_cache(maxsize=8)  # blocks ask again and again, and a loaded model is worth keeping
def _connected(part: str, name: str, module: ModuleType, options: str) -> Any:
    given, kind = json.loads(options), getattr(module, "Config", None)
    if kind is None:
        if given:
            raise ConfigError(f"Expected no options for the {part} backend {name!r}, found {', '.join(given)}.")
        return module
    return module.connect(_parse(part, name, kind, given))


def _parse(part: str, name: str, kind: type[Any], given: Mapping[str, Any]) -> Any:
    import jsonargparse

    hints = typing.get_type_hints(kind)
    fields = [item.name for item in dataclasses.fields(kind)]
    place = f"curation.checks.{name}" if part == "checks" else f"backends.{part}_options"
    for key in given:
        if key not in fields:
            raise UnknownName(f"key in dataset.{place}:", key, fields)
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    for key in given:
        parser.add_argument(f"--{key}", type=hints[key])
    try:
        parsed = parser.parse_object(dict(given))
    except jsonargparse.ArgumentError as error:
        raise ConfigError(f"Options of the {part} backend {name!r}: {error}") from error
    return kind(**{key: parsed[key] for key in given})
