"""`salmubench score`: embeddings → record, without torch."""

from __future__ import annotations

from pathlib import Path

from salmubench.cli.arguments import references


def score_(
    *, embeddings: Path, clean: str | None = None, compromised: str | None = None, out: Path = Path("record.json")
) -> None:
    """Compute the eleven numbers with intervals and verdicts.

    Args:
        embeddings: of the model to judge.
        clean: embeddings or record of the Clean model.
        compromised: embeddings or record of the Compromised model.
        out: the record; items and gallery are written beside it.
    """
    first, second = (Path(source) for source in references(clean, compromised))
    from salmubench.metrics import score
    from salmubench.report.tables import text_table
    from salmubench.results.io import read_record

    record = score(embeddings=embeddings, clean=first, compromised=second, out=out)
    print(text_table([read_record(record)]))
