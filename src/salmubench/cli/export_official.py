"""`salmubench export-official`: for scripts that read the official evaluator's result file."""

from __future__ import annotations

from pathlib import Path


def export_official_(record: Path, out: Path) -> None:
    """Write a record as the official evaluator would have written it, key for key.

    Args:
        record: a record, with its items beside it.
        out: the JSON file.
    """
    from salmubench.results.official import export_official

    print(export_official(record, out=out))
