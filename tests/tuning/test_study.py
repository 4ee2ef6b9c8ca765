"""`tune` on a small selection world: fixed trials, the same whoever makes them, never the world that is evaluated."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from salmubench.cli.main import main
from salmubench.core import manifest, writing
from salmubench.core.errors import ConfigError, OutputMismatch
from salmubench.core.types import HOLDOUT_SPLITS
from salmubench.dataset.layout import open_dataset
from salmubench.scoring.record_files import read_record
from salmubench.tuning.bench import SearchTerms
from salmubench.tuning.search import objective, search_space
from salmubench.tuning.study import tune
from salmubench.unlearn.config import UnlearnConfig
from salmubench.unlearn.registry import check_settings
from salmubench.workflow import planning
from salmubench.workflow import recipe as recipes
from salmubench.workflow.tuned_values import find_tuned
from taught import teach
from tiny import tiny_dataset
from tiny_model import tiny_model

pytestmark = pytest.mark.stage

RECIPE = """
unlearn:
  batch_size: 8
  lr: 1e-3
  probe_every: 0
  checkpoint_every: 0
  threads: 1
tune:
  trials: 5
  spared: 0.3
  budget: 2
"""
BROKEN = '''"""Diverges at once."""
from dataclasses import dataclass, field

NEEDS = ("forget",)


@dataclass(frozen=True)
class Config:
    """Options."""

    weight: float = field(default=1.0, metadata={"search": (0.1, 10.0, "log")})
    """Weight."""


def loss(batch, model, reference, config):
    return model.encode_image(batch.forget.images).sum() * float("nan"), {}
'''


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "small_world.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def world(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder without methods: the hand-made dataset, a model that has learnt its pairs, one that hasn't."""
    root = tmp_path_factory.mktemp("world")
    tiny_dataset(root / "dataset", identities=12, pictures=6)
    for kind, seed in (("clean", 1), ("compromised", 0)):
        folder = tiny_model(root / "checkpoints" / kind, seed=seed)
        if kind == "compromised":
            teach(folder, open_dataset(root / "dataset"), ("forget", *HOLDOUT_SPLITS), folder)
        writing.write_json(folder / "manifest.json", {"stage": "pretrain", "outputs": {"kind": kind}})
    info = {"seed": 1000, "device": "cpu", "precision": "fp32", "recipe_given": yaml.safe_load(RECIPE)}
    writing.write_json(root / "run.json", info)
    return root


def chosen(path: Path) -> dict[str, Any]:
    """What was found, without how long it took."""
    methods = yaml.safe_load(path.read_text())["methods"]
    for entry in methods.values():
        del entry["seconds"]
        for trial in entry["trials"]:
            del trial["seconds"]
    return methods


@pytest.fixture(scope="module")
def tuned(recipe: Path, world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tuned") / "out"
    return tune(["delete", "descent_to_delete"], recipe=recipe, out=out, world=world, workers=1)


def test_fixed_trials_by_the_written_rule(tuned: Path) -> None:
    content = yaml.safe_load(tuned.read_text())
    assert "holdout splits are not used" in content["rule"]
    assert content["selection"]["seed"] == 1000
    for name, entry in content["methods"].items():
        assert [trial["number"] for trial in entry["trials"]] == list(range(5))
        assert entry["objective"] == min(trial["objective"] for trial in entry["trials"]) <= entry["default"]
        assert entry["values"] == entry["trials"][entry["trial"]]["values"]
        assert set(entry["values"]) == set(entry["space"])
        folder = tuned.parent / "methods" / name / "trials" / "003"
        assert read_record(folder / "records" / f"{name}-2x.json").status == "complete"
        assert not (folder / "checkpoints").exists()
    assert content["methods"]["delete"]["trials"][0]["values"] == {"lr": 1e-3}  # the recipe's own
    assert manifest.read_manifest(tuned.parent, "tune")["outputs"]["methods"] == ["delete", "descent_to_delete"]
    assert not list(tuned.parent.rglob("*.tmp"))


def test_no_holdout_picture_was_encoded(tuned: Path, world: Path) -> None:
    import pyarrow.parquet as pq

    dataset = open_dataset(world / "dataset")
    hidden = {row.file_name for split in HOLDOUT_SPLITS for row in dataset.rows(split)}
    for kind in ("clean", "compromised"):
        index = pq.read_table(tuned.parent / "embeddings" / kind / "index.parquet")
        assert hidden.isdisjoint(index.column("file_name").to_pylist())


def test_the_journal_is_a_study_of_optuna(tuned: Path) -> None:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(tuned.parent / "methods" / "delete" / "journal.log")))
    study = optuna.load_study(study_name="delete", storage=storage)
    assert len(study.trials) == 5
    assert study.best_value == chosen(tuned)["delete"]["objective"]
    assert "lr" in study.best_params


@pytest.mark.night
def test_more_trials_go_on_and_workers_change_nothing(
    tuned: Path, recipe: Path, world: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "salmubench")
    out = tmp_path / "again"
    shutil.copytree(tuned.parent, out)
    record = out / "methods" / "delete" / "trials" / "001" / "records" / "delete-2x.json"
    before = record.stat().st_mtime_ns
    earlier = yaml.safe_load((out / "tuned.yaml").read_text())
    (out / "tuned.yaml").write_text(yaml.safe_dump({**earlier, "rule": "Another rule."}))
    more = chosen(tune(["delete"], recipe=recipe, out=out, world=world, trials=6, workers=1))
    sixth = more["delete"]["trials"][5]
    (line,) = [line for line in caplog.messages if line.startswith("delete, trial 6 of 6: ")]
    assert line.startswith(f"delete, trial 6 of 6: {sixth['objective']:.3f} (lower is better; leakage ")
    assert line.endswith(f"Best so far: {more['delete']['objective']:.3f}, trial {more['delete']['trial'] + 1}.")
    assert [trial["number"] for trial in more["delete"]["trials"]] == list(range(6))
    assert more["delete"]["trials"][:5] == chosen(tuned)["delete"]["trials"]
    # tuned here before: it stays, and says by which rule
    assert more["descent_to_delete"] == {"rule": "Another rule.", **chosen(tuned)["descent_to_delete"]}
    assert "rule" not in more["delete"]
    assert set(more["delete"]["provenance"]) == {"version", "commit", "dirty"}
    assert record.stat().st_mtime_ns == before
    with pytest.raises(OutputMismatch, match="search_seed: 0 there, 2 asked"):
        tune(["delete"], recipe=recipe, out=out, world=world, seed=2, workers=1)
    beside = tune(["delete"], recipe=recipe, out=tmp_path / "beside", world=world, trials=3, workers=2)
    assert chosen(beside)["delete"]["trials"] == more["delete"]["trials"][:3]


def test_the_world_that_is_evaluated_is_refused(
    recipe: Path, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError, match="got the seed 1000 for both"):
        tune(["delete"], recipe=recipe, out=tmp_path / "a", world=world, seed=1000)
    other = tmp_path / "evaluated"
    shutil.copytree(world, other)
    writing.write_json(other / "run.json", {**json.loads((world / "run.json").read_text()), "seed": 0})
    command = ["tune", "delete", "--recipe", str(recipe), "--out", str(tmp_path / "b"), "--world", str(other)]
    assert main(command) == 1
    assert "must not be chosen on a world that is evaluated" in capsys.readouterr().err
    given = {**yaml.safe_load(RECIPE), "dataset": {"identities": 9}}
    writing.write_json(other / "run.json", {**json.loads((world / "run.json").read_text()), "recipe_given": given})
    with pytest.raises(ConfigError, match="other keys in dataset"):
        tune(["delete"], recipe=recipe, out=tmp_path / "c", world=other)
    assert not (tmp_path / "b").exists()


def test_a_method_that_fails_counts_as_worst_and_the_others_go_on(recipe: Path, world: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(BROKEN)
    found = chosen(tune([str(bad), "delete"], recipe=recipe, out=tmp_path / "o", world=world, trials=2, workers=1))
    assert [trial["objective"] for trial in found["bad"]["trials"]] == [1.0, 1.0]
    assert "diverged" in found["bad"]["trials"][0]["error"]
    assert found["bad"]["default"] is None
    assert found["delete"]["objective"] < 1
    bad.write_text(BROKEN.replace("at once", "later"))
    with pytest.raises(OutputMismatch, match=r"trials of .*bad\.py as it is"):
        tune([str(bad)], recipe=recipe, out=tmp_path / "o", world=world, trials=2, workers=1)


def test_values_that_a_method_refuses_are_a_trial_that_failed(recipe: Path, world: Path, tmp_path: Path) -> None:
    picky, out = tmp_path / "picky.py", tmp_path / "o"
    refusing = '''    """Weight."""

    def __post_init__(self):
        if self.weight != 1.0:
            raise ValueError("weight must be 1")
'''
    picky.write_text(BROKEN.replace('    """Weight."""\n', refusing))
    for trials in (2, 3):
        found = chosen(tune([str(picky)], recipe=recipe, out=out, world=world, trials=trials, workers=1))["picky"]
        assert [trial["objective"] for trial in found["trials"]] == [1.0] * trials
        assert "diverged" in found["trials"][0]["error"]
        assert "weight must be 1" in found["trials"][1]["error"]
    record = read_record(out / "methods" / "picky" / "trials" / "001" / "records" / "picky-2x.json")
    assert (record.status, record.model.name) == ("failed", "picky-2x")


@pytest.mark.parametrize("asked", ["device", "precision"])
def test_a_world_has_its_own_device_and_precision(asked: str, recipe: Path, world: Path, tmp_path: Path) -> None:
    other = {"device": "cuda", "precision": "bf16"}[asked]
    with pytest.raises(ConfigError, match=f"with the {asked} of the world .* got {other}. Leave --{asked} out"):
        tune(["delete"], recipe=recipe, out=tmp_path / "o", world=world, **{asked: other})
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("change", ["weight_decay: 0.5", "overrides: {bad: {grad_clip: 2.0}}", "lr: 2e-3"])
def test_trials_under_other_settings_are_refused(change: str, recipe: Path, world: Path, tmp_path: Path) -> None:
    """Also those that are searched: the first trial is the recipe's own."""
    bad, out, other = tmp_path / "bad.py", tmp_path / "o", tmp_path / "small_world.yaml"
    bad.write_text(BROKEN)
    first = chosen(tune([str(bad)], recipe=recipe, out=out, world=world, trials=1, workers=1))
    assert "settings_sha256" not in first["bad"]["trials"][0]
    given = RECIPE.replace("  lr: 1e-3\n", "") if change.startswith("lr") else RECIPE
    other.write_text(given.replace("unlearn:", f"unlearn:\n  {change}"))
    with pytest.raises(OutputMismatch, match=r"Expected trials of .*bad\.py under the settings that the recipe gives"):
        tune([str(bad)], recipe=other, out=out, world=world, trials=2, workers=1)
    more = chosen(tune([str(bad)], recipe=recipe, out=out, world=world, trials=2, workers=1))
    assert more["bad"]["trials"][:1] == first["bad"]["trials"]


def test_trials_of_another_compromised_are_refused(recipe: Path, world: Path, tmp_path: Path) -> None:
    bad, out, other = tmp_path / "bad.py", tmp_path / "o", tmp_path / "world"
    bad.write_text(BROKEN)
    tune([str(bad)], recipe=recipe, out=out, world=world, trials=1, workers=1)
    shutil.copytree(world, other)
    tiny_model(other / "checkpoints" / "compromised", seed=5)
    with pytest.raises(OutputMismatch, match=r"config\.compromised: .* there, .* asked"):
        tune([str(bad)], recipe=recipe, out=out, world=other, trials=2, workers=1)


def test_run_takes_tuned_values_and_says_so(tuned: Path, recipe: Path) -> None:
    found = find_tuned(str(tuned), recipe="small_world", shipped=False)
    assert found is not None
    loaded = recipes.load(recipe).recipe
    planned = planning.plan(loaded, methods=["delete", "finetuning"], budgets=[5], repeats=2, seed=0, tuned=found)
    assert [item.name for item in planned] == ["delete-5x", "delete-r2-5x", "finetuning-5x", "finetuning-r2-5x"]
    assert [item.seed for item in planned] == [0, 1, 0, 1]
    assert planned[0].values == chosen(tuned)["delete"]["values"]
    assert planned[0].tuned is not None
    assert planned[0].tuned["trials"] == 5
    assert (planned[2].values, planned[2].tuned) == ({}, None)
    with pytest.raises(ConfigError, match="world on which nothing was chosen, got seed 1000"):
        planning.plan(loaded, methods=["delete"], budgets=[5], seed=1000, tuned=found)
    assert planning.plan(loaded, methods=["finetuning"], budgets=[5], seed=1000, tuned=found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"repeats": 0}, "repeats of 1 or more"),
        ({"budgets": [-1]}, "budgets of 0 or more"),
        ({"budgets": [1, float("inf")]}, "a budget from 0 to 1,000,000, got inf"),
        ({"budgets": {"delete": [1e6]}}, "a budget from 0 to 1,000,000, got 1000000.0"),
        ({"budgets": {"delet": [1], "delete": [2]}}, "Unknown method in budgets: 'delet'. Did you mean 'delete'"),
    ],
)
def test_senseless_plans_are_refused(recipe: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        planning.plan(recipes.load(recipe).recipe, **{"methods": ["delete"], "budgets": [5], **change})


@pytest.mark.night
def test_further_worlds_count_as_much_and_terms_are_equal(recipe: Path, world: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(world, other)
    writing.write_json(other / "run.json", {**json.loads((world / "run.json").read_text()), "seed": 1001})
    search = {"optimizer": ["adamw", "muon"], "lr": (1e-4, 1e-2, "log"), "batch_size": [4, 8]}
    terms = SearchTerms({1001: other}, search, {"delete": ("batch_size",)})
    path = tune(["delete"], recipe=recipe, out=tmp_path / "o", world=world, trials=2, terms=terms, workers=1)
    content = yaml.safe_load(path.read_text())
    entry = content["methods"]["delete"]
    assert set(entry["space"]) == {"optimizer", "lr"}, "what is fixed is not searched"
    for trial in entry["trials"]:
        alone = objective(
            read_record(tmp_path / f"o/methods/delete/trials/{trial['number']:03d}/records/delete-2x.json")
        )
        further = trial["others"]["1001"]
        assert trial["objective"] == pytest.approx((alone[0] + further["objective"]) / 2)
        assert further["objective"] != alone[0], "another part of the world is spared"
        assert not list((tmp_path / "o/methods/delete/trials").glob("*/world-1001/checkpoints"))
    tuned = find_tuned(str(path), recipe="small_world", shipped=False)
    assert tuned is not None
    assert (tuned.selection_seed, tuned.others) == (1000, (1001,))
    with pytest.raises(ConfigError, match="world on which nothing was chosen, got seed 1001"):
        planning.plan(recipes.load(recipe).recipe, methods=["delete"], budgets=[5], seed=1001, tuned=tuned)
    with pytest.raises(ConfigError, match="got the seed 1001 for both"):
        tune(["delete"], recipe=recipe, out=tmp_path / "p", world=world, terms=terms, seed=1001)


def test_equal_terms_are_those_of_loops() -> None:
    configured = check_settings(UnlearnConfig(methods=("level_redirection", "cliperase", "ssd"), lr=1e-3))
    equal = {"lr": (1e-5, 1e-2, "log"), "optimizer": ["adamw", "muon"]}
    spaces = {item.method.name: search_space(item, equal=equal) for item in configured}
    assert equal.items() <= spaces["cliperase"].items()
    assert "forgetting" in spaces["cliperase"], "its own options are searched too"
    for item in configured:
        if item.method.kind == "edit":
            assert spaces[item.method.name] == search_space(item)


def test_each_method_has_its_own_budgets(recipe: Path) -> None:
    loaded = recipes.load(recipe).recipe
    planned = planning.plan(loaded, methods=["delete", "finetuning"], budgets={"delete": [5, 2], "finetuning": [5]})
    assert [item.name for item in planned] == ["delete-5x", "finetuning-5x", "delete-2x"]
    planned = planning.plan(loaded, methods=["delete"], budgets={"delete": [5], "finetuning": [2]})
    assert [item.name for item in planned] == ["delete-5x"], "budgets of methods of other calls may stand there too"
