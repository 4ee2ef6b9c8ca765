"""A dataset in other shapes: WebDataset shards for training, and a folder ready for the Hugging Face Hub."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from salmubench.clip.embeddings import FRAGILE_SIMILARITIES
from salmubench.core import manifest, options, places, reading, writing
from salmubench.core.errors import ConfigError, DatasetError, OutputError
from salmubench.core.types import Split
from salmubench.dataset import layout
from salmubench.dataset.card import card
from salmubench.dataset.layout import Dataset, open_dataset
from salmubench.dataset.origin import origin_of
from salmubench.dataset.shards import DESCRIPTION, ShardSet, write_shards

CARD = "README.md"

_FILES = (
    layout.IDENTITIES, layout.CAPTIONS, layout.GENERIC_CAPTIONS, layout.REWRITES, layout.GENERAL_KNOWLEDGE,
    layout.FRAGILE, FRAGILE_SIMILARITIES, "curation.json", manifest.MANIFEST,
)  # fmt: skip


def export_webdataset(dataset: Dataset, out: Path, *, seed: int | None = None) -> ShardSet:
    """Write tar shards with `sizes.json`, as open_clip's `--train-data` takes them.

    Args:
        out: a new folder, or one with the shards of this dataset.
        seed: of the permutation that deals rows to shards; by default that of the folder, 0 in a new one.

    Raises:
        DatasetError: no retain rows, or the folder holds shards of another dataset.
        OutputError: the folder holds shards of another seed, or can't be written.
    """
    options.check_seed(seed or 0)
    _refuse_other_files(out, allowed=DESCRIPTION)
    shards = write_shards(dataset, out, seed=seed or 0)
    if seed is not None and shards.seed != seed:
        raise OutputError(
            f"Expected shards dealt by the seed {seed} in {out}, got those of seed {shards.seed}. Choose another "
            "folder."
        )
    return shards


def export_hub(
    dataset: Dataset,
    out: Path,
    *,
    licence: str | None = None,
    hub_id: str | None = None,
    embeddings: Path | None = None,
) -> Path:
    """Write a folder ready to be pushed to the Hugging Face Hub; it appears whole or not at all, and is written once.

    Args:
        out: a new or empty folder, or the finished one of a call just like this.
        licence: as the Hub calls it, e.g. `cc-by-4.0`; CC0 for what our own renderer drew.
        hub_id: org/name, for the card.
        embeddings: those of Compromised after scoring, which know the fragile set.

    Returns:
        The folder.

    Raises:
        ConfigError: no licence for pictures that aren't ours.
        DatasetError: the embeddings hold no fragile set, or one of another dataset.
        OutputError: the folder holds something else or can't be written.
    """
    origin = origin_of(dataset)
    if licence is None and origin.licence is None:
        raise ConfigError(
            "Expected a licence for a dataset whose pictures our own renderer didn't draw, got none. Give it as the "
            "Hub calls it, e.g. --license cc-by-4.0."
        )
    extra = {} if embeddings is None else _fragile(dataset, embeddings)
    text = card(
        dict(dataset.counts), identities=len(dataset.identities), origin=origin, fingerprint=dataset.fingerprint,
        licence=licence, hub_id=hub_id, rewrites=bool(dataset.rewrites),
    )  # fmt: skip
    files = {name: dataset.folder / name for name in _FILES if (dataset.folder / name).is_file()} | extra
    if _is_finished(dataset, out, text, files):
        return out
    _refuse_other_files(out)
    try:
        with writing.atomic_folder(out) as temporary:
            (temporary / "data").mkdir(parents=True)
            for path in sorted((dataset.folder / "data").glob("*.parquet")):
                _link(path, temporary / "data" / path.name)
            for name, source in files.items():
                shutil.copyfile(source, temporary / name)
            writing.write_text(temporary / CARD, text)
            if out.is_dir():
                out.rmdir()
            temporary.replace(out)
    except OSError as error:
        raise OutputError(f"Expected room and rights to write {out}, got: {error.strerror}.") from error
    return out


def _is_finished(dataset: Dataset, out: Path, text: str, files: Mapping[str, Path]) -> bool:
    """Whether a folder holds just this export: the card says of what, under which licence and name."""
    there = {name for name in (*_FILES, CARD) if (out / name).is_file()}
    return (
        there == {*files, CARD}
        and (out / CARD).read_bytes() == text.encode()
        and all(manifest.sha256_file(out / name) == manifest.sha256_file(path) for name, path in files.items())
        and open_dataset(out).fingerprint == dataset.fingerprint
    )


def _fragile(dataset: Dataset, embeddings: Path) -> dict[str, Path]:
    paths = {name: embeddings / name for name in (layout.FRAGILE, FRAGILE_SIMILARITIES)}
    for path in paths.values():
        if not path.is_file():
            raise DatasetError(
                f"Expected the fragile set in the embeddings of Compromised, got no {path}. Score a model against "
                "them first."
            )
    file_names = {row.file_name for row in dataset.rows(Split.RETAIN_SYNTH)}
    path = paths[layout.FRAGILE]
    content = reading.read_json(path, error=DatasetError)
    names: list[str] = reading.validated(list[str], content, where=str(path), error=DatasetError)
    strange = [name for name in names if name not in file_names]
    if strange:
        raise DatasetError(
            f"Expected the fragile set of this dataset in {embeddings}, got {strange[0]!r}, which retain_synth lacks."
        )
    return paths


def _refuse_other_files(out: Path, allowed: str | None = None) -> None:
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (allowed and (out / allowed).is_file()))):
        raise OutputError(f"Expected a new or empty folder at {out}, got files. Choose another folder.")


def _link(source: Path, target: Path) -> None:
    """A second name for the same bytes where the file system can; shards are never changed in place."""
    try:
        os.link(places.real(source), target)
    except OSError:
        shutil.copyfile(source, target)
