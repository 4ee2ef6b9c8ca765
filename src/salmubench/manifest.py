"""Content hashes, atomic writes, "is this stage done?", the lock on an output folder.

A stage writes into one folder. `manifest.json` is written last: its presence means the stage is complete, and it says
with which inputs. A stage that died leaves `.begun.json` and no manifest; the next call with the same inputs goes on,
one with other inputs is refused.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any, ClassVar

from salmubench import reading
from salmubench.errors import OutputError, OutputLocked, OutputMismatch
from salmubench.provenance import hardware as hardware
from salmubench.provenance import provenance as provenance
from salmubench.provenance import utc_now as utc_now
from salmubench.provenance import version as version

SCHEMA_VERSION = 1
"""Version of the manifest's layout."""

MANIFEST = "manifest.json"
BEGUN = ".begun.json"
LOCK = ".lock"

_MARK = "salmubench-"
_LEFTOVER = re.compile(rf"\.{_MARK}[0-9a-f]{{16}}\.tmp$")


# --- atomic files -----------------------------------------------------------------------------------------------


def temporary_beside(path: Path) -> Path:
    """A name for what will become `path`: nobody can foresee it, and `delete_leftovers` knows it as ours."""
    return path.with_name(f"{path.name[:200]}.{_MARK}{secrets.token_hex(8)}.tmp")


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` when the block ends well, delete it otherwise.

    Raises:
        OutputError: the disk is full or the folder can't be written.
    """
    temporary = temporary_beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb+") as stream:  # Windows syncs only what is open for writing
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError(
                f"Expected room on the disk for {path}, but it is full. Free some space and run the same command "
                "again: finished parts are kept."
            ) from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.ENOTDIR):
            raise OutputError(f"Expected a writable folder for {path}, got: {error.strerror}.") from error
        raise
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file atomically."""
    write_bytes(path, text.encode())


def write_json(path: Path, data: Any) -> None:
    """Write JSON atomically: UTF-8, indented, keys in the given order, no NaN (numbers that are missing are null)."""
    write_text(path, json.dumps(plain(data), indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path, *, limit: int = reading.JSON_BYTES) -> Any:
    """Read a JSON file.

    Raises:
        OutputError: missing, or not JSON that comes through the gate of `salmubench.reading`.
    """
    return reading.read_json(path, error=OutputError, limit=limit)


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


# --- hashes -----------------------------------------------------------------------------------------------------


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_json(data: Any) -> str:
    """SHA-256 of the canonical JSON of `data`, hex."""
    text = json.dumps(plain(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


# --- the manifest -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Manifest:
    """Content of `manifest.json`; checked by pydantic when it is read.

    Attributes:
        stage: the stage's name.
        schema_version: version of this layout.
        version: of the package.
        config: the effective configuration.
        inputs: hashes of what the stage read.
        seed: the seed, where the stage has one.
        config_given: the configuration as the user gave it.
        outputs: what the next stage wants to know.
        cost: seconds, peak memory, steps ….
        provenance: who made it, where, when.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid", "allow_inf_nan": False}

    stage: str
    schema_version: int = SCHEMA_VERSION
    version: str = ""
    config: Any = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    config_given: Any = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    cost: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)


# --- stage folders ----------------------------------------------------------------------------------------------


@dataclass
class StageFolder:
    """An output folder held by one stage of one process.

    Attributes:
        path: the folder.
        complete: the manifest is there and was made from the same inputs: nothing to do.
        manifest: its content when complete.
    """

    path: Path
    complete: bool
    manifest: Mapping[str, Any]
    _description: Mapping[str, Any] = field(default_factory=dict)
    _started: str = ""

    def finish(self, *, outputs: Mapping[str, Any] | None = None, cost: Mapping[str, Any] | None = None) -> None:
        """Write the manifest: the stage is complete.

        Args:
            outputs: what the next stage wants to know (hashes, counts).
            cost: seconds, peak memory, steps ….
        """
        self.manifest = plain(
            {
                **self._description,
                "outputs": dict(outputs or {}),
                "cost": dict(cost or {}),
                "provenance": {**provenance(), "started": self._started, "finished": utc_now()},
            }
        )
        write_json(self.path / MANIFEST, self.manifest)
        (self.path / BEGUN).unlink(missing_ok=True)
        self.complete = True


@contextlib.contextmanager
def stage_folder(
    path: Path,
    stage: str,
    *,
    config: Any,
    inputs: Mapping[str, Any] | None = None,
    seed: int | None = None,
    given: Any = None,
) -> Iterator[StageFolder]:
    """Lock an output folder for one stage and say whether its work is done.

    Unfinished files of a dead run are deleted (`delete_leftovers`). Same inputs means: same stage,
    package version, effective config, input hashes and seed.

    Args:
        path: the folder; made if missing.
        stage: the stage's name.
        config: the effective configuration (a dataclass or mapping).
        inputs: hashes of what the stage reads.
        seed: the seed, where the stage has one.
        given: the configuration as the user gave it, for the record only.

    Raises:
        OutputLocked: another process holds it.
        OutputMismatch: it holds the result, or the beginning, of other inputs.
    """
    description = plain(
        {
            "schema_version": SCHEMA_VERSION,
            "stage": stage,
            "version": version(),
            "config": config,
            "inputs": dict(inputs or {}),
            "seed": seed,
        }
    )
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Expected a folder that can be made at {path}, got: {error.strerror}.") from error
    with folder_lock(path):
        delete_leftovers(path)
        done = (path / MANIFEST).is_file()
        present = path / (MANIFEST if done else BEGUN)
        if present.is_file():
            _check_same(path, read_json(present), description)
        else:
            write_json(path / BEGUN, description)
        yield StageFolder(
            path=path,
            complete=done,
            manifest=read_json(path / MANIFEST) if done else {},
            _description={**description, "config_given": plain(given)},
            _started=utc_now(),
        )


@contextlib.contextmanager
def folder_lock(path: Path) -> Iterator[None]:
    """Hold the folder's lock (advisory, freed by the system when the process dies; child programs don't inherit it).

    Raises:
        OutputLocked: another process holds it.
        OutputError: the folder can't be written, or its file system knows no locks.
    """
    import filelock

    lock = filelock.FileLock(path / LOCK, timeout=0, fallback_to_soft=False, on_acquired=_sign)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise OutputLocked(
            f"Expected to be alone in {path}, but it is in use by process {lock_holder(path) or 'unknown'}. Wait for "
            "it to end, or choose another folder."
        ) from error
    except OSError as error:
        raise OutputError(f"Expected a folder that can be locked at {path}, got: {error.strerror}.") from error
    try:
        yield
    finally:
        lock.release()


def lock_holder(path: Path) -> str:
    """Process id of who holds the folder's lock, or held it last; empty where nobody did or it can't be read."""
    with contextlib.suppress(OSError):
        return reading.printable((path / LOCK).read_text(errors="replace").strip(), 20)
    return ""


def _sign(lock: int) -> None:
    """Write this process's id into the lock file that it has just got."""
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())


def delete_leftovers(path: Path) -> None:
    """Delete the unfinished files and folders that a dead run of ours left below `path`.

    They are known by their names (`temporary_beside`): a user's own `notes.tmp` stays. Sub-folders with a lock of their
    own are left alone, links are not followed.
    """
    import shutil

    for root, folders, files in os.walk(path):
        here = Path(root)
        for name in [name for name in folders if _LEFTOVER.search(name)]:
            shutil.rmtree(here / name, ignore_errors=True)
        folders[:] = [name for name in folders if not _LEFTOVER.search(name) and not (here / name / LOCK).exists()]
        for name in files:
            if _LEFTOVER.search(name):
                (here / name).unlink(missing_ok=True)


def read_manifest(path: Path, stage: str) -> Mapping[str, Any]:
    """Read the manifest of a finished stage.

    Raises:
        OutputError: not there (the stage isn't complete), made by another stage, or no manifest.
    """
    if not (path / MANIFEST).is_file():
        raise OutputError(
            f"Expected a finished {stage} in {path}, got no {MANIFEST}. Run the stage (again): it goes on where it "
            "stopped."
        )
    content = read_json(path / MANIFEST)
    if not isinstance(content, dict) or content.get("stage") != stage:
        given = content.get("stage") if isinstance(content, dict) else type(content).__name__
        raise OutputError(f"Expected the result of the stage {stage!r} in {path}, got {given!r}.")
    reading.validated(
        Manifest, content, where=str(path / MANIFEST), error=OutputError, advice="Delete the folder and make it again."
    )
    return content


def _check_same(path: Path, stored: Any, expected: Mapping[str, Any]) -> None:
    differing = [key for key in expected if not isinstance(stored, dict) or stored.get(key) != expected[key]]
    if not differing:
        return
    details = []
    for key in differing:
        old = stored.get(key) if isinstance(stored, dict) else None
        new = expected[key]
        if isinstance(old, dict) and isinstance(new, dict):
            sub = [name for name in {**old, **new} if old.get(name) != new.get(name)]
            details += [f"{key}.{name}: {old.get(name)!r} there, {new.get(name)!r} asked" for name in sub]
        else:
            details.append(f"{key}: {old!r} there, {new!r} asked")
    raise OutputMismatch(
        f"Expected {path} to be empty or of the same inputs, got another run: {'; '.join(details)}. Choose another "
        "folder, or delete this one."
    )
