"""`salmubench dataset …`: make, check and look at datasets."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from salmubench.executor import Executor


def build_(
    *,
    recipe: str = "mini",
    out: Path,
    seed: int = 0,
    size: int | None = None,
    workers: int | None = None,
    executor: Executor = "joblib",
) -> None:
    """Make a dataset in the official layout. Call it again to go on.

    Args:
        recipe: name or path of a recipe; its section `dataset` counts.
        out: the folder.
        seed: another seed is another world.
        size: short side of the pictures in pixels; the recipe's by default.
        workers: processes that render; the recipe's number by default. Same bytes for any number.
        executor: `joblib`: processes of this machine; `ray`: a Ray cluster (of this machine without `RAY_ADDRESS`).
    """
    from salmubench import recipe as recipes
    from salmubench.dataset.build import build

    config = recipes.load(recipe).recipe.dataset
    if size is not None:
        config = replace(config, size=size)
    print(build(config, out=out, seed=seed, workers=workers, executor=executor))


def validate_(dataset: str) -> int:
    """Check every rule of the format and of privacy; exit 1 if one is broken.

    Args:
        dataset: a folder or a Hub id.
    """
    from salmubench.dataset.validate import validate
    from salmubench.layout import open_dataset

    report = validate(open_dataset(dataset))
    for violation in report.violations:
        sys.stderr.write(f"{violation}\n")
    print(f"{dataset}: {report.rows} rows checked, {len(report.violations)} violations")
    return 1 if report.violations else 0


def stats_(dataset: str, *, shortcuts: bool = False) -> None:
    """Print counts by split, attribute, style, country and aspect as JSON.

    Args:
        dataset: a folder or a Hub id.
        shortcuts: also fit the classifiers that must find nothing (takes longer).
    """
    from salmubench.dataset.stats import shortcut_checks, stats
    from salmubench.layout import open_dataset
    from salmubench.manifest import plain

    opened = open_dataset(dataset)
    found = dict(stats(opened))
    if shortcuts:
        found["shortcuts"] = shortcut_checks(opened)
    print(json.dumps(plain(found), indent=1, ensure_ascii=False))


def preview_(dataset: str, *, out: Path, identities: int = 12, pictures: int = 6) -> None:
    """Draw a contact sheet: a row per identity.

    Args:
        dataset: a folder or a Hub id.
        out: the PNG file.
        identities: rows.
        pictures: pictures in a row.
    """
    from salmubench.dataset.preview import preview
    from salmubench.layout import open_dataset

    print(preview(open_dataset(dataset), out=out, identities=identities, pictures=pictures))
