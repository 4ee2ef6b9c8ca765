"""Mutations of what is packed with hashes: the file of a world, and the records of a contest's worlds."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import lzma
import random
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fuzz.binaries import ARCHIVE, ARRAY, WEIGHTS, archive
from fuzz.parquet import PARQUET
from fuzz.texts import RECORD, Mutator, damage, other_kind, replace

_MEMBERS: Mapping[str, Sequence[Mutator]] = {
    ".json": RECORD, ".parquet": PARQUET, ".npy": ARRAY, ".safetensors": WEIGHTS,
}  # fmt: skip


def sealed(path: Path, rng: random.Random) -> None:
    """Change a file in a world's file, or what `world.json` says of it; in most cases the hashes agree again."""
    try:
        files = members(path.read_bytes())
        about = json.loads(files.pop("world.json"))
        name = rng.choice(sorted(files))
        files |= _mutated(name, files.pop(name), rng)
        if rng.random() < 0.8:
            about["files"] = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    except (tarfile.TarError, KeyError, IndexError, TypeError, ValueError, RecursionError):  # of another mutation
        return damage(path, rng)
    text = json.dumps(about).encode()
    if rng.random() < 0.2:
        text = _mutated("world.json", text, rng).get("world.json", b"")
    return replace(path, tarred({"world.json": text, **files}))


def _mutated(name: str, data: bytes, rng: random.Random) -> dict[str, bytes]:
    """What becomes of a file, or of two, by a mutation of its kind."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / Path(name).name
        place.write_bytes(data)
        rng.choice(_MEMBERS.get(place.suffix, (damage,)))(place, rng)
        return {str(Path(name).with_name(item.name)): item.read_bytes() for item in Path(folder).iterdir()}


def records(path: Path, rng: random.Random) -> None:
    """Change packed records, the archive around them, or pack what unpacks to much; hashes of records agree again."""
    if rng.random() < 0.1:
        return replace(path, _bomb())
    try:
        data = lzma.decompress(path.read_bytes())
        if rng.random() < 0.4:
            with tempfile.TemporaryDirectory() as folder:
                inner = Path(folder) / "inner.tar"
                inner.write_bytes(data)
                archive(inner, rng)
                return replace(path, lzma.compress(inner.read_bytes(), preset=0))
        files = members(data)
        name = rng.choice(sorted(files))
        files |= _mutated(name, files.pop(name), rng)
        done = path.parents[1] / "world.json"
        about: dict[str, Any] = json.loads(done.read_bytes())
        about["records"] |= {Path(name).stem: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        replace(done, json.dumps(about).encode())
    except (lzma.LZMAError, tarfile.TarError, OSError, KeyError, IndexError, TypeError, ValueError, RecursionError):
        return damage(path, rng)
    return replace(path, lzma.compress(tarred(files), preset=0))


def members(data: bytes) -> dict[str, bytes]:
    """Name → content of the files in a tar archive."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        streams = {member.name: tar.extractfile(member) for member in tar}
        return {name: stream.read() for name, stream in streams.items() if stream is not None}


def tarred(files: Mapping[str, bytes]) -> bytes:
    """A tar archive of files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return stream.getvalue()


@functools.cache
def _bomb() -> bytes:
    return lzma.compress(tarred({"delete-1x.json": bytes(2**27)}), preset=0)


WORLD: tuple[Mutator, ...] = (sealed, sealed, sealed, sealed, *ARCHIVE)
PACKED: tuple[Mutator, ...] = (records, records, records, records, damage, other_kind)
