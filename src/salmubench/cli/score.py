"""`salmubench score`: embeddings, or stored items, → record, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from salmubench.cli.arguments import UsageError, goes_with, names, references
from salmubench.cli.breakdowns import print_breakdowns
from salmubench.cli.output import print_json, print_one


def score_(
    *,
    embeddings: Path | None = None,
    clean: str | None = None,
    compromised: str | None = None,
    retrained: str | None = None,
    items: Path | None = None,
    gallery: Path | None = None,
    dataset: str | None = None,
    metrics: str = "",
    by: str = "",
    bootstraps: int | None = None,
    out: Path = Path("record.json"),
    json: bool = False,
) -> int:
    """Compute the eleven numbers with intervals and verdicts, from embeddings or once more from stored items.

    Args:
        embeddings: of the model to judge; needs both references.
        clean: embeddings or record of the Clean model.
        compromised: embeddings or record of the Compromised model.
        retrained: embeddings or record of the Retrained model, where there is one.
        items: instead of embeddings: the stored items of a record, <stem>.items.parquet.
        gallery: of the items, gallery.parquet beside them by default.
        dataset: folder or Hub id of the items' dataset, for --by.
        metrics: names or paths of further metrics, comma-separated.
        by: break every number down, comma-separated: attribute, style, country, gender, kind.
        bootstraps: resamples behind each interval, 10000 by default. Items whose record is beside them have its number.
        out: the record; items and gallery are written beside it.
        json: print the record, not its main numbers.
    """
    if embeddings is not None and items is None:
        goes_with("--items", {"--gallery": gallery, "--dataset": dataset})
        first, second = (Path(source) for source in references(clean, compromised))
    elif items is None or (embeddings, clean, compromised, retrained) != (None,) * 4:
        raise UsageError(
            "Expected --embeddings E with --clean C and --compromised P (and --retrained R), or --items I alone."
        )
    from salmubench.metrics import ScoreConfig, score, score_again
    from salmubench.scoring.record_files import read_record, record_beside

    if not by:
        goes_with("--by", {"--dataset": dataset})
    config: dict[str, Any] = {
        "by": tuple(names(by)),
        "extra_metrics": tuple(names(metrics)),
        **({} if bootstraps is None else {"bootstraps": bootstraps}),
    }
    if embeddings is not None:
        third = None if retrained is None else Path(retrained)
        record = score(
            embeddings=embeddings, clean=first, compromised=second, retrained=third, out=out, config=config
        )  # fmt: skip
    elif items is not None:
        beside = record_beside(items)
        if bootstraps is not None and beside.is_file():
            raise UsageError(
                f"Expected no --bootstraps beside --items of a record, got {bootstraps}: the resamples are those that "
                f"{beside} states. Leave it out, or move the items and the gallery into a folder without the record."
            )
        record = score_again(items, out=out, gallery=gallery, dataset=dataset, config=ScoreConfig(**config))
    scored = read_record(record)
    if json:
        print_json(scored)
    else:
        print_one(scored, record)
        print_breakdowns(scored)
    return 0
