import dataclasses
import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression

from salmubench.core.errors import ConfigError
from salmubench.drawing.things import draw
from salmubench.drawing.things.arrange import arrange
from salmubench.drawing.things.catalogue import CLASSES
from salmubench.drawing.things.kinds import POSITION
from salmubench.drawing.things.scene import cell, is_reserved
from salmubench.drawing.things.words import FORMS
from salmubench.generator.retain import procedural

pytestmark = pytest.mark.stage

COUNT = len(CLASSES)


def decoded(files):
    return [np.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in files]


def test_class_names_are_a_prefix_of_one_order():
    assert procedural.class_names(60) == procedural.class_names(COUNT)[:60]
    for count in (0, COUNT + 1):
        with pytest.raises(ConfigError, match="object classes"):
            procedural.class_names(count)
    assert all("{}" in template for template in procedural.TEMPLATES)


def test_bytes_depend_neither_on_the_batch_nor_on_threads(monkeypatch):
    scenes = [procedural.sample_scene(i % COUNT, seed=i) for i in range(0, 60, 5)]
    together = procedural.render_jpeg(scenes, size=48)
    assert procedural.render_jpeg(scenes[::-1], size=48)[::-1] == together
    assert [procedural.render_jpeg([scene], size=48)[0] for scene in scenes] == together
    monkeypatch.setattr(procedural, "cores", lambda: 1)
    assert procedural.render_jpeg(scenes, size=48) == together
    assert len(set(together)) == len(together)


def test_another_process_draws_the_same_bytes():
    code = (
        "import hashlib; from salmubench.generator.retain import procedural as p;"
        "s = [p.sample_scene(i, seed=9) for i in range(6)];"
        "print(hashlib.sha256(b''.join(p.render_jpeg(s, size=40))).hexdigest(), p.caption(s[3], 4))"
    )
    runs = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in "ab"
    }
    assert len(runs) == 1


@pytest.mark.parametrize(("aspect", "shape"), [(1.0, (40, 40)), (1.5, (40, 60)), (0.75, (53, 40)), (1.78, (40, 71))])
def test_short_side_and_aspect(aspect, shape):
    scene = procedural.sample_scene(3, seed=1, aspect=aspect)
    assert decoded(procedural.render_jpeg([scene], size=40))[0].shape == (*shape, 3)


def test_more_samples_smooth_the_same_picture():
    scene = dataclasses.replace(procedural.sample_scene(2, seed=5), place="studio")
    one, nine = (draw.pixels(scene, size=48, samples=n).astype(float) for n in (1, 9))
    large = draw.pixels(scene, size=48 * 4, samples=1).astype(float).reshape(48, 4, 48, 4, 3).mean((1, 3))
    assert np.abs(nine - large).mean() < np.abs(one - large).mean() < 12


def test_bad_requests_are_refused():
    scene = procedural.sample_scene(0, seed=0)
    for size, samples in ((4, 1), (32, 2), (32, 0)):
        with pytest.raises(ConfigError, match="samples"):
            procedural.render_jpeg([scene], size=size, samples=samples)
    with pytest.raises(ConfigError, match="class index"):
        procedural.sample_scene(COUNT, seed=0)
    with pytest.raises(ConfigError, match="aspect"):
        procedural.sample_scene(0, seed=0, aspect=0.0)
    assert procedural.render_jpeg([], size=32) == []


def test_held_out_cells_are_never_trained_on():
    train, test = (
        {cell(procedural.sample_scene(i, seed=s, heldout=held)) for i in range(0, COUNT, 9) for s in range(60)}
        for held in (False, True)
    )
    assert not train & test
    assert all(is_reserved(key) for key in test)
    every = [
        (row.name, colour, place, view)
        for row in CLASSES[:20]
        for colour in row.colours
        for place in ("table", "snow", "street")
        for view in range(6)
    ]
    assert 0.15 < np.mean([is_reserved(key) for key in every]) < 0.25


def test_every_class_shows_its_object():
    for index in range(COUNT):
        arrays = arrange(procedural.sample_scene(index, seed=77))
        seen = draw._pixels(arrays, (40, 40), 1).astype(int)
        gone = arrays.instances.copy()
        gone[:, POSITION + 2] += 1000.0
        empty = draw._pixels(arrays._replace(instances=gone), (40, 40), 1).astype(int)
        changed = (np.abs(seen - empty).max(-1) > 10).mean()
        assert changed > 0.02, f"{CLASSES[index].name}: only {changed:.1%} of the picture shows it"
        assert seen.std() > 4


def test_captions_name_the_class_and_say_nothing_untrue():
    said = set()
    every = {
        key: {procedural.sample_scene(i, seed=s).facts.get(key) for i in range(COUNT) for s in range(4)} - {None}
        for key in ("colour", "material", "pattern", "place", "view")
    }
    for index in range(COUNT):
        row = CLASSES[index]
        for seed in range(12):
            scene = procedural.sample_scene(index, seed=seed)
            text = procedural.caption(scene, seed)
            said.add(text)
            assert text == procedural.caption(scene, seed)
            names = (row.name, row.plural or row.name + "s")
            assert any(name in text for name in names), text
            rest = text.replace(names[1], "").replace(names[0], "")
            for key, words in every.items():
                for word in words:
                    if f" {word} " in f" {rest} ":
                        assert scene.facts.get(key) == word, (text, scene.facts)
            for number in ("two", "three"):
                assert (f" {number} " not in f" {rest} ") or scene.facts["count"] == number
            assert "{" not in text
    assert len(said) > 1500
    assert len(FORMS) >= 30


def test_the_class_is_most_of_the_captions():
    told = [procedural.caption(procedural.sample_scene(i % COUNT, seed=i), i) for i in range(600)]
    colours = {colour for row in CLASSES for colour in row.colours}
    assert np.mean([any(f" {colour} " in f" {text} " for colour in colours) for text in told]) < 0.35


def _features(pictures):
    """Histograms of gradient directions on a grid, and as a control the mean and spread of the colours."""
    shapes, colours = [], []
    for picture in pictures:
        grey = np.sqrt(picture.astype(float).mean(-1))
        dy, dx = np.gradient(grey)
        size, angle = np.hypot(dx, dy), (np.arctan2(dy, dx) % np.pi) / np.pi * 6
        bins = np.stack([size * (angle.astype(int) % 6 == k) for k in range(6)], -1)
        grid = np.sqrt(bins.reshape(8, 5, 8, 5, 6).sum((1, 3))).ravel()
        shapes.append(grid / (np.linalg.norm(grid) + 1e-9))
        flat = picture.reshape(-1, 3) / 255.0
        colours.append(np.concatenate([flat.mean(0), flat.std(0)]))
    return np.array(shapes), np.array(colours)


def test_classes_are_learnt_from_shape_rather_than_from_colour_statistics():
    classes, train, test = 10, 70, 25
    sets = []
    for held, each in ((False, train), (True, test)):
        scenes = [procedural.sample_scene(i, seed=5000 + s, heldout=held) for i in range(classes) for s in range(each)]
        sets.append((_features(decoded(procedural.render_jpeg(scenes, size=40))), np.repeat(np.arange(classes), each)))
    (train_x, train_y), (test_x, test_y) = sets
    scores = [
        LogisticRegression(C=c, max_iter=2000).fit(train_x[k], train_y).score(test_x[k], test_y)
        for k, c in ((0, 20.0), (1, 50.0))
    ]
    assert scores[0] > 0.35, scores
    assert scores[1] < 0.25, scores
    assert scores[0] > scores[1] + 0.12, scores


def test_names_and_captions_need_neither_numba_nor_torch():
    code = (
        "import sys; from salmubench.generator.retain import procedural as p;"
        "p.caption(p.sample_scene(0, seed=1), 2); print('numba' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
