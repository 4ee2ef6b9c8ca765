"""What is chosen before the evaluation: options on equal terms."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import collect
import pytest
import yaml

from contest_world import METHOD, begin, write_plan
from salmubench import attacks
from salmubench.cli.main import main
from salmubench.contest.plan import load
from salmubench.contest.room import Room
from salmubench.contest.selection import choose
from salmubench.core import manifest
from salmubench.scoring.contest_record import read_contest
from salmubench.scoring.record_files import read_record
from salmubench.tuning import study

pytestmark = pytest.mark.stage


@pytest.mark.night
def test_two_selection_worlds_and_equal_searches(
    references: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = [{"method": "apart.py", "options": {"weight": 2.0}}, {"method": "apart.py", "name": "again"}]
    methods.append({"method": "apart.py", "name": "alone", "tuned": False})
    plan = write_plan(
        tmp_path / "plan", keep="records", evaluation=[101], selection=[1000, 1001], methods=methods,
        leagues={"pairs": [1]}, limits={"seconds": 100},
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
    for row in read_contest(out / "contest.json").rows:
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
    """Stopped before anything was chosen: another machine makes the selection worlds, and no trial."""
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
    room = Room(load(plan), elsewhere, "joblib", 1, "cpu", "fp32")
    room.write_files()
    choose(room)
    assert json.loads((elsewhere / "selection.json").read_text()) == before
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
