"""The page on curation: how many pictures were drawn again, why, and examples beside what was kept instead."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

import jinja2

from salmubench.errors import DatasetError
from salmubench.generator.blocks import Redrawn
from salmubench.pictures import open_picture

_EXAMPLES = 8  # of each reason
_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png"}

_TEMPLATE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Curation</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; }
th, td { padding: .25rem .75rem .25rem 0; text-align: left; border-bottom: 1px solid #8886; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 1rem; }
li { width: 17rem; overflow-wrap: anywhere; font-size: .875rem; }
.pair { display: flex; gap: .25rem; align-items: flex-start; }
.pair > * { width: 8rem; min-height: 4rem; }
.none { border: 1px dashed #888; display: grid; place-items: center; }
</style>
<h1>Curation</h1>
<p>{{ summary.redrawn }} of {{ summary.pictures }} pictures were drawn again, {{ summary.redraws }} times in all, until
every picture was good enough.</p>
{% if summary.reasons %}
<table>
<thead><tr><th scope="col">why</th><th scope="col">times</th></tr></thead>
<tbody>
{% for reason, times in summary.reasons.items() %}
<tr><td>{{ reason }}</td><td class="number">{{ times }}</td></tr>
{% endfor %}
</tbody>
</table>
{% endif %}
{% for reason, examples in shown.items() %}
<h2>{{ reason }}</h2>
<p>The first {{ examples | length }}: rejected on the left, kept on the right.</p>
<ul>
{% for example in examples %}
<li><div class="pair">
{% for what, source in (("rejected", example.rejected), ("kept", example.kept)) %}
{% if source %}<img src="{{ source }}" alt="{{ what }}">{% else %}<span class="none">no picture</span>{% endif %}
{% endfor %}
</div>{{ example.file_name }}<br>{{ example.detail }}</li>
{% endfor %}
</ul>
{% endfor %}
<h2>Limits</h2>
<table>
<tbody>
{% for name, limit in summary.limits.items() %}
<tr><th scope="row">{{ name }}</th><td>{{ limit or ("none" if name == "checks" else limit) }}</td></tr>
{% endfor %}
</tbody>
</table>
</html>
"""


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
        page = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
        return page.from_string(_TEMPLATE).render(summary=summary, shown=dict(sorted(self._shown.items()))) + "\n"


def _source(image: bytes) -> str | None:
    try:
        with open_picture(image, where="a picture that was drawn") as opened:
            kind = _TYPES.get(opened.format or "")
    except DatasetError:
        return None
    return f"data:{kind};base64,{base64.b64encode(image).decode()}" if kind else None
