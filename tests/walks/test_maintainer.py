"""The page "Leaderboard" walked by a maintainer: its commands, a name that isn't earned, a board in a repository."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from salmubench.cli.main import main
from salmubench.scoring.record import BENCHMARK_VERSION
from submission_world import made_with, write_submittable_run

pytestmark = pytest.mark.stage

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "leaderboard.md").read_text(encoding="utf-8")


def commands(text: str) -> list[list[str]]:
    """The indented commands of a page."""
    return [shlex.split(line)[1:] for line in re.findall(r"^    (salmubench .*)$", text, re.MULTILINE)]


def test_the_page_is_walked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = write_submittable_run(Path("runs/mini"), names=("cliperase-5x", "my_method-5x"))
    submit, check, build = commands(PAGE)
    for command in (submit, check, build):
        assert main(command) == 0, command
    told = capsys.readouterr().out
    assert "no finding" in told
    assert "1 submission shown, 0 left out" in told

    # a stranger's code under a built-in's name is refused, under its own it comes in
    mine = Path("my_method.py")
    mine.write_text("def loss(): ...\n")
    taken = made_with(mine, shutil.copytree(run, Path("runs/taken")), "cliperase-5x")
    assert main(["leaderboard", "submit", str(taken), "--model", "cliperase-5x", "--out", "refused"]) == 1
    assert "the built-in code of cliperase" in capsys.readouterr().err
    assert not Path("refused").exists()
    made_with(mine, run, "my_method-5x")
    own = ["leaderboard", "submit", str(run), "--model", "my_method-5x", "--method-file", str(mine)]
    own += ["--author", "A. Person", "--link", "https://example.org/paper"]
    assert main([*own, "--out", "board/submissions/mine"]) == 0

    # a board in a repository: submissions/ is read, what is none gets one line
    Path("board/docs").mkdir()
    Path("board/submissions/notes").mkdir()
    assert main(["leaderboard", "build", "board", "--out", "site2"]) == 0
    printed = capsys.readouterr()
    assert "1 submission shown" in printed.out
    assert printed.err.count("passed over") == 1
    index = Path("site2/index.html").read_text(encoding="utf-8")
    for words in ("A. Person", 'href="https://example.org/paper"', "Data seen", "1 submission,"):
        assert words in index
    assert "the submitters’ own" in Path("site2/methods/my_method.html").read_text(encoding="utf-8")

    # and on: the same record for Every Eval Ever
    (export,) = re.findall(r"`salmubench (export-eee [^`]*)`", PAGE)
    words = {"RECORD": "board/submissions/mine/record.json", "OUT": "eee", "NAME": "Board"}
    assert main([words.get(word, word) for word in export.split()]) == 0
    aggregate, items = (Path(line) for line in capsys.readouterr().out.split())
    content = json.loads(aggregate.read_text(encoding="utf-8"))
    assert content["eval_library"]["additional_details"]["benchmark_version"] == str(BENCHMARK_VERSION)
    assert content["detailed_evaluation_results"]["total_rows"] == len(items.read_text(encoding="utf-8").splitlines())
