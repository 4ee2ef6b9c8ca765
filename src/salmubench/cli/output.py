"""What commands print: tables for people on a terminal, plain text in a pipe, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from salmubench import manifest

_COLOURS = {"yes": "green", "no": "red", "?": "yellow"}


def on_terminal() -> bool:
    """Tell whether a person reads standard output."""
    return sys.stdout.isatty()


def print_json(value: Any) -> None:
    """Print records, dataclasses and paths as JSON."""
    readable = "utf" in (sys.stdout.encoding or "").lower()  # else letters that can't be shown are escaped
    print(json.dumps(manifest.plain(value), indent=1, ensure_ascii=not readable, allow_nan=False))


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Sequence[str] = ()) -> None:
    """Print a table: with rich on a terminal, as aligned columns elsewhere.

    Args:
        heads: of the columns.
        rows: cells by column.
        numbers: heads of the columns that are set to the right.
    """
    if on_terminal():
        _rich_table(heads, rows, [head in numbers for head in heads])
        return
    widths = [max(len(row[at]) for row in (heads, *rows)) for at in range(len(heads))]
    for row in (heads, *rows):
        aligned = (
            f"{cell:>{width}}" if head in numbers else f"{cell:<{width}}"
            for head, cell, width in zip(heads, row, widths, strict=True)
        )
        print("  ".join(aligned).rstrip())


def print_results(records: Sequence[Any], titles: Mapping[str, str] | None = None) -> None:
    """Print the main numbers of records.

    Args:
        records: run records, in the order to show them.
        titles: titles of methods given by path, beside those of the methods there are.
    """
    from salmubench.report import tables
    from salmubench.unlearn.registry import method_titles

    titles = {**method_titles(), **(titles or {})}

    if not on_terminal():
        print(tables.text_table(records, titles))
        return
    rows = []
    for row in tables.rows(records, titles):
        passes = [f"[{_COLOURS[word]}]{word}[/]" for word in row.passes if word] or [""] * 3
        if row.failure is not None:
            rows.append([f"[red]{_plain(row.name)}[/]", f"[red]{_plain(row.failure)}[/]", *[""] * 8])
        else:
            name = f"[bold]{_plain(row.name)}[/]" if row.reference else _plain(row.name)
            rows.append([name, *row.numbers, *passes])
    heads = tables.heads(records)
    _rich_table(heads, rows, [0 < at < 7 for at in range(len(heads))], markup=True)
    print(tables.LEGEND)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _rich_table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], *, markup: bool = False
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head, to_the_right in zip(heads, right, strict=True):
        table.add_column(head, justify="right" if to_the_right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(row if markup else map(_plain, row)))
    Console().print(table)
