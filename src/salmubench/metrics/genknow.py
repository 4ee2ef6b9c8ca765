"""2.1 GenKnow: zero-shot top-1 accuracy on ImageNet-1k, or on the dataset's own split `general_knowledge`.

A class is the normalised mean of its unit prompt vectors over all templates; a tie of k classes at the top counts 1/k
if the right one is among them (ours). `hidden` is the same over the classes whose retain pairs no method may read,
`shown` over the others; a picture competes among all classes always. Intervals resample classes, then pictures within
them. Source: the paper, section on utility; prompt ensembles as in CLIP.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from salmubench.core.errors import EmbeddingsError
from salmubench.core.types import Split
from salmubench.dataset.layout import Dataset, GeneralKnowledge
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import (
    CLASSES,
    Floats,
    Metric,
    Outcome,
    outcome,
)
from salmubench.scoring.products import top_share

METRIC = Metric(
    name="GenKnow",
    pillar="utility",
    goal="compromised",
    needs=("general_knowledge",),
    role="drop",
    main=True,
    number="2.1",
    title="zero-shot accuracy on general knowledge",
    definition={
        "value": "Zero-shot top-1 accuracy on labelled pictures that have nothing to do with the people. The main "
        "number of utility.",
        "shown": "The accuracy on pictures of classes that methods see among the retain pairs.",
        "hidden": "The accuracy on pictures of classes that pretraining saw and methods don't.",
    },
    split="general_knowledge",
    range=(0.0, 1.0),
    view="drop",
    groups=CLASSES,
    resample="class",
    steady=True,
    official={"value": ("2.1_GenKnow", "ImageNet1k_Accuracy")},
    official_skipped=-1.0,
)


def texts(dataset: Dataset, _config: ScoreConfig) -> Iterator[str]:
    """Each class in each template."""
    if dataset.general_knowledge is not None:
        for name in dataset.general_knowledge.classes:
            yield from _prompts(dataset.general_knowledge, name)


def score(inputs: EvalInputs) -> Outcome:
    """Classify each picture; items are 1, 0 or the share of a tie (of classes of one name, too)."""
    known, rows = inputs.general_knowledge(), inputs.needed(Split.GENERAL_KNOWLEDGE)
    number = known.numbers
    strange = [text for text in rows.caption if text not in number]
    if strange:
        raise EmbeddingsError(
            f"Expected class names of general_knowledge.json as captions of the split general_knowledge, got "
            f"{strange[0]!r}. Correct the dataset and encode it again."
        )
    right = np.fromiter((number[text] for text in rows.caption), np.int64, len(rows))
    classes = _class_vectors(inputs, known)
    shares = top_share(inputs.embeddings.images, rows.image_row, classes, right)
    hidden = np.isin(rows.caption.astype(np.str_), known.hidden) if known.hidden else None
    return outcome(rows.items(shares, hidden=hidden))


def _class_vectors(inputs: EvalInputs, known: GeneralKnowledge) -> Floats:
    prompts = [prompt for name in known.classes for prompt in _prompts(known, name)]
    vectors = inputs.texts(prompts).reshape(len(known.classes), len(known.templates), -1).mean(axis=1)
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
    # Prompts that cancel out have no direction; such a class then has similarity 0 to everything.
    unit_vectors: Floats = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    return unit_vectors


def _prompts(known: GeneralKnowledge, name: str) -> list[str]:
    return [template.replace("{}", name) for template in known.templates]
