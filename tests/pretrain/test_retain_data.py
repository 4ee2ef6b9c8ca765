"""Retain shards of the user: examined before a training, mixed with ours, broken pairs counted and named."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import tarfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from salmubench.clip.models import load_model
from salmubench.clip.pixels import split_transform
from salmubench.core.errors import ConfigError, DatasetError
from salmubench.pretrain.config import PretrainConfig
from salmubench.pretrain.launch import plan_job
from salmubench.pretrain.memory_loader import load_pairs
from salmubench.pretrain.retain_data import examine
from salmubench.pretrain.samples import paths_of
from tiny_model import tiny_model

SHARDS, PAIRS = 4, 5


def jpeg(seed):
    stream = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(stream, "JPEG")
    return stream.getvalue()


def write(path, files):
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def files_of(shard):
    return {
        name: data
        for pair in range(PAIRS)
        for name, data in (
            (f"{shard:05d}{pair:04d}.jpg", jpeg([shard, pair])),
            (f"{shard:05d}{pair:04d}.json", b"{}"),  # as img2dataset writes them
            (f"{shard:05d}{pair:04d}.txt", f"picture {shard} {pair}".encode()),
        )
    }


@pytest.fixture
def pattern(tmp_path):
    folder = tmp_path / "web"
    folder.mkdir()
    for shard in range(SHARDS):
        write(folder / f"{shard:05d}.tar", files_of(shard))
    return str(folder / "{00000..00003}.tar")


def break_one(folder, **changes):
    """Replace files of the third shard; `None` takes one away."""
    files = {**files_of(2), **changes}
    write(folder / "00002.tar", {name: data for name, data in sorted(files.items()) if data is not None})


@pytest.mark.parametrize("folder", ["", "./", "cc3m.v1/", "./a/"])
def test_folders_and_hidden_members(tmp_path, folder):
    """As `tar -C DIR .` writes them, and macOS; the engine's stream finds the same pairs."""
    from salmubench.pretrain.stream import samples

    files = {f"{folder}{start}{name}": data for name, data in files_of(0).items() for start in ("._", "")}
    write(tmp_path / "0.tar", {**files, f"{folder}README": b"read me"})
    assert examine(str(tmp_path / "0.tar")).pairs == PAIRS
    assert sum("jpg" in found and "txt" in found for found in samples([{"url": str(tmp_path / "0.tar")}])) == PAIRS


def test_an_estimate_leaves_out_as_many_as_the_training(pattern, tmp_path):
    from salmubench.pretrain import estimate

    break_one(tmp_path / "web", **{"000020001.jpg": b"nothing"})
    config = PretrainConfig(model="salmu-tiny", epochs=1, retain_data=pattern, retain_broken=0.1)
    counts = {"retain": 10, "sensitive": 0, "holdouts": 0}
    text = estimate.of_recipe(config, kind="clean", counts=counts, size=32, try_here=False)
    assert f"epochs of {10 + SHARDS * PAIRS - 1}," in text


def test_counted_where_nothing_states_it(pattern):
    found = examine(pattern, check_shards=1)
    assert (found.pairs, found.read, found.broken) == (20, 4, ())
    assert all(shard.sha256 and shard.pairs == PAIRS for shard in found.shards)


@pytest.mark.parametrize("how", ["sizes", "img2dataset", "recipe"])
def test_stated_counts_save_reading(pattern, tmp_path, how):
    samples = 0
    if how == "sizes":
        (tmp_path / "web" / "sizes.json").write_text(json.dumps({f"{shard:05d}.tar": PAIRS for shard in range(SHARDS)}))
    elif how == "img2dataset":
        for shard in range(SHARDS):
            (tmp_path / "web" / f"{shard:05d}_stats.json").write_text(json.dumps({"count": 9, "successes": PAIRS}))
    else:
        samples = 20
    found = examine(pattern, samples=samples, check_shards=2)
    assert (found.pairs, found.read) == (20, 2)
    assert [shard.sha256 is not None for shard in found.shards] == [True, False, True, False]
    assert examine(pattern, samples=samples, check_shards=None).read == 4


def test_missing_shards_are_named(pattern, tmp_path):
    (tmp_path / "web" / "00001.tar").unlink()
    with pytest.raises(DatasetError, match=r"Expected 4 shards .* got 1 of them missing: .*00001\.tar"):
        examine(pattern)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"000020003.jpg": b"not a picture"}, "Expected a picture that PIL can decode in 000020003 in"),
        ({"000020003.jpg": jpeg(0)[:300]}, "Expected a picture that PIL can decode in 000020003 in"),
        ({"000020003.jpg": None}, "picture and a caption .* for 000020003 in"),
        ({"000020003.txt": None}, "picture and a caption .* for 000020003 in"),
        ({"000020003.txt": b"\xff\xfe"}, "caption in UTF-8 for 000020003 in"),
    ],
)
def test_broken_pairs_are_counted_named_and_limited(pattern, tmp_path, changes, message):
    break_one(tmp_path / "web", **changes)
    with pytest.raises(DatasetError, match=rf"at most 0\.000% .* got 1 of 20 in the 4 shards .*{message}"):
        examine(pattern)
    with pytest.raises(DatasetError, match="got 1 of 20"):
        examine(pattern, broken_limit=0.049)
    found = examine(pattern, broken_limit=0.05)
    assert found.pairs == 19
    assert len(found.broken) == 1


def test_other_members_are_listed_and_never_decoded(pattern, tmp_path, caplog):
    canary = tmp_path / "ran"
    evil = pickle.dumps(Evil(canary))
    break_one(
        tmp_path / "web",
        **{
            "000020000.pyd": evil,
            "000020001.PYD": evil,
            "000020001.pyd.gz": gzip.compress(evil),
            "000020002.npy": evil,
        },
    )
    found = examine(pattern)
    assert (found.pairs, found.broken) == (20, ())
    assert found.ignored == {"pyd": 2, "pyd.gz": 1, "npy": 1}
    assert "ignored in the 4 shards that were read: 2 × 'pyd', 1 × 'pyd.gz', 1 × 'npy'" in caplog.text
    model = load_model(tiny_model(tmp_path / "model"))
    pairs = load_pairs(
        pattern, preprocessor=split_transform(model.preprocess), tokenize=model.tokenize, threads=1, expected=20
    )
    assert len(pairs.texts) == 20
    assert not canary.exists()


def test_nothing_is_said_where_nothing_is_ignored(pattern, caplog):
    assert examine(pattern).ignored == {}
    assert not caplog.text


def test_postscript_is_no_picture(pattern, tmp_path):
    """PIL would start Ghostscript for it, whatever the member is called."""
    break_one(tmp_path / "web", **{"000020003.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\nshowpage\n"})
    with pytest.raises(DatasetError, match="got 1 of 20 .* none of JPEG"):
        examine(pattern)


def test_cut_off_shard(pattern, tmp_path):
    path = tmp_path / "web" / "00003.tar"
    path.write_bytes(path.read_bytes()[:7000])
    whole = len(examine(pattern, broken_limit=0.5).broken)
    assert whole == 1  # how much is lacking nobody says
    with pytest.raises(DatasetError, match=r"WebDataset shard at .*00003\.tar"):
        examine(pattern)
    (tmp_path / "web" / "sizes.json").write_text(json.dumps({"00003.tar": PAIRS}))
    found = examine(pattern, broken_limit=0.5)
    assert found.pairs + len(found.broken) == 20
    assert found.pairs < 19


def test_wrong_counts(pattern, tmp_path):
    with pytest.raises(DatasetError, match=r"Expected 21 pairs \(pretrain\.retain_samples\) .* got 20"):
        examine(pattern, samples=21, check_shards=None)
    (tmp_path / "web" / "sizes.json").write_text(json.dumps({"00000.tar": PAIRS + 1}))
    with pytest.raises(DatasetError, match=r"Expected 6 pairs in .*00000\.tar"):
        examine(pattern)
    (tmp_path / "web" / "sizes.json").write_text(json.dumps({"00000.tar": PAIRS - 1}))
    with pytest.raises(DatasetError, match=r"Expected 4 pairs in .*00000\.tar .* got 5"):
        examine(pattern, broken_limit=0.9)


@pytest.mark.parametrize("count", [10**29, -1])
def test_counts_that_no_shard_has(pattern, tmp_path, count):
    (tmp_path / "web" / "sizes.json").write_text(json.dumps({"00000.tar": count}))
    with pytest.raises(DatasetError, match=rf"Expected a shard of 0 to 1,000,000 pairs, got {count} for .*00000\.tar"):
        examine(pattern)


def test_remote_shards_need_a_count():
    with pytest.raises(ConfigError, match="retain_samples"):
        examine("pipe:aws s3 cp s3://x/{0..3}.tar -")
    for scheme in ("https", "PIPED"):
        with pytest.raises(ConfigError, match="addresses without '"):
            examine(f"{scheme}://x/'; touch here; '{{0..3}}.tar", samples=7)
    assert examine("pipe:cat 'https://x/{0..3}.tar'", samples=7).pairs == 7
    found = examine("s3://x/{0..3}.tar", samples=7)
    assert (found.pairs, len(found.shards), found.local) == (7, 4, False)


def test_remote_shards_are_streamed(tmp_path, tiny_folder):
    config = PretrainConfig(
        model="salmu-tiny", warmup=1, batch_size=8, loading="memory", retain_data="pipe:cat x", retain_samples=9
    )
    arguments = {"dataset": tiny_folder, "kind": "clean", "out": tmp_path / "x", "seed": 0, "device": "cpu"}
    with pytest.raises(ConfigError, match=r"loading: stream .* got memory"):
        plan_job(config, precision="fp32", **arguments)


def test_mixed_with_ours_for_both_kinds(pattern, tmp_path, tiny_folder):
    config = PretrainConfig(model="salmu-tiny", epochs=1, batch_size=32, warmup=1, retain_data=pattern)
    jobs = [
        plan_job(
            config, dataset=tiny_folder, kind=kind, out=tmp_path / kind, seed=0, device="cpu", precision="fp32"
        )
        for kind in ("clean", "compromised")
    ]  # fmt: skip
    assert [job.parts for job in jobs] == [{"retain": 122}, {"retain": 122, "sensitive": 48}]
    clean, compromised = (job.train_data for job in jobs)
    assert clean.startswith(f"{pattern}::")
    assert compromised.startswith(f"{clean}::")
    assert jobs[0].more.read == 4  # they stay in memory, so all are checked


def test_broken_pairs_are_left_out_of_the_training(pattern, tmp_path, tiny_folder):
    break_one(tmp_path / "web", **{"000020003.jpg": b"not a picture"})
    config = PretrainConfig(model="salmu-tiny", epochs=1, batch_size=32, warmup=1, retain_data=pattern)
    arguments = {"dataset": tiny_folder, "kind": "clean", "out": tmp_path / "x", "seed": 0, "device": "cpu"}
    with pytest.raises(DatasetError, match="got 1 of 20"):
        plan_job(config, precision="fp32", **arguments)
    job = plan_job(replace(config, retain_broken=0.1), precision="fp32", **arguments)
    assert job.rows == 121
    model = load_model(tiny_model(tmp_path / "model"))
    settings = {
        "preprocessor": split_transform(model.preprocess),
        "tokenize": model.tokenize,
        "threads": 1,
        "expected": job.rows,
    }
    pairs = load_pairs(job.train_data, skip_broken=True, **settings)
    assert pairs.sources == (19, 102)
    assert len(pairs.images) == 121
    with pytest.raises(DatasetError, match="000020003"):
        load_pairs(job.train_data, **settings)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("cc/{00..02}.tar::x{a,b{1..2}}.tar", ["cc/00.tar", "cc/01.tar", "cc/02.tar", "xa.tar", "xb1.tar", "xb2.tar"]),
        ("{0..10..5}{a..b}", ["0a", "0b", "5a", "5b", "10a", "10b"]),
        ("a,b/{0..a}.tar", ["a,b/{0..a}.tar"]),
    ],
)
def test_brace_patterns(pattern, expected):
    assert paths_of(pattern) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        "{0..999999999}.tar", "{0..9}{0..9}{0..9}{0..9}{0..9}{0..9}{0..9}", "{a,b}" * 30, "{a..z}" * 9,
        "{x" + "{a,b}" * 30 + ",y}", "cc/{00..02.tar", "{" * 5000, "{0.." + "9" * 5000 + "}", "${NOT_SET}.tar",
        "{0..331}{0..1000}" + "." * 2000,
    ],
)  # fmt: skip
def test_patterns_that_no_disk_can_hold(pattern):
    with pytest.raises(DatasetError, match="Expected a pattern of shards"):
        examine(pattern)
