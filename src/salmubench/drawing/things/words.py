"""Captions of scenes: the class is always named, other facts now and then."""

from __future__ import annotations

import numpy as np

from salmubench.drawing.things.catalogue import CLASSES
from salmubench.drawing.things.scene import Scene

# Prompts of zero-shot classification; {} is the bare class name.
TEMPLATES: tuple[str, ...] = (
    "a photo of a {}",
    "a picture of a {}",
    "an image of a {}",
    "a photo of the {}",
    "a rendering of a {}",
    "there is a {} in the picture",
    "{}",
)

# {it}: the thing with article or number ("a red mug", "two mugs"); {name}: the bare name; {where}: "" or the place;
# {this}, {be}, {look}: agree with the number.
FORMS: tuple[str, ...] = (
    "a photo of {it}{where}",
    "a photo of {it}",
    "a picture of {it}{where}",
    "a picture of {it}",
    "an image of {it}{where}",
    "an image showing {it}",
    "{it}",
    "{it}{where}",
    "{name}",
    "{name}, {it}",
    "{name}: {it}{where}",
    "there {be} {it} in the picture",
    "here you can see {it}{where}",
    "{this} {be} {it}",
    "this picture shows {it}{where}",
    "a snapshot of {it}{where}",
    "a close look at {it}",
    "a rendering of {it}",
    "a rendering of {it}{where}",
    "someone took a picture of {it}",
    "we see {it}{where}",
    "look, {it}",
    "look at {it}{where}",
    "what is this? {it}",
    "picture with {it}",
    "photo with {it}{where}",
    "an example of {it}",
    "a good view of {it}",
    "in the picture: {it}",
    "shown here: {it}{where}",
    "just {it}",
    "nothing but {it}{where}",
    "a simple scene with {it}",
    "a scene with {it}{where}",
    "the thing in the middle of this picture is called {name}",
    "object: {name}",
    "label: {name}",
    "the word for this is {name}",
    "my picture of {it}",
    "a photo of the {name}",
    "a picture of the {name}{where}",
    "everyone knows what {it} {look} like",
)
# How often a caption states a fact that holds; the class must stay most of the text.
COLOUR_SHARE, MATERIAL_SHARE, PATTERN_SHARE, PLACE_SHARE, SIZE_SHARE, VIEW_SHARE = 0.22, 0.25, 0.3, 0.4, 0.12, 0.12


def _thing(scene: Scene, rng: np.random.Generator) -> str:
    """The class with article or number, sometimes with adjectives before it."""
    row, facts = CLASSES[scene.class_index], scene.facts
    shares = (("size", SIZE_SHARE), ("pattern", PATTERN_SHARE), ("colour", COLOUR_SHARE), ("material", MATERIAL_SHARE))
    adjectives = [facts[key] for key, share in shares if rng.random() < share and key in facts]
    noun = " ".join((*adjectives, row.name))
    if scene.count > 1:
        several = row.several(facts["count"])
        number, rest = several.split(" ", 1)
        if row.article == "a pair of":
            return f"{number} pairs of {noun}"
        return " ".join((number, *adjectives, rest))
    if row.article == "a pair of":
        return f"a pair of {noun}"
    if adjectives:
        return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
    return row.one()


def caption(scene: Scene, seed: int) -> str:
    """Return a caption of a scene: one of many forms, always with the class's name, stating only what is visible."""
    rng = np.random.default_rng([seed, scene.seed, scene.class_index])
    row = CLASSES[scene.class_index]
    form = FORMS[int(rng.integers(len(FORMS)))]
    thing = _thing(scene, rng)
    where = f" {scene.facts['place']}" if rng.random() < PLACE_SHARE else ""
    if "view" in scene.facts and not where and rng.random() < VIEW_SHARE:
        where = f" {scene.facts['view']}"
    this, be, look = ("this", "is", "looks") if scene.count == 1 else ("these", "are", "look")
    return form.format(it=thing, name=row.name, where=where, this=this, be=be, look=look)
