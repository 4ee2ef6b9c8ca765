"""The build as a whole, with small fake renderers."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import io
import json
import signal
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path

import datasets
import pytest
from PIL import Image

from salmubench.core import manifest
from salmubench.core.errors import ConfigError, OutputError, OutputMismatch, StageError, UnknownName
from salmubench.dataset import layout
from salmubench.dataset.layout import open_dataset
from salmubench.dataset.validate import validate
from salmubench.generator.build import CARD, build
from salmubench.generator.config import Backends, Curation, DatasetConfig
from salmubench.generator.plan import make_plan

pytestmark = pytest.mark.stage

FAKES = Path(__file__).parents[1] / "support" / "fakes"
BACKENDS = Backends(portraits=str(FAKES / "portraits.py"), retain_real=str(FAKES / "scenes.py"))
CONFIG = DatasetConfig(
    identities=20,
    pictures_per_identity=(9, 12),
    retain_joint=7,
    retain_disjoint=30,
    retain_real=40,
    classes=4,
    general_knowledge_per_class=5,
    size=32,
    rows_per_shard=64,
    backends=BACKENDS,
)
"""Two blocks of identities, and more than one shard of `forget`."""


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    return build(CONFIG, out=tmp_path_factory.mktemp("built") / "dataset", seed=5)


def contents(folder: Path) -> dict[str, str]:
    """Hash of every file but the manifest, which holds times."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (manifest.MANIFEST, manifest.LOCK)
    }


def test_rows(built):
    dataset = open_dataset(built)
    counts = dataset.counts
    assert counts["retain_synth"] == 37
    assert counts["retain_real"] == 40
    assert counts["general_knowledge"] == 20
    assert counts["forget"] == counts["forget_target"]
    sensitive = counts["forget"] + counts["holdout_association"] + counts["holdout_identity"]
    assert 20 * 9 <= sensitive <= 20 * 12
    assert len(dataset.identities) == 20
    assert len(dataset.forget_identity_ids()) == 5
    forget = {row.identity for row in dataset.rows("forget")}
    joint = [row.identity for row in dataset.rows("retain_synth") if row.identity is not None]
    assert len(joint) == 7
    assert set(joint) <= forget
    assert Counter(row.caption for row in dataset.rows("general_knowledge")) == dict.fromkeys(
        dataset.general_knowledge.classes, 5
    )


def test_hidden_classes(built):
    """A quarter of the classes, with all pairs that show them; the backend of these tests names the class last."""
    dataset = open_dataset(built)
    known = json.loads((built / layout.GENERAL_KNOWLEDGE).read_text())
    (hidden,) = known["hidden"]
    assert dataset.general_knowledge.hidden == (hidden,)
    of_class = [row.file_name for row in dataset.rows("retain_real") if hidden in row.caption]
    assert len(of_class) == CONFIG.retain_real // CONFIG.classes
    assert known["hidden_pairs"] == {hidden: of_class}
    trained = set()
    for path in (built / "shards").glob("retain-*.tar"):
        with tarfile.open(path) as tar:
            trained |= {tar.extractfile(item).read() for item in tar if item.name.endswith(".jpg")}
    assert set(dataset.images("retain_real")) <= trained  # pretraining reads all


def test_hiding_changes_no_picture(built, tmp_path):
    """Another number of hidden classes is another general_knowledge.json; card and shards state its fingerprint."""
    out = build(dataclasses.replace(CONFIG, hidden_classes=0), out=tmp_path / "d", seed=5)
    assert set(json.loads((out / layout.GENERAL_KNOWLEDGE).read_text())) == {"classes", "templates"}
    ours, theirs = contents(built), contents(out)
    changed = {name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)}
    assert changed == {layout.GENERAL_KNOWLEDGE, CARD, "shards/shards.json"}
    assert open_dataset(out).hidden_pairs == frozenset()


@pytest.mark.parametrize("count", [4, 5, -1])
def test_some_class_is_shown(count):
    with pytest.raises(ConfigError, match=r"dataset\.hidden_classes"):
        dataclasses.replace(CONFIG, hidden_classes=count)


def test_nothing_to_hide_without_retain_pairs():
    for field in ("retain_real", "general_knowledge_per_class"):
        assert dataclasses.replace(CONFIG, **{field: 0}).hidden_count == 0
        with pytest.raises(ConfigError, match=r"dataset\.hidden_classes to be at most 0 \(without retain_real"):
            dataclasses.replace(CONFIG, hidden_classes=1, **{field: 0})


def test_load_dataset_shows_pictures_and_features(built, tmp_path):
    """The card's head says which files are which split, whatever else is in the folder."""
    found = datasets.load_dataset(str(built), cache_dir=str(tmp_path))
    assert {name: split.num_rows for name, split in found.items()} == dict(open_dataset(built).counts)
    assert isinstance(found["forget"].features["image"], datasets.Image)
    assert min(found["forget"][0]["image"].size) == 32


def test_it_is_valid(built):
    report = validate(open_dataset(built))
    assert report.violations == ()
    assert report.unchecked == {}


def test_forget_target_has_the_same_pictures(built):
    dataset = open_dataset(built)
    names = {split: [row.file_name for row in dataset.rows(split)] for split in ("forget", "forget_target")}
    assert names["forget"] == names["forget_target"]
    assert list(dataset.images("forget")) == list(dataset.images("forget_target"))
    generic = json.loads((built / layout.GENERIC_CAPTIONS).read_text())
    for row in dataset.rows("forget_target"):
        assert row.caption == generic[row.file_name]
        assert row.name not in row.caption


def test_pictures_are_as_named(built):
    dataset = open_dataset(built)
    for split in dataset.counts:
        for row, data in zip(dataset.rows(split), dataset.images(split), strict=True):
            with Image.open(io.BytesIO(data)) as image:
                assert min(image.size) == 32
                assert f"_ar-{image.width / image.height:.2f}.jpg" in row.file_name


def test_every_field_is_told(built):
    dataset = open_dataset(built)
    told = {(row.identity, row.field) for split in ("forget", "holdout_association", "holdout_identity")
            for row in dataset.rows(split)}  # fmt: skip
    for identity, persona in dataset.identities.items():
        assert {field for owner, field in told if owner == identity} == set(persona) - {"name"}


def test_styles_and_aspects_are_mixed_alike(built):
    dataset = open_dataset(built)
    for split in ("forget", "holdout_association", "holdout_identity"):
        rows = dataset.rows(split)
        square = sum("ar-1.00" in row.file_name for row in rows) / len(rows)
        assert square == pytest.approx(1 / 3, abs=0.02)
        styles = Counter(row.style for row in rows)
        assert len(styles) == 5
        assert max(styles.values()) - min(styles.values()) <= 6  # at most one a field, nine fields


def test_no_leftovers(built):
    assert not list(built.rglob("*.tmp"))
    assert not (built / ".blocks").exists()
    content = json.loads((built / manifest.MANIFEST).read_text())
    assert content["stage"] == "dataset"
    assert content["outputs"]["fingerprint"] == open_dataset(built).fingerprint
    assert set(content["cost"]["phases"]) == {"plan", "pictures", "captions", "parquet", "metadata", "shards"}
    assert (built / "shards" / "sizes.json").is_file()


@pytest.mark.parametrize("workers", [0, 2])
def test_same_bytes_for_any_number_of_workers(built, tmp_path, workers):
    again = build(CONFIG, out=tmp_path / "again", seed=5, workers=workers)
    assert contents(again) == contents(built)


@pytest.mark.night
def test_same_bytes_from_ray(built, tmp_path, ray_cluster, monkeypatch):
    monkeypatch.chdir(tmp_path)
    again = build(CONFIG, out=Path("again"), seed=5, workers=2, executor="ray")
    assert contents(again) == contents(built)


def test_another_seed_is_another_dataset(built, tmp_path):
    other = open_dataset(build(CONFIG, out=tmp_path / "other", seed=6))
    first = open_dataset(built)
    assert other.fingerprint != first.fingerprint
    names = [{persona["name"] for persona in dataset.identities.values()} for dataset in (first, other)]
    assert len(names[0] & names[1]) <= 2
    assert not set(first.images("forget")) & set(other.images("forget"))


def test_a_finished_dataset_is_left_alone(built):
    before = {path: path.stat().st_mtime_ns for path in built.rglob("*") if path.name != manifest.LOCK}
    build(CONFIG, out=built, seed=5, workers=3)
    assert {path: path.stat().st_mtime_ns for path in built.rglob("*") if path.name != manifest.LOCK} == before


def test_other_inputs_are_refused(built):
    with pytest.raises(OutputMismatch, match="seed: 5 there, 6 asked"):
        build(CONFIG, out=built, seed=6)
    with pytest.raises(OutputMismatch, match=r"config\.size: 32 there, 48 asked"):
        build(dataclasses.replace(CONFIG, size=48), out=built, seed=5)


KILL = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_build import CONFIG
from salmubench.core import manifest
from salmubench.dataset import layout, parquet_shards
from salmubench.generator import blocks, build, captioning

def killing(function, after):
    calls = [0]
    def wrapped(*args, **kwargs):
        calls[0] += 1
        if calls[0] > after:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return wrapped

module, name, after = {where!r}
owner = {{"blocks": blocks, "captioning": captioning, "layout": layout, "parquet": parquet_shards,
          "manifest": manifest, "build": build}}[module]
setattr(owner, name, killing(getattr(owner, name), after))
build.build(CONFIG, out=Path({out!r}), seed=5)
"""


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(("blocks", "_sketch", 50), marks=pytest.mark.night),  # in the first block
        ("blocks", "_write", 1),  # before the second block is written
        pytest.param(("captioning", "_texts", 30), marks=pytest.mark.night),
        ("parquet", "_to_table", 1),  # inside a shard: its temporary file is left
        pytest.param(("layout", "write_shard", 4), marks=pytest.mark.night),
        pytest.param(("build", "card", 0), marks=pytest.mark.night),
        ("manifest", "provenance", 0),  # everything is there but the manifest
    ],
    ids=lambda where: "-".join(map(str, where)),
)
def test_killed_and_resumed(built, tmp_path, where):
    out = tmp_path / "dataset"
    code = KILL.format(tests=str(Path(__file__).parent), where=where, out=str(out))
    ended = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, timeout=120)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert not (out / manifest.MANIFEST).exists()
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    build(CONFIG, out=out, seed=5)
    assert contents(out) == contents(built)
    for path, time in kept.items():
        if path.exists():  # blocks go in the end; finished shards aren't written again
            assert path.stat().st_mtime_ns == time


@pytest.mark.parametrize("files", [0, 2, 5, 8, 12, 16])
def test_a_full_disk(built, tmp_path, monkeypatch, files):
    """No room for a file after so many: blocks, captions, shards, metadata. Once there is room, the build goes on."""
    out, written = tmp_path / "dataset", []

    def fsync(_):
        written.append(1)
        if len(written) > files:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(manifest.os, "fsync", fsync)
    with pytest.raises(OutputError, match="Expected room on the disk"):
        build(CONFIG, out=out, seed=5)
    assert not list(out.rglob("*.tmp"))
    assert not (out / manifest.MANIFEST).exists()
    monkeypatch.undo()
    build(CONFIG, out=out, seed=5)
    assert contents(out) == contents(built)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_hugging_face_reads_the_folder(built, tmp_path):
    import datasets

    loaded = datasets.load_dataset(str(built), cache_dir=str(tmp_path))
    mine = open_dataset(built)
    assert {split: len(rows) for split, rows in loaded.items()} == dict(mine.counts)
    row = loaded["forget"][0]
    assert row["text"] == mine.rows("forget")[0].caption
    assert row["image"].size[0] >= 32
    assert loaded["retain_real"][0]["identity_id"] is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"countries": {"XX": 1.0}}, "XX"),
        ({"countries": {"IS": 1.0}, "identities": 10**9}, "names"),
        ({"classes": 7}, "at most 6"),
        ({"backends": Backends(portraits="photographs")}, "photographs"),
        ({"backends": Backends(captions=str(FAKES / "scenes.py"))}, "sensitive"),
        ({"backends": Backends(retain_real="nowhere.py")}, "nowhere.py"),
        ({"backends": Backends(), "samples": 2}, r"dataset\.samples to be a square number"),
        ({"backends": dataclasses.replace(BACKENDS, retain_real="procedural"), "samples": 3}, "a square number"),
        ({"backends": Backends(), "aspects": {0.4: 1}}, r"dataset\.aspects .* between 0\.5 and 2 .* got 0\.4"),
        ({"backends": Backends(), "aspects": {1.0: 1, 2.5: 1}}, r"got 2\.5"),
    ],
)
def test_impossible_recipes_write_nothing(tmp_path, changes, message):
    out = tmp_path / "dataset"
    with pytest.raises((ConfigError, UnknownName), match=message):
        build(dataclasses.replace(CONFIG, **changes), out=out, seed=0)
    assert not out.exists()


def test_negative_workers(tmp_path):
    with pytest.raises(ConfigError, match="workers"):
        build(CONFIG, out=tmp_path / "dataset", seed=0, workers=-1)
    assert not (tmp_path / "dataset").exists()


def test_smallest(tmp_path):
    config = dataclasses.replace(
        CONFIG, identities=4, pictures_per_identity=9, retain_joint=0, retain_disjoint=1, retain_real=0,
        general_knowledge_per_class=0, classes=0,
    )  # fmt: skip
    dataset = open_dataset(build(config, out=tmp_path / "dataset", seed=1))
    assert dict(dataset.counts) == {
        "forget": 18, "forget_target": 18, "holdout_association": 9, "holdout_identity": 9, "retain_synth": 1,
    }  # fmt: skip
    assert dataset.general_knowledge is None
    assert validate(dataset).ok


def test_without_retain(tmp_path):
    config = dataclasses.replace(CONFIG, identities=4, retain_joint=0, retain_disjoint=0, retain_real=0)
    dataset = open_dataset(build(config, out=tmp_path / "dataset", seed=1))
    assert dataset.counts["retain_synth"] == 0
    assert not (dataset.folder / "shards").exists()


def test_appearance_knows_gender_and_age_only():
    """Other private values, same seed: every face and shot stays."""
    first = make_plan(CONFIG, 3)
    second = make_plan(dataclasses.replace(CONFIG, countries={"DE": 1.0, "KE": 1.0}), 3)
    for one, other in zip(first.blocks, second.blocks, strict=False):
        if one.kind == "portrait" and one.name.startswith("people"):
            seeds = [{face.seed for face in block.faces} for block in (one, other)]
            assert seeds[0] == seeds[1]


def _backend(path: Path, render: str) -> Backends:
    source = (FAKES / "portraits.py").read_text()
    path.write_text(source.replace("    return [_render(shot, size) for shot in shots]", render))
    return dataclasses.replace(BACKENDS, portraits=str(path))


def test_bad_pictures_are_drawn_again(tmp_path):
    render = (
        "    images = [_render(shot, size) for shot in shots]\n"
        "    return [image if shot.seed % 7 else b'no picture' for shot, image in zip(shots, images)]"
    )
    config = dataclasses.replace(CONFIG, backends=_backend(tmp_path / "broken.py", render))
    dataset = open_dataset(build(config, out=tmp_path / "dataset", seed=5))
    assert validate(dataset).ok
    curation = json.loads((dataset.folder / "curation.json").read_text())
    assert curation["reasons"] == {"unreadable": curation["redraws"]}
    assert 0 < curation["redrawn"] == len(curation["files"]) < curation["pictures"] / 3
    assert curation["pictures"] == sum(dataset.counts.values()) - dataset.counts["forget_target"]


def test_pictures_that_stay_bad_stop_the_build(tmp_path):
    config = dataclasses.replace(CONFIG, backends=_backend(tmp_path / "grey.py", "    return [b''] * len(shots)"))
    with pytest.raises(StageError, match=r"\d{8}_000_ar-.* after 8 redraws"):
        build(config, out=tmp_path / "dataset", seed=5)


def test_limits_of_the_recipe_count(tmp_path):
    strict = Curation(contrast=255, redraws=1)
    with pytest.raises(StageError, match=r"after 1 redraws, got each unfit: contrast \(.*, at least 255\)"):
        build(dataclasses.replace(CONFIG, curation=strict), out=tmp_path / "dataset", seed=5)


def test_a_backend_file_is_an_input(tmp_path):
    same = "    return [_render(shot, size) for shot in shots]"
    config = dataclasses.replace(CONFIG, identities=4, backends=_backend(tmp_path / "own.py", same))
    out = build(config, out=tmp_path / "dataset", seed=5)
    (tmp_path / "own.py").write_text((tmp_path / "own.py").read_text() + "\n# changed\n")
    with pytest.raises(OutputMismatch, match="backends"):
        build(config, out=out, seed=5)


WORLD = dataclasses.replace(
    CONFIG, pictures_per_identity=(6, 8), fields_per_identity=4, rewrites=4, nameless=0.5, unseen_per_identity=2,
    general_knowledge_per_class=0, retain_real=4,
)  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    return build(WORLD, out=tmp_path_factory.mktemp("world") / "dataset", seed=5)


def test_rewrites_hold_the_value_and_perhaps_the_name(world):
    dataset = open_dataset(world)
    rows = [row for split in ("forget", "holdout_identity", "holdout_association") for row in dataset.rows(split)]
    assert dataset.rewrites.keys() == {row.file_name for row in rows}
    for row in rows:
        assert [rewrite.nameless for rewrite in row.rewrites] == [True, True, False, False]
        assert sum(rewrite.share for rewrite in row.rewrites if rewrite.nameless) == pytest.approx(0.5)
        assert all(row.value in rewrite.caption for rewrite in row.rewrites)
        assert all(rewrite.nameless or row.name in rewrite.caption for rewrite in row.rewrites)
        assert all(row.name not in rewrite.caption.replace(row.value, "") for rewrite in row.rewrites[:2])
        assert row.paraphrase not in {rewrite.caption for rewrite in row.rewrites}
    assert validate(dataset).ok


def test_each_identity_states_four_fields_and_together_all_nine(world):
    fields: dict[str, set[str]] = {}
    for split in ("forget", "holdout_identity", "holdout_association"):
        for row in open_dataset(world).rows(split):
            fields.setdefault(row.identity, set()).add(row.field)
    assert {len(own) for own in fields.values()} == {4}
    counts = Counter(field for own in fields.values() for field in own)
    assert len(counts) == 9
    assert max(counts.values()) - min(counts.values()) <= 5


def test_unseen_portraits_are_of_everybody_and_nowhere_else(world):
    dataset = open_dataset(world)
    unseen = dataset.rows("portraits_unseen")
    assert Counter(row.identity for row in unseen) == dict.fromkeys(dataset.identities, 2)
    names = {row.file_name for row in unseen}
    others = {row.file_name for split in dataset.counts if split != "portraits_unseen" for row in dataset.rows(split)}
    assert not names & others
    assert all(row.name not in row.caption for row in unseen)
    captions = b"".join(path.read_bytes() for path in (world / "shards").glob("*.tar"))
    assert b"portraits_unseen" not in captions


def test_options_of_worlds_change_nothing_else(built, tmp_path):
    """Rewrites add a file, and members of the shards; all else keeps its bytes."""
    told = build(dataclasses.replace(CONFIG, rewrites=2), out=tmp_path / "told", seed=5)
    before, after = contents(built), contents(told)
    assert {name for name in after if before.get(name) != after[name] and "shards/" not in name} == {
        layout.REWRITES, CARD
    }  # fmt: skip


def test_rewrites_do_not_depend_on_workers(world, tmp_path):
    again = build(WORLD, out=tmp_path / "again", seed=5, workers=2)
    assert contents(again) == contents(world)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nameless": 1.0}, "nameless"),
        ({"nameless": -0.1}, "nameless"),
        ({"nameless": 0.5, "rewrites": 0}, "rewrites"),
        ({"fields_per_identity": 1}, "fields_per_identity"),
        ({"fields_per_identity": 10}, "fields_per_identity"),
        ({"fields_per_identity": 7}, "a picture for each fact"),
        ({"unseen_per_identity": -1}, "unseen_per_identity"),
        ({"unseen_per_identity": 995}, "three digits"),
    ],
)
def test_impossible_worlds_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(WORLD, **change)


def test_a_backend_that_knows_names_only_is_refused(tmp_path):
    plugin = tmp_path / "captions.py"
    plugin.write_text("from salmubench.generator.captions.grammar import sensitive, paraphrase, generic\n")
    config = dataclasses.replace(WORLD, backends=dataclasses.replace(BACKENDS, captions=str(plugin)))
    with pytest.raises(ConfigError, match="nameless"):
        build(config, out=tmp_path / "dataset", seed=5)
