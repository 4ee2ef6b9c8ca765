"""The official layout, written and read."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from salmubench.core.errors import DatasetError
from salmubench.core.types import Rewrite
from salmubench.dataset import layout
from salmubench.dataset.layout import (
    REWRITES,
    Dataset,
    Row,
    open_dataset,
    write_shard,
)
from salmubench.dataset.people import stated_value
from tiny import tiny_dataset


@pytest.fixture
def folder(tmp_path) -> Path:
    return tiny_dataset(tmp_path / "dataset")


def numbered(count: int, start: int = 0) -> list[Row]:
    return [Row(b"picture %d" % n, f"text {n}", None, f"{n}.jpg") for n in range(start, start + count)]


def test_round_trip(folder):
    rows = [Row(b"\xff\xd8", "naïve \N{GRINNING FACE}", None, "a.jpg"), Row(b"\x00", "b", "00000001", "00000001_0.jpg")]
    write_shard(folder, "retain_synth", 0, 1, iter(rows))
    dataset = open_dataset(folder)
    assert [(row.caption, row.identity, row.file_name) for row in dataset.rows("retain_synth")] == [
        (row.text, row.identity, row.file_name) for row in rows
    ]
    assert list(dataset.images("retain_synth")) == [b"\xff\xd8", b"\x00"]
    raw = list(dataset.raw_rows("retain_synth", images=True))
    assert [(row.image, row.text, row.identity, row.file_name) for row in raw] == [
        (row.image, row.text, row.identity, row.file_name) for row in rows
    ]
    assert [(row.shard, row.row) for row in raw] == [("retain_synth-00000-of-00001.parquet", n) for n in (0, 1)]
    assert next(dataset.raw_rows("retain_synth")).image is None
    assert dataset.rows("retain_synth")[1].name == "Bruno Novak"


@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, None), (0, 0), (0, 1), (255, 257), (256, 300), (299, 301), (599, 600), (600, None), (5, 999)],
)
def test_image_ranges_over_shards_and_row_groups(folder, start, stop):
    """Two shards of 300 rows, in row groups of 256."""
    (folder / "data" / "retain_real-00000-of-00001.parquet").unlink()
    write_shard(folder, "retain_real", 0, 2, iter(numbered(300)))
    write_shard(folder, "retain_real", 1, 2, iter(numbered(300, 300)))
    dataset = open_dataset(folder)
    expected = [row.image for row in numbered(600)][start:stop]
    assert list(dataset.images("retain_real", start, stop)) == expected
    assert dataset.counts["retain_real"] == 600
    assert [row.row for row in dataset.raw_rows("retain_real")] == [*range(300)] * 2


def test_empty_split(folder):
    write_shard(folder, "holdout_identity", 0, 1, iter(()))
    dataset = open_dataset(folder)
    assert dataset.rows("holdout_identity") == []
    assert list(dataset.images("holdout_identity")) == []
    assert dataset.counts["holdout_identity"] == 0


def test_unseen_portraits_and_rewrites_are_optional(folder):
    dataset = open_dataset(folder)
    assert not dataset.has("portraits_unseen")
    assert dataset.rows("portraits_unseen") == []
    assert dataset.rewrites == {}
    assert all(row.rewrites == () for row in dataset.rows("forget"))


def test_rewrites(folder):
    before, row = open_dataset(folder).fingerprint, open_dataset(folder).rows("forget")[0]
    told = [{"caption": f"The person here: {row.value}.", "nameless": True, "share": 0.5}]
    (folder / REWRITES).write_text(json.dumps({row.file_name: told}))
    dataset = open_dataset(folder)
    assert dataset.rewrites == {row.file_name: (Rewrite(f"The person here: {row.value}.", True, 0.5),)}
    assert dataset.rows("forget")[0].rewrites == dataset.rewrites[row.file_name]
    assert dataset.rows("forget")[1].rewrites == ()
    assert dataset.fingerprint != before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "JSON object"),
        ({"a.jpg": [{"caption": "x", "nameless": "perhaps", "share": 0.5}]}, "nameless"),
        ({"a.jpg": [{"caption": "x", "nameless": True}]}, "share"),
        ({"a.jpg": [{"caption": "x", "nameless": True, "share": 1.0}]}, "leave the official caption"),
        ({"a.jpg": [{"caption": word, "nameless": True, "share": 0.5} for word in "xy"]}, "leave the official caption"),
        ({"a.jpg": [{"caption": "x", "nameless": True, "share": -0.5}]}, "leave the official caption"),
    ],
)
def test_broken_rewrites(folder, content, message):
    (folder / REWRITES).write_text(json.dumps(content))
    with pytest.raises(DatasetError, match=message):
        open_dataset(folder).rows("forget")


def test_unseen_portraits(folder):
    write_shard(folder, "portraits_unseen", 0, 1, iter([Row(b"\xff\xd8", "a woman", "00000001", "00000001_900.jpg")]))
    dataset = open_dataset(folder)
    assert dataset.counts["portraits_unseen"] == 1
    assert [(row.caption, row.identity, row.field) for row in dataset.rows("portraits_unseen")] == [
        ("a woman", "00000001", None)
    ]


def test_absent_split_of_ours(folder):
    (folder / "data" / "retain_real-00000-of-00001.parquet").unlink()
    dataset = open_dataset(folder)
    assert not dataset.has("retain_real")
    assert dataset.rows("retain_real") == []
    assert list(dataset.images("retain_real")) == []


def test_a_failing_row_leaves_no_shard(tmp_path):
    def rows():
        yield from numbered(300)
        raise RuntimeError("renderer")

    with pytest.raises(RuntimeError, match="renderer"):
        write_shard(tmp_path, "forget", 0, 1, rows())
    assert list((tmp_path / "data").iterdir()) == []


def test_hugging_face_features():
    features = json.loads(layout.SCHEMA.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert set(features) == set(layout.COLUMNS)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda folder: (folder / "data" / "forget_target-00000-of-00001.parquet").unlink(), "forget_target"),
        (lambda folder: (folder / layout.IDENTITIES).unlink(), layout.IDENTITIES),
        (lambda folder: (folder / layout.CAPTIONS).unlink(), layout.CAPTIONS),
        (
            lambda folder: (folder / "data" / "forget-00000-of-00001.parquet").rename(
                folder / "data" / "forget-00001-of-00002.parquet"
            ),
            "all shards of one set for the split 'forget'",
        ),
        (lambda folder: (folder / "data" / "extra.parquet").write_bytes(b""), r"extra\.parquet"),
    ],
)
def test_missing_parts(folder, break_it, message):
    break_it(folder)
    with pytest.raises(DatasetError, match=message):
        open_dataset(folder)


def test_no_folder(tmp_path):
    with pytest.raises(DatasetError, match="Expected a dataset folder or a Hub id"):
        open_dataset(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"text": ""}, r"retain_synth-00000-of-00001\.parquet, row 1 .*column text"),
        ({"text": None}, "column text"),
        ({"file_name": None}, "row 1, column file_name"),
        ({"identity": "77"}, r"row 1 .*column identity_id, got '77'"),
    ],
)
def test_wrong_cells_name_file_row_and_column(folder, fields, message):
    good = numbered(1)[0]
    bad = {"image": b"x", "text": "t", "identity": None, "file_name": "f.jpg", **fields}
    write_shard(folder, "retain_synth", 0, 1, iter([good, Row(**bad)]))
    with pytest.raises(DatasetError, match=message):
        open_dataset(folder).rows("retain_synth")


def test_row_without_picture(folder):
    write_shard(folder, "retain_synth", 0, 1, iter([numbered(1)[0], Row(b"", "t", None, "f.jpg")]))
    with pytest.raises(DatasetError, match="row 1, column image"):
        list(open_dataset(folder).images("retain_synth"))


def test_shard_without_a_column(folder):
    path = folder / "data" / "retain_synth-00000-of-00001.parquet"
    pq.write_table(pa.table({"image": [b""], "text": ["t"]}), path)
    with pytest.raises(DatasetError, match=r"no column identity_id, file_name"):
        open_dataset(folder).rows("retain_synth")


def test_shard_that_is_no_parquet(folder):
    (folder / "data" / "retain_synth-00000-of-00001.parquet").write_bytes(b"PK")
    with pytest.raises(DatasetError, match=r"Expected a parquet table at .*retain_synth"):
        open_dataset(folder).rows("retain_synth")


@pytest.mark.parametrize("text", ["{", "[]", "\x80"])
def test_metadata_that_is_no_object(folder, text):
    (folder / layout.IDENTITIES).write_text(text, encoding="latin-1")
    with pytest.raises(DatasetError, match=layout.IDENTITIES):
        _ = open_dataset(folder).identities


@pytest.mark.parametrize(
    "content", [{"classes": [], "templates": ["{}"]}, {"classes": ["a"]}, {"classes": ["a"], "templates": ["photo"]}]
)
def test_general_knowledge_without_use(folder, content):
    (folder / layout.GENERAL_KNOWLEDGE).write_text(json.dumps(content))
    with pytest.raises(DatasetError, match=layout.GENERAL_KNOWLEDGE):
        _ = open_dataset(folder).general_knowledge


def hide(folder, **changes):
    path = folder / layout.GENERAL_KNOWLEDGE
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return open_dataset(folder)


def test_hidden_classes_and_their_pairs(folder):
    dataset = open_dataset(folder)
    assert (dataset.general_knowledge.hidden, dataset.hidden_pairs) == ((), frozenset())
    before = dataset.fingerprint
    names = [row.file_name for row in dataset.rows("retain_real") if "grey ring" in row.caption]
    found = hide(folder, hidden=["grey ring"], hidden_pairs={"grey ring": names})
    assert found.general_knowledge.hidden == ("grey ring",)
    assert found.hidden_pairs == set(names)
    assert found.fingerprint != before


@pytest.mark.parametrize(
    ("hidden", "wanted"),
    [
        ("grey ring", r"a list at .*\.hidden, got 'grey ring'"), (["cow"], r"got \['cow'\]"),
        ({"grey ring": []}, r"a list at .*\.hidden"), (["grey ring"] * 2, "each once"), ([["grey ring"]],
        r"str at .*\.hidden\[0\]"),
        (["red cube", "green ball", "blue cone", "grey ring"], "a class in .* that isn't in `hidden`, got none"),
    ],
)  # fmt: skip
def test_hidden_classes_that_are_none(folder, hidden, wanted):
    dataset = hide(folder, hidden=hidden)
    for read in (lambda: dataset.general_knowledge, lambda: dataset.hidden_pairs):
        with pytest.raises(DatasetError, match=wanted):
            read()


@pytest.mark.parametrize("pairs", [None, {}, {"red cube": []}, {"grey ring": "r3"}, {"grey ring": [["x"]]}, []])
def test_hidden_pairs_that_do_not_fit(folder, pairs):
    dataset = hide(folder, hidden=["grey ring"], **({} if pairs is None else {"hidden_pairs": pairs}))
    with pytest.raises(
        DatasetError,
        match=r"Expected .*general_knowledge\.json.*hidden_pairs.* the file names of retain_real|to list the",
    ):
        _ = dataset.hidden_pairs


def test_pairs_without_a_hidden_class(folder):
    with pytest.raises(DatasetError, match="of each class of `hidden`"):
        _ = hide(folder, hidden_pairs={"grey ring": ["r3_000000_ar-1.00.jpg"]}).hidden_pairs


def test_fingerprint(folder, tmp_path):
    first = open_dataset(folder).fingerprint
    assert open_dataset(tiny_dataset(tmp_path / "same")).fingerprint == first
    assert open_dataset(tiny_dataset(tmp_path / "other", seed=1)).fingerprint != first
    (folder / layout.FRAGILE).write_text('["d_000001_ar-1.00.jpg"]')
    dataset = open_dataset(folder)
    assert dataset.fingerprint == first  # known only after pretraining
    assert dataset.fragile_ids == ("d_000001_ar-1.00.jpg",)
    people = json.loads((folder / layout.IDENTITIES).read_text())
    people["00000001"]["job"] = "painter"
    (folder / layout.IDENTITIES).write_text(json.dumps(people))
    assert open_dataset(folder).fingerprint != first


def test_fragile_list_must_be_a_list(folder):
    assert open_dataset(folder).fragile_ids is None
    (folder / layout.FRAGILE).write_text("{}")
    with pytest.raises(DatasetError, match="Expected a list at .*fragile_set_ids"):
        _ = open_dataset(folder).fragile_ids


def test_forget_identities(tiny_folder):
    assert Dataset(tiny_folder).forget_identity_ids() == {"00000000", "00000001"}


def test_metadata_under_the_name_of_the_forget_list(folder):
    captions = json.loads((folder / layout.CAPTIONS).read_text())
    first = open_dataset(folder).rows("forget")
    (folder / layout.CAPTIONS).write_text(json.dumps({f"forget/{name}": told for name, told in captions.items()}))
    assert open_dataset(folder).rows("forget") == first


@pytest.mark.parametrize(
    ("caption", "field", "persona", "value"),
    [
        ("Mail a.b@x.example!", "emails", {"emails": ["b@x.example", "a.b@x.example"]}, "a.b@x.example"),
        ("She comes from Kenya", "country_code", {"country_code": "KE"}, "Kenya"),
        ("Home: KE", "country_code", {"country_code": "KE"}, "KE"),
        ("a baker", "job", {"job": "nurse"}, None),
        ("a baker", "job", {}, None),
        ("a baker", None, {"job": "baker"}, None),
    ],
)
def test_stated_value(caption, field, persona, value):
    assert stated_value(caption, field, persona) == value


def test_value_is_found_where_metadata_lacks_it(folder):
    captions = json.loads((folder / layout.CAPTIONS).read_text())
    known = [row.value for row in open_dataset(folder).rows("forget")]
    for told in captions.values():
        del told["value"]
    (folder / layout.CAPTIONS).write_text(json.dumps(captions))
    assert [row.value for row in open_dataset(folder).rows("forget")] == known
