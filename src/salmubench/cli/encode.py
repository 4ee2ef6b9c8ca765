"""`salmubench encode`: embeddings of one model."""

from __future__ import annotations

from pathlib import Path

from salmubench.cli.arguments import Device, Precision


def encode_(
    *,
    model: str,
    dataset: str,
    out: Path,
    arch: str | None = None,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Encode every picture and text that scoring needs, once. Call it again to go on.

    Args:
        model: a folder, hf-hub:org/name, or a weights file with `--arch`.
        dataset: a folder or a Hub id.
        out: folder of the embeddings.
        arch: open_clip architecture of a bare weights file.
        device: where to compute.
        precision: `auto` takes what is faster on this machine.
    """
    from salmubench.pipeline import encode_model

    print(encode_model(model=model, dataset=dataset, out=out, arch=arch, device=device, precision=precision))
