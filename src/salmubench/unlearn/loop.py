"""The engine's loop: batches in order, one loss, AdamW, a checkpoint now and then.

Nothing random happens outside the plan and the seed of each step, so a run that was killed goes on from its checkpoint
to the same bits.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from salmubench.core import cost, streams
from salmubench.core import progress as bars
from salmubench.core.errors import ConfigError, MethodError
from salmubench.core.writing import check_room
from salmubench.unlearn import failures, lora, state
from salmubench.unlearn.augment import Crop
from salmubench.unlearn.batch_plan import BatchPlan
from salmubench.unlearn.config import UnlearnConfig
from salmubench.unlearn.data import Data, PairSource
from salmubench.unlearn.interface import Batch, Model
from salmubench.unlearn.losses import pair_similarity
from salmubench.unlearn.optimisers import Rule, learning_rates, make_optimizer, state_bytes
from salmubench.unlearn.seeds import forked, mix

Loss = Callable[[Batch], tuple[Tensor, Mapping[str, Tensor]]]
Objective = Callable[[Batch], Tensor]
_MAX_LOG_SCALE = math.log(100)  # open_clip's own bound on the learnt temperature


class Engine:
    """Runs a method's loss, or serves its edit.

    Args:
        method: its name, for messages.
        reference: the model before, frozen.
        probes: kind of pairs → a fixed sample to watch.
        reduce: averages gradients over processes.
        file: the method's, whose line is named where it fails.
    """

    def __init__(
        self,
        method: str,
        *,
        model: Model,
        reference: Model,
        data: Data,
        plan: BatchPlan,
        settings: UnlearnConfig,
        folder: Path,
        seed: int,
        probes: Mapping[str, PairSource],
        reduce: Callable[[Sequence[nn.Parameter]], None] = lambda weights: None,  # noqa: ARG005
        writes: bool = True,
        file: Path | None = None,
    ) -> None:
        self.settings, self.seed, self.data, self.reference = settings, seed, data, reference
        self._method, self._model, self._plan = method, model, plan
        self._folder, self._probes, self._reduce, self._writes = folder, probes, reduce, writes
        self._file = file
        self._descents, self._clock, self._processor = 0, time.perf_counter(), cost.processor_seconds()
        self._started = time.process_time()
        self.optimiser_bytes = 0
        for name, weight in model.module.named_parameters():
            weight.requires_grad_(moves(name, settings.towers))
        self.generator = torch.Generator().manual_seed(mix(seed, streams.Unlearning.EDIT))
        self.progress = state.Progress()
        self._saved = state.load_checkpoint(folder) if plan.sizes else None
        if self._saved is not None:
            self.progress = state.Progress(**self._saved["progress"])
            self._clock -= self.progress.seconds
            self._processor -= self.progress.processor_seconds
            self._started -= self.progress.processor_seconds
            model.encoded.pictures, model.encoded.captions = self.progress.encoded

    @property
    def steps(self) -> int:
        """Optimiser steps taken so far."""
        return self.progress.steps

    @property
    def seconds(self) -> float:
        """Time spent, that of killed processes up to their last checkpoint included."""
        return time.perf_counter() - self._clock

    def trainable(self) -> list[nn.Parameter]:
        """The weights that may move."""
        return [weight for weight in self._model.module.parameters() if weight.requires_grad]

    @property
    def batches(self) -> range:
        """Numbers of the budget's batches."""
        return range(len(self._plan.sizes))

    @property
    def first_pass(self) -> range:
        """Numbers of the batches that together show each forget pair once, or of all where the budget is less."""
        seen = np.cumsum(self._plan.sizes)
        return range(min(int(np.searchsorted(seen, self._plan.forget)) + 1, len(seen)))

    def batch(self, index: int) -> Batch:
        """The pairs of a batch, by its number."""
        return self._batch(index, index)

    def look(self, batches: range) -> Iterator[Batch]:
        """Go through batches without a step; their pairs count as seen."""
        resumed = self._saved is not None  # the checkpoint has counted them already
        for index in bars.track(batches, total=len(batches), description=f"{self._method}: looking"):
            yield self.batch(index)
            if not resumed:
                self._count([index])
            self._check_limit()

    def gradients(self, *losses: Objective, batches: range) -> Iterator[tuple[list[Tensor], ...]]:
        """Measure gradients without a step; the pairs of these batches count as seen.

        Args:
            losses: each batch → 0-d loss.

        Yields:
            For each batch, and for each loss, the gradient of each trainable weight (zeros where it reaches none).
        """
        weights = self.trainable()
        for batch in self.look(batches):
            gradients_of_losses = []
            for loss in losses:
                for weight in weights:
                    weight.grad = torch.zeros_like(weight)
                loss(batch).backward()  # type: ignore[no-untyped-call]
                self._reduce(weights)
                gradients_of_losses.append([cast("Tensor", weight.grad) for weight in weights])
            for weight in weights:
                weight.grad = None
            yield tuple(gradients_of_losses)

    def descend(
        self,
        loss: Loss | Sequence[Loss],
        *,
        batches: range | None = None,
        rule: Rule | None = None,
        lr: float | None = None,
        weight_decay: float | None = None,
        grad_clip: float | None = None,
    ) -> None:
        """Minimise a loss over the budget's batches; with `lora_rank`, over low-rank updates merged at the end.

        Args:
            loss: batch → (0-d loss, report); or several, each of which takes a step of its own on every batch, in turn.
            batches: numbers of the batches; all by default.
            rule: `adamw` or `muon` with warm-up and cosine (the setting by default), or plain `gradient_descent` at a
                constant rate with decay in the gradient.

        Raises:
            MethodError: the loss or its gradient fails, it is no number or reaches no weight, or `lora_layers` names no
                matrix that may move.
            StageError: memory or the disk was full.
        """
        number, self._descents = self._descents, self._descents + 1
        if number < self.progress.descent:
            return  # a killed process had finished it; the weights it led to are loaded with the next one
        losses = [loss] if callable(loss) else list(loss)
        groups = _grouped(self.batches if batches is None else batches, self.settings.accumulation)
        steps = len(groups) * len(losses)
        movable = self.trainable()
        self._attach_lora(number)
        decay = self.settings.weight_decay if weight_decay is None else weight_decay
        clip = self.settings.grad_clip if grad_clip is None else grad_clip
        peak = self.settings.lr if lr is None else lr
        rule = self.settings.optimizer if rule is None else rule
        rates = self._rates(groups, len(losses), peak) if rule != "gradient_descent" else [peak] * steps
        optimizer = make_optimizer(self._model.module, rule, peak, decay)
        self._begin_or_resume(number, optimizer)
        with bars.bar(total=steps, description=self._method) as advance, forked(self._model.device):
            advance(self.progress.step)
            for step in range(self.progress.step, steps):
                for group in optimizer.param_groups:
                    group["lr"] = rates[step]
                torch.manual_seed(mix(self.seed, number, step))
                turn = step % len(losses)
                self._step(losses[turn], optimizer, step, groups[step // len(losses)], clip, rates[step], new=turn == 0)
                last, done, settings = step + 1 == steps, self.progress.step, self.settings
                if last or (settings.probe_every and done % settings.probe_every == 0):
                    self._probe()
                if settings.checkpoint_every and done % settings.checkpoint_every == 0 and not last:
                    self._save(optimizer)
                self._check_limit()
                advance(1)
        self.optimiser_bytes = max(self.optimiser_bytes, state_bytes(optimizer))
        lora.merge(self._model.module)
        for weight in movable:
            weight.requires_grad_(True)
        self.progress.descent, self.progress.step = number + 1, 0

    def _begin_or_resume(self, descent: int, optimizer: torch.optim.Optimizer) -> None:
        if self._saved is not None and descent == self.progress.descent:
            self._model.module.load_state_dict(self._saved["weights"])
            optimizer.load_state_dict(self._saved["optimizer"])
            self._saved = None
        else:
            self.progress.descent, self.progress.step = descent, 0
        if self.progress.step == 0:
            self._probe()

    def _rates(self, groups: Sequence[Sequence[int]], turns: int, peak: float) -> list[float]:
        """Rate of each step: a batch takes one step for each loss, all in the pass that it begins in."""
        ends = np.cumsum([sum(self._plan.sizes[index] for index in group) for group in groups]).tolist()
        seen = [before for before in [0, *ends[:-1]] for _ in range(turns)]
        return learning_rates(seen, ends[-1], self._plan.forget, peak, self.settings) if groups else []

    def _attach_lora(self, descent: int) -> None:
        settings = self.settings
        if settings.lora_rank:
            generator = torch.Generator().manual_seed(mix(self.seed, streams.Unlearning.LORA, descent))
            try:
                lora.attach(
                    self._model.module, rank=settings.lora_rank, alpha=settings.lora_alpha,
                    layers=settings.lora_layers, generator=generator,
                )  # fmt: skip
            except ConfigError as error:  # known only now that the model is there: the other methods go on
                raise MethodError(self._method, self.steps, str(error)) from error

    def _step(
        self,
        loss: Loss,
        optimizer: torch.optim.Optimizer,
        step: int,
        batches: Sequence[int],
        clip: float,
        rate: float,
        *,
        new: bool,
    ) -> None:
        weights = self.trainable()
        optimizer.zero_grad(set_to_none=True)
        logged: dict[str, float] = {}
        for index in batches:
            value, report = self._evaluate(loss, self._batch(step, index), step, optimizer)
            with self._guarded(step, "the gradient of its loss"):  # e.g. a change in place of what autograd keeps
                (value / len(batches)).backward()  # type: ignore[no-untyped-call]
            for name, entry in {"loss": value, **report}.items():
                logged[name] = logged.get(name, 0.0) + self._scalar(name, entry, step) / len(batches)
        if all(weight.grad is None for weight in weights):
            raise MethodError(self._method, step, self._no_gradient())
        self._reduce(weights)
        norm = float(torch.nn.utils.clip_grad_norm_(weights, clip or math.inf))
        if not math.isfinite(norm):
            where = failures.endless_gradients(self._model.module)
            self._diverged(optimizer, step, f"the gradient's norm is {norm}{where}")
        self.progress.gradient |= norm > 0
        optimizer.step()
        scale = self._model.module.logit_scale
        with torch.no_grad():
            scale.clamp_(max=_MAX_LOG_SCALE)  # type: ignore[operator]
        self.progress.step, self.progress.steps = step + 1, self.progress.steps + 1
        if new:
            self._count(batches)
        for name, number in {**logged, "lr": rate, "grad_norm": norm}.items():
            self._log(name, number)

    def _count(self, batches: Sequence[int]) -> None:
        for kind, rows in self._plan.rows.items():
            self.progress.pairs[kind] = self.progress.pairs.get(kind, 0) + sum(len(rows[index]) for index in batches)
        if self._plan.rows:
            self.progress.budget_pairs += sum(self._plan.sizes[index] for index in batches)

    def _evaluate(
        self, loss: Loss, batch: Batch, step: int, optimizer: torch.optim.Optimizer
    ) -> tuple[Tensor, dict[str, Any]]:
        with self._guarded(step, "its loss"):
            returned = loss(batch)
        if not (isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], Mapping)):
            raise MethodError(
                self._method, step, f"expected its loss to return (loss, report), got {type(returned).__name__}."
            )
        value, report = returned
        if not isinstance(value, Tensor) or value.numel() != 1:
            what = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
            raise MethodError(self._method, step, f"expected its loss to be one number (a 0-d tensor), got {what}.")
        if not bool(torch.isfinite(value.detach()).all()):
            self._diverged(optimizer, step, f"the loss is {float(value.detach())}{failures.endless_terms(report)}")
        if not value.requires_grad:
            raise MethodError(self._method, step, self._no_gradient())
        return value.reshape(()), dict(report)

    @contextmanager
    def _guarded(self, step: int, what: str) -> Iterator[None]:
        """Turn any error of the author's code into one that names method, step and line; a full machine's is none."""
        try:
            yield
        except Exception as error:
            check_room(error, f"the method {self._method!r}")
            text = failures.described(error, self._file, folder=self._folder if self._writes else None)
            raise MethodError(self._method, step, f"{what} raised {text}") from error

    def _batch(self, step: int, index: int) -> Batch:
        numbers = (self.progress.descent, step, index)
        sight = mix(self.seed, streams.Unlearning.CAPTION, *numbers)
        parts = {
            kind: getattr(self.data, kind).take(rows[index], crop=self._crop(kind, step, index), sight=sight)
            for kind, rows in self._plan.rows.items()
        }
        generator = torch.Generator().manual_seed(mix(self.seed, *numbers))
        return Batch(**parts, step=step, generator=generator)

    def _crop(self, kind: str, step: int, index: int) -> Crop | None:
        if self.settings.crop == 1:
            return None
        stream = int(kind == "retain")  # forget and forget_target are the same pictures and get the same crops
        numbers = (streams.Unlearning.CROP, self.progress.descent, step, index, stream)
        return Crop(self.settings.crop, mix(self.seed, *numbers))

    def _check_limit(self) -> None:
        limit = self.settings.limit
        if limit and (spent := time.process_time() - self._started) > limit:
            raise MethodError(
                self._method, self.steps, f"expected at most {limit:g} processor seconds, got {spent:.0f} so far."
            )

    def _save(self, optimizer: torch.optim.Optimizer) -> None:
        if self._writes and state.is_finite(self._model.module):
            self.progress.seconds = self.seconds
            self.progress.processor_seconds = cost.processor_seconds() - self._processor
            self.progress.encoded = (self._model.encoded.pictures, self._model.encoded.captions)
            state.save_checkpoint(self._folder, module=self._model.module, optimizer=optimizer, progress=self.progress)

    def _diverged(self, optimizer: torch.optim.Optimizer, step: int, what: str) -> None:
        self._save(optimizer)
        kept = self._folder / state.CHECKPOINT
        where = f" The last good weights are in {kept}." if kept.is_file() else ""
        advice = f"Lower its learning rate (now {self.settings.lr:g})."
        if not self.progress.steps:  # the weights are those that it was given
            advice = "No step was made yet: look for a division by 0, or the log or root of 0 and less."
        raise MethodError(self._method, step, f"it diverged: {what}. {advice}{where}")

    def _probe(self) -> None:
        if not self.settings.probe_every:
            return
        before = dataclasses.replace(self._model.encoded)
        for kind, source in self._probes.items():
            pairs = source.take(range(len(source)))
            with torch.no_grad():
                images, texts = self._model.encode_image(pairs.images), self._model.encode_text(pairs.texts)
                self._log(f"probe_{kind}_similarity", float(pair_similarity(images, texts).mean()))
        # Watching is no part of the method.
        self._model.encoded.pictures, self._model.encoded.captions = before.pictures, before.captions

    def _log(self, name: str, value: float) -> None:
        self.progress.curves.append((self.progress.steps, self.progress.budget_pairs, name, value))

    def _scalar(self, name: str, entry: Any, step: int) -> float:
        try:
            return float(entry.detach() if isinstance(entry, Tensor) else entry)
        except (TypeError, ValueError, RuntimeError) as error:
            raise MethodError(self._method, step, f"expected one number in its report for {name!r}: {error}") from error

    def _no_gradient(self) -> str:
        return (
            f"its loss carries no gradient to a weight that may move (towers: {self.settings.towers}). Build it from "
            "model.encode_image or model.encode_text, without detach or no_grad."
        )


def moves(name: str, towers: str) -> bool:
    """Tell whether a weight of this name moves when `towers` (both, image, text) are trained."""
    if towers == "both":
        return True
    if name in ("logit_scale", "logit_bias"):
        return False
    return name.startswith("visual.") == (towers == "image")


def _grouped(items: Sequence[int], size: int) -> list[Sequence[int]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
