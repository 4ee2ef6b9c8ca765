"""A parser made from a command's signature, and the wording of wrong usage."""

from __future__ import annotations

import argparse
import re
import sys
import typing
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NoReturn

import jsonargparse

from salmubench.cli.arguments import Repeated
from salmubench.cli.output import complain
from salmubench.core.errors import UnknownName
from salmubench.core.options import key_and_words

Command = Callable[..., int | None]


class _Help(jsonargparse.DefaultHelpFormatter):
    """Says of an option what it does, whether it is required, or its default; not the name of a Python type."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        if action.option_strings and action.required:
            return f"{text} (required)"
        given = (
            action.option_strings and action.default not in (None, argparse.SUPPRESS) and action.default is not False
        )
        return f"{text} (default: %(default)s)" if given else text


class Parser(jsonargparse.ArgumentParser):
    """Options with dashes; false-by-default switches are flags; wrong usage ends with what to do."""

    def add_argument(self, *args: Any, **kwargs: Any) -> Any:
        """As argparse has it, with dashes in the names."""
        names = tuple(
            name.replace("_", "-") if isinstance(name, str) and name.startswith("--") else name for name in args
        )
        if kwargs.get("type") is bool and kwargs.get("default") is False:
            del kwargs["type"]
            kwargs["action"] = "store_true"
        return super().add_argument(*names, **kwargs)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Say what is wrong with the arguments and exit with 2."""
        del ex
        self.print_usage(sys.stderr)
        complain(f"{self.prog}: {_worded(message, self._actions)}\nSee: {self.prog} --help")
        sys.exit(2)


def command_parser(command: str, function: Command) -> Parser:
    """The parser of one command; options are written in full, so that a new one never changes what an old line means.

    Args:
        command: as it is typed, e.g. `dataset build`.
        function: its parameters are the options, its docstring is the help.
    """
    summary = (function.__doc__ or "").partition("\n\n")[0]
    parser = Parser(prog=f"salmubench {command}", description=summary, formatter_class=_Help, allow_abbrev=False)
    hints = typing.get_type_hints(function)
    words = {name: typing.get_args(kind)[0] for name, kind in hints.items() if kind in (list[Path], list[str])}
    repeated = [name for name, kind in hints.items() if kind == Repeated]
    skipped: set[str | int] = {*words, *repeated}
    parser.add_function_arguments(function, as_group=False, as_positional=True, fail_untyped=True, skip=skipped)
    for name, kind in words.items():  # DIR…: one or more words, where the parser would want a list in one
        metavar = "DIR" if kind is Path else "NAME"
        parser.add_argument(name, nargs="+", type=kind, metavar=metavar, help=_about(function, name))
    for name in repeated:
        parser.add_argument(f"--{name}", action="append", default=[], metavar="…", help=_about(function, name))
    parser.add_argument("--quiet", action="store_true", help="no progress and no notes: results and errors only.")
    parser.add_argument("--debug", action="store_true", help="the full traceback of an error, on stderr.")
    return parser


def _about(function: Command, name: str) -> str | None:
    """What the docstring says about an argument, all its lines."""
    text = re.search(rf"^( +){name}: (.*(?:\n\1 +.*)*)$", function.__doc__ or "", re.MULTILINE)
    return text and " ".join(text[2].split())


def _worded(message: str, actions: Collection[argparse.Action]) -> str:
    """The library's message in the words of the command line: options as they are typed, plain types."""
    shown = [action for action in actions if action.help != argparse.SUPPRESS]
    options = {action.dest: action.option_strings[-1] for action in shown if action.option_strings}
    places = {
        action.dest: (action.metavar if action.metavar in ("DIR", "NAME") else action.dest.upper())
        for action in shown
        if not action.option_strings
    }
    named = options | places
    if missing := re.fullmatch(r"the following arguments are required: (.*)", message):
        names = [named.get(name, name) for name in missing[1].split(", ")]
        return f"Expected {', '.join(names)}: not given."
    if unknown := re.fullmatch(r"unrecognized arguments: (--[\w-]+)(=| |$).*", message, re.DOTALL):
        return str(UnknownName("option", unknown[1], options.values()))
    key, text = key_and_words(message)
    return f"{named.get(key, key)}: {text}" if key else message
