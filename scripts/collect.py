"""Copy what the docs are written from out of the folder of a run, a contest or a dataset.

    python scripts/collect.py run RUN results/NAME [--items]
    python scripts/collect.py contest CONTEST results/NAME [--items MODEL ...] [--pack records|items]
    python scripts/collect.py dataset OUT.json BENCHMARK.json... [--dataset FOLDER]

Of a run: `run.json`, records, and in `pooled/` one record for all seeds of a method, with intervals over people. With
`--items` also what every number follows from: the items, the gallery, and the rows of attacks. A headline rests on such
folders alone.

Of a contest that isn't done, what is done of it. The layout stays: a contest goes on from such a folder
(`cp -r results/NAME/. CONTEST`), with the same plan, as from its own, once what was packed is unpacked there
(`tar xf packed.tar.xz` in each folder that has one). Kept are trials and what was chosen by them and, of every
evaluation world that is done, its records and `run.json`, the items of its references and of the models named: from
these their numbers can be computed again. Of a contest that is done, the other models can be packed, a file a world:
their records, or these with their items.

Of a dataset, which is validated on the way: what building it cost. The benchmarks are what `benchmarks/dataset.py`
printed, of one machine; growth is kept by the size of the pictures. Parts that OUT.json has stay unless given anew.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from packed import PACKED, pack

from salmubench.contest.checks import WORLDS
from salmubench.contest.page import RESULT
from salmubench.contest.selection import CHOSEN
from salmubench.contest.table import DONE, SECOND
from salmubench.core import manifest, writing
from salmubench.dataset.layout import open_dataset
from salmubench.dataset.validate import validate
from salmubench.metrics import descriptions
from salmubench.report.collect import read_run
from salmubench.report.seeds import pooled
from salmubench.scoring.attacks.table import SUFFIX
from salmubench.scoring.record_files import GALLERY, ITEMS_SUFFIX
from salmubench.scoring.references import KINDS
from salmubench.scoring.stages import RUN
from salmubench.tuning.bench import JOURNAL
from salmubench.tuning.study import TUNED

_ITEMS = (ITEMS_SUFFIX, SUFFIX)


def main() -> None:
    """Copy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    one = kinds.add_parser("run")
    one.add_argument("folder", type=Path)
    one.add_argument("out", type=Path)
    one.add_argument("--items", action="store_true")
    one = kinds.add_parser("contest")
    one.add_argument("folder", type=Path)
    one.add_argument("out", type=Path)
    one.add_argument("--items", nargs="*", default=[], metavar="MODEL")
    one.add_argument("--pack", choices=("records", "items"), help="what is packed of the other models")
    one = kinds.add_parser("dataset")
    one.add_argument("out", type=Path)
    one.add_argument("benchmarks", type=Path, nargs="*")
    one.add_argument("--dataset", type=Path)
    given = parser.parse_args()
    if given.kind == "run":
        run(given.folder, given.out, items=given.items)
    elif given.kind == "contest":
        contest(given.folder, given.out, given.items, pack_others=given.pack)
    else:
        dataset(given.out, given.benchmarks, given.dataset)


def run(folder: Path, out: Path, *, items: bool) -> None:
    """Write a run's results anew."""
    found = read_run(folder, descriptions())
    joint = pooled(found)
    for part in ("records", "pooled"):
        shutil.rmtree(out / part, ignore_errors=True)
    for record in found.records:
        writing.write_json(out / "records" / f"{record.model.name}.json", record)
    for record in joint.records:
        if record.model.name in joint.repeats:
            writing.write_json(out / "pooled" / f"{record.model.name}.json", record)
    if items:
        names = [f"{record.model.name}{suffix}" for record in found.records for suffix in _ITEMS]
        for name in (*names, GALLERY):
            if (folder / "records" / name).is_file():
                shutil.copy(folder / "records" / name, out / "records" / name)
    writing.write_json(out / RUN, manifest.read_json(folder / RUN))
    print(f"{out}: {len(found.records)} records, {len(joint.repeats)} of several seeds")


def contest(
    folder: Path, out: Path, items: Sequence[str] = (), *, pack_others: Literal["records", "items"] | None = None
) -> None:
    """Copy what is kept, items of references and of these models too; pack what is kept of the others."""
    apart = {f"{name}{suffix}" for name in (*KINDS, SECOND, *items) for suffix in (".json", *_ITEMS)}
    for path in kept(folder):
        whole = path.name in apart or pack_others == "items"
        if path.name.endswith(_ITEMS) and not whole:
            continue
        target = out / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    if pack_others:
        for records in (out / WORLDS).glob("*/records"):
            pack([path for path in records.iterdir() if path.name not in {*apart, GALLERY, PACKED}])


def kept(folder: Path) -> Iterator[Path]:
    """Files of a contest's folder that a committed result has, items of all models among them."""
    yield from (path for name in (manifest.BEGUN, CHOSEN, RESULT) if (path := folder / name).is_file())
    for name in (TUNED, manifest.BEGUN, manifest.MANIFEST, f"methods/*/{JOURNAL}"):
        yield from folder.glob(f"tuning/*/{name}")
    for done in sorted((folder / WORLDS).glob(f"*/{DONE}")):
        records = done.parent / "records"
        yield from (done, done.with_name(RUN), records / GALLERY)
        for suffix in (".json", *_ITEMS):
            yield from records.glob(f"*{suffix}")


def dataset(out: Path, benchmarks: Sequence[Path], folder: Path | None) -> None:
    """Write what building took."""
    found: dict[str, Any] = manifest.read_json(out) if out.is_file() else {}
    for path in benchmarks:
        printed = manifest.read_json(path)
        growth, size = printed.pop("growth", None), printed.pop("size")
        found |= printed
        if growth is not None:
            found.setdefault("growth", {})[str(size)] = growth
    if folder is not None:
        found["build"] = built(folder)
    writing.write_json(out, found)


def built(folder: Path) -> dict[str, Any]:
    """What a finished dataset cost, and whether it keeps the rules."""
    content = manifest.read_manifest(folder, "dataset")
    report = validate(open_dataset(folder))
    return {
        "size": content["config"]["size"],
        **{key: content["outputs"][key] for key in ("fingerprint", "counts", "redrawn")},
        **content["cost"],
        "rows_checked": report.rows,
        "violations": report.found,
        "provenance": content["provenance"],
    }


if __name__ == "__main__":
    main()
