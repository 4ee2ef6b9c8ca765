"""A contest of three small worlds: done, killed and gone on with, with a world that fails, with what was changed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Literal

import collect
import pytest
import yaml
from packed import PACKED, pack, packed

from contest_world import METHOD, RECIPE, SEEDS, begin, without_time, write_plan
from salmubench.cli.main import main
from salmubench.contest import checks, worlds
from salmubench.contest.plan import load
from salmubench.contest.room import Room
from salmubench.core import manifest
from salmubench.core.errors import OutputMismatch
from salmubench.scoring.contest_record import NUMBERS, read_contest
from salmubench.scoring.record_files import read_record
from salmubench.workflow import recipe as recipes

pytestmark = pytest.mark.stage


def command(plan: Path, out: Path, *options: str) -> list[str]:
    return ["contest", str(plan), "--out", str(out), "--precision", "fp32", *options]


def test_every_candidate_of_every_world_is_in_the_table(done: tuple[Path, Path]) -> None:
    plan, out = done
    contest = read_contest(out / "contest.json")
    assert [(world.seed, world.status) for world in contest.worlds] == [(seed, "scored") for seed in SEEDS]
    assert len({world.fingerprint for world in contest.worlds}) == 3
    assert [row.name for row in contest.rows] == ["delete-1x", "apart-1x"]
    assert contest.retrained is not None
    for row in (*contest.rows, contest.retrained):
        assert list(row.worlds) == [str(seed) for seed in SEEDS]
        assert sum(row.outcomes.values()) == 3
        assert set(row.numbers) == set(NUMBERS)
        for seed, one in row.worlds.items():
            record = read_record(out / "worlds" / seed / "records" / f"{row.name}.json")
            assert record.provenance.plan == contest.plan.sha256
            assert one.numbers["leakage"] == record.scores["RetFail"]["mrr"].normalised.value
    assert "catastrophic" not in contest.retrained.worlds["101"].modes
    assert len(contest.differences) == len(NUMBERS) - 1
    assert contest.plan.sha256 == hashlib.sha256(plan.read_bytes()).hexdigest()
    assert contest.plan.standing == "exploratory"
    assert any(note.startswith("Exploratory: 3 worlds.") for note in contest.notes)


def test_again_does_nothing_and_says_so(done: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    plan, out = done

    def times() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file() and path.name != ".lock"}

    before = times()
    assert main(command(plan, out)) == 0
    assert "Nothing to do" in capsys.readouterr().out
    assert times() == before
    assert main(command(plan, out, "--json")) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == json.loads((out / "contest.json").read_text())["rows"]


@pytest.mark.night
def test_killed_and_gone_on_with_the_table_is_the_same(
    done: tuple[Path, Path], references: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed while a candidate of the second world is made; `keep: records` deletes what a done world needs no more."""
    plan = write_plan(tmp_path / "plan", keep="records")
    out = begin(references, tmp_path / "out")
    (out / "worlds" / "101" / "dataset" / "mine.txt").write_text("somebody's")
    program = [sys.executable, "-m", "salmubench.cli.main", *command(plan, out)]
    first = subprocess.Popen(program, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
    goal = out / "worlds" / "102" / "checkpoints" / "delete-1x"
    while first.poll() is None and not goal.exists():
        time.sleep(0.05)
    assert main(command(plan, out)) == 1, "two contests in one folder"
    assert f"in use by process {first.pid}" in capsys.readouterr().err
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert (out / "worlds" / "101" / "world.json").is_file()
    assert not (out / "worlds" / "102" / "world.json").exists()
    assert main(command(plan, out)) == 0
    same, again = (json.loads((folder / "contest.json").read_text()) for folder in (done[1], out))
    assert without_time(again) == without_time(same)
    left = {path.name for path in (out / "worlds" / "101").iterdir()} - {".lock"}
    assert left == {"dataset", "records", "report", "run.json", "manifest.json", "world.json"}
    assert [path.name for path in (out / "worlds" / "101" / "dataset").iterdir()] == ["mine.txt"]
    assert not (out / "worlds" / "103" / "dataset").exists()
    assert sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) < 6e6


def test_what_was_collected_goes_on_elsewhere(
    done: tuple[Path, Path], references: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two worlds done on one machine, the third on another that has what was committed of them."""
    plan, first = copied(done, tmp_path)
    (first / "worlds" / "103" / "world.json").unlink()
    collect.contest(first, tmp_path / "committed", ["delete-1x"])
    records = tmp_path / "committed" / "worlds" / "101" / "records"
    assert {path.name for path in records.glob("*.items.parquet")} == {
        f"{name}.items.parquet" for name in ("clean", "compromised", "retrained", "delete-1x")
    }
    assert not (tmp_path / "committed" / "worlds" / "103").exists()
    out = tmp_path / "elsewhere"
    shutil.copytree(tmp_path / "committed", out)
    shutil.copytree(references / "103", out / "worlds" / "103")
    assert main(command(plan, out)) == 0
    assert "Nothing to do" not in capsys.readouterr().out
    same, again = (json.loads((folder / "contest.json").read_text()) for folder in (done[1], out))
    assert without_time(again) == without_time(same)
    assert [row["worlds"]["101"] for row in again["rows"]] == [row["worlds"]["101"] for row in same["rows"]]


@pytest.mark.parametrize(
    ("kept", "names"), [("records", ["apart-1x.json"]), ("items", ["apart-1x.items.parquet", "apart-1x.json"])]
)
def test_the_other_models_are_packed(
    done: tuple[Path, Path], tmp_path: Path, kept: Literal["records", "items"], names: list[str]
) -> None:
    for place in ("one", "two", "one"):  # a folder that was packed before is packed anew
        collect.contest(done[1], tmp_path / place, ["delete-1x"], pack_others=kept)
    records = tmp_path / "one" / "worlds" / "101" / "records"
    assert {path.stem for path in records.glob("*.json")} == {"clean", "compromised", "retrained", "delete-1x"}
    whole = done[1] / "worlds" / "101" / "records"
    assert packed(records) == {name: (whole / name).read_bytes() for name in names}
    with tarfile.open(records / PACKED) as archive:
        assert archive.getnames() == names
    again = tmp_path / "two" / "worlds" / "101" / "records" / PACKED
    assert again.read_bytes() == (records / PACKED).read_bytes()


def test_a_file_named_twice_is_packed_once(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(name)
    pack([tmp_path / name for name in ("b.json", "a.json", "b.json")])
    assert {path.name for path in tmp_path.iterdir()} == {PACKED}
    assert packed(tmp_path) == {"a.json": b"a.json", "b.json": b"b.json"}


def copied(done: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """The contest that is done, in a place of its own; its plan's folder too."""
    shutil.copytree(done[0].parent, tmp_path / "plan")
    shutil.copytree(done[1], tmp_path / "out")
    return tmp_path / "plan" / "plan.yaml", tmp_path / "out"


def unmade(out: Path, seed: int, model: str) -> Path:
    """A world that isn't done, of which one model has to be encoded again."""
    world = out / "worlds" / str(seed)
    (world / "world.json").unlink()
    shutil.rmtree(world / "embeddings" / model)
    return world


def test_a_world_that_fails_stops_no_other(
    done: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, out = copied(done, tmp_path)
    weights = unmade(out, 102, "compromised") / "checkpoints" / "compromised" / "open_clip_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:1000])
    (out / "worlds" / "103" / "world.json").unlink()
    assert main(command(plan, out)) == 1
    captured = capsys.readouterr()
    assert "salmubench: evaluation world 102: " in captured.err
    contest = read_contest(out / "contest.json")
    assert [world.status for world in contest.worlds] == ["scored", "failed", "scored"]
    assert any("1 failed and count nowhere: 102" in note for note in contest.notes)
    assert all(list(row.worlds) == ["101", "103"] for row in contest.rows)
    assert "102" in (out / "index.html").read_text()
    weights.write_bytes(whole)
    assert main(command(plan, out)) == 0
    same, again = (json.loads((folder / "contest.json").read_text()) for folder in (done[1], out))
    assert without_time(again) == without_time(same)


def test_what_is_done_can_be_read_while_worlds_are_made(
    done: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after the second world: the table has two, and counts the third once its records are there."""
    plan, out = copied(done, tmp_path)
    whole = {seed: (out / "worlds" / str(seed) / "world.json").read_bytes() for seed in (102, 103)}
    for name in ("contest.json", "index.html", *(f"worlds/{seed}/world.json" for seed in whole)):
        (out / name).unlink()

    def make(_room: Room, seed: int, _recipe: Path) -> None:
        if seed == 103:
            raise KeyboardInterrupt
        (out / "worlds" / str(seed) / "world.json").write_bytes(whole[seed])

    monkeypatch.setattr(worlds, "_make_world", make)
    assert main(command(plan, out)) == 130
    contest = read_contest(out / "contest.json")
    assert [world.status for world in contest.worlds] == ["scored", "scored", "waiting"]
    assert contest.notes[0] == "2 of 3 evaluation worlds are made; still to come: 103."
    assert all(list(row.worlds) == ["101", "102"] for row in contest.rows)
    assert "not made yet" in (out / "index.html").read_text()
    (out / "worlds" / "103" / "world.json").write_bytes(whole[103])
    assert main([*command(plan, out), "--decide-again"]) == 0
    same, again = (json.loads((folder / "contest.json").read_text()) for folder in (done[1], out))
    assert without_time(again) == without_time(same)


def test_a_full_disk_ends_with_one_paragraph(
    done: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files may not get so large, as on a full disk: a world that can't be written is no world that failed."""
    plan, out = copied(done, tmp_path)
    unmade(out, 102, "compromised")
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a module compiled beyond the limit would be cut off
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        assert main(command(plan, out)) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    error = capsys.readouterr().err
    assert "but it is full" in error or "Free some space" in error
    assert "Traceback" not in error
    assert not (out / "worlds" / "102" / "world.json").exists()


def test_what_was_fixed_stays(done: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After a world was scored neither the plan nor its recipe nor a method's file may change; records neither."""
    plan, out = copied(done, tmp_path)
    for name, what in (("plan.yaml", "the plan"), ("small.yaml", "the recipe"), ("apart.py", "the method apart")):
        path = plan.with_name(name)
        before = path.read_text()
        path.write_text(before + "\n# one more line\n")
        assert main(command(plan, out)) == 1
        error = capsys.readouterr().err
        assert f"got another content of {what}" in error, error
        path.write_text(before)
    assert main(command(plan, out)) == 0
    record = out / "worlds" / "101" / "records" / "delete-1x.json"
    before = record.read_text()
    record.write_text(before.replace('"no"', '"yes"').replace('"undecided"', '"no"'))
    assert main(command(plan, out)) == 1
    assert "Expected the record that the contest wrote" in capsys.readouterr().err
    record.write_text(before)
    other = json.loads((out / "worlds" / "103" / "world.json").read_text())
    other["fingerprint"] = "0" * 64
    (out / "worlds" / "103" / "world.json").write_text(json.dumps(other))
    assert main(command(plan, out)) == 1, "a world of another fingerprint"
    assert "got another one" in capsys.readouterr().err


def test_a_world_of_another_dataset_is_refused(
    done: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, out = copied(done, tmp_path)
    world = out / "worlds" / "102"
    (world / "world.json").unlink()
    shutil.rmtree(world / "dataset")
    shutil.copytree(out / "worlds" / "103" / "dataset", world / "dataset")
    assert main(command(plan, out)) == 1
    assert "Expected one dataset in" in capsys.readouterr().err


def test_before_its_first_dataset_is_made_the_plan_may_change(tmp_path: Path) -> None:
    plan = write_plan(tmp_path / "plan", evaluation=[101], keep="records")
    out = tmp_path / "out"
    out.mkdir()
    checks.freeze(load(plan), out)
    (plan.parent / "apart.py").write_text(METHOD.replace("Pushes", "Drives"))
    checks.freeze(load(plan), out)
    first = load(plan).sha256
    write_plan(tmp_path / "plan", evaluation=[102], keep="records")
    checks.freeze(load(plan), out)
    checks.freeze(load(plan), out)
    assert [(one.sha256, one.changed) for one in checks.earlier_plans(out)] == [
        (first, ("the method apart",)), (first, ("`evaluation`",)),
    ]  # fmt: skip
    (out / "worlds" / "102" / "dataset").mkdir(parents=True)
    (out / "worlds" / "102" / "dataset" / "manifest.json").write_text("{}")
    checks.freeze(load(plan), out)
    (plan.parent / "apart.py").write_text(METHOD)
    with pytest.raises(OutputMismatch, match="its first dataset was made, got another content of the method apart"):
        checks.freeze(load(plan), out)
    assert len(checks.earlier_plans(out)) == 2


def test_a_foreign_folder_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    assert main(command(write_plan(tmp_path / "plan"), tmp_path / "out")) == 1
    assert "files of somebody else" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]


def test_no_page_of_a_world_is_too_large(tmp_path: Path) -> None:
    """With all candidates of all leagues it may be larger than a page of one run, unless the recipe says otherwise."""
    for place, (given, most) in enumerate([({}, 100.0), ({"report": {"max_megabytes": 2.0, "questions": 4}}, 2.0)]):
        plan = write_plan(tmp_path / f"plan{place}")
        (plan.parent / "small.yaml").write_text(yaml.safe_dump({**RECIPE, **given}))
        room = Room(load(plan), tmp_path / f"out{place}", "joblib", 1, "cpu", "fp32")
        assert recipes.load(room.recipe()).recipe.report.max_megabytes == most


@pytest.mark.night
@pytest.mark.long(70)
def test_a_world_from_nothing_with_a_second_retrained(tmp_path: Path) -> None:
    """Dataset, four pretrainings, two entries of one method, an attack: all that a world has, at the smallest scale."""
    recipe = {
        **RECIPE,
        "pretrain": {**RECIPE["pretrain"], "epochs": 2, "batch_size": 32, "warmup": 2, "log_every": 1},
        "dataset": {
            "identities": 12, "pictures_per_identity": 9, "retain_joint": 8, "retain_disjoint": 16, "retain_real": 32,
            "classes": 4, "general_knowledge_per_class": 8, "hidden_classes": 1, "size": 32,
        },
    }  # fmt: skip
    methods = [{"method": "cliperase"}, {"method": "cliperase", "name": "again", "options": {"variant": "released"}}]
    methods[0]["pairs"] = [1]
    plan = write_plan(
        tmp_path / "plan", evaluation=[101], methods=methods, second_retrained=True, attacks=["calibrated"],
        leagues={"pairs": [1, 0.5]}, attack_budgets=[1], keep="records",
    )  # fmt: skip
    (plan.parent / "small.yaml").write_text(yaml.safe_dump(recipe))
    out = tmp_path / "out"
    assert main(command(plan, out)) == 0
    contest = read_contest(out / "contest.json")
    assert [row.title for row in contest.rows] == ["CLIPErase, cliperase", "CLIPErase, again", "CLIPErase, again"]
    assert contest.retrained is not None
    records = out / "worlds" / "101" / "records"
    second = read_record(records / "retrained-2.json")
    assert contest.retrained.worlds["101"].record == manifest.sha256_file(records / "retrained-2.json")
    assert second.references["retrained"] == read_record(records / "retrained.json").model.sha256 != second.model.sha256
    assert second.attacks is not None
    assert read_record(records / "again-1x.json").attacks is not None
    assert read_record(records / "again-0.5x.json").attacks is None
    for path in records.glob("*.json"):
        assert read_record(path).provenance.plan == manifest.sha256_file(plan)
    assert {path.name for path in (out / "worlds" / "101").iterdir()} <= {
        "records", "report", "run.json", "manifest.json", "world.json", ".lock"
    }  # fmt: skip
    assert "Recovered R" in (out / "index.html").read_text()
    stages = {stage["name"] for stage in json.loads((out / "worlds" / "101" / "run.json").read_text())["stages"]}
    assert {f"{work} retrained-2" for work in ("pretrain", "encode", "score", "attacks")} < stages
