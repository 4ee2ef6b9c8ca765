"""A checkpoint to a record in one call: what a user with a model runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from salmubench.core import manifest, writing
from salmubench.dataset.layout import Dataset, open_dataset
from salmubench.dataset.limited import limited
from salmubench.dataset.origin import scoring_of
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.settings import Settings, settled
from salmubench.workflow.sources import check_gallery, check_sources, is_encoded, precision_of

if TYPE_CHECKING:
    from salmubench.clip.models import ClipModel
    from salmubench.official.result_file import Published
    from salmubench.official.rounding import Ranked
    from salmubench.scoring.plugin import Plugin

OFFICIAL_DATASET = "cvc-mmu/salmubench-512-redistributed"
OFFICIAL_MODELS: Mapping[str, str] = {
    "clean": "hf-hub:cvc-mmu/clip-vit-b-16-salmu-clean",
    "compromised": "hf-hub:cvc-mmu/clip-vit-b-16-salmu-compromised",
}


def encode_model(
    *,
    model: str | Path | ClipModel,
    dataset: str | Path | Dataset,
    out: str | Path,
    arch: str | None = None,
    imagenet: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    scoring: ScoreConfig | None = None,
    also: Sequence[Plugin] = (),
) -> Path:
    """Encode a model with every text that the metrics need.

    Args:
        model: folder, `hf-hub:org/name[@revision]`, a weights file with `arch`, or a loaded model.
        dataset: folder, Hub id (`org/name[@revision]`) or an open dataset.
        out: folder of the embeddings.
        arch: open_clip architecture of a bare weights file.
        imagenet: folder with ImageNet's `val/<synset>/…`, to measure general knowledge on.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`.
        scoring: options of scoring, which say what texts it needs; as the dataset states them, if left out.
        also: further metrics whose texts are needed.
    """
    from salmubench.encode.encode import encode
    from salmubench.metrics import required_texts
    from salmubench.scoring.plugin import texts_of

    opened = with_imagenet(dataset, imagenet)
    scoring = settled(scoring, (), scoring_of(opened))
    texts = [*required_texts(opened, scoring), *texts_of(also, opened, scoring)]
    return encode(
        model=model, dataset=opened, out=Path(out), texts=texts, arch=arch,
        device=device, precision=precision,
    )  # fmt: skip


def evaluate(
    *,
    model: str | Path,
    dataset: str | Path | Dataset,
    clean: str | Path,
    compromised: str | Path,
    out: str | Path,
    retrained: str | Path | None = None,
    arch: str | None = None,
    imagenet: str | Path | None = None,
    limit: int | None = None,
    device: str = "auto",
    precision: str = "auto",
    config: Settings = None,
) -> Path:
    """Encode a checkpoint and score it: embeddings go to `<out without .json>.embeddings/`.

    Everything that is given is looked at first: a call that is refused leaves no file. Of several processes that
    torchrun started, all encode and the first one scores.

    Args:
        model: folder, `hf-hub:org/name[@revision]`, or a weights file with `arch`.
        dataset: folder, Hub id (`org/name[@revision]`) or an open dataset.
        clean: model, embeddings folder or record of Clean.
        compromised: the same of Compromised.
        out: the record.
        retrained: the same of Retrained, where there is one.
        arch: open_clip architecture of a bare weights file.
        imagenet: folder with ImageNet's `val/<synset>/…`, to measure general knowledge on.
        limit: a quick look at no more than so many rows of each split; the record says so and can't be submitted.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`; `auto` takes that of references that are encoded.
        config: options of scoring; those that a mapping leaves out are as the references' records or the dataset state
            them.

    Returns:
        The record's path.

    Examples:
        With a dataset in the folder `dataset`, and a model or its stored embeddings in `candidate`, `clean` and
        `compromised`:

        >>> from salmubench import evaluate, read_record
        >>> references = {"clean": clean, "compromised": compromised}
        >>> path = evaluate(model=candidate, dataset=dataset, **references, out="candidate.json")
        >>> read_record(path).status
        'complete'
    """
    from salmubench.encode.ranks import is_first
    from salmubench.metrics import load_all, score

    out = Path(out)
    opened = limited(with_imagenet(dataset, imagenet), limit)
    sources = {"model": model, "clean": clean, "compromised": compromised, "retrained": retrained}
    folder, precision = out.with_suffix(".embeddings"), precision_of(sources.values(), precision)
    loaded = check_sources(
        sources, opened, out, folder, judged=["model"], arch=arch, device=device, precision=precision
    )
    check_gallery(out, opened)
    config = settled(config, sources.values(), scoring_of(opened))
    load_all(config)
    work = partial(encode_model, dataset=opened, device=device, precision=precision, scoring=config)
    encoded = {
        name: Path(source)
        if is_encoded(source)
        else work(model=loaded.pop(name, source), out=folder / name, arch=arch if name == "model" else None)
        for name, source in sorted(sources.items(), key=lambda item: item[0] == "model")  # the model comes last
        if source is not None
    }
    judged = encoded.pop("model")
    if is_first():
        score(embeddings=judged, **encoded, out=out, config=config)
    return out


def table(
    runs: Sequence[str | Path],
    *,
    format: Literal["markdown", "latex", "csv", "json"] = "markdown",  # noqa: A002 - as the option is called
    out: str | Path | None = None,
) -> str:
    """Results of runs as a table: numbers, L, K and D with intervals, verdicts.

    Args:
        runs: run folders, folders of records, or records; or the folder of one contest.
        format: LaTeX needs the package booktabs; CSV and JSON hold every number.
        out: a file to write it to as well.

    Raises:
        RecordError: no records, or one that can't be read.
    """
    from salmubench.metrics import descriptions
    from salmubench.report import export
    from salmubench.unlearn.registry import method_titles

    paths = [Path(run) for run in runs]
    text = export.table(paths, form=format, metrics=descriptions(), titles=method_titles())
    if out is not None:
        writing.write_text(Path(out), text)
    return text


@dataclass(frozen=True)
class Verified:
    """One official model evaluated: its record, and its numbers beside the published ones."""

    record: Path
    numbers: list[Published]


@dataclass(frozen=True)
class Verification:
    """Both official models evaluated.

    Attributes:
        models: `clean` and `compromised` → record and numbers.
        rankings: their retrieval numbers under each declared rounding and tie rule, the protocol's first.
    """

    models: Mapping[str, Verified]
    rankings: Sequence[Ranked]

    def retrieval(self) -> frozenset[str]:
        """Names of the numbers that depend on rounding and ties."""
        return frozenset(one.name for numbers in self.rankings[0].numbers.values() for one in numbers)

    def agrees(self) -> bool:
        """Whether every number agrees, those of retrieval all under one declared rounding and tie rule."""
        ranked = self.retrieval()
        others = (one for verified in self.models.values() for one in verified.numbers if one.name not in ranked)
        return any(way.fits for way in self.rankings) and all(one.agrees is not False for one in others)


def verify_official(
    *,
    out: Path,
    dataset: str | Path = OFFICIAL_DATASET,
    clean: str | Path = OFFICIAL_MODELS["clean"],
    compromised: str | Path = OFFICIAL_MODELS["compromised"],
    imagenet: Path | None = None,
    device: str = "auto",
    precision: str = "auto",
) -> Verification:
    """Evaluate the two official models and put each number beside the published one.

    Of several processes that torchrun started, all encode and the first one scores; the others return nothing.

    Args:
        out: folder for embeddings and records; a second call goes on there.
        dataset: the official dataset, or a copy of it.
        clean: the official Clean model, or a copy.
        compromised: the official Compromised model, or a copy.
        imagenet: folder with ImageNet's `val/<synset>/…`; general knowledge is skipped without.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`.

    Returns:
        Records and numbers, those of retrieval also under other roundings and tie rules.
    """
    from salmubench.encode.ranks import is_first
    from salmubench.metrics import descriptions, load_all, score
    from salmubench.official.result_file import compare_with_published, numbers
    from salmubench.official.rounding import rank_all_ways
    from salmubench.scoring.record_files import read_record

    manifest.check_ours(out, also=("embeddings", "records"))
    opened, folders = with_imagenet(dataset, imagenet), {}
    for kind, model in (("clean", clean), ("compromised", compromised)):
        folders[kind] = encode_model(
            model=model, dataset=opened, out=out / "embeddings" / kind, device=device, precision=precision
        )
    if not is_first():
        return Verification({}, ())
    results = {}
    for kind, folder in folders.items():
        record = score(
            embeddings=folder, clean=folders["clean"], compromised=folders["compromised"],
            out=out / "records" / f"{kind}.json",
        )  # fmt: skip
        metrics = list(descriptions().values())
        results[kind] = Verified(record, compare_with_published(numbers(read_record(record), metrics), kind))
    return Verification(results, rank_all_ways(folders, load_all()))


def with_imagenet(dataset: str | Path | Dataset, imagenet: str | Path | None) -> Dataset:
    """Open a dataset, with ImageNet's pictures for general knowledge where their folder is given."""
    opened = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
    if imagenet is None:
        return opened
    from salmubench.encode.imagenet import WithImageNet

    return WithImageNet(opened, Path(imagenet))
