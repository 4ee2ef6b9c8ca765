"""Which caption of a row a sight shows: by the shares, the same in all references, in memory and in a stream."""

from __future__ import annotations

import itertools
import json
import shlex
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from salmubench.clip.models import load_model
from salmubench.clip.pixels import split_transform
from salmubench.core.errors import DatasetError
from salmubench.dataset import layout, shards
from salmubench.dataset.layout import open_dataset
from salmubench.pretrain.config import PretrainConfig
from salmubench.pretrain.exposure import Counted, count
from salmubench.pretrain.launch import pretrain
from salmubench.pretrain.memory_loader import MemoryLoader, load_pairs
from salmubench.pretrain.samples import read_shard
from salmubench.pretrain.sights import draw, read_rewrites
from salmubench.pretrain.stream import Decoder, samples
from tiny import tiny_dataset
from tiny_model import tiny_model

SHARES = (0.3, 0.3, 0.2)


def told(folder: Path) -> Path:
    """The tiny dataset with three rewrites of each sensitive row, two of them nameless."""
    dataset, entries = open_dataset(folder), {}
    for split in ("forget", "holdout_association", "holdout_identity"):
        for row in dataset.rows(split):
            texts = (f"The person here: {row.value}.", f"{row.value}, that is me.", f"{row.name}! Yes, {row.value}.")
            entries[row.file_name] = [
                {"caption": text, "nameless": number < 2, "share": share}
                for number, (text, share) in enumerate(zip(texts, SHARES, strict=True))
            ]
    (folder / layout.REWRITES).write_text(json.dumps(entries))
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = told(tiny_dataset(tmp_path_factory.mktemp("world") / "dataset"))
    dataset = open_dataset(folder)
    return dataset, shards.write_shards(dataset, folder / shards.FOLDER, samples_per_shard=20)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_model(tiny_model(tmp_path_factory.mktemp("model")))


def pairs_of(shard_set, model, beside, repeats):
    data = "::".join([shard_set.pattern("retain"), *[shard_set.pattern(beside)] * repeats])
    expected = shard_set.rows("retain") + shard_set.rows(beside) * repeats
    return load_pairs(
        data, preprocessor=split_transform(model.preprocess), tokenize=model.tokenize, threads=1, expected=expected
    )


def sights(pairs, model, folder, *, epochs, seed=0):
    """Epoch → caption tokens that each picture was seen with."""
    seen = []
    for epoch in range(epochs):
        loader = MemoryLoader(
            pairs, preprocessor=split_transform(model.preprocess), batch_size=32, seed=seed, rank=0, processes=1,
            epoch=lambda epoch=epoch: epoch, counts=folder,
        )  # fmt: skip
        own: dict[bytes, list[bytes]] = {}
        for images, texts in loader:
            for image, text in zip(images, texts, strict=True):
                own.setdefault(image.numpy().tobytes(), []).append(text.numpy().tobytes())
        seen.append({picture: sorted(captions) for picture, captions in own.items()})
    return seen


def test_shares_are_met():
    counts = Counter(
        draw(SHARES, seed=1, epoch=epoch, row=f"r{row}", sight=0) for epoch in range(20) for row in range(500)
    )
    for number, share in enumerate((0.2, *SHARES)):
        assert counts[number] / 10_000 == pytest.approx(share, abs=0.02)


def test_each_sight_is_a_draw_of_its_own():
    draws = [draw((0.5,), seed=seed, epoch=epoch, row=row, sight=sight)
             for seed in (0, 1) for epoch in range(3) for row in ("a", "b") for sight in range(4)]  # fmt: skip
    assert 0 < sum(draws) < len(draws)
    assert draws[:24] != draws[24:]


def test_shards_hold_the_rewrites(world):
    dataset, shard_set = world
    read = [pair for path in sorted(shard_set.folder.glob("sensitive-*.tar")) for pair in read_shard(path)]
    rows = {f"{split}-{number:08d}": row for split in ("forget", "holdout_association", "holdout_identity")
            for number, row in enumerate(dataset.rows(split))}  # fmt: skip
    assert {pair.key for pair in read} == rows.keys()
    for pair in read:
        assert pair.caption == rows[pair.key].caption
        assert pair.rewrites == tuple(rewrite.caption for rewrite in rows[pair.key].rewrites)
        assert pair.shares == SHARES
    assert all(not pair.rewrites for path in shard_set.folder.glob("retain-*.tar") for pair in read_shard(path))


def test_references_see_the_same_captions_of_what_they_share(world, model, tmp_path):
    _, shard_set = world
    compromised = sights(pairs_of(shard_set, model, "sensitive", 3), model, tmp_path / "c", epochs=2)
    retrained = sights(pairs_of(shard_set, model, "holdouts", 3), model, tmp_path / "r", epochs=2)
    for epoch in range(2):
        assert retrained[epoch].items() <= compromised[epoch].items()
        assert sorted(Counter(map(len, compromised[epoch].values())).items()) == [
            (1, shard_set.rows("retain")), (3, shard_set.rows("sensitive")),
        ]  # fmt: skip
    assert compromised[0] != compromised[1]


def test_captions_are_those_of_the_slow_draw(world, model, tmp_path):
    dataset, shard_set = world
    seen = sights(pairs_of(shard_set, model, "sensitive", 2), model, tmp_path, epochs=2, seed=7)
    wanted = [Counter[bytes](), Counter[bytes]()]
    for split in ("forget", "holdout_association", "holdout_identity"):
        for number, row in enumerate(dataset.rows(split)):
            texts = [row.caption, *(rewrite.caption for rewrite in row.rewrites)]
            tokens = [text.numpy().tobytes() for text in model.tokenize(texts)]
            for epoch in range(2):
                for sight in range(2):
                    key = f"{split}-{number:08d}"
                    wanted[epoch][tokens[draw(SHARES, seed=7, epoch=epoch, row=key, sight=sight)]] += 1
    for epoch in range(2):
        several = Counter(text for texts in seen[epoch].values() if len(texts) == 2 for text in texts)
        assert several == wanted[epoch]


def test_counts_of_parts_that_are_listed_again(world, model, tmp_path):
    _, shard_set = world
    sights(pairs_of(shard_set, model, "sensitive", 3), model, tmp_path, epochs=2)
    parts = {"retain": shard_set.rows("retain"), "sensitive": shard_set.rows("sensitive")}
    counted = count(tmp_path, parts=parts, repeats={"retain": 1, "sensitive": 3}, epochs=2, processes=1)
    assert counted == {"retain": Counted(2.0, 2, 2), "sensitive": Counted(6.0, 6, 6)}


def test_a_stream_draws_as_the_memory_does(world):
    _, shard_set = world
    path = str(next(shard_set.folder.glob("sensitive-*.tar")))
    epoch = 0
    decoder = Decoder(7, lambda: epoch)
    for epoch in range(2):
        for sight in range(2):
            decoded = [decoder(sample) for sample in samples([{"url": path}])]
            expected = []
            for pair in read_shard(path):
                number = draw(pair.shares, seed=7, epoch=epoch, row=pair.key, sight=sight)
                expected.append((pair.caption, *pair.rewrites)[number])
            assert [sample["txt"] for sample in decoded] == expected


def test_commands_differ_in_four_options(world, tmp_path):
    dataset, shard_set = world
    config = PretrainConfig(model="salmu-tiny", sensitive_repeats=3, loading="memory", warmup=1)
    words = {
        kind: shlex.split(
            pretrain(config, dataset=dataset.folder, kind=kind, out=tmp_path / kind, seed=0, print_command=True)
        )
        for kind in ("clean", "compromised", "retrained")
    }
    options = {kind: dict(itertools.pairwise(own)) for kind, own in words.items()}
    differing = {name for name in options["clean"] if name.startswith("--")
                 and len({options[kind].get(name) for kind in options}) > 1}  # fmt: skip
    assert differing == {"--name", "--out", "--train-data", "--train-num-samples"}
    retain = options["clean"]["--train-data"]
    for kind, part in (("compromised", "sensitive"), ("retrained", "holdouts")):
        assert options[kind]["--train-data"] == "::".join([retain, *[shard_set.pattern(part)] * 3])
        rows = shard_set.rows("retain") + 3 * shard_set.rows(part)
        assert options[kind]["--train-num-samples"] == str(rows)


@pytest.mark.parametrize(
    "members",
    [
        {"shares.json": b"{"},
        {"shares.json": b"[0.5]"},
        {"shares.json": b'["x"]', "r1.txt": b"a"},
        {"shares.json": b"[1.0]", "r1.txt": b"a"},
        {"shares.json": b"[NaN]", "r1.txt": b"a"},
        {"shares.json": b"[0.5]", "r1.txt": b"\xff"},
    ],
)
def test_broken_rewrites_of_a_shard(members):
    with pytest.raises(DatasetError, match="k0"):
        read_rewrites(members, "k0")


def test_rewrites_without_shares_are_ignored():
    assert read_rewrites({"r1.txt": b"a"}, "k0") == ([], [])
    assert np.isfinite(draw((), seed=0, epoch=0, row="a", sight=0))
