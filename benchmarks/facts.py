"""What telling facts apart costs, and what ranking fewer rows of a fact would cost in precision.

    python benchmarks/facts.py RUN [--recipe mini] [--precision fp32|bf16] [--out results/evaluation/facts.json]

RUN is a folder of `salmubench run` with Clean, Compromised and Retrained. Measured are the texts, and the processor
seconds of an encoding pass with and without them and of scoring them. One thread; passes with and without the
facts' texts take turns, and the smallest of `--repeats` counts, so that what else runs on the machine matters little.

Precision is the standard deviation of the mean reciprocal rank of Compromised less that of Retrained, people being
resampled, from the run's records: of all rows, and of one, two and three rows drawn of each fact. A fact is an
identity, a field and a value.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from salmubench.core import provenance, writing
from salmubench.dataset.layout import Dataset, open_dataset
from salmubench.encode.encode import encode
from salmubench.metrics import load_all
from salmubench.scoring import bootstrap, items
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import Floats
from salmubench.scoring.plugin import texts_of
from salmubench.scoring.record_files import read_items
from salmubench.scoring.references import COMPROMISED, RETRAINED
from salmubench.workflow import recipe as recipes

ROWS, DRAWS = (1, 2, 3), 20
"""Rows of a fact that are tried beside all of them, and how often they are drawn."""
Fact = tuple[str | None, str | None, str | None]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--recipe", default="mini")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    import torch

    from salmubench.clip import embeddings

    torch.set_num_threads(1)
    recipe, dataset = recipes.load(arguments.recipe).recipe, open_dataset(arguments.run / "dataset")
    plugins = load_all(recipe.score)
    facts = [plugin for plugin in plugins if plugin.metric.items in ("fact_rank", "fact_mean")]
    ranked = [plugin.metric.name for plugin in facts if plugin.metric.items == "fact_rank"]
    others = [plugin for plugin in plugins if plugin not in facts]
    wanted = {name: texts_of(group, dataset, recipe.score) for name, group in (("without", others), ("with", plugins))}
    seconds = dict.fromkeys(wanted, float("inf"))
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(arguments.repeats):
            for name, texts in wanted.items():
                out = Path(folder) / f"{name}-{repeat}"
                seconds[name] = min(
                    seconds[name],
                    processor_seconds(
                        lambda out=out, texts=texts: encode(  # type: ignore[misc]
                            model=arguments.run / "checkpoints" / "clean", dataset=dataset, out=out, texts=texts,
                            config=recipe.encode, precision=arguments.precision,
                        )
                    ),
                )  # fmt: skip
        last = Path(folder) / f"with-{arguments.repeats - 1}"
        inputs = EvalInputs(embeddings.open_embeddings(last), recipe.score)
        scored = {
            plugin.metric.name: processor_seconds(lambda plugin=plugin: plugin.score(inputs))  # type: ignore[misc]
            for plugin in facts
        }
    found = {
        "recipe": arguments.recipe,
        "precision": arguments.precision,
        "texts": {name: len(texts) for name, texts in wanted.items()},
        "encoding_processor_seconds": seconds,
        "share_of_the_rest": seconds["with"] / seconds["without"] - 1,
        "scoring_processor_seconds": scored,
        "by_rows_of_a_fact": by_rows(arguments.run / "records", dataset, ranked),
        "peak_memory": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "provenance": provenance.provenance(),
    }
    print({name: value for name, value in found.items() if name != "provenance"})
    if arguments.out is not None:
        writing.write_json(arguments.out, found)


def by_rows(records: Path, dataset: Dataset, metrics: Sequence[str]) -> dict[str, dict[str, dict[str, float]]]:
    """Rows, and standard deviation of Compromised less Retrained, by metric and most rows of a fact ("1", …, "all")."""
    tables = [read_items(records / f"{name}.json") for name in (COMPROMISED, RETRAINED)]
    found: dict[str, dict[str, dict[str, float]]] = {}
    for metric in metrics:
        theirs, ours = (items.of_metric(table, metric) for table in tables)
        gap = 1.0 / theirs["value"].to_numpy() - 1.0 / ours["value"].to_numpy()
        people, facts = np.array(theirs["cluster"].to_pylist()), facts_of(theirs, dataset)
        found[metric] = {"all": {"rows": len(gap), "deviation": deviation(gap, people)}}
        for most in ROWS:
            draws = [drawn(facts, most, seed) for seed in range(DRAWS)]
            spread = float(np.mean([deviation(gap[rows], people[rows]) for rows in draws]))
            found[metric][str(most)] = {"rows": len(draws[0]), "deviation": spread}
    return found


def deviation(gap: Floats, people: npt.NDArray[np.str_]) -> float:
    """Standard deviation of the mean of some rows' numbers, people being resampled; both (n,)."""
    units = bootstrap.find_units(people.astype(object))
    return float(bootstrap.resampled_means(gap[:, None], units).std())


def facts_of(rows: pa.Table, dataset: Dataset) -> list[Fact]:
    """The fact that each row tells."""
    pairs = {pair.file_name: pair for split in set(rows["split"].to_pylist()) for pair in dataset.rows(split)}
    told = (pairs[name] for name in rows["file_name"].to_pylist())
    return [(pair.identity, pair.field, pair.value) for pair in told]


def drawn(facts: Sequence[Fact], most: int, seed: int) -> npt.NDArray[np.intp]:
    """Rows, at most so many of a fact, drawn at random."""
    seen, rows = Counter[Fact](), []
    for row in np.random.default_rng(seed).permutation(len(facts)):
        seen[facts[row]] += 1
        if seen[facts[row]] <= most:
            rows.append(row)
    return np.sort(rows)


def processor_seconds(work: Callable[[], object]) -> float:
    """Seconds that the work takes of all processors."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
