"""Where an author's own code failed: the line in the method's file, and a file with the full traceback."""

from __future__ import annotations

import math
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from salmubench.core import plugins, writing

TRACEBACK = "traceback.txt"
"""In the candidate's folder, until it is made again."""


def endless_terms(report: Mapping[str, Any]) -> str:
    """Which terms of a loss, as its report names them, aren't finite: the end of a message that it isn't."""
    numbers = {}
    for name, entry in report.items():
        if isinstance(entry, int | float) or (isinstance(entry, Tensor) and entry.numel() == 1):
            numbers[str(name)] = float(entry.detach() if isinstance(entry, Tensor) else entry)
    endless = [f"{name!r} is {number}" for name, number in numbers.items() if not math.isfinite(number)]
    if endless:
        return f", its term {' and '.join(endless)}"
    return f", though its terms {', '.join(map(repr, numbers))} are finite" if numbers else ""


def endless_gradients(module: nn.Module) -> str:
    """The first weight whose gradient isn't finite, for a message."""
    for name, weight in module.named_parameters():
        if weight.grad is not None and not bool(torch.isfinite(weight.grad).all()):
            return f", first in {name}"
    return ""


def described(error: BaseException, file: Path | None, *, folder: Path | None = None) -> str:
    """Type, message and place of an error in a method: `KeyError: 'names' (mine.py:23)`, and the line below it.

    Args:
        file: the method's file; the innermost line of it that was running is named.
        folder: where the full traceback is written to; `None`: nowhere.
    """
    text = plugins.described(error, file)
    if folder is not None:
        path = folder / TRACEBACK
        writing.write_text(path, "".join(traceback.format_exception(error)))
        text += f"\nThe full traceback: {path}"
    return text
