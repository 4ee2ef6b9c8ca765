"""The stages in order, skipping what is done.

This module alone strings stages together; a stage reads files, writes files and never calls another stage.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from salmubench import cost, manifest, plugins
from salmubench import recipe as recipes
from salmubench.encode.config import EncodeConfig
from salmubench.errors import ConfigError, EmbeddingsError, MethodError, ModelError
from salmubench.layout import Dataset, open_dataset
from salmubench.metrics.config import ScoreConfig

SCHEMA_VERSION = 1
"""Version of `run.json`."""

RUN = "run.json"
REFERENCES: tuple[Literal["clean"], Literal["compromised"]] = ("clean", "compromised")
RECIPE_WORD = "recipe"
"""In a list of methods: those of the recipe."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunResult:
    """What a run left.

    Attributes:
        out: the folder.
        table: the table of the page as text.
        page: the page.
        failed: model name → message of each method that failed.
        did: names of the stages that had work to do; empty where all was done before.
        stages: name, seconds, peak memory (bytes) of every stage; null where it was measured in a run that died.
    """

    out: Path
    table: str
    page: Path
    failed: Mapping[str, str]
    did: tuple[str, ...]
    stages: tuple[Mapping[str, Any], ...]


def candidate_name(method: str, budget: float) -> str:
    """Name of a candidate, e.g. `cliperase-5x`."""
    return f"{plugins.stem(method)}-{budget:g}x"


def run(
    *,
    recipe: str | Path,
    out: Path,
    methods: Sequence[str] | None = None,
    budgets: Sequence[float] = (5,),
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
) -> RunResult:
    """Run the whole benchmark into one folder; what is there already is kept.

    Methods and budgets add to a folder: a second call with other ones keeps dataset, references and earlier candidates.

    Args:
        recipe: name of a recipe or path of a YAML file.
        out: the folder.
        methods: names or paths of Python files; the word `recipe` stands for the recipe's list, which is the default.
        budgets: how often each forget pair is seen.
        seed: of dataset, weights, batches; another seed is another world.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`.

    Raises:
        ConfigError: anything wrong in recipe, methods or arguments, before any stage starts.
        SalmubenchError: a stage failed. A method that fails doesn't raise: see `RunResult.failed`.
    """
    loaded = recipes.load(recipe)
    candidates = plan(loaded.recipe, methods=methods, budgets=budgets)
    config = {name: getattr(loaded.recipe, name) for name in ("dataset", "pretrain", "encode", "score")}
    config["unlearn"] = replace(loaded.recipe.unlearn, methods=())  # the list may grow, the settings stay
    with manifest.stage_folder(
        out, "run", config={"recipe": loaded.name, **config}, seed=seed, given=loaded.given,
        inputs={"device": device, "precision": precision},
    ) as folder:  # fmt: skip
        steps = _Steps(out, loaded, seed=seed, device=device, precision=precision)
        failed = steps.everything(candidates)
        if not folder.complete:
            folder.finish()
        return RunResult(out, steps.table, steps.page, failed, tuple(steps.did), tuple(steps.stages.values()))


def plan(recipe: recipes.Recipe, *, methods: Sequence[str] | None, budgets: Sequence[float]) -> list[tuple[str, float]]:
    """Check methods, their configurations and budgets; give (method, budget) in order.

    Raises:
        ConfigError: an unknown method, a file that fails on import or breaks the interface, a budget below 0, two
            methods of one name.
    """
    from salmubench.unlearn.registry import check_settings

    wanted: list[str] = []
    for name in methods if methods is not None else (RECIPE_WORD,):
        wanted += recipe.unlearn.methods if name == RECIPE_WORD else (name,)
    wanted = list(dict.fromkeys(wanted))
    if not budgets or any(not budget >= 0 for budget in budgets):
        raise ConfigError(f"Expected budgets of 0 or more, found {list(budgets)!r}.")
    stems = [plugins.stem(name) for name in wanted]
    twice = sorted({name for name in stems if stems.count(name) > 1 or name in REFERENCES})
    if twice:
        raise ConfigError(f"Expected methods of different names, none called clean or compromised, found {twice!r}.")
    check_settings(replace(recipe.unlearn, methods=tuple(wanted)))
    return [(name, budget) for budget in dict.fromkeys(budgets) for name in wanted]


class _Steps:
    """The steps of one run, with what each cost."""

    def __init__(self, out: Path, loaded: recipes.LoadedRecipe, *, seed: int, device: str, precision: str) -> None:
        self.out, self.loaded, self.seed = out, loaded, seed
        self.device, self.precision = device, precision
        self.did: list[str] = []
        self.table, self.page = "", out / "report" / "index.html"
        earlier = manifest.read_json(out / RUN) if (out / RUN).is_file() else {}
        self.stages: dict[str, dict[str, Any]] = {stage["name"]: stage for stage in earlier.get("stages", ())}
        self.models: list[str] = list(earlier.get("models", ()))
        self.earlier = earlier

    def everything(self, candidates: Sequence[tuple[str, float]]) -> dict[str, str]:
        """Do what is missing; give the message of each candidate that failed."""
        self._step("dataset", self.out / "dataset", self._build)
        for kind in REFERENCES:
            self._step(f"pretrain {kind}", self._checkpoint(kind), partial(self._pretrain, kind))
        for kind in REFERENCES:
            self._encode(kind)
        for kind in REFERENCES:
            self._score(kind)
        failed: dict[str, str] = {}
        for method, budget in candidates:
            name = candidate_name(method, budget)
            error = self._candidate(name, method, budget)
            if error is not None:
                failed[name] = str(error)
        self._report(failed)
        return failed

    def _candidate(self, name: str, method: str, budget: float) -> MethodError | None:
        from salmubench.results.io import write_failed

        self._forget_stale(name, method)
        try:
            self._step(f"unlearn {name}", self._checkpoint(name), lambda: self._unlearn(name, method, budget))
            self._encode(name)
            self._score(name)
        except (MethodError, EmbeddingsError, ModelError) as problem:  # the candidate's own fault: the others go on
            error = problem if isinstance(problem, MethodError) else MethodError(method, None, str(problem))
            log.error("%s", error)
            write_failed(self._record(name), model=name, error=error, dataset=self._dataset(), budget=budget)
            self._add_model(name)
            return error
        return None

    def _forget_stale(self, name: str, method: str) -> None:
        """Remove a candidate whose method file has changed since: its author edits and runs again."""
        checkpoint = self._checkpoint(name)
        for marker in (checkpoint / manifest.MANIFEST, checkpoint / manifest.BEGUN):
            if marker.is_file():
                from salmubench.unlearn.registry import load_method

                if manifest.read_json(marker)["inputs"]["method_sha256"] != load_method(method).sha256:
                    log.info("%s: the method's file has changed, made again", name)
                    for folder in (checkpoint, self._embeddings(name)):
                        shutil.rmtree(folder, ignore_errors=True)
                return

    def _build(self) -> None:
        from salmubench.dataset.build import build

        build(self.loaded.recipe.dataset, out=self.out / "dataset", seed=self.seed)

    def _pretrain(self, kind: Literal["clean", "compromised"]) -> None:
        from salmubench.pretrain.launch import pretrain

        pretrain(
            self.loaded.recipe.pretrain,
            dataset=self.out / "dataset",
            kind=kind,
            out=self._checkpoint(kind),
            seed=self.seed,
            device=self.device,
            precision=self.precision,
        )

    def _unlearn(self, name: str, method: str, budget: float) -> None:
        from salmubench.unlearn.engine import unlearn

        unlearn(
            method,
            model=self._checkpoint("compromised"),
            dataset=self._dataset(),
            out=self._checkpoint(name),
            budget=budget,
            settings=self.loaded.recipe.unlearn,
            seed=self.seed,
            device=self.device,
            precision=self.precision,
        )

    def _encode(self, name: str) -> None:
        from salmubench.metrics import required_texts

        def work() -> None:
            from salmubench.encode.encode import encode

            dataset = self._dataset()
            encode(
                model=self._checkpoint(name),
                dataset=dataset,
                out=self._embeddings(name),
                texts=required_texts(dataset, self.loaded.recipe.score),
                config=self.loaded.recipe.encode,
                device=self.device,
                precision=self.precision,
            )

        self._step(f"encode {name}", self._embeddings(name), work)

    def _score(self, name: str) -> None:
        from salmubench.results.io import is_current

        record = self._record(name)
        inputs = {
            "embeddings": self._embeddings(name),
            "clean": self._embeddings("clean"),
            "compromised": self._embeddings("compromised"),
        }
        config = self.loaded.recipe.score
        if not is_current(record, config=config, **inputs):
            from salmubench.metrics import score

            self._measured(f"score {name}", lambda: score(out=record, config=config, **inputs))
        self._add_model(name)

    def _report(self, failed: Mapping[str, str]) -> None:
        from salmubench.report.page import report
        from salmubench.report.tables import text_table
        from salmubench.results.io import read_record

        status = "failed" if failed else "complete"
        if self.did or not self.page.is_file() or self.earlier.get("status") != status:
            self._write_run("running")
            self._measured(
                "report", lambda: report([self.out], out=self.out / "report", config=self.loaded.recipe.report)
            )
            self.did.remove("report")
            self._write_run(status)
        self.table = text_table([read_record(self._record(name)) for name in self.models])

    def _step(self, stage: str, folder: Path, work: Callable[[], object]) -> None:
        if not (folder / manifest.MANIFEST).is_file():
            self._measured(stage, work)

    def _measured(self, stage: str, work: Callable[[], object]) -> None:
        log.info("%s …", stage)
        with cost.measure() as spent:
            work()
        self.did.append(stage)
        self.stages[stage] = {"name": stage, "seconds": round(spent.seconds, 2), "peak_memory": spent.peak_memory}
        self._write_run("running")
        log.info("%s: %.1f s, peak memory %.2f GiB", stage, spent.seconds, spent.peak_memory / 2**30)

    def _add_model(self, name: str) -> None:
        if name not in self.models:
            self.models.append(name)

    def _write_run(self, status: str) -> None:
        manifest.write_json(
            self.out / RUN,
            {
                "schema_version": SCHEMA_VERSION,
                "status": status,
                "recipe": self.loaded.name,
                "recipe_given": self.loaded.given,
                "seed": self.seed,
                "device": self.device,
                "precision": self.precision,
                "stages": list(self.stages.values()),
                "models": self.models,
                "provenance": manifest.provenance(),
            },
        )

    def _dataset(self) -> Dataset:
        return open_dataset(self.out / "dataset")

    def _checkpoint(self, name: str) -> Path:
        return self.out / "checkpoints" / name

    def _embeddings(self, name: str) -> Path:
        return self.out / "embeddings" / name

    def _record(self, name: str) -> Path:
        return self.out / "records" / f"{name}.json"


def encode_model(
    *,
    model: str | Path,
    dataset: str | Path | Dataset,
    out: Path,
    arch: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    config: EncodeConfig | None = None,
) -> Path:
    """Encode a model with every text that the metrics need.

    Args:
        model: folder, `hf-hub:org/name`, or a weights file with `arch`.
        dataset: folder, Hub id or an open dataset.
        out: folder of the embeddings.
        arch: open_clip architecture of a bare weights file.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`.
        config: settings; the defaults if left out.
    """
    from salmubench.encode.encode import encode
    from salmubench.metrics import required_texts

    opened = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
    return encode(
        model=model, dataset=opened, out=out, texts=required_texts(opened), arch=arch,
        config=config or EncodeConfig(), device=device, precision=precision,
    )  # fmt: skip


def evaluate(
    *,
    model: str | Path,
    dataset: str | Path,
    clean: str | Path,
    compromised: str | Path,
    out: Path,
    arch: str | None = None,
    device: str = "auto",
    precision: str = "auto",
) -> Path:
    """Encode a checkpoint and score it: embeddings go to `<out without .json>.embeddings/`.

    Args:
        model: folder, `hf-hub:org/name`, or a weights file with `arch`.
        dataset: folder or Hub id.
        clean: model, embeddings folder or record of Clean.
        compromised: the same of Compromised.
        out: the record.
        arch: open_clip architecture of a bare weights file.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`.

    Returns:
        The record's path.
    """
    from salmubench.metrics import score

    opened = open_dataset(dataset)
    folder = out.with_suffix(".embeddings")

    def embeddings(source: str | Path, name: str, arch: str | None = None) -> Path:
        path = Path(source)
        if path.suffix == ".json" or ((path / manifest.MANIFEST).is_file() and _stage_of(path) == "encode"):
            return path
        return encode_model(
            model=source, dataset=opened, out=folder / name, arch=arch, device=device, precision=precision
        )

    references = {"clean": embeddings(clean, "clean"), "compromised": embeddings(compromised, "compromised")}
    return score(embeddings=embeddings(model, "model", arch), **references, out=out, config=ScoreConfig())


def _stage_of(path: Path) -> str:
    return str(manifest.read_json(path / manifest.MANIFEST).get("stage"))
