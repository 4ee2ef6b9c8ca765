"""Hair styles and head coverings as numbers for the renderer, with the words that describe them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Style:
    """One hair style: its words, who wears it how often and the renderer's numbers."""

    words: str
    """Words before and after the colour, with `{}` for it, as in "long wavy {} hair"; empty if no hair is visible."""
    women: float
    """Weight among women."""
    men: float
    """Weight among men."""
    hat: bool
    """Whether a hat fits over it."""
    values: dict[str, float] = field(default_factory=dict)
    """The renderer's numbers (names of `renderer.params.HAIR`)."""
    covering: str = ""
    """Name of a covering that hides the hair."""


def _cap(crown: float, side: float, line: float, **values: float) -> dict[str, float]:
    return {"cap": 1, "cap_top": crown, "cap_side": side, "line_y": line, **values}


def _long(length: float, **values: float) -> dict[str, float]:
    return {"curtain": 1, "cur_len": length, "bound_y": -0.45, "bound_r": 1.30 + 0.36 * length, **values}


_CURL = {"curl": 0.030, "curl_f": 15.0, "strand": 0.0, "gloss": 0.16}
_COIL = {"curl": 0.020, "curl_f": 24.0, "strand": 0.0, "gloss": 0.09}
_TAIL = {
    "tail": 1,
    "t0_y": 0.52,
    "t0_z": -0.98,
    "t1_x": 0.10,
    "t1_y": -0.30,
    "t1_z": -1.22,
    "t2_x": 0.16,
    "t2_y": -1.25,
    "t2_z": -1.02,
}

STYLES: dict[str, Style] = {
    "buzz": Style(
        "very short {} hair", 0.15, 1.0, True, _cap(0.022, 0.014, 0.56, shade=0.8, taper=0.02, strand=0.004, gloss=0.08)
    ),
    "crew": Style(
        "short {} hair", 0.0, 1.2, True, _cap(0.13, 0.035, 0.58, shade=0.6, sweep=0.05, taper=0.05, recede=0.06)
    ),
    "side part": Style(
        "short side-parted {} hair",
        0.1,
        1.3,
        True,
        _cap(0.15, 0.06, 0.56, part_x=0.30, part_deep=0.24, sweep=0.06, taper=0.08),
    ),
    "quiff": Style(
        "short swept-back {} hair",
        0.15,
        1.0,
        False,
        _cap(
            0.13,
            0.04,
            0.60,
            sweep=0.12,
            taper=0.10,
            top=1,
            top_y=0.88,
            top_z=0.30,
            top_rx=0.44,
            top_ry=0.27,
            top_rz=0.50,
        ),
    ),
    "slick": Style(
        "slicked-back {} hair",
        0.12,
        0.6,
        True,
        _cap(0.09, 0.05, 0.60, taper=0.16, recede=0.08, peak=0.10, gloss=0.55, strand=0.014),
    ),
    "spiky": Style(
        "short spiky {} hair", 0.08, 0.6, False, _cap(0.15, 0.06, 0.56, spike=0.11, taper=0.06, strand=0.0, sweep=0.05)
    ),
    "curly short": Style("short curly {} hair", 0.5, 0.9, False, _cap(0.22, 0.14, 0.52, taper=0.12, **_CURL)),
    "small afro": Style(
        "short afro {} hair",
        0.4,
        0.8,
        False,
        _cap(
            0.22, 0.13, 0.54, taper=0.10, top=1, top_y=0.46, top_z=-0.14, top_rx=0.98, top_ry=0.86, top_rz=1.00, **_COIL
        ),
    ),
    "big afro": Style(
        "big {} afro hair",
        0.5,
        0.4,
        False,
        _cap(
            0.30,
            0.28,
            0.54,
            taper=0.16,
            top=1,
            top_y=0.42,
            top_z=-0.20,
            top_rx=1.22,
            top_ry=1.06,
            top_rz=1.12,
            bound_y=0.16,
            bound_r=1.52,
            curl=0.030,
            curl_f=19.0,
            strand=0.0,
            gloss=0.08,
        ),
    ),
    "bald": Style("no hair", 0.05, 0.8, True),
    "balding": Style(
        "thinning {} hair", 0.0, 1.0, True, _cap(0.07, 0.06, 0.70, crown_cut=0.34, taper=0.05, strand=0.014)
    ),
    "mohawk": Style(
        "a {} mohawk",
        0.08,
        0.25,
        False,
        _cap(
            0.02,
            0.012,
            0.56,
            shade=0.7,
            taper=0.02,
            top=1,
            top_y=0.86,
            top_z=-0.10,
            top_rx=0.16,
            top_ry=0.48,
            top_rz=0.86,
            bound_r=1.5,
            bound_y=0.1,
        ),
    ),
    "medium wavy": Style(
        "medium-length wavy {} hair",
        0.6,
        0.6,
        False,
        {
            **_cap(0.16, 0.12, 0.58, part_x=0.22, part_deep=0.26, taper=0.10),
            **_long(0.78, cur_rx=0.88, cur_rz=0.86, cur_z=0.22, cur_flare=0.10, cur_tunnel=0.66, wave=0.09, wave_f=7.5),
        },
    ),
    "tied back": Style(
        "{} hair tied in a bun",
        0.0,
        0.35,
        False,
        _cap(0.06, 0.04, 0.60, taper=0.10, recede=0.06, bun=1, bun_y=0.82, bun_z=-0.86, bun_r=0.24, strand=0.014),
    ),
    "pixie": Style(
        "short {} hair with a fringe",
        0.7,
        0.15,
        False,
        _cap(0.13, 0.09, 0.36, line_tilt=0.78, part_x=0.26, part_deep=0.34, taper=0.05, sweep=0.05),
    ),
    "bob": Style(
        "chin-length {} hair",
        1.0,
        0.0,
        False,
        {
            **_cap(0.13, 0.10, 0.56, part_x=0.18, part_deep=0.16),
            **_long(0.92, cur_rx=0.90, cur_rz=0.92, cur_z=0.16, cur_flare=0.05, cur_tunnel=0.62),
        },
    ),
    "bob with fringe": Style(
        "chin-length {} hair with a fringe",
        0.8,
        0.0,
        False,
        {
            **_cap(0.13, 0.11, 0.27, line_tilt=0.62, taper=0.03),
            **_long(0.86, cur_rx=0.92, cur_rz=0.92, cur_z=0.16, cur_flare=0.02, cur_tunnel=0.64),
        },
    ),
    "long straight": Style(
        "long straight {} hair",
        1.1,
        0.15,
        False,
        {
            **_cap(0.11, 0.09, 0.58, part_x=0.02, part_deep=0.02, peak=-0.06),
            **_long(1.75, cur_rx=0.87, cur_rz=0.90, cur_z=0.18, cur_flare=0.07, cur_tunnel=0.63, strand=0.016),
        },
    ),
    "long with fringe": Style(
        "long straight {} hair with a fringe",
        0.8,
        0.0,
        False,
        {
            **_cap(0.12, 0.10, 0.26, line_tilt=0.62, taper=0.03),
            **_long(1.65, cur_rx=0.88, cur_rz=0.90, cur_z=0.18, cur_flare=0.06, cur_tunnel=0.64, strand=0.016),
        },
    ),
    "long wavy": Style(
        "long wavy {} hair",
        1.1,
        0.12,
        False,
        {
            **_cap(0.15, 0.12, 0.58, part_x=0.24, part_deep=0.26, taper=0.10),
            **_long(1.55, cur_rx=0.92, cur_rz=0.92, cur_z=0.16, cur_flare=0.13, cur_tunnel=0.64, wave=0.11, wave_f=6.5),
        },
    ),
    "long curly": Style(
        "long curly {} hair",
        1.0,
        0.12,
        False,
        {
            **_cap(0.20, 0.17, 0.54, taper=0.12),
            **_long(
                1.35,
                cur_rx=1.00,
                cur_rz=0.98,
                cur_z=0.14,
                cur_flare=0.22,
                cur_tunnel=0.66,
                curl=0.040,
                curl_f=13.0,
                strand=0.0,
                gloss=0.16,
            ),
        },
    ),
    "pony tail": Style(
        "{} hair in a pony tail",
        0.8,
        0.08,
        False,
        {
            **_cap(0.07, 0.05, 0.60, taper=0.12, strand=0.015),
            **_TAIL,
            "t_r0": 0.13,
            "t_r1": 0.20,
            "t_r2": 0.07,
            "bound_r": 1.75,
            "bound_y": -0.2,
        },
    ),
    "side plait": Style(
        "{} hair in a plait",
        0.6,
        0.0,
        False,
        {
            **_cap(0.09, 0.07, 0.58, taper=0.08, part_x=-0.2, part_deep=0.2),
            "tail": 1,
            "t0_x": 0.62,
            "t0_y": -0.42,
            "t0_z": -0.42,
            "t1_x": 0.66,
            "t1_y": -0.98,
            "t1_z": 0.12,
            "t2_x": 0.52,
            "t2_y": -1.78,
            "t2_z": 0.42,
            "t_r0": 0.17,
            "t_r1": 0.15,
            "t_r2": 0.08,
            "braid": 0.07,
            "bound_r": 1.8,
            "bound_y": -0.3,
        },
    ),
    "two plaits": Style(
        "{} hair in two plaits",
        0.6,
        0.0,
        False,
        {
            **_cap(0.09, 0.07, 0.58, taper=0.06, part_deep=0.0),
            "tail": 1,
            "tail_mirror": 1,
            "t0_x": 0.70,
            "t0_y": -0.30,
            "t0_z": -0.28,
            "t1_x": 0.80,
            "t1_y": -0.90,
            "t1_z": 0.06,
            "t2_x": 0.70,
            "t2_y": -1.70,
            "t2_z": 0.32,
            "t_r0": 0.14,
            "t_r1": 0.13,
            "t_r2": 0.07,
            "braid": 0.06,
            "bound_r": 1.8,
            "bound_y": -0.3,
        },
    ),
    "high bun": Style(
        "{} hair in a high bun",
        0.7,
        0.0,
        False,
        _cap(
            0.07,
            0.05,
            0.60,
            taper=0.12,
            bun=1,
            bun_y=1.20,
            bun_z=-0.24,
            bun_r=0.27,
            bound_r=1.62,
            bound_y=0.1,
            strand=0.015,
        ),
    ),
    "low bun": Style(
        "{} hair in a low bun",
        0.6,
        0.0,
        True,
        _cap(
            0.08,
            0.06,
            0.58,
            taper=0.10,
            bun=1,
            bun_y=-0.22,
            bun_z=-1.06,
            bun_r=0.29,
            part_x=0.05,
            part_deep=0.04,
            bound_r=1.5,
            strand=0.015,
        ),
    ),
    "two buns": Style(
        "{} hair in two buns",
        0.35,
        0.0,
        False,
        _cap(
            0.08,
            0.06,
            0.56,
            taper=0.06,
            bun=1,
            bun_mirror=1,
            bun_x=0.56,
            bun_y=0.98,
            bun_z=-0.20,
            bun_r=0.26,
            bound_r=1.56,
            bound_y=0.1,
        ),
    ),
    "locs": Style(
        "long {} dreadlocks",
        0.4,
        0.4,
        False,
        {
            **_cap(0.13, 0.12, 0.58, taper=0.08),
            **_long(
                1.45,
                cur_rx=0.92,
                cur_rz=0.92,
                cur_z=0.16,
                cur_flare=0.09,
                cur_tunnel=0.65,
                locs=0.05,
                strand=0.0,
                gloss=0.07,
            ),
        },
    ),
    "cornrows": Style(
        "{} cornrows", 0.35, 0.35, True, _cap(0.065, 0.055, 0.60, taper=0.03, rows=0.042, strand=0.0, gloss=0.12)
    ),
    "headscarf": Style(
        "", 0.7, 0.0, False, {"wrap": 1, "line_y": 0.40, "bound_y": -0.30, "bound_r": 1.75}, "headscarf"
    ),
    "turban": Style("", 0.0, 0.5, False, {"wrap": 2, "line_y": 0.40, "bound_y": 0.15, "bound_r": 1.60}, "turban"),
    "head wrap": Style("", 0.4, 0.0, False, {"wrap": 3, "line_y": 0.40, "bound_y": 0.15, "bound_r": 1.60}, "head wrap"),
}
DEFAULTS: dict[str, float] = {
    "line_y": 0.56,
    "line_tilt": 1.0,
    "taper": 0.06,
    "nape_y": -0.62,
    "strand": 0.012,
    "strand_f": 21.0,
    "gloss": 0.30,
    "bound_y": -0.04,
    "bound_r": 1.36,
    "wave_f": 6.0,
    "curl_f": 14.0,
    "cur_front": 0.34,
}
