"""Write the numbers of README.md and docs/ from the committed results; `--check` only tells whether they are current.

Results lie in `results/<recipe>/`: `run.json` and `records/*.json` of one finished run. A block between
`<!-- begin:NAME -->` and `<!-- end:NAME -->` is replaced by what the function of that name gives.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attack_blocks
import contest_blocks
import contest_picture
import mini_blocks
import security_blocks
import trial_blocks
import world_blocks
from mini_blocks import DEMO, run
from page_blocks import ROOT, computer, processor, stage_lines, update

from salmubench.core import manifest
from salmubench.core.types import Split
from salmubench.dataset.card import MEANING
from salmubench.generator.config import DatasetConfig
from salmubench.pretrain import architectures
from salmubench.scoring.intervals import WIDER, WIDER_OF_ONE
from salmubench.workflow import recipe as recipes

PAGES = (
    ROOT / "README.md",
    *(
        ROOT / "docs" / f"{name}.md"
        for name in (
            "attacks",
            "contest",
            "dataset",
            "history",
            "measurements",
            "pretraining",
            "protocol",
            "security",
            "trials",
        )
    ),
)


def stage_costs() -> str:
    """Seconds and peak memory of the stages, the candidates' stages summed."""
    lines = stage_lines(run(DEMO)["stages"])
    total = run(DEMO).get("wall_seconds") or sum(stage["seconds"] for stage in run(DEMO)["stages"])
    peak = max(stage["peak_memory"] for stage in run(DEMO)["stages"]) / 2**30
    lines.append(f"| **all, by the clock** | **{total:.0f}** | **{peak:.2f} GiB** |")
    beside = run(DEMO).get("side_by_side")
    if beside is not None:
        busy = f"; processors were busy {beside['busy']:.0%} of the time" if "busy" in beside else ""
        done = f"{beside['steps']} steps" if "steps" in beside else f"{beside['candidates']} candidates"
        lines += ["", f"With {beside['workers']} at once, {done} took {beside['seconds']:.0f} s{busy}."]
    return "\n".join(lines)


def machine() -> str:
    """Where and with what the committed run was made."""
    content = run(DEMO)
    hardware, packages = content["provenance"]["hardware"], content["provenance"]["packages"]
    return (
        f"{computer(hardware)}, precision {content['precision']}, seed {content['seed']}, torch {packages['torch']}, "
        f"open_clip {packages['open_clip_torch']}."
    )


def minutes() -> str:
    """How long the demo took."""
    total = run(DEMO).get("wall_seconds") or sum(stage["seconds"] for stage in run(DEMO)["stages"])
    return f"The run took {total / 60:.1f} minutes: {machine()}"


def of_pretraining(pattern: str) -> list[dict[str, Any]]:
    """Committed results of the benchmarks of pretraining."""
    return [manifest.read_json(path) for path in sorted((ROOT / "results" / "pretraining").glob(pattern))]


def resume() -> str:
    """Trainings that were killed and resumed against those that ran through."""
    lines = []
    for found in of_pretraining("resume-*.json"):
        low, high = found["difference"]["ci95"]
        lines.append(
            f"- {found['processes']} processes, {found['loading']}, {found['seeds']} seeds: the same bits in "
            f"{found['bit_equal']} of {found['seeds']}; final loss after a SIGKILL differs by "
            f"{found['difference']['mean']:+.4f} [{low:+.4f}, {high:+.4f}] (95 % over seeds, paired), while seeds "
            f"differ by {found['spread_over_seeds']:.4f} (standard deviation)."
        )
    return "\n".join(lines)


def pretraining_speed() -> str:
    """Pairs a processor-second of the engine, of a bare loop and of the data path."""
    lines = [
        "| model, batch | engine | bare | engine / bare | data / engine: memory, stream |",
        "|:--|--:|--:|--:|--:|",
    ]
    for found in of_pretraining("speed-*.json"):
        speeds, ratio = found["pairs_per_processor_second"], found["ratio"]
        lines.append(
            f"| {found['model']}, {found['batch']} | {speeds['engine']:.3g} | {speeds['bare']:.3g} | "
            f"{ratio['engine / bare']:.2f} | {ratio['memory / engine']:.1f} ×, {ratio['stream / engine']:.1f} × |"
        )
    return "\n".join(lines)


def coverage() -> str:
    """How often the ends of intervals miss, by how many people a population has and what one of them has."""
    found = manifest.read_json(ROOT / "results" / "coverage" / "coverage.json")
    decides = [one for one in found["populations"].values() if one["decides"] and one["most_of_one"] is not None]
    kinds = {"bootstrap_t": f"bootstrap_t {WIDER:.2f}", "of_one": f"of_one {WIDER_OF_ONE:.2f}"}

    def worst(one: dict[str, Any]) -> float:
        ends = one["intervals"].get(kinds["of_one"], one["intervals"][kinds["bootstrap_t"]])
        return max(float(ends["low_misses"]), float(ends["high_misses"]))

    many, heavy, others = ([one for one in decides if one["sets"] == kind] for kind in (*kinds, None))
    missed = [worst(one) for one in others if worst(one) > 0.035]
    at_most = [f"{100 * max(map(worst, ones)):.1f} %" for ones in (many, heavy)]
    text = (
        f"In {len(many)} populations of 100 people or more at the limits of verdicts, no end misses the known number "
        f"in more than {at_most[0]} of samples (nominal 2.5 %). Where one person has more than a sixth of what is "
        f"left, the record says so (`most_of_one`) and the interval is {WIDER_OF_ONE:g} times as wide, so that its end "
        f"misses in at most {at_most[1]}, in {len(heavy)} populations whose samples show that person. Of {len(others)} "
        f"others, with fewer people or with a person whom many samples miss altogether, {len(missed)} have an end that "
        f"misses more often than 3.5 %, the worst in {100 * max(missed):.0f} %: nobody can tell from a sample without "
        "that person. One world's answer about people all of whose facts go, who are few, is therefore weak, and "
        "[worlds decide](contest.md#the-rule)."
    )
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def compiling() -> str:
    """What torch.compile gains."""
    (found,) = of_pretraining("compile.json")
    gain = found["ratio"]["compiled / bare_padded"]
    return (
        f"`torch.compile` is not used: on a CPU it makes `{found['model']}` {gain:.2f} × as fast, after "
        f"{found['compile_seconds']:.0f} s of compiling. `extra_args: {{torchcompile: true}}` turns it on."
    )


def estimates() -> str:
    """Estimated against measured trainings."""
    lines = ["| training | pairs seen | estimated | measured | estimated / measured |", "|:--|--:|--:|--:|--:|"]
    for found in of_pretraining("estimate-*.json"):
        seconds = found["estimated"]["seconds"], found["measured"]["seconds"]
        lines.append(
            f"| `{found['recipe']}`, {found['kind']}, epochs: {found['epochs']} | {found['pairs']:,} | "
            f"{seconds[0]:.0f} s | {seconds[1]:.0f} s | {found['seconds_estimated / measured']:.2f} |"
        )
    return "\n".join(lines)


def exposures() -> str:
    """Scores of Compromised by exposures, and the share of associations learnt for good."""
    (found,) = of_pretraining("exposures.json")
    world, training, learnt = found["world"], found["training"], found["learnt"]
    cells: dict[tuple[str, int], str] = {}
    for row in found["scores"]:
        if row["kind"] == "compromised":
            name = row["part"] if row["metric"] == "RetFail" else row["metric"]
            cells[name, row["exposures"]] = f"{row['value']:.3f} [{row['ci95'][0]:.3f}, {row['ci95'][1]:.3f}]"
    share = "" if world["divided_by"] == 1 else f", one part in {world['divided_by']}"
    intro = (
        f"Trainings of `{training['model']}` (batch {training['batch']}, {training['precision']}, constant rate after "
        f"the warm-up) in the world of `mini`{share}: {world['identities']} people. After k epochs each pair has had k "
        "exposures. *Learnt*: the true "
        f"caption ranks first then and at all later checkpoints ({learnt['n']} associations of {learnt['identities']} "
        "people). Scores are Compromised's; intervals are 95 %, over people."
    )
    lines = [intro, "", "| exposures | learnt | RetFail MRR | GenKnow |", "|--:|--:|--:|--:|"]
    for row in learnt["shares"]:
        times, (low, high) = row["exposures"], row["ci95"]
        scores = [cells.get((name, times), "–") for name in ("mrr", "GenKnow")]
        lines.append(f"| {times} | {row['share']:.1%} [{low:.1%}, {high:.1%}] | {' | '.join(scores)} |")
    return "\n".join(lines)


def unlearning_speed() -> str:
    """How much each part makes a step of unlearning faster."""
    found = manifest.read_json(ROOT / "results" / "speed" / "unlearning.json")
    parts = [part for part in next(iter(found["methods"].values()))["faster"] if part != "plain"]
    lines = [
        f"| method | plain loop, s a step | {' | '.join('+ ' + part for part in parts)} |",
        f"|:--|--:|{'--:|' * len(parts)}",
    ]
    for name, measured in found["methods"].items():
        ratios = " | ".join(f"{measured['faster'][part]:.2f} ×" for part in parts)
        lines.append(f"| `{name}`, released | {measured['seconds']['plain']:.1f} | {ratios} |")
    hardware = found["provenance"]["hardware"]
    time = f"{found['clock']} time, threads: {found['threads']}"
    where = f"{processor(hardware)}, whose faster precision is {found['precision']}"
    return "\n".join([*lines, "", f"`{found['model']}`, {found['batch']} pairs of each kind a step; {time}; {where}."])


def loop() -> str:
    """Where the time of a method of one's own on a ready world goes."""
    found = manifest.read_json(ROOT / "results" / "speed" / "loop.json")
    stages = found["stages"]
    whole = stages["all"]["processor"]
    lines = ["| stage | seconds | processor seconds | share |", "|:--|--:|--:|--:|"]
    for name, spent in stages.items():
        cells = f"{spent['wall']:.0f}", f"{spent['processor']:.0f}", f"{spent['processor'] / whole:.0%}"
        lines.append(f"| {name} | {' | '.join(cells)} |")
    where = computer(found["provenance"]["hardware"])
    naive = found["naive"]
    told = (
        f"`{found['method']}` as a file of one's own on a world of `mini`; {where}. A script without this package, "
        "which trains the same and scores the paper's eleven numbers (`benchmarks/naive_loop.py`), takes "
        f"{naive['wall']:.0f} s ({naive['processor']:.0f} processor seconds): {naive['faster']:.1f} × as long."
    )
    return "\n".join([*lines, "", told])


def drawn() -> dict[str, Any]:
    """What was measured about building a dataset."""
    content: dict[str, Any] = manifest.read_json(ROOT / "results" / "small" / "dataset.json")
    return content


def dataset_splits() -> str:
    """Rows of each split at the paper's counts."""
    counts = drawn()["plan"]["counts"]
    return ", ".join(f"`{split}` {counts[split]:,}" for split in MEANING if counts.get(split)) + "."


def dataset_recipes() -> str:
    """The worlds of the recipes that come with the package."""
    lines = ["| recipe | identities | sensitive pairs | classes | size |", "|---|--:|--:|--:|--:|"]
    for name in recipes.names():
        config = recipes.load(name).recipe.dataset
        pairs = _sensitive_pairs(config)
        lines.append(f"| `{name}` | {config.identities:,} | {pairs:,} | {config.classes} | {config.size} px |")
    return "\n".join(lines)


def pretraining_recipes() -> str:
    """The models of the recipes that come with the package."""
    lines = ["| recipe | model | picture | epochs | sensitive pairs |", "|---|---|--:|--:|--:|"]
    for name in recipes.names():
        recipe = recipes.load(name).recipe
        size = architectures.find(recipe.pretrain.model).image_size
        pairs = f"{_sensitive_pairs(recipe.dataset):,}"
        lines.append(f"| `{name}` | `{recipe.pretrain.model}` | {size} px | {recipe.pretrain.epochs} | {pairs} |")
    return "\n".join(lines)


def _sensitive_pairs(config: DatasetConfig) -> int:
    return config.sensitive_pairs or config.identities * sum(config.pictures_range) // 2


def dataset_speed() -> str:
    """Rates of one core, and the work of the recipe `small`."""
    content = drawn()
    rates, texts, build = (
        content["pictures_per_second_and_core"],
        content["texts_per_second_and_core"],
        content["build"],
    )
    lines = ["| a second and core | 64 px | 224 px | 512 px |", "|---|--:|--:|--:|"]
    lines += [f"| {kind} | {some['64']:,.0f} | {some['224']:.1f} | {some['512']:.2f} |" for kind, some in rates.items()]
    captions = ", ".join(f"{texts[kind]:,.0f} {kind}" for kind in ("sensitive", "paraphrase", "generic"))
    whole = (
        f"Captions a second and core: {captions}. The whole of `small` at {build['size']} px: "
        f"{build['seconds'] / 60:.1f} minutes, peak memory {build['peak_memory'] / 2**30:.2f} GiB. "
        f"{processor(content['hardware'])}."
    )
    demo = manifest.read_json(mini_blocks.DEMO / "dataset.json")["build"]
    pictures = sum(rows for split, rows in demo["counts"].items() if split != Split.FORGET_TARGET)  # forget's again
    others = demo["seconds"] - demo["phases"]["pictures"]
    mini = (
        f"The whole of `mini`, {pictures:,} pictures, once the kernels are compiled: {demo['seconds']:.0f} s, "
        f"{pictures / demo['seconds']:.0f} pictures a second, all but {others:.1f} s for drawing, JPEG and curation; "
        f"{computer(demo['provenance']['hardware'])}."
    )
    return "\n".join([*lines, "", whole, "", mini])


def evaluation() -> str:
    """Speed of encoding and scoring, what bf16 moves, zero-shot classification beside CLIP_benchmark's."""
    found = {path.stem: manifest.read_json(path) for path in sorted((ROOT / "results" / "evaluation").glob("*.json"))}
    encoding, whole, zero = (found[name] for name in ("encoding", "scoring", "zero_shot"))
    rates, precision, facts = encoding["pictures_a_second"], found["precision"], found["facts"]
    together = 1 / (1 / rates["forward"] + 1 / rates["decode"])
    moved = sorted(precision["largest"].items(), key=lambda pair: -pair[1])
    rows = {
        "`encode`, ViT-B/16 at 224 px, from JPEGs of 512 px": f"{rates['encode']:.2f} pictures a second, "
        f"{rates['encode'] / together:.0%} of what forward pass and decoding allow on these cores",
        f"{encoding['precision']}, which `--precision auto` takes here, against {encoding['other_precision']}": (
            f"{encoding['faster_by']:.1f} × as fast"
        ),
        f"scoring three models at the official size: {whole['pictures']:,} pictures, {whole['forget']:,} to forget": (
            f"{whole['seconds']['together']:.1f} s, the slowest {max(_models(whole)):.1f} s, peak "
            f"{whole['peak_memory'] / 2**30:.2f} GiB"
        ),
        f"telling facts apart at `{facts['recipe']}`": (
            f"{facts['texts']['with'] - facts['texts']['without']:,} texts, {facts['share_of_the_rest']:.0%} of the "
            f"rest of an encoding pass in {facts['precision']}, {_extra(facts):.1f} s of processor time; "
            f"scoring {sum(facts['scoring_processor_seconds'].values()):.1f} s a model"
        ),
        "the same with two rows of a fact instead of all": _two_rows(facts),
        f"GenKnow, {zero['pictures']:,} pictures, {zero['classes']} classes, here and by CLIP_benchmark": (
            f"{zero['accuracy']:.6f} and {zero['clip_benchmark_accuracy']:.6f}; "
            f"there in {zero['ratio_by_clock']:.2f} × the time"
        ),
        f"bf16 against fp32, {', '.join(precision['models'])} of `mini`, largest difference of each number": ", ".join(
            f"{name} {value:.4f}" for name, value in moved
        ),
    }
    lines = ["| what | found |", "|:--|:--|", *(f"| {what} | {value} |" for what, value in rows.items())]
    hardware = encoding["provenance"]["hardware"]
    others = ", ".join(
        f"{what} on {computer(part['provenance']['hardware'])}"
        for what, part in (("scoring at the official size", whole), ("telling facts apart", facts))
    )
    return "\n".join([*lines, "", f"{computer(hardware)}; {others}."])


def _extra(facts: Mapping[str, Any]) -> float:
    """Processor seconds that facts' texts add to an encoding pass."""
    seconds = facts["encoding_processor_seconds"]
    return float(seconds["with"] - seconds["without"])


def _two_rows(facts: Mapping[str, Any]) -> str:
    """What fewer rows of a fact would save and cost."""
    rows = facts["by_rows_of_a_fact"]
    kept, whole = (sum(row[most]["rows"] for row in rows.values()) for most in ("2", "all"))
    wider = ", ".join(
        f"{row['2']['deviation'] / row['all']['deviation']:.2f} × ({name})"
        for name, row in rows.items()
        if name.startswith("Fact")
    )
    return f"about {facts['share_of_the_rest'] * kept / whole:.0%} of the rest, and wider intervals: {wider}"


def _models(found: Mapping[str, Any]) -> list[float]:
    """Seconds of each model, without their sum."""
    return [seconds for name, seconds in found["seconds"].items() if name != "together"]


BLOCKS: dict[str, Callable[[], str]] = {
    "evaluation": evaluation,
    "dataset-splits": dataset_splits,
    "dataset-recipes": dataset_recipes,
    "dataset-speed": dataset_speed,
    "demo-table": mini_blocks.demo_table,
    "phenomenon": lambda: mini_blocks.phenomenon(mini_blocks.committed(mini_blocks.DEMO), classes=64),
    "findings": mini_blocks.findings,
    "recovery": mini_blocks.recovery,
    "attack-costs": attack_blocks.costs,
    "attack-rates": attack_blocks.rates,
    "stage-costs": stage_costs,
    "minutes": minutes,
    "resume": resume,
    "pretraining-speed": pretraining_speed,
    "compiling": compiling,
    "coverage": coverage,
    "pretraining-recipes": pretraining_recipes,
    "estimates": estimates,
    "unlearning-speed": unlearning_speed,
    "loop": loop,
    "exposures": exposures,
    "limits": security_blocks.limits,
    "fuzz": security_blocks.fuzz,
    "soak": security_blocks.soak,
    "places": security_blocks.places,
    "contest-findings": partial(contest_blocks.findings, "contest"),
    "found": partial(contest_blocks.found, "contest-2"),
    "contest-retrieval": partial(contest_blocks.by_retrieval, "contest"),
    "contest-table": partial(contest_blocks.table, "contest", "pairs-5x"),
    "contest-plans": partial(contest_blocks.plans, "contest", "contest-level", "contest-2"),
    "contest-costs": partial(contest_blocks.costs, "contest"),
    "second-ties": partial(contest_blocks.ties, "contest-2", "pairs-5x"),
    "second-power": partial(contest_blocks.power, "contest-2"),
    "second-costs": partial(contest_blocks.costs, "contest-2"),
    "second-retrieval": partial(contest_blocks.by_retrieval, "contest-2"),
    "second-findings": partial(contest_blocks.findings, "contest-2"),
    "second-table": partial(contest_blocks.table, "contest-2", "pairs-5x"),
    "second-table-10x": partial(contest_blocks.table, "contest-2", "pairs-10x"),
    "level-findings": partial(contest_blocks.findings, "contest-level", after="contest"),
    "level-table": partial(contest_blocks.table, "contest-level", "pairs-10x"),
    "worlds": world_blocks.table,
    "worlds-curve": world_blocks.curve_told,
    "gaps": world_blocks.gaps,
    "trials-people": trial_blocks.trials,
    "trials-worlds": trial_blocks.worlds,
    "picture-edits": trial_blocks.pictures,
    "gold": world_blocks.gold,
    "gold-limits": world_blocks.gold_limits,
}


def main(arguments: Sequence[str]) -> int:
    """Write, or with `--check` compare; 1 if a page is not current."""
    pictures: dict[Path, Callable[[], str]] = {
        contest_picture.PICTURE: lambda: contest_picture.picture(contest_blocks.contest("contest-2"), "pairs-5x"),
        world_blocks.PICTURE: world_blocks.picture,
        world_blocks.CURVE: world_blocks.curve,
    }
    return update(PAGES, BLOCKS, arguments, pictures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
