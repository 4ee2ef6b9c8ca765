"""`salmubench attack`: what can be brought back of what was unlearnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from salmubench.cli.arguments import Device, Precision, names, references
from salmubench.cli.output import print_json, print_table, say
from salmubench.executor import Executor


def attack_(
    models: list[Path],
    *,
    dataset: str,
    clean: str | None = None,
    compromised: str | None = None,
    retrained: str | None = None,
    second_clean: str | None = None,
    out: Path,
    attacks: str = "all",
    repeats: int = 2,
    seed: int = 0,
    executor: Executor = "joblib",
    workers: int = 1,
    device: Device = "auto",
    precision: Precision = "auto",
    json: bool = False,
) -> None:
    """Attack unlearnt models and their references, and say what comes back. Call it again to go on.

    Args:
        models: folders, or hf-hub:org/name[@revision].
        dataset: a folder or a Hub id, org/name[@revision].
        clean: the Clean model itself, not its embeddings: it is attacked like the others.
        compromised: the Compromised model itself.
        retrained: the Retrained model: a control, which must come out at 0.
        second_clean: Clean with another pretraining seed: another control.
        out: the folder; records and rows go to records/, finished work to attacks/.
        attacks: names or paths of Python files, by commas; `all` stands for every one (`salmubench list attacks`).
        repeats: how often each attack runs, with seeds counted up from `--seed`.
        seed: of what attackers draw.
        executor: where models are attacked side by side: processes of this machine, or a Ray cluster.
        workers: how many at once.
        device: where to compute.
        precision: `auto` takes what is faster on this machine.
        json: print the section `attacks` of each record.
    """
    first, second = references(clean, compromised)
    from salmubench.recovery import AttackConfig, recover
    from salmubench.scoring.record_files import read_record

    paths = recover(
        models=models, dataset=dataset, clean=first, compromised=second, retrained=retrained,
        second_clean=second_clean, out=out, config=AttackConfig(attacks=tuple(names(attacks)), seeds=repeats),
        seed=seed, executor=executor, workers=workers, device=device, precision=precision,
    )  # fmt: skip
    records = [read_record(path) for path in paths]
    if json:
        print_json({record.model.name: record.attacks for record in records})
    else:
        _show(records)


def _show(records: list[Any]) -> None:
    from salmubench.report.recovery import cell

    listed = list(dict.fromkeys(name for record in records for name in record.attacks.scores))
    rows = [
        [
            record.model.name,
            *(cell(record.attacks.scores[name]) for name in listed),
            record.attacks.recoverable or "–",
        ]
        for record in records
    ]
    heads = ["model", *listed, "recoverable"]
    print_table(heads, rows, numbers=heads[1:-1])
    say("Recovery in %: 0 is Clean, 100 Compromised, under the same attack; people all of whose facts had to go.")
    reasons = {
        f"{name}: {score.reason}" for record in records for name, score in record.attacks.scores.items() if score.reason
    }
    for reason in sorted(reasons):
        say(f"  {reason}")
