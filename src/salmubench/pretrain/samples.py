"""Pairs of WebDataset shards, read one by one: picture and caption share folder and file name up to the first dot.

Other members are neither read nor decoded; hidden ones, as macOS adds them, belong to no pair.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import math
import re
import struct
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from salmubench.core import reading
from salmubench.core.errors import DatasetError
from salmubench.core.pictures import BYTES, open_picture
from salmubench.pretrain.sights import is_caption, read_rewrites

IMAGES = ("jpg", "jpeg", "png", "webp")

EXPECTED = (*IMAGES, "txt", "json")
"""Members that a shard may be expected to have; img2dataset writes a `json` for each pair, which nothing needs."""

SHARD = 2**34
"""Most bytes of a shard, unpacked: img2dataset's of 10,000 pairs have a tenth."""
SHARDS = 1_000_000
"""Most shards of a pattern."""
MEMBERS = 100
"""Most members of a pair."""
CAPTION = 65_536
"""Most bytes of a caption; web pages have longer ones than a dataset of ours may have."""
BROKEN = (
    tarfile.TarError, OSError, EOFError, ValueError, KeyError, OverflowError, RecursionError, struct.error, zlib.error,
    lzma.LZMAError,
)  # fmt: skip
"""What reading a shard of others can raise."""

_COMPRESSED: Mapping[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open,
}  # fmt: skip
_MAGIC = max(map(len, _COMPRESSED))
_RANGE = re.compile(r"\{(?=-?\d+\.\.-?\d|[A-Za-z]\.\.[A-Za-z])(-?\w+)\.\.(-?\w+)")
_STRIDE = 2**20  # bytes that are passed over at once
_NAME = 128  # letters of a shard's name where there are as many as there may be
_LONGEST = 32  # letters of an extension that are shown


class Sample(NamedTuple):
    """One pair as it lies in a shard.

    Attributes:
        name: key and shard, for messages.
        key: what the members share, without a folder.
        shares: of each of them in the sights of the pair.
    """

    image: bytes
    caption: str
    name: str
    key: str = ""
    rewrites: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()


Broken = Callable[[DatasetError], None]
"""What to do with a pair that can't be used: raise the error, or note it and go on."""


def fail(error: DatasetError) -> None:
    """Raise the error: no broken pair is allowed."""
    raise error


def paths_of(pattern: str) -> list[str]:
    """Shards of a pattern as open_clip's `--train-data` takes it: brace patterns joined by `::`.

    Raises:
        DatasetError: an unbalanced brace, a variable that isn't set, or more shards than there can be.
    """
    from webdataset.shardlists import envsubst, expand_urls

    try:
        sources = [envsubst(source) for source in pattern.split("::")]
        counts = [_at_most(source) for source in sources]
        if sum(counts) > SHARDS:
            raise ValueError(f"more than {SHARDS:,} shards")
        if sum(count * len(source) for count, source in zip(counts, sources, strict=True)) > SHARDS * _NAME:
            raise ValueError(f"names of more than {SHARDS * _NAME:,} letters together")
        return list[str](expand_urls(pattern))
    except (ValueError, AssertionError, RecursionError) as error:
        shown = reading.printable(pattern, 200)
        raise DatasetError(
            f"Expected a pattern of shards such as 'cc3m/{{00000..00331}}.tar', got {shown}: {error}."
        ) from error


def _at_most(pattern: str) -> int:
    """No fewer than the words of a brace pattern, told without making them."""
    ranges = _RANGE.findall(pattern)
    lists = pattern.count("{") - len(ranges)
    words = (52 if first.isalpha() else abs(int(last) - int(first)) + 1 for first, last in ranges)
    return math.prod(words) * int((pattern.count(",") + 1) ** lists)


def read_shard(path: str | Path, broken: Broken = fail, ignored: Counter[str] | None = None) -> Iterator[Sample]:
    """Read the pairs of a shard.

    Args:
        broken: what to do with a pair without picture or caption, and with what a cut-off file lacks.
        ignored: counts by extension the members that are no picture, `txt` or `json`.

    Raises:
        DatasetError: the file is missing; with `fail` also where it is cut off or a pair is incomplete.
    """
    if not Path(path).is_file():
        raise DatasetError(f"Expected a WebDataset shard at {path}, got no file.")
    files: dict[str, bytes] = {}
    current = ""
    try:
        with Path(path).open("rb") as file:
            tar = tar_of(file)
            for member in members(tar):
                named = split_name(member.name)
                if named is None:
                    continue
                key, extension = named
                if (key != current or len(files) > MEMBERS) and files:
                    yield from _pair(files, current, f"{current} in {path}", broken)
                    files = {}
                current = key
                files[extension] = read_member(tar, member) if is_read(extension) else b""
                if ignored is not None and extension not in EXPECTED and not is_caption(extension):
                    ignored[extension[:_LONGEST]] += 1
    except BROKEN as error:
        broken(DatasetError(reading.printable(f"Expected a WebDataset shard at {path}, got: {error}.")))
        return
    if files:
        yield from _pair(files, current, f"{current} in {path}", broken)


def is_read(extension: str) -> bool:
    """Whether a member of a pair is read: pictures and captions are."""
    return extension in IMAGES or is_caption(extension)


def split_name(name: str) -> tuple[str, str] | None:
    """What the members of a pair share, and the extension, as webdataset divides a name; `None`: of no pair.

    Examples:
        >>> split_name("./cc3m.v1/0000.seg.PNG"), split_name("0000.txt")
        (('./cc3m.v1/0000', 'seg.png'), ('0000', 'txt'))
        >>> split_name("cc3m/._0000.jpg"), split_name("v1.0/README")
        (None, None)
    """
    folder, slash, file = name.rpartition("/")
    base, dot, extension = file.partition(".")
    return (f"{folder}{slash}{base}", extension.lower()) if base and dot else None


def tar_of(stream: Any) -> tarfile.TarFile:
    """Open a shard, compressed or not, of which no header makes Python read more than a member may have.

    Raises:
        tarfile.TarError, OSError, …: one of `BROKEN`.
    """
    start = stream.read(_MAGIC)
    opener = next((opener for magic, opener in _COMPRESSED.items() if start.startswith(magic)), None)
    forwards = _Forward(stream, start)
    return tarfile.open(fileobj=forwards if opener is None else _Forward(opener(forwards)), mode="r:")


def members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Plain files of a shard, in order; folders are passed over.

    Raises:
        tarfile.TarError: a link or device, a member that is too large, or too much altogether.
    """
    total = 0
    while (member := tar.next()) is not None:
        tar.members = []  # type: ignore[attr-defined]  # or all headers stay in memory
        total += tarfile.BLOCKSIZE + member.size
        if member.size > BYTES or total > SHARD:
            raise tarfile.TarError(f"a member {member.name[:_LONGEST]!r} of {member.size:,} bytes, {total:,} in all")
        if member.isreg():
            yield member
        elif not member.isdir():
            raise tarfile.TarError(f"{member.name[:_LONGEST]!r}, which is a link or device")


class _Forward(io.RawIOBase):
    """A stream that is read forwards, no more at once than a member may have; `start` was read of it already."""

    def __init__(self, stream: Any, start: bytes = b"") -> None:
        self._stream, self._start, self._place = stream, start, 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence or offset < self._place:
            raise tarfile.ReadError(f"a header that leads back to byte {offset:,}")
        while self._place < offset and self.read(min(_STRIDE, offset - self._place)):
            pass
        return self._place

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= BYTES + tarfile.BLOCKSIZE:
            raise tarfile.ReadError(f"a header that asks for {size:,} bytes")
        data, self._start = self._start[:size], self._start[size:]
        while len(data) < size and (more := self._stream.read(size - len(data))):
            data += more
        self._place += len(data)
        return data


def read_member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """Bytes of a plain file that `members` has given, before the next is asked for."""
    stream = tar.extractfile(member)
    return b"" if stream is None else stream.read()


def open_bytes(data: bytes, name: str) -> Any:
    """Decode a picture (JPEG, PNG, WebP, GIF or BMP) with PIL, to RGB; the name is for messages.

    Raises:
        DatasetError: it can't be decoded.
    """
    with open_picture(data, where=name) as picture:
        return picture.convert("RGB")


def _pair(files: Mapping[str, bytes], key: str, name: str, broken: Broken) -> Iterator[Sample]:
    image = next((files[extension] for extension in IMAGES if extension in files), None)
    if image is None or "txt" not in files:
        broken(DatasetError(f"Expected a picture and a caption (.jpg, .txt) for {name}, got {sorted(files)}."))
        return
    if len(files["txt"]) > CAPTION:
        broken(DatasetError(f"Expected a caption of at most {CAPTION:,} bytes for {name}, got {len(files['txt']):,}."))
        return
    try:
        caption = files["txt"].decode()
    except UnicodeDecodeError as error:
        broken(DatasetError(f"Expected a caption in UTF-8 for {name}, got: {error}."))
        return
    try:
        rewrites, shares = read_rewrites(files, name)
    except DatasetError as error:
        broken(error)
        return
    yield Sample(image, caption, name, key.rpartition("/")[2], tuple(rewrites), tuple(shares))
