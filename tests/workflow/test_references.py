"""Clean, Compromised and Retrained: beside what they train, and that it makes no difference to the weights."""

import pytest

from salmubench.clip.models import WEIGHTS
from salmubench.core import manifest
from salmubench.core.executor import graph
from salmubench.pretrain.config import PretrainConfig
from salmubench.scoring.references import CLEAN, COMPROMISED
from salmubench.workflow import recipe as recipes
from salmubench.workflow.references import Training, joins, missing
from salmubench.workflow.run_world import RunWorld
from salmubench.workflow.steps import graph_of, with_notes


def training(folder, kinds, config, dataset, precision="fp32"):
    checkpoints = {kind: folder / "checkpoints" / kind for kind in kinds}
    return Training(config, dataset, checkpoints, seed=0, device="cpu", precision=precision)


@pytest.mark.parametrize(
    ("config", "device", "expected"),
    [
        ({"threads": 1}, "cpu", True),
        ({"threads": 0}, "cpu", False),  # it takes all processors
        ({"threads": 1}, "cuda", False),
    ],
)
def test_what_trains_beside_other_steps(monkeypatch, tmp_path, config, device, expected):
    monkeypatch.setattr("salmubench.clip.devices.resolve_device", lambda _: device)
    assert joins(training(tmp_path, [CLEAN], PretrainConfig(**config), tmp_path)) == expected


@pytest.mark.night
@pytest.mark.stage
def test_steps_side_by_side_give_the_weights_of_one_after_the_other(tiny_run, tmp_path):
    recipe = recipes.load("tiny").recipe
    assert recipe.pretrain.threads == 1
    made = manifest.read_manifest(tiny_run / "checkpoints" / CLEAN, "pretrain")
    both = training(tmp_path, (CLEAN, COMPROMISED), recipe.pretrain, tiny_run / "dataset", made["inputs"]["precision"])
    world = RunWorld(
        out=tmp_path, dataset=both.dataset, compromised=both.checkpoints[COMPROMISED],
        references={kind: tmp_path / "embeddings" / kind for kind in both.checkpoints}, recipe=recipe, device="cpu",
        precision=both.precision,
    )  # fmt: skip
    assert missing(both) == [COMPROMISED, CLEAN]
    tasks = graph_of(world, both, [])
    assert {task.name: task.needs for task in tasks} == {
        "pretrain compromised": (),
        "pretrain clean": (),
        "encode clean": ("pretrain clean",),
        "encode compromised": ("pretrain compromised",),
        "score clean": ("encode clean", "encode compromised"),
        "score compromised": ("encode clean", "encode compromised"),
    }
    done = [stage for _, made in graph(with_notes(tasks), workers=2, description="steps") for stage in made.stages]
    assert {stage["name"] for stage in done} == {task.name for task in tasks}
    assert all(stage["seconds"] > 0 and stage["peak_memory"] > 0 for stage in done)
    for kind in both.checkpoints:
        one, other = (folder / "checkpoints" / kind for folder in (tiny_run, tmp_path))
        inputs = [manifest.read_manifest(folder, "pretrain")["inputs"] for folder in (one, other)]
        assert inputs[0] == inputs[1]
        assert (one / WEIGHTS).read_bytes() == (other / WEIGHTS).read_bytes()
    assert graph_of(world, both, []) == []
