"""`salmubench evaluate`: what a user with a checkpoint runs."""

from __future__ import annotations

from pathlib import Path

from salmubench.cli.arguments import Device, Precision, names, references
from salmubench.cli.breakdowns import print_breakdowns
from salmubench.cli.output import print_json, print_one


def evaluate_(
    *,
    model: str,
    dataset: str,
    clean: str | None = None,
    compromised: str | None = None,
    retrained: str | None = None,
    out: Path = Path("record.json"),
    arch: str | None = None,
    imagenet: Path | None = None,
    by: str = "",
    limit: int | None = None,
    device: Device = "auto",
    precision: Precision = "auto",
    json: bool = False,
) -> None:
    """Encode a checkpoint and score it against its references.

    Args:
        model: a folder, hf-hub:org/name[@revision], or a weights file with `--arch`.
        dataset: a folder or a Hub id, org/name[@revision].
        clean: the Clean model, its embeddings or its record.
        compromised: the Compromised model, its embeddings or its record.
        retrained: the Retrained model, its embeddings or its record, where there is one.
        out: the record; items, gallery and embeddings are written beside it.
        arch: open_clip architecture of a bare weights file.
        imagenet: folder with ImageNet's val/<synset>/…, to measure general knowledge on.
        by: break every number down, by commas: attribute, style, country, gender, aspect, kind.
        limit: a quick look, which can't be submitted: at most so many rows of each split.
        device: where to compute.
        precision: `auto` takes what is faster on this machine.
        json: print the record, not its main numbers.
    """
    first, second = references(clean, compromised)
    from salmubench.encode.ranks import is_first
    from salmubench.evaluation import evaluate
    from salmubench.metrics import ScoreConfig
    from salmubench.scoring.record_files import read_record

    path = evaluate(
        model=model, dataset=dataset, clean=first, compromised=second, retrained=retrained, out=out, arch=arch,
        imagenet=imagenet, limit=limit, device=device, precision=precision, config=ScoreConfig(by=tuple(names(by))),
    )  # fmt: skip
    if not is_first():
        return
    record = read_record(path)
    if json:
        print_json(record)
    else:
        print_one(record)
        print_breakdowns(record)
