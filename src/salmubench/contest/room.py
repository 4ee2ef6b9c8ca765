"""A contest's folder: where things lie in it, the recipes its runs are given, and what is deleted once it is written.

Each method runs from a copy of its file in `methods/`, called as it is called in the contest: so one method may take
part twice, with other options. An attack of one's own runs from a copy in `attacks/`. What somebody does to a file
while a contest runs changes nothing in it.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from salmubench.contest.checks import WORLDS
from salmubench.contest.plan import LoadedPlan
from salmubench.core import manifest, places, plugins, writing
from salmubench.core.executor import Executor
from salmubench.report.config import MAX_MEGABYTES
from salmubench.scoring.references import RETRAINED
from salmubench.unlearn.registry import method_names
from salmubench.workflow import pipeline

SELECTION = "selection"
"""Folder of the selection worlds, and of what was chosen on them."""
_METHODS, _ATTACKS, _RECIPES = "methods", "attacks", "recipes"

_MARKS = (manifest.MANIFEST, manifest.BEGUN, manifest.LOCK)
_MADE = {
    "dataset": (
        "data/*-of-*.parquet", "shards/*.tar", "shards/shards.json", "shards/sizes.json", "identities_metadata.json",
        "sensitive_set_*.json", "general_knowledge.json", "fragile_set_ids.json", "curation.*", "README.md", *_MARKS,
    ),
    "checkpoints": (
        "*/open_clip_*", "*/curves.parquet", "*/training.log", "*/resume.pt", *(f"*/{name}" for name in _MARKS),
    ),
    "embeddings": (
        "*/images.npy", "*/texts.npy", "*/index.parquet", "*/texts.parquet", "*/dataset.json", "*/fragile_set_*.json",
        *(f"*/{name}" for name in _MARKS),
    ),
    "attacks": ("*/*-s*.parquet", f"*/{manifest.LOCK}"),
}  # fmt: skip
"""Folder of a run → files that its stages make."""


@dataclass(frozen=True)
class Room:
    """A contest and how it runs; so many candidates or trials at once, `None`: as many as pay."""

    loaded: LoadedPlan
    out: Path
    executor: Executor
    workers: int | None
    device: str
    precision: str

    @property
    def key(self) -> str:
        """Short hash of all that is fixed: a plan that was changed before any world was scored begins anew."""
        return manifest.sha256_json(self.loaded.identity)[:8]

    def world(self, seed: int) -> Path:
        """Run folder of an evaluation world."""
        return self.out / WORLDS / str(seed)

    def ground(self, seed: int) -> Path:
        """Run folder of a selection world."""
        return self.out / SELECTION / str(seed)

    @property
    def methods(self) -> dict[str, str]:
        """Name of a method in this contest → path of the copy of its file."""
        return {item.name: str(self.out / _METHODS / f"{item.name}.py") for item in self.loaded.contestants}

    @property
    def attacks(self) -> tuple[str, ...]:
        """Names of attacks, and of own ones the paths of their files' copies."""
        return tuple(str(self._copy(name)) if plugins.is_path(name) else name for name in self.loaded.attacks)

    def write_files(self) -> None:
        """Copy the files of methods and of own attacks, where that isn't done."""
        copies = {Path(self.methods[item.name]): item.path for item in self.loaded.contestants}
        copies |= {self._copy(name): Path(name) for name in self.loaded.attacks if plugins.is_path(name)}
        for path, origin in copies.items():
            if not path.is_file() or manifest.sha256_file(path) != manifest.sha256_file(origin):
                writing.write_bytes(path, origin.read_bytes())

    def _copy(self, attack: str) -> Path:
        return self.out / _ATTACKS / Path(attack).name

    def recipe(self, *, tuned: Path | None = None, tuning: bool = False) -> Path:
        """Write the recipe of the tuning, with what is tuned alone, or that of the worlds, with what was chosen."""
        given = self._given(exact=True)
        settings, overrides = given["unlearn"], self.loaded.recipe.recipe.unlearn.overrides
        for item in [item for item in self.loaded.contestants if item.tuned or not tuning]:
            settings["overrides"][item.name] = {**overrides.get(plugins.stem(item.origin), {}), **item.options}
        settings |= {"tuned": "none" if tuned is None else str(places.real(tuned))}
        settings |= {"limit": float(self.loaded.plan.limits.seconds or 0.0)}
        return self._write("evaluation", given)

    def run(
        self, recipe: Path, seed: int, out: Path, *, budgets: Mapping[str, Sequence[float]] | None = None
    ) -> pipeline.RunResult:
        """Make a world: its references, with budgets the candidates and the attacks on them too."""
        return pipeline.run(
            recipe=recipe, out=out, seed=seed, methods=() if budgets is None else tuple(self.methods.values()),
            budgets=(1,) if budgets is None else budgets, untuned=budgets is None,
            attacks=("none",) if budgets is None else (self.attacks or ("none",)), executor=self.executor,
            workers=self.workers, device=self.device, precision=self.precision,
        )  # fmt: skip

    def selection_recipe(self) -> Path:
        """Write the recipe of the selection worlds: no methods, no Retrained, which plays no part there."""
        return self._write(SELECTION, self._given(exact=False))

    def _given(self, *, exact: bool) -> dict[str, Any]:
        """The plan's recipe without methods and kept epochs, for pages of any size."""
        given = copy.deepcopy(self.loaded.recipe.given)
        for section in ("pretrain", "unlearn", "tune"):
            given[section] = dict(given.get(section) or {})
        given["pretrain"] |= {RETRAINED: exact, "keep_epochs": []}
        built_in = set(method_names())
        overrides = {name: dict(values) for name, values in (given["unlearn"].get("overrides") or {}).items()}
        given["unlearn"] |= {
            "methods": [],
            "overrides": {name: overrides[name] for name in overrides if name in built_in},
        }
        if self.loaded.plan.attack_budgets:
            given["attack"] = {**(given.get("attack") or {}), "budgets": list(self.loaded.plan.attack_budgets)}
        # The page of a world has all candidates of all leagues: its size must not end a contest.
        given["report"] = {"max_megabytes": MAX_MEGABYTES, **(given.get("report") or {})}
        given["tune"] |= {"selection_seed": self.loaded.plan.selection[0]} if self.loaded.plan.selection else {}
        return given

    def _write(self, name: str, given: Mapping[str, Any]) -> Path:
        path = self.out / _RECIPES / f"{name}.yaml"
        text = yaml.safe_dump(writing.plain(given), sort_keys=False, allow_unicode=True, width=120)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            writing.write_text(path, text)
        return path


def thin(folder: Path, *, dataset: str = "dataset") -> None:
    """Delete dataset, checkpoints, embeddings and pieces of attacks of a run folder that is done.

    Only files that stages make go, known by their names; whatever else lies there stays, with its folder.
    """
    for part, patterns in _MADE.items():
        place = folder / (dataset if part == "dataset" else part)
        for path in [path for pattern in patterns for path in place.glob(pattern)]:
            if path.is_file() and not path.is_symlink():
                path.unlink()
        for inner in sorted([place, *(path for path in place.rglob("*") if path.is_dir())], reverse=True):
            with contextlib.suppress(OSError):  # somebody's file is in it, or it isn't there
                inner.rmdir()
