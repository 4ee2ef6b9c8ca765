"""What commands print: tables for people on a terminal, plain text in a pipe, JSON for programs."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from salmubench.core import reading, writing

_LONGEST = 24  # letters of a word that isn't broken
_WIDE = 140  # columns of a terminal that all main numbers need
_COLOURS = {"yes": "green", "no": "red", "?": "yellow"}


def on_terminal() -> bool:
    """Tell whether a person reads standard output."""
    return sys.stdout.isatty()


def say(text: Any = "", *, end: str = "\n") -> None:
    """Print a text; control and direction characters, which names in files may hold, as text."""
    line = str(text)
    sys.stdout.write(reading.printable(line, len(line) * 10) + end)


def complain(text: Any) -> None:
    """Print a text to standard error, as `say` does, cut to the length of a message."""
    sys.stderr.write(reading.printable(str(text)) + "\n")


class PlainFormatter(logging.Formatter):
    """Notes as `complain` prints them."""

    def format(self, record: logging.LogRecord) -> str:
        """The note, or with an exception its traceback."""
        return reading.printable(super().format(record), reading.MESSAGE * 10)


def print_json(value: Any) -> None:
    """Print records, dataclasses and paths as JSON, without control and direction characters."""
    readable = "utf" in (sys.stdout.encoding or "").lower()  # else letters that can't be shown are escaped
    text = json.dumps(writing.plain(value), indent=1, ensure_ascii=not readable, allow_nan=False)
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
    sys.stdout.write(text + "\n")


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Sequence[str] = ()) -> None:
    """Print a table: with rich on a terminal, as aligned columns elsewhere.

    Args:
        numbers: heads of the columns that are set to the right.
    """
    rows = [[_cell(cell) for cell in row] for row in rows]
    if on_terminal():
        _rich_table(heads, rows, [head in numbers for head in heads])
        return
    widths = [max(len(row[at]) for row in (heads, *rows)) for at in range(len(heads))]
    for row in (heads, *rows):
        aligned = (
            f"{cell:>{width}}" if head in numbers else f"{cell:<{width}}"
            for head, cell, width in zip(heads, row, widths, strict=True)
        )
        say("  ".join(aligned).rstrip())


def percent(value: float | None) -> str:
    """A share in per cent, or a dash where there is none."""
    return "–" if value is None else f"{100 * value:.1f}".replace("-", "−")


def print_results(records: Sequence[Any], titles: Mapping[str, str] | None = None) -> None:
    """Print the main numbers of records.

    Args:
        titles: titles of methods given by path, beside those of the methods there are.
    """
    from salmubench.report import main_numbers, tables
    from salmubench.unlearn.registry import method_titles

    titles = {**method_titles(), **(titles or {})}

    if not on_terminal():
        say(tables.text_table(records, titles))
        return
    rows = []
    for row in main_numbers.rows(records, titles):
        passes = [f"[{_COLOURS.get(word, 'dim')}]{word}[/]" for word in row.passes if word] or [""] * 4
        if row.failure is not None:
            rows.append(
                [f"[red]{_plain(row.name)}: failed[/]", *[""] * 14]
            )  # why is said by the call that made it fail
        else:
            name = f"[bold]{_plain(row.name)}[/]" if row.reference else _plain(row.name)
            rows.append([name, *row.numbers, *passes, row.seen])
    heads = main_numbers.heads(records)
    right = [0 < at < 10 or at == len(heads) - 1 for at in range(len(heads))]
    wide = _width() >= _WIDE
    shown = range(len(heads)) if wide else [0, *main_numbers.MOST_TELLING, *range(10, len(heads) - 1)]
    _rich_table(
        [heads[at] for at in shown], [[row[at] for at in shown] for row in rows], [right[at] for at in shown],
        markup=True,
    )  # fmt: skip
    say(main_numbers.LEGEND if wide else f"{main_numbers.LEGEND}\nAll numbers: from {_WIDE} columns, or in a pipe.")


def print_one(record: Any, path: Path) -> None:
    """Print a record between its references, and why numbers are missing."""
    from salmubench.report.main_numbers import between_references, why_missing
    from salmubench.scoring.record_files import read_items

    print_results(between_references(record, read_items(path)))
    missing = why_missing(record)
    if missing:
        say("Not measured:\n" + "".join(f"  {line}\n" for line in missing))


def _width() -> int:
    from rich.console import Console

    return Console().width


def _cell(text: str) -> str:
    return reading.printable(text.replace("\n", " "))


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(_cell(text))


def _rich_table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], *, markup: bool = False
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0) if markup else (0, 1))
    for at, (head, to_the_right) in enumerate(zip(heads, right, strict=True)):
        cells = [re.sub(r"\[/?[a-z]*\]", "", row[at]) for row in rows] if markup else []
        words = [*head.split(), *(cells if at else (word for cell in cells for word in cell.split()))]
        longest = min(max(map(len, words), default=1), _LONGEST)
        table.add_column(
            head, justify="right" if to_the_right else "left", overflow="fold", min_width=longest if markup else None,
            width=longest if markup and at else None,
        )  # fmt: skip
    for row in rows:
        table.add_row(*(row if markup else map(_plain, row)))
    Console().print(table)
