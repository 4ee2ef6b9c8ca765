"""docs/methods.md says what the methods' files say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from salmubench.unlearn import method_names

ROOT = Path(__file__).parents[2]


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("update_methods", ROOT / "scripts" / "update_methods.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current() -> None:
    assert script().main(["--check"]) == 0


def test_every_method_has_its_lines() -> None:
    loaded = script()
    page = loaded.PAGE.read_text(encoding="utf-8")
    for name in method_names():
        assert f"### {name}\n" in page


def test_a_stale_page_is_found(tmp_path: Path) -> None:
    loaded = script()
    stale = tmp_path / "methods.md"
    page = loaded.PAGE.read_text(encoding="utf-8")
    stale.write_text(page.replace("<!-- begin:overview -->\n", "<!-- begin:overview -->\nold\n"))
    loaded.PAGE = stale
    assert loaded.main(["--check"]) == 1
    assert loaded.main([]) == 0
    assert loaded.main(["--check"]) == 0
