"""Mutations of any file, of JSON and of YAML; each replaces a file and never writes into it (it may be a hard link)."""

from __future__ import annotations

import copy
import csv
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

Mutator = Callable[[Path, random.Random], None]

CANARY = "/tmp/salmubench-fuzz-canary"
SHELL = f"touch {CANARY}"
PYTHON = f"import os\nos.mkdir({CANARY!r})\n"
HOST = "http://127.0.0.1:9/"

VALUES: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2, 10**15, 10**29, 2**31, 2**63, -(2**64), 0.5, -0.0, 1e308, -1e308, 5e-324, 1e-320,
    "",
    " ", "\0", "x" * 5_000, "x" * 300, "\x1b[2J\x1b]0;x\x07", "\u202eabc", "\u2028", "é" * 100, "🂡",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}", "{}", "%s%n", "../../x", "/etc/passwd", "/dev/zero", "C:\\x", "hf-hub:org/name", "org/name", HOST,
    f"pipe:{SHELL}", f"$({SHELL})", "__import__('os')", "nan", "inf", "1e5", "12", "clean", "compromised", "value",
    "yes", "null", "cliperase-5x", "x-1e400x", "x-0x", [], [[]], [None], {}, {"a": {}}, {"": None}, [0.1, 0.2], [0.2,
    0.1],
    ["a", "a"], [1, "a", None], ["x"] * 2_000, {str(n): n for n in range(500)}, {"value": 1}, {"relative": "x"},
)  # fmt: skip
"""What stands where something else belongs: wrong types, odd numbers, odd texts, places, shells."""

KEYS = (
    "config", "__class__", "__proto__", "value", "", "x" * 300, "\x1b[2J", "trust_remote_code", "hf_tokenizer_name",
    "hf_model_name", "text_cfg", "tokenizer_kwargs", "model_cfg", "outputs", "0", "scores", "a.b", "\u202e",
)  # fmt: skip

RAW = (
    b"1e999", b"-1e999", b"NaN", b"-Infinity", b'"\\ud800"', b'"\\udfff\\ud800"', b"9" * 400, b"-" + b"9" * 5_000,
    b"[" * 500 + b"]" * 500, b"[" * 900 + b"]" * 900, b"[" * 100_000, b'{"a":' * 600 + b"1" + b"}" * 600, b"{}", b"[]",
    b"\xff\xfe", b'"\xc3"', b'{"a":1,"a":2}', b"00", b"1.", b"'a'", b"True", b"//", b"", b'"\t"', b"\0", b"1e-999",
    b"1" + b"0" * 29, b"1" + b"0" * 31, b"0." + b"1" * 3_000, b"[" + b"0," * 60_000 + b"0]",
)  # fmt: skip
"""What is no JSON, or none that anybody should read."""


def replace(path: Path, data: bytes) -> None:
    """Put a new file in a file's place."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


# --- bytes ------------------------------------------------------------------------------------------------------


def damage(path: Path, rng: random.Random) -> None:
    """Flip, cut, double, insert, overwrite, shift or swap bytes."""
    replace(path, damaged(path.read_bytes(), rng))


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The same of bytes."""
    out, at = bytearray(data), rng.randrange(len(data) + 1)
    size = min(rng.choice((1, 2, 4, 8, 64, 512)), len(out) - at)
    action = rng.choice(("flip", "flip", "flip", "cut", "double", "insert", "over", "drop", "number", "swap", "empty"))
    if action == "flip":
        for _ in range(rng.choice((1, 1, 2, 8, 64))):
            if out:
                out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    elif action == "cut":
        del out[at:]
    elif action == "double":
        out += bytes(out[at:] or out)
    elif action == "insert":
        out[at:at] = rng.randbytes(rng.choice((1, 4, 100)))
    elif action == "over":
        out[at : at + size] = rng.choice((b"\0", b"\xff", b"9", b"[")) * size
    elif action == "drop":
        del out[at : at + size]
    elif action == "number":
        width = rng.choice((1, 2, 4, 8))
        value = rng.choice((0, 1, 2 ** (8 * width) - 1, 2 ** (8 * width - 1), 2 ** (8 * width - 1) - 1, 64, 255))
        out[at : at + width] = value.to_bytes(width, rng.choice(("little", "big")))
    elif action == "swap":
        other = rng.randrange(len(out) + 1)
        out[at : at + size], out[other : other + size] = out[other : other + size], out[at : at + size]
    else:
        out.clear()
    return bytes(out)


def damage_end(path: Path, rng: random.Random) -> None:
    """Damage the last kilobytes, where parquet and zip say what the file holds."""
    data = path.read_bytes()
    tail = min(len(data), rng.choice((16, 256, 4_096)))
    replace(path, data[: len(data) - tail] + damaged(data[len(data) - tail :], rng))


def damage_start(path: Path, rng: random.Random) -> None:
    """Damage the first bytes, where most formats say what follows."""
    data = path.read_bytes()
    head = min(len(data), rng.choice((16, 128, 1_024)))
    replace(path, damaged(data[:head], rng) + data[head:])


def other_kind(path: Path, rng: random.Random) -> None:
    """Something else altogether: an archive, a pickle, a page, noise."""
    kinds = (
        b"PK\x05\x06" + bytes(18), b"PK\x03\x04" + rng.randbytes(60), b"\x80\x04N.", b"\x80\x02cos\nsystem\n(S'" +
        SHELL.encode() + b"'\ntR.", b"<html>not found</html>", b"version https://git-lfs.github.com/spec/v1\n",
        b"\x1f\x8b" + rng.randbytes(40), b"\x93NUMPY\x01\0", b"PAR1PAR1", b"PAR1" + bytes(20) + b"PAR1",
        b"\xef\xbb\xbf",
        b"\xff\xfe{\0}\0", PYTHON.encode(), rng.randbytes(rng.choice((1, 100, 10_000))), b"\0" * 100_000,
        b"{" * 1_000_000,
    )  # fmt: skip
    replace(path, rng.choice(kinds))


# --- JSON and YAML ----------------------------------------------------------------------------------------------


_MOST, _DEEPEST = 20_000, 400  # places of a value that are looked at; in larger ones nothing is copied


def places(data: Any) -> list[tuple[Any, ...]]:
    """Places of a plain value, those outside first; of very many the first ones."""
    known: list[tuple[tuple[Any, ...], Any]] = [((), data)]
    for path, value in known:  # which grows
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        if len(known) < _MOST and len(path) < _DEEPEST:
            known += [((*path, key), part) for key, part in inner]
    return [path for path, _ in known]


def changed(data: Any, rng: random.Random) -> Any:
    """Replace, drop, rename, add, copy or nest something anywhere in a plain value."""
    known = places(data)
    # Half of the time something near the top: else long lists would take nearly all.
    near = [place for place in known if len(place) <= rng.choice((1, 2, 3, 99))]
    place = rng.choice(near)
    if not place:
        return rng.choice((_value(rng), [data], {"a": data})) if rng.random() < 0.3 else _with_key(data, rng)
    *outer, last = place
    parent = data
    for key in outer:
        parent = parent[key]
    action = rng.choice(("replace", "replace", "replace", "kind", "drop", "rename", "copy", "deep", "key"))
    if action == "kind":
        parent[last] = _other_kind(parent[last], rng)
    elif action == "drop" and isinstance(parent, dict | list):
        del parent[last]
    elif action == "rename" and isinstance(parent, dict):
        parent[rng.choice(KEYS)] = parent.pop(last)
    elif action == "copy" and len(known) < _MOST:
        source: Any = data
        for key in rng.choice(known):
            source = source[key]
        parent[last] = copy.deepcopy(source)
    elif action == "deep":
        for _ in range(rng.choice((3, 12, 95, 105))):
            parent[last] = rng.choice(([parent[last]], {"a": parent[last]}))
    elif action == "key":
        parent[last] = _with_key(parent[last], rng)
    else:
        parent[last] = _value(rng)
    return data


def _value(rng: random.Random) -> Any:
    return copy.deepcopy(rng.choice(VALUES))  # else the next change would be one of `VALUES`


def _with_key(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict):
        return {**value, rng.choice(KEYS): _value(rng)}
    return [*value, _value(rng)] if isinstance(value, list) else _value(rng)


def _other_kind(value: Any, rng: random.Random) -> Any:
    """Nearly the same: a number as text, a text as list, a whole number as another."""
    if isinstance(value, bool) or value is None:
        return rng.choice((0, "true", [value]))
    if isinstance(value, int | float):
        return rng.choice(
            (str(value), -value, value * 1e9, value + 0.5, [value], {"value": value}, value + 1, bool(value))
        )
    if isinstance(value, str):
        return rng.choice(
            ([value], value + "\n", value.upper(), value * 50, {value: value}, value[:-1], value.encode().hex())
        )
    if isinstance(value, list | tuple):
        value = list(value)
        return rng.choice((value + value, value[:1], dict(enumerate(map(str, value))), [value], list(reversed(value))))
    return rng.choice((list(value), list(value.items()), str(value)[:1_000], [value]))


def json_value(path: Path, rng: random.Random) -> None:
    """Change the content of a JSON file."""
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, RecursionError):  # damaged by another mutation
        return damage(path, rng)
    try:
        for _ in range(rng.choice((1, 1, 2, 4))):
            data = changed(data, rng)
        text = json.dumps(data, ensure_ascii=rng.random() < 0.5)
    except RecursionError:  # made too deep to be written
        return damage(path, rng)
    return replace(path, text.encode("utf-8", "surrogatepass"))


FREE = (
    "config",
    "config_given",
    "hardware",
    "packages",
    "preprocessing",
    "notes",
    "author",
    "link",
    "hub_id",
    "titles",
)


def json_free(path: Path, rng: random.Random) -> None:
    """Put something odd where nearly everything may stand: it passes the checks and reaches the pages."""
    try:
        data = json.loads(path.read_bytes())
        known = [place for place in places(data) if set(place) & set(FREE)]
        for place in rng.sample(known, min(len(known), rng.choice((1, 1, 3)))):
            *outer, last = place
            parent = data
            for key in outer:
                parent = parent[key]
            parent[last] = _value(rng)
        replace(path, json.dumps(data).encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError, TypeError, LookupError):  # what it was is gone
        damage(path, rng)


def json_raw(path: Path, rng: random.Random) -> None:
    """Put something that is no JSON, or no sane JSON, where a value or a key stands."""
    text = path.read_bytes()
    marks = [at for at in range(len(text)) if text[at : at + 1] in (b":", b"[", b"{", b",")]
    if not marks:
        return damage(path, rng)
    at = rng.choice(marks) + 1
    ends = [end for end in (text.find(mark, at) for mark in (b",", b"\n", b"]", b"}")) if end >= 0]
    end = min(ends, default=len(text)) if rng.random() < 0.8 else at
    return replace(path, text[:at] + rng.choice(RAW) + text[end:])


YAML_RAW = (
    b"&a [*a]", b"*a", b"!!python/object/apply:os.system ['" + SHELL.encode() + b"']", b"!!binary aGk=", b"2026-01-31",
    b".inf", b".nan", b"!!set {a}", b"!!omap [a: 1]", b"{<<: {a: 1}}", b"0x" + b"f" * 300, b"1_000", b"1:30", b"~",
    b"? [1]",
    b"- - - -", b"|\n  x", b"--- \n", b"%YAML 9", b"\t", b"@", b"`", b"!x y", b"1e5", b"on", b"0o17", b"'",
    b'"\\ud800"',
    b"[" * 300, b"{a: " * 99 + b"}" * 99,
)  # fmt: skip
_BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
)


def yaml_value(path: Path, rng: random.Random) -> None:
    """Change the content of a YAML file."""
    import yaml

    text = path.read_bytes()
    if b"&a0" in text or text.count(b"[") + text.count(b"{") > 10_000:  # a bomb stays one, and libyaml's stack is C's
        return damage(path, rng)
    try:
        data = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return damage(path, rng)
    try:
        for _ in range(rng.choice((1, 1, 2, 4))):
            data = changed(data, rng)
        written = yaml.dump(data, Dumper=yaml.CSafeDumper, allow_unicode=rng.random() < 0.5, sort_keys=False)
    except (RecursionError, yaml.YAMLError):  # too deep to be written
        return damage(path, rng)
    return replace(path, written.encode("utf-8", "surrogatepass"))


def yaml_raw(path: Path, rng: random.Random) -> None:
    """Tags, anchors, bombs and odd scalars in a YAML file."""
    text = path.read_bytes()
    if rng.random() < 0.1:
        return replace(path, text + b"\n" + _BOMB.encode())
    marks = [at for at in range(len(text)) if text[at : at + 2] in (b": ", b"- ")]
    if not marks:
        return damage(path, rng)
    at = rng.choice(marks) + 2
    end = text.find(b"\n", at) if rng.random() < 0.8 else at
    return replace(path, text[:at] + rng.choice((*YAML_RAW, *RAW)) + text[max(end, at) :])


def csv_cells(path: Path, rng: random.Random) -> None:
    """Replace a cell by an odd value, or repeat, drop or swap rows or columns."""
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    except (ValueError, csv.Error):  # damaged by another mutation
        return damage(path, rng)
    if not rows or not all(rows):
        return damage(path, rng)
    row = rng.randrange(len(rows))
    kind = rng.randrange(5)
    if kind < 3:
        rows[row][rng.randrange(len(rows[row]))] = str(rng.choice(VALUES))
    elif kind == 3:
        rows.insert(rng.randrange(len(rows) + 1), list(rng.choice(rows)))
    else:
        rng.choice(rows).pop()
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=rng.choice(",,,;\t")).writerows(rows)
    return replace(path, text.getvalue().encode("utf-8", "replace"))


CSV: tuple[Mutator, ...] = (csv_cells, csv_cells, csv_cells, damage, other_kind)
"""How a table of cells is mutated."""
JSON: tuple[Mutator, ...] = (json_value, json_value, json_value, json_value, json_raw, damage, other_kind)
RECORD: tuple[Mutator, ...] = (*JSON, json_free, json_free, json_free)
YAML: tuple[Mutator, ...] = (yaml_value, yaml_value, yaml_value, yaml_value, yaml_raw, damage, other_kind)


def braces(path: Path, rng: random.Random) -> None:
    """A brace pattern with other numbers, brackets and depth."""
    parts = ("{", "}", ",", "..", "::", f"{{0..{10 ** rng.choice((1, 3, 9, 30))}}}", "{a,b}", "{a..z}", "\\", "${X}")
    text = path.read_text()
    for _ in range(rng.choice((1, 1, 2, 5, 50))):
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(parts) * rng.choice((1, 1, 2, 9, 999)) + text[at:]
    replace(path, text.encode())
