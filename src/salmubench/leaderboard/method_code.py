"""Whose code made a model: the name of a method of the package stands for the package's own file, and no other one.

So do the names of its attacks. A name that a reader would take for one of them is refused, too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from salmubench.core import manifest, plugins
from salmubench.core.errors import ConfigError
from salmubench.scoring.record import RunRecord

PACKAGE = "salmubench.unlearn.methods"
METHOD = "method.py"
"""An own method's file in a submission."""


def is_built_in(method: str) -> bool:
    """Tell whether the package itself has the method."""
    return method in plugins.names(PACKAGE, outside=False)


def built_in_sha256(name: str, package: str = PACKAGE, variable: str = "METHOD") -> frozenset[str]:
    """Hashes of a plug-in's file in the package, as it is and as it was where its numbers still count; else empty."""
    file = plugins.built_in_file(package, name)
    if file is None:
        return frozenset()
    earlier = str(plugins.description(package, name, variable).get("earlier", ""))
    return frozenset({manifest.sha256_file(file), *earlier.split()})


def alike(name: str) -> str:
    """What is the same of names that a reader, or a disk without upper case, takes for one another.

    Examples:
        >>> alike("MyMethod"), alike("my_method."), alike("mymethod-2")
        ('mymethod', 'mymethod', 'mymethod2')
    """
    return "".join(letter for letter in name.casefold() if letter not in "._-")


def taken_for(name: str, built_in: Iterable[str]) -> str | None:
    """Which of the package's names another one would be taken for; `None`: none, or it is that name."""
    names = list(built_in)
    return None if name in names else next((one for one in names if alike(one) == alike(name)), None)


def is_loop(method: str, file: Path | None) -> bool:
    """Whether a method is a loss that the engine minimises, batch by batch; its own file is parsed, not run."""
    source = file or plugins.built_in_file(PACKAGE, method)
    with contextlib.suppress(ConfigError):  # no Python
        return source is not None and plugins.defines(str(source), "loss")
    return False


def code_problem(record: RunRecord, method: str, file: Path | None, *, stated: str | None = None) -> str | None:
    """What is wrong with a method's name beside the code that made its model; `None` where they agree.

    Args:
        stated: hash of the code, where the record is too old to state it.
    """
    digest, built_in = record.model.method_sha256 or stated, built_in_sha256(method)
    if (other := taken_for(method, plugins.names(PACKAGE, outside=False))) is not None:
        return f"Expected a name that nobody takes for {other}, which is built in, got {method:.80}."
    if built_in and file is not None:
        return f"Expected a name of its own for a method with a file of its own, got {method:.80}, which is built in."
    if not built_in and file is None:  # a link leads to its code
        return None
    if digest is None:
        if record.benchmark_version is None:
            return None
        return "Expected the SHA-256 of the method's file as model.method_sha256 of the record, got none."
    if built_in and digest not in built_in:
        return (
            f"Expected the built-in code of {method:.80} (SHA-256 {min(built_in)}), got {digest:.64}: a method of "
            "another file needs a name of its own."
        )
    if file is not None and (given := manifest.sha256_file(file)) != digest:
        return f"Expected the file that the model was made with (SHA-256 {digest:.64}), got {given} in {file.name:.80}."
    return None
