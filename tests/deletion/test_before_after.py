"""A model before and after a deletion, from hand-made embeddings: differences, levels, answers, the page."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from deletion_world import FEW, PEOPLE, compared, known, pairs_of, written
from fake_embeddings import FakeRow, FakeWorld, fake_world, sensitive, vectors, write_embeddings
from salmubench.clip.embeddings import open_embeddings
from salmubench.core.errors import DatasetError, EmbeddingsError, OutputError, RecordError
from salmubench.core.types import SENSITIVE_SPLITS, Split
from salmubench.deletion import page as deletions
from salmubench.deletion.before_after import evaluate_before_after, side_files, write_page
from salmubench.deletion.findings import answers
from salmubench.deletion.guessed import guessed
from salmubench.deletion.record import Change, read_deletion
from salmubench.deletion.strangers import STRANGERS, strangers, told_of
from salmubench.scoring.fact_ranks import Values
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.record_files import read_items_file


@pytest.fixture(scope="module")
def world() -> FakeWorld:
    return fake_world()


@pytest.fixture(scope="module")
def folders(world, tmp_path_factory) -> dict[str, Path]:
    return written(tmp_path_factory.mktemp("models"), world, knows=6.0, never=0.0, little=1.0, hides=-6.0)


@pytest.fixture(scope="module")
def forgot(world, folders, tmp_path_factory):
    return compared(tmp_path_factory.mktemp("forgot"), world, folders["knows"], folders["never"])


def test_a_model_that_forgot(forgot):
    found = forgot.findings
    assert (found["knew"], found["weaker"]) == ("yes", "yes")
    assert found["known"] != "yes"
    assert forgot.verdict is None
    assert "No verdict" in forgot.no_verdict
    change = forgot.changes["RetFail"]["mrr"]
    assert change.difference == pytest.approx(change.after - change.before)
    assert change.ci95[1] < 0
    assert (change.units, change.n) == (8, 32)


def test_each_number_states_its_own_people(forgot, world):
    """A part about some people is resampled over these: its units are not those of all."""
    whole, told = world.forget_identity, forgot.changes["RetFail"]
    people = {row.identity for row in world.of("forget")}
    assert 0 < len(whole) < len(people)
    assert [told[part].units for part in ("mrr", "mrr_identity", "r1_association")] == [
        len(people), len(whole), len(people - whole),
    ]  # fmt: skip
    holdouts = {split: {row.identity for row in world.of(f"holdout_{split}")} for split in ("identity", "association")}
    for split, kept in holdouts.items():
        assert forgot.changes["FactHold"][f"mrr_{split}"].units == len(kept)
    known = forgot.changes["GenKnow"]
    assert [known[part].units for part in ("value", "shown", "hidden")] == [4, 3, 1]


def test_the_same_model_twice(world, folders, tmp_path):
    record = compared(tmp_path, world, folders["knows"], folders["knows"])
    assert {change.difference for parts in record.changes.values() for change in parts.values()} <= {0.0, None}
    assert {record.findings[question] for question in ("known", "value_known", "knew")} == {"yes"}
    assert record.levels["strangers"].left == 1.0
    assert (record.findings["weaker"], record.findings["damaged"]) == ("can't tell", "can't tell")
    assert deletions.headline(record) == "Both models are the same: nothing was deleted"


def named(sha256: str, outputs: dict) -> None:
    outputs["model"].update(sha256=sha256)


def test_another_photo_comes_first(tmp_path):
    """Photos that no model was trained with, each near all that its person's own photos are near."""
    base = fake_world()
    people = sorted({row.identity for row in base.of("forget")})
    new = [FakeRow("portraits_unseen", f"{who}_9{n}_ar-1.00.jpg", "a man", who) for who in people for n in range(2)]
    world = base.with_rows([*base.rows, *new])
    folders = {}
    for name, strength in (("knows", 6.0), ("never", 0.0)):
        images, texts = known(world, seed=1, strength=strength)
        for place, row in enumerate(world.rows):
            if row.split == "portraits_unseen":
                own = [one.identity == row.identity and one.split == "forget" for one in world.rows]
                images[place] = images[own].sum(axis=0)
        change = partial(named, {"knows": "a", "never": "b"}[name] * 64)
        folders[name] = write_embeddings(tmp_path / name, world, (images, texts), change=change)
    same = compared(tmp_path / "same", world, folders["knows"], folders["knows"])
    level = same.levels["new_photo"]
    assert (level.metric, level.part, level.left) == ("FactRetOther", "known_unseen", 1.0)
    assert same.findings["new_photo"] == "yes"
    gone = compared(tmp_path / "gone", world, folders["knows"], folders["never"])
    assert gone.findings["new_photo"] != "yes"
    assert deletions.sentences(gone)[0].startswith("Does another photo of them still yield their facts? ")
    exact = compared(tmp_path / "exact", world, folders["knows"], folders["never"], retrained=folders["never"])
    assert exact.findings["new_photo"] == "no"
    assert exact.levels["new_photo"].above_after == 0.0
    # One person's values tell the name, or the name the values: asked only where another model says what that gives.
    rows = [replace(row, name=row.value) if row.identity == people[0] else row for row in world.rows]
    telling = world.with_rows(rows)
    untold = compared(tmp_path / "untold", telling, folders["knows"], folders["never"])
    assert untold.levels["new_photo"].people == level.people - 1
    told = compared(tmp_path / "told", telling, folders["knows"], folders["never"], retrained=folders["never"])
    assert told.levels["new_photo"].people == level.people


def test_in_worlds_of_development_retrained_reads_as_forgotten_and_finetuning_as_not() -> None:
    """As `benchmarks/gold_deletions.py` found; each page alone and beside a model that never saw the facts."""
    path = Path(__file__).parents[2] / "results" / "gold_standard" / "deletions.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    assert len(content["worlds"]) >= 8
    assert {row["model"] for row in content["pages"]} >= {"retrained", "finetuning-5x"}
    for row in content["pages"]:
        left = {row["findings"][question] for question in ("new_photo", "known", "value_known")}
        if row["model"] == "retrained":
            assert "yes" not in left
            assert "still shows" not in row["headline"]
            assert row["findings"]["weaker"] == "yes"
        if row["model"] == "finetuning-5x":
            assert left == {"yes"}
            assert "still shows" in row["headline"]


def test_without_another_photo_that_is_said(forgot):
    joint = forgot.levels["new_photo"]
    assert joint.part in ("known_joint", "known_unseen")
    assert forgot.findings["new_photo"] in ("no", "can't tell")


def test_swapped_models(world, folders, tmp_path):
    record = compared(tmp_path, world, folders["never"], folders["knows"])
    assert record.findings["weaker"] == "no"
    assert "are the two swapped?" in deletions.headline(record)


def test_less_than_a_tenth_wins_over_more_than_nothing(forgot):
    """Whatever lies above strangers for sure: what counts is how much of what was known is left."""
    level = replace(forgot.levels["strangers"], above_after_ci95=(0.0001, 0.0004))
    cases = [((0.01, 0.05), "no"), ((0.05, 0.2), "can't tell"), ((0.2, 0.3), "yes"), (None, "yes")]
    for ends, expected in cases:
        levels = {**forgot.levels, "strangers": replace(level, left_ci95=ends)}
        assert answers(forgot.changes, levels, forgot.protocol.metrics)["known"] == expected


@pytest.mark.parametrize(
    ("strangers", "values", "said"),
    [
        ((0.5, 0.9), (0.0, 0.05), "got weaker, but still shows: about 70 % of what was known is left"),
        ((0.0, 0.05), (0.01, 0.09), "no longer shows: less than 10 % of what was known is left"),
        ((-0.02, 0.05), (0.01, 0.2), "Little is left: at most 20 % of what was known, and perhaps nothing"),
        ((-0.2, 0.05), (0.01, 0.6), "how much is left can’t be told: at most 60 %"),
    ],
)
def test_the_headline_is_graded(forgot, strangers, values, said):
    given = {"strangers": strangers, "other_values": values}
    levels = {
        **forgot.levels,
        **{name: replace(forgot.levels[name], left=sum(ends) / 2, left_ci95=ends) for name, ends in given.items()},
    }
    found = answers(forgot.changes, levels, forgot.protocol.metrics)
    record = replace(forgot, levels=levels, findings={**found, "damaged": "can't tell"})
    assert said in deletions.headline(record).replace("\u202f", " ")
    worse = replace(record, findings={**record.findings, "damaged": "yes"})
    assert deletions.headline(worse).endswith(", but things that were to stay got worse")


def test_beside_a_model_that_was_trained_without_the_facts(world, folders, tmp_path):
    """What is left is measured from it: against itself nothing is."""
    exact = compared(tmp_path / "exact", world, folders["knows"], folders["never"], retrained=folders["never"])
    for name in ("retrained", "retrained_values"):
        level = exact.levels[name]
        assert (level.after, level.above_after, level.left) == (level.level_after, 0.0, 0.0)
    assert (exact.findings["known"], exact.findings["value_known"], exact.retrained.name) == ("no", "no", "never")
    page = deletions.page(exact)
    assert "no longer shows" in deletions.headline(exact)
    assert "in the model without these facts" in page
    assert '<span aria-hidden="true">✓</span> no' in page
    kept = compared(tmp_path / "kept", world, folders["knows"], folders["knows"], retrained=folders["never"])
    assert kept.findings["known"] == "yes"


def test_values_asked_of_other_people_beside_a_slow_version(folders, world):
    opened = open_embeddings(folders["little"])
    items = guessed().score(EvalInputs(opened, FEW)).per_item
    rows = sorted(world.of("forget"), key=lambda row: row.file_name)
    every = [row for split in SENSITIVE_SPLITS for row in world.of(split)]
    expected = []
    for row in rows:
        shares = []
        for other in rows:
            own = {one.value for one in every if (one.identity, one.field) == (other.identity, other.field)}
            if other.field != row.field or row.value in own:
                continue
            values = sorted({one.value for one in every if one.field == row.field} - own - {row.value})
            image = opened.images[opened.index.column("file_name").to_pylist().index(other.file_name)]

            def fit(value: str, other: FakeRow = other, image: np.ndarray = image) -> float:
                return float(image @ opened.texts[opened.text_rows[other.caption.replace(other.value, value)]])

            shares.append(np.mean([fit(value) < fit(row.value) for value in values]))
        expected.append(np.mean(shares))
    assert list(items.file_name) == [row.file_name for row in rows]
    assert items.value == pytest.approx(expected)


def test_a_model_that_never_knew(world, folders, tmp_path):
    nearly = written(tmp_path / "models", world, nearly=0.01)["nearly"]
    record = compared(tmp_path, world, folders["never"], nearly)
    assert record.findings["knew"] == "can't tell"
    assert record.levels["strangers"].left is None
    assert record.people_needed.get("known") is None
    assert "did not measurably know" in deletions.headline(record)


def test_captions_pushed_away_are_a_trace(world, folders, tmp_path):
    record = compared(tmp_path, world, folders["knows"], folders["hides"])
    assert record.findings["below"] == "yes"
    assert record.levels["strangers"].above_after < 0
    assert any("suppressed, not unknown" in line for line in deletions.sentences(record))


def test_damage(world, folders, tmp_path):
    """Classes lean to their pictures in the model before, and not in the one after."""
    record = compared(tmp_path, world, folders["knows"], folders["never"])
    assert record.changes["GenKnow"]["value"].ci95[1] < 0
    assert record.findings["damaged"] == "yes"
    assert any("GenKnow" in line for line in deletions.sentences(record))


def test_answer_and_sentence_about_damage_are_of_the_same_numbers(forgot):
    """What no table shows answers nothing, and an end that rounding has left below 0 is 0."""
    zero = Change(0.2, 0.0, -0.2, (-0.3, -5.6e-17), 5, 2, None)
    unseen = Change(0.5, 0.1, -0.4, (-0.5, -0.3), 5, 2, None)
    changes = {"GenKnow": {"value": zero}, "FactHold": {"r1_association": unseen}}
    found = answers(changes, forgot.levels, forgot.protocol.metrics)
    assert found["damaged"] == "can't tell"
    record = replace(forgot, changes=changes, findings=found)
    assert "can't tell: None of 1 number fell beyond chance" in deletions.sentences(record)[-1]
    changes["GenKnow"]["value"] = replace(zero, ci95=(-0.3, -0.1))
    assert answers(changes, forgot.levels, forgot.protocol.metrics)["damaged"] == "yes"


def test_below_strangers_is_no_trace_of_what_was_never_known(forgot):
    record = replace(forgot, findings={**forgot.findings, "knew": "can't tell", "below": "yes"})
    (line,) = [line for line in deletions.sentences(record) if "lower than strangers" in line]
    assert "suppressed" not in line
    assert "did not measurably know them" in line


def test_chance_is_the_mean_over_all_orders(forgot, world):
    """Slow: of each row the candidates are its caption and the others' in the gallery."""
    gallery = [row.caption for row in world.rows if row.split == "forget" or row.file_name.startswith("d_")]
    means = []
    for row in world.of("forget"):
        size = 1 + sum(text != row.caption for text in gallery)
        means.append(np.mean([1 / rank for rank in range(1, size + 1)]))
    level = forgot.levels["chance"]
    assert level.level_after == pytest.approx(np.mean(means))
    assert level.above_after == pytest.approx(level.after - level.level_after)
    assert (level.n, level.people) == (32, 8)


def test_strangers_beside_a_slow_version(folders, world):
    opened = open_embeddings(folders["little"])
    inputs = EvalInputs(opened, FEW)
    items = strangers(PEOPLE).score(inputs).per_item
    pairs = pairs_of(world)
    values = Values([pair for split in SENSITIVE_SPLITS for pair in pairs[split]], most=FEW.fact_values)
    gallery = list(inputs.gallery.caption)
    texts = {text: opened.texts[row].astype(np.float64) for text, row in opened.text_rows.items()}
    texts = {text: vector / np.linalg.norm(vector) for text, vector in texts.items()}
    slow = {}
    for number, pair in enumerate(inputs.rows(Split.FORGET).file_name):
        row = next(one for one in pairs[Split.FORGET] if one.file_name == pair)
        image = opened.images[inputs.rows(Split.FORGET).image_row[number]].astype(np.float64)
        told = told_of(row, PEOPLE, values)
        assert len(told) == STRANGERS
        ranks = []
        for text in told:
            own = image @ texts[text]
            others = [image @ texts[other] for other in gallery if other not in (row.caption, text)]
            ranks.append(1 + sum(other > own for other in others))
        slow[pair] = np.mean([1 / rank for rank in ranks])
    assert dict(zip(items.file_name, items.value, strict=True)) == pytest.approx(slow)


def test_strangers_tell_nothing_of_the_person():
    rows = [sensitive("forget", number, 0) for number in range(3)]
    pairs = pairs_of(FakeWorld(tuple(rows)))[Split.FORGET]
    values = Values(pairs, most=100)
    told = told_of(pairs[0], PEOPLE, values)
    assert len(set(told)) == STRANGERS
    assert told == told_of(pairs[0], PEOPLE, values)
    assert not any(part in text for text in told for part in (pairs[0].name, pairs[0].value))
    custom = replace(pairs[0], field="hobby", value="City0v0")  # of a field that strangers lack: somebody else's value
    others = Values([custom, replace(custom, identity="9", value="chess")], most=100)
    assert all("is chess." in text for text in told_of(custom, PEOPLE, others))
    assert told_of(custom, PEOPLE, Values([custom], most=100)) == [], (
        "nobody else has one: it would tell the true value"
    )
    some = [replace(person, values={"city": "Ulm"}) if number % 2 else replace(person, values={})
            for number, person in enumerate(PEOPLE)]  # fmt: skip
    lacking = told_of(replace(pairs[0], value="City0v0"), some, others)
    assert all("Ulm" in text for text in lacking), "of a field that some strangers lack: another stranger's value"
    true = replace(pairs[0], caption=pairs[0].caption.replace(pairs[0].value, "Ulm"), value="Ulm")
    assert told_of(true, some, Values([true], most=100)) == [], "the strangers' only value is the true one"
    assert told_of(replace(custom, name="Somebody Else"), PEOPLE, others) == []


def test_numbers_follow_from_the_side_files(forgot, world, folders, tmp_path):
    record = compared(tmp_path, world, folders["knows"], folders["never"])
    assert replace(record, provenance=forgot.provenance) == forgot
    _, before, after = (read_items_file(path) if "items" in path.name else None for path in
                        side_files(tmp_path / "deletion.json"))  # fmt: skip
    for table, value in ((before, record.levels["strangers"].before), (after, record.levels["strangers"].after)):
        ranks = [row["value"] for row in table.to_pylist() if row["metric"] == "RetFail"]
        assert np.mean([1 / rank for rank in ranks]) == pytest.approx(value)
    assert sum(row.pictures for row in record.people) == 32
    assert np.average([row.after for row in record.people], weights=[row.pictures for row in record.people]) == (
        pytest.approx(record.levels["chance"].after)
    )


def test_a_second_call_does_nothing(world, folders, tmp_path):
    compared(tmp_path, world, folders["knows"], folders["never"])
    times = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    compared(tmp_path, world, folders["knows"], folders["never"])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == times
    side_files(tmp_path / "deletion.json")[1].unlink()
    compared(tmp_path, world, folders["knows"], folders["never"])
    assert side_files(tmp_path / "deletion.json")[1].is_file()


def test_one_person_has_no_interval(tmp_path):
    world = FakeWorld(tuple(sensitive("forget", 0, number) for number in range(4)), classes=())
    folders = written(tmp_path, world, before=6.0, after=0.0)
    record = compared(tmp_path / "out", world, folders["before"], folders["after"])
    assert record.changes["RetFail"]["mrr"].ci95 is None
    assert record.levels["strangers"].above_after_ci95 is None
    assert set(record.findings.values()) == {"can't tell"}
    page = deletions.page(record)
    assert "needs 2 people, and 1 is measured" in page
    assert "at least 2 people" in page
    assert record.changes["InterIdSim"]["value"].reason == "no rows in holdout_identity"


def test_other_datasets_are_refused(world, folders, tmp_path):
    other = write_embeddings(tmp_path / "other", world, known(world, seed=1, strength=0.0), fingerprint="e" * 64)
    with pytest.raises(EmbeddingsError, match="Expected both models on one dataset"):
        compared(tmp_path / "out", world, folders["knows"], other)
    bare = write_embeddings(tmp_path / "bare", world, vectors(world, seed=1))
    with pytest.raises(EmbeddingsError):  # without the strangers' texts
        compared(tmp_path / "out", world, folders["knows"], bare)
    assert not (tmp_path / "out" / "deletion.json").exists()


def test_a_question_without_answer_is_refused(world, folders, tmp_path):
    compared(tmp_path, world, folders["knows"], folders["never"])
    path = tmp_path / "deletion.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    del data["findings"]["known"], data["findings"]["damaged"]
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(RecordError, match=r"every question answered in .*deletion\.json, got no known, damaged"):
        read_deletion(path)


def test_other_files_are_refused(forgot, world, folders, tmp_path, submittable):
    record = next((submittable / "records").glob("cliperase-5x.json"))
    with pytest.raises(RecordError, match="Expected the record of a model before and after a deletion"):
        read_deletion(record)
    with pytest.raises(RecordError, match=r"Run salmubench evaluate --before … --after … again\."):
        read_deletion(tmp_path / "nothing.json")
    with pytest.raises(RecordError, match="Expected a record with attacks at"):
        compared(tmp_path, world, folders["knows"], folders["never"], attacked=record)


def test_the_page_names_nobody_and_escapes(world, tmp_path):
    bad = "<script>alert(1)</script>"
    rows = [replace(row, field=bad if row.field == "city" else row.field) for row in world.rows]
    odd = world.with_rows(rows)
    folders = written(tmp_path, odd, before=6.0, after=0.0)
    record = compared(tmp_path / "out", odd, folders["before"], folders["after"])
    assert record.asked.fields[bad] > 0
    path = write_page(tmp_path / "out" / "deletion.json", tmp_path / "deletion.html")
    page = path.read_text(encoding="utf-8")
    assert bad not in page
    assert "&lt;script&gt;" in page
    names = {row.name for row in odd.rows if row.name}
    values = {row.value for row in odd.rows if row.value}
    assert not any(text in page for text in names | values)
    assert "default-src 'none'" in page
    assert "No attacks were run" in page
    assert "http" not in page.replace("http-equiv", "")


def test_attacks_that_were_run_stand_on_the_page(forgot):
    from fuzz.seeds import attacked_rows, attacks_section

    section = attacks_section(attacked_rows())
    page = deletions.page(replace(forgot, attacks=section))
    assert "No attacks were run" not in page
    assert "What came back" in page


def test_records_are_checked(forgot, tmp_path):
    from salmubench.core import writing

    content = json.loads(writing.json_text(forgot, where="x"))
    for change in ({"verdict": "fine"}, {"schema_version": 2}, {"findings": {"known": "perhaps"}}, {"more": 1}):
        (tmp_path / "deletion.json").write_text(json.dumps(content | change))
        with pytest.raises(RecordError):
            read_deletion(tmp_path / "deletion.json")


def test_no_rows_at_all(tmp_path):
    row = FakeRow("retain_synth", "d_0.jpg", "a wall")
    world = FakeWorld((row,), classes=())
    folders = written(tmp_path, world, before=1.0, after=0.0)
    record = compared(tmp_path / "out", world, folders["before"], folders["after"])
    assert record.asked.people == 0
    assert record.levels["other_values"].reason
    assert "the same" in deletions.headline(record) or "did not measurably" in deletions.headline(record)


@pytest.mark.parametrize("report", [".", "file/page.html", "deletion.json"])
def test_a_page_that_cannot_be_written_is_refused_first(report: str, tmp_path: Path) -> None:
    """Before the models are looked at: these aren't even there."""
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match="Expected an HTML file that can be written"):
        evaluate_before_after(
            before="absent", after="absent", dataset="absent", out=tmp_path / "deletion.json", report=tmp_path / report
        )
    with pytest.raises(DatasetError):
        evaluate_before_after(
            before="absent", after="absent", dataset="absent", out=tmp_path / "deletion.json",
            report=tmp_path / "new" / "page.html",
        )  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
