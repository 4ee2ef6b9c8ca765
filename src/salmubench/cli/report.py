"""`salmubench report` and `table`: the page of runs, and their results for a paper, a page, a program."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from salmubench.cli.output import say


def report_(runs: list[Path], *, out: Path) -> None:
    """Make the page of one or more runs.

    Args:
        runs: folders of `salmubench run`.
        out: folder of the page.
    """
    from salmubench.metrics import descriptions
    from salmubench.report.config import ReportConfig
    from salmubench.report.page import report
    from salmubench.unlearn.registry import method_titles

    say(report(runs, out=out, config=ReportConfig(), metrics=descriptions(), titles=method_titles()))


def table_(
    runs: list[Path],
    *,
    format: Literal["markdown", "latex", "csv", "json"] = "markdown",  # noqa: A002 - as the option is called
    out: Path | None = None,
) -> None:
    """Print the results of runs as a table: numbers, L, K and D with intervals, verdicts.

    Args:
        runs: folders of `salmubench run`, folders of records, or records; or the folder of one contest.
        format: LaTeX needs the package booktabs; CSV and JSON hold every number.
        out: write it to this file instead.
    """
    from salmubench.workflow.evaluation import table

    text = table(runs, format=format, out=out)
    say(text if out is None else out, end="" if out is None else "\n")
