"""Mutated files for every reader, and that the judge sees what it looks for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CASES = 2_000
# The cases fork, which nobody should do in a process with threads: they run in one of their own.
pytestmark = [
    pytest.mark.stage,
    pytest.mark.skipif(sys.platform != "linux", reason="memory and system calls are measured as Linux does"),
]


def environment() -> dict[str, str]:
    paths = [
        str(ROOT / "src"),
        str(ROOT / "tests"),
        str(ROOT / "tests" / "support"),
        *filter(None, [os.environ.get("PYTHONPATH")]),
    ]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@pytest.mark.night
@pytest.mark.parametrize("half", [0, 1])  # side by side
@pytest.mark.long(30)
def test_mutated_folders_are_read_or_refused(half: int, tmp_path: Path) -> None:
    from fuzz.readers import READERS

    out, cases = tmp_path / "counts.json", CASES // 2
    names = ",".join(reader.name for reader in READERS[half::2])
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "fuzz_readers.py"), "--readers", names, "--cases", str(cases),
         "--out", str(out)],
        capture_output=True, text=True, check=False, env=environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
    counts = json.loads(out.read_text())
    assert 0.95 * cases <= counts["cases"] <= 1.05 * cases
    assert counts["failed"] == 0
    readers = counts["readers"]
    assert all(count["read"] for count in readers.values())  # at least the valid folder, which is case 0
    assert sum(count["refused"] for count in readers.values()) > cases / 3


JUDGE = """
    import json, os, pickle, socket, sys, time
    from pathlib import Path
    from fuzz import judge
    from fuzz.texts import CANARY
    from salmubench.core.errors import ConfigError

    def seed(folder):
        (folder / "a.json").write_text("{}")

    def changes(path, rng):
        path.unlink()
        path.write_text(str(rng.random()))

    def foreign(folder, out): raise KeyError("x")
    def message(folder, out): raise ConfigError("")
    def loops(folder, out):
        while True: pass
    def waits(folder, out):
        os.mkfifo(out / "pipe")
        open(out / "pipe")
    def eats(folder, out): b"x" * (200 * 2**20)
    def leaves(folder, out): (Path(os.environ["TMPDIR"]) / "x").write_text("x")
    def unfinished(folder, out): (out / f"x.salmubench-{'0' * 16}.tmp").write_text("x")
    def writes(folder, out): (folder / "a.json").write_text("changed")
    def adds(folder, out): (folder / "b.json").write_text("x")
    def calls(folder, out): socket.create_connection(("127.0.0.1", 9))
    def runs(folder, out): os.system("true")
    def runs_code(folder, out): exec(compile("1", str(folder / "x.py"), "exec"))
    def canary(folder, out): os.mkdir(CANARY)
    def elsewhere(folder, out): open(place.parent / "elsewhere", "w").close()
    def unpickles(folder, out): pickle.loads(pickle.dumps(Path("x")))
    def dies(folder, out): os.kill(os.getpid(), 11)
    def good(folder, out): pass
    def refuses(folder, out): raise ConfigError("Expected x.")

    judge._WALL, judge._LOOKS = 0.5, 3
    found, place = {}, Path(sys.argv[1]) / "seed"
    place.mkdir()
    seed(place)
    def once(read):  # the first call warms up, unwatched
        def second(folder, out):
            if folder.name == "case": read(folder, out)
        return second
    for read in (foreign, message, loops, waits, eats, leaves, unfinished, writes, adds, calls, runs, runs_code, canary,
                 elsewhere, unpickles, dies, good, refuses):
        seconds = 1.0 if read is loops else 60.0  # a slow machine takes a second to hand out memory
        reader = judge.Reader(read.__name__, seed, {"*": (changes,)}, once(read), seconds=seconds, mebibytes=100)
        found[read.__name__] = [answer.answer for answer in judge.answers(reader, place, [1, 2], 0)]
    print(json.dumps(found))
"""


def test_the_judge_sees_what_it_looks_for(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(JUDGE), str(tmp_path)], capture_output=True, text=True, check=False,
        env=environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    expected = {
        "foreign": "foreign", "message": "message", "loops": "slow", "waits": "waits", "eats": "memory",
        "leaves": "leaves", "unfinished": "leaves", "writes": "changes", "adds": "changes", "calls": "calls",
        "runs": "calls", "runs_code": "calls", "canary": "executes", "elsewhere": "calls", "unpickles": "calls",
        "dies": "dies", "good": "read", "refuses": "refused",
    }  # fmt: skip
    assert found == {name: [answer] * 2 for name, answer in expected.items()}


def test_a_case_is_the_same_each_time(tmp_path: Path) -> None:
    from fuzz.judge import Reader, mutate
    from fuzz.texts import JSON

    reader = Reader("x", lambda _: None, {"*.json": JSON}, lambda *_: None)
    for number in range(60):
        made = []
        for place in ("a", "b"):
            folder = tmp_path / f"{number}{place}"
            folder.mkdir()
            (folder / "x.json").write_text(json.dumps({"a": [1, 2.5, {"b": "text"}], "c": None}))
            mutate(reader, folder, number, 5)
            made.append((folder / "x.json").read_bytes())
        assert made[0] == made[1]
