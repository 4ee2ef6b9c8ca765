"""What a plan may say, and what is refused before anything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from contest_world import METHOD, write_plan
from salmubench.cli.main import main
from salmubench.contest import checks
from salmubench.contest.plan import load
from salmubench.contest.room import Room
from salmubench.contest.worlds import leagues
from salmubench.core import manifest, writing
from salmubench.scoring.verdict import THRESHOLDS

OWN = {"method": "apart.py"}
SIX = [201, 202, 203, 204, 205, 206]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evaluation": [101, 102], "selection": [101]}, "got seed 101 in `selection` too"),
        ({"evaluation": [1003]}, "Expected evaluation seeds other than 1000–1009"),
        ({"evaluation": [101, 101]}, "Expected different seeds in `evaluation`, got 101 more than once"),
        ({"evaluation": []}, "at least one seed in `evaluation`"),
        ({"evaluation": [-1]}, "Expected a seed from 0"),
        ({"evaluation": None}, "Expected the key 'evaluation'"),
        ({"evaluation": ["one"]}, "Expected int at "),
        ({"methods": []}, "at least one method, got none"),
        ({"methods": [{"method": "delet"}]}, "Unknown method 'delet'. Did you mean 'delete'"),
        ({"methods": [{"method": "absent.py"}]}, "Expected a Python file with a method, got nothing at"),
        ({"methods": [{"method": "delete"}, {"method": "delete"}]}, "got 'delete' more than once. Give one a `name`"),
        ({"methods": [{"method": "delete", "name": "../delete"}]}, "Expected names of methods of A–Z"),
        ({"methods": [{"method": "delete", "name": "retrained"}]}, "none called clean, compromised or retrained"),
        ({"methods": [{**OWN, "options": {"wight": 2}}]}, "Did you mean 'weight'"),
        ({"methods": [{**OWN, "options": {"weight": "much"}}]}, "Options of the method 'apart'"),
        (
            {"methods": [{"method": "level_redirection", "options": {"track": "generator"}}]},
            "Expected track generator for the method 'level_redirection'",
        ),
        ({"recipe": "minni"}, "Unknown recipe 'minni'"),
        ({"recipe": "absent.yaml"}, "Expected a recipe file, got none at"),
        ({"history": ["absent"]}, "Expected a folder of earlier records in `history`, got none at"),
        ({"attacks": ["fewshots"]}, "Unknown attack 'fewshots'"),
        ({"leagues": {"pairs": []}}, "Expected budgets in leagues.pairs, got none"),
        ({"leagues": {"pairs": [0]}}, "Expected budgets above 0"),
        ({"leagues": {"seconds": 30}}, "Expected a plan without leagues.seconds, got 30"),
        ({"limits": {"seconds": 0}}, "Expected limits.seconds above 0"),
        ({"attack_budgets": [7], "attacks": ["probe"]}, "Expected attack_budgets of those in leagues.pairs"),
        ({"attack_budgets": [1]}, "Expected `attacks` beside attack_budgets"),
        (
            {"methods": [{**OWN, "pairs": [1, 7]}]},
            r"pairs of those in leagues.pairs, [1.0], for the method 'apart', got 7",
        ),
        ({"tuning": {"trials": 2}}, "Expected seeds in `selection`"),
        ({"tuning": {"trials": -2}}, "Expected tuning.trials from 0"),
        ({"tuning": {"trials": 2}, "selection": [0]}, "Expected seeds above 0 in `selection`"),
        ({"tuning": {"search": {"lr": ["1e-2", "1e-5", "log"]}}}, "Expected a smaller and a larger end for lr"),
        ({"tuning": {"search": {"lr": [0, 1, "log"]}}}, "above 0 for log"),
        ({"tuning": {"search": {"batch_size": []}}}, "Expected choices for batch_size in tuning.search, got none"),
        ({"methods": [{**OWN, "name": "npo"}]}, "Expected another `name` for apart.py, got 'npo'"),
        ({"tuning": {"search": {"optimiser": ["muon"]}}}, "Did you mean 'optimizer'"),
        ({"tuning": {"search": {"optimizer": ["sgd"]}}}, "what unlearn.optimizer can be"),
        ({"rule": {"worlds": 2}}, "Expected a plan without rule.worlds, got 2"),
        ({"rule": {"limits": {"FactRet mrr": 0}}}, "Expected limits above 0 in rule.limits, got 0 for FactRet mrr"),
        (
            {"rule": {"thresholds": {"fact": 0.05}}},
            f"Expected the threshold fact by which this version judges, {THRESHOLDS.fact}",
        ),
        ({"rule": {"thresholds": {"facts": 0.05}}}, "Did you mean 'fact'"),
        ({"compare": {"methods": ["mine"]}}, "Unknown method in compare.methods: 'mine'"),
        ({"compare": {"numbers": ["leek"]}}, "Expected one of leakage"),
        ({"keep": "some"}, "Expected one of records, all"),
        ({"seeds": [1]}, "Expected only known keys"),
        ({"workers": -1}, "Expected workers to be 0 or more"),
    ],
)
def test_what_decides_nothing_is_refused(
    changes: dict[str, Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = write_plan(tmp_path / "plan", **changes)
    assert main(["contest", str(plan), "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert message in error, error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_a_plan_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contest", str(tmp_path / "plan.yaml"), "--out", str(tmp_path / "out")]) == 1
    assert "Expected a plan of a contest at" in capsys.readouterr().err
    (tmp_path / "plan.yaml").write_text("recipe: [tiny")
    assert main(["contest", str(tmp_path / "plan.yaml"), "--out", str(tmp_path / "out")]) == 1
    assert "Expected YAML in" in capsys.readouterr().err
    bad = write_plan(tmp_path / "bad", methods=[OWN])
    (bad.parent / "apart.py").write_text(METHOD.replace("return", "retrun"))
    assert main(["contest", str(bad), "--out", str(tmp_path / "out")]) == 1
    assert "fails on import: SyntaxError" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "refused"),
    [
        ("records/delete-5x.json", {"scores": {}, "model": {"name": "delete-5x", "seed": 102}}, True),
        ("records/delete-5x.json", {"scores": {}, "model": {"seed": 5, "tuned": {"selection_seed": 102}}}, True),
        ("run.json", {"recipe": "mini", "seed": 102, "stages": []}, True),
        ("other/contest.json", {"plan": {"evaluation": [7, 102], "selection": [], "sha256": "b" * 64}}, True),
        ("other/contest.json", {"plan": {"evaluation": [7], "selection": [102], "sha256": "b" * 64}}, True),
        ("records/delete-5x.json", {"scores": {}, "model": {"name": "delete-5x", "seed": 99}}, False),
        ("records/clean.json", {"scores": {}, "model": {"name": "clean", "seed": None}}, False),
        ("numbers.json", [102, {"seed": 102}], False),
    ],
)
def test_seeds_that_somebody_has_looked_at(name: str, content: Any, refused: bool, tmp_path: Path) -> None:
    plan = write_plan(tmp_path / "plan", history=["../results"])
    writing.write_json(tmp_path / "results" / name, content)
    if refused:
        with pytest.raises(checks.ConfigError, match=r"got seed 102, which occurs in .*json\. Take another seed"):
            checks.check(load(plan), tmp_path / "out")
    else:
        checks.check(load(plan), tmp_path / "out")


def test_seeds_that_another_plan_has_taken(tmp_path: Path) -> None:
    plan = write_plan(tmp_path / "results" / "mine", history=[".."])
    checks.check(load(plan), tmp_path / "out")  # its own file is no history
    (tmp_path / "results" / "tuned.yaml").write_text("- 102\n")  # no plan
    (tmp_path / "results" / "recipe.yaml").write_text("evaluation: [102]\n")
    checks.check(load(plan), tmp_path / "out")
    write_plan(tmp_path / "results" / "theirs", evaluation=[102, 300])
    with pytest.raises(checks.ConfigError, match=r"got seed 102, which occurs in .*theirs/plan\.yaml"):
        checks.check(load(plan), tmp_path / "out")


def test_its_own_records_are_no_history(tmp_path: Path) -> None:
    plan = write_plan(tmp_path / "plan", history=["../results"])
    record = {"scores": {}, "model": {"seed": 102}, "provenance": {"plan": load(plan).sha256}}
    writing.write_json(tmp_path / "results" / "contest" / "records" / "delete-5x.json", record)
    checks.check(load(plan), tmp_path / "out")
    record["provenance"] = {"plan": "a" * 64}
    writing.write_json(tmp_path / "results" / "contest" / "records" / "delete-5x.json", record)
    with pytest.raises(checks.ConfigError, match="got seed 102"):
        checks.check(load(plan), tmp_path / "out")
    checks.check(load(plan), tmp_path / "results" / "contest")  # what lies in its folder is its own, or refused there


def test_a_broken_file_of_the_history_is_named(tmp_path: Path) -> None:
    plan = write_plan(tmp_path / "plan", history=["../results"])
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "half.json").write_text('{"scores": ')
    with pytest.raises(checks.ConfigError, match=r"half\.json"):
        checks.check(load(plan), tmp_path / "out")


def test_the_hash_is_that_of_the_file(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, attacks=["calibrated"])
    identity = load(plan).identity
    assert identity["the plan"] == manifest.sha256_file(plan)
    assert identity["the recipe small.yaml"] == manifest.sha256_file(tmp_path / "small.yaml")
    assert identity["the method apart"] == manifest.sha256_file(tmp_path / "apart.py")
    assert set(identity) > {"the method delete", "the attack calibrated"}


def test_notes_say_what_keeps_it_from_deciding(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    whole = {"evaluation": SIX, "history": ["results"], "tuning": {"trials": 1}, "selection": [1000]}
    assert checks.notes(load(write_plan(tmp_path, **whole)).plan) == []
    few = checks.notes(load(write_plan(tmp_path, **{**whole, "evaluation": [3, 201]})).plan)
    assert "seeds below 100 (3)" in few[0]
    assert len(checks.notes(load(write_plan(tmp_path)).plan)) == 2


def test_ranges_of_the_search(tmp_path: Path) -> None:
    """YAML takes 1e-5 for a text."""
    plan = write_plan(tmp_path, tuning={"search": {"batch_size": [16, 64], "towers": ["text"]}})
    plan.write_text(plan.read_text().replace("search:", "search:\n    lr: [1e-5, 1e-2, log]"))
    assert yaml.safe_load(plan.read_text())["tuning"]["search"]["lr"][0] == "1e-5"
    assert load(plan).search == {"lr": (1e-5, 1e-2, "log"), "batch_size": [16, 64], "towers": ["text"]}


def test_thresholds_of_the_package_are_accepted(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, rule={"thresholds": writing.plain(THRESHOLDS), "limits": {"FactRet mrr": 0.1}})
    checks.check(load(plan), tmp_path / "out")
    assert json.loads(json.dumps(writing.plain(load(plan).plan)))["rule"]["limits"] == {"FactRet mrr": 0.1}


def test_a_method_may_take_part_at_some_budgets_alone(tmp_path: Path) -> None:
    methods = [{"method": "delete"}, {**OWN, "pairs": [10]}, {"method": "ssd", "pairs": [5, 10]}]
    loaded = load(write_plan(tmp_path / "plan", methods=methods, leagues={"pairs": [5, 10]}))
    checks.check(loaded, tmp_path / "out")
    found = leagues(Room(loaded, tmp_path / "out", "joblib", None, "auto", "auto"))
    assert [(item.key, dict(item.budgets)) for item in found] == [
        ("pairs-5x", {"delete": 5, "ssd": 5}), ("pairs-10x", {"delete": 10, "apart": 10, "ssd": 10})
    ]  # fmt: skip


def test_the_example_is_a_plan(tmp_path: Path) -> None:
    loaded = load(Path(__file__).parents[2] / "examples" / "contest.yaml")
    checks.check(loaded, tmp_path / "out")
    assert [(item.name, item.tuned) for item in loaded.contestants] == [
        ("cliperase", True), ("cliperase_released", False), ("my_method", True)
    ]  # fmt: skip
    assert loaded.search["lr"] == (1e-5, 1e-2, "log")


@pytest.mark.parametrize("name", ["plan.yaml", "small.yaml", "apart.py", "../results/loop.json"])
def test_a_loop_of_links_is_refused(name: str, tmp_path: Path) -> None:
    plan = write_plan(tmp_path / "plan", history=["../results"])
    (tmp_path / "results").mkdir()
    place = tmp_path / "plan" / name
    place.unlink(missing_ok=True)
    place.symlink_to(place.name)
    with pytest.raises(checks.ConfigError, match=f"Expected .* at .*{place.name}"):
        checks.check(load(plan), tmp_path / "out")


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "../loop"])
def test_a_folder_of_history_with_an_odd_name(name: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(checks.ConfigError, match="Expected a folder of earlier records in `history`, got none"):
        checks.check(load(write_plan(tmp_path / "plan", history=[name])), tmp_path / "out")


def test_seeds_in_the_history_that_are_none(tmp_path: Path) -> None:
    plan = write_plan(tmp_path / "plan", history=["../results"])
    writing.write_json(tmp_path / "results" / "run.json", {"recipe": "mini", "seed": [102, {}]})
    checks.check(load(plan), tmp_path / "out")
