"""The call path of the diffusion backend, through the real classes with random weights."""

from __future__ import annotations

import io
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from salmubench.core.errors import ConfigError, UnknownName
from salmubench.dataset.layout import open_dataset
from salmubench.dataset.validate import validate
from salmubench.generator import backends
from salmubench.generator.build import build
from salmubench.generator.config import Backends, DatasetConfig
from salmubench.generator.portraits import _faceid
from salmubench.generator.portraits._prompts import wish

pytestmark = pytest.mark.stage

pytest.importorskip("diffusers", reason="the extra [diffusion] is not installed")
SCENES = str(Path(__file__).parents[2] / "support" / "fakes" / "scenes.py")


@pytest.fixture(scope="module")
def options(tmp_path_factory) -> dict[str, object]:
    from safetensors.numpy import save_file

    from tiny_diffusion import write_models

    root = tmp_path_factory.mktemp("diffusion")
    found = write_models(root)
    anchors = root / "anchors"
    anchors.mkdir()
    rng = np.random.default_rng(0)
    names = [f"{('female', 'male')[number % 2]}_{25 + 7 * number}_a{number}" for number in range(6)]
    for name in names:
        pixels = rng.integers(0, 255, (6, 5, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((40, 48)).save(anchors / f"{name}.png")
    save_file({name: rng.normal(size=512).astype(np.float32) for name in names}, root / "faces.safetensors")
    return {
        **found, "anchors": str(anchors), "embeddings": str(root / "faces.safetensors"), "steps": 2, "resolution": 64,
        "device": "cpu", "precision": "fp32",
    }  # fmt: skip


@pytest.fixture
def artist(options):
    return backends.PORTRAITS.load("diffusion", options)


def shots(artist, anchor: int, seeds: list[int], aspect: float = 1.0):
    face = artist.sample_identity(anchor, gender="female", age=40)
    return [artist.sample_shot(face, seed, aspect=aspect) for seed in seeds]


def pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image, float)


def test_a_whole_dataset(options, tmp_path):
    config = DatasetConfig(
        identities=4, pictures_per_identity=9, retain_joint=1, retain_disjoint=2, retain_real=4, classes=2,
        general_knowledge_per_class=1, size=32,
        backends=Backends(portraits="diffusion", retain_real=SCENES, portraits_options={**options, "steps": 1}),
    )  # fmt: skip
    dataset = open_dataset(build(config, out=tmp_path / "dataset", seed=0))
    assert validate(dataset).violations == ()
    assert dataset.counts["retain_synth"] == 3
    assert any("woman" in row.caption or "man" in row.caption for row in dataset.rows("forget_target"))


def test_the_face_steers_the_picture(artist):
    """Same prompt and noise, another anchor: embedding and picture of the face both count."""
    one, other = (artist.render_jpeg(shots(artist, anchor, [5]), size=64)[0] for anchor in (0, 2))
    assert one == artist.render_jpeg(shots(artist, 0, [5]), size=64)[0]
    assert np.abs(pixels(one) - pixels(other)).mean() > 1


def test_both_inputs_of_the_adapter_count(artist):
    from salmubench.generator.portraits._faceid import Anchor

    rng = np.random.default_rng(1)
    faces = [Image.fromarray(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)) for _ in range(2)]
    vectors = [vector / np.linalg.norm(vector) for vector in rng.normal(size=(2, 512)).astype(np.float32)]

    def made(face: int, vector: int) -> np.ndarray:
        anchor = Anchor(faces[face], vectors[vector])
        return np.asarray(artist._generator.generate(anchor, ["a photo"], [3], width=64, height=64)[0], float)

    base = made(0, 0)
    assert np.array_equal(base, made(0, 0))
    assert np.abs(base - made(1, 0)).mean() > 0.1
    assert np.abs(base - made(0, 1)).mean() > 0.1


def test_seed_and_prompt_of_every_picture(artist):
    made = artist.render_jpeg([*shots(artist, 0, [1, 2]), *shots(artist, 1, [1])], size=48)
    assert len(set(made)) == 3
    assert artist.render_jpeg(shots(artist, 0, [2]), size=48)[0] == made[1]


@pytest.mark.parametrize("aspect", [1.0, 1.5, 0.67])
def test_size(artist, aspect):
    with Image.open(io.BytesIO(artist.render_jpeg(shots(artist, 0, [1], aspect), size=40)[0])) as image:
        assert min(image.size) == 40
        assert image.width / image.height == pytest.approx(aspect, abs=0.03)


def test_batches_hold_one_person_and_one_size(options):
    artist = backends.PORTRAITS.load("diffusion", {**options, "batch": 2})
    asked = [*shots(artist, 0, [1, 2, 3]), *shots(artist, 1, [4]), *shots(artist, 0, [5], 1.5)]
    assert [numbers for _, numbers in artist._batches(asked)] == [[0, 1], [2], [3], [4]]
    assert len(artist.render_jpeg(asked, size=32)) == 5


def test_wishes_tell_what_they_ask_for():
    found = [wish("female", 70, seed) for seed in range(60)]
    assert len({item.prompt for item in found}) == 60
    for item in found:
        assert "70-year-old woman" in item.prompt
        assert item.facts["clothes"] in item.prompt
        assert item.facts["background"] in item.prompt
    assert wish("male", 30, 1) == wish("male", 30, 1)


def test_problems_with_anchors_at_once(options, tmp_path):
    anchors = tmp_path / "anchors"
    anchors.mkdir()
    Image.new("RGB", (40, 40)).save(anchors / "someone.png")
    (anchors / "female_30_x.png").write_bytes(b"no picture")
    artist = backends.PORTRAITS.load("diffusion", {**options, "anchors": str(anchors)})
    config = DatasetConfig(identities=4, classes=0, retain_real=0, general_knowledge_per_class=0)
    with pytest.raises(ConfigError) as caught:
        artist.cast(config, 0)
    for text in (
        "for each of 4 identities and for strangers, got 2",
        "someone.png: Expected a file called",
        "female_30_x.png: Expected a picture that decodes",
        "Expected an embedding 'female_30_x'",
    ):
        assert text in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [("adapter_file", "plus.bin", "nothing is unpickled"), ("steps", 0, "at least 1"), ("guidance", 1.0, "above 1"),
     ("anchors", "", "anchors for the backend"), ("resolution", 100, "divisible by 8")],
)  # fmt: skip
def test_options(options, name, value, message):
    with pytest.raises(ConfigError, match=message):
        backends.PORTRAITS.load("diffusion", {**options, name: value})


def test_unknown_option(options):
    with pytest.raises(UnknownName, match="anchors"):
        backends.PORTRAITS.load("diffusion", {**options, "anchor": "x"})


def test_models_are_part_of_what_the_dataset_is(options, tmp_path):
    import shutil

    copy = tmp_path / "adapter"
    shutil.copytree(str(options["adapter"]), copy)
    changed = {**options, "adapter": str(copy)}
    before = backends.PORTRAITS.load("diffusion", changed).fingerprint()
    assert before == backends.PORTRAITS.load("diffusion", options).fingerprint()
    with (copy / "plus.safetensors").open("ab") as stream:
        stream.write(b"x")
    assert backends.PORTRAITS.load("diffusion", changed).fingerprint() != before


def test_faces_by_insightface(monkeypatch):
    """What we ask of the library, and what we make of its answer."""

    class Analysis:
        def __init__(self, name):
            assert name == "pack"

        def prepare(self, ctx_id):
            self.ready = True

        def get(self, pixels):
            if pixels.max() == 0:
                return []
            small, large = (np.array([0.0, 0.0, side, side]) for side in (5, 20))
            face = types.SimpleNamespace
            return [face(bbox=large, kps="large", normed_embedding=np.full(512, 0.5)),
                    face(bbox=small, kps="small", normed_embedding=np.zeros(512))]  # fmt: skip

    def norm_crop(pixels, landmark, image_size):
        assert landmark == "large"
        return np.broadcast_to(pixels[0, 0], (image_size, image_size, 3))

    modules = {"insightface": {}, "insightface.app": {"FaceAnalysis": Analysis},
               "insightface.utils": {"face_align": types.SimpleNamespace(norm_crop=norm_crop)}}  # fmt: skip
    for name, content in modules.items():
        module = types.ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    assert _faceid.embed_face(Image.new("RGB", (30, 30)), model="pack") is None
    red = _faceid.embed_face(Image.new("RGB", (30, 30), (255, 0, 0)), model="pack")
    assert red.embedding.dtype == np.float32
    assert red.embedding[0] == 0.5
    assert red.face.getpixel((0, 0)) == (255, 0, 0)


def test_without_insightface(monkeypatch):
    monkeypatch.setitem(sys.modules, "insightface", None)
    with pytest.raises(ConfigError, match="pip install insightface"):
        _faceid.embed_face(Image.new("RGB", (8, 8)), model="x")


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(ConfigError, match=r"salmubench\[diffusion\]"):
        _faceid._libraries()
