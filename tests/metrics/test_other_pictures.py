"""Facts asked of other pictures, and people among people: against independent slow versions, and hand-made cases."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from fake_embeddings import FakeRow, FakeWorld, Vectors, fake_world, vectors, write_embeddings
from salmubench import metrics
from salmubench.clip import embeddings
from salmubench.core.types import Pair
from salmubench.dataset.layout import Dataset
from salmubench.encode import encode
from salmubench.leaderboard.check_items import item_problems
from salmubench.scoring import fact_ranks, other_pictures, record_files, views
from salmubench.scoring.breakdown import breakdown
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.items import of_metric
from salmubench.scoring.metric import Outcome, Unavailable
from tiny import tiny_dataset
from tiny_model import tiny_model

NAMES = ("factretother", "factretnameless", "factholdother")
SPLITS = {name: ["forget"] for name in NAMES} | {"factholdother": ["holdout_identity", "holdout_association"]}
SENSITIVE = ("forget", "holdout_association", "holdout_identity")
Run = Callable[..., Outcome]
Means = dict[tuple[str, str | None, str], float]
"""(Part, identity, text) → value."""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(
        name: str, world: FakeWorld, made: Vectors, config: ScoreConfig | None = None, **options: object
    ) -> Outcome:
        folder = write_embeddings(tmp_path / f"m{len(list(tmp_path.iterdir()))}", world, made, **options)  # type: ignore[arg-type]
        opened = embeddings.open_embeddings(folder)
        return metrics.load(name).score(metrics.EvalInputs(opened, config or ScoreConfig()))

    return run


@pytest.fixture
def nothing_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """All pictures are asked, so that the slow version needs no draws."""
    monkeypatch.setattr(other_pictures, "MOST_PICTURES", 1000)


COUNTRIES = ("FR", "FR", "DE")


def world_with_portraits(*, identities: int = 12, per: int = 5) -> FakeWorld:
    """The invented world with two unseen portraits of each person, countries and genders."""
    world = fake_world(identities=identities, per=per)
    ids = sorted({row.identity for row in world.rows if row.identity is not None})
    unseen = [
        FakeRow("portraits_unseen", f"{identity}_8{n}_ar-1.00.jpg", f"somebody before wall {n}", identity)
        for identity in ids
        for n in range(2)
    ]
    looks = ({"country_code": COUNTRIES[n % 3], "gender": ("female", "male")[n % 2]} for n in range(len(ids)))
    people = dict(zip(ids, looks, strict=True))
    return replace(world.with_rows([*world.rows, *unseen]), people=people)


# --- the definition, word by word ---------------------------------------------------------------------------------


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    a, b = (np.float32(x / np.linalg.norm(x)).astype(float) for x in (a, b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(sum(a * a) * sum(b * b))


class Slow:
    """One fact, one picture at a time; of a world in which each fact is told by one row, and all pictures are asked."""

    def __init__(self, world: FakeWorld, made: Vectors) -> None:
        self.world, self.made = world, made
        self.told = [row for row in world.rows if row.split in SENSITIVE]
        self.number = {id(row): n for n, row in enumerate(world.rows)}

    def country(self, identity: str | None) -> str | None:
        return ((self.world.people or {}).get(identity or "") or {}).get("country_code")

    def others(self, row: FakeRow) -> tuple[list[str], bool]:
        own = {one.value for one in self.told if (one.identity, one.field) == (row.identity, row.field)}
        every = {str(one.value): set() for one in self.told if one.field == row.field and one.value not in own}  # type: ignore[var-annotated]
        for one in self.told:
            if one.field == row.field and one.value in every:
                every[str(one.value)].add(self.country(one.identity))
        country = self.country(row.identity)
        near = [value for value in every if country is not None and country in every[value]]
        return (near, True) if len(near) >= 3 else (list(every), False)

    def pictures(self, source: str, row: FakeRow, identity: str | None, *, stranger: bool) -> list[FakeRow]:
        split = {"unseen": "portraits_unseen", "joint": "retain_synth"}.get(source)
        if split is not None:
            return [one for one in self.world.of(split) if one.identity == identity]
        mine = [one for one in self.told if one.identity == identity and one.value]
        telling = {one.file_name for one in mine if (one.field, one.value) == (row.field, row.value)}
        if stranger:
            telling = {one.file_name for one in mine if one.field == row.field}
        first = {one.file_name: one for one in reversed(mine) if one.file_name not in telling}
        return list(first.values())

    def strangers(self, source: str, row: FakeRow) -> list[FakeRow]:
        share = {one.identity for one in self.told if (one.field, one.value) == (row.field, row.value)}
        people = sorted({one.identity for one in self.world.rows if one.identity is not None} - share - {row.identity})
        known = self.world.people or {}
        for alike in (("country_code", "gender"), ("country_code",), ("gender",), ()):
            found = [
                picture
                for person in people
                if all(known.get(person, {}).get(k) == known.get(str(row.identity), {}).get(k) for k in alike)
                for picture in self.pictures(source, row, person, stranger=True)
            ]
            if found:
                return found
        return []

    def rank(self, picture: FakeRow, texts: list[str]) -> float:
        own, *rest = (cosine(self.made[0][self.number[id(picture)]], self.made[1][text]) for text in texts)
        return 1 + sum(s > own + 1e-9 for s in rest) + 0.5 * sum(abs(s - own) <= 1e-9 for s in rest)

    def texts(self, name: str, row: FakeRow, others: list[str]) -> list[str]:
        if name != "factretnameless":
            return [row.caption, *(row.caption.replace(str(row.value), other) for other in others)]
        if row.field == "emails":
            return []
        return metrics_nameless(row, others)

    def means(self, name: str) -> Means:
        found: Means = {}
        for row in self.world.rows:
            others, _ = self.others(row) if row.split in SPLITS[name] and row.value else ([], False)
            texts = self.texts(name, row, others) if len(others) >= 3 and str(row.value) in row.caption else []
            for source in ("unseen", "joint", "sensitive") if texts else ():
                own = [self.rank(one, texts) for one in self.pictures(source, row, row.identity, stranger=False)]
                other = [self.rank(one, texts) for one in self.strangers(source, row)]
                if not own or not other:
                    continue
                mrr, control = (sum(1 / rank for rank in ranks) / len(ranks) for ranks in (own, other))
                count = len(others)
                found |= {
                    (f"known_{source}", row.identity, texts[0]): mrr - control,
                    (f"mrr_{source}", row.identity, texts[0]): mrr,
                    (f"r1_{source}", row.identity, texts[0]): sum(rank == 1 for rank in own) / len(own),
                    (f"percentile_{source}", row.identity, texts[0]):
                        sum((count - (rank - 1)) / count for rank in own) / len(own),
                    (f"mrr_{source}_stranger", row.identity, texts[0]): control,
                }  # fmt: skip
        return found


def metrics_nameless(row: FakeRow, others: list[str]) -> list[str]:
    """The sentences of the reserved phrasing that the fact draws, by hand from the file."""
    import zlib

    from salmubench.dataset.phrasings.tables import of_field

    options = of_field("reserved_nameless", str(row.field))
    template = options[zlib.crc32(f"{row.identity}\0{row.field}\0{row.value}".encode()) % len(options)]
    values = [str(row.value), *others]
    return [template.replace("{value}", value).replace("{a}", "a") for value in values]


def as_dict(found: Outcome) -> Means:
    items = found.per_item
    assert items is not None
    assert items.part is not None
    keys = zip(items.part, items.identity, items.caption, strict=True)
    told = dict(zip(keys, items.value.tolist(), strict=True))
    assert len(told) == len(items)
    return told


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("strength", [0.0, 0.5])
@pytest.mark.usefixtures("nothing_drawn")
def test_against_the_slow_version(run: Run, name: str, strength: float) -> None:
    for world in (world_with_portraits(), fake_world()):  # with and without portraits, countries and genders
        made = vectors(world, seed=5, strength=strength)
        found, expected = run(name, world, made), Slow(world, made).means(name)
        assert as_dict(found) == pytest.approx(expected, abs=1e-12)
        assert found.left_out == 0
        assert found.n == len(expected)
        sources = {part.split("_")[1] for part, *_ in expected}
        assert sources == ({"joint", "sensitive"} if world.people is None else {"unseen", "joint", "sensitive"})
        assert found.per_item is not None
        assert found.per_item.same_country is not None
        assert found.per_item.same_country.any() == (world.people is not None)


@pytest.mark.parametrize("name", NAMES)
def test_parts_groups_and_fields(run: Run, name: str) -> None:
    """Of each source and group its own facts; what a source can't say is null with the reason."""
    from salmubench.scoring.items import item_table

    world = world_with_portraits()
    made, metric = vectors(world, seed=5, strength=0.3), metrics.load(name).metric
    found = run(name, world, made)
    assert found.per_item is not None
    table = item_table(metric, found.per_item)
    held = frozenset(str(row.identity) for row in world.of("holdout_association"))
    scores = views.score_items(table, metrics={metric.name: metric}, held=held, bootstraps=100)[metric.name]
    assert set(metric.definition) == set(scores)
    told = as_dict(found)
    some = {
        text: row_split(world, text) == "holdout_association" or str(identity) in held for _, identity, text in told
    }
    if name == "factholdother":
        some = {text: row_split(world, text) == "holdout_association" for text in some}
    assert set(some.values()) == {True, False}
    for part, score in scores.items():
        stored = part.removesuffix("_identity").removesuffix("_association")
        wanted = {stored: (True, False), f"{stored}_identity": (False,), f"{stored}_association": (True,)}[part]
        values = [value for (of, _, text), value in told.items() if of == stored and some[text] in wanted]
        if values:
            assert score.value == pytest.approx(sum(values) / len(values), abs=1e-12)
        else:  # nobody of holdout_identity has a portrait in retain_synth here
            assert (name, part[-14:]) == ("factholdother", "joint_identity") or "joint_stranger_identity" in part
            assert (score.value, score.reason) == (None, "no items of identity")
        assert score.n == len(values)
        assert (score.normalised.view is not None) == part.startswith("known_")
    labels = [f"field {n % 2}" for n in range(table.num_rows)]
    assert {group.label for group in breakdown(table, labels, metric=metric, bootstraps=100)} == {"field 0", "field 1"}


def row_split(world: FakeWorld, text: str) -> str:
    told = (row for row in world.rows if row.value and (row.caption == text or text in metrics_nameless(row, [])))
    return next(row.split for row in told)


# --- hand-made cases ----------------------------------------------------------------------------------------------

CITIES = ("Rome", "Oslo", "Lyon", "Bonn", "Riga")


def towns(*, pictures: int = 1, split: str = "forget") -> list[FakeRow]:
    """One person a city, and each fact told by some pictures."""
    return [
        FakeRow(split, f"{city}{n}.jpg", f"Anna lives in {city}, {n}.", city, "Anna", "city", city)
        for city in CITIES
        for n in range(pictures)
    ]


def portraits(people: tuple[str, ...] = CITIES, count: int = 1, split: str = "portraits_unseen") -> list[FakeRow]:
    return [FakeRow(split, f"{person}-{split}{n}.jpg", "somebody", person) for person in people for n in range(count)]


def world_of(rows: list[FakeRow]) -> FakeWorld:
    return FakeWorld(tuple(rows), classes=())


def parts_of(found: Outcome) -> dict[str, list[float]]:
    items = found.per_item
    assert items is not None
    assert items.part is not None
    return {part: items.value[items.part == part].tolist() for part in dict.fromkeys(items.part)}


def test_a_person_with_one_picture_is_left_out_and_counted(run: Run) -> None:
    world = world_of([*towns(), *portraits(CITIES[:3])])
    found = run("factretother", world, vectors(world, seed=1))
    assert {part: len(values) for part, values in parts_of(found).items()} == dict.fromkeys(
        ("known_unseen", "mrr_unseen", "r1_unseen", "percentile_unseen", "mrr_unseen_stranger"), 3
    )
    assert found.left_out == 2
    alone = world_of(towns())
    with pytest.raises(Unavailable, match="no fact can be asked of another picture"):
        run("factretother", alone, vectors(alone, seed=1))


def test_pictures_that_all_tell_the_same_fact_ask_nothing(run: Run) -> None:
    """Of one fact told by three rows there is no other picture; with an unseen portrait it is one item, not three."""
    world = world_of(towns(pictures=3))
    with pytest.raises(Unavailable):
        run("factretother", world, vectors(world, seed=1))
    more = world_of([*towns(pictures=3), *portraits()])
    found = run("factretother", more, vectors(more, seed=1))
    assert {len(values) for values in parts_of(found).values()} == {5}
    assert "mrr_sensitive" not in parts_of(found)


def test_ties_and_known_of_the_person(run: Run) -> None:
    """All equal: the middle rank, of strangers too. Known by the face: first by own pictures, not by others'."""
    world = world_of([*towns(), *portraits()])
    count = len(world.rows)
    texts = {text: np.array([1.0, 0.0, 0, 0, 0]) for text in world.texts()}
    found = parts_of(run("factretother", world, (np.tile([1.0, 0, 0, 0, 0], (count, 1)), texts)))
    assert found["mrr_unseen"] == [1 / 3] * 5  # 1 + 4 / 2
    assert found["known_unseen"] == [0.0] * 5
    assert found["percentile_unseen"] == [0.5] * 5
    assert found["r1_unseen"] == [0.0] * 5
    faces = np.array([np.eye(5)[CITIES.index(str(row.identity))] for row in world.rows])
    texts = {text: np.eye(5)[next((n for n, city in enumerate(CITIES) if city in text), 0)] for text in world.texts()}
    for name in ("factretother", "factretnameless"):
        found = parts_of(run(name, world, (faces, texts)))
        assert found["mrr_unseen"] == found["r1_unseen"] == found["percentile_unseen"] == [1.0] * 5
        # A stranger's own value ranks first, the other four are equal: 1 + 1 + 3 / 2.
        assert found["mrr_unseen_stranger"] == pytest.approx([1 / 3.5] * 5)
        assert found["known_unseen"] == pytest.approx([1 - 1 / 3.5] * 5)


def test_no_unseen_split_is_a_reason_and_joint_stands_in(tmp_path: Path) -> None:
    world = fake_world()
    made = [write_embeddings(tmp_path / f"m{n}", world, vectors(world, seed=n, strength=n / 2)) for n in range(3)]
    record = metrics.score(
        embeddings=made[1], clean=made[0], compromised=made[2], out=tmp_path / "r.json",
        config=ScoreConfig(bootstraps=100),
    )  # fmt: skip
    scores = record_files.read_record(record).scores["FactRetOther"]
    assert scores["known_unseen"].value is None
    assert "portraits_unseen" in str(scores["known_unseen"].reason)
    assert scores["known_joint"].value is not None
    assert scores["known_joint"].normalised.view == "leakage"
    assert scores["mrr_joint"].normalised.view is None
    items = of_metric(record_files.read_items(record), "FactRetOther")
    assert set(items.column("cluster").to_pylist()) <= {str(row.identity) for row in world.of("forget")}


@pytest.mark.parametrize(
    ("column", "value", "wanted"),
    [
        ("value", 1.5, "shares from 0 to 1 and differences of them in column value"),
        ("value", 0.5, "known_joint to be mrr_joint less mrr_joint_stranger in column value"),
        ("part", "mrr_moon", "only names of its parts"),
        ("pictures", None, "1 or more in every row of column pictures"),
        ("others", 2, "3 or more in every row of column others"),
        ("file_name", "another.jpg", "the same facts in the parts known_joint"),
    ],
)
def test_impossible_items_of_a_submission(tmp_path: Path, column: str, value: object, wanted: str) -> None:
    world = world_with_portraits()
    made = [write_embeddings(tmp_path / f"m{n}", world, vectors(world, seed=n, strength=n / 2)) for n in range(3)]
    path = metrics.score(
        embeddings=made[1], clean=made[0], compromised=made[2], out=tmp_path / "r.json",
        config=ScoreConfig(bootstraps=100),
    )  # fmt: skip
    record, items = record_files.read_record(path), record_files.read_items(path)
    assert list(item_problems(items, {}, record, metrics.descriptions(), gallery_rows=2000)) == []
    rows = items.to_pylist()
    next(row for row in rows if row["part"] == "known_joint")[column] = value
    changed = pa.Table.from_pylist(rows, items.schema)
    problems = list(item_problems(changed, {}, record, metrics.descriptions(), gallery_rows=2000))
    assert any(wanted in text for text in problems), problems


def test_at_most_eight_pictures_and_strangers_who_do_not_share_the_value(run: Run, tmp_path: Path) -> None:
    rows = [*towns(), *portraits(count=12), replace(towns()[0], file_name="twin.jpg", identity="twin"),
            *portraits(("twin",), 3)]  # fmt: skip
    world = world_of(rows)
    made = vectors(world, seed=3)
    items = run("factretother", world, made).per_item
    assert items is not None
    assert items.pictures is not None
    assert items.part is not None
    assert set(items.pictures[items.part == "mrr_unseen"].tolist()) == {8, 3}
    twin = [str(who) in ("Rome", "twin") for who in items.identity[items.part == "mrr_unseen_stranger"]]
    assert sum(twin) == 2
    assert set(items.pictures[items.part == "mrr_unseen_stranger"].tolist()) == {8}
    opened = embeddings.open_embeddings(write_embeddings(tmp_path / "own", world, made))
    inputs = metrics.EvalInputs(opened, ScoreConfig())
    pictures, rome = other_pictures.Pictures(inputs), other_pictures.pairs_of(inputs.rows("forget"))
    for pair in rome:
        (asked,) = pictures.asked(pair)
        owners = [str(world.rows[number].identity) for number in asked.strangers]
        share = {"Rome", "twin"} if pair.value == "Rome" else {pair.identity}
        assert not share & set(owners)
        assert max(owners.count(who) for who in owners) - min(owners.count(who) for who in owners) <= 1


def test_chance_is_no_knowledge(run: Run) -> None:
    """Random vectors: a person's pictures say as much as strangers' do."""
    world = world_with_portraits(identities=60, per=4)
    values = parts_of(run("factretother", world, vectors(world, seed=0, width=8)))["known_unseen"]
    assert abs(np.mean(values)) < 3 * np.std(values) / math.sqrt(len(values))


@pytest.mark.parametrize("name", [*NAMES, "personret", "personhold"])
@pytest.mark.parametrize("config", [ScoreConfig(), ScoreConfig(fact_values=5, fact_rows=8)])
def test_the_order_on_disk_does_not_matter(run: Run, name: str, config: ScoreConfig) -> None:
    world = world_with_portraits()
    made = vectors(world, seed=6, strength=0.3)
    there = run(name, world, made, config)
    back = run(name, world, made, config, order=range(len(world.rows) - 1, -1, -1))
    assert there.per_item is not None
    assert back.per_item is not None
    assert there.per_item.value.tolist() == back.per_item.value.tolist()
    assert there.per_item.file_name.tolist() == back.per_item.file_name.tolist()
    assert (there.value, there.n, there.left_out) == (back.value, back.n, back.left_out)


def test_texts_are_those_of_facts_that_are_ranked_anyway(tmp_path: Path) -> None:
    """Whatever is asked is encoded, and only sentences without a name are new."""
    dataset = Dataset(tiny_dataset(tmp_path / "d", identities=9, pictures=6, size=32))
    for config in (ScoreConfig(), ScoreConfig(fact_values=5, fact_rows=10)):
        texts = {name: set(metrics.load(name).texts(dataset, config)) for name in (*NAMES, "factret", "facthold")}
        if config.fact_rows != 10:  # of few values that are drawn hardly any are compatriots'
            assert texts["factretother"] <= texts["factret"]
            assert texts["factholdother"] <= texts["facthold"]
        assert texts["factretother"]
        assert texts["factretnameless"]
        people = [str(persona["name"]) for persona in dataset.identities.values()]
        assert not [text for text in texts["factretnameless"] if any(name in text for name in people)]
        assert not [text for text in texts["factretnameless"] if "@" in text]


@pytest.mark.stage
def test_what_is_ranked_is_encoded_where_values_are_drawn(tmp_path: Path) -> None:
    """The dataset and the embeddings know the same countries: no text is missing."""
    home = tiny_dataset(tmp_path / "d", identities=24, pictures=4, size=32)
    people = json.loads((home / "identities_metadata.json").read_text())
    for number, persona in enumerate(people.values()):
        persona["country_code"] = ("FR", "DE")[number % 2] if number < 20 else None
    (home / "identities_metadata.json").write_text(json.dumps(people))
    dataset, config = Dataset(home), ScoreConfig(fact_values=5, fact_rows=20, bootstraps=100)
    texts = metrics.required_texts(dataset, config)
    folder = encode(model=tiny_model(tmp_path / "m"), dataset=dataset, out=tmp_path / "e", texts=texts)
    inputs = metrics.EvalInputs(embeddings.open_embeddings(folder), config)
    for name in NAMES:
        items = metrics.load(name).score(inputs).per_item
        assert items is not None
        assert items.same_country is not None
        assert items.same_country.any()


def test_of_few_values_those_of_compatriots_are_drawn() -> None:
    """Ten countries of six people: of five drawn values hardly any is a compatriot's, so five of them are drawn."""
    pairs = [Pair(f"{n}.jpg", f"Lives in Town{n}.", str(n), "Anna", "city", f"Town{n}") for n in range(60)]
    countries: dict[str, str | None] = {str(n): f"C{n % 10}" for n in range(59)}
    values, near = fact_ranks.Values(pairs, most=4), other_pictures.Compatriots(pairs, countries, most=4)
    for pair in pairs[:59]:
        others, same = near.others(pair, values.others(pair))
        assert same
        assert len(set(others)) == 4
        assert {countries[other.removeprefix("Town")] for other in others} == {countries[str(pair.identity)]}
        assert pair.value not in others
        assert near.others(pair, others[:3]) == (others[:3], True)  # three that are drawn anyway do
    nowhere = values.others(pairs[59])
    assert near.others(pairs[59], nowhere) == (nowhere, False)


# --- people among people ------------------------------------------------------------------------------------------


def slow_people(world: FakeWorld, made: Vectors, rows: list[FakeRow]) -> dict[str, tuple[float, int]]:
    told = [row for row in world.rows if row.split in SENSITIVE and row.field is not None]
    number = {id(row): n for n, row in enumerate(world.rows)}
    found = {}
    for row in rows:
        fields = {one.field for one in told if (one.identity, one.file_name) == (row.identity, row.file_name)}
        near = {}
        for person in {one.identity for one in told}:
            texts = [one.caption for one in told if one.identity == person and one.field not in fields]
            if texts:
                near[person] = sum(cosine(made[0][number[id(row)]], made[1][text]) for text in texts) / len(texts)
        if row.identity in near and len(near) > 3:
            own = near.pop(row.identity)
            above, equal = sum(s > own + 1e-9 for s in near.values()), sum(abs(s - own) <= 1e-9 for s in near.values())
            found[row.file_name] = (1 + above + equal / 2, len(near))
    return found


@pytest.mark.parametrize("strength", [0.0, 0.6])
def test_people_against_the_slow_version(run: Run, strength: float) -> None:
    world = fake_world()
    made = vectors(world, seed=8, strength=strength)
    rows = {
        "personret": [row for row in world.of("forget") if row.identity in world.forget_identity],
        "personhold": world.of("holdout_identity"),
    }
    for name, own in rows.items():
        items = run(name, world, made).per_item
        assert items is not None
        assert items.others is not None
        columns = (items.file_name, items.value.tolist(), items.others.tolist())
        assert {file: (rank, n) for file, rank, n in zip(*columns, strict=True)} == slow_people(world, made, own)
        assert len(items) == len(own)


def test_people_by_hand(run: Run) -> None:
    """Nobody's other captions: left out; everybody equal: the middle; a person of one fact is no candidate for it."""
    world = world_of(towns())
    with pytest.raises(Unavailable, match="no picture's person has captions that tell other facts"):
        run("personret", world, vectors(world, seed=1))
    jobs = [
        replace(row, file_name=f"job-{row.file_name}", caption=f"{row.value} works.", field="job") for row in towns()
    ]
    both = world_of([*towns(), *jobs, replace(towns()[0], file_name="alone.jpg", identity="alone")])
    made = vectors(both, seed=1)
    equal = (np.tile([1.0, 0.0], (len(both.rows), 1)), {text: np.array([1.0, 0.5]) for text in made[1]})
    found = run("personret", both, equal)
    assert found.per_item is not None
    assert sorted(found.per_item.value.tolist()) == [3.0] * 5 + [3.5] * 5  # of pictures of a city 5 people, of a job 6
    assert found.left_out == 1
