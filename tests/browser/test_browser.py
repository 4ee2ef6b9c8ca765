"""The report and the leaderboard in a real browser."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Visit = Callable[..., Any]
WIDTHS = (1280, 360)
SCHEMES = ("light", "dark")


KINDS = {
    "report": ("report_page", ""), "index": ("site", ""), "contest": ("contest_page", ""),
    "deletion": ("deletion_page", ""), "submission": ("site", "../submissions/mine.html"),
    "method": ("site", "../methods/cliperase.html"),
}  # fmt: skip
"""Kind of page → the fixture that writes it, and where it lies from there."""
RARE = ("contest", "deletion", "submission", "method")
PAGES = [pytest.param(kind, marks=pytest.mark.night) if kind in RARE else kind for kind in KINDS]


class Pages:
    """The pages, each written when it is first asked for."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request

    def __getitem__(self, kind: str) -> Path:
        fixture, place = KINDS[kind]
        return Path(os.path.normpath(self._request.getfixturevalue(fixture) / place))


@pytest.fixture
def pages(request: pytest.FixtureRequest) -> Pages:
    return Pages(request)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_fits_the_width_and_draws(visit: Visit, pages: Pages, name: str, width: int) -> None:
    page = visit(pages[name], width=width)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    sizes = page.evaluate(
        "[...document.querySelectorAll('svg')].filter(item => item.checkVisibility())"
        ".map(item => item.getBoundingClientRect().height)"
    )
    assert all(size > 4 for size in sizes)
    if name in ("report", "index"):
        visible = page.locator("svg.damage.narrow" if width < 620 else "svg.damage.wide").first
        assert visible.is_visible()
        assert visible.locator(".mark").count() >= 5
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize("width", WIDTHS)
def test_columns_of_words_are_as_wide_as_a_word(visit: Visit, pages: Pages, width: int) -> None:
    cells = visit(pages["index"], width=width).locator("td.words")
    assert cells.count() >= 2
    assert all(cell.bounding_box()["width"] >= 60 for cell in cells.all())


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", [SCHEMES[0], *(pytest.param(one, marks=pytest.mark.night) for one in SCHEMES[1:])])
def test_no_serious_violation_of_accessibility(visit: Visit, pages: Pages, name: str, scheme: str) -> None:
    from importlib import resources

    axe = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    page = visit(pages[name], scheme=scheme)
    for group in page.locator("details").all():
        group.evaluate("element => { element.open = true }")
    page.evaluate(axe)  # the page's policy forbids script elements, so it is evaluated
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [
        (item["id"], item["nodes"][0]["target"], item["nodes"][0]["failureSummary"])
        for item in found["violations"]
        if item["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_dark_mode_changes_the_colours(visit: Visit, site: Path) -> None:
    colours = [
        visit(site, scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor") for scheme in SCHEMES
    ]
    light, dark = (sum(int(part) for part in colour[4:-1].split(",")) for colour in colours)
    assert light > 700
    assert dark < 120


def names_of(table: Any) -> list[str]:
    found: list[str] = table.locator("tbody.methods tr:visible th").all_inner_texts()
    return [name.split("\n")[0] for name in found]


def test_sorting_by_number_and_name(visit: Visit, report_page: Path) -> None:
    page = visit(report_page)
    table = page.locator("table.sortable").nth(1)
    head = table.locator("thead th").nth(1)
    head.locator(".head button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    keys = table.locator("tbody.methods tr").evaluate_all(
        "rows => rows.map(row => row.cells[1] && row.cells[1].dataset.sort).filter(Boolean).map(Number)"
    )
    assert len(keys) > 8
    assert keys == sorted(keys)
    head.locator(".head button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    first = names_of(table)[0]
    table.locator("thead th").first.get_by_role("button").click()
    ordered = names_of(table)
    assert ordered == sorted(ordered, key=str.lower)
    assert first in ordered


def test_filter_of_the_report(visit: Visit, report_page: Path) -> None:
    page = visit(report_page)
    bar = page.locator(".filter").first
    table = page.locator("table.sortable").nth(1)
    whole = len(names_of(table))
    bar.get_by_label("Name").fill("erase")
    assert names_of(table) == ["CLIPErase 1×", "CLIPErase 2×", "CLIPErase 5×"]
    assert "3 of" in bar.locator("output").inner_text()
    bar.get_by_label("Budget").select_option("2×")
    assert names_of(table) == ["CLIPErase 2×"]
    bar.get_by_label("Name").fill("")
    bar.get_by_label("Budget").select_option("")
    bar.get_by_label("Failure modes").select_option("failed")
    assert names_of(table) == ["evil 5×"]
    bar.get_by_label("Failure modes").select_option("")
    assert len(names_of(table)) == whole
    assert table.locator("tbody.references tr:visible").count() == 2


def test_filter_and_sort_of_the_board(visit: Visit, site: Path) -> None:
    page = visit(site)
    table = page.locator("table.board-table").first
    assert len(names_of(table)) == 6
    page.get_by_label("Failure modes").first.select_option("front")
    front = names_of(table)
    feed = json.loads((site.parent / "leaderboard.json").read_text())
    rows = [row for board in feed["boards"] for row in board["submissions"]]
    assert len(front) == sum(row["pareto"] for row in rows)
    page.get_by_label("Failure modes").first.select_option("")
    page.get_by_role("searchbox", name="Name").first.fill("cliperase")
    assert len(names_of(table)) == 3
    table.locator("thead th").nth(2).locator(".head button").click()
    shown = table.locator("tbody.methods tr:visible").evaluate_all(
        "rows => rows.map(r => Number(r.cells[2].dataset.sort))"
    )
    assert shown == sorted(shown)
    page.locator("table.board-table tbody a").filter(has_text="cliperase-5x").click()
    page.wait_for_url("**/submissions/cliperase-5x.html")
    assert page.get_by_role("heading", level=2).inner_text() == "cliperase-5x"
    page.get_by_role("navigation").get_by_role("link", name="cliperase", exact=True).click()
    assert page.locator("table.board-table tbody tr").count() == 3


def test_points_of_the_front_lead_to_their_pages(visit: Visit, site: Path) -> None:
    page = visit(site)
    link = page.locator("svg.damage.wide a").first
    link.click()
    page.wait_for_url("**/submissions/*.html")


@pytest.mark.parametrize("label", ["CSV", "JSON", "Markdown", "LaTeX", "BibTeX"])
def test_downloads(visit: Visit, report_page: Path, tmp_path: Path, label: str) -> None:
    page = visit(report_page)
    with page.expect_download() as waiting:
        page.locator(".downloads").first.get_by_role("link", name=label, exact=True).click()
    waiting.value.save_as(tmp_path / "file")
    content = (tmp_path / "file").read_text(encoding="utf-8")
    if label == "JSON":
        assert {record["model"]["name"] for record in json.loads(content)} >= {"clean", "cliperase-1x"}
    elif label == "CSV":
        rows = list(csv.DictReader(content.splitlines()))
        assert len({row["model"] for row in rows}) > 10
        assert not [cell for row in rows for cell in row.values() if (cell or "").startswith(("=", "+", "@"))]
    else:
        assert {"Markdown": "| RetFail MRR |", "LaTeX": r"\toprule", "BibTeX": "2603.26316"}[label] in content


def test_groups(visit: Visit, report_page: Path) -> None:
    page = visit(report_page)
    groups = page.locator("details.group")
    assert groups.count() >= 3
    assert groups.first.locator("table").count() == 2
    last = groups.last
    last.locator("summary").click()
    assert last.locator("table").first.is_visible()
    heads = groups.first.locator("thead th").all_inner_texts()
    assert any("e-mail" in head and "n = " in head for head in heads)


@pytest.mark.night
def test_names_of_strangers_are_text(visit: Visit, pages: Pages, site: Path, report_page: Path) -> None:
    for name, path in ((kind, pages[kind]) for kind in KINDS):
        page = visit(path)
        assert page.evaluate("window.hacked") is None
        assert page.locator("script").count() == (0 if name == "deletion" else 1)
        assert page.locator("img[src^='http'], img[src='x']").count() == 0
        assert page.locator("a[href^='javascript']").count() == 0
    facts = visit(pages["submission"]).locator("dl.facts").inner_text()
    assert facts.count("<script>window.hacked=1</script>") >= 3
    shown = visit(site).locator("table.board-table").first.inner_text()
    assert "[click](javascript:window.hacked=1) =1+1" in shown
    assert "<script>window.hacked=1</script>" in visit(report_page).locator("#run1-numbers").inner_text()


def test_keyboard_reaches_everything(visit: Visit, site: Path) -> None:
    page = visit(site)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    seen = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.tagName"))
    assert {"A", "INPUT", "SELECT", "BUTTON"} <= seen


def test_works_without_script(browser: Any, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.as_uri())
    assert page.locator("table.board-table tbody tr").count() == 6
    assert page.locator(".filter").first.is_hidden()
    context.close()


def test_prints(visit: Visit, report_page: Path) -> None:
    page = visit(report_page, media="print")
    assert page.locator(".filter").first.is_hidden()
    assert len(page.pdf()) > 20_000


def test_cells_of_the_attacks_tell_more_by_pointer_and_by_keyboard(visit: Visit, report_page: Path) -> None:
    page = visit(report_page)
    cells = page.locator("#run1-recovery tbody.methods td.heat")
    first = cells.first

    def told(cell: Any) -> bool:
        return bool(cell.locator(".tip").evaluate("one => one.getBoundingClientRect().width > 40"))

    assert not told(first)
    first.hover()
    assert told(first)
    assert "95 % interval [" in first.locator(".tip").inner_text()
    page.mouse.move(0, 0)
    page.locator("#run1-recovery .scroll").first.focus()
    for _ in range(1 + page.locator("#run1-recovery table").first.locator("thead button").count()):
        page.keyboard.press("Tab")  # the heads, then one stop for all cells: the first
    assert page.locator("td.heat:focus").evaluate("cell => cell.parentElement.rowIndex") == 1
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    focused = page.locator("td.heat:focus")
    assert told(focused)
    assert focused.evaluate("cell => [cell.parentElement.rowIndex, cell.cellIndex]") == [4, 2]
    page.keyboard.press("Escape")
    assert not focused.locator(".tip").is_visible()
    page.keyboard.press("ArrowLeft")
    assert told(page.locator("td.heat:focus"))
    page.keyboard.press("Tab")
    assert page.locator("td.heat:focus").count() == 0


def test_cells_of_the_attacks_without_script(browser: Any, report_page: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report_page.as_uri())
    assert (
        page.locator("#run1-recovery td.heat[tabindex='0']").count() == page.locator("#run1-recovery td.heat").count()
    )
    context.close()


SETTLED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def test_definitions_open_by_keyboard_and_stay_on_the_screen(visit: Visit, report_page: Path) -> None:
    for width in WIDTHS:
        page = visit(report_page, width=width)
        buttons = page.locator("#run1-numbers .what")
        assert buttons.count() > 20
        for number in (0, 3, 8, buttons.count() - 1):
            button = buttons.nth(number)
            button.scroll_into_view_if_needed()
            button.focus()
            page.evaluate(SETTLED)  # scrolling closes what is open
            page.keyboard.press("Enter")
            shown = page.locator(".define:popover-open")
            shown.wait_for()
            assert shown.count() == 1
            assert len(shown.inner_text()) > 30
            box = shown.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= 900
            page.keyboard.press("Escape")
            shown.wait_for(state="hidden")


@pytest.mark.parametrize(
    ("name", "tables"),
    [("report", ":is(#run1-numbers, .side-by-side) .scroll"), ("index", ".scroll:has(.board-table)")],
)
def test_no_column_is_clipped(visit: Visit, pages: Pages, name: str, tables: str) -> None:
    """At a laptop's width every table shows all its columns, and no head or cell lies over its neighbour."""
    page = visit(pages[name])
    for group in page.locator("details").all():
        group.evaluate("element => { element.open = true }")
    assert (
        page.evaluate(
            """tables => [...document.querySelectorAll(tables)]
            .filter(one => one.scrollWidth > one.clientWidth + 1)
            .map(one => one.querySelector('caption').textContent)""",
            tables,
        )
        == []
    )
    over = page.evaluate(
        """tables => [...document.querySelectorAll(tables)].flatMap(one => [...one.querySelectorAll('tr')])
        .flatMap(row => {
            const spans = [...row.cells].map(cell => [...cell.querySelectorAll('.head, .value, .interval')]
                .map(one => one.getBoundingClientRect()).filter(one => one.width));
            return spans.flatMap((own, place) => place + 1 < spans.length
                ? own.flatMap(a => spans[place + 1]
                    .filter(b => a.right > b.left + 1 && a.top < b.bottom && b.top < a.bottom)
                    .map(() => row.textContent.trim().slice(0, 60))) : []);
        })""",
        tables,
    )
    assert over == []


@pytest.mark.parametrize("name", ["report", "index", pytest.param("method", marks=pytest.mark.night)])
def test_captions_of_wide_tables_stay_on_a_narrow_screen(visit: Visit, pages: Pages, name: str) -> None:
    boxes = [one.bounding_box() for one in visit(pages[name], width=360).locator("caption > span:visible").all()]
    assert boxes
    assert all(box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 360 for box in boxes)


def test_look_inside_by_pointer_and_by_keyboard(visit: Visit, report_page: Path) -> None:
    page = visit(report_page)
    box = page.locator("#run1-inside .inside")
    people = box.locator(".people input")
    assert people.count() == 12
    assert box.locator(".question:visible").count() == 1
    first = box.locator(".question:visible h4").inner_text()
    people.first.focus()
    page.keyboard.press("ArrowRight")
    second = box.locator(".question:visible h4").inner_text()
    assert box.locator(".people label").nth(1).inner_text().startswith(second)
    assert first != second
    shown = box.locator(".question:visible")
    assert shown.locator(".captions:visible").count() == shown.locator(".answer").count() == 4
    assert shown.locator(".captions li:visible").count() == 20
    assert shown.locator(".values:visible").count() == 0
    box.get_by_label("Which value is the true one?").check()
    assert shown.locator(".values:visible").count() == 4
    assert shown.locator(".captions:visible").count() == 0
    assert shown.locator(".compromised li.true:visible").count() == 1


def test_look_inside_without_script(browser: Any, report_page: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report_page.as_uri())
    assert page.locator("#run1-inside .question:visible").count() == 12
    assert page.locator("#run1-inside .values:visible").count() > 12
    assert page.locator("#run1-inside fieldset:visible").count() == 0
    context.close()
