"""What telling facts apart costs: texts, processor seconds of an encoding pass with and without them, of scoring them.

    python benchmarks/facts.py RUN [--recipe mini] [--out results/evaluation/facts.json]

RUN is a folder of `salmubench run` with Clean. One thread, fp32; passes with and without the facts' texts take turns,
and the smallest of `--repeats` counts, so that what else runs on the machine matters little.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from salmubench.core import provenance, writing
from salmubench.dataset.layout import open_dataset
from salmubench.encode.encode import encode
from salmubench.metrics import load_all
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.plugin import texts_of
from salmubench.workflow import recipe as recipes


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--recipe", default="mini")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    import torch

    from salmubench.clip import embeddings

    torch.set_num_threads(1)
    recipe, dataset = recipes.load(arguments.recipe).recipe, open_dataset(arguments.run / "dataset")
    plugins = load_all(recipe.score)
    facts = [plugin for plugin in plugins if plugin.metric.items == "fact_rank"]
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
                            config=recipe.encode, precision="fp32",
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
        "texts": {name: len(texts) for name, texts in wanted.items()},
        "encoding_processor_seconds": seconds,
        "share_of_the_rest": seconds["with"] / seconds["without"] - 1,
        "scoring_processor_seconds": scored,
        "peak_memory": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "provenance": provenance.provenance(),
    }
    print({name: value for name, value in found.items() if name != "provenance"})
    if arguments.out is not None:
        writing.write_json(arguments.out, found)


def processor_seconds(work: Callable[[], object]) -> float:
    """Seconds that the work takes of all processors."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
