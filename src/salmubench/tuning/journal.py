"""A method's journal: its finished trials as a study of Optuna, which several processes and machines may share."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from salmubench.core import writing
from salmubench.core.writing import explained

if TYPE_CHECKING:
    from optuna.storages.journal import JournalFileOpenLock
    from optuna.study import Study

JOURNAL = "journal.log"
"""Optuna's, in a method's folder."""

_HELD = 30.0  # seconds after which Optuna takes a lock away from its holder


def open_study(folder: Path, name: str) -> Study:
    """Open the study of a journal, made if missing; what a kill or a full disk left of it is mended.

    Raises:
        OutputError: it can't be written.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = folder / JOURNAL
    # Optuna's other lock is a link that, made from a relative path, leads nowhere; one that was killed is waited for
    # without end then.
    lock = JournalFileOpenLock(str(path))
    with explained(path):
        folder.mkdir(parents=True, exist_ok=True)
        _take_away(Path(f"{path}.lock"))
        _mend(path, lock)
        storage = JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
        return optuna.create_study(study_name=name, storage=storage, load_if_exists=True)


def _take_away(lock: Path) -> None:
    """Delete the lock of a killed process of an earlier version, where it is a link that leads nowhere."""
    with contextlib.suppress(OSError):  # it has just been given back
        if lock.is_symlink() and not lock.exists() and time.time() - lock.lstat().st_mtime > _HELD:
            lock.unlink()


def _mend(path: Path, lock: JournalFileOpenLock) -> None:
    """Leave lines out that a full disk has cut: trials that they told of are entered again, as their folders say."""
    if not path.is_file() or (data := path.read_bytes()) == _whole(data):
        return
    lock.acquire()  # from here on nobody is writing: what is unfinished now stays so
    try:
        data = path.read_bytes()
        if data != _whole(data):
            writing.write_bytes(path, _whole(data))
    finally:
        lock.release()


def _whole(data: bytes) -> bytes:
    return b"".join(line for line in data.splitlines(keepends=True) if line.endswith(b"\n") and _is_json(line))


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
