"""What attacks say that they cost, against what they were seen to take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from salmubench.attacks import AttackConfig, Sizes, load, load_all, names, optimiser_steps
from salmubench.core.types import SENSITIVE_SPLITS
from salmubench.dataset.layout import open_dataset
from salmubench.pretrain import estimate
from salmubench.recovery import recover
from salmubench.recovery.worker import CAPTIONS, PICTURES, SPENT, STEPS
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.fact_ranks import Values, replaced
from salmubench.workflow import attack_price as price
from salmubench.workflow import recipe as recipes

SIZES = Sizes(
    few=12, held=90, identity=40, portraits=160, real=64, told=100, generic=60, facts=300, knowledge=32, prompts=8
)
OVERRIDES: dict[str, dict[str, Any]] = {
    "fewshot": {"lrs": [1e-3, 1e-4], "read_at": [2, 4]}, "benign": {"steps": 4, "strangers": True},
    "probe": {"ridges": [1.0], "steps": 3}, "savings": {"read_at": [2, 4]}, "rewordings": {"wordings": 3},
    "counterfactual": {"others": 2},
}  # fmt: skip


@pytest.mark.night
@pytest.mark.stage
def test_each_attack_takes_what_it_says(world: Any, tmp_path: Path) -> None:
    config = AttackConfig(attacks=("all",), seeds=1, overrides=OVERRIDES)
    recover(
        models=[world.negated], dataset=world.dataset, clean=world.clean, compromised=world.compromised, out=tmp_path,
        config=config, precision="fp32", device="cpu", scoring=ScoreConfig(bootstraps=100, fact_values=6),
    )  # fmt: skip
    dataset = open_dataset(world.dataset)
    whole = dataset.forget_identity_ids()
    sizes = price.sizes_of(
        config, dataset.counts, fact_rows=ScoreConfig().fact_rows, fact_values=6,
        identity=sum(pair.identity in whole for pair in dataset.rows("forget")), classes=4,
    )  # fmt: skip
    generic = {pair.caption for pair in dataset.rows("retain_synth") if pair.identity is None}
    values = Values([pair for split in SENSITIVE_SPLITS for pair in dataset.rows(split)], most=6)
    rows = dataset.rows("forget")
    each = sum(len(replaced(pair.caption, str(pair.value), values.others(pair))) for pair in rows) / len(rows)
    # the small dataset says the same of many portraits, and has fewer values of some fields than are asked for
    sizes = replace(sizes, generic=len(generic), facts=round(each * sizes.held))
    seen: dict[str, dict[bytes, float]] = {}
    for path in (tmp_path / "attacks").rglob("*.parquet"):
        seen[path.name.rsplit("-", 2)[0]] = {
            name: float((pq.read_schema(path).metadata or {})[name]) for name in (SPENT, STEPS, PICTURES, CAPTIONS)
        }
    base, *entries = price.priced(load_all(["all"], OVERRIDES), sizes)
    assert {entry.name for entry in entries} == set(names()) == set(seen)
    for entry in entries:
        assert entry.steps == seen[entry.name][STEPS]
        assert seen[entry.name][SPENT] > 0
    totals = {key: sum(counts[key] for counts in seen.values()) for key in (PICTURES, CAPTIONS)}
    for key, field in ((PICTURES, "pictures"), (CAPTIONS, "captions")):
        # pictures and captions of batches are encoded, too; the reading of the model as it is comes once
        stated = sum(getattr(entry, field) + entry.pairs for entry in (base, *entries))
        assert stated == pytest.approx(totals[key], rel=0.15), field
    trained = {"fewshot", "benign", "savings"}
    for entry in entries:
        if entry.name in trained:
            assert entry.pairs + entry.pictures == pytest.approx(seen[entry.name][PICTURES], rel=0.15)


def test_prices_by_hand() -> None:
    def of(name: str, **options: Any) -> Any:
        item = load(name, options)
        assert item.price is not None
        return item.price(item.config, SIZES)

    few = of("fewshot", lrs=[1e-3], read_at=[5, 10], batch_size=8)
    assert (few.steps, few.pairs, few.readings) == (20, 10 * (8 + 3), 4)  # 3: a quarter of T
    assert of("fewshot", lrs=[1e-3], read_at=[5], smaller=0.0).steps == 5
    mixed = of("benign", steps=10)
    assert (mixed.steps, mixed.pairs, mixed.readings, mixed.calibrated) == (30, 30 * 64, 4, 4)
    three = of("benign", steps=10, strangers=True)
    assert (three.steps, three.readings, three.calibrated) == (50, 6, 6)
    assert of("savings", read_at=[3, 6]).pictures == 3 * 2 * SIZES.identity
    assert of("rewordings", wordings=8).captions == 7 * 400
    assert of("counterfactual", others=8).captions == 16 * 90
    assert of("probe", block=0).captions == 12
    entry = price.Priced("x", 1, 10, 5, 7)
    assert entry.operations(100.0, 10.0) == 3 * 10 * 110 + 5 * 100 + 7 * 10


def test_sizes_of_a_dataset_without_anything() -> None:
    found = price.sizes_of(AttackConfig(), {}, fact_rows=300, fact_values=5, identity=0, classes=0)
    assert (found.few, found.held, found.ranked) == (0, 0, 0)


def test_facts_of_all_pairs_where_the_recipe_says_0() -> None:
    counts = {"forget": 1200}
    found = {
        rows: price.sizes_of(AttackConfig(), counts, fact_rows=rows, fact_values=5, identity=0, classes=0).facts
        for rows in (0, 300, 9000)
    }
    assert found == {0: 1080 * 5, 300: 300 * 5, 9000: 1080 * 5}


def test_operations_of_both_towers_are_those_of_a_pair() -> None:
    config = recipes.load("tiny").recipe.pretrain
    picture, caption = estimate.towers(config)
    assert picture > 0
    assert 3 * (picture + caption) == estimate.work(config, rows=10).pair_operations


def test_text_of_any_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = estimate.Here(pairs_per_second=100.0, processes=1, startup=20.0, seconds=5000.0, memory=2**31, batch=64)
    asked = []
    monkeypatch.setattr(estimate, "probe", lambda config, **_: asked.append(config) or trial)
    counts = {"forget": 1200, "retain_synth": 800, "retain_real": 10_000, "general_knowledge": 6400}
    shown = price.of_recipe(recipes.load("mini").recipe, counts, try_here=True)
    assert "the 3 references cost as much each, once" in shown
    assert "120 and 1,080 pairs; 2 seeds" in shown
    assert all(name in shown for name in names())
    assert "280 optimiser steps" in shown or "optimiser steps" in shown
    assert "a model and seed with 1 thread(s)" in shown
    assert (asked[0].threads, asked[0].processes, asked[0].batch_size) == (1, 1, 64)
    paper = price.of_recipe(recipes.load("paper").recipe, {**counts, "forget": 30_000}, try_here=False)
    assert "this machine" not in paper
    assert "H100" in paper


def test_an_attack_that_states_no_price_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from dataclasses import dataclass\nfrom salmubench.attacks import Attack\n"
        "ATTACK = Attack(name='mine', title='', knows='none')\n@dataclass(frozen=True)\nclass Config:\n    a: int = 1\n"
        "def attack(model, data, seed, config):\n    return iter(())\n"
    )
    tiny = recipes.load("tiny").recipe
    shown = price.of_recipe(
        replace(tiny, attack=replace(tiny.attack, attacks=(str(path),))), {"forget": 24}, try_here=False
    )
    assert "not stated      mine" in shown


def test_steps_of_any_optimiser_are_counted() -> None:
    weight = torch.nn.Parameter(torch.zeros(2))
    with optimiser_steps() as steps:
        for make in (torch.optim.SGD, torch.optim.AdamW):
            optimiser = make([weight], lr=0.1)
            weight.sum().backward()
            optimiser.step()
    optimiser.step()
    assert steps.count == 2
