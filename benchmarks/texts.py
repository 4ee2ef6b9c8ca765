"""Encoding texts that begin alike: what computing equal beginnings once saves.

    python benchmarks/texts.py DATASET [--texts 2048] [--repeats 10] [--out results/evaluation/texts.json]

The texts are FactRet's: copies of captions of forget with other values, of a dataset as large as `mini`, as many as
`encode` writes at once; the captions themselves it encodes before. Timed for the text towers of `salmu-mini` and
ViT-B/32 (random weights, a quarter as many texts): trimming alone, trimming and sharing, and tokenising. Processor time
on one thread, in turns, the least of each: what else runs on the machine disturbs all alike.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import open_clip
import torch

from salmubench.clip import devices, models, prefixes
from salmubench.core import provenance, writing
from salmubench.core.types import Split
from salmubench.dataset import layout
from salmubench.encode import EncodeConfig
from salmubench.encode.texts import encode_texts, tokenize
from salmubench.pretrain import architectures
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.fact_ranks import caption, fact_texts

TOWERS = {"salmu-mini": 1, "ViT-B-32": 4}
"""Architecture → of how many texts one is encoded."""


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--texts", type=int, default=2048)
    parser.add_argument("--values", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    config = ScoreConfig(fact_values=arguments.values, fact_rows=0)
    dataset = layout.open_dataset(arguments.dataset)
    captions = {pair.caption for pair in dataset.rows(Split.FORGET)}
    every = dict.fromkeys(fact_texts(dataset, config, [Split.FORGET], caption))
    texts = list(itertools.islice((text for text in every if text not in captions), arguments.texts))
    towers = {
        name: measure(name, texts[: len(texts) // share], max(arguments.repeats // share, 2))
        for name, share in TOWERS.items()
    }
    for name, numbers in towers.items():
        print(name, *(f"{key} {value:.4g}" for key, value in numbers.items()), sep="\n  ")
    if arguments.out is not None:
        found = {
            "values": arguments.values,
            "threads": torch.get_num_threads(),
            "towers": towers,
            "provenance": provenance.provenance(),
        }
        writing.write_json(arguments.out, found)


def measure(arch: str, texts: Sequence[str], repeats: int) -> Mapping[str, float]:
    """Microseconds of processor time a text, and how far the vectors are apart."""
    with tempfile.TemporaryDirectory() as folder:
        model = make_model(Path(folder), arch)
    tokens = tokenize(model, texts)
    ids = tokens.ids[tokens.first == np.arange(len(texts))]
    batch_size = EncodeConfig().text_batch_size

    def shared() -> Any:
        return encode_texts(model, ids, batch_size=batch_size, trim=True)

    def trimmed() -> Any:
        with mock.patch.object(prefixes, "can_share", return_value=False):
            return shared()

    work: dict[str, Callable[[], Any]] = {
        "trimmed": trimmed,
        "shared": shared,
        "tokenised": lambda: tokenize(model, texts),
    }
    least = dict.fromkeys(work, float("inf"))
    with torch.inference_mode(), devices.compute("cpu", "fp32"):
        apart = float(np.abs(trimmed() - shared()).max())
        for name in list(work) * repeats:
            start = time.process_time()
            work[name]()
            least[name] = min(least[name], (time.process_time() - start) / len(texts) * 1e6)
    return {
        "texts": len(texts),
        "tokens_a_text": float(ids.argmax(axis=1).mean()) + 1,
        **{f"{name}_microseconds": value for name, value in least.items()},
        "ratio": least["trimmed"] / least["shared"],
        "ratio_with_tokenising": (least["trimmed"] + least["tokenised"]) / (least["shared"] + least["tokenised"]),
        "largest_difference": apart,
    }


def make_model(folder: Path, arch: str) -> models.ClipModel:
    """A random model of the architecture."""
    config = architectures.find(arch).config
    torch.manual_seed(0)
    models.save_model(folder, state=open_clip.CLIP(**config).state_dict(), config={"model_cfg": dict(config)})
    return models.load_model(folder)


if __name__ == "__main__":
    main()
