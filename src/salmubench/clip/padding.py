"""The text tower without the padding: the same features for a fraction of the work.

Most captions are far shorter than the context. Attention is causal and the feature is read at the end token, so that
what comes after it changes nothing: a batch is sorted by length, cut into groups, and each group runs at the length of
its longest caption. On processors, what captions have in common at the beginning is computed once, too (`prefixes`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from salmubench.clip.prefixes import can_share, encode_sorted, project

ROWS = 64
"""Captions of a group: smaller groups save more tokens, larger ones use the processor better."""
SHARING = 256
"""The same where captions share their beginnings: many share more, and only attention is padded."""


def skip_padding(module: Any, rows: int | None = None) -> bool:
    """Make an open_clip model skip the padding of its captions.

    Args:
        module: the model; changed in place (its weights are not).
        rows: captions of a group; what is fast by default.

    Returns:
        Whether it could: only for `open_clip.CLIP` with causal attention and pooling at the end token.
    """
    if (
        type(module).__name__ != "CLIP"
        or getattr(module, "attn_mask", None) is None
        or getattr(module, "text_pool_type", None) != "argmax"
    ):
        return False

    def encode_text(self: Any, text: Tensor, normalize: bool = False) -> Tensor:
        features = encode_in_groups(self, text, rows)
        return F.normalize(features, dim=-1) if normalize else features

    # A subclass rather than a bound method on the instance: that would be a cycle, and keep the weights alive until the
    # garbage collector comes by.
    module.__class__ = type("CLIP", (type(module),), {"encode_text": encode_text})
    return True


def encode_in_groups(module: Any, text: Tensor, rows: int | None = None) -> Tensor:
    """Encode captions group by group.

    Args:
        module: an `open_clip.CLIP`.
        text: int64 (B, L); the end token has the largest id.
        rows: captions of a group; what is fast by default.

    Returns:
        float (B, d), not normalised, in the order of `text`.
    """
    lengths = text.argmax(dim=-1) + 1  # (B,)
    order = lengths.argsort(stable=True)
    share = text.device.type == "cpu" and can_share(module) and not module.transformer.grad_checkpointing
    groups = order.chunk(-(-len(text) // (rows or (SHARING if share else ROWS))) or 1)
    if share:
        groups = tuple(group[_sorted(text[group])] for group in groups)
        return encode_sorted(module, *(text[group] for group in groups))[torch.cat(groups).argsort()]
    parts = [text[group, : int(lengths[group[-1]])] for group in groups]
    # One look-up for all groups: each look-up costs a gradient as large as the whole vocabulary.
    embedded = module.token_embedding(torch.cat([part.flatten() for part in parts])).split(
        [part.numel() for part in parts]
    )
    features = [_encode(module, part, x.view(*part.shape, -1)) for part, x in zip(parts, embedded, strict=True)]
    return torch.cat(features)[order.argsort()]


def _sorted(text: Tensor) -> Tensor:
    """Order in which equal beginnings follow each other, int64 (b,)."""
    return torch.from_numpy(np.lexsort(text.numpy().T[::-1]))


def _encode(module: Any, text: Tensor, x: Tensor) -> Tensor:
    """What `open_clip.CLIP.encode_text` does with captions (b, L) and their token embeddings (b, L, width)."""
    dtype, length = module.transformer.get_cast_dtype(), text.shape[1]
    x = x.to(dtype) + module.positional_embedding[:length].to(dtype)
    x = module.transformer(x, attn_mask=module.attn_mask[:length, :length])
    return project(module, x[torch.arange(len(x), device=x.device), text.argmax(dim=-1)])
