"""All pairs in memory: decoded and tokenised once, then an exact, fully shuffled pass in each epoch.

A drop-in for the loader that open_clip_train's loop iterates over. Decoding a small picture costs more than training on
it, and on a machine of few cores loader processes take them from the training; the engine's own shuffle is seeded by
the clock, and it rounds batches up, so that some rows are seen twice and others not at all.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from salmubench.clip.pixels import Preprocessor
from salmubench.core import writing
from salmubench.core.errors import DatasetError
from salmubench.pretrain.plan import batches, epoch_order, plan_epoch
from salmubench.pretrain.samples import Sample, fail, open_bytes, paths_of, read_shard
from salmubench.pretrain.sights import draw

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

log = logging.getLogger(__name__)

_CHUNK = 512  # captions tokenised at once


class LoadedPairs(NamedTuple):
    """Decoded pairs.

    Attributes:
        images: uint8 (N, 3, S, S), as the model's evaluation transform leaves them before scaling.
        texts: int64 (N, L), official captions.
        sources: rows of each source of `--train-data`, in order.
        places: int64 (sum of sources,), the pair of each row: one that is listed several times is kept once.
        sights: int64 (sum of sources,), how often its pair is listed before each row.
    """

    images: Tensor
    texts: Tensor
    sources: tuple[int, ...]
    places: NDArray[np.int64]
    sights: NDArray[np.int64]
    rewrites: Mapping[int, Rewrites]


class Rewrites(NamedTuple):
    """Further captions of a pair: int64 (n, L)."""

    key: str
    texts: Tensor
    shares: tuple[float, ...]


class MemoryLoader:
    """What open_clip_train's loop needs of a loader: batches, `num_batches`, `num_samples`.

    Args:
        counts: folder for the number of times each row was delivered, one file for each epoch and process.
    """

    def __init__(
        self,
        pairs: LoadedPairs,
        *,
        preprocessor: Preprocessor,
        batch_size: int,
        seed: int,
        rank: int,
        processes: int,
        epoch: Callable[[], int],
        counts: Path,
    ) -> None:
        self.pairs, self.seed, self.rank, self.epoch, self.counts = pairs, seed, rank, epoch, counts
        self.preprocessor = preprocessor
        self.plan = plan_epoch(len(pairs.places), batch_size=batch_size, processes=processes)
        self.num_batches = self.plan.steps
        self.num_samples = self.plan.pairs

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Give the batches of the epoch: float32 (B, 3, S, S) normalised, int64 (B, L)."""
        import torch

        epoch = self.epoch()
        order = epoch_order(self.pairs.sources, seed=self.seed, epoch=epoch)
        delivered = np.zeros(len(order), np.uint16)
        for rows in batches(order, self.plan, rank=self.rank):
            chosen = torch.from_numpy(self.pairs.places[rows])
            images = self.preprocessor.normalised(self.pairs.images[chosen], channels_last=True)
            yield images, self._texts(rows, epoch)
            np.add.at(delivered, rows, 1)
        save_counts(self.counts, delivered, epoch=epoch, rank=self.rank)

    def _texts(self, rows: NDArray[np.int64], epoch: int) -> Tensor:
        """The caption that each row shows in this epoch: int64 (B, L)."""
        places = self.pairs.places[rows]
        texts = self.pairs.texts[places]  # a copy
        for position, (row, place) in enumerate(zip(rows.tolist(), places.tolist(), strict=True)):
            rewrites = self.pairs.rewrites.get(place)
            if rewrites is not None:
                sight = int(self.pairs.sights[row])
                number = draw(rewrites.shares, seed=self.seed, epoch=epoch, row=rewrites.key, sight=sight)
                if number:
                    texts[position] = rewrites.texts[number - 1]
        return texts


def save_counts(folder: Path, delivered: NDArray[np.uint16], *, epoch: int, rank: int) -> None:
    """Write how often each row was delivered in an epoch; an epoch that is trained again replaces its file."""
    stream = io.BytesIO()
    np.save(stream, delivered)
    writing.write_bytes(folder / f"epoch-{epoch:05d}-rank-{rank:05d}.npy", stream.getvalue())


def load_pairs(
    train_data: str,
    *,
    preprocessor: Preprocessor,
    tokenize: Callable[[list[str]], Tensor],
    threads: int,
    expected: int,
    skip_broken: bool = False,
) -> LoadedPairs:
    """Decode and tokenise all pairs of WebDataset shards.

    Args:
        train_data: sources joined by `::`, each a shard or a brace pattern.
        preprocessor: of the model; scaling is left to the loader.
        tokenize: captions → (n, L).
        expected: pairs there should be, those of a source that is listed again counted again.
        skip_broken: leave out what can't be decoded, instead of ending there.

    Raises:
        DatasetError: a shard is missing or broken, a picture can't be decoded, or the number of pairs is another.
    """
    import torch

    images: Tensor | None = None
    broken = _note if skip_broken else fail
    captions: list[str] = []
    further: dict[int, Sample] = {}  # without pictures
    sources: list[int] = []
    read: dict[str, tuple[range, int]] = {}  # places of a source's pairs, and how often it was listed
    listed: list[tuple[range, int]] = []

    def attempt(sample: Sample) -> Tensor | None:
        try:
            return decode(sample, preprocessor)
        except DatasetError as error:
            broken(error)
        return None

    with ThreadPoolExecutor(threads) as pool:
        for source in train_data.split("::"):
            if source in read:
                places, times = read[source]
                listed.append((places, times))
                read[source] = (places, times + 1)
                sources.append(len(places))
                continue
            before = len(captions)
            samples = chain.from_iterable(read_shard(path, broken) for path in paths_of(source))
            while chunk := list(islice(samples, _CHUNK)):
                attempts = list(zip(pool.map(attempt, chunk), chunk, strict=True))
                pictures = [one for one, _ in attempts if one is not None]
                if not pictures:
                    continue
                decoded = torch.stack(pictures)
                images = torch.empty((expected, *decoded.shape[1:]), dtype=torch.uint8) if images is None else images
                room = images[len(captions) : len(captions) + len(decoded)]
                room.copy_(decoded[: len(room)])
                for one, sample in attempts:
                    if one is not None:
                        if sample.rewrites:
                            further[len(captions)] = sample._replace(image=b"")
                        captions.append(sample.caption)
            places = range(before, len(captions))
            read[source] = (places, 1)
            listed.append((places, 0))
            sources.append(len(places))
    if images is None or sum(sources) != expected:
        raise DatasetError(
            f"Expected {expected} pairs (--train-num-samples) in {train_data}, got {sum(sources)}. Shards that the "
            "dataset's folder holds are written anew when they are deleted."
        )
    texts = [tokenize(captions[start : start + _CHUNK]) for start in range(0, len(captions), _CHUNK)]
    return LoadedPairs(
        images[: len(captions)],
        torch.cat(texts),
        tuple(sources),
        places=np.concatenate([np.asarray(places, np.int64) for places, _ in listed]),
        sights=np.concatenate([np.full(len(places), times, np.int64) for places, times in listed]),
        rewrites={
            place: Rewrites(sample.key, tokenize(list(sample.rewrites)), sample.shares)
            for place, sample in further.items()
        },
    )


def _note(error: DatasetError) -> None:
    log.warning("left out: %s", error)


def decode(sample: Sample, preprocessor: Preprocessor) -> Tensor:
    """Decode one picture to the model's size: uint8 (3, S, S).

    Raises:
        DatasetError: the picture can't be decoded (names its key).
    """
    import torch

    pixels = preprocessor.pixels_of(open_bytes(sample.image, sample.name))
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1).contiguous()
