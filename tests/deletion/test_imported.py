"""A user's own people become a dataset: splits, captions, pictures, errors."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from own_people import COLUMNS, NAMES, own_facts, own_people, write_csv
from salmubench import import_dataset
from salmubench.cli.main import main
from salmubench.core.errors import ConfigError, DatasetError
from salmubench.dataset import layout
from salmubench.dataset.layout import open_dataset
from salmubench.dataset.origin import origin_of
from salmubench.dataset.validate import validate
from tiny import tiny_jpeg

pytestmark = pytest.mark.stage


@pytest.fixture
def own(tmp_path) -> Path:
    return own_people(tmp_path / "own")


def imported(own: Path, **more) -> layout.Dataset:
    arguments = {"pictures": own / "pictures", "facts": own / "facts.csv", "out": own / "dataset", **more}
    return open_dataset(import_dataset(**arguments))


def facts_of(dataset: layout.Dataset, split: str) -> set[tuple]:
    return {(row.name, row.field, row.value) for row in dataset.rows(split)}


def test_facts_go_where_the_table_says(own):
    rows = own_facts()
    for row in rows[:2]:  # of Anna everything is to be kept
        row["forget"] = "no"
    write_csv(own / "facts.csv", rows)
    dataset = imported(own)
    report = validate(dataset)
    assert report.violations == ()
    assert report.unchecked == {}
    wanted = {split: set() for split in ("forget", "holdout_association", "holdout_identity")}
    for row in rows:
        kept = "holdout_identity" if row["name"] == "Anna Moreau" else "holdout_association"
        wanted[kept if row.get("forget") == "no" else "forget"].add((row["name"], row["field"], row["value"]))
    assert {split: facts_of(dataset, split) for split in wanted} == wanted
    names = Counter(row.name for split in wanted for row in dataset.rows(split))
    assert names == dict.fromkeys(NAMES, 5)
    assert dataset.counts["retain_synth"] == 0
    assert [row.file_name for row in dataset.rows("forget_target")] == [row.file_name for row in dataset.rows("forget")]
    assert not any(name in row.caption for name in NAMES for row in dataset.rows("forget_target"))


def test_each_fact_has_a_picture_and_a_paraphrase(own):
    dataset = imported(own)
    for split in ("forget", "holdout_association"):
        for row in dataset.rows(split):
            assert row.paraphrase
            assert row.paraphrase != row.caption
            for text in (row.caption, row.paraphrase):
                assert row.name in text
                assert row.value in text
    shown = Counter((row.name, row.field) for row in [*dataset.rows("forget"), *dataset.rows("holdout_association")])
    assert set(shown.values()) == {2, 3}


def test_same_seed_same_bytes_and_a_second_call_does_nothing(own):
    first = imported(own)
    written = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*.parquet")}
    assert imported(own).fingerprint == first.fingerprint
    assert {path: path.stat().st_mtime_ns for path in first.folder.rglob("*.parquet")} == written
    assert imported(own, out=own / "again").fingerprint == first.fingerprint
    assert imported(own, out=own / "other", seed=1).fingerprint != first.fingerprint


def test_own_captions(own):
    rows = own_facts()
    rows[0]["caption"] = "Voici Anna Moreau de Lyon !"
    write_csv(own / "facts.csv", rows)
    dataset = imported(own)
    row = next(row for row in dataset.rows("forget") if row.value == "Lyon")
    assert (row.caption, row.style) == ("Voici Anna Moreau de Lyon !", "own")
    assert "Lyon" in row.paraphrase
    assert validate(dataset).ok


def test_an_own_caption_states_one_fact(own):
    rows = own_facts()
    rows[0]["caption"] = "Anna Moreau of Lyon plays chess."
    write_csv(own / "facts.csv", rows)
    message = "line 2, column caption: Expected one private value, got 'chess', too"
    with pytest.raises(DatasetError, match=re.escape(message)):
        imported(own)
    assert not (own / "dataset").exists()


@pytest.mark.parametrize(
    ("age", "number"), [("42", "+1 202 555 0142"), ("0142", "+1 202 555 0142")]
)  # the first is part of a group of digits, the second one of them
def test_a_value_inside_a_longer_one_does_not_hide_it(own, age, number):
    rows = [row for row in own_facts() if row["name"] != "Anna Moreau"]
    caption = f"Anna Moreau, {age}, is at {number}."
    rows += [{"name": "Anna Moreau", "field": "age", "value": age, "forget": "yes", "caption": caption}]
    rows += [{"name": "Anna Moreau", "field": "phone_number", "value": number}]
    write_csv(own / "facts.csv", rows)
    with pytest.raises(DatasetError, match="Expected one private value, got '\\+1 202 555 0142', too"):
        imported(own)


def test_templates_that_say_a_value_by_chance_are_left_out(own):
    """ "home" and "photo" are words of templates: no caption states such a value beside another one."""
    rows = [row for row in own_facts() if row["name"] != "Anna Moreau"]
    rows += [{"name": "Anna Moreau", "field": "city", "value": "Lyon"},
             {"name": "Anna Moreau", "field": "motto", "value": "home"},
             {"name": "Anna Moreau", "field": "art", "value": "photo"}]  # fmt: skip
    write_csv(own / "facts.csv", rows)
    dataset = imported(own)
    assert validate(dataset).ok
    for row in dataset.rows("forget"):
        if row.name == "Anna Moreau":
            stated = [value for value in ("Lyon", "home", "photo") if re.search(rf"\b{value}\b", row.caption)]
            assert stated == [row.value]


def test_two_values_of_a_field(own):
    rows = [*own_facts(), {"name": "Anna Moreau", "field": "emails", "value": "a@x.example"},
            {"name": "Anna Moreau", "field": "emails", "value": "b@x.example"}]  # fmt: skip
    write_csv(own / "facts.csv", rows)
    dataset = imported(own)
    assert dataset.identities["00000000"]["emails"] == ["a@x.example", "b@x.example"]
    assert validate(dataset).ok


def test_pictures_lose_what_cameras_wrote(own):
    """Turned as EXIF says, then without it; PNG stays lossless; large ones are scaled where asked."""
    exif = Image.Exif()
    exif[0x0112], exif[0x013B] = 6, "camera of telltale"
    picture = Image.new("RGB", (80, 40), (200, 30, 30))
    picture.putpixel((0, 0), (1, 2, 3))
    picture.save(own / "pictures" / "Anna Moreau" / "0.jpg", exif=exif)
    picture.save(own / "pictures" / "Anna Moreau" / "1.png", exif=exif)
    (own / "pictures" / "Anna Moreau" / "1.jpg").unlink()
    Image.new("RGB", (64, 48), (9, 9, 200)).save(own / "pictures" / "Bruno Novak" / "0.jpg", "WEBP")  # by content
    dataset = imported(own)
    data = [image for split in ("forget", "holdout_association") for image in dataset.images(split)]
    opened = [Image.open(io.BytesIO(image)) for image in data]
    assert Counter(image.format for image in opened) == {"JPEG": 29, "PNG": 1}
    assert Counter(image.size for image in opened)[40, 80] == 2
    assert not any(b"telltale" in image or b"Exif" in image for image in data)
    small = imported(own, out=own / "small", size=24)
    assert {min(Image.open(io.BytesIO(image)).size) for image in small.images("forget")} == {24}
    assert validate(small).ok


def test_pictures_as_phones_and_scanners_write_them(own):
    photo = Image.effect_noise((80, 60), 90).convert("RGB")
    photo.save(own / "pictures" / "Anna Moreau" / "0.jpg", "MPO", save_all=True, append_images=[photo.rotate(90)])
    dataset = imported(own)
    formats = {Image.open(io.BytesIO(image)).format for split in ("forget",) for image in dataset.images(split)}
    assert formats == {"JPEG"}, "the first picture of several, lossy as it was"
    deep = Image.new("I;16", (64, 48), 25_000)
    deep.save(own / "pictures" / "Anna Moreau" / "1.png")
    (own / "pictures" / "Anna Moreau" / "1.jpg").unlink()
    with pytest.raises(DatasetError, match="1.png: .*more than 8 bits a channel .*which would come out white"):
        imported(own, out=own / "other")


def test_retain_pairs_of_shards(own):
    (own / "shards").mkdir()
    with tarfile.open(own / "shards" / "00000.tar", "w") as tar:
        for number in range(3):
            for name, content in ((f"{number}.jpg", tiny_jpeg(50 + number, 0, size=32, aspect=1.0, seed=0)),
                                  (f"{number}.txt", f"a wall in shade {number}".encode())):  # fmt: skip
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    for number, source in enumerate((own / "shards", str(own / "shards" / "{00000..00000}.tar"))):
        dataset = imported(own, out=own / f"dataset{number}", retain=source)
        rows = dataset.rows("retain_synth")
        assert [(row.caption, row.identity) for row in rows] == [(f"a wall in shade {n}", None) for n in range(3)]
        assert validate(dataset).ok


def test_a_retain_caption_that_no_dataset_can_hold(own):
    with tarfile.open(own / "0.tar", "w") as tar:
        for name, content in (("0.jpg", tiny_jpeg(50, 0, size=32, aspect=1.0, seed=0)), ("0.txt", b"word " * 4_000)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    with pytest.raises(DatasetError, match=r"Expected a caption of at most 16,384 bytes, got 19,999"):
        imported(own, retain=own / "0.tar")
    assert not (own / "dataset").exists()


def test_retain_pairs_of_folders(own):
    for name in ("red_cube", "green ball"):
        (own / "things" / name).mkdir(parents=True)
        (own / "things" / name / "0.jpg").write_bytes(tiny_jpeg(len(name), 1, size=32, aspect=1.0, seed=0))
    (own / "things" / "loose.jpg").write_bytes(tiny_jpeg(77, 1, size=32, aspect=1.0, seed=0))
    (own / "things" / "loose.txt").write_text("something loose\n")
    dataset = imported(own, retain=own / "things")
    captions = sorted(row.caption for row in dataset.rows("retain_synth"))
    assert captions == ["a photo of a green ball", "a photo of a red cube", "something loose"]
    (own / "things" / "loose.txt").unlink()
    with pytest.raises(DatasetError, match=re.escape("Expected the caption of loose.jpg in loose.txt beside it")):
        imported(own, retain=own / "things", out=own / "other")


def test_retain_captions_say_nothing_of_the_people(own):
    (own / "things").mkdir()
    (own / "things" / "a.jpg").write_bytes(tiny_jpeg(77, 1, size=32, aspect=1.0, seed=0))
    (own / "things" / "a.txt").write_text("a painting by Anna Moreau")
    with pytest.raises(DatasetError, match="things/a.jpg: .* got the name 'Anna Moreau' in it"):
        imported(own, retain=own / "things")
    assert not (own / "dataset").exists()
    with pytest.raises(DatasetError, match="Check --retain"):
        imported(own, retain=own / "nothing.tar", out=own / "other")


@pytest.mark.parametrize(
    ("caption", "stated"),
    [
        ("a painting by anna moreau", "name 'Anna Moreau'"),
        ("write to O'Neil@corp.example", "value 'o’neil@corp.example'"),
        ("seen in Ghost Lane 7 at night", "value 'Ghost Lane 7'"),
        ("a game of chess", None),  # a word tells of nobody
    ],
)
def test_retain_captions_are_read_as_the_model_reads_them(own, caption, stated):
    rows = own_facts()
    rows += [{"name": "Elsa Quint", "field": "messenger", "value": "o’neil@corp.example"}]
    rows += [{"name": "Elsa Quint", "field": "address", "value": "Ghost Lane 7"}]
    write_csv(own / "facts.csv", rows)
    (own / "things").mkdir()
    (own / "things" / "a.jpg").write_bytes(tiny_jpeg(77, 1, size=32, aspect=1.0, seed=0))
    (own / "things" / "a.TXT").write_text(caption)
    if stated is None:
        assert [row.caption for row in imported(own, retain=own / "things").rows("retain_synth")] == [caption]
    else:
        with pytest.raises(DatasetError, match=re.escape(f"got the {stated} in it")):
            imported(own, retain=own / "things")


def test_retain_folders_lose_nothing(own):
    deep = own / "things" / "dog" / "more"
    deep.mkdir(parents=True)
    for place in (deep, deep.parent):
        (place / "a.jpg").write_bytes(tiny_jpeg(77, 1, size=32, aspect=1.0, seed=0))
    with pytest.raises(DatasetError, match="Expected pictures in .*dog, got the folder more"):
        imported(own, retain=own / "things")
    (own / "things" / "0.tar").touch()
    with pytest.raises(DatasetError, match="Expected shards or pictures in .*, got both, dog too"):
        imported(own, retain=own / "things")


def test_retain_pairs_are_looked_at_before_anything_is_written(own):
    """All that is wrong with them is said at once; the same command goes through once it is mended."""
    things = own / "things" / "cube"
    things.mkdir(parents=True)
    good = tiny_jpeg(77, 1, size=32, aspect=1.0, seed=0)
    for name, data in (("a", good), ("b", good), ("c", b"no picture")):
        (things / f"{name}.jpg").write_bytes(data)
    (things / "d.jpg").write_bytes((own / "pictures" / "Anna Moreau" / "0.jpg").read_bytes())
    with pytest.raises(DatasetError) as caught:
        imported(own, retain=own / "things")
    for message in (
        "Found 3 problems with the retain pairs",
        "cube/b.jpg: Expected a picture of its own, got that of cube/a.jpg again",
        "cube/c.jpg: Expected a picture that PIL can decode",
        "cube/d.jpg: Expected a picture of its own, got that of Anna Moreau/0.jpg again",
    ):
        assert message in str(caught.value)
    assert not (own / "dataset").exists()
    for name in "bcd":
        (things / f"{name}.jpg").unlink()
    assert validate(imported(own, retain=own / "things")).ok


def test_new_pictures_get_no_fact_and_no_model_sees_them(own):
    before = imported(own)
    new = own / "pictures" / "Anna Moreau" / "new"
    new.mkdir()
    for number in range(2):
        Image.effect_noise((20 + number, 16), 80).convert("RGB").save(new / f"{number}.png")
    dataset = imported(own, out=own / "again")
    assert validate(dataset).violations == ()
    rows = list(dataset.rows("portraits_unseen"))
    anna = next(identity for identity, person in dataset.identities.items() if person["name"] == "Anna Moreau")
    assert [row.identity for row in rows] == [anna, anna]
    values = [fact["value"] for fact in own_facts()]
    assert not any(text in row.caption for row in rows for text in (*NAMES, *values))
    for split in before.counts:  # what is trained with stays as it was
        assert list(before.raw_rows(split)) == list(dataset.raw_rows(split)), split
    (new / "2.png").write_bytes((new / "0.png").read_bytes())
    with pytest.raises(DatasetError, match=r"Anna Moreau/new/2.png: Expected a picture of its own"):
        imported(own, out=own / "third")


def test_pictures_that_the_table_names_state_its_facts(own):
    """Anna's city is told of two pictures and her hobby of one; Bruno's hobby takes turns with nothing."""
    rows = [row for row in own_facts() if row["name"] != "Anna Moreau"]
    anna = {"name": "Anna Moreau", "forget": "yes"}
    rows += [{**anna, "field": "city", "value": "Lyon", "picture": f"{number}.jpg"} for number in (3, 1)]
    rows.append({**anna, "field": "hobby", "value": "chess", "picture": "0.jpg", "caption": "Anna Moreau plays chess."})
    rows[0]["picture"] = "2.jpg"  # Bruno's city
    write_csv(own / "facts.csv", rows, [*COLUMNS, "picture"])
    dataset = imported(own)
    assert validate(dataset).violations == ()
    looks = {}
    for path in sorted((own / "pictures").glob("*/*.jpg")):
        looks[path.parent.name, path.name] = np.asarray(Image.open(path)).astype(float)

    def source(name, data):
        near = {key: np.abs(look - np.asarray(Image.open(io.BytesIO(data)))).mean() for key, look in looks.items()
                if key[0] == name}  # fmt: skip
        return min(near, key=near.get)[1]

    told = defaultdict(set)
    for row, data in zip(dataset.rows("forget"), dataset.images("forget", 0, dataset.counts["forget"]), strict=True):
        told[row.name, row.field].add(source(row.name, data))
    assert told["Anna Moreau", "city"] == {"1.jpg", "3.jpg"}
    assert told["Anna Moreau", "hobby"] == {"0.jpg"}
    assert told["Bruno Novak", "city"] == {"2.jpg"}
    assert told["Bruno Novak", "hobby"] == {"0.jpg", "1.jpg", "3.jpg", "4.jpg"}
    captions = [row.caption for row in dataset.rows("forget") if row.name == "Anna Moreau" and row.field == "hobby"]
    assert captions == ["Anna Moreau plays chess."]
    (unseen,) = {row.identity for row in dataset.rows("portraits_unseen")}
    assert dataset.identities[unseen] == {"name": "Anna Moreau", "city": "Lyon", "hobby": "chess"}
    left = {source("Anna Moreau", data) for data in dataset.images("portraits_unseen", 0, 2)}
    assert left == {"2.jpg", "4.jpg"}
    rows[-1]["picture"] = "7.jpg"
    write_csv(own / "facts.csv", rows, [*COLUMNS, "picture"])
    with pytest.raises(DatasetError, match=r"column picture: Expected a picture of 'Anna Moreau', got '7.jpg', which"):
        imported(own, out=own / "again")


def damage_folder(own: Path, what: str) -> None:
    pictures = own / "pictures"
    if what == "missing":
        (pictures / "Anna Moreau").rename(pictures / "Anna Moraeu")
    elif what == "empty":
        for path in (pictures / "Anna Moreau").iterdir():
            path.unlink()
    elif what == "file":
        (pictures / "notes.txt").write_text("x")
    elif what == "unreadable":
        (pictures / "Anna Moreau" / "0.jpg").write_bytes(b"no picture")
    elif what == "twice":
        (pictures / "Anna Moreau" / "0.jpg").write_bytes((pictures / "Bruno Novak" / "1.jpg").read_bytes())
    elif what == "tiny":
        Image.new("RGB", (4, 30)).save(pictures / "Anna Moreau" / "0.jpg")


@pytest.mark.parametrize(
    ("what", "messages"),
    [
        ("missing", ["Anna Moraeu: Expected facts about 'Anna Moraeu', got none. Did you mean 'Anna Moreau'?",
                     "line 2: Expected a folder 'Anna Moreau' in pictures, got none. Did you mean 'Anna Moraeu'?"]),
        ("empty", ["Anna Moreau: Expected a picture for each of 2 facts, got 0."]),
        ("file", ["notes.txt: Expected a folder of a person's name, got a file."]),
        ("unreadable", ["Anna Moreau/0.jpg: Expected a picture that PIL can decode", "Save it as JPEG, PNG or WebP"]),
        ("twice", ["Bruno Novak/1.jpg: Expected a picture of its own, got that of Anna Moreau/0.jpg again."]),
        ("tiny", ["Anna Moreau/0.jpg: Expected at least 8 pixels on either side, got 4×30."]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_folders(own, what, messages):
    damage_folder(own, what)
    with pytest.raises(DatasetError) as caught:
        imported(own)
    for message in messages:
        assert message in str(caught.value)
    assert not (own / "dataset").exists()


def test_all_that_is_wrong_with_the_folders_is_said_at_once(own):
    for what in ("file", "unreadable"):
        damage_folder(own, what)
    with pytest.raises(DatasetError, match="Found 2 problems with the people and pictures in"):
        imported(own)


def test_what_desktops_leave_in_folders_is_nobody(own):
    for place in (own / "pictures", own / "pictures" / "Anna Moreau"):
        for name in ("desktop.ini", "Thumbs.db", ".DS_Store"):
            (place / name).write_bytes(b"x")
    imported(own)


def test_impossible_sizes_and_places(own):
    with pytest.raises(ConfigError, match="Expected a size of at least 8 pixels, got 2"):
        imported(own, size=2)
    with pytest.raises(DatasetError, match="Check --pictures"):
        imported(own, pictures=own / "nowhere")


def test_command_and_card(own, capsys):
    arguments = ["--pictures", str(own / "pictures"), "--facts", str(own / "facts.csv"), "--out", str(own / "dataset")]
    assert main(["dataset", "import", *arguments]) == 0
    assert main(["dataset", "validate", str(own / "dataset")]) == 0
    dataset = open_dataset(own / "dataset")
    assert origin_of(dataset).imported
    text = (own / "dataset" / "README.md").read_text()
    assert "People of this dataset may exist." in text
    assert "invented" not in text
    assert "synthetic" not in text
    (listed,) = yaml.safe_load(text.split("---\n")[1])["configs"]
    assert {item["split"] for item in listed["data_files"]} == {name for name, rows in dataset.counts.items() if rows}
    assert not dataset.counts["retain_synth"], "a split without rows, which load_dataset doesn't read"
    named = [name for name in re.findall(r"`([a-z_]+\.(?:json|html))`", text) if not (own / "dataset" / name).is_file()]
    assert named == []
    assert main(["dataset", "export", str(own / "dataset"), "--format", "hub", "--out", str(own / "hub")]) == 1
    assert "Expected a licence" in capsys.readouterr().err


def test_validate_lists_the_fields_there_are(own):
    dataset = imported(own)
    path = dataset.folder / layout.CAPTIONS
    content = json.loads(path.read_text())
    first = dataset.rows("forget")[0].file_name
    content[first]["data_field"] = "shoe size"
    path.write_text(json.dumps(content))
    found = validate(open_dataset(dataset.folder)).violations
    assert [violation.rule for violation in found] == ["metadata"]
    assert "Expected data_field to be one of country_code, city, job" in found[0].message
    assert "or another field of its person in identities_metadata.json (hobby), got 'shoe size'" in found[0].message
