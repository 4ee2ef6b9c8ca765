"""Models of the checks, through transformers: from folders or the Hub, weights as safetensors only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image

from salmubench.core import hub, manifest
from salmubench.core.errors import ConfigError
from salmubench.core.pictures import open_picture

Similarities = Callable[[Sequence[Image.Image], Sequence[str]], list[float]]
"""Pictures and as many texts → the cosine of each pair."""


def decoded(images: Sequence[bytes]) -> list[Image.Image]:
    """Pictures out of their files, RGB."""
    pictures = []
    for number, data in enumerate(images):
        with open_picture(data, where=f"picture {number}") as picture:
            pictures.append(picture.convert("RGB"))
    return pictures


def fingerprint(*sources: str) -> str:
    """SHA-256 over the weights of models."""
    digest = hashlib.sha256()
    for source in sources:
        for path in sorted(hub.model_folder(source).glob("*.safetensors")):
            digest.update(f"{path.name}\0{manifest.sha256_file(path)}\n".encode())
    return digest.hexdigest()


def classifier(source: str, *, device: str) -> Any:
    """An image classifier: a pipeline of transformers.

    Raises:
        ConfigError: transformers is missing, or there is no such model.
    """
    transformers, folder = _transformers(), str(hub.model_folder(source))
    try:
        return transformers.pipeline(
            "image-classification", model=folder, device=device, model_kwargs={"use_safetensors": True}
        )
    except (OSError, ValueError) as error:
        raise _unusable("an image classifier", source, error) from error


def clip_similarities(source: str, *, device: str) -> Similarities:
    """A CLIP model, as the function that compares pictures with texts.

    Raises:
        ConfigError: transformers is missing, or there is no such model.
    """
    transformers, folder = _transformers(), str(hub.model_folder(source))
    try:
        model = transformers.CLIPModel.from_pretrained(folder, use_safetensors=True)
        processor = transformers.AutoProcessor.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise _unusable("a CLIP model", source, error) from error
    model.requires_grad_(False).eval().to(device)

    def similarities(images: Sequence[Image.Image], texts: Sequence[str]) -> list[float]:
        inputs = processor(
            text=list(texts), images=list(images), return_tensors="pt", padding=True, truncation=True
        ).to(device)  # fmt: skip
        outputs = model(**inputs)
        return [float(value) for value in (outputs.image_embeds * outputs.text_embeds).sum(1)]  # unit vectors

    return similarities


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise ConfigError(
            "Expected transformers for the checks of curation, got none: pip install 'salmubench[diffusion]'."
        ) from error
    return transformers


def _unusable(what: str, source: str, error: Exception) -> ConfigError:
    return ConfigError(f"Expected {what} with weights as safetensors in {source}, got: {error}")
