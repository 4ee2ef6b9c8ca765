"""Nobody outside this machine can reach a training."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

_WORKER = """
import sys, torch.distributed as dist, torch
dist.init_process_group("gloo")
dist.all_reduce(torch.ones(1))
if dist.get_rank() == 0:
    print("ready", flush=True)
    open(sys.argv[1]).read()
dist.barrier()
"""


@pytest.mark.parametrize("processes", [1, 2])
def test_all_sockets_are_of_the_loopback_interface(tmp_path: Path, processes: int) -> None:
    script, gate = tmp_path / "worker.py", tmp_path / "gate"
    script.write_text(_WORKER)
    os.mkfifo(gate)
    words = ["torchrun", "--standalone", f"--nproc_per_node={processes}", str(script), str(gate)]
    with subprocess.Popen(
        [sys.executable, "-m", "salmubench.pretrain.loopback", *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        sockets = [item for one in family for item in one.net_connections("inet") if item.status == psutil.CONN_LISTEN]
        gate.write_text("go")
        assert process.wait(60) == 0
    assert sockets
    assert {item.laddr.ip for item in sockets} == {"127.0.0.1"}
