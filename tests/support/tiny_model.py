"""A random CLIP model small enough for every test: 32 px, patch 16, width 32, two layers, text width 32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TINY_CONFIG: dict[str, Any] = {
    "model_cfg": {
        "embed_dim": 32,
        "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 32, "layers": 2, "head_width": 16},
        "text_cfg": {"context_length": 64, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    },
    "preprocess_cfg": {
        "mean": [0.48145466, 0.4578275, 0.40821073],
        "std": [0.26862954, 0.26130258, 0.27577711],
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    },
}


def tiny_model(folder: Path, seed: int = 0) -> Path:
    """Write a random model in open_clip's local-dir layout; the same seed gives the same bytes.

    Args:
        folder: where to; made if missing.
        seed: of the weights; the global generator is left as it was.

    Returns:
        The folder.
    """
    import open_clip
    import torch

    from salmubench.clip.models import save_model

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = open_clip.CLIP(**TINY_CONFIG["model_cfg"])
    save_model(folder, state=module.state_dict(), config=TINY_CONFIG)
    return folder
