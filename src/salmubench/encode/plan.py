"""What a pass over a dataset encodes, and where each row finds its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from salmubench.core.types import Pair, Split
from salmubench.dataset import layout


@dataclass(frozen=True)
class EncodePlan:
    """Which pictures and texts are encoded, and where each dataset row finds its own.

    Attributes:
        rows: (split, pair, row in `images`, row in `texts`) of each dataset row.
        ranges: (split, start, stop): the pictures in the order of `images`.
        texts: the unique texts in the order of `texts`.
    """

    rows: tuple[tuple[str, Pair, int, int], ...]
    ranges: tuple[tuple[str, int, int], ...]
    texts: tuple[str, ...]

    @property
    def pictures(self) -> int:
        """How many pictures are encoded."""
        return sum(stop - start for _, start, stop in self.ranges)


def make_plan(dataset: layout.Dataset, splits: Sequence[str], texts: Sequence[str]) -> EncodePlan:
    """Number the pictures of the splits and their captions, and further texts, each once."""
    text_rows: dict[str, int] = {}
    shared: dict[str, int] = {}  # file name → picture, within forget and forget_target
    rows: list[tuple[str, Pair, int, int]] = []
    ranges: list[tuple[str, int, int]] = []
    pictures = 0
    for split in splits:
        for number, pair in enumerate(dataset.rows(split)):
            in_forget = split in (Split.FORGET, Split.FORGET_TARGET)
            # Within one split equal names are not trusted to be equal pictures.
            earlier = shared.get(pair.file_name) if split == Split.FORGET_TARGET else None
            if earlier is None:
                earlier, pictures = pictures, pictures + 1
                if in_forget:
                    shared.setdefault(pair.file_name, earlier)
                if ranges and ranges[-1][0] == split and ranges[-1][2] == number:
                    ranges[-1] = (split, ranges[-1][1], number + 1)
                else:
                    ranges.append((split, number, number + 1))
            rows.append((split, pair, earlier, text_rows.setdefault(pair.caption, len(text_rows))))
    for text in texts:
        text_rows.setdefault(text, len(text_rows))
    return EncodePlan(tuple(rows), tuple(ranges), tuple(text_rows))


def read_pictures(dataset: layout.Dataset, plan: EncodePlan, start: int, stop: int) -> Iterator[tuple[str, bytes]]:
    """Read pictures `start` to `stop` of a plan: where each stands in the dataset, and its file's bytes."""
    offset = 0
    for split, first, last in plan.ranges:
        low, high = max(start - offset, 0) + first, min(stop - offset, last - first) + first
        if low < high:
            for number, data in enumerate(dataset.images(split, low, high), low):
                yield f"split {split}, row {number} ({dataset.rows(split)[number].file_name})", data
        offset += last - first
