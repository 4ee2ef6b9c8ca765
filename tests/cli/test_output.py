"""What commands print: tables on a terminal, plain text in a pipe, JSON for programs; completion; --quiet; NO_COLOR."""

import errno
import importlib
import json
import logging
import os
import pty
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from salmubench.cli.main import COMMANDS, main
from salmubench.cli.output import print_results
from salmubench.core import plugins, progress
from salmubench.core.errors import ConfigError
from salmubench.report.collect import read_run
from submission_world import edit_json, mend, write_submittable_run
from tiny_run import EXAMPLE

pytestmark = pytest.mark.stage


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run; read only."""
    return write_submittable_run(tmp_path_factory.mktemp("output") / "run", names=("cliperase-5x", "delete-5x"))


def completions(line: str) -> list[str]:
    """What the shell is told when a tabulator is pressed at the end of the line."""
    read, write = os.pipe()
    environment = {
        **os.environ, "_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_IFS": "\n",
    }  # fmt: skip
    code = f"import os; os.dup2({write}, 8); from salmubench.cli.main import main; main()"
    subprocess.run([sys.executable, "-c", code], env=environment, pass_fds=[write], check=True, capture_output=True)
    os.close(write)
    with os.fdopen(read) as stream:
        return [word.strip() for word in stream.read().split("\n")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("salmubench leaderboard ", {"submit", "check", "build"}),
        ("salmubench run --rec", {"--recipe"}),
        ("salmubench run --recipe t", {"tiny"}),
        ("salmubench run --device ", {"auto", "cpu", "cuda"}),
        ("salmubench unlearn clip", {"cliperase"}),
        ("salmubench run --methods finetuning,clip", {"finetuning,cliperase"}),
        ("salmubench leaderboard submit --track ", {"closed", "generator"}),
    ],
)
def test_completion(line, expected):
    assert expected <= set(completions(line))


def test_completion_knows_every_command():
    words = completions("salmubench ")
    assert {command.split()[0] for command in COMMANDS} <= set(words)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_names_the_program(shell, capsys):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "salmubench" in script
    assert "_ARGCOMPLETE" in script


def test_completion_without_its_library_names_the_extra(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "argcomplete.shell_integration", None)
    assert main(["completion", "bash"]) == 1
    assert "pip install 'salmubench[completion]'" in capsys.readouterr().err


def test_list_as_json(capsys):
    for what, name in {"methods": "cliperase", "metrics": "retfail", "recipes": "tiny"}.items():
        assert main(["list", what, "--json"]) == 0
        found = {item["name"]: item for item in json.loads(capsys.readouterr().out)}
        assert len(found[name]["about"]) > 20
        assert found[name]["paper"] == {"methods": "2410.23330"}.get(what)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("retfail", "MRR = mean(1 / rank)"), ("tiny", "identities: 8"), ("portraits/procedural", "Portraits by our own")],
)
def test_show_explains_what_is_no_method(name, expected, capsys):
    assert main(["show", name]) == 0
    assert expected in capsys.readouterr().out


def test_show_as_json_and_by_path(capsys):
    assert main(["show", "cliperase", "--json"]) == 0
    method = json.loads(capsys.readouterr().out)
    assert method["needs"] == ["forget", "retain"]
    assert {option["name"] for option in method["options"]} >= {"variant", "forgetting"}
    assert main(["show", str(Path(__file__).parents[2] / "examples" / "my_method.py")]) == 0
    assert capsys.readouterr().out.startswith("my_method  (loop;")
    assert main(["show", "retfai"]) == 1
    assert "Did you mean 'retfail'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"def loss(:\n", "SyntaxError: invalid syntax (mine.py, line 1)"),
        (b'NAME = "\xff"\n', "SyntaxError: (unicode error)"),
        (b"NAME = 1\0\n", "null bytes"),
    ],
)
def test_show_of_a_file_that_is_no_python(content, reason, tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_bytes(content)
    assert main(["show", str(path)]) == 1
    error = capsys.readouterr().err
    assert f"file {path} fails on import: " in error
    assert reason in error
    with pytest.raises(ConfigError, match="fails on import"):
        plugins.docstring("salmubench.metrics", str(path))


def test_show_of_a_file_in_another_encoding(tmp_path, capsys):
    text = EXAMPLE.read_text().replace("Margin hinge", "Größe", 1)
    path = tmp_path / "mine.py"
    path.write_bytes(f"# -*- coding: latin-1 -*-\n{text}".encode("latin-1", "replace"))
    assert main(["show", str(path)]) == 0
    assert "Größe" in capsys.readouterr().out


def test_dataset_commands_as_json(tiny_folder, tmp_path, capsys):
    assert main(["dataset", "stats", str(tiny_folder), "--json"]) == 0
    stats = json.loads(capsys.readouterr().out)
    assert main(["dataset", "stats", str(tiny_folder)]) == 0  # a pipe is no terminal
    assert json.loads(capsys.readouterr().out) == stats
    code = main(["dataset", "validate", str(tiny_folder), "--json"])
    report = json.loads(capsys.readouterr().out)
    assert code == (1 if report["violations"] else 0)
    assert report["splits"] == {split: found["rows"] for split, found in stats["splits"].items()}


def test_check_as_json(run, tmp_path, capsys):
    folder = tmp_path / "a"
    assert main(["leaderboard", "submit", str(run), "--model", "delete-5x", "--out", str(folder)]) == 0
    capsys.readouterr()
    assert main(["leaderboard", "check", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passed"]
    edit_json(folder / "record.json", lambda record: record["scores"]["GenKnow"]["value"].update(value=0.999))
    mend(folder)
    assert main(["leaderboard", "check", str(folder), "--json"]) == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["findings"][0]["code"] == "scores"
    assert not told.err


def on_terminal(program: list[str], **environment: str) -> str:
    """What a program prints on a terminal."""
    ours, theirs = pty.openpty()
    given = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    given |= {"TERM": "xterm-256color", "COLUMNS": "140", **environment}
    with subprocess.Popen([sys.executable, *program], stdout=theirs, env=given) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
    os.close(ours)
    assert process.returncode == 0
    return shown.decode()


def test_terminal_gets_a_table_and_a_pipe_plain_names(capsys):
    shown = on_terminal(["-m", "salmubench.cli.main", "list", "metrics"])
    assert "about" in shown
    assert "can the true caption still be retrieved" in shown
    assert main(["list", "metrics"]) == 0
    assert "retfail" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}])
def test_results_are_coloured_unless_no_color(run, environment):
    code = (
        "from pathlib import Path; from salmubench.cli.output import print_results\n"
        "from salmubench.report.collect import read_run\n"
        f"print_results(read_run(Path({str(run)!r})).records)"
    )
    shown = on_terminal(["-c", code], **environment)
    assert "CLIPErase" in shown
    colours = [f"\x1b[{number}m" for number in (31, 32, 33)]  # red, green, yellow
    assert any(colour in shown for colour in colours) == (not environment)


@pytest.mark.parametrize("columns", [80, 100, 200])
def test_words_of_results_stay_whole_however_narrow_the_terminal(run, columns):
    code = (
        "from pathlib import Path; from salmubench.cli.output import print_results\n"
        "from salmubench.report.collect import read_run\n"
        f"print_results(read_run(Path({str(run)!r})).records)"
    )
    shown = on_terminal(["-c", code], NO_COLOR="1", COLUMNS=str(columns))
    table = re.sub(r"\x1b\[\d*m", "", shown.partition("leakage left: 0 %")[0])
    words = table.split()
    assert {"leakage", "forgets", "general", "others", "CLIPErase"} <= set(words)
    assert ("paraphrased" in words) == (columns == 200)
    assert max(map(len, table.splitlines())) <= columns


def test_results_in_a_pipe_are_plain(run, capsys):
    print_results(read_run(run).records)
    shown = capsys.readouterr().out
    assert "CLIPErase" in shown
    assert "\x1b" not in shown


def test_quiet_hides_progress_and_notes(monkeypatch, capsys, tiny_folder):
    monkeypatch.setattr(progress, "_LINE_EVERY", 0.0)

    def noted(*_arguments, **_options):
        logging.getLogger("salmubench.stats").info("a note")
        list(progress.track([1, 2], total=2, description="count"))
        return {"splits": {}}

    monkeypatch.setattr("salmubench.dataset.statistics.stats", noted)
    handler = logging.StreamHandler(sys.stderr)
    logging.getLogger("salmubench").addHandler(handler)
    try:
        assert main(["dataset", "stats", str(tiny_folder)]) == 0
        told = capsys.readouterr()
        assert "count: 2/2" in told.err
        assert "a note" in told.err
        assert main(["dataset", "stats", str(tiny_folder), "--quiet"]) == 0
        told = capsys.readouterr()
        assert told.err == ""
        assert json.loads(told.out) == {"splits": {}}
    finally:
        logging.getLogger("salmubench").removeHandler(handler)


def test_progress_is_a_bar_on_a_terminal():
    code = (
        "import sys; sys.stderr = sys.stdout\n"
        "from salmubench.core import progress\n"
        "with progress.bar(total=2, description='count') as advance: advance(2)"
    )
    assert "━" in on_terminal(["-c", code])


def test_compare_as_json_and_as_columns(run, capsys):
    records = [str(run / "records" / f"{name}-5x.json") for name in ("cliperase", "delete")]
    assert main(["compare", *records, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    row = found["differences"]["RetFail"]["mrr"]
    assert row["difference"] == pytest.approx(row["first"] - row["second"])
    assert main(["compare", *records]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("RetFail mrr ")]
    assert [float(cell) for cell in line.split()[2:5]] == pytest.approx(
        [row["first"], row["second"], row["difference"]], abs=1e-4
    )


def test_compare_as_a_program_imports_little_and_says_the_same(run, capsys):
    records = [str(run / "records" / f"{name}-5x.json") for name in ("cliperase", "delete")]
    assert main(["compare", *records, "--json"]) == 0
    here = capsys.readouterr().out
    code = (
        "import sys; from salmubench.cli.main import main\n"
        "code = main()\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'numba'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code, "compare", *records, "--json"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == here


@pytest.mark.parametrize("what", [{"did": ("score",)}, {"did": ()}])
def test_run_as_json_and_as_text(what, run, tmp_path, monkeypatch, capsys):
    from salmubench.workflow.pipeline import RunResult

    stages = (
        {"name": "score", "seconds": 2.0, "peak_memory": 2**30},
        {"name": "x", "seconds": None, "peak_memory": None},
    )
    made = RunResult(
        out=run, table="the table", page=run / "page.html", failed={"npo-5x": "diverged"}, stages=stages, **what
    )
    monkeypatch.setattr("salmubench.workflow.pipeline.run", lambda **_: made)
    assert main(["run", "--out", str(tmp_path), "--json"]) == 1
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert set(found["models"]) == {"clean", "compromised", "cliperase-5x", "delete-5x"}
    assert found["models"]["delete-5x"]["verdict"]["ineffective"] in ("yes", "no", "undecided")
    assert (found["page"], found["failed"]) == (str(run / "page.html"), {"npo-5x": "diverged"})
    assert "npo-5x: diverged" in told.err
    assert main(["run", "--out", str(tmp_path)]) == 1
    text = capsys.readouterr().out
    assert "the table" in text
    assert "1.00 GiB" not in text
    assert "Nothing to do" not in text  # a method was tried, in vain
    assert main(["run", "--out", str(tmp_path), "--timings"]) == 1
    text = capsys.readouterr().out
    assert text.index("1.00 GiB") < text.index("the table") < text.index("The page: ")
    made = replace(made, failed={})
    assert main(["run", "--out", str(tmp_path)]) == 0
    assert ("Nothing to do" in capsys.readouterr().out) != bool(what["did"])


@pytest.mark.parametrize(("number", "advice"), [(errno.ENOSPC, "Free some space"), (errno.EACCES, "who may write")])
def test_errors_of_the_machine_have_a_next_step(number, advice, monkeypatch, capsys):
    def fails(*_):
        raise OSError(number, os.strerror(number), "/there/file")

    monkeypatch.setattr(importlib.import_module("salmubench.scoring.compare"), "compare_with_each", fails)
    assert main(["compare", "a.json", "b.json"]) == 1
    told = capsys.readouterr().err
    assert re.search(rf"salmubench: Expected .*, got: {os.strerror(number)} /there/file\. ", told)
    assert advice in told


def test_other_errors_of_the_system_keep_their_trace(monkeypatch):
    def fails(*_):
        raise OSError(errno.EIO, "bad disk")

    monkeypatch.setattr(importlib.import_module("salmubench.scoring.compare"), "compare_with_each", fails)
    with pytest.raises(OSError, match="bad disk"):
        main(["compare", "a.json", "b.json"])
