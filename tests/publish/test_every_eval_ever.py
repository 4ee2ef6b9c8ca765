"""The export to Every Eval Ever, against the format's own JSON Schemas (`make check-eee` runs its validator)."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from report_world import METRICS
from salmubench.cli.main import main
from salmubench.core.errors import ConfigError, RecordError
from salmubench.publish.every_eval_ever import SCHEMA, Source, export_every_eval_ever
from salmubench.scoring.record_files import read_items, read_record
from submission_world import edit_json

SCHEMAS = Path(__file__).parent / "every_eval_ever"
LAB = Source("Example Lab")
MODEL = "cliperase-5x"


def validator(name: str) -> Any:
    schema = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    assert schema["version"] == SCHEMA
    return jsonschema.Draft7Validator(schema)


def exported(record: Path, out: Path, **options: Any) -> tuple[dict[str, Any], list[dict[str, Any]], Path]:
    files = export_every_eval_ever(record, out, **{"source": LAB, "metrics": METRICS, **options})
    lines = files[1].read_text(encoding="utf-8").splitlines() if len(files) > 1 else []
    return json.loads(files[0].read_text(encoding="utf-8")), [json.loads(line) for line in lines], files[0]


@pytest.fixture(scope="module")
def export(submittable: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return exported(submittable / "records" / f"{MODEL}.json", tmp_path_factory.mktemp("eee"))


def test_the_formats_own_schemas_hold(export: Any) -> None:
    content, lines, _ = export
    validator("eval.schema.json").validate(content)
    instance = validator("instance_level_eval.schema.json")
    for line in lines:
        instance.validate(line)
    spoilt = {**content, "surprise": 1}
    assert not validator("eval.schema.json").is_valid(spoilt)


def test_what_its_validator_asks_beside_the_schema(export: Any) -> None:
    content, lines, path = export
    uuid4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    assert re.fullmatch(rf"data/salmubench/Example-Lab/{MODEL}/{uuid4}\.json", "/".join(path.parts[-5:]))
    told = content["detailed_evaluation_results"]
    samples = path.with_name(f"{path.stem}_samples.jsonl")
    assert path.as_posix().endswith(told["file_path"].removesuffix("_samples.jsonl") + ".json")
    assert told["checksum"] == hashlib.sha256(samples.read_bytes()).hexdigest()
    assert told["total_rows"] == len(lines)
    assert {line["evaluation_id"] for line in lines} == {content["evaluation_id"]}
    assert {line["model_id"] for line in lines} == {content["model_info"]["id"]} == {f"Example-Lab/{MODEL}"}
    keys = [result["evaluation_result_id"] for result in content["evaluation_results"]]
    assert len(keys) == len(set(keys))
    assert {line["evaluation_result_id"] for line in lines} <= set(keys)
    for result in content["evaluation_results"]:
        config, score = result["metric_config"], result["score_details"]["score"]
        if config["score_type"] == "continuous":
            low, high = (float(config[name]) for name in ("min_score", "max_score"))
            assert low <= score <= high


def test_scores_have_interval_and_direction(export: Any, submittable: Path) -> None:
    record = read_record(submittable / "records" / f"{MODEL}.json")
    results = {one["evaluation_result_id"]: one for one in export[0]["evaluation_results"]}
    for key, falls in (
        ("RetFail/mrr", True), ("RetFail/mrr/leakage", True), ("GenKnow/value", False), ("GenKnow/value/drop", True),
        ("InterIdSim/value", False), ("InterIdSim/value/kept", False),
    ):  # fmt: skip
        assert results[key]["metric_config"]["lower_is_better"] is falls, key
    score, shown = record.scores["RetFail"]["mrr"], results["RetFail/mrr"]["score_details"]
    interval = shown["uncertainty"]["confidence_interval"]
    assert score.ci95 is not None
    assert (shown["score"], interval["lower"], interval["upper"]) == (score.value, *score.ci95)
    assert (interval["confidence_level"], shown["uncertainty"]["num_samples"]) == (0.95, score.n)
    assert record.verdict is not None
    mode = results["verdict/ineffective"]
    assert mode["metric_config"]["level_names"][mode["score_details"]["score"]] == record.verdict.ineffective
    assert results["RetFail/mrr"]["source_data"]["source_type"] == "other"
    details = export[0]["model_info"]["additional_details"]
    assert (details["method"], details["pairs_seen"]) == ("cliperase", str(record.cost.pairs))
    assert details["method_sha256"] == record.model.method_sha256
    assert export[0]["eval_library"]["additional_details"]["benchmark_version"] == str(record.benchmark_version)


def test_every_item_is_there_and_right_where_it_is_nearer_to_its_goal(export: Any, submittable: Path) -> None:
    table = read_items(submittable / "records" / f"{MODEL}.json")
    rows = [row for row in table.to_pylist() if row["metric"] == "RetFail"]
    lines = [line for line in export[1] if line["evaluation_result_id"] == "RetFail/mrr"]
    assert len(lines) == len(rows)
    for row, line in zip(rows, lines, strict=True):
        value, clean, compromised = (1 / row[name] for name in ("value", "clean", "compromised"))
        assert line["evaluation"]["score"] == value
        nearer = abs(value - clean) < abs(value - compromised) or value == clean
        assert line["evaluation"]["is_correct"] is nearer
        assert line["input"] == {"raw": row["caption"], "reference": [row["file_name"]]}
    assert {line["evaluation"]["is_correct"] for line in export[1]} == {True, False}


def test_same_bytes_and_what_can_be_left_out(submittable: Path, tmp_path: Path) -> None:
    record = submittable / "records" / f"{MODEL}.json"
    one, two = (export_every_eval_ever(record, tmp_path / name, source=LAB, metrics=METRICS) for name in "ab")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    content, lines, path = exported(record, tmp_path / "c", items=False, source=Source("Lab", hub_id="org/model"))
    validator("eval.schema.json").validate(content)
    assert (lines, "detailed_evaluation_results" in content) == ([], False)
    assert path.parent == tmp_path / "c" / "data" / "salmubench" / "org" / "model"
    assert content["model_info"]["additional_details"]["model_availability"] == "open_weights"


def test_a_dataset_of_the_hub_is_named(submittable: Path, tmp_path: Path) -> None:
    import shutil

    records = shutil.copytree(submittable / "records", tmp_path / "records")
    edit_json(records / f"{MODEL}.json", lambda data: data["dataset"].update(name="org/data", revision="0123abc"))
    content, _, _ = exported(records / f"{MODEL}.json", tmp_path / "out")
    validator("eval.schema.json").validate(content)
    source = content["evaluation_results"][0]["source_data"]
    assert (source["source_type"], source["hf_repo"]) == ("hf_dataset", "org/data")
    assert source["additional_details"]["revision"] == "0123abc"


def test_refused(submittable: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = submittable / "records"
    with pytest.raises(RecordError, match="judged between references"):
        exported(records / "clean.json", tmp_path)
    for source in (Source("///"), Source("x" * 200), Source("Lab", hub_id="../x")):
        with pytest.raises(ConfigError, match="Expected"):
            exported(records / f"{MODEL}.json", tmp_path, source=source)
    assert list(tmp_path.iterdir()) == []
    words = ["export-eee", str(records / f"{MODEL}.json"), str(tmp_path / "out"), "--organization", "Lab"]
    assert main([*words, "--without-items"]) == 0
    assert capsys.readouterr().out.count("\n") == 1
