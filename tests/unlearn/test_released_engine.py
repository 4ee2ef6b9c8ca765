"""What `variant: released` sets in the engine, each setting by itself and all of them together."""

from __future__ import annotations

import dataclasses
import math
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from salmubench.clip import models
from salmubench.core.errors import ConfigError
from salmubench.dataset.layout import open_dataset
from salmubench.unlearn import UnlearnConfig, load_method
from salmubench.unlearn import data as reading
from salmubench.unlearn.augment import Crop, SimplifyingTokenizer, crop_pictures, simplify
from salmubench.unlearn.batch_plan import batch_sizes, make_plan, retain_pairs
from salmubench.unlearn.config import RELEASED
from salmubench.unlearn.data import PairSource, decode, select_rows
from salmubench.unlearn.engine import plan_run
from salmubench.unlearn.interface import Model
from salmubench.unlearn.optimisers import learning_rates
from salmubench.unlearn.registry import configure
from salmubench.unlearn.state import CHECKPOINT
from unlearn_runs import FAST, Runner, curve, kill_when, record, weights

VARIANTS = ("cliperase", "delete", "vlunlearn")
SMALL = {"batch_size": 8, "retain_batch_size": 12, "lr": 1e-3}  # the tiny dataset has fewer than 128 retain pairs


def test_the_variant_sets_the_engine_and_the_user_wins() -> None:
    for name in VARIANTS:
        method = load_method(name)
        paper = configure(method, FAST)
        released = configure(method, FAST, {"variant": "released"})
        own = configure(method, FAST, {"variant": "released", "crop": 1.0, "warmup": 0.2})
        assert {key: getattr(released.settings, key) for key in RELEASED} == RELEASED
        assert released.effective["engine"] == {**paper.effective["engine"], **RELEASED}
        assert own.effective["engine"] == {**paper.effective["engine"], **RELEASED, "crop": 1.0, "warmup": 0.2}
        assert own.given == {"variant": "released", "crop": 1.0, "warmup": 0.2}
        assert paper.settings == FAST
        assert released.settings.lr == FAST.lr, "the rate belongs to the model that is changed"
    overrides = dataclasses.replace(FAST, overrides={"delete": {"variant": "released", "retain_batch_size": 4}})
    assert configure(load_method("delete"), overrides).settings.retain_batch_size == 4


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("retain_batch_size", -1, "retain_batch_size from 0"),
        ("retain_order", "name", "retain_order shuffled or file"),
        ("captions", "upper", "captions as_given or simplified"),
        ("crop", 0.0, "crop from 0.01 to 1.0"),
        ("schedule", "day", "schedule step or epoch"),
        ("towers", "none", "towers both, image or text"),
    ],
)
def test_senseless_settings(option: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        UnlearnConfig(**{option: value})


@settings(max_examples=100, deadline=None)
@given(forget=st.integers(3, 50), batch=st.integers(2, 20), budget=st.integers(1, 6), turns=st.integers(1, 3))
def test_cosine_by_pass_against_a_slow_version(forget: int, batch: int, budget: int, turns: int) -> None:
    """The rate falls when a pass over the pairs to forget is complete, and is the same for all steps of a batch."""
    expected, seen = [], 0
    for size in batch_sizes(budget * forget, min(batch, forget)):
        epoch = 0
        while (epoch + 1) * forget <= seen:
            epoch += 1
        expected += [0.01 * (1 + math.cos(math.pi * epoch / budget)) / 2] * turns
        seen += size
    before = np.cumsum([0, *batch_sizes(budget * forget, min(batch, forget))])[:-1].repeat(turns).tolist()
    config = UnlearnConfig(schedule="epoch", warmup=0.0)
    assert learning_rates(before, budget * forget, forget, 0.01, config) == pytest.approx(expected)
    assert len(set(expected)) == budget or batch > forget / 2


def test_rates_by_hand() -> None:
    """Ten pairs, five a step: two steps a pass; four passes give cosines of 0, 45, 90 and 135 degrees."""
    config = UnlearnConfig(schedule="epoch", warmup=0.0)
    half = math.sqrt(0.5) / 2
    expected = [1, 1, 0.5 + half, 0.5 + half, 0.5, 0.5, 0.5 - half, 0.5 - half]
    assert learning_rates(list(range(0, 40, 5)), 40, 10, 1.0, config) == pytest.approx(expected)
    warm = dataclasses.replace(config, warmup=0.25)
    assert learning_rates(list(range(0, 40, 5)), 40, 10, 1.0, warm) == pytest.approx([0.5, 1, *expected[2:]])
    steps = UnlearnConfig(schedule="step", warmup=0.5)
    assert learning_rates([0, 5, 10, 15], 20, 10, 1.0, steps) == pytest.approx([0.5, 1, 1, 0.5])


def test_the_engine_follows_the_schedule(run: Runner, tiny_folder: Path) -> None:
    forget = open_dataset(tiny_folder).counts["forget"]
    out = run("negative_gradient", budget=3, config={"schedule": "epoch", "warmup": 0.0})
    rates, seen = curve(out, "lr"), 0
    for size, rate in zip(batch_sizes(3 * forget, 8), rates, strict=True):
        assert rate == pytest.approx(1e-3 * (1 + math.cos(math.pi * (seen // forget) / 3)) / 2)
        seen += size
    assert len(set(rates)) == 3


@settings(max_examples=60, deadline=None)
@given(forget=st.integers(3, 40), retain=st.integers(2, 90), size=st.integers(1, 40), budget=st.integers(1, 4))
def test_file_order_against_a_slow_version(forget: int, retain: int, size: int, budget: int) -> None:
    plan = make_plan(
        budget=budget, forget=forget, batch_size=5, counts={"forget": forget, "retain": retain}, seed=3,
        retain_batch_size=size, retain_order="file",
    )  # fmt: skip
    place = 0
    for batch in plan.rows["retain"]:
        expected = []
        for _ in range(min(size, retain)):
            expected.append(place)
            place = place + 1 if place + 1 < retain else 0
        assert batch.tolist() == expected
    assert len(plan.rows["retain"]) == len(plan.rows["forget"])
    seen = Counter(int(row) for rows in plan.rows["forget"] for row in rows)
    assert set(seen.values()) == {budget}, "the budget counts pairs to forget"
    assert plan.pairs == budget * forget


def test_retain_size_with_a_shuffled_order() -> None:
    plan = make_plan(
        budget=2, forget=10, batch_size=5, counts={"forget": 10, "retain": 40}, seed=0, retain_batch_size=20
    )
    assert [len(rows) for rows in plan.rows["retain"]] == [20] * 4
    assert Counter(int(row) for rows in plan.rows["retain"] for row in rows) == Counter(list(range(40)) * 2)
    assert retain_pairs(budget=2, forget=10, batch_size=5, retain_batch_size=20) == 80
    assert retain_pairs(budget=2, forget=10, batch_size=5) == 20
    assert retain_pairs(budget=0, forget=10, batch_size=5, retain_batch_size=20) == 0


def test_the_first_retain_rows_in_file_order(tiny_folder: Path) -> None:
    dataset = open_dataset(tiny_folder)
    synth = dataset.counts["retain_synth"]
    rows = select_rows(dataset, needs=("retain",), retain=synth + 3, seed=5, order="file")["retain"]
    assert rows == [reading.SplitRow("retain_synth", n) for n in range(synth)] + [
        reading.SplitRow("retain_real", n) for n in range(3)
    ]
    configured = configure(load_method("delete"), FAST, {"variant": "released", **SMALL})
    plan, chosen = plan_run(configured, dataset, budget=2, seed=0)
    expected = [row for batch in plan.rows["retain"] for row in batch]
    pool = synth + dataset.counts["retain_real"]
    assert expected == [place % min(12 * len(plan.sizes), pool) for place in range(12 * len(plan.sizes))]
    assert chosen["retain"][:synth] == rows[:synth][: len(chosen["retain"])]


def slow_simplify(caption: str) -> str:
    kept = "".join(" " if mark in '.!"()*#:;~' else mark for mark in caption.lower())
    while re.search(r"\s\s", kept):
        kept = re.sub(r"\s\s+", " ", kept, count=1)
    return " ".join(kept.rstrip("\n").strip(" ").split(" ")[:50])


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("aBÉ .!\"()*#:;~,'-@\n9"), max_size=200))
def test_captions_against_a_slow_version(caption: str) -> None:
    assert simplify(caption) == slow_simplify(caption)


def test_captions_by_hand(leaking_model: Path, tiny_folder: Path, tmp_path: Path) -> None:
    assert simplify("Reach Ana: ana@x.org (work)!") == "reach ana ana@x org work"
    assert simplify(" ".join(["Word"] * 60)) == " ".join(["word"] * 50)
    clip, dataset = models.load_model(leaking_model), open_dataset(tiny_folder)
    simple = dataclasses.replace(clip, tokenizer=SimplifyingTokenizer(clip.tokenizer))
    rows = [reading.SplitRow("forget", number) for number in range(4)]
    captions = [dataset.rows("forget")[number].caption for number in range(4)]
    plain, simplified = (decode(dataset, rows, clip=one, scratch=tmp_path, memory=1.0) for one in (clip, simple))
    assert torch.equal(plain.tokens, clip.tokenize(captions))
    assert torch.equal(simplified.tokens, clip.tokenize([slow_simplify(caption) for caption in captions]))
    assert [one.caption for one in simplified.records] == captions, "methods read captions as they are"
    assert torch.equal(Model(simple).tokenize(captions), simplified.tokens), "and tokenise theirs in the same way"


def test_crops_against_pil() -> None:
    """A crop is torchvision's, on bytes: within a rounding of PIL's own cut and resize."""
    from torchvision.transforms import RandomResizedCrop

    noise = np.random.default_rng(0).integers(64, 192, (3, 32, 32, 3), dtype=np.uint8)
    pictures = torch.from_numpy(noise).permute(0, 3, 1, 2)
    cropped = crop_pictures(pictures, Crop(0.5, seed=9))
    state = torch.random.get_rng_state()
    torch.manual_seed(9)
    for picture, found in zip(noise, cropped, strict=True):
        top, left, height, width = RandomResizedCrop.get_params(torch.zeros(3, 32, 32), [0.5, 1.0], [3 / 4, 4 / 3])
        assert 0.45 <= height * width / 32**2 <= 1
        box = (left, top, left + width, top + height)
        expected = np.asarray(Image.fromarray(picture).crop(box).resize((32, 32), Image.Resampling.BICUBIC))
        assert np.abs(expected.astype(int) - found.permute(1, 2, 0).numpy().astype(int)).max() <= 1
    torch.random.set_rng_state(state)
    assert torch.equal(crop_pictures(pictures, Crop(0.5, 9)), cropped)
    assert not torch.equal(crop_pictures(pictures, Crop(0.5, 10)), cropped)
    assert torch.equal(torch.random.get_rng_state(), state), "nobody else's draws change"


def test_the_reference_sees_the_same_crop(leaking_model: Path, tiny_folder: Path, tmp_path: Path) -> None:
    clip, dataset = models.load_model(leaking_model), open_dataset(tiny_folder)
    reference = Model(clip)
    rows = [reading.SplitRow("forget", number) for number in range(6)]
    source = PairSource(decode(dataset, rows, clip=clip, scratch=tmp_path, memory=1.0), reference)
    whole, part = source.take([1, 4]), source.take([1, 4], crop=Crop(0.5, 3))
    assert not torch.equal(whole.images, part.images)
    assert torch.equal(reference.encode_image(part.images), part.image_ref)
    assert not part.image_ref.requires_grad
    assert torch.equal(whole.text_ref, part.text_ref)
    assert torch.equal(source.take([1, 4]).image_ref, whole.image_ref), "a crop is not kept for others"


WATCH = '''"""Keeps what it is shown."""
import json, os
from dataclasses import dataclass
NEEDS = ("forget", "forget_target", "retain")
@dataclass(frozen=True)
class Config:
    """None."""
def loss(batch, model, reference, config):
    with open(os.environ["SHOWN"], "a") as file:
        shown = {kind: float(getattr(batch, kind).images.double().sum()) for kind in NEEDS}
        print(json.dumps({**shown, "names": [pair.file_name for pair in batch.retain.records]}), file=file)
    value = (model.encode_image(batch.forget.images) * model.encode_text(batch.forget.texts)).sum(-1).mean()
    return value, {}
'''


@pytest.mark.parametrize("crop", [1.0, 0.5])
def test_crops_only_where_asked_for(crop: float, run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole pictures repeat from pass to pass; crops don't, but those of the same pictures are the same."""
    import json

    method = tmp_path / "watch.py"
    method.write_text(WATCH)
    monkeypatch.setenv("SHOWN", str(tmp_path / "shown.jsonl"))
    out = run(str(method), budget=2, config={"crop": crop, "batch_size": 2**20, "lr": 0.0001})
    shown = [json.loads(line) for line in (tmp_path / "shown.jsonl").read_text().splitlines()]
    assert len(shown) == 2, "one batch a pass: the same pairs twice"
    assert all(one["forget"] == pytest.approx(one["forget_target"], rel=1e-9) for one in shown)
    assert (shown[0]["forget"] == pytest.approx(shown[1]["forget"], rel=1e-9)) == (crop == 1)
    assert record(out)["config"]["engine"]["crop"] == crop


@pytest.mark.parametrize("method", VARIANTS)
def test_a_released_variant_end_to_end(method: str, run: Runner, leaking_model: Path, tiny_folder: Path) -> None:
    """All settings of the released engine at once; retain pairs don't count in the budget."""
    dataset = open_dataset(tiny_folder)
    forget, pool = dataset.counts["forget"], dataset.counts["retain_synth"] + dataset.counts["retain_real"]
    out = run(method, budget=2, config={"variant": "released"})
    written, steps = record(out), len(batch_sizes(2 * forget, 16))
    retain = min(128, pool)
    assert written["config"]["engine"] == {**written["config"]["engine"], **RELEASED}
    assert written["cost"]["steps"] == steps
    assert written["cost"]["pairs"] == 2 * forget
    assert written["outputs"]["pairs"] == {"forget": 2 * forget, "retain": steps * retain}
    # With gradient: both kinds. The frozen model: each crop anew, retain's captions once, in blocks of 64.
    pictures = 2 * forget + steps * retain
    frozen_pictures = {"vlunlearn": pictures}.get(method, steps * retain)
    frozen_captions = pool if steps * retain >= pool else None
    assert written["cost"]["pictures"] == pictures + frozen_pictures
    if frozen_captions is not None:
        assert written["cost"]["captions"] == pictures + frozen_captions + (forget if method == "vlunlearn" else 0)
    before, after = weights(leaking_model), weights(out)
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert curve(out, "lr")[0] == pytest.approx(FAST.lr)


def test_what_a_paper_variant_encodes(run: Runner, tiny_folder: Path) -> None:
    """Two kinds of pairs with gradient, the frozen model's once a pair."""
    forget = open_dataset(tiny_folder).counts["forget"]
    cost = record(run("negative_gradient", budget=2))["cost"]
    assert (cost["pictures"], cost["captions"]) == (2 * forget, 2 * forget)
    cost = record(run("delete", budget=2, name="delete"))["cost"]
    assert (cost["pictures"], cost["captions"]) == (3 * forget, 3 * forget)
    assert cost["processor_seconds"] > 0


CHILD = """
import sys, time, torch
from pathlib import Path
from salmubench.unlearn import UnlearnConfig, unlearn
from salmubench.unlearn.loop import Engine
torch.set_num_threads(1)
step = Engine._step
def slow(*given, **named):
    time.sleep(0.1)
    return step(*given, **named)
Engine._step = slow
model, dataset, out = sys.argv[1:]
unlearn("vlunlearn", model=model, dataset=dataset, out=Path(out), seed=7, budget=4, precision="fp32", device="cpu",
        config={"variant": "released", "batch_size": 8, "retain_batch_size": 12},
        settings=UnlearnConfig(lr=1e-3, probe_every=4, checkpoint_every=2))
"""


@pytest.mark.night
def test_killed_with_the_released_engine_it_ends_with_the_same_bytes(
    run: Runner, leaking_model: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed"

    def far_enough() -> bool:
        path = out / CHECKPOINT
        return path.is_file() and torch.load(path, weights_only=True)["progress"]["steps"] >= 4

    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(leaking_model), str(tiny_folder), str(out)], env=os.environ
    )
    kill_when(far_enough, process, seconds=300)
    at = torch.load(out / CHECKPOINT, weights_only=True)["progress"]
    assert at["processor_seconds"] > 0
    assert at["encoded"][0] > 0
    given = {
        "seed": 7, "budget": 4, "settings": UnlearnConfig(lr=1e-3, probe_every=4, checkpoint_every=2),
        "config": {"variant": "released", "batch_size": 8, "retain_batch_size": 12},
    }  # fmt: skip
    resumed, whole = (run("vlunlearn", name=name, **given) for name in ("killed", "whole"))
    for name in (models.WEIGHTS, "curves.parquet"):
        assert (resumed / name).read_bytes() == (whole / name).read_bytes()
    for key in ("steps", "pairs", "pictures"):
        assert record(resumed)["cost"][key] == record(whole)["cost"][key]
    # What the frozen model keeps of captions is lost with the process, and is computed again.
    assert record(resumed)["cost"]["captions"] >= record(whole)["cost"]["captions"]
    assert record(resumed)["cost"]["processor_seconds"] > at["processor_seconds"]
