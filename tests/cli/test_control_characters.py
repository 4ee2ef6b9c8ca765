"""Nothing that stands in a file reaches the terminal as a control character."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest

from salmubench.cli import output
from salmubench.cli.main import main

EVIL = "a\x1b[2Jb\x9b1mc\u202ed\re\x07\ud800"
RAW = re.compile(r"[^\n\x20-\x7e\xa0-\u2027\u2030-\ud7ff]")


@pytest.mark.parametrize("terminal", [False, True])
def test_tables(terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "on_terminal", lambda: terminal)
    output.print_table(["name", "n"], [[EVIL + "\n[bold]x", "1"]], numbers=["n"])
    printed = capsys.readouterr().out
    assert not RAW.search(printed)
    assert r"\x1b[2J" in printed
    assert "[bold]x" in printed


def test_json_reads_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({EVIL: [EVIL, "é\u00ad", "plain"]})
    printed = capsys.readouterr().out
    assert not RAW.search(printed.replace("\u00ad", "\x00"))
    assert json.loads(printed) == {EVIL: [EVIL, "é\u00ad", "plain"]}


def test_lines_notes_and_errors(capsys: pytest.CaptureFixture[str]) -> None:
    output.say(EVIL)
    output.complain(EVIL + "x" * 5_000)
    record = logging.LogRecord("salmubench", logging.INFO, "", 0, "made %s", (EVIL,), None)
    printed = capsys.readouterr()
    assert not RAW.search(printed.out + printed.err + output.PlainFormatter("%(message)s").format(record))
    assert len(printed.err) == 2_001


@pytest.mark.parametrize(
    "command", [["compare"], ["score", "--items"], ["run", "--recipe"], ["bogus"], ["leaderboard", "check"]]
)
def test_errors_of_commands(command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    name = str(tmp_path / "x\x1b[31my\x9bz.items.parquet")
    assert main([*command, name, *([name] if command == ["compare"] else [])]) in (1, 2)
    printed = capsys.readouterr()
    assert printed.err
    assert not RAW.search(printed.err + printed.out)


def test_commands_print_through_output_alone() -> None:
    folder = Path(output.__file__).parent
    spoken = {path.name for path in folder.glob("*.py") if re.search(r"(?<![\w.])print\(", path.read_text("utf-8"))}
    assert spoken <= {"completion.py"}
