"""Embeddings that go with a submission: packed, scored again without a model, compared."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fake_embeddings import fake_world, vectors, write_embeddings
from report_world import METRICS
from salmubench.cli.main import main
from salmubench.core import manifest
from salmubench.core.errors import RecordError
from salmubench.leaderboard.build import build
from salmubench.leaderboard.check import check
from salmubench.leaderboard.method_code import built_in_sha256
from salmubench.leaderboard.submission import submit
from salmubench.metrics import ScoreConfig, score
from salmubench.scoring.record import BENCHMARK_VERSION
from salmubench.scoring.record_files import read_record
from submission_world import config_of, edit_items, edit_json, mend, rescored

pytestmark = pytest.mark.stage

MODEL = "delete-5x"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with embeddings, scored; read only."""
    folder, world = tmp_path_factory.mktemp("vectors"), fake_world(identities=18, per=6)

    def describe(outputs: dict[str, Any]) -> None:
        forget = len(world.of("forget"))
        pairs = 5 * forget
        outputs["model"].update(method_sha256=min(built_in_sha256("delete")), method="delete", budget=5.0)
        outputs["model"].update(config=config_of(forget))
        outputs["model"].update(cost={"steps": 5, "pairs": pairs, "seconds": 1.5, "pictures": pairs, "captions": pairs})

    for seed, name in enumerate(("clean", MODEL, "compromised")):
        write_embeddings(
            folder / "embeddings" / name, world, vectors(world, seed=seed, strength=seed / 2),
            kind=None if name == MODEL else name, change=describe if name == MODEL else None,
        )  # fmt: skip
    places = {name: folder / "embeddings" / name for name in ("clean", "compromised")}
    for name in (*places, MODEL):
        score(
            embeddings=folder / "embeddings" / name, **places, out=folder / "records" / f"{name}.json",
            config=ScoreConfig(bootstraps=100),
        )  # fmt: skip
    return folder


@pytest.fixture
def folder(run: Path, tmp_path: Path) -> Path:
    """A submission with embeddings, to be spoilt."""
    return submit(run, model=MODEL, out=tmp_path / "results" / "s", with_embeddings=True)


def told(folder: Path) -> list[str]:
    return [f"{item.code} {item.file}: {item.message}" for item in check(folder, metrics=METRICS).findings]


def test_they_are_packed_and_pass(run: Path, folder: Path, tmp_path: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert {"embeddings.index.parquet", "record.images.npy", "clean.texts.npy", "compromised.encoding.json"} <= names
    assert len(names) == 8 + 3 + 3 * 3
    assert told(folder) == []
    assert build(folder.parent, out=tmp_path / "site", metrics=METRICS).shown == 1
    options = ["--model", MODEL, "--out", str(tmp_path / "cli"), "--with-embeddings"]
    assert main(["leaderboard", "submit", str(run), *options]) == 0
    assert (tmp_path / "cli" / "record.images.npy").is_file()


def test_invented_items_are_found(folder: Path) -> None:
    """With all hashes and scores mended, items alone can't tell; the embeddings do."""
    edit_items(folder / "record.items.parquet", "AssocStr", lambda values: values * 0.5)
    rescored(folder)
    found = told(folder)
    assert any(
        text.startswith("embeddings record.items.parquet: Expected value of AssocStr as the embeddings")
        for text in found
    )
    assert all(text.startswith("embeddings ") for text in found)


def test_invented_answers_are_found(folder: Path) -> None:
    edit_items(folder / "record.items.parquet", "GenKnow", lambda values: np.ones_like(values))
    rescored(folder)
    assert any(
        "Expected value of GenKnow as the embeddings give it, but for a few rows" in text for text in told(folder)
    )


def test_a_few_answers_may_flip_by_rounding_and_no_more(folder: Path) -> None:
    def flipped(many: int) -> list[str]:
        def flip(values: np.ndarray) -> np.ndarray:
            values[:many] = 1 - values[:many]
            return values

        edit_items(folder / "record.items.parquet", "GenKnow", flip)
        rescored(folder)
        return told(folder)

    assert flipped(2) == []
    assert flipped(2) == [], "flipped back"
    assert any("got 3 others of" in text for text in flipped(3))


def test_a_rank_that_was_moved_is_found(folder: Path) -> None:
    """One row, whose effect on the mean nobody would notice."""

    def first(values: np.ndarray) -> np.ndarray:
        values[np.argmax(values)] = 1
        return values

    edit_items(folder / "record.items.parquet", "RetFail", first)
    rescored(folder)
    assert any("Expected value of RetFail as the embeddings give it, rank" in text for text in told(folder))


def test_other_vectors_are_found(folder: Path) -> None:
    rng = np.random.default_rng(99)
    array = np.load(folder / "record.images.npy")
    np.save(folder / "record.images.npy", rng.normal(size=array.shape).astype(np.float32))
    mend(folder)
    assert told(folder)
    shutil.copyfile(folder / "compromised.images.npy", folder / "clean.images.npy")
    mend(folder)
    assert any("Expected clean of " in text for text in told(folder))


@pytest.mark.parametrize("kind", ["not finite", "cut", "pickle", "another model", "one missing", "no place"])
def test_damage_is_a_finding(folder: Path, kind: str) -> None:
    path = folder / "record.images.npy"
    array = np.load(path)
    if kind == "not finite":
        np.save(path, np.full_like(array, np.nan))
    elif kind == "cut":
        path.write_bytes(path.read_bytes()[:200])
    elif kind == "pickle":
        np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    elif kind == "another model":
        edit_json(
            folder / "record.encoding.json", lambda data: data["outputs"]["model"].update(weights_sha256="1" * 64)
        )
    elif kind == "one missing":
        path.unlink()
    else:
        edit_json(folder / "embeddings.dataset.json", lambda data: data.update(fingerprint="0" * 64))
    mend(folder)
    found = told(folder)
    assert found
    code = "files" if kind == "one missing" else "embeddings"
    assert all(text.startswith(code) for text in found), found


def test_what_cannot_be_packed(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "run")
    with (copy / "embeddings" / "clean" / "texts.parquet").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(RecordError, match=r"texts\.parquet of .*clean as .*delete-5x has it"):
        submit(copy, model=MODEL, out=tmp_path / "out", with_embeddings=True)
    edit_json(copy / "embeddings" / "clean" / "manifest.json", lambda data: data.update(seed=7))
    with pytest.raises(RecordError, match=r"the embeddings that clean\.json was scored from"):
        submit(copy, model=MODEL, out=tmp_path / "out", with_embeddings=True)
    shutil.rmtree(copy / "embeddings")
    with pytest.raises(RecordError, match="leave --with-embeddings out"):
        submit(copy, model=MODEL, out=tmp_path / "out", with_embeddings=True)
    assert not (tmp_path / "out").exists()


def test_records_of_a_run_state_version_and_code(run: Path) -> None:
    record = read_record(run / "records" / f"{MODEL}.json")
    assert record.benchmark_version == BENCHMARK_VERSION
    assert record.model.method_sha256 in built_in_sha256("delete")
    assert record.inputs["embeddings"] == manifest.sha256_file(run / "embeddings" / MODEL / "manifest.json")
