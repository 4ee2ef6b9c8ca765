"""Installs the lowest versions that `pyproject.toml` allows into an empty environment and runs the tests of the core.

    python scripts/check_lowest.py                      # needs the network
    python scripts/check_lowest.py --print > lowest.txt # constraints for pip, one `name==version` a dependency

What the tests themselves need comes in any version that leaves those of the package as they are.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
RUNNER = ("pytest", "pytest-timeout", "pytest-xdist", "hypothesis", "matplotlib", "pycountry")
TESTS = ("tests/clip", "tests/unlearn", "tests/scoring", "tests/metrics", "tests/dataset", "tests/core", "tests/encode")


def constraints(requirements: Sequence[str]) -> list[str]:
    """Give the lowest version of each requirement that names one.

    Args:
        requirements: as `pyproject.toml` has them.

    Raises:
        ValueError: a dependency without a lower bound: nobody knows what it is tested with.
    """
    lowest = []
    for text in requirements:
        requirement = Requirement(text)
        bounds = [bound.version for bound in requirement.specifier if bound.operator in (">=", "==", "~=")]
        if len(bounds) != 1:
            raise ValueError(f"Expected one lower bound of {requirement.name} in pyproject.toml, got {text!r}.")
        lowest.append(f"{requirement.name}=={bounds[0]}")
    return sorted(lowest)


def main() -> int:
    """Install, test; 1 if a test fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--print", action="store_true", help="the constraints alone")
    arguments = parser.parse_args()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lowest = "\n".join(constraints(project["dependencies"])) + "\n"
    if arguments.print:
        sys.stdout.write(lowest)
        return 0
    with tempfile.TemporaryDirectory(prefix="lowest-") as folder:
        venv.create(Path(folder) / "venv", with_pip=True)
        python, limits = str(Path(folder) / "venv" / "bin" / "python"), Path(folder) / "lowest.txt"
        limits.write_text(lowest, encoding="utf-8")
        install = [python, "-m", "pip", "install", "--disable-pip-version-check", "--constraint", str(limits)]
        subprocess.run([*install, "--editable", "."], cwd=ROOT, check=True)
        subprocess.run([*install, *RUNNER], cwd=ROOT, check=True)
        subprocess.run([python, "-m", "pip", "freeze", "--exclude-editable"], cwd=ROOT, check=True)
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        runs = (["--doctest-modules", "src/salmubench"], ["-n", "2", "--dist", "worksteal", "-m", "not night", *TESTS])
        codes = [
            subprocess.run([python, "-m", "pytest", *words], cwd=ROOT, check=False, env=environment).returncode
            for words in runs
        ]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
