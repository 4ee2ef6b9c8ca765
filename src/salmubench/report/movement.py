"""Where each method moved the weights: relative length of the way of each layer, as a map of layers by methods."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from salmubench.report import wording
from salmubench.report.collect import Run
from salmubench.report.drawings import svg
from salmubench.scoring.references import reference_kind

_FAINTEST, _DARKEST = 1e-4, 1.0  # shares of a layer's own length between which colours differ
_CELL_WIDTH, _CELL_HEIGHT, _LEFT = 46.0, 17.0, 196.0
_LETTER = 6.2  # mean width of a letter of the heads, units


def movement_map(run: Run, names: Mapping[str, str]) -> Markup | None:
    """Draw the map; `None` where no checkpoint says how far its layers went.

    Args:
        names: model name → display name.
    """
    moved = {
        record.model.name: shares
        for record in run.records
        if reference_kind(record) is None and (shares := run.movement(record.model.name))
    }
    if not moved:
        return None
    layers = list(dict.fromkeys(layer for shares in moved.values() for layer in shares))
    heads = [names[name] for name in moved]
    top = 14 + max(len(head) for head in heads) * _LETTER * math.sin(math.radians(55))
    aside = max(len(head) for head in heads) * _LETTER * math.cos(math.radians(55))
    width, height = _LEFT + len(heads) * _CELL_WIDTH + aside, top + len(layers) * _CELL_HEIGHT + 4
    parts: list[Markup] = []
    for column, head in enumerate(heads):
        x = _LEFT + (column + 0.5) * _CELL_WIDTH
        turned = f"rotate(-55 {svg.coordinate(x)} {svg.coordinate(top - 6)})"
        parts.append(svg.element("text", head, x=x, y=top - 6, class_="tick head", transform=turned))
    for row, layer in enumerate(layers):
        y = top + row * _CELL_HEIGHT
        parts.append(svg.text(_LEFT - 8, y + 12.5, layer, "tick", anchor="end"))
        for column, shares in enumerate(moved.values()):
            share = shares.get(layer)
            if share is not None:
                parts += _cell(_LEFT + column * _CELL_WIDTH, y, share)
    return svg.drawing(width, height, *parts, label=_description(moved, names), class_="movement", fixed=True)


def _cell(x: float, y: float, share: float) -> list[Markup]:
    box = {"x": x + 1, "y": y + 1, "width": _CELL_WIDTH - 2, "height": _CELL_HEIGHT - 2}
    return [
        svg.element("rect", **box, class_="heat", fill_opacity=_strength(share)),
        svg.text(x + _CELL_WIDTH / 2, y + 12.5, _written(share), "share", anchor="middle"),
    ]


def _written(share: float) -> str:
    """In percent up to ten times the layer's length, then as a multiple."""
    return wording.percent(share) if share < 10 else f"{share:.0f}×" if share < 100 else "> 100×"


def _strength(share: float) -> float:
    if not share > 0:
        return 0.0
    inside = min(max(share, _FAINTEST), _DARKEST)
    return 0.03 + 0.37 * math.log(inside / _FAINTEST) / math.log(_DARKEST / _FAINTEST)  # darker ones hide the number


def _description(moved: Mapping[str, Mapping[str, float]], names: Mapping[str, str]) -> str:
    """For screen readers: the layer that moved most, of each method."""
    parts: Sequence[str] = [
        f"{names[name]}: most in {layer}, {wording.percent(shares[layer])}"
        for name, shares in moved.items()
        for layer in [max(shares, key=lambda key: shares[key])]
    ]
    return "Map of layers by methods: how far the weights moved, relative to their length. " + "; ".join(parts) + "."
