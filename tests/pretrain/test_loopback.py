"""Nobody outside this machine can reach a training."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.stage

_WORKER = """
import sys, torch.distributed as dist, torch
dist.init_process_group("gloo")
dist.all_reduce(torch.ones(1))
if dist.get_rank() == 0:
    print("ready", flush=True)
    open(sys.argv[1]).read()
dist.barrier()
"""


_PROGRAM = "import sys; from salmubench.pretrain.loopback import script; sys.argv[0] = 'salmubench-torchrun'; script()"
PROGRAMS = {"module": ["-m", "salmubench.pretrain.loopback", "torchrun"], "program": ["-c", _PROGRAM]}


def test_the_printed_command_is_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from salmubench.pretrain import command

    for name in ("python", "torchrun", "salmubench-torchrun"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (command.torchrun(local=True), command.torchrun()) == ("salmubench-torchrun", "torchrun")
    monkeypatch.setenv("PATH", "")
    assert command.torchrun(local=True) == str(tmp_path / "salmubench-torchrun")
    (tmp_path / "salmubench-torchrun").unlink()  # the package was not installed with its programs
    assert command.torchrun(local=True) == str(tmp_path / "torchrun")


@pytest.mark.night
@pytest.mark.parametrize(("program", "processes"), [("module", 1), ("module", 2), ("program", 1)])
def test_all_sockets_are_of_the_loopback_interface(tmp_path: Path, program: str, processes: int) -> None:
    script, gate = tmp_path / "worker.py", tmp_path / "gate"
    script.write_text(_WORKER)
    os.mkfifo(gate)
    words = ["--standalone", f"--nproc_per_node={processes}", str(script), str(gate)]
    with subprocess.Popen(
        [sys.executable, *PROGRAMS[program], *words],
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
