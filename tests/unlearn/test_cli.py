"""`salmubench unlearn`: towers by option, invented people for methods that want them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from salmubench.cli.main import main
from salmubench.core.errors import ConfigError
from salmubench.dataset.layout import open_dataset
from salmubench.unlearn import unlearn
from unlearn_runs import record, weights


def test_towers_and_fresh_people(leaking_model: Path, tiny_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "options.yaml").write_text("track: generator\nbatch_size: 32\ntowers: both\n")
    command = [
        "unlearn", "dpo_swap", "--model", str(leaking_model), "--dataset", str(tiny_folder), "--recipe", "tiny",
        "--config", str(tmp_path / "options.yaml"), "--out", str(tmp_path / "out"), "--budget", "1", "--towers", "text",
        "--device", "cpu", "--precision", "fp32",
    ]  # fmt: skip
    assert main(command) == 0
    before, after = weights(leaking_model), weights(tmp_path / "out")
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert not [name for name in moved if name.startswith("visual.")], "the command's towers win over the file's"
    assert record(tmp_path / "out")["config"]["engine"]["towers"] == "text"
    assert len(record(tmp_path / "out")["inputs"]["fresh"]) == 64


def test_nobody_was_invented(leaking_model: Path, tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"invented people for the method 'dpo_swap'.*got 0"):
        unlearn(
            "dpo_swap", model=leaking_model, dataset=open_dataset(tiny_folder), out=tmp_path / "out", seed=0,
            config={"track": "generator"},
        )  # fmt: skip
    assert not (tmp_path / "out").exists()
