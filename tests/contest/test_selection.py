"""What is chosen before the evaluation: options on equal terms, budgets that use the time allowed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import collect
import pytest
import yaml

from contest_world import METHOD, begin, write_plan
from salmubench import attacks
from salmubench.cli.main import main
from salmubench.contest import selection
from salmubench.contest.plan import load
from salmubench.contest.room import Room
from salmubench.contest.selection import choose, rise
from salmubench.core import manifest
from salmubench.core.errors import MethodError
from salmubench.scoring.contest_record import read_contest
from salmubench.scoring.record_files import read_record
from salmubench.tuning import study
from salmubench.unlearn.config import UnlearnConfig
from salmubench.unlearn.registry import Configured, configure, load_method
from tiny import tiny_dataset

pytestmark = pytest.mark.stage


@pytest.mark.parametrize(
    ("cost", "allowed", "budget"),
    [
        (lambda budget: 10 * budget, 300, (27, 30)),
        (lambda budget: 20 + 4 * budget, 300, (62, 70)),
        (lambda budget: 10 * budget, 5, (0.45, 0.5)),
        (lambda budget: 50 * budget + budget**2, 2000, (24, 26.3)),
        (lambda budget: 8.0, 300, (5, 5)),  # one shot: more pairs take no more time
        (lambda budget: 0.001 * budget, 300, (1000, 1000)),
    ],
)
def test_a_budget_rises_until_it_has_used_the_time(
    cost: Callable[[float], float], allowed: float, budget: tuple[float, float]
) -> None:
    asked: list[float] = []

    def measured(at: float) -> float:
        asked.append(at)
        return cost(at)

    found, tried = rise(measured, allowed=allowed, start=5)
    assert budget[0] <= found <= budget[1]
    assert cost(found) <= allowed
    assert tried == [(at, cost(at)) for at in asked]
    assert len(asked) == len(set(asked)) <= 6


def test_what_takes_too_long_at_any_budget_gets_the_smallest() -> None:
    found, tried = rise(lambda budget: 400 + budget, allowed=300, start=5)
    assert found == min(at for at, _ in tried)
    assert found < 5


def test_a_method_that_fails_keeps_the_last_budget_that_worked() -> None:
    def measured(at: float) -> float:
        if at > 5:
            raise MethodError("mine", 3, "it diverged")
        return 10 * at

    assert rise(measured, allowed=300, start=5) == (5, [(5, 50)])

    def broken(at: float) -> float:
        raise MethodError("mine", 0, f"no {at}")

    assert rise(broken, allowed=300, start=5) == (5, [])


@pytest.mark.night
def test_two_selection_worlds_equal_searches_and_equal_time(
    references: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = [{"method": "apart.py", "options": {"weight": 2.0}}, {"method": "apart.py", "name": "again"}]
    methods.append({"method": "apart.py", "name": "alone", "tuned": False})
    plan = write_plan(
        tmp_path / "plan", keep="records", evaluation=[101], selection=[1000, 1001], methods=methods,
        leagues={"pairs": [1], "seconds": 1.5}, limits={"seconds": 100},
        tuning={"trials": 2, "search": {"optimizer": ["adamw", "muon"], "batch_size": [4, 8]}},
    )  # fmt: skip
    (plan.parent / "apart.py").write_text(SEARCHED)
    out = begin(references, tmp_path / "out", (101,))
    for seed in (1000, 1001):
        begin(references, tmp_path / "made", (seed,))
        (out / "selection").mkdir(exist_ok=True)
        (tmp_path / "made" / "worlds" / str(seed)).rename(out / "selection" / str(seed))
    assert main(["contest", str(plan), "--out", str(out), "--precision", "fp32"]) == 0
    (path,) = (out / "tuning").glob("*/tuned.yaml")
    tuned = yaml.safe_load(path.read_text())["methods"]
    assert set(tuned["apart"]["space"]) == {"optimizer", "batch_size", "lr"}, "what the plan fixes is not searched"
    assert set(tuned["again"]["space"]) == {"optimizer", "batch_size", "lr", "weight"}
    assert set(tuned) == {"apart", "again"}
    assert all(set(trial["others"]) == {"1001"} for trial in tuned["apart"]["trials"])
    chosen = json.loads((out / "selection.json").read_text())
    contest = read_contest(out / "contest.json")
    assert [league.key for league in contest.leagues] == ["pairs-1x", "time-1.5s"]
    for row in contest.rows:
        budget = 1.0 if row.league == "pairs-1x" else chosen["budgets"][row.name.rpartition("-")[0]]["budget"]
        assert row.budget == budget
        record = read_record(out / "worlds" / "101" / "records" / f"{row.name}.json")
        if row.name.startswith("alone"):
            assert record.model.tuned is None
            continue
        assert record.model.tuned is not None
        assert record.model.tuned.sha256 == manifest.sha256_json(yaml.safe_load(path.read_text()))
        assert record.model.config["method"]["weight"] == (
            2.0 if row.title == "apart" else tuned["again"]["values"]["weight"]
        )
    left = {str(item.relative_to(out)) for item in out.rglob("*") if item.suffix in (".safetensors", ".npy", ".tar")}
    assert left == set(), "worlds are deleted when they are done"
    assert not (out / "selection" / "1000" / "dataset").exists()
    before = path.stat().st_mtime_ns
    assert main(["contest", str(plan), "--out", str(out), "--precision", "fp32"]) == 0
    assert path.stat().st_mtime_ns == before
    check_what_was_collected_is_not_done_again(plan, out, references, tmp_path / "elsewhere", monkeypatch)


def check_what_was_collected_is_not_done_again(
    plan: Path, out: Path, references: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped before anything was chosen: another machine makes the selection worlds, no trial and no measurement."""
    collect.contest(out, elsewhere)
    shutil.rmtree(elsewhere / "worlds")
    before = json.loads((elsewhere / "selection.json").read_text())
    (elsewhere / "selection.json").unlink()
    (path,) = (elsewhere / "tuning").glob("*/tuned.yaml")
    values = {name: entry["values"] for name, entry in yaml.safe_load(path.read_text())["methods"].items()}
    for seed in ("1000", "1001"):
        shutil.copytree(references / seed, elsewhere / "selection" / seed)

    def again(*_: object) -> None:
        raise AssertionError("done before")

    monkeypatch.setattr(study, "attempt", again)
    monkeypatch.setattr(selection, "_spent", again)
    room = Room(load(plan), elsewhere, "joblib", 1, "cpu", "fp32")
    room.write_files()
    assert choose(room).budgets == {name: found["budget"] for name, found in before["budgets"].items()}
    assert {name: entry["values"] for name, entry in yaml.safe_load(path.read_text())["methods"].items()} == values


SEARCHED = METHOD.replace("import dataclass", "import dataclass, field").replace(
    "weight: float = 1.0", 'weight: float = field(default=1.0, metadata={"search": (0.5, 2.0, "log")})'
)


def test_a_candidate_beyond_the_limit_has_failed(references: Path, tmp_path: Path) -> None:
    plan = write_plan(
        tmp_path / "plan", evaluation=[101], limits={"seconds": 0.01}, leagues={"pairs": [50]},
        methods=[{"method": "apart.py"}],
    )  # fmt: skip
    out = begin(references, tmp_path / "out", (101,))
    assert main(["contest", str(plan), "--out", str(out), "--precision", "fp32"]) == 0
    (row,) = read_contest(out / "contest.json").rows
    assert row.outcomes == {"failed": 1}
    assert "expected at most 0.01 processor seconds" in (row.worlds["101"].message or "")


def test_time_that_was_measured_is_not_measured_again(
    references: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped at the second method, a contest goes on with that one."""
    methods = [{"method": "apart.py"}, {"method": "apart.py", "name": "again"}]
    plan = write_plan(
        tmp_path / "plan", evaluation=[101], selection=[1000], methods=methods, leagues={"pairs": [1], "seconds": 60}
    )
    (plan.parent / "apart.py").write_text(METHOD)
    out = begin(references, tmp_path / "out", (101,))
    shutil.copytree(references / "1000", out / "selection" / "1000")
    room = Room(load(plan), out, "joblib", 1, "cpu", "fp32")
    room.write_files()
    measured: list[str] = []

    def spent(room: Room, configured: Configured, budget: float) -> float:
        measured.append(configured.method.name)
        if configured.method.name == "again":
            raise OSError("stopped")
        return 58.0

    monkeypatch.setattr(selection, "_spent", spent)
    with pytest.raises(OSError, match="stopped"):
        choose(room)
    assert measured == ["apart", "again"]
    monkeypatch.setattr(selection, "_spent", lambda *_: measured.append("second call") or 58.0)
    assert choose(room).budgets == {"apart": 1.0, "again": 1.0}
    assert measured == ["apart", "again", "second call"]


def test_what_is_measured_lies_by_all_that_is_fixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed measurement left is not taken up by a method that was edited since."""
    found = []

    def begun(*_: object, out: Path, **__: object) -> None:
        found.append(out)
        raise MethodError("mine", 0, "killed")

    monkeypatch.setattr("salmubench.unlearn.engine.unlearn", begun)
    for text in (METHOD, METHOD + "# edited\n"):
        plan = write_plan(tmp_path / "plan", selection=[1000], leagues={"seconds": 60})
        (plan.parent / "apart.py").write_text(text)
        room = Room(load(plan), tmp_path / "out", "joblib", 1, "cpu", "fp32")
        tiny_dataset(room.ground(1000) / "dataset")
        with pytest.raises(MethodError, match="killed"):
            selection._spent(room, configure(load_method(room.loaded.contestants[1].origin), UnlearnConfig(), {}), 5)
    assert found[0].name == found[1].name == "apart-5x"
    assert found[0].parent.name != found[1].parent.name


def test_an_own_attack_stays_as_it_was_when_the_contest_began(tmp_path: Path) -> None:
    attack = tmp_path / "plan" / "mine.py"
    attack.parent.mkdir()
    built_in = Path(attacks.__file__).with_name("calibrated.py").read_bytes().replace(b'"calibrated"', b'"mine"')
    attack.write_bytes(built_in)
    plan = write_plan(tmp_path / "plan", attacks=["probe", "mine.py"])
    room = Room(load(plan), tmp_path / "out", "joblib", 1, "cpu", "fp32")
    room.write_files()
    attack.write_bytes(built_in + b"# edited\n")
    assert room.attacks[0] == "probe"
    (loaded,) = attacks.load_all(room.attacks[1:], {})
    assert (loaded.attack.name, loaded.sha256) == ("mine", room.loaded.identity["the attack mine"])
