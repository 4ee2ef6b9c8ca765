"""What a user may hand on says nothing of the user: no absolute path, user name or host name in any file written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from own_people import own_people
from salmubench.core import provenance
from salmubench.unlearn.failures import TRACEBACK
from salmubench.workflow import recipe as recipes
from tiny_model import tiny_model

pytestmark = pytest.mark.stage

FOLDER, USER, HOST = "folder of telltale", "telltale-user", "telltale-host7"
WORD = b"telltale"

MACHINE = f"""
    import getpass, os, platform, socket
    socket.gethostname = platform.node = lambda: {HOST!r}
    socket.getfqdn = lambda name="": {HOST + ".example"!r}
    getpass.getuser = lambda: {USER!r}
    real = os.uname()
    os.uname = lambda: os.uname_result((real.sysname, {HOST!r}, real.release, real.version, real.machine))
"""
"""`sitecustomize.py` of every process: a machine whose names tell who it belongs to."""

FAILS = """
    from dataclasses import dataclass
    from pathlib import Path
    NEEDS = ("forget",)
    @dataclass(frozen=True)
    class Config:
        \"\"\"Options.\"\"\"
    def loss(batch, model, reference, config):
        raise OSError(f"no weights at {Path(__file__).resolve()} nor in {Path.home() / 'weights'}")
"""


@pytest.fixture
def machine(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A working folder with a tell-tale name, and the environment of a user with one."""
    folder, home = tmp_path / FOLDER, tmp_path / USER
    site = tmp_path / "site"
    for path in (folder, home, site):
        path.mkdir()
    (site / "sitecustomize.py").write_text(textwrap.dedent(MACHINE))
    paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    names = {"HOME": str(home), "USER": USER, "LOGNAME": USER, "HOSTNAME": HOST, "HF_HUB_OFFLINE": "1"}
    return folder, {**os.environ, **names, "PYTHONPATH": os.pathsep.join(paths)}


COMMANDS = """
import json, sys
from salmubench.cli.main import main
for arguments, code in json.loads(sys.argv[1]):
    found = main(arguments)
    assert found == code, (arguments, found)
"""


def salmubench(machine: tuple[Path, dict[str, str]], *commands: Sequence[str | Path], code: int = 0) -> str:
    """Run commands in one process of that machine, the first of which ends with a code; give what stderr says."""
    folder, environment = machine
    given = [(list(map(str, arguments)), 0 if number else code) for number, arguments in enumerate(commands)]
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(given)], cwd=folder, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def contents(path: Path) -> Iterator[bytes]:
    """All that can be read of a file: its bytes, and what compressed tables unpack to."""
    yield path.read_bytes()
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        yield repr(table.schema.metadata).encode()
        yield repr([table.column(name).to_pylist() for name in table.column_names]).encode()


def telling(folder: Path) -> dict[str, bytes]:
    """File → some of what it says about the user."""
    found = {}
    for path in sorted(folder.rglob("*")):
        for data in contents(path) if path.is_file() else ():
            at = data.find(WORD)
            if at >= 0:
                found[str(path.relative_to(folder))] = data[max(at - 120, 0) : at + 60]
    return found


def test_the_search_looks_into_tables(tmp_path):
    pq.write_table(pa.table({"text": ["of telltale"] * 500}), tmp_path / "a.parquet", compression="zstd")
    (tmp_path / "b.json").write_text('{"path": "/home/telltale-user/x"}')
    (tmp_path / "c.json").write_text("{}")
    assert list(telling(tmp_path)) == ["a.parquet", "b.json"]


@pytest.mark.night
@pytest.mark.long(15)
def test_before_and_after(machine):
    """An import, a deletion and its page, all with absolute paths."""
    folder = machine[0]
    own = own_people(folder / "own")
    out = folder / "handed-on"
    for name, seed in (("before", 0), ("after", 1)):
        tiny_model(folder / name, seed)
    salmubench(
        machine,
        ["dataset", "import", "--pictures", own / "pictures", "--facts", own / "facts.csv", "--out", out / "dataset"],
        ["evaluate", "--before", folder / "before", "--after", folder / "after", "--dataset", out / "dataset",
         "--out", out / "deletion.json", "--report", out / "deletion.html"],
        ["evaluate", "--model", folder / "after", "--dataset", out / "dataset", "--clean", folder / "before",
         "--compromised", folder / "before", "--out", out / "record.json"],
        ["export-official", out / "record.json", out / "official.json"],
        ["export-model", folder / "after", "--out", out / "model"],
        ["dataset", "export", out / "dataset", "--format", "hub", "--license", "other", "--out", out / "hub"],
    )  # fmt: skip
    assert len(list(out.rglob("*"))) > 40
    assert telling(out) == {}


@pytest.mark.night
@pytest.mark.long(60)
def test_a_run_its_page_a_submission_and_the_board(machine):
    """One method fails, with a message that names files of the user."""
    folder = machine[0]
    (folder / "mine.py").write_text(textwrap.dedent(FAILS))
    run, recipe, given = folder / "runs" / "short", folder / "short.yaml", recipes.load("tiny").given
    given["pretrain"] |= {"keep_epochs": [], "epochs": 2, "retrained": False}
    recipe.write_text(yaml.safe_dump(given))
    methods, results = f"finetuning,{folder / 'mine.py'}", folder / "results"
    said = salmubench(
        machine,
        ["run", "--recipe", recipe, "--out", run, "--methods", methods],
        ["report", run, "--out", folder / "site"],
        ["leaderboard", "submit", run, "--model", "finetuning-5x", "--out", results / "one"],
        ["leaderboard", "build", results, "--out", folder / "board"],
        ["export-model", run / "checkpoints" / "finetuning-5x", "--out", folder / "model"],
        code=1,
    )
    assert "no weights at" in said
    for place in ("runs", "site", "results", "board", "model"):
        found = telling(folder / place)
        assert {name for name in found if not name.endswith(TRACEBACK)} == set(), place  # the author’s own


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no file '{cwd}/a b/method.py'", "no file './a b/method.py'"),
        ("{cwd}", "."),
        ("{cwd}.old/x", "…/x"),
        ("at ({home}/weights)", "at (~/weights)"),
    ],
)
def test_folders_with_blanks(text, expected, tmp_path, monkeypatch):
    (tmp_path / "ann smith").mkdir()
    monkeypatch.chdir(tmp_path / "ann smith")
    home = os.path.expanduser("~")  # noqa: PTH111
    given = text.format(cwd=Path.cwd(), home=home)
    found = provenance.portable(given)
    assert found.startswith(expected[:1])
    if ".old" not in text:
        assert found == expected
