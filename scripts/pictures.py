"""Take the pictures of README and docs from a finished run; needs Chromium.

python scripts/pictures.py runs/mini                  # all of them: needs the run's dataset and embeddings
python scripts/pictures.py results/mini --board-only  # docs/leaderboard.png, for which records with items are enough
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from salmubench.leaderboard.build import build
from salmubench.leaderboard.submission import submit
from salmubench.metrics import descriptions
from salmubench.report.collect import read_run
from salmubench.report.config import ReportConfig
from salmubench.report.page import report
from salmubench.scoring.references import is_pretrained
from salmubench.unlearn.registry import method_titles

DOCS = Path(__file__).resolve().parents[1] / "docs"
MOST_BYTES = 150_000
FIRST = ".values li.true:first-child"
KNOWN = (
    f".inside .question:has(.purpose.forget):has(.answer.compromised {FIRST})"
    f":not(:has(.answer.retrained {FIRST})):not(:has(.answer.clean {FIRST}))"
)
"""A fact to forget whose value Compromised puts first, and no model that never learned it."""


def main() -> None:
    """Write `docs/report.png`, `docs/inside.png` and `docs/leaderboard.png`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of `salmubench run`")
    parser.add_argument("--board-only", action="store_true")
    chosen = parser.parse_args()
    binary = shutil.which("chromium")
    if binary is None:
        sys.exit("Expected Chromium, found none. Install it by: apt-get install chromium")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=binary, args=["--no-sandbox", "--disable-gpu"])
        board = leaderboard(chosen.run, Path(name))
        take(browser, board, "section", DOCS / "leaderboard.png", most=1400, width=1280)
        if not chosen.board_only:
            page = report(
                [chosen.run], out=Path(name) / "report", config=ReportConfig(), metrics=descriptions(),
                titles=method_titles(),
            )  # fmt: skip
            take(browser, page, "figure:has(.damage.wide)", DOCS / "report.png")
            take(browser, page, KNOWN, DOCS / "inside.png", most=520, before=ask_for_values)
        browser.close()


def leaderboard(run: Path, folder: Path) -> Path:
    """A board of the run's models."""
    for record in read_run(run).records:
        if record.status == "complete" and not is_pretrained(record):
            submit(run, model=record.model.name, out=folder / "results" / record.model.name)
    return build(folder / "results", out=folder / "site", metrics=descriptions(), titles=method_titles()).index


def ask_for_values(tab: Any, selector: str) -> None:
    """Choose on the page the person of the first such question, and which value is the true one."""
    chosen = tab.locator(selector).first.evaluate(
        "element => [...element.parentElement.querySelectorAll('.question')].indexOf(element)"
    )
    tab.locator(f".inside .people input[value='{chosen}']").check(force=True)
    tab.locator(".inside .ask input[value='values']").check(force=True)


def take(
    browser: Any,
    page: Path,
    selector: str,
    out: Path,
    *,
    most: int | None = None,
    width: int = 1120,
    before: Callable[[Any, str], None] | None = None,
) -> None:
    """Write a picture of an element.

    Args:
        browser: Chromium.
        page: the page.
        selector: of the element.
        out: the PNG.
        most: its greatest height in pixels; what lies below is cut off.
        width: of the screen, in pixels.
        before: what is done on the page first, with the tab and the selector.
    """
    tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="light")
    tab.goto(page.as_uri())
    if before is not None:
        before(tab, selector)
    picture: Image.Image = Image.open(io.BytesIO(tab.locator(selector).first.screenshot()))
    tab.close()
    picture = picture.crop((0, 0, picture.width, min(picture.height, most or picture.height)))
    picture.convert("RGB").quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        out, optimize=True
    )
    size = out.stat().st_size
    assert size < MOST_BYTES, f"Expected at most {MOST_BYTES} bytes in {out.name}, found {size}."
    print(out, picture.size, size)


if __name__ == "__main__":
    main()
