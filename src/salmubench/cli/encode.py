"""`salmubench encode`: embeddings of one model."""

from __future__ import annotations

from pathlib import Path

from salmubench.cli.arguments import Device, Precision
from salmubench.cli.output import say


def encode_(
    *,
    model: str,
    dataset: str,
    out: Path,
    arch: str | None = None,
    imagenet: Path | None = None,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Encode every picture and text that scoring needs, once. Call it again to go on.

    Args:
        model: a folder, hf-hub:org/name[@revision], or a weights file with `--arch`.
        dataset: a folder or a Hub id, org/name[@revision].
        out: folder of the embeddings.
        arch: open_clip architecture of a bare weights file.
        imagenet: folder with ImageNet's val/<synset>/…, to measure general knowledge on.
        device: where to compute.
        precision: `auto` takes what is faster on this machine.
    """
    from salmubench.encode.ranks import is_first
    from salmubench.workflow.evaluation import encode_model

    path = encode_model(
        model=model, dataset=dataset, out=out, arch=arch, imagenet=imagenet, device=device, precision=precision
    )
    if is_first():
        say(path)
