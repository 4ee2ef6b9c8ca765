"""Texts to unit vectors: equal tokens once, equal beginnings once and no padding where that can't matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from salmubench.clip.embeddings import Array

if TYPE_CHECKING:
    from torch import Tensor

    from salmubench.clip.models import ClipModel


_STEP = 8  # of 1 to 16, the fastest at `mini`


@dataclass(frozen=True)
class Tokens:
    """Tokens of texts.

    Attributes:
        ids: int64 (n, L).
        cut: bool (n,): longer than the context.
        first: int64 (n,): the first text with the same tokens; its own number where there is none before it.
    """

    ids: npt.NDArray[np.int64]
    cut: npt.NDArray[np.bool_]
    first: npt.NDArray[np.int64]


def tokenize(model: ClipModel, texts: Sequence[str]) -> Tokens:
    """Tokenise texts once and find those that give the model the same tokens."""
    length = model.context_length
    if not texts:
        return Tokens(np.zeros((0, length), np.int64), np.zeros(0, np.bool_), np.zeros(0, np.int64))
    # CLIP's tokenizer cuts at the end and sets the end token last: one pass with one token more shows both what is cut
    # and what the cut leaves.
    longer = model.tokenizer(list(texts), context_length=length + 1).numpy()
    cut = longer[:, -1] != 0
    ids = np.ascontiguousarray(longer[:, :length])
    ids[cut, -1] = longer[cut, -1]
    seen: dict[bytes, int] = {}
    first = np.fromiter((seen.setdefault(row.tobytes(), number) for number, row in enumerate(ids)), np.int64, len(ids))
    return Tokens(ids, cut, first)


def encode_texts(model: ClipModel, ids: npt.NDArray[np.int64], *, batch_size: int, trim: bool) -> Array:
    """Encode tokens (n, L) to float32 unit vectors (n, d); the caller holds the compute context."""
    import torch

    from salmubench.clip.padding import encode_in_groups
    from salmubench.clip.prefixes import can_share, encode_sorted

    if not len(ids):
        return np.zeros((0, 0), np.float32)
    module, trim = model.module, trim and _can_trim(model.module)
    share = trim and can_share(module)
    lengths = ids.argmax(axis=1) + 1  # the end token has the highest number
    # Equal beginnings follow each other, among texts of about one length: attention pads to the longest of a batch.
    order = np.lexsort((*ids.T[::-1], lengths // (_STEP if share else 1))) if trim else np.arange(len(ids))
    encoded: Array | None = None
    for start in range(0, len(ids), batch_size):
        rows = order[start : start + batch_size]
        tokens = torch.from_numpy(ids[rows]).to(model.device)
        if share:
            vectors = encode_sorted(module, tokens)
        elif trim:
            vectors = encode_in_groups(module, tokens, batch_size)
        else:
            vectors = module.encode_text(tokens)  # type: ignore[operator]
        unit = unit_rows(vectors)
        if encoded is None:
            encoded = np.empty((len(ids), unit.shape[1]), np.float32)
        encoded[rows] = unit
    assert encoded is not None
    return encoded


def unit_rows(vectors: Tensor) -> Array:
    """Normalise in float32, whatever the precision of the forward pass."""
    vectors = vectors.float()
    unit: Array = (vectors / vectors.norm(dim=-1, keepdim=True)).cpu().numpy()
    return unit


def _can_trim(module: Any) -> bool:
    """Only open_clip's `CLIP` with a causal mask and pooling at the end token: what follows that token can't matter."""
    mask = getattr(module, "attn_mask", None)
    if mask is None or getattr(module, "text_pool_type", None) != "argmax":
        return False
    parts = ("token_embedding", "positional_embedding", "transformer", "ln_final", "text_projection")
    if not all(hasattr(module, part) for part in parts):
        return False
    length = mask.shape[-1]
    rows = np.arange(length)
    future = rows[None, :] > rows[:, None]  # (L, L)
    return bool((np.isneginf(mask.float().cpu().numpy()) == future).all())
