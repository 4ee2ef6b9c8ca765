"""What is handed out: the wheel, the container image, the citation."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.stage

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.night
def test_wheel_installs_and_runs():
    """Without dependencies and without a run; `make check-wheel` does the whole."""
    program = [sys.executable, str(ROOT / "scripts" / "check_wheel.py"), "--fast"]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "mini paper small tiny" in done.stdout
    assert done.stdout.count("PASSED") == 2  # wheel and source archive, as twine sees them
    assert "captions/grammar" in done.stdout


def test_wheel_holds_every_file_of_the_package(tmp_path):
    import zipfile

    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    package = ROOT / "src" / "salmubench"
    files = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    expected = {str(path.relative_to(ROOT / "src")) for path in files if path.suffix != ".tmp"}
    with zipfile.ZipFile(wheel) as archive:
        assert expected <= set(archive.namelist())


def test_readme_of_the_registry_leads_nowhere_relative():
    import hatch_build

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = hatch_build.for_registry(text, None)
    assert not re.findall(r"\]\((?!https?:)", shown)
    assert "![" not in shown
    assert "pip install salmubench" in shown
    assert "The protocol" in shown
    linked = hatch_build.for_registry(text, "https://code.example/it")
    assert "[The protocol](https://code.example/it/blob/main/docs/protocol.md)" in linked


def instructions() -> list[tuple[str, str]]:
    """Instruction and rest of each line of the Dockerfile, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [(line.split()[0], line.partition(" ")[2]) for line in text.splitlines() if line and line[0] != "#"]


def copied() -> set[str]:
    """What the image is built from."""
    return {word for name, rest in instructions() if name == "COPY" for word in rest.split()[:-1]}


def test_image_is_built_by_make_install():
    steps = [rest for name, rest in instructions() if name == "RUN"]
    assert "make install" in steps
    before = next(at for at, (name, rest) in enumerate(instructions()) if rest == "make install")
    assert all(at < before for at, (name, _) in enumerate(instructions()) if name == "COPY")
    assert not [step for step in steps if "pip" in step]  # nothing is installed beside it
    target = re.search(r"^\$\(VENV\)/\.installed: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"Makefile", *target[1].split()} <= copied()
    project = PROJECT["project"]
    packages = {path.split("/")[0] for path in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
    assert {"README.md", "hatch_build.py", *project["license-files"], *packages} <= copied()
    assert {"scripts/recreate.py", "results/mini"} <= copied()  # a committed record is made again there
    minimum = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert dict(instructions())["FROM"].startswith(f"python:{minimum}-")


def test_dockerignore_lets_through_what_is_copied():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line[0] == "!"} == {path.removeprefix("./") for path in copied()}


def test_image_is_good_practice():
    linter = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if linter is None:
        pytest.skip("hadolint has no wheel for this machine")
    done = subprocess.run([linter, str(ROOT / "Dockerfile")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert not done.stdout


def test_citation_is_valid_and_current():
    file = ROOT / "CITATION.cff"
    program = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.citation-file-format", str(file)]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    citation = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert (citation["version"], citation["license"]) == (PROJECT["project"]["version"], PROJECT["project"]["license"])
    assert citation["preferred-citation"]["url"] == PROJECT["project"]["urls"]["Paper"]
