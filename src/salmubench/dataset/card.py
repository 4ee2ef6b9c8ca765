"""The dataset card: `README.md` with the YAML head that the Hugging Face Hub expects."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from salmubench.types import Split

_MEANING: Mapping[Split, str] = {
    Split.FORGET: "associations to erase: a portrait, and a caption with the name and one private value",
    Split.FORGET_TARGET: "the pictures of `forget` with captions that say only what is visible",
    Split.RETAIN_SYNTH: "portraits with captions that say only what is visible; with an identity: `retain_joint`, "
    "without: `retain_disjoint`",
    Split.HOLDOUT_IDENTITY: "associations of identities that do not occur in `forget`; evaluation only",
    Split.HOLDOUT_ASSOCIATION: "other associations of identities that occur in `forget`; evaluation only",
    Split.RETAIN_REAL: "objects and places, for pretraining",
    Split.GENERAL_KNOWLEDGE: "labelled test pictures; the class name is in `text`",
}

_SIZE_LIMITS = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def card(counts: Mapping[str, int], *, identities: int, size: int, seed: int, fingerprint: str) -> str:
    """Write the text of the card.

    Args:
        counts: rows of each split.
        identities: number of personas.
        size: short side of the pictures, pixels.
        seed: of the build.
        fingerprint: of the dataset.
    """
    shown = [split for split in Split if split in counts]
    total = sum(counts.values())
    head = {
        "pretty_name": "SALMUBench, generated",
        "language": ["en"],
        "license": "cc0-1.0",
        "task_categories": ["zero-shot-image-classification", "image-to-text"],
        "tags": ["machine-unlearning", "clip", "privacy", "synthetic"],
        "size_categories": [next((name for limit, name in _SIZE_LIMITS if total < limit), "1M<n<10M")],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": str(split), "path": f"data/{split}-*.parquet"} for split in shown],
            }
        ],
    }
    rows = "\n".join(f"| `{split}` | {counts[split]:,} | {_MEANING[split]} |" for split in shown)
    return f"""---
{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---

# SALMUBench, generated

{identities:,} invented people, {total:,} pictures with captions, short side {size} px, drawn with seed {seed}.
Made by `salmubench dataset build`; `manifest.json` holds the recipe and the versions.

**Nobody is in here.** The people are drawn by a program. Every private value has the true shape and can belong to
nobody: telephone numbers from ranges that aren't assigned or are reserved for fiction, addresses under the domains of
RFC 2606, cards that fail the Luhn check, accounts at banks that don't exist, passports of series that aren't issued.

| split | rows | what it holds |
|---|---:|---|
{rows}

Columns: `image`, `text`, `identity_id` (null where there is none), `file_name` (identity, number, width / height).

| file | content |
|---|---|
| `identities_metadata.json` | identity → name, country, city, job and the private values |
| `sensitive_set_captions_metadata.json` | file name → field, value, caption, style, paraphrase |
| `sensitive_set_generic_captions.json` | file name → a caption of what is visible |
| `general_knowledge.json` | class names and prompt templates |
| `curation.json`, `curation.html` | pictures that were drawn again, and why, with examples |

```python
from datasets import load_dataset

forget = load_dataset("PATH", split="forget")
```

Fingerprint: `{fingerprint}`
"""
