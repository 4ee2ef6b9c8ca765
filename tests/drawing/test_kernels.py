"""Modules of kernels are imported by one thread at a time."""

from __future__ import annotations

import importlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from salmubench.drawing import kernels


def test_one_thread_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most = 0, 0
    changing = threading.Lock()

    def slow(name: str) -> str:
        nonlocal inside, most
        with changing:
            inside += 1
            most = max(most, inside)
        time.sleep(0.02)
        with changing:
            inside -= 1
        return name

    monkeypatch.setattr(importlib, "import_module", slow)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(kernels, ["people.march", "things.draw"] * 8))
    assert most == 1
    assert set(found) == {"salmubench.drawing.people.march", "salmubench.drawing.things.draw"}


def test_it_is_the_module() -> None:
    assert callable(kernels("people.march").kernel)
