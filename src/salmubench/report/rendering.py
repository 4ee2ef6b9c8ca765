"""Turn templates into pages that carry their own style and script and may load nothing else."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from salmubench.core import provenance
from salmubench.report.drawings import scatter, svg
from salmubench.scoring.failure_modes import MODES

_ROOM = "salmubench.report"
_ASSETS = {
    "style": ("style.css", "board.css"),
    "script": ("sort.js", "filter.js", "heat.js", "define.js", "inside.js"),
}


def page(template: str, *, room: str = _ROOM, **content: Any) -> str:
    """Render a template of a room, or of the report."""
    return _environment(room).get_template(template).render(**content)


def marker(utility: str) -> Markup:
    """The mark of a method in legends."""
    return svg.drawing(18, 18, scatter.marker(utility, 9, 9), label=None, class_="key")


def breakable(word: str) -> Markup:
    """A name that may go on in the next line before each of its capitals and after `_`.

    Examples:
        >>> breakable("FactRet MRR")
        Markup('Fact<wbr>Ret MRR')
    """
    return Markup("<wbr>").join(re.split(r"(?<=[a-z])(?=[A-Z])|(?<=_)", word))


@functools.cache  # compiling the templates takes longer than filling them
def _environment(room: str) -> jinja2.Environment:
    """Templates with our style and script to put into each page, and a policy that allows just these."""
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(name) for name in dict.fromkeys((room, _ROOM))]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for kind, names in _ASSETS.items():
        assets = (resources.files(_ROOM) / "templates" / name for name in names)
        content = "".join(asset.read_text(encoding="utf-8") for asset in assets)
        sha256 = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        environment.globals[kind] = Markup(content)  # noqa: S704 - our own files
        environment.globals[f"{kind}_hash"] = f"sha256-{sha256}"
    environment.globals |= {"version": provenance.version(), "modes": MODES}
    environment.filters["breakable"] = breakable
    return environment
