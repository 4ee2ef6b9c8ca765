"""`salmubench drop`: candidates taken out of a run."""

from __future__ import annotations

from pathlib import Path

from salmubench.cli.output import say


def drop_(run: Path, names: list[str]) -> None:
    """Delete candidates of a run: their checkpoints, embeddings, records, and rows of table and page.

    Args:
        run: folder of `salmubench run`.
        names: of candidates, as `run` calls them: <method>-<budget>x. A later `run` that asks for one makes it again.
    """
    from salmubench.workflow.drop import drop

    say(drop(run, names))
