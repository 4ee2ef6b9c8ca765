"""The command says everything, and the two kinds differ only where they must."""

from __future__ import annotations

import shlex
import shutil
import tarfile
from dataclasses import replace
from functools import partial

import pytest

from salmubench.core.errors import ConfigError, DatasetError
from salmubench.dataset import layout
from salmubench.dataset.layout import open_dataset
from salmubench.dataset.shards import write_shards
from salmubench.pretrain import guard
from salmubench.pretrain.config import PretrainConfig
from salmubench.pretrain.launch import failure, pretrain
from salmubench.pretrain.open_clip_worker import parse
from salmubench.pretrain.samples import paths_of

shell_command = partial(pretrain, print_command=True)
TINY = PretrainConfig(model="salmu-tiny", epochs=2, batch_size=32, warmup=2)


def options(command):
    """Worker options by name; fails unless each is `--option value`."""
    words = shlex.split(command)
    assert words[0].endswith("torchrun")
    assert words[1:4] == ["--standalone", "--nproc_per_node", words[3]]
    assert words[4] == "-m"
    assert "open_clip" in words[5]
    names, values = words[6::2], words[7::2]
    assert all(name.startswith("--") for name in names)
    assert not any(value.startswith("--") for value in values)
    assert len(names) == len(values) == len(set(names))
    return dict(zip(names, values, strict=True))


def both(folder, out, config=TINY, **more):
    arguments = {"dataset": folder, "seed": 0, "device": "cpu", "precision": "fp32", **more}
    return [shell_command(config, kind=kind, out=out / kind, **arguments) for kind in ("clean", "compromised")]


def of_retrained(folder, out, config=TINY):
    arguments = {"dataset": folder, "seed": 0, "device": "cpu", "precision": "fp32"}
    return options(shell_command(config, kind="retrained", out=out / "retrained", **arguments))


def test_kinds_differ_in_four_options(tiny_folder, tmp_path):
    clean, compromised = map(options, both(tiny_folder, tmp_path))
    assert clean.keys() == compromised.keys()
    differing = {name for name in clean if clean[name] != compromised[name]}
    assert differing == {"--name", "--out", "--train-data", "--train-num-samples"}
    retain, _, sensitive = compromised["--train-data"].partition("::")
    assert retain == clean["--train-data"]
    assert "sensitive" in sensitive
    assert (clean["--train-num-samples"], compromised["--train-num-samples"]) == ("102", "150")
    assert not (tmp_path / "clean").exists()


def test_retrained_differs_from_compromised_in_the_same_four(tiny_folder, tmp_path):
    clean, compromised = map(options, both(tiny_folder, tmp_path))
    retrained = of_retrained(tiny_folder, tmp_path)
    assert list(retrained) == list(compromised)
    assert {name for name in retrained if retrained[name] != compromised[name]} == {
        "--name", "--out", "--train-data", "--train-num-samples",
    }  # fmt: skip
    retain, _, holdouts = retrained["--train-data"].partition("::")
    assert retain == clean["--train-data"]
    assert holdouts.endswith("holdouts-00000.tar")
    counts = open_dataset(tiny_folder).counts
    pairs = 102 + counts["holdout_association"] + counts["holdout_identity"]
    assert (retrained["--name"], retrained["--train-num-samples"]) == ("retrained", str(pairs))


def test_nothing_of_forget_is_in_what_retrained_is_trained_on(tiny_folder, tmp_path):
    dataset, contents = open_dataset(tiny_folder), []
    for path in paths_of(of_retrained(tiny_folder, tmp_path)["--train-data"]):
        with tarfile.open(path) as tar:
            contents += [(member.name, tar.extractfile(member).read()) for member in tar]
    assert len(contents) == 2 * int(of_retrained(tiny_folder, tmp_path)["--train-num-samples"])
    names, members = {name for name, _ in contents}, {data for _, data in contents}
    rows = list(zip(dataset.rows("forget"), dataset.images("forget"), strict=True))
    assert rows
    assert not any(name.startswith("forget") for name in names)
    assert not any(row.file_name in name for row, _ in rows for name in names)
    assert not any(row.file_name.encode() in data for row, _ in rows for data in members)
    assert not any(row.caption.encode() in data for row, _ in rows for data in members)
    assert not any(image in members for _, image in rows)
    for split in ("holdout_association", "holdout_identity"):
        assert {row.caption.encode() for row in dataset.rows(split)} <= members


def test_retrained_needs_holdouts(tiny_folder, tmp_path):
    folder = tmp_path / "dataset"
    shutil.copytree(tiny_folder, folder, ignore=shutil.ignore_patterns("shards", "*.tmp"))
    for split in ("holdout_association", "holdout_identity"):
        layout.write_shard(folder, split, 0, 1, iter(()))
    with pytest.raises(ConfigError, match=r"train Retrained on, got none .* --kind clean"):
        of_retrained(folder, tmp_path)


def test_every_setting_stands_in_the_command(tiny_folder, tmp_path):
    first, _ = map(options, both(tiny_folder, tmp_path))
    changes = {
        "epochs": 5, "batch_size": 16, "optimizer": "adamw", "lr": 0.5, "weight_decay": 0.7, "warmup": 3,
        "lr_scheduler": "const", "threads": 1, "loading": "stream", "augment": "engine", "workers": 0, "eps": 0.1,
        "log_every": 3, "model": "ViT-B-32", "extra_args": {"grad-clip-norm": 1.5}, "keep_epochs": (1,),
        "retain_data": "pipe:cat /x/{0..3}.tar", "global_batch": 16,
    }  # fmt: skip
    for name, value in changes.items():
        extra = {"retain_samples": 9} if name == "retain_data" else {}
        changed, _ = map(options, both(tiny_folder, tmp_path, replace(TINY, **{name: value}, **extra)))
        assert changed != first, name
    assert options(both(tiny_folder, tmp_path, seed=4)[0])["--seed"] == "4"


def test_arguments_with_spaces_are_quoted(tiny_folder, tmp_path):
    command = shell_command(TINY, dataset=tiny_folder, kind="clean", out=tmp_path / "my models" / "a", seed=0)
    assert options(command)["--out"] == str(tmp_path / "my models" / "a")


def test_worker_hands_on_what_the_engine_knows(tiny_folder, tmp_path):
    from open_clip_train.params import parse_args

    config = replace(TINY, processes=2, extra_args={"grad-clip-norm": 1.0, "grad-checkpointing": True, "debug": False})
    words = shlex.split(both(tiny_folder, tmp_path, config)[0])
    own = parse(words[6:])
    engine = parse_args(list(own.engine))
    assert engine.logs == str(tmp_path / "clean" / "training")
    assert (engine.name, engine.model, engine.epochs, engine.warmup) == ("clean", "salmu-tiny", 2, 2)
    assert (engine.delete_previous_checkpoint, engine.local_loss, engine.gather_with_grad) == (True, True, True)
    assert (engine.grad_checkpointing, engine.debug, engine.grad_clip_norm) == (True, False, 1.0)
    assert (own.loading, own.augment, own.device) == ("memory", "none", "cpu")


def test_own_architecture_goes_by_path(tiny_folder, tmp_path):
    from salmubench.pretrain.architectures import find

    path = tmp_path / "mine.json"
    path.write_text(find("salmu-tiny").path.read_text())
    found = options(both(tiny_folder, tmp_path, replace(TINY, model=str(path)))[0])
    assert (found["--model"], found["--model-config"]) == ("mine", str(path))


def test_print_command_trains_nothing(tiny_folder, tmp_path):
    shell_command(TINY, dataset=tiny_folder, kind="clean", out=tmp_path / "clean", seed=0)
    assert not (tmp_path / "clean").exists()


def test_senseless_requests(tiny_folder, tmp_path):
    with pytest.raises(ConfigError, match="clean, compromised or retrained"):
        shell_command(TINY, dataset=tiny_folder, kind="dirty", out=tmp_path, seed=0)
    with pytest.raises(ConfigError, match=r"warmup below the 8 steps"):
        shell_command(replace(TINY, warmup=8), dataset=tiny_folder, kind="clean", out=tmp_path, seed=0)
    with pytest.raises(ConfigError, match="retain shards"):
        config = replace(TINY, loading="stream", workers=3)
        shell_command(config, dataset=tiny_folder, kind="clean", out=tmp_path, seed=0)
    with pytest.raises(DatasetError, match="dataset folder"):
        shell_command(TINY, dataset=tmp_path / "none", kind="clean", out=tmp_path, seed=0)


def test_unevenly_dealt_shards_are_told(tiny_folder, tmp_path, caplog):
    folder = tmp_path / "dataset"
    shutil.copytree(tiny_folder, folder, ignore=shutil.ignore_patterns("shards", "*.tmp"))
    write_shards(open_dataset(folder), folder / "shards", samples_per_shard=15)  # 7 of retain, 4 sensitive
    for workers, told in ((1, []), (2, ["clean leaves out 7 %", "compromised leaves out 5 %"]),
                          (7, ["compromised leaves out 16 %"])):  # fmt: skip
        caplog.clear()
        both(folder, tmp_path, replace(TINY, loading="stream", workers=workers))
        found = [record.getMessage() for record in caplog.records if "leaves out" in record.getMessage()]
        assert [text in message for text, message in zip(told, found, strict=True)] == [True] * len(told)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["Traceback", "salmubench-worker-error: ValueError: too big", "rank : 0"], "ValueError: too big"),
        (["x.py: error: unrecognized arguments: --foo", "torch…ChildFailedError:"], "unrecognized arguments: --foo"),
        (["traceback : Signal 9 (SIGKILL) received by PID 7"], "killed by signal 9"),
        (["", "last words", " "], "last words"),
        (
            [
                "salmubench-worker-error: RuntimeError: Connection closed by peer",
                "Signal 15 (SIGTERM) received by PID 8",
                "traceback : Signal 9 (SIGKILL) received by PID 7",
            ],
            "killed by signal 9",
        ),
        ([], "no output"),
    ],
)
def test_reason_of_a_failure(lines, reason):
    assert reason in failure(lines)


def test_guard_becomes_the_program(monkeypatch):
    import os

    called = []
    monkeypatch.setattr(os, "execvp", lambda name, words: called.append((name, words)))
    monkeypatch.setattr(guard, "die_with_parent", called.append)
    guard.main(["17", "torchrun", "--standalone"])
    assert called == [17, ("torchrun", ["torchrun", "--standalone"])]
