"""Messages are readable, whatever was put into them."""

from __future__ import annotations

import pickle

import pytest

from salmubench.core import errors
from salmubench.core.errors import ConfigError, MethodError, RecordError, SalmubenchError, UnknownName


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("a\x1b[2J\u202eb\x00"), MethodError("m\x07", 3, "x\x1b"), RecordError("\ud800"),
        UnknownName("key\x1b", "n\x1b", ["a\x1b"]),
    ],
)  # fmt: skip
def test_no_control_characters(error: SalmubenchError) -> None:
    assert str(error).isprintable()
    str(error).encode()
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))


def test_no_message_of_book_length() -> None:
    assert len(str(ConfigError("x" * 10**6))) == errors.LONGEST
    assert len(str(UnknownName("key", "x" * 10**6, ["y"]))) < 400
    assert str(ConfigError("Expected x.\n  one\n  two")) == "Expected x.\n  one\n  two"
