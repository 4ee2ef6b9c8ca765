"""Paths that pathlib raises foreign errors of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from salmubench.core import places

SRC = Path(places.__file__).parent


def test_real_follows_links(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    assert places.real(tmp_path / "link" / ".." / "link" / "file") == (tmp_path / "folder" / "file").resolve()


@pytest.mark.parametrize("name", ["loop", "loop/file", "a\0b", "x" * 5_000, "dangling"])
def test_every_path_has_an_answer(name: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    assert places.real(tmp_path / name).is_absolute()
    assert not places.is_folder(tmp_path / name)
    assert not places.is_file(tmp_path / name)


def test_no_module_asks_pathlib() -> None:
    """`Path.resolve` raises RuntimeError of a loop of links; of the package's own files there is none."""
    asking = [
        path.name
        for path in SRC.rglob("*.py")
        if re.search(r"(?<!Path\(__file__\))\.resolve\(", path.read_text(encoding="utf-8"))
    ]
    assert asking == []
