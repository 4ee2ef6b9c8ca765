"""Valid files that hold hashes of what is packed in them: a contest with its worlds' records, and a world."""

from __future__ import annotations

import functools
import hashlib
import json
import lzma
import random
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from contest_world import INVENTED, base_record, summed, worlds, write_plan, write_references
from fuzz.packed import tarred
from fuzz.seeds import home
from fuzz.texts import replace
from salmubench.clip.models import WEIGHTS, checkpoint_sha256
from salmubench.contest.again import PACKED
from salmubench.contest.page import write as write_contest
from salmubench.contest.table import read_world
from salmubench.core import manifest, writing
from salmubench.core.errors import SalmubenchError
from salmubench.dataset.layout import open_dataset
from salmubench.workflow import pipeline, world


@functools.cache
def _decided() -> Path:
    """A contest with its plan and three worlds, of which the methods' records are packed."""
    place = home() / "decided"
    plan = manifest.sha256_file(write_plan(place, evaluation=list(INVENTED)))
    read = []
    for one in worlds(base_record(home() / "decided-base"))[:3]:
        folder = place / "worlds" / str(one.seed)
        for name, (made, _) in one.records.items():
            writing.write_json(folder / "records" / f"{name}.json", made)
            fingerprint = made.dataset.fingerprint
        files = sorted((folder / "records").glob("*.json"))
        hashes = {path.stem: manifest.sha256_file(path) for path in files}
        about = {"seed": one.seed, "plan": plan, "fingerprint": fingerprint, "records": hashes}
        writing.write_json(folder / "world.json", about)
        read.append(read_world(folder, one.seed, plan))
        methods = [path for path in files if path.stem != "retrained"]
        content = lzma.compress(tarred({path.name: path.read_bytes() for path in methods}), preset=0)
        (folder / "records" / PACKED).write_bytes(content)
        for path in methods:
            path.unlink()
    write_contest(place, summed(place, read), page=False)
    return place


def decided(folder: Path) -> None:
    """A contest that can be decided again: its plan, what it found, and its worlds with their records."""
    shutil.copytree(_decided() / "worlds", folder / "worlds")
    for name in ("plan.yaml", "contest.json"):
        shutil.copy(_decided() / name, folder)


def seal_contest(folder: Path, rng: random.Random) -> None:
    """Mend the hashes of a contest's plan and of its records in most cases, where they can be."""
    inside = [path for path in folder.rglob("*") if not path.is_dir()]
    plain = all(path.is_file() and not path.is_symlink() and path.stat().st_size < 10**7 for path in inside)
    if rng.random() < 0.2 or not plain:
        return
    try:
        plan = manifest.sha256_file(folder / "plan.yaml")
        data = json.loads((folder / "contest.json").read_bytes())
        data["plan"]["sha256"] = plan
        replace(folder / "contest.json", json.dumps(data).encode())
        for path in sorted(folder.glob("worlds/*/world.json")):
            files = sorted((path.parent / "records").glob("*.json"))
            hashes = {file.stem: manifest.sha256_file(file) for file in files}
            about = json.loads(path.read_bytes())
            about = {**about, "plan": plan, "records": {**about["records"], **hashes}}
            replace(path, json.dumps(about).encode())
    except (OSError, SalmubenchError, LookupError, ValueError, TypeError, AttributeError, RecursionError):
        return  # it isn't what it was


@functools.cache
def _world() -> Path:
    """The file of a world whose models are untrained."""
    run = write_references(home() / "world", 101)
    opened = open_dataset(run / "dataset")
    built = manifest.Manifest("dataset", config={}, outputs={"fingerprint": opened.fingerprint})
    writing.write_json(run / "dataset" / manifest.MANIFEST, built)
    for kind in ("clean", "compromised"):
        outputs = {"kind": kind, "sha256": checkpoint_sha256(run / "checkpoints" / kind)}
        writing.write_json(
            run / "checkpoints" / kind / manifest.MANIFEST, manifest.Manifest("pretrain", config={}, outputs=outputs)
        )
    recipe = write_plan(home() / "world-plan").with_name("small.yaml")
    pipeline.run(recipe=recipe, out=run, methods=(), attacks=("none",), device="cpu", precision="fp32", workers=1)
    _shrink(run)
    return world.export(run, home() / "world.tar")


def _shrink(run: Path) -> None:
    """Put a few numbers in the place of each model's weights, as if its embeddings and record came from these."""
    texts = {path: path.read_text() for path in run.rglob("*.json")}
    for kind in ("clean", "compromised"):
        before = checkpoint_sha256(run / "checkpoints" / kind)
        save_file({kind: torch.ones(2, 3)}, run / "checkpoints" / kind / WEIGHTS)
        after = checkpoint_sha256(run / "checkpoints" / kind)
        texts = {path: text.replace(before, after) for path, text in texts.items()}
    for kind in ("clean", "compromised"):
        path = run / "embeddings" / kind / manifest.MANIFEST
        before, after = manifest.sha256_file(path), hashlib.sha256(texts[path].encode()).hexdigest()
        texts = {path: text.replace(before, after) for path, text in texts.items()}
    for path, text in texts.items():
        path.write_text(text)


def world_file(folder: Path) -> None:
    """What `world export` writes."""
    shutil.copy(_world(), folder / "world.tar")
