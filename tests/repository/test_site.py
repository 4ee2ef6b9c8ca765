"""The documentation's site: builds without a warning, needs no network, has a page for every plug-in; its code runs."""

import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from importlib import resources
from pathlib import Path

import pytest

import salmubench
from chromium import browser_missing
from salmubench.cli.listing import known
from salmubench.cli.main import COMMANDS

pytestmark = pytest.mark.stage

ROOT = Path(__file__).parents[2]


@pytest.mark.night
@pytest.mark.long(40)
def test_site(tmp_path, request):
    """One test, since the processes that share the tests would each build a site of their own."""
    out = tmp_path / "site"
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    program = [sys.executable, "-W", "ignore", "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
    done = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout  # with --quiet warnings would not count
    check_every_plugin_has_a_page_with_its_definition(out)
    check_every_public_name_and_command_is_explained(out)
    check_every_page_of_the_repository_is_in_the_navigation(out)
    check_nothing_is_loaded_from_a_network(out)
    check_groups_of_the_navigation(out)
    check_numbers_of_tables_stay_whole(out)
    if browser_missing() is None or "CI" in os.environ:
        check_in_a_browser(out, request.getfixturevalue("browser"))


def check_every_plugin_has_a_page_with_its_definition(site):
    assert "MRR = mean(1 / rank)" in (site / "metrics" / "retfail.html").read_text(encoding="utf-8")
    for kind in ("metrics", "methods"):
        for name in known(kind):
            assert (site / kind / f"{name}.html").is_file()
    method = (site / "methods" / "cliperase.html").read_text(encoding="utf-8")
    assert "2410.23330" in method
    assert "λ2, weight of the forgetting module" in method


def check_every_public_name_and_command_is_explained(site):
    reference = (site / "api.html").read_text(encoding="utf-8")
    for name in salmubench.__all__:
        home, _, attribute = salmubench._HOMES[name].partition(":")
        assert f'id="{home}.{attribute or name}"' in reference
    commands = (site / "command_line.html").read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f"usage: salmubench {command}" in commands


def check_every_page_of_the_repository_is_in_the_navigation(site):
    index = (site / "index.html").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert f'href="{page.stem}.html"' in index or page.stem == "index", page.name


def check_nothing_is_loaded_from_a_network(site):
    loading = r"<(?:script|img|iframe|link|source)\b[^>]*?\b(?:src|href)=\"((?:https?:)?//[^\"]*)"
    for page in site.rglob("*.html"):
        found = re.findall(loading, page.read_text(encoding="utf-8"))
        assert not [target for target in found if "canonical" not in target], (page.name, found)
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*['\"]?https?:", sheet.read_text(encoding="utf-8")), sheet.name


def check_groups_of_the_navigation(site):
    index = (site / "index.html").read_text(encoding="utf-8")
    tabs = re.findall(r'class="md-tabs__link"[^>]*>\s*([^<]+?)\s*<', index)
    assert tabs == ["Start", "Use", "Take part", "Reference", "Background"]


def check_numbers_of_tables_stay_whole(site):
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", (site / "measurements.html").read_text(encoding="utf-8"))
    assert any("\u202f%" in cell for cell in cells)
    assert not [cell for cell in cells if re.search(r"\d %", cell)]


def check_in_a_browser(site, browser):
    """Served by a server, the search finds words of several pages; at a laptop's width no table is cut."""
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    root = f"http://127.0.0.1:{server.server_port}"
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{root}/index.html")
    page.locator(".md-search__input").click()
    page.keyboard.type("hollow")
    page.locator(".md-search-result__item").first.wait_for(timeout=20_000)
    assert page.locator(".md-search-result__item").count() >= 3
    cut = {}
    for path in sorted(site.rglob("*.html")):
        page.goto(f"{root}/{path.relative_to(site)}")
        cut[path.name] = page.evaluate(
            "(document.documentElement.scrollWidth > innerWidth ? ['the page'] : []).concat("
            "[...document.querySelectorAll('.md-typeset__scrollwrap, .md-typeset__table')]"
            ".filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent.trim().slice(0, 60)))"
        )
    seen = [(name, scheme) for name in ("index", "leaderboard", "methods", "api") for scheme in ("light", "dark")]
    serious = {place: barriers(browser, f"{root}/{place[0]}.html", place[1]) for place in seen}
    page.close()
    server.shutdown()
    server.server_close()
    assert {name: found for name, found in cut.items() if found} == {}
    assert {place: found for place, found in serious.items() if found} == {}


def barriers(browser, address, scheme):
    """What axe finds that is serious or worse, but in the theme's own box for searching."""
    axe = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme, reduced_motion="reduce")
    page.goto(address)
    page.evaluate(axe)
    found = page.evaluate("axe.run({exclude: ['.md-search']}, {resultTypes: ['violations']})")["violations"]
    page.close()
    return [
        (item["id"], item["nodes"][0]["target"], item["nodes"][0]["failureSummary"])
        for item in found
        if item["impact"] in ("serious", "critical")
    ]


def block(page: str, title: str) -> str:
    """The code block of that title."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found = re.search(rf'```python title="{re.escape(title)}"\n(.*?)```', text, re.DOTALL)
    assert found is not None, f"{page} has no block {title}"
    return found[1]


@pytest.mark.parametrize("title", ["margin.py", "shrink.py"])
def test_methods_of_the_docs_run(title, tiny_folder, tmp_path):
    from salmubench.core.manifest import read_json
    from salmubench.dataset.layout import open_dataset
    from salmubench.unlearn import unlearn
    from salmubench.unlearn.config import UnlearnConfig
    from tiny_model import tiny_model

    method = tmp_path / title
    method.write_text(block("add_a_method.md", title), encoding="utf-8")
    out = unlearn(
        str(method), model=tiny_model(tmp_path / "model"), dataset=open_dataset(tiny_folder), out=tmp_path / "out",
        budget=1, seed=0, settings=UnlearnConfig(batch_size=8),
    )  # fmt: skip
    assert read_json(out / "manifest.json")["outputs"]["pairs"]


def test_metric_of_the_docs_runs(tmp_path):
    from fake_embeddings import fake_world, vectors, write_embeddings
    from salmubench.metrics import ScoreConfig, score
    from salmubench.scoring.record_files import read_record

    metric = tmp_path / "margin_share.py"
    metric.write_text(block("add_a_metric.md", "margin_share.py"), encoding="utf-8")
    world, folders = fake_world(), {}
    for kind, strength in {"clean": 0.0, "compromised": 3.0, "model": 1.5}.items():
        made = vectors(world, seed=1, strength=strength)
        folders[kind] = write_embeddings(tmp_path / kind, world, made, kind=None if kind == "model" else kind)
    path = score(
        embeddings=folders["model"], clean=folders["clean"], compromised=folders["compromised"],
        out=tmp_path / "record.json", config=ScoreConfig(bootstraps=100, extra_metrics=(str(metric),)),
    )  # fmt: skip
    found = read_record(path).scores["MarginShare"]["value"]
    assert found.clean < found.value <= found.compromised
    assert found.n == len(world.of("forget"))


def test_backend_of_the_docs_runs(tmp_path):
    from salmubench.generator import backends

    file = tmp_path / "telegram.py"
    file.write_text(block("add_a_backend.md", "telegram.py"), encoding="utf-8")
    backend = backends.CAPTIONS.load(str(file))
    asked = [
        backends.Request("sensitive", seed=4, name="Ann Example", field="phone_number", value="+1 202-555-0101"),
        backends.Request("paraphrase", seed=4, name="Ann Example", field="city", value="Ghent"),
        backends.Request("generic", seed=4, facts={"hair": "dark hair", "age": "young"}),
    ]
    texts = [written.text for written in backends.write(backend, asked)]
    assert texts == [
        "Ann Example · phone number · +1 202-555-0101", "STOP Ghent STOP Ann Example STOP", "portrait, young, dark hair"
    ]  # fmt: skip


def test_python_of_the_quick_start_runs(tmp_path, monkeypatch, capsys, tiny_run):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "quick_start.md").read_text(), re.DOTALL)
    shutil.copytree(tiny_run, tmp_path / "runs" / "tiny")  # there one more candidate is to be made
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    leakage = salmubench.read_record("runs/tiny/records/finetuning-5x.json").scores["RetFail"]["mrr"]
    printed = capsys.readouterr().out.splitlines()[-1]
    assert printed == f"{leakage.value} {leakage.ci95} {leakage.normalised.value}"


def test_speeds_are_those_of_the_results():
    import importlib.util

    spec = importlib.util.spec_from_file_location("update_speed", ROOT / "scripts" / "update_speed.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.main(["--check"]) == 0
    used = {name for page in script.PAGES for name in re.findall(r"<!-- begin:([\w-]+) -->", page.read_text())}
    assert used == set(script.BLOCKS)
