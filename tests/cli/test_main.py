"""The command line: help without torch, exit codes, messages without traceback."""

import importlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from salmubench.cli.main import COMMANDS, main


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(command, capsys):
    assert main([*command.split(), "--help"]) == 0
    assert "usage: salmubench" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["runn"], "Unknown command 'runn'. Did you mean 'run'"),
        (["dataset", "bild"], "Did you mean 'build'? See: salmubench dataset --help"),
        (["submit"], "Unknown command 'submit'. Did you mean 'leaderboard submit'? See: salmubench --help"),
        (["build", "x"], "Did you mean 'dataset build' or 'leaderboard build'?"),
        (["run"], "Expected --out: not given.\nSee: salmubench run --help"),
        (["report"], "Expected --out, DIR: not given."),
        (["run", "--out", "x", "--metods=z"], "Unknown option '--metods'. Did you mean '--methods'"),
        (["run", "--out", "x", "--recip", "y"], "Unknown option '--recip'. Did you mean '--recipe'"),
        (
            ["list", "metods"],
            "WHAT: Expected one of 'methods', 'metrics', 'attacks', 'recipes', 'backends', 'checks', got 'metods'.",
        ),
        (["run", "--out", "x", "--repeats", "one"], "--repeats: Expected a whole number, got 'one'."),
        (
            ["evaluate", "--before", "a", "--after", "b", "--dataset", "c", "--limit", "9"],
            "Expected --before and --after alone, got --limit, too.",
        ),
        (
            ["leaderboard", "check", "x", "--tolerance", "wide"],
            "--tolerance: Expected a number or nothing, got 'wide'.",
        ),
        (
            ["leaderboard", "check", "x", "--tolerance", "0", "--arch", "RN50"],
            "Expected --rerun beside --arch and --tolerance, got none.",
        ),
        (["leaderboard", "check", "x", "--imagenet", "x"], "Expected --rerun beside --imagenet, got none."),
        (
            ["score", "--embeddings", "e", "--clean", "c", "--compromised", "p", "--gallery", "g", "--dataset", "d"],
            "Expected --items beside --gallery and --dataset, got none.",
        ),
        (
            ["dataset", "export", "d", "--format", "webdataset", "--out", "x", "--public"],
            "Expected --push beside --public, got none.",
        ),
        (["dataset", "export", "d", "--format", "hub", "--out", "x", "--public"], "Expected --push beside --public"),
        (
            ["dataset", "export", "d", "--format", "hub", "--out", "x", "--seed", "0"],
            "Expected --format webdataset beside --seed, got none.",
        ),
        (["score", "--items", "i", "--dataset", "d", "--out", "x"], "Expected --by beside --dataset, got none."),
        (["export-model", "m", "--out", "x", "--public"], "Expected --push beside --public, got none."),
    ],
)
def test_wrong_usage_says_what_to_do(arguments, expected, capsys):
    assert main(arguments) == 2
    assert expected in capsys.readouterr().err


@pytest.mark.stage
def test_help_of_the_whole_imports_no_command():
    code = (
        "import sys; from salmubench.cli.main import main; main(['--help'])\n"
        "found = [name for name in sys.modules if name.startswith('salmubench.cli.')] + ['jsonargparse'] * "
        "('jsonargparse' in sys.modules)\n"
        "assert set(found) == {'salmubench.cli.main', 'salmubench.cli.arguments', 'salmubench.cli.output'}, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.stage
def test_help_of_a_command_imports_nothing_heavy():
    code = (
        "import sys; from salmubench.cli.main import COMMANDS, main\n"
        "for command in COMMANDS:\n"
        "    assert main([*command.split(), '--help']) == 0\n"
        "    found = {'numpy', 'torch', 'pyarrow', 'numba', 'sklearn', 'joblib'} & set(sys.modules)\n"
        "    assert not found, f'{command}: {found}'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments", [[], ["no-such"], ["run"], ["run", "--out", "x", "--no-such", "1"], ["score", "--out", "x"]]
)
def test_wrong_usage_is_2(arguments, capsys):
    assert main(arguments) == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--recipe", "minni"], "Did you mean 'mini'"),
        (["--recipe", "tiny", "--methods", "cliperas"], "Did you mean 'cliperase'"),
        (["--recipe", "tiny", "--methods", "./absent.py"], "got nothing at"),
        (["--recipe", "tiny", "--budgets", "five"], "Expected comma-separated numbers"),
        (["--recipe", "tiny", "--budgets=-1"], "Expected budgets of 0 or more"),
        (["--recipe", "tiny", "--set", "cliperase.wieght=1"], "Unknown option of the method 'cliperase': 'wieght'"),
        (["--recipe", "tiny", "--set", "cliperas.weight=1"], "method in --set: 'cliperas'. Did you mean 'cliperase'"),
        (["--recipe", "tiny", "--set", "cliperase.lr=fast"], "'cliperase': lr: Expected a number, got 'fast'"),
        (["--recipe", "tiny", "--set", "cliperase"], "Expected METHOD.option=value for --set, got 'cliperase'"),
        (["--recipe", "tiny", "--tuned", "absent.yaml"], "Expected a file of tuned values"),
        (["--recipe", "tiny", "--limit", "1"], "Expected --limit of 2 or more rows"),
        (["--recipe", "tiny", "--limit", "5", "--attacks", "all"], "a quick look attacks nothing"),
        (["--recipe", "tiny", "--workers=-1"], "Expected workers to be 0 or more"),
        (["--recipe", "./metric.yaml"], "Expected a Python file with a metric, got nothing at absent.py"),
        (["--recipe", "./model.yaml"], "Did you mean"),
        (["--recipe", "./data.yaml"], "absent"),
    ],
)
def test_bad_input_is_1_and_nothing_is_written(options, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("metric.yaml").write_text("score: {extra_metrics: [./absent.py]}")
    Path("model.yaml").write_text("pretrain: {model: ViT-B-61}")
    Path("data.yaml").write_text("pretrain: {retain_data: 'absent/{0..3}.tar'}")
    assert main(["run", "--out", str(tmp_path / "out"), *options]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", [["score", "--embeddings", "e"], ["evaluate", "--model", "m", "--dataset", "d"]])
def test_a_reference_not_given(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*command, "--clean", "c"]) == 1
    assert "got no --compromised" in capsys.readouterr().err
    assert main(command) == 1
    assert "got no --clean and no --compromised" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_debug_shows_the_traceback_and_only_then(tmp_path, capsys):
    command = ["run", "--recipe", "minni", "--out", str(tmp_path / "out")]
    assert main([*command, "--debug"]) == 1
    error = capsys.readouterr().err
    assert "Traceback (most recent call last)" in error
    assert "in run_" in error
    assert error.rstrip().splitlines()[-1].startswith("salmubench: Unknown recipe 'minni'")
    assert main(command) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_an_import_that_fails_names_its_line(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text('"""Mine."""\nimport torch\n\nvalue = undefined + 1\n')
    assert main(["run", "--recipe", "tiny", "--out", str(tmp_path / "out"), "--methods", str(path)]) == 1
    error = capsys.readouterr().err
    assert "NameError: name 'undefined' is not defined (mine.py:4)\n    value = undefined + 1" in error


def test_tune_says_what_is_better_and_what_comes_next(tmp_path, monkeypatch, capsys):
    entry = {"values": {"lr": 0.00012345}, "default": None, "trials": [{}] * 3}
    path = tmp_path / "my runs" / "tuned.yaml"
    path.parent.mkdir()
    methods = {name: {**entry, "objective": worth} for name, worth in (("npo", 0.5), ("delete", 0.21), ("ssd", 0.9))}
    path.write_text(json.dumps({"methods": methods}))
    monkeypatch.setattr("salmubench.tuning.study.tune", lambda *_, **__: path)
    assert main(["tune", "npo,delete", "--recipe", "tiny", "--out", str(path.parent)]) == 0
    told = capsys.readouterr()
    assert "lower is better; doing nothing is 0.5" in told.out
    command = told.out.rstrip().splitlines()[-1].strip()
    assert command == f"salmubench run --recipe tiny --out runs/tiny --methods npo,delete --tuned '{path}'"
    assert "npo: the best of 3 trials (0.500) is no better than doing nothing" in told.err
    assert told.err.count("no better") == 1, "neither a good one nor one of an earlier call"


def test_lists(capsys):
    expected = {"methods": "cliperase", "metrics": "retfail", "recipes": "mini", "backends": "portraits/procedural",
                "checks": "fairface"}  # fmt: skip
    for what, name in expected.items():
        assert main(["list", what]) == 0
        assert name in capsys.readouterr().out.lower().splitlines()


def test_show_prints_paper_and_options(capsys):
    assert main(["show", "cliperase"]) == 0
    shown = capsys.readouterr().out
    assert "2410.23330" in shown
    assert "variant" in shown
    assert main(["show", "level_redirection"]) == 0
    shown = capsys.readouterr().out
    assert "needs forget, retain)" in shown, "what it needs by default"
    assert "towers = text" in shown
    assert "the engine's lr" in shown


def test_print_command_prints_only_the_command(tiny_folder, tmp_path, capsys):
    arguments = ["pretrain", "--dataset", str(tiny_folder), "--recipe", "tiny", "--kind", "clean", "--print-command"]
    assert main([*arguments, "--out", str(tmp_path / "checkpoint")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert "torchrun" in lines[0]
    assert "open_clip" in lines[0]
    assert not (tmp_path / "checkpoint").exists()


# --- what may be wrong around a command ---------------------------------------------------------------------------


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `salmubench` is this package's command."""
    head = f'set -o pipefail; salmubench() {{ "{sys.executable}" -m salmubench.cli.main "$@"; }}; '
    return subprocess.run(
        ["bash", "-c", head + line], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip


@pytest.mark.stage
@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("salmubench dataset build --recipe tiny --out x --seed -1", 1, "Expected a seed from 0"),
        ("salmubench run --recipe tiny --out x --seed -1", 1, "Expected a seed from 0"),
        ("salmubench list methods | head -1", 0, ""),
        ("salmubench --help | head -1", 0, ""),
        ("salmubench list methods >&-", 0, ""),
        ("salmubench list methods >/dev/full", 1, "Free some space"),
        ("salmubench show npo", 0, ""),
        ("salmubench dataset validate runs/minni", 1, "got nothing at runs/minni"),
        (f"salmubench dataset validate {'x' * 300}", 1, "got nothing at xxx"),
        ("mkdir x; echo mine >x/notes.tmp; salmubench dataset build --recipe tiny --out x", 1, "of somebody else"),
    ],
)
def test_one_paragraph_and_no_trace(tmp_path: Path, line: str, status: int, words: str) -> None:
    # Nothing listens at that hub: one that was asked would be one more sentence.
    done = shell(line, tmp_path, LC_ALL="C", PYTHONIOENCODING="ascii", HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == status, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert "reachable" not in done.stderr
    assert not (tmp_path / "x").exists() or [path.name for path in (tmp_path / "x").iterdir()] == ["notes.tmp"]


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")]
)
def test_too_little_memory_says_so(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(importlib.import_module("salmubench.scoring.compare"), "compare_with_each", fails)
    assert main(["compare", "a.json", "b.json"]) == 1
    assert "salmubench: Expected enough memory, got: it has run out (" in capsys.readouterr().err


def test_a_name_that_is_no_utf8_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", os.fsdecode(b"runs/caf\xe9")]) == 1
    told = capsys.readouterr().err
    assert told == (
        r"salmubench: Expected arguments in UTF-8, got 'runs/caf\udce9'. Rename the file or folder, or make a link to "
        "it that has such a name.\n"
    )


@pytest.mark.stage
def test_terminated_says_what_interrupted_says(tmp_path: Path) -> None:
    code = (
        "import importlib, os, signal; from salmubench.cli.main import main\n"
        "def stop(*_): os.kill(os.getpid(), signal.SIGTERM)\n"
        "importlib.import_module('salmubench.scoring.compare').compare_with_each = stop\n"
        "raise SystemExit(main(['compare', 'a.json', 'b.json']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    expected = "salmubench: interrupted; the same command goes on where it stopped.\n"
    assert (done.returncode, done.stderr) == (143, expected)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_is_json_in_every_encoding(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    from salmubench.cli.output import print_json

    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding=encoding))
    print_json(["ä 人 🙂"])
    sys.stdout.flush()
    assert json.loads(raw.getvalue().decode(encoding)) == ["ä 人 🙂"]
