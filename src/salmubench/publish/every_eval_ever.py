"""A record in the format of Every Eval Ever: one JSON file of scores, one JSONL file of items.

Schema 0.3.0 of https://github.com/evaleval/every_eval_ever: a score has a direction and an interval, an item a score
and whether it is right. Ours are two-sided: the goal of a number is a reference's value. So a number's direction is the
one from the other reference to that of its goal, and an item is right where it is nearer to the goal's own value. The
views L, K and D and the failure modes are results of their own.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from salmubench.core import provenance, writing
from salmubench.core.errors import ConfigError, RecordError
from salmubench.scoring import items as item_tables
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.metric import Metric, label, parts_of
from salmubench.scoring.metric import known as known_part
from salmubench.scoring.record import RunRecord, Score, number_of
from salmubench.scoring.record_files import read_items, read_record
from salmubench.scoring.references import CLEAN, COMPROMISED, KINDS
from salmubench.scoring.roles import with_descriptions
from salmubench.scoring.views import describe_all

SCHEMA = "0.3.0"
COLLECTION = "salmubench"
Relationship = Literal["first_party", "third_party", "collaborative", "other"]

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_VIEWS: Mapping[str, tuple[str, bool, str]] = {
    "leakage": ("leakage left L", True, "(U − R) / (P − R): 0 as the goal's reference, 1 as Compromised; goal 0"),
    "kept": ("kept K", False, "(U − C) / (P − C): 1 unharmed, 0 as if never learned; goal 1"),
    "drop": ("utility drop D", True, "(P − U) / P; goal 0"),
}
"""View → its name, whether less is better, what it is."""
_STATES = ("no", "undecided", "yes")


@dataclass(frozen=True)
class Source:
    """Who evaluated what, which a record doesn't say.

    Attributes:
        relationship: of the evaluator to the model.
        hub_id: of the model where it is public; else it is called by organization and name.
    """

    organization: str
    relationship: Relationship = "first_party"
    hub_id: str | None = None


def export_every_eval_ever(
    record: Path, out: Path, *, source: Source, metrics: Mapping[str, Metric], items: bool = True
) -> list[Path]:
    """Write a record for the datastore of Every Eval Ever; the same record and options give the same bytes.

    Args:
        record: path of a complete record of a model judged between references, its items beside it.
        out: folder in which `data/salmubench/<developer>/<model>/` is made.
        metrics: name → description, with the range of values.

    Returns:
        The files: scores, and items.

    Raises:
        RecordError: a failed record, or one of a reference.
        ConfigError: an organization or Hub id that can't be one.
    """
    read = with_descriptions(read_record(record), metrics)
    ends = [read.references.get(name) for name in ("clean", "compromised")]
    if read.status != "complete" or read.verdict is None or None in ends or read.model.sha256 in ends:
        raise RecordError(f"Expected the record of a model judged between references, got {record}, which isn't.")
    model_id = _model_id(read, source)
    data = record.read_bytes() + repr((source, items)).encode()
    name = str(uuid.UUID(bytes=hashlib.sha256(data).digest()[:16], version=4))
    developer, _, model = model_id.partition("/")
    place = Path("data") / COLLECTION / developer / model
    content = _aggregate(read, source, model_id, metrics)
    files = []
    if items:
        path = out / place / f"{name}_samples.jsonl"
        content["detailed_evaluation_results"] = _write_items(path, read, read_items(record), content)
        content["detailed_evaluation_results"]["file_path"] = (place / path.name).as_posix()
        files.append(path)
    target = out / place / f"{name}.json"
    writing.write_json(target, content)
    return [target, *files]


def _model_id(record: RunRecord, source: Source) -> str:
    words = re.sub(r"[^\w.-]+", "-", source.organization, flags=re.ASCII).strip("-.")
    if not words or len(source.organization) > 120:
        raise ConfigError(f"Expected an organization with letters A–Z, got {source.organization!r:.120}.")
    model_id = source.hub_id or f"{words}/{record.model.name}"
    if not _HUB_ID.fullmatch(model_id):
        raise ConfigError(f"Expected a model org/name, got {model_id!r:.200}.")
    return model_id


def _aggregate(record: RunRecord, source: Source, model_id: str, metrics: Mapping[str, Metric]) -> dict[str, Any]:
    started = record.provenance.started
    created = str(int(datetime.fromisoformat(started).timestamp()))
    missing = [
        f"{label(name, part)}: {score.reason}"
        for name, parts in record.scores.items()
        for part, score in parts.items()
        if score.value is None
    ]
    return {
        "schema_version": SCHEMA,
        "evaluation_id": f"{COLLECTION}/{model_id}/{created}",
        "evaluation_timestamp": started,
        "retrieved_timestamp": created,
        "source_metadata": {
            "source_name": "SALMUBench",
            "source_type": "evaluation_run",
            "source_organization_name": source.organization,
            "evaluator_relationship": source.relationship,
            "additional_details": _texts({"not_measured": "; ".join(missing), "notes": " ".join(record.notes)}),
        },
        "eval_library": {
            "name": "salmubench",
            "version": record.provenance.version,
            "additional_details": _texts(
                {"benchmark_version": record.benchmark_version, "commit": record.provenance.commit}
            ),
        },
        "model_info": _model(record, source, model_id),
        "evaluation_results": [*_scores(record, metrics), *_verdict(record)],
    }


def _model(record: RunRecord, source: Source, model_id: str) -> dict[str, Any]:
    model, cost = record.model, record.cost
    details = {
        "deployment_type": "self_deployed",
        "model_availability": "open_weights" if source.hub_id else "unknown",
        "method": model.method,
        "method_sha256": model.method_sha256,
        "budget": model.budget,
        "pairs_seen": cost.pairs,
        "optimiser_steps": cost.steps,
        "weights_sha256": model.weights,
        **{f"{kind}_sha256": record.references.get(kind) for kind in KINDS},
    }
    return {
        "name": model.name,
        "id": model_id,
        "developer": source.organization,
        "additional_details": _texts(details),
    }


def _scores(record: RunRecord, metrics: Mapping[str, Metric]) -> Iterator[dict[str, Any]]:
    described = describe_all(record)
    for name, parts in record.scores.items():
        for part, score in parts.items():
            if score.value is None:
                continue
            metric, called, view = described[name], label(name, part), score.normalised
            config = {
                "evaluation_description": metric.definition.get(part) or metric.title or called,
                "metric_id": f"{COLLECTION}.{name}.{part}".lower(),
                "metric_name": called,
                "lower_is_better": _falls(score),
                **_range(metric, metrics.get(name), part),
                "additional_details": _texts({"goal": score.goal, "two_sided": "true", **_references(score)}),
            }
            yield _result(record, score, f"{name}/{part}", config, score.value, score.ci95)
            if view.view is None or view.value is None:
                continue
            words, falls, formula = _VIEWS[view.view]
            config = {
                "evaluation_description": f"{words} of {called}: {formula}.",
                "metric_id": f"{COLLECTION}.{name}.{part}.{view.view}".lower(),
                "metric_name": f"{called}, {words}",
                "lower_is_better": falls,
                **_continuous("-Infinity", "Infinity"),
                "additional_details": _texts({"against": view.against, "two_sided": "true"}),
            }
            yield _result(record, score, f"{name}/{part}/{view.view}", config, view.value, view.ci95)


def _result(
    record: RunRecord, score: Score, key: str, config: dict[str, Any], value: float, ci95: tuple[float, float] | None
) -> dict[str, Any]:
    uncertainty: dict[str, Any] = {"num_samples": score.n}
    if ci95 is not None and record.protocol is not None:
        uncertainty["num_bootstrap_samples"] = record.protocol.bootstraps
        uncertainty["confidence_interval"] = {
            "lower": ci95[0],
            "upper": ci95[1],
            "confidence_level": record.protocol.level,
            "method": f"bootstrap over {score.units} units: people, or pictures within classes",
        }
    details = _texts({"left_out": score.left_out})
    return {
        "evaluation_result_id": key,
        "evaluation_name": config["metric_name"],
        "source_data": _data(record, score.n),
        "metric_config": config,
        "score_details": {"score": value, "uncertainty": uncertainty, "details": details},
    }


def _verdict(record: RunRecord) -> Iterator[dict[str, Any]]:
    """The failure modes as levels, no failure first."""
    states = writing.plain(record.verdict)
    for mode in (mode.name for mode in MODES):
        if states.get(mode) in _STATES:
            yield {
                "evaluation_result_id": f"verdict/{mode}",
                "evaluation_name": f"failure mode: {mode.replace('_', '-')}",
                "source_data": _data(record, None),
                "metric_config": {
                    "evaluation_description": "Whether the whole interval says that the model has this failure mode.",
                    "metric_id": f"{COLLECTION}.verdict.{mode}",
                    "metric_name": mode.replace("_", "-"),
                    "lower_is_better": True,
                    "score_type": "levels",
                    "level_names": list(_STATES),
                    "has_unknown_level": False,
                },
                "score_details": {"score": _STATES.index(states[mode])},
            }


def _data(record: RunRecord, n: int | None) -> dict[str, Any]:
    dataset = record.dataset
    public: dict[str, Any] = {} if dataset.revision is None else {"hf_repo": dataset.name}
    if public and n is not None:
        public["samples_number"] = n
    about = {"fingerprint": dataset.fingerprint, "revision": dataset.revision, "imagenet": dataset.imagenet}
    return {
        "dataset_name": provenance.portable(dataset.name),
        "source_type": "hf_dataset" if public else "other",
        **public,
        "additional_details": _texts(about),
    }


def _falls(score: Score) -> bool:
    """Whether less is better: the goal's reference has less than the other one."""
    target, other = _target(score.goal, _references(score))
    known = target is not None and other is not None and target != other
    return bool(target < other) if known else score.goal != COMPROMISED


def _target(goal: str, values: Mapping[str, Any]) -> tuple[Any, Any]:
    """The goal's value and that of the reference at the other end."""
    if goal == COMPROMISED:
        return values[COMPROMISED], values[CLEAN]
    return values[CLEAN if values[goal] is None else goal], values[COMPROMISED]


def _references(score: Score) -> dict[str, float | None]:
    return {kind: number_of(score, kind) for kind in KINDS}


def _range(described: Metric, metric: Metric | None, part: str) -> dict[str, Any]:
    """Lowest and highest value of a part."""
    if part.startswith(known_part("")):  # a difference of two means
        return _continuous(-1.0, 1.0)
    if described.items != "value" or part.startswith(("mrr", "r1", "percentile")) or (metric and metric.binary):
        return _continuous(0.0, 1.0)
    return _continuous(*((metric and metric.range) or ("-Infinity", "Infinity")))


def _continuous(low: float | str, high: float | str) -> dict[str, Any]:
    return {"score_type": "continuous", "min_score": low, "max_score": high}


def _texts(given: Mapping[str, Any]) -> dict[str, str]:
    """The format's details are texts; what isn't known is left out."""
    present = {
        name: value if isinstance(value, str) else repr(value) for name, value in given.items() if value is not None
    }
    return {name: str(provenance.portable(value)) for name, value in present.items() if value}


def _write_items(path: Path, record: RunRecord, table: pa.Table, content: Mapping[str, Any]) -> dict[str, Any]:
    """Write a line for each item and each part of its metric; what the scores say about the file."""
    digest, rows = hashlib.sha256(), 0
    model = content["model_info"]["id"]
    about = {"schema_version": SCHEMA, "evaluation_id": content["evaluation_id"], "model_id": model}
    with writing.atomic_path(path) as temporary, temporary.open("wb") as stream:
        for line in _lines(record, table):
            data = json.dumps({**about, **line}, ensure_ascii=False, allow_nan=False).encode() + b"\n"
            stream.write(data)
            digest.update(data)
            rows += 1
    return {"format": "jsonl", "hash_algorithm": "sha256", "checksum": digest.hexdigest(), "total_rows": rows}


def _lines(record: RunRecord, table: pa.Table) -> Iterator[dict[str, Any]]:
    for name, metric in describe_all(record).items():
        rows = item_tables.of_metric(table, name)
        for part, described in parts_of(metric.items).items():
            score = record.scores.get(name, {}).get(part)
            if score is None or score.value is None or not rows.num_rows:
                continue
            columns = {column: _floats(rows, column) for column in ("value", *KINDS, "others")}
            others = columns.pop("others")
            known = {column: described.of(given, others) for column, given in columns.items() if given is not None}
            target, other = _target(metric.goal, dict.fromkeys(KINDS) | known)
            if "value" in known and target is not None and other is not None:
                yield from _lines_of(rows, f"{name}/{part}", label(name, part), known["value"], target, other)


def _lines_of(rows: pa.Table, key: str, name: str, values: Any, target: Any, other: Any) -> Iterator[dict[str, Any]]:
    right = (abs(values - target) < abs(values - other)) | (values == target)
    keys = rows.select(["split", "file_name", "caption", "identity_id"]).to_pylist()
    numbers = (several.tolist() for several in (values, target, other, right))
    for row, value, goal, end, is_correct in zip(keys, *numbers, strict=True):
        caption, picture = str(row["caption"]), str(row["file_name"])
        yield {
            "evaluation_name": name,
            "evaluation_result_id": key,
            "sample_id": f"{row['split']}/{picture}",
            "sample_hash": hashlib.sha256((caption + picture).encode()).hexdigest(),
            "interaction_type": "single_turn",
            "input": {"raw": caption, "reference": [picture]},
            "output": {"raw": [repr(value)]},
            "answer_attribution": [
                {
                    "turn_idx": 0,
                    "source": "output.raw",
                    "extracted_value": repr(value),
                    "extraction_method": "score of the picture and the caption",
                    "is_terminal": True,
                }
            ],
            "evaluation": {"score": value, "is_correct": is_correct},
            "metadata": _texts({"identity": row["identity_id"], "goal": goal, "other_reference": end}),
        }


def _floats(rows: pa.Table, column: str) -> Any:
    """A column as float64 (n,); `None` where it isn't there in full."""
    given = rows.column(column)
    return None if given.null_count else given.to_numpy(zero_copy_only=False).astype(np.float64)
