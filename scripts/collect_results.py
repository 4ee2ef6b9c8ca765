"""Copy what the docs are written from out of a run folder: `run.json`, records, one record for all seeds of a method.

    python scripts/collect_results.py RUN results/NAME [--items]

With `--items` also what every number follows from: the items, the gallery, and the rows of attacks. A headline rests on
such folders alone. `pooled/` holds one record for all seeds of a method, with intervals over people.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from salmubench.core import manifest, writing
from salmubench.metrics import descriptions
from salmubench.report.collect import read_run
from salmubench.report.seeds import pooled
from salmubench.scoring.attacks.table import SUFFIX
from salmubench.scoring.record_files import GALLERY, ITEMS_SUFFIX


def main() -> None:
    """Write the folder anew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--items", action="store_true")
    arguments = parser.parse_args()
    run, out = arguments.run, arguments.out
    found = read_run(run, descriptions())
    joint = pooled(found)
    for part in ("records", "pooled"):
        shutil.rmtree(out / part, ignore_errors=True)
    for record in found.records:
        writing.write_json(out / "records" / f"{record.model.name}.json", record)
    for record in joint.records:
        if record.model.name in joint.repeats:
            writing.write_json(out / "pooled" / f"{record.model.name}.json", record)
    if arguments.items:
        names = [f"{record.model.name}{suffix}" for record in found.records for suffix in (ITEMS_SUFFIX, SUFFIX)]
        for name in (*names, GALLERY):
            if (run / "records" / name).is_file():
                shutil.copy(run / "records" / name, out / "records" / name)
    writing.write_json(out / "run.json", manifest.read_json(run / "run.json"))
    print(f"{out}: {len(found.records)} records, {len(joint.repeats)} of several seeds")


if __name__ == "__main__":
    main()
