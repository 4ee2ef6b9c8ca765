"""A method that opens the evaluation's files is marked in its manifest and in the record's notes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fake_embeddings import fake_world, vectors, write_embeddings
from salmubench.dataset.layout import open_dataset
from salmubench.metrics import ScoreConfig, score
from salmubench.scoring.record_files import read_record
from salmubench.unlearn.watched import evaluation_files
from unlearn_runs import Runner, record

_METHOD = '''"""A method that looks where it may not."""

from dataclasses import dataclass
from pathlib import Path

from salmubench.dataset.layout import open_dataset

NEEDS = ("forget",)


@dataclass(frozen=True)
class Config:
    """None."""


def edit(model, data, engine, config):
    {look}
    model.module.text_projection.data.mul_(0.99)
    return {{}}
'''


@pytest.mark.parametrize(
    ("look", "splits"),
    [
        ("next(Path({folder!r}, 'data').glob('holdout_identity-*')).read_bytes()", ["holdout_identity"]),
        ("open_dataset({folder!r}).rows('holdout_association')", ["holdout_association"]),
        ("next(Path({folder!r}, 'data').glob('forget-*')).read_bytes()", []),
    ],
)
def test_a_method_that_opens_a_holdout_is_marked(
    look: str, splits: list[str], run: Runner, tiny_folder: Path, tmp_path: Path
) -> None:
    method = tmp_path / "looking.py"
    method.write_text(_METHOD.format(look=look.format(folder=str(tiny_folder))))
    opened = record(run(str(method)))["outputs"].get("opened", [])
    assert [name.partition("-")[0] for name in opened] == splits
    assert all(name.endswith(".parquet") for name in opened)


def test_a_method_of_the_package_opens_none(run: Runner) -> None:
    assert "opened" not in record(run("finetuning", budget=1))["outputs"]


def test_only_what_is_opened_meanwhile_counts(tiny_folder: Path) -> None:
    dataset = open_dataset(tiny_folder)
    with evaluation_files() as seen:
        pass
    dataset.rows("holdout_identity")
    assert seen == set()


def test_the_record_has_a_note(tmp_path: Path) -> None:
    def look(outputs: dict[str, Any]) -> None:
        outputs["model"]["opened"] = ["holdout_identity-00000-of-00001.parquet"]

    world = fake_world()
    folders = {
        name: write_embeddings(
            tmp_path / name, world, vectors(world, seed=1, strength=strength),
            kind=None if name == "model" else name, change=look if name == "model" else None,
        )
        for name, strength in {"clean": 0.0, "compromised": 3.0, "model": 1.5}.items()
    }  # fmt: skip
    path = score(
        embeddings=folders["model"], clean=folders["clean"], compromised=folders["compromised"],
        out=tmp_path / "record.json", config=ScoreConfig(bootstraps=100),
    )  # fmt: skip
    assert any("holdout_identity-00000-of-00001.parquet" in note for note in read_record(path).notes)
