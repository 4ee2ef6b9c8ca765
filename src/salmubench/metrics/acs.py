"""1.3 ACS: can true pairs of `forget` be told from pairs with permuted captions?

Accuracy of a logistic regression on the cosine of a pair (the paper prints no feature; ours), standardised on the
training part, scikit-learn's defaults. The permutation is the same for every model and pairs no picture with a caption
of its own identity (ours). `score.acs_test_share` of the pictures are held out (half: the accuracies in the authors'
result files are whole numbers of half of the pairs), so that the true and the permuted pair of a picture fall on the
same side. Items are the held-out pairs, 1 right and 0 wrong. Source: the paper, section on efficacy.
"""

from __future__ import annotations

import numpy as np

from salmubench.core.types import Split
from salmubench.scoring.inputs import EvalInputs, Rows
from salmubench.scoring.metric import (
    Floats,
    Items,
    Metric,
    Outcome,
    Strings,
    Unavailable,
    outcome,
)
from salmubench.scoring.products import Indices

METRIC = Metric(
    name="ACS",
    pillar="efficacy",
    goal="clean",
    needs=("forget",),
    number="1.3",
    title="telling true pairs from permuted ones",
    definition={
        "value": "Accuracy of a logistic regression that tells true forget pairs from pairs with permuted captions by "
        "their similarity; 0.5 is chance."
    },
    split="forget",
    range=(0.0, 1.0),
    binary=True,
    view="leakage",
    official={"value": ("1.3_ACS", "acs_accuracy")},
)

SEED = 260326103
"""Seed of permutation and split: a constant of the protocol."""
FEWEST = 10
"""Pairs below which there is no number."""

_ROUNDS = 1000


def score(inputs: EvalInputs) -> Outcome:
    """Fit on some of the pictures, test on the rest."""
    rows = inputs.needed(Split.FORGET)
    identities = identity_of(rows)
    if len(rows) < FEWEST or len(set(identities)) < 2:
        raise Unavailable(f"fewer than 2 identities or {FEWEST} pairs in forget")
    other = permute_across(identities, np.random.default_rng([SEED, 0]))
    true, permuted = inputs.similarity(rows), inputs.similarity(rows, rows.text_row[other])
    held_out = hold_out(rows.file_name, np.random.default_rng([SEED, 1]), inputs.config.acs_test_share)
    right = _right(true, permuted, held_out)
    tested = rows.take(held_out)
    captions = np.concatenate([tested.caption, rows.caption[other][held_out]])
    file_names, people = (np.concatenate([column, column]) for column in (tested.file_name, tested.identity))
    return outcome(Items(rows.split, file_names, captions, people, right))


def identity_of(rows: Rows) -> Strings:
    """Identity of each row (n,); a row without one is somebody of its own."""
    return np.array(
        [f"#{row}" if identity is None else identity for row, identity in enumerate(rows.identity)], dtype=object
    )


def permute_across(identities: Strings, rng: np.random.Generator) -> Indices:
    """A random permutation that maps no row to one of its own identity, int64 (n,).

    Starts from any permutation and swaps offending rows with random ones that fit, until none is left.

    Raises:
        Unavailable: one identity holds more than half of the rows, so that there is none.
    """
    _, codes, counts = np.unique(identities.astype(np.str_), return_inverse=True, return_counts=True)
    n = len(codes)
    if 2 * int(counts.max()) > n:
        raise Unavailable("one identity holds more than half of forget: its captions can't be permuted across others")
    permutation = rng.permutation(n)
    for _ in range(_ROUNDS):
        offending = np.flatnonzero(codes[permutation] == codes)
        if not len(offending):
            return permutation
        for row in offending:
            fits = (codes[permutation] != codes[row]) & (codes != codes[permutation[row]])
            choices = np.flatnonzero(fits)
            # Where nothing fits, a random swap makes room for the next round.
            other = rng.choice(choices) if len(choices) else rng.integers(n)
            permutation[[row, other]] = permutation[[other, row]]
    return _rotate(codes, int(counts.max()))


def _rotate(codes: Indices, largest: int) -> Indices:
    """The certain way: order by identity and shift by the size of the largest."""
    order = np.argsort(codes, kind="stable")
    shifted = np.empty(len(codes), np.int64)
    shifted[order] = np.roll(order, -largest)
    return shifted


def hold_out(file_names: Strings, rng: np.random.Generator, share: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Choose the pictures that are held out, bool (n,): this share, rounded, at least one on each side."""
    pictures, of_row = np.unique(file_names.astype(np.str_), return_inverse=True)
    count = min(max(round(share * len(pictures)), 1), len(pictures) - 1)
    chosen = np.zeros(len(pictures), np.bool_)
    chosen[rng.permutation(len(pictures))[:count]] = True
    return chosen[of_row]


def _right(true: Floats, permuted: Floats, held_out: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Floats:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    train = np.concatenate([true[~held_out], permuted[~held_out]])[:, None]
    test = np.concatenate([true[held_out], permuted[held_out]])[:, None]
    labels = np.repeat([1, 0], [len(train) // 2, len(train) // 2])
    scaler = StandardScaler().fit(train)
    model = LogisticRegression().fit(scaler.transform(train), labels)
    expected = np.repeat([1, 0], [len(test) // 2, len(test) // 2])
    correct: Floats = (model.predict(scaler.transform(test)) == expected).astype(np.float64)
    return correct
