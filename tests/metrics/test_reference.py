"""Each metric against an independent slow version, on random vectors."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from fake_embeddings import FakeRow, FakeWorld, Vectors, fake_world, vectors, write_embeddings
from salmubench import metrics
from salmubench.clip import embeddings
from salmubench.scoring.config import ScoreConfig

WORLD = fake_world()
MADE = vectors(WORLD, seed=3, strength=0.4)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    a, b = (np.float32(x / np.linalg.norm(x)).astype(float) for x in (a, b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(sum(a * a) * sum(b * b))


class Slow:
    """The definitions, word by word, one pair at a time."""

    def __init__(self, world: FakeWorld, made: Vectors) -> None:
        self.world = world
        self.image = {(row.split, row.file_name): made[0][number] for number, row in enumerate(world.rows)}
        self.text = made[1]

    def s(self, row: FakeRow, text: str | None = None) -> float:
        return cosine(self.image[row.split, row.file_name], self.text[text or row.caption])

    def rank(self, row: FakeRow, true: str, gallery: list[str], same: set[str]) -> float:
        own = self.s(row, true)
        others = [self.s(row, text) for text in gallery if text not in same]
        return 1 + sum(s > own + 1e-9 for s in others) + 0.5 * sum(abs(s - own) <= 1e-9 for s in others)

    def mean(self, rows: list[FakeRow]) -> float:
        return sum(self.s(row) for row in rows) / len(rows)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> metrics.EvalInputs:
    folder = write_embeddings(tmp_path_factory.mktemp("reference") / "m", WORLD, MADE)
    opened = embeddings.open_embeddings(folder)
    return metrics.EvalInputs(opened, ScoreConfig(), frozenset(f"d_{number:06d}_ar-1.00.jpg" for number in range(7)))


SLOW = Slow(WORLD, MADE)


def test_similarities(inputs: metrics.EvalInputs) -> None:
    forget = {row.identity for row in WORLD.of("forget")}
    joint = [row for row in WORLD.of("retain_synth") if row.identity in forget]
    fragile = [row for row in WORLD.of("retain_synth") if row.file_name < "d_000007" and row.identity is None]
    expected = {
        "assocstr": WORLD.of("forget"),
        "interidsim": WORLD.of("holdout_identity"),
        "intraidsim": WORLD.of("holdout_association"),
        "visidint": joint,
        "fragsim": fragile,
    }
    for name, rows in expected.items():
        found = metrics.load(name).score(inputs)
        assert found.value == pytest.approx(SLOW.mean(rows), abs=1e-9), name
        assert found.n == len(rows)


def test_retfail(inputs: metrics.EvalInputs) -> None:
    found = metrics.load("retfail").score(inputs)
    gallery = list(inputs.gallery.caption)
    expected = {row.file_name: SLOW.rank(row, row.caption, gallery, {row.caption}) for row in WORLD.of("forget")}
    assert found.per_item is not None
    assert dict(zip(found.per_item.file_name, found.per_item.value, strict=True)) == expected
    assert found.value == pytest.approx(sum(1 / rank for rank in expected.values()) / len(expected), abs=1e-12)


def test_retfailpara(inputs: metrics.EvalInputs) -> None:
    found = metrics.load("retfailpara").score(inputs)
    gallery = list(inputs.gallery.caption)
    expected = {
        row.file_name: 1 / SLOW.rank(row, row.paraphrase, gallery, {row.paraphrase, row.caption})
        for row in WORLD.of("forget")
    }
    assert found.per_item is not None
    assert dict(zip(found.per_item.file_name, found.per_item.value, strict=True)) == expected
    assert set(found.per_item.caption) == {row.paraphrase for row in WORLD.of("forget")}


def test_coreassoc(inputs: metrics.EvalInputs) -> None:
    rows = WORLD.of("forget")
    best = [max(SLOW.s(row, f"{row.name} {row.value}"), SLOW.s(row, f"{row.value} {row.name}")) for row in rows]
    assert metrics.load("coreassoc").score(inputs).value == pytest.approx(sum(best) / len(best), abs=1e-9)


def test_idzsc(inputs: metrics.EvalInputs) -> None:
    rows = [row for row in WORLD.of("forget") if row.identity in WORLD.forget_identity]
    names = sorted({row.name for row in rows})
    right = [max(names, key=lambda name, row=row: SLOW.s(row, f"a photo of {name}")) == row.name for row in rows]
    found = metrics.load("idzsc").score(inputs)
    assert found.value == pytest.approx(sum(right) / len(right))
    assert found.n == len(rows)
    assert 0 < found.value < 1


def test_genknow(inputs: metrics.EvalInputs) -> None:
    prompts = {
        name: sum(t / np.linalg.norm(t) for t in (MADE[1][text.replace("{}", name)] for text in WORLD.templates))
        for name in WORLD.classes
    }
    rows = WORLD.of("general_knowledge")
    right = [
        max(prompts, key=lambda name, row=row: cosine(SLOW.image[row.split, row.file_name], prompts[name]))
        == row.caption
        for row in rows
    ]
    found = metrics.load("genknow").score(inputs)
    assert found.value == pytest.approx(sum(right) / len(right))
    assert 0.25 < found.value < 1


def test_acs(inputs: metrics.EvalInputs) -> None:
    """Pairs and split are read from the items; the classifier is fitted anew by gradient descent."""
    found = metrics.load("acs").score(inputs)
    items = found.per_item
    assert items is not None
    rows = {row.file_name: row for row in WORLD.of("forget")}
    owner = {row.caption: row.identity for row in WORLD.of("forget")}
    n = len(items) // 2
    assert n == round(0.5 * len(rows))
    assert list(items.file_name[:n]) == list(items.file_name[n:])
    assert all(
        rows[name].caption == caption for name, caption in zip(items.file_name[:n], items.caption[:n], strict=True)
    )
    assert all(owner[caption] != who for caption, who in zip(items.caption[n:], items.identity[n:], strict=True))
    from salmubench.metrics.acs import SEED, hold_out, identity_of, permute_across

    forget = inputs.rows("forget")
    other = permute_across(identity_of(forget), np.random.default_rng([SEED, 0]))
    assert sorted(other) == list(range(len(forget)))
    assert all(forget.identity[other] != forget.identity)
    held = hold_out(forget.file_name, np.random.default_rng([SEED, 1]), 0.5)
    s = np.array([SLOW.s(rows[name]) for name in forget.file_name])
    p = np.array(
        [SLOW.s(rows[a], rows[b].caption) for a, b in zip(forget.file_name, forget.file_name[other], strict=True)]
    )
    x = np.concatenate([s[~held], p[~held]])
    y = np.repeat([1.0, 0.0], [(~held).sum()] * 2)
    z, weight, bias = (x - x.mean()) / x.std(), 0.0, 0.0
    for _ in range(5000):  # the L2 penalty ½ w² of scikit-learn's default C = 1
        error = 1 / (1 + np.exp(-(weight * z + bias))) - y
        weight, bias = weight - 0.02 * ((error * z).sum() + weight), bias - 0.02 * error.sum()
    test = (np.concatenate([s[held], p[held]]) - x.mean()) / x.std()
    right = ((weight * test + bias) > 0) == np.repeat([True, False], [held.sum()] * 2)
    assert found.value == pytest.approx(right.mean())


def test_gallery_is_drawn_once_and_without_replacement(tmp_path: Path) -> None:
    many = FakeWorld(
        tuple(
            [
                FakeRow("forget", f"f{number:05d}", f"caption {number // 2}", f"{number % 50:08d}")
                for number in range(2400)
            ]
            + [FakeRow("retain_synth", f"r{number:05d}", f"face {number}") for number in range(1300)]
        ),
        classes=(),
    )
    made = vectors(many, seed=0, width=4)
    opened = embeddings.open_embeddings(write_embeddings(tmp_path / "a", many, made))
    gallery = metrics.EvalInputs(opened, ScoreConfig()).gallery
    assert list(gallery.source) == ["forget"] * 1000 + ["retain_disjoint"] * 1000
    assert len(set(zip(gallery.source, gallery.file_name, strict=True))) == 2000
    assert len(set(gallery.caption)) < 2000  # rows are drawn, so a text may stand twice
    order = np.random.default_rng(1).permutation(len(many.rows))
    shuffled = embeddings.open_embeddings(write_embeddings(tmp_path / "b", many, made, order=order))
    assert metrics.EvalInputs(shuffled, ScoreConfig()).gallery.table().equals(gallery.table())
