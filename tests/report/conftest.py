"""A made-up run, written once, and its page."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_world import write_run

from salmubench.report.config import ReportConfig
from salmubench.report.page import report


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run folder; read only."""
    return write_run(tmp_path_factory.mktemp("run") / "mini")


@pytest.fixture(scope="session")
def page(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of that run."""
    return report([run_folder], out=tmp_path_factory.mktemp("page"), config=ReportConfig()).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def submittable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose records can be submitted; read only."""
    from submission_world import write_submittable_run

    return write_submittable_run(tmp_path_factory.mktemp("submittable") / "mini")


@pytest.fixture(scope="session")
def packed(submittable: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A submission of that run that passes; read only."""
    from salmubench.report.submission import submit

    return submit(submittable, model="cliperase-5x", out=tmp_path_factory.mktemp("packed") / "cliperase")
