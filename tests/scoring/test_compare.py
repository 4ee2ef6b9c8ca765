"""Comparison of records: which model is nearer to where it should be."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fake_embeddings import fake_world, vectors, write_embeddings
from salmubench.cli.main import main
from salmubench.metrics import ScoreConfig, score, score_again
from salmubench.scoring.compare import (
    Comparison,
    Difference,
    _with_holm,
    asked,
    compare,
    compare_with_each,
)
from salmubench.scoring.record_files import gallery_path, items_path, read_items, read_record

WORLD = fake_world(identities=30)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Records of models that lie between the references, beyond Clean, and beyond Compromised."""
    root = tmp_path_factory.mktemp("compare")
    strengths = {"clean": 0.3, "compromised": 1.0, "leaky-5x": 0.7, "good-5x": 0.32, "over-5x": -0.6, "beyond-5x": 2.0}
    folders = {}
    for name, strength in strengths.items():
        made = vectors(WORLD, seed=3, strength=strength)
        folders[name] = write_embeddings(
            root / "e" / name, WORLD, made, change=lambda outputs, name=name: outputs["model"].update(sha256=name)
        )

    def record(name: str) -> Path:
        return score(
            embeddings=folders[name], clean=folders["clean"], compromised=folders["compromised"],
            out=root / "records" / f"{name}.json", config=ScoreConfig(bootstraps=200),
        )  # fmt: skip

    return record


def answers(found: Comparison, *names: str) -> list[str]:
    return [found.differences[name]["value"].answer for name in names]


def test_nearer_to_clean_is_better_on_either_side(record: Callable[[str], Path]) -> None:
    good, leaky, over = (record(name) for name in ("good-5x", "leaky-5x", "over-5x"))
    assert answers(compare(good, leaky, bootstraps=300), "AssocStr", "CoreAssoc") == ["better", "better"]
    assert answers(compare(leaky, good, bootstraps=300), "AssocStr", "CoreAssoc") == ["worse", "worse"]
    assert answers(compare(good, over, bootstraps=300), "AssocStr") == ["better"]  # though its number is larger
    assert answers(compare(good, good, bootstraps=300), "AssocStr", "InterIdSim") == ["can't tell", "can't tell"]


def test_utility_above_compromised_is_no_harm(record: Callable[[str], Path]) -> None:
    beyond, leaky = record("beyond-5x"), record("leaky-5x")
    found = compare(beyond, leaky, bootstraps=300)
    assert answers(found, "InterIdSim", "IntraIdSim") == ["better", "better"]
    own = compare(beyond, record("compromised"), bootstraps=300)
    assert answers(own, "InterIdSim", "IntraIdSim") == ["can't tell", "can't tell"]
    assert own.differences["InterIdSim"]["value"].difference > 0.1  # type: ignore[operator]


def test_the_gap_against_a_slow_version(record: Callable[[str], Path]) -> None:
    """Distances to Clean of resampled identities, one draw at a time."""
    good, leaky = record("good-5x"), record("leaky-5x")
    row = compare(good, leaky, bootstraps=2000).differences["AssocStr"]["value"]
    one, two = (read_items(path).to_pandas().query("metric == 'AssocStr'") for path in (good, leaky))
    rng, clusters = np.random.default_rng(5), one.cluster.unique()
    places = [np.flatnonzero((one.cluster == cluster).to_numpy()) for cluster in clusters]
    gaps = []
    for _ in range(2000):
        rows = np.concatenate([places[number] for number in rng.integers(0, len(places), len(places))])
        a, b, clean = (column.to_numpy()[rows].mean() for column in (one.value, two.value, one.clean))
        gaps.append(abs(a - clean) - abs(b - clean))
    assert row.gap_ci95 == pytest.approx(tuple(np.quantile(gaps, [0.025, 0.975])), abs=0.02)


def test_references_against_each_other(record: Callable[[str], Path]) -> None:
    """Their own records hold no reference values, yet each is its own."""
    found = compare(record("clean"), record("compromised"), bootstraps=300)
    assert answers(found, "AssocStr") == ["better"]
    assert answers(found, "InterIdSim") == ["worse"]


def test_facts_are_measured_from_retrained_wherever_items_have_it(tmp_path: Path) -> None:
    """A record made of items alone names no references; what its items hold decides, as it does for its scores."""
    strengths = {"clean": 0.0, "compromised": 1.0, "retrained": 0.8, "near-5x": 0.7, "far-5x": 0.05}
    folders = {
        name: write_embeddings(tmp_path / "e" / name, WORLD, vectors(WORLD, seed=3, strength=strength))
        for name, strength in strengths.items()
    }
    references = {name: folders[name] for name in ("clean", "compromised", "retrained")}
    config = ScoreConfig(bootstraps=200)
    paths = [
        score(embeddings=folders[name], **references, out=tmp_path / "records" / f"{name}.json", config=config)
        for name in ("near-5x", "far-5x")
    ]
    alone = []
    for path in paths:
        items = tmp_path / "alone" / items_path(path).name
        items.parent.mkdir(exist_ok=True)
        shutil.copy(items_path(path), items)
        alone.append(score_again(items, out=tmp_path / "new" / path.name, gallery=gallery_path(path), config=config))
    assert read_record(alone[0]).references == {}
    assert read_record(alone[0]).scores["FactRet"]["mrr"].goal == "retrained"
    known, found = (compare(*both, bootstraps=300).differences for both in (paths, alone))
    assert known["FactRet"]["mrr"].answer == "better"
    assert known["AssocStr"]["value"].answer == "worse"  # Clean is nearer to the one that knows little
    assert found == known


def test_holms_correction() -> None:
    """Against the textbook: sorted p against α/m, α/(m − 1) …, up to the first that fails."""

    def row(p: float | None) -> Difference:
        return Difference(0.0, 0.0, 0.0, None, 5, None, answer="better" if p is not None else "can't tell", p=p)

    made = [Comparison("a", "b", {"M": {"x": row(0.001), "y": row(0.03)}}),
            Comparison("a", "c", {"M": {"x": row(0.012), "y": row(None)}})]  # fmt: skip
    found = _with_holm(made)
    assert asked(found) == 3
    assert [one.differences["M"][part].certain for one in found for part in "xy"] == [True, True, True, False]
    made[0] = Comparison("a", "b", {"M": {"x": row(0.001), "y": row(0.06)}})
    assert [one.differences["M"][part].certain for one in _with_holm(made) for part in "xy"] == [
        True,
        False,
        True,
        False,
    ]
    made[1] = Comparison("a", "c", {"M": {"x": row(0.026), "y": row(None)}})
    assert [one.differences["M"][part].certain for one in _with_holm(made) for part in "xy"] == [True] + [False] * 3


def test_more_comparisons_make_answers_less_certain(record: Callable[[str], Path]) -> None:
    good, leaky, over = (record(name) for name in ("good-5x", "leaky-5x", "over-5x"))
    alone = compare_with_each(good, [leaky])[0]
    among = compare_with_each(good, [leaky, over, leaky, over])[0]
    for metric, parts in alone.differences.items():
        for part, row in parts.items():
            other = among.differences[metric][part]
            assert (row.answer, row.p, row.ci95) == (other.answer, other.p, other.ci95)
            assert row.certain >= other.certain


def test_command(record: Callable[[str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(record(name)) for name in ("good-5x", "leaky-5x", "over-5x")]
    assert main(["compare", *paths]) == 0
    out = capsys.readouterr().out
    assert "A = good-5x, B = leaky-5x" in out
    assert "A = good-5x, B = over-5x" in out
    line = next(line for line in out.splitlines() if line.startswith("AssocStr"))
    assert line.endswith(("better", "better *"))
    assert re.search(r"\n\d+ numbers are compared at 95 % each: about \d+\.\d answers are expected by chance", out)
    assert main(["compare", paths[0]]) == 2
