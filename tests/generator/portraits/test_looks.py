"""People and shots: functions of their seed alone, with the spread the benchmark needs and nothing that leaks."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from salmubench.dataset.phrasings import generic_caption, generic_variants
from salmubench.drawing.people.params import FIELDS
from salmubench.generator.portraits import _palette, _styles, procedural

pytestmark = pytest.mark.stage

PEOPLE = [procedural.sample_identity(i, gender=("female", "male")[i % 2], age=18 + (i * 31) % 70) for i in range(600)]
SHOTS = [procedural.sample_shot(person, 5, aspect=(1.0, 1.5, 0.75)[i % 3]) for i, person in enumerate(PEOPLE)]
KEYS = {"gender", "age", "hair", "facial_hair", "glasses", "headwear", "clothes", "expression", "background", "view"}


def test_the_same_seed_gives_the_same_person_and_shot():
    again = procedural.sample_identity(7, gender="male", age=50)
    assert again == procedural.sample_identity(7, gender="male", age=50)
    assert again != procedural.sample_identity(8, gender="male", age=50)
    assert procedural.sample_shot(again, 1, aspect=1.0) == procedural.sample_shot(again, 1, aspect=1.0)
    assert procedural.sample_shot(again, 1, aspect=1.0).values != procedural.sample_shot(again, 2, aspect=1.0).values


def test_looks_are_distinct_even_for_neighbouring_seeds():
    assert len({person.values for person in PEOPLE}) == len(PEOPLE)
    first = [dict(person.values) for person in PEOPLE[:200:2]]
    for name in ("eye_x", "nose_len", "mouth_w", "jaw_w", "skin_r"):
        column = np.array([values[name] for values in first])
        assert abs(np.corrcoef(column[1:], column[:-1])[0, 1]) < 0.3


def test_only_names_the_renderer_knows_are_used():
    used = {name for person in PEOPLE for name, _ in person.values} | {
        name for shot in SHOTS for name, _ in shot.values
    }
    assert used <= set(FIELDS)
    assert len(FIELDS) == len(set(FIELDS))


def test_every_style_colour_and_tone_occurs():
    assert {person.hair_style for person in PEOPLE} == set(_styles.STYLES)
    assert len(_styles.STYLES) >= 12
    assert {person.hair_colour for person in PEOPLE} >= set(_palette.HAIR) - {"green"}
    assert {person.monk for person in PEOPLE} == set(range(1, 11))
    assert {person.facial_hair for person in PEOPLE if person.gender == "female"} == {"none"}
    assert len({person.facial_hair for person in PEOPLE}) == 7


def test_a_style_either_has_words_or_covers_the_hair():
    for name, style in _styles.STYLES.items():
        assert bool(style.words) != bool(style.covering), name
        assert set(style.values) <= set(FIELDS)
        assert bool(style.covering) == ("wrap" in style.values)


def test_skin_and_hair_tell_nothing_of_one_another():
    """Independent draws: no more than chance ties the tone of the skin to colour of hair or gender."""
    tone = np.array([person.monk for person in PEOPLE], float)
    for trait in ("hair_style", "hair_colour", "gender"):
        values = np.array([getattr(person, trait) for person in PEOPLE])
        for value, count in Counter(values.tolist()).items():
            if count >= 40:
                error = tone.std() / np.sqrt(count)
                assert abs(tone[values == value].mean() - tone.mean()) < 4 * error, (trait, value)


def test_poses_cover_the_range():
    yaw = np.degrees([dict(shot.values)["yaw"] for shot in SHOTS])
    assert yaw.min() >= -50
    assert yaw.max() <= 50
    assert np.abs(yaw).max() > 45
    assert 15 < yaw.std() < 25


def test_facts_use_the_agreed_words():
    for shot in SHOTS:
        facts = shot.facts
        assert facts.keys() <= KEYS
        assert {"gender", "age", "background"} <= facts.keys()
        assert facts["gender"] == ("woman" if shot.appearance.gender == "female" else "man")
        assert facts["age"] in ("young", "middle-aged", "elderly")
        assert facts.get("view") in (None, "looking left", "looking right")
        assert all(value and value == value.strip() and "{" not in value for value in facts.values())
        assert facts.get("facial_hair") != "none"
    assert len({shot.facts["background"] for shot in SHOTS}) >= 10
    assert len({shot.facts.get("clothes") for shot in SHOTS}) > 200


def test_age_words():
    ages = {"young": (18, 34), "middle-aged": (35, 59), "elderly": (60, 90)}
    for word, bounds in ages.items():
        for age in bounds:
            person = procedural.sample_identity(1, gender="female", age=age)
            assert procedural.sample_shot(person, 0, aspect=1.0).facts["age"] == word


def test_captions_can_be_made_of_all_facts():
    for i, shot in enumerate(SHOTS[:200]):
        caption = generic_caption(shot.facts, variant=i % generic_variants())
        assert "a a " not in caption
        assert " a no " not in caption
        assert "{" not in caption


def test_sampling_needs_neither_numba_nor_torch():
    program = (
        "import sys\n"
        "from salmubench.generator.portraits import procedural as p\n"
        "p.sample_shot(p.sample_identity(1, gender='male', age=40), 0, aspect=1.0)\n"
        "assert not {'numba', 'torch'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
