"""Pages of the documentation that are made: of metrics, methods, backends, commands, public names, committed contests.

mkdocs calls these functions; a new file in a plug-in folder gets its page by being there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import salmubench
from salmubench import metrics
from salmubench.cli.listing import entry, known
from salmubench.cli.main import COMMANDS, command_help
from salmubench.contest import page as contest_page
from salmubench.core import plugins
from salmubench.generator.backends import listed
from salmubench.scoring.contest_record import read_contest

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results"
CONTESTS = {path.parent.relative_to(RESULTS).as_posix(): path for path in sorted(RESULTS.rglob(contest_page.RESULT))}
METHODS, METRICS = "salmubench.unlearn.methods", "salmubench.metrics"


def on_config(config: Any) -> Any:
    """Put the pages of each metric and method under their headings, and those that the navigation forgets under Use."""
    own = ["methods.md"] if (ROOT / "docs" / "methods.md").exists() else []
    found = {
        "Metrics": ["metrics/index.md", *(f"metrics/{name}.md" for name in known("metrics"))],
        "Methods": ["methods/index.md", *own, *(f"methods/{name}.md" for name in known("methods"))],
    }
    _fill(config.nav, found)
    named = set(_pages_in(config.nav))
    others = [page.name for page in sorted((ROOT / "docs").glob("*.md")) if page.name not in named]
    next(item["Use"] for item in config.nav if "Use" in item).extend(others)
    return config


def _fill(nav: Any, found: dict[str, list[str]]) -> None:
    """Give the headings of these names their pages, wherever they stand."""
    for item in nav:
        for heading, pages in item.items() if isinstance(item, dict) else ():
            if heading in found:
                item[heading] = found[heading]
            elif isinstance(pages, list):
                _fill(pages, found)


def _pages_in(nav: Any) -> Iterator[str]:
    """The files that a part of the navigation names."""
    if isinstance(nav, str):
        yield nav
    else:
        for item in nav.values() if isinstance(nav, dict) else nav:
            yield from _pages_in(item)


def on_files(files: Files, config: Any) -> Files:
    """Add the pages."""
    pages = {
        "metrics/index.md": _overview("Metrics", "metrics", _METRICS_TEXT),
        "methods/index.md": _overview("Methods", "methods", _METHODS_TEXT),
        "backends.md": _backends(),
        "command_line.md": (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8") + _commands(),
        "api.md": _public_names(),
        "changelog.md": (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").replace("](docs/", "]("),
        **{f"metrics/{name}.md": _metric(name) for name in known("metrics")},
        **{f"methods/{name}.md": _method(name) for name in known("methods")},
    }
    for name, result in CONTESTS.items():
        pages[f"contests/{name}/{contest_page.PAGE}"] = contest_page.html(read_contest(result))
        pages[f"contests/{name}/{contest_page.RESULT}"] = result.read_text(encoding="utf-8")
    for path, text in pages.items():
        earlier = files.get_file_from_path(path)
        if earlier is not None:
            files.remove(earlier)
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: Any, files: Files) -> str:  # noqa: ARG001
    """Fill in the methods' papers and the contests' pages; in tables a number and its sign stay on one line."""
    text = markdown.replace("<!-- papers of the methods -->", _papers()).replace("<!-- contests -->", _contests())
    return re.sub(r"^\|.*", lambda row: re.sub(r"(\d) (?=%|× *\|)", "\\1\u202f", row[0]), text, flags=re.MULTILINE)


_METRICS_TEXT = (
    "Each number with its definition, from its own file. Forgetting is judged by the distance to Clean, damage by the "
    "distance to Compromised; [the protocol](../protocol.md) says how.\n"
)
_METHODS_TEXT = (
    "Each method with its loss and its options, from its own file. All start from Compromised and see forget and "
    "retain pairs only. [Add a method](../add_a_method.md) tells how to write one.\n"
)


def _overview(title: str, kind: str, text: str) -> str:
    lines = [
        f"# {title}\n",
        text,
        "| method | what it does | paper |" if kind == "methods" else "| metric | what it asks |",
    ]
    lines.append("|:--|:--|:--|" if kind == "methods" else "|:--|:--|")
    for name in known(kind):
        item = entry(kind, name)
        row = [f"[{name}]({name}.md)", _cell(item["about"])]
        if kind == "methods":
            row.append(_arxiv(item["paper"]))
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def _metric(name: str) -> str:
    described = metrics.load(name).metric
    facts = [
        ("in the paper", described.number or "not in it: ours"),
        ("tells about", "forgetting" if described.pillar == "efficacy" else "utility"),
        ("target", described.goal.capitalize()),
        ("needs", ", ".join(f"`{need}`" for need in described.needs) or "nothing"),
        ("resampled", "identities" if described.resample == "identity" else "classes, then pictures within them"),
    ]
    table = "\n".join(["| | |", "|:--|:--|", *(f"| {key} | {value} |" for key, value in facts)])
    return (
        f"# {described.name}\n\n{table}\n\n{_markdown(plugins.docstring(METRICS, name))}\n\nFile: `metrics/{name}.py`\n"
    )


def _method(name: str) -> str:
    text = _markdown(plugins.docstring(METHODS, name))
    source = (ROOT / "src" / "salmubench" / "unlearn" / "methods" / f"{name}.py").read_text(encoding="utf-8")
    function = "loss" if re.search(r"^def loss\(", source, re.MULTILINE) else "edit"
    members = "".join(f"::: {METHODS}.{name}.{member}\n\n" for member in ("Config", function))
    return f"# {name}\n\n{text}\n\n{members}File: `unlearn/methods/{name}.py`\n"


def _markdown(docstring: str) -> str:
    """A docstring whose indented formulas Markdown takes for code: with an empty line before them."""
    return re.sub(r"(?m)^(?! )(.+)\n(?=    \S)", r"\1\n\n", docstring)


def _backends() -> str:
    parts = [
        "# Backends\n\nWhat makes pictures and captions; [add a backend](add_a_backend.md) tells how to write one.\n"
    ]
    for name in known("backends"):
        part, own = listed("backends")[name]
        parts.append(f"## {name}\n\n{part.text(own)}\n")
    return "\n".join(parts)


def _commands() -> str:
    parts = [f"\n## {command}\n\n```text\n{command_help(command).strip()}\n```\n" for command in COMMANDS]
    return "".join(parts)


def _public_names() -> str:
    parts = ["# Public names\n\n`from salmubench import …`; each is loaded when first used.\n"]
    for name in salmubench.__all__:
        home, _, attribute = salmubench._HOMES[name].partition(":")
        parts.append(f"::: {home}.{attribute or name}\n")
    return "\n".join(parts)


def _papers() -> str:
    lines = ["| method | paper |", "|:--|:--|"]
    for name in known("methods"):
        paragraphs = plugins.docstring(METHODS, name).split("\n\n")
        cited = next((text for text in paragraphs[1:] if "arXiv" in " ".join(text.split())), None)
        if cited is not None:
            lines.append(f"| [{name}](methods/{name}.md) | {_citation(cited)} |")
    return "\n".join(lines)


def _contests() -> str:
    """Links to the pages of the committed contests, each as its command wrote it."""
    links = (f"[{name}](contests/{name}/{contest_page.PAGE})" for name in CONTESTS)
    return f"Pages of the contests that are done: {', '.join(links)}." if CONTESTS else ""


def _citation(text: str) -> str:
    """The paragraph up to the arXiv number, which becomes a link."""
    words = " ".join(text.split())
    before, _, after = words.partition("arXiv ")
    number = after.split()[0].rstrip(".,;:)")
    return f"{_cell(before)}[arXiv {number}](https://arxiv.org/abs/{number})"


def _arxiv(number: str | None) -> str:
    return f"[{number}](https://arxiv.org/abs/{number})" if number else ""


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|")
