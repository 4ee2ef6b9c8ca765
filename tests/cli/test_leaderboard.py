"""`salmubench leaderboard`: submit, check, build."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from report_world import METRICS
from salmubench.cli.main import main
from salmubench.leaderboard.method_code import built_in_sha256
from salmubench.metrics import ScoreConfig, score
from salmubench.scoring.record_files import read_record
from submission_world import config_of, edit_json, mend, write_submittable_run

pytestmark = pytest.mark.stage


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run; read only."""
    return write_submittable_run(tmp_path_factory.mktemp("cli") / "run", names=("cliperase-5x", "delete-5x"))


def test_submit_check_build(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results"
    for model in ("cliperase-5x", "delete-5x"):
        assert main(["leaderboard", "submit", str(run), "--model", model, "--out", str(results / model)]) == 0
    assert len(list((results / "delete-5x").iterdir())) == 8
    receipt = tmp_path / "receipt.json"
    options = ["--dataset", str(run / "dataset"), "--results", str(results), "--receipt", str(receipt)]
    assert main(["leaderboard", "check", str(results / "delete-5x"), *options]) == 0
    assert json.loads(receipt.read_text())["passed"]
    assert main(["leaderboard", "build", str(results), "--out", str(tmp_path / "site")]) == 0
    told = capsys.readouterr().out
    assert "2 submissions shown" in told
    assert (tmp_path / "site" / "index.html").is_file()


def test_findings_exit_1_and_stand_in_the_receipt(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, receipt = tmp_path / "results" / "a", tmp_path / "receipt.json"
    assert main(["leaderboard", "submit", str(run), "--model", "delete-5x", "--out", str(folder)]) == 0
    edit_json(folder / "record.json", lambda record: record["scores"]["GenKnow"]["value"].update(value=0.999))
    mend(folder)
    capsys.readouterr()
    assert main(["leaderboard", "check", str(folder), "--receipt", str(receipt)]) == 1
    told = capsys.readouterr().err
    computed = read_record(run / "records" / "delete-5x.json").scores["GenKnow"]["value"].value
    assert f"Expected GenKnow value as its items give it, value {computed:.12g}, got 0.999. [scores]" in told
    assert "Traceback" not in told
    found = json.loads(receipt.read_text())
    assert (found["passed"], found["findings"][0]["code"]) == (False, "scores")
    assert main(["leaderboard", "build", str(folder.parent), "--out", str(tmp_path / "site")]) == 1
    assert "a/record.json" in capsys.readouterr().err


def test_duplicate_among_results(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results"
    assert main(["leaderboard", "submit", str(run), "--model", "delete-5x", "--out", str(results / "a")]) == 0
    shutil.copytree(results / "a", tmp_path / "new")
    assert main(["leaderboard", "check", str(tmp_path / "new"), "--results", str(results)]) == 1
    assert "[duplicate]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "absent"], "folder of a submission"),
        (["build", "absent", "--out", "site"], "folder of submissions"),
        (["submit", "absent", "--model", "x-5x", "--out", "out"], "a record of x-5x"),
        (["check", "absent", "--rerun", "model"], "--dataset beside --rerun"),
    ],
)
def test_bad_input(arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    assert main(["leaderboard", *arguments]) == 1
    assert message in capsys.readouterr().err


def test_rerun_compares_items_and_checkpoint(run: Path, tmp_path: Path) -> None:
    import dataclasses

    from salmubench.leaderboard.check import check
    from salmubench.leaderboard.rerun import compare_rerun
    from salmubench.leaderboard.submission import submit
    from salmubench.scoring.record_files import read_items, read_record

    folder = submit(run, model="delete-5x", out=tmp_path / "s")
    loaded = check(folder, metrics=METRICS).loaded
    assert loaded is not None
    record, items = read_record(folder / "record.json"), read_items(folder / "record.json")
    assert list(compare_rerun(loaded, record, items, metrics=METRICS, tolerance=1e-6)) == []
    other = read_items(run / "records" / "cliperase-5x.json")
    found = list(compare_rerun(loaded, record, other, metrics=METRICS, tolerance=1e-3))
    assert {finding.code for finding in found} == {"rerun"}
    assert any("AssocStr" in finding.message for finding in found)
    stranger = dataclasses.replace(record, model=dataclasses.replace(record.model, sha256="0" * 64))
    assert "checkpoint" in next(compare_rerun(loaded, stranger, items, metrics=METRICS, tolerance=1e-6)).message


@pytest.mark.night
def test_rerun_of_an_honest_submission_finds_nothing(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scored with the options that the record states, against all its references."""
    places = {role: tiny_run / "embeddings" / role for role in ("clean", "compromised", "retrained")}
    for name in (*places, "cliperase-5x"):
        out = tmp_path / "run" / "records" / f"{name}.json"
        score(
            embeddings=tiny_run / "embeddings" / name, **places, out=out,
            config=ScoreConfig(fact_values=5, bootstraps=100),
        )  # fmt: skip
    folder = tmp_path / "mine"
    assert main(["leaderboard", "submit", str(tmp_path / "run"), "--model", "cliperase-5x", "--out", str(folder)]) == 0
    line = ["leaderboard", "check", str(folder), "--dataset", str(tiny_run / "dataset"), "--rerun"]
    assert main([*line, str(tiny_run / "checkpoints" / "cliperase-5x")]) == 0, capsys.readouterr().err
    assert main([*line, str(tiny_run / "checkpoints" / "descent_to_delete-5x")]) == 1
    assert "Expected the checkpoint" in capsys.readouterr().err


def test_workflow_uses_commands_that_exist_and_trusts_no_pull_request() -> None:
    from salmubench.cli.main import read

    text = (Path(__file__).parents[2] / "docs" / "leaderboard_workflow.yml").read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    assert "pull_request_target" not in text
    assert "secrets." not in text
    steps = [step for job in jobs.values() for step in job["steps"]]
    shell = "\n".join(step["run"] for step in steps if "run" in step)
    assert "${{" not in shell
    commands = [line.strip() for line in shell.replace("\\\n", " ").splitlines() if "salmubench leaderboard" in line]
    assert len(commands) == 2
    for command in commands:
        words = command.partition("||")[0].replace('"', "").split()
        cut = next((at for at, word in enumerate(words) if word.startswith("receipts/")), None)
        read(words[1:] if cut is None else [*words[1:cut], "receipt.json"])


@pytest.mark.parametrize("disjoint", [25, 0])
def test_what_the_scorer_writes_passes(tmp_path: Path, disjoint: int) -> None:
    from fake_embeddings import fake_world, vectors, write_embeddings
    from salmubench.metrics import ScoreConfig, score

    world = fake_world(identities=18, per=6, disjoint=disjoint)
    forget = len(world.of("forget"))
    pairs = 5 * forget

    def describe(outputs: dict) -> None:  # type: ignore[type-arg]
        outputs["model"].update(method_sha256=min(built_in_sha256("delete")))
        outputs["model"].update(method="delete", budget=5.0, config=config_of(forget))
        outputs["model"].update(cost={"steps": 5, "pairs": pairs, "seconds": 1.5, "pictures": pairs, "captions": pairs})

    made = {
        name: write_embeddings(
            tmp_path / "embeddings" / name, world, vectors(world, seed=seed, strength=seed / 2),
            kind=None if seed == 1 else name, change=describe if seed == 1 else None,
        )
        for seed, name in enumerate(("clean", "delete-5x", "compromised"))
    }  # fmt: skip
    for name, folder in made.items():
        score(
            embeddings=folder, clean=made["clean"], compromised=made["compromised"],
            out=tmp_path / "records" / f"{name}.json", config=ScoreConfig(bootstraps=100),
        )  # fmt: skip
    arguments = ["--model", "delete-5x", "--out", str(tmp_path / "submission")]
    assert main(["leaderboard", "submit", str(tmp_path), *arguments]) == 0
