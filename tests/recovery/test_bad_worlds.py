"""Worlds in which an attack has nothing to say: too few facts or people, no other values, models that diverge."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from salmubench.core import manifest, writing
from salmubench.core.errors import ModelError, RecordError
from salmubench.core.types import SENSITIVE_SPLITS
from salmubench.dataset import layout
from salmubench.recovery import AttackConfig, recover
from salmubench.scoring.attacks.record import Attacks
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.record_files import read_record

pytestmark = pytest.mark.stage

Attack = Callable[..., Attacks]


@pytest.fixture
def attack(world: Any, tmp_path: Path) -> Attack:
    """Attack the negated model on a dataset of one's own: `attack(dataset, attacks, **config)`."""

    def run(dataset: Path, *names: str, **config: Any) -> Attacks:
        (path,) = recover(
            models=[world.negated], dataset=dataset, clean=world.clean, compromised=world.compromised,
            out=tmp_path / "out", precision="fp32", device="cpu", scoring=ScoreConfig(bootstraps=200, fact_values=6),
            config=AttackConfig(attacks=names, seeds=1, **config),
        )  # fmt: skip
        section = read_record(path).attacks
        assert section is not None
        return section

    return run


def changed(world: Any, folder: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> Path:
    """A copy of the dataset whose people and captions' metadata a function has changed."""
    shutil.copytree(world.dataset, folder, ignore=shutil.ignore_patterns(manifest.MANIFEST))
    files = [folder / layout.IDENTITIES, folder / layout.CAPTIONS]
    people, captions = (json.loads(path.read_text()) for path in files)
    change(people, captions)
    for path, content in zip(files, (people, captions), strict=True):
        path.write_text(json.dumps(content))
    return folder


def rewrite(folder: Path, split: str, column: str, made: Callable[[str, str], str | None]) -> None:
    """Change a column of a split: file name and caption → what stands there."""
    for path in folder.glob(f"data/{split}-*.parquet"):
        table = pq.read_table(path)
        names, texts = (table.column(name).to_pylist() for name in ("file_name", "text"))
        values = pa.array([made(*row) for row in zip(names, texts, strict=True)], pa.string())
        place = table.schema.get_field_index(column)
        pq.write_table(table.set_column(place, table.schema.field(place), values), path)


def test_t_is_about_too_few_people(world: Any, attack: Attack) -> None:
    found = attack(world.dataset, "probe", "calibrated", share=1e-6)
    assert found.known == 2
    assert found.scores["probe"].reason == "fewer than 4 people in T: 1"
    assert found.scores["calibrated"].reason is None


def test_nobody_is_known(world: Any, attack: Attack, tmp_path: Path) -> None:
    folder = changed(world, tmp_path / "nobody", lambda *_: None)
    rewrite(folder, "forget", "identity_id", lambda *_: None)
    found = attack(folder, "fewshot", "calibrated", "savings")
    assert (found.known, found.held) == (0, 0)
    assert {score.reason for score in found.scores.values()} == {"too few facts: 0 in T, 0 outside"}
    assert found.recoverable is None


def test_t_larger_than_what_is_left(world: Any, attack: Attack, monkeypatch: pytest.MonkeyPatch) -> None:
    from salmubench.recovery import cut as module
    from salmubench.recovery import world as worlds

    real = module.cut

    def greedy(*given: Any, **more: Any) -> Any:
        made = real(*given, **more)
        return module.Cut(made.known, made.held[:3], made.group[:3], made.known_people, 3)

    monkeypatch.setattr(worlds, "cut", greedy)
    found = attack(world.dataset, "probe", "rewordings")
    assert found.scores["probe"].reason == "T is larger than what is left to judge on: 12 and 3 pairs"
    assert found.scores["rewordings"].reason == "fewer than 4 people outside T"


def test_values_that_are_all_alike_take_away_the_fact_alone(world: Any, attack: Attack, tmp_path: Path) -> None:
    def alike(people: dict[str, Any], captions: dict[str, Any]) -> None:
        for entry in captions.values():
            old, entry["value"] = entry["value"], "the same"
            for key in ("caption", "paraphrase"):
                entry[key] = entry[key].replace(old, "the same")

    folder = changed(world, tmp_path / "alike", alike)
    told = json.loads((folder / layout.CAPTIONS).read_text())
    for split in SENSITIVE_SPLITS:
        rewrite(folder, split, "text", lambda name, text: str(told.get(name, {}).get("caption", text)))
    found = attack(folder, "counterfactual", "calibrated", "rewordings")
    assert "no pair has other values or names to be compared with" in str(found.scores["counterfactual"].reason)
    for name in ("calibrated", "rewordings"):
        numbers = found.scores[name].numbers
        assert numbers["leakage_all"].n > 0
        assert numbers["fact"].value is None
        assert numbers["fact"].reason == "no pair outside T can be ranked: the metric has no items"


def test_a_model_that_diverges_under_attack_says_so_and_the_others_go_on(world: Any, attack: Attack) -> None:
    wild = {"fewshot": {"lrs": [1e30], "read_at": [3]}, "savings": {"lr": 1e30, "read_at": [3]}}
    found = attack(world.dataset, "fewshot", "savings", "calibrated", overrides=wild)
    for name in ("fewshot", "savings"):
        assert "ArithmeticError: the model diverged under the attack: loss" in str(found.scores[name].reason)
        assert found.scores[name].numbers == {}
    assert found.scores["calibrated"].reason is None


def test_references_of_another_dataset_are_refused(world: Any, attack: Attack, tmp_path: Path) -> None:
    other = tmp_path / "other" / "clean"
    shutil.copytree(world.clean, other)
    writing.write_json(other / manifest.MANIFEST, {"stage": "pretrain", "inputs": {"dataset": "f" * 64}})
    given: dict[str, Any] = {
        "models": [world.negated], "dataset": world.dataset, "compromised": world.compromised, "out": tmp_path / "out",
        "config": AttackConfig(attacks=("calibrated",), seeds=1), "scoring": ScoreConfig(bootstraps=200, fact_values=6),
        "precision": "fp32",
    }  # fmt: skip
    with pytest.raises(ModelError, match=r"a clean pretrained on the dataset .* got one of another \(ffffffffffff\)"):
        recover(clean=other, **given)
    recover(clean=world.clean, **given)
    with pytest.raises(RecordError, match="Expected the clean that the record at .* was scored with"):
        recover(clean=world.negated, **given)
