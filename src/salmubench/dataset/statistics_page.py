"""The page of `dataset stats`: one file that loads nothing else, and the same numbers as JSON beside it."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup
from PIL import Image

from salmubench.core import manifest, options, writing
from salmubench.core.pictures import open_picture
from salmubench.core.types import SENSITIVE_SPLITS
from salmubench.dataset.findings import find
from salmubench.dataset.layout import Dataset
from salmubench.dataset.preview import sample

PAGE, NUMBERS = "index.html", "stats.json"

_ROOM = "salmubench.dataset"
STYLE = _ROOM, "stats.css"
_HEIGHT = 192  # pixels of a picture on the page, twice what is shown
_KEYS = ("field", "style", "aspect")


class _Check(NamedTuple):
    label: str
    reading: str
    expected: str  # "chance", "low" (hardly above chance) or "high"


_CHECKS: Mapping[str, _Check] = {
    "split_from_text": _Check(
        "forget or holdout, from the caption", "TF-IDF of words and pairs of words, logistic regression.", "chance"
    ),
    "split_from_pictures": _Check(
        "forget or holdout, from picture statistics", "Colours, border, size, bytes, logistic regression.", "chance"
    ),
    "identity_from_pictures": _Check(
        "identity, from picture statistics", "Colours, border, size, bytes, linear discriminants.", "low"
    ),
    "recognition": _Check(
        "identity, from the face", "A small convolutional network, trained on half of the pictures.", "high"
    ),
}
_HARDLY = 0.1  # most that picture statistics may reveal of the identity
_WELL = 0.5  # least that the network should


def write_page(dataset: Dataset, out: Path, *, seed: int = 0) -> Path:
    """Find out everything about a dataset and write the page; `index.html` and `stats.json` in `out` are replaced.

    Raises:
        DatasetError: the dataset can't be read.
        OutputMismatch: the folder holds files of somebody else.
        OutputError: the folder can't be written.
    """
    options.check_seed(seed)
    manifest.check_ours(out, page=PAGE)
    findings = find(dataset, seed=seed)
    page = render(dataset, findings)
    with manifest.page_folder(out, page=PAGE):
        writing.write_json(out / NUMBERS, findings)
        writing.write_text(out / PAGE, page)
    return out / PAGE


def render(dataset: Dataset, findings: Mapping[str, Any]) -> str:
    """The page as text, from what `findings.find` gives, and the dataset's pictures."""
    splits = [{"name": name, **entry} for name, entry in findings["counts"]["splits"].items()]
    sheet = list(sample(dataset, seed=findings["seed"]))
    alike = [pair for entry in findings["duplicates"]["pictures"].values() for pair in entry["pairs"]]
    pairs = [pair[side] for pair in alike for side in ("first", "second")]
    shown = {(str(cell.split), cell.row) for _, cells in sheet for cell in cells}
    sources = {
        (split, row): _source(next(dataset.images(split, row, row + 1)), f"split {split}, row {row}")
        for split, row in sorted({(side["split"], side["row"]) for side in pairs} | shown)
    }
    return filled(
        "stats.html.j2",
        _ROOM,
        [STYLE],
        **findings,
        splits=splits,
        values={key: sorted({value for split in splits for value in split.get(key, ())}) for key in _KEYS},
        total=sum(split["rows"] for split in splits),
        sensitive=sum(split["rows"] for split in splits if split["name"] in SENSITIVE_SPLITS),
        most_of_a_country=max(findings["identities"]["countries"].values(), default=1),
        checks=[_check(name, findings) for name in _CHECKS],
        thumbnails=sources,
        sheet=[
            {
                "title": title,
                "cells": [
                    {
                        "split": str(cell.split),
                        "caption": cell.caption,
                        "source": sources[str(cell.split), cell.row],
                        "name": dataset.rows(cell.split)[cell.row].file_name,
                    }
                    for cell in cells
                ],
            }
            for title, cells in sheet
        ],
    )


def filled(template: str, room: str, styles: Iterable[tuple[str, str]], **content: Any) -> str:
    """Fill a template: one file, nothing loaded from elsewhere, every text escaped.

    Args:
        room: package whose folder `templates` has it.
        styles: package and file of each style sheet, put into the page as `style` with its `style_hash`.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(room), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    style = "".join((resources.files(of) / "templates" / name).read_text(encoding="utf-8") for of, name in styles)
    return environment.get_template(template).render(
        style=Markup(style),  # noqa: S704 - our own files
        style_hash="sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        **content,
    )


def _check(name: str, findings: Mapping[str, Any]) -> dict[str, Any]:
    """One line of the table of checks."""
    label, reading, expected = _CHECKS[name]
    group = findings["recognition"] if name == "recognition" else findings["shortcuts"]
    if group["reason"] is not None:
        return {"label": label, "reason": group["reason"]}
    score = group if name == "recognition" else group[name]
    state, word = _reading(expected, score["chance"], *score["ci95"])
    return {**score, "label": label, "reading": reading, "state": state, "word": word, "reason": None}


def _reading(expected: str, chance: float, low: float, high: float) -> tuple[str, str]:
    """What an interval says: only where all of it lies on one side of the limit, else it is undecided."""
    if expected == "chance":
        if low > chance:
            return "bad", "A shortcut."
        return ("good", "No shortcut.") if high < chance else ("open", "Undecided: chance lies inside the interval.")
    limit, above, below = {
        "low": (chance + _HARDLY, ("bad", "Too often."), ("good", "Hardly.")),
        "high": (_WELL, ("good", "Well."), ("bad", "Less than half.")),
    }[expected]
    return above if low > limit else below if high < limit else ("open", f"Undecided: {limit:.2f} lies inside.")


def _source(data: bytes, where: str) -> str:
    stream = io.BytesIO()
    with open_picture(data, where=where) as image:
        small = image.convert("RGB")
        if small.height > _HEIGHT:
            small = small.resize((round(small.width * _HEIGHT / small.height), _HEIGHT), Image.Resampling.LANCZOS)
        small.save(stream, "JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"
