"""`run` from recipe to page: done once, killed anywhere, started twice, with a method of one's own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from salmubench.cli.main import main
from salmubench.clip import devices
from salmubench.dataset.layout import open_dataset
from salmubench.scoring.record_files import read_record
from salmubench.scoring.references import ENDS
from salmubench.scoring.stages import RunFile
from salmubench.workflow import pipeline
from salmubench.workflow import recipe as recipes
from salmubench.workflow.candidates import lasting_precision
from tiny_run import ASKED, EXAMPLE, command, copy_models

pytestmark = pytest.mark.stage

MODELS = ("clean", "compromised", "retrained", "cliperase-5x", "descent_to_delete-5x", "my_method-5x")
STAGES = (
    "dataset", "pretrain clean", "pretrain compromised", "encode compromised", "score compromised",
    "unlearn cliperase-5x", "score cliperase-5x", "report",
)  # fmt: skip


def scores(out: Path) -> dict[str, object]:
    found = {}
    for name in MODELS:
        record = json.loads((out / "records" / f"{name}.json").read_text())
        items = pq.read_table(out / "records" / f"{name}.items.parquet")
        found[name] = (record["scores"], record["verdict"], record["model"]["sha256"], items.to_pydict())
    return found


def fingerprint(out: Path) -> str:
    return json.loads((out / "dataset" / "manifest.json").read_text())["outputs"]["fingerprint"]


@pytest.fixture(scope="module")
def finished(tiny_run, tmp_path_factory):
    """That run, to which tests add."""
    return shutil.copytree(tiny_run, tmp_path_factory.mktemp("run") / "tiny")


def test_everything_is_there(finished):
    for name in MODELS:
        assert (finished / "checkpoints" / name / "open_clip_model.safetensors").is_file()
        record = read_record(finished / "records" / f"{name}.json")
        assert record.status == "complete"
        assert len(record.scores) == 19  # nine metrics are beside the eleven numbers, of which two are RetFail's
    run = json.loads((finished / "run.json").read_text())
    assert run["status"] == "complete"
    assert run["models"] == list(MODELS)
    assert all(stage["seconds"] > 0 and stage["peak_memory"] > 0 for stage in run["stages"])
    assert "CLIPErase" in (finished / "report" / "index.html").read_text()
    assert not list(finished.rglob("*.tmp"))


def test_again_does_nothing_and_says_so(finished, capsys):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file() and path.name != ".lock"}
    assert main(command(finished)) == 0
    shown = capsys.readouterr().out
    assert "Nothing to do" in shown
    assert "CLIPErase" in shown
    after = {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file() and path.name != ".lock"}
    assert after == before


def test_another_recipe_or_seed_is_refused(finished, capsys):
    assert main(["run", "--recipe", "mini", "--out", str(finished)]) == 1
    assert "got another run" in capsys.readouterr().err
    assert main(command(finished, "--seed", "1")) == 1
    assert "seed: 0 there, 1 asked" in capsys.readouterr().err


def test_options_and_other_recipes_for_methods_join(finished, tmp_path, caplog):
    """Only the method whose options changed is made again; a recipe that differs in its methods alone is the same."""
    recipe = tmp_path / "mine.yaml"
    given = yaml.safe_load((resources.files("salmubench.workflow") / "recipes" / "tiny.yaml").read_text())
    recipe.write_text(yaml.safe_dump({**given, "unlearn": {**given.get("unlearn", {}), "probe_pairs": 32}}))
    before = {path: path.stat().st_mtime_ns for path in (finished / "checkpoints").glob("*/manifest.json")}
    options = ["--set", "cliperase.forgetting=0.5", "--set", "cliperase.lr=2e-4"]
    made = ["run", "--recipe", "tiny", "--out", str(finished), "--methods", "cliperase"]
    try:
        assert main([*made, *options]) == 0
        assert "its options (forgetting 0.5, was 3.0; lr 0.0002, was 0.001) changed, made again" in caplog.text
        record = read_record(finished / "records" / "cliperase-5x.json")
        assert record.model.config["engine"]["lr"] == 2e-4
        after = {path: path.stat().st_mtime_ns for path in before}
        assert [path.parent.name for path in before if before[path] != after[path]] == ["cliperase-5x"]
        assert main(["run", "--recipe", str(recipe), "--out", str(finished), "--methods", "cliperase", *options]) == 0
    finally:
        assert main(made) == 0


def test_metrics_join_and_candidates_are_dropped(finished, tmp_path, capsys):
    """A metric with a text of its own is computed of all models of a run, and stays; a candidate goes everywhere."""
    out, metric = shutil.copytree(finished, tmp_path / "run"), tmp_path / "asked.py"
    metric.write_text(ASKED)
    words = ["run", "--recipe", "tiny", "--out", str(out), "--methods", "cliperase"]
    assert main([*words, "--metrics", str(metric)]) == 0
    assert main(words) == 0
    assert "Nothing to do" in capsys.readouterr().out
    assert all(read_record(out / "records" / f"{name}.json").scores["Asked"]["value"].n for name in MODELS)
    assert "Asked" in (out / "report" / "index.html").read_text(encoding="utf-8")
    assert main(["drop", str(out), "descent_to_delete-5x", "nobody-5x"]) == 1
    assert main(["drop", str(out), "clean"]) == 1
    assert main(["drop", str(out), "descent_to_delete-5x"]) == 0
    assert not list(out.rglob("descent_to_delete-5x*"))
    assert "descent_to_delete-5x" not in (out / "run.json").read_text()
    assert main(words) == 0
    assert "Descent" not in capsys.readouterr().out


def test_other_words_about_the_page_make_it_again(finished, tmp_path, capsys):
    recipe = tmp_path / "titled.yaml"
    given = yaml.safe_load((resources.files("salmubench.workflow") / "recipes" / "tiny.yaml").read_text())
    recipe.write_text(yaml.safe_dump({**given, "report": {**(given.get("report") or {}), "title": "Our own title"}}))
    titled = ["run", "--recipe", str(recipe), "--out", str(finished), "--methods", "cliperase"]
    try:
        for said in ("", "Nothing to do"):
            assert main(titled) == 0
            assert said in capsys.readouterr().out
            assert "Our own title" in (finished / "report" / "index.html").read_text()
    finally:
        assert main(command(finished)) == 0
    assert "Our own title" not in (finished / "report" / "index.html").read_text()


def test_a_quick_look_stands_beside_the_run(finished, caplog, capsys):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file() and path.name != ".lock"}
    command_ = ["run", "--recipe", "tiny", "--out", str(finished), "--methods", str(EXAMPLE), "--limit", "12"]
    assert main(command_) == 0
    assert "quick look" in caplog.text
    look = finished / "limit-12"
    record = read_record(look / "records" / "my_method-5x.json")
    assert (record.status, record.dataset.limit, record.dataset.counts["forget"]) == ("complete", 12, 12)
    assert record.cost.pairs == 60
    assert (look / "report" / "index.html").is_file()
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert main(command_) == 0
    assert "Nothing to do" in capsys.readouterr().out
    assert main(["leaderboard", "submit", str(look), "--model", "my_method-5x", "--out", str(look / "packed")]) == 1
    assert "got a quick look at no more than 12 rows" in capsys.readouterr().err


def test_a_folder_keeps_the_precision_found_first(tmp_path, monkeypatch):
    probe = {"fp32": 1.0, "bf16": 0.1}
    monkeypatch.setattr(devices, "probe_precision", lambda: probe)
    assert lasting_precision(RunFile(), "auto", "cpu") == ("bf16", probe)
    assert lasting_precision(RunFile(precision="fp32", probe={"fp32": 1.0}), "auto", "cpu") == (
        "fp32",
        {"fp32": 1.0},
    )
    assert lasting_precision(RunFile(), "fp32", "cpu") == ("fp32", None)
    steps = pipeline._Steps(tmp_path, recipes.load("tiny"), seed=0, device="cpu", precision="auto")
    steps._write_run("running")
    monkeypatch.setattr(devices, "probe_precision", lambda: {"fp32": 1.0, "bf16": 2.0})
    again = pipeline._Steps(tmp_path, recipes.load("tiny"), seed=0, device="cpu", precision="auto")
    assert (again.precision, again.world.precision, again.probe) == ("bf16", "bf16", probe)


def start(out: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "salmubench.cli.main", *command(out)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def kill_in(process: subprocess.Popen, stage: str, wait: float) -> None:
    for line in process.stderr:
        if line.startswith(f"{stage} …"):
            time.sleep(wait)
            break
    else:
        raise AssertionError(f"the run ended before the stage {stage!r}")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()


@pytest.mark.night
@pytest.mark.long(110)
def test_killed_in_every_stage_ends_with_the_same_scores(finished, tmp_path):
    out = tmp_path / "killed"
    for stage in STAGES:
        patience = {"dataset": 1.0, "pretrain clean": 5.0, "pretrain compromised": 6.5}.get(stage, 0.05)
        kill_in(start(out), stage, patience)
    process = start(out)
    _, messages = process.communicate()
    assert process.returncode == 0, messages
    assert fingerprint(out) == fingerprint(finished)
    assert scores(out) == scores(finished)
    assert not list(out.rglob("*.tmp"))


def test_second_run_into_one_folder_is_refused(tmp_path, capsys):
    out = tmp_path / "twice"
    first = start(out)
    while not first.stderr.readline().startswith("dataset …"):
        pass
    assert main(command(out)) == 1
    assert f"in use by process {first.pid}" in capsys.readouterr().err
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()


WRONG = {
    "nan": ("    return similarity * float('nan'), {}", "it diverged: the loss is nan"),
    "raises": ("    raise KeyError('names')", "its loss raised KeyError"),
    "deaf": ("    return similarity.detach(), {}", "carries no gradient"),
    "still": ("    return similarity * 0, {}", "got zero at every step"),
    "greedy": ("    return batch.holdout_identity, {}", "no attribute 'holdout_identity'"),
}


def test_failing_methods_do_not_stop_the_others(finished, tmp_path, capsys):
    for name, (body, _) in WRONG.items():
        (tmp_path / f"{name}.py").write_text(
            '"""Goes wrong."""\nfrom dataclasses import dataclass\n'
            '@dataclass(frozen=True)\nclass Config:\n    """None."""\nNEEDS = ("forget",)\n'
            "def loss(batch, model, reference, config):\n"
            "    similarity = model.encode_image(batch.forget.images).sum()\n" + body + "\n"
        )
    methods = ",".join([*(str(tmp_path / f"{name}.py") for name in WRONG), "delete"])
    assert main(["run", "--recipe", "tiny", "--out", str(finished), "--methods", methods, "--budgets", "5"]) == 1
    captured = capsys.readouterr()
    assert "DELETE" in captured.out
    page = (finished / "report" / "index.html").read_text()
    for name, (_, message) in WRONG.items():
        record = json.loads((finished / "records" / f"{name}-5x.json").read_text())
        assert (record["status"], record["scores"], record["error"]["method"]) == ("failed", {}, name)
        assert message in record["error"]["message"]
        assert record["error"]["step"] is not None
        assert f"'{name}' failed at step {record['error']['step']}" in captured.err
        assert f"failed at step {record['error']['step']}" in page
    assert read_record(finished / "records" / "delete-5x.json").status == "complete"
    (tmp_path / "nan.py").rename(tmp_path / "later.py")  # fails in a folder where others have failed
    assert main(["run", "--recipe", "tiny", "--out", str(finished), "--methods", str(tmp_path / "later.py")]) == 1
    assert "later-5x" in (finished / "report" / "index.html").read_text()
    assert "later-5x" in json.loads((finished / "run.json").read_text())["models"]


def test_evaluate_gives_the_scores_of_the_run(finished, tmp_path):
    out = tmp_path / "record.json"
    arguments = [
        "evaluate", "--model", str(finished / "checkpoints" / "cliperase-5x"), "--dataset", str(finished / "dataset"),
        "--clean", str(finished / "embeddings" / "clean"),
        "--compromised", str(finished / "records" / "compromised.json"), "--out", str(out),
    ]  # fmt: skip
    assert main(arguments) == 0
    ours = json.loads((finished / "records" / "cliperase-5x.json").read_text())
    assert json.loads(out.read_text())["scores"].keys() == ours["scores"].keys()
    for name, parts in ours["scores"].items():
        for part, score in parts.items():
            assert json.loads(out.read_text())["scores"][name][part]["value"] == score["value"], name


@pytest.mark.night
def test_repeats_side_by_side_have_the_weights_of_one_after_another(finished, tmp_path, capsys):
    """Two workers make the second seed of three methods; another folder makes one of them in this process."""
    methods = "delete,finetuning,cliperase"
    options = ["--recipe", "tiny", "--methods", methods, "--repeats", "2", "--workers", "2"]
    assert main(["run", "--out", str(finished), *options]) == 0
    shown = capsys.readouterr().out
    assert shown.count("CLIPErase") == 2  # one row, the mean over seeds, and its cost
    models = json.loads((finished / "run.json").read_text())["models"]
    assert models[: len(MODELS)] == list(MODELS)
    assert {"delete-r2-5x", "finetuning-r2-5x", "cliperase-r2-5x"} <= set(models)
    first, second = (read_record(finished / "records" / f"cliperase{name}-5x.json").model for name in ("", "-r2"))
    assert (first.seed, second.seed) == (0, 1)
    assert first.sha256 != second.sha256
    assert "Each seed by itself" in (finished / "report" / "index.html").read_text()

    alone = tmp_path / "alone"
    copy_models(finished, alone, ENDS)
    command = ["run", "--recipe", "tiny", "--out", str(alone), "--methods", "delete", "--repeats", "2"]
    assert main([*command, "--workers", "1"]) == 0
    for name in ("delete-5x", "delete-r2-5x"):
        assert read_record(alone / "records" / f"{name}.json").model.sha256 == (
            read_record(finished / "records" / f"{name}.json").model.sha256
        )


@pytest.mark.night
def test_tuned_values_replace_a_candidate_and_the_page_says_so(finished, tmp_path, capsys, caplog):
    """A recipe that names a file of tuned values: the candidate made before is made again, `--untuned` turns back."""
    out, tuned, recipe = tmp_path / "run", tmp_path / "tuned.yaml", tmp_path / "tiny.yaml"
    copy_models(finished, out, ENDS)
    entry = {
        "values": {"lr": 2e-3},
        "method_sha256": "",
        "trials": [{} for _ in range(7)],
        "objective": 0.25,
        "default": 0.5,
    }
    content = {"schema_version": 1, "selection": {"seed": 1000}, "methods": {"delete": entry}}
    tuned.write_text(yaml.safe_dump(content))
    text = (resources.files("salmubench.workflow") / "recipes" / "tiny.yaml").read_text()
    recipe.write_text(text.replace("unlearn:\n", f"unlearn:\n  tuned: {tuned}\n"))
    command = ["run", "--recipe", str(recipe), "--out", str(out), "--methods", "delete,finetuning"]
    page = out / "report" / "index.html"
    assert main([*command, "--untuned"]) == 0
    assert read_record(out / "records" / "delete-5x.json").model.tuned is None
    assert "Settings chosen by tuning" not in page.read_text()
    assert main(command) == 0
    assert "delete-5x: its options (" in caplog.text
    assert "finetuning-5x: its" not in caplog.text
    model = read_record(out / "records" / "delete-5x.json").model
    assert (model.tuned.selection_seed, model.tuned.trials, model.config_given) == (1000, 7, {"lr": 2e-3})
    assert model.config["engine"]["lr"] == 2e-3
    assert "Settings chosen by tuning, 7 trials on another world (seed 1000): DELETE." in page.read_text()
    content["selection"]["dataset"] = open_dataset(out / "dataset").fingerprint
    tuned.write_text(yaml.safe_dump(content))
    assert main(command) == 1
    assert "Expected another dataset than that on which" in capsys.readouterr().err
    assert main([*command[:-1], "finetuning"]) == 0  # nothing tuned is used: the world may be any
