"""Which worlds teach facts about people: what is known of a person by other pictures, in Compromised less in Retrained.

    python benchmarks/worlds.py --out runs/worlds [--recipe benchmarks/worlds.yaml] [--worlds 1000,1001] [--clean]
        [--variant "named:dataset.nameless=0" --variant "few:pretrain.sensitive_repeats=2,dataset.identities=50"]

Builds each development world of the recipe, and of each variant of it, trains Compromised and Retrained (with `--clean`
Clean too), and asks FactRetOther: MRR by other pictures of the person less that by pictures of strangers, source by
source. The gap is that of Compromised less that of Retrained, fact by fact; its 95 % interval is a bootstrap over
people. `dataset.nameless=0` is the control: as many captions and sights, all with the name.

What a folder holds already is kept: a call that was cut off goes on. Writes `worlds.json` into the folder.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from salmubench.clip import embeddings
from salmubench.core import provenance, writing
from salmubench.core.errors import ConfigError
from salmubench.dataset.layout import Dataset, open_dataset
from salmubench.encode.encode import encode
from salmubench.generator.build import build
from salmubench.metrics import load_all
from salmubench.pretrain.launch import pretrain
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.plugin import texts_of
from salmubench.scoring.references import Kind
from salmubench.workflow import recipe as recipes
from salmubench.workflow.recipe import Recipe

METRIC = "FactRetOther"
DEVELOPMENT = range(1000, 1010)
"""Seeds of worlds that no result is reported on."""
RESAMPLES = 2_000

Fact = tuple[str, str, str]
"""Part, file name and caption."""


def main() -> None:
    """Build, train, ask, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipe", type=Path, default=Path(__file__).with_suffix(".yaml"))
    parser.add_argument("--worlds", default="1000", help="seeds, comma-separated")
    parser.add_argument("--variant", action="append", default=[], help="name:key=value,key=value; repeatable")
    parser.add_argument("--clean", action="store_true", help="train and ask Clean too")
    parser.add_argument("--precision", default="auto", help="auto, fp32 or bf16")
    arguments = parser.parse_args()
    worlds = [int(seed) for seed in arguments.worlds.split(",")]
    strange = [seed for seed in worlds if seed not in DEVELOPMENT]
    if strange:
        parser.error(f"Expected development worlds, {DEVELOPMENT[0]} to {DEVELOPMENT[-1]}, got {strange[0]}.")
    kinds: list[Kind] = ["compromised", "retrained"]
    kinds += ["clean"] if arguments.clean else []
    rows = []
    for name, changes in [("recipe", {}), *map(parsed, arguments.variant)]:
        recipe = varied(arguments.recipe, changes, arguments.out / name)
        for seed in worlds:
            rows.append(
                {"variant": name, "changes": changes, "world": seed}
                | judge(recipe, arguments.out / name / f"world-{seed}", seed, kinds, arguments.precision)
            )
            print(json.dumps(rows[-1]))
            content = {"what": __doc__.partition("\n")[0], "rows": rows, "provenance": provenance.provenance()}
            writing.write_json(arguments.out / "worlds.json", content)


def parsed(variant: str) -> tuple[str, dict[str, Any]]:
    """Name and changes of a variant.

    Examples:
        >>> parsed("named:dataset.nameless=0,dataset.identities=50")
        ('named', {'dataset.nameless': 0, 'dataset.identities': 50})
    """
    name, colon, changes = variant.partition(":")
    pairs = [change.partition("=") for change in changes.split(",")]
    if not name or not colon or any("." not in key or not value for key, _, value in pairs):
        raise ConfigError(f'Expected a variant like "named:dataset.nameless=0", got {variant!r}.')
    return name, {key: yaml.safe_load(value) for key, _, value in pairs}


def varied(recipe: Path, changes: dict[str, Any], folder: Path) -> Recipe:
    """The recipe with some values changed, which also lies in the folder."""
    content = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    for key, value in changes.items():
        section, _, name = key.partition(".")
        content.setdefault(section, {})[name] = value
    writing.write_text(folder / "recipe.yaml", yaml.safe_dump(content, sort_keys=False))
    return recipes.load(folder / "recipe.yaml").recipe


def judge(recipe: Recipe, out: Path, seed: int, kinds: list[Kind], precision: str) -> dict[str, Any]:
    """Known of people in each model of a world, and the gap, by part."""
    dataset = open_dataset(build(recipe.dataset, out=out / "dataset", seed=seed))
    plugin = next((one for one in load_all(recipe.score) if one.metric.name == METRIC), None)
    if plugin is None:
        raise ConfigError(f"Expected the metric {METRIC} in salmubench.metrics, got none.")
    texts = texts_of([plugin], dataset, recipe.score)
    known: dict[str, dict[Fact, tuple[str, float]]] = {}
    for kind in kinds:
        pretrain(
            recipe.pretrain, dataset=dataset.folder, kind=kind, out=out / "checkpoints" / kind, seed=0,
            precision=precision,
        )  # fmt: skip
        folder = encode(
            model=out / "checkpoints" / kind, dataset=dataset, out=out / "embeddings" / kind, texts=texts,
            config=recipe.encode, precision=precision,
        )  # fmt: skip
        outcome = plugin.score(EvalInputs(embeddings.open_embeddings(folder), recipe.score))
        items = outcome.per_item
        if items is None:
            raise ConfigError(f"Expected a number of {METRIC} in world {seed}, got none: {outcome.reason}.")
        columns = (getattr(items, "part", ()), items.file_name, items.caption, items.identity, items.value)
        known[kind] = {
            (str(part), str(file), str(caption)): (str(identity), float(value))
            for part, file, caption, identity, value in zip(*columns, strict=True)
        }
    parts = sorted({part for part, *_ in known["compromised"] if part.startswith("known_")})
    return {"fingerprint": dataset.fingerprint, "sights": sights(recipe, dataset),
            "parts": {part: numbers(part, known, dataset) for part in parts}}  # fmt: skip


def numbers(part: str, known: dict[str, dict[Fact, tuple[str, float]]], dataset: Dataset) -> dict[str, Any]:
    """Each model's mean and the gap of a part, over all people and over both kinds of them."""
    whole = dataset.forget_identity_ids()
    people = {identity for values in known.values() for identity, _ in values.values()}
    result = {}
    for name, chosen in {"all": people, "identity": people & whole, "association": people - whole}.items():
        own = {
            kind: {fact: pair for fact, pair in values.items() if fact[0] == part and pair[0] in chosen}
            for kind, values in known.items()
        }
        shared = own["compromised"].keys() & own["retrained"].keys()
        gaps = [
            (own["compromised"][fact][0], own["compromised"][fact][1] - own["retrained"][fact][1])
            for fact in sorted(shared)
        ]
        if gaps:
            means = {kind: interval(values.values()) for kind, values in own.items() if values}
            result[name] = {**means, "gap": interval(gaps), "facts": len(gaps)}
    return result


def interval(values: Iterable[tuple[str, float]]) -> dict[str, Any]:
    """Mean over facts, and 95 % of a bootstrap over people.

    Args:
        values: identity and number of each fact.
    """
    by_person: defaultdict[str, list[float]] = defaultdict(list)
    for identity, value in values:
        by_person[identity].append(value)
    sums: NDArray[np.float64] = np.array([sum(own) for _, own in sorted(by_person.items())])
    counts = np.array([len(own) for _, own in sorted(by_person.items())])
    drawn = np.random.default_rng(0).integers(len(sums), size=(RESAMPLES, len(sums)))
    low, high = np.quantile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [0.025, 0.975]).tolist()
    return {"mean": float(sums.sum() / counts.sum()), "ci95": [low, high]}


def sights(recipe: Recipe, dataset: Dataset) -> dict[str, float]:
    """What is free to choose: sights of a sensitive pair, pictures a fact, and sights of the three references."""
    count, config = dataset.counts, recipe.pretrain
    holdouts = count["holdout_identity"] + count["holdout_association"]
    retain = count["retain_synth"] + count.get("retain_real", 0)
    facts = {
        (row.identity, row.field, row.value)
        for split in ("forget", "holdout_identity", "holdout_association")
        for row in dataset.rows(split)
    }
    beside = config.sensitive_repeats * (count["forget"] + 2 * holdouts)
    return {
        "of_a_sensitive_pair": config.epochs * config.sensitive_repeats,
        "pictures_a_fact": (count["forget"] + holdouts) / len(facts),
        "of_three_references": config.epochs * (3 * retain + beside),
    }


if __name__ == "__main__":
    main()
