"""The one gate for JSON and YAML files, whoever wrote them.

What comes through is plain (text, whole and finite numbers, booleans, null, lists, mappings), small, flat and without a
key that stands twice; everything else is an error of the caller's class that says where, what was expected and what was
found. Types are checked behind it: `validated` makes a typed record of what came through.
"""

from __future__ import annotations

import errno
import functools
import json
import math
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from salmubench.core import errors
from salmubench.core.errors import SalmubenchError
from salmubench.core.errors import cut as cut

T = TypeVar("T")

JSON_BYTES = 32 * 2**20
"""Largest JSON file by default."""
LARGE = 2**28
"""Largest JSON file of a stage's output, whose size goes with the dataset's: ten times those of the release."""
VALUES = 10_000_000
"""Most values of a JSON file: each takes up to 60 bytes of memory, whatever it takes in the file."""
HOLDERS = 2_000_000
"""Most lists and objects of a JSON file: an object takes 232 bytes."""
YAML_BYTES = 2**20
"""Largest YAML file: they are written by hand, and read a hundred times slower than JSON."""
DEPTH = 100
"""Most brackets within one another."""
DIGITS = 30
"""Most digits of a whole number."""
MESSAGE = 2_000
"""Most letters of a message."""
SHOWN = 200
"""Most letters of a value in a message."""

_LARGEST = 10**DIGITS
_LOOKED_AT = 4 * 2**20  # bytes: of a larger output of a stage, going through all of it would take as long as reading it
_ADVICE = "Correct the file, or write it again."


class _Refused(ValueError):
    """What was found; the gate makes an error of the caller's class of it."""


# --- messages ---------------------------------------------------------------------------------------------------


def printable(text: str, most: int = MESSAGE) -> str:
    r"""A text for a terminal: control and direction characters as `\x1b`, cut to `most` letters; newlines stay."""
    return errors.printable(text, most)


def shown(value: Any, most: int = SHOWN) -> str:
    """A value as it stands in a message: one line, cut to `most` letters."""
    short = value[:most] if isinstance(value, str | list) else value
    text = repr(short) + ("…" if short is not value and len(short) < len(value) else "")
    return printable(text.replace("\n", " "), most)


# --- files ------------------------------------------------------------------------------------------------------


def read_bytes(
    path: Path, *, error: type[SalmubenchError], what: str, limit: int = JSON_BYTES, missing: str = _ADVICE
) -> bytes:
    """Read a file of at most `limit` bytes; messages say what it should be: `a record`."""
    try:
        check_regular(path)
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except FileNotFoundError as cause:
        raise error(printable(f"Expected {what} at {path}, got none. {missing}")) from cause
    except OSError as cause:
        raise error(printable(f"Expected {what} at {path}, got: {cause.strerror}. {missing}")) from cause
    if len(data) > limit:
        raise error(printable(f"Expected {what} of at most {limit:,} bytes at {path}, got a larger one."))
    return data


def check_regular(path: Path) -> None:
    """Look, without opening it, whether a path leads to a file: a pipe would never end, nor would a device.

    Raises:
        OSError: nothing there, or something else.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        kind = "a folder" if path.is_dir() else "a pipe or device"
        raise OSError(errno.EINVAL, f"{kind}, not a file", str(path))


def read_json(
    path: Path,
    *,
    error: type[SalmubenchError],
    what: str = "a JSON file",
    missing: str = _ADVICE,
    advice: str = _ADVICE,
    limit: int = JSON_BYTES,
    depth: int = DEPTH,
    mapping: bool = False,
) -> Any:
    """Read a JSON file of at most `limit` bytes; messages say what it should be."""
    data = read_bytes(path, error=error, what=what, limit=limit, missing=missing)
    large = limit >= LARGE and len(data) > _LOOKED_AT
    return parse_json(data, where=str(path), error=error, advice=advice, depth=depth, mapping=mapping, large=large)


def parse_json(
    data: bytes,
    *,
    where: str,
    error: type[SalmubenchError],
    advice: str = _ADVICE,
    depth: int = DEPTH,
    mapping: bool = False,
    large: bool = False,
) -> Any:
    """Read JSON from bytes: as `read_json`; `where` names the file in messages.

    Of a `large` file only what json's own parser sees is checked, and half characters, where it has escapes of them.
    """
    try:
        _check_count(data)
        hook = None if large else _unique
        content = json.loads(data.decode("utf-8"), object_pairs_hook=hook, parse_constant=_no_constant)
        if not large or b"\\ud" in data or b"\\uD" in data:
            _check_plain(content, depth)
    except RecursionError as cause:
        raise error(printable(f"Expected JSON in {where}, got brackets too deep. {advice}")) from cause
    except ValueError as cause:  # JSON and UTF-8, numbers of thousands of digits, and our own
        raise error(printable(f"Expected JSON in {where}, got: {cause}. {advice}")) from cause
    return _mapping(content, "a JSON object", where, error, advice) if mapping else content


def read_yaml(
    path: Path,
    *,
    error: type[SalmubenchError],
    what: str = "a YAML file",
    expected: str = "keys and values",
) -> dict[str, Any]:
    """Read a YAML file of keys and values; an empty one has none. Messages say what it and its content should be."""
    data = read_bytes(path, error=error, what=what, limit=YAML_BYTES)
    return parse_yaml(data, where=str(path), error=error, expected=expected)


def parse_yaml(
    data: bytes, *, where: str, error: type[SalmubenchError], expected: str = "keys and values"
) -> dict[str, Any]:
    """Read keys and values from YAML; `where` names the file in messages.

    Anchors and aliases are refused: a few lines of them stand for billions.
    """
    import yaml

    try:
        if len(data) > YAML_BYTES:
            raise _Refused(f"more than {YAML_BYTES:,} bytes")
        loader = _yaml_loader()(data.decode("utf-8-sig"))
        try:
            content = loader.get_single_data()
        finally:
            loader.dispose()
        content = {} if content is None else content
        _check_plain(content, DEPTH)
    except (yaml.YAMLError, ValueError, RecursionError) as cause:
        raise error(printable(f"Expected YAML in {where}, got: {cause}. {_ADVICE}")) from cause
    return _mapping(content, expected, where, error, _ADVICE)


def _mapping(content: Any, what: str, where: str, error: type[SalmubenchError], advice: str) -> dict[str, Any]:
    if isinstance(content, dict):
        return content
    raise error(printable(f"Expected {what} in {where}, got {shown(content)}. {advice}"))


# --- what may come through --------------------------------------------------------------------------------------


def _check_count(data: bytes) -> None:
    """Before anything is made of it: brackets and commas in texts count, too, which the limits leave room for."""
    if data.count(b"[") + data.count(b"{") > HOLDERS:
        raise _Refused(f"more than {HOLDERS:,} lists and objects")
    if data.count(b",") + data.count(b":") > VALUES:
        raise _Refused(f"more than {VALUES:,} values")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        counted = Counter(name for name, _ in pairs)
        raise _Refused(f"the key {shown(counted.most_common(1)[0][0])} twice")
    return content


def _no_constant(name: str) -> Any:
    raise _Refused(f"{name}, which is no number of JSON")


def _check_plain(content: Any, depth: int) -> None:
    """Go through all levels, without recursion; a place is the place around it and the last key."""
    level: list[tuple[Any, Any]] = [((), {"": content})]
    for _ in range(depth + 1):
        level = [inner for place, holder in level for inner in _holders(place, holder)]
        if not level:
            return
    raise _Refused(f"more than {depth} brackets within one another")


def _holders(place: Any, holder: Any) -> Iterator[tuple[Any, Any]]:
    """The lists and mappings in one; everything else in it is checked."""
    keyed = type(holder) is dict
    for key, value in holder.items() if keyed else enumerate(holder):
        kind = type(value)
        if kind is dict or kind is list:
            yield (place, key), value
        elif kind is str:
            if not value.isascii():
                _check_text(value, (place, key))
        elif kind is float:
            if not math.isfinite(value):
                raise _Refused(f"a number that isn't finite{_at((place, key))}")
        elif kind is int:
            if not -_LARGEST < value < _LARGEST:
                raise _Refused(f"a whole number of more than {DIGITS} digits{_at((place, key))}")
        elif value is not None and kind is not bool:
            raise _Refused(f"a {kind.__name__}{_at((place, key))}, neither text nor a number (put it in quotes)")
        if keyed and type(key) is str and not key.isascii():
            _check_text(key, place)


def _check_text(text: str, place: Any) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _Refused(f"half a character in {shown(text)}{_at(place)}") from error


def _at(place: Any) -> str:
    keys: list[str] = []
    while place:
        place, key = place
        keys.insert(0, str(key))
    inside = printable(".".join(keys[1:]), SHOWN)
    return f" at {inside}" if inside else ""


@functools.cache
def _yaml_loader() -> Any:
    """Of PyYAML in Python, since that in C can't be asked on the way; imported where a file is YAML."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Knows no anchors, no aliases, no key twice, and counts brackets."""

        level = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            event = self.peek_event()  # type: ignore[no-untyped-call]
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise _Refused(f"an anchor or alias (& or *) in line {event.start_mark.line + 1}")
            self.level += 1
            if self.level > DEPTH:
                raise _Refused(f"more than {DEPTH} brackets within one another")
            node = super().compose_node(parent, index)
            self.level -= 1
            return node

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            names: set[str] = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value in names:
                    raise _Refused(f"the key {shown(key.value)} twice, in line {key.start_mark.line + 1}")
                names.update([key.value] if isinstance(key, yaml.ScalarNode) else [])
            return super().construct_mapping(node, deep)

    return Loader


# --- types ------------------------------------------------------------------------------------------------------


def validated(kind: type[T], data: Any, *, where: str, error: type[SalmubenchError], advice: str = "") -> T:
    """Make a typed record of what came through the gate.

    The error names the first unknown key, else the first missing one, else the first value of a wrong type.
    """
    import pydantic

    form: Any = kind
    try:
        instance: T = _adapter(form).validate_python(data)
    except pydantic.ValidationError as cause:
        problems = cause.errors(include_url=False)
        first = min(problems, key=lambda problem: _ORDER.get(problem["type"], 2))
        raise error(printable(f"{_problem(first, where)} {advice}".rstrip())) from cause
    return instance


@functools.cache
def _adapter(kind: Any) -> Any:
    import pydantic

    return pydantic.TypeAdapter(kind)


_ORDER = {"unexpected_keyword_argument": 0, "extra_forbidden": 0, "missing": 1, "missing_argument": 1}
_KINDS = {
    "string_type": "str", "int_type": "int", "float_type": "float", "bool_type": "bool",
    "finite_number": "a finite number", "tuple_type": "a list", "list_type": "a list", "dict_type": "an object",
    "mapping_type": "an object", "dataclass_type": "an object",
}  # fmt: skip


def _problem(problem: Mapping[str, Any], where: str) -> str:
    """One of pydantic's problems in our words."""
    kind, place, value = problem["type"], problem["loc"], problem["input"]
    if _ORDER.get(kind) == 0:
        return f"Expected only known keys at {_path(where, place[:-1])}, got {shown(place[-1])}."
    if _ORDER.get(kind) == 1 and isinstance(place[-1], int):
        return f"Expected more elements at {_path(where, place[:-1])}, got {shown(value)}."
    if _ORDER.get(kind) == 1:
        keys = ", ".join(map(str, value)) if isinstance(value, Mapping) else ""
        return f"Expected the key {place[-1]!r} at {_path(where, place[:-1])}, got {printable(keys, SHOWN) or 'none'}."
    if kind == "literal_error":
        expected = "one of " + problem["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
    elif kind in _KINDS:
        expected = _KINDS[kind]
    else:  # a bound: "String should have at most 64 characters"
        expected = f"a value to {problem['msg'].partition(' should ')[2] or problem['msg']}"
    return f"Expected {expected} at {_path(where, place)}, got {shown(value)}."


def _path(where: str, place: Iterable[int | str]) -> str:
    inside = "".join(f"[{key}]" if isinstance(key, int) else f".{printable(key, SHOWN)}" for key in place)
    return f"{where}{inside}"
