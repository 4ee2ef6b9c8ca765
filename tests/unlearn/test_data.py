"""What a method can see: never a holdout, always the right pixels, the reference once per pair."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from salmubench.clip import models
from salmubench.core.errors import DatasetError, MethodError
from salmubench.core.types import HOLDOUT_SPLITS
from salmubench.dataset import layout
from salmubench.dataset.layout import Dataset, Row, open_dataset
from salmubench.unlearn import data as reading
from salmubench.unlearn.data import Data, PairSource, decode, refuse_holdouts, select_rows
from salmubench.unlearn.interface import Model
from tiny import tiny_dataset
from tiny_model import tiny_model
from unlearn_runs import Runner, record


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> models.ClipModel:
    return models.load_model(tiny_model(tmp_path_factory.mktemp("model")))


def all_rows(dataset: Dataset, split: str) -> list[Row]:
    images = dataset.images(split)
    return [
        Row(image, pair.caption, pair.identity, pair.file_name)
        for image, pair in zip(images, dataset.rows(split), strict=True)
    ]


def rewrite(folder: Path, split: str, rows: list[Row]) -> None:
    layout.write_shard(folder, split, 0, 1, iter(rows))


def test_a_method_cannot_name_a_holdout() -> None:
    assert {field.name for field in dataclasses.fields(Data)} == {
        "forget", "forget_target", "retain", "training_pairs", "fresh",
    }  # fmt: skip
    assert not [name for name in ("rows", "images", "dataset", "folder") if hasattr(PairSource, name)]


@pytest.mark.parametrize("need", ["holdout_identity", "holdout_association", "sensitive"])
def test_needs_cannot_name_a_holdout(need: str, run: Runner, tmp_path: Path) -> None:
    path = tmp_path / "greedy.py"
    path.write_text(
        '"""Greedy."""\nfrom dataclasses import dataclass\n'
        f'NEEDS = ("forget", "{need}")\n@dataclass(frozen=True)\nclass Config:\n    """None."""\n'
        "def loss(batch, model, reference, config):\n    return 0, {}\n"
    )
    with pytest.raises(Exception, match=f"Unknown kind of pairs in NEEDS.*'{need}'"):
        run(str(path))


def test_no_row_of_a_holdout_is_read(run: Runner, tiny_folder: Path, tmp_path: Path) -> None:
    """Undecodable holdout pictures disturb nothing, because nobody looks at them."""
    folder = tmp_path / "dataset"
    shutil.copytree(tiny_folder, folder)
    dataset = open_dataset(folder)
    for split in HOLDOUT_SPLITS:
        rewrite(folder, split, [dataclasses.replace(row, image=b"no picture") for row in all_rows(dataset, split)])
    for method in ("cliperase", "generic_captions"):
        assert record(run(method, dataset=folder, budget=1, name=method))["cost"]["steps"] > 0


@pytest.mark.parametrize("holdout", [str(split) for split in HOLDOUT_SPLITS])
def test_overlap_is_refused(holdout: str, run: Runner, tmp_path: Path) -> None:
    """The released split `sensitive`, renamed to `forget`, is forget and holdouts together."""
    folder = tiny_dataset(tmp_path / "dataset")
    dataset = open_dataset(folder)
    refuse_holdouts(dataset)
    rewrite(folder, "forget", all_rows(dataset, "forget") + all_rows(dataset, holdout))
    with pytest.raises(DatasetError, match=f"row .* of forget .* in {holdout} too"):
        run("finetuning", dataset=folder)


def test_the_official_training_split_is_never_read(run: Runner, tiny_folder: Path, tmp_path: Path) -> None:
    """`sensitive` lies in the release beside the five splits and holds the holdouts: methods pass it by."""
    folder = tmp_path / "dataset"
    shutil.copytree(tiny_folder, folder)
    dataset = open_dataset(folder)
    rows = [row for split in ("forget", *HOLDOUT_SPLITS) for row in all_rows(dataset, split)]
    rewrite(folder, "sensitive", [dataclasses.replace(row, image=b"no picture") for row in rows])
    with_it, without = (
        run("cliperase", dataset=where, budget=1, name=name)
        for where, name in ((folder, "with"), (tiny_folder, "without"))
    )
    assert (with_it / models.WEIGHTS).read_bytes() == (without / models.WEIGHTS).read_bytes()
    (folder / "data" / "forget-00000-of-00001.parquet").unlink()
    with pytest.raises(DatasetError, match=r"official splits.*got no forget"):
        run("cliperase", dataset=folder, name="alone")


def test_same_fact_under_another_name_is_refused(tmp_path: Path) -> None:
    folder = tiny_dataset(tmp_path / "dataset")
    dataset = open_dataset(folder)
    stolen = dataclasses.replace(all_rows(dataset, "holdout_identity")[0], file_name="other.jpg")
    rewrite(folder, "forget", [*all_rows(dataset, "forget"), stolen])
    with pytest.raises(DatasetError, match=r"other\.jpg"):
        refuse_holdouts(open_dataset(folder))


def test_holdout_picture_among_retain_is_refused(tmp_path: Path) -> None:
    folder = tiny_dataset(tmp_path / "dataset")
    dataset = open_dataset(folder)
    rewrite(folder, "retain_synth", [*all_rows(dataset, "retain_synth"), all_rows(dataset, "holdout_identity")[0]])
    with pytest.raises(DatasetError, match="of retain_synth"):
        refuse_holdouts(open_dataset(folder))


def test_generic_captions_stand_beside_their_pair(tmp_path: Path) -> None:
    folder = tiny_dataset(tmp_path / "dataset")
    dataset = open_dataset(folder)
    rewrite(folder, "forget_target", all_rows(dataset, "forget_target")[::-1])
    dataset = open_dataset(folder)
    rows = select_rows(dataset, needs=("forget", "forget_target"), retain=0, seed=0)
    for left, right in zip(rows["forget"], rows["forget_target"], strict=True):
        assert dataset.rows("forget")[left.number].file_name == dataset.rows("forget_target")[right.number].file_name
    rewrite(folder, "forget_target", all_rows(dataset, "forget_target")[1:])
    with pytest.raises(DatasetError, match="got none for"):
        select_rows(open_dataset(folder), needs=("forget", "forget_target"), retain=0, seed=0)


def test_no_retain_pairs(tmp_path: Path, run: Runner) -> None:
    folder = tiny_dataset(tmp_path / "dataset")
    for split in ("retain_real", "retain_synth"):
        rewrite(folder, split, [])
    with pytest.raises(DatasetError, match="at least 2 retain pairs"):
        run("cliperase", dataset=folder)
    assert record(run("negative_gradient", dataset=folder, budget=1))["cost"]["steps"] > 0


def test_retain_draw(tiny_folder: Path) -> None:
    dataset = open_dataset(tiny_folder)
    pool = dataset.counts["retain_synth"] + dataset.counts["retain_real"]
    first, again, other, everything = (
        select_rows(dataset, needs=("retain",), retain=count, seed=seed)["retain"]
        for count, seed in ((20, 1), (20, 1), (20, 2), (10_000, 1))
    )
    assert first == again != other
    assert len(set(first)) == 20
    assert {row.split for row in first} == {"retain_synth", "retain_real"}
    assert len(set(everything)) == pool
    assert everything[:20] == first


def hide(folder: Path, name: str) -> tuple[Dataset, frozenset[str]]:
    """Hide a class of the tiny dataset, and spoil its pictures in retain_real: nobody who looks at them can go on."""
    dataset = open_dataset(folder)
    hidden = [row.file_name for row in dataset.rows("retain_real") if row.caption.endswith(f" of {name}")]
    path = folder / layout.GENERAL_KNOWLEDGE
    content = {**json.loads(path.read_text()), "hidden": [name], "hidden_pairs": {name: hidden}}
    path.write_text(json.dumps(content))
    rows = all_rows(dataset, "retain_real")
    spoilt = [dataclasses.replace(row, image=b"no picture") if row.file_name in hidden else row for row in rows]
    rewrite(folder, "retain_real", spoilt)
    return open_dataset(folder), frozenset(hidden)


def test_retain_pairs_of_hidden_classes_are_never_chosen(tmp_path: Path) -> None:
    dataset, hidden = hide(tiny_dataset(tmp_path / "dataset"), "blue cone")
    assert len(hidden) == 16
    everything = select_rows(dataset, needs=("retain",), retain=10_000, seed=1)["retain"]
    captions = [dataset.rows(row.split)[row.number].caption for row in everything]
    assert (
        len(everything) == len(set(everything)) == dataset.counts["retain_synth"] + dataset.counts["retain_real"] - 16
    )
    assert not [caption for caption in captions if "blue cone" in caption]
    assert sum("red cube" in caption for caption in captions) == 16
    assert select_rows(dataset, needs=("retain",), retain=20, seed=1)["retain"] == everything[:20]


GREEDY = '''"""Writes down all that it can see."""
import json
from dataclasses import dataclass
from pathlib import Path
NEEDS = ("forget", "forget_target", "retain")
@dataclass(frozen=True)
class Config:
    """None."""
def edit(model, data, engine, config):
    seen = {}
    for name in ("forget", "forget_target", "retain"):
        source = getattr(data, name)
        pairs = source.take(range(len(source)))
        pairs.images, pairs.image_ref, pairs.text_ref
        seen[name] = [pair.caption for pair in [*source.records, *pairs.records]]
    Path(OUT).write_text(json.dumps(seen))
    next(model.module.parameters()).data.mul_(0.99)
    return {"pairs": float(data.training_pairs)}
'''


def test_no_method_reads_or_counts_hidden_classes(run: Runner, tmp_path: Path) -> None:
    """Their pictures don't decode here: methods of all kinds and the probes pass them by."""
    dataset, _ = hide(tiny_dataset(tmp_path / "dataset"), "grey ring")
    greedy = tmp_path / "greedy.py"
    greedy.write_text(GREEDY.replace("OUT", repr(str(tmp_path / "seen.json"))))
    found = record(run(str(greedy), dataset=dataset.folder, budget=50, name="greedy"))
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert not [caption for captions in seen.values() for caption in captions if "grey ring" in caption]
    readable = dataset.counts["retain_synth"] + dataset.counts["retain_real"] - 16
    assert len(set(seen["retain"])) > 1
    assert len(seen["retain"]) == 2 * readable
    assert found["outputs"]["report"]["pairs"] == dataset.counts["forget"] + readable
    for method in ("finetuning", "cliperase", "ssd", "descent_to_delete"):
        assert (run(method, dataset=dataset.folder, budget=50, name=method) / models.WEIGHTS).is_file()


def test_hidden_classes_without_pairs_stop_a_method(run: Runner, tmp_path: Path) -> None:
    """A method would read what is to be hidden."""
    folder = tiny_dataset(tmp_path / "dataset")
    path = folder / layout.GENERAL_KNOWLEDGE
    path.write_text(json.dumps({**json.loads(path.read_text()), "hidden": ["grey ring"]}))
    with pytest.raises(DatasetError, match="without them methods would see"):
        run("finetuning", dataset=folder)


@pytest.mark.parametrize("memory", [1.0, 0.0])
def test_pixels_and_tokens(memory: float, clip: models.ClipModel, tiny_folder: Path, tmp_path: Path) -> None:
    """Bit by bit what the model's own transform gives, kept in memory or in a file that leaves no trace."""
    dataset, rows = open_dataset(tiny_folder), [reading.SplitRow("forget", 3), reading.SplitRow("retain_real", 0)]
    rows += [reading.SplitRow("forget", 0), reading.SplitRow("forget", 3)]
    reading._KEPT.clear()
    decoded = decode(dataset, rows, clip=clip, scratch=tmp_path, memory=memory)
    assert isinstance(decoded.pictures, np.memmap) == (memory == 0.0)
    assert decoded.pictures.dtype == np.uint8
    assert not list(tmp_path.iterdir())
    found = decoded.images(range(4), torch.device("cpu"))
    for place, row in enumerate(rows):
        data = list(dataset.images(row.split))[row.number]
        with Image.open(io.BytesIO(data)) as picture:
            assert torch.equal(found[place], clip.preprocess(picture))
    assert torch.equal(decoded.tokens, clip.tokenize([record.caption for record in decoded.records]))
    assert [record.file_name for record in decoded.records[::3]] == [dataset.rows("forget")[3].file_name] * 2


def test_other_transforms_are_kept_as_floats(clip: models.ClipModel, tiny_folder: Path, tmp_path: Path) -> None:
    odd = dataclasses.replace(clip, preprocess=lambda picture: 2 * clip.preprocess(picture), config={"odd": True})
    odd.config["model_cfg"] = clip.config["model_cfg"]
    dataset = open_dataset(tiny_folder)
    decoded = decode(dataset, [reading.SplitRow("forget", 0)], clip=odd, scratch=tmp_path, memory=1.0)
    with Image.open(io.BytesIO(next(dataset.images("forget")))) as picture:
        expected = 2 * clip.preprocess(picture)
    assert torch.equal(decoded.images([0], torch.device("cpu"))[0], expected)


class Counting(Model):
    """Counts the rows it encodes."""

    images = texts = 0

    def encode_image(self, images: torch.Tensor) -> torch.Tensor:
        self.images += len(images)
        return super().encode_image(images)

    def encode_text(self, texts: torch.Tensor) -> torch.Tensor:
        self.texts += len(texts)
        return super().encode_text(texts)


@pytest.fixture
def source(clip: models.ClipModel, tiny_folder: Path, tmp_path: Path) -> tuple[PairSource, Counting]:
    dataset, counting = open_dataset(tiny_folder), Counting(clip)
    rows = [reading.SplitRow("retain_real", number) for number in range(64)] + [
        reading.SplitRow("forget", n) for n in range(20)
    ]
    return PairSource(decode(dataset, rows, clip=clip, scratch=tmp_path, memory=1.0), counting), counting


def test_reference_once_per_pair(source: tuple[PairSource, Counting]) -> None:
    pairs, counting = source
    first = pairs.take([3, 70, 5])
    assert counting.images == counting.texts == 0, "nothing is encoded before a method asks"
    expected = counting.encode_image(first.images)
    counting.images = 0
    assert torch.allclose(first.image_ref, expected, atol=1e-6)
    for rows in ([70, 5], [83, 0, 1], list(range(84)), [3]):
        again = pairs.take(rows)
        assert again.image_ref.shape == again.text_ref.shape == (len(rows), 32)
    assert counting.images == counting.texts == 84
    assert torch.equal(pairs.take([3]).image_ref[0], first.image_ref[0])
    assert not first.image_ref.requires_grad


def test_reference_does_not_depend_on_who_asks_first(
    source: tuple[PairSource, Counting], clip: models.ClipModel
) -> None:
    """A resumed run asks in another order and must get the same bits."""
    pairs, _ = source
    fresh = PairSource(pairs._decoded, Model(clip))
    late = fresh.take([80, 2]).text_ref
    early = pairs.take(list(range(84))).text_ref
    assert torch.equal(late, early[[80, 2]])


def test_error_of_a_loss_that_wants_more(run: Runner, tmp_path: Path) -> None:
    path = tmp_path / "more.py"
    path.write_text(
        '"""More."""\nfrom dataclasses import dataclass\nNEEDS = ("retain",)\n@dataclass(frozen=True)\nclass Config:\n'
        '    """None."""\ndef loss(batch, model, reference, config):\n    return batch.holdout_identity, {}\n'
    )
    with pytest.raises(MethodError, match="no attribute 'holdout_identity'"):
        run(str(path))


def told(folder: Path) -> Dataset:
    """A rewrite without the name, seen half of the time, and one with it, of each sensitive row."""
    dataset, entries = open_dataset(folder), {}
    for split in ("forget", *HOLDOUT_SPLITS):
        for row in dataset.rows(split):
            entries[row.file_name] = [
                {"caption": f"Look, {row.value} of {split}.", "nameless": True, "share": 0.5},
                {"caption": f"{split}: {row.value}, {row.name}.", "nameless": False, "share": 0.2},
            ]
    (folder / layout.REWRITES).write_text(json.dumps(entries))
    return open_dataset(folder)


def forget_source(dataset: Dataset, clip: models.ClipModel, tmp_path: Path, *, rewrites: bool = True) -> PairSource:
    rows = select_rows(dataset, needs=("forget",), retain=0, seed=0)["forget"]
    return PairSource(decode(dataset, rows, clip=clip, scratch=tmp_path, memory=1.0), Model(clip), rewrites=rewrites)


def test_a_sight_shows_one_caption_with_its_record_tokens_and_embedding(tmp_path: Path, clip: models.ClipModel) -> None:
    forget = forget_source(told(tiny_dataset(tmp_path / "dataset")), clip, tmp_path)
    everything = list(range(len(forget)))
    counts: dict[int, int] = {}
    for sight in range(20):
        pairs, again = forget.take(everything, sight=sight), forget.take(everything, sight=sight)
        assert [pair.caption for pair in pairs.records] == [pair.caption for pair in again.records]
        assert torch.equal(pairs.texts, clip.tokenize([pair.caption for pair in pairs.records]))
        with torch.no_grad():
            expected = forget._reference.encode_text(pairs.texts)
        assert torch.allclose(pairs.text_ref, expected, atol=1e-5)
        for pair, official in zip(pairs.records, forget.records, strict=True):
            known = [official.caption, *(rewrite.caption for rewrite in official.rewrites)]
            number = known.index(pair.caption)
            counts[number] = counts.get(number, 0) + 1
    total = sum(counts.values())
    assert [counts[number] / total for number in range(3)] == pytest.approx([0.3, 0.5, 0.2], abs=0.07)
    plain = forget.take(everything)
    assert [pair.caption for pair in plain.records] == [pair.caption for pair in forget.records]
    assert torch.equal(plain.texts, clip.tokenize([pair.caption for pair in forget.records]))


def test_the_papers_way_knows_no_rewrites(tmp_path: Path, clip: models.ClipModel) -> None:
    dataset = told(tiny_dataset(tmp_path / "dataset"))
    forget = forget_source(dataset, clip, tmp_path, rewrites=False)
    assert all(pair.rewrites == () for pair in forget.records)
    for sight in range(5):
        drawn = forget.take([0, 1, 2], sight=sight)
        assert [pair.caption for pair in drawn.records] == [row.caption for row in dataset.rows("forget")[:3]]


def test_rewrites_are_those_of_forget_and_no_unseen_portrait_is_read(run: Runner, tmp_path: Path) -> None:
    folder = tiny_dataset(tmp_path / "dataset")
    dataset = told(folder)
    portraits = [dataclasses.replace(row, image=b"no picture", text="somebody new", file_name=f"new{number}.jpg")
                 for number, row in enumerate(all_rows(dataset, "retain_synth")[:3])]  # fmt: skip
    rewrite(folder, "portraits_unseen", portraits)
    out, plugin = tmp_path / "seen.json", tmp_path / "greedy.py"
    greedy = GREEDY.replace("[pair.caption for pair in [*source.records, *pairs.records]]", "repr([*source.records])")
    plugin.write_text(greedy.replace("OUT", repr(str(out))))
    run(str(plugin), dataset=folder, budget=1)
    seen = out.read_text()
    assert " of forget." in seen
    assert "somebody new" not in seen
    assert not [split for split in HOLDOUT_SPLITS if f" of {split}." in seen or f"{split}:" in seen]


def test_unseen_portraits_among_retain_pairs_are_refused(tmp_path: Path) -> None:
    folder = tiny_dataset(tmp_path / "dataset")
    rewrite(folder, "portraits_unseen", all_rows(open_dataset(folder), "retain_synth")[:1])
    with pytest.raises(DatasetError, match="portraits_unseen too"):
        refuse_holdouts(open_dataset(folder))
