"""How often the ends of intervals miss, for `update_docs.py`: from `results/coverage`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from page_blocks import ROOT

from salmubench.core import manifest
from salmubench.scoring.intervals import WIDER

_ALONE, _WIDER = "bootstrap_t 1.00", f"bootstrap_t {WIDER:.2f}"


def interval_coverage() -> str:
    """Why intervals are wider than the bootstrap-t, and where no width helps."""
    found = manifest.read_json(ROOT / "results" / "coverage" / "coverage.json")
    populations: Mapping[str, Any] = {
        name: one for name, one in found["populations"].items() if _WIDER in one["intervals"]
    }
    setting = [one for one in populations.values() if one["sets"]]
    leakage = [one for one in setting if one["truth"] < 0.5]
    rest = {name: one for name, one in populations.items() if not one["sets"]}
    few = [one for name, one in rest.items() if " r1," in name]
    of_one = [one for name, one in rest.items() if " r1," not in name]
    worst = {kind: max(_misses(leakage, kind, "high")) for kind in ("percentile", "bca", _ALONE)}
    ends = [share for end in ("low", "high") for share in _misses(setting, _WIDER, end)]
    units, least = of_one[0]["units"], min(one["most_of_one"] for one in of_one)
    return _items(
        f"`benchmarks/interval_coverage.py` draws {found['samples']:,} samples from the identities of scored models, "
        "references and methods near the thresholds, and counts how often each end misses their known number "
        f"(`results/coverage/coverage.json`; {len(setting)} populations). Near 1% left, where the upper end decides, "
        f"it missed in up to {worst['percentile']:.1%} with plain quantiles, {worst['bca']:.1%} with BCa and "
        f"{worst[_ALONE]:.1%} with the bootstrap-t (nominal 2.5%). Intervals are therefore {WIDER:g} times as wide: "
        f"with that factor, the smallest one tried that does, no end misses more than {max(ends):.1%}.",
        f"No kind and no factor helps where one person has {least:.0%} or more of what is left ({len(of_one)} "
        f"populations): {(1 - 1 / units) ** units:.0%} of samples are without that person, and such a sample can't "
        f"tell. The upper end then missed in {_range(_misses(of_one, _WIDER, 'high'))}. Read such a row by its items: "
        f"who is still known? R@1 with {_range([one['most_of_one'] for one in few])} at one person missed in "
        f"{_range(_misses(few, _WIDER, 'high'))}.",
    )


def _items(*texts: str) -> str:
    lines = [line for text in texts for line in textwrap.wrap(f"- {text}", 118, subsequent_indent="  ")]
    return "\n".join(lines).replace("%", " %")


def _misses(populations: Iterable[Mapping[str, Any]], kind: str, end: str) -> list[float]:
    return [one["intervals"][kind][f"{end}_misses"] for one in populations]


def _range(shares: list[float]) -> str:
    return f"{min(shares):.1%} to {max(shares):.1%}"
