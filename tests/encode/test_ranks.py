"""Several processes under torchrun encode one folder."""

from __future__ import annotations

import filecmp
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from salmubench.embeddings import DATASET, IMAGES, INDEX, TEXT_TABLE, TEXTS, open_embeddings
from salmubench.encode import encode
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


def test_each_chunk_is_somebodys(tmp_path: Path) -> None:
    store = ChunkStore(tmp_path, "images", 11_000)
    spans = store.missing()
    assert [(span.start, span.stop) for span in spans][-1] == (10_240, 11_000)
    shared = [store.missing(rank, 4) for rank in range(4)]
    assert sorted(span.start for part in shared for span in part) == [span.start for span in spans]
    assert [len(part) for part in shared] == [2, 2, 1, 1]
