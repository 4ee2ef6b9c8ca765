"""Processor seconds: of this process and its children, whether these have ended or not."""

from __future__ import annotations

import subprocess
import sys
import time

from salmubench.core import cost

BURN = "import time\nend = time.process_time() + 0.4\nwhile time.process_time() < end: pass\n"


def test_work_counts_and_waiting_does_not() -> None:
    with cost.measure() as spent:
        end = time.process_time() + 0.3
        while time.process_time() < end:
            pass
    assert 0.28 <= spent.processor_seconds <= 0.3 + 1.0
    with cost.measure() as idle:
        time.sleep(0.5)
    assert idle.seconds >= 0.5
    assert idle.processor_seconds < 0.4


def test_children_count_once_while_they_run_and_when_they_have_ended() -> None:
    with cost.measure() as spent:
        subprocess.run([sys.executable, "-c", BURN], check=True)
    assert spent.processor_seconds >= 0.38
    before = cost.processor_seconds()
    running = subprocess.Popen([sys.executable, "-c", BURN + "print('x', flush=True)\ninput()"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    assert running.stdout is not None
    running.stdout.read(1)
    alive = cost.processor_seconds() - before
    running.communicate(b"\n")
    ended = cost.processor_seconds() - before
    assert 0.35 <= alive <= ended + 0.02
    assert ended < alive + 0.3
