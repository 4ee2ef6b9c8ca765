"""Entry point: finds the command, reads its options and turns errors into exit codes.

Exit codes: 0 done, 1 failed (one paragraph on stderr), 2 wrong usage. Only the command that is named is imported, and
the library that reads options only for a command: `salmubench --help` answers at once.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NoReturn

from salmubench import manifest
from salmubench.errors import SalmubenchError, UnknownName

if TYPE_CHECKING:
    from salmubench.cli.parsing import Parser

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("run", "the whole benchmark, from recipe to page; resumable"),
    "dataset build": ("dataset", "make a dataset"),
    "dataset validate": ("dataset", "check every rule of the format and of privacy"),
    "dataset stats": ("dataset", "counts by split, attribute, style, country, aspect; shortcut checks"),
    "dataset preview": ("dataset", "contact sheet of the portraits"),
    "pretrain": ("pretrain", "train Clean or Compromised from scratch"),
    "unlearn": ("unlearn", "apply one method: one candidate"),
    "encode": ("encode", "turn a model and a dataset into embeddings"),
    "score": ("score", "turn embeddings into the eleven numbers, without torch"),
    "evaluate": ("evaluate", "encode and score a checkpoint"),
    "compare": ("compare", "paired differences of two records"),
    "report": ("report", "the page of one or more runs"),
    "leaderboard submit": ("leaderboard", "pack a model of a run into a submission"),
    "leaderboard check": ("leaderboard", "compute every number of a submission again"),
    "leaderboard build": ("leaderboard", "the site, from a folder of submissions"),
    "list": ("listing", "what there is: methods, metrics, recipes, backends"),
    "show": ("listing", "a method: paper, loss, options"),
    "export-official": ("export_official", "the official evaluator's result file from a record"),
}
"""Command → (module in `salmubench.cli`, help). The function is the command's last word with `_` for `-`."""

_ABOUT = "SALMUBench: does unlearning remove an association, and only that?"
_GROUPS = {
    "dataset": "make, check and look at datasets",
    "leaderboard": "pack, check and show submissions",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        argv: the arguments; those of the process by default.

    Returns:
        The exit code.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if "_ARGCOMPLETE" in os.environ:  # the shell asks what could follow
            _complete(os.environ.get("COMP_LINE", "").split()[1:])
        command = _named(arguments)
        if command is None:
            _explain(arguments)
        options = _command_parser(command).parse_args(arguments[len(command.split()) :]).as_dict()
    except SystemExit as stop:  # 0 after --help, 2 after wrong usage
        return stop.code if isinstance(stop.code, int) else 2
    logging.getLogger("salmubench").setLevel(logging.WARNING if options.pop("quiet") else logging.INFO)
    try:
        code = _function(command)(**options)
    except SalmubenchError as error:
        sys.stderr.write(f"salmubench: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("salmubench: interrupted; the same command goes on where it stopped.\n")
        return 130
    except BrokenPipeError:  # the reader of our output (head, less) has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code if isinstance(code, int) else 0


def build_parser() -> Parser:
    """One parser of all commands with all their options; imports neither torch nor any stage."""
    return _tree(COMMANDS)


def _named(arguments: Sequence[str]) -> str | None:
    """The command that the first words name."""
    return next((name for name in (" ".join(arguments[:2]), " ".join(arguments[:1])) if name in COMMANDS), None)


def _explain(arguments: Sequence[str]) -> NoReturn:
    """Print help or version, or say what is wrong where no command is named."""
    group = arguments[0] if arguments and arguments[0] in _GROUPS else ""
    rest = arguments[1:] if group else arguments
    known = {command.split()[1]: text for command, (_, text) in COMMANDS.items() if command.startswith(f"{group} ")}
    if not group:
        known = {word: _GROUPS[word] if word in _GROUPS else COMMANDS[word][1] for word in _first_words()}
    parser = argparse.ArgumentParser(prog=f"salmubench {group}".strip(), description=_GROUPS.get(group, _ABOUT))
    if not group:
        parser.add_argument("--version", action="version", version=f"salmubench {manifest.version()}")
    words = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for word, text in known.items():
        words.add_parser(word, help=text)
    if rest and not rest[0].startswith("-"):
        parser.error(f"{UnknownName('command', rest[0], known)} See: {parser.prog} --help")
    parser.parse_args(rest)
    raise AssertionError("Expected the parser to end: no command is named.")


def _first_words() -> list[str]:
    return list(dict.fromkeys(command.split()[0] for command in COMMANDS))


def _command_parser(command: str) -> Parser:
    from salmubench.cli.parsing import command_parser

    return command_parser(command, _function(command))


def _tree(filled: Iterable[str]) -> Parser:
    from salmubench.cli.parsing import tree

    texts = {command: text for command, (_, text) in COMMANDS.items()}
    return tree(texts, _GROUPS, {command: _function(command) for command in filled})


def _complete(words: Sequence[str]) -> None:
    """Answer the shell; ends the process."""
    command = _named(words)
    _tree([] if command is None else [command]).parse_args([])


def _function(command: str) -> Callable[..., int | None]:
    module = importlib.import_module(f"salmubench.cli.{COMMANDS[command][0]}")
    function: Callable[..., int | None] = getattr(module, command.split()[-1].replace("-", "_") + "_")
    return function


if __name__ == "__main__":
    sys.exit(main())
