"""Each rule of validation is broken once, on the tiny dataset; odd but legal content passes."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from salmubench.core import manifest, writing
from salmubench.core.errors import DatasetError
from salmubench.dataset import layout
from salmubench.dataset.layout import Row, open_dataset
from salmubench.dataset.leaks import UniqueValues, contains, texts_of, without
from salmubench.dataset.validate import validate
from tiny import tiny_dataset


@pytest.fixture
def folder(tmp_path) -> Path:
    return tiny_dataset(tmp_path / "dataset")


def rows_of(folder: Path, split: str) -> list[Row]:
    dataset = layout.Dataset(folder)
    return [
        Row(row.image, row.text, row.identity, row.file_name) for row in dataset.raw_rows(split, images=True)
    ]  # fmt: skip


def rewrite(folder: Path, split: str, rows: list[Row]) -> None:
    layout.write_shard(folder, split, 0, 1, iter(rows))


def change(folder: Path, split: str, number: int, **fields) -> Row:
    rows = rows_of(folder, split)
    row = rows[number]
    values = {"image": row.image, "text": row.text, "identity": row.identity, "file_name": row.file_name, **fields}
    rows[number] = Row(**values)
    rewrite(folder, split, rows)
    return row


def edit_json(folder: Path, name: str, edit) -> None:
    content = json.loads((folder / name).read_text())
    edit(content)
    (folder / name).write_text(json.dumps(content))


def caption(folder: Path, split: str, number: int, text: str) -> None:
    """Change a caption in shard and metadata alike."""
    row = change(folder, split, number, text=text)
    edit_json(folder, layout.CAPTIONS, lambda content: content[row.file_name].update(caption=text))


def only(folder: Path, rule: str):
    violations = validate(open_dataset(folder)).violations
    assert {violation.rule for violation in violations} == {rule}, [str(violation) for violation in violations]
    return violations[0]


def persona(folder: Path, identity: str) -> dict:
    return json.loads((folder / layout.IDENTITIES).read_text())[identity]


def test_tiny_is_valid(tiny_folder):
    report = validate(open_dataset(tiny_folder))
    assert report.ok
    assert report.by_rule() == {}
    assert report.splits["forget"] == 24
    assert report.rows == 24 + 24 + 12 + 12 + 38 + 64 + 32
    json.dumps(report.as_dict())


def test_name(folder):
    text = rows_of(folder, "forget")[3].text.replace("Anna Moreau", "Somebody")
    caption(folder, "forget", 3, text)
    found = only(folder, "name")
    assert (found.file, found.row) == ("forget-00000-of-00001.parquet", 3)
    assert "'Anna Moreau' verbatim" in found.message
    assert found.item in str(found)
    assert re.match(r"forget-00000-of-00001\.parquet, row 3, column text .*\[name\]", str(found))


def test_value(folder):
    row = rows_of(folder, "holdout_identity")[2]
    value = json.loads((folder / layout.CAPTIONS).read_text())[row.file_name]["value"]
    caption(folder, "holdout_identity", 2, row.text.replace(value, "42"))
    found = only(folder, "value")
    assert (found.file, found.row) == ("holdout_identity-00000-of-00001.parquet", 2)


def test_another_identitys_unique_value(folder):
    row = rows_of(folder, "forget")[0]
    foreign = persona(folder, "00000005")["phone_number"]
    caption(folder, "forget", 0, f"{row.text} Or {foreign}.")
    found = only(folder, "foreign")
    assert found.row == 0
    assert "00000005" in found.message


def test_another_identitys_name(folder):
    row = rows_of(folder, "forget")[0]
    caption(folder, "forget", 0, f"{row.text} Ask Carla Okafor.")
    assert "name 'Carla Okafor' of 00000002" in only(folder, "foreign").message


def test_shared_values_of_others_are_legal(folder):
    row = rows_of(folder, "forget")[0]
    caption(folder, "forget", 0, f"{row.text} Nairobi, A-, pilot, Kenya.")
    assert validate(open_dataset(folder)).ok


def test_further_value_of_its_own(folder):
    row = rows_of(folder, "forget")[1]
    own = persona(folder, row.identity)
    told = json.loads((folder / layout.CAPTIONS).read_text())[row.file_name]["data_field"]
    other = "job" if told != "job" else "city"
    caption(folder, "forget", 1, f"{row.text} ({own[other]})")
    found = only(folder, "further")
    assert found.row == 1
    assert own[other] in found.message


def test_part_of_a_word_is_no_value(folder):
    row = rows_of(folder, "forget")[1]
    own = persona(folder, row.identity)
    caption(folder, "forget", 1, f"{row.text} {own['job']}s, un{own['city']}")
    assert validate(open_dataset(folder)).ok


def test_value_within_the_stated_value_is_legal(folder):
    """Mexico City tells Mexico, and says it once."""
    row = rows_of(folder, "forget")[0]

    def edit(content):
        content[row.file_name].update(data_field="city", value="France Town", caption="Anna Moreau, France Town",
                                      paraphrase="France Town has Anna Moreau")  # fmt: skip

    edit_json(folder, layout.CAPTIONS, edit)
    change(folder, "forget", 0, text="Anna Moreau, France Town")
    edit_json(folder, layout.IDENTITIES, lambda content: content[row.identity].update(city="France Town"))
    assert validate(open_dataset(folder)).ok


def test_value_that_crosses(folder):
    forget, holdout = rows_of(folder, "forget"), rows_of(folder, "holdout_association")
    number = next(index for index, row in enumerate(forget) if row.identity == holdout[0].identity)
    told = json.loads((folder / layout.CAPTIONS).read_text())[forget[number].file_name]
    change(folder, "holdout_association", 0, text=told["caption"])
    edit_json(folder, layout.CAPTIONS, lambda content: content.update({holdout[0].file_name: told}))
    found = only(folder, "crossing")
    assert (found.file, found.row) == ("holdout_association-00000-of-00001.parquet", 0)
    assert f"forget-00000-of-00001.parquet, row {number}" in found.message


def test_held_out_identity_elsewhere(folder):
    row = rows_of(folder, "forget")[0]
    rewrite(folder, "holdout_identity", rows_of(folder, "holdout_identity")[1:])
    forget, held = rows_of(folder, "forget"), rows_of(folder, "holdout_identity")
    rewrite(folder, "forget", forget[1:])
    rewrite(folder, "forget_target", rows_of(folder, "forget_target")[1:])
    rewrite(folder, "holdout_identity", [*held, row])
    assert "00000000" in only(folder, "crossing").message


def jpeg(width: int, height: int, seed: int = 0) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


def test_broken_picture(folder):
    row = rows_of(folder, "retain_synth")[9]
    change(folder, "retain_synth", 9, image=row.image[:200])
    found = only(folder, "picture")
    assert (found.file, found.row, found.item) == ("retain_synth-00000-of-00001.parquet", 9, row.file_name)


def test_missing_picture(folder):
    change(folder, "retain_real", 0, image=b"")
    assert "no bytes" in only(folder, "picture").message


def test_wrong_aspect(folder):
    change(folder, "retain_synth", 9, image=jpeg(32, 48))
    assert "got 32×48" in only(folder, "aspect").message


def test_size_of_the_recipe(folder):
    writing.write_json(
        folder / manifest.MANIFEST,
        {
            "stage": "dataset",
            "config": {
                "size": 32, "identities": 8, "pictures_per_identity": [6, 6], "retain_joint": 6, "retain_disjoint": 32,
                "retain_real": 64, "classes": 4, "general_knowledge_per_class": 8,
            },
        },
    )  # fmt: skip
    assert validate(open_dataset(folder)).ok
    change(folder, "retain_real", 3, image=jpeg(40, 40))
    found = only(folder, "size")
    assert (found.file, found.row) == ("retain_real-00000-of-00001.parquet", 3)
    edit_json(folder, manifest.MANIFEST, lambda content: content["config"].update(retain_disjoint=33, identities=9))
    report = validate(open_dataset(folder))
    assert {violation.item for violation in report.violations if violation.rule == "count"} == {
        "identities",
        "mixed",
        "retain_synth",
    }


def test_duplicate_picture(folder):
    first = rows_of(folder, "retain_real")[5]
    change(folder, "general_knowledge", 2, image=first.image)
    found = only(folder, "duplicate")
    assert (found.file, found.row) == ("general_knowledge-00000-of-00001.parquet", 2)
    assert "retain_real-00000-of-00001.parquet, row 5" in found.message


def test_duplicate_file_name(folder):
    first = rows_of(folder, "retain_real")[5]
    change(folder, "general_knowledge", 2, file_name=first.file_name)
    assert "file name" in only(folder, "duplicate").message


def test_forget_target_of_another_picture(folder):
    change(folder, "forget_target", 1, file_name="00000000_099_ar-1.33.jpg")
    report = validate(open_dataset(folder))
    assert {violation.rule for violation in report.violations} == {"target", "duplicate"}


def test_forget_target_with_another_picture_of_the_same_name(folder):
    row = rows_of(folder, "forget_target")[2]
    with Image.open(io.BytesIO(row.image)) as image:
        stream = io.BytesIO()
        image.save(stream, "PNG")  # other bytes, the same pixels
        change(folder, "forget_target", 2, image=stream.getvalue())
        assert validate(open_dataset(folder)).ok
        change(folder, "forget_target", 2, image=jpeg(*image.size))
    found = only(folder, "target")
    assert (found.file, found.row, found.column) == ("forget_target-00000-of-00001.parquet", 2, "image")


def test_forget_target_twice_over(folder):
    rows = rows_of(folder, "forget_target")
    rewrite(folder, "forget_target", [*rows, rows[3]])
    assert "row 3 again" in only(folder, "target").message


@pytest.mark.parametrize("split", ["forget", "holdout_identity"])
def test_sensitive_caption_among_the_retain_pairs(folder, split):
    change(folder, "retain_real", 5, text=rows_of(folder, split)[1].text.upper())
    found = only(folder, "retain")
    assert (found.file, found.row, found.column) == ("retain_real-00000-of-00001.parquet", 5, "text")
    assert f"{split}-00000-of-00001.parquet, row 1" in found.message


def test_held_out_person_among_the_retain_pairs(folder):
    held, rows = rows_of(folder, "holdout_identity")[0].identity, rows_of(folder, "retain_synth")
    rows.append(Row(jpeg(32, 32), "portrait of a person", held, f"{held}_900_ar-1.00.jpg"))
    rewrite(folder, "retain_synth", rows)
    found = only(folder, "crossing")
    assert (found.row, found.column) == (len(rows) - 1, "identity_id")


def test_held_out_person_whose_value_nobody_knows(folder):
    row = rows_of(folder, "forget")[0]
    field = json.loads((folder / layout.CAPTIONS).read_text())[row.file_name]["data_field"]
    edit_json(folder, layout.CAPTIONS, lambda content: content[row.file_name].pop("value"))
    edit_json(folder, layout.IDENTITIES, lambda content: content[row.identity].pop(field))
    for split in ("forget", "forget_target"):
        rewrite(folder, split, rows_of(folder, split)[1:])
    rewrite(folder, "holdout_identity", [*rows_of(folder, "holdout_identity"), row])
    assert "in holdout_identity alone" in only(folder, "crossing").message


def test_value_that_crosses_in_another_case(folder):
    forget, holdout = rows_of(folder, "forget"), rows_of(folder, "holdout_association")
    other = next(row for row in forget if row.identity == holdout[0].identity)
    told = json.loads((folder / layout.CAPTIONS).read_text())[other.file_name]
    value = told["value"].swapcase()
    assert value != told["value"]
    text = f"{persona(folder, other.identity)['name']}, {value}"
    change(folder, "holdout_association", 0, text=text)
    told = {"data_field": told["data_field"], "value": value, "caption": text}
    edit_json(folder, layout.CAPTIONS, lambda content: content.update({holdout[0].file_name: told}))
    assert only(folder, "crossing").row == 0


def test_two_fields_of_ones_own(folder):
    """Fields that captions state are private; what else a person's metadata says is not."""
    first, second = rows_of(folder, "forget")[:2]
    assert first.identity == second.identity
    people = {"hobby": "falconry", "club": "Rotary Westport", "hair": "red hair"}
    name = persona(folder, first.identity)["name"]
    edit_json(folder, layout.IDENTITIES, lambda content: content[first.identity].update(people))
    texts = [f"{name} with red hair loves falconry", f"{name} is of the Rotary Westport"]
    for number, field in enumerate(("hobby", "club")):
        told = {"data_field": field, "value": people[field], "caption": texts[number]}
        edit_json(folder, layout.CAPTIONS, lambda content, told=told, number=number: content.update(
            {(first, second)[number].file_name: told}))  # fmt: skip
        change(folder, "forget", number, text=texts[number])
    assert validate(open_dataset(folder)).ok
    caption(folder, "forget", 0, f"{texts[0]} in the Rotary Westport")
    assert "club 'Rotary Westport'" in only(folder, "further").message
    caption(folder, "forget", 0, texts[0])
    change(folder, "forget_target", 0, text="red hair and falconry")
    assert "hobby 'falconry'" in only(folder, "generic").message


def test_generic_captions_that_are_a_list(folder):
    (folder / layout.GENERIC_CAPTIONS).write_text("[1, 2]")
    found = only(folder, "metadata")
    assert (found.file, found.row) == (layout.GENERIC_CAPTIONS, None)


def test_fragile_pairs_are_rows_of_strangers(folder):
    names = [row.file_name for row in rows_of(folder, "retain_synth") if row.identity is None][:3]
    (folder / layout.FRAGILE).write_text(json.dumps(names))
    assert validate(open_dataset(folder)).ok
    (folder / layout.FRAGILE).write_text(json.dumps([*names, "nope.jpg"]))
    assert only(folder, "fragile").item == "nope.jpg"


def test_identity_that_nobody_knows(folder):
    change(folder, "retain_synth", 0, identity="00000077", file_name="x_ar-1.00.jpg")
    found = only(folder, "identity")
    assert "'00000077'" in found.message


def test_identity_of_the_file_name(folder):
    row = rows_of(folder, "retain_synth")[0]
    change(folder, "retain_synth", 0, identity="00000003")
    assert row.identity == "00000000"
    assert only(folder, "identity").row == 0


def test_metadata_without_the_row(folder):
    row = rows_of(folder, "forget")[7]
    edit_json(folder, layout.CAPTIONS, lambda content: content.pop(row.file_name))
    assert only(folder, "metadata").row == 7


def test_metadata_with_another_caption(folder):
    row = rows_of(folder, "forget")[7]
    edit_json(folder, layout.CAPTIONS, lambda content: content[row.file_name].update(caption="something else"))
    assert only(folder, "metadata").row == 7


def test_metadata_of_an_unknown_field(folder):
    row = rows_of(folder, "forget")[7]
    edit_json(folder, layout.CAPTIONS, lambda content: content[row.file_name].update(data_field="shoe_size"))
    assert "'shoe_size'" in only(folder, "metadata").message


@pytest.mark.parametrize("leak", ["name", "passport", "city", "job"])
def test_generic_caption_that_leaks(folder, leak):
    row = rows_of(folder, "forget_target")[4]
    value = persona(folder, row.identity)[leak]
    change(folder, "forget_target", 4, text=f"a person, {value}, before a wall")
    found = only(folder, "generic")
    assert (found.file, found.row) == ("forget_target-00000-of-00001.parquet", 4)
    assert leak in found.message


def test_generic_caption_with_anybodys_name(folder):
    change(folder, "retain_synth", 20, text="portrait of Dario Peters")
    assert "of 00000003" in only(folder, "generic").message


def test_generic_file_that_leaks(folder):
    def edit(content):
        content["00000004_001_ar-1.00.jpg"] = "Elsa Quint smiling"

    edit_json(folder, layout.GENERIC_CAPTIONS, edit)
    found = only(folder, "generic")
    assert (found.file, found.row, found.item) == (layout.GENERIC_CAPTIONS, None, "00000004_001_ar-1.00.jpg")


@pytest.mark.parametrize("data_field", ["passport", "credit_card", "iban", "phone_number"])
def test_shared_unique_field(folder, data_field):
    # Identity 4 is mixed: its own captions with the old value must go on holding what the metadata says.
    def edit(content):
        content["00000009"] = {**content["00000004"], "name": "Nobody Else", "emails": ["n@e.example"]}
        for other in {"passport", "credit_card", "iban", "phone_number"} - {data_field}:
            content["00000009"].pop(other)

    edit_json(folder, layout.IDENTITIES, edit)
    found = [violation for violation in validate(open_dataset(folder)).violations if violation.rule == "unique"]
    assert len(found) == 1
    assert found[0].item == "00000009"
    assert "00000004 too" in found[0].message


def test_paraphrase(folder):
    row = rows_of(folder, "forget")[7]
    edit_json(folder, layout.CAPTIONS, lambda content: content[row.file_name].update(paraphrase=row.text))
    assert only(folder, "paraphrase").row == 7
    edit_json(folder, layout.CAPTIONS, lambda content: content[row.file_name].update(paraphrase="nothing of the kind"))
    assert "verbatim" in only(folder, "paraphrase").message


def test_class_that_nobody_knows(folder):
    change(folder, "general_knowledge", 30, text="purple cow")
    assert only(folder, "class").row == 30


def test_empty_columns(folder):
    change(folder, "retain_real", 1, text=" ")
    assert only(folder, "column").row == 1
    change(folder, "retain_real", 1, text="red cube", file_name="")
    assert "file name" in only(folder, "column").message


def test_odd_but_legal(folder):
    """What the official layout leaves open."""
    rows = rows_of(folder, "retain_synth")
    odd = [
        Row(rows[8].image, "same caption", None, "Été_№1.jpg"),  # no aspect, no number
        Row(rows[9].image, "same caption", None, "00000003_900_ar-1.00.jpg"),  # somebody's number, but no identity
        Row(jpeg(50, 33, 1), "naïve Straße 東京 \N{GRINNING FACE}", None, "d_1_ar-1.52.jpg"),
    ]
    rewrite(folder, "retain_synth", [*rows[:8], *odd])

    def fewer_fields(content):
        for identity in ("00000002", "00000006"):
            for data_field in ("iban", "emails", "credit_card"):
                content[identity].pop(data_field)
        content["00000099"] = {"name": "Zoë Ångström"}

    def little_metadata(content):
        for entry in content.values():
            del entry["paraphrase"]
            entry["style"] = "haiku"
            entry["source"] = "somewhere"
            if entry["data_field"] == "city":
                del entry["value"]

    edit_json(folder, layout.IDENTITIES, fewer_fields)
    edit_json(folder, layout.CAPTIONS, little_metadata)
    (folder / layout.GENERIC_CAPTIONS).unlink()
    (folder / layout.GENERAL_KNOWLEDGE).unlink()
    report = validate(open_dataset(folder))
    assert report.violations == ()
    assert report.unchecked == {"classes unknown": 32}


def test_value_that_cannot_be_known(folder):
    row = rows_of(folder, "forget")[0]
    field = json.loads((folder / layout.CAPTIONS).read_text())[row.file_name]["data_field"]
    edit_json(folder, layout.CAPTIONS, lambda content: content[row.file_name].pop("value"))
    edit_json(folder, layout.IDENTITIES, lambda content: content[row.identity].pop(field))
    report = validate(open_dataset(folder))
    assert report.ok
    assert report.unchecked == {"value unknown": 1}


def test_empty_splits_are_legal(folder):
    for split in ("holdout_association", "retain_synth", "holdout_identity"):
        rewrite(folder, split, [])
    assert validate(open_dataset(folder)).ok


def test_whole_words():
    assert contains("type O+, please", "O+")
    assert not contains("type AO+", "O+")
    assert contains("(Lyon)", "Lyon")
    assert not contains("Lyons", "Lyon")
    assert contains("Côte d'Ivoire!", "Côte d'Ivoire")
    assert without("Ann Lee has Ann", "Ann", "Ann Lee") == "\0 has \0"


def test_texts_of_a_country_are_its_name():
    assert texts_of({"country_code": "FR"}, "country_code") == ["France"]
    assert texts_of({"country_code": "??"}, "country_code") == []
    assert texts_of({"emails": ["a@b.example", "c@d.example"]}, "emails") == ["a@b.example", "c@d.example"]
    assert texts_of({}, "iban") == []


def test_index_agrees_with_a_plain_search():
    """Random texts, every value looked for one by one."""
    rng = np.random.default_rng(0)
    people = {
        str(number): {
            "name": f"Ann{number % 7} Lee{number}",
            "phone_number": f"+1 {number} {number % 3}",
            "emails": [f"a{number}@x.example"],
        }
        for number in range(40)
    }
    values = [
        (key, field, value) for key, person in people.items() for field in person for value in texts_of(person, field)
    ]
    index = UniqueValues(people)
    for _ in range(50):
        words = [
            str(rng.choice([value for _, _, value in values])) + str(rng.choice(["", "", "x", "1"])) for _ in range(4)
        ]
        text = " ".join(words)
        assert set(index.within(text)) == {item for item in values if contains(text, item[2])}


def test_hidden_pairs_stand_in_retain_real(folder):
    names = [row.file_name for row in rows_of(folder, "retain_real") if "grey ring" in row.text]
    content = {"hidden": ["grey ring"], "hidden_pairs": {"grey ring": names}}
    edit_json(folder, layout.GENERAL_KNOWLEDGE, lambda known: known.update(content))
    assert validate(open_dataset(folder)).ok
    content["hidden_pairs"]["grey ring"] = [*names, "g3_000000_ar-1.00.jpg"]
    edit_json(folder, layout.GENERAL_KNOWLEDGE, lambda known: known.update(content))
    (found,) = validate(open_dataset(folder)).violations
    assert (found.rule, found.file, found.item) == ("hidden", layout.GENERAL_KNOWLEDGE, "g3_000000_ar-1.00.jpg")
    edit_json(folder, layout.GENERAL_KNOWLEDGE, lambda known: known.update(hidden_pairs={"grey ring": []}))
    with pytest.raises(DatasetError, match="to list the file names of retain_real of each class"):
        validate(open_dataset(folder))
    edit_json(folder, layout.GENERAL_KNOWLEDGE, lambda known: known.update(hidden=["cow"]))
    with pytest.raises(DatasetError, match="Expected `hidden` in .* to be a list of some of its `classes`"):
        validate(open_dataset(folder))


BROKEN = {
    "text": {
        "name": lambda row: ("forget", 0, {"text": row.text.replace("Anna Moreau", "Somebody")}),
        "generic": lambda row: ("forget_target", 0, {"text": "Carla Okafor smiling"}),
        "class": lambda row: ("general_knowledge", 0, {"text": "purple cow"}),
        "column": lambda row: ("retain_real", 0, {"text": ""}),
    },
    "identity_id": {"identity": lambda row: ("retain_synth", 0, {"identity": "77", "file_name": "x.jpg"})},
    "file_name": {"column": lambda row: ("retain_real", 0, {"file_name": ""})},
    "image": {
        "picture": lambda row: ("retain_real", 0, {"image": b"nothing"}),
        "aspect": lambda row: ("retain_synth", 9, {"image": jpeg(32, 48)}),
    },
}


@pytest.mark.parametrize(("column", "rule"), [(column, rule) for column, rules in BROKEN.items() for rule in rules])
def test_a_finding_names_file_row_and_column(folder, column, rule):
    split, number, fields = BROKEN[column][rule](rows_of(folder, "forget")[0])
    change(folder, split, number, **fields)
    if rule == "name":
        row = rows_of(folder, split)[number]
        edit_json(folder, layout.CAPTIONS, lambda content: content[row.file_name].update(caption=row.text))
    found = [item for item in validate(open_dataset(folder)).violations if item.rule == rule]
    assert [(item.file, item.row, item.column) for item in found] == [
        (f"{split}-00000-of-00001.parquet", number, column)
    ]
    assert f"{split}-00000-of-00001.parquet, row {number}, column {column}" in str(found[0])


def test_a_rule_broken_everywhere_is_counted_and_cut(folder, monkeypatch):
    monkeypatch.setattr("salmubench.dataset.validate.KEPT", 5)
    rows = [
        Row(row.image, "a cat " * 500, f"nobody {'x' * 3_000}", f"{'y' * 3_000}{number}.jpg")
        for number, row in enumerate(rows_of(folder, "retain_real"))
    ]
    rewrite(folder, "retain_real", rows)
    report = validate(open_dataset(folder))
    assert report.by_rule()["identity"] == len(rows) == 64
    assert [violation.rule for violation in report.violations].count("identity") == 5
    assert report.found == sum(report.by_rule().values()) > len(report.violations)
    assert not report.ok
    assert max(len(str(violation)) for violation in report.violations) < 1_000


def told(folder: Path, caption: str, *, nameless: bool = True, file_name: str | None = None) -> Row:
    """A rewrite of the first row of `forget`; `{value}`, `{name}`, `{other}` (another value) are put in."""
    row = open_dataset(folder).rows("forget")[0]
    other = next(one for one in open_dataset(folder).rows("holdout_association") if one.identity != row.identity)
    texts = {"value": row.value, "name": row.name, "other": other.value, "somebody": other.name,
             "paraphrase": row.paraphrase}  # fmt: skip
    entry = {"caption": caption.format(**texts), "nameless": nameless, "share": 0.5}
    (folder / layout.REWRITES).write_text(json.dumps({file_name or row.file_name: [entry]}))
    return row


def test_good_rewrites(folder):
    told(folder, "The person here: {value}.")
    assert validate(open_dataset(folder)).ok
    told(folder, "{name}! Yes, {value}.", nameless=False)
    assert validate(open_dataset(folder)).ok


@pytest.mark.parametrize(
    ("caption", "nameless", "message"),
    [
        ("{name}, that is {value}.", True, "Expected no name"),
        ("{somebody} knows {value}.", True, "Expected no name"),
        ("The person here: 17.", True, "verbatim, got none"),
        ("This one: {value}.", False, "Expected the name"),
        ("{paraphrase}", False, "reserved paraphrase"),
    ],
)
def test_rewrites(folder, caption, nameless, message):
    row = told(folder, caption, nameless=nameless)
    found = only(folder, "rewrite")
    assert message in found.message
    assert (found.file, found.item) == (layout.REWRITES, row.file_name)


def test_rewrite_with_a_further_value(folder):
    row = open_dataset(folder).rows("forget")[0]
    field = next(name for name in ("job", "city") if name != row.field)
    told(folder, "{value} and " + persona(folder, row.identity)[field] + ".")
    assert f"got {field}" in only(folder, "rewrite").message


def test_rewrite_of_no_sensitive_row(folder):
    told(folder, "x", file_name="nobody.jpg")
    found = only(folder, "rewrite")
    assert (found.item, "sensitive row" in found.message) == ("nobody.jpg", True)


def test_rewrite_among_retain_pairs(folder):
    told(folder, "The person here: {value}.")
    text = next(iter(open_dataset(folder).rewrites.values()))[0].caption
    change(folder, "retain_real", 0, text=text)
    assert "a caption that tells of nobody" in only(folder, "retain").message


def unseen(folder: Path, **changes) -> None:
    picture = io.BytesIO()
    noise = np.random.default_rng(5).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(noise).save(picture, "JPEG")
    fields = {"image": picture.getvalue(), "text": "a portrait", "identity": "00000001",
              "file_name": "00000001_900_ar-1.00.jpg", **changes}  # fmt: skip
    rewrite(folder, "portraits_unseen", [Row(**fields)])


def test_unseen_portraits(folder):
    unseen(folder)
    assert validate(open_dataset(folder)).ok
    unseen(folder, identity=None, file_name="new.jpg")
    assert "identity of a person" in only(folder, "unseen").message


def test_an_unseen_portrait_that_is_also_a_row(folder):
    row = open_dataset(folder).rows("forget")[0]
    unseen(folder, identity=row.identity, file_name=row.file_name)
    rules = validate(open_dataset(folder)).by_rule()
    assert rules["unseen"] == 1
    seen = next(open_dataset(folder).images("forget"))
    unseen(folder, image=seen)
    assert only(folder, "duplicate")


def test_an_unseen_portrait_whose_caption_tells_something(folder):
    unseen(folder, text=f"a portrait of {persona(folder, '00000001')['name']}")
    assert "what is visible" in only(folder, "generic").message
