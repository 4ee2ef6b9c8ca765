"""What a method of the package says about itself, read without the libraries that it computes with."""

from __future__ import annotations

import ast
import contextlib
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from salmubench.core import plugins
from salmubench.unlearn.config import PACKAGE
from salmubench.unlearn.registry import Option, load_method, options

_LIGHT = ("salmubench.core.errors", "salmubench.unlearn.config")
"""Modules of ours that an outline may import; of others, those of Python alone."""
_VARIABLES = ("NEEDS", "SETTINGS", "SEARCH")
_FUNCTIONS = ("needs", "settings")


@dataclass(frozen=True)
class Outline:
    """A method as it is shown: see `registry.LoadedMethod`.

    Attributes:
        name: its name.
        title: as its paper prints it.
        paper: where it comes from.
        cost: encodings for each forget pair seen.
        kind: `loop` or `edit`.
        needs: the kinds of pairs it needs under its defaults.
        settings: engine settings that belong to it.
        search: engine settings that tuning tries.
        about: its docstring.
        options: of its `Config`.
    """

    name: str
    title: str
    paper: str
    cost: str
    kind: str
    needs: tuple[str, ...]
    settings: dict[str, Any]
    search: dict[str, Any]
    about: str
    options: list[Option]


def outline(name: str) -> Outline:
    """Describe a method; torch is imported only for a file given by its path, whose interface is checked.

    Raises:
        UnknownName: no such method.
        ConfigError: the file fails on import or breaks the interface.
    """
    if not plugins.is_path(name) and name in plugins.names(PACKAGE, outside=False):
        with contextlib.suppress(Exception):  # whatever an outline can't do: the file itself says what is wrong
            return _without_arithmetic(name)
    method = load_method(name)
    return Outline(
        method.name, method.title, method.paper, method.cost, method.kind, method.needs_of(method.config()),
        dict(method.settings), dict(method.search), method.doc, options(method.config),
    )  # fmt: skip


def _without_arithmetic(name: str) -> Outline:
    """Run what describes the method: constants, its `Config`, `needs` and `settings`; no loss and no edit."""
    path, tree = plugins.parsed(PACKAGE, name)
    functions = {item.name for item in tree.body if isinstance(item, ast.FunctionDef)}
    module = ModuleType(f"{PACKAGE}.{name} outlined")
    module.__file__ = path
    sys.modules[module.__name__] = module  # dataclasses look their module up by name
    try:
        kept: list[ast.stmt] = [item for item in tree.body if _describes(item)]
        exec(compile(ast.Module(kept, []), path, "exec"), module.__dict__)  # noqa: S102 - a file of this package
        config, stated = module.Config, plugins.description(PACKAGE, name, "METHOD")
        needs = module.needs(config()) if "needs" in functions else module.NEEDS
        return Outline(
            name, stated["title"], stated.get("paper", ""), stated.get("cost", ""),
            "loop" if "loss" in functions else "edit", tuple(needs), dict(getattr(module, "SETTINGS", {})),
            dict(getattr(module, "SEARCH", {})), ast.get_docstring(tree) or "", options(config),
        )  # fmt: skip
    finally:
        del sys.modules[module.__name__]


def _describes(item: ast.stmt) -> bool:
    if isinstance(item, ast.ImportFrom):
        return item.module in _LIGHT or (item.module or "").partition(".")[0] in sys.stdlib_module_names
    if isinstance(item, ast.Import):
        return all(alias.name.partition(".")[0] in sys.stdlib_module_names for alias in item.names)
    if isinstance(item, ast.FunctionDef):
        return item.name in _FUNCTIONS
    if isinstance(item, ast.ClassDef):
        return item.name == "Config"
    targets = item.targets if isinstance(item, ast.Assign) else []
    return any(isinstance(target, ast.Name) and target.id in _VARIABLES for target in targets)
