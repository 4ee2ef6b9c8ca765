"""`salmubench list` and `salmubench show`: what there is."""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from salmubench.cli.output import on_terminal, print_json, print_table, say
from salmubench.core import plugins
from salmubench.core.errors import UnknownName

KINDS = ("methods", "metrics", "attacks", "recipes", "backends", "checks")
_METHODS = "salmubench.unlearn.methods"
_METRICS = "salmubench.metrics"
_ATTACKS = "salmubench.attacks"
_STATED = {"methods": (_METHODS, "METHOD"), "attacks": (_ATTACKS, "ATTACK")}
"""Kind → package, and the variable with which a file describes itself."""


def list_(
    what: Literal["methods", "metrics", "attacks", "recipes", "backends", "checks"], *, json: bool = False
) -> None:
    """List plug-ins and recipes: a table on a terminal, names alone elsewhere.

    Args:
        what: which kind.
        json: print name, first sentence and paper as JSON.
    """
    entries = [entry(what, name) for name in known(what)]
    if json:
        print_json(entries)
    elif on_terminal():
        papers = ["paper"] if any(item["paper"] for item in entries) else []
        heads = ["name", "about", *papers]
        print_table(heads, [[str(item[head] or "") for head in heads] for item in entries])
    else:
        say("\n".join(str(item["name"]) for item in entries))


def show_(name: str, *, json: bool = False) -> None:
    """Show a method or an attack (paper, formula, what it needs, options), a metric, a recipe, a backend or a check.

    Args:
        name: a name that `salmubench list` gives, or the path of the file of one (but not of a recipe).
        json: print it as JSON.
    """
    kind = next((kind for kind in KINDS if name in known(kind)), None)
    if plugins.is_path(name) and kind is None:
        kind = _kind_of_file(name)
    if kind is None:
        every = [item for kind in KINDS for item in known(kind)]
        raise UnknownName("method, metric, attack, recipe, backend or check", name, every)
    describe = {"methods": _method, "attacks": _attack}.get(kind)
    facts: dict[str, Any] = (
        describe(name) if describe is not None else {"name": name, "kind": kind[:-1], "about": _text(kind, name)}
    )
    if json:
        print_json(facts)
        return
    if describe is None:
        say(facts["about"].strip())
        return
    if kind == "attacks":
        say(f"{facts['name']}  ({facts['title']}; the attacker knows {facts['knows']})\n\n{facts['about']}")
        _print_options(facts["options"], "under attack.overrides of a recipe")
        return
    title = "" if facts["title"] == facts["name"] else f"{facts['title']}; "
    say(f"{facts['name']}  ({title}{facts['kind']}; needs {', '.join(facts['needs']) or 'nothing'})\n")
    say(facts["about"])
    if facts["cost"]:
        say(f"\nEncodings for each forget pair seen: {facts['cost']}")
    for setting, value in facts["settings"].items():
        say(f"\nIts own engine setting: {setting} = {value}")
    for setting, values in facts["search"].items():
        say(f"\nTuning also tries the engine's {setting}: {', '.join(map(str, values))}")
    _print_options(facts["options"], "given by --config or under unlearn.overrides of a recipe")


def _print_options(options: Sequence[Any], where: str) -> None:
    if options:
        say(f"\nOptions, {where}:")
    for option in options:
        say(f"\n  {option.name}: {option.type} = {option.default}")
        say(textwrap.fill(" ".join(option.doc.split()), 100, initial_indent=" " * 6, subsequent_indent=" " * 6))


def known(kind: str) -> list[str]:
    """Names of one kind, without importing any of them."""
    if kind in _STATED:
        return plugins.names(_STATED[kind][0])
    if kind in ("backends", "checks"):
        from salmubench.generator.backends import listed

        return list(listed(kind))
    if kind == "metrics":  # their docstrings begin with the paper's number, where they have one
        words = {name: plugins.docstring(_METRICS, name) for name in plugins.names(_METRICS)}
        return sorted(words, key=lambda name: (not words[name][:1].isdigit(), words[name], name))
    from salmubench.workflow.recipe import names

    return names()


def entry(kind: str, name: str) -> dict[str, str | None]:
    """Name, first sentence and paper (arXiv id) of one of them."""
    text = _text(kind, name)
    if kind == "recipes":  # the first sentence of the comment at the top
        comment = itertools.takewhile(lambda line: line.startswith("#"), text.splitlines())
        words = " ".join(line.strip("# ") for line in comment).removeprefix(f"{name}: ")
        return {"name": name, "about": words.partition(". ")[0].rstrip(".") + ".", "paper": None}
    if kind in ("backends", "checks"):
        part, part_name = _part(kind, name)
        return {"name": name, "about": part.describe(part_name).title, "paper": None}
    stated = plugins.description(_STATED[kind][0], name, _STATED[kind][1]).get("paper") if kind in _STATED else None
    paper = re.search(r"\b\d{4}\.\d{5}\b", stated or text)
    return {"name": name, "about": " ".join(text.partition("\n\n")[0].split()), "paper": paper and paper[0]}


def _text(kind: str, name: str) -> str:
    """What its author wrote: the docstring, or the whole recipe, whose first comment says what it is for."""
    if kind == "recipes":
        from importlib import resources

        return (resources.files("salmubench.workflow") / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")
    if kind in ("backends", "checks"):
        part, part_name = _part(kind, name)
        return str(part.text(part_name))
    return plugins.docstring({"methods": _METHODS, "metrics": _METRICS, "attacks": _ATTACKS}[kind], name)


def _part(kind: str, name: str) -> tuple[Any, str]:
    """The part of a dataset that a backend or check makes, and its name there."""
    from salmubench.generator.backends import listed, part_of

    return listed(kind).get(name) or (part_of(name), name)


def _kind_of_file(path: str) -> str:
    """What a Python file is: a method, where it is nothing else."""
    from salmubench.generator.backends import CHECKS, part_of

    if plugins.defines(path, "attack"):
        return "attacks"
    part = part_of(path)
    if part is None:
        return "metrics" if Path(path).is_file() and plugins.description(_METRICS, path, "METRIC") else "methods"
    return "checks" if part is CHECKS else "backends"


def _attack(name: str) -> dict[str, Any]:
    from salmubench.attacks import load
    from salmubench.unlearn.registry import options

    loaded = load(name)
    about = {key: getattr(loaded.attack, key) for key in ("name", "title", "knows", "needs", "control", "paper")}
    return {**about, "kind": "attack", "about": loaded.doc, "options": options(type(loaded.config))}


def _method(name: str) -> dict[str, Any]:
    from salmubench.unlearn.registry import load_method, options

    loaded = load_method(name)
    return {
        **{key: getattr(loaded, key) for key in ("name", "title", "paper", "cost", "kind")},
        "needs": loaded.needs_of(loaded.config()),
        "settings": dict(loaded.settings),
        "search": dict(loaded.search),
        "about": loaded.doc,
        "options": options(loaded.config),
    }
