"""The model card: `README.md` with the YAML head that the Hugging Face Hub expects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from salmubench.scoring.metric import label, main_part
from salmubench.scoring.record import RunRecord
from salmubench.scoring.references import KINDS, REFERENCES
from salmubench.scoring.stages import Checkpoint

CARD = "README.md"

_WARNINGS: Mapping[str, str] = {
    **{one.name: one.warning for one in REFERENCES},
    "candidate": "This model learnt private data and was then made to forget some of it by an unlearning method. "
    "{people} It may still hold what it had to forget: that is what the numbers below measure.",
    "unknown": "Nothing in its folder tells how this model was trained. Where it is a Compromised model or was made "
    "from one, it holds private data on purpose. {people}",
}
_DATA = "names, telephone numbers, addresses, account and passport numbers of people"
_IMPORTED = "facts about people that a user imported"
_PEOPLE = {
    False: "All of these people are invented, and every value is made so that it can belong to nobody.",
    True: "Those people and facts were imported by whoever trained it, and may be real: keep the model where their "
    "data may be kept; whoever hands it on answers for their consent.",
    None: "Its folder doesn't tell whether those people are invented: whoever hands it on has to know.",
}
"""Whether the people were imported → what a card says about them."""
_PICTURES = {
    False: "Pictures and captions are those of a SALMUBench dataset: invented people, drawn by a program or generated, "
    "with captions made from invented records; objects and places for general knowledge.",
    True: "Pictures and facts are those of people whom a user imported (`salmubench dataset import`).",
    None: "Pictures and captions are those of the dataset below; nothing here tells who the people in it are.",
}

_USES = """\
- For research on machine unlearning: as a starting point, as a reference, or to check a published number.
- Not for products, and not to identify or describe real people: the model is small, trained on narrow data, and its
  mistakes have not been studied beyond the benchmark.
"""


def card(
    *,
    name: str,
    training: Checkpoint,
    record: RunRecord | None,
    sha256: str,
    licence: str,
    differing: float | None,
) -> str:
    """Write the text of the card.

    Args:
        name: of the reference or the candidate.
        differing: largest difference of the embeddings after conversion for transformers; `None`: not converted.
    """
    from huggingface_hub import ModelCardData

    kind, imported = _kind(training, record), training.outputs.imported
    warning = _WARNINGS[kind].format(data=_IMPORTED if imported else _DATA, people=_PEOPLE[imported])
    head = ModelCardData(
        library_name="open_clip",
        pipeline_tag="zero-shot-image-classification",
        license=licence,
        tags=["clip", "machine-unlearning", "salmubench", *([kind] if kind != "unknown" else [])],
    )
    title = f"SALMUBench {name.capitalize() if kind in KINDS else name}"
    sections = [
        f"---\n{head.to_yaml()}\n---\n\n# {title}\n",
        f"> **Warning.** {warning}\n",
        f"## Intended use\n\n{_USES}",
        _training(training, record),
        _numbers(record),
        _usage(differing),
        f"## Check\n\nSHA-256 of `open_clip_model.safetensors`: `{sha256}`\n",
    ]
    return "\n".join(sections)


def _kind(training: Checkpoint, record: RunRecord | None) -> str:
    kind = training.outputs.kind or (record.model.kind if record else None)
    if kind in _WARNINGS:
        return str(kind)
    is_candidate = training.stage == "unlearn" or (record is not None and record.model.method is not None)
    return "candidate" if is_candidate else "unknown"


def _training(training: Checkpoint, record: RunRecord | None) -> str:
    """Data and settings, as far as the manifest tells them."""
    facts: dict[str, str] = {}
    outputs, fingerprint = training.outputs, f"fingerprint `{training.inputs.get('dataset')}`"
    if training.stage == "pretrain":
        config = training.pretraining
        facts = {"dataset": fingerprint}
        for part, seen in (outputs.exposures or {}).items():
            counted = f" (counted: {seen.counted.least} to {seen.counted.most})" if seen.counted else ""
            pairs = f"{part.removesuffix('s')} pairs"  # the holdouts' are holdout pairs
            facts[pairs] = f"{seen.rows:,}, each seen {seen.expected:g} times{counted}"
        facts["architecture"] = f"`{Path(config.model).stem}`"
        if outputs.trained is not None:
            seen_in_all = f"{outputs.trained.steps:,} steps, {outputs.trained.pairs:,} pairs"
            facts["training"] = f"{config.epochs} epochs, {seen_in_all}, seed {training.seed}"
        facts["optimiser"] = (
            f"{config.optimizer}, learning rate {config.lr:g}, weight decay {config.weight_decay:g}, "
            f"{config.lr_scheduler}, {config.warmup} steps of warm-up"
        )
        facts["precision"] = str(training.inputs.get("precision"))
        seconds, memory = training.cost.get("seconds"), training.cost.get("peak_memory")
        if seconds is not None:
            facts["cost"] = f"{seconds:,.0f} s"
            if memory is not None:  # there is none where other machines did the training
                facts["cost"] += f", {memory / 2**30:.1f} GiB on {training.provenance.hardware.get('cpu', '')}"
        if outputs.final_loss is not None:
            facts["final loss"] = f"{outputs.final_loss:.3f}"
    elif record is not None and record.model.method is not None:
        named, model = f"{record.dataset.name}, fingerprint `{record.dataset.fingerprint}`", record.model
        facts = _unlearning(named, model.method, model.budget, model.config)
    elif training.stage == "unlearn":
        facts = _unlearning(fingerprint, outputs.method, outputs.budget, training.config)
    if not facts:
        return "## Training data\n\nUnknown: the checkpoint has no manifest.\n"
    table = "\n".join(f"| {name} | {value} |" for name, value in facts.items())
    pictures = _PICTURES[outputs.imported]
    return f"## Training data and settings\n\n{pictures}\n\n| | |\n|---|---|\n{table}\n"


def _unlearning(dataset: str, method: str | None, budget: float | None, options: Any) -> dict[str, str]:
    return {
        "dataset": dataset,
        "method": f"`{method}`",
        "budget": f"{budget:g} × the forget set" if budget is not None else "unknown",
        "options": f"`{dict(options or {})}`",
    }


def _numbers(record: RunRecord | None) -> str:
    if record is None:
        return "## Numbers\n\nNot measured: no record was given.\n"
    lines = []
    infos = record.protocol.metrics if record.protocol is not None else {}
    for metric, parts in record.scores.items():
        info = infos.get(metric)
        if info is None or info.number is None:
            continue
        part = main_part(info.items)
        score, name = parts[part], f"{label(metric, part)}: {info.title}"
        if score.value is None:
            lines.append(f"| {name} | – | | | {score.reason} |")
            continue
        spread = f"[{score.ci95[0]:.3f}, {score.ci95[1]:.3f}]" if score.ci95 else "–"
        between = " / ".join("–" if value is None else f"{value:.3f}" for value in (score.clean, score.compromised))
        lines.append(f"| {name} | {score.value:.3f} | {spread} | {score.n:,} | {between} |")
    body = "\n".join(lines)
    notes = "".join(f"- {note}\n" for note in record.notes) + "\n" * bool(record.notes)
    return (
        f"## Numbers\n\nFrom `record.json`; intervals are 95 %, over identities. Dataset {record.dataset.name}, "
        f"fingerprint `{record.dataset.fingerprint}`.\n\n{notes}| | value | interval | n | Clean / Compromised |\n"
        f"|---|---|---|---|---|\n{body}\n"
    )


def _usage(differing: float | None) -> str:
    text = """\
## Use

```python
import open_clip

model, _, preprocess = open_clip.create_model_and_transforms("local-dir:FOLDER")  # or "hf-hub:org/name"
tokenizer = open_clip.get_tokenizer("local-dir:FOLDER")
```
"""
    if differing is not None:
        text += f"""
```python
from transformers import CLIPModel, CLIPProcessor

model, processor = CLIPModel.from_pretrained("FOLDER"), CLIPProcessor.from_pretrained("FOLDER")
```

Both give the same embeddings of the same pixels and tokens: they differ by {differing:.1e} at most.
"""
    return text
