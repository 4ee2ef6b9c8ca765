"""`salmubench report`: the page."""

from __future__ import annotations

from pathlib import Path

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
