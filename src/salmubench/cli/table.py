"""`salmubench table`: results for a paper, a page, a program."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from salmubench.cli.output import say


def table_(
    runs: list[Path],
    *,
    format: Literal["markdown", "latex", "csv", "json"] = "markdown",  # noqa: A002 - as the option is called
    out: Path | None = None,
) -> None:
    """Print the results of runs as a table: numbers, L, K and D with intervals, verdicts.

    Args:
        runs: folders of `salmubench run`, folders of records, or records.
        format: LaTeX needs the package booktabs; CSV and JSON hold every number.
        out: write it to this file instead.
    """
    from salmubench.metrics import descriptions
    from salmubench.report.export import table
    from salmubench.unlearn.registry import method_titles
    from salmubench.writing import write_text

    text = table(runs, form=format, metrics=descriptions(), titles=method_titles())
    if out is None:
        say(text, end="")
    else:
        write_text(out, text)
        say(out)
