"""The level of strangers, met from both sides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from salmubench.core.errors import ConfigError, MethodError
from salmubench.core.types import Pair
from salmubench.unlearn import Batch, counterfactuals, load_method
from salmubench.unlearn.counterfactuals import Fact, Neighbours, Template, phrased
from salmubench.unlearn.methods import level_redirection as redirection
from salmubench.unlearn.methods.level_redirection import Material
from slow_losses import EYE, SLANTED, Frozen, Spelled, Straight, double, pairs, seeded, told, unit
from unlearn_runs import Runner, curve, record, weights

ANN, BO = Fact("Ann Lee", "city", "Paris"), Fact("Bo Dahl", "city", "Oslo")
ANN_IN_OSLO, BO_IN_PARIS = ANN._replace(value="Oslo"), BO._replace(value="Paris")
NO_WORDS = torch.zeros(0, dtype=torch.long)
NEAR = Material(Neighbours.of([ANN, BO], unmet=0), phrased, NO_WORDS)
"""Each has one stranger, the other's caption, and one sibling; one field of one is more than half: both go."""
PLAIN = {"strangers": 1, "siblings": 1, "recombinations": 0, "rewordings": 0, "scrambled": 0}


def batch_of(retain: tuple[Any, Any]) -> Batch:
    forget = pairs(EYE, EYE, EYE, EYE)
    forget.records = [told(ANN), told(BO)]
    return Batch(forget=forget, retain=pairs(EYE, retain[0], EYE, retain[1]), generator=seeded())


def words() -> dict[str, Tensor]:
    return {
        told(ANN).caption: double([0.6, 0.8]), told(ANN_IN_OSLO).caption: double([0.8, 0.6]),
        told(BO).caption: double([0.0, 1.0]), told(BO_IN_PARIS).caption: double([1.0, 0.0]),
    }  # fmt: skip


@pytest.mark.parametrize("stays", [False, True])
def test_by_hand(stays: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """V0 = EYE, so v = [.5, −.5] for Ann and [−.5, .5] for Bo; the frozen model exchanges the axes.

    Ann: σ = v·T0(Bo's caption) = v·[1, 0] = .5, ν = v·T0(sibling) = v·[.6, .8] = −.1.
    Bo: σ = v·T0(Ann's caption) = v·[.8, .6] = −.1, ν = v·T0(sibling) = v·[0, 1] = .5.
    """
    if stays:
        monkeypatch.setattr(Neighbours, "goes", lambda self, fact: False)
    config = redirection.Config(**PLAIN, level=3.0, value=5.0, keeping=0.25, known=0.5, margin=0.2)
    model = Spelled(double(1.0), words())
    value, report = redirection.objective(batch_of((SLANTED, EYE)), model, Frozen(double(1.0)), config, NEAR)
    level = (0.2 - 0.2, 0.2 - 0.2) if stays else (0.5 - 0.2, -0.1 - 0.2)
    own, sibling = (-0.1, 0.5), (0.1, -0.5)  # v·T of the caption and of the sibling
    levels = sum((x - y) ** 2 for x, y in zip((*own, *sibling), (*level, *level), strict=True)) / 4
    values = ((-0.1 - 0.1) ** 2 + (0.5 + 0.5) ** 2) / 2
    # strangers: Bo's caption (asked for Ann) [0, 1] against [1, 0], Ann's [.6, .8] against [.8, .6];
    # retain: [.6, .8] against [1, 0] and [0, 1] against [0, 1]
    keeping = (2.0 + (0.04 + 0.04) + (0.16 + 0.64) + 0.0) / 4
    assert {name: float(entry) for name, entry in report.items()} == pytest.approx(
        {"level": levels, "value": values, "keeping": keeping}
    )
    assert float(value) == pytest.approx(3 * levels + 5 * values + keeping / 4)


def test_from_both_sides() -> None:
    """At the level nothing pulls; above it a caption falls, below it rises: by the gradient's sign along v."""
    reference = Straight(double(1.0))
    for height, sign in ((0.4, 1), (-0.4, -1), (0.0, 0)):
        told_of = {caption: double([0.0, 0.0, 1.0]) for caption in words()}
        apart = double([height / 0.5, 0.0, 1.0])
        told_of[told(ANN).caption] = told_of[told(ANN_IN_OSLO).caption] = apart.requires_grad_()
        config = redirection.Config(**PLAIN, value=0.0, keeping=0.0, margin=0.0, known=0.0)
        forget = pairs([[1.0, 0.0, 0.0]] * 2, [[1.0, 0.0, 0.0]] * 2, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        forget.records = [told(ANN), told(BO)]
        retain = pairs([[0.0, 0.0, 1.0]], [[0.0, 0.0, 1.0]], [[0.0, 0.0, 1.0]], [[0.0, 0.0, 1.0]])
        batch = Batch(forget=forget, retain=retain, generator=seeded())
        value, _ = redirection.objective(batch, Spelled(double(1.0), told_of), reference, config, NEAR)
        value.backward()  # type: ignore[no-untyped-call]
        assert apart.grad is not None
        assert np.sign(round(float(apart.grad[0]), 12)) == sign


@pytest.mark.parametrize("seed", range(3))
def test_slow(seed: int) -> None:
    """Seven facts of two fields, drawn captions of all kinds: sums over plain lists."""
    rng = np.random.default_rng(seed)
    facts = [Fact(f"Person {n}", "city", f"City {n}") for n in range(4)]
    facts += [Fact(f"Person {n}", "job", f"job {n}") for n in range(3)]
    near = Neighbours.of(facts)
    material = Material(near, phrased, NO_WORDS)
    config = redirection.Config(strangers=3, siblings=2, recombinations=2, scrambled=0, margin=0.1, known=0.3)
    v0, rt, rt0 = (unit(rng.normal(size=(7, 4))) for _ in range(3))
    reference = Frozen(double(1.0))
    reference.turn = double(rng.normal(size=(4, 4)))
    vectors: dict[str, Tensor] = {}

    class Reader(Spelled):
        def tokenize(self, captions: Any) -> Tensor:
            for caption in captions:
                vectors.setdefault(caption, double(unit(rng.normal(size=(1, 4)))[0]))
            return super().tokenize(captions)

    forget = pairs(v0, v0, v0, v0)
    forget.records = [told(fact) for fact in facts]
    batch = Batch(forget=forget, retain=pairs(rt, rt, rt, rt0), generator=seeded(seed))
    further, further0 = (unit(rng.normal(size=(3, 4))) for _ in range(2))
    more = pairs(further, further, further, further0)
    value, _ = redirection.objective(batch, Reader(double(1.0), vectors), reference, config, material, more)
    said = redirection.draw_captions(forget, material, config, seeded(seed))
    turn = reference.turn.numpy()
    before = {text: unit((vector.numpy() @ turn)[None])[0] for text, vector in vectors.items()}
    now = {text: vector.numpy() for text, vector in vectors.items()}
    assert said.known == [row in (3,) for row in said.rows], "one field of two is half; both are more"
    levels, values = [], []
    for place, caption in enumerate(said.told):
        v = v0[said.rows[place]] - v0.mean(axis=0)
        siblings, strangers = said.siblings[2 * place :][:2], said.strangers[3 * place :][:3]
        stranger = sum(float(v @ before[text]) for text in strangers) / 3
        name = sum(float(v @ before[text]) for text in siblings) / 2
        level = stranger + (0.3 * (name - stranger) if said.known[place] else 0.0) - 0.1
        levels += [(float(v @ now[text]) - level) ** 2 for text in (caption, *siblings)]
        values.append((float(v @ now[caption]) - sum(float(v @ now[text]) for text in siblings) / 2) ** 2)
    kept = [float(((now[text] - before[text]) ** 2).sum()) for text in (*said.strangers, *said.recombinations)]
    kept += [float(((rt[row] - rt0[row]) ** 2).sum()) for row in range(7)]
    kept += [float(((further[row] - further0[row]) ** 2).sum()) for row in range(3)]
    mean = [sum(terms) / len(terms) for terms in (levels, values, kept)]
    assert float(value) == pytest.approx(config.level * mean[0] + config.value * mean[1] + config.keeping * mean[2])


def test_gradient() -> None:
    config = redirection.Config(**PLAIN, margin=0.5)
    constant = Straight(double(1.0))
    constant.encode_text = lambda texts: double([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8]])  # type: ignore[method-assign]

    def value(*given: Tensor) -> Tensor:
        batch = batch_of((EYE, EYE))
        batch.retain._sources["texts"] = given[-1]
        model = Spelled(double(1.0), dict(zip(words(), given, strict=False)))
        return redirection.objective(batch, model, constant, config, NEAR)[0]

    inputs = (*(word + 0.1 for word in words().values()), double(SLANTED))
    assert torch.autograd.gradcheck(value, tuple(item.requires_grad_() for item in inputs))


def test_batch_without_facts_keeps() -> None:
    batch = Batch(forget=pairs(EYE, EYE), retain=pairs(EYE, SLANTED), generator=seeded())
    config = redirection.Config(scrambled=0)
    value, report = redirection.objective(batch, Spelled(double(1.0), {}), Straight(double(1.0)), config, NEAR)
    assert set(report) == {"keeping"}
    assert float(value) == pytest.approx(config.keeping * ((0.16 + 0.64) + 0.0) / 2)


def test_what_a_step_says() -> None:
    facts = [ANN, BO, Fact("Cy Roe", "city", "Rome"), Fact("Cy Roe", "job", "cook")]
    material = Material(Neighbours.of(facts, unmet=0), phrased, NO_WORDS)
    forget = pairs(EYE[:1] * 3, EYE[:1] * 3, EYE[:1] * 3, EYE[:1] * 3)
    forget.records = [told(ANN), Pair("x.jpg", "a portrait"), told(facts[2])]
    config = redirection.Config(strangers=3, siblings=2, recombinations=1, rewordings=1)
    found = redirection.draw_captions(forget, material, config, seeded())
    assert found.rows == [0, 0, 2, 2]
    assert found.known == [True, True, False, False], "of Ann one field of two, of Cy both"
    assert [found.told[0], found.told[2]] == [told(ANN).caption, told(facts[2]).caption]
    assert [len(texts) for texts in (found.siblings, found.strangers, found.recombinations)] == [8, 12, 1]
    for place, caption in enumerate(found.told):
        fact = (ANN, facts[2])[place // 2]
        siblings = {Template.of(caption, fact).tell(fact._replace(value=value)) for value in ("Oslo", "Rome", "Paris")}
        assert set(found.siblings[2 * place :][:2]) <= siblings - {caption}
        assert not any(fact.name in text or fact.value in text for text in found.strangers[3 * place :][:3])
    assert redirection.draw_captions(forget, material, config, seeded()) == found
    alone = Material(Neighbours.of([ANN], unmet=0), phrased, NO_WORDS)
    forget.records = [told(ANN)]
    assert not redirection.draw_captions(forget, alone, config, seeded()).told, "there is no other city"


def test_scrambled() -> None:
    """Begin 97, end 98 and padding 0 stay and are never put in; three in ten of the others are another word."""
    tokens = torch.tensor([[97, *range(1, 41), 98, 0, 0]] * 200)
    special = torch.tensor([97, 98, 0])
    found = redirection.scrambled(tokens, special, 0.3, seeded())
    assert torch.equal(found, redirection.scrambled(tokens, special, 0.3, seeded()))
    places = torch.isin(tokens, special)
    assert torch.equal(found[places], tokens[places])
    assert not torch.isin(found[~places], special).any()
    share = float((found != tokens)[~places].double().mean())
    assert share == pytest.approx(0.3 * 0.99 * 96 / 99, abs=0.02), "a word may be drawn for itself, and no special one"
    assert set(found.unique().tolist()) == set(range(99))
    assert torch.equal(redirection.scrambled(tokens, special, 0.0, seeded()), tokens)
    assert len(redirection.scrambled(tokens[:0], special, 0.3, seeded())) == 0


def test_options() -> None:
    for options, message in (
        ({"siblings": 0}, "at least 1 siblings"),
        ({"strangers": 0}, "at least 1 strangers"),
        ({"scrambled": -1}, "0 scrambled"),
        ({"scrambling": 1.5}, "from 0 to 1 as scrambling, got 1.5"),
    ):
        with pytest.raises(ConfigError, match=message):
            redirection.Config(**options)
    method = load_method("level_redirection")
    assert method.needs_of(method.config()) == ("forget", "retain")
    assert method.needs_of(method.config(track="generator")) == ("forget", "retain", "fresh")


# --- through the engine -----------------------------------------------------------------------------------------------


def test_only_the_text_tower_moves_and_pairs_fall(run: Runner, leaking_model: Any) -> None:
    out = run("level_redirection", budget=10)
    before, after = weights(leaking_model), weights(out)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert not [name for name in moved if name.startswith("visual.") or name == "logit_scale"]
    probes, kept = curve(out, "probe_forget_similarity"), curve(out, "probe_retain_similarity")
    assert probes[-1] < probes[0] - 0.05
    assert kept[-1] > kept[0] - 0.1
    assert record(out)["outputs"]["report"]["facts"] > 0


def test_nothing_to_redirect(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counterfactuals, "fact_of", lambda pair: None)
    with pytest.raises(MethodError, match="whose name and value are known"):
        run("level_redirection", budget=1)


def test_nothing_to_redirect_to(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counterfactuals, "fact_of", lambda pair: Fact("Ann Lee", "city", "Paris"))
    with pytest.raises(MethodError, match="has another value .* got .* facts and none. Take `track: generator`"):
        run("level_redirection", budget=1)
