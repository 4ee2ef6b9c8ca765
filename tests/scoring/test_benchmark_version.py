"""The version of the benchmark is raised whenever a number could change: an invented world, and what states it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from fake_embeddings import fake_world, vectors, write_embeddings
from salmubench.core import writing
from salmubench.core.errors import RecordError
from salmubench.metrics import ScoreConfig, score
from salmubench.scoring.compare import compare
from salmubench.scoring.record import BENCHMARK_VERSION, RunRecord, record_schema
from salmubench.scoring.record_files import Inputs, is_current, read_record
from salmubench.scoring.references import ENDS
from salmubench.scoring.verdict import THRESHOLDS

pytestmark = pytest.mark.stage

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"
QUICK = ScoreConfig(bootstraps=100)
KNOWN = Path(__file__).with_name("numbers_by_version.json")
"""Version → the numbers of the world below. Other numbers mean a new version, here and in the protocol."""


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    home, world = tmp_path_factory.mktemp("version"), fake_world(identities=18, per=6)
    made = {
        name: write_embeddings(
            home / "embeddings" / name, world, vectors(world, seed=seed, strength=seed / 2),
            kind=name if name in ("clean", "compromised") else None,
        )
        for seed, name in enumerate(("clean", "half-5x", "compromised"))
    }  # fmt: skip
    references = {name: made[name] for name in ("clean", "compromised")}
    return {
        name: score(embeddings=folder, **references, out=home / "records" / f"{name}.json", config=QUICK)
        for name, folder in made.items()
    }


def numbers(record: RunRecord) -> dict[str, list[float | None]]:
    """Value, view and interval of each score, and where the failure modes begin."""
    found = {
        f"{metric} {part}": [one.value, one.normalised.value, *(one.ci95 or (None, None))]
        for metric, parts in record.scores.items()
        for part, one in parts.items()
        if metric != "ACS"  # a fit, whose last digits are the library's
    }
    return found | {"thresholds": list(writing.plain(THRESHOLDS).values())}


def test_numbers_of_a_version_stay(records: dict[str, Path]) -> None:
    found, known = numbers(read_record(records["half-5x"])), json.loads(KNOWN.read_text())[str(BENCHMARK_VERSION)]
    assert found.keys() == known.keys()
    for name, values in known.items():
        assert found[name] == pytest.approx(values, abs=1e-5), f"{name}: raise BENCHMARK_VERSION, and tell why"


def test_each_version_is_told(records: dict[str, Path]) -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## Version of the benchmark")[2].partition("\n## ")[0]
    told = [int(number) for number in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)]
    assert told == [int(name) for name in json.loads(KNOWN.read_text())] == list(range(1, BENCHMARK_VERSION + 1))
    assert {read_record(path).benchmark_version for path in records.values()} == {BENCHMARK_VERSION}
    assert "benchmark_version" in record_schema()["properties"]


def test_other_versions_are_made_again_and_not_compared(records: dict[str, Path], tmp_path: Path) -> None:
    path = records["half-5x"]
    folder = path.parents[1] / "embeddings"
    inputs = Inputs(folder / "half-5x", {kind: folder / kind for kind in ENDS})
    assert is_current(path, inputs, QUICK)
    whole, record = path.read_bytes(), read_record(path)
    for version in (None, BENCHMARK_VERSION + 1):
        writing.write_json(path, replace(record, benchmark_version=version))
        assert not is_current(path, inputs, QUICK)
        if version is None:
            compare(path, records["compromised"], bootstraps=20)  # older records state none
        else:
            with pytest.raises(RecordError, match=f"one version of the benchmark, got {BENCHMARK_VERSION + 1} in"):
                compare(path, records["compromised"], bootstraps=20)
    path.write_bytes(whole)
