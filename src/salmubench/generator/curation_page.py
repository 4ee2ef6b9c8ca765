"""The page on curation: how many pictures were drawn again, why, and examples beside what was kept instead."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from salmubench.core.errors import DatasetError
from salmubench.core.pictures import open_picture
from salmubench.dataset.statistics_page import STYLE, filled
from salmubench.generator.blocks import Redrawn

_EXAMPLES = 8  # of each reason
_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png"}
_ROOM = "salmubench.generator"


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
        """The page, from the content of `curation.json`."""
        shown = dict(sorted(self._shown.items()))
        return filled("curation.html.j2", _ROOM, [STYLE, (_ROOM, "curation.css")], summary=summary, shown=shown)


def _source(image: bytes) -> str | None:
    try:
        with open_picture(image, where="a picture that was drawn") as opened:
            kind = _TYPES.get(opened.format or "")
    except DatasetError:
        return None
    return f"data:{kind};base64,{base64.b64encode(image).decode()}" if kind else None
