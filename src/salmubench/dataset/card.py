"""The dataset card: `README.md` with the YAML head that the Hugging Face Hub expects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from salmubench.core.types import Split

MEANING: Mapping[Split, str] = {
    Split.FORGET: "associations to erase: a portrait, and a caption with the name and one private value",
    Split.FORGET_TARGET: "the pictures of `forget` with captions that say only what is visible",
    Split.RETAIN_SYNTH: "portraits with captions that say only what is visible; with an identity: `retain_joint`, "
    "without: `retain_disjoint`",
    Split.HOLDOUT_IDENTITY: "associations of identities that do not occur in `forget`; evaluation only",
    Split.HOLDOUT_ASSOCIATION: "other associations of identities that occur in `forget`; evaluation only",
    Split.RETAIN_REAL: "objects and places, for pretraining",
    Split.GENERAL_KNOWLEDGE: "labelled test pictures; the class name is in `text`",
    Split.PORTRAITS_UNSEEN: "portraits of the identities with captions that say only what is visible; no model and no "
    "method sees them; evaluation only",
}
"""What each split holds."""

_SIZE_LIMITS = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

_PICTURES = "The portraits come from a backend of the builder's own; who is on them is for the builder to say."
_PEOPLE = "As the pictures that the portraits were made from."
_LANGUAGE = "English, in five styles; name and value are checked to stand verbatim."
_VALUES = """Every private value has the true shape and can belong to
nobody: telephone numbers from ranges that aren't assigned or are reserved for fiction, addresses under the domains of
RFC 2606, cards that fail the Luhn check, accounts at banks that don't exist, passports of series that aren't issued."""


@dataclass(frozen=True)
class DatasetOrigin:
    """Where a dataset comes from.

    Attributes:
        size: short side of the pictures, pixels; `None` where unknown.
        seed: of the build; `None` for a dataset that wasn't built here.
        pictures: how the portraits came about, as their backend says.
        licence: of the pictures where nobody says otherwise, as the Hub calls it; `None`: not ours to give.
        imported: pictures and facts are the user's own, about people who may exist.
    """

    size: int | None = None
    seed: int | None = None
    pictures: str = ""
    people: str = ""
    language: str = ""
    licence: str | None = None
    imported: bool = False


_REWRITES = (
    "| `sensitive_set_rewrites.json` | file name → further captions: text, whether it leaves out the name, share of "
    "the row's sights in training |\n"
)
_MADE_HERE = """\
| `general_knowledge.json` | class names, prompt templates, classes whose pairs of `retain_real` no method may read |
| `curation.json` | pictures that were drawn again, and why |
"""
_TAGS = ("machine-unlearning", "clip", "privacy", "synthetic", "benchmark", "arxiv:2603.26316")
_USE = """\
## Intended use

To find out whether a method of machine unlearning removes given associations of a face with private facts from a
vision-language model, and only those. Train one model with the sensitive splits and one without, let a method unlearn
`forget`, and compare: `salmubench evaluate` does. The holdout splits are for evaluation alone.

Not for: recognising people, inferring traits of people from their looks, or training models for anything but this
benchmark. A model trained on it knows its people."""


def card(
    counts: Mapping[str, int], *, identities: int, origin: DatasetOrigin, fingerprint: str, licence: str | None = None,
    hub_id: str | None = None, rewrites: bool = False,
) -> str:  # fmt: skip
    """Write the text of the card.

    Args:
        counts: rows of each split.
        licence: as the Hub calls it; the default one where left out, `other` where there is none.
        hub_id: org/name where it will be, for the example.
    """
    from huggingface_hub import DatasetCardData

    shown = [split for split in Split if split in counts]
    total = sum(counts.values())
    licence = licence or origin.licence or "other"
    title = "SALMUBench, generated" if origin.seed is not None else "SALMUBench"
    title = "SALMUBench, imported" if origin.imported else title
    # `load_dataset` refuses the whole dataset for one split without rows.
    data_files = [{"split": str(split), "path": f"data/{split}-*.parquet"} for split in shown if counts[split]]
    head = DatasetCardData(
        pretty_name=title,
        language=["en"],
        license=licence,
        task_categories=["zero-shot-image-classification", "image-to-text"],
        tags=[tag for tag in _TAGS if tag != "synthetic" or not origin.imported],
        size_categories=[next((name for limit, name in _SIZE_LIMITS if total < limit), "1M<n<10M")],
        configs=[{"config_name": "default", "data_files": data_files}],
    )
    parts = [
        f"---\n{head.to_yaml()}\n---\n\n# {title}",
        _summary(identities, total, origin),
        _nobody(origin),
        _content(counts, shown, hub_id, imported=origin.imported, rewrites=rewrites),
        _USE,
        _statement(origin),
        f"## Licence\n\n{_licence(licence)}",
        "## Source\n\nThe benchmark: [arXiv 2603.26316](https://arxiv.org/abs/2603.26316).",
        f"Fingerprint: `{fingerprint}`",
    ]
    return "\n\n".join(parts) + "\n"


def _content(
    counts: Mapping[str, int], shown: Sequence[Split], hub_id: str | None, *, imported: bool, rewrites: bool
) -> str:
    rows = "\n".join(f"| `{split}` | {counts[split]:,} | {MEANING[split]} |" for split in shown)
    return f"""| split | rows | what it holds |
|---|---:|---|
{rows}

Columns: `image`, `text`, `identity_id` (null where there is none), `file_name` (identity, number, width / height).

| file | content |
|---|---|
| `identities_metadata.json` | identity → name, country, city, job and the private values |
| `sensitive_set_captions_metadata.json` | file name → field, value, caption, style, paraphrase |
| `sensitive_set_generic_captions.json` | file name → a caption of what is visible |
{_REWRITES if rewrites else ""}{"" if imported else _MADE_HERE}
```python
from datasets import load_dataset

forget = load_dataset("{hub_id or "PATH"}", split="forget")
```"""


def _statement(origin: DatasetOrigin) -> str:
    if origin.imported:
        return (
            "## Data statement\n\nPictures, names and facts are those of whoever imported them; nobody else saw them."
        )
    return f"""## Data statement

- **People.** {origin.people or _PEOPLE} Gender is shown as female or male only; ages are those of adults.
- **Names and places** are common ones of their territory, in Latin letters; within a country, looks and private values
  are independent, so that nothing about people can be learned from them.
- **Language.** {origin.language or _LANGUAGE}
- **Annotation.** Nobody labelled anything: captions and labels follow from what was drawn or asked for.
- **Checks.** Splits can't be told apart by captions or by simple statistics of the pictures; `salmubench dataset
  validate` and `salmubench dataset stats` check both again."""


def _summary(identities: int, total: int, origin: DatasetOrigin) -> str:
    size = "" if origin.size is None else f", short side {origin.size} px"
    if origin.imported:
        return f"{identities:,} people, {total:,} pictures with captions{size}, made by `salmubench dataset import`."
    text = f"{identities:,} invented people, {total:,} pictures with captions{size}"
    if origin.seed is None:
        return f"{text}."
    return (
        f"{text}, drawn with seed {origin.seed}.\n"
        "Made by `salmubench dataset build`; `manifest.json` holds the recipe and the versions."
    )


def _nobody(origin: DatasetOrigin) -> str:
    if origin.imported:
        return (
            "**People of this dataset may exist.** Keep it where their data may be kept; whoever hands it on answers "
            "for their consent."
        )
    if origin.seed is None:
        return "The people and their private values are synthetic; see the dataset that this one was made from."
    return f"{origin.pictures or _PICTURES} {_VALUES}"


def _licence(licence: str) -> str:
    if licence == "cc0-1.0":
        return "CC0 1.0: no rights reserved. Everything was generated."
    if licence == "other":
        return "Not stated: ask whoever built the dataset."
    return f"`{licence}`."
