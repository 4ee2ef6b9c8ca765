"""The page on curation: how many pictures were drawn again, why, and examples beside what was kept instead."""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Mapping
from importlib import resources
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

from salmubench.core.errors import DatasetError
from salmubench.core.pictures import open_picture
from salmubench.generator.blocks import Redrawn

_EXAMPLES = 8  # of each reason
_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png"}

_STYLES = (("salmubench.dataset", "stats.css"), ("salmubench.generator", "curation.css"))
"""The look of the page of statistics, and what this page has beside it."""


class _Example(NamedTuple):
    file_name: str
    detail: str
    rejected: str | None
    kept: str | None


class CurationPage:
    """Collects a few examples of each reason, and no more: pictures come by the thousand."""

    def __init__(self) -> None:
        self._shown: defaultdict[str, list[_Example]] = defaultdict(list)

    def add(self, picture: Redrawn) -> None:
        """Take a picture that was drawn again."""
        for fault, image in picture.rejects:
            if len(self._shown[fault.reason]) < _EXAMPLES:
                example = _Example(picture.file_name, fault.detail, _source(image), _source(picture.image))
                self._shown[fault.reason].append(example)

    def render(self, summary: Mapping[str, Any]) -> str:
        """The page: one file, nothing loaded from elsewhere, every text escaped.

        Args:
            summary: content of `curation.json`.
        """
        environment = jinja2.Environment(
            loader=jinja2.PackageLoader("salmubench.generator", "templates"), autoescape=True,
            undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
        )  # fmt: skip
        style = "".join(
            (resources.files(package) / "templates" / name).read_text(encoding="utf-8") for package, name in _STYLES
        )
        return environment.get_template("curation.html.j2").render(
            summary=summary,
            shown=dict(sorted(self._shown.items())),
            style=Markup(style),  # noqa: S704 - our own files
            style_hash="sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        )


def _source(image: bytes) -> str | None:
    try:
        with open_picture(image, where="a picture that was drawn") as opened:
            kind = _TYPES.get(opened.format or "")
    except DatasetError:
        return None
    return f"data:{kind};base64,{base64.b64encode(image).decode()}" if kind else None
