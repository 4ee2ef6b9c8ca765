"""Ctrl-C and SIGTERM, whatever a library makes of them.

A signal raises wherever the program happens to be, and a library that is left halfway may say so in an error of its
own: a loss that fails, an archive that can't be closed, weights that can't be read. Such an error is no result: whoever
keeps errors as results asks here first.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import NoReturn

_asked: list[KeyboardInterrupt] = []


class Terminated(KeyboardInterrupt):
    """SIGTERM: ends as Ctrl-C does."""


@contextlib.contextmanager
def noted() -> Iterator[None]:
    """Let both signals raise, and keep that they came. Only the main thread can; an ignored Ctrl-C stays so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _frame: object) -> NoReturn:
        _asked.append(Terminated() if number == signal.SIGTERM else KeyboardInterrupt())
        raise _asked[-1]

    numbers = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        numbers.append(signal.SIGINT)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _asked.clear()


def behind(error: BaseException | None) -> KeyboardInterrupt | None:
    """The Ctrl-C or SIGTERM that an error came of, if any: one that it was raised from, or that came before it."""
    for _ in range(10):
        if error is None or isinstance(error, KeyboardInterrupt):
            break
        error = error.__cause__ or error.__context__
    return error if isinstance(error, KeyboardInterrupt) else (_asked[-1] if _asked else None)


def pass_on(error: BaseException) -> None:
    """Raise the interruption that an error came of, if any.

    Raises:
        KeyboardInterrupt: the error is no result.
    """
    stop = behind(error)
    if stop is not None:
        raise stop from None
