"""Dataclasses from JSON, with checks, and their JSON Schema: the types are the only description of a record."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from salmubench.errors import RecordError

T = TypeVar("T")


def decode(kind: type[T], data: Any, where: str) -> T:
    """Build a dataclass from plain JSON.

    Args:
        kind: the dataclass.
        data: what `json.load` gave.
        where: the file, for messages.

    Raises:
        RecordError: a key is missing, unknown or of another type (with its path).
    """
    found: T = _decode(kind, data, where)
    return found


def json_schema(kind: type, *, title: str, identifier: str) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a dataclass; descriptions come from the docstring's `Attributes`."""
    definitions: dict[str, Any] = {}
    root = _schema(kind, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": identifier,
        "title": title,
        **root,
        "$defs": {name: definitions[name] for name in sorted(definitions)},
    }


def _decode(kind: Any, data: Any, where: str) -> Any:
    if kind is Any:
        return data
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _decode_union(args, data, where)
    if origin is Literal:
        if data not in args:
            raise RecordError(f"Expected one of {', '.join(map(str, args))} at {where}, found {data!r}.")
        return data
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(kind, data, where)
    if origin is tuple:
        return _decode_tuple(args, data, where)
    if origin in (dict, Mapping):
        if not isinstance(data, dict):
            raise RecordError(f"Expected an object at {where}, found {data!r}.")
        return {key: _decode(args[1], value, f"{where}.{key}") for key, value in data.items()}
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if type(data) is not kind:
        raise RecordError(f"Expected {kind.__name__} at {where}, found {data!r}.")
    return data


def _decode_union(args: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and type(None) in args:
        return None
    (other,) = [arg for arg in args if arg is not type(None)]  # records use unions for "or null" only
    return _decode(other, data, where)


def _decode_dataclass(kind: Any, data: Any, where: str) -> Any:
    if not isinstance(data, dict):
        raise RecordError(f"Expected an object at {where}, found {data!r}.")
    hints = _hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = [key for key in data if key not in fields]
    if unknown:
        raise RecordError(f"Expected the keys {', '.join(fields)} at {where}, found {unknown[0]!r}.")
    missing = [name for name, field in fields.items() if name not in data and _is_required(field)]
    if missing:
        raise RecordError(f"Expected the key {missing[0]!r} at {where}, found {', '.join(data) or 'none'}.")
    return kind(**{name: _decode(hints[name], data[name], f"{where}.{name}") for name in fields if name in data})


_hints = functools.cache(typing.get_type_hints)  # evaluating annotations is what decoding spends its time on


def _decode_tuple(args: tuple[Any, ...], data: Any, where: str) -> Any:
    if not isinstance(data, list):
        raise RecordError(f"Expected a list at {where}, found {data!r}.")
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_decode(args[0], value, f"{where}[{row}]") for row, value in enumerate(data))
    if len(data) != len(args):
        raise RecordError(f"Expected {len(args)} elements at {where}, found {data!r}.")
    return tuple(
        _decode(arg, value, f"{where}[{row}]") for row, (arg, value) in enumerate(zip(args, data, strict=True))
    )


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def _schema(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if kind is Any:
        return {}
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(arg, definitions) for arg in args]}
    if origin is Literal:
        return {"enum": list(args)}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": _schema(args[1], definitions)}
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        return {"type": "array", "items": _schema(args[0], definitions)}
    if origin is tuple:
        items = [_schema(arg, definitions) for arg in args]
        return {"type": "array", "prefixItems": items, "minItems": len(args), "maxItems": len(args)}
    if kind.__name__ not in definitions:
        definitions[kind.__name__] = {}  # holds the place while the fields are read
        definitions[kind.__name__] = _dataclass_schema(kind, definitions)
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _dataclass_schema(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    hints, told = typing.get_type_hints(kind), _attributes(kind)
    properties = {}
    for field in dataclasses.fields(kind):
        properties[field.name] = {"description": told[field.name], **_schema(hints[field.name], definitions)}
    return {
        "type": "object",
        "description": (inspect.getdoc(kind) or "").partition("\n")[0],
        "properties": properties,
        "required": [field.name for field in dataclasses.fields(kind) if _is_required(field)],
        "additionalProperties": False,
    }


def _attributes(kind: type) -> dict[str, str]:
    """Field → description, from the docstring's section `Attributes`."""
    _, _, section = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        match = re.match(r"^ {4}(\w+): (.*)$", line)
        if match:
            name, found[match[1]] = match[1], match[2]
        elif name and line.strip():
            found[name] += " " + line.strip()
    return found
