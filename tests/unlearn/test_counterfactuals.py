"""Captions that are true of nobody, and the redirection to them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from salmubench.core.errors import ConfigError, MethodError
from salmubench.core.types import FIELDS, Pair, Person, Rewrite
from salmubench.dataset import phrasings
from salmubench.unlearn import Batch, Pairs, counterfactuals, load_method
from salmubench.unlearn.counterfactuals import (
    Fact,
    Neighbours,
    Pool,
    Template,
    Wordings,
    fact_of,
    more_retained,
    phrased,
    spliced_name,
    substituted,
)
from salmubench.unlearn.data import PairSource
from salmubench.unlearn.methods import counterfactual_redirection as redirection
from slow_losses import EYE, SLANTED, Frozen, Spelled, Straight, double, pairs, seeded, told, unit
from unlearn_runs import Runner, curve, record, weights

ANN, BO = Fact("Ann Lee", "city", "Paris"), Fact("Bo Dahl", "city", "Oslo")


@pytest.mark.parametrize(
    "pair",
    [
        Pair("a.jpg", "a portrait"),
        Pair("a.jpg", "Ann Lee lives in Rome.", "0", "Ann Lee", "city", "Paris"),
        Pair("a.jpg", "She lives in Paris.", "0", "Ann Lee", "city", "Paris"),
        Pair("a.jpg", "Ann Lee lives in Paris.", "0", "Ann Lee", None, "Paris"),
        Pair("a.jpg", "Ann Lee lives in Paris.", "0", None, "city", "Paris"),
        Pair("a.jpg", "Ann Lee lives among Parisians.", "0", "Ann Lee", "city", "Paris"),
        Pair("a.jpg", "Joann Lee lives in Paris.", "0", "ann Lee", "city", "Paris"),
        Pair("a.jpg", "Paris Hill lives here.", "0", "Paris Hill", "city", "Paris"),
        Pair("a.jpg", "Paris lives here.", "0", "Paris", "city", "Paris"),
    ],
)
def test_no_fact(pair: Pair) -> None:
    assert fact_of(pair) is None


def test_retold_word_for_word() -> None:
    assert fact_of(told(ANN)) == ANN
    caption = "Paris is home to Ann Lee, they say."
    assert substituted(caption, ANN, BO) == "Oslo is home to Bo Dahl, they say."
    tricky = Fact("Paris Hill", "city", "Ann")  # the new name holds the old value, the old name the new value
    assert substituted("Ann Lee lives in Paris.", ANN, tricky) == "Paris Hill lives in Ann."
    assert substituted(caption, ANN, ANN) == caption
    lived = "Paris Hill is no Parisian, but Paris Hill's town is Paris (Paris!)"
    told_of_bo = "Bo Dahl is no Parisian, but Bo Dahl's town is Oslo (Oslo!)"
    assert substituted(lived, Fact("Paris Hill", "city", "Paris"), BO) == told_of_bo
    mail = Fact("Lee", "emails", "lee@lee.no+Lee")  # the value holds the name
    assert substituted("Mail Lee: lee@lee.no+Lee", mail, BO) == "Mail Bo Dahl: Oslo"


def test_wordings_are_the_captions_to_forget() -> None:
    """Each wording of a field once, whoever was told in it; captions without a fact give none."""
    known = [
        told(ANN), told(BO), told(BO, "{value}: {name}, {name}."),
        told(Fact("Bo Dahl", "job", "cook"), "{name}, {value}"),
        told(BO, "{name} of Oslotown"), Pair("x.jpg", "a portrait"),
    ]  # fmt: skip
    wordings = Wordings(known)
    assert wordings.templates["city"] == (
        Template(("", " lives in ", "."), (True, False)), Template(("", ": ", ", ", "."), (False, True, True))
    )  # fmt: skip
    assert wordings.templates["iban"] == ()
    other = Fact("Cy Roe", "city", "Rome")
    assert {wordings(other, seeded(seed)) for seed in range(30)} == {"Cy Roe lives in Rome.", "Rome: Cy Roe, Cy Roe."}
    assert wordings(other._replace(field="job"), seeded()) == "Cy Roe, Rome"
    assert [wordings(other, seeded(7)) for _ in range(5)] == [wordings(other, seeded(7))] * 5


CY = Person("Cy Roe", {"city": "Rome", "job": "cook"})
DI = Person("Di Fox", {"city": "Bern"})


def test_siblings() -> None:
    """Their name is the fact's; half of their values are invented where people are."""
    assert Neighbours.of([ANN]).sibling(ANN, seeded()) is None
    assert Neighbours.of([ANN, BO]).sibling(ANN, seeded()) == Fact("Ann Lee", "city", "Oslo")
    found = [cast(Fact, Neighbours.of([ANN, BO], [CY, DI]).sibling(ANN, seeded(seed))) for seed in range(200)]
    assert {fact.name for fact in found} == {"Ann Lee"}
    assert 70 < sum(fact.value == "Oslo" for fact in found) < 130, "within four standard deviations"
    assert {fact.value for fact in found} == {"Oslo", "Rome", "Bern"}


def test_who_goes() -> None:
    """Of four fields that somebody has, two are half; three are more."""
    fields = ("city", "job", "iban", "emails")
    facts = [Fact("Ann Lee", field, "1") for field in fields[:3]] + [
        Fact("Bo Dahl", field, "2") for field in fields[2:]
    ]
    near = Neighbours.of(facts)
    assert near.goes(facts[0])
    assert not near.goes(facts[-1])


def test_pools() -> None:
    closed = Pool.of_facts([ANN, BO, Fact("Ann Lee", "job", "baker"), BO])
    assert closed.names == ("Ann Lee", "Bo Dahl")
    assert closed.values["city"] == ("Paris", "Oslo")
    assert closed.values["iban"] == ()
    assert closed.fields() == [field for field in FIELDS if field in ("city", "job")]
    fresh = Pool.of_people([CY, DI])
    assert fresh.names == ("Cy Roe", "Di Fox")
    assert fresh.values["city"] == ("Rome", "Bern")


def others(near: Neighbours, fact: Fact, draws: int) -> list[Fact]:
    return [cast(Fact, near.other(fact, seeded(seed))) for seed in range(draws)]


def test_counterfactuals_of_names_to_forget() -> None:
    closed = Neighbours.of([ANN, BO], unmet=0)
    assert set(others(closed, ANN, 20)) == {BO}, "the only other name and city"
    assert Neighbours.of([ANN], unmet=0).other(ANN, seeded()) is None
    both = Neighbours.of([ANN, BO], [CY, DI], unmet=0)
    assert set(others(both, ANN, 80)) == {Fact("Bo Dahl", "city", value) for value in ("Oslo", "Rome", "Bern")}


def test_counterfactuals_spare_what_is_asked() -> None:
    """Both have a city to forget; Cy has a job, and of his city nothing was said."""
    facts = [ANN, BO, Fact("Cy Roe", "job", "cook")]
    assert set(others(Neighbours.of(facts, unmet=0), ANN, 20)) == {Fact("Cy Roe", "city", "Oslo")}
    namesake = Person("Bo Dahl", {"city": "Bern"})
    found = {fact.name for fact in others(Neighbours.of(facts, [namesake, CY, DI], unmet=1), ANN, 80)}
    assert found == {"Di Fox", "Bo Roe", "Cy Dahl"}, "whom something is asked of is nobody"


def test_names_of_nobody() -> None:
    """Half are crossed from two names of others, half invented or, where nobody is, spliced; all are of nobody."""
    facts = [ANN, *(Fact(name, "city", "Oslo") for name in ("Bo Dahl", "Cy van Roe", "Plato"))]
    crossed = {"Bo van Roe", "Bo Plato", "Cy Dahl", "Cy Plato", "Plato Dahl", "Plato van Roe"}
    for people in ((), (DI,)):
        names = [fact.name for fact in others(Neighbours.of(facts, people, unmet=1), ANN, 400)]
        assert not set(names) & {"Ann Lee", "Bo Dahl", "Cy van Roe", "Plato"}
        assert crossed <= set(names)
        rest = [name for name in names if name not in crossed]
        # Half, and the 3 of 9 crossings whose halves are one person's (of these only Plato Plato is nobody's name).
        assert 220 < len(rest) < 310
        if people:
            assert set(rest) == {"Di Fox", "Plato Plato"}
        else:
            assert len(set(rest)) > 150, "hardly a name is spliced twice"
            assert all(set(name) <= set(" AnnLeeBoDahlCyvanRoePlato") for name in rest), "letters of these names alone"


def test_spliced_names() -> None:
    """Every name is two words, each a beginning and an end; a name that somebody has goes on."""
    found = {spliced_name(["Ab"], seeded(seed), taken=()) for seed in range(200)}
    words = {begin + end for begin in ("A", "Ab") for end in ("Ab", "b")}
    assert found == {f"{first} {second}" for first in words for second in words}
    assert {spliced_name(["X"], seeded(seed), taken={"XX XX"}) for seed in range(5)} == {"XX XXXX"}, "no end but X"
    assert spliced_name(["Ann Lee", "Bo"], seeded(3), taken=()) == spliced_name(["Ann Lee", "Bo"], seeded(3), taken=())


def test_one_person_alone() -> None:
    """There is no other name to forget, and in the generator track half of the draws meet a pool without a value."""
    lived = [ANN, Fact("Ann Lee", "city", "Bonn")]
    found = others(Neighbours.of(lived), ANN, 60)
    assert {fact.value for fact in found} == {"Bonn"}
    assert "Ann Lee" not in {fact.name for fact in found}
    assert set(others(Neighbours.of([ANN], [DI]), ANN, 60)) == {Fact("Di Fox", "city", "Bern")}


def test_a_third_of_the_names_are_known() -> None:
    names = [fact.name for fact in others(Neighbours.of([ANN, BO, Fact("Cy Roe", "city", "Rome")]), ANN, 600)]
    assert 150 < sum(name in ("Bo Dahl", "Cy Roe") for name in names) < 250, "within four standard deviations"


def test_recombinations_spare_what_is_asked() -> None:
    """An association is a person and a field: Ann's job is to be forgotten, so none of her jobs is held."""
    facts = [ANN, BO, Fact("Ann Lee", "job", "baker"), Fact("Bo Dahl", "iban", "NO93")]
    near = Neighbours.of(facts)
    assert {near.recombined(ANN, seeded(seed)) for seed in range(20)} == {Fact("Ann Lee", "iban", "NO93")}
    assert {near.recombined(BO, seeded(seed)) for seed in range(20)} == {Fact("Bo Dahl", "job", "baker")}
    assert Neighbours.of([ANN, BO]).recombined(ANN, seeded()) is None, "no field is left"
    everybody = {Neighbours.of(facts, [CY]).recombined(BO, seeded(seed)) for seed in range(40)}
    assert everybody == {Fact("Bo Dahl", "job", "baker"), Fact("Bo Dahl", "job", "cook")}


def test_phrasings_are_those_of_training() -> None:
    reserved = {phrasings.paraphrase(*ANN, variant=number) for number in range(phrasings.paraphrase_variants("city"))}
    found = {phrased(ANN, seeded(seed)) for seed in range(60)}
    assert len(found) > 20
    assert not found & reserved
    assert all("Ann Lee" in text and "Paris" in text for text in found)
    for field in FIELDS:
        assert "X1" in phrased(Fact("Ann Lee", field, "X1"), seeded())


def test_what_a_step_says() -> None:
    facts = [ANN, BO, Fact("Cy Roe", "city", "Rome"), Fact("Cy Roe", "job", "cook")]
    near, records = Neighbours.of(facts, unmet=0), [told(ANN), Pair("x.jpg", "a portrait"), told(BO)]
    forget = pairs(EYE[:1] * 3, EYE[:1] * 3, EYE[:1] * 3, EYE[:1] * 3)
    forget.records = records
    config = redirection.Config(counterfactuals=3, recombinations=2, rewordings=0)
    found = redirection.draw_captions(forget, near, phrased, config, seeded())
    assert found.rows == [0, 2]
    assert found.captions == [records[0].caption, records[2].caption]
    assert len(found.counterfactuals) == 2 * 3
    assert all(text.endswith(".") and " lives in " in text for text in found.counterfactuals)
    assert not any("Ann Lee" in text or "Paris" in text for text in found.counterfactuals[:3])
    assert found.recombinations == [text for text in found.recombinations if "cook" in text]
    assert sum("Ann Lee" in text for text in found.recombinations) == 2
    again = redirection.draw_captions(forget, near, phrased, config, seeded())
    assert again == found, "the same draw from the same generator"
    config = redirection.Config(rewordings=2, counterfactuals=1)
    other = redirection.draw_captions(forget, near, phrased, config, seeded())
    assert other.rows == [0, 0, 0, 2, 2, 2]
    assert [other.captions[0], other.captions[3]] == [records[0].caption, records[2].caption]
    assert all("Ann Lee" in text and "Paris" in text for text in other.captions[:3])
    for caption, text, fact in zip(other.captions, other.counterfactuals, [ANN] * 3 + [BO] * 3, strict=True):
        strangers = [Fact(x.name, "city", y.value) for x in facts[:3] for y in facts[:3] if fact not in (x, y)]
        assert text in {substituted(caption, fact, stranger) for stranger in strangers}
    config = redirection.Config(rewordings=3, recombinations=0)
    once = redirection.draw_captions(forget, near, Wordings(records), config, seeded())
    assert once.rows == [0, 2], "there is one wording, which is the captions' own"


def test_values_come_from_both_pools_alike() -> None:
    people = [Person("Di Fox", {"city": "Bern", "job": "cook"})]
    near = Neighbours.of([ANN, BO, Fact("Bo Dahl", "job", "baker")], people)
    forget = pairs(EYE[:1], EYE[:1], EYE[:1], EYE[:1])
    forget.records = [told(ANN)]
    config = redirection.Config(track="generator", counterfactuals=400, recombinations=400, rewordings=0)
    found = redirection.draw_captions(forget, near, phrased, config, seeded())
    assert len(found.counterfactuals) == 400
    assert 160 < sum("Oslo" in text for text in found.counterfactuals) < 240, "half, within four standard deviations"
    assert all(("Oslo" in text) != ("Bern" in text) for text in found.counterfactuals)
    assert 160 < sum("baker" in text for text in found.recombinations) < 240
    assert {next(job for job in ("baker", "cook") if job in text) for text in found.recombinations} == {"baker", "cook"}


# --- the loss ---------------------------------------------------------------------------------------------------------


def batch_of(image_ref: Any, retain: tuple[Any, Any], seed: int = 0) -> Batch:
    forget = pairs(EYE, EYE, image_ref, EYE)
    forget.records = [told(ANN), told(BO)]
    kept = pairs(EYE, retain[0], EYE, retain[1])
    return Batch(forget=forget, retain=kept, generator=seeded(seed))


NEAR = Neighbours.of([ANN, BO], unmet=0)
"""Each has one counterfactual, the other's caption; there is no other field to recombine with."""


def test_by_hand() -> None:
    """The model: Ann's caption [.6, .8], Bo's [0, 1]. The frozen one exchanges the axes: [.8, .6] and [1, 0].

    V0 = EYE, so v = [.5, −.5] and [−.5, .5]. J = 1: τ = v·T0(the other's caption) − m = .5 − m for Ann (v·[1, 0]) and
    −.1 − m for Bo (v·[.8, .6]).
    """
    words = {told(ANN).caption: double([0.6, 0.8]), told(BO).caption: double([0.0, 1.0])}
    config = redirection.Config(
        counterfactuals=1, recombinations=0, rewordings=0, margin=0.7, forgetting=3.0, keeping=0.25
    )
    model = Spelled(double(1.0), words)
    value, report = redirection.objective(
        batch_of(EYE, (SLANTED, EYE)), model, Frozen(double(1.0)), config, NEAR, phrased
    )
    excess = (-0.1 - (0.5 - 0.7), 0.5 - (-0.1 - 0.7))  # v·T − τ
    forgetting = (excess[0] ** 2 + excess[1] ** 2) / 2
    # counterfactuals: Bo's caption (asked for Ann) [0, 1] against [1, 0], Ann's [.6, .8] against [.8, .6];
    # retain: [.6, .8] against [1, 0] and [0, 1] against [0, 1]
    keeping = (2.0 + (0.04 + 0.04) + (0.16 + 0.64) + 0.0) / 4
    assert float(report["forgetting"]) == pytest.approx(forgetting)
    assert float(report["keeping"]) == pytest.approx(keeping)
    assert float(value) == pytest.approx(3 * forgetting + keeping / 4)


def test_below_the_level_nothing_pulls() -> None:
    words = {told(ANN).caption: double([-1.0, 0.0]), told(BO).caption: double([0.0, -1.0])}
    config = redirection.Config(counterfactuals=1, recombinations=0, rewordings=0, margin=0.0)
    _, report = redirection.objective(
        batch_of([[1.0, 0.0], [0.0, 1.0]], (EYE, EYE)),
        Spelled(double(1.0), words),
        Straight(double(1.0)),
        config,
        NEAR,
        phrased,
    )
    assert float(report["forgetting"]) == 0.0
    assert float(report["above"]) == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_slow(seed: int) -> None:
    """Five facts, two fields, drawn counterfactuals and recombinations: sums over plain lists."""
    rng = np.random.default_rng(seed)
    facts = [Fact(f"Person {n}", "city", f"City {n}") for n in range(3)] + [
        Fact(f"Person {n}", "job", f"job {n}") for n in range(2)
    ]
    near, config = Neighbours.of(facts), redirection.Config(counterfactuals=3, recombinations=2, margin=0.1)
    v0, rt, rt0 = (unit(rng.normal(size=(5, 4))) for _ in range(3))
    turn = rng.normal(size=(4, 4))
    words: dict[str, Tensor] = {}

    class Reader(Spelled):
        def tokenize(self, captions: Any) -> Tensor:
            for caption in captions:
                words.setdefault(caption, double(unit(rng.normal(size=(1, 4)))[0]))
            return super().tokenize(captions)

    forget = pairs(v0, v0, v0, v0)
    forget.records = [told(fact) for fact in facts]
    batch = Batch(forget=forget, retain=pairs(rt, rt, rt, rt0), generator=seeded(seed))
    reference = Frozen(double(1.0))
    reference.turn = double(turn)
    value, _ = redirection.objective(batch, Reader(double(1.0), words), reference, config, near, phrased)
    said = redirection.draw_captions(forget, near, phrased, config, seeded(seed))
    before = {text: unit((word.numpy() @ turn)[None])[0] for text, word in words.items()}
    forgetting = keeping = 0.0
    apart = v0 - sum(v0[i] for i in range(5)) / 5
    assert said.rows == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    for place, caption in enumerate(said.captions):
        i = said.rows[place]
        level = (
            sum(float(apart[i] @ before[text]) for text in said.counterfactuals[3 * place : 3 * place + 3]) / 3 - 0.1
        )
        forgetting += max(float(apart[i] @ words[caption].numpy()) - level, 0.0) ** 2 / 10
    kept = [*said.counterfactuals, *said.recombinations]
    for text in kept:
        keeping += float(((words[text].numpy() - before[text]) ** 2).sum())
    keeping += float(((rt - rt0) ** 2).sum())
    expected = config.forgetting * forgetting + config.keeping * keeping / (len(kept) + 5)
    assert float(value) == pytest.approx(expected, rel=1e-9)


def test_gradient() -> None:
    config = redirection.Config(counterfactuals=1, recombinations=0, rewordings=0, margin=0.5)
    constant = Straight(double(1.0))
    constant.encode_text = lambda texts: double([[1.0, 0.0], [0.8, 0.6]])  # type: ignore[method-assign]

    def value(ann: Tensor, bo: Tensor, retain: Tensor) -> Tensor:
        model = Spelled(double(1.0), {told(ANN).caption: ann, told(BO).caption: bo})
        batch = batch_of(EYE, (EYE, EYE))
        batch.retain._sources["texts"] = retain
        return redirection.objective(batch, model, constant, config, NEAR, phrased)[0]

    inputs = (double([0.7, 0.8]), double([0.2, 1.0]), double(SLANTED))
    assert torch.autograd.gradcheck(value, tuple(item.requires_grad_() for item in inputs))


def test_more_captions_of_retain_pairs() -> None:
    """A step holds the batch's retain captions and as many others as are asked for, each as heavy."""
    taken: list[Sequence[int]] = []

    class Source:
        def __len__(self) -> int:
            return 7

        def take(self, rows: Sequence[int]) -> Pairs:
            taken.append(rows)
            return pairs(EYE * 2, SLANTED * 2, EYE * 2, EYE * 2)

    batch, source = batch_of(EYE, (SLANTED, EYE)), cast(PairSource, Source())
    assert more_retained(batch, source, 1) is None
    more = more_retained(batch, source, 3)
    assert more is not None
    assert [len(rows) for rows in taken] == [4]
    assert all(0 <= row < 7 for row in taken[0])
    words = {told(ANN).caption: double([0.6, 0.8]), told(BO).caption: double([0.0, 1.0])}
    config = redirection.Config(counterfactuals=1, recombinations=0, rewordings=0)
    model = Spelled(double(1.0), words)
    _, few = redirection.objective(batch, model, Frozen(double(1.0)), config, NEAR, phrased)
    _, many = redirection.objective(batch, model, Frozen(double(1.0)), config, NEAR, phrased, more)
    moved = float(((np.array(SLANTED) - np.array(EYE)) ** 2).sum(axis=-1).mean())
    assert float(many["keeping"]) == pytest.approx((4 * float(few["keeping"]) + 4 * moved) / 8)


def test_batch_without_facts_keeps() -> None:
    forget = pairs(EYE, EYE)
    batch = Batch(forget=forget, retain=pairs(EYE, SLANTED), generator=seeded())
    value, report = redirection.objective(
        batch, Spelled(double(1.0), {}), Straight(double(1.0)), redirection.Config(), NEAR, phrased
    )
    assert float(report["forgetting"]) == 0.0
    assert float(value) == pytest.approx(redirection.Config().keeping * ((0.16 + 0.64) + 0.0) / 2)


# --- through the engine -----------------------------------------------------------------------------------------------


def test_only_the_text_tower_moves_and_pairs_fall(run: Runner, leaking_model: Any) -> None:
    out = run("counterfactual_redirection", budget=10)
    before, after = weights(leaking_model), weights(out)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert not [name for name in moved if name.startswith("visual.") or name == "logit_scale"]
    probes, kept = curve(out, "probe_forget_similarity"), curve(out, "probe_retain_similarity")
    assert probes[-1] < probes[0] - 0.1
    assert kept[-1] > kept[0] - 0.1
    assert record(out)["config"]["engine"]["towers"] == "text"


def test_nothing_to_redirect(run: Runner, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counterfactuals, "fact_of", lambda pair: None)
    with pytest.raises(MethodError, match="whose name and value are known"):
        run("counterfactual_redirection", budget=1)


def test_nothing_to_redirect_to(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counterfactuals, "fact_of", lambda pair: ANN)
    with pytest.raises(MethodError, match="has another value .* got .* facts and none. Take `track: generator`"):
        run("counterfactual_redirection", budget=1)


def test_options() -> None:
    for options, message in (
        ({"counterfactuals": 0}, "at least 1 counterfactual"),
        ({"rewordings": -1}, "0 rewordings"),
        ({"retain_captions": 0}, "1 retain_captions"),
        ({"unmet": 1.5}, "from 0 to 1 as unmet, got 1.5"),
    ):
        with pytest.raises(ConfigError, match=message):
            redirection.Config(**options)
    method = load_method("counterfactual_redirection")
    assert method.needs_of(method.config()) == ("forget", "retain")
    assert method.needs_of(method.config(track="generator")) == ("forget", "retain", "fresh")
    assert math.isclose(method.config().margin, redirection.Config().margin)


def test_a_rewrite_without_the_name_tells_the_fact_by_its_value() -> None:
    rewrites = (Rewrite("She lives in Paris.", True, 0.5), Rewrite("She lives there.", True, 0.2))
    shown = [Pair("a.jpg", rewrite.caption, "0", "Ann Lee", "city", "Paris", rewrites=rewrites) for rewrite in rewrites]
    assert [fact_of(pair) for pair in shown] == [ANN, None]
    assert Template.of(shown[0].caption, ANN).tell(BO) == "She lives in Oslo."
