"""The rule of tuning in pieces: the spared part, where a search looks, what a trial is worth, which comes next."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml

from salmubench.core.errors import ConfigError, DatasetError, UnknownName
from salmubench.core.types import HOLDOUT_SPLITS, Pair, Split
from salmubench.dataset import layout
from salmubench.dataset.layout import open_dataset
from salmubench.metrics import descriptions
from salmubench.scoring.record import MetricInfo, Normalised, RunRecord, Score
from salmubench.tuning import search
from salmubench.tuning.selection_world import divide, write_part
from salmubench.unlearn.config import UnlearnConfig
from salmubench.unlearn.registry import configure, load_method, method_names, options
from salmubench.workflow.tuned_values import find_tuned, parse_tuned

RESULTS = Path(__file__).parents[2] / "results"

# --- the spared part --------------------------------------------------------------------------------------------------

METRICS = descriptions()


def people(count: int, fields: int, repeats: int = 2) -> list[Pair]:
    return [
        Pair(f"{person}_{field}_{turn}.jpg", f"{person} {field}", identity=str(person), field=str(field))
        for person in range(count)
        for field in range(fields)
        for turn in range(repeats)
    ]


@pytest.mark.parametrize("spared", [0.1, 0.2, 0.4])
def test_spared_share_is_half_people_half_facts(spared: float) -> None:
    rows = people(60, 5)
    places = divide(rows, spared=spared, seed=3)
    counted = Counter(places)
    for split in HOLDOUT_SPLITS:
        assert counted[split] == pytest.approx(spared / 2 * len(rows), abs=10)  # a person has ten rows
    whole = {row.identity for row, place in zip(rows, places, strict=True) if place is Split.HOLDOUT_IDENTITY}
    for row, place in zip(rows, places, strict=True):
        assert (place is Split.HOLDOUT_IDENTITY) == (row.identity in whole)
    sides: dict[tuple[str | None, str | None], set[Split]] = {}
    for row, place in zip(rows, places, strict=True):
        sides.setdefault((row.identity, row.field), set()).add(place)
    assert all(len(found) == 1 for found in sides.values())  # no fact on both sides
    assert divide(rows, spared=spared, seed=3) == places
    assert divide(rows, spared=spared, seed=4) != places


@pytest.mark.parametrize(("count", "fields", "message"), [(3, 5, "at least 4 people"), (8, 1, "two fields")])
def test_too_few_to_spare_some(count: int, fields: int, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        divide(people(count, fields), spared=0.2, seed=0)


def test_no_holdout_row_is_in_the_part(tiny_folder: Path, tmp_path: Path) -> None:
    world = open_dataset(tiny_folder)
    part = open_dataset(write_part(world, out=tmp_path / "part", spared=0.3, seed=0))
    hidden = {row.file_name for split in HOLDOUT_SPLITS for row in world.rows(split)}
    told = {row.caption for split in HOLDOUT_SPLITS for row in world.rows(split)}
    seen = [row for split in part.counts for row in part.rows(split)]
    assert hidden.isdisjoint(row.file_name for row in seen)
    assert told.isdisjoint(row.caption for row in seen)
    assert hidden.isdisjoint(part.captions_metadata)
    forget = {row.file_name: row.caption for row in world.rows("forget")}
    parts = [row for split in (Split.FORGET, *HOLDOUT_SPLITS) for row in part.rows(split)]
    assert {row.file_name: row.caption for row in parts} == forget  # the forget set, divided
    assert [row.paraphrase for row in parts].count(None) == 0
    assert {row.file_name for row in part.rows("forget_target")} == {row.file_name for row in part.rows("forget")}
    for split in ("retain_synth", "retain_real", "general_knowledge"):
        assert part.rows(split) == world.rows(split)
    assert next(iter(part.images("forget"))) in set(world.images("forget"))
    before = (tmp_path / "part" / "manifest.json").stat().st_mtime_ns
    write_part(world, out=tmp_path / "part", spared=0.3, seed=0)
    assert (tmp_path / "part" / "manifest.json").stat().st_mtime_ns == before
    assert not (tmp_path / "part" / layout.FRAGILE).exists()


# --- where a search looks ---------------------------------------------------------------------------------------------


def space_of(name: str, settings: UnlearnConfig | None = None) -> search.Space:
    return search.search_space(configure(load_method(name), settings or UnlearnConfig(lr=3e-4)))


def test_loop_methods_are_searched_over_the_rate_and_declared_fields() -> None:
    assert space_of("delete") == {"lr": (1e-5, 3e-3, "log")}
    assert set(space_of("cliperase")) == {"lr", "retention", "forgetting", "consistency"}
    assert set(space_of("descent_to_delete")) == {"epsilon", "strong_convexity"}  # has a rate of its own


METHOD = '''"""A method."""
from dataclasses import dataclass, field

NEEDS = ("forget",)
{search}

@dataclass(frozen=True)
class Config:
    """Options."""

    depth: int = field(default=2, metadata={{"search": {where}}})
    """Depth."""


def edit(model, data, engine, config):
    return {{}}
'''


def test_a_file_declares_engine_settings_and_choices(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(METHOD.format(search='SEARCH = {"towers": ["both", "text"]}', where='(1, 8, "linear")'))
    space = space_of(str(path))
    assert space == {"towers": ["both", "text"], "depth": (1, 8, "linear")}
    drawn = [search.propose(space, [], number=number, seed=0) for number in range(1, 12)]
    assert {type(values["depth"]) for values in drawn} == {int}
    assert {values["towers"] for values in drawn} == {"both", "text"}


@pytest.mark.parametrize(
    ("declared", "where", "error"),
    [
        ("SEARCH = {'rate': (1, 2, 'log')}", "[1, 2]", UnknownName),
        ("SEARCH = 3", "[1, 2]", ConfigError),
        ("", "(3, 1, 'log')", ConfigError),
        ("", "(0, 1, 'log')", ConfigError),
        ("", "(1, 2)", ConfigError),
        ("", "(0, float('inf'), 'linear')", ConfigError),
        ("", "(0.5, 8.0, 'linear')", ConfigError),
        ("", "[]", ConfigError),
    ],
)
def test_senseless_declarations_are_refused(tmp_path: Path, declared: str, where: str, error: type[Exception]) -> None:
    path = tmp_path / "mine.py"
    path.write_text(METHOD.format(search=declared, where=where))
    with pytest.raises(error, match=r"mine\.py"):
        space_of(str(path))


@pytest.mark.parametrize(
    ("option", "where", "expected"),
    [
        ("depth: float = field(default=0.5", "(0, 3, 'linear')", (0.0, 3.0, "linear")),
        ("depth: float = field(default=1.0", "(1, 8, 'log')", (1.0, 8.0, "log")),
        ("depth: int | float = field(default=1", "(0, 3, 'linear')", (0.0, 3.0, "linear")),
        ("depth: int = field(default=2", "(1.0, 8, 'log')", (1, 8, "log")),
        ("depth: int | None = field(default=2", "(1, 8, 'log')", (1, 8, "log")),
    ],
)
def test_a_range_is_searched_in_the_options_own_type(option: str, where: str, expected: Any, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(METHOD.replace("depth: int = field(default=2", option).format(search="", where=where))
    space = space_of(str(path))
    kind = type(expected[0])
    assert space == {"depth": expected}
    assert [type(end) for end in space["depth"]] == [kind, kind, str]
    present = search.present_values(configure(load_method(str(path)), UnlearnConfig()), space)
    drawn = [search.propose(space, [(present, 0.5)], number=number, seed=0)["depth"] for number in range(1, 9)]
    assert {type(value) for value in drawn} == {kind}
    assert kind is int or any(value != round(value) for value in drawn)


def test_engine_settings_are_searched_in_their_own_type(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    declared = "SEARCH = {'weight_decay': (0, 1, 'linear'), 'lora_rank': (1, 64, 'log')}"
    path.write_text(METHOD.format(search=declared, where="[1, 2]"))
    space = space_of(str(path))
    assert [type(space[name][0]) for name in ("weight_decay", "lora_rank")] == [float, int]


def test_a_range_around_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    text = METHOD.replace("depth: int = field(default=2", "depth: float | None = field(default=None")
    path.write_text(text.format(search="", where="(0.1, 1.0, 'log')"))
    with pytest.raises(ConfigError, match=r"a number for 'depth' of the method 'mine'.*mine\.py.*got None"):
        space_of(str(path))
    given = configure(load_method(str(path)), UnlearnConfig(), {"depth": 0.2})
    assert search.search_space(given) == {"depth": (0.1, 1.0, "log")}


@pytest.mark.parametrize("name", method_names())
def test_searches_of_the_packages_methods_are_as_declared(name: str) -> None:
    space, method = space_of(name), load_method(name)
    declared = {**method.search, **{item.name: item.search for item in options(method.config) if item.search}}
    assert repr({key: space[key] for key in declared}) == repr(declared)


# --- which trial comes next -------------------------------------------------------------------------------------------


def test_a_trial_depends_on_seed_number_and_earlier_rounds_alone() -> None:
    space: search.Space = {"lr": (1e-5, 1e-2, "log"), "weight": (0.0, 2.0, "linear")}
    first = [search.propose(space, [], number=number, seed=7) for number in range(1, 4)]
    assert [search.propose(space, [], number=number, seed=7) for number in (3, 1, 2)] == [first[2], first[0], first[1]]
    assert len({values["lr"] for values in first}) == 3
    assert search.propose(space, [], number=1, seed=8) != first[0]
    for values in first:
        assert 1e-5 <= values["lr"] <= 1e-2
        assert 0 <= values["weight"] <= 2


def test_search_comes_nearer_to_the_best_than_chance() -> None:
    """Distance from the best of a bowl in log space: later rounds against the first trials, over 20 seeds."""
    space: search.Space = {"lr": (1e-6, 1e-1, "log")}

    def worth(values: Any) -> float:
        return float(abs(np.log10(values["lr"]) + 3) / 5)

    first, late = [], []
    for seed in range(20):
        results = [({"lr": 1e-6}, worth({"lr": 1e-6}))]
        for start in range(1, 13, 4):
            drawn = [search.propose(space, results, number=start + place, seed=seed) for place in range(4)]
            results += [(values, worth(values)) for values in drawn]
        found = [value for _, value in results]
        first.append(np.mean(found[1:5]))
        late.append(np.mean(found[9:13]))
    assert np.mean(late) < 0.8 * np.mean(first)


def test_settings_outside_the_space_do_not_stop_the_search() -> None:
    space: search.Space = {"lr": (1e-5, 1e-2, "log")}
    known = [({"lr": 1.0}, 0.1), ({"lr": 1e-4}, 0.2)]
    assert search.propose(space, known, number=4, seed=0) == search.propose(space, known[1:], number=4, seed=0)
    assert search.as_parameters(space, {"lr": 1.0}) == ({}, {})


# --- what a trial is worth --------------------------------------------------------------------------------------------


class Fake:
    """As much of a record as the objective reads."""

    def __init__(self, status: str = "complete", **views: float | None) -> None:
        self.status = status
        self.protocol = SimpleNamespace(metrics={name: MetricInfo.of(METRICS[name]) for name in views})
        self.scores = {
            name: {"mrr" if name.startswith(("RetFail", "Fact")) else "value": score(name, value)}
            for name, value in views.items()
        }


def score(name: str, shown: float | None, **change: Any) -> Score:
    view = {"GenKnow": "drop", "RetFail": "leakage", "FactRetPara": "leakage"}.get(name, "kept")
    normalised = Normalised(view, shown, None, None if shown is not None else "references don't differ")  # type: ignore[arg-type]
    made = Score(0.5, None, 9, 9, 0, None, "clean", None, None, normalised)
    return replace(made, **change)


def worth(record: Any) -> float:
    found: RunRecord = record
    return search.objective(found)[0]


def test_objective_by_hand() -> None:
    some = {"RetFail": 0.2, "FactRetPara": 0.4, "GenKnow": 0.1, "InterIdSim": 0.9, "IntraIdSim": 0.7}
    assert worth(Fake(**some)) == pytest.approx((0.4 + (0.1 + 0.3) / 2) / 2)
    nothing = {"RetFail": 1.0, "FactRetPara": 1.0, "GenKnow": 0.0, "InterIdSim": 1.0, "IntraIdSim": 1.0}
    assert worth(Fake(**nothing)) == 0.5
    wanted = {"RetFail": 0.0, "FactRetPara": 0.0, "GenKnow": -0.02, "InterIdSim": 1.1, "IntraIdSim": 1.0}
    assert worth(Fake(**wanted)) == 0.0
    ruin = {"RetFail": 0.0, "FactRetPara": 0.0, "GenKnow": 1.0, "InterIdSim": -3.0, "IntraIdSim": -4.0}
    assert worth(Fake(**ruin)) == 0.5


def test_forgetting_too_much_counts_as_leakage() -> None:
    rest = {"GenKnow": 0.0, "InterIdSim": 1.0, "IntraIdSim": 1.0}
    assert worth(Fake(RetFail=-0.3, **rest)) == worth(Fake(RetFail=0.3, **rest)) == pytest.approx(0.15)


def test_failure_is_the_worst() -> None:
    assert search.objective(Fake(status="failed")) == (search.WORST, {})  # type: ignore[arg-type]


def test_a_setting_that_does_nothing_is_not_a_contests() -> None:
    """The best, but the first where none is better than doing nothing; a first that fails gives way to it."""

    def chosen(*objectives: float | None) -> int:
        trials = [
            {"number": place, **({"objective": 1.0, "error": "no"} if worth is None else {"objective": worth})}
            for place, worth in enumerate(objectives)
        ]
        return int(search.best_or_own(trials)["number"])

    assert [chosen(0.6, 0.3, 0.3), chosen(0.2, 0.3), chosen(0.49, 0.49)] == [1, 0, 0]
    assert [chosen(0.9, 0.5, 0.5), chosen(0.5, 0.9)] == [0, 0]
    assert [chosen(None, 0.7, 0.5), chosen(None, None)] == [2, 0]


def test_small_worlds_are_judged_by_bare_ratios() -> None:
    record = Fake(RetFail=0.0, GenKnow=0.0, InterIdSim=None, IntraIdSim=None)
    for name, compromised in (("InterIdSim", 0.6), ("IntraIdSim", 0.3)):
        record.scores[name]["value"] = score(name, None, value=0.5, clean=0.4, compromised=compromised)
    found, parts = search.objective(record)  # type: ignore[arg-type]
    assert parts["kept"] == pytest.approx(0.5)  # the other reference pair stands the wrong way round: left out
    assert found == pytest.approx(0.125)


def test_a_world_that_does_not_leak_is_refused() -> None:
    with pytest.raises(ConfigError, match="nothing can be chosen"):
        worth(Fake(RetFail=None, GenKnow=0.0))


# --- the file ---------------------------------------------------------------------------------------------------------

ENTRY = {"values": {"lr": 1e-3}, "method_sha256": "?", "trials": [{}], "objective": 0.2, "default": None}
FILE = {"schema_version": 1, "selection": {"seed": 1000, "dataset": "a", "part": "b"}, "methods": {"delete": ENTRY}}


def test_tuned_values_are_found_and_told() -> None:
    found = parse_tuned(yaml.safe_dump(FILE).encode(), origin="x.yaml")
    assert found.fingerprints == ("a", "b")
    method = load_method("delete")
    assert found.of(method) == {"lr": 1e-3}
    assert found.of(load_method(str(method.path))) is None  # a file of that name, but not the one that was tuned
    assert found.of(load_method("cliperase")) is None
    assert found.about("delete")["trials"] == 1
    assert found.about("delete")["default"] is None


@pytest.mark.parametrize(
    "content",
    [
        "a: [", "[]", yaml.safe_dump({**FILE, "schema_version": 2}), yaml.safe_dump({**FILE, "selection": {}}),
        yaml.safe_dump({**FILE, "methods": {"delete": {"values": {}}}}),
        yaml.safe_dump({**FILE, "methods": {"delete": {**ENTRY, "values": 3}}}),
    ],
)  # fmt: skip
def test_other_files_are_refused(content: str) -> None:
    with pytest.raises(ConfigError, match=r"x\.yaml"):
        parse_tuned(content.encode(), origin="x.yaml")


def test_which_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "tuned.yaml"
    path.write_text(yaml.safe_dump(FILE))
    assert find_tuned("none", recipe="mini", shipped=True) is None
    assert find_tuned("auto", recipe="nothing of this name", shipped=True) is None
    assert find_tuned("auto", recipe="mini", shipped=False) is None  # a file of the user's that is called mini.yaml
    found = find_tuned(str(path), recipe="mini", shipped=False)
    assert found is not None
    assert found.selection_seed == 1000
    with pytest.raises(ConfigError, match="got none at"):
        find_tuned(str(tmp_path / "none.yaml"), recipe="mini", shipped=True)


def test_shipped_values_fit_the_methods_and_the_recipe() -> None:
    from salmubench.workflow import recipe as recipes

    for name in recipes.names():
        loaded = recipes.load(name)
        found = find_tuned("auto", recipe=name, shipped=True)
        if found is None:
            continue
        assert found.selection_seed == loaded.recipe.tune.selection_seed
        for method, entry in found.methods.items():
            configure(load_method(method), loaded.recipe.unlearn, entry.values)
            assert isinstance(entry.trials, int)


def test_values_of_the_committed_tuning_are_those_of_the_best_trial() -> None:
    found = find_tuned(str(RESULTS / "mini-tuned" / "tuned.yaml"), recipe="mini", shipped=False)
    assert found is not None
    for entry in found.methods.values():
        assert not isinstance(entry.trials, int)
        best = min(entry.trials, key=lambda trial: trial["objective"])
        assert (best["objective"], best["values"]) == (entry.objective, entry.values)
