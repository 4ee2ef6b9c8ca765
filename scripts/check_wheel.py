"""Build the wheel, install it where nothing of the repository is seen, and use it.

python scripts/check_wheel.py          # an empty environment, every dependency, and a whole run of the recipe tiny
python scripts/check_wheel.py --fast   # this environment's dependencies are seen; help, lists and recipes only

Both are looked at as PyPI would: metadata and README of wheel and source archive, by `twine check`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RECIPES = "from salmubench.workflow import recipe; print(*(recipe.load(name).name for name in recipe.names()))"
HOME = "import salmubench; print(salmubench.__file__)"


def main() -> None:
    """Build, install, use; raises where a step fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="without dependencies and without the run")
    fast = parser.parse_args().fast
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel, archive = build(folder / "dist")
        print(run(sys.executable, "-m", "twine", "--no-color", "check", "--strict", wheel, archive, cwd=folder).strip())
        home = install(wheel, folder / "venv", fast=fast)
        used = run(home / "bin" / "python", "-c", HOME, cwd=folder)
        assert str(home) in used, f"Expected the installed package, found {used}"
        print(run(home / "bin" / "salmubench", "--help", cwd=folder).splitlines()[0])
        for what in ("methods", "metrics", "recipes", "backends"):
            print(what, *run(home / "bin" / "salmubench", "list", what, cwd=folder).split())
        print(run(home / "bin" / "python", "-c", RECIPES, cwd=folder))
        if not fast:
            print(run(home / "bin" / "salmubench", "run", "--recipe", "tiny", "--out", "tiny", cwd=folder))
            assert (folder / "tiny" / "report" / "index.html").stat().st_size > 10_000


def build(out: Path) -> tuple[Path, Path]:
    """Build the wheel and the source archive.

    Args:
        out: folder to put them into.
    """
    targets = ("--target", "wheel", "--target", "sdist")
    run(sys.executable, "-m", "hatchling", "build", *targets, "--directory", out, cwd=ROOT)
    (wheel,), (archive,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, archive


def install(wheel: Path, home: Path, *, fast: bool) -> Path:
    """Install the wheel into a new environment.

    Args:
        wheel: the file.
        home: folder of the environment.
        fast: without dependencies; those of this environment are seen, its own installation of the package is not.
    """
    venv.create(home, with_pip=not fast)
    python = home / "bin" / "python"
    if not fast:
        run(python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel, cwd=home)
        return home
    # The environment's own folder comes first on the path, and a path line of a .pth file reads no further .pth files:
    # an editable installation of the package stays unseen.
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).strip())
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index")
    run(*pip, "--ignore-installed", wheel, cwd=home)
    return home


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command and hand back what it prints; what it says on stderr is passed on."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([*map(str, command)], cwd=cwd, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    main()
