"""SCRUB: away from the frozen model on what to forget, close to it on what to keep, in turn.

Kurmanji, Triantafillou, Hayes and Triantafillou, Towards Unbounded Machine Unlearning, NeurIPS 2023, arXiv 2302.09880,
equation 3, with `d(x) = KL(p0(x) ‖ p(x))` (equation 1):

    min  (α / N_r) Σ_r d(x_r) + (γ / N_r) Σ_r ℓ(x_r, y_r) − (1 / N_f) Σ_f d(x_f)

Algorithm 1 takes the forget term (a max-step) and the retain terms (a min-step) in turn, and after some epochs
min-steps alone, which mend what the max-steps broke. The paper alternates epochs; here each batch takes a max-step on
its forget pairs and a min-step on its retain pairs, so that every pair of the budget counts. The paper's SCRUB+R
(rewinding to a checkpoint chosen on data held out) is left out: it chooses by held-out pairs.

The paper is about classifiers. For CLIP p is the softmax over the batch in both directions, ℓ is CLIP's own loss.
α and γ are those of the authors' code; the paper doesn't fix them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from salmubench.unlearn.data import Data
from salmubench.unlearn.interface import Batch, Method, Model, Pairs
from salmubench.unlearn.loop import Engine
from salmubench.unlearn.losses import both_ways, contrastive, divergence

METHOD = Method(
    title="SCRUB",
    paper="Kurmanji et al., Towards Unbounded Machine Unlearning, NeurIPS 2023, arXiv 2302.09880, equation 3",
    cost="2 images, 2 texts, in two steps",
)
NEEDS = ("forget", "retain")
SEARCH = {"lr": (1e-5, 1e-3, "log")}


@dataclass(frozen=True)
class Config:
    """Weights of the retain terms and length of the forgetting."""

    alpha: float = field(default=0.001, metadata={"search": (1e-4, 10.0, "log")})
    """α, weight of the distance to the frozen model on retain pairs; 0.001 in the authors' code."""

    gamma: float = field(default=0.99, metadata={"search": (0.1, 10.0, "log")})
    """γ, weight of CLIP's own loss on retain pairs; 0.99 in the authors' code."""

    max_share: float = field(default=0.6, metadata={"search": (0.2, 1.0, "linear")})
    """Share of the budget with max-steps; the authors' code takes 2 or 3 of 5 epochs."""


def edit(model: Model, data: Data, engine: Engine, config: Config) -> dict[str, float]:  # noqa: ARG001
    """Max- and min-steps in turn, then min-steps alone."""

    def away(batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        return maximise(batch, model, engine.reference)

    def back(batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        return minimise(batch, model, engine.reference, config)

    turn = round(config.max_share * len(engine.batches))
    engine.descend((away, back), batches=engine.batches[:turn])
    engine.descend(back, batches=engine.batches[turn:])
    return {"max_steps": float(turn)}


def maximise(batch: Batch, model: Model, reference: Model) -> tuple[Tensor, dict[str, Tensor]]:
    """The forget term, negated: its descent is the max-step."""
    distance = _distance(batch.forget, model, reference)
    return -distance, {"forget_divergence": distance}


def minimise(batch: Batch, model: Model, reference: Model, config: Config) -> tuple[Tensor, dict[str, Tensor]]:
    """The two retain terms."""
    retain = batch.retain
    images, texts = model.encode_image(retain.images), model.encode_text(retain.texts)
    before = both_ways(retain.image_ref, retain.text_ref, reference.logit_scale.detach())
    distance = divergence(before, both_ways(images, texts, model.logit_scale))
    task = contrastive(images, texts, model.logit_scale)
    return config.alpha * distance + config.gamma * task, {"retain_divergence": distance, "retain": task}


def _distance(pairs: Pairs, model: Model, reference: Model) -> Tensor:
    before = both_ways(pairs.image_ref, pairs.text_ref, reference.logit_scale.detach())
    now = both_ways(model.encode_image(pairs.images), model.encode_text(pairs.texts), model.logit_scale)
    return divergence(before, now)
