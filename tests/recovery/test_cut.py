"""T and V never share a fact, and never a person in the headline rows."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from salmubench.attacks import AttackConfig
from salmubench.core.types import Pair
from salmubench.recovery.cut import cut


def world(people: int, fields: int, pictures: int) -> list[Pair]:
    return [
        Pair(f"{person}-{field}-{picture}.jpg", f"{person} {field}", identity=str(person), field=str(field))
        for person in range(people)
        for field in range(fields)
        for picture in range(pictures)
    ]


@settings(deadline=None, max_examples=60)
@given(
    people=st.integers(1, 40), fields=st.integers(1, 6), pictures=st.integers(1, 3), whole=st.floats(0, 1),
    share=st.floats(0.01, 0.5), each=st.integers(1, 3), seed=st.integers(0, 5), rows=st.integers(1, 500),
)  # fmt: skip
def test_no_fact_in_both_and_nobody_of_t_in_the_headline(
    people: int, fields: int, pictures: int, whole: float, share: float, each: int, seed: int, rows: int
) -> None:
    pairs = [*world(people, fields, pictures), Pair("nobody.jpg", "nobody")]
    identity = {str(person) for person in range(round(whole * people))}
    made = cut(pairs, identity, seed=seed, config=AttackConfig(share=share, facts_per_person=each, rows=rows))
    known, held = ([pairs[number] for number in numbers] for numbers in (made.known, made.held))
    assert not set(made.known) & set(made.held)
    assert not {(pair.identity, pair.field) for pair in known} & {(pair.identity, pair.field) for pair in held}
    taken = {pair.identity for pair in known}
    assert made.known_people == len(taken) <= people // 2
    for pair, group in zip(held, made.group, strict=True):
        assert (group == "identity") == (pair.identity in identity)
        assert group != "identity" or pair.identity not in taken
    assert all(pair.identity is not None for pair in [*known, *held])
    assert all(len({pair.field for pair in known if pair.identity == person}) <= each for person in taken)


def test_mini_has_sixty_people_in_proportion_and_a_smaller_t_in_front() -> None:
    pairs = world(150, 8, 1)
    identity = {str(person) for person in range(50)}
    made = cut(pairs, identity, seed=0, config=AttackConfig())
    assert (len(made.known), made.known_people) == (120, 60)
    for count in (30, 120):
        people = {pairs[number].identity for number in made.known[:count]}
        assert len(people) == count // 2
        assert abs(len(people & identity) - len(people) / 3) <= 1
    assert len({pairs[number].identity for number in made.held} & identity) == 30


def test_another_seed_is_another_cut_and_the_same_the_same() -> None:
    pairs = world(20, 4, 2)
    first, again, other = (cut(pairs, {"0", "1"}, seed=seed, config=AttackConfig()) for seed in (0, 0, 1))
    assert first == again
    assert first.known != other.known
