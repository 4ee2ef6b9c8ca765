"""Copy what the docs are written from out of a contest's folder; of a contest that isn't done, what is done of it.

    python scripts/collect_contest.py CONTEST results/NAME [--items MODEL ...] [--pack records|items]

The layout stays: a contest goes on from such a folder (`cp -r results/NAME/. CONTEST`), with the same plan, as from its
own, once what was packed is unpacked there (`tar xf packed.tar.xz` in each folder that has one). Kept are trials, times
and what was chosen by them and, of every evaluation world that is done, its records and `run.json`, the items of its
references and of the models named: from these their numbers can be computed again. Of a contest that is done, the other
models can be packed, a file a world: their records, or these with their items.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from packed import PACKED, pack

from salmubench.contest.checks import WORLDS
from salmubench.contest.clock import CLOCK
from salmubench.contest.page import RESULT
from salmubench.contest.room import SELECTION
from salmubench.contest.selection import CHOSEN
from salmubench.contest.table import DONE, SECOND
from salmubench.core import manifest
from salmubench.scoring.attacks.table import SUFFIX
from salmubench.scoring.record_files import GALLERY, ITEMS_SUFFIX
from salmubench.scoring.references import KINDS
from salmubench.scoring.stages import RUN
from salmubench.tuning.journal import JOURNAL
from salmubench.tuning.study import TUNED


def main() -> None:
    """Copy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contest", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--items", nargs="*", default=[], metavar="MODEL")
    parser.add_argument("--pack", choices=("records", "items"), help="what is packed of the other models")
    arguments = parser.parse_args()
    collect(arguments.contest, arguments.out, arguments.items, pack_others=arguments.pack)


def collect(
    contest: Path, out: Path, items: Sequence[str] = (), *, pack_others: Literal["records", "items"] | None = None
) -> None:
    """Copy what is kept, items of references and of these models too; pack what is kept of the others."""
    apart = {f"{name}{suffix}" for name in (*KINDS, SECOND, *items) for suffix in (".json", *_ITEMS)}
    for path in kept(contest):
        whole = path.name in apart or pack_others == "items"
        if path.name.endswith(_ITEMS) and not whole:
            continue
        target = out / path.relative_to(contest)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    if pack_others:
        for records in (out / WORLDS).glob("*/records"):
            pack([path for path in records.iterdir() if path.name not in {*apart, GALLERY, PACKED}])


_ITEMS = (ITEMS_SUFFIX, SUFFIX)


def kept(contest: Path) -> Iterator[Path]:
    """Files of a contest's folder that a committed result has, items of all models among them."""
    yield from (path for name in (manifest.BEGUN, CHOSEN, RESULT) if (path := contest / name).is_file())
    for name in (TUNED, manifest.BEGUN, manifest.MANIFEST, f"methods/*/{JOURNAL}"):
        yield from contest.glob(f"tuning/*/{name}")
    yield from contest.glob(f"{SELECTION}/{CLOCK}/*/*.json")
    for done in sorted((contest / WORLDS).glob(f"*/{DONE}")):
        records = done.parent / "records"
        yield from (done, done.with_name(RUN), records / GALLERY)
        for suffix in (".json", *_ITEMS):
            yield from records.glob(f"*{suffix}")


if __name__ == "__main__":
    main()
