"""The engine's log becomes a curve."""

from __future__ import annotations

import pyarrow.parquet as pq

from salmubench.pretrain.curves import entries, logged_seconds, write_curves


def line(epoch, loss, lr="0.000300"):
    return (
        f"2026-11-24,09:09:16 | INFO | Train Epoch: {epoch} [ 26/102 (25%)] Data (t): 0.001 Batch (t): 0.485, "
        f"65.9619/s, 65.9619/s/gpu LR: {lr} Logit Scale: 14.286 Contrastive_loss: 9.9 (9.9) Loss: {loss} (7.7)"
    )


def start(epoch):
    return f"2026-11-24,09:09:16 | INFO | Start epoch {epoch}"


def test_steps_are_counted_from_the_interval():
    found = entries(
        [start(0), line(0, 4.0), line(0, 3.5), line(0, 3.0), "noise", start(1), line(1, 2.0)], steps=4, every=2
    )
    assert [(entry.step, entry.values["loss"]) for entry in found] == [(0, 4.0), (2, 3.5), (3, 3.0), (4, 2.0)]
    assert found[0].values == {"loss": 4.0, "lr": 3e-4, "samples_per_second": 65.9619, "logit_scale": 14.286}


def test_an_interrupted_epoch_counts_once():
    log = [start(0), line(0, 4.0), line(0, 3.0), start(1), line(1, 9.0), line(1, 9.0), start(1), line(1, 2.0)]
    found = entries(log, steps=4, every=3)
    assert [(entry.step, entry.values["loss"]) for entry in found] == [(0, 4.0), (3, 3.0), (4, 2.0)]


def test_table(tmp_path):
    found = entries([start(1), line(1, 2.5)], steps=3, every=1)
    path = write_curves(tmp_path, found, pairs=[10, 20, 29], batch=20)
    table = pq.read_table(path).to_pylist()
    assert table[0] == {"step": 3, "pairs": 39, "name": "loss", "value": 2.5}
    assert table[2]["value"] == 65.9619 / 2  # ten pairs, which the engine took for twenty
    assert [row["name"] for row in table] == ["loss", "lr", "samples_per_second", "logit_scale"]


def test_seconds_of_a_log_leave_out_what_lies_between_two_starts():
    log = [
        "2026-11-24,09:00:00 | INFO | No latest resume checkpoint found in x.", "noise",
        "2026-11-24,09:00:30 | INFO | Start epoch 0", "2026-11-24,09:02:00 | INFO | Train Epoch: 0",
        "2026-11-25,09:02:00 | INFO | Found latest resume checkpoint at x.", "2026-11-25,09:02:10 | INFO | y",
    ]  # fmt: skip
    assert logged_seconds(log) == 130
    assert logged_seconds([]) == 0
