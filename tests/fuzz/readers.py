"""All readers: what writes a valid folder, which files are mutated how, and what commands do with the folder."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from pathlib import Path

import open_clip_train.data  # noqa: F401 - before the fork
from babel import Locale

from fuzz import packed_seeds, seeds
from fuzz.binaries import ARCHIVE, ARRAY, FOLDER, WEIGHTS, damage, picture, saved_state
from fuzz.judge import Reader
from fuzz.packed import PACKED, WORLD
from fuzz.parquet import PARQUET
from fuzz.texts import CSV, JSON, RECORD, YAML, braces
from report_world import METRICS
from salmubench.clip import models
from salmubench.clip.embeddings import open_embeddings
from salmubench.contest import again, checks, plan
from salmubench.contest import page as contest_page
from salmubench.core import manifest
from salmubench.core.errors import SalmubenchError
from salmubench.core.pictures import open_picture
from salmubench.core.types import Split
from salmubench.core.writing import json_text
from salmubench.dataset import card, layout, preview, statistics, validate
from salmubench.dataset import shards as dataset_shards
from salmubench.dataset.origin import origin_of
from salmubench.dataset.phrasings.generic import generic_caption
from salmubench.deletion import page as deletions
from salmubench.deletion.facts import read_facts
from salmubench.deletion.importing import import_dataset
from salmubench.deletion.record import read_deletion
from salmubench.encode.encode import _describe_model
from salmubench.encode.encode import _people as _attributes
from salmubench.encode.imagenet import WithImageNet
from salmubench.generator.portraits import folder as people_backend
from salmubench.generator.retain import folder as classes_backend
from salmubench.leaderboard import build, check
from salmubench.metrics import score, score_again
from salmubench.official import import_results, result_file
from salmubench.pretrain import retain_data, samples, stream
from salmubench.publish import model_card
from salmubench.report import collect, page
from salmubench.report.config import ReportConfig
from salmubench.scoring.attacks.recovery import section_again
from salmubench.scoring.attacks.table import read_rows
from salmubench.scoring.compare import compare
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.contest_record import read_contest
from salmubench.scoring.record_files import read_record
from salmubench.scoring.roles import with_descriptions
from salmubench.scoring.stages import read_checkpoint
from salmubench.scoring.verdict import answers
from salmubench.scoring.views import describe_all
from salmubench.unlearn import registry, state
from salmubench.workflow import recipe, tuned_values, world

Locale("en").territories  # noqa: B018 - before it is watched: babel keeps its own data in a pickle
FEW = ScoreConfig(bootstraps=100)
METHOD = registry.load_method("cliperase")
RECIPE = recipe.load("tiny").recipe
NUMBERS = list(METRICS.values())


def _record(folder: Path, _: Path) -> None:
    found = with_descriptions(read_record(folder / "record.json"), METRICS)
    describe_all(found)
    json_text(found, where="record.json")


def _score_again(folder: Path, out: Path) -> None:
    score_again(folder / "record.items.parquet", out=out / "again.json", config=FEW)


def _compare(folder: Path, _: Path) -> None:
    compare(folder / "a.json", folder / "b.json", bootstraps=20)


def _submission(folder: Path, _: Path) -> None:
    checked = check.check(folder / "one", metrics=METRICS)
    json_text(checked.receipt(), where="receipt")
    if checked.loaded is not None and not checked.findings:
        build.unshowable(build.entry_of("one", checked.loaded, checked.receipt()))
    if checked.findings:
        raise Found(f"{checked.findings[0].file}: {checked.findings[0].message}")


class Found(SalmubenchError):
    """A submission with findings is refused, though nothing is raised."""


def _board(folder: Path, out: Path) -> None:
    built = build.build(folder / "results", out=folder / "site", metrics=METRICS)
    assert (folder / "site" / "submissions" / "good.html").is_file()
    assert built.shown >= 1
    if built.refused:
        raise Found("; ".join(finding.message for findings in built.refused.values() for finding in findings)[:900])


def _recipe(folder: Path, _: Path) -> None:
    loaded = recipe.load(folder / "mine.yaml")
    registry.check_settings(loaded.recipe.unlearn)
    tuned_values.find_tuned(loaded.recipe.unlearn.tuned, recipe=loaded.name, shipped=False)
    json_text(loaded.recipe, where="recipe")


def _tuned(folder: Path, _: Path) -> None:
    found = tuned_values.find_tuned(str(folder / "tuned.yaml"), recipe="mini", shipped=False)
    assert found is not None
    if found.of(METHOD) is not None:
        registry.configure(METHOD, RECIPE.unlearn, found.of(METHOD))
        json_text(found.about(METHOD.name), where="record")


def _plan(folder: Path, out: Path) -> None:
    loaded = plan.load(folder / "plan.yaml")
    checks.check(loaded, out)
    json_text(checks.notes(loaded.plan), where="plan")


def _contest(folder: Path, out: Path) -> None:
    contest_page.write(out / "contest", read_contest(folder / "contest.json"))
    json_text(again.checked(folder / "contest.json"), where="contest")


def _decided(folder: Path, out: Path) -> None:
    contest_page.write(out / "contest", again.decide_again(folder / "plan.yaml", folder))


def _world(folder: Path, out: Path) -> None:
    opened = world.open_world(folder / "world.tar", beside=out)
    (out / "run").mkdir()
    opened.link(out / "run")
    json_text(opened.stated, where="manifest")


def _options(folder: Path, _: Path) -> None:
    configured = registry.configure(METHOD, RECIPE.unlearn, folder / "options.yaml")
    json_text(configured.effective, where="manifest")


def _stage(folder: Path, out: Path) -> None:
    manifest.read_manifest(folder / "done", "unlearn")
    for name in ("done", "begun"):
        with manifest.stage_folder(
            folder / name, "unlearn", config={"a": 1, "engine": {}}, inputs={"x": "0" * 64}, seed=0
        ) as stage:
            json_text(stage.manifest, where="manifest")


def _embeddings(folder: Path, _: Path) -> None:
    opened = open_embeddings(folder / "model")
    opened.index.to_pylist()
    opened.check_vectors()
    opened.rows_of(list(opened.text_rows))


def _score(folder: Path, out: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        score(embeddings=folder / "model", clean=folder / "clean", compromised=folder / "compromised",
              out=out / "records" / "model.json", config=FEW)  # fmt: skip


def _dataset(folder: Path, _: Path) -> None:
    opened = layout.open_dataset(folder / "dataset")
    for split in (*Split, "other"):
        rows, images = opened.rows(split), list(opened.images(split, 0, 5))
        assert len(images) <= max(len(rows), 5)
    texts = opened.genders, opened.general_knowledge, opened.hidden_pairs, opened.fragile_ids, opened.rewrites
    for part in (opened.counts, *texts):
        json_text(part, where="dataset")
    opened.forget_identity_ids()
    opened.fingerprint  # noqa: B018
    _attributes(opened)


def _validate(folder: Path, _: Path) -> None:
    report = validate.validate(layout.open_dataset(folder / "dataset"))
    json_text(report.as_dict(), where="report")
    if not report.ok:
        raise Found(report.violations[0].message[:900])


def _statistics(folder: Path, out: Path) -> None:
    opened = layout.open_dataset(folder / "dataset")
    json_text(statistics.stats(opened), where="stats")
    preview.preview(opened, out / "sheet.png", identities=2, pictures=2)
    origin = origin_of(opened)
    card.card(opened.counts, identities=len(opened.identities), origin=origin, fingerprint=opened.fingerprint)


def _picture(folder: Path, _: Path) -> None:
    for path in sorted(folder.iterdir()):
        data = path.read_bytes() if path.is_file() and path.stat().st_size < 10**6 else b""
        for source in (path, data):
            with open_picture(source, where=path.name) as image:
                image.convert("RGB").load()


def _model(folder: Path, _: Path) -> None:
    models.checkpoint_sha256(folder / "model")
    loaded = models.load_model(folder / "model")
    json_text(_describe_model(loaded), where="manifest")
    training = read_checkpoint(folder / "model")
    model_card.card(name="x", training=training, record=None, sha256=loaded.sha256, licence="mit", differing=None)


def _resumed(folder: Path, _: Path) -> None:
    state.load_checkpoint(folder)


def _shards(folder: Path, _: Path) -> None:
    retain_data.examine(str(folder / "{00000..00001}.tar"), check_shards=None, broken_limit=0.5)
    for path in sorted(folder.glob("*.tar")):
        for sample in samples.read_shard(path):
            samples.open_bytes(sample.image, sample.name)


def _pattern(folder: Path, _: Path) -> None:
    text = (folder / "pattern.txt").read_bytes().decode("utf-8", "surrogateescape")
    json_text(len(samples.paths_of(text)), where="pattern")


def _stream(folder: Path, _: Path) -> None:
    """As the engine streams shards while it trains: what is broken is passed over."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # webdataset leaves files to the garbage collector
        paths = sorted(str(path) for path in folder.glob("*.tar"))
        for sample in stream.samples({"url": path} for path in paths):
            with contextlib.suppress(Exception):  # the engine's handler logs it and goes on
                stream.decode_pair(sample)


def _shard_set(folder: Path, _: Path) -> None:
    opened = layout.open_dataset(folder / "dataset")
    found = dataset_shards.read_shards(folder / "dataset" / "shards", opened)
    found.pattern("retain")
    found.pattern("holdouts")


def _official(folder: Path, out: Path) -> None:
    import_results.import_official(
        folder / "evaluation_model.json", dataset=layout.open_dataset(folder / "dataset"), out=out / "record.json",
        metrics=NUMBERS, clean=folder / "evaluation_clean.json", bootstraps=100,
    )  # fmt: skip
    result_file.read_official(folder / "evaluation_model.json", NUMBERS)


def _attacked(folder: Path, _: Path) -> None:
    section = seeds.attacks_section(seeds.attacked_rows())
    json_text(section_again(section, read_rows(folder / "record.attacks.parquet")), where="record")


def _run(folder: Path, _: Path) -> None:
    found = collect.read_run(folder / "run", METRICS)
    for record in found.records:
        found.curves(record.model.name)
        for metric in METRICS:
            found.items(record.model.name, metric)
        answers(record)
    dict(found.info.titles)


def _report(folder: Path, out: Path) -> None:
    page.report([folder / "run"], out=out / "page", config=ReportConfig(), metrics=METRICS, titles={})


def _facts(folder: Path, out: Path) -> None:
    """Both formats; what is read becomes a dataset without a fault."""
    read_facts(folder / "facts.json")
    made = import_dataset(pictures=folder / "pictures", facts=folder / "facts.csv", out=out / "dataset")
    report = validate.validate(layout.open_dataset(made))
    assert report.ok, report.violations[0].message


def _deletion(folder: Path, _: Path) -> None:
    record = read_deletion(folder / "deletion.json")
    json_text(record, where="deletion")
    deletions.page(record)
    deletions.text_rows(record)
    deletions.sentences(record)


def _people(folder: Path, _: Path) -> None:
    config = dataclasses.replace(
        RECIPE.dataset, size=32, identities=4, pictures_per_identity=9, retain_joint=3, retain_disjoint=1
    )
    backend = people_backend.connect(people_backend.Config(str(folder / "root")))
    backend.cast(config, 0)
    backend.fingerprint()
    appearance = backend.sample_identity(0, gender="female", age=30)
    shot = backend.sample_shot(appearance, 0, aspect=1.0)
    backend.render_jpeg([shot], size=32)
    generic_caption(shot.facts, variant=0)


def _classes(folder: Path, _: Path) -> None:
    config = dataclasses.replace(RECIPE.dataset, size=32, classes=2, retain_real=6, general_knowledge_per_class=2)
    backend = classes_backend.connect(classes_backend.Config(str(folder / "root")))
    backend.examine(config)
    backend.fingerprint()
    things = [backend.sample_scene(number, 0) for number in range(2)]
    backend.render_jpeg(things, size=32)
    for thing in things:
        backend.caption(thing, 0)


def _imagenet(folder: Path, _: Path) -> None:
    opened = WithImageNet(layout.open_dataset(folder / "dataset"), folder / "imagenet")
    opened.rows(Split.GENERAL_KNOWLEDGE)
    for data in opened.images(Split.GENERAL_KNOWLEDGE):
        with open_picture(data, where="imagenet") as image:
            image.convert("RGB").load()


RECORDS = {"*.items.parquet": PARQUET, "gallery.parquet": PARQUET, "record.json": JSON, ".": FOLDER}
ONE = {"one/*.json": RECORD, "one/*.parquet": PARQUET, "one/": FOLDER}
BOARD = {**{f"results/{pattern}": how for pattern, how in ONE.items()}, "site/receipts/one.json": JSON}
EMBEDDINGS = {"model/*.npy": ARRAY, "model/*.json": JSON, "model/*.parquet": PARQUET, "model/": FOLDER}
DATASET = {"dataset/data/*": PARQUET, "dataset/*.json": JSON}
MODEL = {"model/*.json": JSON, "model/*.safetensors": WEIGHTS, "model/": FOLDER}
RUN = {"run/run.json": JSON, "run/records/*.json": RECORD, "run/checkpoints/*/*.json": JSON}
TABLES = 2_500  # MiB: the user's own tables may hold a gigabyte of texts

READERS: tuple[Reader, ...] = (
    Reader("record", seeds.record, {"record.json": RECORD, ".": FOLDER}, _record, 150),
    Reader("items", seeds.records, RECORDS, _score_again, 20, mebibytes=TABLES),
    Reader("compare", seeds.two_records, {"a*.parquet": PARQUET, "*.json": JSON}, _compare, 20, mebibytes=TABLES),
    Reader("submission", seeds.submission, ONE, _submission, 30, mebibytes=700, after=seeds.cheat),
    Reader(
        "board", seeds.board, BOARD, _board, 5, seconds=30, mebibytes=700, writes=("site/*",), after=seeds.cheat
    ),
    Reader("recipe", seeds.recipe_file, {"mine.yaml": YAML}, _recipe, 30),
    Reader("tuned", seeds.tuned, {"tuned.yaml": YAML, ".": FOLDER}, _tuned, 100),
    Reader("options", seeds.options, {"options.yaml": YAML, ".": FOLDER}, _options, 40),
    Reader("plan", seeds.plan, {"plan.yaml": YAML, "history/*.json": JSON, ".": FOLDER}, _plan, 30),
    Reader("contest", seeds.contest, {"contest.json": JSON}, _contest, 100),
    Reader(
        "decided", packed_seeds.decided,
        {"contest.json": JSON, "plan.yaml": YAML, "worlds/*/world.json": JSON, "worlds/*/records/*.json": RECORD,
         "worlds/*/records/*.xz": PACKED, "worlds/": FOLDER},
        _decided, 15, after=packed_seeds.seal_contest,
    ),
    Reader("world", packed_seeds.world_file, {"world.tar": WORLD}, _world, 20, mebibytes=TABLES),
    Reader(
        "manifest", seeds.stage, {"done/manifest.json": JSON, "begun/.begun.json": JSON, "done/": FOLDER}, _stage, 150,
        writes=("*/.lock",),
    ),
    Reader("embeddings", seeds.embeddings, EMBEDDINGS, _embeddings, 150, mebibytes=TABLES),
    Reader(
        "score", seeds.scorable, {"*/*.npy": ARRAY, "*/*.json": JSON, "*/*.parquet": PARQUET}, _score, 15, seconds=30,
        mebibytes=TABLES, writes=("compromised/fragile_*",),
    ),
    Reader("dataset", seeds.dataset, {**DATASET, "dataset/": FOLDER}, _dataset, 60, mebibytes=TABLES),
    Reader("validate", seeds.dataset, DATASET, _validate, 10, seconds=30, mebibytes=TABLES),
    Reader("statistics", seeds.dataset, DATASET, _statistics, 15, seconds=30, mebibytes=TABLES),
    Reader("pictures", seeds.pictures, {"*": (picture, picture, damage), ".": FOLDER}, _picture, 250),
    Reader("model", seeds.checkpoint, MODEL, _model, 25),
    Reader("resume", seeds.resumed, {"resume.pt": (saved_state, saved_state, damage)}, _resumed, 120),
    Reader("shards", seeds.shards, {"*.tar": ARCHIVE, "*.json": JSON, ".": FOLDER}, _shards, 60),
    Reader("pattern", seeds.pattern, {"pattern.txt": (braces, damage)}, _pattern, 60),
    Reader("stream", seeds.shards, {"*.tar": ARCHIVE}, _stream, 150),
    Reader("shard_set", seeds.shard_set, {"dataset/shards/*.json": JSON, "dataset/shards/": FOLDER}, _shard_set, 120),
    Reader("official", seeds.official, {"*.json": JSON}, _official, 120),
    Reader("attacks", seeds.attacked, {"*.parquet": PARQUET, ".": FOLDER}, _attacked, 50, mebibytes=TABLES),
    Reader("run", seeds.run, {**RUN, "run/*/**/*.parquet": PARQUET}, _run, 30, mebibytes=TABLES),
    Reader("report", seeds.run_with_dataset, {**RUN, "run/dataset/*.json": JSON}, _report, 5, seconds=60),
    Reader(
        "people", seeds.people, {"root/**/*.jpg": (picture, damage), "root/facts.json": JSON, "root/": FOLDER}, _people,
        12,
    ),
    Reader(
        "classes", seeds.classes, {"root/**/*.png": (picture, damage), "root/**/*.txt": (damage,), "root/": FOLDER},
        _classes, 25,
    ),
    Reader(
        "facts", seeds.facts,
        {"facts.csv": CSV, "facts.json": JSON, "pictures/*/*": (picture, damage), "pictures/": FOLDER}, _facts, 40,
    ),
    Reader("deletion", seeds.deletion, {"deletion.json": RECORD}, _deletion, 80),
    Reader("imagenet", seeds.imagenet, {"imagenet/val/*/*": (picture, damage), "imagenet/": FOLDER}, _imagenet, 12),
)  # fmt: skip
