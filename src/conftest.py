"""What the examples in docstrings find: small made-up folders. Only files with an example are imported.

Run them by `pytest --doctest-modules src/salmubench`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fake_embeddings import fake_world, vectors, write_embeddings
from salmubench import open_dataset
from tiny import tiny_dataset


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out files without an example: importing them takes longer than all examples."""
    return (collection_path.suffix == ".py" and b">>> " not in collection_path.read_bytes()) or None


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`folder`, empty, and in it `dataset`, `clean`, `compromised` and `candidate`."""
    folder, world = tmp_path_factory.mktemp("examples"), fake_world()
    fingerprint = open_dataset(tiny_dataset(folder / "dataset")).fingerprint
    for name, strength, kind in (
        ("clean", 0.0, "clean"),
        ("compromised", 3.0, "compromised"),
        ("candidate", 0.5, None),
    ):
        drawn = vectors(world, seed=1, strength=strength)
        write_embeddings(folder / name, world, drawn, kind=kind, fingerprint=fingerprint)
    return {name.name: name for name in folder.iterdir()}


@pytest.fixture(autouse=True)
def _names(
    doctest_namespace: dict[str, Any], made: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let examples name these folders; what they write goes into an empty one."""
    monkeypatch.chdir(tmp_path)
    doctest_namespace.update(made, Path=Path)
