"""`salmubench world export`: a world in one file, for methods of others."""

from __future__ import annotations

from pathlib import Path

from salmubench.cli.output import say


def export_(run: Path, *, out: Path) -> None:
    """Write dataset, references, their embeddings and records of a run into one file, which `run --world` takes.

    Args:
        run: folder of `salmubench run`; its candidates are left out.
        out: the file, *.tar.
    """
    from salmubench.workflow.world import export

    file = export(run, out)
    say(f"{file}: {file.stat().st_size / 1e6:.0f} MB. salmubench run --world {file} --methods ./mine.py --out DIR")
