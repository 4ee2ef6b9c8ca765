"""The folder is the registry."""

import sys

import pytest

from salmubench.core import plugins
from salmubench.core.errors import ConfigError, UnknownName

PACKAGE = "salmubench.unlearn.methods"


def test_names_without_importing(monkeypatch):
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        monkeypatch.delitem(sys.modules, name)  # put back afterwards: other tests patch these very modules
    assert "cliperase" in plugins.names(PACKAGE)
    assert not [name for name in sys.modules if name.startswith(f"{PACKAGE}.")]


def test_unknown_name_suggests():
    with pytest.raises(UnknownName, match=r"Unknown method 'cliperas'\. Did you mean 'cliperase'"):
        plugins.load(PACKAGE, "cliperas", kind="method")


def test_by_path_with_dataclasses(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass(frozen=True)\nclass Config:\n    a: int = 3\n"
    )
    assert plugins.load(PACKAGE, str(path), kind="method").Config().a == 3
    assert plugins.stem(str(path)) == "mine"


@pytest.mark.parametrize(("content", "message"), [(None, "got nothing"), ("1/0", "ZeroDivisionError")])
def test_bad_path(tmp_path, content, message):
    path = tmp_path / "mine.py"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=message):
        plugins.load(PACKAGE, str(path), kind="method")


def test_entry_point(tmp_path, monkeypatch):
    (tmp_path / "other_method.py").write_text("VALUE = 7\n")
    info = tmp_path / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{PACKAGE}]\nother = other_method\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "other" in plugins.names(PACKAGE)
    assert plugins.load(PACKAGE, "other", kind="method").VALUE == 7
