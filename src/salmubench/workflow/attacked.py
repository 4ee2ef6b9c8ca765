"""Attacks on the candidates of a run, with the run's own references."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from salmubench.attacks import AttackConfig
from salmubench.core import manifest
from salmubench.core.executor import Executor
from salmubench.recovery import recover
from salmubench.scoring.references import OPTIONAL
from salmubench.workflow.candidates import workers_for
from salmubench.workflow.run_world import RunWorld


def recover_candidates(
    world: RunWorld, names: Sequence[str], config: AttackConfig, *, seed: int, executor: Executor, workers: int | None
) -> list[Path]:
    """Attack candidates of a run, with its own references; see `recover`.

    Args:
        workers: how many at once; `None`: as many as this machine makes faster.
    """
    checkpoints = world.out / "checkpoints"
    optional: dict[str, Any] = {
        name: checkpoints / name for name in OPTIONAL if (checkpoints / name / manifest.MANIFEST).is_file()
    }
    workers = workers_for(len(names), requested=workers, executor=executor, recipe=world.recipe, device=world.device)
    return recover(
        models=[checkpoints / name for name in names], dataset=world.dataset, clean=checkpoints / "clean",
        compromised=world.compromised,
        **optional,
        out=world.out, config=config, scoring=world.recipe.score, seed=seed, device=world.device,
        precision=world.precision, executor=executor, workers=workers,
    )  # fmt: skip
