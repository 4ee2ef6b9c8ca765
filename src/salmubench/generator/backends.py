"""What the plug-ins that make pictures and captions offer, and how they are found.

A backend is a module: a name of the plug-in package, or the path of a `.py` file. One with options has a dataclass
`Config` and a function `connect(config)`, which gives an object with the functions that others have themselves. What
lists and the dataset's card say about it is its `BACKEND`.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar, cast

from salmubench.core import manifest, plugins
from salmubench.core import options as options_of
from salmubench.core.errors import ConfigError, UnknownName
from salmubench.generator.casting import Gender
from salmubench.generator.config import Backends, DatasetConfig

Plugin = TypeVar("Plugin")


@dataclass(frozen=True)
class Backend:
    """What a backend or a check says about itself, as `BACKEND` of its module.

    Attributes:
        title: one line for lists.
        card: how what it makes came about, for the dataset's card.
        statement: for the card's data statement: of portraits who is on them, of captions their language.
        licence: under which its pictures are given where nobody says otherwise, as the Hugging Face Hub calls it.
    """

    title: str
    card: str = ""
    statement: str = ""
    licence: str | None = None


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
    offers `fingerprint() -> str`, the hash of what it depends on; one that can't draw all that a recipe may ask for
    offers `examine(config)`, which raises a `ConfigError` before anything is written.
    """

    def sample_identity(self, seed: int, *, gender: Gender, age: int) -> Any:
        """Fixed traits of a face."""

    def sample_shot(self, appearance: Any, seed: int, *, aspect: float) -> Drawn:
        """One picture of it."""

    def render_jpeg(self, shots: Sequence[Any], *, size: int, samples: int = 1) -> list[bytes]:
        """Render pictures; each depends on its shot alone."""


class Scenes(Protocol):
    """Draws everything else.

    One whose pictures exist already sets `counted = True`: a scene's seed is then the picture's number within its class
    and split, from 0, and `examine(config)` raises a `ConfigError` with everything that is wrong with them. One that
    depends on files offers `fingerprint() -> str`; any may offer `examine`, as portraits do.
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

    One that writes many at once also offers `write(requests) -> list[Written]`. For `dataset.nameless` above 0 it also
    has `nameless(field, value, *, gender, style, seed)`: the value verbatim in a style, and no name.
    """

    def sensitive(self, name: str, field: str, value: str, *, gender: str | None, style: str, seed: int) -> str:
        """Name and one value verbatim, in a style."""

    def paraphrase(self, name: str, field: str, value: str, *, seed: int) -> str:
        """The same in a phrasing that no training caption uses."""

    def generic(self, facts: Mapping[str, str], seed: int) -> str:
        """What is visible, and nothing else."""


class Check(Protocol):
    """Checks portraits by a model."""

    def see(self, images: Sequence[bytes], facts: Sequence[Mapping[str, str]]) -> Sequence[Any]:
        """What the model finds on each picture; the facts say what it shall show."""

    def faults(self, seen: Sequence[Any], groups: Sequence[Hashable]) -> Mapping[int, tuple[str, str]]:
        """Index of each picture to draw again → reason in a word or two, and details.

        Args:
            seen: what `see` gave, one item per picture.
            groups: identity of each picture, or `None`.
        """


@dataclass(frozen=True, slots=True)
class Request:
    """One caption to write.

    Attributes:
        kind: which function of a caption backend.
        seed: the only source of randomness.
        name: full name of the persona, which a generic or nameless caption may not state; empty where there is none.
        facts: what is visible (generic captions).
        forbidden: private values that the text may not state.
    """

    kind: Literal["sensitive", "paraphrase", "generic", "nameless"]
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


@dataclass(frozen=True)
class Part(Generic[Plugin]):
    """A part of a dataset that plug-ins make, or check.

    Attributes:
        key: of the recipe: `dataset.backends.<key>`.
        package: where the plug-ins are.
        needs: what each of them has.
    """

    key: str
    package: str
    needs: tuple[str, ...]

    def load(self, name: str, options: Mapping[str, Any] | None = None) -> Plugin:
        """Load a backend by its name or the path of its file, with options for its `Config`.

        Raises:
            ConfigError: no such backend, an option that it doesn't have, a model that can't be used, or it lacks a
                function.
        """
        given = json.dumps(dict(options or {}), sort_keys=True, default=str)
        backend = _connected(self.key, name, self._module(name), given)
        missing = [item for item in self.needs if not hasattr(backend, item)]
        if missing:
            raise ConfigError(
                f"Expected {', '.join(self.needs)} in the {self.key} backend {name!r}, got no {', '.join(missing)}."
            )
        return cast(Plugin, backend)

    def of(self, chosen: Backends) -> Plugin:
        """Load the backend that a recipe names, as `load` does."""
        return self.load(*self.named_by(chosen))

    def named_by(self, chosen: Backends) -> tuple[str, Mapping[str, Any]]:
        """Name and options of the backend that a recipe names."""
        return str(getattr(chosen, self.key)), getattr(chosen, f"{self.key}_options")

    def names(self) -> list[str]:
        """Names of its plug-ins, sorted."""
        return plugins.names(self.package)

    def text(self, name: str) -> str:
        """The docstring of a backend."""
        return inspect.getdoc(self._module(name)) or ""

    def describe(self, name: str) -> Backend:
        """What a backend says about itself; one that says nothing is described by the start of its docstring.

        Raises:
            ConfigError: no such backend, or its `BACKEND` is something else.
        """
        module = self._module(name)
        backend = getattr(module, "BACKEND", None)
        if backend is None:
            return Backend(" ".join((module.__doc__ or "").partition("\n\n")[0].split()))
        if not isinstance(backend, Backend):
            raise ConfigError(
                f"Expected BACKEND of the {self.key} backend {name!r} to be a salmubench.generator.backends.Backend, "
                f"got {type(backend).__name__}."
            )
        return backend

    def _module(self, name: str) -> ModuleType:
        return plugins.load(self.package, name, kind=f"{self.key} backend")


PORTRAITS: Part[Portraits] = Part(
    "portraits", "salmubench.generator.portraits", ("sample_identity", "sample_shot", "render_jpeg")
)
SCENES: Part[Scenes] = Part(
    "retain_real",
    "salmubench.generator.retain",
    ("TEMPLATES", "class_names", "sample_scene", "caption", "render_jpeg"),
)
CAPTIONS: Part[Captions] = Part("captions", "salmubench.generator.captions", ("sensitive", "paraphrase", "generic"))
CHECKS: Part[Check] = Part("checks", "salmubench.generator.checks", ("see", "faults"))
PARTS: tuple[Part[Any], ...] = (PORTRAITS, SCENES, CAPTIONS)
"""Parts that a recipe names in `dataset.backends`; `CHECKS` are in `dataset.curation.checks`."""


def listed(kind: str) -> dict[str, tuple[Part[Any], str]]:
    """What there is of `backends` or `checks`: name in lists (`portraits/<name>`, `<name>`) → part, and name there."""
    if kind == "checks":
        return {name: (CHECKS, name) for name in CHECKS.names()}
    return {f"{part.package.rpartition('.')[2]}/{name}": (part, name) for part in PARTS for name in part.names()}


def part_of(path: str) -> Part[Any] | None:
    """Which part a `.py` file makes: the one whose functions it or a class in it has; `None` where it makes none.

    Raises:
        ConfigError: no such file, or it fails on import.
    """
    module = plugins.load(PORTRAITS.package, path, kind="plug-in")
    places = [module, *(value for value in vars(module).values() if isinstance(value, type))]
    fitting = (part for part in (*PARTS, CHECKS) if any(all(hasattr(at, item) for item in part.needs) for at in places))
    return next(fitting, None)


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
    if request.kind == "nameless":
        text: str = cast(Any, backend).nameless(
            request.field, request.value, gender=request.gender, style=request.style, seed=request.seed
        )
        return text
    return backend.sensitive(
        request.name, request.field, request.value, gender=request.gender, style=request.style, seed=request.seed
    )


def file_hashes(config: DatasetConfig) -> dict[str, str]:
    """Hashes of the backends that are files of the user's and of the files they depend on: inputs of the build."""
    hashes: dict[str, str] = {}
    for part in PARTS:
        hashes |= _hashes(part, *part.named_by(config.backends), part.key, f"{part.key}_content")
    for name, options in config.curation.checks.items():
        hashes |= _hashes(CHECKS, name, options, f"check {name}", f"check {name} model")
    return hashes


def _hashes(part: Part[Any], name: str, options: Mapping[str, Any], file: str, content: str) -> dict[str, str]:
    hashes = {}
    if plugins.is_path(name) and Path(name).is_file():
        hashes[file] = manifest.sha256_file(Path(name))
    backend = part.load(name, options)
    if hasattr(backend, "fingerprint"):
        hashes[content] = str(backend.fingerprint())
    return hashes


@functools.lru_cache(maxsize=8)  # blocks ask again and again, and a loaded model is worth keeping
def _connected(part: str, name: str, module: ModuleType, options: str) -> Any:
    given, kind = json.loads(options), getattr(module, "Config", None)
    if kind is None:
        if given:
            raise ConfigError(f"Expected no options for the {part} backend {name!r}, got {', '.join(given)}.")
        return module
    fields = [item.name for item in dataclasses.fields(kind)]
    place = f"curation.checks.{name}" if part == "checks" else f"backends.{part}_options"
    for key in given:
        if key not in fields:
            raise UnknownName(f"key in dataset.{place}:", key, fields)
    return module.connect(options_of.build(kind, given, owner=f"Options of the {part} backend {name!r}: "))
