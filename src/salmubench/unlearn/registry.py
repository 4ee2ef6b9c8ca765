"""Methods by name or path: what there is, what a file must hold, which options it takes. No torch of its own."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any, Literal, get_type_hints

from salmubench.core import manifest, plugins, reading
from salmubench.core import options as options_of
from salmubench.core.errors import ConfigError, UnknownName
from salmubench.unlearn import method_file
from salmubench.unlearn.config import ENGINE_OPTIONS, PACKAGE, UnlearnConfig


@dataclass(frozen=True)
class LoadedMethod:
    """A method, loaded: what its file says and holds.

    Attributes:
        origin: what it was loaded by: its name, or the path of its file.
        kind: `loop`, a loss that the engine minimises, or `edit`, a function that changes the weights itself.
        needs: the kinds of pairs it may ask for, and `fresh` for invented people.
        config: its frozen options dataclass.
        function: the `loss` or `edit` function.
        title: its name as its paper prints it; a file that states none: its stem.
        paper: where it comes from, or an empty string.
        cost: encodings for each forget pair seen, or an empty string.
        row: its row in the benchmark's own table, or `None`.
        sha256: hash of that file.
        narrow: the kinds of pairs it needs under a given configuration (`needs(config)`), or `None`.
        settings: engine settings that belong to the method (`SETTINGS`), e.g. the towers that move.
        search: engine settings that tuning tries (`SEARCH`), as in the metadata of `Config`'s fields; of a loop method
            without any, the learning rate.
        settings_for: the engine settings it declares under a given configuration (`settings(config)`), or `None`.
    """

    name: str
    origin: str
    kind: Literal["loop", "edit"]
    needs: tuple[str, ...]
    config: type[Any]
    function: Callable[..., Any]
    doc: str
    title: str
    paper: str
    cost: str
    row: int | None
    path: Path
    sha256: str
    narrow: Callable[[Any], tuple[str, ...]] | None
    settings: Mapping[str, Any]
    search: Mapping[str, Any]
    settings_for: Callable[[Any], Mapping[str, Any]] | None = None

    def settings_of(self, config: Any) -> Mapping[str, Any]:
        """Engine settings that the method declares under this configuration."""
        if self.settings_for is None:
            return self.settings
        with method_file.authors_code(self.path, "settings(config)"):
            declared = self.settings_for(config)
        return {**self.settings, **method_file.check_declared(self.path, declared)}

    def needs_of(self, config: Any) -> tuple[str, ...]:
        """Kinds of pairs needed under this configuration."""
        if self.narrow is None:
            return self.needs
        with method_file.authors_code(self.path, "needs(config)"):
            needs = self.narrow(config)
        return method_file.check_needs(self.path, needs)


@dataclass(frozen=True)
class Option:
    """One option of a method.

    Attributes:
        default: its default.
        search: where a search looks, from the field's metadata: `(low, high, "log" or "linear")`, a list of choices, or
            `None`.
    """

    name: str
    type: str
    default: Any
    doc: str
    search: tuple[float, float, str] | list[Any] | None


@dataclass(frozen=True)
class Configured:
    """A method and all it runs under, checked.

    It goes to other processes, which don't know the classes of its file, as the file's name and plain values: there the
    file is loaded again.

    Attributes:
        config: its `Config`.
        given: what differs from the defaults.
    """

    method: LoadedMethod
    config: Any
    settings: UnlearnConfig
    given: Mapping[str, Any]

    @property
    def options(self) -> dict[str, Any]:
        """Each option of its `Config`."""
        return {item.name: getattr(self.config, item.name) for item in dataclasses.fields(self.config)}

    @property
    def effective(self) -> dict[str, Any]:
        """Everything that decides about the result, for the manifest."""
        engine = {name: getattr(self.settings, name) for name in ENGINE_OPTIONS}
        return {"method": dataclasses.asdict(self.config), "engine": engine}

    def __reduce__(self) -> tuple[Callable[..., Configured], tuple[Any, ...]]:
        return _reload, (self.method.origin, self.options, self.settings, dict(self.given))


def _reload(origin: str, options: Mapping[str, Any], settings: UnlearnConfig, given: Mapping[str, Any]) -> Configured:
    """Make in another process what was checked in the first.

    Raises:
        ConfigError: the file has changed and breaks the interface or takes other options.
    """
    method = load_method(origin)
    try:
        with method_file.authors_code(method.path, "Config", but=(TypeError, ValueError)):
            return Configured(method, method.config(**options), settings, given)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"Options of the method {method.name!r}: {error}") from error


def method_names() -> list[str]:
    """Names of the methods, without importing any."""
    return plugins.names(PACKAGE)


def method_titles(names: Sequence[str] | None = None) -> dict[str, str]:
    """Method → its title, as its file states it, without importing any; a method without one is left out.

    Args:
        names: names, or paths of Python files; by default all that `method_names` gives.

    Examples:
        >>> sorted(method_titles()) == method_names()  # each of ours states one
        True
    """
    listed = method_names() if names is None else names
    stated = {plugins.stem(name): plugins.description(PACKAGE, name, "METHOD").get("title") for name in listed}
    return {name: title for name, title in stated.items() if isinstance(title, str) and title}


def load_method(name: str) -> LoadedMethod:
    """Import a method and check that its file keeps the interface.

    Args:
        name: a name from `method_names()`, or the path of a Python file.

    Raises:
        UnknownName: no such method.
        ConfigError: the file fails on import, breaks the interface, or has the name of one of the package's methods.
    """
    module = plugins.load(PACKAGE, name, kind="method")
    path = Path(str(module.__file__))
    method_file.check_name(plugins.stem(name), path)
    kind, function = method_file.find_function(path, module)
    config = getattr(module, "Config", None)
    method_file.check_config(path, config)
    assert isinstance(config, type)
    described = method_file.check_description(path, getattr(module, "METHOD", None))
    return LoadedMethod(
        name=plugins.stem(name),
        origin=name,
        kind=kind,
        needs=method_file.check_needs(path, getattr(module, "NEEDS", None)),
        config=config,
        function=function,
        doc=inspect.cleandoc(module.__doc__ or ""),
        title=described.title if described else path.stem,
        paper=described.paper if described else str(getattr(module, "PAPER", "")),
        cost=described.cost if described else "",
        row=described.row if described else None,
        path=path,
        sha256=manifest.sha256_file(path),
        narrow=getattr(module, "needs", None),
        settings=method_file.check_declared(path, getattr(module, "SETTINGS", {})),
        search=method_file.check_names(path, "SEARCH", getattr(module, "SEARCH", {})),
        settings_for=getattr(module, "settings", None),
    )


def configure(
    method: LoadedMethod, settings: UnlearnConfig, config: Mapping[str, Any] | Path | None = None
) -> Configured:
    """Split options into those of the method and those of the engine, and check each.

    Later wins: the settings, what the method's file declares, `settings.overrides[method.name]`, `config`.

    Args:
        config: options by name, or a YAML file with them.

    Raises:
        UnknownName: an option that neither the method nor the engine has.
        ConfigError: a value of the wrong type or out of range.
    """
    given = {**settings.overrides.get(method.name, {}), **read_options(config)}
    method_options = {item.name for item in dataclasses.fields(method.config)}
    for name in given:
        if name not in method_options and name not in ENGINE_OPTIONS:
            raise UnknownName(f"option of the method {method.name!r}:", str(name), [*method_options, *ENGINE_OPTIONS])
    try:
        refusals = (TypeError, ValueError)  # how a Config refuses a value
        with method_file.authors_code(method.path, "Config", but=refusals):
            parsed = options_of.build(
                method.config, {name: value for name, value in given.items() if name in method_options}
            )
        method.needs_of(parsed)  # what it may not ask for is said before anything is made
        engine_given = {
            **method.settings_of(parsed),
            **{name: value for name, value in given.items() if name in ENGINE_OPTIONS},
        }
        engine = options_of.build(UnlearnConfig, engine_given)
    except (TypeError, ValueError, ConfigError) as error:
        raise ConfigError(f"Options of the method {method.name!r}: {error}") from error
    changed = {name: getattr(engine, name) for name in engine_given}
    typed = {name: getattr(parsed if name in method_options else engine, name) for name in given}
    return Configured(method, parsed, dataclasses.replace(settings, **changed), typed)


def check_settings(
    settings: UnlearnConfig, values: Callable[[LoadedMethod], Mapping[str, Any] | None] = lambda _: None
) -> list[Configured]:
    """Load and configure every method of a recipe: what a run does before any stage starts.

    Args:
        values: gives the options chosen for a method beside the recipe's.

    Raises:
        UnknownName: an unknown method, option, or name in `overrides`.
        ConfigError: a method's file breaks the interface, or two methods have one name.
    """
    loaded = [load_method(name) for name in settings.methods]
    configurations = [configure(method, settings, values(method)) for method in loaded]
    names = [item.method.name for item in configurations]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise ConfigError(f"Expected methods of different names, got {', '.join(double)} more than once.")
    for name in settings.overrides:
        if name not in {*names, *method_names()}:
            raise UnknownName("method in unlearn.overrides:", name, {*names, *method_names()})
    return configurations


def options(config: type[Any]) -> list[Option]:
    """Describe the options of a method: the docstring under each field is its documentation."""
    docs, hints = field_docs(config), get_type_hints(config)
    described = []
    for item in dataclasses.fields(config):
        default = item.default
        if default is MISSING and item.default_factory is not MISSING:
            default = item.default_factory()
        hint = hints[item.name]
        name = hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")
        described.append(Option(item.name, name, default, docs.get(item.name, ""), item.metadata.get("search")))
    return described


def field_docs(config: type[Any]) -> dict[str, str]:
    """Docstrings that stand under the fields of a dataclass, by field."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(config))).body[0]
    assert isinstance(tree, ast.ClassDef)
    docs: dict[str, str] = {}
    for statement, after in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            docs[statement.target.id] = inspect.cleandoc(after.value.value)
    return docs


def read_options(config: Mapping[str, Any] | str | Path | None) -> dict[str, Any]:
    """Options by name, from a mapping or a YAML file.

    Raises:
        ConfigError: not a readable YAML file with options by name.
    """
    if config is None:
        return {}
    if isinstance(config, Mapping):
        return dict(config)
    path = Path(config)
    content = reading.read_yaml(path, error=ConfigError, what="a YAML file with options", expected="options by name")
    return {str(name): value for name, value in content.items()}
