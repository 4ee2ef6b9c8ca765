"""`salmubench completion`, and what it answers when the shell asks what could follow."""

from __future__ import annotations

import argparse
import inspect
import sys
import typing
from collections.abc import Callable, Iterable
from typing import Any, Literal, NoReturn

from salmubench.core import plugins
from salmubench.core.errors import ConfigError


def completion_(shell: Literal["bash", "zsh", "fish"]) -> None:
    """Print what makes a shell complete `salmubench`; `eval` it in the shell's start-up file.

    Args:
        shell: which one.
    """
    try:
        from argcomplete.shell_integration import shellcode
    except ImportError as error:
        raise ConfigError(
            "Expected the package argcomplete, got none. Install it by: pip install 'salmubench[completion]'"
        ) from error
    print(shellcode(["salmubench"], shell=shell))


def add_options(parser: argparse.ArgumentParser, function: Callable[..., Any]) -> None:
    """Add what can follow a command: its options, and the names that fit them.

    Args:
        parser: of the command; argcomplete doesn't know the one that reads the options.
        function: the command.
    """
    hints = typing.get_type_hints(function)
    for option in ("--quiet", "--debug"):
        parser.add_argument(option, action="store_true")
    for name, parameter in inspect.signature(function).parameters.items():
        hint, given = hints[name], parameter.default
        kinds = (hint, *typing.get_args(hint))
        choices = next((typing.get_args(kind) for kind in kinds if typing.get_origin(kind) is Literal), None)
        place = parameter.kind is not parameter.KEYWORD_ONLY and given is parameter.empty
        option = name if place else f"--{name.replace('_', '-')}"
        if hint is bool and given is False:
            parser.add_argument(option, action="store_true")
            continue
        action = parser.add_argument(option, nargs="+" if typing.get_origin(hint) is list else None, choices=choices)
        if name in _NAMES and str in kinds:
            typing.cast(Any, action).completer = _NAMES[name]


def answer(parser: argparse.ArgumentParser) -> NoReturn:
    """Tell the shell what could follow."""
    import argcomplete

    argcomplete.autocomplete(parser)  # ends the process
    sys.exit(1)


def _methods(**_: Any) -> Iterable[str]:
    return plugins.names("salmubench.unlearn.methods")


def _more_methods(prefix: str, **_: Any) -> Iterable[str]:
    """Names after the last comma; the shell replaces the whole word."""
    done, comma, _last = prefix.rpartition(",")
    return [f"{done}{comma}{name}" for name in ("recipe", *_methods())]


def _recipes(**_: Any) -> Iterable[str]:
    from salmubench.workflow import recipe as recipes

    return recipes.names()


def _anything(**_: Any) -> Iterable[str]:
    from salmubench.cli.listing import KINDS, known

    return [name for kind in KINDS for name in known(kind)]


_NAMES = {"method": _methods, "methods": _more_methods, "name": _anything, "recipe": _recipes}
