"""Which model configurations are read: a list of fields that are allowed, each with its type.

A checkpoint is data. In open_clip a configuration can name tokenizers and text towers of other repositories, hand
options to the library that loads them (`trust_remote_code` is one) and so run Python files that lie beside the weights.
Here it can't: what is allowed are numbers, flags and plain words from which open_clip builds both towers. All other
fields are refused by name, also those that nobody knows yet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from salmubench.core import reading
from salmubench.core.errors import ModelError, SalmubenchError

SHIPPED = Path(__file__).parents[1] / "pretrain" / "model_configs"
"""Folder of this package's own architectures, one JSON file each."""

MAX_BYTES = 1 << 20
MAX_DEPTH = 8
MAX_LAYERS = 1_000

_MAX_WHOLE = 10_000_000
_WORD = re.compile(r"[A-Za-z0-9_.-]{0,64}")


class _Kind(NamedTuple):
    words: str
    holds: Callable[[Any], bool]


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_WHOLE


def _is_depth(value: Any) -> bool:
    return _is_whole(value) and value <= MAX_LAYERS


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MAX_WHOLE


def _list_of(count: int, holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and len(value) == count and all(map(holds, value))


def _or_none(kind: _Kind) -> _Kind:
    return _Kind(f"{kind.words}, or null", lambda value: value is None or kind.holds(value))


_WHOLE = _Kind(f"a whole number from 0 to {_MAX_WHOLE}", _is_whole)
_NUMBER = _Kind(f"a number of at most {_MAX_WHOLE}", _is_number)
_FLAG = _Kind("true or false", lambda value: isinstance(value, bool))
_OFF = _Kind("false (nothing is fetched)", lambda value: value is False)
_PLAIN = _Kind(
    "a word of at most 64 letters, digits and _ . -",  # no colon, no slash: no place on a disk or on the Hub
    lambda value: isinstance(value, str) and _WORD.fullmatch(value) is not None,
)
_SIZE = _Kind(
    f"{_WHOLE.words}, or a list of two", lambda value: _is_whole(value) or _list_of(2, _is_whole)(value)
)  # fmt: skip
_DEPTH = _Kind(f"a whole number from 0 to {MAX_LAYERS}", _is_depth)
_LAYERS = _Kind(
    f"{_DEPTH.words}, or a list of four", lambda value: _is_depth(value) or _list_of(4, _is_depth)(value)
)  # fmt: skip
_CHANNELS = _Kind("a list of three numbers", _list_of(3, _is_number))
_COLOUR = _Kind(
    f"{_WHOLE.words}, or a list of three", lambda value: _is_whole(value) or _list_of(3, _is_whole)(value)
)  # fmt: skip

_Fields = Mapping[str, "_Kind | _Fields"]

_BLOCK: _Fields = {
    "width": _WHOLE, "mlp_ratio": _NUMBER, "ls_init_value": _or_none(_NUMBER), "final_ln_after_pool": _FLAG,
    "pool_type": _PLAIN, "output_tokens": _FLAG, "act_kwargs": {"approximate": _PLAIN}, "norm_kwargs": {"eps": _NUMBER},
    "block_type": _or_none(_PLAIN), "qk_norm": _FLAG, "scaled_cosine_attn": _FLAG, "scale_heads": _FLAG,
    "scale_attn_inner": _FLAG, "scale_attn": _FLAG, "scale_fc": _FLAG,
}  # fmt: skip
_VISION: _Fields = {
    **_BLOCK, "layers": _LAYERS, "head_width": _WHOLE, "patch_size": _or_none(_WHOLE), "image_size": _SIZE,
    "patch_dropout": _NUMBER, "attentional_pool": _FLAG, "attn_pooler_queries": _WHOLE, "attn_pooler_heads": _WHOLE,
    "no_ln_pre": _FLAG, "pos_embed_type": _PLAIN, "timm_model_name": _or_none(_PLAIN), "timm_model_pretrained": _OFF,
    "timm_pool": _PLAIN, "timm_proj": _or_none(_PLAIN), "timm_proj_bias": _FLAG, "timm_drop": _NUMBER,
    "timm_drop_path": _or_none(_NUMBER),
}  # fmt: skip
_TEXT: _Fields = {
    **_BLOCK, "context_length": _WHOLE, "vocab_size": _WHOLE, "heads": _WHOLE, "layers": _DEPTH, "embed_cls": _FLAG,
    "pad_id": _WHOLE, "eos_id": _WHOLE, "no_causal_mask": _FLAG, "proj_bias": _FLAG, "proj_type": _or_none(_PLAIN),
}  # fmt: skip
_DECODER: _Fields = {**_TEXT, "dim_head": _WHOLE, "n_queries": _WHOLE, "attn_pooler_heads": _WHOLE}
_MODEL: _Fields = {
    "embed_dim": _WHOLE, "vision_cfg": _VISION, "text_cfg": _TEXT, "multimodal_cfg": _DECODER, "quick_gelu": _FLAG,
    "custom_text": _FLAG, "init_logit_scale": _NUMBER, "init_logit_bias": _or_none(_NUMBER),
    "nonscalar_logit_scale": _FLAG, "output_dict": _FLAG, "pad_id": _WHOLE,
}  # fmt: skip
_PREPROCESS: _Fields = {
    "size": _or_none(_SIZE), "mode": _or_none(_PLAIN), "mean": _or_none(_CHANNELS), "std": _or_none(_CHANNELS),
    "interpolation": _or_none(_PLAIN), "resize_mode": _or_none(_PLAIN), "fill_color": _or_none(_COLOUR),
}  # fmt: skip
_FOLDER: _Fields = {"model_cfg": _MODEL, "preprocess_cfg": _PREPROCESS}

_NEEDED = ("embed_dim", "vision_cfg", "text_cfg")
_FETCHING = ("hf_", "tokenizer_")


def read_folder_config(path: Path) -> dict[str, Any]:
    """Read a checkpoint's `open_clip_config.json`.

    Returns:
        `model_cfg`, and `preprocess_cfg` where the file has it.

    Raises:
        ModelError: the file is too large or no JSON, or a field is not allowed (names the field).
    """
    content = read_json(path)
    _check(content, _FOLDER, "", str(path), ModelError)
    if "model_cfg" not in content:
        raise ModelError(f"Expected model_cfg in {path}, got {_shown(sorted(content))}. Fetch the model again.")
    check_architecture(content["model_cfg"], where=str(path), prefix="model_cfg.")
    return dict(content)


def check_architecture(
    content: Any, *, where: str, prefix: str = "", error: type[SalmubenchError] = ModelError
) -> Mapping[str, Any]:
    """Check an architecture (`embed_dim`, `vision_cfg`, `text_cfg`, …).

    Args:
        where: file or name, for messages.

    Raises:
        SalmubenchError: `error`, where a field is missing, of another type, or not allowed (names the field).
    """
    _check(content, _MODEL, prefix, where, error)
    missing = [prefix + name for name in _NEEDED if content.get(name) is None]
    if missing:
        raise error(f"Expected embed_dim, vision_cfg and text_cfg in {where}, got no {', '.join(missing)}.")
    architecture: Mapping[str, Any] = content
    return architecture


def read_json(path: Path, error: type[SalmubenchError] = ModelError) -> Any:
    """Read a configuration's JSON, whatever it says.

    Raises:
        SalmubenchError: `error`, where the file can't be read, has more than 1 MiB, is no JSON, or is nested deeply.
    """
    return reading.read_json(path, error=error, what="a model configuration", limit=MAX_BYTES, depth=MAX_DEPTH)


def _check(content: Any, allowed: _Fields, prefix: str, where: str, error: type[SalmubenchError]) -> None:
    if not isinstance(content, dict):
        named = f"{prefix.rstrip('.')} in {where}" if prefix else where
        raise error(f"Expected {named} to be an object of named fields, got {_shown(content)}.")
    for name, value in content.items():
        kind, field = allowed.get(name), prefix + name
        if kind is None:
            raise error(_refusal(name, _shown(field), value, where))
        if isinstance(kind, _Kind):
            if not kind.holds(value):
                raise error(f"Expected {field} in {where} to be {kind.words}, got {_shown(value)}.")
        elif value is not None:
            _check(value, kind, f"{field}.", where, error)


def _refusal(name: str, field: str, value: Any, where: str) -> str:
    if name.startswith(_FETCHING):
        return (
            f"Expected no {field} in {where}, got {_shown(value)}. It would fetch a text tower or tokenizer that you "
            "didn't name, or run code from beside the weights. Models with CLIP's own tokenizer and towers of "
            "open_clip or timm can be read."
        )
    return (
        f"Expected in {where} only fields that describe an open_clip model by numbers, flags and plain words, got "
        f"{field}: {_shown(value)}. Remove the field if the model doesn't need it."
    )


def _shown(value: Any, width: int = 80) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= width and text.isprintable() else f"{ascii(text)[:width]}…"
