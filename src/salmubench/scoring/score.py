"""`score`: from stored embeddings to a record with intervals, views between the references and a verdict."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from salmubench.clip import embeddings
from salmubench.clip.embeddings import DatasetFacts, Embeddings
from salmubench.core import manifest, places, provenance
from salmubench.core.errors import EmbeddingsError, RecordError
from salmubench.core.types import Split
from salmubench.scoring import breakdown
from salmubench.scoring import items as item_tables
from salmubench.scoring.attacks.record import Attacks
from salmubench.scoring.bootstrap import LEVEL, SEED
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.described import Side, model_of
from salmubench.scoring.fragile import Fragile, find_fragile
from salmubench.scoring.gallery import check_ranked
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import Metric, Outcome, Unavailable, label
from salmubench.scoring.origin import Cost, Dataset, Encoding
from salmubench.scoring.plugin import Plugin, authors_code
from salmubench.scoring.record import BENCHMARK_VERSION, SCHEMA_VERSION, MetricInfo, Protocol, RunRecord, Score
from salmubench.scoring.record_files import (
    Inputs,
    check_target,
    gallery_sha256,
    is_current,
    read_items,
    read_record,
    record_provenance,
    write_record,
)
from salmubench.scoring.references import COMPROMISED, ENDS, OF
from salmubench.scoring.roles import in_role
from salmubench.scoring.verdict import THRESHOLDS, judge
from salmubench.scoring.views import Missing, score_items

IMAGENET = 50_000
"""Pictures of ImageNet's validation set."""

QUICK_LOOK = (
    "A quick look at no more than {limit} rows of each split (--limit): the numbers are rough, and nothing of it "
    "can be submitted."
)

log = logging.getLogger(__name__)


def score(
    *,
    embeddings: Path,
    references: Mapping[str, Path],
    out: Path,
    metrics: Sequence[Plugin],
    config: ScoreConfig | None = None,
) -> Path:
    """Score a model between its references: `out`, `<stem>.items.parquet` and `gallery.parquet` beside it.

    Where the model is Clean or Compromised (the same folder), its own record is written: without reference values,
    views and verdict. Retrained is judged like any other model, by the same rules; against itself it is 0. A call on a
    finished record of the same inputs does nothing.

    Args:
        embeddings: folder of the model judged.
        references: reference → its embeddings folder or record (with its items); Clean and Compromised are needed.
        out: path of the record, `.json`.
        metrics: what is computed, in the order of the record.

    Returns:
        The path of the record.

    Raises:
        EmbeddingsError: embeddings are missing, damaged, not finite, or of another dataset.
        RecordError: a reference's record failed, is of another dataset, or has other items or another gallery.
        OutputMismatch: the folder holds records of another gallery.

    Examples:
        With stored embeddings in the folders `clean`, `compromised` and `candidate`:

        >>> from salmubench import read_record, score
        >>> from salmubench.scoring.verdict import passes
        >>> path = score(embeddings=candidate, clean=clean, compromised=compromised, out=Path("candidate.json"))
        >>> record = read_record(path)
        >>> record.scores["AssocStr"]["value"].goal
        'clean'
        >>> passes(record.verdict)
        False
    """
    config = config or ScoreConfig()
    check_target(out)
    inputs = Inputs(embeddings, references)
    for path in (embeddings, *references.values()):
        if not path.exists():
            raise EmbeddingsError(
                f"Expected an embeddings folder or the record of a reference at {path}, got nothing. Encode the model "
                "first."
            )
    if not embeddings.is_dir():
        raise EmbeddingsError(f"Expected the model's embeddings folder, got the file {embeddings}.")
    if is_current(out, inputs, config):
        return out
    started, clock = provenance.began(), time.perf_counter()
    evaluated = _Session(inputs, metrics, config)
    record = evaluated.record(started=started, clock=clock)
    record = replace(record, attacks=_attacks_of(out, record))
    known = _stated_beside(out, references)
    for note in record.notes:
        if note not in known:
            log.warning("%s", note)
    write_record(out, record, items=evaluated.items, gallery=evaluated.subject.gallery)
    return out


def _stated_beside(path: Path, references: Mapping[str, Path]) -> set[str]:
    """Notes of the references' own records beside a record: in a run they have been printed."""
    notes: set[str] = set()
    for beside in {path.with_name(f"{name}.json") for name in references} - {path}:
        with contextlib.suppress(RecordError):
            notes |= set(read_record(beside).notes) if beside.is_file() else set()
    return notes


def _attacks_of(path: Path, record: RunRecord) -> Attacks | None:
    """What attacks on the same model brought back, by an earlier record that this one takes the place of."""
    with contextlib.suppress(RecordError):
        earlier = read_record(path)
        scored = [None if one.protocol is None else ScoreConfig.of(one.protocol) for one in (earlier, record)]
        same = (earlier.model.sha256, earlier.dataset.fingerprint) == (record.model.sha256, record.dataset.fingerprint)
        if same and scored[0] == scored[1] and earlier.references == record.references:
            return earlier.attacks
    return None


@dataclass(frozen=True, eq=False)
class Evaluated:
    """One model's items.

    Attributes:
        items: without reference values.
        missing: name → why there is no number.
        left_out: name → rows left out.
    """

    items: pa.Table
    metrics: Mapping[str, Metric]
    missing: Mapping[str, Missing]
    left_out: Mapping[str, int]
    gallery: pa.Table


def evaluate(opened: Embeddings, metrics: Sequence[Plugin], config: ScoreConfig, fragile: Fragile) -> Evaluated:
    """Run metrics on one model's embeddings."""
    opened.check_vectors()
    inputs = EvalInputs(opened, config, fragile.ids, fragile.reason)
    tables: list[pa.Table] = []
    described: dict[str, Metric] = {}
    missing: dict[str, Missing] = {}
    left_out: dict[str, int] = {}
    for plugin in metrics:
        name = plugin.metric.name
        described[name] = plugin.metric
        try:
            table, left_out[name] = _items_of(plugin, inputs)
            tables.append(table)
        except Unavailable as error:
            missing[name] = Missing(str(error))
    return Evaluated(item_tables.join(tables), described, missing, left_out, inputs.gallery.table())


def _items_of(plugin: Plugin, inputs: EvalInputs) -> tuple[pa.Table, int]:
    with authors_code(plugin):
        outcome = plugin.score(inputs)
        if not isinstance(outcome, Outcome):
            raise TypeError(f"Expected score(inputs) to give an Outcome, got {type(outcome).__name__}")
        if outcome.value is None or outcome.per_item is None:
            raise Unavailable(outcome.reason or "the metric gave no number and no reason")
        return item_tables.item_table(plugin.metric, outcome.per_item), outcome.left_out


_scored_references: dict[Any, Evaluated] = {}
"""The references are scored once for all models of a run; the manifest's digest tells whether they are the same."""
_MOST_REFERENCES = 4


def _evaluate_reference(folder: Path, metrics: Sequence[Plugin], config: ScoreConfig, fragile: Fragile) -> Evaluated:
    names = tuple(plugin.metric.name for plugin in metrics)
    key = (places.real(folder), manifest.sha256_file(folder / manifest.MANIFEST), names, config, fragile)
    if key not in _scored_references:
        while len(_scored_references) >= _MOST_REFERENCES:
            del _scored_references[next(iter(_scored_references))]
        _scored_references[key] = evaluate(embeddings.open_embeddings(folder), metrics, config, fragile)
    return _scored_references[key]


class _Session:
    """One call of `score`: the model, its references, what goes into the record.

    Vectors are mapped only while a model is evaluated: three models at full scale would fill the memory.
    """

    def __init__(self, paths: Inputs, metrics: Sequence[Plugin], config: ScoreConfig) -> None:
        self.paths = paths
        self.metrics = metrics
        self.config = config
        self.model = Side("the model", paths.embeddings)
        self.references = {name: Side(name, path) for name, path in paths.references.items()}
        for reference in self.references.values():
            reference.check_dataset(self.model)
        compromised = paths.references[COMPROMISED]
        source = embeddings.open_embeddings(compromised) if compromised.is_dir() else compromised
        fragile_metric = next((item.metric.name for item in metrics if item.metric.split == "fragile_set"), None)
        self.fragile = find_fragile(self.model.facts, source, config, metric=fragile_metric)
        del source
        self.subject = self._evaluate(paths.embeddings)
        # The record of Clean or Compromised holds no reference values: those of its items would be its own.
        is_reference = any(_same(paths.embeddings, path) for path in map(paths.references.__getitem__, ENDS))
        tables = {} if is_reference else {name: self._reference_items(name) for name in self.references}
        self.items = item_tables.with_references(self.subject.items, tables)

    def record(self, *, started: str, clock: float) -> RunRecord:
        described, evaluated = self.model.described, self.subject
        # By what the dataset says: of rows that only some were seen of, the holdout's don't name everybody.
        held = item_tables.partly_forgotten(self.items, self.model.facts.forget_identity)
        scores = score_items(
            self.items,
            metrics=evaluated.metrics,
            missing=evaluated.missing,
            left_out=evaluated.left_out,
            bootstraps=self.config.bootstraps,
            held=held,
        )
        notes = self._notes(scores)
        encoding = described.encoding
        return RunRecord(
            schema_version=SCHEMA_VERSION,
            status="complete",
            error=None,
            model=model_of(described.model),
            dataset=_dataset(self.model.facts, self.items, held),
            encoding=Encoding(
                encoding.precision, encoding.device, encoding.preprocessing, described.cut_captions, encoding.probe
            ),
            gallery_sha256=gallery_sha256(evaluated.gallery) if evaluated.gallery.num_rows else None,
            fragile_set=self.fragile.described(),
            scores=scores,
            verdict=judge(scores, evaluated.metrics, independent=described.model.kind not in (None, *ENDS)),
            protocol=protocol(self.config, evaluated.metrics),
            cost=_cost(described.model.cost),
            references={name: reference.sha256 for name, reference in self.references.items()},
            inputs=self.paths.hashes(self.config),
            notes=tuple(notes),
            provenance=record_provenance(started=started, seconds=time.perf_counter() - clock),
            breakdowns=self._breakdowns(),
            benchmark_version=BENCHMARK_VERSION,
        )

    def _breakdowns(self) -> Mapping[str, Any]:
        if not self.config.by:
            return {}
        facts = breakdown.IndexedFacts(embeddings.open_embeddings(self.model.path))
        return {
            by: breakdown.score_groups(
                self.items, facts, by, metrics=self.subject.metrics, bootstraps=self.config.bootstraps
            )
            for by in dict.fromkeys(self.config.by)
        }

    def _evaluate(self, folder: Path) -> Evaluated:
        if not any(_same(folder, reference.path) for reference in self.references.values()):
            return evaluate(embeddings.open_embeddings(folder), self.metrics, self.config, self.fragile)
        return _evaluate_reference(folder, self.metrics, self.config, self.fragile)

    def _reference_items(self, name: str) -> pa.Table:
        path, record = self.references[name].path, self.references[name].record
        if record is None:
            return self._evaluate(path).items
        items = read_items(path)
        check_ranked(record, items, self.subject.gallery, self.subject.metrics, path=path)
        return items

    def _notes(self, scores: Mapping[str, Mapping[str, Score]]) -> list[str]:
        notes = []
        for leakage in in_role(scores, self.subject.metrics, "leakage"):
            clean, compromised = leakage.score.clean, leakage.score.compromised
            if clean is not None and compromised is not None and clean > compromised:
                notes.append(
                    "Clean knows the pairs to forget better than Compromised "
                    f"({label(leakage.metric, leakage.part)} {clean:.4f} > {compromised:.4f}): are the references "
                    "swapped?"
                )
        for name, reference in self.references.items():
            if reference.kind not in (None, name):
                holdouts = (
                    " Its holdouts are known to it."
                    if reference.kind in OF and OF[reference.kind].beside == "holdouts"
                    else ""
                )
                notes.append(
                    f"The reference given as {name} calls itself {reference.kind}: are the references swapped?"
                    f"{holdouts}"
                )
            if reference.precision != self.model.precision:
                notes.append(
                    f"The model was encoded in {self.model.precision}, {name} in {reference.precision}: mean "
                    "similarities may differ by up to 0.002 for that alone."
                )
        if opened := self.model.described.model.opened:
            notes.append(
                f"While the method ran, files that only the evaluation may read were opened: {', '.join(opened)}."
            )
        if self.model.facts.limit is not None:
            notes.append(QUICK_LOOK.format(limit=self.model.facts.limit))
        shown = self.model.facts.counts.get(str(Split.GENERAL_KNOWLEDGE), 0)
        if self.model.facts.imagenet is not None and shown != IMAGENET:
            notes.append(
                f"General knowledge is of {shown:,} pictures of ImageNet's validation set, not of all {IMAGENET:,}."
            )
        sources = self.subject.gallery.column("source").to_pylist()
        if sources and "retain_disjoint" not in sources:
            notes.append("The gallery of retrieval holds no captions of retain_disjoint: the dataset has none.")
        cut = self.model.described.cut_captions.get(str(Split.FORGET), 0)
        if cut:
            notes.append(f"{cut} captions of forget are longer than the model's context and were cut.")
        return notes


def _same(a: Path, b: Path) -> bool:
    return places.real(a) == places.real(b)


def _dataset(facts: DatasetFacts, items: pa.Table, held: frozenset[str]) -> Dataset:
    stated = item_tables.held_to_state(items, held, facts.counts.get(str(Split.HOLDOUT_ASSOCIATION)))
    counts = dict(facts.counts)
    return Dataset(facts.name, facts.fingerprint, counts, facts.revision, facts.imagenet, facts.limit, stated)


def _cost(stated: Mapping[str, float | None]) -> Cost:
    given = {field.name: stated.get(field.name) for field in fields(Cost)}
    numbers: dict[str, Any] = {name: float if name.endswith("seconds") else int for name in given}
    whole: dict[str, Any] = {name: None if value is None else numbers[name](value) for name, value in given.items()}
    return Cost(**whole)


def protocol(config: ScoreConfig, metrics: Mapping[str, Metric]) -> Protocol:
    """What a record says about constants and options."""
    return Protocol(
        bootstraps=config.bootstraps,
        bootstrap_seed=SEED,
        level=LEVEL,
        identity_prompt=config.identity_prompt,
        thresholds=THRESHOLDS,
        metrics={name: MetricInfo.of(item) for name, item in metrics.items()},
        fact_values=config.fact_values,
        fact_rows=config.fact_rows,
        acs_test_share=config.acs_test_share,
    )
