"""The picture of a contest, from invented records."""

from __future__ import annotations

import re
from pathlib import Path

import contest_picture
import pytest

from contest_world import base_record, summed, worlds
from salmubench.scoring.contest_record import OverWorlds


def _dots(drawn: str, class_: str) -> list[tuple[float, float]]:
    """Where the dots of a class are, without the key's below the panel."""
    found = re.findall(rf'<circle cx="([\d.]+)" cy="([\d.]+)" r="4" class="{class_}"', drawn)
    return [(float(x), float(y)) for x, y in found if float(y) < 440]


def test_dots_are_where_the_means_are(tmp_path: Path) -> None:
    found = summed(tmp_path / "plan", worlds(base_record(tmp_path)))
    exact, (first, second) = found.retrained, found.rows
    assert exact is not None
    numbers = {"exact": (0.0, 1.0, 0.9), "first": (-0.5, 0.5, 0.0), "second": (0.5, -2.0, 0.8)}
    for row, (fact, kept, facts) in zip((exact, first, second), numbers.values(), strict=True):
        for number, mean in (("fact", fact), ("kept", kept), ("facts_kept", facts)):
            row.numbers[number] = OverWorlds(mean, (mean - 0.1, mean + 0.1), 6)
    first.numbers["drop"], second.numbers["drop"] = OverWorlds(0.0, None, 6), OverWorlds(0.5, None, 6)
    drawn = contest_picture.picture(found, first.league or "")
    ((middle, high),), ((left, low),), ((right, edge),) = (_dots(drawn, name) for name in ("exact", "whole", "damaged"))
    assert right - middle == middle - left > 0
    assert edge > low > high
    assert (edge - low) / (low - high) == pytest.approx(0.3 / 0.9, abs=1e-3), "−200 % is drawn at −30 %"
    assert f">{second.title.rpartition(', ')[2]} (−200\u202f%)<" in drawn, "with its number"
    assert f">{first.title.rpartition(', ')[2]}<" in drawn


def test_a_row_without_the_fact_is_left_out(tmp_path: Path) -> None:
    found = summed(tmp_path / "plan", worlds(base_record(tmp_path)))
    for row in found.rows:
        row.numbers["fact"] = OverWorlds(None, None, 0)
    drawn = contest_picture.picture(found, found.rows[0].league or "")
    assert not _dots(drawn, "whole")
    assert not _dots(drawn, "damaged")
