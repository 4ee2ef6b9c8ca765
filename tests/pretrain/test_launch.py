"""Real trainings at tiny scale: the engine, torchrun, kills and resumes."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from salmubench.clip.models import WEIGHTS, load_model
from salmubench.core import manifest, writing
from salmubench.core.errors import OutputError, OutputLocked, OutputMismatch, StageError
from salmubench.pretrain.config import PretrainConfig
from salmubench.pretrain.launch import old_workers, pretrain, wait_for_old_workers

pytestmark = pytest.mark.stage

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
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("temporary")))
        train(tiny_folder, out)
        assert not list(Path(os.environ["TMPDIR"]).glob("torchelastic_*"))
    assert not list(out.parent.rglob(".lock"))
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
    (whole / "training").mkdir()  # left by a kill after the manifest was written
    assert train(tiny_folder, whole) == str(whole)
    assert not (whole / "training").exists()
    assert (whole / WEIGHTS).stat().st_mtime_ns == before
    with pytest.raises(OutputMismatch, match=r"config\.lr"):
        train(tiny_folder, whole, replace(CONFIG, lr=1e-4))


def test_two_runs_in_one_folder(tiny_folder, tmp_path):
    with manifest.folder_lock(_made(tmp_path / "x")), pytest.raises(OutputLocked, match="in use"):
        train(tiny_folder, tmp_path / "x")


@pytest.mark.night
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
    half = writing.temporary_beside(checkpoints / f"epoch_{epoch + 1}.pt")
    half.write_bytes(last.read_bytes()[:-1000])  # left by a kill while writing
    train(tiny_folder, out)
    assert "resuming checkpoint" in (out / "training.log").read_text()
    assert (out / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()
    outputs = [manifest.read_manifest(folder, "pretrain")["outputs"] for folder in (out, whole)]
    assert outputs[0]["exposures"] == outputs[1]["exposures"]
    curves = [pq.read_table(folder / "curves.parquet").to_pylist() for folder in (out, whole)]
    assert [row["step"] for row in curves[0]] == [row["step"] for row in curves[1]]
    losses = [[row["value"] for row in curve if row["name"] == "loss"] for curve in curves]
    assert losses[0] == losses[1]


@pytest.mark.night
def test_two_processes_train_as_one_even_after_a_kill(tiny_folder, tmp_path):
    """Half the batch on each of two processes: same rows in each step, same loss over all pairs, same gradient.

    One of the two is killed on the way, and the same call goes on from the last checkpoint.
    """
    from safetensors.torch import load_file

    config = PretrainConfig(
        model="salmu-tiny", epochs=3, global_batch=32, warmup=2, threads=1, optimizer="adamw", lr=1e-3, keep_epochs=(2,)
    )  # fmt: skip
    one, two = tmp_path / "one", tmp_path / "two"
    train(tiny_folder, one, config)
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(train, tiny_folder, two, replace(config, processes=2))
        _wait(lambda: any((two / "training").glob("*/checkpoints/epoch_*.pt")))
        workers = [pid for pid in old_workers(two) if "--standalone" not in psutil.Process(pid).cmdline()]
        assert len(workers) == 2
        os.kill(workers[1], signal.SIGKILL)
        with pytest.raises(StageError, match=r"^Pretraining failed: the worker was killed by signal 9.*") as caught:
            training.result()
    assert "\n" not in str(caught.value)
    train(tiny_folder, two, replace(config, processes=2))
    assert "resuming checkpoint" in (two / "training.log").read_text()
    for part in manifest.read_manifest(two, "pretrain")["outputs"]["exposures"].values():
        assert part["counted"] == {"mean": 3.0, "least": 3, "most": 3}
    for kept in (".", "epochs/00002"):
        states = [load_file(folder / kept / WEIGHTS) for folder in (one, two)]
        for name, weights in states[0].items():
            # fifteen steps at this rate move weights by up to 1.5e-2
            assert (weights - states[1][name]).abs().max() < 1e-3, (kept, name)
    losses = [_loss(tiny_folder, folder) for folder in (one, two)]
    assert abs(losses[0] - losses[1]) < 1e-4
    assert losses[0] < _loss(tiny_folder, one / "epochs" / "00002")


def _loss(dataset, model):
    """Contrastive loss over the 48 sensitive pairs, by the formula."""
    import io

    import torch
    from PIL import Image

    from salmubench.dataset.layout import open_dataset

    loaded, opened = load_model(model), open_dataset(dataset)
    splits = ("forget", "holdout_association", "holdout_identity")
    images = [loaded.preprocess(Image.open(io.BytesIO(image))) for split in splits for image in opened.images(split)]
    texts = loaded.tokenize([row.caption for split in splits for row in opened.rows(split)])
    with torch.no_grad():
        logits = loaded.logit_scale * loaded.encode_image(torch.stack(images)) @ loaded.encode_text(texts).T
    return -float(logits.log_softmax(0).diag().mean() + logits.log_softmax(1).diag().mean()) / 2


@pytest.mark.night
def test_failing_worker_gives_one_line(tiny_folder, tmp_path):
    with pytest.raises(StageError, match="argument --epochs-cooldown: invalid int value: 'many'") as caught:
        train(tiny_folder, tmp_path / "x", replace(CONFIG, extra_args={"epochs-cooldown": "many"}))
    assert "Traceback" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "x" / "manifest.json").exists()


@pytest.mark.night
def test_divergence_is_told(tiny_folder, tmp_path):
    with pytest.raises(StageError, match=r"finite loss, got nan in epoch 0.*Lower pretrain\.lr"):
        train(tiny_folder, tmp_path / "x", replace(CONFIG, lr=1e30, log_every=1))
    assert not old_workers(tmp_path / "x")


def test_full_disk_leaves_the_last_good_checkpoint(tmp_path):
    import torch

    from salmubench.pretrain import open_clip_worker as worker

    options = worker.parse(["--out", str(tmp_path), "--name", "clean", "--model", "salmu-tiny"])
    save = worker._saving(torch.save, [], options)
    content = {"epoch": 1, "state_dict": {"x": torch.ones(100_000)}}
    save(content, str(tmp_path / "epoch_1.pt"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))  # as a disk that is full
    with pytest.raises(OutputError, match=r"room on the disk for .*epoch_2\.pt"):
        save({**content, "epoch": 2}, str(tmp_path / "epoch_2.pt"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["epoch_1.pt"]
    assert torch.equal(torch.load(tmp_path / "epoch_1.pt", weights_only=True)["state_dict"]["x"], torch.ones(100_000))


def test_a_printed_command_holds_the_folder_itself(tmp_path):
    from salmubench.pretrain.open_clip_worker import hold_folder

    with hold_folder(tmp_path / "x"), pytest.raises(OutputLocked), manifest.folder_lock(tmp_path / "x"):
        pass
    (tmp_path / "x" / ".lock").write_text(str(os.getppid()))  # as a launcher leaves it that started this process
    with hold_folder(tmp_path / "x"), manifest.folder_lock(tmp_path / "x"):
        pass


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
        "from salmubench.pretrain.config import PretrainConfig; "
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
