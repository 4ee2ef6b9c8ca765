"""Scripts for several machines say what the command says, and shellcheck finds nothing in them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from salmubench.cli.main import main
from salmubench.clip.models import WEIGHTS
from salmubench.core import manifest
from salmubench.core.errors import ConfigError
from salmubench.pretrain.config import PretrainConfig
from salmubench.pretrain.curves import logged_seconds
from salmubench.pretrain.launch import cluster_script, plan_job, pretrain

pytestmark = pytest.mark.stage

CONFIG = PretrainConfig(
    model="salmu-tiny", epochs=2, global_batch=32, warmup=2, nodes=4, processes=2, threads=2, loading="memory"
)


def emitted(folder, out, launcher, config=CONFIG, kind="compromised", device="auto"):
    return cluster_script(
        config, dataset=folder, kind=kind, recipe="mine.yaml", out=out, seed=5, launcher=launcher, device=device
    )


def commands(script):
    """The commands of a script, word by word, as a shell would see them."""
    lines = script.replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.strip() and not line.startswith("#")]


def options(words):
    start = words.index("-m")
    assert words[start + 1] == "salmubench.pretrain.open_clip_worker"
    names, values = words[start + 2 :: 2], words[start + 3 :: 2]
    assert all(name.startswith("--") for name in names)
    return dict(zip(names, values, strict=True))


@pytest.mark.parametrize("launcher", ["slurm", "torchrun"])
def test_parsed_back_it_is_the_command(launcher, tiny_folder, tmp_path):
    out = tmp_path / "my models" / "compromised"
    script = emitted(tiny_folder, out, launcher, device="cpu")
    (words,) = [found for found in commands(script) if any(word.endswith("torchrun") for word in found)]
    printed = shlex.split(pretrain(
        CONFIG, dataset=tiny_folder, kind="compromised", out=out, seed=5, device="cpu",
        print_command=True, precision="fp32",  # a script for CPUs elsewhere takes it, whatever is faster on this one
    ))  # fmt: skip
    assert options(words) == options(printed)
    assert options(words)["--batch-size"] == "4"
    assert (words[words.index("--nnodes") + 1], words[words.index("--nproc_per_node") + 1]) == ("4", "2")
    (again,) = [found for found in commands(script) if "salmubench.cli.main" in found]
    assert again[again.index("--out") + 1] == str(out)
    assert again[again.index("--recipe") + 1] == str(Path("mine.yaml").resolve())
    if launcher == "slurm":
        assert words[:2] == ["srun", "--kill-on-bad-exit=1"]
        assert {"#SBATCH --nodes=4", "#SBATCH --ntasks-per-node=1", "#SBATCH --cpus-per-task=4"} <= set(
            script.splitlines()
        )


@pytest.mark.parametrize("launcher", ["slurm", "torchrun"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_shellcheck_finds_nothing(launcher, device, tiny_folder, tmp_path):
    path = tmp_path / "train.sh"
    path.write_text(emitted(tiny_folder, tmp_path / "a 'quoted' name", launcher, device=device))
    shellcheck = Path(sys.executable).parent / "shellcheck"
    done = subprocess.run([shellcheck, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert ("--gpus-per-node=2" in path.read_text()) == (device == "cuda" and launcher == "slurm")


def test_kinds_differ_as_the_commands_do(tiny_folder, tmp_path):
    found = [
        options(next(words for words in commands(emitted(tiny_folder, tmp_path / kind, "slurm", kind=kind))
                     if "-m" in words))
        for kind in ("clean", "compromised", "retrained")
    ]  # fmt: skip
    for first, second in combinations(found, 2):
        differing = {name for name in first if first[name] != second[name]}
        assert differing == {"--name", "--out", "--train-data", "--train-num-samples"}
    assert (found[0]["--device"], found[0]["--precision"]) == ("cuda", "amp_bf16")  # whatever machine writes the script


def test_one_machine_refuses_and_explains(tiny_folder, tmp_path):
    with pytest.raises(ConfigError, match=r"pretrain\.nodes 1 .* got 4\. .*--emit slurm"):
        pretrain(CONFIG, dataset=tiny_folder, kind="clean", out=tmp_path / "x", seed=0, device="cpu")
    assert not (tmp_path / "x" / WEIGHTS).exists()


def test_processes_must_divide_the_batch():
    with pytest.raises(ConfigError, match=r"global_batch to be a multiple of the 6 processes .* got 32"):
        replace(CONFIG, nodes=3)


@pytest.mark.night
def test_a_script_runs_through(tiny_folder, tmp_path):
    """A cluster of one machine: the script trains, and the call at its end writes the manifest."""
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(
        "pretrain: {model: salmu-tiny, epochs: 1, batch_size: 32, warmup: 2, threads: 1, precision: fp32}\n"
    )
    out = tmp_path / "clean"
    config = PretrainConfig(model="salmu-tiny", epochs=1, batch_size=32, warmup=2, threads=1, precision="fp32")
    script = cluster_script(
        config, dataset=tiny_folder, kind="clean", recipe=str(recipe), out=out, seed=0, launcher="torchrun",
        device="cpu",
    )  # fmt: skip
    (tmp_path / "train.sh").write_text(script)
    environment = {**os.environ, "HEAD": "127.0.0.1", "NODE_RANK": "0"}
    (tmp_path / "salmubench.py").write_text("raise SystemExit('imported from the working folder')\n")
    done = subprocess.run(
        ["bash", tmp_path / "train.sh"], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == str(out)
    cost = manifest.read_manifest(out, "pretrain")["cost"]
    log = (out / "training.log").read_text().splitlines()
    assert cost["seconds"] == logged_seconds(log)  # the last call didn't train
    assert cost["peak_memory"] is None


def test_without_dataset_kind_and_out(capsys):
    assert main(["pretrain", "--recipe", "tiny", "--kind", "clean"]) == 2
    assert "Expected --dataset, --out" in capsys.readouterr().err


def test_the_paper_recipe_asks_for_a_cluster(tiny_folder, tmp_path):
    from salmubench.workflow import recipe as recipes

    config = recipes.load("paper").recipe.pretrain
    assert (config.model, config.epochs, config.world, config.process_batch) == ("ViT-B-16", 32, 128, 264)
    remote = replace(config, retain_data="pipe:aws s3 cp s3://pool/{00000000..00039999}.tar -")
    job = plan_job(
        remote, dataset=tiny_folder, kind="clean", out=tmp_path / "x", seed=0, device="cuda", precision="auto",
        elsewhere=True,
    )  # fmt: skip
    assert job.rows == 400_000_102
    assert job.loading == "stream"
