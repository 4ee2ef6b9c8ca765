"""Valid folders, one for each reader; what takes seconds is made once a process and copied."""

from __future__ import annotations

import functools
import io
import json
import random
import shutil
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import yaml
from PIL import Image

from contest_world import base_record, summed, worlds, write_plan
from fake_embeddings import fake_world, vectors, write_embeddings
from fuzz.texts import replace
from own_people import own_facts, own_people
from report_world import METRICS
from salmubench.contest.page import write as write_contest
from salmubench.core import manifest, provenance, writing
from salmubench.core.types import SENSITIVE_SPLITS, Pair, Person, Split
from salmubench.dataset import layout
from salmubench.dataset.layout import open_dataset
from salmubench.dataset.shards import write_shards
from salmubench.deletion.before_after import compare_before_after
from salmubench.deletion.strangers import STRANGERS, strangers, told_of
from salmubench.leaderboard.submission import submit
from salmubench.metrics import load_all
from salmubench.official.result_file import export_official
from salmubench.pretrain import curves
from salmubench.scoring.attacks.record import AttackInfo, Attacks
from salmubench.scoring.attacks.recovery import attack_score, verdict
from salmubench.scoring.attacks.table import SCHEMA, SUFFIX
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.fact_ranks import Values
from salmubench.scoring.record_files import read_record
from salmubench.workflow import recipe
from submission_world import edit_json, write_submittable_run
from tiny import tiny_dataset, tiny_jpeg
from tiny_model import tiny_model

MODEL = "cliperase-5x"
_HOME: list[tempfile.TemporaryDirectory[str]] = []


def home() -> Path:
    """Where what is shared lies; gone with the process."""
    if not _HOME:
        _HOME.append(tempfile.TemporaryDirectory(prefix="salmubench-seeds-"))
    return Path(_HOME[0].name)


@functools.cache
def run_folder() -> Path:
    """A run whose records can be submitted, with rows of attacks, curves and checkpoints' manifests."""
    run = write_submittable_run(home() / "run", names=(MODEL, "delete-5x"))
    path = run / "records" / f"{MODEL}.json"
    table = attacked_rows()
    pq.write_table(table, path.with_name(path.stem + SUFFIX))
    section = attacks_section(table)
    edit_json(path, lambda data: data.update(attacks=writing.plain(section)))
    for name in ("clean", "compromised", MODEL):
        folder = run / "checkpoints" / name
        made = read_record(run / "records" / f"{name}.json")
        outputs = {
            "sha256": made.model.sha256,
            "kind": made.model.kind,
            "movement": {"visual": {"relative": 0.1, "l2": 2.0}},
        }
        config = {"epochs": 4, "method": {}, "engine": {}}
        stage = "pretrain" if made.model.kind else "unlearn"
        writing.write_json(folder / manifest.MANIFEST, manifest.Manifest(stage, config=config, outputs=outputs, seed=0))
        rows = {"step": [0, 1, 2], "pairs": [4, 8, 12], "name": ["loss"] * 3, "value": [3.0, 2.0, 1.5]}
        pq.write_table(pa.table(rows, schema=curves.SCHEMA), folder / curves.CURVES)
    info = {"seed": 0, "recipe": "tiny", "models": ["clean", "compromised", MODEL], "titles": {"mine": "Mine"},
            "stages": [{"name": "dataset", "seconds": 1.0}], "status": "complete"}  # fmt: skip
    writing.write_json(run / "run.json", info)
    return run


def attacked_rows() -> pa.Table:
    """Rows of one attack on 12 people."""
    rng, rows = random.Random(3), []
    for variant in ("a", "b"):
        for person in range(12):
            for fact in range(2):
                row = dict.fromkeys(SCHEMA.names)
                row |= {"attack": "mine", "variant": variant, "seed": 0, "part": "leakage", "identity": f"{person:02d}"}
                row |= {"file_name": f"{person:02d}-{fact}.jpg", "group": "identity" if person % 2 else "association"}
                row |= {"rank": rng.uniform(1, 90), "clean": rng.uniform(100, 200), "compromised": 1.0}
                rows.append(row)
    return pa.Table.from_pylist(rows, SCHEMA)


def attacks_section(table: pa.Table) -> Attacks:
    """What a record says about those rows."""
    info = AttackInfo("mine", "none", "clean", "leakage", "0" * 64, {})
    score = attack_score(table, info, bootstraps=20)
    recoverable, strongest = verdict({"mine": score})
    return Attacks(recoverable, strongest, 0.05, (0,), 0, 24, {"clean": "0" * 64, "compromised": "1" * 64}, "2" * 64,
    20,
                   {"mine": score})  # fmt: skip


def record(folder: Path) -> None:
    """A record alone."""
    shutil.copyfile(run_folder() / "records" / f"{MODEL}.json", folder / "record.json")


def records(folder: Path) -> None:
    """A record with its items, its gallery and its attacks' rows."""
    for path in sorted((run_folder() / "records").glob(f"{MODEL}*")):
        shutil.copyfile(path, folder / path.name.replace(MODEL, "record"))
    shutil.copyfile(run_folder() / "records" / "gallery.parquet", folder / "gallery.parquet")
    edit_json(folder / "record.json", lambda data: data["protocol"].update(bootstraps=20))


def two_records(folder: Path) -> None:
    """Two records of one dataset with their items."""
    for name, model in (("a", MODEL), ("b", "delete-5x")):
        for path in sorted((run_folder() / "records").glob(f"{model}*")):
            shutil.copyfile(path, folder / path.name.replace(model, name))


@functools.cache
def _submission() -> Path:
    return submit(run_folder(), model="delete-5x", out=home() / "submission")


def submission(folder: Path) -> None:
    """A submission that passes."""
    shutil.copytree(_submission(), folder / "one")


def cheat(folder: Path, rng: random.Random) -> None:
    """Mend the hashes of a submission in most cases, where they can be."""
    place = next((path for path in (folder / "one", folder / "results" / "one") if path.is_dir()), folder)
    files = {path.name: path for path in sorted(place.iterdir())}
    plain = all(path.is_file() and not path.is_symlink() and path.stat().st_size < 10**7 for path in files.values())
    if rng.random() < 0.2 or not plain:
        return
    try:
        info = json.loads(files.pop("submission.json").read_bytes())
        info["files"] = {name: manifest.sha256_file(path) for name, path in files.items()}
        replace(place / "submission.json", json.dumps(info).encode("utf-8", "surrogatepass"))
    except (KeyError, ValueError, TypeError, RecursionError):  # it isn't what it was
        return


def board(folder: Path) -> None:
    """A folder of two submissions and the receipts of the site that was built from them."""
    from salmubench.leaderboard.build import build

    shutil.copytree(_submission(), folder / "results" / "one")
    good = submit(run_folder_without_attacks(), model=MODEL, out=folder / "results" / "good")
    edit_json(good / "submission.json", lambda data: data.update(submitted="2026-01-01T00:00:00+00:00"))
    build(folder / "results", out=folder / "site", metrics=METRICS)  # of two that disagree the earlier one counts


@functools.cache
def run_folder_without_attacks() -> Path:
    """The same run as it was before its attack."""
    run = Path(shutil.copytree(run_folder(), home() / "run-plain"))
    edit_json(run / "records" / f"{MODEL}.json", lambda data: data.update(attacks=None))
    return run


def run(folder: Path) -> None:
    """A run folder without pictures."""
    shutil.copytree(run_folder(), folder / "run", ignore=shutil.ignore_patterns("dataset"))


def run_with_dataset(folder: Path) -> None:
    """A run folder."""
    shutil.copytree(run_folder(), folder / "run")


def recipe_file(folder: Path) -> None:
    """The recipe `mini` as a user's file."""
    given = recipe.load("mini").given
    given["unlearn"] = {
        **given.get("unlearn", {}),
        "overrides": {"cliperase": {"lr": 1e-4, "retention": 2}},
        "tuned": "none",
    }
    (folder / "mine.yaml").write_text(yaml.safe_dump(given, sort_keys=False))


def options(folder: Path) -> None:
    """Options of a method."""
    (folder / "options.yaml").write_text(
        "lr: 1e-4\nbatch_size: 16\nretention: 2.0\nvariant: released\ntowers: both\nlora_layers: [a, b]\n"
    )


def tuned(folder: Path) -> None:
    """What `tune` writes."""
    trials = [{"number": n, "values": {"lr": 1e-4}, "objective": 0.5 + n, "left": 0.1, "damage": 0.2} for n in range(3)]
    entry = {"values": {"lr": 3e-4, "batch_size": 16}, "method_sha256": "0" * 64, "trials": trials, "objective": 0.5,
             "default": 0.6}  # fmt: skip
    content = {"schema_version": 1, "rule": "x", "selection": {"seed": 1000, "dataset": "1" * 64, "part": "2" * 64},
               "provenance": writing.plain(provenance.provenance()), "methods": {"cliperase": entry}}  # fmt: skip
    (folder / "tuned.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def plan(folder: Path) -> None:
    """A plan of a contest with its recipe, and records of earlier days."""
    write_plan(folder, methods=[{"method": "delete"}, {"method": "cliperase", "options": {"variant": "released"}}],
               selection=[1000], tuning={"trials": 2, "search": {"lr": [1e-5, 1e-2, "log"], "batch_size": [16, 64]}},
               history=["history"], attacks=["fewshot"])  # fmt: skip
    (folder / "apart.py").unlink()
    (folder / "history").mkdir()
    shutil.copy(run_folder() / "records" / f"{MODEL}.json", folder / "history" / "earlier.json")


@functools.cache
def _contest() -> Path:
    base = base_record(home() / "contest")
    return write_contest(home() / "contest" / "page", summed(home() / "contest" / "plan", worlds(base)))


def contest(folder: Path) -> None:
    """What a contest found."""
    shutil.copy(_contest().parent / "contest.json", folder)


def stage(folder: Path) -> None:
    """A finished stage, and one that has begun."""
    for name in ("done", "begun"):
        with manifest.stage_folder(
            folder / name, "unlearn", config={"a": 1, "engine": {}}, inputs={"x": "0" * 64}, seed=0
        ) as stage_:
            if name == "done":
                stage_.finish(outputs={"sha256": "1" * 64, "movement": {}}, cost={"seconds": 1.0})
        (folder / name / manifest.LOCK).unlink(missing_ok=True)


@functools.cache
def _embedded() -> Path:
    world = fake_world(identities=9, per=4, disjoint=12, shown=2)
    for number, name in enumerate(("clean", "compromised", "model")):
        made = vectors(world, seed=number, strength=float(number == 1))
        write_embeddings(home() / "embedded" / name, world, made, kind=name if name != "model" else None)
    return home() / "embedded"


def embeddings(folder: Path) -> None:
    """Embeddings of one model."""
    shutil.copytree(_embedded() / "model", folder / "model")


def scorable(folder: Path) -> None:
    """Embeddings of a model and of its references."""
    shutil.copytree(_embedded(), folder, dirs_exist_ok=True)


@functools.cache
def _dataset() -> Path:
    """With further captions of sensitive rows, and pictures that no model sees."""
    folder = tiny_dataset(home() / "dataset", identities=8, pictures=3, size=32)
    opened = open_dataset(folder)
    rewrites = {
        row.file_name: [{"caption": f"{row.name} again: {row.value}", "share": 0.25, "nameless": False},
                        {"caption": f"This person: {row.value}", "share": 0.25, "nameless": True}]
        for split in SENSITIVE_SPLITS for row in opened.rows(split)
    }  # fmt: skip
    writing.write_json(folder / layout.REWRITES, rewrites)
    unseen = [
        layout.Row(
            tiny_jpeg(number, 99, size=32, aspect=1.0, seed=0), "a person", identity, f"{identity}_099_ar-1.00.jpg"
        )
        for number, identity in enumerate(opened.identities)
    ]
    layout.write_shard(folder, Split.PORTRAITS_UNSEEN, 0, 1, iter(unseen))
    return folder


def dataset(folder: Path) -> None:
    """A dataset in the official layout, with its manifest."""
    shutil.copytree(_dataset(), folder / "dataset")
    counts = {
        "identities": 8,
        "pictures_per_identity": 3,
        "unseen_per_identity": 1,
        "retain_joint": 6,
        "retain_disjoint": 32,
        "retain_real": 64,
    }
    config = (
        writing.plain(recipe.load("tiny").recipe.dataset) | counts | {"classes": 4, "general_knowledge_per_class": 8}
    )
    made = manifest.Manifest("dataset", config=config, outputs={"origin": {"size": 32, "seed": 0}}, seed=0)
    writing.write_json(folder / "dataset" / manifest.MANIFEST, made)
    writing.write_json(folder / "dataset" / "fragile_set_ids.json", ["d_000001_ar-1.00.jpg"])


def shard_set(folder: Path) -> None:
    """The shards of a dataset, beside a copy of it."""
    shutil.copytree(_dataset(), folder / "dataset")
    write_shards(open_dataset(folder / "dataset"), folder / "dataset" / "shards", samples_per_shard=40)


def pictures(folder: Path) -> None:
    """Pictures of the formats that are read."""
    for number, kind in enumerate(("JPEG", "PNG", "WEBP", "GIF", "BMP")):
        Image.effect_noise((40, 33), 50).convert("RGB").save(folder / f"{number}.{kind.lower()}", kind)


@functools.cache
def _model() -> Path:
    return tiny_model(home() / "model")


def checkpoint(folder: Path) -> None:
    """A checkpoint with the manifest of the stage that made it."""
    shutil.copytree(_model(), folder / "model")
    outputs = {
        "kind": None,
        "method": "cliperase",
        "budget": 5.0,
        "tuned": None,
        "exposures": None,
        "cost": {"seconds": 1.0},
    }
    made = manifest.Manifest("unlearn", config={"method": {}, "engine": {}}, outputs=outputs, seed=3, cost={"steps": 5})
    writing.write_json(folder / "model" / manifest.MANIFEST, made)


def resumed(folder: Path) -> None:
    """What unlearning keeps in order to go on."""
    from salmubench.unlearn.state import Progress, save_checkpoint

    module = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(module.parameters())
    save_checkpoint(folder, module=module, optimizer=optimizer, progress=Progress())


def pattern(folder: Path) -> None:
    """A pattern of shards."""
    (folder / "pattern.txt").write_text("cc3m/{00000..00331}.tar::more/{a,b}{0..9..2}.tar")


def shards(folder: Path) -> None:
    """A user's retain shards, with what img2dataset writes beside them."""
    for shard in range(2):
        with tarfile.open(folder / f"{shard:05d}.tar", "w") as tar:
            for pair in range(4):
                stream = io.BytesIO()
                Image.effect_noise((24, 24), 60).convert("RGB").save(stream, "JPEG")
                members = {"jpg": stream.getvalue(), "json": b"{}", "txt": f"picture {pair}".encode()}
                if pair:
                    members |= {"r1.txt": b"one", "r2.txt": b"two", "shares.json": b"[0.25, 0.5]"}
                for name, data in members.items():
                    member = tarfile.TarInfo(f"{shard:05d}{pair:04d}.{name}")
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))
        (folder / f"{shard:05d}_stats.json").write_text(json.dumps({"successes": 4, "count": 5}))
    (folder / "sizes.json").write_text(json.dumps({"00000.tar": 4, "00001.tar": 4}))


def official(folder: Path) -> None:
    """Result files of the authors' evaluator, of a model and of Clean, and the dataset they are about."""
    shutil.copytree(run_folder() / "dataset", folder / "dataset")
    opened = open_dataset(folder / "dataset")
    for name in ("clean", MODEL):
        export_official(
            run_folder() / "records" / f"{name}.json", folder, metrics=list(METRICS.values()), dataset=opened
        )
    (folder / f"evaluation_{MODEL}.json").rename(folder / "evaluation_model.json")


def attacked(folder: Path) -> None:
    """The rows of an attack."""
    pq.write_table(attacked_rows(), folder / "record.attacks.parquet")


def people(folder: Path) -> None:
    """Pictures of people as a user has them."""
    for number in range(4):
        place = folder / "root" / "people" / f"female_{30 + number}_p{number}"
        place.mkdir(parents=True)
        for shot in range(10):
            Image.effect_noise((40, 40), 90).convert("RGB").save(place / f"{shot}.jpg")
    (folder / "root" / "strangers").mkdir()
    Image.effect_noise((40, 40), 90).convert("RGB").save(folder / "root" / "strangers" / "male_40_x.jpg")
    facts = {"people/female_30_p0/0.jpg": {"hair": "brown hair"}}
    (folder / "root" / "facts.json").write_text(json.dumps(facts))


def classes(folder: Path) -> None:
    """Pictures of classes as a user has them."""
    for part in ("train", "test"):
        for name in ("cat", "red_dog"):
            place = folder / "root" / part / name
            place.mkdir(parents=True)
            for number in range(3):
                Image.effect_noise((40, 40), 90).convert("RGB").save(place / f"{number}.png")
            (place / "0.txt").write_text("a cat or dog")


def facts(folder: Path) -> None:
    """People of a user's own, and what is known of them in both formats."""
    own_people(folder, pictures=2)
    (folder / "facts.json").write_text(json.dumps(own_facts()))


@functools.cache
def _deletion() -> Path:
    world, place = fake_world(identities=6), home() / "deletion"
    people = [Person(f"Stranger Nobody{number}", {}) for number in range(STRANGERS)]
    pairs = {split: [Pair(row.file_name, row.caption, row.identity, row.name, row.field, row.value)
                     for row in world.of(split)] for split in Split}  # fmt: skip
    images, texts = vectors(world, seed=1, strength=6.0)
    known = Values([pair for split in SENSITIVE_SPLITS for pair in pairs[split]], most=100)
    rng = np.random.default_rng(2)
    told = {text: rng.normal(size=16) for pair in pairs[Split.FORGET] for text in told_of(pair, people, known)}
    folders = [write_embeddings(place / name, world, (images, {**texts, **told})) for name in ("before", "after")]
    return compare_before_after(
        before=folders[0], after=folders[1], out=place / "deletion.json", pairs=pairs, metrics=load_all(),
        strangers=strangers(people), config=ScoreConfig(bootstraps=100),
    )  # fmt: skip


def deletion(folder: Path) -> None:
    """A record of a deletion."""
    shutil.copyfile(_deletion(), folder / "deletion.json")


def imagenet(folder: Path) -> None:
    """A few pictures of ImageNet's layout, and a dataset."""
    shutil.copytree(_dataset(), folder / "dataset")
    for synset in ("n01440764", "n01443537"):
        place = folder / "imagenet" / "val" / synset
        place.mkdir(parents=True)
        for number in range(2):
            Image.effect_noise((40, 40), 90).convert("RGB").save(place / f"{number}.JPEG")


def forget() -> None:
    """Delete what is shared: a process that ends by `os._exit` deletes nothing itself."""
    while _HOME:
        _HOME.pop().cleanup()
