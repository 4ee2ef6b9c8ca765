"""The closed track is closed: what runs in it can't reach the grammar, and says nothing but the captions to forget."""

from __future__ import annotations

import importlib.resources
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch

import salmubench.dataset
from salmubench.clip import models
from salmubench.core.types import HOLDOUT_SPLITS, Split
from salmubench.dataset.layout import Dataset, open_dataset
from salmubench.generator.personas.fresh import fresh_people
from salmubench.unlearn import load_method
from salmubench.unlearn.counterfactuals import Fact, fact_of, phrased
from salmubench.unlearn.data import SplitRow, decode
from salmubench.unlearn.interface import Model
from salmubench.unlearn.registry import method_names
from unlearn_runs import Runner, record, weights

GRAMMAR = "salmubench.dataset.phrasings"
WITH_TRACKS = [name for name in method_names() if hasattr(load_method(name).config(), "track")]


@pytest.fixture
def no_grammar(monkeypatch: pytest.MonkeyPatch) -> None:
    """No function, module or data file of the grammar can be reached any more, loaded or not."""

    def refuse(*given: Any, **named: Any) -> NoReturn:
        raise AssertionError(f"Expected nobody to reach for the grammar, got {given} {named}.")

    for module in [module for name, module in sys.modules.items() if name.startswith(GRAMMAR) and module]:
        for name, found in list(vars(module).items()):
            if callable(found) and getattr(found, "__module__", "").startswith(GRAMMAR):
                monkeypatch.setattr(module, name, refuse)
        monkeypatch.setitem(sys.modules, module.__name__, None)  # an import of it raises
    monkeypatch.delattr(salmubench.dataset, "phrasings", raising=False)
    files = importlib.resources.files

    def guarded(package: Any = None) -> Any:
        return refuse(package) if str(package).startswith(GRAMMAR) else files(package)

    monkeypatch.setattr(importlib.resources, "files", guarded)
    opened = Path.open

    def guarded_open(self: Path, *given: Any, **named: Any) -> Any:
        return refuse(self) if self.parent.name == "phrasings" else opened(self, *given, **named)

    monkeypatch.setattr(Path, "open", guarded_open)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every sentence that a method gives to the model."""
    sentences: list[str] = []
    tokenize = Model.tokenize

    def spy(self: Model, captions: Sequence[str]) -> torch.Tensor:
        sentences.extend(captions)
        return tokenize(self, captions)

    monkeypatch.setattr(Model, "tokenize", spy)
    return sentences


def options(name: str, track: str) -> dict[str, Any]:
    return {"track": track, **({"rewordings": 2} if hasattr(load_method(name).config(), "rewordings") else {})}


@pytest.mark.usefixtures("no_grammar")
@pytest.mark.parametrize("name", WITH_TRACKS)
def test_the_closed_track_runs_without_the_grammar(name: str, run: Runner) -> None:
    """The whole of it: reading the dataset, the draw of the rows, the steps, the checkpoint."""
    with pytest.raises(ImportError):
        phrased(Fact("Ann Lee", "city", "Rome"), torch.Generator())
    out = run(name, budget=2, config=options(name, "closed"))
    assert record(out)["config"]["method"]["track"] == "closed"
    assert record(out)["outputs"]["report"]["facts"] > 0


@pytest.mark.usefixtures("no_grammar")
def test_the_guard_bites(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same run with wordings of the grammar fails at once."""
    from salmubench.unlearn.methods import level_redirection as redirection

    monkeypatch.setattr(redirection, "Wordings", lambda pairs: phrased)
    with pytest.raises(Exception, match=r"phrasings|grammar"):
        run(redirection.__name__.rpartition(".")[2], budget=1)


def test_nothing_of_unlearning_holds_the_grammar() -> None:
    """No module global of the package `unlearn` is, or comes from, the grammar."""
    for name in [name for name in sys.modules if name.startswith("salmubench.unlearn")]:
        held = {
            key: found
            for key, found in vars(sys.modules[name]).items()
            if str(getattr(found, "__module__", None) or getattr(found, "__name__", "")).startswith(GRAMMAR)
        }
        assert not held, name


def derivable(dataset: Dataset) -> Callable[[str], bool]:
    """Slow and on its own: is a sentence the caption of a pair to forget, with texts in place of name and value?"""
    shapes = set()
    for pair in dataset.rows(Split.FORGET):
        if pair.name and pair.value:
            assert pair.caption.count(pair.name) == 1 or pair.name in pair.value
            shapes.add((pair.field, pair.caption.replace(pair.value, "\1").replace(pair.name, "\0")))
    values = {(pair.field, pair.value) for pair in dataset.rows(Split.FORGET) if pair.value}

    def fits(sentence: str) -> bool:
        for field, value in values:
            if value in sentence:
                rest = sentence.replace(value, "\1")
                for where, shape in shapes:
                    before, after = shape.split("\0")[0], shape.split("\0")[-1]
                    if where == field and rest.startswith(before) and rest.endswith(after):
                        name = rest[len(before) : len(rest) - len(after)]
                        if name and shape.replace("\0", name) == rest:
                            return True
        return False

    return fits


@pytest.mark.parametrize("name", WITH_TRACKS)
def test_what_the_closed_track_says(name: str, run: Runner, said: list[str], tiny_folder: Path) -> None:
    """Every sentence is a caption to forget with other names and values; a holdout's caption only as far as that is."""
    run(name, budget=3, config=options(name, "closed"))
    dataset = open_dataset(tiny_folder)
    fits, forget, sentences = derivable(dataset), dataset.rows(Split.FORGET), set(said) - {""}
    assert len(sentences) > 20
    assert [sentence for sentence in sentences if not fits(sentence)] == []
    assert set("".join(sentences)) <= set("".join(f"{pair.name} {pair.caption}" for pair in forget))
    assert not sentences & reserved(dataset)
    holdouts = {pair.caption for split in HOLDOUT_SPLITS for pair in dataset.rows(split)}
    assert not [caption for caption in sentences & holdouts if not fits(caption)]
    assert not all(fits(caption) for caption in holdouts), "else nothing was asked"
    told = [fact for pair in forget if (fact := fact_of(pair)) is not None]
    generator = torch.Generator().manual_seed(0)
    grammar = {text for fact in told for _ in range(50) if not fits(text := phrased(fact, generator))}
    assert grammar, "wordings that no caption to forget has"
    assert not sentences & grammar


def reserved(dataset: Dataset) -> set[str]:
    pairs = [pair for split in (Split.FORGET, *HOLDOUT_SPLITS) for pair in dataset.rows(split)]
    return {pair.paraphrase for pair in pairs if pair.paraphrase}


@pytest.mark.parametrize("name", WITH_TRACKS)
@pytest.mark.parametrize("track", ["closed", "generator"])
def test_the_same_seed_says_the_same(name: str, track: str, run: Runner, said: list[str], tiny_folder: Path) -> None:
    people = fresh_people(open_dataset(tiny_folder), seed=0)
    outs, spoken = [], []
    for turn, seed in enumerate((0, 0, 1)):
        said.clear()
        given = {"budget": 1, "seed": seed, "config": options(name, track), "fresh": lambda: people}
        outs.append(run(name, name=f"out-{turn}", **given))
        spoken.append(list(said))
    assert spoken[0] == spoken[1] != spoken[2]
    before, after = weights(outs[0]), weights(outs[1])
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert record(outs[0])["config"]["method"]["track"] == track
    assert not set(spoken[0]) & reserved(open_dataset(tiny_folder))


def test_no_method_can_read_a_reserved_paraphrase(tiny_folder: Path, tmp_path: Path, leaking_model: Path) -> None:
    dataset = open_dataset(tiny_folder)
    assert any(pair.paraphrase for pair in dataset.rows(Split.FORGET))
    rows = [SplitRow(Split.FORGET, number) for number in range(dataset.counts[Split.FORGET])]
    decoded = decode(dataset, rows, clip=models.load_model(leaking_model), scratch=tmp_path, memory=1.0)
    assert {pair.paraphrase for pair in decoded.records} == {None}
    assert [pair.caption for pair in decoded.records] == [pair.caption for pair in dataset.rows(Split.FORGET)]
