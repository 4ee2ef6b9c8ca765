"""Null-space projection: take the directions of the captions to forget out of the projection, in closed form.

Mishra et al., Erasing CLIP Memories: Non-Destructive, Data-Free Zero-Shot Class Unlearning in CLIP Models, 2025, arXiv
2512.14137: U (d, k) is an orthonormal basis of the space that the text embeddings to forget span, and a final
projection W becomes

    W ← W (I − α U Uᵀ)

with α < 1 a partial projection. The idea goes back to Ravfogel et al., Null It Out, ACL 2020, arXiv 2004.07667. No
training and no pictures.

The paper erases a few classes, fewer captions than dimensions. A thousand captions span the whole space, so U holds the
`rank` leading left singular vectors of the matrix of their embeddings, centred on the mean caption of the retain pairs;
without that the first direction is what all captions share. W is the text projection (width, d): T(y) loses its part in
U, whatever y.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from salmubench.core.errors import ConfigError
from salmubench.unlearn.data import Data
from salmubench.unlearn.interface import Method, Model
from salmubench.unlearn.loop import Engine

METHOD = Method(
    title="Null-Space Projection",
    paper="Mishra et al., Erasing CLIP Memories, 2025, arXiv 2512.14137, section 3",
    cost="no gradient; 1 text forward, once",
)
NEEDS = ("forget", "retain")
SETTINGS = {"towers": "text"}


@dataclass(frozen=True)
class Config:
    """How much of the space goes."""

    rank: int = field(default=16, metadata={"search": [1, 2, 4, 8, 16, 32, 64]})
    """k, directions taken out; the paper takes one for each class."""

    alpha: float = field(default=1.0, metadata={"search": (0.1, 1.0, "linear")})
    """α, share of these directions taken out; 1 in the paper, less for a partial projection."""

    def __post_init__(self) -> None:
        if self.rank < 1 or not 0 < self.alpha <= 1:
            raise ConfigError(
                f"Expected a rank of at least 1 and alpha above 0, at most 1, got {self.rank}, {self.alpha}."
            )


def edit(model: Model, data: Data, engine: Engine, config: Config) -> dict[str, float]:  # noqa: ARG001
    """Find the directions, take them out."""
    looks = [(batch.forget.text_ref, batch.retain.text_ref) for batch in engine.look(engine.first_pass)]
    forget, retain = (torch.cat(part) for part in zip(*looks, strict=True))
    basis = directions(forget, retain, config.rank)
    project(text_projection(model.module), basis, config.alpha)
    return {"rank": float(basis.shape[1]), "captions": float(len(forget))}


def directions(forget: Tensor, retain: Tensor, rank: int) -> Tensor:
    """U: the leading directions of the captions to forget, seen from the mean retain caption.

    Args:
        forget: text embeddings (n, d).
        retain: text embeddings (m, d).
        rank: how many; at most min(n, d).

    Returns:
        (d, rank), orthonormal columns.
    """
    _, _, right = torch.linalg.svd(forget - retain.mean(dim=0), full_matrices=False)
    directions: Tensor = right[:rank].T
    return directions


def project(projection: nn.Parameter | nn.Linear, basis: Tensor, alpha: float) -> None:
    """`W (I − α U Uᵀ)`, in place.

    Args:
        projection: W (width, d), or a linear layer, which holds Wᵀ and maybe a bias (d,).
        basis: U (d, k).
        alpha: α.
    """
    with torch.no_grad():
        if isinstance(projection, nn.Linear):
            for weight in (projection.weight, projection.bias):
                if weight is not None:
                    weight.sub_(alpha * basis @ (basis.T @ weight))
        else:
            projection.sub_(alpha * (projection @ basis) @ basis.T)


def text_projection(module: nn.Module) -> nn.Parameter | nn.Linear:
    """The text projection of an open_clip model.

    Raises:
        ValueError: its text tower has none.
    """
    weights = getattr(module, "text_projection", None)
    if weights is None:
        weights = getattr(getattr(module, "text", None), "text_projection", None)
    if not isinstance(weights, nn.Parameter | nn.Linear):
        raise ValueError(f"Expected a text projection in {type(module).__name__}, got none.")
    return weights
