"""Exceptions of the package.

Every message says what was expected, what was found (file, row, column where there is one) and what to do::

    SalmubenchError
    ├── ConfigError        an option, recipe or argument makes no sense
    │   └── UnknownName    a plug-in, recipe or key that does not exist ("did you mean …?")
    ├── DatasetError       a dataset folder breaks the official layout
    ├── ModelError         a checkpoint can't be used
    ├── EmbeddingsError    stored embeddings don't fit the request
    ├── RecordError        a record or its side files are wrong
    ├── OutputError        an output folder can't be used
    │   ├── OutputLocked   another process is writing into it
    │   └── OutputMismatch it holds the result of other inputs
    └── StageError         a stage failed while running
        └── MethodError    an unlearning method failed (names method and step)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

LONGEST = 10_000
"""Most letters of a message."""
_SHOWN, _COMPARED = 200, 100  # letters of a name that are shown, and that are compared with those there are


def cut(text: str, most: int) -> str:
    """At most `most` letters of a text, the last a … where it was longer."""
    return text if len(text) <= most else text[: most - 1] + "…"


_STAYS = "\n\u00a0\u202f"
"""Not printable by Python, and harmless: newlines, and the spaces without a break between numbers and units."""


def printable(text: str, most: int) -> str:
    r"""A text for a terminal: control and direction characters as `\x1b`, cut to `most` letters; newlines stay."""
    seen = text[: most + 1]
    if seen.isprintable():
        return cut(seen, most)
    safe = (c if c.isprintable() or c in _STAYS else c.encode("unicode_escape").decode() for c in seen)
    return cut("".join(safe), most)


class SalmubenchError(Exception):
    r"""Base of all errors whose message is enough for the user: the command line prints it without a traceback.

    Whatever a file or a name held that is quoted in it, a message is readable text: control and direction characters
    stand as escapes, and its length has a limit.

    Args:
        message: what was expected, what was found, what to do.

    Examples:
        >>> print(SalmubenchError("Expected a name, got a\x1b[2J."))
        Expected a name, got a\x1b[2J.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message, LONGEST))


class ConfigError(SalmubenchError):
    """An option, recipe or argument makes no sense."""


class UnknownName(ConfigError):
    """A name that does not exist, with the nearest ones that do.

    Args:
        kind: what was looked for, e.g. `"method"`.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, tuple(known)
        near = difflib.get_close_matches(name[:_COMPARED], self.known, n=3, cutoff=0.5)
        hint = f"Did you mean {' or '.join(repr(item) for item in near)}?" if near else ""
        super().__init__(
            f"Unknown {kind} {cut(repr(name), _SHOWN)}. {hint or 'Known: ' + ', '.join(sorted(self.known)) + '.'}"
        )

    def __reduce__(self) -> tuple[Any, ...]:  # to come back from another process
        return type(self), (self.kind, self.name, self.known)


class DatasetError(SalmubenchError):
    """A dataset folder breaks the official layout."""


class ModelError(SalmubenchError):
    """A checkpoint can't be used."""


class EmbeddingsError(SalmubenchError):
    """Stored embeddings don't fit the request."""


class RecordError(SalmubenchError):
    """A record or its side files are wrong."""


class OutputError(SalmubenchError):
    """An output folder can't be used."""


class OutputLocked(OutputError):
    """Another process is writing into the folder."""


class OutputMismatch(OutputError):
    """The folder holds the result of other inputs."""


class StageError(SalmubenchError):
    """A stage failed while running."""


class MethodError(StageError):
    """An unlearning method failed.

    Args:
        step: the optimiser step (0-based), or `None` outside the loop.
    """

    def __init__(self, method: str, step: int | None, message: str) -> None:
        self.method, self.step, self.message = method, step, message
        where = "" if step is None else f" at step {step}"
        super().__init__(f"Method {method!r} failed{where}: {message}")

    def __reduce__(self) -> tuple[Any, ...]:  # to come back from another process
        return type(self), (self.method, self.step, self.message)
