"""The harness of the attacks: what can be brought back of what was unlearnt.

References are attacked like the models; what an attack yields is read on pairs that it never sees (`reading`), kept as
rows, and turned into recovery between the references (`scoring.attacks`). Work is kept by hash of the weights, so
that a killed call goes on and references are attacked once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from salmubench.attacks import AttackConfig, Loaded, load_all
from salmubench.core import executor as executors
from salmubench.core import manifest, options, provenance, writing
from salmubench.core.errors import ConfigError, ModelError, RecordError
from salmubench.core.executor import Executor, parallel
from salmubench.core.types import Split
from salmubench.dataset.layout import Dataset, open_dataset
from salmubench.dataset.origin import scoring_of
from salmubench.encode.config import EncodeConfig
from salmubench.recovery.cut import cut as cut_pairs
from salmubench.recovery.worker import REASON, AttackJob, attack_model, piece_path
from salmubench.scoring.attacks.groups import with_breakdowns
from salmubench.scoring.attacks.record import AttackInfo, Attacks, AttackScore
from salmubench.scoring.attacks.recovery import THRESHOLD, attack_score, verdict
from salmubench.scoring.attacks.table import REFERENCES, SCHEMA, SUFFIX, read_rows, with_references
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import alone, read_record
from salmubench.scoring.references import KINDS
from salmubench.scoring.settings import settled
from salmubench.scoring.stages import read_checkpoint

_LARGEST_SEED = 2**31 - 1  # of the rows' column

__all__ = ["AttackConfig", "recover"]

UNLEARNT = "unlearnt"
"""Name of Compromised, unlearnt to choose rates by (`recovery.rates`)."""
RATES = "rates.json"
"""What was tried and chosen, and by which code (`recovery.rates`)."""
FOLDERS = ("attacks", "embeddings", "records", UNLEARNT, RATES)
"""What lies in an output folder of attacks."""


def recover(
    *,
    models: Sequence[str | Path],
    dataset: str | Path | Dataset,
    clean: str | Path,
    compromised: str | Path,
    out: Path,
    retrained: str | Path | None = None,
    second_clean: str | Path | None = None,
    config: AttackConfig | None = None,
    scoring: ScoreConfig | None = None,
    encoding: EncodeConfig | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
    executor: Executor = "joblib",
    workers: int = 1,
) -> list[Path]:
    """Attack models and write what comes back into their records, `out/records/<model>.json`.

    A model without a record is encoded and scored first. Rows are in `<record>.attacks.parquet`; what has been done is
    in `out/attacks/`, by hash of the weights, and isn't done again.

    Args:
        models: folders, `hf-hub:org/name[@revision]`.
        dataset: folder, Hub id or an open dataset.
        clean: the Clean model itself; embeddings or a record don't do.
        config: which attacks, and how; all attacks by default.
        scoring: options of scoring; as the models' records or the dataset state them, if left out.
        encoding: options of encoding, for models without a record.
        seed: of the first repetition of each attack.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`.

    Returns:
        The records.

    Raises:
        ConfigError: an attack or option makes no sense, or two models have one name.
        ModelError: a model or reference isn't there, or a reference was pretrained on another dataset.
        RecordError: a record in `out` is of another dataset, of other weights or between other references.
    """
    from salmubench.clip.models import checkpoint_sha256

    config = config or AttackConfig(attacks=("all",))
    options.check_seed(seed)
    manifest.check_ours(out, also=FOLDERS)
    loaded = load_all(config.attacks, config.overrides)
    names = [model_name(model) for model in models]
    double = sorted({name for name in names if names.count(name) > 1})
    if double or not models:
        raise ConfigError(f"Expected models of different names, got {double[0] if double else 'none'!r}.")
    opened = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
    given = zip(REFERENCES, (clean, compromised, retrained, second_clean), strict=True)
    references = {name: source for name, source in given if source is not None}
    if seed + config.seeds - 1 > _LARGEST_SEED:
        raise ConfigError(f"Expected seeds of attacks up to {_LARGEST_SEED:,}, got {seed + config.seeds - 1:,}.")
    records = [out / "records" / f"{name}.json" for name in names]
    scoring = settled(scoring, [path for path in records if path.is_file()], scoring_of(opened))
    job = job_of(opened, out, config, scoring, seed=seed, device=device, precision=precision)
    hashes = {str(source): checkpoint_sha256(source) for source in (*models, *references.values())}
    shas = {name: hashes[str(source)] for name, source in references.items()}
    _check_pretrained(references, opened)
    _score_missing(models, references, opened, job, encoding)
    for model, record in zip(models, records, strict=True):
        _check(read_record(record), record, opened, hashes[str(model)], shas)
    first: dict[str, str] = {}
    for source, sha256 in hashes.items():
        first.setdefault(sha256, source)
    waiting = [
        (source, sha256)
        for sha256, source in first.items()
        if not all(piece_path(job, item, sha256, seed).is_file() for item in loaded for seed in job.seeds)
    ]
    executors.check(workers, executor)
    for _ in parallel(partial(attack_model, job), waiting, workers=workers, executor=executor, description="attacks"):
        pass
    for model, record in zip(models, records, strict=True):
        _write(record, job, loaded, hashes[str(model)], shas, opened)
    return records


def job_of(
    opened: Dataset, out: Path, config: AttackConfig, scoring: ScoreConfig | None, *, seed: int, device: str,
    precision: str,
) -> AttackJob:  # fmt: skip
    """What workers share, with device and precision as they take effect."""
    from salmubench.clip.devices import resolve_device, resolve_precision

    chosen = resolve_device(device)
    return AttackJob(
        out=out, dataset=opened.folder, fingerprint=opened.fingerprint, attacks=tuple(config.attacks),
        config=config, scoring=settled(scoring, (), scoring_of(opened)), seed=seed, device=chosen,
        precision=resolve_precision(precision, chosen),
    )  # fmt: skip


def model_name(model: str | Path) -> str:
    """Name of a model: its folder's, or what stands last in its name on the Hub.

    Examples:
        >>> model_name("hf-hub:org/clip-vit-b-16@main")
        'clip-vit-b-16'
    """
    return Path(str(model).partition("@")[0]).name


def _read(job: AttackJob, item: Loaded, sha256: str) -> tuple[pa.Table, str | None]:
    """Rows of one attack on one model, all seeds; a reason where there are none."""
    tables, reason = [SCHEMA.empty_table()], None
    for seed in job.seeds:
        table = pq.read_table(piece_path(job, item, sha256, seed))
        reason = reason or (table.schema.metadata or {}).get(REASON, b"").decode() or None
        tables.append(table.cast(SCHEMA))
    return pa.concat_tables(tables).combine_chunks(), reason


def _write(
    path: Path, job: AttackJob, loaded: Sequence[Loaded], sha256: str, shas: Mapping[str, str], opened: Dataset
) -> None:
    """Put a model's rows beside those of the references, and the numbers into its record, beside earlier attacks'."""
    tables, scores = [SCHEMA.empty_table()], {}
    bootstraps = job.scoring.bootstraps
    for item in loaded:
        info = AttackInfo(
            item.attack.title, item.attack.knows, item.attack.control, item.attack.headline, item.sha256,
            writing.plain(item.config),
        )  # fmt: skip
        table, reason = _read(job, item, sha256)
        theirs = {name: _read(job, item, reference) for name, reference in shas.items()}
        reason = reason or next((f"{name}: {why}" for name, (_, why) in theirs.items() if why), None)
        if reason is None:
            try:
                table = with_references(table, {name: rows for name, (rows, _) in theirs.items()})
            except ValueError as error:
                reason = str(error)
        try:
            scores[item.attack.name] = attack_score(table, info, reason=reason, bootstraps=bootstraps)
        except RecordError as error:  # its rows don't fit together: that ends nothing but this attack
            scores[item.attack.name] = AttackScore(info, str(error))
        tables.append(table if scores[item.attack.name].numbers else SCHEMA.empty_table())
    of_first = cut_pairs(opened.rows(Split.FORGET), opened.forget_identity_ids(), seed=job.seed, config=job.config)
    shared: dict[str, Any] = {
        "threshold": THRESHOLD, "seeds": job.seeds, "known": len(of_first.known), "held": len(of_first.held),
        "references": dict(shas), "bootstraps": bootstraps,
    }  # fmt: skip
    with alone(path):
        record = read_record(path)
        earlier = record.attacks
        if earlier is not None and all(getattr(earlier, name) == value for name, value in shared.items()):
            kept = [name for name in earlier.scores if name not in scores]
            there = read_rows(path.with_name(path.stem + SUFFIX))
            tables.append(there.filter(pc.is_in(there.column("attack"), pa.array(kept, pa.string()))))
            scores = {**earlier.scores, **scores}
        rows = pa.concat_tables(tables).combine_chunks()
        answer, strongest = verdict(scores)
        about = {name: [one.info.sha256, writing.plain(one.info.config)] for name, one in sorted(scores.items())}
        section = Attacks(
            recoverable=answer, strongest=strongest, scores=scores, **shared,
            inputs=manifest.sha256_json([about, job.fingerprint, job.precision, provenance.version(), sha256]),
        )  # fmt: skip
        if record.breakdowns:  # by the groupings that the record has already
            section = with_breakdowns(section, rows, opened, tuple(record.breakdowns))
        with writing.atomic_path(path.with_name(path.stem + SUFFIX)) as temporary:
            pq.write_table(rows, temporary, compression="zstd")
        writing.write_json(path, replace(record, attacks=section))


def _score_missing(
    models: Sequence[str | Path],
    references: Mapping[str, str | Path],
    opened: Dataset,
    job: AttackJob,
    encoding: EncodeConfig | None,
) -> None:
    """Encode and score models that have no record yet."""
    missing = [model for model in models if not (job.out / "records" / f"{model_name(model)}.json").is_file()]
    if not missing:
        return
    from salmubench.encode.encode import encode
    from salmubench.metrics import required_texts, score

    texts = required_texts(opened, job.scoring)

    def embedded(name: str, model: str | Path) -> Path:
        return encode(
            model=model, dataset=opened, out=job.out / "embeddings" / name, texts=texts, config=encoding,
            device=job.device, precision=job.precision,
        )  # fmt: skip

    sides: Any = {name: embedded(name, references[name]) for name in KINDS if name in references}
    for model in missing:
        name = model_name(model)
        folder = sides.get(name) or embedded(name, model)
        score(embeddings=folder, **sides, out=job.out / "records" / f"{name}.json", config=job.scoring)


def _check_pretrained(references: Mapping[str, str | Path], opened: Dataset) -> None:
    """Refuse a reference whose manifest says that it was pretrained on another dataset."""
    for name, source in references.items():
        trained = read_checkpoint(Path(source), "pretrain", error=ModelError).inputs.get("dataset")
        if trained not in (None, opened.fingerprint):
            raise ModelError(
                f"Expected a {name} pretrained on the dataset {opened.folder} ({opened.fingerprint[:12]}), got one of "
                f"another ({str(trained)[:12]}) at {source}. Give the references of this dataset."
            )


def _check(record: RunRecord, path: Path, opened: Dataset, sha256: str, references: Mapping[str, str]) -> None:
    if record.status != "complete":
        raise RecordError(f"Expected a complete record at {path}, got status {record.status!r}.")
    if record.dataset.fingerprint != opened.fingerprint:
        raise RecordError(
            f"Expected a record of the dataset {opened.folder} at {path}, got one of {record.dataset.name} "
            f"({record.dataset.fingerprint[:12]}). Choose another folder."
        )
    if record.model.sha256 != sha256:
        raise RecordError(
            f"Expected the record of these weights ({sha256[:12]}) at {path}, got one of others "
            f"({str(record.model.sha256)[:12]}). Score the model again, or choose another folder."
        )
    for name, stated in record.references.items():
        if stated is not None and references.get(name, stated) != stated:
            raise RecordError(
                f"Expected the {name} that the record at {path} was scored with ({stated[:12]}), got other weights "
                f"({references[name][:12]}). Give that model, or score the record again."
            )
