"""Several processes under torchrun encode one folder."""

from __future__ import annotations

import filecmp
import itertools
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from salmubench.cli.main import main
from salmubench.clip.embeddings import DATASET, IMAGES, INDEX, TEXT_TABLE, TEXTS, open_embeddings
from salmubench.core.errors import ModelError
from salmubench.encode import encode, ranks
from salmubench.encode.store import ChunkStore
from tiny import tiny_dataset
from tiny_model import tiny_model

_PROGRAM = """
import sys
from pathlib import Path
from salmubench.encode import encode, store
from salmubench.encode.ranks import is_first
store.CHUNK = 16
model, dataset, out = sys.argv[1:]
encode(model=model, dataset=dataset, out=Path(out), texts=["one more text"], precision="fp32")
again = encode(model=model, dataset=dataset, out=Path(out), texts=["one more text"], precision="fp32")
assert (again / "manifest.json").is_file()
if is_first():
    print("first")
"""


@pytest.mark.night
@pytest.mark.stage
def test_two_ranks_write_the_files_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, dataset = tiny_model(tmp_path / "model"), tiny_dataset(tmp_path / "dataset")
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    arguments = [str(program), str(model), str(dataset), str(tmp_path / "2")]
    done = subprocess.run([*torchrun, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["first"]
    monkeypatch.setattr("salmubench.encode.store.CHUNK", 16)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as torchrun's processes: sums in another order differ in the last bit
    try:
        encode(model=model, dataset=dataset, out=tmp_path / "1", texts=["one more text"], precision="fp32")
    finally:
        torch.set_num_threads(threads)
    names = [IMAGES, TEXTS, INDEX, TEXT_TABLE, DATASET]
    same, other, missing = filecmp.cmpfiles(tmp_path / "1", tmp_path / "2", names, shallow=False)
    assert (sorted(same), other, missing) == (sorted(names), [], [])
    assert open_embeddings(tmp_path / "2").manifest["outputs"] == open_embeddings(tmp_path / "1").manifest["outputs"]
    assert not (tmp_path / "2" / ".chunks").exists()


@pytest.mark.night
def test_two_ranks_with_two_models_are_refused(tmp_path: Path) -> None:
    """The second process has other weights under the name of the first one's, as on another machine."""
    dataset, out, program = tiny_dataset(tmp_path / "dataset"), tmp_path / "e", tmp_path / "program.py"
    for rank in range(2):
        tiny_model(tmp_path / f"model{rank}", rank)
    program.write_text(
        "import os; from pathlib import Path; from salmubench.encode import encode, store; store.CHUNK = 16\n"
        f"model = {str(tmp_path / 'model')!r} + os.environ['RANK']\n"
        f"encode(model=model, dataset={str(dataset)!r}, out=Path({str(out)!r}), precision='fp32')"
    )
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(program)]
    done = subprocess.run(torchrun, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "to encode the same as the first one, got in process 1: checkpoint '" in done.stderr
    assert not (out / "manifest.json").exists()


class Store(dict[str, bytes]):
    """As much of torchrun's store as processes that don't wait need."""

    def set(self, key: str, value: str) -> None:
        self[key] = value.encode()

    def wait(self, keys: list[str], _: object) -> None:
        assert set(keys) <= set(self)


@pytest.mark.parametrize("complete", [True, False])
def test_what_differs_is_named(complete: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    monkeypatch.setattr(ranks, "_meeting_place", lambda: store)
    monkeypatch.setenv("WORLD_SIZE", "2")
    both = []
    for rank in ("0", "1"):
        monkeypatch.setattr(ranks, "_calls", itertools.count())
        monkeypatch.setenv("RANK", rank)
        both.append(ranks.Ranks())
    inputs = {"checkpoint": "a" * 64, "precision": "fp32", "splits": ["forget"]}
    both[0].begin(inputs, complete=complete)
    assert both[1].wait_to_begin(dict(inputs)) is not complete
    with pytest.raises(ModelError, match=r"in process 1: precision 'bf16', not 'fp32'\. Give"):
        both[1].wait_to_begin({**inputs, "precision": "bf16"})
    with pytest.raises(ModelError, match=r"in process 1: imagenet 'b', not None\. Give"):
        both[1].wait_to_begin({**inputs, "imagenet": "b"})


def test_only_the_first_one_verifies_and_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = tiny_dataset(tmp_path / "dataset")
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr("salmubench.workflow.evaluation.encode_model", lambda *, out, **_: out)
    assert main(["verify-official", "--out", str(tmp_path / "v"), "--dataset", str(dataset)]) == 0
    assert main(["encode", "--model", "m", "--dataset", str(dataset), "--out", str(tmp_path / "e")]) == 0
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "v").exists()


def test_each_chunk_is_somebodys(tmp_path: Path) -> None:
    store = ChunkStore(tmp_path, "images", 11_000)
    spans = store.missing()
    assert [(span.start, span.stop) for span in spans][-1] == (10_240, 11_000)
    shared = [store.missing(rank, 4) for rank in range(4)]
    assert sorted(span.start for part in shared for span in part) == [span.start for span in spans]
    assert [len(part) for part in shared] == [2, 2, 1, 1]
