"""Entry point: builds the parser from the commands' signatures and turns errors into exit codes.

Exit codes: 0 done, 1 failed (one paragraph on stderr), 2 wrong usage.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jsonargparse

from salmubench import manifest
from salmubench.errors import SalmubenchError

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

_GROUPS = {
    "dataset": "make, check and look at datasets",
    "leaderboard": "pack, check and show submissions",
}


class _Parser(jsonargparse.ArgumentParser):
    """Options with dashes; false-by-default switches are flags."""

    def add_argument(self, *args: Any, **kwargs: Any) -> Any:
        names = tuple(
            name.replace("_", "-") if isinstance(name, str) and name.startswith("--") else name for name in args
        )
        if kwargs.get("type") is bool and kwargs.get("default") is False:
            del kwargs["type"]
            kwargs["action"] = "store_true"
        return super().add_argument(*names, **kwargs)


def build_parser() -> jsonargparse.ArgumentParser:
    """The whole parser; imports neither torch nor any stage."""
    root = _Parser(prog="salmubench", description="SALMUBench: does unlearning remove an association, and only that?")
    root.add_argument("--version", action="version", version=f"salmubench {manifest.version()}")
    top = root.add_subcommands(required=True, dest="command")
    groups = {}
    for command, (_, text) in COMMANDS.items():  # the parser wants a group before what is in it
        group, _, word = command.rpartition(" ")
        if group and group not in groups:
            inner = _Parser(description=_GROUPS[group])
            top.add_subcommand(group, inner, help=_GROUPS[group])
            groups[group] = inner.add_subcommands(required=True, dest="action")
        parser = _Parser(description=text)
        function = _function(command)
        words = [name for name, kind in typing.get_type_hints(function).items() if kind == list[Path]]
        parser.add_function_arguments(function, as_positional=True, fail_untyped=True, skip=set(words))
        for name in words:  # DIR…: one or more words, where the parser would want a list in one
            parser.add_argument(name, nargs="+", type=Path, metavar="DIR")
        (groups[group] if group else top).add_subcommand(word, parser, help=text)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        argv: the arguments; those of the process by default.

    Returns:
        The exit code.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("salmubench").setLevel(logging.INFO)
    try:
        parsed = build_parser().parse_args(list(sys.argv[1:] if argv is None else argv))
    except SystemExit as stop:  # argparse: 0 after --help, 2 after wrong usage
        return stop.code if isinstance(stop.code, int) else 2
    words, options = [parsed.command], parsed[parsed.command]
    if parsed.command in _GROUPS:
        words.append(options.action)
        options = options[options.action]
    try:
        code = _function(" ".join(words))(**options.as_dict())
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


def _function(command: str) -> Callable[..., int | None]:
    module = importlib.import_module(f"salmubench.cli.{COMMANDS[command][0]}")
    function: Callable[..., int | None] = getattr(module, command.split()[-1].replace("-", "_") + "_")
    return function


if __name__ == "__main__":
    sys.exit(main())
