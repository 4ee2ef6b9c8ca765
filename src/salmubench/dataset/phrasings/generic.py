"""Captions of portraits that say only what is seen: 52 forms, grammatical whatever facts are known.

The forms stand in `generic.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from salmubench.dataset.phrasings.tables import read
from salmubench.dataset.phrasings.words import indefinite_article, with_article

FACTS: Final = (
    "gender", "age", "hair", "facial_hair", "glasses", "headwear", "clothes", "expression", "background", "view",
)  # fmt: skip
"""Names of the facts that a caption can state."""

_THINGS: Final[tuple[str, ...]] = ("hair", "facial_hair", "glasses", "headwear", "clothes")
_OPTION: Final = re.compile(r"\[([^\]]*)\]")
_PART: Final = re.compile(r"\{(\w+)\}")


def generic_variants() -> int:
    """The number of forms of generic captions."""
    return len(read("generic")["forms"])


def generic_caption(facts: Mapping[str, str], *, variant: int) -> str:
    """Describes a portrait in one of many forms, with nothing but the facts, never a name.

    Args:
        facts: any of `FACTS`, in plain English words such as `{"gender": "woman", "hair": "short black hair"}`.
    """
    parts = _parts(facts)

    def choose(match: re.Match[str]) -> str:
        options = match.group(1).split("|")
        return next((option for option in options if all(part in parts for part in _PART.findall(option))), "")

    forms = read("generic")["forms"]
    form = _OPTION.sub(choose, forms[variant % len(forms)])
    return _PART.sub(lambda match: parts[match.group(1)], form)


def _parts(facts: Mapping[str, str]) -> dict[str, str]:
    """All words that the known facts allow; a part whose facts are unknown is absent."""
    stated = {key: value.strip() for key, value in facts.items() if value and value.strip()}
    things = {key: with_article(stated[key]) for key in _THINGS if key in stated}
    parts = dict(things)
    parts |= {key: stated[key] for key in ("background", "view") if key in stated}
    parts |= {f"plain_{key}": stated[key] for key in ("hair", "clothes") if key in stated}
    for part, keys in (("looks", ("hair", "facial_hair", "glasses")), ("worn", ("headwear", "clothes"))):
        if listed := [things[key] for key in keys if key in things]:
            parts[part] = " and ".join(filter(None, [", ".join(listed[:-1]), listed[-1]]))
    noun = " ".join(stated[key] for key in ("age", "gender") if key in stated)
    if "gender" not in stated:
        noun = f"{noun} person".strip()
    parts["who"] = parts["mood_who"] = f"{indefinite_article(noun)} {noun}"
    if mood := stated.get("expression"):
        parts["mood"] = _mood(mood)
        if " " not in mood:
            parts["mood_who"] = f"{indefinite_article(mood)} {mood} {noun}"
    return parts | {key.capitalize(): text[:1].upper() + text[1:] for key, text in parts.items()}


def _mood(expression: str) -> str:
    """An expression as it stands after a comma: "smiling", "with eyes closed", "with a neutral expression"."""
    if " " not in expression or re.match(r"with |\w+ing\b", expression):
        return expression
    counted = re.search(r"(?:expression|face|look|gaze|smile|grin|frown)$", expression)
    return f"with {with_article(expression) if counted else expression}"
