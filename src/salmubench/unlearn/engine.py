"""One candidate: load the Compromised model, run a method under the budget, write the checkpoint.

Several processes (started by torchrun) share each batch: all hold the same plan and the same weights, each encodes a
slice, embeddings are gathered with their gradients and weight gradients averaged. The result is that of one process.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from salmubench.clip import devices, models
from salmubench.clip.models import ClipModel
from salmubench.clip.padding import skip_padding
from salmubench.core import cost, manifest, options, streams, writing
from salmubench.core.errors import ConfigError, DatasetError, MethodError, OutputError, StageError
from salmubench.core.types import Person, Split
from salmubench.core.writing import check_room
from salmubench.dataset import layout
from salmubench.dataset.layout import Dataset
from salmubench.dataset.origin import is_imported
from salmubench.unlearn import data as reading
from salmubench.unlearn import failures, state
from salmubench.unlearn.augment import SimplifyingTokenizer
from salmubench.unlearn.batch_plan import BatchPlan, make_plan, retain_pairs
from salmubench.unlearn.config import UnlearnConfig
from salmubench.unlearn.data import Data, PairSource, SplitRow
from salmubench.unlearn.given import Given, of_method
from salmubench.unlearn.interface import Model
from salmubench.unlearn.loop import Engine
from salmubench.unlearn.processes import Share, launch
from salmubench.unlearn.registry import Configured, configure, load_method, read_options
from salmubench.unlearn.seeds import seeded
from salmubench.unlearn.watched import evaluation_files

if TYPE_CHECKING:
    from lightning_fabric import Fabric

CURVES = "curves.parquet"


def unlearn(
    method: str | Configured,
    *,
    model: str | Path,
    dataset: str | Path | Dataset,
    out: str | Path,
    seed: int,
    budget: float = 5,
    config: Mapping[str, Any] | str | Path | None = None,
    set: Given = (),  # noqa: A002 - as the option is called
    settings: UnlearnConfig | None = None,
    tuned: Mapping[str, Any] | None = None,
    fresh: Callable[[], Sequence[Person]] | None = None,
    device: str = "auto",
    precision: str = "auto",
) -> Path:
    """Make one candidate; a folder that holds the result of the same inputs is left as it is.

    Args:
        method: a name, the path of a Python file, or a method with its options (then `config` and `settings` are left
            out).
        model: the model to change, as `models.load_model` takes it.
        dataset: a dataset folder, Hub id or open dataset.
        out: where the checkpoint goes (open_clip's local-dir layout, `curves.parquet`, `manifest.json`).
        seed: of everything random.
        budget: how often each forget pair is seen.
        config: options of the method and engine settings for it, by name, or a YAML file with them.
        set: the same as `METHOD.option=value`, over `config`.
        settings: engine settings and overrides of a recipe.
        tuned: where `config` was found by tuning: what the manifest and the record say about it.
        fresh: invents people who are in no dataset; called only for methods that need them.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`.

    Returns:
        `out`.

    Raises:
        ConfigError: an option, the budget or the method's file makes no sense.
        DatasetError: rows are missing, or holdouts are among them.
        MethodError: the method failed.
        StageError: memory or the disk was full while it ran.
    """
    options.check_seed(seed)
    out = Path(out)
    if isinstance(method, str):
        loaded = load_method(method)
        given = {**read_options(config), **of_method(set, loaded.name)}
        method = configure(loaded, settings or UnlearnConfig(), given)
    elif config is not None or settings is not None or set:
        raise ConfigError(
            "Expected config, set and settings beside a method's name only, got a method that has its own."
        )
    configured = method
    opened = dataset if isinstance(dataset, Dataset) else layout.open_dataset(dataset)
    device = devices.resolve_device(device)
    precision = devices.resolve_precision(precision, device)
    # The plan comes first: what makes no sense is said before any file is written.
    plan, rows = plan_run(configured, opened, budget=budget, seed=seed)
    people = _invent(configured, fresh)
    fabric = launch(device)
    inputs = {
        "model": models.checkpoint_sha256(model), "dataset": opened.fingerprint, "method": configured.method.name,
        "method_sha256": configured.method.sha256, "budget": budget, "device": device, "precision": precision,
        **({"fresh": hashlib.sha256(repr(people).encode()).hexdigest()} if people else {}),
    }  # fmt: skip
    with ExitStack() as stack:
        stage = None
        if fabric.is_global_zero:
            folder = manifest.stage_folder(
                out, "unlearn", config=configured.effective, inputs=inputs, seed=seed, given=configured.given
            )
            stage = stack.enter_context(folder)
        stack.enter_context(threads(configured.settings.threads))
        if not fabric.broadcast(stage is not None and stage.complete):
            imported = is_imported(opened)  # first of all: a manifest that can't be read ends nobody's training
            outputs, spent = _run(
                configured, opened, plan, rows, model=model, out=out, seed=seed, precision=precision, fabric=fabric,
                people=people,
            )  # fmt: skip
            if stage is not None:
                about = {"method": configured.method.name, "budget": budget, "tuned": tuned, "imported": imported}
                stage.finish(outputs={**about, **outputs}, cost=spent)
                for rest in (state.CHECKPOINT, failures.TRACEBACK):
                    (out / rest).unlink(missing_ok=True)
        fabric.barrier()
    return out


def plan_run(
    configured: Configured, dataset: Dataset, *, budget: float, seed: int
) -> tuple[BatchPlan, dict[str, list[SplitRow]]]:
    """Lay out the batches of a run and choose its rows.

    Args:
        budget: how often each forget pair is seen.
        seed: of the order and of the draw of retain pairs.

    Returns:
        The plan, and kind of pairs → rows. Kinds that only the probes look at have rows, but no part in the plan.
    """
    forget = dataset.counts[Split.FORGET]
    if forget < 2:
        raise DatasetError(
            f"Expected at least 2 forget pairs in {dataset.folder}, got {forget}: a contrastive batch needs 2."
        )
    needs = [need for need in configured.method.needs_of(configured.config) if need != "fresh"]
    settings = configured.settings
    sizes = {"batch_size": settings.batch_size, "retain_batch_size": settings.retain_batch_size}
    shown = retain_pairs(budget=budget, forget=forget, **sizes)
    rows = reading.select_rows(dataset, needs=needs, retain=shown, seed=seed, order=settings.retain_order)
    counts = {need: len(rows[need]) for need in needs}
    plan = make_plan(
        budget=budget, forget=forget, counts=counts, seed=seed, retain_order=settings.retain_order, **sizes
    )
    return plan, rows


def _invent(configured: Configured, fresh: Callable[[], Sequence[Person]] | None) -> tuple[Person, ...]:
    if "fresh" not in configured.method.needs_of(configured.config):
        return ()
    people = tuple(fresh()) if fresh is not None else ()
    if len(people) < 2:
        raise ConfigError(
            f"Expected invented people for the method {configured.method.name!r}, which needs `fresh`, got "
            f"{len(people)}. Give `fresh`, as `salmubench run` and `salmubench unlearn` do, or choose options that "
            "need none."
        )
    return people


def _run(
    configured: Configured,
    dataset: Dataset,
    plan: BatchPlan,
    rows: dict[str, list[SplitRow]],
    *,
    model: str | Path,
    out: Path,
    seed: int,
    precision: str,
    fabric: Fabric,
    people: tuple[Person, ...],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run the method and write the candidate; return the manifest's outputs and cost."""
    with cost.measure() as spent:
        clip = models.load_model(model, device=str(fabric.device))
        skip_padding(clip.module)
        if configured.settings.captions == "simplified":
            clip = dataclasses.replace(clip, tokenizer=SimplifyingTokenizer(clip.tokenizer))
        share, encoded = Share(fabric), cost.EncodedCount()
        student = Model(clip, precision=precision, gatherer=share, encoded=encoded)
        frozen = dataclasses.replace(clip, module=copy.deepcopy(clip.module).requires_grad_(False))
        reference = Model(frozen, precision=precision, encoded=encoded)
        engine = Engine(
            configured.method.name,
            model=student,
            reference=reference,
            data=_open_data(configured, dataset, rows, clip=clip, reference=reference, out=out, people=people),
            plan=plan,
            settings=configured.settings,
            folder=out,
            seed=seed,
            probes=_open_probes(configured, dataset, clip=clip, reference=reference, out=out, seed=seed),
            reduce=share.reduce,
            writes=fabric.is_global_zero,
            file=configured.method.path,
        )
        earlier = dataclasses.replace(engine.progress)
        folder = out if fabric.is_global_zero else None
        with evaluation_files() as opened:
            report = _apply(configured, engine, student, reference, folder) if plan.sizes else {}
        _check_result(configured, engine, clip.module, frozen.module, moved=bool(plan.sizes))
        outputs: dict[str, Any] = {"report": report, "pairs": dict(engine.progress.pairs)}
        if opened:
            outputs["opened"] = sorted(opened)
        if fabric.is_global_zero:
            outputs["sha256"] = models.save_model(out, state=clip.module.state_dict(), config=clip.config)
            outputs["movement"] = state.movement(clip.module, frozen.module)
            outputs["optimiser_bytes"] = engine.optimiser_bytes
            _write_curves(out / CURVES, engine.progress.curves)
    spending = {
        "steps": engine.steps,
        "pairs": engine.progress.budget_pairs,
        "pictures": encoded.pictures,
        "captions": encoded.captions,
        "seconds": spent.seconds + earlier.seconds,
        "processor_seconds": share.total(spent.processor_seconds) + earlier.processor_seconds,
        "peak_memory": spent.peak_memory,
    }
    if fabric.device.type == "cuda":
        spending["peak_gpu_memory"] = torch.cuda.max_memory_allocated(fabric.device)
    return {**outputs, "cost": spending}, spending


def _apply(
    configured: Configured, engine: Engine, student: Model, reference: Model, folder: Path | None
) -> dict[str, float]:
    method, config = configured.method, configured.config
    if method.kind == "loop":
        engine.descend(lambda batch: method.function(batch, student, reference, config))
        return {}
    try:
        with seeded(student.device, engine.seed, streams.Unlearning.GLOBAL):
            reported = method.function(student, engine.data, engine, config)
        numbers = {str(name): float(value) for name, value in dict(reported).items()}
    except (StageError, OutputError):  # a method's own, or of a full machine, which is no fault of the method
        raise
    except Exception as error:
        check_room(error, f"the method {method.name!r}")
        text = failures.described(error, method.path, folder=folder)
        raise MethodError(method.name, None, f"its edit raised {text}") from error
    endless = [name for name, value in numbers.items() if not math.isfinite(value)]
    if endless:
        raise MethodError(
            method.name, None, f"expected finite numbers in its report, got {endless[0]} = NaN or infinity."
        )
    return numbers


def _check_result(configured: Configured, engine: Engine, module: nn.Module, before: nn.Module, *, moved: bool) -> None:
    name, steps = configured.method.name, engine.steps
    changed = state.other_parameters(module, before)
    if changed:
        raise MethodError(name, steps, f"expected the parameters of the model before, got {changed}.")
    if not state.is_finite(module):
        raise MethodError(name, steps, "expected finite weights at the end, got NaN or infinity.")
    if moved and not state.has_moved(module, before):
        raise MethodError(name, steps, "expected other weights than before, got the same: nothing was unlearnt.")
    if steps and not engine.progress.gradient:
        raise MethodError(
            name, steps, "expected a gradient, got zero at every step: its loss does not depend on the model."
        )


def _open_data(
    configured: Configured,
    dataset: Dataset,
    rows: dict[str, list[SplitRow]],
    *,
    clip: ClipModel,
    reference: Model,
    out: Path,
    people: tuple[Person, ...],
) -> Data:
    memory = configured.settings.picture_memory
    sources = {
        kind: PairSource(
            reading.decode(dataset, chosen, clip=clip, scratch=out, memory=memory),
            reference,
            rewrites=configured.settings.rewrites,
        )
        for kind, chosen in rows.items()
    }
    pairs = dataset.counts[Split.FORGET] + len(reading.retain_rows(dataset))
    return Data(sources["forget"], sources["forget_target"], sources["retain"], pairs, people)


def _open_probes(
    configured: Configured, dataset: Dataset, *, clip: ClipModel, reference: Model, out: Path, seed: int
) -> dict[str, PairSource]:
    """A fixed sample of forget and of retain pairs, the same for every method of a dataset and seed."""
    settings = configured.settings
    if not settings.probe_every:
        return {}
    kinds = ["forget"]
    if reading.retain_rows(dataset):
        kinds.append("retain")
    chosen = reading.select_rows(dataset, needs=kinds, retain=settings.probe_pairs, seed=seed)
    order = np.random.default_rng([seed, streams.Unlearning.PROBE]).permutation(len(chosen["forget"]))[
        : settings.probe_pairs
    ]
    chosen["forget"] = [chosen["forget"][index] for index in sorted(order)]
    return {
        kind: PairSource(
            reading.decode(dataset, part, clip=clip, scratch=out, memory=settings.picture_memory), reference
        )
        for kind, part in ((kind, chosen[kind]) for kind in kinds)
    }


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use this many threads; 0 leaves it as it is."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _write_curves(path: Path, curves: Sequence[tuple[int, int, str, float]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    steps, pairs, names, values = zip(*curves, strict=True) if curves else ((), (), (), ())
    table = pa.table(
        {
            "step": pa.array(steps, pa.int64()),
            "pairs": pa.array(pairs, pa.int64()),
            "name": pa.array(names, pa.string()),
            "value": pa.array(values, pa.float64()),
        }
    )
    with writing.atomic_path(path) as temporary:
        pq.write_table(table, temporary)
