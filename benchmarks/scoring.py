"""Scoring at the official size: 77,000 pictures, 30,000 pairs to forget, a gallery of 2,000, 10,000 resamples.

    python benchmarks/scoring.py [--width 512] [--share 1] [--out results/evaluation/scoring.json]

Prints the seconds of `score` for Clean, Compromised and a candidate, and the peak memory of the process that scores.
Facts are told apart among 100 other values each, as by default, and asked of other pictures too: those of
`retain_synth` and of other facts, as the official layout has no unseen portraits. With `--share 0.5` there are half as
many pairs.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from salmubench.clip import embeddings
from salmubench.core import manifest, provenance, writing
from salmubench.core.types import FIELDS, SENSITIVE_SPLITS, Pair
from salmubench.dataset import phrasings
from salmubench.dataset.layout import GeneralKnowledge
from salmubench.metrics import load_all, score
from salmubench.scoring.config import ScoreConfig

MODELS = ("clean", "compromised", "candidate")
IDENTITIES, CLASSES, SHOWN = 774, 1000, 50
COUNTRIES = tuple(f"C{number}" for number in range(16))
PEOPLE = {
    f"{number:08d}": {
        "country_code": COUNTRIES[number % len(COUNTRIES)],
        "gender": ("female", "male")[number // 16 % 2],
    }
    for number in range(IDENTITIES)
}
SIZES = {"forget": 30_000, "holdout_identity": 15_000, "holdout_association": 15_000, "retain_synth": 16_741}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    width, seconds = arguments.width, {}
    with tempfile.TemporaryDirectory() as name:
        root, rows = Path(name), make_rows(arguments.share)
        for seed, model in enumerate(MODELS):
            written = multiprocessing.get_context("spawn").Process(
                target=write, args=(root / model, rows, width, seed), kwargs={"strength": 0.02 * seed}
            )  # what writing takes is no part of the peak
            written.start()
            written.join()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        total = time.perf_counter()
        for model in MODELS:
            start = time.perf_counter()
            score(
                embeddings=root / model,
                clean=root / "clean",
                compromised=root / "compromised",
                out=root / "records" / f"{model}.json",
            )
            seconds[model] = time.perf_counter() - start
            print(f"{model:12s} {seconds[model]:6.2f} s")
        seconds["together"] = time.perf_counter() - total
        print(f"together     {seconds['together']:6.2f} s")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"peak memory  {peak / 2**20:6.2f} GiB ({before / 2**20:.2f} before scoring)")
    if arguments.out is not None:
        counts = {"pictures": len(rows["split"]), "forget": int(SIZES["forget"] * arguments.share)}
        found = {**counts, "seconds": seconds, "peak_memory": peak * 1024, "provenance": provenance.provenance()}
        writing.write_json(arguments.out, found)


def make_rows(share: float) -> dict[str, list[object]]:
    """Columns of the index, with a share of the official number of pairs."""
    columns: dict[str, list[object]] = {name: [] for name in embeddings.INDEX_SCHEMA.names}
    for split, count in SIZES.items():
        for number in range(int(count * share)):
            who, field = number % (IDENTITIES - 194), FIELDS[number % len(FIELDS)]
            if split == "holdout_association":
                who = number % 387
            if split == "holdout_identity":
                who = IDENTITIES - 194 + number % 194
            told = split != "retain_synth"
            identity = f"{who:08d}" if told or number < 1000 else None
            value = f"value{number}" if told else None
            caption = f"The {field} of Person {who} is {value}." if told else f"a person before wall {number % 9000}"
            add(columns, split, f"{split}_{number:06d}.jpg", caption, identity, f"Person {who}", field, value)
    for number in range(CLASSES * SHOWN):
        label = f"class {number % CLASSES}"
        add(columns, "general_knowledge", f"g_{number:06d}.jpg", label, None, None, None, None)
    return columns


class Rows:
    """What metrics ask of a dataset to say which facts they tell apart: its rows."""

    def __init__(self, columns: dict[str, list[object]]) -> None:
        names = ("split", "file_name", "caption", "identity_id", "name", "field", "value", "paraphrase")
        self._rows: dict[str, list[Pair]] = {split: [] for split in SENSITIVE_SPLITS}
        for split, *row in zip(*(columns[name] for name in names), strict=True):
            if split in self._rows:
                self._rows[str(split)].append(Pair(*row))

        self.identities = PEOPLE

    def rows(self, split: str) -> list[Pair]:
        """Rows of a split."""
        return self._rows[split]


def add(columns: dict[str, list[object]], *row: object) -> None:
    """Add one row; its picture is the next one."""
    split, file_name, caption, identity, name, field, value = row
    paraphrase = phrasings.paraphrase(str(name), str(field), str(value), variant=3) if value else None
    number = len(columns["split"])
    values = (split, file_name, caption, identity, name, field, value, paraphrase, None, number, 0)
    for key, item in zip(columns, values, strict=True):
        columns[key].append(item)


def write(folder: Path, rows: dict[str, list[object]], width: int, seed: int, *, strength: float) -> None:
    """Write embeddings in which captions lean to their pictures by `strength`."""
    texts = dict.fromkeys(str(caption) for caption in rows["caption"])
    for split, name, value, text in zip(rows["split"], rows["name"], rows["value"], rows["paraphrase"], strict=True):
        if split == "forget":
            texts |= dict.fromkeys((f"{name} {value}", f"{value} {name}", f"a photo of {name}", str(text)))
    templates = tuple(f"a photo of a {{}} in style {number}" for number in range(8))
    classes = tuple(f"class {number}" for number in range(CLASSES))
    for plugin in load_all():
        if plugin.metric.items in ("fact_rank", "fact_mean"):
            texts |= dict.fromkeys(plugin.texts(Rows(rows), ScoreConfig()))  # type: ignore[arg-type]
    texts |= dict.fromkeys(template.replace("{}", name) for name in classes for template in templates)
    numbers = {text: number for number, text in enumerate(texts)}
    text_row = np.array([numbers[str(caption)] for caption in rows["caption"]])
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((len(text_row), width), np.float32)
    vectors = rng.standard_normal((len(texts), width), np.float32)
    vectors[text_row] += 10 * strength * images
    folder.mkdir(parents=True)
    for file, array in ((embeddings.IMAGES, images), (embeddings.TEXTS, vectors)):
        np.save(folder / file, array / np.linalg.norm(array, axis=1, keepdims=True))
    index = pa.table({**rows, "text_row": text_row.tolist()}, schema=embeddings.INDEX_SCHEMA)
    pq.write_table(index, folder / embeddings.INDEX)
    table = pa.table({"text": list(texts), "row": list(range(len(texts)))}, schema=embeddings.TEXT_SCHEMA)
    pq.write_table(table, folder / embeddings.TEXT_TABLE)
    alone = frozenset(f"{number:08d}" for number in range(387, IDENTITIES - 194))
    facts = embeddings.DatasetFacts(
        "official size", "0" * 64, SIZES, alone, None, GeneralKnowledge(classes, templates), people=PEOPLE
    )
    embeddings.write_dataset_facts(folder / embeddings.DATASET, facts)
    model = dict.fromkeys(("sha256", "kind", "method", "budget", "config_given", "config", "exposures"))
    ours = [path.name for path in folder.iterdir()]
    with manifest.stage_folder(folder, embeddings.STAGE, config=None, also=ours) as stage:
        stage.finish(
            outputs={
                "model": {**model, "name": folder.name, "sha256": str(seed), "cost": {}},
                "cut_captions": {},
                "encoding": {"precision": "fp32", "device": "cpu", "preprocessing": None},
            }
        )


if __name__ == "__main__":
    main()
