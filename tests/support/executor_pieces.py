"""Work for the tests of the executors; a module of its own, as workers import it by name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from salmubench.core import executor
from salmubench.core.errors import UnknownName


def square(number: int) -> int:
    return number * number


def process(_: int) -> tuple[int, int]:
    return os.getpid(), executor.cores()


def fail_at_five(number: int) -> int:
    if number == 5:
        raise UnknownName("country", "Atlantis", ["Andorra", "Atlant"])
    return number


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def tell_and_wait(folder: str) -> None:
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(600)


def write_after(folder: str, name: str, needs: tuple[str, ...]) -> list[str]:
    """Write a file of that name; which of the files that it needs are there."""
    there = [needed for needed in needs if (Path(folder) / needed).is_file()]
    (Path(folder) / name).touch()
    return there
