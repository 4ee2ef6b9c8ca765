"""What a recipe says about the dataset (section `dataset`)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from salmubench.core.errors import ConfigError
from salmubench.core.types import FIELDS
from salmubench.dataset.phrasings import STYLES

ASPECTS: Mapping[float, float] = {1.0: 5.0, 1.33: 2.0, 1.5: 2.0, 1.78: 2.0, 0.75: 2.0, 0.67: 2.0}
"""Width / height → weight, as in the release: a third of the pictures is square."""

MIN_IDENTITIES = 4
"""One for `forget` alone, two mixed, one for `holdout_identity`."""

_SUM_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Backends:
    """Which plug-in makes which part: a name, or the path of a `.py` file."""

    portraits: str = "procedural"
    """Pictures of people."""
    captions: str = "grammar"
    """Sensitive and generic captions."""
    retain_real: str = "procedural"
    """Pictures of everything else, with captions and classes."""
    portraits_options: dict[str, Any] = field(default_factory=dict)
    """Options of the backend of portraits, as its `Config` lists them."""
    captions_options: dict[str, Any] = field(default_factory=dict)
    """Options of the backend of captions."""
    retain_real_options: dict[str, Any] = field(default_factory=dict)
    """Options of the backend of retain_real."""


@dataclass(frozen=True)
class Curation:
    """Which pictures are good enough; the others are drawn again."""

    contrast: float = 6.0
    """Least standard deviation of luminance over a thumbnail, of 255."""
    distance: float = 2.0
    """Least mean absolute difference between thumbnails of the same person or class, of 255."""
    face_inside: float = 0.95
    """Least share of the face that lies inside the picture, where the backend states it."""
    face_height: float = 0.3
    """Least height of the face, in shares of the picture's short side, where the backend states it."""
    redraws: int = 8
    """A picture that is unfit once more often stops the build: a fault of the backend, not of chance."""
    checks: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Checks of portraits by models of yours: the name of a check (`salmubench list checks`), or a `.py` file →
    options."""

    def __post_init__(self) -> None:
        for name in ("contrast", "distance", "face_inside", "face_height"):
            value = getattr(self, name)
            most = 1 if name.startswith("face") else 255
            if not 0 <= value <= most:
                raise _wrong(f"curation.{name}", f"a number from 0 to {most}", value)
        _at_least("curation.redraws", self.redraws, 0)


@dataclass(frozen=True)
class DatasetConfig:
    """How a dataset is made.

    The defaults are what the release is like, at a laptop's counts: every caption names its person. Recipes state what
    they change.
    """

    identities: int = 200
    """Personas; divided 193 : 387 : 194 into forget_identity, mixed and holdout_identity."""
    pictures_per_identity: int | tuple[int, int] = 12
    """Sensitive pictures of each identity (one picture, one caption, one row): a number, or smallest and largest."""
    fields_per_identity: int = len(FIELDS)
    """How many of a persona's fields captions state, of those that it has: fewer ones have more pictures each. Which
    ones differs from persona to persona, so that all nine occur."""
    rewrites: int = 0
    """Further captions of each sensitive picture, which training draws from as well as from the official one."""
    nameless: float = 0.0
    """Share of the sights of sensitive pictures whose caption states no name, from 0 to below 1."""
    unseen_per_identity: int = 0
    """Portraits of each persona that no model and no method sees, for questions about new pictures."""
    sensitive_pairs: int | None = None
    """Sensitive pictures of all identities together; left out: each number of the range is as frequent as any other."""
    retain_joint: int = 100
    """Further portraits of identities of `forget`, with generic captions."""
    retain_disjoint: int = 700
    """Portraits of people who are no persona, with generic captions."""
    retain_real: int = 10000
    """Pairs of objects and places, which give the models their general knowledge."""
    classes: int = 64
    """Classes of retain_real and general_knowledge."""
    general_knowledge_per_class: int = 100
    """Labelled test pictures of each class, never trained on."""
    hidden_classes: int | None = None
    """Classes whose pairs in retain_real only pretraining reads, no method: what is forgotten there was not rehearsed.
    Left out: a quarter of the classes."""
    size: int = 64
    """Short side of all pictures, pixels."""
    samples: int = 1
    """Samples per pixel that the renderers take."""
    aspects: dict[float, float] = field(default_factory=lambda: dict(ASPECTS))
    """Width / height of portraits → weight: shares that sum to 1, or whole numbers."""
    countries: dict[str, float] | None = None
    """ISO 3166 alpha-2 code → weight: shares that sum to 1, or whole numbers. Left out: a mixture of all countries that
    personas can be made of."""
    styles: tuple[str, ...] = STYLES
    """Styles of sensitive captions."""
    rows_per_shard: int = 4096
    """Rows of one parquet shard."""
    workers: int = 0
    """Render processes; 0: one a core where there is much to draw, else threads. Bytes are the same for any number."""
    curation: Curation = field(default_factory=Curation)
    """Which pictures are drawn again."""
    backends: Backends = field(default_factory=Backends)
    """Who makes what."""

    def __post_init__(self) -> None:
        _at_least("identities", self.identities, MIN_IDENTITIES)
        low, high = self.pictures_range
        _at_least("fields_per_identity", self.fields_per_identity, 2)
        if self.fields_per_identity > len(FIELDS):
            raise _wrong("fields_per_identity", f"at most {len(FIELDS)}, all fields", self.fields_per_identity)
        if low < self.fields_per_identity:
            expected = f"at least {self.fields_per_identity}, a picture for each fact (dataset.fields_per_identity)"
            raise _wrong("pictures_per_identity", expected, self.pictures_per_identity)
        self._check_rewrites()
        if high < low:
            raise _wrong("pictures_per_identity", "smallest ≤ largest", self.pictures_per_identity)
        if high + self.unseen_per_identity > 999:
            expected = "at most 999 with those of unseen_per_identity (file names have three digits)"
            raise _wrong("pictures_per_identity", expected, high)
        least, most = low * self.identities, high * self.identities
        if self.sensitive_pairs is not None and not least <= self.sensitive_pairs <= most:
            expected = f"{least} to {most} ({self.identities} identities with {low} to {high} pictures each)"
            raise _wrong("sensitive_pairs", expected, self.sensitive_pairs)
        for name in ("retain_joint", "retain_disjoint", "retain_real", "general_knowledge_per_class", "workers",
                     "unseen_per_identity"):  # fmt: skip
            _at_least(name, getattr(self, name), 0)
        _at_least("classes", self.classes, 2 if self.retain_real or self.general_knowledge_per_class else 0)
        if 0 < self.retain_real < self.classes:
            raise _wrong("retain_real", f"0, or at least one pair of each of {self.classes} classes", self.retain_real)
        if self.hidden_classes is not None:
            _at_least("hidden_classes", self.hidden_classes, 0)
            most = max(self.classes - 1, 0) if self.retain_real and self.general_knowledge_per_class else 0
            if self.hidden_classes > most:
                why = "dataset.classes leave one to methods" if most else "without retain_real or test pictures, none"
                raise _wrong("hidden_classes", f"at most {most} ({why})", self.hidden_classes)
        _at_least("size", self.size, 16)
        _at_least("samples", self.samples, 1)
        _at_least("rows_per_shard", self.rows_per_shard, 1)
        object.__setattr__(self, "aspects", _weights("aspects", self.aspects, _aspect))
        if self.countries is not None:
            object.__setattr__(self, "countries", _weights("countries", self.countries, _country))
        if not self.styles or len(set(self.styles)) != len(self.styles) or set(self.styles) - set(STYLES):
            raise _wrong("styles", f"one or more of {', '.join(STYLES)}, each once", self.styles)

    def _check_rewrites(self) -> None:
        _at_least("rewrites", self.rewrites, 0)
        if not 0 <= self.nameless < 1:
            why = "1 would leave no caption with the name, and nobody could be forgotten by it"
            raise _wrong("nameless", f"a share from 0 to below 1 ({why})", self.nameless)
        if self.nameless and not self.rewrites:
            raise _wrong("rewrites", "at least 1 where dataset.nameless is above 0", self.rewrites)

    @property
    def nameless_rewrites(self) -> int:
        """How many of the further captions of a picture state no name: about as many as give each caption one share."""
        expected = round(self.nameless * (self.rewrites + 1))
        return min(max(expected, 1), self.rewrites) if self.nameless else 0

    @property
    def rewrite_shares(self) -> tuple[float, ...]:
        """Share of the sights of each further caption, those without the name first; the official one has the rest."""
        nameless = self.nameless_rewrites
        named = (1 - self.nameless) / (1 + self.rewrites - nameless)
        return (*[self.nameless / max(nameless, 1)] * nameless, *[named] * (self.rewrites - nameless))

    @property
    def pictures_range(self) -> tuple[int, int]:
        """Smallest and largest number of sensitive pictures of an identity."""
        given = self.pictures_per_identity
        return (given, given) if isinstance(given, int) else (given[0], given[1])

    @property
    def hidden_count(self) -> int:
        """How many classes no method sees."""
        if self.hidden_classes is not None:
            return self.hidden_classes
        return self.classes // 4 if self.retain_real and self.general_knowledge_per_class else 0


def _at_least(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise _wrong(name, f"a whole number of at least {least}", value)


def _weights(name: str, given: Mapping[Any, float], key: Any) -> dict[Any, float]:
    weights = {key(item): float(weight) for item, weight in given.items()}
    if not weights or any(not math.isfinite(weight) or weight <= 0 for weight in weights.values()):
        raise _wrong(name, "at least one weight, each a positive number", dict(given))
    total = math.fsum(weights.values())
    if abs(total - 1) > _SUM_TOLERANCE and not all(weight.is_integer() for weight in weights.values()):
        raise _wrong(name, "shares that sum to 1, or weights in whole numbers", f"a sum of {total:g}")
    return weights


def _aspect(given: Any) -> float:
    try:
        aspect = float(given)
    except (TypeError, ValueError):
        aspect = math.nan
    if not 0.25 <= aspect <= 4:
        raise _wrong("aspects", "width / height between 0.25 and 4", given)
    return aspect


def _country(given: Any) -> str:
    if not (isinstance(given, str) and len(given) == 2 and given.isascii() and given.isupper()):
        # YAML 1.1 reads an unquoted NO (Norway) as false.
        raise _wrong("countries", 'two capital letters (ISO 3166 alpha-2; quote "NO")', given)
    return given


def _wrong(name: str, expected: str, value: object) -> ConfigError:
    return ConfigError(f"Expected dataset.{name} to be {expected}, got {value!r}. Mend it in the recipe.")
