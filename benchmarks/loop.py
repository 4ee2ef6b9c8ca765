"""Where the time of a researcher's loop goes: a method of one's own on a ready world, by stage.

    python benchmarks/loop.py RUN [--method cliperase] [--out results/speed/loop.json]

RUN is a folder of `salmubench run`. The method's file is copied and given by its path, as an own one is, to
`salmubench run --world RUN --methods FILE`, in this process and with one thread if OMP_NUM_THREADS says so. Prints
processor and wall seconds of each stage; "start" is what comes before the first one: imports, and the world compared
with its hashes. Then `naive_loop.py` does the same without this package, in the same precision, with as many threads as
PyTorch takes.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

BEGUN = time.perf_counter()


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--method", default="cliperase")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    from salmubench.clip.devices import resolve_precision
    from salmubench.core import pools, provenance, writing
    from salmubench.unlearn import methods
    from salmubench.workflow.candidates import Stages
    from salmubench.workflow.pipeline import run

    pools.keep_freed_memory()  # as the command does
    measured = Stages.measured
    marks: dict[str, tuple[float, float]] = {}

    def noted(self: Stages, name: str, work: Callable[[], object]) -> None:
        marks.setdefault("start", now())
        before = now()
        measured(self, name, work)
        after = now()
        marks[name.split()[0]] = after[0] - before[0], after[1] - before[1]

    with tempfile.TemporaryDirectory() as folder, mock.patch.object(Stages, "measured", noted):
        own = Path(folder) / "mine.py"
        shutil.copyfile(Path(methods.__path__[0]) / f"{arguments.method}.py", own)
        result = run(world=arguments.run, methods=[str(own)], out=Path(folder) / "out", workers=1)
        if result.failed:
            raise SystemExit(str(result.failed))
    marks["all"] = now()
    busy, wall = naive(arguments.run, resolve_precision("auto", "cpu"))
    found = {
        "method": arguments.method,
        "stages": {name: {"processor": round(busy, 1), "wall": round(wall, 1)} for name, (busy, wall) in marks.items()},
        "naive": {"processor": round(busy, 1), "wall": round(wall, 1), "faster": round(wall / marks["all"][1], 2)},
        "peak_memory": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "provenance": provenance.provenance(),
    }
    print({name: value for name, value in found.items() if name != "provenance"})
    if arguments.out is not None:
        writing.write_json(arguments.out, found)


def naive(run: Path, precision: str) -> tuple[float, float]:
    """Processor and wall seconds of the script that does without this package."""
    program = [sys.executable, str(Path(__file__).with_name("naive_loop.py")), str(run), "--precision", precision]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    before, start = os.times(), time.perf_counter()
    subprocess.run(program, env=environment, stdout=subprocess.DEVNULL, check=True)
    after, wall = os.times(), time.perf_counter() - start
    return sum(after[2:4]) - sum(before[2:4]), wall


def now() -> tuple[float, float]:
    """Processor and wall seconds since the start of this program."""
    return time.process_time(), time.perf_counter() - BEGUN


if __name__ == "__main__":
    main()
