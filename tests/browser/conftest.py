"""Pages that are looked at in a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import contest_world
from attack_world import INFOS, write_attacks
from report_world import METRICS, WORLDS, embed
from salmubench.scoring.contest_record import ContestRecord
from submission_world import OTHER_BUDGETS, edit_json, mend, write_submittable_run

EVIL = '<script>window.hacked=1</script><img src="https://evil.example/x" onerror="window.hacked=1">'
AUTHOR = '<img src=x onerror="window.hacked=1"> [click](javascript:window.hacked=1) =1+1'


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with several budgets and a persona whose name is an attack; read only."""
    folder = write_submittable_run(
        tmp_path_factory.mktemp("browser") / "mini", names=(*WORLDS, *OTHER_BUDGETS), identities=16
    )
    write_attacks(folder, {"cliperase-5x": dict.fromkeys(INFOS, 0.6), "my_method-5x": dict.fromkeys(INFOS, 0.0)})
    embed(folder)
    from salmubench.core.errors import MethodError
    from salmubench.dataset import layout
    from salmubench.scoring.record_files import write_failed

    dataset = layout.Dataset(folder / "dataset")
    path = folder / "records" / "evil-5x.json"
    write_failed(path, model="evil-5x", error=MethodError("evil", 3, EVIL), dataset=dataset, budget=5.0)
    return folder


@pytest.fixture(scope="session")
def report_page(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from salmubench.report.config import ReportConfig
    from salmubench.report.page import report
    from salmubench.unlearn.registry import method_titles

    return report(
        [run], out=tmp_path_factory.mktemp("report"), config=ReportConfig(), metrics=METRICS, titles=method_titles()
    )


def hostile(record: dict[str, Any]) -> None:
    """Put markup into every free text of a record."""
    record["dataset"]["name"] = EVIL
    record["notes"] = [EVIL, AUTHOR]
    record["model"]["config"] = {EVIL: [EVIL], "deep": {"=1+1": AUTHOR}}
    record["model"]["config_given"] = {EVIL: EVIL}
    record["provenance"].update(version=EVIL, commit=EVIL)
    record["encoding"].update(device=EVIL, precision=AUTHOR)


@pytest.fixture(scope="session")
def deletion_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a deletion."""
    from deletion_world import compared, written
    from fake_embeddings import fake_world
    from salmubench.deletion import page as deletions

    folder, world = tmp_path_factory.mktemp("deletion"), fake_world()
    models = written(folder, world, knows=6.0, never=0.0)
    page = folder / "deletion.html"
    page.write_text(deletions.page(compared(folder, world, models["knows"], models["never"])), encoding="utf-8")
    return page


@pytest.fixture(scope="session")
def site(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A leaderboard with a hostile author."""
    from salmubench.leaderboard.build import build
    from salmubench.leaderboard.submission import submit

    folder = tmp_path_factory.mktemp("site")
    for name in ("cliperase-1x", "cliperase-2x", "cliperase-5x", "delete-5x", "finetuning-5x"):
        submit(run, model=name, out=folder / "results" / name)
    submit(run, model="my_method-5x", out=folder / "results" / "mine", author=AUTHOR, link="https://example.org/a")
    edit_json(folder / "results" / "mine" / "record.json", hostile)
    mend(folder / "results" / "mine")
    (folder / "results" / "<b>x").mkdir()
    contest = contest_world.hostile(invented(folder))
    return build(folder / "results", out=folder / "site", metrics=METRICS, contest=contest).index


def invented(folder: Path) -> ContestRecord:
    """A contest of invented records."""
    return contest_world.summed(folder / "plan", contest_world.worlds(contest_world.base_record(folder / "base")))


@pytest.fixture(scope="session")
def contest_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from salmubench.contest.page import write

    folder = tmp_path_factory.mktemp("contest")
    return write(folder, invented(folder))


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open a file; at the end nothing may have been said on the console, thrown, or asked of a network."""
    contexts, trouble = [], []

    def opened(path: Path, *, width: int = 1280, scheme: str = "light", media: str | None = None) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: trouble.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
        page.on(
            "request",
            lambda request: request.url.startswith(("file:", "data:", "blob:")) or trouble.append(request.url),
        )
        page.goto(path.as_uri())
        if media:
            page.emulate_media(media=media)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert trouble == []
