"""Files and folders that appear whole or not at all; the counterpart of `reading`.

What is unfinished has a name that nobody can foresee, is made by this process (never opened through a link that lies
there) and is known by its name as ours, so that what a kill leaves behind can be deleted and nothing else.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from salmubench.core import interruption, places
from salmubench.core.errors import OutputError, SalmubenchError, StageError

NAME_BYTES = 255
"""Longest name of a file that common file systems take."""

_MARK = "salmubench-"
_LEFTOVER = re.compile(rf"\.{_MARK}[0-9a-f]{{16}}\.tmp$")
_ENDING = len(f".{_MARK}.tmp") + 16
_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_WORDS = re.compile(rf"No space left on device|os error ({'|'.join(map(str, _FULL))})\b")  # without a number
_NO_MEMORY = re.compile(
    r"out of memory|can't allocate|cannot allocate|not enough memory|failed to map segment|\bMemoryError\b", re.I
)
_SAY_SO = (RuntimeError, OSError, ImportError, StageError)
"""Who says in words alone that memory has run out: torch's allocators, the loader of libraries, our other processes."""
_REFUSED = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP,
)  # fmt: skip
_BLOCK = 1 << 20


# --- unfinished files ---------------------------------------------------------------------------------------------


def temporary_beside(path: Path) -> Path:
    """A name for what will become `path`: nobody can foresee it, and `is_leftover` knows it as ours."""
    stem = os.fsencode(path.name)[: NAME_BYTES - _ENDING].decode(errors="ignore")
    return path.with_name(f"{stem}.{_MARK}{secrets.token_hex(8)}.tmp")


def is_leftover(name: str) -> bool:
    """Whether a name is that of something unfinished of ours."""
    return _LEFTOVER.search(name) is not None


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give the path of a new, empty file beside `path`; rename it to `path` when the block ends well, else delete it.

    Raises:
        OutputError: the disk is full, or there can be no such file, or what is there is a device or pipe.
    """
    temporary = temporary_beside(path)
    with explained(path):
        if places.real(path.parent) == Path("/dev") or (path.exists() and not (path.is_file() or path.is_dir())):
            raise OutputError(f"Expected a file's name, got the device or pipe {path}. Choose another place or name.")
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(temporary, _NEW, 0o666))
        try:
            yield temporary
            with temporary.open("rb+") as stream:  # Windows syncs only what is open for writing
                os.fsync(stream.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give a new folder beside `path`, which the block moves to its place; delete what is left of it in the end.

    Raises:
        OSError: there can be no such folder.
    """
    temporary = temporary_beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def delete_folder(path: Path) -> None:
    """Delete a folder: under its name it is whole or gone, so that a kill leaves no half that looks finished.

    Nothing happens where there is none; of a link only the link goes. What a kill leaves is a leftover, which the next
    stage above it deletes.

    Raises:
        OutputError: it can't be moved.
    """
    temporary = temporary_beside(path)
    with explained(path), contextlib.suppress(FileNotFoundError):
        if path.is_symlink():  # what it leads to is somebody else's
            path.unlink()
            return
        path.rename(temporary)
    shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what a full or forbidden place does to the block into a message that says what to do.

    Raises:
        OutputError: the disk is full, or there can be no such file.
        KeyboardInterrupt: the block was interrupted, whatever a library that was left halfway made of it.
    """
    try:
        yield
    except SalmubenchError:
        raise
    except Exception as error:
        interruption.pass_on(error)  # torch's archives raise an error of their own when they are closed
        if is_full(error):
            raise OutputError(
                f"Expected room on the disk for {path}, but it is full, or files may not get so large. Free some "
                "space and run the same command again: finished parts are kept."
            ) from error
        if isinstance(error, OSError) and (error.errno in _REFUSED or _cannot_hold(error, path)):
            raise OutputError(
                f"Expected that {path} can be written, got: {error.strerror}. Choose another place or name."
            ) from error
        raise


def _cannot_hold(error: OSError, path: Path) -> bool:
    """Whether a folder on the way to a path took no new name, as those of /proc don't."""
    name = error.filename
    return error.errno == errno.ENOENT and isinstance(name, str) and Path(name).parent in path.parents


def is_full(error: BaseException | None) -> bool:
    """Whether an error says, itself or by what led to it, that a disk is full: libraries wrap that in their own."""
    return any(
        (isinstance(one, OSError) and one.errno in _FULL) or _FULL_WORDS.search(str(one)) for one in _led_to(error)
    )


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error says, itself or by what led to it, that memory has run out, on a processor or a GPU."""
    return any(
        isinstance(one, MemoryError) or (isinstance(one, _SAY_SO) and _NO_MEMORY.search(str(one)))
        for one in _led_to(error)
    )


def check_room(error: BaseException, user: str) -> None:
    """Let through any error but that of a machine without room, which says nothing about the code that met it.

    Args:
        user: whose code was running, for the message.

    Raises:
        StageError: memory or the disk was full: the next call may succeed.
    """
    if is_full(error) or is_out_of_memory(error):
        raise StageError(
            f"Expected room for {user} in memory and on the disk, got: {type(error).__name__}: {error}. Make room, or "
            "take fewer workers or smaller batches, and call again: it goes on."
        ) from error


def _led_to(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that it came of."""
    for _ in range(10):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def reserve(path: Path, size: int) -> None:
    """Make the disk hold a file's first `size` bytes, so that a memory map of it can't outgrow the disk (SIGBUS).

    Raises:
        OutputError: the disk is full.
    """
    with explained(path), path.open("rb+") as stream:
        if hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(stream.fileno(), 0, size)
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
                    raise
            else:
                return
        for start in range(0, size, _BLOCK):  # a block that is written is there
            stream.seek(start)
            block = stream.read(min(_BLOCK, size - start)).ljust(min(_BLOCK, size - start), b"\0")
            stream.seek(start)
            stream.write(block)


# --- contents -----------------------------------------------------------------------------------------------------


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file atomically."""
    write_bytes(path, text.encode())


def write_json(path: Path, data: Any) -> None:
    """Write JSON atomically: UTF-8, indented, keys in the given order, no NaN (numbers that are missing are null).

    Raises:
        OutputError: a number isn't finite (nothing is written), or as `atomic_path`.
    """
    write_text(path, json_text(data, where=str(path)))


def json_text(data: Any, *, where: str) -> str:
    """Give the text of a JSON file, of what `plain` takes.

    Raises:
        OutputError: a number isn't finite.
    """
    try:
        return json.dumps(plain(data), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError as error:
        raise OutputError(f"Expected finite numbers for {where}, got NaN or infinity: {error}.") from error


def plain(data: Any) -> Any:
    """Turn dataclasses, mappings, sequences, paths and numpy scalars into what JSON knows."""
    if is_dataclass(data) and not isinstance(data, type):
        return plain(asdict(data))
    if isinstance(data, Mapping):
        return {str(key): plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [plain(value) for value in data]
    if isinstance(data, set | frozenset):
        return sorted(plain(value) for value in data)
    if isinstance(data, Path):
        return str(data)
    if isinstance(data, str):
        return str(data)
    if hasattr(data, "item") and not isinstance(data, str | bytes):  # numpy scalars
        return data.item()
    return data
