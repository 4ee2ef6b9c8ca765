"""Rates and steps of attacks at another scale, chosen by the references alone.

Compromised is unlearnt in the plainest way, its pictures trained on other people's captions until next to nothing of
what it knew is left, and then attacked: what is brought back was there. A setting counts only where the controls hold:
Retrained, and a second Clean where there is one, went through the same attack and came out at 0, and it did not take
Compromised itself apart. Of those the one that brings back most is taken. No candidate is looked at.

An attack says what may be tried in the metadata of its options: `search`, values in order; with `keep`, each value is
tried alone and so many of the best are kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from salmubench.attacks import AttackConfig, Loaded, Variant, copy_of, fine_tune, load_all
from salmubench.core import manifest, plugins, provenance, streams, writing
from salmubench.core.errors import ConfigError, StageError
from salmubench.dataset.layout import Dataset, open_dataset
from salmubench.recovery import FOLDERS, RATES, UNLEARNT, job_of, recover
from salmubench.recovery.worker import AttackJob, Opened
from salmubench.scoring.attacks.record import Recovery
from salmubench.scoring.attacks.table import PARTS
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.record_files import read_record

_RATES = (1e-4, 3e-4, 1e-3, 3e-3)
_STEPS, _EVERY, _BATCH = 200, 20, 64
_LEFT = 0.1  # of what Compromised shows above Clean: less counts as unlearnt
_SURVIVES = 0.5  # of the most that Compromised shows under any setting: where less is left, a share of it says little


@dataclass(frozen=True)
class Tried:
    """One setting of an attack.

    Attributes:
        options: option → value; what is left out is as before.
        recovered: what it brings back of the unlearnt Compromised; without a number where a control fails.
    """

    attack: str
    options: Mapping[str, Any]
    recovered: Recovery


@dataclass(frozen=True)
class Chosen:
    """Every setting that was tried, in order; attack → option → value where a setting counts."""

    tried: tuple[Tried, ...]
    overrides: Mapping[str, Mapping[str, Any]]
    dataset: str
    seed: int


def choose_rates(
    *,
    dataset: str | Path | Dataset,
    clean: str | Path,
    compromised: str | Path,
    out: Path,
    retrained: str | Path | None = None,
    second_clean: str | Path | None = None,
    config: AttackConfig | None = None,
    scoring: ScoreConfig | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
) -> Chosen:
    """Try what attacks say may be tried, on Compromised, unlearnt and attacked again. Call it again to go on.

    What came of it is in `out/rates.json`, too.

    Args:
        dataset: folder, Hub id or an open dataset.
        out: the folder: the unlearnt model, and what `recover` keeps.
        second_clean: Clean with another pretraining seed: a control. One of the two is needed.
        config: which attacks, and how; all attacks by default.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`.

    Raises:
        ConfigError: no control, or no attack that has anything to choose.
        StageError: Compromised could not be unlearnt.
    """
    config = config or AttackConfig(attacks=("all",))
    if retrained is None and second_clean is None:
        raise ConfigError(
            "Expected --retrained or --second-clean, got neither: a rate at which a model that never saw the facts "
            "shows some of them must not be chosen."
        )
    loaded = [item for item in load_all(config.attacks, config.overrides) if _space(item)]
    if not loaded:
        raise ConfigError("Expected an attack with something to choose (`search` of an option), got none.")
    opened = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
    manifest.check_ours(out, also=FOLDERS)
    job = job_of(opened, out, config, scoring, seed=seed, device=device, precision=precision)
    unlearnt = _unlearn(job, str(clean), str(compromised))
    origins = {plugins.stem(name): name for name in config.attacks if plugins.is_path(name)}
    tried: list[Tried] = []

    def attempt(name: str, options: Mapping[str, Any]) -> Tried:
        given = {**config.overrides, name: {**config.overrides.get(name, {}), **options}}
        alone = replace(config, attacks=(origins.get(name, name),), overrides=given)
        (record,) = recover(
            models=[unlearnt], dataset=opened, clean=clean, compromised=compromised, retrained=retrained,
            second_clean=second_clean, out=out, config=alone, scoring=scoring, seed=seed, device=device,
            precision=precision,
        )  # fmt: skip
        section = read_record(record).attacks
        if section is None:
            raise StageError(f"Expected the record {record} to speak of attacks, got none.")
        score = section.scores[name]
        recovery = score.numbers.get(score.info.headline) or Recovery(None, None, score.reason)
        tried.append(Tried(name, dict(options), recovery))
        return tried[-1]

    overrides = {}
    for item in loaded:
        best: dict[str, Any] = {}
        for option in _space(item):
            best |= _best_of(item.attack.name, option, best, attempt)
        if best:
            overrides[item.attack.name] = best
    chosen = Chosen(tuple(tried), overrides, opened.fingerprint, seed)
    more = {"seeds": config.seeds, "precision": job.precision, "provenance": provenance.provenance()}
    writing.write_json(out / RATES, {**writing.plain(chosen), **more})
    return chosen


@dataclass(frozen=True)
class _Option:
    """What may be tried of one option; with `keep`, so many values are kept together."""

    name: str
    values: Sequence[Any]
    keep: int | None


def _space(item: Loaded) -> list[_Option]:
    fields = [one for one in dataclasses.fields(item.config) if "search" in one.metadata]
    return [_Option(one.name, one.metadata["search"], one.metadata.get("keep")) for one in fields]


def _best_of(name: str, option: _Option, before: Mapping[str, Any], attempt: Any) -> dict[str, Any]:
    """The value of one option, or the values, that bring back most; nothing where no control holds."""
    tried_values = []
    for value in option.values:
        given = value if option.keep is None else (value,)
        recovered = attempt(name, {**before, option.name: given}).recovered
        if recovered.value is not None:
            shown = (recovered.compromised or 0.0) - (recovered.clean or 0.0)
            tried_values.append((recovered.value, value, shown))
    least = _SURVIVES * max((shown for _, _, shown in tried_values), default=0.0)
    tried_values = [one for one in tried_values if one[2] >= least]
    ordered = sorted(tried_values, key=lambda one: -one[0])  # of equals the first: the smaller rate
    if not ordered:
        return {}
    if option.keep is None:
        return {option.name: ordered[0][1]}
    return {option.name: tuple(sorted(value for _, value, _ in ordered[: option.keep]))}


def _unlearn(job: AttackJob, clean: str, compromised: str) -> Path:
    """Compromised, trained on other people's captions at the smallest rate that takes what it knew."""
    from salmubench.clip.models import checkpoint_sha256, save_model

    folder, settings = job.out / UNLEARNT, {"rates": _RATES, "steps": _STEPS, "batch": _BATCH, "left": _LEFT}
    weights = {"compromised": checkpoint_sha256(compromised), "clean": checkpoint_sha256(clean)}
    inputs = {**weights, "dataset": job.fingerprint}
    with manifest.stage_folder(folder, "control", config=settings, inputs=inputs, seed=job.seed) as stage:
        if stage.complete:
            return folder
        models = {name: Opened(job, source, scratch=folder) for name, source in (("c", clean), ("p", compromised))}
        readers = {name: model.reader(job.seed) for name, model in models.items()}
        low, high = (_mrr(reader.read(Variant(label="as it is"))) for reader in readers.values())
        if high <= low:
            raise StageError(f"Expected Compromised to know more than Clean, got MRR {high:.4f} and {low:.4f}.")
        for rate in _RATES:
            student = copy_of(models["p"].copy())
            pairs = readers["p"].world.everything()
            steps = range(_EVERY, _STEPS + 1, _EVERY)
            for _ in fine_tune(student, _swapped(pairs, student, job.seed), lr=rate, read_at=list(steps)):
                left = (_mrr(readers["p"].read(Variant(label="read", model=student))) - low) / (high - low)
                if left <= _LEFT:
                    save_model(folder, state=student.module.state_dict(), config=models["p"].clip.config)
                    stage.finish(outputs={"rate": rate, "left": left})
                    return folder
    raise StageError(
        f"Expected less than {_LEFT:.0%} of what Compromised knows to be left after {_STEPS} steps on other people's "
        f"captions at a rate of {_RATES[-1]:g}, got {left:.0%}."
    )


def _swapped(pairs: Any, model: Any, seed: int) -> Iterator[Any]:
    """Batches of pictures to forget, each with the caption of the next one in the batch."""
    rng = np.random.default_rng([seed, streams.Recovery.UNLEARN])
    size = min(_BATCH, len(pairs.records))
    while True:
        rows = rng.permutation(len(pairs.records))[:size].tolist()
        yield pairs.images(rows, model.device), pairs.tokens[[*rows[1:], rows[0]]].to(model.device)


def _mrr(table: Any) -> float:
    ranks = table.filter(pc.equal(table.column("part"), PARTS[0])).column("rank").to_numpy()
    return float((1 / ranks).mean())
