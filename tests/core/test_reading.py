"""The gate for JSON and YAML: what strangers, accidents and old editors put into files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from salmubench.core import manifest, reading
from salmubench.core.errors import ConfigError, DatasetError, OutputError, RecordError, SalmubenchError
from salmubench.dataset import layout
from salmubench.leaderboard import intake
from salmubench.scoring.record_files import read_record
from salmubench.unlearn.registry import read_options
from salmubench.workflow import recipe
from salmubench.workflow.tuned_values import find_tuned

DEEP = {depth: "[" * depth + "]" * depth for depth in (101, 500, 900, 100_000)}
HOSTILE_JSON = {
    **{f"depth {depth}": f'{{"a": {text}}}'.encode() for depth, text in DEEP.items()},
    "400 digits": f'{{"a": {"9" * 400}}}'.encode(),
    "5000 digits": f'{{"a": {"9" * 5000}}}'.encode(),
    "1e999": b'{"a": [1e999]}',
    "-1e999": b'{"a": {"b": -1e999}}',
    "NaN": b'{"a": NaN}',
    "lone surrogate": b'{"a": "\\ud800"}',
    "lone surrogate in a key": b'{"\\udfff": 1}',
    "invalid UTF-8": b'{"a": "\xff\xfe"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a key twice": b'{"a": 1, "b": {"c": 1, "c": 2}}',
    "half a file": b'{"a": 1',
    "nothing": b"",
    "33 MiB": b'{"a": "' + b"x" * (33 * 2**20) + b'"}',
}
BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
)
HOSTILE_YAML = {
    "alias bomb": BOMB.encode(),
    "anchor that holds itself": b"a: &a [*a]",
    **{f"depth {depth}": f"a: {text}".encode() for depth, text in DEEP.items()},
    "deep blocks": "\n".join(" " * n + "a:" for n in range(600)).encode(),
    "400 digits": f"a: {'9' * 400}".encode(),
    "5000 digits": f"a: {'9' * 5000}".encode(),
    "infinity": b"a: .inf",
    "not a number": b"a: .nan",
    "lone surrogate": b'a: "\\ud800"',
    "invalid UTF-8": b"a: \xff\xfe",
    "a key twice": b"a: 1\nb: {c: 1, c: 2}",
    "a date": b"a: 2026-01-31",
    "no date": b"a: 2026-99-99",
    "an object": b"a: !!python/object/apply:os.system ['true']",
    "bytes": b"a: !!binary aGk=",
    "two documents": b"a: 1\n---\nb: 2",
    "control characters": b"a: \x1b[2J",
    "a list": b"- 1",
    "a list as a key": b"? [1]\n: 2",
    "2 MiB": b"a: " + b"x" * 2**21,
}


def readers(root: Path) -> dict[str, tuple[Path, object, type[SalmubenchError]]]:
    """Everything that reads JSON from a file that a user or stranger may have written."""
    dataset = root / "dataset"
    dataset.mkdir()
    opened = layout.Dataset.__new__(layout.Dataset)
    opened.__dict__["folder"] = dataset
    return {
        "manifest": (root / "m.json", manifest.read_json, OutputError),
        "record": (root / "r.json", read_record, RecordError),
        "submission": (root / "s.json", intake.read_json, RecordError),
        "dataset": (dataset / layout.GENERAL_KNOWLEDGE, lambda _: opened.general_knowledge, DatasetError),
    }


def is_clear(error: SalmubenchError, path: Path) -> None:
    text = str(error)
    assert path.name in text
    assert text.startswith("Expected ")
    assert "got" in text
    assert len(text) <= reading.MESSAGE
    assert text.replace("\n", "").isprintable()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", HOSTILE_JSON)
def test_hostile_json(tmp_path: Path, kind: str) -> None:
    for name, (path, read, error) in readers(tmp_path).items():
        if name == "dataset" and kind == "33 MiB":
            continue  # metadata of a dataset are as large as it is
        path.write_bytes(HOSTILE_JSON[kind])
        with pytest.raises(error) as caught:
            read(path)  # type: ignore[operator]
        is_clear(caught.value, path)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", HOSTILE_YAML)
def test_hostile_yaml(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(HOSTILE_YAML[kind])
    for read in (
        lambda: recipe.load(path),
        lambda: find_tuned(str(path), recipe="tiny", shipped=False),
        lambda: read_options(path),
    ):
        with pytest.raises(ConfigError) as caught:
            read()
        is_clear(caught.value, path)


def test_what_is_plain_comes_through(tmp_path: Path) -> None:
    content = {"a": [1, -2.5, None, True, "é\n", {"ü": {}}, 10**29], "b": "🂡"}
    path = tmp_path / "a.json"
    for text in (json.dumps(content), json.dumps(content, ensure_ascii=False)):
        path.write_text(text, encoding="utf-8")
        assert reading.read_json(path, error=OutputError) == content
    deepest = "[" * 100 + "]" * 100
    assert reading.parse_json(deepest.encode(), where="x", error=OutputError) == json.loads(deepest)
    assert reading.parse_yaml("\ufeffa: {b: [1, 1.5, 'x', null, on]}\n".encode(), where="x", error=ConfigError) == {
        "a": {"b": [1, 1.5, "x", None, True]}
    }
    assert reading.parse_yaml(b"", where="x", error=ConfigError) == {}


def test_messages_say_where() -> None:
    with pytest.raises(RecordError, match=r"half a character in 'x\\ud800' at a\.b\.1"):
        reading.parse_json(b'{"a": {"b": ["y", "x\\ud800"]}}', where="f", error=RecordError)
    with pytest.raises(RecordError, match=r"isn't finite at a\.1\.b"):
        reading.parse_json(b'{"a": [0, {"b": 1e999}]}', where="f", error=RecordError)
    with pytest.raises(RecordError, match=r"a JSON object in f, got \[1, 2\]"):
        reading.parse_json(b"[1, 2]", where="f", error=RecordError, mapping=True)
    with pytest.raises(ConfigError, match="the key 'a' twice, in line 2"):
        reading.parse_yaml(b"a: 1\na: 2", where="f", error=ConfigError)


def test_escapes_are_shown_as_text(tmp_path: Path) -> None:
    assert reading.printable("a\x1b[31m\u202eb\nc\x00") == "a\\x1b[31m\\u202eb\nc\\x00"
    assert reading.printable("23\u202fs, 5\u00a0%") == "23\u202fs, 5\u00a0%"
    assert reading.shown("x" * 1000) == "'" + "x" * 198 + "…"
    assert len(reading.shown(list(range(100_000)))) == reading.SHOWN
    with pytest.raises(OutputError) as caught:
        reading.read_json(tmp_path / "a\x1b[31m.json", error=OutputError)
    assert "\x1b" not in str(caught.value)


def test_large_metadata_of_a_dataset_is_read(tmp_path: Path) -> None:
    content = {f"{n:06d}.jpg": {"caption": "x" * 300, "name": "é", "fields": ["job", "city"]} for n in range(50_000)}
    path = tmp_path / "captions.json"
    path.write_text(json.dumps(content))
    assert path.stat().st_size > 15_000_000
    assert reading.read_json(path, error=DatasetError, limit=reading.LARGE, depth=10) == content
    path.write_text(json.dumps({**content, "x": "\ud800"}))
    with pytest.raises(DatasetError, match="half a character"):
        reading.read_json(path, error=DatasetError, limit=reading.LARGE, depth=10)
