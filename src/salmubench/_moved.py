"""Former names: where modules, names and plug-in groups stood before, and where they stand now.

A finder at the end of `sys.meta_path` is asked for modules that nothing else finds. A former module is the present one
under its old name, a former package hands out what is in the present one; either says so in a `DeprecationWarning`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

ROOT = "salmubench"

MODULES = {
    "dataset.backends": "generator.backends",
    "dataset.blocks": "generator.blocks",
    "dataset.build": "generator.build",
    "dataset.captioning": "generator.captioning",
    "dataset.captions": "generator.captions",
    "dataset.casting": "generator.casting",
    "dataset.checks": "generator.checks",
    "dataset.config": "generator.config",
    "dataset.curation": "generator.curation",
    "dataset.curation_page": "generator.curation_page",
    "dataset.export": "publish.dataset_export",
    "dataset.personas": "generator.personas",
    "dataset.pictures": "generator.pictures",
    "dataset.plan": "generator.plan",
    "dataset.portraits": "generator.portraits",
    "dataset.publish": "publish.push",
    "dataset.renderer": "drawing.people",
    "dataset.renderer.jit": "drawing.jit",
    "dataset.renderer.sdf": "drawing.sdf",
    "dataset.retain": "generator.retain",
    "dataset.scenes": "drawing.things",
    "dataset.splits": "generator.splits",
    "dataset.stats": "dataset.statistics",
    "dataset.stats_page": "dataset.statistics_page",
    "layout": "dataset.layout",
    "metrics._again": "scoring.score_again",
    "metrics._facts": "scoring.breakdown",
    "metrics._fragile": "scoring.fragile",
    "metrics._gallery": "scoring.gallery",
    "metrics._inputs": "scoring.inputs",
    "metrics._paraphrases": "scoring.paraphrases",
    "metrics._products": "scoring.products",
    "metrics._registry": "metrics",
    "metrics._retrieval": "scoring.ranks",
    "metrics._score": "scoring.score",
    "metrics.config": "scoring.config",
    "people": "dataset.people",
    "phrasings": "dataset.phrasings",
    "pretrain.model_card": "publish.model_card",
    "pretrain.recipe": "pretrain.config",
    "pretrain.release": "publish.model_export",
    "pretrain.transformers_clip": "publish.transformers_clip",
    "report.board": "leaderboard.board",
    "report.board_pages": "leaderboard.pages",
    "report.check": "leaderboard.check",
    "report.check_items": "leaderboard.check_items",
    "report.check_record": "leaderboard.check_record",
    "report.findings": "leaderboard.findings",
    "report.intake": "leaderboard.intake",
    "report.labels": "report.drawings.labels",
    "report.leaderboard": "leaderboard.build",
    "report.panels": "report.drawings.panels",
    "report.peers": "leaderboard.peers",
    "report.plots": "report.drawings.scatter",
    "report.rerun": "leaderboard.rerun",
    "report.submission": "leaderboard.submission",
    "report.svg": "report.drawings.svg",
    "results": "scoring",
    "results.agreement": "official.agreement",
    "results.bootstrap": "scoring.bootstrap",
    "results.breakdown": "scoring.breakdown",
    "results.compare": "scoring.compare",
    "results.imported": "official.import_results",
    "results.io": "scoring.record_files",
    "results.items": "scoring.items",
    "results.metric": "scoring.metric",
    "results.official": "official.result_file",
    "results.schema": "scoring.record",
    "results.scores": "scoring.views",
    "results.verdict": "scoring.verdict",
    "shards": "dataset.shards",
    "unlearn.search": "tuning.rule",
    "unlearn.selection": "tuning.selection_world",
    "unlearn.tuned": "tuned_values",
}
"""Former module or package below `salmubench` → the present one. What is in a package moves with it."""

NAMES = {
    "tuning.Bench": "tuning.study.Bench",
    "tuning.TRIAL": "tuning.trials.TRIAL",
    "tuning.TUNED": "tuning.study.TUNED",
    "tuning.Trial": "tuning.study.Trial",
    "tuning.results": "tuning.study.results",
    "tuning.rule.TuneConfig": "recipe.TuneConfig",
    "tuning.tune": "tuning.study.tune",
    "unlearn.counterfactuals.crossed": "unlearn.counterfactuals.recombined_name",
    "unlearn.counterfactuals.retold": "unlearn.counterfactuals.substituted",
    "unlearn.registry.Method": "unlearn.registry.LoadedMethod",
}
"""Former name in a module that is still there → its present place; the module's `__getattr__` asks `attribute`."""


def present(name: str) -> str | None:
    """The present dotted name of a former module; `None` where there is no former module of that name.

    Examples:
        >>> present("salmubench.results.io")
        'salmubench.scoring.record_files'
        >>> present("salmubench.dataset.captions.grammar")
        'salmubench.generator.captions.grammar'
        >>> present("salmubench.errors")
    """
    root, _, rest = name.partition(".")
    parts = rest.split(".") if root == ROOT else []
    for length in range(len(parts), 0, -1):
        found = MODULES.get(".".join(parts[:length]))
        if found is not None:
            return ".".join([ROOT, found, *parts[length:]])
    return None


def former(package: str) -> list[str]:
    """Former dotted names of a package: plug-ins that other packages declare may still name one as their group.

    Examples:
        >>> former("salmubench.generator.portraits")
        ['salmubench.dataset.portraits']
    """
    return [f"{ROOT}.{old}" for old, new in MODULES.items() if f"{ROOT}.{new}" == package]


def attribute(module: str, name: str) -> Any:
    """What a former name of a module that is still there stands for: the body of that module's `__getattr__`.

    Args:
        module: the module's `__name__`.
        name: the name that it lacks.

    Raises:
        AttributeError: no former name.
    """
    old = f"{module}.{name}"
    new = NAMES.get(old.removeprefix(f"{ROOT}."))
    if new is None:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    home, _, last = new.rpartition(".")
    found = getattr(importlib.import_module(f"{ROOT}.{home}"), last)
    warn(old, f"{ROOT}.{new}", stacklevel=4)
    return found


def warn(old: str, new: str, *, stacklevel: int) -> None:
    """Warn that something is called otherwise now.

    Args:
        old: its former name.
        new: its present name.
        stacklevel: of `warnings.warn`, seen from here.
    """
    warnings.warn(f"{old} is now {new}. Use that name.", DeprecationWarning, stacklevel=stacklevel)


def install() -> None:
    """Let former modules be found."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())


class _Finder(MetaPathFinder):
    """Finds former modules."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a former module, or `None`."""
        del path, target
        new = present(fullname)
        spec = importlib.util.find_spec(new) if new is not None else None
        if spec is None:
            return None
        return ModuleSpec(fullname, _Loader(), is_package=spec.submodule_search_locations is not None)


class _Loader(Loader):
    """Loads the present module under a former name."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """A stand-in for a package; a plain module is replaced by the present one in `exec_module`."""
        return None if spec.submodule_search_locations is None else _Package(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Put the present module in place."""
        if not isinstance(module, _Package):
            old, new = module.__name__, str(present(module.__name__))
            sys.modules[old] = importlib.import_module(new)
            warn(old, new, stacklevel=3)


class _Package(ModuleType):
    """A former package: it has what the present one has, and is not that one.

    Its own path is empty, so that Python's finders don't load a second copy of the modules inside under their old name.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__all__":  # what Python notes in a module is this one's, or missing
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        new = str(present(self.__name__))
        found = getattr(importlib.import_module(new), name)
        if "_warned" not in self.__dict__:
            warn(self.__name__, new, stacklevel=3)
            self.__dict__["_warned"] = True
        return found

    def __setattr__(self, name: str, value: object) -> None:
        # Importing a former module inside binds it here; where the present package has a name of its own
        # (the function `compare` beside the module `compare`), that one stays.
        if isinstance(value, ModuleType) and hasattr(importlib.import_module(str(present(self.__name__))), name):
            return
        super().__setattr__(name, value)
