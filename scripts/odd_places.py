"""Commands where a disk is full, a folder can't be written, HOME is missing …: one paragraph, nothing half-written.

    python scripts/odd_places.py --out results/soak/places.json

Each command runs once undisturbed and once in each situation; what it made is then either the same or not there. What a
kill does is `soak.py`'s. Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from salmubench.core import manifest, provenance, writing  # noqa: E402

RUN = ROOT / "results" / "history" / "ten-closed-first"
_PROGRAM = [sys.executable, "-P", "-m", "salmubench.cli.main"]
_YEAR = 365 * 86_400
COMMANDS: Mapping[str, Sequence[str]] = {
    "report": ("report", str(RUN)),
    "leaderboard build": ("leaderboard", "build", "board"),
}
"""Command → what stands behind `salmubench`, before `--out`; run in a folder with an empty `board/`."""


def _small_files() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, 4_000))


def _run(words: Sequence[str], folder: Path, out: str, without: str = "", **given: Any) -> tuple[int, str]:
    """Exit code and stderr; environment variables in `given`, of which one may be taken away."""
    limit = given.pop("limit", None)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **given}
    environment.pop(without, None)
    done = subprocess.run(
        [*_PROGRAM, *words, "--out", out], cwd=folder, env=environment, capture_output=True, check=False,
        preexec_fn=limit,
    )  # fmt: skip
    return done.returncode, done.stderr.decode(errors="replace")


def _from_the_future(words: Sequence[str], folder: Path) -> list[tuple[int, str]]:
    first = _run(words, folder, "out")
    for path in (folder / "out").rglob("*"):
        os.utime(path, times=(path.stat().st_atime + _YEAR, path.stat().st_mtime + _YEAR))
    return [first, _run(words, folder, "out")]


def _two(words: Sequence[str], folder: Path) -> list[tuple[int, str]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    both = [
        subprocess.Popen([*_PROGRAM, *words, "--out", "out"], cwd=folder, env=environment, stderr=subprocess.PIPE,
                         stdout=subprocess.DEVNULL)
        for _ in range(2)
    ]  # fmt: skip
    said = [process.communicate()[1].decode(errors="replace") for process in both]
    return [(process.returncode, text) for process, text in zip(both, said, strict=True)]


def _head(words: Sequence[str], folder: Path) -> list[tuple[int, str]]:
    """The reader of the output goes after no line."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen([*_PROGRAM, *words, "--out", "out"], cwd=folder, env=environment,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    if process.stdout is not None:
        process.stdout.close()
    said = process.stderr.read().decode(errors="replace") if process.stderr is not None else ""
    return [(process.wait(), said)]


SITUATIONS: Mapping[str, tuple[Any, str]] = {
    "a full disk (files of 4 kB at most)": (lambda w, f: [_run(w, f, "out", limit=_small_files)], "refused"),
    "a folder that takes no files (`/sys`)": (lambda w, f: [_run(w, f, "/sys/out")], "refused"),
    "no `HOME`": (lambda w, f: [_run(w, f, "out", without="HOME")], "same"),
    "`TMPDIR` that isn't there": (lambda w, f: [_run(w, f, "out", TMPDIR="/not/there")], "same"),
    "a name that isn't UTF-8": (lambda w, f: [_run(w, f, os.fsdecode(b"o\xff"))], "same"),
    "the locale C": (
        lambda w, f: [_run(w, f, "out", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")], "same",
    ),
    "a clock set back (files of next year)": (_from_the_future, "same"),
    "two writers": (_two, "same"),
    "a reader that goes (`| head`)": (_head, "same"),
}  # fmt: skip
"""Situation → (what to do, whether the command does its work there)."""


def _pages(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder).as_posix()).partition("/")[2]: manifest.sha256_file(path)
        for path in sorted(folder.rglob("*.html"))
    }


def judge(results: Sequence[tuple[int, str]], folder: Path, whole: Mapping[str, str], expected: str) -> str:
    """What is wrong; empty where nothing is."""
    left = [path.name for path in folder.rglob("*") if writing.is_leftover(path.name)]
    made, codes = _pages(folder), [code for code, _ in results]
    if left:
        return f"left behind: {left[0]}"
    for code, said in results:
        if code not in (0, 1) or "Traceback" in said or (code and "\n\n" in said.strip()):
            return f"ended with {code}: {said[-300:]}"
    if expected == "refused" and (codes != [1] or made):
        return f"expected a refusal and no page, got {codes} and {len(made)} pages"
    if expected == "same" and (0 not in codes or made != whole):
        return f"expected the same pages, got {codes} and {len(made)} pages: {results[0][1][-300:]}"
    return ""


def main() -> int:
    """Run all, write the table's numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/places.json"))
    out, table, failed = parser.parse_args().out.resolve(), dict[str, dict[str, str]](), 0
    for command, words in COMMANDS.items():
        with contextlib.ExitStack() as stack:

            def place() -> Path:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                (folder / "board").mkdir()
                return folder

            first = place()
            code, said = _run(words, first, "out")
            if code:
                raise SystemExit(f"{command} ended with {code}: {said}")
            whole = _pages(first)
            for situation, (act, expected) in SITUATIONS.items():
                folder = place()
                problem = judge(act(words, folder), folder, whole, expected)
                table.setdefault(situation, {})[command] = problem or expected
                failed += bool(problem)
                print(f"{command}, {situation}: {problem or expected}", file=sys.stderr, flush=True)
    made = provenance.provenance()
    writing.write_json(out, {"table": table, "failed": failed, "commit": made["commit"], "hardware": made["hardware"]})
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
