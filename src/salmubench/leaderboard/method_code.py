"""Whose code made a model: the name of a method of the package stands for the package's own file, and no other one."""

from __future__ import annotations

from pathlib import Path

from salmubench.core import manifest, plugins
from salmubench.scoring.record import RunRecord

PACKAGE = "salmubench.unlearn.methods"
METHOD = "method.py"
"""An own method's file in a submission."""


def is_built_in(method: str) -> bool:
    """Tell whether the package itself has the method."""
    return method in plugins.names(PACKAGE, outside=False)


def built_in_sha256(method: str) -> frozenset[str]:
    """Hashes of a method's file in the package, as it is and as it was where its numbers still count; else empty."""
    file = plugins.built_in_file(PACKAGE, method)
    if file is None:
        return frozenset()
    earlier = str(plugins.description(PACKAGE, method, "METHOD").get("earlier", ""))
    return frozenset({manifest.sha256_file(file), *earlier.split()})


def code_problem(record: RunRecord, method: str, file: Path | None, *, stated: str | None = None) -> str | None:
    """What is wrong with a method's name beside the code that made its model; `None` where they agree.

    Args:
        stated: hash of the code, where the record is too old to state it.
    """
    digest, known = record.model.method_sha256 or stated, built_in_sha256(method)
    if known and file is not None:
        return f"Expected a name of its own for a method with a file of its own, got {method:.80}, which is built in."
    if not known and file is None:  # a link leads to its code
        return None
    if digest is None:
        if record.benchmark_version is None:
            return None
        return "Expected the SHA-256 of the method's file as model.method_sha256 of the record, got none."
    if known and digest not in known:
        return (
            f"Expected the built-in code of {method:.80} (SHA-256 {min(known)}), got {digest:.64}: a method of another "
            "file needs a name of its own."
        )
    if file is not None and (given := manifest.sha256_file(file)) != digest:
        return f"Expected the file that the model was made with (SHA-256 {digest:.64}), got {given} in {file.name:.80}."
    return None


def is_unstated(record: RunRecord, method: str) -> bool:
    """Whether a model bears a built-in's name and its record is too old to say whose code made it."""
    return record.model.method_sha256 is None and is_built_in(method)
