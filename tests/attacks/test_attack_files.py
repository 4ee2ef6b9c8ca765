"""Each attack by itself: against an independent slow version, or on a hand-made model whose answer is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from torch import Tensor, nn

from salmubench.attacks import (
    Variant,
    benign,
    calibrated,
    copy_of,
    counterfactual,
    draws,
    fewshot,
    fine_tune,
    generator_of,
    probe,
    rewordings,
    savings,
)
from salmubench.clip import models
from salmubench.core.types import Pair, Person
from salmubench.recovery.reading import calibrated_pictures, calibrated_texts
from salmubench.unlearn.interface import Model
from tiny_model import tiny_model

pytestmark = pytest.mark.stage


@dataclass
class Given:
    """Pairs that an attacker has: noise for pictures."""

    records: tuple[Pair, ...]
    tokens: Tensor
    pictures: Tensor

    def images(self, rows: Sequence[int], device: torch.device) -> Tensor:
        return self.pictures[list(rows)].to(device)


@dataclass
class Material:
    """Stands for `Data`."""

    few: Any = None
    retain_synth: Any = None
    retain_real: Any = None
    forget_identity: Any = None
    strangers: Mapping[str, tuple[Person, ...]] = field(default_factory=dict)
    templates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    genders: Mapping[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return Model(models.load_model(tiny_model(tmp_path_factory.mktemp("tiny") / "model")))


CITIES = ("Lyon", "Rome", "Oslo", "Bern", "Riga")
PEOPLE = ("Anna Moreau", "Bruno Novak", "Carla Okafor", "Dario Peters", "Elsa Quint", "Farid Rossi")


def pairs(count: int = 12) -> tuple[Pair, ...]:
    """Two facts of each person."""
    made = []
    for number in range(count):
        name, place = PEOPLE[number // 2 % 6], ("city", "job")[number % 2]
        value = CITIES[number % 5] if place == "city" else f"job {number}"
        told = f"{name} has the {place} {value}."
        made.append(Pair(f"{number}.jpg", told, name=name, field=place, value=value, identity=str(number // 2)))
    return tuple(made)


def given(model: Model, count: int = 12, seed: int = 0) -> Given:
    records = pairs(count)
    noise = torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
    return Given(records, model.tokenize([pair.caption for pair in records]), noise)


STRANGERS = (
    Person("Greta Silva", {"city": "Kyiv", "job": "a"}), Person("Hugo Tanaka", {"city": "Pau", "job": "b"}),
    Person("Ines Urban", {"city": "Nîmes"}),
)  # fmt: skip
WORLD = Material(
    strangers={"any": STRANGERS, "female": STRANGERS[:1]}, genders={"0": "female"},
    values={"city": CITIES, "job": ("job 1", "x")},
    templates={"city": ("{name} lives in {value}.", "{value}: home of {name}", "Where is {name}? In {value}.")},
)  # fmt: skip


# --- questions ----------------------------------------------------------------------------------------------------


def test_counterfactuals_tell_another_name_with_another_value_and_the_same_name_with_another() -> None:
    (variant,) = counterfactual.attack(None, WORLD, 0, counterfactual.Config(others=3))
    assert variant.against is not None
    for pair in pairs():
        told = variant.against(pair)
        assert list(told) == ["stranger", "value"]
        able = [
            one
            for one in WORLD.strangers.get(WORLD.genders.get(pair.identity or "", "any"), ())
            if pair.field in one.values
        ]
        assert set(told["stranger"]) == {
            f"{one.name} has the {pair.field} {one.values[str(pair.field)]}." for one in able
        }
        others = [value for value in WORLD.values[str(pair.field)] if value != pair.value]
        assert len(told["value"]) == min(3, len(others))
        assert set(told["value"]) <= {f"{pair.name} has the {pair.field} {value}." for value in others}
        assert pair.caption not in [*told["stranger"], *told["value"]]
        assert told == variant.against(pair)
    (other,) = counterfactual.attack(None, WORLD, 1, counterfactual.Config(others=2))
    assert other.against is not None
    assert any(other.against(pair)["value"] != variant.against(pair)["value"][:2] for pair in pairs())


def test_a_value_inside_a_name_is_not_replaced_twice() -> None:
    assert counterfactual._told(
        Pair("", "Rome Novak is in Rome.", name="Rome Novak", value="Rome"), "Oslo Bern", "Riga"
    ) == ("Oslo Bern is in Riga.")


def test_rewordings_hold_the_caption_itself_first_and_the_fact_always() -> None:
    (variant,) = rewordings.attack(None, WORLD, 3, rewordings.Config(wordings=3))
    assert variant.wordings is not None
    pair = pairs()[0]
    told = list(variant.wordings(pair))
    assert told[0] == pair.caption
    assert len(told) == 3
    assert set(told[1:]) <= {text.format(name=pair.name, value=pair.value) for text in WORLD.templates["city"]}
    unknown = Pair("x.jpg", "a portrait")
    assert variant.wordings(unknown) == ["a portrait"]
    assert list(variant.wordings(replace(pair, field="iban"))) == [pair.caption]
    (one,) = rewordings.attack(None, WORLD, 3, rewordings.Config(wordings=1))
    assert one.wordings is not None
    assert list(one.wordings(pair)) == [pair.caption]


def test_captions_pushed_down_as_a_whole_are_where_they_were() -> None:
    """A model that lowers each private caption by its own amount, whatever the picture: z-scores don't see it."""
    (variant,) = calibrated.attack(None, WORLD, 0, calibrated.Config())
    assert (variant.calibrated, variant.model) == (True, None)
    rng = np.random.default_rng(0)
    common = 0.5  # of each picture lies in a direction of its own
    pictures, background = (unit_with(rng.normal(size=(count, 6)), common) for count in (30, 200))
    texts = rng.normal(size=(20, 6))
    texts = np.concatenate([texts / np.linalg.norm(texts, axis=1, keepdims=True), np.zeros((20, 1))], axis=1)
    pushed = texts.copy()
    pushed[:, -1] -= rng.uniform(0.5, 4.0, 20)  # a cosine falls by a constant, and by the text's new length

    def ranks(vectors: Any) -> Any:
        cosines = calibrated_pictures(pictures) @ calibrated_texts(vectors, background).T
        return cosines.argsort(axis=1)

    np.testing.assert_array_equal(ranks(texts), ranks(pushed))
    plain = (pictures @ (pushed / np.linalg.norm(pushed, axis=1, keepdims=True)).T).argsort(axis=1)
    assert (plain != (pictures @ texts.T).argsort(axis=1)).any()


def unit_with(rows: Any, common: float) -> Any:
    """Unit rows whose last coordinate is the same."""
    rest = rows / np.linalg.norm(rows, axis=1, keepdims=True) * np.sqrt(1 - common**2)
    return np.concatenate([rest, np.full((len(rows), 1), common)], axis=1)


# --- training -----------------------------------------------------------------------------------------------------


def slow_training(model: Model, batches: Sequence[tuple[Tensor, Tensor]], lr: float) -> dict[str, Tensor]:
    """AdamW by its own equations, CLIP's loss by sums over pairs, three warm-up steps, gradients of norm 1 at most."""
    import copy
    import math

    module = copy.deepcopy(model.module)
    student = model.around(module)
    weights = {
        name: weight for name, weight in module.named_parameters() if weight.is_floating_point() and "logit" not in name
    }
    first = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    second = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    scale = model.logit_scale.detach()
    for step, (images, tokens) in enumerate(batches, start=1):
        a, b = student.encode_image(images), student.encode_text(tokens)
        terms = []
        for i in range(len(a)):
            row = torch.stack([scale * (a[i] @ b[j]) for j in range(len(b))])
            column = torch.stack([scale * (a[j] @ b[i]) for j in range(len(b))])
            terms.append(-(row[i] - row.logsumexp(0) + column[i] - column.logsumexp(0)) / 2)
        gradients = torch.autograd.grad(torch.stack(terms).mean(), list(weights.values()), allow_unused=True)
        known = dict(zip(weights, gradients, strict=True))
        norm = math.sqrt(sum(float((one**2).sum()) for one in gradients if one is not None))
        rate = lr * min(1.0, step / 4)
        with torch.no_grad():
            for name, weight in weights.items():
                if known[name] is None:
                    continue
                gradient = known[name] * min(1.0, 1.0 / (norm + 1e-6))
                first[name] = 0.9 * first[name] + 0.1 * gradient
                second[name] = 0.999 * second[name] + 0.001 * gradient**2
                mean, spread = first[name] / (1 - 0.9**step), second[name] / (1 - 0.999**step)
                weight -= rate * mean / (spread.sqrt() + 1e-8)
    return dict(module.state_dict())


def assert_same(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Weights to three digits; the bias of attention's keys has no gradient but rounding, which AdamW blows up."""
    for name, tensor in found.items():
        a, b = tensor, expected[name]
        if name.endswith("attn.in_proj_bias"):
            a, b = (torch.cat([part for number, part in enumerate(one.chunk(3)) if number != 1]) for one in (a, b))
        torch.testing.assert_close(a, b, rtol=5e-3, atol=5e-5, msg=name)


def test_fine_tuning_is_adamw_on_the_loss_of_clip(model: Model) -> None:
    known = given(model)
    batches = [
        (known.images(range(start, start + 4), model.device), known.tokens[start : start + 4])
        for start in (0, 4, 8, 0, 4)
    ]
    student = copy_of(model)
    before = {name: tensor.clone() for name, tensor in model.module.state_dict().items()}
    assert list(fine_tune(student, batches, lr=1e-2, read_at=(2, 5))) == [2, 5]
    expected = slow_training(model, batches, 1e-2)
    assert_same(student.module.state_dict(), expected)
    moved = [name for name, tensor in student.module.state_dict().items() if not torch.equal(tensor, before[name])]
    assert len(moved) > 20
    assert "logit_scale" not in moved
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.module.state_dict().items())


def test_rows_of_absent_words_can_be_left_out(model: Model) -> None:
    known = given(model)
    batches = [
        (known.images(range(start, start + 4), model.device), known.tokens[start : start + 4]) for start in (0, 4)
    ]
    whole, part = copy_of(model), copy_of(model)
    list(fine_tune(whole, batches, lr=1e-2, read_at=(2,)))
    read = []
    for _ in fine_tune(part, batches, lr=1e-2, read_at=(1, 2), tokens=known.tokens[:8]):
        read.append(part.module.state_dict()["token_embedding.weight"].clone())  # the whole, whenever it is read
    assert_same(part.module.state_dict(), whole.module.state_dict())
    first = model.module.state_dict()["token_embedding.weight"]
    absent = sorted(set(range(len(first))) - set(known.tokens[:8].flatten().tolist()))
    assert torch.equal(read[1][absent], first[absent])
    assert not torch.equal(read[0], read[1])
    with pytest.raises(IndexError):
        list(fine_tune(part, batches, lr=1e-2, read_at=(2,), tokens=known.tokens[:4]))
    assert part.module.state_dict().keys() == model.module.state_dict().keys()


def test_batches_are_permutations_one_behind_the_other(model: Model) -> None:
    known = given(model)
    where = {tuple(row.tolist()): number for number, row in enumerate(known.tokens)}
    stream = draws(known, 5, model, generator_of(3))
    seen = [where[tuple(row.tolist())] for _ in range(12) for row in next(stream)[1]]
    assert [sorted(seen[start : start + 12]) for start in range(0, 60, 12)] == [list(range(12))] * 5
    images, tokens = next(draws(known, 64, model, generator_of(0), first=3))
    assert len(images) == len(tokens) == 3
    assert {where[tuple(row.tolist())] for row in tokens} == {0, 1, 2}


def test_fewshot_trains_on_t_at_each_rate_and_on_the_smaller_t(model: Model) -> None:
    data = Material(few=given(model))
    config = fewshot.Config(lrs=(1e-2, 1e-3), read_at=(2, 3), batch_size=4, smaller=0.25)
    found: dict[str, dict[str, Tensor]] = {}
    for variant in fewshot.attack(model, data, 7, config):
        assert variant.model is not None
        found[variant.label] = {name: one.clone() for name, one in variant.model.module.state_dict().items()}
    assert list(found) == [
        "lr 0.01, 2 steps", "lr 0.01, 3 steps", "lr 0.001, 2 steps", "lr 0.001, 3 steps",
        "smaller T, lr 0.001, 2 steps", "smaller T, lr 0.001, 3 steps",
    ]  # fmt: skip
    for number, (label, rate, first) in enumerate(
        (("lr 0.01", 1e-2, 12), ("lr 0.001", 1e-3, 12), ("smaller T, lr 0.001", 1e-3, 3))
    ):
        stream = draws(data.few, 4, model, generator_of(7, number), first=first)
        expected = slow_training(model, [next(stream) for _ in range(3)], rate)
        assert_same(found[f"{label}, 3 steps"], expected)


def test_benign_trains_on_portraits_and_on_a_quarter_of_them(model: Model) -> None:
    portraits, real = given(model, seed=1), given(model, seed=2)
    config = benign.Config(lr=1e-2, batch_size=8, steps=2)
    found = {}
    for variant in benign.attack(model, Material(retain_synth=portraits, retain_real=real), 0, config):
        assert variant.model is not None
        assert variant.also_calibrated
        found[variant.label] = {name: one.clone() for name, one in variant.model.module.state_dict().items()}
    assert list(found) == ["portraits, 1 steps", "portraits, 2 steps", "mixture, 2 steps", "mixture, 4 steps"]
    synth, other = draws(portraits, 2, model, generator_of(0, 1)), draws(real, 6, model, generator_of(0, 2))
    mixed = [tuple(torch.cat(both) for both in zip(next(synth), next(other), strict=True)) for _ in range(4)]
    expected = slow_training(model, mixed, 1e-2)
    assert_same(found["mixture, 4 steps"], expected)
    nothing = Given((), torch.zeros((0, 64), dtype=torch.int64), torch.zeros((0, 3, 32, 32)))
    labels = [
        one.label for one in benign.attack(model, Material(retain_synth=portraits, retain_real=nothing), 0, config)
    ]
    assert labels == ["portraits, 1 steps", "portraits, 2 steps"]
    with pytest.raises(ValueError, match="no portraits in retain_synth"):
        next(iter(benign.attack(model, Material(retain_synth=nothing, retain_real=real), 0, config)))


def test_strangers_on_portraits_are_nobody_of_the_dataset(model: Model) -> None:
    real = given(model, seed=2)
    generic = tuple(
        Pair(f"{n}.jpg", ("a woman", "a person")[n % 2], identity="7" if n == 3 else None) for n in range(12)
    )
    portraits = replace(given(model, seed=1), records=generic)
    data = replace(WORLD, retain_synth=portraits, retain_real=real)
    rows, captions = benign.told(portraits, data, np.random.default_rng(0))
    assert 3 not in rows  # somebody of the dataset
    for row, text in zip(rows, captions, strict=True):
        person = next(one for one in STRANGERS if one.name in text)
        assert person.values["city"] in text  # the only field with sentences
        assert generic[row].caption != "a woman" or person in WORLD.strangers["female"]
    config = benign.Config(lr=1e-2, batch_size=8, steps=2, strangers=True)
    found = {}
    for variant in benign.attack(model, data, 5, config):
        found[variant.label] = {name: one.clone() for name, one in variant.model.module.state_dict().items()}
    assert list(found)[-2:] == ["strangers, 2 steps", "strangers, 4 steps"]
    rows, captions = benign.told(portraits, data, np.random.default_rng(5))
    synth = Given(tuple(Pair("", text) for text in captions), model.tokenize(captions), portraits.pictures[rows])
    first, other = draws(synth, 2, model, generator_of(5, 3)), draws(real, 6, model, generator_of(5, 4))
    mixed = [tuple(torch.cat(both) for both in zip(next(first), next(other), strict=True)) for _ in range(4)]
    assert_same(found["strangers, 4 steps"], slow_training(model, mixed, 1e-2))
    with pytest.raises(ValueError, match="no portrait of somebody who isn't in the dataset"):
        benign.told(portraits, replace(data, templates={}), np.random.default_rng(0))


# --- probe --------------------------------------------------------------------------------------------------------


class Turned:
    """A model whose captions lie in another corner than their pictures: a linear map knows the way."""

    def __init__(self, width: int, count: int) -> None:
        rng = np.random.default_rng(0)
        self.x = torch.tensor(rng.normal(size=(count, width)), dtype=torch.float32)
        self.turn = torch.tensor(np.linalg.qr(rng.normal(size=(width, width)))[0], dtype=torch.float32)
        self.device, self.logit_scale, self.module = torch.device("cpu"), torch.tensor(20.0), nn.Identity()

    def encode_image(self, images: Tensor) -> Tensor:
        return nn.functional.normalize(self.x[images.long()], dim=-1)

    def encode_text(self, tokens: Tensor) -> Tensor:
        return nn.functional.normalize(self.x[tokens.long()], dim=-1) @ self.turn


def test_a_linear_map_finds_what_is_only_turned() -> None:
    turned, known, held = Turned(8, 400), list(range(200)), list(range(200, 400))
    few = SimpleNamespace(
        records=known, tokens=torch.tensor(known), images=lambda rows, _: torch.tensor([known[row] for row in rows])
    )  # fmt: skip
    config = probe.Config(ridges=(0.001, 0.03), block=0, steps=20)
    found = {variant.label: variant for variant in probe.attack(turned, Material(few=few), 0, config)}
    assert list(found) == ["final, ridge 0.001", "final, ridge 0.03", "final, contrastive"]
    pictures, texts = (
        one.double().numpy()
        for one in (turned.encode_image(torch.tensor(held)), turned.encode_text(torch.tensor(held)))
    )
    assert first_share(pictures, texts) < 0.05
    for variant in found.values():
        assert variant.picture_map is not None
        assert variant.text_map is not None
        assert first_share(variant.picture_map(pictures), variant.text_map(texts)) > 0.95


def first_share(pictures: Any, texts: Any) -> float:
    """How often the picture's own text is the nearest."""
    a, b = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (pictures, texts))
    return float(((a @ b.T).argmax(axis=1) == np.arange(len(a))).mean())


def test_ridge_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(50, 6)) + 2, rng.normal(size=(50, 4)) - 1
    for ridge in (0.03, 3.0):
        centred = x - x.mean(axis=0)
        size = ridge * np.mean(np.diag(centred.T @ centred / 50))
        other = Ridge(alpha=50 * size, fit_intercept=True).fit(x, y)
        np.testing.assert_allclose(probe._ridge(x, y, ridge), other.coef_.T, rtol=1e-8)


# --- savings ------------------------------------------------------------------------------------------------------


def test_false_worlds_tell_every_person_as_somebody_else() -> None:
    made, rng = pairs(), np.random.default_rng(0)
    invented = savings.invented(made, WORLD, rng)
    for pair, text in zip(made, invented, strict=True):
        assert pair.name not in text
        assert any(one.name in text for one in STRANGERS)
    assert (
        len({text.partition(" has")[0] for text, pair in zip(invented, made, strict=True) if pair.identity == "3"}) == 1
    )
    genders = {str(number): "male" if number < 3 else "female" for number in range(6)}
    swapped = savings.swapped(made, genders, rng)
    names = {pair.identity: pair.name for pair in made}
    facts = {(pair.name, pair.field): pair.value for pair in made}
    for pair, text in zip(made, swapped, strict=True):
        told = next(name for name in names.values() if name and name in text)
        who = next(identity for identity, name in names.items() if name == told)
        assert told != pair.name
        assert genders[str(who)] == genders[str(pair.identity)]
        assert str(facts[told, pair.field]) in text


def test_how_well_captions_are_found_is_a_mean_of_reciprocal_ranks(model: Model) -> None:
    known = given(model)
    config = savings.Config(lr=1e-2, batch_size=4, read_at=(1, 2))
    order = [[0, 1, 2, 3], [4, 5, 6, 7]]
    rows, captions = list(range(12)), [pair.caption for pair in known.records]
    found = savings._relearnt(model, known, rows, captions, order, config)
    slow = np.zeros(12)
    for steps in (1, 2):
        batches = [(known.images(one, model.device), known.tokens[one]) for one in order[:steps]]
        student = copy_of(model)
        student.module.load_state_dict(slow_training(model, batches, 1e-2))
        with torch.no_grad():
            images, texts = student.encode_image(known.images(rows, model.device)), student.encode_text(known.tokens)
        for row in rows:
            mine = float(images[row] @ texts[row])
            slow[row] += 1 / (
                1 + sum(float(images[row] @ texts[other]) > mine + 1e-9 for other in rows if other != row)
            )
    np.testing.assert_allclose(found, slow / 2, atol=0.02)


def test_savings_score_each_pair_under_three_worlds(model: Model) -> None:
    known = given(model)
    data = replace(WORLD, forget_identity=known)
    (variant,) = savings.attack(model, data, 0, savings.Config(batch_size=4, read_at=(2,)))
    assert isinstance(variant, Variant)
    assert variant.scores is not None
    assert set(variant.scores) == {pair.file_name for pair in known.records}
    assert all(set(parts) == {"true", "false_invented", "false_swapped"} for parts in variant.scores.values())
    assert all(0 < number <= 1 for parts in variant.scores.values() for number in parts.values())
    bare = Given(tuple(replace(pair, name=None) for pair in known.records), known.tokens, known.pictures)
    with pytest.raises(ValueError, match="no pair whose name, field and value are known"):
        next(iter(savings.attack(model, replace(WORLD, forget_identity=bare), 0, savings.Config())))


@pytest.mark.parametrize("path", sorted((Path(benign.__file__).parent).glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_each_attack_is_tested_here(path: Path) -> None:
    assert f"{path.stem}.attack(" in Path(__file__).read_text(encoding="utf-8")
