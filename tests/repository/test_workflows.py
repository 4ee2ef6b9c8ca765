"""The workflows: valid, actions pinned to a major version, nothing of a pull request in a shell, targets that exist."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = [*sorted((ROOT / ".github" / "workflows").glob("*.yml")), ROOT / "docs" / "leaderboard_workflow.yml"]


def steps(path: Path) -> list[dict]:
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_valid(path):
    pytest.importorskip("check_jsonschema")
    program = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_careful(path):
    text = path.read_text(encoding="utf-8")
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in text
    assert "secrets." not in text
    for step in steps(path):
        assert "${{" not in step.get("run", "")
        assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step.get("uses", "actions/checkout@v4")), step
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False
    for job in yaml.safe_load(text)["jobs"].values():
        assert job["timeout-minutes"]


def test_make_targets_exist():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    night = yaml.safe_load((ROOT / ".github" / "workflows" / "night.yml").read_text(encoding="utf-8"))["jobs"]["night"]
    parts = {name for names in night["strategy"]["matrix"]["parts"] for name in names.split()}
    (whole,) = re.findall(r"^night: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert parts == set(whole.split())
    assert parts <= targets
    commands = {step["run"] for path in FILES for step in steps(path) if step.get("run", "").startswith("make ")}
    assert commands == {"make test", "make $PARTS"}


def test_versions_are_those_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))["jobs"]["versions"]
    matrix = job["strategy"]["matrix"]
    assert matrix["os"] == ["ubuntu-latest", "macos-latest"]
    assert f">={matrix['python'][0]}" == project["requires-python"]
    listed = [line.rpartition(" ")[2] for line in project["classifiers"] if "Python :: 3." in line]
    assert matrix["python"][-1] == listed[-1]


def test_folders_of_tests_exist():
    for step in steps(ROOT / ".github" / "workflows" / "tests.yml"):
        for folder in re.findall(r"(?<!\S)(?:tests|src)/\S+", step.get("run", "")):
            assert (ROOT / folder).is_dir(), folder
