"""How fast the command line answers.

    python benchmarks/command_line.py [--runs 11] [--out results/speed/command-line.json]

Prints seconds of whole processes, from start to exit: median wall-clock and processor time of `--help`, of a command's
own help and of a completion, of a method shown and two records compared, beside Python alone and beside what help would
take if every command were imported and parsed first. The goal is 0.3 s, for the comparison 0.7 s. Modules are compiled,
as an installed package has them.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from salmubench.core import provenance, writing

RECORDS = Path(__file__).resolve().parents[1] / "results" / "mini" / "records"
COMPARED = [str(RECORDS / f"{name}.json") for name in ("compromised", "retrained")]
MAIN = [sys.executable, "-m", "salmubench.cli.main"]
EVERYTHING = """
from salmubench.cli.main import COMMANDS, _function
from salmubench.cli.parsing import command_parser
for command in COMMANDS:
    text = command_parser(command, _function(command)).format_help()
print(text)
"""
CASES: dict[str, tuple[list[str], dict[str, str]]] = {
    "python alone": ([sys.executable, "-c", "pass"], {}),
    "salmubench --help": ([*MAIN, "--help"], {}),
    "salmubench run --help": ([*MAIN, "run", "--help"], {}),
    "salmubench leaderboard check --help": ([*MAIN, "leaderboard", "check", "--help"], {}),
    "salmubench list methods": ([*MAIN, "list", "methods"], {}),
    "salmubench show delete": ([*MAIN, "show", "delete"], {}),
    "salmubench compare A.json B.json": ([*MAIN, "compare", *COMPARED], {}),
    "completion of an option": (MAIN, {"_ARGCOMPLETE": "1", "COMP_LINE": "salmubench run --re", "COMP_POINT": "19"}),
    "all commands parsed first": ([sys.executable, "-c", EVERYTHING], {}),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    runs, found = options.runs, {}
    print(f"{'':<38} {'wall':>8} {'processor':>10}   median of {runs}")
    for name, (command, environment) in CASES.items():
        times = [measure(command, environment) for _ in range(runs + 1)][1:]  # the first one fills the disk's cache
        wall, processor = (statistics.median(column) for column in zip(*times, strict=True))
        found[name] = {"wall": wall, "processor": processor}
        print(f"{name:<38} {wall:>6.3f} s {processor:>8.3f} s")
    if options.out is not None:
        writing.write_json(options.out, {"hardware": provenance.hardware(), "runs": runs, "seconds": found})


def measure(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Wall-clock and processor seconds of one process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    known = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, env={**known, **environment}, capture_output=True, check=not environment)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
