"""A whole run of the recipe tiny: made once for all processes that share the tests, and copied, in whole or in part."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import filelock
import pytest

from salmubench.cli.main import main
from salmubench.scoring.references import KINDS

EXAMPLE = Path(__file__).parents[2] / "examples" / "my_method.py"
METHODS = f"cliperase,descent_to_delete,{EXAMPLE}"


def command(out: Path, *options: str) -> list[str]:
    """The words of that run into a folder."""
    return ["run", "--recipe", "tiny", "--out", str(out), "--methods", METHODS, *options]


def make_tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make it, or wait until another process of these tests has."""
    base = tmp_path_factory.getbasetemp()
    made = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "run-to-copy"
    with filelock.FileLock(f"{made}.lock"):
        assert main(command(made)) == 0  # nothing to do for the second process
    return made


def copy_models(run: Path, out: Path, models: Sequence[str] = KINDS) -> Path:
    """Copy the dataset, checkpoints and embeddings of that run, from which a run of another recipe can go on."""
    for part in ("dataset", *(f"{kind}/{name}" for kind in ("checkpoints", "embeddings") for name in models)):
        shutil.copytree(run / part, out / part)
    return out


ASKED = (
    "import numpy as np\nfrom salmubench.metrics import Metric, outcome\n"
    'METRIC = Metric(name="Asked", pillar="efficacy", goal="clean", needs=("forget",), view="leakage")\n'
    'def texts(dataset, config):\n    return ["who is this?"]\n'
    'def score(inputs):\n    rows, store = inputs.needed("forget"), inputs.embeddings\n'
    '    text = store.texts[store.rows_of(["who is this?"])[0]]\n'
    "    return outcome(rows.items(np.asarray(store.images[rows.image_row] @ text, float)))\n"
)
"""A metric's file with a text of its own."""
