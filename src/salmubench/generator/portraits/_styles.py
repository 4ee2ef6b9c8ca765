"""Hair styles and head coverings as numbers for the renderer, with the words that describe them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Style:
    """One hair style: its words, who wears it how often and the renderer's numbers."""

    words: str
    """Words with `{}` for the colour, as in "long wavy {} hair"; empty if no hair is visible."""
    women: float
    """Weight among women."""
    men: float
    """Weight among men."""
    hat: bool
    """Whether a hat fits over it."""
    front: str
    """Words for a picture from the front, where a bun or tail behind the head does not show; empty: as `words`."""
    covering: str
    """Name of a covering that hides the hair, or an empty string."""
    values: dict[str, float]
    """The renderer's numbers (names of `renderer.params.HAIR`)."""


def _style(
    words: str, women: float, men: float, *, hat: bool = False, front: str = "", covering: str = "", **values: float
) -> Style:
    return Style(words, women, men, hat, front, covering, values)


# fmt: off
STYLES: Final[dict[str, Style]] = {
    "buzz": _style(
        "very short {} hair", 0.15, 1.0, hat=True, cap=1, cap_top=0.022, cap_side=0.014, line_y=0.56, shade=0.8,
        taper=0.02, strand=0.004, gloss=0.08,
    ),
    "crew": _style(
        "short {} hair", 0.0, 1.2, hat=True, cap=1, cap_top=0.13, cap_side=0.035, line_y=0.58, shade=0.6, sweep=0.05,
        taper=0.05, recede=0.06,
    ),
    "side part": _style(
        "short side-parted {} hair", 0.1, 1.3, hat=True, cap=1, cap_top=0.15, cap_side=0.06, line_y=0.56, part_x=0.3,
        part_deep=0.24, sweep=0.06, taper=0.08,
    ),
    "quiff": _style(
        "short swept-back {} hair", 0.15, 1.0, cap=1, cap_top=0.13, cap_side=0.04, line_y=0.6, sweep=0.12, taper=0.1,
        top=1, top_y=0.88, top_z=0.3, top_rx=0.44, top_ry=0.27, top_rz=0.5,
    ),
    "slick": _style(
        "slicked-back {} hair", 0.12, 0.6, hat=True, cap=1, cap_top=0.09, cap_side=0.05, line_y=0.6, taper=0.16,
        recede=0.08, peak=0.1, gloss=0.55, strand=0.014,
    ),
    "spiky": _style(
        "short spiky {} hair", 0.08, 0.6, cap=1, cap_top=0.15, cap_side=0.06, line_y=0.56, spike=0.11, taper=0.06,
        strand=0.0, sweep=0.05,
    ),
    "curly short": _style(
        "short curly {} hair", 0.5, 0.9, cap=1, cap_top=0.22, cap_side=0.14, line_y=0.52, taper=0.12, curl=0.03,
        curl_f=15.0, strand=0.0, gloss=0.16,
    ),
    "small afro": _style(
        "short {} afro hair", 0.4, 0.8, cap=1, cap_top=0.22, cap_side=0.13, line_y=0.54, taper=0.1, top=1, top_y=0.46,
        top_z=-0.14, top_rx=0.98, top_ry=0.86, top_rz=1.0, curl=0.02, curl_f=24.0, strand=0.0, gloss=0.09,
    ),
    "big afro": _style(
        "big {} afro hair", 0.5, 0.4, cap=1, cap_top=0.3, cap_side=0.28, line_y=0.54, taper=0.16, top=1, top_y=0.42,
        top_z=-0.2, top_rx=1.22, top_ry=1.06, top_rz=1.12, bound_y=0.16, bound_r=1.52, curl=0.03, curl_f=19.0,
        strand=0.0, gloss=0.08,
    ),
    "bald": _style(
        "no hair", 0.05, 0.8, hat=True,
    ),
    "balding": _style(
        "thinning {} hair", 0.0, 1.0, hat=True, cap=1, cap_top=0.07, cap_side=0.06, line_y=0.7, crown_cut=0.34,
        taper=0.05, strand=0.014,
    ),
    "mohawk": _style(
        "{} mohawk", 0.08, 0.25, cap=1, cap_top=0.02, cap_side=0.012, line_y=0.56, shade=0.7, taper=0.02, top=1,
        top_y=0.86, top_z=-0.1, top_rx=0.16, top_ry=0.48, top_rz=0.86, bound_r=1.5, bound_y=0.1,
    ),
    "medium wavy": _style(
        "medium-length wavy {} hair", 0.6, 0.6, hat=True, cap=1, cap_top=0.16, cap_side=0.12, line_y=0.58,
        part_x=0.22, part_deep=0.26, taper=0.1, curtain=1, cur_len=0.78, bound_y=-0.45, bound_r=1.5808, cur_rx=0.88,
        cur_rz=0.86, cur_z=0.22, cur_flare=0.1, cur_tunnel=0.66, wave=0.09, wave_f=7.5,
    ),
    "tied back": _style(
        "{} hair tied in a bun", 0.0, 0.35, front="{} hair tied back", cap=1, cap_top=0.06, cap_side=0.04, line_y=0.6,
        taper=0.1, recede=0.06, bun=1, bun_y=0.82, bun_z=-0.86, bun_r=0.24, strand=0.014,
    ),
    "pixie": _style(
        "short {} hair with a fringe", 0.7, 0.15, cap=1, cap_top=0.13, cap_side=0.09, line_y=0.36, line_tilt=0.78,
        part_x=0.26, part_deep=0.34, taper=0.05, sweep=0.05,
    ),
    "bob": _style(
        "chin-length {} hair", 1.0, 0.0, hat=True, cap=1, cap_top=0.13, cap_side=0.1, line_y=0.56, part_x=0.18,
        part_deep=0.16, curtain=1, cur_len=0.92, bound_y=-0.45, bound_r=1.6312, cur_rx=0.9, cur_rz=0.92, cur_z=0.16,
        cur_flare=0.05, cur_tunnel=0.62,
    ),
    "bob with fringe": _style(
        "chin-length {} hair with a fringe", 0.8, 0.0, cap=1, cap_top=0.13, cap_side=0.11, line_y=0.27,
        line_tilt=0.62, taper=0.03, curtain=1, cur_len=0.86, bound_y=-0.45, bound_r=1.6096, cur_rx=0.92, cur_rz=0.92,
        cur_z=0.16, cur_flare=0.02, cur_tunnel=0.64,
    ),
    "long straight": _style(
        "long straight {} hair", 1.1, 0.15, hat=True, cap=1, cap_top=0.11, cap_side=0.09, line_y=0.58, part_x=0.02,
        part_deep=0.02, peak=-0.06, curtain=1, cur_len=1.75, bound_y=-0.45, bound_r=1.9300000000000002, cur_rx=0.87,
        cur_rz=0.9, cur_z=0.18, cur_flare=0.07, cur_tunnel=0.63, strand=0.016,
    ),
    "long with fringe": _style(
        "long straight {} hair with a fringe", 0.8, 0.0, hat=True, cap=1, cap_top=0.12, cap_side=0.1, line_y=0.26,
        line_tilt=0.62, taper=0.03, curtain=1, cur_len=1.65, bound_y=-0.45, bound_r=1.8940000000000001, cur_rx=0.88,
        cur_rz=0.9, cur_z=0.18, cur_flare=0.06, cur_tunnel=0.64, strand=0.016,
    ),
    "long wavy": _style(
        "long wavy {} hair", 1.1, 0.12, hat=True, cap=1, cap_top=0.15, cap_side=0.12, line_y=0.58, part_x=0.24,
        part_deep=0.26, taper=0.1, curtain=1, cur_len=1.55, bound_y=-0.45, bound_r=1.858, cur_rx=0.92, cur_rz=0.92,
        cur_z=0.16, cur_flare=0.13, cur_tunnel=0.64, wave=0.11, wave_f=6.5,
    ),
    "long curly": _style(
        "long curly {} hair", 1.0, 0.12, cap=1, cap_top=0.2, cap_side=0.17, line_y=0.54, taper=0.12, curtain=1,
        cur_len=1.35, bound_y=-0.45, bound_r=1.786, cur_rx=1.0, cur_rz=0.98, cur_z=0.14, cur_flare=0.22,
        cur_tunnel=0.66, curl=0.04, curl_f=13.0, strand=0.0, gloss=0.16,
    ),
    "pony tail": _style(
        "{} hair in a pony tail", 0.8, 0.08, front="{} hair tied back", cap=1, cap_top=0.07, cap_side=0.05,
        line_y=0.6, taper=0.12, strand=0.015, tail=1, t0_y=0.52, t0_z=-0.98, t1_x=0.1, t1_y=-0.3, t1_z=-1.22,
        t2_x=0.16, t2_y=-1.25, t2_z=-1.02, t_r0=0.13, t_r1=0.2, t_r2=0.07, bound_r=1.75, bound_y=-0.2,
    ),
    "side plait": _style(
        "{} hair in a plait", 0.6, 0.0, cap=1, cap_top=0.09, cap_side=0.07, line_y=0.58, taper=0.08, part_x=-0.2,
        part_deep=0.2, tail=1, t0_x=0.62, t0_y=-0.42, t0_z=-0.42, t1_x=0.66, t1_y=-0.98, t1_z=0.12, t2_x=0.52,
        t2_y=-1.78, t2_z=0.42, t_r0=0.17, t_r1=0.15, t_r2=0.08, braid=0.07, bound_r=1.8, bound_y=-0.3,
    ),
    "two plaits": _style(
        "{} hair in two plaits", 0.6, 0.0, cap=1, cap_top=0.09, cap_side=0.07, line_y=0.58, taper=0.06, part_deep=0.0,
        tail=1, tail_mirror=1, t0_x=0.7, t0_y=-0.3, t0_z=-0.28, t1_x=0.8, t1_y=-0.9, t1_z=0.06, t2_x=0.7, t2_y=-1.7,
        t2_z=0.32, t_r0=0.14, t_r1=0.13, t_r2=0.07, braid=0.06, bound_r=1.8, bound_y=-0.3,
    ),
    "high bun": _style(
        "{} hair in a high bun", 0.7, 0.0, cap=1, cap_top=0.07, cap_side=0.05, line_y=0.6, taper=0.12, bun=1,
        bun_y=1.2, bun_z=-0.24, bun_r=0.27, bound_r=1.62, bound_y=0.1, strand=0.015,
    ),
    "low bun": _style(
        "{} hair in a low bun", 0.6, 0.0, hat=True, front="{} hair tied back", cap=1, cap_top=0.08, cap_side=0.06,
        line_y=0.58, taper=0.1, bun=1, bun_y=-0.22, bun_z=-1.06, bun_r=0.29, part_x=0.05, part_deep=0.04, bound_r=1.5,
        strand=0.015,
    ),
    "two buns": _style(
        "{} hair in two buns", 0.35, 0.0, cap=1, cap_top=0.08, cap_side=0.06, line_y=0.56, taper=0.06, bun=1,
        bun_mirror=1, bun_x=0.56, bun_y=0.98, bun_z=-0.2, bun_r=0.26, bound_r=1.56, bound_y=0.1,
    ),
    "locs": _style(
        "long {} dreadlocks", 0.4, 0.4, cap=1, cap_top=0.13, cap_side=0.12, line_y=0.58, taper=0.08, curtain=1,
        cur_len=1.45, bound_y=-0.45, bound_r=1.822, cur_rx=0.92, cur_rz=0.92, cur_z=0.16, cur_flare=0.09,
        cur_tunnel=0.65, locs=0.05, strand=0.0, gloss=0.07,
    ),
    "cornrows": _style(
        "{} cornrows", 0.35, 0.35, hat=True, cap=1, cap_top=0.065, cap_side=0.055, line_y=0.6, taper=0.03, rows=0.042,
        strand=0.0, gloss=0.12,
    ),
    "headscarf": _style(
        "", 0.7, 0.0, covering="headscarf", wrap=1, line_y=0.4, bound_y=-0.3, bound_r=1.75,
    ),
    "turban": _style(
        "", 0.0, 0.5, covering="turban", wrap=2, line_y=0.4, bound_y=0.15, bound_r=1.6,
    ),
    "head wrap": _style(
        "", 0.4, 0.0, covering="head wrap", wrap=3, line_y=0.4, bound_y=0.15, bound_r=1.6,
    ),
}
"""All styles by name; the order is part of the meaning of a seed."""
DEFAULTS: Final[dict[str, float]] = {
    "line_y": 0.56, "line_tilt": 1.0, "taper": 0.06, "nape_y": -0.62, "strand": 0.012, "strand_f": 21.0, "gloss": 0.3,
    "bound_y": -0.04, "bound_r": 1.36, "wave_f": 6.0, "curl_f": 14.0, "cur_front": 0.34,
}
"""Numbers of every style that does not say otherwise."""
# fmt: on
