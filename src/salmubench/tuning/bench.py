"""Where the trials of a tuning are made, and what became of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salmubench.core import manifest
from salmubench.dataset.layout import open_dataset
from salmubench.tuning import search
from salmubench.tuning.journal import open_study
from salmubench.workflow.current import stated_sha256
from salmubench.workflow.recipe import TuneConfig
from salmubench.workflow.run_world import RunWorld

if TYPE_CHECKING:
    from optuna.study import Study

_MODEL = "compromised"  # in the description: hash of the model that trials start from


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
        model = {_MODEL: stated_sha256(self.world.compromised)} if self._states_model() else {}
        return {
            "seed": settings.selection_seed, "part": open_dataset(self.world.dataset).fingerprint,
            "spared": settings.spared, "budget": self.budget, "search_seed": self.seed,
            **({"others": others} if others else {}), **model,
        }  # fmt: skip

    def _states_model(self) -> bool:
        """Whether the folder says which model its trials start from; one of an earlier version goes on without."""
        if not self.one_model:
            return False
        for name in (manifest.MANIFEST, manifest.BEGUN):
            if (self.world.out / name).is_file():
                return _MODEL in (manifest.read_any(self.world.out / name).config or {})
        return True

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
