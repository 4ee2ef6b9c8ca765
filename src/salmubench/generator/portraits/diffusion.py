"""Portraits by Stable Diffusion with IP-Adapter-FaceID Plus from anchor faces, as the paper's were made.

An anchor is the picture of a face that belongs to nobody (the paper took synthetic ones): a file
`<female|male>_<age>_<name>.png` in a folder. Its identity embedding comes from a safetensors file (name → 512 numbers)
or is computed by InsightFace. Every picture has a prompt of its own (pose, expression, clothes, place, light) and a
seed of its own; the generic caption tells what the prompt asked for. Weights are read from safetensors only.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from salmubench import manifest
from salmubench.errors import ConfigError
from salmubench.generator.casting import Casting, Face, Person
from salmubench.generator.config import DatasetConfig
from salmubench.generator.pictures import PICTURES, raise_all, read_picture
from salmubench.generator.portraits import _people_files as files
from salmubench.generator.portraits._faceid import (
    Anchor,
    FaceId,
    Order,
    Weights,
    embed_faces,
    locate,
)
from salmubench.generator.portraits._prompts import Wish, wish
from salmubench.generator.portraits.folder import fit

_QUALITY = 92
_WIDTH = 512  # numbers of an identity embedding


@dataclass(frozen=True)
class Config:
    """Options of the backend. Models are folders or Hub ids `org/name@revision`."""

    anchors: str = ""
    """Folder of anchor faces, `<female|male>_<age>_<name>.png`."""
    embeddings: str = ""
    """Safetensors file: name of the anchor's file without ending → identity embedding (512). Empty: InsightFace."""
    face_model: str = "buffalo_l"
    """InsightFace model pack that computes embeddings."""
    base: str = "SG161222/Realistic_Vision_V4.0_noVAE"
    """Stable Diffusion 1.5, or a finetuned version of it, in diffusers' layout."""
    vae: str = "stabilityai/sd-vae-ft-mse"
    """Autoencoder to use instead of the base model's; empty for that one."""
    adapter: str = "h94/IP-Adapter-FaceID"
    """Folder or repository of the adapter."""
    adapter_file: str = "ip-adapter-faceid-plus_sd15.safetensors"
    """Its weights, as safetensors."""
    image_encoder: str = "laion/CLIP-ViT-H-14-laion2B-s32B-b79K"
    """CLIP image encoder that the adapter was trained with."""
    shortcut: bool = False
    """The adapter is of the second version (plusv2)."""
    scale: float = 0.8
    """How strongly the face steers, 0 to 1."""
    structure: float = 1.0
    """How strongly the anchor's picture does beside its embedding (plusv2)."""
    steps: int = 30
    """Denoising steps."""
    guidance: float = 5.0
    """Scale of classifier-free guidance, above 1."""
    negative: str = "drawing, painting, cartoon, text, watermark, deformed, extra fingers, several people, nudity"
    """What no picture should show."""
    resolution: int = 512
    """Short side at which pictures are generated, pixels, divisible by 8; they are scaled to `dataset.size`."""
    batch: int = 1
    """Pictures generated at once; their bytes may depend on it."""
    device: str = "auto"
    """`auto`, `cpu` or `cuda`."""
    precision: str = "auto"
    """`auto`, `fp32` or `bf16`."""

    def __post_init__(self) -> None:
        checks = (
            ("steps", self.steps >= 1, "at least 1"),
            ("batch", self.batch >= 1, "at least 1"),
            ("resolution", self.resolution >= 64 and self.resolution % 8 == 0, "at least 64 and divisible by 8"),
            ("guidance", self.guidance > 1, "above 1"),
            ("scale", 0 <= self.scale <= 1, "between 0 and 1"),
            ("adapter_file", self.adapter_file.endswith(".safetensors"), "a .safetensors file (nothing is unpickled)"),
        )
        for name, good, expected in checks:
            if not good:
                found = getattr(self, name)
                raise ConfigError(
                    f"Expected dataset.backends.portraits_options.{name} to be {expected}, found {found!r}."
                )


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture.

    Attributes:
        anchor: name of the anchor's file.
        seed: of the noise.
        aspect: width / height.
        wish: the prompt.
    """

    anchor: str
    seed: int
    aspect: float
    wish: Wish

    @property
    def facts(self) -> Mapping[str, str]:
        """What the picture was asked to show."""
        return self.wish.facts


def connect(config: Config) -> Diffusion:
    """Find the anchors; models are loaded when the first picture is made.

    Raises:
        ConfigError: no anchors.
    """
    if not config.anchors:
        raise ConfigError("Expected dataset.backends.portraits_options.anchors for the backend diffusion, found none.")
    if not Path(config.anchors).is_dir():
        raise ConfigError(f"Expected a folder of anchor faces at {config.anchors}, found none.")
    return Diffusion(config)


class Diffusion:
    """Portraits of people who are anchors.

    Args:
        config: the options.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.root = Path(config.anchors)
        weights = Weights(
            config.base, config.vae, config.adapter, config.adapter_file, config.image_encoder, config.shortcut
        )
        self._generator = FaceId(
            weights, device=config.device, precision=config.precision, scale=config.scale, structure=config.structure,
            steps=config.steps, guidance=config.guidance, negative=config.negative,
        )  # fmt: skip

    @functools.cached_property
    def _names(self) -> list[str]:
        """Files of all anchors; a face's seed is the number of its anchor."""
        return sorted(path.name for path in self.root.iterdir() if path.suffix.lower() in PICTURES)

    @functools.cached_property
    def _embeddings(self) -> Mapping[str, NDArray[np.float32]]:
        if not self.config.embeddings:
            return {}
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            return {
                name: np.asarray(value, dtype=np.float32) for name, value in load_file(self.config.embeddings).items()
            }
        except (OSError, SafetensorError) as error:
            raise ConfigError(
                f"Expected a safetensors file of identity embeddings at {self.config.embeddings}, found: {error}"
            ) from error

    def fingerprint(self) -> str:
        """SHA-256 over the anchors, their embeddings and the weights (of the Hub: their names and commits)."""
        digest = hashlib.sha256()
        paths = [self.root / name for name in self._names]
        paths += [Path(self.config.embeddings)] if self.config.embeddings else []
        named = []
        for source in filter(None, (self.config.base, self.config.vae, self.config.adapter, self.config.image_encoder)):
            if Path(source).is_dir():
                paths += sorted(path for path in Path(source).rglob("*") if path.suffix in (".safetensors", ".json"))
            else:
                named.append(f"{source} {locate(source).name}")
        for path in paths:
            digest.update(f"{path.name}\0{manifest.sha256_file(path)}\n".encode())
        digest.update(json.dumps(named).encode())
        return digest.hexdigest()

    def cast(self, config: DatasetConfig, seed: int) -> Casting:
        """Choose anchors for identities; the others stand for people without identity, in turn.

        Args:
            config: says how many.
            seed: which.

        Raises:
            ConfigError: with everything that is wrong with the anchors.
        """
        self.__dict__.pop("_names", None)  # the folder may have changed since
        raise_all(list(self._problems(config)), self.root)
        order = np.random.default_rng([seed, 0x6469]).permutation(len(self._names)).tolist()
        faces = [Face(number, *told) for number in order if (told := files.named(self._stem(number)))]
        people, others = faces[: config.identities], faces[config.identities :]
        return Casting(
            tuple(Person(face.gender, face.age, (face,)) for face in people),
            tuple(others[index % len(others)] for index in range(config.retain_disjoint)),
        )

    def sample_identity(self, seed: int, *, gender: Literal["female", "male"], age: int) -> Face:
        """The anchor with number `seed`."""
        return Face(seed, gender, age)

    def sample_shot(self, appearance: Face, seed: int, *, aspect: float) -> Shot:
        """A prompt and a seed for one picture."""
        return Shot(self._names[appearance.seed], seed, aspect, wish(appearance.gender, appearance.age, seed))

    def render_jpeg(self, shots: Sequence[Shot], *, size: int, samples: int = 1) -> list[bytes]:
        """Generate pictures; `samples` has no meaning here."""
        del samples
        made: dict[int, bytes] = {}
        for anchor, numbers in self._batches(shots):
            width, height = self._area(shots[numbers[0]].aspect)
            orders = [Order(shots[number].wish.prompt, shots[number].seed, width, height) for number in numbers]
            for number, image in zip(numbers, self._generator.generate(self._anchor(anchor), orders), strict=True):
                data = io.BytesIO()
                shot = shots[number]
                fit(image, shot.aspect, size, seed=shot.seed).save(data, "JPEG", quality=_QUALITY)
                made[number] = data.getvalue()
        return [made[number] for number in range(len(shots))]

    def _batches(self, shots: Sequence[Shot]) -> Iterator[tuple[str, list[int]]]:
        """Numbers of shots of one person and one size."""
        alike: defaultdict[tuple[str, float], list[int]] = defaultdict(list)
        for number, shot in enumerate(shots):
            alike[shot.anchor, shot.aspect].append(number)
        for (anchor, _), numbers in alike.items():
            for start in range(0, len(numbers), self.config.batch):
                yield anchor, numbers[start : start + self.config.batch]

    def _area(self, aspect: float) -> tuple[int, int]:
        short = self.config.resolution
        long = 8 * round(short * max(aspect, 1 / aspect) / 8)
        return (long, short) if aspect >= 1 else (short, long)

    def _anchor(self, name: str) -> Anchor:
        return _read_anchor(self, name)

    def _stem(self, number: int) -> str:
        return Path(self._names[number]).stem

    def _problems(self, config: DatasetConfig) -> Iterator[str]:
        form = f"<female|male>_<age {files.YOUNGEST} to {files.OLDEST}>_<name>"
        wanted = config.identities + (1 if config.retain_disjoint else 0)
        if len(self._names) < wanted:
            what = f"each of {config.identities} identities" + (" and for strangers" if config.retain_disjoint else "")
            yield f"Expected anchor faces for {what}, found {len(self._names)}."
        for number, name in enumerate(self._names):
            stem = self._stem(number)
            if files.named(stem) is None:
                yield f"{name}: Expected a file called {form}, found another name."
            try:
                read_picture(self.root / name)
            except (OSError, ValueError, SyntaxError):
                yield f"{name}: Expected a picture that decodes, found none."
            if self.config.embeddings:
                known = self._embeddings.get(stem)
                if known is None or known.shape != (_WIDTH,) or not np.isfinite(known).all() or not known.any():
                    found = "none" if known is None else f"one of shape {known.shape}"
                    yield f"{name}: Expected an embedding {stem!r} of {_WIDTH} finite numbers, found {found}."


@functools.lru_cache(maxsize=64)
def _read_anchor(backend: Diffusion, name: str) -> Anchor:
    picture, stem = read_picture(backend.root / name), Path(name).stem
    if backend.config.embeddings:
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        known = backend._embeddings[stem]
        face = picture.crop((left, top, left + side, top + side))
        return Anchor(face, np.asarray(known / np.linalg.norm(known), dtype=np.float32))
    found = embed_faces({name: picture}, model=backend.config.face_model)[name]
    if found is None:
        raise ConfigError(f"Expected a face in the anchor {backend.root / name}, found none.")
    return found
