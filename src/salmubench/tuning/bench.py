"""Where the trials of a tuning are made, and what became of them: a study of Optuna's for each method.

A study is a journal that several processes and machines may share.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salmubench.core import writing
from salmubench.dataset.layout import open_dataset
from salmubench.tuning import search
from salmubench.workflow.current import stated_sha256
from salmubench.workflow.recipe import TuneConfig
from salmubench.workflow.run_world import RunWorld

if TYPE_CHECKING:
    from optuna.storages.journal import JournalFileOpenLock
    from optuna.study import Study

JOURNAL = "journal.log"
"""Optuna's, in a method's folder."""


@dataclass(frozen=True)
class SearchTerms:
    """What a contest adds to a tuning, so that all methods are tuned on equal terms.

    Attributes:
        worlds: seed → finished run folder of a further selection world; a trial counts the mean over all of them.
        search: engine setting → where it is searched, for every loop method.
        fixed: method → options that are not searched.
    """

    worlds: Mapping[int, Path] = field(default_factory=dict)
    search: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """One setting of one method.

    Attributes:
        method: a name, or the path of a Python file.
        number: from 0, which is the recipe's own setting.
        values: option → value.
        settings_sha256: hash of all options and engine settings that are not searched (`search.settings_sha256`).
    """

    method: str
    number: int
    values: Mapping[str, Any]
    space: search.Space
    settings_sha256: str


@dataclass(frozen=True)
class Bench:
    """Where trials are made.

    Attributes:
        budget: of each trial.
        others: seed → further selection worlds.
        one_model: trials start from one and the same model; a contest that goes on elsewhere trains it anew there.
    """

    world: RunWorld
    seed: int
    budget: float
    others: tuple[tuple[int, RunWorld], ...] = ()
    one_model: bool = True

    def folder(self, method: str) -> Path:
        """Folder of a method."""
        return self.world.out / "methods" / method

    def description(self, settings: TuneConfig) -> dict[str, Any]:
        """What all trials of the folder share."""
        others = {str(seed): open_dataset(world.dataset).fingerprint for seed, world in self.others}
        model = {"compromised": stated_sha256(self.world.compromised)} if self.one_model else {}
        return {
            "seed": settings.selection_seed, "part": open_dataset(self.world.dataset).fingerprint,
            "spared": settings.spared, "budget": self.budget, "search_seed": self.seed,
            **({"others": others} if others else {}), **model,
        }  # fmt: skip

    def study(self, method: str) -> Study:
        """A method's study in its journal, made if missing."""
        return open_study(self.folder(method), method)


def results(bench: Bench, method: str) -> dict[int, dict[str, Any]]:
    """Finished trials of a method by number: `number`, `values`, `objective` and what else is known of each."""
    entries = {}
    for trial in bench.study(method).get_trials(deepcopy=False):
        if trial.values:
            entry = {**trial.user_attrs, "objective": float(trial.values[0])}
            entries[int(entry["number"])] = entry
    return dict(sorted(entries.items()))


def further_folder(seed: int) -> str:
    """Name of the folder of a further selection world's part, embeddings and records."""
    return f"world-{seed}"


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
    with writing.explained(path):
        folder.mkdir(parents=True, exist_ok=True)
        _mend(path, lock)
        storage = JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
        return optuna.create_study(study_name=name, storage=storage, load_if_exists=True)


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
