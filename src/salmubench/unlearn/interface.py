"""What a method sees: a model to change, a frozen reference, batches of pairs.

Shapes: B pairs a batch, d dimensions of the shared space, L tokens of a caption.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from salmubench.clip import devices
from salmubench.clip.models import ClipModel
from salmubench.core.cost import EncodedCount
from salmubench.core.types import Pair

Need = Literal["forget", "forget_target", "retain", "fresh"]
"""What a method may ask for: kinds of pairs, and people who are in no dataset. Holdouts are not among them."""

Source = Tensor | Callable[[], Tensor]


@dataclass(frozen=True, kw_only=True)
class Method:
    """What a method's file says about it, as `METHOD = Method(title=…)`.

    It is also read without importing the file, so each value is written out: a string or a number, no expression.

    Attributes:
        title: its name as its paper prints it.
        paper: where it comes from.
        cost: encodings with gradient for each forget pair seen; those of the frozen model are made once a pair for all.
        row: its row in the benchmark's own table, from 1; `None` for every other method. A recipe that names no methods
            runs those with a row.
        earlier: SHA-256 of former versions of this file whose numbers still count as the method's, separated by spaces.
    """

    title: str
    paper: str = ""
    cost: str = ""
    row: int | None = None
    earlier: str = ""


class Gatherer(Protocol):
    """How several processes share one batch: each encodes a slice, all see the whole."""

    rank: int
    world: int

    def gather(self, rows: Tensor) -> Tensor:
        """Join equal slices (b, d) of all processes to (world · b, d); gradients flow back to each slice."""
        ...


class Pairs:
    """Pairs of one kind in a batch. Each tensor may be given as a function, which is called on first use.

    Args:
        images: float32 (B, 3, H, W), normalised as the model expects.
        texts: int64 (B, L) tokens.
        image_ref: float32 (B, d), unit image embeddings of the frozen reference.
        text_ref: float32 (B, d), unit text embeddings of the frozen reference.
        records: what is known about each pair: caption, name, field, value, identity.
    """

    def __init__(
        self, images: Source, texts: Source, image_ref: Source, text_ref: Source, records: Sequence[Pair]
    ) -> None:
        self._sources = {"images": images, "texts": texts, "image_ref": image_ref, "text_ref": text_ref}
        self.records = list(records)

    def __len__(self) -> int:
        return len(self.records)

    @cached_property
    def images(self) -> Tensor:
        """Pictures, float32 (B, 3, H, W)."""
        return self._resolve("images")

    @cached_property
    def texts(self) -> Tensor:
        """Tokens, int64 (B, L)."""
        return self._resolve("texts")

    @cached_property
    def image_ref(self) -> Tensor:
        """The reference's unit image embeddings, float32 (B, d)."""
        return self._resolve("image_ref")

    @cached_property
    def text_ref(self) -> Tensor:
        """The reference's unit text embeddings, float32 (B, d)."""
        return self._resolve("text_ref")

    def _resolve(self, name: str) -> Tensor:
        source = self._sources[name]
        return source() if callable(source) else source


class Batch:
    """One batch: what the method's `NEEDS` names, and its own source of randomness.

    Args:
        forget: pairs to forget.
        forget_target: the same pictures with generic captions, row by row those of `forget` where both are asked for.
        retain: pairs to keep.
        step: the optimiser step, from 0.
        generator: seeded from the run's seed and the step; whatever a method draws from it repeats exactly.
    """

    def __init__(
        self,
        *,
        forget: Pairs | None = None,
        forget_target: Pairs | None = None,
        retain: Pairs | None = None,
        step: int = 0,
        generator: torch.Generator | None = None,
    ) -> None:
        self._pairs = {"forget": forget, "forget_target": forget_target, "retain": retain}
        self.step = step
        self.generator = generator if generator is not None else torch.Generator().manual_seed(step)

    @property
    def forget(self) -> Pairs:
        """Pairs to forget."""
        return self._get("forget")

    @property
    def forget_target(self) -> Pairs:
        """The pictures to forget with generic captions."""
        return self._get("forget_target")

    @property
    def retain(self) -> Pairs:
        """Pairs to keep."""
        return self._get("retain")

    def _get(self, need: str) -> Pairs:
        pairs = self._pairs[need]
        if pairs is None:
            raise ValueError(f"Expected a method that uses batch.{need} to list {need!r} in NEEDS.")
        return pairs


class Model:
    """A CLIP model as methods see it: pictures and tokens to float32 unit vectors.

    Args:
        clip: the model.
        precision: `fp32` or `bf16`, of the forward pass; embeddings and losses are float32.
        gatherer: how processes share a batch, where there are several.
        encoded: counts what is encoded.
    """

    def __init__(
        self,
        clip: ClipModel,
        *,
        precision: str = "fp32",
        gatherer: Gatherer | None = None,
        encoded: EncodedCount | None = None,
    ) -> None:
        self._clip, self._precision, self._gatherer = clip, precision, gatherer
        self.encoded = EncodedCount() if encoded is None else encoded

    @property
    def module(self) -> nn.Module:
        """The open_clip model."""
        return self._clip.module

    def around(self, module: nn.Module) -> Model:
        """The same tokenizer, transform and precision around other weights: a frozen copy, say."""
        clip = dataclasses.replace(self._clip, module=module)
        return Model(clip, precision=self._precision, gatherer=self._gatherer, encoded=self.encoded)

    @property
    def logit_scale(self) -> Tensor:
        """The temperature's inverse, already exponentiated, 0-d."""
        return self._clip.logit_scale

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._clip.device

    def encode_image(self, images: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) → unit vectors (B, d)."""
        self.encoded.pictures += len(images)
        return self._encode(self._clip.encode_image, images)

    def encode_text(self, texts: Tensor) -> Tensor:
        """Tokens (B, L) → unit vectors (B, d)."""
        self.encoded.captions += len(texts)
        return self._encode(self._clip.encode_text, texts)

    def tokenize(self, captions: Sequence[str]) -> Tensor:
        """Captions → tokens (B, L)."""
        return self._clip.tokenize(captions).to(self.device)

    def _encode(self, encode: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
        gatherer = self._gatherer
        if gatherer is None or gatherer.world == 1:
            return self._forward(encode, rows)
        share = -(-rows.shape[0] // gatherer.world)
        index = torch.arange(gatherer.rank * share, (gatherer.rank + 1) * share, device=rows.device)
        mine = rows[index.clamp(max=rows.shape[0] - 1)]  # the last slice repeats a row to be as long as the others
        return gatherer.gather(self._forward(encode, mine))[: rows.shape[0]]

    def _forward(self, encode: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
        with devices.compute(rows.device.type, self._precision):
            return encode(rows).float()
