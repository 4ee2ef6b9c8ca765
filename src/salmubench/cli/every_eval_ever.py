"""`salmubench export-eee`: a record for the datastore of Every Eval Ever."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from salmubench.cli.output import say


def export_eee_(
    record: Path,
    out: Path,
    *,
    organization: str,
    relationship: Literal["first_party", "third_party", "collaborative", "other"] = "first_party",
    hub_id: str | None = None,
    without_items: bool = False,
) -> None:
    """Write a record in the format of Every Eval Ever: scores with interval and direction, and a line for each item.

    Args:
        record: a record, with its items beside it.
        out: folder in which data/salmubench/<developer>/<model>/ is made.
        organization: who evaluated the model.
        relationship: of who evaluated to the model.
        hub_id: org/name of the public checkpoint; the model is called <organization>/<name> without.
        without_items: write the scores alone: items hold captions.
    """
    from salmubench.metrics import descriptions
    from salmubench.publish.every_eval_ever import Source, export_every_eval_ever

    source = Source(organization, relationship, hub_id)
    for path in export_every_eval_ever(record, out, source=source, metrics=descriptions(), items=not without_items):
        say(path)
