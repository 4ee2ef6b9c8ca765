"""Shards of others: what lies in them beside pictures and captions is not decoded when they are streamed."""

from __future__ import annotations

import gzip
import inspect
import io
import os
import pickle
import re
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from webdataset import autodecode, filters

from salmubench.pretrain import open_clip_worker as worker
from salmubench.pretrain.samples import IMAGES
from salmubench.pretrain.stream import decode_pair, decode_pairs_only, samples

pytestmark = [pytest.mark.stage, pytest.mark.filterwarnings("ignore")]


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.target),)


def known_extensions() -> list[str]:
    """Every extension that the installed webdataset decodes by itself or by a handler it brings."""
    others = {
        word
        for handler in (autodecode.torch_video, autodecode.torch_audio)
        for text in re.findall(r'"([a-z0-9 ]+)"', inspect.getsource(handler).partition("not in")[2].partition(":")[0])
        for word in text.split()
    }
    assert {"mp4", "flac"} <= others
    assert {"pyd", "pickle", "pth", "npy", "npz", "cbor", "mp"} <= set(autodecode.decoders)
    return sorted({*autodecode.decoders, *autodecode.IMAGE_EXTENSIONS, *others} - {*IMAGES, "txt", "json"})


def names() -> list[str]:
    known = known_extensions()
    spelled = [form for name in known for form in (name, name.upper(), f"{name}.gz", f"jpg.{name}", f"{name}.gz.gz")]
    return [
        *spelled,
        "txt.gz",
        "json.gz",
        "jpg.gz",
        "pyd.jpg",
        "pyd.txt",
        "pyd.json",
        "unknown",
        "__init__.pyd",
        "json",
    ]


def payload(name: str, target: Path) -> bytes:
    """What makes the folder `target` if it is decoded as its extension says."""
    kind, stream = name.lower().partition(".gz")[0].rpartition(".")[2], io.BytesIO()
    objects = np.array([Evil(target)], dtype=object)
    if kind == "npy":
        np.save(stream, objects, allow_pickle=True)
    elif kind == "npz":
        np.savez(stream, objects)
    elif kind == "pth":
        torch.save(Evil(target), stream)
    else:
        stream.write(pickle.dumps(Evil(target)))
    data = b"[" * 200_000 if name == "json" else stream.getvalue()
    for _ in range(name.lower().count(".gz")):
        data = gzip.compress(data)
    return data


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A shard whose pairs each have one more member, and the folder in which its code would make folders."""
    root = tmp_path_factory.mktemp("shard")
    canaries = root / "canaries"
    canaries.mkdir()
    jpeg = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(jpeg, "JPEG")
    with tarfile.open(root / "00000.tar", "w") as tar:
        for index, name in enumerate(names()):
            evil = payload(name, canaries / f"{index}-{name}")
            for extension, data in (("jpg", jpeg.getvalue()), (name, evil), ("txt", str(index).encode())):
                member = tarfile.TarInfo(f"{index:05d}.{extension}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return SimpleNamespace(path=root / "00000.tar", canaries=canaries, pairs=len(names()))


def engine_args(shard: SimpleNamespace, **changes: Any) -> SimpleNamespace:
    given = {
        "train_data": str(shard.path), "train_num_samples": shard.pairs, "val_data": None, "imagenet_val": None,
        "imagenet_v2": None, "dataset_type": "webdataset", "dataset_resampled": False, "seed": 0, "batch_size": 1,
        "train_data_upsampling_factors": None, "world_size": 1, "workers": 0, "rank": 0, "val_num_samples": None,
    }  # fmt: skip
    return SimpleNamespace(**{**given, **changes})


def pixels(picture: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(picture))


def number(caption: str) -> torch.Tensor:
    return torch.tensor([[int(caption)]])


def loaders(shard: SimpleNamespace, **changes: Any) -> Any:
    """What the worker gives to the engine."""
    from open_clip_train.data import get_data

    options = worker.parse(["--out", "x", "--name", "clean", "--model", "salmu-tiny", "--loading", "stream"])
    args = engine_args(shard, **changes)
    return worker._data(get_data, options)(args, (pixels, pixels), epoch=0, tokenizer=number)


def unchanged(shard: SimpleNamespace) -> Any:
    from open_clip_train.data import get_data

    return get_data(engine_args(shard), (pixels, pixels), epoch=0, tokenizer=number)["train"].dataloader


@pytest.mark.parametrize("workers", [0, 1])
def test_no_member_but_pictures_and_captions_is_decoded(shard: SimpleNamespace, workers: int) -> None:
    batches = list(loaders(shard, workers=workers)["train"].dataloader)
    assert sorted(int(texts[0]) for _, texts in batches) == list(range(shard.pairs))  # every good pair arrives
    assert {tuple(images.shape) for images, _ in batches} == {(1, 8, 8, 3)}
    assert not list(shard.canaries.iterdir())


def test_nor_in_pairs_for_validation(shard: SimpleNamespace) -> None:
    batches = list(loaders(shard, val_data=str(shard.path))["val"].dataloader)
    assert sorted(int(texts[0]) for _, texts in batches) == list(range(shard.pairs))
    assert not list(shard.canaries.iterdir())


def test_none_of_webdatasets_decoders_is_reached(shard: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    for name in autodecode.decoders:
        monkeypatch.setitem(autodecode.decoders, name, lambda data, name=name: called.append(name))
    for name in ("gzfilter", "basichandlers", "torch_video", "torch_audio"):
        monkeypatch.setattr(autodecode, name, lambda *_, name=name: called.append(name))
    monkeypatch.setattr(autodecode.ImageHandler, "__call__", lambda *_: called.append("image"))
    monkeypatch.setattr(autodecode.Decoder, "__call__", lambda *_: called.append("decoder"))
    assert len(list(loaders(shard)["train"].dataloader)) == shard.pairs
    assert called == []


def test_the_canaries_sing_in_the_engines_own_pipeline(shard: SimpleNamespace) -> None:
    """The tests above can fail."""
    for _ in unchanged(shard):
        pass
    sung = {path.name.partition("-")[2] for path in shard.canaries.iterdir()}
    for path in shard.canaries.iterdir():
        path.rmdir()
    assert sung >= {"pyd", "PYD", "pickle", "PICKLE", "pyd.gz", "jpg.pyd"}


def test_the_same_pictures_and_captions_as_the_engine_decodes(shard: SimpleNamespace, tmp_path: Path) -> None:
    with tarfile.open(shard.path) as source, tarfile.open(tmp_path / "plain.tar", "w") as target:
        for member in source:
            if member.name.endswith((".jpg", ".txt")) and member.name.count(".") == 1:
                target.addfile(member, source.extractfile(member))
    plain = SimpleNamespace(path=tmp_path / "plain.tar", pairs=shard.pairs)
    ours, theirs = ({int(text[0]): image for image, text in found} for found in (
        loaders(plain)["train"].dataloader, unchanged(plain)
    ))  # fmt: skip
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_broken_pictures_and_captions_are_left_out(tmp_path: Path, shard: SimpleNamespace) -> None:
    with tarfile.open(shard.path) as source:
        jpeg = source.extractfile("00000.jpg").read()  # type: ignore[union-attr]
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n"
    pairs = [(jpeg, b"0"), (jpeg[:60], b"1"), (postscript, b"2"), (jpeg, b"\xff"), (jpeg, b"4")]
    with tarfile.open(tmp_path / "0.tar", "w") as tar:
        for index, pair in enumerate(pairs):
            for extension, data in zip(("jpg", "txt"), pair, strict=True):
                member = tarfile.TarInfo(f"{index}.{extension}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    found = loaders(SimpleNamespace(path=tmp_path / "0.tar", pairs=2))["train"].dataloader
    assert sorted(int(texts[0]) for _, texts in found) == [0, 4]


def _without(stages: list[Any]) -> None:
    del stages[[getattr(stage, "f", None) for stage in stages].index(filters._decode)]


def _twice(stages: list[Any]) -> None:
    stages.insert(-3, filters.decode())


def _earlier(stages: list[Any]) -> None:
    stages.insert(len(stages) - 6, filters.decode())


def _otherwise(stages: list[Any]) -> None:
    stages.append(filters.map(pixels))


@pytest.mark.parametrize("change", [_without, _twice, _earlier, _otherwise])
def test_another_pipeline_is_refused(shard: SimpleNamespace, change: Any) -> None:
    loader = unchanged(shard)
    change(loader.pipeline[0].dataset.pipeline)
    with pytest.raises(RuntimeError, match="another form"):
        decode_pairs_only(loader, decode_pair)


def test_a_loader_without_a_pipeline_is_refused() -> None:
    with pytest.raises(RuntimeError, match="another form"):
        decode_pairs_only(SimpleNamespace(dataset=[]), decode_pair)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_members_that_would_fill_the_memory_are_not_read(tmp_path: Path, shard: SimpleNamespace, pack: Any) -> None:
    """What the header of a member claims is looked at first; the engine would read it all."""
    with tarfile.open(shard.path) as source:
        jpeg = source.extractfile("00000.jpg").read()  # type: ignore[union-attr]
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for extension, data in (("jpg", jpeg), ("txt", b"0")):
            member = tarfile.TarInfo(f"0.{extension}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    large = tarfile.TarInfo("1.jpg")
    large.size = 2**33 - 1  # the most that a plain header can say
    for name, head in (("ustar", large.tobuf(tarfile.USTAR_FORMAT)), ("gnu", large.tobuf(tarfile.GNU_FORMAT))):
        body = stream.getvalue().rstrip(b"\0")
        body += bytes(-len(body) % 512) + head + bytes(2**22)
        (tmp_path / f"{name}.tar").write_bytes(pack(body))
        assert [sample["txt"] for sample in samples([{"url": str(tmp_path / f"{name}.tar")}])] == [b"0"]


def test_shards_of_a_program_are_streamed(tmp_path: Path, shard: SimpleNamespace) -> None:
    found = [sample["txt"] for sample in samples([{"url": f"pipe:cat {shard.path}"}])]
    assert found == [str(number).encode() for number in range(shard.pairs)]
