"""Fixtures that several rooms share; the modules that tests share lie in `support/`, which is on the path."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chromium import FLAGS, browser_missing, chromium
from report_world import METRICS, write_run
from salmubench.core.pools import keep_freed_memory
from salmubench.report.config import ReportConfig
from salmubench.report.page import report
from salmubench.unlearn.registry import method_titles
from tiny import tiny_dataset
from tiny_run import make_tiny_run

keep_freed_memory()  # as the command does: tests train in this process


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for a finished stage; begin with the longest: none is left at the end, while others are idle."""
    for item in items:
        if "stage" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.stage)

    def seconds(item: pytest.Item) -> int:
        mark = item.get_closest_marker("long")
        return mark.args[0] if mark else 0

    items.sort(key=seconds, reverse=True)


@pytest.fixture(scope="session")
def stage() -> None:
    """Fixtures that run a stage ask for this one: whatever test asks for them has the mark `stage`."""


@pytest.fixture(scope="session")
def browser(stage: None) -> Iterator[Any]:
    """Chromium through playwright, which a process can start once: skipped where there is none, but an error in CI."""
    reason = browser_missing()
    if reason is not None:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as engine:
        found = engine.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        yield found
        found.close()


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny valid dataset; read only."""
    return tiny_dataset(tmp_path_factory.mktemp("tiny") / "dataset")


@pytest.fixture(scope="session")
def tiny_run(stage: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run of the recipe tiny; read only: copy it."""
    return make_tiny_run(tmp_path_factory)


@pytest.fixture(scope="session")
def ray_cluster(stage: None) -> Iterator[None]:
    """A Ray of two processors on this machine; its workers can import what lies in `tests/support/`."""
    ray = pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    here = Path(__file__).parent / "support"
    paths = os.pathsep.join([str(here), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {"env_vars": {"PYTHONPATH": paths}}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error", runtime_env=environment)
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def run_folder(stage: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
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
def submittable(stage: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose records can be submitted; read only."""
    from submission_world import write_submittable_run

    return write_submittable_run(tmp_path_factory.mktemp("submittable") / "mini")


@pytest.fixture(scope="session")
def packed(submittable: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A submission of that run that passes; read only."""
    from salmubench.leaderboard.submission import submit

    return submit(submittable, model="cliperase-5x", out=tmp_path_factory.mktemp("packed") / "cliperase")
