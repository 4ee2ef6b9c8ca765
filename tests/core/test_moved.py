"""Former names import, are what the present ones are, and say so once."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from salmubench import _moved, plugins

HERE = Path(__file__).parent
FORMER = (HERE / "former_modules.txt").read_text(encoding="utf-8").split()
"""Every module there was before modules moved, but those whose tables are data files now, or that others took in."""

LIGHT = {
    "salmubench.layout": "salmubench.dataset.layout",
    "salmubench.shards": "salmubench.dataset.shards",
    "salmubench.dataset.config": "salmubench.generator.config",
    "salmubench.dataset.publish": "salmubench.publish.push",
    "salmubench.dataset.captions.grammar": "salmubench.generator.captions.grammar",
    "salmubench.metrics.config": "salmubench.scoring.config",
    "salmubench.results.breakdown": "salmubench.scoring.breakdown",
    "salmubench.results.compare": "salmubench.scoring.compare",
    "salmubench.results.io": "salmubench.scoring.record_files",
    "salmubench.results.items": "salmubench.scoring.items",
    "salmubench.results.scores": "salmubench.scoring.views",
    "salmubench.report.check": "salmubench.leaderboard.check",
    "salmubench.report.leaderboard": "salmubench.leaderboard.build",
    "salmubench.report.submission": "salmubench.leaderboard.submission",
    "salmubench.unlearn.search": "salmubench.tuning.rule",
}
PACKAGES = {
    "salmubench.phrasings": "salmubench.dataset.phrasings",
    "salmubench.results": "salmubench.scoring",
    "salmubench.dataset.captions": "salmubench.generator.captions",
}


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No former module has been imported."""
    for name in [name for name in sys.modules if _moved.present(name) is not None]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("name", FORMER)
def test_every_former_module_is_somewhere(name: str) -> None:
    present = _moved.present(name) or name
    assert importlib.util.find_spec(present) is not None, f"{name}: nothing at {present}"
    assert importlib.util.find_spec(name) is not None


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("old", LIGHT)
def test_a_module_is_the_same_and_warns_once(old: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        module = importlib.import_module(old)
        importlib.import_module(old)
    assert module is importlib.import_module(LIGHT[old])
    (warning,) = caught
    assert warning.category is DeprecationWarning
    assert str(warning.message) == f"{old} is now {LIGHT[old]}. Use that name."


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("old", PACKAGES)
def test_a_package_has_the_same_names_and_warns_once(old: str) -> None:
    present = importlib.import_module(PACKAGES[old])
    names = getattr(present, "__all__", None) or [name for name in vars(present) if not name.startswith("__")]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        package = importlib.import_module(old)
        assert all(getattr(package, name) is getattr(present, name) for name in names)
    assert [str(warning.message) for warning in caught] == [f"{old} is now {PACKAGES[old]}. Use that name."]
    with pytest.raises(AttributeError, match="no_such_name"):
        package.no_such_name  # noqa: B018


@pytest.mark.usefixtures("fresh")
def test_a_module_does_not_hide_the_function_of_its_name() -> None:
    from salmubench.scoring import compare

    with pytest.warns(DeprecationWarning, match=r"salmubench\.results\.compare is now"):
        importlib.import_module("salmubench.results.compare")
    with pytest.warns(DeprecationWarning, match=r"salmubench\.results is now"):
        assert importlib.import_module("salmubench.results").compare is compare


def test_names_that_moved_out_of_modules_that_stay() -> None:
    for old, new in _moved.NAMES.items():
        module, _, name = old.rpartition(".")
        home, _, last = new.rpartition(".")
        with pytest.warns(DeprecationWarning, match=rf"salmubench\.{old} is now salmubench\.{new}\.") as caught:
            found = getattr(importlib.import_module(f"salmubench.{module}"), name)
        assert caught[0].filename == __file__
        assert found is getattr(importlib.import_module(f"salmubench.{home}"), last)
    with pytest.raises(AttributeError, match=r"'salmubench\.tuning' has no attribute 'no_such_name'"):
        importlib.import_module("salmubench.tuning").no_such_name  # noqa: B018


@pytest.mark.usefixtures("fresh")
def test_the_warning_names_the_line_that_imports() -> None:
    with pytest.warns(DeprecationWarning, match="is now salmubench.scoring.record_files") as caught:
        from salmubench.results.io import read_record  # noqa: F401
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.warns(DeprecationWarning, match="is now salmubench.scoring") as caught:
        from salmubench.results import read_gallery  # noqa: F401
    assert [warning.filename for warning in caught] == [__file__]


def test_nothing_else_is_found() -> None:
    for name in ("salmubench.nothing", "salmubench.results.nothing", "salmubench.dataset.nothing"):
        with pytest.raises(ModuleNotFoundError, match=name):
            importlib.import_module(name)


def test_the_table_imports_nothing() -> None:
    code = (
        "import sys, salmubench._moved\n"
        "named = {name for name in sys.modules if name.startswith('salmubench')}\n"
        "assert named == {'salmubench', 'salmubench._moved'}, named\n"
        "assert not {'torch', 'pyarrow', 'numpy', 'numba'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_plugins_under_a_former_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_portraits.py").write_text('"""Portraits of my own."""\nVALUE = 7\n')
    info = tmp_path / "own-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[salmubench.dataset.portraits]\nown = own_portraits\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    package = "salmubench.generator.portraits"
    with pytest.warns(DeprecationWarning, match=rf"group salmubench\.dataset\.portraits .* is now {package}") as caught:
        assert "own" in plugins.names(package)
    assert len(caught) == 1
    assert plugins.load(package, "own", kind="backend").VALUE == 7  # it has been said once
    assert plugins.docstring(package, "own") == "Portraits of my own."


def test_the_page_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location("update_moved", HERE.parents[1] / "scripts" / "update_moved.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.main(["--check"]) == 0, capsys.readouterr().out
    page = script.PAGE.read_text(encoding="utf-8")
    for old, new in {**_moved.MODULES, **_moved.NAMES}.items():
        assert f"| `salmubench.{old}` | `salmubench.{new}` |" in page
