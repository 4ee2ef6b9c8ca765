"""Plug-ins that the package has never heard of go through all that lists, shows, runs and checks plug-ins."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from report_world import METRICS
from salmubench import metrics
from salmubench.cli.main import main
from salmubench.dataset.layout import open_dataset
from salmubench.encode import encode
from salmubench.leaderboard.build import build
from salmubench.leaderboard.check import check
from salmubench.leaderboard.submission import submit
from salmubench.official.import_results import import_official
from salmubench.official.result_file import export_official
from salmubench.report.config import ReportConfig
from salmubench.report.page import report
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.record_files import read_record
from submission_world import config_of, edit_json, made_with, mend
from tiny_model import tiny_model

pytestmark = pytest.mark.stage

EXAMPLE = Path(__file__).parents[2] / "examples" / "my_method.py"
FAKES = Path(__file__).parents[1] / "support" / "fakes"
SRC = Path(__file__).parents[2] / "src" / "salmubench"
SOURCE = '''"""Pallor (a stranger's): similarity of generic captions. Source: nobody."""

from salmubench.metrics import EvalInputs, Metric, Outcome, outcome

METRIC = Metric(
    name="Pallor", pillar="utility", goal="compromised", title="a stranger's number",
    definition={"value": "What a stranger means by it."}, split="retain_synth", range=(-1.0, 1.0), view="kept",
    panel=("Pallor", "nobody knows"), role=None,
)


def score(inputs: EvalInputs) -> Outcome:
    rows = inputs.needed("retain_synth")
    return outcome(rows.items(inputs.similarity(rows)))
'''


CHECK = '''"""Lets every picture of a stranger pass."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Options."""


class Check:
    def see(self, images, facts):
        return list(images)

    def faults(self, seen, groups):
        return {}


def connect(config):
    return Check()
'''
BACKEND = """
from salmubench.generator.backends import Backend

BACKEND = Backend("A stranger's gradients.", card="Nobody but gradients.")
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another package declares the metric by an entry point."""
    site = tmp_path / "site"
    info = site / "stranger-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "stranger_pallor.py").write_text(SOURCE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[salmubench.metrics]\npallor = stranger_pallor\n")
    monkeypatch.syspath_prepend(str(site))


@pytest.fixture(params=["entry point", "path"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> ScoreConfig:
    if request.param == "entry point":
        request.getfixturevalue("installed")
        return ScoreConfig(bootstraps=200)
    (tmp_path / "pallor.py").write_text(SOURCE)
    return ScoreConfig(bootstraps=200, extra_metrics=(str(tmp_path / "pallor.py"),))


@pytest.fixture
def run(config: ScoreConfig, tiny_folder: Path, tmp_path: Path) -> Path:
    """Records of three models with the metric in them."""
    dataset, folders = open_dataset(tiny_folder), {}
    texts = metrics.required_texts(dataset, config)
    for seed, name in enumerate(("clean", "compromised", "mine-1x")):
        model = tiny_model(tmp_path / "models" / name, seed=seed)
        folders[name] = encode(
            model=model, dataset=dataset, out=tmp_path / "embeddings" / name, texts=texts, precision="fp32"
        )
    for name, folder in folders.items():
        metrics.score(
            embeddings=folder,
            clean=folders["clean"],
            compromised=folders["compromised"],
            out=tmp_path / "run" / "records" / f"{name}.json",
            config=config,
        )
    return tmp_path / "run"


def test_in_records_pages_boards_and_official_files(
    run: Path, config: ScoreConfig, tiny_folder: Path, tmp_path: Path
) -> None:
    record = run / "records" / "mine-1x.json"
    assert read_record(record).scores["Pallor"]["value"].n == len(open_dataset(tiny_folder).rows("retain_synth"))
    page = report([run], out=tmp_path / "page", config=ReportConfig(), metrics=metrics.descriptions(config))
    text = page.read_text(encoding="utf-8")
    assert "What a stranger means by it." in text
    assert "nobody knows" in text
    for known in (metrics.descriptions(config), METRICS):  # the board's machine has the metric, or hasn't
        board = tmp_path / f"board-{len(known)}"
        folder = _submission(run, board / "results" / "mine", open_dataset(tiny_folder).counts["forget"])
        assert [item.message for item in check(folder, metrics=known).findings] == []
        built = build(board / "results", out=board / "site", metrics=known)
        assert (built.shown, dict(built.refused)) == (1, {})
        assert "Pallor" in (board / "site" / "submissions" / "mine.html").read_text(encoding="utf-8")
    known_all = list(metrics.descriptions(config).values())
    dataset = open_dataset(tiny_folder)
    file = export_official(record, tmp_path / "official", metrics=known_all, dataset=dataset)
    again = read_record(import_official(file, dataset=dataset, out=tmp_path / "again.json", metrics=known_all))
    assert "Pallor" not in again.scores
    assert again.scores["AssocStr"]["value"].value == pytest.approx(
        read_record(record).scores["AssocStr"]["value"].value
    )


def _submission(run: Path, out: Path, forget: int) -> Path:
    for path in (run / "records").glob("mine-1x.json"):
        edit_json(path, lambda data: data["model"].update(method="mine", budget=1.0, kind=None))
        edit_json(path, lambda data: data["model"].update(config=config_of(forget)))
        edit_json(path, lambda data: data["cost"].update(steps=1, pairs=forget, pictures=forget, captions=forget))
    folder = submit(made_with(EXAMPLE, run, "mine-1x"), model="mine-1x", out=out, method_file=EXAMPLE)
    mend(folder)
    return folder


@pytest.mark.usefixtures("installed")
def test_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "metrics"]) == 0
    assert "pallor" in capsys.readouterr().out
    assert main(["show", "pallor"]) == 0
    assert "a stranger's" in capsys.readouterr().out


def test_the_file_of_a_metric_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pallor.py").write_text(SOURCE)
    assert main(["show", str(tmp_path / "pallor.py")]) == 0
    assert "a stranger's" in capsys.readouterr().out


@pytest.mark.usefixtures("installed")
def test_in_the_docs() -> None:
    import docs_hooks

    assert "# Pallor" in docs_hooks._metric("pallor")


def test_a_record_that_names_a_module_as_its_metric_ends_no_build(submittable: Path, tmp_path: Path) -> None:
    """`config` was a module beside the metrics; `score_again` and `metric` are modules of scoring."""
    for name in ("config", "acs", "metric", "score_again", "__init__", "os"):
        folder = submit(submittable, model="cliperase-5x", out=tmp_path / "results" / name)

        def rename(data: dict, name: str = name) -> None:  # type: ignore[type-arg]
            data["scores"][name] = data["scores"].pop("FragSim")
            data["protocol"]["metrics"][name] = data["protocol"]["metrics"].pop("FragSim")

        edit_json(folder / "record.json", rename)
        mend(folder)
    good = submit(submittable, model="delete-5x", out=tmp_path / "results" / "good")
    built = build(tmp_path / "results", out=tmp_path / "site", metrics=METRICS)
    assert built.shown == 1
    assert set(built.refused) == {"config", "acs", "metric", "score_again", "__init__", "os"}
    assert good.name not in built.refused


def test_a_submission_cannot_say_what_a_metric_of_the_package_is(submittable: Path, tmp_path: Path) -> None:
    folder = submit(submittable, model="cliperase-5x", out=tmp_path / "results" / "liar")

    def lie(data: dict) -> None:  # type: ignore[type-arg]
        data["protocol"]["metrics"]["InterIdSim"].update(role=None, view=None)

    edit_json(folder / "record.json", lie)
    mend(folder)
    findings = check(folder, metrics=METRICS).findings
    assert [(item.code, "InterIdSim described as it is" in item.message) for item in findings] == [("protocol", True)]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One plug-in of each kind that another package declares, one that its path names; a recipe with all of them."""
    site = tmp_path / "site"
    info = site / "strangers-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strangers\nVersion: 1.0\n")
    method = EXAMPLE.read_text().replace("default=0.1,", "default=-1.0,")  # so that it has a loss: other weights
    contents = {
        "salmubench.metrics": ("pallor", SOURCE), "salmubench.unlearn.methods": ("hinge", method),
        "salmubench.generator.portraits": ("gradients", (FAKES / "portraits.py").read_text() + BACKEND),
        "salmubench.generator.checks": ("lenient", CHECK),
    }  # fmt: skip
    lines = []
    for group, (name, source) in contents.items():
        (site / f"stranger_{name}.py").write_text(source)
        lines.append(f"[{group}]\n{name} = stranger_{name}\n")
    (info / "entry_points.txt").write_text("".join(lines))
    monkeypatch.syspath_prepend(str(site))
    (tmp_path / "mildness.py").write_text(SOURCE.replace("Pallor", "Mildness"))
    (tmp_path / "patient.py").write_text(CHECK)
    content = yaml.safe_load((SRC / "workflow" / "recipes" / "tiny.yaml").read_text())
    content["dataset"] |= {
        "backends": {"portraits": "gradients", "retain_real": str(FAKES / "scenes.py")},
        "curation": {"checks": {"lenient": {}, str(tmp_path / "patient.py"): {}}},
    }
    content["pretrain"] |= {"epochs": 1, "keep_epochs": [], "retrained": False}
    content["score"] |= {"extra_metrics": [str(tmp_path / "mildness.py")]}
    (tmp_path / "strange.yaml").write_text(yaml.safe_dump(content))
    return tmp_path


@pytest.mark.night
@pytest.mark.long(40)
def test_a_run_with_nothing_but_strangers(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, config = world / "out", ScoreConfig(bootstraps=200, extra_metrics=(str(world / "mildness.py"),))
    words = ["run", "--recipe", str(world / "strange.yaml"), "--methods", f"hinge,{EXAMPLE}", "--budgets", "1"]
    assert main([*words, "--out", str(out), "--precision", "fp32"]) == 0, capsys.readouterr().err
    card = (out / "dataset" / "README.md").read_text(encoding="utf-8")
    assert "Nobody but gradients." in card
    assert {"Pallor", "Mildness"} <= read_record(out / "records" / "my_method-1x.json").scores.keys()
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert all(word in page for word in ("Pallor", "Mildness", "hinge", "my_method", "What a stranger means by it."))
    metric_file, check_file = str(world / "mildness.py"), str(world / "patient.py")
    capsys.readouterr()
    for kind, name in (
        ("metrics", "pallor"), ("methods", "hinge"), ("backends", "portraits/gradients"), ("checks", "lenient"),
        ("metrics", metric_file), ("methods", str(EXAMPLE)), ("checks", check_file),
    ):  # fmt: skip
        if not name.endswith(".py"):
            assert main(["list", kind, "--json"]) == 0
            assert name in [item["name"] for item in json.loads(capsys.readouterr().out)]
        assert main(["show", name]) == 0
        assert capsys.readouterr().out
    known, dataset = metrics.descriptions(config), open_dataset(out / "dataset")
    board = world / "board"
    for name in ("hinge", "my_method"):
        file = world / "site" / "stranger_hinge.py" if name == "hinge" else EXAMPLE
        folder = submit(out, model=f"{name}-1x", out=board / "results" / name, method_file=file)
        assert [item.message for item in check(folder, metrics=known).findings] == []
    built = build(board / "results", out=board / "site", metrics=known)
    assert (built.shown, dict(built.refused)) == (2, {})
    file = export_official(
        out / "records" / "hinge-1x.json", world / "official", metrics=list(known.values()), dataset=dataset
    )
    again = import_official(file, dataset=dataset, out=world / "again.json", metrics=list(known.values()))
    assert not {"Pallor", "Mildness"} & read_record(again).scores.keys()


def test_no_built_in_metric_is_named_outside_its_file() -> None:
    names = [metrics.load(name).metric.name for name in metrics.names()]
    pattern = re.compile(r"\b(" + "|".join(map(re.escape, names)) + r")\b")
    found = [
        f"{path.relative_to(SRC)}:{number}: {line.strip()}"
        for path in sorted(SRC.rglob("*"))
        if path.suffix in (".py", ".j2") and path.parent != SRC / "metrics"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line) and ">>>" not in line  # examples name them
    ]
    assert found == []


def test_json_of_the_list_has_one_entry_a_metric(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "metrics", "--json"]) == 0
    listed = [item["name"] for item in json.loads(capsys.readouterr().out)]
    assert listed == [name.lower() for name in metrics.descriptions()]  # in the order of the paper's tables
