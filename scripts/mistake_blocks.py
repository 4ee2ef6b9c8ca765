"""Ten mistakes and what the program says to each: the commands are run, the messages are what they print."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from page_blocks import ROOT

from salmubench.cli.main import main
from salmubench.scoring.record_files import read_record

RECORDS = ROOT / "results" / "mini" / "records"


@dataclass(frozen=True)
class Mistake:
    """What somebody did, what was typed, and what must lie in the folder before."""

    what: str
    command: str
    prepare: Callable[[Path], None] | None = None


def _recipe(folder: Path) -> None:
    (folder / "mine.yaml").write_text("pretrain:\n  epocs: 30\n")


def _method(folder: Path) -> None:
    lines = (
        '"""A method of mine."""', "from dataclasses import dataclass", "@dataclass(frozen=True)", "class Config:",
        '    """None."""', "def loss(batch, model, reference, config):", "    return model.logit_scale, {}",
    )  # fmt: skip
    (folder / "my_method.py").write_text("\n".join(lines) + "\n")


def _half(folder: Path) -> None:
    (folder / "people" / "data").mkdir(parents=True)
    (folder / "people" / "identities_metadata.json").write_text("{}")


def _records(folder: Path) -> None:
    for name in ("delete-5x", "cliperase-5x"):
        for path in RECORDS.glob(f"{name}.*"):
            shutil.copy(path, folder / path.name)


def _other_dataset(folder: Path) -> None:
    _records(folder)
    path = folder / "cliperase-5x.json"
    fingerprint = read_record(path).dataset.fingerprint
    path.write_text(path.read_text().replace(fingerprint, fingerprint[::-1]))


def _notes(folder: Path) -> None:
    _records(folder)
    (folder / "site").mkdir()
    (folder / "site" / "index.html").write_text("my homepage")


MISTAKES = (
    Mistake("A method's name with a typo", "salmubench run --recipe tiny --out runs/a --methods cliprease"),
    Mistake("A key of a recipe with a typo", "salmubench run --recipe mine.yaml --out runs/a", _recipe),
    Mistake(
        "A method file without `NEEDS`", "salmubench run --recipe tiny --out runs/a --methods ./my_method.py", _method
    ),
    Mistake("A budget in words", "salmubench run --recipe tiny --out runs/a --budgets five"),
    Mistake("A score without its references", "salmubench score --embeddings embeddings/mine --out record.json"),
    Mistake("A folder that is no finished model", "salmubench export-model people --out weights", _half),
    Mistake("A dataset without its metadata", "salmubench dataset validate people", _half),
    Mistake("Two records of different datasets", "salmubench compare delete-5x.json cliperase-5x.json", _other_dataset),
    Mistake("A page over somebody else's", "salmubench report . --out site", _notes),
    Mistake("A board of a folder without submissions", "salmubench leaderboard build results --out site"),
)
"""In the order in which a new user meets them. Each ends before anything is computed or written."""


def mistakes() -> str:
    """The table."""
    lines = ["| mistake | command | what it says |", "|:--|:--|:--|"]
    for mistake in MISTAKES:
        code, message = said(mistake)
        if not code:
            raise ValueError(f"Expected {mistake.command!r} to be refused, got exit code 0.")
        lines.append(f"| {mistake.what} | `{mistake.command}` | {_cell(message)} |")
    return "\n".join(lines)


def said(mistake: Mistake) -> tuple[int, str]:
    """Exit code and message of a command in an empty folder with what belongs to it."""
    with tempfile.TemporaryDirectory() as name, _inside(Path(name)), contextlib.redirect_stdout(io.StringIO()):
        if mistake.prepare is not None:
            mistake.prepare(Path(name))
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            code = main(shlex.split(mistake.command)[1:])
        message = errors.getvalue().replace(f"{Path(name).resolve()}{os.sep}", "").replace(f"{name}{os.sep}", "")
        return code, re.sub(
            r"([0-9a-f]{8})[0-9a-f]{56}", r"\1…", " ".join(message.split()).removeprefix("salmubench: ")
        )


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before, level = Path.cwd(), logging.getLogger("salmubench").level
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        logging.getLogger("salmubench").setLevel(level)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")
