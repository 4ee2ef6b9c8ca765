"""Files that appear whole or not at all, on disks that are full, in folders of others, whatever their names."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from salmubench.core import manifest, writing
from salmubench.core.errors import OutputError, OutputMismatch, StageError
from salmubench.core.provenance import portable
from salmubench.encode.store import CHUNK, ChunkStore
from salmubench.unlearn.state import Progress, save_checkpoint


@contextlib.contextmanager
def no_larger_than(size: int) -> Iterator[None]:
    """Let no file get larger, as on a disk that is full. Compiled modules are not kept: they would be cut off."""
    (soft, hard), kept = resource.getrlimit(resource.RLIMIT_FSIZE), sys.dont_write_bytecode
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = kept
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def content(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


# --- folders of others --------------------------------------------------------------------------------------------


def stage(path: Path) -> None:
    with manifest.stage_folder(path, "demo", config={"n": 1}) as folder:
        folder.finish()


@pytest.mark.parametrize("name", ["notes.txt", "notes.tmp", "manifest.json", "index.html", ".env", "cache.tmp/x"])
def test_a_folder_of_somebody_else_is_refused_and_left_as_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text('{"name": "mine"}')
    before = content(tmp_path)
    with pytest.raises(OutputMismatch, match=f"got files of somebody else: {name.partition('/')[0]}"):
        stage(tmp_path)
    with pytest.raises(OutputMismatch):
        manifest.check_ours(tmp_path, page="index.html")
    assert content(tmp_path) == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.timeout(60)
def test_a_pipe_in_the_place_of_a_manifest_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    for folder in (tmp_path, tmp_path / "inner"):
        os.mkfifo(folder / "manifest.json")
    with pytest.raises(OutputMismatch, match="got files of somebody else: inner"):
        stage(tmp_path)


def test_empty_and_own_folders_are_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    stage(tmp_path / "empty")
    killed = tmp_path / "killed"  # between lock and mark
    killed.mkdir()
    for path in (killed / manifest.LOCK, writing.temporary_beside(killed / manifest.BEGUN), killed / ".DS_Store"):
        path.write_text("")
    stage(killed)
    (killed / "notes.txt").write_text("a user may add to a folder of ours")
    stage(killed)
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("<title>SALMUBench</title>")
    manifest.check_ours(tmp_path / "page", page="index.html")
    manifest.check_ours(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Expected a folder at"):
        manifest.check_ours(tmp_path / "file")


def test_a_stage_that_cannot_be_described_writes_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="Expected finite numbers"),
        manifest.stage_folder(tmp_path / "x", "demo", config={"lr": float("inf")}),
    ):
        pass
    assert not (tmp_path / "x").exists()


# --- unfinished files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["link", "file", "dangling"])
def test_nothing_is_written_through_what_lies_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    victim = tmp_path / "victim"
    if kind != "dangling":
        victim.write_text("mine")
    monkeypatch.setattr("secrets.token_hex", lambda count: "0" * 2 * count)  # as if it could be foreseen
    there = writing.temporary_beside(tmp_path / "x.json")
    if kind == "file":
        there.write_text("mine")
    else:
        there.symlink_to(victim)
    before = content(tmp_path)
    with pytest.raises(FileExistsError):
        writing.write_json(tmp_path / "x.json", {})
    with pytest.raises(FileExistsError), writing.atomic_folder(tmp_path / "x.json"):
        pass
    assert there.is_symlink() == (kind != "file")
    assert victim.exists() == (kind != "dangling")
    assert content(tmp_path) == before


@pytest.mark.parametrize("letter", ["x", "ä", "人", "🙂"])
def test_names_up_to_what_the_file_system_takes(tmp_path: Path, letter: str) -> None:
    size = len(letter.encode())
    path = tmp_path / (letter * (255 // size))
    writing.write_text(path, "whole")
    assert path.read_text() == "whole"
    assert len(os.fsencode(writing.temporary_beside(path).name)) <= 255
    assert writing.is_leftover(writing.temporary_beside(path).name)
    with pytest.raises(OutputError, match=r"File name too long. Choose another place or name"):
        writing.write_text(tmp_path / (letter * (255 // size + 1)), "too long")


# --- full disks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_fallocate", [True, False])
def test_reserved_bytes_are_there_and_keep_what_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_fallocate: bool
) -> None:
    if not with_fallocate:
        monkeypatch.delattr(os, "posix_fallocate")
    path, size = tmp_path / "sparse", 3 * 2**20 + 17
    with path.open("wb") as stream:
        stream.write(b"head")
        stream.truncate(size)
    writing.reserve(path, size)
    assert (path.stat().st_size, path.read_bytes()[:5]) == (size, b"head\0")
    assert path.stat().st_blocks * 512 >= size
    with no_larger_than(size), pytest.raises(OutputError, match="room on the disk"):
        writing.reserve(path, 2 * size)


def test_joining_chunks_beyond_the_disk_is_no_crash(tmp_path: Path) -> None:
    store = ChunkStore(tmp_path, "images", 2 * CHUNK)
    rows = np.arange(2 * CHUNK * 8, dtype=np.float32).reshape(-1, 8)
    for span in store.missing():
        store.write(span, rows[span.start : span.stop])
    with no_larger_than(100_000), pytest.raises(OutputError, match="room on the disk"):
        store.join(8)
    assert not [path for path in tmp_path.iterdir() if path.is_file()]
    store.join(8, copies={5: 1})
    assert np.array_equal(np.load(store.target)[[0, 1, 5, -1]], rows[[0, 1, 1, -1]])


def test_chunks_and_checkpoints_beyond_the_disk_say_so(tmp_path: Path) -> None:
    from salmubench.clip.models import save_model
    from tiny_model import TINY_CONFIG

    module = torch.nn.Linear(300, 300)
    optimizer = torch.optim.AdamW(module.parameters())
    store = ChunkStore(tmp_path / "e", "images", CHUNK)
    with no_larger_than(50_000):
        with pytest.raises(OutputError, match=r"room on the disk for .*resume\.pt"):
            save_checkpoint(tmp_path / "c", module=module, optimizer=optimizer, progress=Progress())
        with pytest.raises(OutputError, match=r"room on the disk for .*safetensors"):
            save_model(tmp_path / "m", state=module.state_dict(), config=TINY_CONFIG)
        with pytest.raises(OutputError, match=r"room on the disk for .*images-00000\.npy"):
            store.write(store.missing()[0], np.zeros((CHUNK, 32), np.float32))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["open_clip_config.json"]


@pytest.mark.night
@pytest.mark.stage
def test_encoding_onto_a_full_disk_can_go_on(tiny_folder: Path, tmp_path: Path) -> None:
    """In a process of its own: a crash would be one."""
    from tiny_model import tiny_model

    model = tiny_model(tmp_path / "model")
    disk = tmp_path / "disk"
    disk.mkdir()
    code = (
        "import resource, sys; from salmubench.cli.main import main\n"
        "if sys.argv[1]: resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)\n"
        "sys.exit(main(sys.argv[2:]))"
    )
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # a module compiled beyond the limit would be cut off
    for limit, status in ((3_000, 1), (20_000, 1), ("", 0)):
        words = [str(limit), "encode", "--model", str(model), "--dataset", str(tiny_folder), "--out", str(disk / "e")]
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False, env=environment
        )
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
        assert ("Free some space" in done.stderr) == bool(status)
    assert (disk / "e" / manifest.MANIFEST).is_file()


# --- what others read ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no file '/srv/ann/my work/x.py'", "no file '…/my work/x.py'"),
        ("in file:///srv/ann/x.py, line 3", "in …/x.py, line 3"),
        (r"C:\Users\ann\x.py is gone", "…/x.py is gone"),
        ("--out=/data/ann/run --lr 1/2 ViT-B/32", "--out=…/run --lr 1/2 ViT-B/32"),
        ("https://example.org/a/b org/name", "https://example.org/a/b org/name"),
        ("runs/mini ./a/b ../a/b ~/a/b", "runs/mini ./a/b ../a/b ~/a/b"),
        ("/srv/a/{1..2}.tar::/srv/b/x.tar", "…/{1..2}.tar::…/x.tar"),
        (f"{Path.home()} and {Path.home()}/x", "~ and ~/x"),
    ],
)  # fmt: skip
def test_texts_for_others_name_no_place_of_this_machine(text: str, expected: str) -> None:
    assert portable({"a": [text]}) == {"a": [expected]}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/srv/ann smith/My Models (old) [2]/after", "…/after"),
        ("/srv/ann's, work;x/a {1..2}.tar::/srv/b c/x.tar", "…/a {1..2}.tar::…/x.tar"),
        ("D:\\ann smith (2)\\x.json", "…/x.json"),
        ("org/name", "org/name"),
        ("pipe:cat '/srv/ann/x.tar'", "pipe:cat '…/x.tar'"),
    ],
)  # fmt: skip
def test_fields_that_hold_a_path_name_no_folder(path: str, expected: str) -> None:
    assert portable({"source": path, "model": [path], "x": {"path": path}}) == {
        "source": expected, "model": [expected], "x": {"path": expected},
    }  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with names")
def test_a_pipe_or_device_is_no_name_for_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for path in (tmp_path / "pipe", tmp_path / "link", Path("/dev/null"), Path("/dev/stdout"), Path("/dev/new")):
        with pytest.raises(OutputError, match="got the device or pipe"):
            writing.write_text(path, "x")
    assert sorted(item.name for item in tmp_path.iterdir()) == ["link", "pipe"]
    assert not Path("/dev/new").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize("name", ["x", "x/y.json", "self/x"])
def test_a_folder_that_takes_no_new_names(name: str) -> None:
    with pytest.raises(OutputError, match="can be written, got: No such file"):
        writing.write_text(Path("/proc") / name, "x")
    with (
        pytest.raises(OutputError, match="got: No such file"),
        manifest.page_folder(Path("/proc") / name, page="x.html"),
    ):
        pass


def test_an_interruption_stays_one(tmp_path: Path) -> None:
    """As torch's archives do, which raise their own error when they are closed halfway."""
    with pytest.raises(KeyboardInterrupt), writing.atomic_path(tmp_path / "file"):
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("unexpected pos 352896 vs 352784")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_of_a_page_left_is_deleted(tmp_path: Path) -> None:
    page = tmp_path / "page" / "index.html"
    for text in ("SALMUBench", "SALMUBench again"):
        with manifest.page_folder(page.parent, page=page.name):
            writing.write_text(page, text)
        writing.temporary_beside(page).write_text("half")
        (page.parent / "notes.tmp").write_text("of the user")
    with manifest.page_folder(page.parent, page=page.name):
        pass
    assert sorted(path.name for path in page.parent.iterdir()) == ["index.html", "notes.tmp"]
    assert page.read_text() == "SALMUBench again"


@pytest.mark.parametrize(
    ("error", "lacks"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."), True),
        (OSError(28, "No space left on device"), True),
        (ValueError("the bank is out of memory slots"), False),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_what_the_machine_lacks_is_told_from_what_is_wrong(error: Exception, lacks: bool) -> None:
    wrapped = ValueError("the loss failed")
    wrapped.__cause__ = error
    for raised in (error, wrapped):
        with pytest.raises(StageError, match="'mine'.*Make room") if lacks else contextlib.nullcontext():
            writing.check_room(raised, "the method 'mine'")
    from_another_process = StageError(f"Expected room, got: {type(error).__name__}: {error}")
    told = writing.is_full(from_another_process) or writing.is_out_of_memory(from_another_process)
    assert told == lacks or isinstance(error, ValueError)
