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
STYLES, SCRIPTS = ("style.css", "board.css"), ("sort.js", "filter.js", "heat.js", "define.js", "inside.js")


class Pages:
    """Templates with our style and script put into each page, and a policy that allows just these.

    Args:
        room: package whose own `templates/` stand beside the report's.
    """

    def __init__(self, room: str = _ROOM) -> None:
        self._environment = _environment(room)
        style, script = ("".join(_asset(name) for name in names) for names in (STYLES, SCRIPTS))
        self._shared = {
            "style": Markup(style),  # noqa: S704 - our own files
            "script": Markup(script),  # noqa: S704 - our own files
            "style_hash": _csp_hash(style),
            "script_hash": _csp_hash(script),
            "version": provenance.version(),
        }

    def page(self, template: str, **content: Any) -> str:
        """Render a template."""
        return self._environment.get_template(template).render(**self._shared, **content)


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
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(name) for name in dict.fromkeys((room, _ROOM))]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["modes"] = MODES
    environment.filters["breakable"] = breakable
    return environment


@functools.cache
def _asset(name: str) -> str:
    return (resources.files(_ROOM) / "templates" / name).read_text(encoding="utf-8")


def _csp_hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
