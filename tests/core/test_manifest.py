"""Stage folders, locks and atomic files."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from salmubench.core import manifest, provenance, writing
from salmubench.core.errors import OutputError, OutputLocked, OutputMismatch


def finish(path: Path, **changes):
    options = {"config": {"n": 1}, "inputs": {"dataset": "aa"}, "seed": 0} | changes
    with manifest.stage_folder(path, "demo", **options) as folder:
        was_complete = folder.complete
        folder.finish(outputs={"x": 1})
    return was_complete


def test_second_time_complete_first_not(tmp_path):
    assert finish(tmp_path / "a") is False
    assert finish(tmp_path / "a") is True
    assert manifest.read_manifest(tmp_path / "a", "demo")["outputs"] == {"x": 1}
    assert not (tmp_path / "a" / manifest.BEGUN).exists()


@pytest.mark.parametrize("change", [{"config": {"n": 2}}, {"inputs": {"dataset": "bb"}}, {"seed": 1}])
def test_other_inputs_are_refused_when_finished_and_when_begun(tmp_path, change):
    finish(tmp_path / "done")
    with pytest.raises(OutputMismatch, match="got another run"):
        finish(tmp_path / "done", **change)
    with manifest.stage_folder(tmp_path / "begun", "demo", config={"n": 1}, inputs={"dataset": "aa"}, seed=0):
        pass
    with pytest.raises(OutputMismatch, match="there, .* asked"):
        finish(tmp_path / "begun", **change)
    assert finish(tmp_path / "begun") is False


def test_a_stage_states_the_commit_by_which_it_began_and_the_one_that_went_on(tmp_path, monkeypatch):
    made = {"version": "1", "commit": "a" * 40, "dirty": False}
    monkeypatch.setattr(manifest, "provenance", lambda: made)
    with manifest.stage_folder(tmp_path / "a", "demo", config={"n": 1}) as folder:
        made = {**made, "commit": "b" * 40}  # the checkout moves while it runs
        folder.finish()
    assert manifest.read_any(tmp_path / "a" / manifest.MANIFEST).provenance["commit"] == "a" * 40

    with manifest.stage_folder(tmp_path / "killed", "demo", config={"n": 1}):
        pass
    for _ in range(2):
        with manifest.stage_folder(tmp_path / "killed", "demo", config={"n": 1}) as folder:
            made = {**made, "commit": "c" * 40, "dirty": True}
    with manifest.stage_folder(tmp_path / "killed", "demo", config={"n": 1}) as folder:
        folder.finish()
    stated = manifest.read_any(tmp_path / "killed" / manifest.MANIFEST).provenance
    assert (stated["commit"], stated["dirty"]) == ("b" * 40, False)
    assert stated["went_on"] == {"commit": "c" * 40, "dirty": True}


def test_a_refusal_is_two_lines_with_the_keys_that_differ(tmp_path):
    config = {
        "dataset": {"size": 32, "backends": {"portraits": "a", "captions": "b"}},
        "methods": ["x"],
        "pretrain": {},
    }
    finish(tmp_path / "a", config=config)
    other = {"dataset": {"size": 48, "backends": {"portraits": "z" * 9000, "captions": "b"}}, "methods": ["x"]}
    with pytest.raises(OutputMismatch) as caught:
        finish(tmp_path / "a", config=other, seed=1)
    first, second = str(caught.value).splitlines()
    assert first.endswith("got another run. Choose another folder, or delete this one.")
    assert "config.dataset.size: 32 there, 48 asked" in second
    assert "config.pretrain: {} there, None asked" in second
    assert "seed: 0 there, 1 asked" in second
    assert "captions" not in second
    assert len(second) < 500
    many = {f"key{number}": number for number in range(20)}
    finish(tmp_path / "b", config=many)
    with pytest.raises(OutputMismatch, match=r"config\.key4: 4 there, None asked; and 15 more\."):
        finish(tmp_path / "b", config={"key0": 0})


def test_free_keys_may_differ(tmp_path):
    finish(tmp_path / "a", config={"n": 1, "methods": {"lr": 1}})
    assert finish(tmp_path / "a", free=["methods"]) is True
    assert finish(tmp_path / "a", config={"n": 1, "methods": {"lr": 2}}, free=["methods"]) is True
    with pytest.raises(OutputMismatch, match=r"config\.n: 1 there, 2 asked"):
        finish(tmp_path / "a", config={"n": 2}, free=["methods"])


def test_a_stage_that_fails_before_its_work_leaves_nothing(tmp_path):
    def fail(path, *files, notes=()):
        with pytest.raises(ValueError, match="no"), manifest.stage_folder(path, "demo", config={}, notes=notes):
            for name in files:
                (path / name).write_text("x")
            raise ValueError("no")

    fail(tmp_path / "new" / "inner")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "there").mkdir()
    fail(tmp_path / "there", "run.json", notes=["run.json"])
    assert list((tmp_path / "there").iterdir()) == []
    fail(tmp_path / "worked", "weights")
    assert {path.name for path in (tmp_path / "worked").iterdir()} >= {"weights", manifest.BEGUN}


def test_leftovers_are_deleted_but_not_those_of_an_inner_stage(tmp_path):
    inner = tmp_path / "inner"
    finish(inner)
    (inner / manifest.LOCK).touch()  # somebody works there
    leftovers = [writing.temporary_beside(path) for path in (tmp_path / "x.json", tmp_path / "deep" / "y", inner / "z")]
    notes = [tmp_path / "notes.tmp", tmp_path / "deep" / "draft.123.tmp"]  # of the user
    finish(tmp_path, also=["inner"])
    for path in (*leftovers, *notes):
        path.parent.mkdir(exist_ok=True)
        path.write_text("half")
    (tmp_path / "cache.tmp").mkdir()
    finish(tmp_path)
    assert [path.exists() for path in leftovers] == [False, False, True]
    assert all(path.exists() for path in (*notes, tmp_path / "cache.tmp"))


def test_two_processes_in_one_folder(tmp_path):
    code = (
        "import sys; from pathlib import Path; from salmubench.core import manifest\n"
        "with manifest.stage_folder(Path(sys.argv[1]), 'demo', config={}):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline() == "held\n"
    with pytest.raises(OutputLocked, match=f"process {other.pid}"), manifest.stage_folder(tmp_path, "demo", config={}):
        pass
    other.kill()
    other.communicate()
    with manifest.stage_folder(tmp_path, "demo", config={}) as folder:  # the dead process's lock is free
        assert not folder.complete


def test_failed_write_leaves_the_old_file_and_no_temporary(tmp_path):
    path = tmp_path / "a.json"
    writing.write_json(path, {"old": True})
    with pytest.raises(RuntimeError), writing.atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert manifest.read_json(path) == {"old": True}
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_says_so(tmp_path):
    with (
        pytest.raises(OutputError, match="Expected room on the disk"),
        writing.atomic_path(tmp_path / "a") as temporary,
    ):
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_json_has_no_nan_and_broken_json_is_named(tmp_path):
    with pytest.raises(OutputError, match="Expected finite numbers"):
        writing.write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not (tmp_path / "a.json").exists()
    (tmp_path / "b.json").write_text('{"x": 1,')
    with pytest.raises(OutputError, match=r"b\.json.*line 1 column"):
        manifest.read_json(tmp_path / "b.json")


def test_hash_of_json_ignores_key_order_only():
    assert manifest.sha256_json({"a": 1, "b": [1, 2]}) == manifest.sha256_json({"b": (1, 2), "a": 1})
    assert manifest.sha256_json({"a": [1, 2]}) != manifest.sha256_json({"a": [2, 1]})


def test_manifest_of_another_stage_or_none(tmp_path):
    with pytest.raises(OutputError, match="got no manifest"):
        manifest.read_manifest(tmp_path, "demo")
    finish(tmp_path)
    with pytest.raises(OutputError, match="got 'demo'"):
        manifest.read_manifest(tmp_path, "encode")


def test_provenance_is_json_and_names_the_packages():
    found = json.loads(json.dumps(writing.plain(provenance.provenance())))
    assert found["packages"]["torch"]
    assert found["hardware"]["cores"] >= 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"stage": "demo", "outpts": {}}, r"known keys at .*manifest\.json, got 'outpts'"),
        ({"stage": "demo", "outputs": [1]}, r"an object at .*manifest\.json\.outputs, got \[1\]"),
        ({"stage": "demo", "cost": {}, "seed": "x"}, r"manifest\.json\.seed, got 'x'"),
    ],
)
def test_broken_manifest(tmp_path, content, message):
    writing.write_json(tmp_path / manifest.MANIFEST, content)
    with pytest.raises(OutputError, match=message):
        manifest.read_manifest(tmp_path, "demo")


def test_folder_that_cannot_be_locked(tmp_path):
    (tmp_path / manifest.LOCK).mkdir()
    with pytest.raises(OutputError, match="can be locked"), manifest.folder_lock(tmp_path):
        pass


def test_lock_names_its_holder_and_is_free_afterwards(tmp_path):
    assert manifest.lock_holder(tmp_path) == ""
    for _ in range(2):
        with manifest.folder_lock(tmp_path):
            assert manifest.lock_holder(tmp_path) == str(os.getpid())
            with pytest.raises(OutputLocked, match=f"process {os.getpid()}"), manifest.folder_lock(tmp_path):
                pass
            assert manifest.lock_holder(tmp_path) == str(os.getpid())  # who asks in vain leaves the name
