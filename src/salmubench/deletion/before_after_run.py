"""A model before and after a deletion, to a record and a page in one call: what one runs who has no Clean model."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from salmubench.core import places, writing
from salmubench.core.errors import OutputError
from salmubench.core.types import Split
from salmubench.dataset.layout import Dataset
from salmubench.dataset.origin import scoring_of
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.settings import settled
from salmubench.workflow.evaluation import encode_model, with_imagenet
from salmubench.workflow.sources import check_sources, is_encoded, sha256_of

_SEED = 0  # of the invented people: the same for every model


def evaluate_before_after(
    *,
    before: str | Path,
    after: str | Path,
    dataset: str | Path | Dataset,
    out: str | Path,
    retrained: str | Path | None = None,
    arch: str | None = None,
    imagenet: str | Path | None = None,
    attacks: str | Path | None = None,
    report: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    config: ScoreConfig | None = None,
) -> Path:
    """Compare a model after a deletion with the model before it; embeddings go to `<out without .json>.embeddings/`.

    Without a model that never saw the facts there is no verdict. The record has paired differences with intervals over
    people, and says what chance gives, and people whom no model has met.

    Args:
        before: folder, `hf-hub:org/name[@revision]`, a weights file with `arch`, or embeddings that this function made.
        after: the same of the model after.
        retrained: the same of a model trained without what was to be deleted, where there is one: then what is left is
            measured from it, instead of from chance and strangers.
        dataset: folder, Hub id (`org/name[@revision]`) or an open dataset.
        out: the record, `.json`.
        arch: open_clip architecture of bare weights files.
        imagenet: folder with ImageNet's `val/<synset>/…`, to measure general knowledge on.
        attacks: record of the model after that `salmubench attack` has written, for the report.
        report: also write the page of the deletion there, `.html`.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`.
        config: options of scoring.

    Returns:
        The record's path.

    Everything that is given is looked at before the first picture is encoded.

    Raises:
        DatasetError, ModelError, EmbeddingsError, RecordError: one of the inputs can't be used.
        OutputError: record or page can't be written there.
    """
    from salmubench.deletion.before_after import attacks_of, compare_before_after
    from salmubench.deletion.strangers import strangers
    from salmubench.encode.ranks import is_first
    from salmubench.generator.personas.fresh import fresh_people
    from salmubench.metrics import load_all
    from salmubench.scoring.plugin import texts_of

    out, attacks = Path(out), None if attacks is None else Path(attacks)
    if report is not None:
        _check_page(Path(report), out)
    opened, folder = with_imagenet(dataset, imagenet), out.with_suffix(".embeddings")
    config = settled(config, (), scoring_of(opened))
    given = {"before": before, "after": after, "retrained": retrained}
    known, metrics = {name: source for name, source in given.items() if source is not None}, load_all(config)
    invented = strangers(fresh_people(opened, seed=_SEED))
    loaded = check_sources(
        known, opened, out, folder, judged=[*known], texts=texts_of([invented], opened, config), arch=arch,
        device=device, precision=precision,
    )  # fmt: skip
    if attacks is not None:
        attacks_of(attacks, sha256_of(after, arch=arch), opened.fingerprint)
    work = partial(
        encode_model, dataset=opened, arch=arch, device=device, precision=precision, scoring=config, also=[invented]
    )
    encoded = {
        name: Path(source) if is_encoded(source) else work(model=loaded.pop(name, source), out=folder / name)
        for name, source in known.items()
    }
    if not is_first():
        return out
    compare_before_after(
        **encoded, out=out, pairs={split: opened.rows(split) for split in Split},
        metrics=metrics, strangers=invented, config=config, attacked=attacks,
    )  # fmt: skip
    if report is not None:
        write_page(out, Path(report))
    return out


def _check_page(path: Path, record: Path) -> None:
    """Refuse a place where no page can be written, before hours go into what it would show."""
    above = next((place for place in path.parents if os.path.lexists(place)), path.parent)
    if path.is_dir() or not above.is_dir() or not os.access(above, os.W_OK) or places.real(path) == places.real(record):
        raise OutputError(
            f"Expected an HTML file that can be written, beside the record {record}, as --report, got {path}: a "
            "folder, the record itself, or a file that has no folder that can be made. Choose another name."
        )


def write_page(record: Path, out: Path) -> Path:
    """Write the page of a deletion.

    Args:
        record: of `evaluate_before_after`.

    Raises:
        RecordError: another file.
    """
    from salmubench.deletion import page as deletions
    from salmubench.deletion.record import read_deletion

    writing.write_text(out, deletions.page(read_deletion(record)))
    return out
