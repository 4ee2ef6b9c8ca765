"""Hand-made cases: best and worst, ties, duplicates, what is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fake_embeddings import FakeRow, FakeWorld, Vectors, fake_world, sensitive, vectors, write_embeddings
from salmubench import metrics
from salmubench.clip import embeddings
from salmubench.core.errors import EmbeddingsError
from salmubench.metrics.acs import permute_across
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.metric import Outcome, Unavailable

Run = Callable[..., Outcome]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(name: str, world: FakeWorld, made: Vectors, fragile: frozenset[str] | None = None) -> Outcome:
        opened = embeddings.open_embeddings(write_embeddings(tmp_path / "m", world, made))
        return metrics.load(name).score(metrics.EvalInputs(opened, ScoreConfig(), fragile))

    return run


def pairs_world(
    captions: list[str], images: list[list[float]], texts: dict[str, list[float]]
) -> tuple[FakeWorld, Vectors]:
    """One identity a row, pictures and texts in the plane."""
    rows = [FakeRow("forget", f"p{number}.jpg", text, f"{number:08d}") for number, text in enumerate(captions)]
    return FakeWorld(tuple(rows), classes=()), (np.array(images), {name: np.array(v) for name, v in texts.items()})


def test_perfect_and_anti_perfect_retrieval(run: Run) -> None:
    axes = np.eye(4).tolist()
    captions = ["a", "b", "c", "d"]
    assert run("retfail", *pairs_world(captions, axes, dict(zip(captions, axes, strict=True)))).value == 1.0
    worst = {name: [-x for x in axis] for name, axis in zip(captions, axes, strict=True)}
    found = run("retfail", *pairs_world(captions, axes, worst))
    assert found.per_item is not None
    assert found.per_item.value.tolist() == [4.0] * 4
    assert found.value == 0.25


def test_all_similarities_negative(run: Run) -> None:
    """Ranking must not take scores at or below 0 for "not retrieved"."""
    images, texts = [[1.0, 0.0], [1.0, 0.0]], {"a": [-1.0, 0.1], "b": [-1.0, 2.0]}
    found = run("retfail", *pairs_world(["a", "b"], images, texts))
    assert found.per_item is not None
    assert found.per_item.value.tolist() == [2.0, 1.0]


def test_ties_count_half(run: Run) -> None:
    same = [1.0, 1.0]
    found = run("retfail", *pairs_world(["a", "b", "c"], [[1.0, 0.0]] * 3, {"a": same, "b": same, "c": same}))
    assert found.per_item is not None
    assert found.per_item.value.tolist() == [2.0] * 3  # two equal others


def test_duplicate_captions_are_the_same_candidate(run: Run) -> None:
    """Both rows say "a": neither competes with itself, and for "b" the text stands twice, so it counts twice."""
    found = run("retfail", *pairs_world(["a", "a", "b"], [[1.0, 0.0]] * 3, {"a": [1.0, 0.0], "b": [0.0, 1.0]}))
    assert found.per_item is not None
    assert found.per_item.value.tolist() == [1.0, 1.0, 3.0]


def test_one_pair_has_no_competitor(run: Run) -> None:
    with pytest.raises(Unavailable, match="no other caption"):
        run("retfail", *pairs_world(["a"], [[1.0, 0.0]], {"a": [1.0, 0.0]}))


def test_paraphrase_does_not_compete_with_the_pairs_own_caption(run: Run) -> None:
    row = sensitive("forget", 0, 0)
    other = sensitive("forget", 1, 0)
    world = FakeWorld((row, other), classes=())
    texts = {row.caption: [1, 0], other.caption: [0, 1], row.paraphrase: [0.9, 0.1], other.paraphrase: [0.5, 0.6]}
    made = np.array([[1.0, 0.0], [0.0, 1.0]]), {name: np.array(v, float) for name, v in texts.items()}
    found = run("retfailpara", world, made)
    assert found.per_item is not None
    assert found.per_item.value.tolist() == [1.0, 1.0]


def test_missing_paraphrases_come_from_the_grammar(run: Run) -> None:
    from salmubench.dataset import phrasings

    rows = [replace(sensitive("forget", number, 0), paraphrase=None) for number in range(3)]
    world = FakeWorld((*rows, FakeRow("forget", "x.jpg", "no fact", "00000009")), classes=())
    images, texts = vectors(world, seed=0)
    grammar = {
        phrasings.paraphrase(row.name, row.field, row.value, variant=variant): images[number]
        for number, row in enumerate(rows)
        for variant in range(phrasings.paraphrase_variants(row.field))
    }
    found = run("retfailpara", world, (images, {**texts, **grammar}))
    assert (found.value, found.n, found.left_out) == (1.0, 3, 1)


def test_equal_names_are_one_class(run: Run) -> None:
    rows = [sensitive("forget", number, 0, name="Zoë O'Neil" if number < 2 else "Bo") for number in range(3)]
    world = FakeWorld(tuple(rows), classes=())
    images, texts = vectors(world, seed=0)
    texts = {**texts, "a photo of Zoë O'Neil": images[0] + images[1], "a photo of Bo": images[2]}
    assert run("idzsc", world, (images, texts)).value == 1.0


def test_a_tie_of_names_counts_its_share(run: Run) -> None:
    rows = [sensitive("forget", number, 0) for number in range(4)]
    world = FakeWorld(tuple(rows), classes=())
    images, texts = vectors(world, seed=0)
    texts = {**texts, **{f"a photo of {row.name}": images[0] for row in rows}}
    found = run("idzsc", world, (images, texts))
    assert found.per_item is not None
    assert found.per_item.value.tolist() == [0.25] * 4


def test_general_knowledge_best_worst_and_tied(run: Run) -> None:
    world = FakeWorld(tuple(FakeRow("general_knowledge", f"g{n}", name) for n, name in enumerate(("cube", "ball"))))
    world = replace(world, classes=("cube", "ball"))
    images = np.array([[1.0, 0.0], [0.0, 1.0]])

    def texts(cube: list[float], ball: list[float]) -> dict[str, np.ndarray]:
        return {
            **{template.replace("{}", "cube"): np.array(cube) for template in world.templates},
            **{template.replace("{}", "ball"): np.array(ball) for template in world.templates},
            "cube": np.ones(2), "ball": np.ones(2),
        }  # fmt: skip

    assert run("genknow", world, (images, texts([1, 0], [0, 1]))).value == 1.0
    assert run("genknow", world, (images, texts([0, 1], [1, 0]))).value == 0.0
    assert run("genknow", world, (images, texts([1, 1], [1, 1]))).value == 0.5


def test_pictures_of_hidden_classes_say_so(run: Run) -> None:
    world = fake_world()
    flags = run("genknow", world, vectors(world, seed=0)).per_item
    assert flags is not None
    assert flags.hidden is not None
    assert {name: bool(one) for name, one in zip(flags.caption, flags.hidden, strict=True)} == {
        name: name in world.hidden for name in world.classes
    }
    none = run("genknow", replace(world, hidden=()), vectors(world, seed=0)).per_item
    assert none is not None
    assert none.hidden is None
    assert none.value.tolist() == flags.value.tolist()


def test_a_class_that_is_not_listed_is_an_error(run: Run) -> None:
    world = replace(fake_world(), classes=("cube", "ball"))
    with pytest.raises(EmbeddingsError, match="got 'cone'"):
        run("genknow", world, vectors(fake_world(), seed=0))


def test_constant_similarities_can_not_be_told_apart(run: Run) -> None:
    world = fake_world()
    images, texts = vectors(world, seed=0)
    constant = {text: np.ones(16) for text in texts}
    assert run("acs", world, (images, constant)).value == 0.5


def test_pairs_that_differ_clearly_are_told_apart(run: Run) -> None:
    world = fake_world()
    assert run("acs", world, vectors(world, seed=0, strength=50.0)).value == 1.0
    assert run("acs", world, vectors(world, seed=0, strength=-50.0)).value == 1.0


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "no rows in forget"),
        ([sensitive("forget", 0, number) for number in range(20)], "fewer than 2 identities"),
        ([sensitive("forget", number, 0) for number in range(9)], "fewer than 2 identities or 10 pairs"),
        ([sensitive("forget", max(0, number - 15), number) for number in range(20)], "more than half"),
    ],
)
def test_no_classification_where_it_makes_no_sense(run: Run, rows: list[FakeRow], reason: str) -> None:
    world = FakeWorld((*rows, FakeRow("retain_synth", "d", "somebody")), classes=())
    with pytest.raises(Unavailable, match=reason):
        run("acs", world, vectors(world, seed=0))


@pytest.mark.parametrize("sizes", [(1, 1), (5, 5), (10, 4, 4, 2), (1,) * 30, (9, 1, 8)])
def test_permutation_crosses_identities_even_where_that_is_tight(sizes: tuple[int, ...]) -> None:
    identities = np.repeat([f"{number}" for number in range(len(sizes))], sizes).astype(object)
    for seed in range(20):
        found = permute_across(identities, np.random.default_rng(seed))
        assert sorted(found) == list(range(len(identities)))
        assert (identities[found] != identities).all()


def test_rows_without_a_value_are_left_out_and_counted(run: Run) -> None:
    rows = [sensitive("forget", 0, 0), replace(sensitive("forget", 1, 0), value=None)]
    world = FakeWorld(tuple(rows), classes=())
    found = run("coreassoc", world, vectors(world, seed=0))
    assert (found.n, found.left_out) == (1, 1)


def test_the_larger_bare_caption_is_taken_pair_by_pair(run: Run) -> None:
    """Maximum before mean: each order is the better one for one of the two pairs."""
    rows = [sensitive("forget", 0, 0), sensitive("forget", 1, 0)]
    world = FakeWorld(tuple(rows), classes=())
    images, texts = vectors(world, seed=0)
    for number, row in enumerate(rows):
        texts = {**texts, f"{row.name} {row.value}": images[number] * (1 - 2 * number)}
        texts = {**texts, f"{row.value} {row.name}": images[number] * (2 * number - 1)}
    assert run("coreassoc", world, (images, texts)).value == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("assocstr", "no rows in forget"),
        ("retfail", "no rows in forget"),
        ("retfailpara", "no rows in forget"),
        ("coreassoc", "no rows in forget"),
        ("idzsc", "no forget_identity"),
        ("interidsim", "no rows in holdout_identity"),
        ("intraidsim", "no rows in holdout_association"),
        ("visidint", "no rows in retain_joint"),
        ("fragsim", "no fragile set"),
        ("genknow", "no general_knowledge"),
    ],
)
def test_what_is_missing_has_a_reason(run: Run, name: str, reason: str) -> None:
    world = FakeWorld((FakeRow("retain_synth", "d", "somebody"),), classes=())
    with pytest.raises(Unavailable, match=reason):
        run(name, world, vectors(world, seed=0))


def test_a_text_that_was_not_encoded_is_named(run: Run) -> None:
    world = fake_world()
    images, texts = vectors(world, seed=0)
    missing = f"a photo of {world.of('forget')[0].name}"
    with pytest.raises(EmbeddingsError, match=missing):
        run("idzsc", world, (images, {text: v for text, v in texts.items() if text != missing}))


def test_identities_without_field_or_name(run: Run) -> None:
    rows = [FakeRow("forget", f"{number}.jpg", f"text {number}", f"{number:08d}") for number in range(12)]
    world = FakeWorld((*rows, FakeRow("retain_synth", "d", "somebody")), classes=())
    made = vectors(world, seed=0)
    assert run("assocstr", world, made).n == 12
    assert run("acs", world, made).n == 12
    for name in ("coreassoc", "idzsc", "retfailpara"):
        with pytest.raises(Unavailable):
            run(name, world, made)
