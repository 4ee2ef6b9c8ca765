"""Make a committed record again, and compare it digit by digit.

python scripts/recreate.py results/mini/records/cliperase-5x.json --out runs/again

Three things are looked at, the surest first:

1. the record's numbers, computed again from its own items: every digit must agree, on any machine;
2. the dataset, made again: its fingerprint must agree, on any machine;
3. the models, trained again: with equal weights every digit must agree. Processors and libraries add floats in other
   orders, and training amplifies the last digit: where the weights differ, the leading digits that agree are counted,
   and each number must lie within the committed 95 % interval.

The recipe, the seed and the precision are those of the `run.json` beside the folder of the records. The image has the
script and the records of results/mini: see docs/reproducibility.md.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from salmubench.core.errors import RecordError, SalmubenchError
from salmubench.metrics import score_again
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import read_record
from salmubench.scoring.stages import RUN, read_run_file
from salmubench.scoring.verdict import THRESHOLDS
from salmubench.workflow import pipeline

ROUNDING = 1e-9
"""By which numbers of the same items may differ: sums run in another order."""
REFERENCES = ("clean", "compromised", "retrained")


@dataclass(frozen=True)
class Number:
    """One number, committed and recreated.

    Attributes:
        model: whose.
        name: metric and part.
        committed: as the record has it.
        recreated: as it came out.
        interval: the committed 95 % interval.
        exact: whether every digit must agree.
    """

    model: str
    name: str
    committed: float | None
    recreated: float | None
    interval: tuple[float, float] | None
    exact: bool

    @property
    def digits(self) -> int:
        """Leading decimal digits that agree; 17, all that a double has, where the numbers are equal."""
        one, two = self.committed, self.recreated
        if one == two:
            return 17
        if one is None or two is None or one == 0:
            return 0
        return max(0, min(17, int(-math.log10(abs(one - two) / abs(one)))))

    @property
    def holds(self) -> bool:
        """Whether the number came out as it should."""
        one, two = self.committed, self.recreated
        if one is None or two is None:
            return one is two
        if math.isclose(one, two, rel_tol=ROUNDING, abs_tol=ROUNDING):
            return True
        return not self.exact and self.interval is not None and self.interval[0] <= two <= self.interval[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the record again; 0 where all of it holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("record", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; a second call goes on there")
    chosen = parser.parse_args(arguments)
    try:
        return 0 if recreate(chosen.record, chosen.out) else 1
    except SalmubenchError as error:
        print(f"recreate: {error}", file=sys.stderr)
        return 1


def recreate(record: Path, out: Path) -> bool:
    """Recreate a record and print what agrees.

    Args:
        record: `<run>/records/<model>.json`, items and gallery beside it, `<run>/run.json` above.
        out: folder of the new run.
    """
    committed = read_record(record)
    if committed.status != "complete" or committed.model.method is None or committed.model.budget is None:
        raise RecordError(f"Expected the complete record of a model that has unlearned, got {record}.")
    good = show("numbers from the committed items", list(from_items(record, committed)))
    run_again(record.parent.parent, committed, out)
    made = read_record(out / "records" / record.name)
    same = made.dataset.fingerprint == committed.dataset.fingerprint
    print(f"dataset: {committed.dataset.fingerprint} {'again' if same else 'became ' + made.dataset.fingerprint}")
    for name in (*REFERENCES, committed.model.name):
        before, after = record.with_name(f"{name}.json"), out / "records" / f"{name}.json"
        if before.is_file() and after.is_file():
            good &= show(name, list(between(read_record(before), read_record(after))))
    print("recreated" if good and same else "not recreated: see the lines marked ✕")
    return good and same


def from_items(record: Path, committed: RunRecord) -> Iterator[Number]:
    """The numbers again from the record's items, on which every machine must agree."""
    with tempfile.TemporaryDirectory() as folder:
        items = record.with_name(f"{record.stem}.items.parquet")
        again = read_record(score_again(items, out=Path(folder) / record.name))
    yield from between(committed, again, exact=True)
    stated = None if committed.protocol is None else committed.protocol.thresholds
    if stated != THRESHOLDS:
        print("verdict: not compared, the thresholds have changed since the record was made")
    elif again.verdict != committed.verdict:
        raise RecordError(f"Expected the verdict {committed.verdict} of {record}, got {again.verdict} from its items.")


def run_again(source: Path, committed: RunRecord, out: Path) -> None:
    """Run the recipe that made a record, with its one method and the options that took effect.

    Args:
        source: folder with `run.json`.
        committed: the record.
        out: folder of the new run.
    """
    known = read_run_file(source)
    if known.recipe is None or known.seed is None or known.precision is None or committed.model.seed is None:
        raise RecordError(
            f"Expected {source / RUN} with recipe, seed and precision, and a seed in the record, got none."
        )
    method, budget = str(committed.model.method), float(committed.model.budget or 0)
    content = dict(known.recipe_given)
    effective = committed.model.config
    options = {**effective["method"], **effective["engine"]}
    content["unlearn"] = {**content.get("unlearn", {}), "methods": [method], "overrides": {method: options}}
    content["attack"] = {**content.get("attack", {}), "attacks": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{known.recipe}.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        result = pipeline.run(
            recipe=path, out=out, budgets=[budget], repeats=committed.model.seed - known.seed + 1, untuned=True,
            seed=known.seed, device="cpu", precision=known.precision,
        )  # fmt: skip
    if result.failed:
        raise RecordError("; ".join(f"{name}: {message}" for name, message in result.failed.items()))


def between(before: RunRecord, after: RunRecord, *, exact: bool = False) -> Iterator[Number]:
    """All numbers of two records; equal weights must give equal digits."""
    exact = exact or before.model.weights == after.model.weights
    for metric, parts in before.scores.items():
        for part, score in parts.items():
            again = after.scores.get(metric, {}).get(part)
            found = None if again is None else again.value
            yield Number(before.model.name, f"{metric} {part}", score.value, found, score.ci95, exact)


def show(heading: str, numbers: Sequence[Number]) -> bool:
    """Print numbers with the digits that agree; whether all hold."""
    print(f"\n{heading}: {'every digit must agree' if numbers and numbers[0].exact else 'other weights'}")
    for one in numbers:
        values = [
            f"{'null' if value is None else format(value, '.9g'):>14}" for value in (one.committed, one.recreated)
        ]
        print(f"  {'✓' if one.holds else '✕'} {one.name:<28}{values[0]}{values[1]}  {one.digits:>2} digits")
    return bool(numbers) and all(one.holds for one in numbers)


if __name__ == "__main__":
    sys.exit(main())
