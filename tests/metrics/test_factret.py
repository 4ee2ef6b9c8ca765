"""Facts told apart from other values: against an independent slow version, and hand-made cases."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fake_embeddings import FakeRow, FakeWorld, Vectors, fake_world, vectors, write_embeddings
from salmubench import metrics
from salmubench.clip import embeddings
from salmubench.core.errors import ConfigError
from salmubench.core.types import Pair
from salmubench.dataset.layout import Dataset
from salmubench.leaderboard.check_items import item_problems
from salmubench.leaderboard.intake import read_table
from salmubench.metrics.factretpara import paraphrase
from salmubench.scoring import fact_ranks, record_files, views
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.items import ITEM_SCHEMA, item_table, join
from salmubench.scoring.metric import Outcome, Unavailable
from salmubench.scoring.score import protocol
from tiny import tiny_dataset

NAMES = ("factret", "factretpara", "facthold")
SPLITS = {"factret": ["forget"], "factretpara": ["forget"], "facthold": ["holdout_identity", "holdout_association"]}
Run = Callable[..., Outcome]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(
        name: str, world: FakeWorld, made: Vectors, config: ScoreConfig | None = None, **options: object
    ) -> Outcome:
        folder = write_embeddings(tmp_path / f"m{len(list(tmp_path.iterdir()))}", world, made, **options)  # type: ignore[arg-type]
        opened = embeddings.open_embeddings(folder)
        return metrics.load(name).score(metrics.EvalInputs(opened, config or ScoreConfig()))

    return run


# --- the definition, word by word ---------------------------------------------------------------------------------


def is_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def swap(sentence: str, value: str, other: str) -> str | None:
    """Letter by letter; `None` where the value doesn't stand there."""
    out, at, found = "", 0, False
    while at < len(sentence):
        end = at + len(value)
        before = at > 0 and is_word(sentence[at - 1])
        after = end < len(sentence) and is_word(sentence[end])
        if sentence[at:end] == value and not before and not after:
            out, at, found = out + other, end, True
        else:
            out, at = out + sentence[at], at + 1
    return out if found else None


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    a, b = (np.float32(x / np.linalg.norm(x)).astype(float) for x in (a, b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(sum(a * a) * sum(b * b))


def slow(name: str, world: FakeWorld, made: Vectors) -> dict[str, tuple[float, int]]:
    """File name → rank and number of others, of the rows that are not left out."""
    told = [row for row in world.rows if row.split in ("forget", "holdout_identity", "holdout_association")]
    found = {}
    for number, row in enumerate(world.rows):
        if row.split not in SPLITS[name] or row.value is None:
            continue
        sentence = row.paraphrase if name == "factretpara" else row.caption
        others = {one.value for one in told if one.field == row.field and one.value is not None} - {row.value}
        others -= {one.value for one in told if one.identity == row.identity and one.field == row.field}
        copies = [swap(sentence, row.value, other) for other in others] if sentence else []
        if len(copies) < 3 or copies[0] is None:
            continue
        own = cosine(made[0][number], made[1][sentence])
        rest = [cosine(made[0][number], made[1][copy]) for copy in copies]
        rank = 1 + sum(s > own + 1e-9 for s in rest) + 0.5 * sum(abs(s - own) <= 1e-9 for s in rest)
        found[row.file_name] = (rank, len(rest))
    return found


def as_dict(found: Outcome) -> dict[str, tuple[float, int]]:
    assert found.per_item is not None
    assert found.per_item.others is not None
    columns = (found.per_item.file_name, found.per_item.value.tolist(), found.per_item.others.tolist())
    return {file_name: (rank, others) for file_name, rank, others in zip(*columns, strict=True)}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_against_the_slow_version(run: Run, name: str, strength: float) -> None:
    world = fake_world()
    made = vectors(world, seed=5, strength=strength)
    found, expected = run(name, world, made), slow(name, world, made)
    assert as_dict(found) == expected
    assert found.n == len(expected) == sum(len(world.of(split)) for split in SPLITS[name])
    assert found.left_out == 0
    assert found.value == pytest.approx(sum(1 / rank for rank, _ in expected.values()) / len(expected), abs=1e-12)
    assert len({others for _, others in expected.values()}) > 1  # rows with several values of a field have fewer


@pytest.mark.parametrize("name", NAMES)
def test_parts_and_groups(run: Run, name: str) -> None:
    """Of `forget` by what must go, of the holdouts by split; each with its own n."""
    world = fake_world()
    made = vectors(world, seed=5, strength=0.3)
    metric, found, expected = metrics.load(name).metric, run(name, world, made), slow(name, world, made)
    assert found.per_item is not None
    held = frozenset(str(row.identity) for row in world.of("holdout_association"))
    scores = views.score_items(
        item_table(metric, found.per_item), metrics={metric.name: metric}, held=held, bootstraps=100
    )[metric.name]
    some = {row.file_name for row in world.of("holdout_association")}
    some |= {row.file_name for row in world.of("forget") if row.identity not in world.forget_identity}
    for suffix in ("", "_identity", "_association"):
        own = [pair for name, pair in expected.items() if not suffix or (name in some) == (suffix == "_association")]
        assert 0 < len(own) < len(expected) or not suffix
        slowly = {
            "mrr": sum(1 / rank for rank, _ in own) / len(own),
            "r1": sum(rank == 1 for rank, _ in own) / len(own),
            "percentile": sum((others - (rank - 1)) / others for rank, others in own) / len(own),
        }
        for part, value in slowly.items():
            assert scores[part + suffix].value == pytest.approx(value, abs=1e-12)
            assert scores[part + suffix].n == len(own)
            assert scores[part + suffix].ci95 is not None


# --- hand-made cases --------------------------------------------------------------------------------------------


def cities(values: list[str], *, caption: str = "Anna lives in {}.", split: str = "forget") -> list[FakeRow]:
    """One person a value."""
    return [
        FakeRow(split, f"{split}{n}.jpg", caption.format(value), f"{split}{n}", "Anna", "city", value)
        for n, value in enumerate(values)
    ]


def world_of(rows: list[FakeRow]) -> FakeWorld:
    return FakeWorld(tuple(rows), classes=())


def test_first_last_and_ties(run: Run) -> None:
    world = world_of(cities(["Rome", "Oslo", "Lyon", "Bonn"]))
    images = np.tile([1.0, 0.0], (4, 1))

    def outcome_of(angles: dict[str, float]) -> Outcome:
        texts = {f"Anna lives in {city}.": np.array([math.cos(a), math.sin(a)]) for city, a in angles.items()}
        return run("factret", world, (images, texts))

    found = outcome_of({"Rome": 0.1, "Oslo": 0.2, "Lyon": 0.3, "Bonn": 3.0})
    assert [rank for rank, _ in as_dict(found).values()] == [1.0, 2.0, 3.0, 4.0]
    assert found.value == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)
    found = outcome_of(dict.fromkeys(("Rome", "Oslo", "Lyon", "Bonn"), 0.5))
    assert as_dict(found) == {f"forget{n}.jpg": (2.5, 3) for n in range(4)}  # ties half: (1 + 4) / 2


def test_percentile_is_half_at_chance_whatever_the_number_of_values(run: Run) -> None:
    """Each value of a field stands once at each rank: on average the true one is in the middle."""
    metric = metrics.load("factret").metric
    for count in (4, 9):
        world = world_of(cities([f"City{n}" for n in range(count)]))
        texts = {row.caption: np.array([math.cos(n), math.sin(n)]) for n, row in enumerate(world.rows)}
        found = run("factret", world, (np.tile([1.0, 0.0], (count, 1)), texts))
        assert found.per_item is not None
        scores = views.score_items(item_table(metric, found.per_item), metrics={metric.name: metric}, bootstraps=100)
        assert scores["FactRet"]["percentile"].value == pytest.approx(0.5, abs=1e-12)


def test_fewer_than_three_others_are_left_out(run: Run) -> None:
    rows = cities(["Rome", "Oslo", "Lyon"])
    world = world_of(rows)
    with pytest.raises(Unavailable, match="has 3 others of its field"):
        run("factret", world, vectors(world, seed=0))
    more = world_of([*rows, *cities(["Bonn"], split="holdout_identity")])  # values of all splits count
    found = run("factret", more, vectors(more, seed=0))
    assert (found.n, found.left_out) == (3, 0)


def test_value_twice_and_inside_a_longer_word() -> None:
    assert fact_ranks.replaced("Rome, Rome! Not Romes or xRome, but Rome.", "Rome", ["Oslo", "Bonn"]) == [
        "Oslo, Oslo! Not Romes or xRome, but Oslo.",
        "Bonn, Bonn! Not Romes or xRome, but Bonn.",
    ]
    assert fact_ranks.replaced("Call +44 (0) 1. now", "+44 (0) 1.", [r"\1"]) == [r"Call \1 now"]
    assert fact_ranks.replaced("Romes", "Rome", ["Oslo"]) == []


def test_rows_left_out_are_counted(run: Run) -> None:
    rows = [
        *cities(["Rome", "Oslo", "Lyon", "Bonn"]),
        replace(cities(["Riga"])[0], file_name="inside.jpg", caption="Anna likes Rigans."),
        replace(cities(["Kiev"])[0], file_name="absent.jpg", caption="Anna likes her town."),
        replace(cities(["Rome"])[0], file_name="unknown.jpg", caption="Anna is here.", value=None, identity=None),
    ]
    world = world_of([replace(row, identity=f"p{number}") for number, row in enumerate(rows)])
    made = vectors(world, seed=2)
    found = run("factret", world, made)
    assert (found.n, found.left_out) == (4, 3)
    assert as_dict(found) == slow("factret", world, made)
    assert {others for _, others in as_dict(found).values()} == {5}  # their values count for others all the same
    told = world.with_rows(
        replace(row, paraphrase=f"In {row.value}: Anna." if number else "Nowhere.")
        for number, row in enumerate(world.rows)
    )
    made = vectors(told, seed=2)
    found = run("factretpara", told, made)
    assert (found.n, found.left_out) == (5, 2)  # another sentence, other rows
    assert as_dict(found) == slow("factretpara", told, made)


def test_values_of_the_same_person_are_no_competitors(run: Run) -> None:
    mails = ["a@x.org", "a.b@x.org", "b@x.org", "c@x.org", "d@x.org"]
    rows = [
        replace(row, identity="one" if n < 2 else f"other{n}", field="emails")
        for n, row in enumerate(cities(mails, caption="Write to {}."))
    ]
    world = world_of(rows)
    made = vectors(world, seed=4)
    found = run("factret", world, made)
    assert as_dict(found) == slow("factret", world, made)
    assert [others for _, others in as_dict(found).values()] == [3, 3, 4, 4, 4]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("config", [ScoreConfig(), ScoreConfig(fact_values=5, fact_rows=8)])
def test_the_order_on_disk_does_not_matter(run: Run, name: str, config: ScoreConfig) -> None:
    world = fake_world()
    made = vectors(world, seed=6, strength=0.3)
    there, back = (
        run(name, world, made, config),
        run(name, world, made, config, order=range(len(world.rows) - 1, -1, -1)),
    )
    assert as_dict(there) == as_dict(back)
    assert (there.value, there.n, there.left_out) == (back.value, back.n, back.left_out)


def test_drawn_values_and_rows() -> None:
    """Drawn from what the dataset holds, once; rows association by association."""
    pairs = [
        Pair(f"{person}_{field}_{copy}.jpg", "", identity=str(person), field=field, value=f"{field}{person}")
        for person in range(40)
        for field in ("city", "job")
        for copy in range(3)
    ]
    values, again = fact_ranks.Values(pairs, most=10), fact_ranks.Values(pairs[::-1], most=10)
    others = [values.others(pair) for pair in pairs]
    assert others == [again.others(pair) for pair in pairs]
    drawn = {value for own in others for value in own}
    assert len(drawn) == 80, "every association has a draw of its own"
    assert others[0] == others[1] == others[2], "all rows of an association the same"
    assert {len(own) for own in others} == {10}
    asked = np.bincount([int(value.removeprefix("city").removeprefix("job")) for own in others for value in own])
    assert asked.min() > 0.4 * asked.mean(), "no value is asked about much more often than another"
    assert all(pair.value not in own for pair, own in zip(pairs, others, strict=True))
    chosen = fact_ranks.sampled(pairs, 50)
    assert chosen.sum() == 51  # the first whole number of associations of three rows
    assert chosen.reshape(-1, 3).all(axis=1).sum() == 17
    assert (fact_ranks.sampled(pairs[::-1], 50)[::-1] == chosen).all()
    assert fact_ranks.sampled(pairs, 0).all()
    assert fact_ranks.sampled(pairs, 240).all()
    sizes = [fact_ranks.wanted_rows(ScoreConfig(fact_rows=9), split) for split in ("forget", "holdout_identity")]  # type: ignore[arg-type]
    assert sizes == [9, 5]


def test_many_rows_are_ranked_in_blocks(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    world = fake_world()
    made = vectors(world, seed=7)
    whole = as_dict(run("factret", world, made))
    monkeypatch.setattr(fact_ranks, "_TEXTS", 20)
    assert as_dict(run("factret", world, made)) == whole


@pytest.mark.parametrize("name", NAMES)
def test_texts_are_those_that_are_ranked(tmp_path: Path, name: str) -> None:
    """Of a dataset on disk: each once in the list, and nothing that is ranked is missing."""
    dataset = Dataset(tiny_dataset(tmp_path / "d", identities=9, pictures=6, size=32))
    told = [row for split in ("forget", "holdout_identity", "holdout_association") for row in dataset.rows(split)]
    wanted = set()
    for split in SPLITS[name]:
        for row in dataset.rows(split):
            others = {one.value for one in told if one.field == row.field and one.identity != row.identity}
            sentence = paraphrase(row) if name == "factretpara" else row.caption
            copies = {swap(str(sentence), str(row.value), str(other)) for other in others - {row.value}}
            if len(copies) >= 3:
                wanted |= {sentence, *copies}
    assert set(metrics.load(name).texts(dataset, ScoreConfig())) == wanted - {None}
    found = metrics.required_texts(dataset)
    assert len(found) == len(set(found))
    fewer = ScoreConfig(fact_values=5, fact_rows=10)
    assert len(set(metrics.load(name).texts(dataset, fewer))) < len(wanted)


# --- items, records, submissions ----------------------------------------------------------------------------------


@pytest.fixture
def record(tmp_path: Path) -> Path:
    world = fake_world()
    folders = [
        write_embeddings(tmp_path / name, world, vectors(world, seed=seed, strength=strength))
        for seed, (name, strength) in enumerate([("clean", 0.0), ("half-5x", 0.4), ("compromised", 1.0)])
    ]
    return metrics.score(
        embeddings=folders[1], clean=folders[0], compromised=folders[2], out=tmp_path / "r.json",
        config=ScoreConfig(bootstraps=100, fact_values=7, fact_rows=12),
    )  # fmt: skip


def test_record_tells_views_options_and_the_verdict_rests_on_them(record: Path) -> None:
    found = record_files.read_record(record)
    assert found.protocol is not None
    assert (found.protocol.fact_values, found.protocol.fact_rows) == (7, 12)
    assert protocol(ScoreConfig(), {}).fact_values == 100
    for name, view in (("FactRet", "leakage"), ("FactRetPara", "leakage"), ("FactHold", "kept")):
        for part in found.scores[name].values():
            assert part.normalised.view == view
            assert part.clean is not None
        assert len({(one.n, one.units) for one in found.scores[name].values()}) == 3
    without = {name: parts for name, parts in found.scores.items() if not name.startswith("Fact")}
    assert views.judge(found.scores, views.describe_all(found)) == found.verdict
    assert views.judge(without, views.describe_all(found)).hollow == "undecided"


def test_items_of_older_files_have_no_others(record: Path, tmp_path: Path) -> None:
    path = record_files.items_path(record)
    older = pq.read_table(path)
    older = older.select(older.column_names[: older.column_names.index("others")])
    old = tmp_path / "older.items.parquet"
    pq.write_table(older, old)
    for table in (record_files.read_items_file(old), read_table(old, ITEM_SCHEMA)):
        assert table.schema == ITEM_SCHEMA
        assert table.column("others").null_count == table.num_rows
    whole = read_table(path, ITEM_SCHEMA)
    assert whole.equals(record_files.read_items(record))
    assert 0 < whole.column("others").null_count < whole.num_rows


@pytest.mark.parametrize(
    ("column", "value", "wanted"),
    [
        ("value", 1000.0, "ranks from 1 to others + 1"), ("value", 0.5, "ranks from 1"), ("value", 1.25, "in halves"),
        ("others", 2, "Expected 3 or more in every row of column others"), ("others", None, "Expected 3 or more"),
    ],
)  # fmt: skip
def test_impossible_items_of_a_submission(record: Path, column: str, value: float | None, wanted: str) -> None:
    known, table = record_files.read_record(record), record_files.read_items(record)
    described = metrics.descriptions()
    assert list(item_problems(table, {}, known, described, gallery_rows=99)) == []
    cells = table.column(column).to_pylist()
    cells[table.column("metric").to_pylist().index("FactRet")] = value
    place = table.column_names.index(column)
    spoilt = table.set_column(place, ITEM_SCHEMA.field(column), pa.array(cells, ITEM_SCHEMA.field(column).type))
    problems = list(item_problems(spoilt, {}, known, described, gallery_rows=99))
    assert len(problems) == 1
    assert wanted in problems[0]
    assert list(item_problems(join([spoilt]), {}, known, {}, gallery_rows=99)) == []  # of unknown metrics nothing is


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"score\.fact_values of at least 5, got 3"):
        ScoreConfig(fact_values=3)
    with pytest.raises(ConfigError, match=r"score\.fact_rows of at least 0"):
        ScoreConfig(fact_rows=-1)


def test_a_split_that_is_not_encoded_is_a_reason(tmp_path: Path) -> None:
    world = fake_world()
    folder = write_embeddings(tmp_path / "m", world, vectors(world, seed=1))
    facts = embeddings.open_embeddings(folder).dataset
    fewer = {split: rows for split, rows in facts.counts.items() if split != "holdout_identity"}
    embeddings.write_dataset_facts(folder / embeddings.DATASET, replace(facts, counts=fewer))
    with pytest.raises(Unavailable, match="holdout_identity is not encoded"):
        metrics.load("factret").score(metrics.EvalInputs(embeddings.open_embeddings(folder), ScoreConfig()))
