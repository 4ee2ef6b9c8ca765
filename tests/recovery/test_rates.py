"""Rates chosen by the references alone: what counts, what is written, and the whole procedure on a small world."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from salmubench.attacks import load
from salmubench.cli.main import main
from salmubench.core.errors import ConfigError, StageError
from salmubench.recovery import AttackConfig
from salmubench.recovery.rates import Chosen, Tried, _best_of, _Option, _space, choose_rates
from salmubench.scoring.attacks.record import Recovery
from salmubench.scoring.record_files import read_record
from salmubench.workflow import recipe
from salmubench.workflow.recipe import write_overrides

pytestmark = pytest.mark.stage


def tried(values: dict[Any, float | None], shown: dict[Any, float] | None = None) -> Any:
    """An attempt whose results are known, and what Compromised shows."""

    def attempt(name: str, options: dict[str, Any]) -> Tried:
        key = options["lrs"] if "lrs" in options else options["steps"]
        value = values[key]
        reason = None if value is not None else "the control retrained shows"
        recovered = Recovery(value, None, reason, compromised=(shown or {}).get(key, 0.5), clean=0.0)
        return Tried(name, options, recovered)

    return attempt


def test_the_most_that_a_control_allows_is_taken() -> None:
    known = {20: 0.2, 40: 0.6, 80: None, 160: 0.6}
    assert _best_of("a", _Option("steps", tuple(known), None), {}, tried(known)) == {"steps": 40}
    assert _best_of("a", _Option("steps", (80,), None), {}, tried(known)) == {}
    each = {(1e-5,): 0.1, (1e-4,): 0.5, (1e-3,): 0.9, (1e-2,): None, (3e-4,): 0.7}
    kept = _best_of("a", _Option("lrs", (1e-5, 1e-4, 1e-3, 1e-2, 3e-4), 3), {"x": 1}, tried(each))
    assert kept == {"lrs": (1e-4, 3e-4, 1e-3)}


def test_a_setting_that_takes_compromised_apart_counts_for_nothing() -> None:
    known, shown = {20: 0.4, 40: 0.6, 80: 1.8}, {20: 0.5, 40: 0.25, 80: 0.01}
    assert _best_of("a", _Option("steps", tuple(known), None), {}, tried(known, shown)) == {"steps": 40}


@pytest.mark.parametrize("name", ["fewshot", "benign", "savings"])
def test_what_may_be_tried_is_valid_and_holds_the_default(name: str) -> None:
    item = load(name)
    space = _space(item)
    assert space
    for option in space:
        default = getattr(item.config, option.name)
        for value in option.values:
            load(name, {option.name: [value] if option.keep else value})
        assert set(default) <= set(option.values) if option.keep else default in option.values


CHOSEN = Chosen((), {"fewshot": {"lrs": (1e-5, 3e-5), "read_at": (5, 10)}, "benign": {"lr": 1e-5}}, "f" * 64, 0)


def test_they_are_written_into_the_section_and_nothing_else_changes(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    before = (
        "# mine\ndataset:\n  identities: 20 # few\n\nattack: # by hand\n  seeds: 3\n\n  # a comment\n"
        "  overrides:\n    benign: {lr: 0.5, batch_size: 8}\n    probe: {steps: 7}\nscore:\n  bootstraps: 100\n"
    )
    path.write_text(before)
    write_overrides(path, CHOSEN)
    loaded = recipe.load(path).recipe
    assert loaded.attack.seeds == 3
    assert loaded.attack.overrides == {
        "benign": {"lr": 1e-5}, "probe": {"steps": 7}, "fewshot": {"lrs": [1e-5, 3e-5], "read_at": [5, 10]},
    }  # fmt: skip
    assert (loaded.dataset.identities, loaded.score.bootstraps) == (20, 100)
    text = path.read_text()
    assert text.startswith("# mine\ndataset:\n  identities: 20 # few\n")
    assert text.count("attack:") == 1
    assert "chosen by the references of dataset ffffffffffff alone, seed 0" in text
    write_overrides(path, CHOSEN)
    assert path.read_text() == text


def test_a_recipe_that_is_not_there_is_made(tmp_path: Path) -> None:
    write_overrides(tmp_path / "new.yaml", CHOSEN)
    assert recipe.load(tmp_path / "new.yaml").recipe.attack.overrides["benign"] == {"lr": 1e-5}
    with pytest.raises(ConfigError, match="Expected a recipe file"):
        write_overrides(tmp_path / "new.txt", CHOSEN)
    (tmp_path / "bad.yaml").write_text("atack: {}\n")
    with pytest.raises(ConfigError, match="Did you mean"):
        write_overrides(tmp_path / "bad.yaml", CHOSEN)


def test_bad_input(world: Any, tmp_path: Path) -> None:
    given: dict[str, Any] = {
        "dataset": world.dataset, "clean": world.clean, "compromised": world.compromised, "out": tmp_path / "out",
    }  # fmt: skip
    with pytest.raises(ConfigError, match="--retrained or --second-clean, got neither"):
        choose_rates(**given)
    with pytest.raises(ConfigError, match="something to choose"):
        choose_rates(**given, retrained=world.clean, config=AttackConfig(attacks=("calibrated",)))
    with pytest.raises(StageError, match="Expected Compromised to know more than Clean"):
        choose_rates(**{**given, "compromised": world.clean}, retrained=world.clean, precision="fp32")


MINE = """
from dataclasses import dataclass, field
from salmubench.attacks import Attack, Variant, copy_of, draws, fine_tune, generator_of
ATTACK = Attack(name="mine", title="portraits", knows="retain")
@dataclass(frozen=True)
class Config:
    lr: float = field(default=1e-4, metadata={"search": (1e-4, 1e-3)})
    steps: int = field(default=4, metadata={"search": (4, 12)})
def attack(model, data, seed, config):
    student = copy_of(model)
    batches = draws(data.retain_synth, 64, model, generator_of(seed))
    for step in fine_tune(student, batches, lr=config.lr, read_at=(config.steps,)):
        yield Variant(label=f"{step} steps", model=student, calibrated=True)
"""


@pytest.mark.night
def test_the_whole_procedure_on_a_small_world(world: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "small.yaml"
    (tmp_path / "mine.py").write_text(MINE)
    path.write_text("score: {bootstraps: 200, fact_values: 6}\nattack: {knowledge_pictures: 0}\n")
    given = [
        "attack-rates", str(path), "--dataset", str(world.dataset), "--clean", str(world.clean), "--compromised",
        str(world.compromised), "--retrained", str(world.clean), "--out", str(tmp_path / "out"), "--attacks",
        str(tmp_path / "mine.py"), "--repeats", "1", "--precision", "fp32", "--device", "cpu", "--quiet",
    ]  # fmt: skip
    assert main(given) == 0
    shown = capsys.readouterr().out
    assert f"Written to {path}." in shown
    assert main([*given, "--json"]) == 0  # nothing is left to do
    content = json.loads(capsys.readouterr().out)
    kept = json.loads((tmp_path / "out" / "rates.json").read_text(encoding="utf-8"))
    assert kept.pop("provenance")["version"]
    assert (kept.pop("seeds"), kept.pop("precision")) == (1, "fp32")
    assert kept == content
    options = [tuple(one["options"]) for one in content["tried"]]
    assert options == [("lr",)] * 2 + [("lr", "steps")] * 2
    worth = [-9 if one["recovered"]["value"] is None else one["recovered"]["value"] for one in content["tried"]]
    best = content["tried"][max((2, 3), key=worth.__getitem__)]  # each option is tried with the best of those before
    assert recipe.load(path).recipe.attack.overrides == {"mine": best["options"]} == content["overrides"]
    section = read_record(tmp_path / "out" / "records" / "unlearnt.json")
    leakage = section.scores["RetFail"]["mrr"].normalised.value
    assert leakage is not None
    assert leakage < 0.3  # of V a tenth at most was left; this is over all pairs
