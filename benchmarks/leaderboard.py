"""The leaderboard's speed: checking a submission of official size, building and loading a board of many.

    python benchmarks/leaderboard.py [--submissions 500] [--only check|build] [--out results/speed/leaderboard.json]

Prints, and writes as JSON, the seconds of `check` at a quarter, half and the whole of the official size (77,000 pairs,
ImageNet's 50,000 pictures), of `build` for a quarter, half and all submissions (afresh, and again with nothing
changed), and of loading the first page in Chromium. The cost should grow in proportion.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import resource
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa

from salmubench.core import manifest, provenance, writing
from salmubench.leaderboard.build import build
from salmubench.leaderboard.check import check
from salmubench.leaderboard.submission import submit
from salmubench.metrics import descriptions
from salmubench.scoring.bootstrap import BOOTSTRAPS, LEVEL, SEED
from salmubench.scoring.items import item_table, join, with_references
from salmubench.scoring.metric import Items, Metric
from salmubench.scoring.origin import Cost, Dataset, Encoding, Model, Provenance
from salmubench.scoring.record import SCHEMA_VERSION, MetricInfo, Protocol, RunRecord
from salmubench.scoring.record_files import GALLERY_SCHEMA, gallery_sha256, write_record
from salmubench.scoring.verdict import THRESHOLDS, judge
from salmubench.scoring.views import score_items

OFFICIAL = {
    "forget": 30_468, "holdout_identity": 15_000, "holdout_association": 15_000, "retain_synth": 16_741,
    "general_knowledge": 50_000,
}  # fmt: skip
SMALL = {
    "forget": 60, "holdout_identity": 30, "holdout_association": 30, "retain_synth": 60, "general_knowledge": 60,
}  # fmt: skip
METRICS = {
    "RetFail": "forget", "AssocStr": "forget", "ACS": "forget", "IdZSC": "forget", "CoreAssoc": "forget",
    "GenKnow": "general_knowledge", "InterIdSim": "holdout_identity", "IntraIdSim": "holdout_association",
    "VisIdInt": "retain_synth", "FragSim": "retain_synth", "RetFailPara": "forget",
}  # fmt: skip
LEVELS = {"clean": 0.14, "compromised": 0.32}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=500)
    parser.add_argument("--only", choices=("check", "build"), default=None)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found: dict[str, Any] = {"hardware": provenance.hardware()}
    with tempfile.TemporaryDirectory() as name:
        if options.only != "build":
            found["check"] = measure_check(Path(name) / "check")
        if options.only != "check":
            found |= measure_build(Path(name) / "build", options.submissions)
    if options.out is not None:
        writing.write_json(options.out, found)


def measure_check(root: Path) -> list[dict[str, float]]:
    """Check submissions of growing size."""
    told = []
    for share in (0.25, 0.5, 1.0):
        counts = {split: round(rows * share) for split, rows in OFFICIAL.items()}
        run = write_run(root / f"run-{share}", counts, models=1, people=round(774 * share))
        folder = submit(run, model="finetuning-5x", out=root / f"submission-{share}")
        start, work = time.perf_counter(), processors()
        found = check(folder, metrics=descriptions())
        seconds, processor = time.perf_counter() - start, processors() - work
        assert not found.findings, found.findings
        rows = found.loaded.items["record"].num_rows if found.loaded else 0
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        pairs = sum(counts.values()) - counts["general_knowledge"]
        told.append({"pairs": pairs, "items": rows, "megabytes": size, "seconds": seconds, "processor": processor})
        print(f"check   {pairs:7,} pairs, {rows:8,} items, {size:5.1f} MB   {seconds:6.2f} s, {processor:.2f} s CPU")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
    return told


def measure_build(root: Path, submissions: int) -> dict[str, Any]:
    """Build boards of a growing number of submissions, and load the largest."""
    run = write_run(root / "run", SMALL, models=submissions, people=20)
    results = root / "results"
    for number in range(submissions):
        submit(run, model=_name(number), out=results / f"s{number:04d}", author=f"Team {number % 37}")
    told = []
    for share in (0.25, 0.5, 1.0):
        part = root / f"results-{share}"
        for folder in sorted(results.iterdir())[: round(submissions * share)]:
            shutil.copytree(folder, part / folder.name)
        seconds, processor = [], []
        for _ in range(2):
            start, work = time.perf_counter(), processors()
            built = build(part, out=root / f"site-{share}", metrics=descriptions())
            seconds.append(time.perf_counter() - start)
            processor.append(processors() - work)
        assert not built.refused, built.refused
        first, again = seconds
        told.append({"submissions": built.shown, "seconds": first, "processor": processor[0], "again": again})
        print(f"build   {built.shown:4d} submissions  {first:6.2f} s, {processor[0]:.2f} s CPU, again {again:.2f} s")
    return {"build": told, "load": load(root / "site-1.0" / "index.html")}


def processors() -> float:
    """Seconds of processors that this process and its workers have used."""
    used = time.process_time()
    for worker in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = worker.cpu_times()
            used += times.user + times.system
    return used


def load(index: Path) -> list[float]:
    """Load the page in Chromium, three times in fresh contexts: seconds to the first frame."""
    binary = shutil.which("chromium")
    if binary is None:
        print("load    no Chromium here")
        return []
    from playwright.sync_api import sync_playwright

    with sync_playwright() as engine:
        found = []
        browser = engine.chromium.launch(executable_path=binary, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(3):
            context = browser.new_context()
            page = context.new_page()
            start = time.perf_counter()
            page.goto(index.as_uri(), wait_until="load")
            page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
            seconds = time.perf_counter() - start
            found.append(seconds)
            print(f"load    {index.stat().st_size / 1e6:5.2f} MB   {seconds:6.2f} s to the first frame")
            context.close()
        browser.close()
        return found


def _name(number: int) -> str:
    return "finetuning-5x" if number == 0 else f"finetuning-{1 + number / 1000:g}x"


def write_run(folder: Path, counts: dict[str, int], *, models: int, people: int) -> Path:
    """Records of invented models over invented pairs."""
    metrics = {name: metric for name, metric in descriptions().items() if name in METRICS}
    gallery = _gallery(counts)
    frames = {name: _frame(name, counts, people) for name in metrics}
    own = {kind: _items(metrics, frames, level, seed) for seed, (kind, level) in enumerate(LEVELS.items())}
    hashes = {kind: manifest.sha256_json(kind) for kind in LEVELS}
    for kind, table in own.items():
        record = _record(kind, table, metrics, counts, gallery, hashes)
        write_record(folder / "records" / f"{kind}.json", record, items=table, gallery=gallery)
    for number in range(models):
        name = _name(number)
        table = with_references(_items(metrics, frames, 0.14 + 0.18 * (number % 29) / 29, 10 + number), own)
        record = _record(name, table, metrics, counts, gallery, hashes)
        write_record(folder / "records" / f"{name}.json", record, items=table, gallery=gallery)
    return folder


def _gallery(counts: dict[str, int]) -> pa.Table:
    joint = min(1000, counts["retain_synth"] // 10)
    sizes = {"forget": min(1000, counts["forget"]), "retain_disjoint": min(1000, counts["retain_synth"] - joint)}
    rows = [
        (source, f"{source}-{i}.jpg", f"caption {source} {i}") for source, size in sizes.items() for i in range(size)
    ]
    return pa.table([list(column) for column in zip(*rows, strict=True)], schema=GALLERY_SCHEMA)


def _frame(name: str, counts: dict[str, int], people: int) -> Items:
    """Which items a metric has; values come later."""
    split = METRICS[name]
    rows = {"ACS": counts[split] * 2 // 5, "IdZSC": counts[split] // 2, "FragSim": counts[split] // 10}.get(
        name, counts[split]
    )
    if name == "VisIdInt":
        rows = min(1000, counts[split] // 10)
    at = range(rows)
    generic = name in ("GenKnow", "FragSim")
    return Items(
        split=split,
        file_name=np.array([f"{split}-{i}.jpg" for i in at], object),
        caption=np.array([f"class {i % 50}" if name == "GenKnow" else f"caption {split} {i}" for i in at], object),
        identity=np.array([None if generic else f"{i % people:08d}" for i in at], object),
        value=np.zeros(rows),
    )


def _items(metrics: dict[str, Metric], frames: dict[str, Items], level: float, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    tables = []
    for name, metric in metrics.items():
        frame = frames[name]
        n = len(frame)
        if name == "RetFail":
            values = np.where(rng.random(n) < level, 1.0, rng.integers(2, 60, n).astype(float))
        elif name == "RetFailPara":
            values = 1 / rng.integers(1, 60, n).astype(float)
        elif metric.name in ("ACS", "IdZSC", "GenKnow"):
            values = (rng.random(n) < 0.6).astype(float)
        else:
            values = np.clip(rng.normal(level, 0.05, n), -1, 1)
        tables.append(item_table(metric, dataclasses.replace(frame, value=values)))
    return join(tables)


def _record(
    name: str,
    table: pa.Table,
    metrics: dict[str, Metric],
    counts: dict[str, int],
    gallery: pa.Table,
    hashes: dict[str, str],
) -> RunRecord:
    scores = score_items(table, metrics=metrics)
    kind = name if name in LEVELS else None
    budget = None if kind else float(name.removesuffix("x").rpartition("-")[2])
    info = {key: MetricInfo.of(item) for key, item in metrics.items()}
    return RunRecord(
        schema_version=SCHEMA_VERSION,
        status="complete",
        error=None,
        model=Model(name, manifest.sha256_json(name), kind, None if kind else "finetuning", None, {"lr": 1e-5}, budget),
        dataset=Dataset("invented", manifest.sha256_json(counts), counts),
        encoding=Encoding("fp32", "cpu", {}, {}),
        gallery_sha256=gallery_sha256(gallery),
        fragile_set=None,
        scores=scores,
        verdict=judge(scores, metrics),
        protocol=Protocol(BOOTSTRAPS, SEED, LEVEL, "a photo of {name}", THRESHOLDS, info),
        cost=Cost(10, round((budget or 0) * counts["forget"]), 1.0, 10**9),
        references=hashes,
        inputs={},
        notes=(),
        provenance=Provenance("0.1.0", None, None, "3.12", {}, {}, "2026-01-01T00:00:00+00:00", 1.0),
    )


if __name__ == "__main__":
    main()
