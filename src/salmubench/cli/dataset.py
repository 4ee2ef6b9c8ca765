"""`salmubench dataset …`: make, check and look at datasets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from salmubench.cli.arguments import goes_with
from salmubench.cli.output import complain, on_terminal, print_json, print_table, say
from salmubench.core.executor import Executor


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
    from salmubench.generator.build import build
    from salmubench.workflow import recipe as recipes

    loaded = recipes.load(recipe).recipe
    config = loaded.dataset if size is None else replace(loaded.dataset, size=size)
    say(build(config, out=out, seed=seed, workers=workers, executor=executor, scoring=loaded.score.stated))


def import_(
    *, pictures: Path, facts: Path, out: Path, retain: str | None = None, size: int | None = None, seed: int = 0
) -> None:
    """Make a dataset of your own people, in the official layout.

    Args:
        pictures: a folder with a folder of pictures for each person, called as the person is.
        facts: a table, .csv or .json, with the columns name, field, value, and optionally forget (yes or no),
            caption, and picture (the file in the person's folder that was trained with this fact).
        out: the folder.
        retain: what is to stay known: WebDataset shards, or a folder of pictures with captions in <picture>.txt or in
            folders of their classes' names; none by default.
        size: short side in pixels to which larger pictures are scaled; as they are by default.
        seed: which picture gets which fact, in which words.
    """
    from salmubench.deletion.importing import import_dataset

    say(import_dataset(pictures=pictures, facts=facts, out=out, retain=retain, size=size, seed=seed))


def validate_(dataset: str, *, json: bool = False) -> int:
    """Check every rule of the format and of privacy; exit 1 if one is broken.

    Args:
        dataset: a folder or a Hub id.
        json: print rows and violations as JSON.
    """
    from salmubench.dataset.layout import open_dataset
    from salmubench.dataset.validate import KEPT, validate

    report = validate(open_dataset(dataset))
    if json:
        print_json(report)
        return 0 if report.ok else 1
    for violation in report.violations:
        complain(f"{violation}")
    cut = "" if report.found == len(report.violations) else f"; the first {KEPT:,} of each rule are shown"
    say(f"{dataset}: {report.rows} rows checked, {report.found} violations{cut}")
    return 0 if report.ok else 1


def stats_(dataset: str, *, shortcuts: bool = False, seed: int = 0, json: bool = False) -> None:
    """Print counts by split, attribute, style, country and aspect.

    Args:
        dataset: a folder or a Hub id.
        shortcuts: also fit the classifiers that must find nothing, and a network that must know faces (takes longer).
        seed: of samples, folds and resamples.
        json: print JSON on a terminal, too.
    """
    from salmubench.dataset.layout import open_dataset
    from salmubench.dataset.statistics import shortcut_checks, stats

    opened = open_dataset(dataset)
    summary = dict(stats(opened))
    if shortcuts:
        summary["shortcuts"] = shortcut_checks(opened, seed=seed)
    if json or not on_terminal():
        print_json(summary)
    else:
        _show_stats(summary)


def preview_(dataset: str, *, out: Path, identities: int = 12, pictures: int = 6) -> None:
    """Draw a contact sheet: a row per identity.

    Args:
        dataset: a folder or a Hub id.
        out: the PNG file.
        identities: rows.
        pictures: pictures in a row.
    """
    from salmubench.dataset.layout import open_dataset
    from salmubench.dataset.preview import preview

    say(preview(open_dataset(dataset), out=out, identities=identities, pictures=pictures))


def export_(
    dataset: str,
    *,
    format: Literal["webdataset", "hub"],  # noqa: A002 - the option's name
    out: Path,
    seed: int | None = None,
    license: str | None = None,  # noqa: A002 - the option's name
    embeddings: Path | None = None,
    push: str | None = None,
    public: bool = False,
) -> None:
    """Write a dataset as WebDataset shards, or as a folder ready for the Hugging Face Hub.

    Args:
        dataset: a folder or a Hub id.
        format: `webdataset`: tar shards with sizes.json, for open_clip's `--train-data`; `hub`: parquet, metadata,
            card.
        out: a new folder, or the finished one of a call just like this.
        seed: of the order in which rows are dealt to shards, 0 by default; a finished folder keeps its own.
        license: of a hub folder, as the Hub calls it; CC0 for what our own renderer drew.
        embeddings: of Compromised after scoring: adds the fragile set to a hub folder.
        push: org/name: also upload the hub folder; the token comes from HF_TOKEN or `hf auth login`.
        public: with `--push`: a repository that is new is public; private by default.
    """
    if push is None:
        goes_with("--push", {"--public": public})
    else:
        from salmubench.publish.push import check_name

        check_name(push)
    if format == "hub":
        goes_with("--format webdataset", {"--seed": seed})
    from salmubench.core.errors import ConfigError
    from salmubench.dataset.layout import open_dataset
    from salmubench.dataset.shards import PARTS
    from salmubench.publish import dataset_export as export

    opened = open_dataset(dataset)
    if format == "webdataset":
        if push is not None or license is not None or embeddings is not None:
            raise ConfigError("Expected --push, --license and --embeddings with --format hub, got them with shards.")
        shards = export.export_webdataset(opened, out, seed=seed)
        for part in PARTS:
            if shards.shards(part):
                say(f"{shards.pattern(part)}  {shards.rows(part)} pairs")
        return
    folder = export.export_hub(opened, out, licence=license, hub_id=push, embeddings=embeddings)
    say(folder)
    if push is not None:
        from salmubench.publish.push import push as upload

        say(upload(folder, push, "dataset", private=not public))


def _show_stats(summary: dict[str, Any]) -> None:
    """Tables of `stats`: a line a split, then how often each value occurs where."""
    splits = summary["splits"]
    say(f"{summary['name']}: {summary['identities']} identities, {summary['forget_identities']} of them to forget\n")
    heads = ["split", "rows", "identities", "captions", "words"]
    rows = [
        [name, *(str(split[key]) for key in heads[1:4]), "–" if split["words"] is None else f"{split['words']:.1f}"]
        for name, split in splits.items()
    ]
    print_table(heads, rows, numbers=heads[1:])
    for key in ("field", "style", "country", "aspect"):
        having = [name for name, split in splits.items() if key in split]
        values = sorted({value for name in having for value in splits[name][key]})
        if values:
            counts = [[value, *(str(splits[name][key].get(value, 0)) for name in having)] for value in values]
            print_table([key, *having], counts, numbers=having)
    if "shortcuts" in summary:
        rows = [
            [
                name,
                f"{item['value']:.3f}",
                "[{:.3f}, {:.3f}]".format(*item["ci95"]),
                f"{item['chance']:.3f}",
                str(item["n"]),
            ]
            for name, item in summary["shortcuts"].items()
            if item["value"] is not None
        ]
        print_table(["guess", "right", "95 % interval", "chance", "n"], rows, numbers=["right", "chance", "n"])
