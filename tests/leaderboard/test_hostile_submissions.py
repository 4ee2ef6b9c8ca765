"""One submission never stops a build: hundreds of mutated ones among good ones, and the good ones are published."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from report_world import METRICS
from salmubench.leaderboard import build as building
from salmubench.leaderboard.build import build
from salmubench.leaderboard.submission import submit
from submission_world import mend

pytestmark = pytest.mark.stage

HOSTILE: tuple[Any, ...] = (
    None, True, -1, 0, 10**30, 1e308, -1e-320, "", "x" * 5000, "\x1b[2J", "<script>", "../../x", [], {}, [[]],
    {"a": {}}, "x-1e400x", "nan", "cliperase-5x", 0.5, [0.1, 0.2], [0.2, 0.1],
)  # fmt: skip
RAW = (b"1e999", b"NaN", b'"\\ud800"', b"9" * 400, b"[" * 700 + b"]" * 700, b"{}", b"\xff\xfe", b'{"a":1,"a":2}')


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a JSON value."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


def mutate_value(path: Path, rng: random.Random) -> None:
    """Replace, drop or rename something anywhere in the file."""
    data = json.loads(path.read_text())
    *outer, last = rng.choice([place for place in places(data) if place])
    parent = data
    for key in outer:
        parent = parent[key]
    action = rng.choice(("replace", "drop", "rename")) if isinstance(parent, dict) else "replace"
    value = parent.pop(last) if action != "replace" else None
    if action == "replace":
        parent[last] = rng.choice(HOSTILE)
    elif action == "rename":
        parent[rng.choice(("config", "__class__", "RetFail", "x" * 300, ""))] = value
    path.write_text(json.dumps(data))


def mutate_raw(path: Path, rng: random.Random) -> None:
    """Put something that is no JSON, or no sane JSON, where a number stands."""
    text = path.read_bytes()
    marks = [at for at in range(len(text)) if text[at : at + 2] == b": "]
    at = rng.choice(marks) + 2
    end = min(end for end in (text.find(b",", at), text.find(b"\n", at), len(text)) if end >= 0)
    path.write_bytes(text[:at] + rng.choice(RAW) + text[end:])


def mutate_bytes(path: Path, rng: random.Random) -> None:
    """Flip, cut or double bytes of a table."""
    data = bytearray(path.read_bytes())
    action = rng.choice(("flip", "cut", "double"))
    if action == "flip":
        for _ in range(rng.choice((1, 8, 64))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif action == "cut":
        del data[rng.randrange(len(data)) :]
    else:
        data += bytes(data)
    path.write_bytes(bytes(data))


KINDS: tuple[tuple[str, Callable[[Path, random.Random], None]], ...] = (
    ("record.json", mutate_value), ("clean.json", mutate_value), ("compromised.json", mutate_value),
    ("submission.json", mutate_value), ("record.json", mutate_raw), ("submission.json", mutate_raw),
    ("record.items.parquet", mutate_bytes), ("gallery.parquet", mutate_bytes),
)  # fmt: skip


@pytest.mark.night
@pytest.mark.long(15)
def test_300_mutated_submissions_among_good_ones(submittable: Path, tmp_path: Path) -> None:
    results, rng = tmp_path / "results", random.Random(20260326)
    for model in ("cliperase-5x", "finetuning-5x"):
        submit(submittable, model=model, out=results / model)
    other = submit(submittable, model="delete-5x", out=tmp_path / "other")  # none of the good ones is its duplicate
    for number in range(300):
        name, mutate = KINDS[number % len(KINDS)]
        folder = Path(shutil.copytree(other, results / f"bad-{number:03d}"))
        mutate(folder / name, rng)
        if name != "submission.json" and rng.random() < 0.8:
            mend(folder)  # what a cheat does, too
    built = build(results, out=tmp_path / "site", metrics=METRICS)
    feed = json.loads((tmp_path / "site" / "leaderboard.json").read_text())
    shown = [row["submission"] for board in feed["boards"] for row in board["submissions"]]
    assert {"cliperase-5x", "finetuning-5x"} <= set(shown)
    assert len(shown) == built.shown
    assert len(built.refused) + built.shown == 302
    assert (tmp_path / "site" / "submissions" / "cliperase-5x.html").is_file()
    again = build(results, out=tmp_path / "site", metrics=METRICS)
    assert again.shown == built.shown


@pytest.mark.night
def test_damaged_receipts_are_made_again(submittable: Path, tmp_path: Path) -> None:
    good = submit(submittable, model="cliperase-5x", out=tmp_path / "results" / "good")
    site, rng = tmp_path / "site", random.Random(5)
    build(good.parent, out=site, metrics=METRICS)
    receipt = site / "receipts" / "good.json"
    whole = receipt.read_bytes()
    for number in range(40):
        receipt.write_bytes(whole)
        (mutate_raw if number % 2 else mutate_value)(receipt, rng)
        assert build(good.parent, out=site, metrics=METRICS).shown == 1


@pytest.mark.parametrize("where", ["page", "feed"])
def test_what_cannot_be_rendered_is_left_out(
    where: str, submittable: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results"
    for model in ("cliperase-5x", "delete-5x"):
        submit(submittable, model=model, out=results / model)
    owner, name = (building.board_pages, "_submission") if where == "page" else (building.boards, "_feed_row")
    real = getattr(owner, name)

    def fails(*args: Any) -> Any:
        if any(getattr(item, "name", None) == "delete-5x" for item in args):
            raise OverflowError("a number too large to print")
        return real(*args)

    monkeypatch.setattr(owner, name, fails)
    built = build(results, out=tmp_path / "site", metrics=METRICS)
    assert built.shown == 1
    assert [item.code for item in built.refused["delete-5x"]] == ["format"]
    assert "delete-5x" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
