"""Tables of `docs/security.md`, for `update_docs.py`: limits as the code has them, counts as `results/` has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from page_blocks import ROOT, processor

from salmubench.clip import model_config
from salmubench.core import errors, manifest, pictures, reading, tables
from salmubench.dataset import validate
from salmubench.leaderboard.intake import LIMITS
from salmubench.pretrain import samples
from salmubench.scoring import bootstrap
from salmubench.scoring.items import LARGEST


def limits() -> str:
    """What is looked at before anything is made of a file."""
    own, intake = tables.LIMITS, LIMITS
    metadata, unpacked = _size(reading.LARGE), _size(own.unpacked)
    rows = {
        "JSON": f"{_size(reading.JSON_BYTES)} ({metadata} of a dataset's metadata), {reading.DEPTH} brackets within "
        f"one another, {reading.VALUES:,} values, whole numbers of {reading.DIGITS} digits; no key twice, no NaN",
        "YAML": f"{_size(reading.YAML_BYTES)}, {reading.DEPTH} brackets; no anchors, no aliases, no tags",
        "a parquet table": f"{own.rows:,} rows, {own.columns} columns, {unpacked} unpacked, texts of {_size(own.text)} "
        f"each and {_size(own.texts)} together",
        "a number of an item": f"between −{LARGEST:g} and {LARGEST:g}",
        "resamples behind an interval": f"{bootstrap.MOST:,}",
        "a picture": f"{_size(pictures.BYTES)}, {pictures.PIXELS:,} pixels, one side {pictures.ASPECT} times the "
        "other; JPEG, PNG, WebP, GIF, BMP",
        "a shard": f"{_size(samples.SHARD)} unpacked, {_size(pictures.BYTES)} a member, {samples.MEMBERS} members a "
        f"pair, captions of {_size(samples.CAPTION)}; no links, no devices",
        "a model's configuration": f"{_size(model_config.MAX_BYTES)}, fields of a list, each with its type; "
        f"{model_config.MAX_LAYERS:,} layers, and no more numbers than the weights have bytes",
        "a pattern of shards": f"{samples.SHARDS:,} shards",
        "a submission": f"{intake.files} files; JSON and code of {_size(intake.json_bytes)} each; items of "
        f"{_size(intake.items.file)} and {intake.items.rows:,} rows, a gallery of {_size(intake.gallery.file)}; "
        f"{intake.work:,} items × resamples",
        "violations of a dataset": f"{validate.KEPT:,} of each rule are kept, all are counted",
        "a message": f"{errors.LONGEST:,} letters; control and direction characters stand as escapes",
    }
    return "\n".join(["| what | most |", "|:--|:--|", *(f"| {what} | {most} |" for what, most in rows.items())])


def fuzz() -> str:
    """Counts of `make fuzz` over all readers."""
    counts = _counts("fuzz")
    readers = counts["readers"]
    read, refused = (sum(count[key] for count in readers.values()) for key in ("read", "refused"))
    slow, large = (max(readers, key=lambda name: readers[name][key]) for key in ("slowest", "mebibytes"))
    return (
        f"{counts['cases']:,} cases for {len(readers)} readers: {read:,} were read, {refused:,} refused, "
        f"{counts['failed']:,} failed. The slowest took {readers[slow]['slowest']:.1f} s (`{slow}`), the largest "
        f"{readers[large]['mebibytes']:,.0f} MiB (`{large}`). By reader: `results/fuzz/counts.json`; seed "
        f"{counts['seed']}, {_of(readers, counts)}."
    )


def soak() -> str:
    """Counts of `make soak` over all commands."""
    counts = _counts("soak")
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in counts["total"].items() if kind != "rounds")
    commands = ", ".join(f"`{name}`" for name in counts["counts"])
    return (
        f"{counts['rounds']:,} rounds with {counts['kills']:,} kills, {counts['failed']:,} failed. "
        f"Commands: {commands}. Disturbances: {kinds}. By command: `results/soak/counts.json`; seed {counts['seed']}, "
        f"{_of(counts['codes'], counts)}."
    )


def places() -> str:
    """What commands did in odd places."""
    content = manifest.read_json(ROOT / "results" / "soak" / "places.json")
    refusing = ", ".join(place["name"] for place in content["places"] if place["said"])
    quiet = ", ".join(place["name"] for place in content["places"] if not place["said"])
    return (
        f"{len(content['places'])} places, {content['failed']:,} failed. They end with that paragraph: {refusing}. "
        f"They do what they do elsewhere: {quiet}."
    )


def _of(parts: Mapping[str, Any], counts: Mapping[str, Any]) -> str:
    """Commits and the machine; what a mended fault touched was tried again from the beginning."""
    commits = sorted({str(part["commit"])[:7] for part in parts.values()})
    return f"code of {' and '.join(commits)}, {processor(counts['provenance']['hardware'])}"


def _counts(name: str) -> Mapping[str, Any]:
    content: Mapping[str, Any] = manifest.read_json(ROOT / "results" / name / "counts.json")
    return content


def _size(count: int) -> str:
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (10**6, "MB"), (2**10, "KiB")):
        if count % unit == 0 and count >= unit:
            return f"{count // unit} {name}"
    return f"{count:,} bytes"
