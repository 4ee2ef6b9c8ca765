"""`salmubench list` and `salmubench show`: what there is."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Literal

from salmubench import plugins


def list_(what: Literal["methods", "metrics", "recipes", "backends"]) -> None:
    """List plug-ins and recipes.

    Args:
        what: which kind.
    """
    if what == "recipes":
        from salmubench import recipe as recipes

        found = recipes.names()
    elif what == "backends":
        found = [
            f"{kind}/{name}"
            for kind in ("portraits", "retain", "captions")
            for name in plugins.names(f"salmubench.dataset.{kind}")
        ]
    elif what == "metrics":
        from salmubench.metrics import names

        found = names()
    else:
        found = plugins.names("salmubench.unlearn.methods")
    print("\n".join(found))


def show_(method: str) -> None:
    """Show a method: its paper and loss, what it needs, its options.

    Args:
        method: a name or the path of a Python file.
    """
    from salmubench.unlearn.registry import load_method

    loaded = load_method(method)
    print(f"{loaded.name}  ({loaded.kind}; needs {', '.join(loaded.needs) or 'nothing'})\n")
    print(inspect.cleandoc(loaded.doc))
    print("\nOptions:")
    for option in dataclasses.fields(loaded.config):
        default = option.default if option.default is not dataclasses.MISSING else "(computed)"
        print(f"  {option.name}: {option.type} = {default}")
