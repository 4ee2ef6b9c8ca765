"""Fixtures that several parts share. Having this file also puts `tests/` on the path: `from tiny import …`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from report_world import METRICS, write_run
from salmubench.report.config import ReportConfig
from salmubench.report.page import report
from salmubench.unlearn.registry import method_titles
from tiny import tiny_dataset


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny valid dataset; read only."""
    return tiny_dataset(tmp_path_factory.mktemp("tiny") / "dataset")


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """A Ray of two processors on this machine; its workers can import what lies in `tests/` and `tests/core/`."""
    ray = pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), str(here / "core"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {"env_vars": {"PYTHONPATH": paths}}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error", runtime_env=environment)
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run folder; read only."""
    return write_run(tmp_path_factory.mktemp("run") / "mini")


@pytest.fixture(scope="session")
def page(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of that run."""
    path = report(
        [run_folder],
        out=tmp_path_factory.mktemp("page"),
        config=ReportConfig(),
        metrics=METRICS,
        titles=method_titles(),
    )
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def submittable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose records can be submitted; read only."""
    from submission_world import write_submittable_run

    return write_submittable_run(tmp_path_factory.mktemp("submittable") / "mini")


@pytest.fixture(scope="session")
def packed(submittable: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A submission of that run that passes; read only."""
    from salmubench.leaderboard.submission import submit

    return submit(submittable, model="cliperase-5x", out=tmp_path_factory.mktemp("packed") / "cliperase")
