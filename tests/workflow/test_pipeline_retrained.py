"""`run` with the third reference model: asked for in the recipe, also after a run without it."""

from __future__ import annotations

import json

import pytest
import yaml

from salmubench.core import manifest
from salmubench.core.errors import ConfigError
from salmubench.dataset.layout import open_dataset
from salmubench.report.collect import read_run
from salmubench.scoring.record_files import read_record
from salmubench.scoring.references import ENDS, is_pretrained, reference_kind
from salmubench.workflow import pipeline, planning
from salmubench.workflow import recipe as recipes
from tiny_run import copy_models

pytestmark = pytest.mark.stage


@pytest.mark.night
def test_retrained_comes_to_a_run_and_is_scored_between_the_references(tiny_run, tmp_path):
    out, recipe = copy_models(tiny_run, tmp_path / "run", ENDS), tmp_path / "mine.yaml"
    given = recipes.load("tiny").given
    recipe.write_text(yaml.safe_dump(given | {"pretrain": given["pretrain"] | {"retrained": False}}))
    arguments = {"recipe": recipe, "out": out, "methods": [], "device": "cpu"}
    pipeline.run(**arguments)
    assert not (out / "checkpoints" / "retrained").exists()
    recipe.write_text(yaml.safe_dump(given))
    result = pipeline.run(**arguments)
    assert [name for name in result.did if name != "report"] == [
        "pretrain retrained", "encode retrained", "score clean", "score compromised", "score retrained",
        "score clean-00001", "score clean-00002", "score compromised-00001", "score compromised-00002",
    ]  # fmt: skip
    outputs = manifest.read_manifest(out / "checkpoints" / "retrained", "pretrain")["outputs"]
    counts = open_dataset(out / "dataset").counts
    seen = outputs["exposures"]
    assert outputs["kind"] == "retrained"
    assert list(seen) == ["retain", "holdouts"]
    assert seen["holdouts"]["rows"] == counts["holdout_association"] + counts["holdout_identity"]
    assert seen["holdouts"]["counted"] == {"mean": 8.0, "least": 8, "most": 8}  # four epochs, each twice
    record = read_record(out / "records" / "retrained.json")
    assert (record.status, record.model.kind, record.model.name) == ("complete", "retrained", "retrained")
    assert record.scores["AssocStr"]["value"].compromised is not None
    assert record.verdict is not None
    found = read_run(out)
    assert [reference_kind(item) for item in found.records] == ["clean", None, "compromised"]
    assert is_pretrained(found.records[-1])
    assert json.loads((out / "run.json").read_text())["models"] == ["clean", "compromised", "retrained"]
    assert "Retrained" in result.table
    assert pipeline.run(**arguments).did == ()


def test_no_method_may_be_called_retrained(tmp_path):
    path = tmp_path / "retrained.py"
    path.write_text("")
    with pytest.raises(ConfigError, match="none called clean, compromised or retrained"):
        planning.plan(recipes.load("tiny").recipe, methods=[str(path)], budgets=[5])
