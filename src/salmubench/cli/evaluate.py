"""`salmubench evaluate` and `encode`: what a user with a checkpoint runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from salmubench.cli.arguments import Device, Precision, UsageError, names, references
from salmubench.cli.breakdowns import print_breakdowns
from salmubench.cli.output import print_json, print_one, print_table, say


def encode_(
    *,
    model: str,
    dataset: str,
    out: Path,
    arch: str | None = None,
    imagenet: Path | None = None,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Encode every picture and text that scoring needs, once. Call it again to go on.

    Args:
        model: a folder, hf-hub:org/name[@revision], or a weights file with `--arch`.
        dataset: a folder or a Hub id, org/name[@revision].
        out: folder of the embeddings.
        arch: open_clip architecture of a bare weights file.
        imagenet: folder with ImageNet's val/<synset>/…, to measure general knowledge on.
        device: where to compute.
        precision: `auto` takes what is faster on this machine.
    """
    from salmubench.encode.ranks import is_first
    from salmubench.workflow.evaluation import encode_model

    path = encode_model(
        model=model, dataset=dataset, out=out, arch=arch, imagenet=imagenet, device=device, precision=precision
    )
    if is_first():
        say(path)


def evaluate_(
    *,
    model: str | None = None,
    dataset: str,
    clean: str | None = None,
    compromised: str | None = None,
    retrained: str | None = None,
    before: str | None = None,
    after: str | None = None,
    report: Path | None = None,
    attacks: Path | None = None,
    out: Path | None = None,
    arch: str | None = None,
    imagenet: Path | None = None,
    metrics: str = "",
    by: str = "",
    limit: int | None = None,
    device: Device = "auto",
    precision: Precision = "auto",
    json: bool = False,
) -> None:
    """Encode a checkpoint and score it against its references; without a Clean model, before and after a deletion.

    Args:
        model: a folder, hf-hub:org/name[@revision], or a weights file with `--arch`.
        dataset: a folder or a Hub id, org/name[@revision].
        clean: the Clean model, its embeddings or its record.
        compromised: the Compromised model, its embeddings or its record.
        retrained: the Retrained model, its embeddings or its record, where there is one; with `--before` a model that
            was trained without what was to be deleted, or its embeddings.
        before: without `--model` and references: the model before a deletion.
        after: the model after it.
        report: with `--before`: also write the page of the deletion there, one HTML file.
        attacks: with `--before`: record of the model after, with attacks, for the page.
        out: the record, record.json or deletion.json by default; items, gallery and embeddings are written beside it.
        arch: open_clip architecture of a bare weights file.
        imagenet: folder with ImageNet's val/<synset>/…, to measure general knowledge on.
        metrics: names or paths of further metrics, comma-separated.
        by: break every number down, comma-separated: attribute, style, country, gender, kind.
        limit: with `--model`: a quick look, which can't be submitted: at most so many rows of each split.
        device: where to compute.
        precision: `auto` takes what is faster on this machine.
        json: print the record, not its main numbers.
    """
    if before is not None or after is not None:
        given = {"--model": model, "--clean": clean, "--compromised": compromised,
                 "--metrics": metrics or None, "--by": by or None, "--limit": limit}  # fmt: skip
        _check_pair(before, after, [name for name, value in given.items() if value is not None])
        _before_after(
            before=str(before), after=str(after), retrained=retrained, dataset=dataset,
            out=out or Path("deletion.json"), arch=arch, imagenet=imagenet, attacks=attacks, report=report,
            device=device, precision=precision, json=json,
        )  # fmt: skip
        return
    if model is None or report is not None or attacks is not None:
        raise UsageError("Expected --model with --clean and --compromised, or --before and --after (with --report).")
    out = out or Path("record.json")
    first, second = references(clean, compromised)
    from salmubench.encode.ranks import is_first
    from salmubench.scoring.record_files import read_record
    from salmubench.workflow.evaluation import evaluate

    path = evaluate(
        model=model, dataset=dataset, clean=first, compromised=second, retrained=retrained, out=out, arch=arch,
        imagenet=imagenet, limit=limit, device=device, precision=precision,
        config={"by": tuple(names(by)), "extra_metrics": tuple(names(metrics))},
    )  # fmt: skip
    if not is_first():
        return
    record = read_record(path)
    if json:
        print_json(record)
    else:
        print_one(record, path)
        print_breakdowns(record)


def _check_pair(before: str | None, after: str | None, others: Sequence[str]) -> None:
    """Refuse what doesn't go with a model before and after."""
    if before is None or after is None:
        raise UsageError("Expected both --before and --after: what is measured is the difference between them.")
    if others:
        raise UsageError(
            f"Expected --before and --after alone, got {', '.join(others)}, too. With a Clean model give --model, "
            "--clean and --compromised instead: they allow a verdict."
        )


def _before_after(*, json: bool, **arguments: Any) -> None:
    from salmubench.deletion import page as deletions
    from salmubench.deletion.before_after import evaluate_before_after
    from salmubench.deletion.record import read_deletion
    from salmubench.encode.ranks import is_first

    path = evaluate_before_after(**arguments)
    if not is_first():
        return
    record = read_deletion(path)
    if json:
        print_json(record)
        return
    say(f"{deletions.headline(record)}.\n")
    heads, rows = deletions.text_rows(record)
    print_table(heads, rows, numbers=heads[1:-1])
    for sentence in (*deletions.sentences(record), record.no_verdict):
        say(f"- {sentence}")
    if arguments["report"] is not None:
        say(arguments["report"])
