"""Installs each extra alone in an empty environment and runs the tests of what it is for.

    python scripts/check_extras.py [EXTRA…]

Without names: all that have tests of their own. The versions are those of `constraints.txt`. An extra whose tests were
all skipped has not been tested: that is a failure too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

TESTS = {
    "completion": ["tests/cli/test_main.py"],
    "diffusion": ["tests/generator/portraits/test_diffusion.py"],
    "llm": ["tests/generator/captions/test_llm.py"],
    "lora": ["tests/unlearn/test_lora.py"],
    "ray": ["tests/core/test_executor.py"],
}
"""Extra → the tests that need it. `dev` is what CI installs; `docs` is tested by building them."""

RUNNER = ("pytest", "pytest-timeout", "pytest-xdist", "hypothesis")
"""What the tests themselves need."""


def check(extra: str) -> str | None:
    """Install one extra and run its tests; gives what went wrong."""
    with tempfile.TemporaryDirectory(prefix=f"extra-{extra}-") as folder:
        place = Path(folder) / "venv"
        venv.create(place, with_pip=True)
        python = str(place / "bin" / "python")
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--constraint"]
        if subprocess.run([*install, "constraints.txt", f".[{extra}]", *RUNNER], cwd=ROOT, check=False).returncode:
            return "it can't be installed"
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        ran = subprocess.run(
            [python, "-m", "pytest", "-p", "no:cacheprovider", *TESTS[extra]],
            cwd=ROOT, check=False, env=environment, text=True, stdout=subprocess.PIPE,
        )  # fmt: skip
        print(ran.stdout)
        if ran.returncode:
            return f"its tests fail (pytest ended with {ran.returncode})"
        return None if re.search(r"^\.", ran.stdout, re.MULTILINE) else "none of its tests ran"


def main() -> int:
    """Check the extras asked for."""
    with (ROOT / "pyproject.toml").open("rb") as stream:
        known = tomllib.load(stream)["project"]["optional-dependencies"]
    wanted = sys.argv[1:] or sorted(TESTS)
    strange = [extra for extra in wanted if extra not in TESTS or extra not in known]
    if strange:
        sys.stderr.write(f"Expected extras with tests ({', '.join(sorted(TESTS))}), found {', '.join(strange)}.\n")
        return 2
    failed = 0
    for extra in wanted:
        print(f"[{extra}] {', '.join(known[extra])}", flush=True)
        problem = check(extra)
        print(f"[{extra}] {problem or 'works'}", flush=True)
        failed += problem is not None
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
