"""Copy what the docs are written from out of a contest's folder; of a contest that isn't done, what is done of it.

    python scripts/collect_contest.py CONTEST results/NAME [--items MODEL ...] [--pack]

The layout stays: a contest goes on from such a folder (`cp -r results/NAME/. CONTEST`), with the same plan, as from its
own. Kept are trials, times and what was chosen by them and, of every evaluation world that is done, its records and
`run.json`, the items of its references and of the models named: from these their numbers can be computed again. Of a
contest that is done, records without items can be packed, a file a world of a tenth of their size.
"""

from __future__ import annotations

import argparse
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from salmubench import manifest
from salmubench.contest.checks import WORLDS
from salmubench.contest.clock import CLOCK
from salmubench.contest.page import RESULT
from salmubench.contest.room import SELECTION
from salmubench.contest.selection import CHOSEN
from salmubench.contest.table import DONE, SECOND
from salmubench.planning import REFERENCES, RETRAINED
from salmubench.scoring.attacks.table import SUFFIX
from salmubench.scoring.record_files import GALLERY, ITEMS_SUFFIX, items_path
from salmubench.scoring.stages import RUN
from salmubench.tuning.bench import JOURNAL
from salmubench.tuning.study import TUNED

PACKED = "others.zip"
"""Records without items, in a world's folder of records."""


def main() -> None:
    """Copy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contest", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--items", nargs="*", default=[], metavar="MODEL")
    parser.add_argument("--pack", action="store_true", help="records without items into one file a world")
    arguments = parser.parse_args()
    collect(arguments.contest, arguments.out, arguments.items)
    if arguments.pack:
        pack(arguments.out)


def collect(contest: Path, out: Path, items: Sequence[str] = ()) -> None:
    """Copy what is kept, items of references and of these models too."""
    for path in kept(contest, (*REFERENCES, RETRAINED, SECOND, *items)):
        target = out / path.relative_to(contest)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)


def kept(contest: Path, with_items: Sequence[str]) -> Iterator[Path]:
    """Files of a contest's folder that a committed result has."""
    yield from (path for name in (manifest.BEGUN, CHOSEN, RESULT) if (path := contest / name).is_file())
    for name in (TUNED, manifest.BEGUN, manifest.MANIFEST, f"methods/*/{JOURNAL}"):
        yield from contest.glob(f"tuning/*/{name}")
    yield from contest.glob(f"{SELECTION}/{CLOCK}/*/*.json")
    for done in sorted((contest / WORLDS).glob(f"*/{DONE}")):
        records = done.parent / "records"
        yield from (done, done.with_name(RUN), *records.glob("*.json"), records / GALLERY)
        items = [records / f"{name}{suffix}" for name in with_items for suffix in (ITEMS_SUFFIX, SUFFIX)]
        yield from (path for path in items if path.is_file())


def pack(out: Path) -> None:
    """Pack records without items, the same bytes for the same records."""
    for records in sorted((out / WORLDS).glob("*/records")):
        alone = [path for path in sorted(records.glob("*.json")) if not items_path(path).is_file()]
        if alone:
            with zipfile.ZipFile(records / PACKED, "w", zipfile.ZIP_DEFLATED) as packed:
                for path in alone:
                    packed.writestr(zipfile.ZipInfo(path.name), path.read_bytes(), zipfile.ZIP_DEFLATED)
                    path.unlink()


if __name__ == "__main__":
    main()
