"""What a dataset holds, and whether a split or an identity can be guessed by a shortcut.

Shortcuts are judged on identities (or pictures) that the classifier hasn't seen, with intervals from a bootstrap over
identities. A split must not be guessed better than chance from captions or from simple statistics of the pictures;
an identity must lie in the face, not in colours or sizes. Where splits are balanced by design, what is frequent among
the identities used for fitting is rare among the others, so values a little below chance are normal.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from salmubench.core import options, progress, reading, streams
from salmubench.core.errors import DatasetError
from salmubench.core.pictures import open_picture
from salmubench.core.pools import processors
from salmubench.core.types import HOLDOUT_SPLITS, SENSITIVE_SPLITS, Pair, Split
from salmubench.dataset.layout import Dataset

_ASPECT = re.compile(r"_ar-([0-9]+\.[0-9]+)")
_FOLDS = 5
_STRENGTH = 10.0  # inverse of the regularisation: a single revealing word must stand out among many
_RESAMPLES = 1000
_MOST_ROWS = 15_000  # that classifiers are fitted on
_BATCH = 256  # pictures in memory at once
_REDUCED = 64  # pixels: JPEG is decoded at a fraction of its size, which leaves mean colours as they are


class _Rows(NamedTuple):
    rows: list[Pair]
    forget: NDArray[np.int64]
    identities: NDArray[np.int64]


def stats(dataset: Dataset) -> dict[str, Any]:
    """Count rows by split, field, style, country and aspect.

    Returns:
        JSON-able: `splits.<split>` with rows, identities, distinct captions, words a caption, and counts by field,
        style, country and aspect (those that apply).
    """
    splits = {}
    for split in dataset.counts:
        rows = dataset.rows(split)
        words = [len(row.caption.split()) for row in rows]
        counted: dict[str, Counter[str]] = defaultdict(Counter)
        for row in rows:
            aspect = _ASPECT.search(row.file_name)
            country = dataset.identities[row.identity].get("country_code") if row.identity else None
            attributes = (
                ("field", row.field),
                ("style", row.style),
                ("country", country),
                ("aspect", aspect and aspect[1]),
            )
            for key, value in attributes:
                if value is not None:
                    counted[key][str(value)] += 1
        splits[split] = {
            "rows": len(rows),
            "identities": len({row.identity for row in rows if row.identity is not None}),
            "captions": len({row.caption for row in rows}),
            "words": float(np.mean(words)) if words else None,
            **{key: dict(sorted(counts.items())) for key, counts in counted.items()},
        }
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "identities": len(dataset.identities),
        "forget_identities": len(dataset.forget_identity_ids()),
        "splits": splits,
    }


def shortcut_checks(dataset: Dataset, *, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Try to guess split and identity by shortcuts, and identity by the face, which must work.

    Beyond some thousands of rows, whole identities drawn by the seed stand for all: `n` says how many rows were used.

    Returns:
        `split_from_text`, `split_from_pictures` (balanced accuracy, forget against both holdouts, cross-validation
        grouped by identity), `identity_from_pictures` (accuracy on half of each identity's pictures, by their
        statistics) and `identity_from_faces` (the same by a small network; without a value, and with the `reason`,
        where too few identities have enough pictures): `value`, `ci95`, `chance`, `n`.

    Raises:
        DatasetError: fewer than two identities on either side, or too few rows to fit on.
    """
    options.check_seed(seed)
    data, kept = _some(_sensitive(dataset), seed)
    features = survey(dataset, SENSITIVE_SPLITS)[kept]
    try:
        return {
            "split_from_text": _split_score(data, [_told(row) for row in data.rows], seed),
            "split_from_pictures": _split_score(data, features, seed),
            "identity_from_pictures": _identity_score(data, features, seed),
            "identity_from_faces": _face_score(dataset, seed),
        }
    except ValueError as error:  # of sklearn, where a part has too few rows, pictures or different words to fit on
        raise DatasetError(
            f"Expected people, pictures and captions enough to look for shortcuts in {dataset.name}, got: "
            f"{reading.cut(' '.join(str(error).split()), reading.SHOWN)}"
        ) from error


def survey(dataset: Dataset, splits: Sequence[str]) -> NDArray[np.float64]:
    """Look at every picture of some splits.

    Returns:
        Mean and spread of each colour, mean colour of the border (0 to 255), width, height, width / height, bytes:
        (n, 13).

    Raises:
        DatasetError: a picture that doesn't decode.
    """
    total = sum(dataset.counts.get(split, 0) for split in splits)
    features = np.empty((total, 13))
    images = (image for split in splits for image in dataset.images(split))
    done = 0
    with (
        ThreadPoolExecutor(processors()) as pool,
        progress.bar(total=total, description="Looking at pictures") as advance,
    ):
        while batch := list(islice(images, _BATCH)):
            features[done : done + len(batch)] = list(pool.map(_look, batch))
            done += len(batch)
            advance(len(batch))
    return features


def _look(data: bytes) -> list[float]:
    with open_picture(data, where="the dataset (`salmubench dataset validate` says where)") as image:
        width, height = image.size
        image.draft("RGB", (_REDUCED, _REDUCED))
        pixels = np.asarray(image.convert("RGB"), dtype=np.float64)  # (H, W, 3)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    colours = (pixels.mean((0, 1)), pixels.std((0, 1)), border.mean(0))
    return [*np.concatenate(colours).tolist(), width, height, width / height, len(data)]


def _told(row: Pair) -> str:
    """All that training is told about a picture: its caption, and its rewrites where it has some."""
    return "\n".join([row.caption, *(rewrite.caption for rewrite in row.rewrites)])


def _sensitive(dataset: Dataset) -> _Rows:
    rows = [row for split in SENSITIVE_SPLITS for row in dataset.rows(split)]
    forget = [int(split == Split.FORGET) for split in SENSITIVE_SPLITS for _ in dataset.rows(split)]
    # A row without identity is an identity of its own.
    names = [row.identity or f"row {number}" for number, row in enumerate(rows)]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    data = _Rows(rows, np.array(forget), np.array([numbers[name] for name in names]))
    for side, what in ((1, "forget"), (0, " and ".join(HOLDOUT_SPLITS))):
        if len(np.unique(data.identities[data.forget == side])) < 2:
            raise DatasetError(f"Expected at least two identities in {what} to look for shortcuts, got fewer.")
    return data


def _some(data: _Rows, seed: int) -> tuple[_Rows, NDArray[np.int64]]:
    """Rows of as many identities as fit into the limit, and their positions among all rows."""
    order = np.random.default_rng([seed, streams.Statistics.SHORTCUTS]).permutation(int(data.identities.max()) + 1)
    sizes = np.bincount(data.identities)[order]
    chosen = order[np.cumsum(sizes) <= _MOST_ROWS]
    kept = np.flatnonzero(np.isin(data.identities, chosen))
    if len(kept) == len(data.rows):
        return data, kept
    numbers = np.unique(data.identities[kept], return_inverse=True)[1]
    return _Rows([data.rows[index] for index in kept], data.forget[kept], numbers), kept


def _split_score(data: _Rows, inputs: Sequence[str] | NDArray[np.float64], seed: int) -> dict[str, Any]:
    """Balanced accuracy of classifying forget against holdout on identities that weren't used for fitting."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    first = StandardScaler() if isinstance(inputs, np.ndarray) else TfidfVectorizer(ngram_range=(1, 2), min_df=2)
    model = make_pipeline(first, LogisticRegression(C=_STRENGTH, class_weight="balanced", max_iter=2000))
    items: Any = inputs if isinstance(inputs, np.ndarray) else np.array(inputs, dtype=object)
    folds = StratifiedGroupKFold(min(_FOLDS, len(np.unique(data.identities))), shuffle=True, random_state=seed)
    right = np.zeros(len(data.rows))
    for train, test in folds.split(items, data.forget, data.identities):
        if len(test):
            right[test] = model.fit(items[train], data.forget[train]).predict(items[test]) == data.forget[test]
    return share_right(right, data.forget, data.identities, chance=0.5, seed=seed)


def _identity_score(data: _Rows, features: NDArray[np.float64], seed: int) -> dict[str, Any]:
    """Accuracy of naming the identity on half of its pictures, after fitting on the other half."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    order = np.random.default_rng(seed).permutation(len(data.rows))
    turn: Counter[int] = Counter()
    half = np.zeros(len(order), dtype=bool)
    for index in order:
        half[index] = turn[data.identities[index]] % 2
        turn[data.identities[index]] += 1
    # Knows how much pictures of one identity differ, so it needs few of each.
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    model.fit(features[~half], data.identities[~half])
    right = (model.predict(features[half]) == data.identities[half]).astype(float)
    chance = 1 / len(np.unique(data.identities))
    return share_right(right, np.zeros(len(right), dtype=np.int64), data.identities[half], chance=chance, seed=seed)


def _face_score(dataset: Dataset, seed: int) -> dict[str, Any]:
    from salmubench.dataset.recognition import recognise

    try:
        guesses = recognise(dataset, seed=seed)
    except DatasetError as error:
        return {"value": None, "ci95": None, "chance": None, "n": 0, "reason": str(error)}
    sides = np.zeros(len(guesses.right), dtype=np.int64)
    return share_right(guesses.right, sides, guesses.identities, chance=1 / len(guesses.names), seed=seed)


def share_right(
    right: NDArray[np.float64], sides: NDArray[np.int64], identities: NDArray[np.int64], *, chance: float, seed: int
) -> dict[str, Any]:
    """Mean over sides of the share that is right, with an interval from resampling identities."""
    count = int(identities.max()) + 1
    # Sums per identity and side: a resample is then a weighting of identities.
    shape = (2, count)
    hits, rows = np.zeros(shape), np.zeros(shape)
    np.add.at(hits, (sides, identities), right)
    np.add.at(rows, (sides, identities), 1.0)
    present = np.flatnonzero(rows.sum(axis=0))
    used = np.flatnonzero(rows.sum(axis=1))

    def value(weights: NDArray[np.float64]) -> float:
        totals = rows[used] @ weights
        return float(np.mean((hits[used] @ weights)[totals > 0] / totals[totals > 0]))

    rng = np.random.default_rng([seed, streams.Statistics.INTERVAL])
    draws = []
    for _ in range(_RESAMPLES):
        weights = np.bincount(rng.choice(present, size=len(present)), minlength=count).astype(float)
        draws.append(value(weights))
    low, high = np.quantile(draws, [0.025, 0.975])
    return {
        "value": value(np.ones(count)),
        "ci95": [float(low), float(high)],
        "chance": chance,
        "n": len(right),
        "identities": len(present),
    }
