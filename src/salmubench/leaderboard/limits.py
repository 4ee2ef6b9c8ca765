"""Processor time and memory of a check: what asks for more is a finding, not the end of the process that checks."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from salmubench.core.errors import RecordError

SECONDS = 600.0
"""Processor time of the check of one submission: about fifty times that of one about the release."""
MEMORY = 4 * 2**30
"""Bytes that the check of one submission may take beside what the process has: three times those of the release."""


@contextlib.contextmanager
def limited(*, seconds: float = SECONDS, memory: int = MEMORY) -> Iterator[None]:
    """Limit the processor time and the memory of the block, as far as the system can.

    Time is looked at in the main thread only, memory on Linux only. Both limits are as before when the block ends.

    Raises:
        RecordError: it took more.
    """
    with _memory(memory), _time(seconds):
        try:
            yield
        except MemoryError as error:
            text = f"checked with {memory / 2**30:g} GiB of memory, got one that asks for more."
            raise RecordError(f"Expected a submission that is {text}") from error


@contextlib.contextmanager
def _time(seconds: float) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(_number: int, _frame: Any) -> NoReturn:
        raise RecordError(f"Expected a submission that is checked in {seconds:g} seconds, got one that takes longer.")

    before = signal.signal(signal.SIGPROF, stop)
    timer = signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, *timer)
        signal.signal(signal.SIGPROF, before)


@contextlib.contextmanager
def _memory(extra: int) -> Iterator[None]:
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[5])  # data and stack, that can be written
    except (ImportError, OSError, ValueError):
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = pages * resource.getpagesize() + extra
    finite = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min([most, *finite]), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
