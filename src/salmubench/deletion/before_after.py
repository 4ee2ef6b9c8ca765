"""A model before and after a deletion, where nobody has a model that never saw the facts.

Differences are paired, item by item, with intervals over people. What a model without knowledge of the people would
give is told in two ways that need no such model: chance, and captions about people whom no model has met
(`deletion.strangers`). A verdict needs Clean, and there is none here.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from salmubench.clip import embeddings
from salmubench.core import manifest, places, provenance, writing
from salmubench.core.errors import EmbeddingsError, OutputError, RecordError
from salmubench.core.types import HOLDOUT_SPLITS, Pair, Split
from salmubench.dataset import layout
from salmubench.dataset.leaks import folded
from salmubench.dataset.origin import scoring_of
from salmubench.deletion import page as deletions
from salmubench.deletion.findings import answers, people_needed
from salmubench.deletion.guessed import guessed
from salmubench.deletion.levels import Sides, find_levels, people_rows
from salmubench.deletion.record import SCHEMA_VERSION, Asked, Change, DeletionRecord, read_deletion
from salmubench.deletion.strangers import strangers as strangers_of
from salmubench.scoring import items as item_tables
from salmubench.scoring.attacks.record import Attacks
from salmubench.scoring.bootstrap import SEED
from salmubench.scoring.compare import paired_differences
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.described import described_model, model_of
from salmubench.scoring.fragile import find_fragile
from salmubench.scoring.metric import Metric, parts_of
from salmubench.scoring.origin import Dataset, Encoding
from salmubench.scoring.plugin import Plugin, texts_of
from salmubench.scoring.record_files import alone, gallery_sha256, read_record, record_provenance
from salmubench.scoring.score import evaluate, protocol
from salmubench.scoring.selections import selections
from salmubench.scoring.settings import settled
from salmubench.workflow.evaluation import encode_model, with_imagenet
from salmubench.workflow.sources import check_sources, is_encoded, sha256_of

NO_VERDICT = (
    "No verdict: whether a model forgot too little, too much or hides the facts is measured by the distance to a model "
    "that never saw them, and none was given. What is said here compares the model after with the model before, with "
    "chance and with people whom no model has met."
)
BESIDE_RETRAINED = (
    "No verdict: failure modes are measured between a model that never saw the facts and one that saw them all. What "
    "is said here compares the model after with the model before and with one that was trained without the facts."
)


def evaluate_before_after(
    *,
    before: str | Path,
    after: str | Path,
    dataset: str | Path | layout.Dataset,
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
    from salmubench.encode.ranks import is_first
    from salmubench.generator.personas.fresh import fresh_people
    from salmubench.metrics import load_all

    out, attacks = Path(out), None if attacks is None else Path(attacks)
    if report is not None:
        _check_page(Path(report), out)
    opened, folder = with_imagenet(dataset, imagenet), out.with_suffix(".embeddings")
    config = settled(config, (), scoring_of(opened))
    given = {"before": before, "after": after, "retrained": retrained}
    known, metrics = {name: source for name, source in given.items() if source is not None}, load_all(config)
    invented = strangers_of(fresh_people(opened, seed=0))  # the same for every model
    loaded = check_sources(
        known, opened, out, folder, judged=[*known], texts=texts_of([invented], opened, config), arch=arch,
        device=device, precision=precision,
    )  # fmt: skip
    if attacks is not None:
        _attacks_of(attacks, sha256_of(after, arch=arch), opened.fingerprint)
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

    Raises:
        RecordError: another file.
    """
    writing.write_text(out, deletions.page(read_deletion(record)))
    return out


def compare_before_after(
    *,
    before: Path,
    after: Path,
    out: Path,
    pairs: Mapping[Split, Sequence[Pair]],
    retrained: Path | None = None,
    metrics: Sequence[Plugin],
    strangers: Plugin,
    config: ScoreConfig | None = None,
    attacked: Path | None = None,
) -> Path:
    """Compare embeddings of both models, of one dataset and the same texts: `out` and its side files.

    A call on a finished record of the same inputs does nothing.

    Args:
        pairs: rows of the splits, for what was asked.
        attacked: record of the model after, which says what attacks brought back.

    Raises:
        EmbeddingsError: embeddings are missing, damaged, or of different datasets.
        RecordError: the record with the attacks is of another model or dataset, or has none.
    """
    config = config or ScoreConfig()
    folders = {"before": before, "after": after, **({} if retrained is None else {"retrained": retrained})}
    opened = {name: embeddings.open_embeddings(path) for name, path in folders.items()}
    inputs = _inputs(folders, attacked, config)
    with contextlib.suppress(RecordError):  # none yet, or a damaged one
        if all(path.is_file() for path in (out, *side_files(out))) and read_deletion(out).inputs == inputs:
            return out
    started, clock = provenance.utc_now(), time.perf_counter()
    facts = opened["after"].dataset
    for name, one in opened.items():
        if (one.dataset.fingerprint, one.dataset.imagenet) != (facts.fingerprint, facts.imagenet):
            raise EmbeddingsError(
                f"Expected both models on one dataset, got fingerprint {one.dataset.fingerprint} in {folders[name]} "
                f"and {facts.fingerprint} in {after}. Encode both on the same dataset."
            )
    fragile_metric = next((item.metric.name for item in metrics if item.metric.split == "fragile_set"), None)
    fragile = find_fragile(facts, opened["before"], config, metric=fragile_metric)
    guesses = guessed()
    scored = {name: evaluate(one, [*metrics, strangers, guesses], config, fragile) for name, one in opened.items()}
    sides = Sides(
        scored["before"], scored["after"], exact=scored.get("retrained"), bootstraps=config.bootstraps,
        held=item_tables.partly_forgotten(scored["after"].items, facts.forget_identity),
        telling=frozenset((row.file_name, row.caption) for row in pairs[Split.FORGET] if _name_tells(row)),
    )  # fmt: skip
    described = {name: described_model(item) for name, item in opened.items()}
    encoding = described["after"].encoding
    attacks = None if attacked is None else _attacks_of(attacked, described["after"].model.sha256, facts.fingerprint)
    names = (strangers.metric.name, guesses.metric.name)
    changes, levels = _changes(sides, skip=names), find_levels(sides, *names)
    findings = answers(changes, levels, sides.after.metrics)
    record = DeletionRecord(
        schema_version=SCHEMA_VERSION,
        kind="before_after",
        asked=_asked(pairs),
        before=model_of(described["before"].model),
        after=model_of(described["after"].model),
        dataset=Dataset(facts.name, facts.fingerprint, dict(facts.counts), facts.revision, facts.imagenet),
        encoding=Encoding(
            encoding.precision, encoding.device, encoding.preprocessing, described["after"].cut_captions, encoding.probe
        ),
        gallery_sha256=gallery_sha256(sides.after.gallery) if sides.after.gallery.num_rows else None,
        fragile_set=fragile.described(),
        changes=changes,
        levels=levels,
        people=people_rows(sides, strangers.metric.name),
        findings=findings,
        people_needed=people_needed(changes, levels, findings, sides.after.metrics),
        no_verdict=NO_VERDICT if retrained is None else BESIDE_RETRAINED,
        protocol=protocol(config, sides.after.metrics),
        inputs=inputs,
        notes=tuple(_notes(described["before"].encoding.precision, encoding.precision, changes)),
        provenance=record_provenance(started=started, seconds=time.perf_counter() - clock),
        attacks=attacks,
        retrained=model_of(described["retrained"].model) if retrained is not None else None,
    )
    _write(out, record, sides)
    return out


def _name_tells(row: Pair) -> bool:
    """Whether the value holds a part of the name, of three letters or more."""
    words = re.findall(r"\w{3,}", folded(row.name or ""))
    return any(word in folded(row.value or "") for word in words)


def _asked(pairs: Mapping[Split, Sequence[Pair]]) -> Asked:
    def facts(rows: Sequence[Pair]) -> set[tuple[str | None, str | None, str | None]]:
        return {(row.identity, row.field, row.value) for row in rows}

    forget = pairs[Split.FORGET]
    kept = [row for split in HOLDOUT_SPLITS for row in pairs[split]]
    counts = facts(forget)
    return Asked(
        people=len({identity for identity, _, _ in counts}),
        facts=len(counts),
        pictures=len(forget),
        fields=dict(sorted(Counter(field or "unknown" for _, field, _ in counts).items())),
        kept_facts=len(facts(kept)),
        kept_people=len({row.identity for row in kept}),
        retain_pairs=sum(row.identity is None for row in pairs[Split.RETAIN_SYNTH]),
    )


# --- before and after -------------------------------------------------------------------------------------------


def _changes(sides: Sides, *, skip: Sequence[str]) -> dict[str, dict[str, Change]]:
    changes: dict[str, dict[str, Change]] = {}
    for name, metric in sides.after.metrics.items():
        if name in skip:
            continue
        before, after = sides.rows(name)
        if not (before.num_rows and after.num_rows):
            nothing = Change(None, None, None, None, 0, 0, sides.why_none(name))
            changes[name] = dict.fromkeys(parts_of(metric.items, metric.groups), nothing)
            continue
        rows = paired_differences(metric, after, before, None, sides.held, sides.bootstraps, SEED)
        units = _units(after, metric, sides.held)
        changes[name] = {
            part: Change(row.second, row.first, row.difference, row.ci95, row.n, units[part], row.reason)
            for part, row in rows.items()
        }
    return changes


def _units(rows: pa.Table, metric: Metric, held: frozenset[str] | None) -> dict[str, int]:
    """Part → people (of general knowledge: classes) of whose items it is made."""
    column, counts = "caption" if metric.resample == "class" else "cluster", dict[str, int]()
    for one in selections(metric, rows, held):
        units = rows.filter(pa.array(one.which)).column(column).unique()
        counts |= dict.fromkeys(one.parts, len(units))
    return counts


# --- what else the record says ----------------------------------------------------------------------------------


def _notes(before: str | None, after: str | None, changes: Mapping[str, Mapping[str, Change]]) -> list[str]:
    notes = []
    if before != after:
        notes.append(
            f"The model before was encoded in {before}, the model after in {after}: mean similarities may differ by up "
            "to 0.002 for that alone."
        )
    if not any(change.n for parts in changes.values() for change in parts.values()):
        notes.append("Nothing could be measured: the dataset has no rows.")
    return notes


def _attacks_of(path: Path, sha256: str | None, fingerprint: str) -> Attacks:
    """What attacks on the model after brought back, from a record of this model and dataset."""
    record = read_record(path)
    if record.attacks is None:
        raise RecordError(f"Expected a record with attacks at {path}, got one without. Run salmubench attack first.")
    for what, given, expected in (
        ("the model after", record.model.sha256, sha256),
        ("this dataset", record.dataset.fingerprint, fingerprint),
    ):
        if given != expected:
            raise RecordError(f"Expected attacks on {what} ({expected}) at {path}, got {given}.")
    return record.attacks


def _inputs(folders: Mapping[str, Path], attacked: Path | None, config: ScoreConfig) -> dict[str, str]:
    files = {name: folder / manifest.MANIFEST for name, folder in folders.items()}
    if attacked is not None:
        files["attacks"] = attacked
    hashes = {name: manifest.sha256_file(path) for name, path in files.items() if path.is_file()}
    return {**hashes, "config": manifest.sha256_json(writing.plain(config)), "version": provenance.version()}


def side_files(record: Path) -> tuple[Path, ...]:
    """Gallery, items before and items after of a record."""
    suffixes = (".gallery.parquet", ".before.items.parquet", ".after.items.parquet")
    return tuple(record.with_name(record.stem + suffix) for suffix in suffixes)


def _write(out: Path, record: DeletionRecord, sides: Sides) -> None:
    """Write gallery and items first, the record last."""
    tables = (sides.after.gallery, sides.before.items, sides.after.items)
    text = writing.json_text(record, where=str(out))
    with alone(out):
        out.unlink(missing_ok=True)  # killed now, there is no record: an old one would have other items
        for path, table in zip(side_files(out), tables, strict=True):
            with writing.atomic_path(path) as temporary:
                pq.write_table(table, temporary, compression="zstd")
        writing.write_text(out, text)
