"""What a method may read: `forget`, `forget_target` and retain pairs, decoded and tokenised once.

Holdouts can't be reached: `Data` has no way to name another split, and a dataset whose training rows overlap them is
refused. Nor can retain pairs of hidden classes (no row of theirs is ever chosen, decoded or counted), portraits that
nobody sees, or the reserved paraphrases of the pairs to forget. Further captions are those of the pairs to forget.
"""

from __future__ import annotations

import collections
import functools
import json
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from salmubench.clip.models import ClipModel
from salmubench.clip.pixels import Preprocessor, split_transform
from salmubench.core import streams, writing
from salmubench.core.errors import DatasetError
from salmubench.core.types import HOLDOUT_SPLITS, Pair, Person, Split
from salmubench.dataset.layout import Dataset
from salmubench.unlearn.augment import Crop, SimplifyingTokenizer, crop_pictures
from salmubench.unlearn.interface import Model, Pairs

RETAIN_SPLITS = (Split.RETAIN_SYNTH, Split.RETAIN_REAL)
_WINDOW = 256  # rows read and decoded at a time
_BLOCK = 64  # rows of one forward pass of the reference; fixed, so that its bits don't depend on who asks first


class SplitRow(NamedTuple):
    """A row of a split, by its number."""

    split: str
    number: int


@dataclass(frozen=True)
class Decoded:
    """Pairs ready for a model.

    Attributes:
        records: what is known of each pair.
        pictures: uint8 (n, H, W, 3), or float32 (n, 3, H, W) where the model's transform is not the usual one.
        tokens: int64 (n, L), of the official captions.
        further: int64 (m, L), of the rewrites of all pairs, one pair after the other.
    """

    records: tuple[Pair, ...]
    pictures: NDArray[Any]
    tokens: Tensor
    further: Tensor
    preprocessor: Preprocessor

    def images(self, rows: Sequence[int], device: torch.device, crop: Crop | None = None) -> Tensor:
        """Normalised pictures of these rows, or random parts of them: float32 (len(rows), 3, H, W)."""
        picked = torch.from_numpy(np.ascontiguousarray(self.pictures[list(rows)])).to(device)
        channels = picked if self.preprocessor.head is None else picked.permute(0, 3, 1, 2)
        return self.preprocessor.normalised(channels if crop is None else crop_pictures(channels.contiguous(), crop))


class PairSource:
    """Pairs of one kind, with the reference's embeddings of each computed once, on first use.

    Args:
        reference: the frozen model.
        rewrites: whether a sight shows any of a pair's captions; else the official ones alone are there.
    """

    def __init__(self, decoded: Decoded, reference: Model, *, rewrites: bool = False) -> None:
        if not rewrites and len(decoded.further):
            records = tuple(replace(record, rewrites=()) for record in decoded.records)
            decoded = replace(decoded, records=records, further=decoded.further[:0])
        self._decoded, self._reference = decoded, reference
        self._tokens = torch.cat([decoded.tokens, decoded.further]) if len(decoded.further) else decoded.tokens
        counts = [len(record.rewrites) for record in decoded.records]
        self._first = (len(counts) + np.cumsum([0, *counts])).tolist()  # caption of the first rewrite of each pair
        self._images: dict[int, Tensor] = {}
        self._texts: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self._decoded.records)

    @property
    def records(self) -> tuple[Pair, ...]:
        """What is known of each pair."""
        return self._decoded.records

    def take(self, rows: Sequence[int], *, crop: Crop | None = None, sight: int | None = None) -> Pairs:
        """Pairs of these rows; tensors are made on first use.

        Args:
            crop: random crops of the pictures; model and reference see the same ones.
            sight: seed of the draw of each pair's caption, which its record then has; left out: the official ones.
        """
        chosen, device = [int(row) for row in rows], self._reference.device
        records = [self._decoded.records[row] for row in chosen]
        captions = chosen
        if sight is not None and len(self._decoded.further):
            numbers = drawn_captions(records, sight)
            captions = [
                self._first[row] + number - 1 if number else row for row, number in zip(chosen, numbers, strict=True)
            ]
            records = [
                replace(record, caption=record.rewrites[number - 1].caption) if number else record
                for record, number in zip(records, numbers, strict=True)
            ]
        images = functools.cache(lambda: self._decoded.images(chosen, device, crop))

        def image_ref() -> Tensor:
            if crop is None:
                return self._embeddings(self._images, self._encode_images, chosen)
            with torch.no_grad():  # this crop is seen once: nothing to keep
                return self._reference.encode_image(images())

        return Pairs(
            images=images,
            texts=lambda: self._tokens[captions].to(device),
            image_ref=image_ref,
            text_ref=lambda: self._embeddings(self._texts, self._encode_texts, captions),
            records=records,
        )

    def _encode_images(self, rows: Sequence[int]) -> Tensor:
        return self._reference.encode_image(self._decoded.images(rows, self._reference.device))

    def _encode_texts(self, rows: Sequence[int]) -> Tensor:
        return self._reference.encode_text(self._tokens[list(rows)].to(self._reference.device))

    def _embeddings(
        self, store: dict[int, Tensor], encode: Callable[[Sequence[int]], Tensor], rows: Sequence[int]
    ) -> Tensor:
        for block in sorted({row // _BLOCK for row in rows} - store.keys()):
            most = len(self) if store is self._images else len(self._tokens)
            inside = range(block * _BLOCK, min((block + 1) * _BLOCK, most))
            with torch.no_grad():
                store[block] = encode(inside)
        return torch.stack([store[row // _BLOCK][row % _BLOCK] for row in rows])


def drawn_captions(records: Sequence[Pair], sight: int) -> list[int]:
    """Draw a caption of each pair by its shares: 0 the official one, 1 its first rewrite."""
    uniform = np.random.default_rng(sight).random(len(records)).tolist()
    numbers = []
    for record, point in zip(records, uniform, strict=True):
        ends = np.cumsum([rewrite.share for rewrite in record.rewrites])
        number = int(np.searchsorted(ends, point, side="right"))
        numbers.append(0 if number == len(ends) else number + 1)
    return numbers


@dataclass(frozen=True)
class Data:
    """All that a method can see of a dataset.

    Attributes:
        forget: pairs to forget; empty where the method doesn't ask for them.
        forget_target: the same pictures with generic captions, row by row; empty as above.
        retain: the retain pairs drawn for this run; empty as above.
        training_pairs: how many forget and retain pairs the dataset has for methods.
        fresh: invented people who are in no dataset; empty where the method doesn't ask for them.
    """

    forget: PairSource
    forget_target: PairSource
    retain: PairSource
    training_pairs: int
    fresh: tuple[Person, ...] = ()


def select_rows(
    dataset: Dataset,
    *,
    needs: Sequence[str],
    retain: int,
    seed: int,
    order: Literal["shuffled", "file"] = "shuffled",
) -> dict[str, list[SplitRow]]:
    """Choose the rows of each kind that a run uses.

    Args:
        retain: how many retain pairs the run shows; as many different ones are taken while there are.
        order: `shuffled` draws the retain pairs, `file` takes the first ones.

    Returns:
        Kind → rows, in the order of the file or of the draw.

    Raises:
        DatasetError: overlap with holdouts, a kind without rows, or generic captions that don't match.
    """
    refuse_holdouts(dataset)
    selected: dict[str, list[SplitRow]] = {need: [] for need in ("forget", "forget_target", "retain")}
    if "forget" in needs:
        selected["forget"] = [SplitRow(Split.FORGET, index) for index in range(dataset.counts[Split.FORGET])]
    if "forget_target" in needs:
        targets = _target_rows(dataset, aligned="forget" in needs)
        selected["forget_target"] = [SplitRow(Split.FORGET_TARGET, index) for index in targets]
    if "retain" in needs:
        pool = retain_rows(dataset)
        places: Sequence[int] | NDArray[np.int64] = range(len(pool))
        if order == "shuffled":
            places = np.random.default_rng([seed, streams.Unlearning.RETAIN]).permutation(len(pool))
        selected["retain"] = [pool[index] for index in places[: max(retain, 2)]]
    for need in needs:
        if len(selected[need]) < 2:
            raise DatasetError(
                f"Expected at least 2 {need} pairs in {dataset.folder}, got {len(selected[need])}: a batch needs 2."
            )
    return selected


def retain_rows(dataset: Dataset) -> list[SplitRow]:
    """The retain pairs that methods may read: all but those of hidden classes.

    Raises:
        DatasetError: the dataset doesn't say which pairs are those of its hidden classes.
    """
    hidden = dataset.hidden_pairs
    return [
        SplitRow(split, index)
        for split in RETAIN_SPLITS
        for index, pair in enumerate(dataset.rows(split))
        if pair.file_name not in hidden
    ]


def refuse_holdouts(dataset: Dataset) -> None:
    """Refuse a dataset in which a row that methods train on is one for evaluation, or tells a holdout association.

    The released split `sensitive` is `forget` together with both holdouts; renamed to `forget` it ends here.

    Raises:
        DatasetError: with the first such row.
    """
    for holdout in (*HOLDOUT_SPLITS, Split.PORTRAITS_UNSEEN):
        rows = dataset.rows(holdout)
        pictures = {row.file_name for row in rows}
        facts = {(row.identity, row.caption) for row in rows}
        for split in (Split.FORGET, Split.FORGET_TARGET, *RETAIN_SPLITS):
            for index, row in enumerate(dataset.rows(split)):
                same = row.file_name in pictures or (split == Split.FORGET and (row.identity, row.caption) in facts)
                if same:
                    raise DatasetError(
                        f"Expected no holdout row among the rows that methods see, got row {index} of {split} "
                        f"({row.file_name}) in {holdout} too. Unlearning on holdouts makes every score meaningless: "
                        "use the split `forget` as released, not `sensitive`, which holds the holdouts."
                    )


def decode(dataset: Dataset, rows: Sequence[SplitRow], *, clip: ClipModel, scratch: Path, memory: float) -> Decoded:
    """Decode and tokenise rows; the result is kept for the next run on the same rows of the same dataset.

    Args:
        scratch: where a temporary file goes if the pictures take more than `memory`.
        memory: GiB.
    """
    simplified = isinstance(clip.tokenizer, SimplifyingTokenizer)
    key = (dataset.fingerprint, tuple(rows), json.dumps(clip.config, sort_keys=True, default=str), simplified)
    if key in _KEPT:
        _KEPT.move_to_end(key)
        return _KEPT[key]
    preprocessor = split_transform(clip.preprocess)
    # The reserved paraphrase is the evaluation's: whatever a method can read is without it.
    records = tuple(replace(dataset.rows(row.split)[row.number], paraphrase=None) for row in rows)
    nothing = torch.zeros(0, 0, dtype=torch.long)
    tokens = clip.tokenize([record.caption for record in records]) if records else nothing
    rewrites = [rewrite.caption for record in records for rewrite in record.rewrites]
    further = clip.tokenize(rewrites) if rewrites else nothing
    pictures = _pictures(dataset, rows, preprocessor, scratch=scratch, memory=memory)
    decoded = Decoded(records, pictures, tokens, further, preprocessor)
    if not isinstance(pictures, np.memmap):
        _KEPT[key] = decoded
        while len(_KEPT) > _KEPT_LIMIT:
            _KEPT.popitem(last=False)
    return decoded


_KEPT_LIMIT = 6
_KEPT: collections.OrderedDict[Any, Decoded] = collections.OrderedDict()
"""The last few sets of decoded pairs of this process: nine methods on one dataset decode once."""


def _target_rows(dataset: Dataset, *, aligned: bool) -> list[int]:
    targets = dataset.rows(Split.FORGET_TARGET)
    if not aligned:
        return list(range(len(targets)))
    by_name = {row.file_name: index for index, row in enumerate(targets)}
    forget = dataset.rows(Split.FORGET)
    missing = [row.file_name for row in forget if row.file_name not in by_name]
    if missing:
        raise DatasetError(
            f"Expected a row of forget_target for each forget row in {dataset.folder}, got none for {missing[0]} "
            f"({len(missing)} missing)."
        )
    return [by_name[row.file_name] for row in forget]


def _pictures(
    dataset: Dataset, rows: Sequence[SplitRow], preprocessor: Preprocessor, *, scratch: Path, memory: float
) -> NDArray[Any]:
    one = functools.partial(preprocessor.to_pixels, where="the dataset (`salmubench dataset validate` says where)")
    places: dict[SplitRow, list[int]] = {}
    for place, row in enumerate(rows):
        places.setdefault(row, []).append(place)
    stack: NDArray[Any] = np.zeros((0, 1, 1, 3), np.uint8)
    with ThreadPoolExecutor(4) as pool:
        for split in dict.fromkeys(row.split for row in rows):
            for start in range(0, dataset.counts[split], _WINDOW):
                numbers = [index for index in range(start, start + _WINDOW) if SplitRow(split, index) in places]
                if not numbers:
                    continue
                stream = dataset.images(split, start, numbers[-1] + 1)
                chosen = [data for index, data in enumerate(stream, start) if SplitRow(split, index) in places]
                for index, pixels in zip(numbers, pool.map(one, chosen), strict=True):
                    if not len(stack):
                        stack = _allocate((len(rows), *pixels.shape), pixels.dtype, scratch=scratch, memory=memory)
                    stack[places[SplitRow(split, index)]] = pixels
    return stack


def _allocate(shape: tuple[int, ...], dtype: np.dtype[Any], *, scratch: Path, memory: float) -> NDArray[Any]:
    if int(np.prod(shape)) * dtype.itemsize <= memory * 2**30:
        return np.empty(shape, dtype)
    with tempfile.NamedTemporaryFile(dir=scratch, suffix=writing.temporary_beside(scratch / "pictures").name) as file:
        # The mapping outlives the name: the space is freed when the last user lets go, even after a kill.
        mapped = np.memmap(file.name, dtype, mode="w+", shape=shape)
        writing.reserve(Path(file.name), mapped.nbytes)
        return mapped
