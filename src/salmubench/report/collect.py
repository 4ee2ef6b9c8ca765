"""Read what a run folder holds, as far as the report needs it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salmubench.core import manifest, tables
from salmubench.core.errors import DatasetError, RecordError
from salmubench.dataset import layout
from salmubench.scoring.items import check_table
from salmubench.scoring.metric import Metric
from salmubench.scoring.record import RunRecord, Score
from salmubench.scoring.record_files import items_path, read_items, read_record
from salmubench.scoring.references import LABELS, pretrained_kind
from salmubench.scoring.roles import with_descriptions
from salmubench.scoring.stages import RUN, RunFile, read_run_file

Metrics = Mapping[str, Metric]
"""Name → description of the metrics that the package has, in the order of its tables."""

_CURVES = pa.schema([("step", pa.int64()), ("pairs", pa.int64()), ("name", pa.string()), ("value", pa.float64())])

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """One logged value of a training: steps, pairs seen and value of each entry."""

    name: str
    steps: Array
    pairs: Array
    values: Array


@dataclass(frozen=True)
class Run:
    """A run folder.

    Attributes:
        info: `run.json`, with titles of the methods that the run was given by path; empty where there is none.
        records: the references, then the methods in the run's order.
        paths: model name → file of its record.
        dataset: the dataset, or `None` where the folder has none.
        repeats: name of a record that speaks of several seeds → the record of each seed.
    """

    folder: Path
    info: RunFile
    records: Sequence[RunRecord]
    paths: Mapping[str, Path]
    dataset: layout.Dataset | None
    metrics: Metrics = field(default_factory=dict)
    repeats: Mapping[str, Sequence[RunRecord]] = field(default_factory=dict)
    _items: dict[str, dict[str, pa.Table]] = field(default_factory=dict, repr=False)

    def items(self, model: str, metric: str) -> pa.Table | None:
        """Scored items of one model and one metric that the pages show items of; `None` where there are none.

        Raises:
            RecordError: the side file is broken.
        """
        if model not in self._items:
            path = self.paths[model]
            table = read_items(path) if items_path(path).is_file() else None
            self._items[model] = {
                name: table.filter(pc.field("metric") == name)
                for name, one in self.metrics.items()
                if table is not None and (one.panel is not None or one.role == "leakage")
            }
        rows = self._items[model].get(metric)
        return rows if rows is not None and rows.num_rows else None

    def curves(self, model: str) -> list[Curve]:
        """The logged values of a model's training, in the file's order of names; empty where there are none.

        Raises:
            RecordError: the file is broken.
        """
        path = self.folder / "checkpoints" / model / "curves.parquet"
        if not path.is_file():
            return []
        advice = "Run the stage again."
        table = tables.read_table(path, error=RecordError, columns=_CURVES.names, advice=advice)
        table = check_table(table, _CURVES, where=str(path), advice=advice)
        names = np.array(table.column("name").to_pylist(), dtype=object)
        steps, pairs, values = (
            np.asarray(pc.fill_null(pc.cast(table.column(name), pa.float64()), np.nan).to_numpy(), dtype=np.float64)
            for name in ("step", "pairs", "value")
        )
        curves = []
        for name in dict.fromkeys(names.tolist()):
            rows = np.flatnonzero(names == name)
            rows = rows[np.argsort(steps[rows], kind="stable")]
            curves.append(Curve(str(name), steps[rows], pairs[rows], values[rows]))
        return curves


def read_run(folder: Path, metrics: Metrics | None = None) -> Run:
    """Read a run folder, or a folder of records.

    Args:
        metrics: descriptions; they win over what a record says about a metric of the same name. Without them there is
            no gallery and no distribution.

    Raises:
        RecordError: no record in it, or one that can't be read.
    """
    metrics = metrics or {}
    if not folder.is_dir():
        raise RecordError(f"Expected a run folder at {folder}, got none.")
    info = read_run_file(folder, error=RecordError)
    place = folder / "records" if (folder / "records").is_dir() else folder
    records: dict[str, RunRecord] = {}
    paths: dict[str, Path] = {}
    for path in sorted(place.glob("*.json")):
        if _is_record(path):
            record = with_descriptions(read_record(path), metrics)
            if record.model.name in paths:
                raise RecordError(
                    f"Expected one record of each model in {place}, got {record.model.name!r} in "
                    f"{paths[record.model.name].name} and {path.name}."
                )
            records[record.model.name], paths[record.model.name] = record, path
    if not records:
        raise RecordError(f"Expected records (JSON files) in {place}, got none. Run or score first.")
    names = dict.fromkeys([*(name for name in info.models if name in records), *sorted(records)])
    order = [*LABELS, None]  # methods behind the references
    ordered = sorted((records[name] for name in names), key=lambda record: order.index(pretrained_kind(record)))
    dataset = None
    if (folder / "dataset").is_dir():
        with contextlib.suppress(DatasetError):  # a run whose dataset was thinned out has a page without examples
            dataset = layout.Dataset(folder / "dataset")
    return Run(folder, info, ordered, paths, dataset, metrics)


def score_of(record: RunRecord, metric: str, part: str = "value") -> Score | None:
    """The score, or `None` where the record doesn't have the metric."""
    return record.scores.get(metric, {}).get(part)


def failure(record: RunRecord) -> str:
    """What a failed record says: step and message."""
    if record.error is None:
        return "failed"
    where = "" if record.error.step is None else f" at step {record.error.step}"
    return f"failed{where}: {record.error.message}"


def _is_record(path: Path) -> bool:
    """Other JSON files may lie beside records in a folder of the user's."""
    if path.name in (RUN, "submission.json", manifest.MANIFEST):
        return False
    content = manifest.read_json(path)
    return isinstance(content, dict) and "scores" in content and "model" in content
