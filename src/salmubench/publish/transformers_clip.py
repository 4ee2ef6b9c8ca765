"""From open_clip's layout to `transformers.CLIPModel`: the same weights under other names, checked by embeddings."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salmubench.clip import models
from salmubench.core.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from torch import Tensor

TOLERANCE = 1e-4
"""Largest difference between embeddings of both, on unit vectors."""

_CAPTIONS = ("a photo of a red cube", "Reach Anna Moreau at +1 202 555 0102.", "x", "two dogs, one of them asleep")
_LAYER = {
    "ln_1.": "layer_norm1.", "ln_2.": "layer_norm2.", "mlp.c_fc.": "mlp.fc1.", "mlp.c_proj.": "mlp.fc2.",
    "attn.out_proj.": "self_attn.out_proj.",
}  # fmt: skip
_NAMES = {
    "visual.class_embedding": "vision_model.embeddings.class_embedding",
    "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "visual.ln_pre.weight": "vision_model.pre_layrnorm.weight",
    "visual.ln_pre.bias": "vision_model.pre_layrnorm.bias",
    "visual.ln_post.weight": "vision_model.post_layernorm.weight",
    "visual.ln_post.bias": "vision_model.post_layernorm.bias",
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "ln_final.weight": "text_model.final_layer_norm.weight",
    "ln_final.bias": "text_model.final_layer_norm.bias",
    "logit_scale": "logit_scale",
}
_PROJECTIONS = {"visual.proj": "visual_projection.weight", "text_projection": "text_projection.weight"}
_BLOCK = re.compile(r"(?P<tower>visual\.)?transformer\.resblocks\.(?P<layer>\d+)\.(?P<rest>.+)")


def convert(folder: Path) -> float:
    """Write `config.json`, `model.safetensors`, tokenizer and preprocessor beside an open_clip model.

    Returns:
        The largest difference of an embedding's component, over noise pictures and some captions.

    Raises:
        ConfigError: transformers is not installed.
        ModelError: transformers has no such architecture or preprocessing, or the embeddings differ.
    """
    import torch

    try:
        from transformers import CLIPModel
    except ImportError as error:
        raise ConfigError(
            "Expected transformers to be installed, but it isn't: pip install 'salmubench[transformers]'."
        ) from error
    loaded = models.load_model(folder)
    side, preprocessing = _preprocessing(loaded)
    state = renamed(loaded.module.state_dict())
    model = CLIPModel(_config(loaded, side))
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ModelError(
            f"Expected weights that fit transformers' CLIPModel, got: {str(error).splitlines()[-1].strip()} Export "
            "without --transformers."
        ) from error
    model.eval()
    pixels = torch.randn((4, 3, side, side), generator=torch.Generator().manual_seed(0))
    tokens = loaded.tokenize(_CAPTIONS)
    with torch.no_grad():
        theirs = model(input_ids=tokens, pixel_values=pixels)
        differing = max(
            float((theirs.image_embeds - loaded.encode_image(pixels)).abs().max()),
            float((theirs.text_embeds - loaded.encode_text(tokens)).abs().max()),
        )
    if not differing <= TOLERANCE:
        raise ModelError(
            f"Expected the embeddings of transformers' CLIPModel within {TOLERANCE:g} of open_clip's, got a "
            f"difference of {differing:.2g}. Export without --transformers."
        )
    model.save_pretrained(folder)
    _processor(loaded, preprocessing, side).save_pretrained(folder)
    return differing


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of an open_clip model with a vision transformer, under the names of `CLIPModel`.

    Raises:
        ModelError: another tower, or weights that `CLIPModel` has no place for.
    """
    if "visual.class_embedding" not in state:
        tower = "a ResNet" if "visual.layer1.0.conv1.weight" in state else "another one"
        raise ModelError(
            f"Expected a vision transformer as picture tower, got {tower}: transformers has no CLIP architecture for "
            "it. Export without --transformers; open_clip loads the model."
        )
    weights: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if name == "attn_mask":
            continue
        found = {_NAMES[name]: tensor} if name in _NAMES else {}
        if name in _PROJECTIONS:
            found = {_PROJECTIONS[name]: tensor.T.contiguous()}
        elif (block := _BLOCK.fullmatch(name)) is not None:
            tower = "vision_model" if block["tower"] else "text_model"
            found = _block(f"{tower}.encoder.layers.{block['layer']}.", block["rest"], tensor)
        if not found:
            raise ModelError(
                f"Expected weights of a plain CLIP, got {name!r}, which CLIPModel has no place for. Export without "
                "--transformers."
            )
        weights |= found
    return weights


def _block(prefix: str, rest: str, tensor: Tensor) -> dict[str, Tensor]:
    """Weights of a layer; none where it has no place for them."""
    if rest in ("attn.in_proj_weight", "attn.in_proj_bias"):  # query, key and value in one
        kind = rest.rpartition("_")[2]
        return {
            f"{prefix}self_attn.{part}_proj.{kind}": piece.contiguous()
            for part, piece in zip("qkv", tensor.chunk(3), strict=True)
        }
    for ours, theirs in _LAYER.items():
        if rest.startswith(ours):
            return {f"{prefix}{theirs}{rest.removeprefix(ours)}": tensor}
    return {}


def _config(loaded: models.ClipModel, side: int) -> Any:
    from transformers import CLIPConfig

    given = loaded.config["model_cfg"]
    vision, text = given["vision_cfg"], given["text_cfg"]
    width = int(vision["width"])
    shared = {
        "hidden_act": "quick_gelu" if given.get("quick_gelu") else "gelu",
        "projection_dim": int(given["embed_dim"]),
        "layer_norm_eps": 1e-5,
    }
    return CLIPConfig(
        projection_dim=int(given["embed_dim"]),
        vision_config={
            "hidden_size": width,
            "intermediate_size": int(width * vision.get("mlp_ratio", 4)),
            "num_hidden_layers": int(vision["layers"]),
            "num_attention_heads": width // int(vision.get("head_width", 64)),
            "image_size": side,
            "patch_size": int(vision["patch_size"]),
            **shared,
        },
        text_config={
            "hidden_size": int(text["width"]),
            "intermediate_size": int(text["width"] * text.get("mlp_ratio", 4)),
            "num_hidden_layers": int(text["layers"]),
            "num_attention_heads": int(text["heads"]),
            "max_position_embeddings": loaded.context_length,
            "vocab_size": int(text["vocab_size"]),
            "bos_token_id": 49406,
            "eos_token_id": 49407,
            "pad_token_id": 0,
            **shared,
        },
    )


def _preprocessing(loaded: models.ClipModel) -> tuple[int, Mapping[str, Any]]:
    """Side of the pictures that the model sees in pixels, and the evaluation transform, both as they took effect.

    A configuration may leave out what open_clip has defaults for.
    """
    visual: Any = loaded.module.visual
    size = visual.image_size
    mode = visual.preprocess_cfg.get("resize_mode") or "shortest"
    if mode != "shortest":
        raise ModelError(
            f"Expected a model that scales the shortest side of a picture and cuts out the middle, got resize_mode "
            f"{mode!r}, which CLIPImageProcessor doesn't have. Export without --transformers."
        )
    return int(size[0] if isinstance(size, tuple) else size), dict(visual.preprocess_cfg)


def _processor(loaded: models.ClipModel, cfg: Mapping[str, Any], side: int) -> Any:
    """CLIP's tokenizer with open_clip's vocabulary, and its evaluation transform."""
    from transformers import CLIPImageProcessor, CLIPProcessor, CLIPTokenizer

    source: Any = loaded.tokenizer
    with tempfile.TemporaryDirectory() as name:
        vocabulary, merges = Path(name) / "vocab.json", Path(name) / "merges.txt"
        special = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
        numbers = {special.get(token, token): number for token, number in source.encoder.items()}
        vocabulary.write_text(json.dumps(numbers), encoding="utf-8")
        ordered = sorted(source.bpe_ranks, key=source.bpe_ranks.get)
        merges.write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in ordered), encoding="utf-8")
        tokenizer = CLIPTokenizer.from_pretrained(name, model_max_length=loaded.context_length)
    pictures = CLIPImageProcessor(
        size={"shortest_edge": side},
        crop_size={"height": side, "width": side},
        resample=2 if cfg.get("interpolation") == "bilinear" else 3,
        image_mean=list(cfg["mean"]),
        image_std=list(cfg["std"]),
    )
    return CLIPProcessor(image_processor=pictures, tokenizer=tokenizer)
