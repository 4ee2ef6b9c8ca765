"""Where Chromium is, and with which flags the tests of pages start it."""

from __future__ import annotations

import os
import shutil

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
)  # fmt: skip


def browser_missing() -> str | None:
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "Expected the package playwright, got none: install the extra [dev]."
    if chromium() is None:
        return "Expected Chromium, got none: apt-get install chromium, or set CHROMIUM to its path."
    return None


def chromium() -> str | None:
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
