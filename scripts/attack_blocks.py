"""Blocks of the docs about what attacks cost and how their rates were found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from page_blocks import ROOT, processor

from salmubench.core import manifest


def costs() -> str:
    """What each attack takes, a model and seed."""
    found = manifest.read_json(ROOT / "results" / "speed" / "attacks.json")
    attacks: dict[str, dict[str, float]] = found["attacks"]
    total = {key: sum(one[key] for one in attacks.values()) for key in next(iter(attacks.values()))}
    rows = [*sorted(attacks.items(), key=lambda item: -item[1]["seconds"]), ("all", total)]
    lines = ["| attack | processor s | share | optimiser steps | pictures | captions |", "|:--|--:|--:|--:|--:|--:|"]
    for name, one in rows:
        counts = " | ".join(f"{one[key]:,.0f}" for key in ("steps", "pictures", "captions"))
        told = f"`{name}`" if name in attacks else "all"
        lines.append(f"| {told} | {one['seconds']:.1f} | {one['seconds'] / total['seconds']:.0%} | {counts} |")
    ratios = ", ".join(f"{key} {ratio:.2f}" for key, ratio in found["estimated"].items())
    told = (
        f"One model, one seed, recipe `{found['recipe']}`, {found['precision']}, one core of "
        f"{processor(found['provenance']['hardware'])}; medians of {found['times']} models; peak memory "
        f"{found['peak_memory'] / 2**30:.1f} GiB. Estimated / measured: {ratios}."
    )
    return "\n".join([*lines, "", told])


def rates() -> str:
    """What `attack-rates` took at mini."""
    found = manifest.read_json(ROOT / "results" / "attack-rates" / "rates.json")
    taken = "; ".join(f"`{attack}` {_setting(options)}" for attack, options in found["overrides"].items())
    tried = f"{len(found['tried'])} settings tried in `results/attack-rates/rates.json`"
    return f"Taken: {taken}. {tried}, {found['seeds']} seed, {found['precision']}."


def _setting(options: Mapping[str, Any]) -> str:
    values = {name: value if isinstance(value, list) else [value] for name, value in options.items()}
    return ", ".join(f"{name} {' · '.join(f'{item:g}' for item in given)}" for name, given in values.items())
