"""The hand-made dataset is what it says."""

from __future__ import annotations

from salmubench.dataset.layout import open_dataset


def test_splits_and_metadata(tiny_folder):
    dataset = open_dataset(tiny_folder)
    assert dict(dataset.counts) == {
        "forget": 24, "forget_target": 24, "holdout_association": 12, "holdout_identity": 12, "retain_synth": 38,
        "retain_real": 64, "general_knowledge": 32,
    }  # fmt: skip
    assert len(dataset.forget_identity_ids()) == 2
    for split in ("forget", "holdout_association", "holdout_identity"):
        for row in dataset.rows(split):
            assert row.value in row.caption
            assert row.name in row.caption
            assert row.value in row.paraphrase
            assert row.paraphrase != row.caption
    assert dataset.general_knowledge.classes == ("red cube", "green ball", "blue cone", "grey ring")
    assert {row.caption for row in dataset.rows("general_knowledge")} == set(dataset.general_knowledge.classes)
    forget = {(row.identity, row.field) for row in dataset.rows("forget")}
    assert not forget & {(row.identity, row.field) for row in dataset.rows("holdout_association")}
