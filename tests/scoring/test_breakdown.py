"""Scores by group: each group is what its own rows give."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from salmubench.core.types import GROUPINGS
from salmubench.dataset.layout import Dataset
from salmubench.scoring.breakdown import breakdown, labels_of, merge_rare
from salmubench.scoring.items import ITEM_SCHEMA
from salmubench.scoring.metric import Metric
from tiny import tiny_dataset

KEPT = Metric("InterIdSim", "utility", "compromised", view="kept")


def table(values: list[float], people: list[str]) -> pa.Table:
    n = len(values)
    rows = {
        "metric": ["InterIdSim"] * n, "part": ["value"] * n, "split": ["holdout_identity"] * n,
        "file_name": [f"{i}.jpg" for i in range(n)], "caption": ["c"] * n, "identity_id": people, "cluster": people,
        "value": values, "clean": [0.0] * n, "compromised": [1.0] * n, "others": [None] * n,
        "hidden": [None] * n, "retrained": [None] * n, "pictures": [None] * n, "same_country": [None] * n,
    }  # fmt: skip
    return pa.table(rows, schema=ITEM_SCHEMA)


def test_groups_by_hand() -> None:
    items = table([0.1, 0.3, 0.8, 0.9, 1.0], ["p", "q", "p", "q", "r"])
    groups = breakdown(items, ["a", "a", "b", "b", "b"], metric=KEPT, bootstraps=200)
    assert [group.label for group in groups] == ["b", "a"]  # the largest first
    scores = {group.label: group.scores["value"] for group in groups}
    assert scores["a"].value == pytest.approx(0.2)
    assert scores["b"].normalised.value == pytest.approx(0.9)
    assert (scores["a"].n, scores["a"].units, scores["b"].units) == (2, 2, 3)
    low, high = scores["b"].ci95 or (0, 0)
    assert 0.8 - 1e-12 <= low < 0.9 < high <= 1.0 + 1e-12


def test_one_group_is_the_whole() -> None:
    from salmubench.scoring.views import score_items

    items = table(np.linspace(0, 1, 12).tolist(), [str(i // 3) for i in range(12)])
    (group,) = breakdown(items, ["all"] * 12, metric=KEPT)
    assert group.scores == score_items(items, metrics={"InterIdSim": KEPT})["InterIdSim"]


def test_order_and_wrong_length() -> None:
    items = table([0.1, 0.2, 0.3], ["p", "q", "r"])
    assert [g.label for g in breakdown(items, ["x", "y", "z"], metric=KEPT, order=["z", "absent", "x"])] == ["z", "x"]
    with pytest.raises(ValueError, match="a label for each of 3"):
        breakdown(items, ["x"], metric=KEPT)


def test_lump_keeps_the_largest() -> None:
    assert merge_rare(["a", "a", "b", "c", "b", "d"], 3) == ["a", "a", "b", "other", "b", "other"]
    assert merge_rare(["a", "b"], 2) == ["a", "b"]


def test_labels_come_from_the_dataset(tmp_path) -> None:
    tiny_dataset(tmp_path / "d", identities=6, pictures=4, size=32)
    dataset = Dataset(tmp_path / "d")
    rows = dataset.rows("forget")
    items = pa.table(
        {
            "metric": ["AssocStr"] * len(rows), "part": ["value"] * len(rows), "split": ["forget"] * len(rows),
            "file_name": [row.file_name for row in rows], "caption": [row.caption for row in rows],
            "identity_id": [row.identity for row in rows], "cluster": [row.identity for row in rows],
            "value": [0.0] * len(rows), "clean": [0.0] * len(rows), "compromised": [0.0] * len(rows),
            "others": [None] * len(rows), "hidden": [None] * len(rows), "retrained": [None] * len(rows),
            "pictures": [None] * len(rows), "same_country": [None] * len(rows),
        },
        schema=ITEM_SCHEMA,
    )  # fmt: skip
    assert labels_of(items, dataset, "attribute") == [row.field for row in rows]
    assert labels_of(items, dataset, "country") == [
        dataset.identities[str(row.identity)].get("country_code", "unknown") for row in rows
    ]
    whole = dataset.forget_identity_ids()
    assert labels_of(items, dataset, "kind") == [
        "forget_identity" if row.identity in whole else "forget_association" for row in rows
    ]
    for by in GROUPINGS:
        assert len(labels_of(items, dataset, by)) == len(rows)
    strange = items.set_column(3, "file_name", pa.array(["absent.jpg"] * len(rows), pa.string()))
    assert set(labels_of(strange, dataset, "style")) == {"unknown"}
