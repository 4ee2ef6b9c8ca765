"""Real trainings at tiny scale: the engine, torchrun, kills and resumes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from salmubench import manifest
from salmubench.errors import OutputLocked, OutputMismatch, StageError
from salmubench.models import WEIGHTS, load_model
from salmubench.pretrain.launch import old_workers, pretrain, wait_for_old_workers
from salmubench.pretrain.open_clip_worker import delete_broken_checkpoints
from salmubench.pretrain.recipe import PretrainConfig

# A ResNet as small as the engine lets it be: it has the running statistics and memory format of the recipe `mini`.
CONFIG = PretrainConfig(
    model=str(Path(__file__).parent / "tiny-resnet.json"), epochs=12, batch_size=16, warmup=2, log_every=4, threads=1
)
SEED = 3


def train(folder, out, config=CONFIG, kind="compromised"):
    return pretrain(config, dataset=folder, kind=kind, out=out, seed=SEED, device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def whole(tiny_folder, tmp_path_factory):
    """An uninterrupted training."""
    out = tmp_path_factory.mktemp("whole") / "compromised"
    train(tiny_folder, out)
    return out


def test_checkpoint_loads_and_manifest_tells(whole):
    model = load_model(whole)
    content = manifest.read_manifest(whole, "pretrain")
    assert content["outputs"]["sha256"] == model.sha256
    assert content["outputs"]["kind"] == "compromised"
    assert content["outputs"]["trained"] == {"steps": 120, "pairs": 1800}
    assert content["cost"]["seconds"] > 0
    assert not (whole / "training").exists()
    with pytest.raises(AssertionError):  # the untrained model is another one
        assert content["outputs"]["final_loss"] > 2.6  # log(15) = 2.7, the loss of chance


def test_exposures_counted_are_those_expected(whole):
    for name, rows in (("retain", 102), ("sensitive", 48)):
        found = manifest.read_manifest(whole, "pretrain")["outputs"]["exposures"][name]
        assert found == {
            "rows": rows, "expected": 12.0, "exact": True, "counted": {"mean": 12.0, "least": 12, "most": 12},
        }  # fmt: skip


def test_curves(whole):
    table = pq.read_table(whole / "curves.parquet").to_pylist()
    loss = {row["step"]: row["value"] for row in table if row["name"] == "loss"}
    assert list(loss)[:4] == [0, 4, 8, 9]
    assert max(loss) == 119
    assert loss[119] < loss[0]
    assert table[-1]["pairs"] == 1800
    assert {row["name"] for row in table} == {"loss", "lr", "samples_per_second", "logit_scale"}


def test_finished_folder_is_left_alone_and_other_settings_are_refused(whole, tiny_folder):
    before = (whole / WEIGHTS).stat().st_mtime_ns
    assert train(tiny_folder, whole) == str(whole)
    assert (whole / WEIGHTS).stat().st_mtime_ns == before
    with pytest.raises(OutputMismatch, match=r"config\.lr"):
        train(tiny_folder, whole, replace(CONFIG, lr=1e-4))


def test_two_runs_in_one_folder(tiny_folder, tmp_path):
    with manifest.folder_lock(_made(tmp_path / "x")), pytest.raises(OutputLocked, match="in use"):
        train(tiny_folder, tmp_path / "x")


def test_killed_and_resumed_is_as_uninterrupted(whole, tiny_folder, tmp_path):
    out = tmp_path / "compromised"
    launcher = _launch(tiny_folder, out)
    try:
        checkpoints = out / "training" / "compromised" / "checkpoints"
        _wait(lambda: any(checkpoints.glob("epoch_[3-9].pt")), launcher)
        alive = old_workers(out)
        assert len(alive) == 2  # torchrun and its worker
    finally:
        os.killpg(launcher.pid, signal.SIGKILL)
        launcher.wait()
    _wait(lambda: not any(psutil.pid_exists(pid) and _running(pid) for pid in alive), patience=5)
    assert not (out / "manifest.json").exists()
    (last,) = sorted(checkpoints.glob("epoch_*.pt"), key=lambda path: path.stat().st_mtime_ns)[-1:]
    epoch = int(last.stem.removeprefix("epoch_"))
    assert epoch < CONFIG.epochs
    (checkpoints / f"epoch_{epoch + 1}.pt").write_bytes(last.read_bytes()[:-1000])  # as a kill while writing leaves it
    train(tiny_folder, out)
    assert "resuming checkpoint" in (out / "training.log").read_text()
    assert (out / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()
    outputs = [manifest.read_manifest(folder, "pretrain")["outputs"] for folder in (out, whole)]
    assert outputs[0]["exposures"] == outputs[1]["exposures"]
    curves = [pq.read_table(folder / "curves.parquet").to_pylist() for folder in (out, whole)]
    assert [row["step"] for row in curves[0]] == [row["step"] for row in curves[1]]
    losses = [[row["value"] for row in curve if row["name"] == "loss"] for curve in curves]
    assert losses[0] == losses[1]


@pytest.mark.slow
def test_two_processes_train_as_one(tiny_folder, tmp_path):
    """Half the batch on each of two processes: same rows in each step, same loss over all pairs, same gradient."""
    from safetensors.torch import load_file

    states = []
    for processes in (1, 2):
        config = PretrainConfig(
            model="salmu-tiny", epochs=1, batch_size=32 // processes, processes=processes, warmup=2, threads=1,
            optimizer="adamw", lr=1e-3,
        )  # fmt: skip
        out = tmp_path / str(processes)
        train(tiny_folder, out, config)
        states.append(load_file(out / WEIGHTS))
        for part in manifest.read_manifest(out, "pretrain")["outputs"]["exposures"].values():
            assert part["counted"] == {"mean": 1.0, "least": 1, "most": 1}
    for name, one in states[0].items():
        assert (one - states[1][name]).abs().max() < 1e-3, name  # five steps at this rate move weights by up to 5e-3


def test_failing_worker_gives_one_line(tiny_folder, tmp_path):
    with pytest.raises(StageError, match="unrecognized arguments: --no-such-option") as caught:
        train(tiny_folder, tmp_path / "x", replace(CONFIG, extra_args={"no-such-option": 1}))
    assert "Traceback" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "x" / "manifest.json").exists()


def test_divergence_is_told(tiny_folder, tmp_path):
    with pytest.raises(StageError, match=r"finite loss, found nan in epoch 0.*Lower pretrain\.lr"):
        train(tiny_folder, tmp_path / "x", replace(CONFIG, lr=1e30, log_every=1))
    assert not old_workers(tmp_path / "x")


def test_half_written_checkpoints_go(tmp_path):
    import torch

    torch.save({"epoch": 1, "state_dict": {"x": torch.ones(1000)}}, tmp_path / "epoch_1.pt")
    data = (tmp_path / "epoch_1.pt").read_bytes()
    for number, cut in enumerate((data[:-1], data[:1000], b""), start=2):
        (tmp_path / f"epoch_{number}.pt").write_bytes(cut)
    assert [path.name for path in delete_broken_checkpoints(tmp_path)] == ["epoch_2.pt", "epoch_3.pt", "epoch_4.pt"]
    assert [path.name for path in tmp_path.iterdir()] == ["epoch_1.pt"]


def test_resume_waits_for_an_old_worker(tmp_path):
    words = ["-c", "import time; time.sleep(60)", "salmubench.pretrain.open_clip_worker", "--out", str(tmp_path)]
    with subprocess.Popen([sys.executable, *words]) as process:
        _wait(lambda: old_workers(tmp_path) == [process.pid], patience=5)
        with pytest.raises(StageError, match=f"process {process.pid} alive"):
            wait_for_old_workers(tmp_path, patience=0.3)
        process.kill()
    wait_for_old_workers(tmp_path, patience=0.0)


def _made(folder):
    folder.mkdir()
    return folder


def _launch(folder, out):
    code = (
        "import json, sys; from pathlib import Path; from salmubench.pretrain.launch import pretrain; "
        "from salmubench.pretrain.recipe import PretrainConfig; "
        "config, folder, out, seed = json.loads(sys.argv[1]); "
        "pretrain(PretrainConfig(**config), dataset=Path(folder), kind='compromised', out=Path(out), seed=seed, "
        "device='cpu', precision='fp32')"
    )
    arguments = json.dumps([asdict(CONFIG), str(folder), str(out), SEED])
    return subprocess.Popen([sys.executable, "-c", code, arguments], start_new_session=True, stderr=subprocess.DEVNULL)


def _wait(condition, launcher=None, patience=60.0):
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline
        assert launcher is None or launcher.poll() is None
        time.sleep(0.005)


def _running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
