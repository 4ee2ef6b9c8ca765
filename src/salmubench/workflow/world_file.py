"""A world in one file: an uncompressed tar archive, first in it `world.json` with the hash of each of its files."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from salmubench.core import manifest, reading, writing
from salmubench.core.errors import OutputError, OutputMismatch
from salmubench.scoring.origin import Hash, Name, Text, Whole

WORLD = "world.json"
SCHEMA_VERSION = 1
"""Version of `world.json`."""

_AGAIN = "Fetch or export the file again"


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class About:
    """`world.json`.

    Attributes:
        recipe: name of the recipe by which it was made.
        sha256: of the world, however it is packed (`World.sha256`).
        files: path → hash.
    """

    sha256: Hash
    recipe: Name
    seed: Whole | None
    version: Name
    benchmark_version: Whole
    files: Mapping[Text, Hash]
    schema_version: Whole


def write(out: Path, about: Mapping[str, object], texts: Mapping[str, str], files: Mapping[str, Path]) -> None:
    """Write a world's file; equal worlds give equal bytes.

    Args:
        about: what `world.json` says beside the files.
        texts: path in the world → content, of files that are written for it.
        files: path in the world → file.
    """
    sums = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    sums |= {name: manifest.sha256_file(path) for name, path in files.items()}
    texts = {WORLD: writing.json_text({**about, "files": sums, "schema_version": SCHEMA_VERSION}, where=WORLD), **texts}
    with writing.atomic_path(out) as temporary, tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, text in texts.items():
            _add(archive, name, io.BytesIO(text.encode()), len(text.encode()))
        for name, path in files.items():
            with path.open("rb") as stream:
                _add(archive, name, stream, path.stat().st_size)


def _add(archive: tarfile.TarFile, name: str, stream: IO[bytes], size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = size
    archive.addfile(entry, stream)


def unpacked(file: Path, beside: Path) -> Path:
    """Unpack a world's file, unless that was done before.

    Returns:
        The folder `world-<hash>`.

    Raises:
        OutputError: no such file, or a damaged one.
        OutputMismatch: a file in it is another one than when it was packed.
    """
    try:
        with tarfile.open(file, "r:") as archive:
            first = archive.next()
            if first is None or first.name != WORLD or first.type != tarfile.REGTYPE or first.size > reading.JSON_BYTES:
                raise tarfile.ReadError(f"no {WORLD} in front")
            stream = archive.extractfile(first)
            about = _parsed(stream.read() if stream is not None else b"", f"{WORLD} in {file}")
            folder = beside / f"world-{about.sha256[:16]}"
            if not folder.is_dir():
                with writing.explained(folder), writing.atomic_folder(folder) as new:
                    _extract(archive, about, new)
                    check_files(new, about)
                    new.rename(folder)
    except (tarfile.TarError, EOFError, ValueError) as error:  # ValueError: a size in its extended headers that is none
        raise OutputError(f"Expected a file of `salmubench world export` at {file}, got: {error}. {_AGAIN}.") from error
    return folder


def _extract(archive: tarfile.TarFile, about: About, new: Path) -> None:
    """Write the files that are listed, each inside the folder; modes and owners are not the archive's to say."""
    for member in archive:
        if member.name not in (WORLD, *about.files) or member.type != tarfile.REGTYPE or member.issparse():
            raise tarfile.ReadError(f"{reading.shown(member.name)}, which {WORLD} doesn't list as a file")
        path = new / tarfile.data_filter(member, str(new)).name
        stream = archive.extractfile(member)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                shutil.copyfileobj(stream or io.BytesIO(), file)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise tarfile.ReadError(f"{reading.shown(member.name)}, a file and a folder at once") from error


def read_about(folder: Path) -> About:
    """Read `world.json` of an unpacked world.

    Raises:
        OutputError: it says something else than it should.
    """
    path = folder / WORLD
    return _parsed(reading.read_bytes(path, error=OutputError, what="a world"), str(path))


def _parsed(data: bytes, where: str) -> About:
    content = reading.parse_json(data, where=where, error=OutputError, mapping=True)
    return reading.validated(About, content, where=where, error=OutputError, advice=f"{_AGAIN}.")


def check_files(folder: Path, about: About) -> None:
    """Compare an unpacked world's files with their hashes.

    Raises:
        OutputError: one is missing.
        OutputMismatch: one is another than when the world was packed.
    """
    for name, sha256 in about.files.items():
        path = folder / name
        if not path.is_file():
            raise OutputError(f"Expected {name} in the world {folder}, got none. Delete that folder; {_AGAIN.lower()}.")
        if (computed := manifest.sha256_file(path)) != sha256:
            raise OutputMismatch(
                f"Expected {name} of {folder} as it was packed (SHA-256 {sha256[:16]}), got other content "
                f"({computed[:16]}). Delete that folder; {_AGAIN.lower()}."
            )
