"""Copy what the docs are written from out of a run folder: `run.json`, records without items, one record a method.

    python scripts/collect_results.py RUN results/NAME

Items are left behind: they are large, and every number of the records can be computed from them again where the run
is. `pooled/` holds one record for all seeds of a method, with intervals over people, which needs the items.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from salmubench import manifest
from salmubench.metrics import descriptions
from salmubench.report.collect import read_run
from salmubench.report.seeds import pooled


def main(run: Path, out: Path) -> None:
    """Write the folder anew.

    Args:
        run: a finished run folder.
        out: the folder of results.
    """
    found = read_run(run, descriptions())
    joint = pooled(found)
    for part in ("records", "pooled"):
        shutil.rmtree(out / part, ignore_errors=True)
    for record in found.records:
        manifest.write_json(out / "records" / f"{record.model.name}.json", record)
    for record in joint.records:
        if record.model.name in joint.repeats:
            manifest.write_json(out / "pooled" / f"{record.model.name}.json", record)
    manifest.write_json(out / "run.json", manifest.read_json(run / "run.json"))
    print(f"{out}: {len(found.records)} records, {len(joint.repeats)} of several seeds")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
