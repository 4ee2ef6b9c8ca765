"""Records and their side files, read and written."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from salmubench.core import manifest, plugins, provenance, reading, tables, writing
from salmubench.core.errors import MethodError, OutputError, OutputMismatch, RecordError
from salmubench.core.writing import NAME_BYTES
from salmubench.scoring.items import ITEM_SCHEMA, check_table, check_values
from salmubench.scoring.origin import TEXT, Cost, Dataset, Failure, Model, Provenance
from salmubench.scoring.record import BENCHMARK_VERSION, SCHEMA_VERSION, RunRecord

if TYPE_CHECKING:
    from salmubench.dataset.layout import Dataset as OpenDataset

GALLERY = "gallery.parquet"
GALLERY_SCHEMA = pa.schema([(name, pa.string()) for name in ("source", "file_name", "caption")])
"""The retrieval gallery: `source` is `forget` or `retain_disjoint`."""
ITEMS_SUFFIX = ".items.parquet"
"""What stands behind a record's stem in the name of its items."""

_AGAIN = "Score the model again."
_PATIENCE = 120.0  # seconds for others who write a record into the folder; one takes less than a second


def items_path(record: Path) -> Path:
    """Where a record's items are: `<stem>.items.parquet` beside it."""
    return record.with_name(record.stem + ITEMS_SUFFIX)


def record_beside(items: Path) -> Path:
    """Where the record of items is, if it is there: `<stem>.json` beside them."""
    return items.with_name(items.name.removesuffix(ITEMS_SUFFIX) + ".json")


def gallery_path(record: Path) -> Path:
    """Where a record's gallery is: beside it, shared by all records of a folder."""
    return record.with_name(GALLERY)


# --- reading ----------------------------------------------------------------------------------------------------


def read_record(path: str | Path) -> RunRecord:
    """Read and check a record.

    Raises:
        RecordError: missing, not JSON, of a newer schema, or not a record.

    Examples:
        With stored embeddings in the folders `clean` and `compromised`:

        >>> from salmubench import read_record, score
        >>> path = score(embeddings=clean, clean=clean, compromised=compromised, out="clean.json")
        >>> read_record(path).status
        'complete'
        >>> read_record("nowhere.json")
        Traceback (most recent call last):
        salmubench.core.errors.RecordError: Expected a record at nowhere.json, got none. Score the model first.
    """
    path = Path(path)
    data = reading.read_json(path, error=RecordError, what="a record", missing="Score the model first.", advice=_AGAIN)
    return record_of(data, where=str(path))


def record_of(data: Any, *, where: str) -> RunRecord:
    """Make a record of the content of its file, as it came through `reading.read_json`.

    Raises:
        RecordError: of a newer schema, or not a record.
    """
    version = data.get("schema_version") if isinstance(data, dict) else None
    if type(version) is not int:
        raise RecordError(
            f"Expected a record with a whole number as schema_version in {where}, got {reading.shown(version)}. "
            f"{_AGAIN}"
        )
    if version > SCHEMA_VERSION:
        raise RecordError(
            f"Expected schema_version {SCHEMA_VERSION} or older in {where}, got {version}. Install a newer salmubench."
        )
    return reading.validated(RunRecord, data, where=where, error=RecordError, advice=_AGAIN)


def read_items(record: Path) -> pa.Table:
    """Read the items of a record; as what follows, a `RecordError` where they can't be."""
    return read_items_file(items_path(record))


def read_items_file(path: Path) -> pa.Table:
    """Read a file of items."""
    return _read(path, ITEM_SCHEMA)


def read_gallery(record: Path) -> pa.Table:
    """Read the gallery of a record."""
    return read_gallery_file(gallery_path(record))


def read_gallery_file(path: Path) -> pa.Table:
    """Read a file with a gallery."""
    return _read(path, GALLERY_SCHEMA)


def gallery_sha256(gallery: pa.Table) -> str:
    """Hash of a gallery's content, row by row in order, whatever file it is stored in."""
    return manifest.sha256_json([[row[name] for name in GALLERY_SCHEMA.names] for row in gallery.to_pylist()])


def _read(path: Path, schema: pa.Schema) -> pa.Table:
    table = check_table(tables.read_table(path, error=RecordError, advice=_AGAIN), schema, where=str(path))
    check_values(table, schema, where=str(path))
    return table


# --- writing ----------------------------------------------------------------------------------------------------


def write_record(path: Path, record: RunRecord, *, items: pa.Table, gallery: pa.Table) -> None:
    """Write a complete record: items and gallery first, the record last, each atomically.

    Who else writes a record into the folder waits: a record never stands beside another one's items.

    Raises:
        RecordError: items hold a number that isn't finite; nothing is written.
        OutputMismatch: the folder's gallery is another one.
        OutputLocked: another process has held the folder for minutes.
        OutputError: the folder can't be written.
    """
    check_values(items, ITEM_SCHEMA, where=str(items_path(path)))
    text, shared = writing.json_text(record, where=str(path)), gallery_path(path)
    with alone(path):
        if not shared.is_file():
            _write_table(shared, gallery)
        elif not read_gallery(path).equals(gallery):
            raise OutputMismatch(
                f"Expected the gallery of this dataset in {shared}, got another one. Records of one folder share it: "
                "choose another folder, or delete the old records."
            )
        with writing.atomic_path(path) as last:
            last.write_text(text, encoding="utf-8")
            with writing.atomic_path(items_path(path)) as first:
                pq.write_table(items, first, compression="zstd")
                path.unlink(missing_ok=True)  # killed now, there is no record: an old one would have other items


def check_target(path: Path) -> None:
    """Check that a record may be called so, before anything is computed for it.

    Raises:
        OutputError: it is a folder, or the name of its items would be too long.
    """
    if len(os.fsencode(items_path(path).name)) > NAME_BYTES or path.is_dir():
        raise OutputError(
            f"Expected a record's file, with a name of at most {NAME_BYTES - len(ITEMS_SUFFIX)} bytes before .json, "
            f"as --out, got {reading.printable(str(path), 300)}."
        )


@contextlib.contextmanager
def alone(record: Path) -> Iterator[None]:
    """Hold the lock of a record's folder, and delete what a killed writer of the same record left there."""
    with writing.explained(record):
        record.parent.mkdir(parents=True, exist_ok=True)
    with manifest.folder_lock(record.parent, wait=_PATIENCE):
        for path in record.parent.iterdir():
            if writing.is_leftover(path.name) and path.name.startswith((record.name, items_path(record).name, GALLERY)):
                path.unlink(missing_ok=True)
        yield


def write_failed(
    path: Path, *, model: str, error: MethodError, dataset: OpenDataset, budget: float | None, config: Any = None
) -> Path:
    """Write the record of a model that never came to be, by its name, e.g. `<method>-<budget>x`."""
    name = plugins.stem(error.method)
    record = RunRecord(
        schema_version=SCHEMA_VERSION,
        status="failed",
        error=Failure(name, error.step, reading.cut(provenance.portable(error.message), TEXT)),
        model=Model(model, None, None, name, provenance.portable(writing.plain(config)), None, budget),
        dataset=Dataset(dataset.name, dataset.fingerprint, dict(dataset.counts), limit=dataset.limit),
        encoding=None,
        gallery_sha256=None,
        fragile_set=None,
        scores={},
        verdict=None,
        protocol=None,
        cost=Cost(),
        references={},
        inputs={},
        notes=(),
        provenance=record_provenance(started=provenance.utc_now(), seconds=0.0),
        benchmark_version=BENCHMARK_VERSION,
    )
    with alone(path):
        items_path(path).unlink(missing_ok=True)  # of an earlier run: they would belong to no score
        writing.write_json(path, record)
    return path


def record_provenance(*, started: str, seconds: float) -> Provenance:
    """Provenance of a record that is being written."""
    return Provenance(**provenance.provenance(), started=started, seconds=seconds)


def _write_table(path: Path, table: pa.Table) -> None:
    with writing.atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


# --- is it done? ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Inputs:
    """What a record is computed from: embeddings folders, or records for the references."""

    embeddings: Path
    references: Mapping[str, Path]

    def hashes(self, config: Any) -> Mapping[str, str]:
        """Hash of each input, of the settings (with the content of metrics given by path) and the package's version."""
        settings = writing.plain(config)
        files = [Path(name) for name in getattr(config, "extra_metrics", ()) if plugins.is_path(name)]
        return {
            "embeddings": _hash(self.embeddings),
            **{name: _hash(path) for name, path in self.references.items()},
            "config": manifest.sha256_json([settings, [manifest.sha256_file(path) for path in files]]),
            "version": provenance.version(),
        }


def is_current(record: Path, inputs: Inputs, config: Any) -> bool:
    """Tell whether a complete record of just these inputs is there with its side files."""
    if not (record.is_file() and items_path(record).is_file() and gallery_path(record).is_file()):
        return False
    try:
        stored = read_record(record)
        scored = stored.status == "complete" and stored.benchmark_version == BENCHMARK_VERSION
        return scored and stored.inputs == inputs.hashes(config)
    except (RecordError, OSError):
        return False


def _hash(path: Path) -> str:
    return manifest.sha256_file(path / manifest.MANIFEST if path.is_dir() else path)
