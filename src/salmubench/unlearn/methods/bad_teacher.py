"""Bad Teacher: learn from a random network on what to forget, from the frozen one on what to keep.

Chundawat, Tarun, Mandal and Kankanhalli, Can Bad Teaching Induce Forgetting? Unlearning in Deep Networks Using an
Incompetent Teacher, AAAI 2023, arXiv 2205.08096; its loss, with l_u = 1 for pairs to forget and 0 for the others:

    L = (1 − l_u) KL(T_s(x) ‖ S(x)) + l_u KL(T_d(x) ‖ S(x))

T_s is the frozen model, T_d the same architecture with random weights, S the student. The paper is about classifiers.
For CLIP each answers with its softmax over the batch in both directions, at its own temperature divided by τ; since the
batch holds as many pairs to forget as to keep, the mean over the mixed batch is half the sum of the two means. T_d's
answers are all but uniform: every caption fits a picture as well as any other.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from salmubench.unlearn.data import Data
from salmubench.unlearn.interface import Batch, Method, Model
from salmubench.unlearn.loop import Engine
from salmubench.unlearn.losses import both_ways, divergence

METHOD = Method(
    title="Bad Teacher",
    paper="Chundawat et al., Can Bad Teaching Induce Forgetting?, AAAI 2023, arXiv 2205.08096, section 4",
    cost="2 images, 2 texts, and 1 and 1 forward",
)
NEEDS = ("forget", "retain")
SEARCH = {"lr": (1e-5, 1e-3, "log")}


@dataclass(frozen=True)
class Config:
    """Temperature of the distillation."""

    temperature: float = field(default=1.0, metadata={"search": (0.3, 5.0, "log")})
    """τ, by which all logits are divided; 1 in the paper."""


def edit(model: Model, data: Data, engine: Engine, config: Config) -> dict[str, float]:  # noqa: ARG001
    """Distil from both teachers."""
    teacher = model.around(randomised(model.module, engine.generator))
    engine.descend(lambda batch: objective(batch, model, engine.reference, teacher, config))
    return {}


def objective(
    batch: Batch, model: Model, reference: Model, teacher: Model, config: Config
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss on a batch.

    Args:
        batch: forget and retain pairs.
        model: the student.
        reference: the competent teacher, frozen.
        teacher: the incompetent one, frozen.
        config: the options.
    """
    forget, retain, scale = batch.forget, batch.retain, model.logit_scale / config.temperature
    with torch.no_grad():
        wrong = both_ways(
            teacher.encode_image(forget.images), teacher.encode_text(forget.texts),
            teacher.logit_scale / config.temperature,
        )  # fmt: skip
    right = both_ways(retain.image_ref, retain.text_ref, reference.logit_scale.detach() / config.temperature)
    forgetting = divergence(wrong, both_ways(model.encode_image(forget.images), model.encode_text(forget.texts), scale))
    keeping = divergence(right, both_ways(model.encode_image(retain.images), model.encode_text(retain.texts), scale))
    return (forgetting + keeping) / 2, {"forgetting": forgetting, "keeping": keeping}


def randomised(module: nn.Module, generator: torch.Generator) -> nn.Module:
    """A frozen copy of a network with random weights, each layer's as torch starts it.

    Bare parameters, which no layer owns (projections, positions), are Gaussian of variance 1 / last axis, and the
    temperature is where CLIP's training starts, 0.07.

    Args:
        module: the network; unchanged.
        generator: of the weights.
    """
    untrained = copy.deepcopy(module).requires_grad_(False)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        for part in untrained.modules():
            reset = getattr(part, "reset_parameters", None) or getattr(part, "_reset_parameters", None)
            if callable(reset):
                reset()
            else:
                for name, weight in part.named_parameters(recurse=False):
                    if weight.ndim:
                        weight.normal_(std=weight.shape[-1] ** -0.5)
                    else:
                        weight.fill_(math.log(1 / 0.07) if name == "logit_scale" else 0.0)
    return untrained
