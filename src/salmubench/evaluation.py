"""A checkpoint to a record in one call: what a user with a model runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from salmubench import manifest
from salmubench.dataset.layout import Dataset, open_dataset
from salmubench.encode.config import EncodeConfig
from salmubench.scoring.config import ScoreConfig

if TYPE_CHECKING:
    from salmubench.official.result_file import Published

OFFICIAL_DATASET = "cvc-mmu/salmubench-512-redistributed"
OFFICIAL_MODELS: Mapping[str, str] = {
    "clean": "hf-hub:cvc-mmu/clip-vit-b-16-salmu-clean",
    "compromised": "hf-hub:cvc-mmu/clip-vit-b-16-salmu-compromised",
}


def encode_model(
    *,
    model: str | Path,
    dataset: str | Path | Dataset,
    out: Path,
    arch: str | None = None,
    imagenet: Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    config: EncodeConfig | None = None,
    scoring: ScoreConfig | None = None,
) -> Path:
    """Encode a model with every text that the metrics need.

    Args:
        model: folder, `hf-hub:org/name[@revision]`, or a weights file with `arch`.
        dataset: folder, Hub id (`org/name[@revision]`) or an open dataset.
        out: folder of the embeddings.
        arch: open_clip architecture of a bare weights file.
        imagenet: folder with ImageNet's `val/<synset>/…`, to measure general knowledge on.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`.
        config: settings; the defaults if left out.
        scoring: options of scoring, which say what texts it needs; the defaults if left out.
    """
    from salmubench.encode.encode import encode
    from salmubench.metrics import required_texts

    opened = _open(dataset, imagenet)
    return encode(
        model=model, dataset=opened, out=out, texts=required_texts(opened, scoring), arch=arch,
        config=config or EncodeConfig(), device=device, precision=precision,
    )  # fmt: skip


def evaluate(
    *,
    model: str | Path,
    dataset: str | Path | Dataset,
    clean: str | Path,
    compromised: str | Path,
    out: Path,
    arch: str | None = None,
    imagenet: Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    config: ScoreConfig | None = None,
) -> Path:
    """Encode a checkpoint and score it: embeddings go to `<out without .json>.embeddings/`.

    Of several processes that torchrun started, all encode and the first one scores.

    Args:
        model: folder, `hf-hub:org/name[@revision]`, or a weights file with `arch`.
        dataset: folder, Hub id (`org/name[@revision]`) or an open dataset.
        clean: model, embeddings folder or record of Clean.
        compromised: the same of Compromised.
        out: the record.
        arch: open_clip architecture of a bare weights file.
        imagenet: folder with ImageNet's `val/<synset>/…`, to measure general knowledge on.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`.
        config: options of scoring.

    Returns:
        The record's path.

    Examples:
        With a dataset in the folder `dataset`, and a model or its stored embeddings in `candidate`, `clean` and
        `compromised`:

        >>> from salmubench import evaluate, read_record
        >>> references = {"clean": clean, "compromised": compromised}
        >>> path = evaluate(model=candidate, dataset=dataset, **references, out=Path("candidate.json"))
        >>> read_record(path).status
        'complete'
    """
    from salmubench.encode.ranks import is_first
    from salmubench.metrics import score

    opened = _open(dataset, imagenet)
    folder = out.with_suffix(".embeddings")

    def embeddings(source: str | Path, name: str, arch: str | None = None) -> Path:
        path = Path(source)
        if path.suffix == ".json" or ((path / manifest.MANIFEST).is_file() and _stage_of(path) == "encode"):
            return path
        return encode_model(
            model=source, dataset=opened, out=folder / name, arch=arch, device=device, precision=precision,
            scoring=config,
        )  # fmt: skip

    references = {"clean": embeddings(clean, "clean"), "compromised": embeddings(compromised, "compromised")}
    judged = embeddings(model, "model", arch)
    if is_first():
        score(embeddings=judged, **references, out=out, config=config or ScoreConfig())
    return out


@dataclass(frozen=True)
class Verified:
    """One official model evaluated: its record, and its numbers beside the published ones."""

    record: Path
    numbers: list[Published]


def verify_official(
    *,
    out: Path,
    dataset: str | Path = OFFICIAL_DATASET,
    clean: str | Path = OFFICIAL_MODELS["clean"],
    compromised: str | Path = OFFICIAL_MODELS["compromised"],
    imagenet: Path | None = None,
    device: str = "auto",
    precision: str = "auto",
) -> Mapping[str, Verified]:
    """Evaluate the two official models and put each number beside the published one.

    Args:
        out: folder for embeddings and records; a second call goes on there.
        dataset: the official dataset, or a copy of it.
        clean: the official Clean model, or a copy.
        compromised: the official Compromised model, or a copy.
        imagenet: folder with ImageNet's `val/<synset>/…`; general knowledge is skipped without.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`.

    Returns:
        `clean` and `compromised` → record and numbers.
    """
    from salmubench.metrics import descriptions, score
    from salmubench.official.result_file import compare_with_published, numbers
    from salmubench.scoring.record_files import read_record

    manifest.check_ours(out, also=("embeddings", "records"))
    opened, folders = _open(dataset, imagenet), {}
    for kind, model in (("clean", clean), ("compromised", compromised)):
        folders[kind] = encode_model(
            model=model, dataset=opened, out=out / "embeddings" / kind, device=device, precision=precision
        )
    results = {}
    for kind, folder in folders.items():
        record = score(
            embeddings=folder, clean=folders["clean"], compromised=folders["compromised"],
            out=out / "records" / f"{kind}.json",
        )  # fmt: skip
        metrics = list(descriptions().values())
        results[kind] = Verified(record, compare_with_published(numbers(read_record(record), metrics), kind))
    return results


def _open(dataset: str | Path | Dataset, imagenet: Path | None) -> Dataset:
    opened = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
    if imagenet is None:
        return opened
    from salmubench.encode.imagenet import WithImageNet

    return WithImageNet(opened, imagenet)


def _stage_of(path: Path) -> str:
    return str(manifest.read_json(path / manifest.MANIFEST).get("stage"))
