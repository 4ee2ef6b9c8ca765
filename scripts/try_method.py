r"""Try settings of a method on a world of development; every trial becomes a line of a committed file.

    python scripts/try_method.py level_redirection --worlds runs/worlds --world 1000 --budget 10 \
        --set track=generator --set margin=0 --attacks fewshot,benign --why "no margin: does it still forget?"

The world is made by the first trial on it. Worlds of development are those of the seeds 1000 to 1009, which no claim
rests on; their holdouts may be looked at. Only a clean checkout is tried, so that the line's commit is what ran.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trial_blocks import TRIALS, VIEWS

from salmubench.core import plugins, provenance, writing
from salmubench.core.errors import ConfigError
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import read_record
from salmubench.workflow import pipeline, planning

ROOT = Path(__file__).parents[1]
WORLDS = range(1000, 1010)


def main() -> None:
    """Make the candidate, judge it, keep the line, show its numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method", help="name, or path of a file")
    parser.add_argument("--worlds", type=Path, required=True, help="folder of the worlds, each called by its seed")
    parser.add_argument("--world", type=int, required=True, help=f"seed, {WORLDS[0]} to {WORLDS[-1]}")
    parser.add_argument("--set", action="append", default=[], metavar="OPTION=VALUE", help="of the method; repeatable")
    parser.add_argument("--budget", type=float, default=10.0, help="how often each pair to forget is seen")
    parser.add_argument("--attacks", default="none", help="comma-separated; none by default")
    parser.add_argument("--recipe", default="mini")
    parser.add_argument("--why", required=True, help="what the trial is to show")
    parser.add_argument("--out", type=Path, default=TRIALS, help="the file to which a line is added")
    arguments = parser.parse_args()
    line = trial(arguments)
    append(arguments.out, line)
    print(shown(line))


def trial(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run one, and give its line."""
    if arguments.world not in WORLDS:
        raise SystemExit(f"Expected a world of development, {WORLDS[0]} to {WORLDS[-1]}, got {arguments.world}.")
    about = provenance.provenance()
    if about["commit"] is None or changed():
        raise SystemExit("Expected a checkout without changes, so that the commit says what was tried. Commit first.")
    name, out = plugins.stem(arguments.method), arguments.worlds / str(arguments.world)
    try:
        result = pipeline.run(
            recipe=arguments.recipe, out=out, methods=[arguments.method], budgets=[arguments.budget], untuned=True,
            set=[f"{name}.{option}" for option in arguments.set], attacks=arguments.attacks.split(","),
            seed=arguments.world,
        )  # fmt: skip
    except ConfigError as error:
        raise SystemExit(str(error)) from error
    candidate = planning.candidate_name(arguments.method, arguments.budget)
    record = read_record(out / "records" / f"{candidate}.json")
    return {
        "method": name, "options": arguments.set, "budget": arguments.budget, "world": arguments.world,
        "recipe": arguments.recipe, "why": arguments.why, "failed": result.failed.get(candidate),
        **told(record), "commit": about["commit"], "hardware": about["hardware"], "time": provenance.utc_now(),
    }  # fmt: skip


def changed() -> bool:
    """Whether the checkout differs from its commit in anything but the file of trials."""
    program = ["git", "status", "--porcelain", "--", ".", f":(exclude){TRIALS.relative_to(ROOT)}"]
    return bool(subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def told(record: RunRecord) -> dict[str, Any]:
    """What a record says of a candidate: its settings, all views with intervals, verdict, attacks, cost."""
    views = {
        metric: {
            part: {"value": score.value, "view": score.normalised and score.normalised.value,
                   "ci95": score.normalised and score.normalised.ci95}
            for part, score in parts.items()
        }
        for metric, parts in record.scores.items()
    }  # fmt: skip
    attacks = record.attacks
    return writing.plain(  # type: ignore[no-any-return]
        {
            "config": record.model.config, "method_sha256": record.model.method_sha256, "views": views,
            "verdict": record.verdict, "cost": record.cost,
            "attacks": attacks and {"recoverable": attacks.recoverable, "scores": attacks.scores},
        }
    )  # fmt: skip


def append(path: Path, line: Mapping[str, Any]) -> None:
    """Add a line to the file in one write, so that those of two trials at once stand one behind the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n"
    with path.open("ab", buffering=0) as stream:
        stream.write(text.encode())


def shown(line: Mapping[str, Any]) -> str:
    """The numbers that decide, for a terminal."""
    if line["failed"]:
        return f"{line['method']} failed: {line['failed']}"
    views = {name: line["views"].get(metric, {}).get(part) for name, (_, metric, part, _) in VIEWS.items()}
    told = [f"{name} {view['view']:.1%}" for name, view in views.items() if view and view["view"] is not None]
    modes = [f"{mode} {answer}" for mode, answer in line["verdict"].items() if isinstance(answer, str)]
    seconds = [f"{line['cost']['processor_seconds']:.0f} processor seconds"]
    return "\n".join(["; ".join(told), "; ".join(modes), *seconds])


if __name__ == "__main__":
    main()
