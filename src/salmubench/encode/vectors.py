"""Vectors of a model in memory, each text once: for models that are read and thrown away."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from salmubench.clip import devices, models
from salmubench.clip.embeddings import Array
from salmubench.core.cost import EncodedCount
from salmubench.core.errors import EmbeddingsError
from salmubench.encode.texts import encode_texts, unit_rows

if TYPE_CHECKING:
    from torch import Tensor, nn

    from salmubench.clip.models import ClipModel

_BATCH = 256
_TOKENISED = 4096  # at once: ids are made as int64


class Pictures(Protocol):
    """Decoded pictures."""

    def images(self, rows: Sequence[int], device: torch.device) -> Tensor:
        """Some of them, float32 (len(rows), 3, H, W), as the model expects them."""
        ...


class TokenStore:
    """Texts → tokens, kept for all models with one tokenizer: a text is asked for once for each variant of a model.

    Args:
        tokenizer: as of a `ClipModel`.
    """

    def __init__(self, tokenizer: Callable[..., Tensor], length: int) -> None:
        self._tokenizer, self._rows, self._ids = tokenizer, dict[str, int](), np.zeros((0, length), np.int32)

    def of(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """Tokens of texts, int64 (n, L)."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self._rows]
        if fresh:
            start, length = len(self._rows), self._ids.shape[1]
            self._rows.update({text: start + number for number, text in enumerate(fresh)})
            tokenised = [
                self._tokenizer(fresh[first : first + _TOKENISED], context_length=length).numpy().astype(np.int32)
                for first in range(0, len(fresh), _TOKENISED)
            ]
            self._ids = np.concatenate([self._ids, *tokenised])
        return self._ids[[self._rows[text] for text in texts]].astype(np.int64)


@functools.lru_cache(maxsize=1)
def tokens_of(tokenizer: Callable[..., Tensor], length: int) -> TokenStore:
    """The store of a tokenizer: the models that one process reads after another are asked the same texts."""
    return TokenStore(tokenizer, length)


class Vectors:
    """Unit vectors of one model.

    Args:
        precision: `fp32` or `bf16`.
    """

    def __init__(
        self,
        clip: ClipModel,
        *,
        precision: str,
        tokens: TokenStore,
        module: nn.Module | None = None,
        encoded: EncodedCount | None = None,
    ) -> None:
        self._encoded = EncodedCount() if encoded is None else encoded
        self._clip = clip if module is None else dataclasses.replace(clip, module=module)
        self._precision, self._tokens = precision, tokens
        self._texts: dict[tuple[str, int | None], Array] = {}
        self._pictures: dict[str, Array] = {}

    def texts(self, texts: Sequence[str], *, block: int | None = None) -> Array:
        """Vectors of texts, float32 (n, d), final or behind a block of the text tower.

        Raises:
            EmbeddingsError: not finite.
        """
        fresh = [text for text in dict.fromkeys(texts) if (text, block) not in self._texts]
        if fresh:
            encoded = self._run(lambda: self._encode_texts(self._tokens.of(fresh), block), "texts")
            self._encoded.captions += len(fresh)
            self._texts.update(((text, block), row) for text, row in zip(fresh, encoded, strict=True))
        return np.stack([self._texts[text, block] for text in texts])

    def pictures(self, name: str, pictures: Pictures, count: int) -> Array:
        """Vectors of all pictures of a set, float32 (count, d).

        Args:
            name: of the set: asked for again, it is not encoded again.

        Raises:
            EmbeddingsError: not finite.
        """
        if name not in self._pictures:
            self._pictures[name] = self._run(lambda: self._encode_pictures(pictures, count), "pictures")
            self._encoded.pictures += count
        return self._pictures[name]

    def _encode_texts(self, ids: Any, block: int | None) -> Array:
        if block is None:
            return encode_texts(self._clip, ids, batch_size=_BATCH, trim=True)
        order = ids.argmax(axis=1).argsort(kind="stable")  # the end token has the largest number
        parts = [
            unit_rows(models.text_block(self._clip.module, torch.from_numpy(ids[rows]).to(self._clip.device), block))
            for rows in np.array_split(order, -(-len(ids) // _BATCH))
        ]
        vectors: Array = np.concatenate(parts)[order.argsort()]
        return vectors

    def _encode_pictures(self, pictures: Pictures, count: int) -> Array:
        device, module = self._clip.device, self._clip.module
        width = int(self._clip.config["model_cfg"]["embed_dim"])
        parts = [
            unit_rows(module.encode_image(pictures.images(range(start, min(start + _BATCH, count)), device)))  # type: ignore[operator]
            for start in range(0, count, _BATCH)
        ]
        return np.concatenate([np.zeros((0, width), np.float32), *parts])

    def _run(self, encode: Callable[[], Array], what: str) -> Array:
        with torch.inference_mode(), devices.compute(self._clip.device.type, self._precision):
            encoded = encode()
        if not np.isfinite(encoded).all():
            raise EmbeddingsError(f"the {what} of the model are not finite: it has diverged")
        return encoded
