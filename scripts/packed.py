"""Results that are kept for proof and seldom read: many files in one, `packed.tar.xz`, beside those read often.

    python scripts/packed.py FILE ...     # into the archive of their folder; `tar xf packed.tar.xz` brings them back

Records of one world are much alike, their items and rows too: packed together they take a fifth of their room or less.
"""

from __future__ import annotations

import functools
import io
import lzma
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from salmubench.core import writing

PACKED = "packed.tar.xz"


def pack(paths: Sequence[Path]) -> None:
    """Move files of one folder into its archive, which is written anew: the same bytes for the same files."""
    paths = sorted(set(paths))
    if not paths:
        return
    (folder,) = {path.parent for path in paths}
    with (
        writing.atomic_path(folder / PACKED) as temporary,
        lzma.open(temporary, "wb", preset=9 | lzma.PRESET_EXTREME) as stream,
        tarfile.open(fileobj=stream, mode="w") as archive,
    ):
        for path in paths:
            about = tarfile.TarInfo(path.name)
            about.size = path.stat().st_size
            with path.open("rb") as content:
                archive.addfile(about, content)
    for path in paths:
        path.unlink()


@functools.lru_cache(maxsize=8)
def packed(folder: Path) -> Mapping[str, bytes]:
    """Name → content of the files in a folder's archive; none without one."""
    if not (folder / PACKED).is_file():
        return {}
    with lzma.open(folder / PACKED) as stream, tarfile.open(fileobj=io.BytesIO(stream.read())) as archive:
        opened = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        return {name: content.read() for name, content in opened.items() if content is not None}


def stored_records(folder: Path) -> dict[str, bytes]:
    """Model → its record as it lies in a folder, packed or not."""
    stored = {path.name: path.read_bytes() for path in folder.glob("*.json")} | dict(packed(folder))
    return {Path(name).stem: content for name, content in stored.items() if name.endswith(".json")}


if __name__ == "__main__":
    pack([Path(name) for name in sys.argv[1:]])
