"""A candidate whose method or checkpoint changed: embeddings and record are never those of the one before."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from salmubench.clip import models
from salmubench.core import manifest, writing
from salmubench.scoring.record_files import read_record
from salmubench.scoring.references import ENDS
from salmubench.workflow import planning, recipe
from salmubench.workflow.candidates import Stages, encode, make, score
from salmubench.workflow.current import is_made
from salmubench.workflow.run_world import Candidate, RunWorld, embeddings_path, record_path
from tiny_model import tiny_model
from tiny_run import EXAMPLE

pytestmark = pytest.mark.stage


@pytest.fixture
def world(tiny_folder: Path, tmp_path: Path) -> RunWorld:
    """Two random references, encoded and scored on a tiny dataset."""
    out = tmp_path / "run"
    references = {kind: out / "embeddings" / kind for kind in ENDS}
    world = RunWorld(
        out, tiny_folder, out / "checkpoints" / "compromised", references, recipe.load("tiny").recipe, "cpu", "fp32"
    )
    for seed, kind in enumerate(references):
        encode(world, kind, tiny_model(out / "checkpoints" / kind, seed), Stages())
    return world


def test_a_new_checkpoint_is_encoded_and_scored_again(world: RunWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = world.out / "checkpoints" / "compromised"
    score(world, "compromised", Stages())
    before = read_record(record_path(world, "compromised"))
    tiny_model(checkpoint, 7)
    stages = Stages()
    encode(world, "compromised", checkpoint, stages)
    score(world, "compromised", stages)
    assert [stage["name"] for stage in stages.done] == ["encode compromised", "score compromised"]
    after = read_record(record_path(world, "compromised"))
    assert after.model.sha256 == models.checkpoint_sha256(checkpoint) != before.model.sha256
    again = Stages()
    encode(world, "compromised", checkpoint, again)
    score(world, "compromised", again)
    assert not again.done
    assert {path.name for path in (world.out / "embeddings").iterdir()} == set(ENDS)
    stated = {"stage": "pretrain", "outputs": {"sha256": after.model.sha256}}
    writing.write_json(checkpoint / manifest.MANIFEST, stated)
    monkeypatch.setattr(models, "checkpoint_sha256", lambda *_, **__: pytest.fail("hashed, though it is stated"))
    encode(world, "compromised", checkpoint, again)
    assert not again.done


def test_embeddings_begun_of_another_checkpoint_are_no_obstacle(world: RunWorld) -> None:
    folder, checkpoint = embeddings_path(world, "compromised"), world.out / "checkpoints" / "compromised"
    tiny_model(checkpoint, 7)
    (folder / manifest.MANIFEST).rename(folder / manifest.BEGUN)
    stages = Stages()
    encode(world, "compromised", checkpoint, stages)
    assert [stage["name"] for stage in stages.done] == ["encode compromised"]
    stated = manifest.read_any(folder / manifest.MANIFEST).inputs["checkpoint"]
    assert stated == models.checkpoint_sha256(checkpoint)


def test_embeddings_outlive_a_checkpoint_that_was_removed(world: RunWorld) -> None:
    shutil.rmtree(world.compromised)
    stages = Stages()
    encode(world, "compromised", world.compromised, stages)
    assert not stages.done


def candidate(world: RunWorld, file: Path) -> Candidate:
    plans = {"methods": [str(file)], "budgets": [1], "repeats": 1, "seed": 0, "tuned": None}
    return planning.plan(world.recipe, **plans, given={})[0]


def test_numbers_are_those_of_the_method_as_it_is_now(world: RunWorld, tmp_path: Path) -> None:
    """The checkpoint is deleted by hand, the method edited: what was derived from the old one doesn't stay."""
    file = Path(shutil.copy(EXAMPLE, tmp_path / "mine.py"))
    first = candidate(world, file)
    checkpoint, record = world.out / "checkpoints" / first.name, record_path(world, first.name)
    assert make(world, first).error is None
    assert is_made(world, first)
    before = read_record(record).model.sha256
    shutil.rmtree(checkpoint)
    file.write_text(file.read_text().replace("keep: float = field(default=10.0", "keep: float = field(default=2.0"))
    made = make(world, candidate(world, file))
    assert [stage["name"].split()[0] for stage in made.stages] == ["unlearn", "encode", "score"]
    assert read_record(record).model.sha256 == models.checkpoint_sha256(checkpoint) != before
    assert make(world, candidate(world, file)).stages == []


def test_killed_while_the_old_ones_are_deleted(
    world: RunWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(shutil.copy(EXAMPLE, tmp_path / "mine.py"))
    name = candidate(world, file).name
    assert make(world, candidate(world, file)).error is None
    file.write_text(file.read_text() + "\n# edited\n")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            make(world, candidate(world, file))
    assert not embeddings_path(world, name).exists()
    assert (world.out / "checkpoints" / name / manifest.MANIFEST).is_file()
    assert not is_made(world, candidate(world, file))
    left = [path.name for path in (world.out / "embeddings").iterdir() if path.name not in ENDS]
    assert len(left) == 1
    manifest.delete_leftovers(world.out)
    assert not (world.out / "embeddings" / left[0]).exists()
    assert len(make(world, candidate(world, file)).stages) == 3


def test_a_candidate_with_embeddings_of_another_checkpoint_is_not_made(world: RunWorld, tmp_path: Path) -> None:
    """Unlearnt anew and killed before it was encoded: its record is current for embeddings that aren't its own."""
    item = candidate(world, Path(shutil.copy(EXAMPLE, tmp_path / "mine.py")))
    assert make(world, item).error is None
    folder = world.out / "checkpoints" / item.name
    content = manifest.read_json(folder / manifest.MANIFEST)
    tiny_model(folder, 9)
    content["outputs"]["sha256"] = models.checkpoint_sha256(folder)
    writing.write_json(folder / manifest.MANIFEST, content)
    assert not is_made(world, item)


def test_a_candidate_of_another_compromised_is_made_again(world: RunWorld, tmp_path: Path) -> None:
    item = candidate(world, Path(shutil.copy(EXAMPLE, tmp_path / "mine.py")))
    assert make(world, item).error is None
    before = read_record(record_path(world, item.name)).model.sha256
    encode(world, "compromised", tiny_model(world.compromised, 7), Stages())
    assert not is_made(world, item)
    assert [stage["name"].split()[0] for stage in make(world, item).stages] == ["unlearn", "encode", "score"]
    assert is_made(world, item)
    assert read_record(record_path(world, item.name)).model.sha256 != before
    shutil.rmtree(world.compromised)
    assert is_made(world, item), "a model that isn't there any more contradicts nothing"


def test_a_record_says_where_options_come_from_now(world: RunWorld, tmp_path: Path) -> None:
    """Tuning may choose just the recipe's own values: what is said about them changes all the same."""
    item = candidate(world, Path(shutil.copy(EXAMPLE, tmp_path / "mine.py")))
    assert make(world, item).error is None
    about = {"selection_seed": 1000, "trials": 8, "objective": 0.25, "default": None, "sha256": "a" * 64}
    for tuned in (about, {**about, "trials": 9}, None):
        now = replace(item, tuned=tuned)
        assert not is_made(world, now)
        assert [stage["name"].split()[0] for stage in make(world, now).stages] == ["unlearn", "encode", "score"]
        assert writing.plain(read_record(record_path(world, item.name)).model.tuned) == tuned
        assert is_made(world, now)
