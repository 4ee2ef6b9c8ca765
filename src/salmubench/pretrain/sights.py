"""Which caption of a row each sight shows: one at random, by the shares that the rewrites of the row have.

The draw depends on seed, epoch, the row's name and how often the row was seen in the epoch before, on nothing else: two
references that have a row in common see the same captions of it, whatever else they are trained on and however it is
read.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence

from salmubench.core.errors import DatasetError
from salmubench.dataset.shards import SHARES, rewrite_member


def draw(shares: Sequence[float], *, seed: int, epoch: int, row: str, sight: int) -> int:
    """Number of a caption: 0 the official one, 1 the first rewrite.

    Args:
        shares: of each rewrite; the official caption has the rest.
        row: name of the row, the same in all parts that hold it.
        sight: of the epoch, from 0.

    Examples:
        >>> [draw([0.25, 0.25], seed=0, epoch=epoch, row="forget-00000003", sight=0) for epoch in range(8)]
        [0, 0, 2, 0, 0, 0, 0, 0]
    """
    digest = hashlib.sha256(f"{seed}\0{epoch}\0{row}\0{sight}".encode()).digest()
    uniform, total = int.from_bytes(digest[:8], "big") / 2**64, 0.0
    for number, share in enumerate(shares, start=1):
        total += share
        if uniform < total:
            return number
    return 0


def read_rewrites(members: Mapping[str, bytes], name: str) -> tuple[list[str], list[float]]:
    """Rewrites of a pair and their shares, out of its members' bytes by extension; none where it has none.

    Raises:
        DatasetError: shares that aren't a list of numbers, or another number of rewrites.
    """
    if SHARES not in members:
        return [], []
    try:
        shares = [float(share) for share in json.loads(members[SHARES])]
        captions = [members[rewrite_member(number)].decode() for number in range(len(shares))]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DatasetError(f"Expected rewrites and their shares ({SHARES}) of {name}, got: {error!r}.") from error
    if not all(0 <= share < 1 for share in shares) or math.fsum(shares) >= 1:
        raise DatasetError(f"Expected shares that leave the caption of {name} some, got {shares}.")
    return captions, shares


def is_caption(extension: str) -> bool:
    """Whether a member of a pair is a caption, a further one, or their shares."""
    number = extension.removeprefix("r").removesuffix(".txt")
    return extension in ("txt", SHARES) or (number.isdecimal() and extension == rewrite_member(int(number) - 1))
