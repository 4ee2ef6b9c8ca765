"""`salmubench evaluate`: what a user with a checkpoint runs."""

from __future__ import annotations

from pathlib import Path

from salmubench.cli.arguments import Device, Precision, references


def evaluate_(
    *,
    model: str,
    dataset: str,
    clean: str | None = None,
    compromised: str | None = None,
    out: Path = Path("record.json"),
    arch: str | None = None,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Encode a checkpoint and score it against the two references.

    Args:
        model: a folder, hf-hub:org/name, or a weights file with `--arch`.
        dataset: a folder or a Hub id.
        clean: the Clean model, its embeddings or its record.
        compromised: the Compromised model, its embeddings or its record.
        out: the record; items, gallery and embeddings are written beside it.
        arch: open_clip architecture of a bare weights file.
        device: where to compute.
        precision: `auto` takes what is faster on this machine.
    """
    first, second = references(clean, compromised)
    from salmubench.pipeline import evaluate
    from salmubench.report.tables import text_table
    from salmubench.results.io import read_record

    record = evaluate(
        model=model, dataset=dataset, clean=first, compromised=second, out=out, arch=arch, device=device,
        precision=precision,
    )  # fmt: skip
    print(text_table([read_record(record)]))
