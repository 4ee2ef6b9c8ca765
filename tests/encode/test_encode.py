"""`encode`: equal to a bare forward pass, whatever the batches; resumable; never half-written."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from salmubench.clip import models
from salmubench.clip.embeddings import Embeddings, open_embeddings
from salmubench.clip.models import ClipModel, load_model, save_model
from salmubench.clip.pixels import split_transform
from salmubench.core import manifest
from salmubench.core.errors import ConfigError, DatasetError, EmbeddingsError, ModelError, OutputLocked, OutputMismatch
from salmubench.dataset import layout
from salmubench.encode import EncodeConfig, encode
from salmubench.encode.pictures import PixelCache
from salmubench.encode.store import ChunkStore
from salmubench.encode.texts import encode_texts, tokenize
from salmubench.metrics import required_texts, score
from salmubench.scoring.record_files import read_record
from tiny import tiny_dataset
from tiny_model import TINY_CONFIG, tiny_model

pytestmark = pytest.mark.stage

module = sys.modules["salmubench.encode.encode"]


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "clean")


@pytest.fixture(scope="module")
def model(model_folder: Path) -> ClipModel:
    return load_model(model_folder)


@pytest.fixture(scope="module")
def found(model_folder: Path, tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Embeddings:
    out = tmp_path_factory.mktemp("embeddings") / "clean"
    texts = required_texts(layout.open_dataset(tiny_folder))
    return open_embeddings(encode(model=model_folder, dataset=tiny_folder, out=out, texts=texts, precision="fp32"))


@pytest.fixture(autouse=True)
def fresh_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PIXELS", PixelCache())


def bare_image(model: ClipModel, data: bytes) -> np.ndarray:
    with torch.inference_mode(), Image.open(io.BytesIO(data)) as picture:
        return model.encode_image(model.preprocess(picture)[None])[0].numpy()


def bare_text(model: ClipModel, text: str) -> np.ndarray:
    with torch.inference_mode():
        return model.encode_text(model.tokenize([text]))[0].numpy()


def test_every_row_is_a_bare_forward_pass(found: Embeddings, model: ClipModel, tiny_folder: Path) -> None:
    dataset = layout.open_dataset(tiny_folder)
    index = found.index.to_pylist()
    assert {row["split"] for row in index} == {
        "forget", "forget_target", "retain_synth", "holdout_identity", "holdout_association", "general_knowledge",
    }  # fmt: skip
    for split in dataset.counts:
        if split == "retain_real":
            continue
        rows = [row for row in index if row["split"] == split]
        assert len(rows) == dataset.counts[split]
        for row, pair, data in list(zip(rows, dataset.rows(split), dataset.images(split), strict=True))[::5]:
            assert (row["file_name"], row["caption"], row["identity_id"]) == (
                pair.file_name, pair.caption, pair.identity,
            )  # fmt: skip
            assert (row["name"], row["field"], row["value"]) == (pair.name, pair.field, pair.value)
            assert (row["paraphrase"], row["style"]) == (pair.paraphrase, pair.style)
            assert found.images[row["image_row"]] == pytest.approx(bare_image(model, data), abs=1e-5)
            assert found.texts[row["text_row"]] == pytest.approx(bare_text(model, pair.caption), abs=1e-5)
    assert np.linalg.norm(found.images, axis=1) == pytest.approx(1, abs=1e-6)


def test_required_texts_are_there_once(found: Embeddings, model: ClipModel, tiny_folder: Path) -> None:
    texts = required_texts(layout.open_dataset(tiny_folder))
    assert len(texts) == len(set(texts)) > 40
    for text in texts[::9]:
        assert found.texts[found.text_rows[text]] == pytest.approx(bare_text(model, text), abs=1e-5)
    assert sorted(found.text_rows.values()) == list(range(len(found.texts)))


def test_shared_pictures_are_encoded_once(found: Embeddings) -> None:
    rows: dict[str, dict[str, int]] = {"forget": {}, "forget_target": {}}
    for row in found.index.to_pylist():
        if row["split"] in rows:
            rows[row["split"]][row["file_name"]] = row["image_row"]
    assert rows["forget"] == rows["forget_target"]
    counts = found.dataset.counts
    assert len(found.images) == sum(counts.values()) - counts["forget_target"]


@pytest.mark.parametrize(
    "config",
    [
        EncodeConfig(batch_size=7, text_batch_size=5, workers=1),
        EncodeConfig(batch_size=1000, text_batch_size=1000, workers=3, trim_texts=False),
    ],
)
def test_batches_workers_and_padding_do_not_matter(
    found: Embeddings, model_folder: Path, tiny_folder: Path, tmp_path: Path, config: EncodeConfig
) -> None:
    texts = required_texts(layout.open_dataset(tiny_folder))
    out = encode(
        model=model_folder, dataset=tiny_folder, out=tmp_path / "e", texts=texts, config=config, precision="fp32"
    )
    other = open_embeddings(out)
    assert np.abs(other.images - found.images).max() < 1e-5
    assert np.abs(other.texts - found.texts).max() < 1e-5


def test_bf16_stays_near_fp32(found: Embeddings, model_folder: Path, tiny_folder: Path, tmp_path: Path) -> None:
    """A tolerance that is stated: cosines between the precisions stay above 0.999."""
    texts = required_texts(layout.open_dataset(tiny_folder))
    out = encode(model=model_folder, dataset=tiny_folder, out=tmp_path / "e", texts=texts, precision="bf16")
    other = open_embeddings(out)
    assert other.manifest["outputs"]["encoding"]["precision"] == "bf16"
    assert (other.images * found.images).sum(axis=1).min() > 0.999
    assert (other.texts * found.texts).sum(axis=1).min() > 0.999
    assert np.linalg.norm(other.texts, axis=1) == pytest.approx(1, abs=1e-6)


def test_convolutional_towers(tiny_folder: Path, tmp_path: Path) -> None:
    import open_clip

    config = {
        **TINY_CONFIG,
        "model_cfg": {
            **TINY_CONFIG["model_cfg"],
            "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "head_width": 16},
        },
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        save_model(tmp_path / "m", state=open_clip.CLIP(**config["model_cfg"]).state_dict(), config=config)
    model, dataset = load_model(tmp_path / "m"), layout.open_dataset(tiny_folder)
    made = open_embeddings(encode(model=tmp_path / "m", dataset=dataset, out=tmp_path / "e", precision="fp32"))
    for row, data in zip(made.index.to_pylist()[:10], dataset.images("forget", 0, 10), strict=True):
        assert made.images[row["image_row"]] == pytest.approx(bare_image(model, data), abs=1e-5)


def picture(size: tuple[int, int], mode: str = "RGB") -> bytes:
    rng = np.random.default_rng(size[0])
    stream = io.BytesIO()
    array = rng.integers(0, 255, (size[1], size[0], 3), np.uint8)
    Image.fromarray(array).convert(mode).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("size", [(32, 32), (33, 32), (32, 47), (57, 32), (64, 64), (31, 90), (100, 33)])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA"])
def test_pixels_are_those_of_the_models_own_preprocessing(model: ClipModel, size: tuple[int, int], mode: str) -> None:
    data, preprocessor = picture(size, mode), split_transform(model.preprocess)
    with Image.open(io.BytesIO(data)) as shown:
        expected = model.preprocess(shown)
    assert torch.equal(preprocessor.to_batch([preprocessor.to_pixels(data)], "cpu")[0], expected)


def test_an_unexpected_transform_is_used_as_it_is() -> None:
    def odd(shown: Image.Image) -> torch.Tensor:
        return torch.full((3, 2, 2), float(shown.size[0]))

    preprocessor = split_transform(odd)
    pixels = preprocessor.to_pixels(picture((5, 4)))
    assert torch.equal(preprocessor.to_batch([pixels], "cpu"), torch.full((1, 3, 2, 2), 5.0))


def test_texts_that_the_model_cannot_tell_apart_are_bit_equal(
    model_folder: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    long = "word " * 70
    texts = [f"{long}{number}" for number in range(3)] + ["Case", "case"]
    out = encode(model=model_folder, dataset=tiny_folder, out=tmp_path / "e", texts=texts, precision="fp32")
    made = open_embeddings(out)
    rows = made.rows_of(texts)
    assert len(set(rows.tolist())) == 5
    assert np.array_equal(made.texts[rows[0]], made.texts[rows[1]])
    assert np.array_equal(made.texts[rows[3]], made.texts[rows[4]])


def test_cut_captions_are_cut_as_open_clip_does(model: ClipModel) -> None:
    texts = ["short", "word " * 100, "word " * 61, "word " * 62, "word " * 63, ""]
    tokens = tokenize(model, texts)
    assert np.array_equal(tokens.ids, model.tokenize(texts).numpy())
    assert tokens.cut.tolist() == [False, True, False, False, True, False]


def test_trimming_is_refused_where_padding_matters(model: ClipModel) -> None:
    ids = tokenize(model, ["one", "a few words more than one"]).ids
    with torch.inference_mode():
        full = encode_texts(model, ids, batch_size=8, trim=False)
        assert np.abs(encode_texts(model, ids, batch_size=8, trim=True) - full).max() < 1e-6
        text = model.module
        mask = text.attn_mask
        try:
            text.attn_mask = torch.zeros_like(mask)  # every token sees the padding
            seen = encode_texts(model, ids, batch_size=8, trim=False)
            assert np.abs(seen - full).max() > 1e-4
            assert np.array_equal(encode_texts(model, ids, batch_size=8, trim=True), seen)
        finally:
            text.attn_mask = mask


def test_manifest_says_what_was_done(found: Embeddings, model: ClipModel, tiny_folder: Path) -> None:
    outputs = found.manifest["outputs"]
    assert outputs["model"]["sha256"] == model.sha256
    assert outputs["model"]["name"] == "clean"
    assert outputs["dataset"]["fingerprint"] == layout.open_dataset(tiny_folder).fingerprint
    assert outputs["encoding"]["preprocessing"] == TINY_CONFIG["preprocess_cfg"]
    assert set(outputs["cut_captions"].values()) == {0}
    assert found.dataset.forget_identity == layout.open_dataset(tiny_folder).forget_identity_ids()


def test_what_the_checkpoint_says_reaches_the_record(tiny_folder: Path, tmp_path: Path) -> None:
    dataset = layout.open_dataset(tiny_folder)
    texts = required_texts(dataset)
    folders = {}
    for seed, name in enumerate(("clean", "compromised", "graph-5x")):
        checkpoint = tiny_model(tmp_path / "checkpoints" / name, seed=seed)
        unlearnt = name == "graph-5x"
        with manifest.stage_folder(
            checkpoint, "unlearn" if unlearnt else "pretrain", config={"lr": 0.1}, given={"lr": "1e-1"},
            also=[path.name for path in checkpoint.iterdir()],
        ) as stage:  # fmt: skip
            outputs = {"method": "graph", "budget": 5} if unlearnt else {"kind": name}
            stage.finish(outputs=outputs, cost={"steps": 3, "pairs": 12, "seconds": 1.5, "peak_memory": 10**9})
        folders[name] = encode(model=checkpoint, dataset=dataset, out=tmp_path / "embeddings" / name, texts=texts)
    record = read_record(
        score(
            embeddings=folders["graph-5x"], clean=folders["clean"], compromised=folders["compromised"],
            out=tmp_path / "graph-5x.json",
        )
    )  # fmt: skip
    assert (record.model.name, record.model.method, record.model.budget) == ("graph-5x", "graph", 5)
    assert (record.model.config, record.model.config_given) == ({"lr": 0.1}, {"lr": "1e-1"})
    assert (record.cost.steps, record.cost.pairs, record.cost.seconds) == (3, 12, 1.5)
    assert all(any(one.value is not None for one in scores.values()) for scores in record.scores.values())


def test_a_finished_folder_is_left_alone(
    found: Embeddings, model_folder: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("salmubench.clip.models.load_model", lambda *_, **__: pytest.fail("loaded again"))
    texts = required_texts(layout.open_dataset(tiny_folder))
    assert encode(model=model_folder, dataset=tiny_folder, out=found.folder, texts=texts, precision="fp32")
    with pytest.raises(OutputMismatch, match=r"inputs\.texts"):
        encode(model=model_folder, dataset=tiny_folder, out=found.folder, texts=["another"], precision="fp32")


def test_a_stopped_run_goes_on_after_its_last_chunk(
    found: Embeddings, model_folder: Path, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("salmubench.encode.store.CHUNK", 32)
    texts = required_texts(layout.open_dataset(tiny_folder))
    decoded: list[int] = []
    real = module.decoded

    def stop_after(limit: int) -> Callable[..., Iterator[Any]]:
        def limited(*args: Any, **options: Any) -> Iterator[Any]:
            for pixels in real(*args, **options):
                if sum(decoded) >= limit:
                    raise KeyboardInterrupt
                decoded.append(len(pixels))
                yield pixels

        return limited

    def go() -> Path:
        return encode(model=model_folder, dataset=tiny_folder, out=tmp_path / "e", texts=texts, precision="fp32")

    monkeypatch.setattr(module, "decoded", stop_after(64))
    with pytest.raises(KeyboardInterrupt):
        go()
    assert len(list((tmp_path / "e" / ".chunks").iterdir())) == 2
    assert not (tmp_path / "e" / "manifest.json").exists()
    assert not list((tmp_path / "e").rglob("*.tmp"))
    monkeypatch.setattr(module, "_PIXELS", PixelCache())
    decoded.clear()
    monkeypatch.setattr(module, "decoded", stop_after(10**9))
    made = open_embeddings(go())
    assert sum(decoded) == len(found.images) - 64
    assert np.abs(made.images - found.images).max() < 1e-5
    assert np.abs(made.texts - found.texts).max() < 1e-5
    assert not (tmp_path / "e" / ".chunks").exists()


def test_texts_in_another_order_keep_their_vectors(
    model_folder: Path, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after the chunks, and after they were joined, then called with the same texts in another order."""
    texts = ["a first text", "a second one", "and a third"]

    def go(name: str, order: list[str]) -> Embeddings:
        out = tmp_path / name
        return open_embeddings(encode(model=model_folder, dataset=tiny_folder, out=out, texts=order, precision="fp32"))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    whole = go("whole", texts)
    for name, place, what in (("chunks", module._Work, "join"), ("joined", module, "_write_tables")):
        with monkeypatch.context() as patched:
            patched.setattr(place, what, stop)
            with pytest.raises(KeyboardInterrupt):
                go(name, texts)
        made = go(name, texts[::-1])
        for text in texts:
            (ours,), (expected,) = made.rows_of([text]), whole.rows_of([text])
            assert np.abs(made.texts[ours] - whole.texts[expected]).max() < 1e-5, (name, text)


def test_no_chunk_of_a_model_that_changed_meanwhile(tiny_folder: Path, tmp_path: Path) -> None:
    folder, other, out = tiny_model(tmp_path / "model"), tiny_model(tmp_path / "other", 5), tmp_path / "e"
    hashed = models.checkpoint_sha256

    def changed(*args: Any, **options: Any) -> str:
        before = hashed(*args, **options)
        shutil.copytree(other, folder, dirs_exist_ok=True)
        return before

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(models, "checkpoint_sha256", changed)
        with pytest.raises(ModelError, match="to stay as it is"):
            encode(model=folder, dataset=tiny_folder, out=out, texts=["more"], precision="fp32")
    assert not out.exists()
    made = open_embeddings(encode(model=folder, dataset=tiny_folder, out=out, texts=["more"], precision="fp32"))
    assert made.manifest["inputs"]["checkpoint"] == hashed(folder)


@pytest.mark.night
def test_killed_and_started_again(model_folder: Path, tmp_path: Path) -> None:
    """A real SIGKILL at some moment: the folder then holds whole files or none, and the next run finishes it."""
    dataset = tiny_dataset(tmp_path / "dataset", identities=40)
    code = (
        "from pathlib import Path; from salmubench.encode import encode, store; store.CHUNK = 16\n"
        f"model, dataset, out = {str(model_folder)!r}, {str(dataset)!r}, Path({str(tmp_path / 'e')!r})\n"
        "encode(model=model, dataset=dataset, out=out, precision='fp32')"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, start_new_session=True)
    chunks, deadline = tmp_path / "e" / ".chunks", time.monotonic() + 60
    while (
        not (chunks.is_dir() and any(chunks.glob("*.npy"))) and process.poll() is None and time.monotonic() < deadline
    ):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    for path in (tmp_path / "e").rglob("*.npy"):
        if not path.name.endswith(".tmp"):
            assert np.isfinite(np.load(path)).all()
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    made = open_embeddings(tmp_path / "e")
    whole = open_embeddings(encode(model=model_folder, dataset=dataset, out=tmp_path / "whole", precision="fp32"))
    assert np.abs(made.images - whole.images).max() < 1e-5
    assert not list((tmp_path / "e").rglob("*.tmp"))


def test_two_processes_do_not_share_a_folder(model_folder: Path, tiny_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "e").mkdir()
    with manifest.folder_lock(tmp_path / "e"), pytest.raises(OutputLocked):
        encode(model=model_folder, dataset=tiny_folder, out=tmp_path / "e")


def test_decoded_pictures_are_kept_for_the_next_model(
    model_folder: Path, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: Embeddings
) -> None:
    texts = required_texts(layout.open_dataset(tiny_folder))
    other = tiny_model(tmp_path / "other", seed=1)
    first = encode(model=other, dataset=tiny_folder, out=tmp_path / "1", texts=texts, precision="fp32")
    monkeypatch.setattr(module, "read_pictures", lambda *_, **__: pytest.fail("read again"))
    second = encode(model=model_folder, dataset=tiny_folder, out=tmp_path / "2", texts=texts, precision="fp32")
    assert np.abs(open_embeddings(second).images - found.images).max() < 1e-5
    assert np.abs(open_embeddings(first).images - found.images).max() > 0.1
    assert len(module._PIXELS._held) == len(found.images)


def test_the_cache_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("salmubench.encode.pictures._CACHE_BYTES", 100)
    cache = PixelCache()
    cache.open("a")
    cache.put(0, [np.zeros((4, 4, 3), np.uint8)] * 3)
    assert cache.get(0, 2) is not None
    assert cache.get(0, 3) is None
    cache.open("b")
    assert cache.get(0, 2) is None


def test_a_picture_that_cannot_be_decoded_is_named(model_folder: Path, tiny_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "broken")
    dataset = layout.open_dataset(tiny_folder)
    pairs = list(zip(dataset.rows("holdout_identity"), dataset.images("holdout_identity"), strict=True))
    rows = [
        layout.Row(b"not a picture" if number == 4 else data, pair.caption, pair.identity, pair.file_name)
        for number, (pair, data) in enumerate(pairs)
    ]
    layout.write_shard(folder, "holdout_identity", 0, 1, iter(rows))
    with pytest.raises(DatasetError, match=rf"split holdout_identity, row 4 \({pairs[4][0].file_name}\)"):
        encode(model=model_folder, dataset=folder, out=tmp_path / "e")
    assert not (tmp_path / "e" / "manifest.json").exists()


def test_a_diverged_model_is_refused(tiny_folder: Path, tmp_path: Path, model: ClipModel) -> None:
    state = {name: tensor.clone() for name, tensor in model.module.state_dict().items()}
    state["visual.proj"] = torch.full_like(state["visual.proj"], 3e38)  # finite weights, infinite products
    save_model(tmp_path / "m", state=state, config=TINY_CONFIG)
    with pytest.raises(EmbeddingsError, match="diverged"):
        encode(model=tmp_path / "m", dataset=tiny_folder, out=tmp_path / "e", precision="fp32")


NO_JOINT = "no portraits that were only trained with what is visible (retain_joint) of these people"


def test_empty_splits_and_no_extras(model_folder: Path, tmp_path: Path, tiny_folder: Path) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "d")
    for split in ("holdout_association", "retain_synth"):
        layout.write_shard(folder, split, 0, 1, iter(()))
    (folder / "data" / "general_knowledge-00000-of-00001.parquet").unlink()
    (folder / "general_knowledge.json").unlink()
    dataset = layout.open_dataset(folder)
    texts = required_texts(dataset)
    made = encode(model=model_folder, dataset=dataset, out=tmp_path / "e", texts=texts)
    record = read_record(score(embeddings=made, clean=made, compromised=made, out=tmp_path / "r.json"))
    reasons = {
        name: one.reason for name, scores in record.scores.items() for one in scores.values() if one.value is None
    }
    by_people = {name: reasons.pop(name) for name in ("RetFail", "RetFailPara", "AssocStr")}
    assert set(by_people.values()) == {"no items of association"}
    assert reasons == {
        "GenKnow": "the dataset has no general_knowledge",
        "IntraIdSim": "no rows in holdout_association",
        "FactHold": "no items of association",
        "FactRet": "no items of association",
        "FactRetPara": "no items of association",
        **dict.fromkeys(("FactHoldOther", "FactRetOther", "FactRetNameless"), NO_JOINT),
        "VisIdInt": "no rows in retain_joint",
        "FragSim": "no rows in retain_disjoint",
    }
    assert record.dataset.counts["retain_synth"] == 0


def test_same_bytes_from_the_same_call(model_folder: Path, tiny_folder: Path, tmp_path: Path) -> None:
    made = [
        encode(model=model_folder, dataset=tiny_folder, out=tmp_path / name, texts=["x"], precision="fp32")
        for name in ("a", "b")
    ]
    for name in ("images.npy", "texts.npy", "index.parquet", "texts.parquet", "dataset.json"):
        assert (made[0] / name).read_bytes() == (made[1] / name).read_bytes(), name


def test_arrays_can_be_mapped(found: Embeddings) -> None:
    assert isinstance(found.images, np.memmap)
    assert found.images.dtype == np.float32
    assert pq.read_schema(found.folder / "index.parquet").names[:3] == ["split", "file_name", "caption"]
    assert json.loads((found.folder / "dataset.json").read_text())["general_knowledge"]["classes"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"splits": ("forgot",)}, "encode.splits"),
        ({"batch_size": 0}, "encode.batch_size"),
        ({"workers": -1}, "workers"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EncodeConfig(**options)


def test_what_is_being_written_ends_in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a file that a killed run left would be taken for a whole one, and never deleted."""
    seen: list[str] = []

    def watched(work: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            done = work(*args, **kwargs)
            names = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
            seen.append(" ".join(re.sub(r"salmubench-[0-9a-f]{16}", "ours", name) for name in names))
            return done

        return call

    monkeypatch.setattr(Path, "write_bytes", watched(Path.write_bytes))
    monkeypatch.setattr(np.lib.format, "open_memmap", watched(np.lib.format.open_memmap))
    store = ChunkStore(tmp_path, "images", 3)
    (span,) = store.missing()
    store.write(span, np.ones((3, 2), np.float32))
    store.join(2)
    ChunkStore(tmp_path, "texts", 0).join(2)
    assert seen == [
        "images-00000.npy.ours.tmp",
        "images-00000.npy images.npy.ours.tmp",
        "images-00000.npy images.npy texts.npy.ours.tmp",
    ]
    assert np.array_equal(np.load(tmp_path / "images.npy"), np.ones((3, 2)))
    assert np.load(tmp_path / "texts.npy").shape == (0, 2)


def test_embeddings_of_another_configuration_are_not_taken(
    model_folder: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "model")
    encode(model=folder, dataset=tiny_folder, out=tmp_path / "e", precision="fp32")
    outputs = manifest.read_manifest(tmp_path / "e", "encode")["outputs"]
    assert str(tmp_path) not in json.dumps(outputs)
    content = json.loads((folder / "open_clip_config.json").read_text())
    content["preprocess_cfg"]["std"] = [0.5, 0.5, 0.5]
    (folder / "open_clip_config.json").write_text(json.dumps(content))
    with pytest.raises(OutputMismatch, match=r"inputs\.checkpoint"):
        encode(model=folder, dataset=tiny_folder, out=tmp_path / "e", precision="fp32")
