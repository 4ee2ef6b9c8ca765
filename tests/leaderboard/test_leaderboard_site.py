"""The leaderboard: order, front, feeds, pages, what is left out, building again."""

from __future__ import annotations

import csv
import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from report_world import METRICS
from salmubench.core.errors import RecordError
from salmubench.leaderboard import build as leaderboard
from salmubench.leaderboard.board import Entry, pareto
from salmubench.leaderboard.build import build
from salmubench.leaderboard.check import check
from salmubench.leaderboard.submission import submit
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


def test_order_is_passing_first_then_distance(site: Path) -> None:
    rows = boards(site)[0]["submissions"]
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    keys = [(not row["passes"], row["distance"]) for row in rows]
    assert keys == sorted(keys)
    assert len({row["distance"] for row in rows}) > 3


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


def test_entry_without_a_number_comes_after_those_with_all(site: Path) -> None:
    from salmubench.leaderboard.board import _order

    class Stub(Entry):
        passes = False  # type: ignore[assignment]
        distances: tuple[float | None, ...] = (0.0, 0.0, None)  # type: ignore[assignment]

    whole = type("Whole", (Stub,), {"distances": (9.0, 9.0, 9.0)})
    made = [kind("n", *[None] * 5) for kind in (Stub, whole)]  # type: ignore[arg-type]
    assert sorted(made, key=_order) == [made[1], made[0]]
