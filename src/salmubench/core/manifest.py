"""Content hashes, atomic writes, "is this stage done?", the lock on an output folder.

A stage writes into one folder. `manifest.json` is written last: its presence means the stage is complete, and it says
with which inputs. A stage that died leaves `.begun.json` and no manifest; the next call with the same inputs goes on,
one with other inputs is refused. The commit of a stage is that by which it began: a checkout may move while it runs.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from salmubench.core import reading
from salmubench.core.errors import OutputError, OutputLocked, OutputMismatch
from salmubench.core.mismatch import check_same
from salmubench.core.provenance import began, portable, provenance, utc_now, version
from salmubench.core.writing import explained, is_leftover, json_text, plain, write_json

SCHEMA_VERSION = 1
"""Version of the manifest's layout."""

MANIFEST = "manifest.json"
BEGUN = ".begun.json"
LOCK = ".lock"

_NOBODYS = frozenset({LOCK, ".DS_Store", ".gitignore", ".gitkeep", "lost+found"})
"""Names that say nothing about whose a folder is: systems and version control put them there, and our lock."""
_CODE = ("commit", "dirty")
"""What `provenance` says about the code."""
_PATIENCE = 60.0  # seconds for others who write the same page, which takes less than one
_PAGE_HEAD = 65_536  # bytes of a page, and of what a stage says about itself, in which our name stands


# --- hashes -----------------------------------------------------------------------------------------------------


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_json(data: Any) -> str:
    """SHA-256 of the canonical JSON of `data`, hex."""
    text = json.dumps(plain(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def read_json(path: Path, *, limit: int = reading.JSON_BYTES) -> Any:
    """Read a JSON file.

    Raises:
        OutputError: missing, or not JSON that comes through the gate of `salmubench.core.reading`.
    """
    return reading.read_json(path, error=OutputError, limit=limit)


# --- the manifest -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Manifest:
    """Content of `manifest.json`; checked by pydantic when it is read.

    Attributes:
        inputs: hashes of what the stage read.
        cost: seconds, peak memory, steps ….
        provenance: who made it, where, when; `commit` is that by which it began, `went_on` a later one.
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
        complete: the manifest is there and was made from the same inputs: nothing to do.
    """

    path: Path
    complete: bool
    manifest: Mapping[str, Any]
    _description: Mapping[str, Any] = field(default_factory=dict)
    _made: Mapping[str, Any] = field(default_factory=dict)

    def finish(self, *, outputs: Mapping[str, Any] | None = None, cost: Mapping[str, Any] | None = None) -> None:
        """Write the manifest, with what the next stage wants to know and what this one cost: the stage is complete."""
        self.manifest = plain(
            {
                **self._description,
                "outputs": portable(plain(outputs or {})),
                "cost": dict(cost or {}),
                "provenance": {**self._made, "finished": utc_now()},
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
    also: Sequence[str] = (),
    free: Collection[str] = (),
    notes: Collection[str] = (),
) -> Iterator[StageFolder]:
    """Lock an output folder for one stage and say whether its work is done.

    Unfinished files of a dead run are deleted (`delete_leftovers`). Same inputs means: same stage,
    package version, effective config, input hashes and seed. A stage that fails before it has written anything leaves
    no trace of itself.

    Args:
        config: the effective configuration (a dataclass or mapping).
        inputs: hashes of what the stage reads.
        given: the configuration as the user gave it, for the record only.
        also: what else may lie in a folder that isn't begun (`check_ours`).
        free: keys of the configuration that may differ from what stands there, or be missing.
        notes: files of the stage that are no work done: a stage that leaves nothing else takes them back when it fails.

    Raises:
        OutputLocked: another process holds it.
        OutputMismatch: it holds the result, or the beginning, of other inputs, or files that aren't ours.
        OutputError: it can't be written, or a number of the configuration isn't finite.
    """
    description = {
        "schema_version": SCHEMA_VERSION,
        "stage": stage,
        "version": version(),
        "config": portable(plain(config)),
        "inputs": plain(inputs or {}),
        "seed": seed,
    }
    given = portable(plain(given))
    json_text([description, given], where=str(path / MANIFEST))  # what can't be written is said before a file is
    check_ours(path, also=also)
    missing = [place for place in (path, *path.parents) if not place.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"Expected a folder that can be made at {path}, got: {error.strerror}. Choose another place or name."
        ) from error
    with folder_lock(path):
        delete_leftovers(path)
        done = (path / MANIFEST).is_file()
        present, origin = path / (MANIFEST if done else BEGUN), {**provenance(), "started": began()}
        if present.is_file():
            before = read_any(present)
            check_same(path, plain(before), description, free)
            origin |= _begun(before.provenance)
        else:
            write_json(path / BEGUN, {**description, "provenance": {name: origin[name] for name in _CODE}})
        folder = StageFolder(
            path=path,
            complete=done,
            manifest=plain(read_any(path / MANIFEST)) if done else {},
            _description={**description, "config_given": given},
            _made=origin,
        )
        try:
            yield folder
        except Exception:
            _take_back(path, missing, {BEGUN, LOCK, *notes})
            raise


def _begun(by: Mapping[str, Any]) -> dict[str, Any]:
    """The commit by which a stage began, and the one that goes on with it where that is another."""
    now = {name: provenance()[name] for name in _CODE}
    begun = {name: by[name] for name in _CODE if name in by}
    return begun if not begun or begun == now else {**begun, "went_on": now}


def _take_back(path: Path, missing: Sequence[Path], notes: Collection[str]) -> None:
    """Remove what a stage has written before its work, and the folders `missing`; nothing where there is more."""
    with contextlib.suppress(OSError):  # an open file on Windows, a folder that is no longer empty
        if {item.name for item in os.scandir(path)} <= set(notes):
            for name in notes:
                (path / name).unlink(missing_ok=True)
            for folder in missing:
                folder.rmdir()


def check_ours(path: Path, *, also: Sequence[str] = (), page: str | None = None) -> None:
    """Refuse a folder that somebody else has filled, before anything in it is touched.

    A folder that isn't there or holds nothing may be taken. One with files is ours where a stage has left its manifest
    or its beginning there, where the page in it is one that we wrote, or where all in it are folders of stages.

    Args:
        also: names that may lie there without making it somebody else's.
        page: name of the page, for folders that are no stage's.

    Raises:
        OutputMismatch: it holds files, and none says that they are ours.
        OutputError: it is no folder, or can't be read.
    """
    try:
        names = sorted(item.name for item in os.scandir(path)) if os.path.lexists(path) else []
    except OSError as error:
        raise OutputError(f"Expected a folder at {path}, got: {error.strerror}. Choose another place.") from error
    strange = [name for name in names if name not in (*_NOBODYS, *also) and not is_leftover(name)]
    strange = [name for name in strange if not _of_stages(path / name)]
    marks = {MANIFEST: b'"stage"', BEGUN: b'"stage"', **({page: b"SALMUBench"} if page else {})}
    if strange and not any(name in names and says(path / name, words) for name, words in marks.items()):
        more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
        raise OutputMismatch(
            f"Expected an empty folder, or one that salmubench has made, at {path}, got files of somebody else: "
            f"{reading.printable(strange[0], 80)}{more}. Choose another folder; nothing in this one was changed."
        )


def _of_stages(path: Path, *, deep: int = 1) -> bool:
    """Whether a folder is a stage's, or holds nothing but such folders (`checkpoints/`, `embeddings/`)."""
    if path.is_symlink() or not path.is_dir():
        return False
    if any(says(path / name, b'"stage"') for name in (MANIFEST, BEGUN)):
        return True
    inner = list(path.iterdir()) if deep else []
    return bool(inner) and all(_of_stages(item, deep=deep - 1) for item in inner)


def says(path: Path, words: bytes) -> bool:
    """Whether some words stand in the beginning of a file; false where it can't be read."""
    with contextlib.suppress(OSError):
        reading.check_regular(path)
        with path.open("rb") as stream:
            return words in stream.read(_PAGE_HEAD)
    return False


@contextlib.contextmanager
def folder_lock(path: Path, *, wait: float = 0) -> Iterator[None]:
    """Hold the folder's lock (advisory, freed by the system when the process dies; child programs don't inherit it).

    Its file goes when it is given back: whoever waits for it notices.

    Args:
        wait: seconds to wait for whoever holds it.

    Raises:
        OutputLocked: another process holds it.
        OutputError: the folder can't be written, or its file system knows no locks.
    """
    import filelock

    lock = filelock.FileLock(path / LOCK, timeout=wait, fallback_to_soft=False, on_acquired=_sign)
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
        with contextlib.suppress(OSError):  # an open file on Windows
            (path / LOCK).unlink()
        lock.release()


@contextlib.contextmanager
def page_folder(path: Path, *, page: str) -> Iterator[None]:
    """Be alone in a folder that is known by a page while it is written; what a killed writer left there is deleted.

    Raises:
        OutputMismatch: it holds files of somebody else.
        OutputError: it can't be written.
    """
    check_ours(path, page=page)
    with explained(path):
        path.mkdir(parents=True, exist_ok=True)
    with folder_lock(path, wait=_PATIENCE):
        delete_leftovers(path)
        yield


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
        for name in [name for name in folders if is_leftover(name)]:
            shutil.rmtree(here / name, ignore_errors=True)
        folders[:] = [name for name in folders if not is_leftover(name) and not (here / name / LOCK).exists()]
        for name in files:
            if is_leftover(name):
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
        raise OutputError(f"Expected the result of the stage {stage!r} in {path}, got {reading.shown(given)}.")
    _checked(content, path / MANIFEST)
    return content


def read_any(path: Path) -> Manifest:
    """Read a manifest, or what a stage says that has begun, whatever stage it is.

    Raises:
        OutputError: no manifest.
    """
    return _checked(read_json(path), path)


def _checked(content: Any, path: Path) -> Manifest:
    advice = "Delete the folder and make it again."
    return reading.validated(Manifest, content, where=str(path), error=OutputError, advice=advice)
