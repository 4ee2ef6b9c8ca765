"""Stable Diffusion with IP-Adapter-FaceID Plus: a face's identity embedding and its picture steer every image.

Weights are read from safetensors only; nothing is unpickled.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from salmubench.core.errors import ConfigError

_PATTERNS = ("*.json", "*.txt", "*.model", "*.safetensors")
_EXTRA = (
    "Expected diffusers, transformers, accelerate and peft for the portrait backend diffusion: pip install "
    "'salmubench[diffusion]'."
)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The face that a person has in every picture.

    Attributes:
        face: the aligned face, for the image encoder.
        embedding: identity embedding, float32 (512,).
    """

    face: Image.Image
    embedding: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Order:
    """One image to generate.

    Attributes:
        width: pixels, divisible by 8.
        height: pixels, divisible by 8.
    """

    prompt: str
    seed: int
    width: int
    height: int


@dataclass(frozen=True)
class Weights:
    """Where the models are: folders, or Hub ids `org/name@revision`.

    Attributes:
        base: Stable Diffusion 1.5 or a finetuned version of it, in diffusers' layout.
        vae: an autoencoder to use instead of the base model's, or an empty text.
        adapter: folder or repository of the adapter.
        image_encoder: CLIP image encoder that the adapter was trained with.
        shortcut: the adapter is of the second version (`plusv2`).
    """

    base: str
    vae: str
    adapter: str
    adapter_file: str
    image_encoder: str
    shortcut: bool


class FaceId:
    """The generator; loads its models at the first order, and serves one caller at a time.

    Args:
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`; auto is bf16 on GPUs.
        scale: how strongly the face steers, 0 to 1.
        structure: how strongly its picture does beside its embedding (`plusv2` only).
        guidance: scale of classifier-free guidance, above 1.
    """

    def __init__(
        self, weights: Weights, *, device: str, precision: str, scale: float, structure: float, steps: int,
        guidance: float, negative: str,
    ) -> None:  # fmt: skip
        self._weights, self._device, self._precision = weights, device, precision
        self._scale, self._structure, self._steps = scale, structure, steps
        self._guidance, self._negative = guidance, negative
        self._pipeline: Any = None
        self._lock = threading.Lock()

    def generate(self, anchor: Anchor, orders: Sequence[Order]) -> list[Image.Image]:
        """Generate pictures of one size of one person, at once."""
        import torch

        with self._lock, torch.inference_mode():
            if self._pipeline is None:
                self._pipeline = self._load()
            pipe, count = self._pipeline, len(orders)
            face = torch.from_numpy(anchor.embedding)[None, None].to(pipe.device, pipe.dtype)  # (1, 1, 512)
            projection = pipe.unet.encoder_hid_proj.image_projection_layers[0]
            seen = pipe.prepare_ip_adapter_image_embeds([anchor.face], None, pipe.device, count, True)[0]
            projection.clip_embeds = seen.to(pipe.dtype)  # (2·count, 1, tokens, width): without and with the face
            output = pipe(
                prompt=[order.prompt for order in orders],
                negative_prompt=[self._negative] * count,
                ip_adapter_image_embeds=[torch.cat([torch.zeros_like(face), face])],
                # The noise is drawn on the CPU: the same seed gives the same on every device.
                generator=[torch.Generator("cpu").manual_seed(order.seed) for order in orders],
                width=orders[0].width,
                height=orders[0].height,
                num_inference_steps=self._steps,
                guidance_scale=self._guidance,
            )
            return list(output.images)

    def _load(self) -> Any:
        import torch

        from salmubench.clip.devices import resolve_device, resolve_precision

        diffusers, transformers = _libraries()
        device = resolve_device(self._device)
        bf16 = resolve_precision(self._precision, device) == "bf16"
        kind = torch.bfloat16 if bf16 else torch.float32
        encoder = transformers.CLIPVisionModelWithProjection.from_pretrained(
            locate(self._weights.image_encoder), use_safetensors=True
        )
        parts = {"image_encoder": encoder, "safety_checker": None, "requires_safety_checker": False}
        if self._weights.vae:
            parts["vae"] = diffusers.AutoencoderKL.from_pretrained(locate(self._weights.vae), use_safetensors=True)
        pipe = diffusers.StableDiffusionPipeline.from_pretrained(
            locate(self._weights.base), use_safetensors=True, **parts
        )
        pipe.scheduler = diffusers.DDIMScheduler.from_config(pipe.scheduler.config)
        pipe.to(device, kind)
        pipe.load_ip_adapter(
            str(locate(self._weights.adapter)), subfolder="", weight_name=self._weights.adapter_file,
            image_encoder_folder=None,
        )  # fmt: skip
        pipe.set_ip_adapter_scale(self._scale)
        projection = pipe.unet.encoder_hid_proj.image_projection_layers[0]
        if not isinstance(projection, diffusers.models.embeddings.IPAdapterFaceIDPlusImageProjection):
            raise ConfigError(
                f"Expected weights of IP-Adapter-FaceID Plus in {self._weights.adapter_file}, got those of "
                f"{type(projection).__name__}."
            )
        projection.shortcut, projection.shortcut_scale = self._weights.shortcut, self._structure
        pipe.set_progress_bar_config(disable=True)
        return pipe


def locate(source: str) -> Path:
    """The folder of a model: the folder itself, or a download of a Hub repository.

    Raises:
        ConfigError: neither.
    """
    if Path(source).is_dir():
        return Path(source)
    from salmubench.core import hub

    return hub.fetch(source, "model", error=ConfigError, patterns=list(_PATTERNS)).folder


def embed_faces(pictures: Mapping[str, Image.Image], *, model: str) -> dict[str, Anchor | None]:
    """Find the face of each picture and its identity embedding with InsightFace.

    Returns:
        Per picture the aligned face of its largest face, or `None` where it shows none.

    Raises:
        ConfigError: InsightFace isn't installed.
    """
    try:
        from insightface.app import FaceAnalysis
        from insightface.utils import face_align
    except ImportError as error:
        raise ConfigError(
            "Expected dataset.backends.portraits_options.embeddings, or InsightFace to compute them: pip install "
            "insightface onnxruntime."
        ) from error
    finder = FaceAnalysis(name=model)
    finder.prepare(ctx_id=0)
    anchors: dict[str, Anchor | None] = {}
    for name, picture in pictures.items():
        pixels = np.ascontiguousarray(np.asarray(picture)[..., ::-1])  # BGR, as OpenCV has it
        faces = sorted(finder.get(pixels), key=lambda face: float(np.prod(face.bbox[2:] - face.bbox[:2])))
        if not faces:
            anchors[name] = None
            continue
        aligned = face_align.norm_crop(pixels, landmark=faces[-1].kps, image_size=224)
        anchors[name] = Anchor(
            Image.fromarray(np.ascontiguousarray(aligned[..., ::-1])),
            np.asarray(faces[-1].normed_embedding, dtype=np.float32),
        )
    return anchors


def _libraries() -> tuple[Any, Any]:
    try:
        import diffusers
        import peft  # noqa: F401 - diffusers leaves the adapter's LoRA out without it, and only warns
        import transformers
    except ImportError as error:
        raise ConfigError(_EXTRA) from error
    return diffusers, transformers
