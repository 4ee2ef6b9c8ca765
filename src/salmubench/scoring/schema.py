"""JSON Schema of pydantic dataclasses, with the descriptions of their docstrings."""

from __future__ import annotations

import inspect
import re
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema


def json_schema(kind: type, *, title: str, identifier: str) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a dataclass; descriptions come from the docstrings' `Attributes`."""
    generated = TypeAdapter(kind).json_schema(schema_generator=_Described)
    definitions = generated.pop("$defs")
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": identifier,
        **{**generated, "title": title},
        "$defs": {name: definitions[name] for name in sorted(definitions)},
    }


class _Described(GenerateJsonSchema):
    """Without the titles that only repeat the names of fields."""

    def dataclass_schema(self, schema: Any) -> dict[str, Any]:
        """As pydantic has it, with descriptions."""
        generated, kind = super().dataclass_schema(schema), schema["cls"]
        generated["description"] = (inspect.getdoc(kind) or "").partition("\n")[0]
        for name, text in _attributes(kind).items():
            generated["properties"][name] = {"description": text, **generated["properties"][name]}
        return generated

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        del schema
        return False


def _attributes(kind: type) -> dict[str, str]:
    """Field → description, from the docstring's section `Attributes`."""
    _, _, section = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    texts: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        match = re.match(r"^ {4}(\w+): (.*)$", line)
        if match:
            name, texts[match[1]] = match[1], match[2]
        elif name and line.strip():
            texts[name] += " " + line.strip()
    return texts
