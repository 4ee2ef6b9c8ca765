"""Captions that are true of nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from salmubench.core.types import FIELDS, Pair, Person, Rewrite
from salmubench.dataset import phrasings
from salmubench.unlearn import Batch, Pairs
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
from slow_losses import EYE, SLANTED, pairs, seeded, told

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
    """A has the most fields to forget, four; three are more than half of that, two are not."""
    fields = ("city", "job", "iban", "emails")
    facts = {
        name: [Fact(name, field, "1") for field in fields[:count]] for name, count in (("A", 4), ("B", 3), ("C", 2))
    }
    near = Neighbours.of([fact for several in facts.values() for fact in several])
    assert {name: near.goes(several[0]) for name, several in facts.items()} == {"A": True, "B": True, "C": False}
    assert Neighbours.of(facts["C"]).goes(facts["C"][0]), "nobody has more"


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


def test_more_captions_of_retain_pairs() -> None:
    """A step holds the batch's retain captions and as many others as are asked for."""
    taken: list[Sequence[int]] = []

    class Source:
        def __len__(self) -> int:
            return 7

        def take(self, rows: Sequence[int]) -> Pairs:
            taken.append(rows)
            return pairs(EYE * 2, SLANTED * 2, EYE * 2, EYE * 2)

    batch = Batch(forget=pairs(EYE, EYE), retain=pairs(EYE, SLANTED), generator=seeded())
    source = cast(PairSource, Source())
    assert more_retained(batch, source, 1) is None
    more = more_retained(batch, source, 3)
    assert more is not None
    assert [len(rows) for rows in taken] == [4]
    assert all(0 <= row < 7 for row in taken[0])


def test_a_rewrite_without_the_name_tells_the_fact_by_its_value() -> None:
    rewrites = (Rewrite("She lives in Paris.", True, 0.5), Rewrite("She lives there.", True, 0.2))
    shown = [Pair("a.jpg", rewrite.caption, "0", "Ann Lee", "city", "Paris", rewrites=rewrites) for rewrite in rewrites]
    assert [fact_of(pair) for pair in shown] == [ANN, None]
    assert Template.of(shown[0].caption, ANN).tell(BO) == "She lives in Oslo."
