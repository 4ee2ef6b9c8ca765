"""`salmubench export-model` and `export-eee`: a model for the Hugging Face Hub, a record for Every Eval Ever."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from salmubench.cli.arguments import goes_with
from salmubench.cli.output import say


def export_model_(
    model: str,
    *,
    out: Path,
    format: Literal["hub"] = "hub",  # noqa: A002 - the option's name
    record: Path | None = None,
    transformers: bool = False,
    license: str = "apache-2.0",  # noqa: A002 - the option's name
    push: str | None = None,
    public: bool = False,
) -> None:
    """Write a model with its card in open_clip's layout, and push it to the Hub on demand.

    Args:
        model: a checkpoint folder, or `hf-hub:org/name`.
        out: the folder.
        format: `hub`, the only one there is: weights, configuration, card.
        record: the model's record for the card; that of the same run by default, where there is one.
        transformers: add the files that `transformers.CLIPModel` reads, checked to give the same embeddings.
        license: for the card's head, as the Hub names it.
        push: org/name on the Hub to upload to; the token comes from HF_TOKEN or `hf auth login`.
        public: with `--push`: a repository that is new is public; private by default.
    """
    if push is None:
        goes_with("--push", {"--public": public})
    from salmubench.publish.model_export import export_model

    del format  # the parser has checked it
    say(
        export_model(
            model, out=out, record=record, transformers=transformers, licence=license, push=push, public=public
        )
    )


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
