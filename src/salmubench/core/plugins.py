"""The folder is the registry: a module of a plug-in package is a plug-in of that name.

A package is given by its dotted name, a plug-in by its name there or the path of a Python file. `names` lists without
importing, `load` imports one. Outsiders add plug-ins by entry points (group = the package's name, e.g.
`salmubench.unlearn.methods`) or by the path of a `.py` file.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import hashlib
import importlib
import importlib.metadata
import importlib.util
import linecache
import pkgutil
import sys
import traceback
from dataclasses import MISSING
from pathlib import Path
from types import ModuleType
from typing import Any

from salmubench.core import places, reading
from salmubench.core.errors import ConfigError, UnknownName


def names(package: str, *, outside: bool = True) -> list[str]:
    """List the plug-ins of a package, sorted, without importing any of them.

    Examples:
        >>> "grammar" in names("salmubench.generator.captions")
        True
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise ConfigError(f"Expected a plug-in package, got no package named {package!r}.")
    listed = [info.name for info in pkgutil.iter_modules(spec.submodule_search_locations)]
    declared = [point.name for point in _entry_points(package)] if outside else []
    return sorted({*declared, *(name for name in listed if not name.startswith("_"))})


def load(package: str, name: str, *, kind: str) -> ModuleType:
    """Import one plug-in; `kind` is the word for messages, e.g. `"method"`.

    Raises:
        UnknownName: no such plug-in.
        ConfigError: the file does not exist or fails on import.
    """
    if is_path(name):
        return _load_file(Path(name), kind=kind)
    if name not in names(package):
        raise UnknownName(kind, name, names(package))
    for point in _entry_points(package):
        if point.name == name:
            loaded = point.load()
            if not isinstance(loaded, ModuleType):
                raise ConfigError(
                    f"Expected the entry point {point.value!r} to name a module, got {type(loaded).__name__}."
                )
            return loaded
    return importlib.import_module(f"{package}.{name}")


def docstring(package: str, name: str) -> str:
    """Read the docstring of a plug-in from its file, without importing it; empty where there is none."""
    return ast.get_docstring(parsed(package, name)[1]) or ""


def description(package: str, name: str, variable: str) -> dict[str, Any]:
    """Read what a plug-in's file says of itself, without importing it; empty where it says nothing.

    Of `METHOD = Method(title="Mine", row=2)` it gives `{"title": "Mine", "row": 2}`: the keywords whose values are
    written out.
    """
    for statement in parsed(package, name)[1].body:
        if isinstance(statement, ast.AnnAssign):
            targets: list[ast.expr] = [statement.target]
        else:
            targets = statement.targets if isinstance(statement, ast.Assign) else []
        value = getattr(statement, "value", None)
        if isinstance(value, ast.Call) and any(isinstance(at, ast.Name) and at.id == variable for at in targets):
            return {str(item.arg): item.value.value for item in value.keywords if isinstance(item.value, ast.Constant)}
    return {}


def defines(path: str, function: str) -> bool:
    """Tell whether a Python file defines a function of this name at its top, without importing it.

    Raises:
        ConfigError: the file isn't Python.
    """
    if not Path(path).is_file():
        return False
    tree = _parse(Path(path))
    return any(isinstance(item, ast.FunctionDef) and item.name == function for item in tree.body)


def built_in_file(package: str, name: str) -> Path | None:
    """File of a plug-in that the package itself holds; `None` where it has none of that name."""
    if name not in names(package, outside=False):
        return None
    spec = importlib.util.find_spec(f"{package}.{name}")
    return None if spec is None or spec.origin is None else Path(spec.origin)


def parsed(package: str, name: str) -> tuple[str, ast.Module]:
    """The file of a plug-in, and what stands in it, without importing it; nothing where it has no file.

    Raises:
        ConfigError: the file isn't Python.
    """
    path: str | None = name
    if not is_path(name):
        point = next((point for point in _entry_points(package) if point.name == name), None)
        spec = importlib.util.find_spec(f"{package}.{name}" if point is None else point.module)
        path = None if spec is None else spec.origin
    return path or "", ast.parse("") if path is None else _parse(Path(path))


def is_path(name: str) -> bool:
    """Tell whether a plug-in is given by the path of its file."""
    return name.endswith(".py") or "/" in name


def stem(name: str) -> str:
    """Name of a plug-in: itself, or the stem of its file.

    Examples:
        >>> stem("./examples/my_method.py")
        'my_method'
    """
    return Path(name).stem if is_path(name) else name


def _entry_points(package: str) -> tuple[importlib.metadata.EntryPoint, ...]:
    """Plug-ins that other packages declare, under the package's dotted name."""
    return _declared(package, tuple(sys.path))


@functools.lru_cache(maxsize=64)
def _declared(package: str, path: tuple[str, ...]) -> tuple[importlib.metadata.EntryPoint, ...]:
    """Looking through all installed packages takes 10 ms, so it is done once a path."""
    del path
    return tuple(importlib.metadata.entry_points(group=package))


def _parse(path: Path) -> ast.Module:
    """Parse a file as an import would: from its bytes, which may state their encoding."""
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # null bytes, brackets without an end
        raise _fails(path, "plug-in", described(error, None)) from error


def file_of(function: Any) -> str | None:
    """File that a function stands in; `None` of what is no plain function."""
    code = getattr(function, "__code__", None)
    return None if code is None else str(code.co_filename)


def described(error: BaseException, file: str | Path | None) -> str:
    """Type, message and place of an error in a plug-in: `KeyError: 'names' (mine.py:23)`, and that line below it."""
    frames = traceback.extract_tb(error.__traceback__)
    in_file = [frame for frame in frames if file is not None and places.real(frame.filename) == places.real(file)]
    text = f"{type(error).__name__}: {error}"
    if not in_file:
        return text
    line = linecache.getline(in_file[-1].filename, in_file[-1].lineno or 0).strip()
    return f"{text} ({Path(in_file[-1].filename).name}:{in_file[-1].lineno})\n    {reading.cut(line, 200)}"


def _fails(path: Path, kind: str, what: str) -> ConfigError:
    return ConfigError(f"The {kind} file {path} fails on import: {what}")


def _load_file(path: Path, *, kind: str) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"Expected a Python file with a {kind}, got nothing at {path}. Check the path.")
    digest = hashlib.sha256(str(places.real(path)).encode()).hexdigest()[:12]
    module_name = f"salmubench_plugin_{path.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"Expected a Python file with a {kind}, got {path}, which Python can't import.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses look their module up by name
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        sys.modules.pop(module_name, None)
        raise _fails(path, kind, described(error, path)) from error
    return module


def check_config(path: Path, config: Any) -> type[Any]:
    """`Config` of a plug-in's file: a frozen dataclass whose options all have defaults.

    Raises:
        ConfigError: it is something else.
    """
    if not (isinstance(config, type) and dataclasses.is_dataclass(config)):
        raise ConfigError(f"Expected a dataclass Config in {path}, got {config!r}.")
    if not config.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise ConfigError(f"Expected @dataclass(frozen=True) on Config in {path}, but it can be changed.")
    for item in dataclasses.fields(config):
        if item.default is MISSING and item.default_factory is MISSING:
            raise ConfigError(f"Expected a default for each option of Config in {path}, got none for {item.name!r}.")
    return config
