"""Mutated files for every reader, as many as asked: `make fuzz N=100000`.

    python scripts/fuzz_readers.py --cases 100000 --out runs/fuzz.json

A case is made by (seed, reader, number) alone. Counts are written after every batch: the same command goes on where it
stopped. A reader whose cases were tried with other code is begun anew; with `--readers` all others keep their counts
and the commit that these are of. `--case record:1234,items:7` runs these and says what came of each; `--keep` leaves
their folders. Exit 1 where a case failed.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests"), str(ROOT / "tests" / "support")]
sys.dont_write_bytecode = True
for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):  # a fork knows no threads of its parent's
    os.environ.setdefault(name, "1")
os.environ["HF_HUB_OFFLINE"] = "1"

from fuzz import judge, seeds  # noqa: E402
from fuzz.readers import READERS  # noqa: E402
from salmubench.core import provenance, writing  # noqa: E402

_BATCH = 400  # a child imports and compiles what a reader needs once for as many
SEED = 20260326


def main() -> int:
    """Run what is asked and write the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2_000, help="of all readers together")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--readers", default="", help="comma-separated; all by default")
    parser.add_argument("--out", type=Path, help="counts as JSON")
    parser.add_argument("--case", help="READER:NUMBER, comma-separated: these cases alone")
    parser.add_argument("--keep", type=Path, help="with --case: where their folders are left")
    arguments = parser.parse_args()
    if arguments.case:
        pairs = (text.partition(":")[::2] for text in arguments.case.split(","))
        return some([(name, int(number)) for name, number in pairs], seed=arguments.seed, keep=arguments.keep)
    known = {reader.name: reader for reader in READERS}
    chosen = [known[name] for name in arguments.readers.split(",") if name] or list(READERS)
    return run(chosen, arguments.cases, seed=arguments.seed, out=arguments.out)


def run(readers: list[judge.Reader], cases: int, *, seed: int, out: Path | None) -> int:
    """Run the cases that aren't counted yet, a batch of each reader in turn."""
    code, started = _code(), provenance.utc_now()
    commit = provenance.provenance()["commit"]
    counts, before = _counted(out, seed)
    shares = sum(reader.share for reader in readers)
    wanted = {reader.name: max(round(cases * reader.share / shares), 1) for reader in readers}
    with tempfile.TemporaryDirectory(prefix="salmubench-seeds-", dir=judge.PLACE) as folder:
        places = {reader.name: Path(folder) / reader.name for reader in readers}
        _seeds(readers, places)
        clock = time.perf_counter()
        for name in wanted:
            if name not in counts or counts[name].code != code:
                counts[name] = judge.Counts(code=code, commit=commit)
        while any(counts[name].done < cases for name, cases in wanted.items()):
            for reader in readers:
                count = counts[reader.name]
                numbers = range(count.done, min(count.done + _BATCH, wanted[reader.name]))
                for answer in judge.answers(reader, places[reader.name], numbers, seed):
                    count.add(answer)
                    if answer.answer not in judge.GOOD:
                        print(f"\n{reader.name}:{answer.case} {answer.answer}: {answer.details}", flush=True)
                _progress({name: counts[name] for name in wanted}, sum(wanted.values()))
                if out is not None:
                    spent = before + time.perf_counter() - clock
                    _write(out, counts, seed=seed, seconds=spent, started=started)
    print(file=sys.stderr)
    return _tell(counts)


def some(cases: list[tuple[str, int]], *, seed: int, keep: Path | None) -> int:
    """Run these cases and say what came of each."""
    readers = [reader for reader in READERS if reader.name in {name for name, _ in cases}]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="salmubench-seeds-", dir=judge.PLACE) as folder:
        places = {reader.name: Path(folder) / reader.name for reader in readers}
        _seeds(readers, places)
        for reader in readers:
            numbers = [number for name, number in cases if name == reader.name]
            for number in numbers:
                if keep is not None:
                    shutil.copytree(places[reader.name], keep / f"{reader.name}-{number}")
                    judge.mutate(reader, keep / f"{reader.name}-{number}", number, seed)
            for answer in judge.answers(reader, places[reader.name], numbers, seed):
                failed += answer.answer not in judge.GOOD
                print(f"{reader.name}:{answer.case} {answer.answer}: {answer.details}")
                print(f"    {answer.seconds:.2f} s, {answer.mebibytes:.0f} MiB", flush=True)
    return 1 if failed else 0


def _seeds(readers: list[judge.Reader], places: Mapping[str, Path]) -> None:
    """Write the valid folders, in a child: what it starts (threads, caches) doesn't come into those of the cases."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            for reader in readers:
                places[reader.name].mkdir(parents=True)
                reader.seed(places[reader.name])
            code = 0
        except BaseException:  # noqa: BLE001 - told, and then the parent ends
            traceback.print_exc()
        finally:
            seeds.forget()
            os._exit(code)
    if os.waitpid(child, 0)[1]:
        raise SystemExit("The valid folders could not be written.")


def _counted(out: Path | None, seed: int) -> tuple[dict[str, judge.Counts], float]:
    """What earlier calls with the same seed have counted, and their seconds."""
    if out is None or not out.is_file():
        return {}, 0.0
    known = json.loads(out.read_text(encoding="utf-8"))
    if known["seed"] != seed:
        print(f"{out} counts cases of another seed: begun anew", file=sys.stderr)
        return {}, 0.0
    return {name: judge.Counts(**count) for name, count in known["readers"].items()}, known["seconds"]


def _code() -> str:
    """Hash of everything that decides about a case: the package but for its commands, and the mutations."""
    digest = hashlib.sha256()
    for path in sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]):
        if path.parent.name == "cli":  # readers call what lies below
            continue
        if path.parent.name == "fuzz" or "src" in path.parts or path.parent.name == "support":
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _write(out: Path, counts: Mapping[str, judge.Counts], *, seed: int, seconds: float, started: str) -> None:
    total = sum(count.done for count in counts.values())
    failed = sum(len(count.failures) for count in counts.values())
    content: dict[str, Any] = {
        "cases": total, "failed": failed, "seed": seed, "seconds": round(seconds, 1),
        "readers": {name: dataclasses.asdict(count) for name, count in counts.items()},
        "provenance": {**provenance.provenance(), "started": started, "finished": provenance.utc_now()},
    }  # fmt: skip
    writing.write_json(out, content)


def _progress(counts: Mapping[str, judge.Counts], total: int) -> None:
    done = sum(count.done for count in counts.values())
    failed = sum(len(count.failures) for count in counts.values())
    width = 30 * done // max(total, 1)
    bar = f"[{'#' * width}{'.' * (30 - width)}] {done:,} of {total:,} cases, {failed:,} failed"
    if sys.stderr.isatty():
        print(f"\r{bar}", end="", file=sys.stderr, flush=True)
    elif os.environ.get("FUZZ_LINES"):
        print(bar, file=sys.stderr, flush=True)


def _tell(counts: Mapping[str, judge.Counts]) -> int:
    for name, count in counts.items():
        each, most = 1000 * count.seconds / max(count.done, 1), f"{count.slowest:.1f} s and {count.mebibytes:.0f} MiB"
        print(
            f"{name:<12} {count.done:>7,} cases: {count.read:,} read, {count.refused:,} refused, "
            f"{len(count.failures)} failed, {each:.0f} ms each, at most {most}"
        )
    return 1 if any(count.failures for count in counts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
