"""Asks whether the installed versions have known vulnerabilities: pip-audit, in an environment of its own.

    python scripts/audit.py                # what this environment has
    python scripts/audit.py constraints.txt  # what a file of pinned versions names

Needs the network: for pip-audit itself and for the database that it asks (PyPI's). Exit 1 where one is known.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Install pip-audit beside, ask, tell."""
    with tempfile.TemporaryDirectory(prefix="audit-") as folder:
        venv.create(Path(folder) / "venv", with_pip=True)
        python, frozen = str(Path(folder) / "venv" / "bin" / "python"), Path(folder) / "frozen.txt"
        quiet = ["--quiet", "--disable-pip-version-check"]
        subprocess.run([python, "-m", "pip", "install", *quiet, "pip-audit"], check=True)
        if arguments:
            frozen.write_bytes(Path(arguments[0]).read_bytes())
        else:
            listed = subprocess.run(
                [sys.executable, "-m", "pip", "freeze", "--exclude-editable"],
                check=True,
                capture_output=True,
                text=True,
            )
            frozen.write_text(
                "".join(line + "\n" for line in listed.stdout.splitlines() if "==" in line), encoding="utf-8"
            )
        audit = [python, "-m", "pip_audit", "--no-deps", "--disable-pip", "--requirement", str(frozen)]
        return subprocess.run(audit, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
