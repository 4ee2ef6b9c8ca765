"""The folder is the registry: a module of a plug-in package is a plug-in of that name.

`names` lists without importing, `load` imports one. Outsiders add plug-ins by entry points (group = the package's
name, e.g. `salmubench.unlearn.methods`) or by the path of a `.py` file.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib
import importlib.metadata
import importlib.util
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

from salmubench.errors import ConfigError, UnknownName


def names(package: str) -> list[str]:
    """List the plug-ins of a package, sorted, without importing any of them.

    Args:
        package: dotted name of the plug-in package, e.g. `"salmubench.unlearn.methods"`.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise ConfigError(f"Expected a plug-in package, found no package named {package!r}.")
    own = {info.name for info in pkgutil.iter_modules(spec.submodule_search_locations) if not info.name.startswith("_")}
    return sorted(own | {point.name for point in _entry_points(package, tuple(sys.path))})


def load(package: str, name: str, *, kind: str) -> ModuleType:
    """Import one plug-in.

    Args:
        package: dotted name of the plug-in package.
        name: a name from `names(package)`, or the path of a Python file.
        kind: the word for messages, e.g. `"method"`.

    Raises:
        UnknownName: no such plug-in.
        ConfigError: the file does not exist or fails on import.
    """
    if is_path(name):
        return _load_file(Path(name), kind=kind)
    if name not in names(package):
        raise UnknownName(kind, name, names(package))
    for point in _entry_points(package, tuple(sys.path)):
        if point.name == name:
            loaded = point.load()
            if not isinstance(loaded, ModuleType):
                raise ConfigError(
                    f"Expected the entry point {point.value!r} to name a module, found {type(loaded).__name__}."
                )
            return loaded
    return importlib.import_module(f"{package}.{name}")


def docstring(package: str, name: str) -> str:
    """Read the docstring of a plug-in from its file, without importing it; empty where there is none.

    Args:
        package: dotted name of the plug-in package.
        name: one of `names(package)`.
    """
    point = next((point for point in _entry_points(package, tuple(sys.path)) if point.name == name), None)
    spec = importlib.util.find_spec(f"{package}.{name}" if point is None else point.module)
    if spec is None or spec.origin is None:
        return ""
    return ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""


def is_path(name: str) -> bool:
    """Tell whether a plug-in is given by the path of its file."""
    return name.endswith(".py") or "/" in name


def stem(name: str) -> str:
    """Name of a plug-in: itself, or the stem of its file."""
    return Path(name).stem if is_path(name) else name


@functools.lru_cache(maxsize=64)
def _entry_points(package: str, path: tuple[str, ...]) -> tuple[importlib.metadata.EntryPoint, ...]:
    """Plug-ins that other packages declare: looking through all of them takes 10 ms, so it is done once a path."""
    del path
    return tuple(importlib.metadata.entry_points(group=package))


def _load_file(path: Path, *, kind: str) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"Expected a Python file with a {kind}, found nothing at {path}. Check the path.")
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    module_name = f"salmubench_plugin_{path.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"Expected a Python file with a {kind}, found {path}, which Python can't import.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses look their module up by name
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        sys.modules.pop(module_name, None)
        raise ConfigError(f"The {kind} file {path} fails on import: {type(error).__name__}: {error}") from error
    return module
