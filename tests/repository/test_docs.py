"""README and docs: numbers are those of the committed results, commands run."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from own_people import own_people
from salmubench.core import manifest
from salmubench.scoring.record_files import read_record
from salmubench.scoring.references import KINDS
from salmubench.workflow.evaluation import OFFICIAL_DATASET, OFFICIAL_MODELS
from tiny_run import copy_models

pytestmark = pytest.mark.stage

ROOT = Path(__file__).parents[2]


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


def commands(page: str) -> list[str]:
    """The shell blocks of a page."""
    return re.findall(r"```bash\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)


def every_command(page: str) -> str:
    """Those of its shell blocks and those that are set in, but `make` and what pip installs."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```bash\n([\s\S]*?)```|(?<=\n\n)((?: {4}\S.*\n(?: {6}.*\n)*)+)", text)
    script = "".join(fenced or re.sub("^ {4}", "", set_in, flags=re.M) for fenced, set_in in blocks)
    return re.sub(r"^make .*|^pip install [^&\n]*(?:&& )?", "", script, flags=re.M)


@pytest.mark.night
@pytest.mark.long(30)
def test_a_method_goes_from_one_file_to_a_submission_about_the_official_release(tiny_run, tmp_path):
    """The protocol's commands, with dataset and models of the recipe tiny in place of the official ones."""
    (script,) = commands("docs/protocol.md")
    ours = {kind: tiny_run / "checkpoints" / kind for kind in OFFICIAL_MODELS}
    copies = " ".join(f"--{kind} {folder}" for kind, folder in ours.items())
    replaced = {
        "verify-official": f"verify-official --dataset {OFFICIAL_DATASET} {copies}",
        OFFICIAL_DATASET: str(tiny_run / "dataset"),
        OFFICIAL_MODELS["compromised"]: str(ours["compromised"]),
        "--imagenet ~/imagenet": "",
        "--recipe paper": "--recipe tiny",
    }
    for official, here in replaced.items():
        assert official in script
        script = script.replace(official, here)
    (tmp_path / "mine.py").write_text((ROOT / "examples" / "my_method.py").read_text(encoding="utf-8"))
    verified, *others = re.split(r"\n(?=salmubench)", script)
    assert in_a_shell(verified, tmp_path).returncode == 1, "the numbers are not the published ones"
    done = in_a_shell("\n".join(["set -e", *others, "salmubench leaderboard check mine"]), tmp_path)
    assert done.returncode == 0, done.stderr
    record = read_record(tmp_path / "mine" / "record.json")
    assert record.model.method_sha256 == manifest.sha256_file(tmp_path / "mine.py")


def in_a_shell(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run commands in a folder, with the command `salmubench` of this environment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )


@pytest.mark.night
@pytest.mark.long(120)
def test_each_command_of_readme_quick_start_and_notebook(tiny_run, tmp_path):
    """As they stand, on the demo's folders with tiny in place of mini, but for values told apart: few, as in mini."""
    makefile = (ROOT / "Makefile").read_text()
    demo = next(line.strip() for line in makefile.splitlines() if "salmubench run" in line).replace("$(BIN)/", "")
    (look,) = [block for block in commands("docs/add_a_method.md") if "--limit" in block]
    walked = [demo, *map(every_command, ("README.md", "docs/quick_start.md")), look]
    outs = iter(range(10))
    script = re.sub(r"record\.json", lambda _: f"record-{next(outs)}.json", "\n".join(["set -e", *walked]))
    for name, kind in (("mini", KINDS), ("tiny", KINDS)):
        copy_models(tiny_run, tmp_path / "runs" / name, kind)
    (tmp_path / "demo.yaml").write_text("extends: tiny\nscore: {fact_values: 6}\n")
    built = tmp_path / "runs" / "mini" / "dataset" / manifest.MANIFEST
    told = json.loads(built.read_text(encoding="utf-8"))
    told["outputs"]["scoring"]["fact_values"] = 6
    built.write_text(json.dumps(told), encoding="utf-8")
    own_people(tmp_path)
    for name, kind in (("model_before", "compromised"), ("model_after", "retrained")):
        (tmp_path / name).symlink_to(tiny_run / "checkpoints" / kind)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "my_checkpoint").symlink_to(tmp_path / "runs" / "mini" / "checkpoints" / "cliperase-5x")
    page = (ROOT / "docs" / "add_a_method.md").read_text(encoding="utf-8")
    (method,) = re.findall(r'```python title="margin.py"\n(.*?)```', page, re.DOTALL)
    (tmp_path / "margin.py").write_text(method, encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "quick_start.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "code.py").write_text(code, encoding="utf-8")
    done = in_a_shell(script.replace("--recipe mini", "--recipe demo.yaml") + "\npython code.py", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "my_method" in done.stdout
    run = tmp_path / "runs" / "mini"
    theirs = read_record(run / "records" / "cliperase-5x.json")
    assert next(outs) == 2, "one record by the models, one by the records of the references"
    assert theirs.protocol.fact_values == 6
    for number in range(2):
        ours = read_record(tmp_path / f"record-{number}.json")
        assert (ours.scores, ours.verdict, ours.protocol) == (theirs.scores, theirs.verdict, theirs.protocol)
    rows = [line.split()[:2] for line in done.stdout.splitlines()]
    assert sum(row[:1] == ["Retrained"] for row in rows) > 4, "Retrained stands in every table of numbers and costs"
    quick, whole = (read_record(folder / "records" / "margin-5x.json") for folder in (run / "limit-100", run))
    assert (quick.dataset.limit, whole.dataset.limit) == (100, None)
    assert whole.model.method_sha256 == manifest.sha256_file(tmp_path / "margin.py")
    latex = (tmp_path / "table.tex").read_text(encoding="utf-8")
    assert all(name in latex for name in ("toprule", "Clean", "my\\_method"))
    assert (tmp_path / "deletion.html").is_file()
    book = nbformat.read(ROOT / "examples" / "tour.ipynb", as_version=4)
    NotebookClient(book, timeout=120, resources={"metadata": {"path": str(tmp_path / "examples")}}).execute()
