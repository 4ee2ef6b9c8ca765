"""`salmubench export-official | import-official | verify-official`: the authors' evaluator and published numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from salmubench.cli.arguments import Device, Precision
from salmubench.cli.output import print_table, say


def export_official_(record: Path, out: Path, dataset: str | None = None) -> None:
    """Write a record as the official evaluator would have written it, key for key.

    Args:
        record: a record, with its items beside it.
        out: the JSON file.
        dataset: puts ranks and similarities in the order of its rows; by file name without.
    """
    from salmubench.dataset.layout import open_dataset
    from salmubench.metrics import descriptions
    from salmubench.official.result_file import export_official

    opened = None if dataset is None else open_dataset(dataset)
    say(export_official(record, out=out, metrics=list(descriptions().values()), dataset=opened))


def import_official_(
    file: Path,
    *,
    dataset: str,
    clean: Path | None = None,
    compromised: Path | None = None,
    out: Path = Path("record.json"),
) -> None:
    """Turn a result file of the official evaluator into a record, with intervals where it holds per-item values.

    Args:
        file: evaluation_<model>.json.
        dataset: folder or Hub id of the dataset that it is about.
        clean: the official result file of Clean.
        compromised: the official result file of Compromised.
        out: the record; items are written beside it.
    """
    from salmubench.dataset.layout import open_dataset
    from salmubench.metrics import descriptions
    from salmubench.official.import_results import import_official

    metrics, opened = list(descriptions().values()), open_dataset(dataset)
    say(import_official(file, dataset=opened, out=out, metrics=metrics, clean=clean, compromised=compromised))


def verify_official_(
    *,
    out: Path,
    dataset: str | None = None,
    clean: str | None = None,
    compromised: str | None = None,
    imagenet: Path | None = None,
    device: Device = "auto",
    precision: Precision = "auto",
) -> int:
    """Evaluate the two official models and print each number beside the published one; 1 if one differs.

    Retrieval is also counted from similarities rounded to half precision and with other tie rules: it agrees if one of
    these ways fits all its numbers of both models.

    Args:
        out: folder for embeddings and records; a second call goes on there.
        dataset: a copy of the official dataset; from the Hub by default.
        clean: a copy of the official Clean model; from the Hub by default.
        compromised: a copy of the official Compromised model; from the Hub by default.
        imagenet: folder with ImageNet's val/<synset>/…; general knowledge is skipped without.
        device: where to compute.
        precision: `auto` takes what is faster on this machine.
    """
    from salmubench.encode.ranks import is_first
    from salmubench.official.result_file import TOLERANCE
    from salmubench.workflow.evaluation import OFFICIAL_DATASET, OFFICIAL_MODELS, verify_official

    results = verify_official(
        out=out,
        dataset=dataset or OFFICIAL_DATASET,
        clean=clean or OFFICIAL_MODELS["clean"],
        compromised=compromised or OFFICIAL_MODELS["compromised"],
        imagenet=imagenet,
        device=device,
        precision=precision,
    )
    if not is_first():
        return 0
    ranked = results.retrieval()
    verdicts = {True: "pass", False: "differs", None: "skipped"}
    rows = [
        (
            kind, one.name, f"{one.published:.5f}", "–" if one.found is None else f"{one.found:.5f}",
            "see below" if one.agrees is False and one.name in ranked else verdicts[one.agrees],
        )
        for kind, verified in results.models.items()
        for one in verified.numbers
    ]  # fmt: skip
    print_table(("model", "number", "published", "got", f"within {TOLERANCE}"), rows, numbers=("published", "got"))
    _print_rankings(results.rankings)
    counts = Counter(row[4] for row in rows)
    say(f"{counts['pass']} pass, {counts['differs']} differ, {counts['skipped']} skipped", end="")
    say(f", {counts['see below']} by rounding and ties" if counts["see below"] else "")
    return 0 if results.agrees() else 1


def _print_rankings(rankings: Sequence[Any]) -> None:
    """Retrieval under each rounding and tie rule, and which of them fits or comes nearest."""
    shown = [(kind, one.name) for kind, numbers in rankings[0].numbers.items() for one in numbers]
    heads = [f"{kind} {name}" for kind, name in shown]
    rows = []
    for way in rankings:
        numbers_given = [one.found for numbers in way.numbers.values() for one in numbers]
        cells = ["–" if number is None else f"{number:.5f}" for number in numbers_given]
        rows.append((way.ranking.rounding, way.ranking.ties, *cells, "fits" if way.fits else f"{way.farthest:.4f} off"))
    say("\nRetrieval by rounding of the similarities and by how ties count")
    print_table(("similarities", "ties", *heads, "all numbers"), rows, numbers=heads)
    best = min(rankings, key=lambda way: way.farthest)
    fitting = [way for way in rankings if way.fits]
    names = ", ".join(f"{way.ranking.rounding}/{way.ranking.ties}" for way in fitting or [best])
    say(f"{'Fits' if fitting else 'None fits; nearest'}: {names}")
