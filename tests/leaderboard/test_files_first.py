"""Files first, hashes second: what a submission or a run isn't is never opened; work is bounded before it is done."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from report_world import METRICS
from salmubench.core.errors import ConfigError, RecordError
from salmubench.leaderboard.build import build
from salmubench.leaderboard.check import check
from salmubench.leaderboard.peers import duplicates_in
from salmubench.leaderboard.submission import submit
from submission_world import edit_json, made_with, mend, older

pytestmark = pytest.mark.stage


def subfolder(folder: Path) -> None:
    (folder / "more").mkdir()


def dangling(folder: Path) -> None:
    (folder / "method.py").symlink_to(folder / "nowhere")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "method.py")


def device(folder: Path) -> None:
    (folder / "record.items.parquet").unlink()
    (folder / "record.items.parquet").symlink_to("/dev/zero")


def crowd(folder: Path) -> None:
    for number in range(100):
        (folder / f"{number}.txt").touch()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("spoil", [subfolder, dangling, pipe, device, crowd])
def test_an_accepted_submission_that_changes_its_files(
    spoil: Callable[[Path], None], submittable: Path, tmp_path: Path
) -> None:
    results, site = tmp_path / "results", tmp_path / "site"
    good = submit(submittable, model="cliperase-5x", out=results / "good")
    other = submit(submittable, model="delete-5x", out=results / "other")
    assert build(results, out=site, metrics=METRICS).shown == 2
    spoil(good)
    assert {finding.code for finding in check(good, metrics=METRICS).findings} == {"files"}
    built = build(results, out=site, metrics=METRICS)  # with the receipt of the good one
    assert (built.shown, list(built.refused)) == (1, ["good"])
    loaded = check(other, metrics=METRICS).loaded
    assert loaded is not None
    assert duplicates_in(results, other, loaded) == []


def test_submit_packs_nothing_from_outside(submittable: Path, tmp_path: Path) -> None:
    run, secret = shutil.copytree(submittable, tmp_path / "run"), tmp_path / "secret"
    items = run / "records" / "cliperase-5x.items.parquet"
    items.rename(secret)
    items.symlink_to(secret)
    with pytest.raises(RecordError, match="file of the run itself, got a link"):
        submit(run, model="cliperase-5x", out=tmp_path / "a")
    (run / "records").rename(tmp_path / "elsewhere")
    (run / "records").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RecordError, match="file of the run itself, got a link"):
        submit(run, model="delete-5x", out=tmp_path / "b")
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "b").exists()


def test_the_method_file_is_the_one_that_made_the_model(submittable: Path, tmp_path: Path) -> None:
    run, code, secret = shutil.copytree(submittable, tmp_path / "run"), tmp_path / "mine.py", tmp_path / "secret"
    code.write_text("mine")
    secret.write_text("secret")
    with pytest.raises(ConfigError, match=r"manifest\.json with the hash of the method's file, got none"):
        submit(run, model="my_method-5x", out=tmp_path / "a", method_file=code)
    made_with(code, run, "my_method-5x")
    with pytest.raises(ConfigError, match=r"Expected the file that the model was made with .*, got [0-9a-f]{64}"):
        submit(run, model="my_method-5x", out=tmp_path / "a", method_file=secret)
    code.rename(tmp_path / "real.py")
    code.symlink_to(tmp_path / "real.py")
    with pytest.raises(RecordError, match=r"mine\.py to be a plain file"):
        submit(run, model="my_method-5x", out=tmp_path / "a", method_file=code)
    packed = submit(run, model="my_method-5x", out=tmp_path / "a", method_file=tmp_path / "real.py")
    assert (packed / "method.py").read_text() == "mine"
    older(run / "records" / "my_method-5x.json")
    edit_json(run / "checkpoints" / "my_method-5x" / "manifest.json", lambda data: data["outputs"].update(sha256="0"))
    with pytest.raises(ConfigError, match="weights in"):
        submit(run, model="my_method-5x", out=tmp_path / "b", method_file=tmp_path / "real.py")


@pytest.mark.timeout(60)
def test_work_is_bounded_before_it_is_done(submittable: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = submit(submittable, model="cliperase-5x", out=tmp_path / "much")
    monkeypatch.setattr("salmubench.leaderboard.check.rescore", lambda *_: pytest.fail("scored"))
    table = pq.read_table(folder / "record.items.parquet")
    rows = np.zeros(1_999_999, np.int64)
    pq.write_table(table.take(rows), folder / "record.items.parquet", compression="zstd")
    edit_json(folder / "record.json", lambda data: data["protocol"].update(bootstraps=10_000))
    mend(folder)
    messages = [finding.message for finding in check(folder, metrics=METRICS).findings]
    assert messages == ["Expected at most 2,500,000,000 items × resamples, got 1,999,999 × 10,000."]
    names = pa.array([f"M{number}" for number in range(300_000)])
    pq.write_table(table.take(rows[: len(names)]).set_column(0, "metric", names), folder / "record.items.parquet")
    edit_json(folder / "record.json", lambda data: data["protocol"].update(bootstraps=100))
    mend(folder)
    messages = [finding.message for finding in check(folder, metrics=METRICS).findings]
    assert messages == ["Expected items of at most 40 metrics, got 300,000."]
