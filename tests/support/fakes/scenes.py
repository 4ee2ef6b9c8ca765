"""A backend of retain_real for tests: gradients again, one colour per class."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path

_spec = importlib.util.spec_from_file_location("fake_portraits_for_scenes", Path(__file__).with_name("portraits.py"))
_portraits = importlib.util.module_from_spec(_spec)
import sys  # noqa: E402

sys.modules[_spec.name] = _portraits
_spec.loader.exec_module(_portraits)

TEMPLATES = ("a photo of a {}", "a {}.")
_NAMES = ("cube", "ball", "cone", "ring", "vase", "lamp")


@dataclass(frozen=True)
class Scene:
    label: int
    seed: int
    aspect: float
    heldout: bool
    facts: dict[str, str] = field(default_factory=dict)


def class_names(count):
    return list(_NAMES[:count])


def sample_scene(class_index, seed, *, aspect=1.0, heldout=False):
    return Scene(class_index, seed, aspect, heldout, {"object": _NAMES[class_index]})


def caption(scene, seed):
    return f"{('a', 'one', 'this')[seed % 3]} {_NAMES[scene.label]}"


def render_jpeg(scenes, *, size, samples=1):
    faces = [_portraits.Face(1000 + scene.label, "female", 30) for scene in scenes]
    shots = [_portraits.Shot(face, scene.seed, scene.aspect, {}) for face, scene in zip(faces, scenes, strict=True)]
    return _portraits.render_jpeg(shots, size=size, samples=samples)
