"""Clean, Compromised and Retrained side by side: how many at once, and that it makes no difference to the weights."""

import pytest

from salmubench.clip.models import WEIGHTS
from salmubench.core import manifest
from salmubench.pretrain.config import PretrainConfig
from salmubench.workflow import recipe as recipes
from salmubench.workflow import references
from salmubench.workflow.references import Training, at_once, train


@pytest.mark.parametrize(
    ("config", "how", "expected"),
    [
        ({"threads": 1}, {}, 3),
        ({"threads": 2}, {}, 2),
        ({"threads": 1, "processes": 2}, {}, 2),
        ({"threads": 8}, {}, 1),  # more than there are: one, as it is asked for
        ({"threads": 0}, {}, 1),  # it takes them all
        ({"threads": 1}, {"workers": 2}, 2),
        ({"threads": 1}, {"workers": 0}, 1),
        ({"threads": 1}, {"workers": 9}, 3),
        ({"threads": 1}, {"executor": "ray"}, 1),
        ({"threads": 1}, {"device": "cuda"}, 1),
        ({"threads": 1}, {"trainings": 0}, 1),
    ],
)
def test_how_many_at_once(monkeypatch, config, how, expected):
    monkeypatch.setattr(references, "cores", lambda: 4)
    monkeypatch.setattr("salmubench.clip.devices.resolve_device", lambda device: device)
    how = {"trainings": 3, "executor": "joblib", "workers": None, "device": "cpu"} | how
    assert at_once(PretrainConfig(**config), how.pop("trainings"), **how) == expected


@pytest.mark.stage
def test_side_by_side_are_the_weights_of_one_after_the_other(tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr(references, "cores", lambda: 2)
    config = recipes.load("tiny").recipe.pretrain
    assert config.threads == 1
    kinds, made = ("clean", "compromised"), manifest.read_manifest(tiny_run / "checkpoints" / "clean", "pretrain")
    training = Training(
        config=config, dataset=tiny_run / "dataset", checkpoints={kind: tmp_path / kind for kind in kinds},
        seed=0, device="cpu", precision=made["inputs"]["precision"],
    )  # fmt: skip
    done = [stage for stages in train(training, executor="joblib", workers=2) for stage in stages]
    assert {stage["name"] for stage in done} == {"pretrain clean", "pretrain compromised"}
    assert all(stage["seconds"] > 0 and stage["peak_memory"] > 0 for stage in done)
    for kind in kinds:
        one, other = (folder / kind for folder in (tiny_run / "checkpoints", tmp_path))
        inputs = [manifest.read_manifest(folder, "pretrain")["inputs"] for folder in (one, other)]
        assert inputs[0] == inputs[1]
        assert (one / WEIGHTS).read_bytes() == (other / WEIGHTS).read_bytes()
    assert list(train(training, executor="joblib", workers=2)) == []
