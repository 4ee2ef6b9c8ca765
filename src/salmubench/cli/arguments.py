"""What several commands share: the types of common options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from salmubench.core.errors import ConfigError

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "fp32", "bf16"]
Repeated = Sequence[str]
"""An option that may be given several times."""


class UsageError(ConfigError):
    """Arguments that don't go together: exit code 2, as for every wrong usage."""


def names(text: str) -> list[str]:
    """Split a list separated by commas."""
    return [item.strip() for item in text.split(",") if item.strip()]


def references(clean: str | None, compromised: str | None) -> tuple[str, str]:
    """Both references, or an error that says why they are needed.

    Raises:
        ConfigError: one is not given.
    """
    missing = [f"--{name}" for name, given in (("clean", clean), ("compromised", compromised)) if given is None]
    if clean is None or compromised is None:
        raise ConfigError(
            f"Expected both references, got no {' and no '.join(missing)}: forgetting is judged by the distance to "
            "Clean, damage by the distance to Compromised. Give their model, embeddings or record."
        )
    return clean, compromised


def goes_with(needed: str, given: Mapping[str, object]) -> None:
    """Refuse options that do nothing without another one, which isn't given.

    Args:
        needed: the other one.
        given: option → its value; `None` and `False` where it isn't given.

    Raises:
        UsageError: with the options.
    """
    useless = " and ".join(name for name, value in given.items() if value is not None and value is not False)
    if useless:
        raise UsageError(f"Expected {needed} beside {useless}, got none. Give it, or leave {useless} out.")


def numbers(text: str, option: str) -> list[float]:
    """Split a list of numbers separated by commas.

    Raises:
        ConfigError: not a number.
    """
    try:
        return [float(item) for item in names(text)]
    except ValueError as error:
        raise ConfigError(f"Expected comma-separated numbers for {option}, got {text!r}.") from error
