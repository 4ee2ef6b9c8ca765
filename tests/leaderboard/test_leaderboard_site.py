"""The leaderboard: order, front, feeds, pages, what is left out, building again."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from report_world import METRICS
from salmubench.core.errors import RecordError
from salmubench.leaderboard import build as leaderboard
from salmubench.leaderboard.board import pareto
from salmubench.leaderboard.build import build
from salmubench.leaderboard.check import check
from salmubench.leaderboard.submission import submit
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.ranking import distances, far_out, moved_by, ranked
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import read_items, read_record
from salmubench.unlearn.registry import method_titles
from submission_world import OTHER_BUDGETS, edit_items, edit_json, mend, rescored, write_submittable_run

pytestmark = pytest.mark.stage

MODELS = ("cliperase-1x", "cliperase-2x", "cliperase-5x", "delete-5x", "finetuning-5x", "negative_gradient-5x")
EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>&\"' [x](https://evil.example) =1+1"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of submissions; read only."""
    run = write_submittable_run(
        tmp_path_factory.mktemp("board") / "run", names=(*MODELS, "my_method-5x", *OTHER_BUDGETS)
    )
    folder = run.parent / "results"
    for model in MODELS:
        submit(run, model=model, out=folder / model)
    submit(run, model="my_method-5x", out=folder / "mine", link="https://example.org/x?y=1", author=EVIL[:120],
           hub_id="org/model", track="generator")  # fmt: skip
    (folder / "README.md").write_text("no submission")
    return folder


@pytest.fixture(scope="module")
def site(results: Path) -> Path:
    out = results.parent / "site"
    built = build(results, out=out, metrics=METRICS, titles=method_titles())
    assert dict(built.refused) == {}
    assert built.shown == len(MODELS) + 1
    return out


def boards(site: Path) -> list[dict]:
    found: list[dict] = json.loads((site / "leaderboard.json").read_text())["boards"]
    return found


def test_tracks_are_apart(site: Path) -> None:
    assert [(board["track"], len(board["submissions"])) for board in boards(site)] == [("closed", 6), ("generator", 1)]
    assert {board["scale"] for board in boards(site)} == {"tiny"}


def test_order_is_by_failure_modes_then_distance(site: Path) -> None:
    rows = boards(site)[0]["submissions"]
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    told = [[row["verdict"][mode.name] for mode in MODES] for row in rows]
    keys = [
        (modes.count("yes"), modes.count("undecided"), row["distance"]) for modes, row in zip(told, rows, strict=True)
    ]
    assert keys == sorted(keys)
    assert len({row["distance"] for row in rows}) > 3


def test_ranks_stand_in_tie_groups(site: Path, results: Path) -> None:
    """Each group is one of ranks that follow each other, and the page shows it beside the rank."""
    rows = boards(site)[0]["submissions"]
    for row in rows:
        assert row["tied_from"] <= row["rank"] <= row["tied_to"]
        same = [other["rank"] for other in rows if other["tied_from"] == row["tied_from"]]
        assert same == list(range(row["tied_from"], row["tied_to"] + 1))
    page = (site / "index.html").read_text()
    for row in rows:
        if row["tied_from"] < row["tied_to"]:
            assert f"tie {row['tied_from']}–{row['tied_to']}" in page
    names = {row["submission"]: read_record(results / row["submission"] / "record.json") for row in rows}
    tables = {name: read_items(results / name / "record.json") for name in names}
    found = ranked(names, {name: moved_by(names[name], tables[name]) for name in names})
    assert [name for group in found for name in group] == [row["submission"] for row in rows]
    # The same model made twice, but for who won a coin's toss here and there, isn't told from itself; another one is.
    first = rows[0]["submission"]
    twin = {**names, "twin": names[first]}
    moved = {name: moved_by(record, tables[first if name == "twin" else name]) for name, record in twin.items()}
    (group,) = [group for group in ranked(twin, moved) if first in group]
    assert "twin" in group


def slow_distance(record: RunRecord, rows: list[dict], weights: dict[str, float]) -> float:
    """Sum of a model's distances from the goal with each person, or class, counted so often."""
    total = 0.0
    for held, goal in zip(far_out(record), (0.0, 0.0, 1.0, 0.0), strict=True):
        assert held is not None
        metric = METRICS[held.metric]
        zero = held.score.normalised.against or "clean"
        top = bottom = 0.0
        for row in (row for row in rows if row["metric"] == held.metric):
            if held.part.endswith(("_identity", "_association")) and not row["split"].endswith(
                held.part.split("_")[-1]
            ):
                continue
            if metric.items == "fact_mean" and not held.part.startswith(row["part"]):
                continue
            weight = weights[row["caption" if metric.resample == "class" else "cluster"]]
            value, one, none = (
                1 / row[name] if metric.items in ("rank", "fact_rank") else row[name]
                for name in ("value", "compromised", zero)
            )
            top += weight * (one - value if metric.view == "drop" else value - none)
            bottom += weight * (one if metric.view == "drop" else one - none)
        total += abs(top / bottom - goal)
    return total


def test_the_error_of_a_distance_is_that_of_resampled_people(results: Path) -> None:
    """What each person moves, to first order, against a slow bootstrap of the difference between two models."""
    paths = [results / name / "record.json" for name in ("cliperase-5x", "finetuning-5x")]
    records, tables = [read_record(path) for path in paths], [read_items(path) for path in paths]
    moved = [moved_by(record, table) for record, table in zip(records, tables, strict=True)]
    for one in moved:
        assert sum(one.values()) == pytest.approx(0, abs=1e-9)
    rows = [table.to_pylist() for table in tables]
    for record, each in zip(records, rows, strict=True):
        known = sum(one for one in distances(record) if one is not None)
        assert slow_distance(record, each, dict.fromkeys(moved[0], 1.0)) == pytest.approx(known)
    rng, names = np.random.default_rng(0), list(moved[0])
    drawn = []
    for _ in range(150):
        weights = dict(zip(names, rng.poisson(1.0, len(names)).astype(float) + 1e-9, strict=True))
        drawn.append(slow_distance(records[0], rows[0], weights) - slow_distance(records[1], rows[1], weights))
    error = np.sqrt(sum((moved[0][name] - moved[1][name]) ** 2 for name in names))
    assert error == pytest.approx(np.std(drawn), rel=0.35)


def test_distance_by_hand(site: Path) -> None:
    for row in boards(site)[0]["submissions"]:
        kept = max(abs(1 - row["kept_other_people"]), abs(1 - row["kept_same_people"]))
        known = abs(row["leakage_left"]) + abs(row["fact_left"]) + abs(row["utility_drop"])
        assert row["distance"] >= known + kept - 1e-9  # K of facts, which the feed lacks, may be further from 1


class _Stub:
    def __init__(self, name: str, *distances: float | None) -> None:
        self.name, self.distances = name, distances


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ({"a": (0, 0, 0), "b": (1, 1, 1)}, "a"),
        ({"a": (0, 2, 0), "b": (1, 1, 0), "c": (2, 0, 0), "d": (2, 1, 0)}, "abc"),
        ({"a": (1, 1, 1), "b": (1, 1, 1)}, "ab"),
        ({"a": (1, 1, None), "b": (2, 2, None), "c": (2, 2, 0)}, "ac"),
        ({"a": (None, None, None)}, ""),
    ],
)
def test_front(points: dict[str, tuple[float | None, ...]], front: str) -> None:
    entries = [_Stub(name, *values) for name, values in points.items()]
    assert pareto(entries) == set(front)  # type: ignore[arg-type]


def test_a_page_for_each_submission_and_method_and_links_lead_somewhere(site: Path) -> None:
    assert {path.stem for path in (site / "submissions").iterdir()} == {*MODELS, "mine"}
    assert {path.stem for path in (site / "methods").iterdir()} == {
        "cliperase", "delete", "finetuning", "negative_gradient", "my_method",
    }  # fmt: skip
    for page in site.rglob("*.html"):
        for target in _Links(page.read_text(encoding="utf-8")).local:
            assert (page.parent / target).is_file(), (page, target)
    history = (site / "submissions" / "cliperase-5x.html").read_text()
    assert 'href="cliperase-1x.html"' in history
    assert "cliperase-2x" in (site / "methods" / "cliperase.html").read_text()


class _Links(HTMLParser):
    def __init__(self, content: str) -> None:
        super().__init__()
        self.local: list[str] = []
        self.tags: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        assert not any(key.startswith("on") for key in given), given
        target = given.get("href") or ""
        if target.startswith("https://"):
            assert "noopener" in (given.get("rel") or "")
        elif not target.startswith(("data:", "#")) and target:
            self.local.append(target.partition("#")[0])


def test_names_of_strangers_are_text(site: Path) -> None:
    for page in ("index.html", "submissions/mine.html", "methods/my_method.html"):
        content = (site / page).read_text(encoding="utf-8")
        assert "<script>alert" not in content
        assert "<img src=x" not in content
        assert _Links(content).tags.count("script") == 1
        assert "&lt;script&gt;alert(1)" in content
        assert "default-src &#39;none&#39;" in content or "default-src 'none'" in content


def test_csv_has_no_formulas(results: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(results / "mine", tmp_path / "results" / "mine")
    edit_json(copy / "submission.json", lambda info: info.update(author="=HYPERLINK(1)"))
    build(tmp_path / "results", out=tmp_path / "site", metrics=METRICS)
    (row,) = csv.DictReader((tmp_path / "site" / "leaderboard.csv").read_text().splitlines())
    assert row["author"] == "'=HYPERLINK(1)"
    assert float(row["distance"]) > 0


def test_findings_duplicates_archives_and_links_are_left_out(results: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(results, tmp_path / "results")
    shutil.copytree(folder / "delete-5x", folder / "zz-copy")
    edit_json(
        folder / "finetuning-5x" / "record.json", lambda record: record["scores"]["RetFail"]["mrr"].update(value=0)
    )
    mend(folder / "finetuning-5x")
    (folder / "bomb.zip").write_bytes(b"PK")
    (folder / "link").symlink_to(folder / "delete-5x")
    (folder / "a b<i>").mkdir()
    built = build(folder, out=tmp_path / "site", metrics=METRICS)
    found = {name: {finding.code for finding in findings} for name, findings in built.refused.items()}
    assert found == {
        "zz-copy": {"duplicate"}, "finetuning-5x": {"scores"}, "bomb.zip": {"files"}, "link": {"files"},
    }  # fmt: skip
    assert built.passed_over == ["a b<i>"]  # it claims nothing
    assert built.shown == len(MODELS)
    index = (tmp_path / "site" / "index.html").read_text()
    assert "zz-copy" in index
    assert "a b<i>" not in index
    assert not (tmp_path / "site" / "submissions" / "finetuning-5x.html").exists()


def test_another_gallery_than_the_others_is_left_out(results: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    folder = shutil.copytree(results, tmp_path / "results")
    path = folder / "delete-5x" / "record.items.parquet"
    table = pq.read_table(path)
    order = list(range(table.num_rows))
    order[0], order[1] = order[1], order[0]
    for role in ("record", "clean", "compromised"):
        side = folder / "delete-5x" / f"{role}.items.parquet"
        pq.write_table(pq.read_table(side).take(order), side)
    mend(folder / "delete-5x")
    built = build(folder, out=tmp_path / "site", metrics=METRICS)
    assert {name: {item.code for item in findings} for name, findings in built.refused.items()} == {
        "delete-5x": {"gallery"}
    }


def test_reference_that_scores_otherwise_than_elsewhere_is_left_out(results: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(results, tmp_path / "results")
    spoilt = folder / "delete-5x"  # Compromised made weaker, in all places, so that everything agrees in itself
    edit_items(spoilt / "compromised.items.parquet", "IntraIdSim", lambda values: values - 0.2)
    edit_items(spoilt / "record.items.parquet", "IntraIdSim", lambda values: values - 0.2, column="compromised")
    for role in ("record", "compromised"):
        rescored(spoilt, role)
    assert list(check(spoilt, metrics=METRICS).findings) == []
    built = build(folder, out=tmp_path / "site", metrics=METRICS)
    assert {name: {item.code for item in found} for name, found in built.refused.items()} == {
        "delete-5x": {"references"}
    }


def test_building_again_checks_only_what_changed(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = shutil.copytree(results, tmp_path / "results"), tmp_path / "site"
    build(folder, out=out, metrics=METRICS)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    checked: list[str] = []
    original = leaderboard.check
    monkeypatch.setattr(
        leaderboard, "check", lambda path, **rest: (checked.append(path.name), original(path, **rest))[1]
    )
    build(folder, out=out, metrics=METRICS)
    assert checked == []
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    edit_json(folder / "delete-5x" / "submission.json", lambda info: info.update(author="Somebody else"))
    shutil.rmtree(folder / "mine")
    build(folder, out=out, metrics=METRICS)
    assert checked == ["delete-5x"]
    assert "Somebody else" in (out / "index.html").read_text()
    assert not (out / "submissions" / "mine.html").exists()
    assert not (out / "receipts" / "mine.json").exists()
    build(folder, out=out, metrics=METRICS, max_budget=4)  # receipts of another limit don't count
    assert len(checked) > 5


def test_many_are_checked_by_several_processes_with_the_same_result(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(results, out=tmp_path / "one", metrics=METRICS)
    monkeypatch.setattr(leaderboard, "_FEW", 2)
    build(results, out=tmp_path / "two", metrics=METRICS)
    for name in ("index.html", "leaderboard.json", "leaderboard.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_empty_and_missing(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="folder of submissions"):
        build(tmp_path / "absent", out=tmp_path / "site", metrics=METRICS)
    (tmp_path / "none").mkdir()
    assert build(tmp_path / "none", out=tmp_path / "site", metrics=METRICS).shown == 0
    assert "No submission yet" in (tmp_path / "site" / "index.html").read_text()


def test_model_without_a_number_comes_after_those_with_all(results: Path) -> None:
    record = read_record(results / "delete-5x" / "record.json")
    parts = {part: replace(score, normalised=replace(score.normalised, value=None, ci95=None))
             for part, score in record.scores["RetFail"].items()}  # fmt: skip
    lacking = replace(record, scores={**record.scores, "RetFail": parts})
    assert distances(lacking)[0] is None
    assert ranked({"a": lacking, "b": record}, {}) == [["b", "a"]]  # nothing tells them apart
