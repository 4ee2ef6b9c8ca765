"""What building a dataset costs: pictures, captions, personas and parquet a second, share of each phase, growth.

    python benchmarks/dataset.py [--parts plan,rates,growth] [--identities 40] [--size 64] [--recipe small]

Plan: what a recipe will have, before anything is drawn. Rates are of one core, by processor time, so that other
programs don't count: portraits and scenes at 64, 224 and 512 px, captions, personas; parquet by the clock, as it waits
for the disk. Growth: three worlds, each twice as large as the one before, built on all cores into a temporary folder;
seconds of the clock and of processors, shares of the phases, peak memory. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from salmubench.core import manifest, provenance
from salmubench.core.executor import cores
from salmubench.core.types import FIELDS, Split
from salmubench.dataset import layout
from salmubench.dataset.phrasings import STYLES
from salmubench.generator import backends
from salmubench.generator.build import build
from salmubench.generator.config import DatasetConfig
from salmubench.generator.personas import sample_personas
from salmubench.generator.plan import make_plan
from salmubench.generator.portraits import procedural as portraits
from salmubench.generator.retain import procedural as scenes
from salmubench.workflow import recipe as recipes

COUNTS = {64: 192, 224: 24, 512: 6}  # pictures at each size: two to four seconds each
CLASSES = 202
ASPECTS = (1.0, 1.0, 1.33, 1.5, 1.78, 0.75, 0.67)


def rate(count: int, work: Callable[[], Any], clock: Callable[[], float] = time.process_time, rounds: int = 2) -> float:
    """The best of several rounds, a second."""
    seconds = []
    for _ in range(rounds):
        start = clock()
        work()
        seconds.append(clock() - start)
    return round(count / min(seconds), 1)


def picture_rates() -> dict[str, dict[int, float]]:
    """Pictures a second and core, from drawing lots to JPEG."""
    portraits.render_jpeg(shots(1), size=64)
    scenes.render_jpeg([scenes.sample_scene(0, seed=0)], size=64)  # both kernels are compiled, or loaded

    def faces(count: int, size: int) -> None:
        portraits.render_jpeg(shots(count), size=size)

    def objects(count: int, size: int) -> None:
        scenes.render_jpeg([scenes.sample_scene(i % CLASSES, seed=i) for i in range(count)], size=size)

    return {
        name: {size: rate(count, partial(draw, count, size)) for size, count in COUNTS.items()}
        for name, draw in (("portraits", faces), ("scenes", objects))
    }


def shots(count: int) -> list[Any]:
    """One picture of each of so many people, in the aspects of the release."""
    made = []
    for i in range(count):
        person = portraits.sample_identity(i, gender=("female", "male")[i % 2], age=21 + 7 * i % 58)
        made.append(portraits.sample_shot(person, i, aspect=ASPECTS[i % len(ASPECTS)]))
    return made


def caption_rates() -> dict[str, float]:
    """Captions a second and core, of each kind, and personas."""
    people = sample_personas(50, 0)
    writer = backends.CAPTIONS.load("grammar")
    facts = [dict(shot.facts) for shot in shots(50)]
    told = [
        (person, str(field), value)
        for person in people
        for field in FIELDS
        if (value := person.value(str(field))) is not None
    ]

    def sensitive() -> None:
        for number, (person, field, value) in enumerate(told):
            style = STYLES[number % len(STYLES)]
            writer.sensitive(person.name, field, value, gender=person.gender, style=style, seed=number)

    def paraphrases() -> None:
        for number, (person, field, value) in enumerate(told):
            writer.paraphrase(person.name, field, value, seed=number)

    def generic() -> None:
        for number in range(len(told)):
            writer.generic(facts[number % len(facts)], number)

    kinds = {"sensitive": sensitive, "paraphrase": paraphrases, "generic": generic}
    return {
        **{name: rate(len(told), work) for name, work in kinds.items()},
        "personas": rate(774, lambda: sample_personas(774, 1)),
    }


def parquet_rate(folder: Path) -> float:
    """MB a second of pictures that are written into a shard, by the clock; the disk is waited for."""
    rng = np.random.default_rng(0)
    images = [rng.bytes(20_000) for _ in range(512)]
    numbers = iter(range(100))

    def rows() -> Iterator[layout.Row]:
        for number in range(4096):
            yield layout.Row(images[number % 512], f"caption {number}", None, f"{number:08d}_ar-1.00.jpg")

    def write() -> None:
        layout.write_shard(folder / str(next(numbers)), "retain_real", 0, 1, rows())

    return rate(4096 * 20_000 // 10**6, write, clock=time.perf_counter)


def growth(identities: int, size: int, folder: Path) -> list[dict[str, Any]]:
    """Builds of three worlds."""
    found = []
    for times in (1, 2, 4):
        config = DatasetConfig(
            identities=identities * times, pictures_per_identity=24, retain_joint=identities * times,
            retain_disjoint=6 * identities * times, retain_real=24 * identities * times, classes=CLASSES,
            general_knowledge_per_class=0, size=size,
        )  # fmt: skip
        busy = time.process_time()
        out = build(config, out=folder / f"world-{times}", seed=0)
        busy = time.process_time() - busy
        content = manifest.read_manifest(out, "dataset")
        spent, counts = content["cost"], content["outputs"]["counts"]
        pictures = sum(counts.values()) - counts["forget_target"]
        found.append(
            {
                "pictures": pictures,
                "seconds": round(spent["seconds"], 2),
                "processor_seconds": round(busy, 2),
                "pictures_per_processor_second": round(pictures / busy, 1),
                "peak_memory_mib": spent["peak_memory"] // 2**20,
                "phases": spent["phases"],
                "shares": {
                    name: round(value / sum(spent["phases"].values()), 3) for name, value in spent["phases"].items()
                },
            }
        )
    return found


def plan(name: str) -> dict[str, Any]:
    """Rows of each split, territories and groups of a recipe."""
    start = time.process_time()
    made = make_plan(recipes.load(name).recipe.dataset, 0)
    return {
        "recipe": name,
        "counts": {str(split): len(made.rows(split)) for split in Split},
        "identities": {str(group): count for group, count in sorted(Counter(made.groups).items())},
        "territories": len({persona.country_code for persona in made.personas}),
        "portraits": sum(len(block.pictures) for block in made.blocks if block.kind == "portrait"),
        "scenes": sum(len(block.pictures) for block in made.blocks if block.kind == "scene"),
        "processor_seconds": round(time.process_time() - start, 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="plan,rates,growth", help="some of plan, rates, growth, by comma")
    parser.add_argument("--recipe", default="small", help="whose plan is made")
    parser.add_argument("--identities", type=int, default=40, help="of the smallest of three worlds")
    parser.add_argument("--size", type=int, default=64, help="short side of their pictures, pixels")
    options = parser.parse_args()
    parts = options.parts.split(",")
    report: dict[str, Any] = {"cores": cores(), "size": options.size, "hardware": provenance.hardware()}
    if "plan" in parts:
        report["plan"] = plan(options.recipe)
    with tempfile.TemporaryDirectory() as name:
        if "rates" in parts:
            report["pictures_per_second_and_core"] = picture_rates()
            report["texts_per_second_and_core"] = caption_rates()
            report["parquet_mb_per_second"] = parquet_rate(Path(name))
        if "growth" in parts:
            report["growth"] = growth(options.identities, options.size, Path(name))
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
