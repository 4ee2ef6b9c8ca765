"""What a stage cost: seconds, processor seconds and the peak memory of the process with all its children."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass
class MeasuredCost:
    """Filled while `measure` runs.

    Attributes:
        processor_seconds: of all threads of the process and its children.
        peak_memory: highest resident memory of the process tree that was sampled, bytes (shared pages count once per
            process).
    """

    seconds: float = 0.0
    processor_seconds: float = 0.0
    peak_memory: int = 0


@dataclass
class EncodedCount:
    """How much has been encoded, with and without gradient."""

    pictures: int = 0
    captions: int = 0


_INTERVAL = 0.1  # seconds between two looks at the memory
_LOOKS = 100  # at most a hundredth of the time is spent on looking, through all processes of the machine


@contextlib.contextmanager
def measure() -> Iterator[MeasuredCost]:
    """Measure the block."""
    cost, stop = MeasuredCost(), threading.Event()
    cost.peak_memory = tree_memory()

    def watch() -> None:
        pause = _INTERVAL
        while not stop.wait(pause):
            start = time.perf_counter()
            cost.peak_memory = max(cost.peak_memory, tree_memory())
            pause = max(_INTERVAL, _LOOKS * (time.perf_counter() - start))

    thread = threading.Thread(target=watch, name="salmubench-cost", daemon=True)
    start, processor = time.perf_counter(), processor_seconds()
    thread.start()
    try:
        yield cost
    finally:
        stop.set()
        thread.join()
        cost.seconds = time.perf_counter() - start
        cost.processor_seconds = max(processor_seconds() - processor, 0.0)
        cost.peak_memory = max(cost.peak_memory, tree_memory())


def processor_seconds() -> float:
    """Seconds that processors have spent on this process and its descendants, ended ones included.

    A GPU's work isn't in it.
    """
    import psutil

    times = os.times()
    total = times.user + times.system + times.children_user + times.children_system
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            total += sum(process.cpu_times()[:4])  # its own and those of its children that have ended
    return total


def tree_memory() -> int:
    """Resident memory of this process and its descendants, bytes."""
    import psutil

    total, me = 0, psutil.Process()
    for process in [me, *me.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total
