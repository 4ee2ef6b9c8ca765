"""What folders say about themselves is read with its types, or named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from salmubench.core import manifest, writing
from salmubench.core.errors import OutputError, RecordError
from salmubench.scoring.stages import RUN, Checkpoint, RunFile, read_checkpoint, read_run_file


def test_nothing_there(tmp_path: Path) -> None:
    assert read_run_file(tmp_path) == RunFile()
    assert read_checkpoint(tmp_path) == Checkpoint()
    writing.write_json(tmp_path / manifest.MANIFEST, manifest.Manifest("encode", outputs={"kind": 5}))
    assert read_checkpoint(tmp_path) == Checkpoint()  # of another stage


def test_more_than_is_read(tmp_path: Path) -> None:
    (tmp_path / RUN).write_text(
        json.dumps({"seed": 3, "models": ["clean"], "later": {"a": 1}, "stages": [{"name": "x"}]})
    )
    found = read_run_file(tmp_path)
    assert (found.seed, found.models, found.stages[0].name, found.stages[0].seconds) == (3, ("clean",), "x", None)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"models": "clean"}, "models"), ({"models": [1]}, r"models\[0\]"), ({"stages": [{}]}, "stages"),
        ({"seed": "0"}, "seed"),
        ({"titles": []}, "titles"), ({"wall_seconds": None}, "wall_seconds"), ({"provenance": []}, "provenance"),
    ],
)  # fmt: skip
def test_run_files_that_are_refused(tmp_path: Path, change: dict[str, Any], place: str) -> None:
    (tmp_path / RUN).write_text(json.dumps(change))
    with pytest.raises(RecordError, match=rf"Expected .*run\.json.*{place}"):
        read_run_file(tmp_path, error=RecordError)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"outputs": []}, "outputs"), ({"outputs": {"kind": {}}}, "kind"), ({"outputs": {"budget": "5"}}, "budget"),
        ({"cost": {"seconds": "1"}}, "seconds"),
        ({"config": [1]}, "config"), ({"outputs": {"tuned": {"trials": 1}}}, "tuned"), ({"inputs": "x"}, "inputs"),
    ],
)  # fmt: skip
def test_checkpoints_that_are_refused(tmp_path: Path, change: dict[str, Any], place: str) -> None:
    (tmp_path / manifest.MANIFEST).write_text(json.dumps({"stage": "unlearn", **change}))
    with pytest.raises(OutputError, match=rf"Expected .*manifest\.json.*{place}"):
        read_checkpoint(tmp_path)


def test_a_list_is_no_manifest(tmp_path: Path) -> None:
    (tmp_path / manifest.MANIFEST).write_text("[]")
    (tmp_path / RUN).write_text("[]")
    for read in (read_checkpoint, read_run_file):
        with pytest.raises(OutputError, match="Expected a JSON object"):
            read(tmp_path)
