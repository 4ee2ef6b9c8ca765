"""No process that a command starts imports what lies in the working folder, which may be a stranger's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.stage

NAMES = ("torch", "numpy", "json", "joblib", "salmubench", "sitecustomize")
TRAP = (
    "import os\nwith open({marks!r} + '/' + __name__, 'w') as stream:\n    stream.write(os.path.basename(__file__))\n"
)

PIECES = """
import os
import executor_pieces as pieces
from salmubench.core.executor import parallel
found = sorted(parallel(pieces.square, range(3), workers=2, executor={executor!r}, description="Squares"))
assert found == [(number, number * number) for number in range(3)], found
assert "PYTHONSAFEPATH" not in os.environ
"""
BOARD = """
from pathlib import Path
from salmubench.leaderboard import build
found = build._check_all([Path(f"none-{number}") for number in range(24)], Path("receipts"), {}, 5.0)
assert len(found) == 24
"""
TRAINING = """
from pathlib import Path
from salmubench.pretrain.config import PretrainConfig
from salmubench.pretrain.launch import pretrain
config = PretrainConfig(model="salmu-tiny", epochs=1, batch_size=64, warmup=1, threads=1)
pretrain(config, dataset=Path(DATASET), kind="clean", out=Path(OUT), seed=0, device="cpu", precision="fp32")
"""
PROBE = """
from pathlib import Path
from salmubench.core.errors import StageError
from salmubench.pretrain import estimate
from salmubench.pretrain.config import PretrainConfig
config = PretrainConfig(model="salmu-tiny", batch_size=4, warmup=1, threads=1)
try:
    estimate.probe(config, rows=64, shard=Path("none.tar"), device="cpu", precision="fp32", seconds=0.01)
except StageError as error:  # in the probe's process, which has imported everything by then
    assert "none.tar" in str(error), error
"""
PRINTED = """
import sys
from salmubench.pretrain.loopback import script
sys.argv = ["salmubench-torchrun", "--standalone", "--nproc_per_node=1", "-m", "executor_pieces"]
script()
"""
STARTERS = {
    "processes": PIECES.format(executor="joblib"),
    "ray": PIECES.format(executor="ray"),
    "board": BOARD,
    "training": TRAINING,
    "probe": PROBE,
    "printed": PRINTED,
}
"""What starts processes → a program that does so, with little to do."""
BY_DAY = ("processes", "board", "printed")
"""Those that take seconds."""


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A working folder with modules that leave a mark, in the folder `marks` beside it, when they are imported."""
    folder, marks = tmp_path / "hostile", tmp_path / "marks"
    folder.mkdir()
    marks.mkdir()
    for name in NAMES:
        (folder / f"{name}.py").write_text(TRAP.format(marks=str(marks)))
    return folder


def started(code: str, folder: Path, *, safe: bool = True) -> set[str]:
    """Run a program as a console script runs, without the working folder on its path; give the marks that are left."""
    here = Path(__file__).parents[1] / "support"
    paths = [str(here), str(here.parents[1] / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONSAFEPATH", "RAY_ADDRESS")}
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *(["-P"] if safe else []), "-c", code], cwd=folder, env=environment, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0 or not safe, done.stderr
    return {path.name for path in (folder.parent / "marks").iterdir()}


def test_the_traps_are_set(hostile: Path) -> None:
    assert started("import joblib", hostile, safe=False) == {"joblib"}


@pytest.mark.parametrize(
    "starter", [pytest.param(name, marks=[] if name in BY_DAY else pytest.mark.night) for name in STARTERS]
)
def test_nothing_of_it_is_imported(starter: str, hostile: Path, tiny_folder: Path) -> None:
    if starter == "ray":
        pytest.importorskip("ray")
    code = STARTERS[starter].replace("DATASET", repr(str(tiny_folder))).replace("OUT", repr(str(hostile / "clean")))
    assert started(code, hostile) == set()


def test_numba_takes_no_cache_from_it(hostile: Path) -> None:
    (hostile / ".numba_config.yaml").write_text(f"cache_dir: {hostile / 'kernels'}\n")
    ours = "from salmubench.drawing import jit\n"
    code = "from numba.core import config\nconfig.reload_config()\nassert (config.CACHE_DIR == '') == OURS"
    started(code.replace("OURS", "False"), hostile)
    started(ours + code.replace("OURS", "True"), hostile)
