"""README and docs: numbers are those of the committed results, commands run."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from short_recipe import write_short_recipe

ROOT = Path(__file__).parents[1]


def load_script():
    spec = importlib.util.spec_from_file_location("update_docs", ROOT / "scripts" / "update_docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_numbers_are_those_of_the_results():
    assert load_script().main(["--check"]) == 0


def test_every_block_is_used_and_known():
    script = load_script()
    used = {name for page in script.PAGES for name in re.findall(r"<!-- begin:([\w-]+) -->", page.read_text())}
    assert used == set(script.BLOCKS)


def test_links_lead_somewhere():
    """Those of the pages in docs/ are checked where the site is built."""
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def shell_commands() -> str:
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return "\n".join(blocks)


@pytest.mark.slow
def test_commands_of_the_readme_run_at_tiny(tmp_path):
    """As they stand, with a short recipe in place of mini, after the run that `make demo` does."""
    makefile = (ROOT / "Makefile").read_text()
    demo = next(line.strip() for line in makefile.splitlines() if "salmubench run" in line).replace("$(BIN)/", "")
    script = f"set -e\n{demo} --methods cliperase\n{shell_commands()}\ntest -s record.json\n"
    script = script.replace("--recipe mini", f"--recipe {write_short_recipe(tmp_path / 'short.yaml').name}")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "my_method" in done.stdout
