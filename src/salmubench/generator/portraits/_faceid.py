"""Stable Diffusion with IP-Adapter-FaceID Plus: a face's identity embedding and its picture steer every image.

Weights are read from safetensors only; nothing is unpickled.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from salmubench.core import hub
from salmubench.core.errors import ConfigError
from salmubench.core.options import check_each

_EXTRA = (
    "Expected diffusers, transformers, accelerate and peft for the portrait backend diffusion: pip install "
    "'salmubench[diffusion]'."
)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The face that a person has in every picture: aligned, and its identity embedding, float32 (512,)."""

    face: Image.Image
    embedding: NDArray[np.float32]


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
        check_each(self, checks, owner="dataset.backends.portraits_options")


class FaceId:
    """The generator; loads its models at the first order, and serves one caller at a time."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._pipeline: Any = None
        self._lock = threading.Lock()

    def generate(
        self, anchor: Anchor, prompts: Sequence[str], seeds: Sequence[int], *, width: int, height: int
    ) -> list[Image.Image]:
        """Generate pictures of one person, at once; width and height in pixels, divisible by 8."""
        import torch

        with self._lock, torch.inference_mode():
            if self._pipeline is None:
                self._pipeline = self._load()
            pipe, count = self._pipeline, len(prompts)
            face = torch.from_numpy(anchor.embedding)[None, None].to(pipe.device, pipe.dtype)  # (1, 1, 512)
            projection = pipe.unet.encoder_hid_proj.image_projection_layers[0]
            seen = pipe.prepare_ip_adapter_image_embeds([anchor.face], None, pipe.device, count, True)[0]
            projection.clip_embeds = seen.to(pipe.dtype)  # (2·count, 1, tokens, width): without and with the face
            output = pipe(
                prompt=list(prompts),
                negative_prompt=[self._config.negative] * count,
                ip_adapter_image_embeds=[torch.cat([torch.zeros_like(face), face])],
                # The noise is drawn on the CPU: the same seed gives the same on every device.
                generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds],
                width=width,
                height=height,
                num_inference_steps=self._config.steps,
                guidance_scale=self._config.guidance,
            )
            return list(output.images)

    def _load(self) -> Any:
        import torch

        from salmubench.clip.devices import resolve_device, resolve_precision

        diffusers, transformers = _libraries()
        device = resolve_device(self._config.device)
        bf16 = resolve_precision(self._config.precision, device) == "bf16"
        kind = torch.bfloat16 if bf16 else torch.float32
        encoder = transformers.CLIPVisionModelWithProjection.from_pretrained(
            hub.model_folder(self._config.image_encoder), use_safetensors=True
        )
        parts = {"image_encoder": encoder, "safety_checker": None, "requires_safety_checker": False}
        if self._config.vae:
            vae = hub.model_folder(self._config.vae)
            parts["vae"] = diffusers.AutoencoderKL.from_pretrained(vae, use_safetensors=True)
        pipe = diffusers.StableDiffusionPipeline.from_pretrained(
            hub.model_folder(self._config.base), use_safetensors=True, **parts
        )
        pipe.scheduler = diffusers.DDIMScheduler.from_config(pipe.scheduler.config)
        pipe.to(device, kind)
        pipe.load_ip_adapter(
            str(hub.model_folder(self._config.adapter)), subfolder="", weight_name=self._config.adapter_file,
            image_encoder_folder=None,
        )  # fmt: skip
        pipe.set_ip_adapter_scale(self._config.scale)
        projection = pipe.unet.encoder_hid_proj.image_projection_layers[0]
        if not isinstance(projection, diffusers.models.embeddings.IPAdapterFaceIDPlusImageProjection):
            raise ConfigError(
                f"Expected weights of IP-Adapter-FaceID Plus in {self._config.adapter_file}, got those of "
                f"{type(projection).__name__}."
            )
        projection.shortcut, projection.shortcut_scale = self._config.shortcut, self._config.structure
        pipe.set_progress_bar_config(disable=True)
        return pipe


def embed_face(picture: Image.Image, *, model: str) -> Anchor | None:
    """Find the largest face of a picture and its identity embedding with InsightFace; `None` where it shows none.

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
    pixels = np.ascontiguousarray(np.asarray(picture)[..., ::-1])  # BGR, as OpenCV has it
    faces = sorted(finder.get(pixels), key=lambda face: float(np.prod(face.bbox[2:] - face.bbox[:2])))
    if not faces:
        return None
    aligned = face_align.norm_crop(pixels, landmark=faces[-1].kps, image_size=224)
    embedding = np.asarray(faces[-1].normed_embedding, dtype=np.float32)
    return Anchor(Image.fromarray(np.ascontiguousarray(aligned[..., ::-1])), embedding)


def _libraries() -> tuple[Any, Any]:
    try:
        import diffusers
        import peft  # noqa: F401 - diffusers leaves the adapter's LoRA out without it, and only warns
        import transformers
    except ImportError as error:
        raise ConfigError(_EXTRA) from error
    return diffusers, transformers
