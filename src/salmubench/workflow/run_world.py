"""What the candidates of a run share, what one of them is, and where its files lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from salmubench.core.errors import MethodError
from salmubench.dataset.layout import Dataset, open_dataset
from salmubench.dataset.limited import limited
from salmubench.unlearn.registry import Configured
from salmubench.workflow.recipe import Recipe


@dataclass(frozen=True)
class RunWorld:
    """What the candidates of a run share.

    Attributes:
        out: the folder with `checkpoints`, `embeddings` and `records`.
        references: `clean` and `compromised` → their embeddings.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`.
        limit: rows of each split that are seen, in a quick look.
    """

    out: Path
    dataset: Path
    compromised: Path
    references: Mapping[str, Path]
    recipe: Recipe
    device: str
    precision: str
    limit: int | None = None

    def open(self) -> Dataset:
        """Open its dataset."""
        return limited(open_dataset(self.dataset), self.limit)


@dataclass(frozen=True)
class Candidate:
    """One candidate.

    Attributes:
        name: `<method>-<budget>x`.
        budget: how often each forget pair is seen.
        values: those options that were chosen for it, beside the recipe's.
        tuned: where they come from, or `None`.
    """

    name: str
    configured: Configured
    budget: float
    seed: int
    values: Mapping[str, Any] = field(default_factory=dict)
    tuned: Mapping[str, Any] | None = None


class Made(NamedTuple):
    """What became of a candidate.

    Attributes:
        stages: name, seconds, peak memory (bytes) of each stage that had work to do.
        error: why it failed, or `None`.
    """

    stages: list[dict[str, Any]]
    error: MethodError | None


def record_path(world: RunWorld, name: str) -> Path:
    """Where a model's record is."""
    return world.out / "records" / f"{name}.json"


def embeddings_path(world: RunWorld, name: str) -> Path:
    """Where a model's embeddings are."""
    return world.out / "embeddings" / name
