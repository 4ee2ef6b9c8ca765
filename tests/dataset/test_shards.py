"""Shards hold exactly the dataset's pairs, in tar files that webdataset reads."""

from __future__ import annotations

import errno
import json
import shutil
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from salmubench.core.errors import DatasetError, OutputError
from salmubench.dataset import layout, shards
from salmubench.dataset.layout import open_dataset


def pairs_in(folder, part):
    """Keys, pictures and captions of a part, read by tarfile alone."""
    found = []
    for path in sorted(folder.glob(f"{part}-*.tar")):
        with tarfile.open(path) as tar:
            files = {member.name: tar.extractfile(member).read() for member in tar}
        keys = [name.removesuffix(".txt") for name in files if name.endswith(".txt")]
        found.append([(key, files[f"{key}.jpg"], files[f"{key}.txt"].decode()) for key in keys])
    return found


@pytest.fixture(scope="module")
def written(tiny_folder, tmp_path_factory):
    dataset = open_dataset(tiny_folder)
    folder = tmp_path_factory.mktemp("shards") / "shards"
    return dataset, shards.write_shards(dataset, folder, samples_per_shard=40)


@pytest.mark.parametrize(
    ("part", "splits"),
    [
        ("retain", ("retain_real", "retain_synth")),
        ("sensitive", ("forget", "holdout_association", "holdout_identity")),
        ("holdouts", ("holdout_association", "holdout_identity")),
    ],
)
def test_each_row_stands_once(written, part, splits):
    dataset, found = written
    wanted = Counter()
    for split in splits:
        wanted.update(zip(dataset.images(split), (row.caption for row in dataset.rows(split)), strict=True))
    tars = pairs_in(found.folder, part)
    assert Counter((image, caption) for tar in tars for _, image, caption in tar) == wanted
    assert [len(tar) for tar in tars] == list(getattr(found, part))
    assert found.rows(part) == sum(wanted.values())
    assert len({key for tar in tars for key, _, _ in tar}) == found.rows(part)


def test_rows_are_dealt_at_random_and_evenly(written):
    _, found = written
    assert max(found.retain) - min(found.retain) <= 1
    splits = [{key.split("-")[0] for key, _, _ in tar} for tar in pairs_in(found.folder, "retain")]
    assert splits == [{"retain_real", "retain_synth"}] * 3


@pytest.mark.parametrize("part", shards.PARTS)
def test_each_part_is_dealt_by_a_stream_of_its_own(written, part):
    """The streams are numbered by the part's place: a part that comes later changes no shard of the others."""
    dataset, found = written
    splits = {
        "retain": ("retain_real", "retain_synth"),
        "sensitive": ("forget", "holdout_association", "holdout_identity"),
        "holdouts": ("holdout_association", "holdout_identity"),
    }
    keys = [f"{split}-{row:08d}" for split in splits[part] for row in range(dataset.counts[split])]
    stream = ["retain", "sensitive", "holdouts"].index(part)
    dealt = np.random.default_rng([0, stream]).permutation(np.arange(len(keys)) % found.shards(part))
    for index, tar in enumerate(pairs_in(found.folder, part)):
        assert [key for key, _, _ in tar] == [key for key, shard in zip(keys, dealt, strict=True) if shard == index]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the engine leaves the file open
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_sizes_are_those_open_clip_reads(written):
    from open_clip_train.data import get_dataset_size

    _, found = written
    assert get_dataset_size(f"{found.pattern('retain')}::{found.pattern('sensitive')}") == (150, 5)
    assert json.loads((found.folder / "sizes.json").read_text())["retain-00002.tar"] == found.retain[2]


def test_pattern_of_one_shard(tiny_folder, tmp_path):
    found = shards.write_shards(open_dataset(tiny_folder), tmp_path / "shards")
    assert found.pattern("sensitive") == str(tmp_path / "shards" / "sensitive-00000.tar")


def test_same_seed_same_bytes_other_seed_other_order(tiny_folder, tmp_path):
    dataset = open_dataset(tiny_folder)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        shards.write_shards(dataset, tmp_path / name, samples_per_shard=40, seed=seed)
    first, second, third = ((tmp_path / name / "retain-00000.tar").read_bytes() for name in "abc")
    assert first == second
    assert first != third


def test_second_call_writes_nothing(written):
    dataset, found = written
    before = {path: path.stat().st_mtime_ns for path in found.folder.iterdir()}
    assert shards.write_shards(dataset, found.folder) == found
    assert {path: path.stat().st_mtime_ns for path in found.folder.iterdir()} == before


@pytest.mark.parametrize("name", ["{a,b}", "a}{b", "${HOME}", "a\\b"])
def test_the_path_of_a_pattern_is_literal(tiny_folder, tmp_path, name):
    from salmubench.pretrain.samples import paths_of

    found = shards.write_shards(open_dataset(tiny_folder), tmp_path / name / "shards", samples_per_shard=60)
    assert paths_of(found.pattern("retain")) == [
        str(tmp_path / name / "shards" / f"retain-0000{n}.tar") for n in (0, 1)
    ]


def test_a_path_that_would_end_a_pattern_is_refused(tiny_folder, tmp_path):
    shutil.copytree(tiny_folder, tmp_path / "a::b", ignore=shutil.ignore_patterns("shards", "*.tmp"))
    with pytest.raises(DatasetError, match="Expected a path without '::'"):
        shards.find_or_write(open_dataset(tmp_path / "a::b"), tmp_path / "shards")
    assert not (tmp_path / "a::b" / "shards").exists()


def test_more_shards_than_files_that_a_shell_lets_open(tiny_folder, tmp_path):
    import resource

    dataset, (soft, hard) = open_dataset(tiny_folder), resource.getrlimit(resource.RLIMIT_NOFILE)
    few = len(list(Path("/dev/fd").iterdir())) + 40
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, hard))
    try:
        found = shards.write_shards(dataset, tmp_path / "shards", samples_per_shard=1)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (few, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert found.shards("retain") == 102


def test_too_few_open_files_are_told(tiny_folder, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(shards.tarfile, "open", refuse)
    with pytest.raises(OutputError, match=r"Too many open files\. Allow 512 open files \(ulimit -n\)\."):
        shards.write_shards(open_dataset(tiny_folder), tmp_path / "shards")


def test_shards_of_another_dataset_are_refused(written, tmp_path):
    from tiny import tiny_dataset

    _, found = written
    other = open_dataset(tiny_dataset(tmp_path / "other", seed=5))
    with pytest.raises(DatasetError, match="fingerprint"):
        shards.read_shards(found.folder, other)


def test_missing_shard_is_named(written, tmp_path):
    dataset, found = written
    copy = tmp_path / "copy"
    shutil.copytree(found.folder, copy)
    (copy / "sensitive-00001.tar").unlink()
    with pytest.raises(DatasetError, match=r"got no sensitive-00001\.tar"):
        shards.read_shards(copy, dataset)


def test_cut_off_shard_is_named(written, tmp_path):
    dataset, found = written
    copy = tmp_path / "copy"
    shutil.copytree(found.folder, copy)
    path = copy / "retain-00001.tar"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DatasetError, match=r"got 1000 bytes in retain-00001\.tar"):
        shards.read_shards(copy, dataset)


def test_wrong_count_is_told(written, tmp_path):
    dataset, found = written
    copy = tmp_path / "copy"
    shutil.copytree(found.folder, copy)
    content = json.loads((copy / "shards.json").read_text())
    content["retain"][0] += 1
    (copy / "shards.json").write_text(json.dumps(content))
    with pytest.raises(DatasetError, match="Expected 102 retain pairs .* got 103"):
        shards.read_shards(copy, dataset)


def test_dataset_without_retain_is_refused(tiny_folder, tmp_path):
    folder = tmp_path / "dataset"
    shutil.copytree(tiny_folder, folder, ignore=shutil.ignore_patterns("shards", "*.tmp"))
    (folder / "data" / layout.shard_name("retain_real", 0, 1)).unlink()
    layout.write_shard(folder, "retain_synth", 0, 1, iter(()))
    with pytest.raises(DatasetError, match="nothing to train"):
        shards.write_shards(open_dataset(folder), tmp_path / "shards")
    assert not list(tmp_path.glob("shards*"))


@pytest.mark.parametrize(
    "change",
    [
        {"retain": "12"}, {"retain": [True]}, {"retain": ["3"]}, {"retain": [-1]}, {"sensitive": 5}, {"files": []},
        {"files": {"retain-00000.tar": 5}}, {"dataset": None}, {"seed": "x"}, {"retain": None}, {"holdouts": {}},
    ],
)  # fmt: skip
def test_a_description_of_wrong_types(written, change, tmp_path):
    dataset, found = written
    folder = shutil.copytree(found.folder, tmp_path / "shards")
    content = json.loads((folder / shards.DESCRIPTION).read_text())
    (folder / shards.DESCRIPTION).write_text(json.dumps(content | change))
    with pytest.raises(DatasetError, match=r"Expected .*shards\.json"):
        shards.read_shards(folder, dataset)
