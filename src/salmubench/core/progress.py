"""Progress on everything that takes over two seconds: a bar on a terminal, plain lines elsewhere.

Nothing is shown where the logger `salmubench` is set above INFO: who wants no notes wants no progress either.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

_LINE_EVERY = 10.0  # seconds between two plain lines
_SHOWN: list[Any] = []  # bars within a bar stand below it: two displays would write over each other


def track(items: Iterable[T], *, total: int, description: str) -> Iterator[T]:
    """Yield the items and show how far they are."""
    with bar(total=total, description=description) as advance:
        for item in items:
            yield item
            advance(1)


@contextlib.contextmanager
def bar(*, total: int, description: str) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr, described in one or two words; the block calls `advance(n)`."""
    if logging.getLogger("salmubench").level > logging.INFO:
        yield lambda _: None
        return
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        outer = _SHOWN[-1] if _SHOWN else None
        progress = outer or Progress(*columns, console=Console(stderr=True), transient=True)
        with contextlib.nullcontext() if outer else progress:
            task = progress.add_task(description, total=total)
            _SHOWN.append(progress)
            try:
                yield lambda count: progress.advance(task, count)
            finally:
                _SHOWN.pop()
                progress.remove_task(task)
        return
    yield _line_printer(total, description)


def _line_printer(total: int, description: str) -> Callable[[int], None]:
    done, started = 0, time.monotonic()
    shown = started

    def advance(count: int) -> None:
        nonlocal done, shown
        done += count
        now = time.monotonic()
        if now - shown >= _LINE_EVERY:
            shown = now
            left = f", {duration((now - started) / done * (total - done))} left" if 0 < done < total else ""
            sys.stderr.write(f"{description}: {done}/{total}{left}\n")
            sys.stderr.flush()

    return advance


def duration(seconds: float) -> str:
    """A time in the unit that tells it roughly.

    Examples:
        >>> duration(40), duration(400), duration(9000)
        ('40 s', '7 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
