"""Everything that `dataset stats` finds out: counts, distributions, shortcuts, recognition, nearest duplicates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salmubench.core import provenance, streams, writing
from salmubench.core.errors import DatasetError
from salmubench.core.types import FIELDS, SENSITIVE_SPLITS, Split
from salmubench.dataset.duplicates import Nearest, nearest_captions, nearest_pictures, repeated
from salmubench.dataset.layout import Dataset
from salmubench.dataset.recognition import recognise
from salmubench.dataset.statistics import share_right, shortcut_checks, stats
from salmubench.dataset.survey import BYTES, HEIGHT, WIDTH, Survey, survey

MOST_PICTURES = 20_000
"""Pictures among which nearest duplicates are looked for; beyond, a sample."""

MOST_CAPTIONS = 4_000
"""Captions among which nearest duplicates are looked for; beyond, a sample."""

_BINS = 16
_SIDES = {"forget": (Split.FORGET,), "holdouts": (Split.HOLDOUT_ASSOCIATION, Split.HOLDOUT_IDENTITY)}


def find(dataset: Dataset, *, seed: int = 0) -> dict[str, Any]:
    """Look at a dataset from all sides. What can't be computed is null, with a reason.

    Returns:
        JSON-able: `counts`, `identities`, `distributions`, `shortcuts`, `recognition`, `duplicates`.

    Raises:
        DatasetError: a file is missing or can't be read, or a picture doesn't decode.
    """
    # forget_target shows the pictures of forget again.
    splits = [split for split in Split if dataset.counts.get(split) and split is not Split.FORGET_TARGET]
    try:
        seen = survey(dataset, splits)
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"Expected pictures that decode in {dataset.folder}, got: {error}. Run `salmubench dataset validate` to "
            "see which."
        ) from error
    places = [(str(split), row) for split in splits for row in range(dataset.counts[split])]
    sensitive = [index for split in SENSITIVE_SPLITS for index, place in enumerate(places) if place[0] == split]
    findings: dict[str, Any] = {
        "counts": stats(dataset),
        "identities": _identities(dataset),
        "distributions": _distributions(dataset, seen, places),
        "shortcuts": _or_reason(lambda: shortcut_checks(dataset, seed=seed, features=seen.features[sensitive])),
        "recognition": _or_reason(lambda: _recognition(dataset, seed)),
        "duplicates": {
            "pictures": {
                "portraits": _pictures(
                    dataset, seen, places, seed, (*SENSITIVE_SPLITS, Split.RETAIN_SYNTH, Split.PORTRAITS_UNSEEN)
                ),
                "other pictures": _pictures(dataset, seen, places, seed, (Split.RETAIN_REAL, Split.GENERAL_KNOWLEDGE)),
            },
            "captions": _captions(dataset, seed),
        },
        "seed": seed,
        "version": provenance.version(),
    }
    plain: dict[str, Any] = writing.plain(findings)
    return plain


def _or_reason(compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return {**compute(), "reason": None}
    except DatasetError as error:
        return {"reason": str(error)}


def _identities(dataset: Dataset) -> dict[str, Any]:
    people = dataset.identities.values()
    countries = Counter(str(person["country_code"]) for person in people if person.get("country_code"))
    return {
        "count": len(people),
        "territories": len(countries),
        "countries": dict(countries.most_common()),
        "fields": {str(field): sum(bool(person.get(field)) for person in people) for field in FIELDS},
        "jobs": len({person.get("job") for person in people if person.get("job")}),
    }


def _distributions(dataset: Dataset, seen: Survey, places: Sequence[tuple[str, int]]) -> dict[str, Any]:
    split_of = np.array([split for split, _ in places])
    brightness = seen.features[:, :3].mean(1) if len(places) else np.zeros(0)
    words = {
        str(split): [len(row.caption.split()) for row in dataset.rows(split)]
        for split in (*SENSITIVE_SPLITS, Split.RETAIN_SYNTH, Split.RETAIN_REAL)
        if dataset.counts.get(split)
    }
    owners = Counter(row.identity for split in SENSITIVE_SPLITS for row in dataset.rows(split) if row.identity)
    sizes = Counter(f"{int(width)}×{int(height)}" for width, height in seen.features[:, [WIDTH, HEIGHT]].tolist())
    return {
        "words": {name: _histogram(np.array(values)) for name, values in words.items()},
        "pictures_per_identity": _histogram(np.array(list(owners.values()))),
        "brightness": {
            name: _histogram(brightness[np.isin(split_of, [str(split) for split in parts])], low=0, high=255)
            for name, parts in _SIDES.items()
        },
        "kilobytes": _histogram(seen.features[:, BYTES] / 1000),
        "sizes": dict(sizes.most_common(12)),
    }


def _histogram(values: NDArray[Any], *, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    """Counts in equal bins, with mean and the middle 95 %."""
    if not len(values):
        return {"n": 0, "mean": None, "least": None, "most": None, "range95": None, "edges": [], "counts": []}
    least = float(values.min()) if low is None else low
    most = float(values.max()) if high is None else high
    whole = np.issubdtype(values.dtype, np.integer)
    if whole and most - least < 2 * _BINS:
        edges = np.arange(int(least), int(most) + 2) - 0.5
    else:
        edges = np.linspace(least, max(most, least + 1e-9), _BINS + 1)
    counts, _ = np.histogram(values, edges)
    return {
        "n": len(values),
        "mean": float(values.mean()),
        "least": float(values.min()),
        "most": float(values.max()),
        "range95": np.quantile(values, [0.025, 0.975]).tolist(),
        "edges": edges.tolist(),
        "counts": counts.tolist(),
    }


def _recognition(dataset: Dataset, seed: int) -> dict[str, Any]:
    guesses = recognise(dataset, seed=seed)
    chance = 1 / len(guesses.names)
    none = np.zeros(len(guesses.right), dtype=np.int64)
    return {
        **share_right(guesses.right, none, guesses.identities, chance=chance, seed=seed),
        "trained": guesses.trained,
    }


def _pictures(
    dataset: Dataset, seen: Survey, places: Sequence[tuple[str, int]], seed: int, splits: Sequence[str]
) -> dict[str, Any]:
    among = np.array([index for index, (split, _) in enumerate(places) if split in splits], dtype=np.int64)
    kept = np.sort(np.random.default_rng([seed, streams.Statistics.PICTURES]).permutation(among)[:MOST_PICTURES])
    nearest = nearest_pictures(seen.thumbnails[kept])
    return _alike(nearest, dataset, [places[index] for index in kept], len(among), "difference")


def _captions(dataset: Dataset, seed: int) -> dict[str, Any]:
    rows = [(str(split), number, row) for split in SENSITIVE_SPLITS for number, row in enumerate(dataset.rows(split))]
    first = {row.caption: index for index, (_, _, row) in reversed(list(enumerate(rows)))}
    distinct = np.array(sorted(first.values()), dtype=np.int64)
    chosen = np.sort(np.random.default_rng([seed, streams.Statistics.CAPTIONS]).permutation(distinct)[:MOST_CAPTIONS])
    nearest = nearest_captions([rows[index][2].caption for index in chosen])
    shown = [split for split in Split if dataset.counts.get(split) and split is not Split.GENERAL_KNOWLEDGE]
    return {
        "repeated": {str(split): repeated([row.caption for row in dataset.rows(split)]) for split in shown},
        **_alike(nearest, dataset, [rows[index][:2] for index in chosen], len(distinct), "cosine"),
    }


def _alike(
    nearest: Nearest, dataset: Dataset, places: Sequence[tuple[str, int]], among: int, measure: str
) -> dict[str, Any]:
    """How alike the rows at some places are, of so many that there are."""
    quantiles = np.quantile(nearest.values, [0, 0.01, 0.5, 1]).tolist() if len(nearest.values) else None
    names = ("least", "percent1", "median", "largest")
    return {
        "compared": len(places),
        "of": among,
        "quantiles": quantiles and dict(zip(names, quantiles, strict=True)),
        "pairs": [
            {"first": _place(dataset, places[one]), "second": _place(dataset, places[other]), measure: value}
            for one, other, value in nearest.pairs
        ],
    }


def _place(dataset: Dataset, place: tuple[str, int]) -> dict[str, Any]:
    split, number = place
    row = dataset.rows(split)[number]
    shown = {"file_name": row.file_name, "identity": row.identity, "caption": row.caption}
    return {"split": split, "row": number, **shown}
