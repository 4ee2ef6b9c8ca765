"""Entry point: finds the command, reads its options and turns errors into exit codes.

Exit codes: 0 done, 1 failed (one paragraph on stderr), 2 wrong usage. Only the command that is named is imported, and
the library that reads options only for a command: `salmubench --help` answers at once.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import io
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from salmubench.cli.arguments import UsageError
from salmubench.cli.output import PlainFormatter, complain
from salmubench.core import interruption, pools, provenance, reading
from salmubench.core.errors import ConfigError, SalmubenchError, UnknownName
from salmubench.core.writing import is_full, is_out_of_memory

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("run", "the whole benchmark, from recipe to page; resumable"),
    "world export": ("run", "dataset and references of a run as one file, for `run --world`"),
    "drop": ("run", "take candidates out of a run: folders, table, page"),
    "dataset build": ("dataset", "make a dataset"),
    "dataset import": ("dataset", "a dataset of your own people: their pictures and a table of facts"),
    "dataset validate": ("dataset", "check every rule of the format and of privacy"),
    "dataset stats": ("dataset", "counts by split, attribute, style, country, aspect; shortcut checks"),
    "dataset preview": ("dataset", "contact sheet of the portraits"),
    "dataset export": ("dataset", "the dataset as WebDataset shards or as a folder for the Hub"),
    "pretrain": ("pretrain", "train Clean, Retrained or Compromised from scratch"),
    "unlearn": ("unlearn", "apply one method: one candidate"),
    "tune": ("tune", "choose a method's options on a world that is never evaluated"),
    "contest": ("contest", "many worlds, equal terms, one decision: a plan, run and judged"),
    "export-model": ("publish", "a model with its card, for the Hugging Face Hub"),
    "encode": ("evaluate", "turn a model and a dataset into embeddings"),
    "score": ("score", "turn embeddings, or stored items, into the eleven numbers, without torch"),
    "evaluate": ("evaluate", "encode and score a checkpoint"),
    "attack": ("attack", "what can be brought back of what was unlearnt"),
    "attack-rates": ("attack", "choose rates and steps of attacks by the references alone"),
    "compare": ("compare", "paired differences of two or more records: better, worse, can't tell"),
    "report": ("report", "the page of one or more runs"),
    "table": ("report", "results as LaTeX, Markdown, CSV or JSON"),
    "leaderboard submit": ("leaderboard", "pack a model of a run into a submission"),
    "leaderboard check": ("leaderboard", "compute every number of a submission again"),
    "leaderboard build": ("leaderboard", "the site, from a folder of submissions"),
    "list": ("listing", "what there is: methods, metrics, attacks, recipes, backends"),
    "show": ("listing", "a method or attack: paper, formula, options"),
    "completion": ("completion", "what a shell needs to complete commands and options"),
    "export-official": ("official", "the official evaluator's result file from a record"),
    "export-eee": ("publish", "a record in the format of Every Eval Ever: scores and items"),
    "import-official": ("official", "a record from the official evaluator's result file"),
    "verify-official": ("official", "the official models' numbers beside the published ones"),
}
"""Command → (module in `salmubench.cli`, help). The function is the command's last word with `_` for `-`."""

log = logging.getLogger("salmubench")

_MORE_MEMORY = (
    "Allow more memory (ulimit -v, or the limits of the batch system), or take less: fewer --workers, a smaller "
    "recipe. The same command goes on where it stopped."
)

_FILE, _DISK = "a file that can be read or written", "room on the disk"
_OF_THE_MACHINE = {
    errno.ENOSPC: (_DISK, "Free some space; the same command goes on where it stopped."),
    errno.EDQUOT: (_DISK, "Free some space; the same command goes on where it stopped."),
    errno.EACCES: (_FILE, "Check who may write there, or choose another place."),
    errno.EPERM: (_FILE, "Check who may write there, or choose another place."),
    errno.EROFS: (_FILE, "Choose a place that can be written to."),
    errno.EFBIG: ("room for a larger file", "Allow larger files (ulimit -f), or choose another place."),
    errno.EMFILE: ("room for open files", "Allow more open files (ulimit -n)."),
    errno.ENAMETOOLONG: (_FILE, "Choose a shorter name."),
    errno.ENOMEM: ("enough memory", _MORE_MEMORY),
    errno.ENOTDIR: (_FILE, "Check the path: a file stands where a folder should."),
    errno.EISDIR: (_FILE, "Check the path: a folder stands where a file should."),
    errno.ELOOP: (_FILE, "Check the links on the path."),
}
"""Errors that are no fault of the program → what was expected, and what to do."""

_ABOUT = "SALMUBench: does unlearning remove an association, and only that?"
_GROUPS = {
    "dataset": "make, check and look at datasets",
    "leaderboard": "pack, check and show submissions",
    "world": "hand on what a run's methods need",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line, that of the process by default, and return its exit code."""
    if argv is None:  # the process is ours
        pools.keep_freed_memory()
        os.environ[pools.SAFE_PATH] = "1"  # no process of ours imports what lies in the working folder
    _open_streams()
    notes = logging.StreamHandler(sys.stderr)
    notes.setFormatter(PlainFormatter("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[notes])
    with interruption.noted():
        try:
            code = _run(_texts(sys.argv[1:] if argv is None else argv))
            sys.stdout.flush()  # here, where a reader that has gone is no surprise
        except KeyboardInterrupt as stop:
            return _interrupted(stop)
        except BrokenPipeError:  # the reader of our output (head, less) has gone
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except Exception as error:
            if (cause := interruption.behind(error)) is not None:
                return _interrupted(cause)
            words = str(error) if isinstance(error, SalmubenchError) else _of_the_machine(error)
            if words is None:
                raise
            if log.isEnabledFor(logging.DEBUG):
                import traceback

                complain(traceback.format_exc().rstrip())
            complain(f"salmubench: {words}")
            return 1
    return code


def _texts(arguments: Sequence[str]) -> Sequence[str]:
    """The arguments, which must be texts: manifests and pages, which are UTF-8, state them."""
    for word in arguments:
        if any("\ud800" <= letter <= "\udfff" for letter in word):  # bytes that are no UTF-8, as Python has them
            raise ConfigError(
                f"Expected arguments in UTF-8, got {reading.shown(word)}. Rename the file or folder, or make a link to "
                "it that has such a name."
            )
    return arguments


def _run(arguments: Sequence[str]) -> int:
    try:
        command, options = read(arguments)
    except SystemExit as stop:  # 0 after --help, 2 after wrong usage
        return stop.code if isinstance(stop.code, int) else 2
    quiet, debug = options.pop("quiet"), options.pop("debug")
    log.setLevel(logging.DEBUG if debug else logging.WARNING if quiet else logging.INFO)
    try:
        code = _function(command)(**options)
    except UsageError as error:
        sys.stderr.write(_parser(command).format_usage())
        complain(f"salmubench {command}: {error}\nSee: salmubench {command} --help")
        return 2
    return code if isinstance(code, int) else 0


def _interrupted(stop: KeyboardInterrupt) -> int:
    sys.stderr.write("salmubench: interrupted; the same command goes on where it stopped.\n")
    return 128 + (signal.SIGTERM if isinstance(stop, interruption.Terminated) else signal.SIGINT)


def _open_streams() -> None:
    """Make sure of streams that take every letter: some may be closed (`>&-`), or know no more than ASCII."""
    while sys.stdout is None or sys.stderr is None:  # the next files would take their places
        if (number := os.open(os.devnull, os.O_RDWR)) > 2:
            os.close(number)
            break
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - stays open
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _of_the_machine(error: Exception) -> str | None:
    """What to say of an error that is no fault of the program: a full disk, too little memory; `None` of others."""
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        expected, advice = _OF_THE_MACHINE[error.errno]
        place = f" {reading.printable(str(error.filename), 300)}" if error.filename else ""
        return f"Expected {expected}, got: {error.strerror}{place}. {advice}"
    if is_full(error):  # as a library says it
        return f"Expected {_DISK}, got: {os.strerror(errno.ENOSPC)}. {_OF_THE_MACHINE[errno.ENOSPC][1]}"
    if is_out_of_memory(error):
        said = reading.cut(" ".join(str(error).split()) or "MemoryError", 200)
        return f"Expected enough memory, got: it has run out ({said}). {_MORE_MEMORY}"
    return None


def read(arguments: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Find the command, and the arguments of its function by name, with `quiet` and `debug`.

    Raises:
        SystemExit: 0 after help or version, 2 after wrong usage, which is then on stderr.
    """
    if "_ARGCOMPLETE" in os.environ:  # the shell asks what could follow
        _complete(os.environ.get("COMP_LINE", "").split()[1:])
    command = _named(arguments)
    if command is None:
        _explain(arguments)
    return command, _parser(command).parse_args(list(arguments[len(command.split()) :])).as_dict()


def command_help(command: str) -> str:
    """Help of one command, as `--help` prints it."""
    return str(_parser(command).format_help())


def _parser(command: str) -> Any:
    from salmubench.cli.parsing import command_parser

    return command_parser(command, _function(command))


def _named(arguments: Sequence[str]) -> str | None:
    """The command that the first words name."""
    return next((name for name in (" ".join(arguments[:2]), " ".join(arguments[:1])) if name in COMMANDS), None)


def _explain(arguments: Sequence[str]) -> NoReturn:
    """Print help or version, or say what is wrong where no command is named."""
    parsers = _skeleton()
    group = arguments[0] if arguments and arguments[0] in _GROUPS else ""
    rest = arguments[1:] if group else arguments
    if rest and not rest[0].startswith("-"):
        parsers[group].error(f"{_unknown(rest[0], group)} See: {parsers[group].prog} --help")
    parsers[""].parse_args(arguments)
    raise AssertionError("Expected the parser to end: no command is named.")


def _unknown(word: str, group: str) -> str:
    """What to say of a word that is no command; where it is one of a group, `submit` say, that one is named."""
    whole = [name for name in COMMANDS if not group and name.endswith(f" {word}")]
    if whole:
        return f"Unknown command {word!r}. Did you mean {' or '.join(map(repr, whole))}?"
    words = {name.split()[-1 if group else 0] for name in COMMANDS if name.startswith(group)}
    return str(UnknownName("command", word, words))


def _complete(typed: Sequence[str]) -> NoReturn:
    """Answer the shell."""
    from salmubench.cli import completion

    parsers, command = _skeleton(), _named(typed)
    if command is not None:
        completion.add_options(parsers[command], _function(command))
    completion.answer(parsers[""])


def _skeleton() -> dict[str, argparse.ArgumentParser]:
    """Parsers without options, by command, by group, and of the whole (the empty name)."""
    root = argparse.ArgumentParser(prog="salmubench", description=_ABOUT)
    root.add_argument("--version", action="version", version=f"salmubench {provenance.version()}")
    parsers, words = {"": root}, {"": root.add_subparsers(title="commands", metavar="COMMAND", required=True)}
    for command, (_, text) in COMMANDS.items():
        group, _, word = command.rpartition(" ")
        if group not in words:
            parsers[group] = words[""].add_parser(group, help=_GROUPS[group], description=_GROUPS[group])
            words[group] = parsers[group].add_subparsers(title="commands", metavar="COMMAND", required=True)
        parsers[command] = words[group].add_parser(word, help=text)
    return parsers


def _function(command: str) -> Callable[..., int | None]:
    module = importlib.import_module(f"salmubench.cli.{COMMANDS[command][0]}")
    function: Callable[..., int | None] = getattr(module, command.split()[-1].replace("-", "_") + "_")
    return function


if __name__ == "__main__":
    sys.exit(main())
