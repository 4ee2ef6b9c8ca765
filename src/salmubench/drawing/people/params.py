"""The flat record of numbers that describes one portrait to the kernels.

`FIELDS` lists the names in groups; every field is a float64. A kernel reads `p.eye_x`; Python fills a record by name.
Lengths are in head units (the head is about 2.2 units tall, eyes at y = 0, +x is the viewer's right, +z points to the
viewer); colours are linear 0..1; angles are radians; flags are 0 or 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np


class Params:
    """What a kernel sees of a record of `DTYPE`: one float64 attribute for every name of `FIELDS`."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> float: ...

        def __setattr__(self, name: str, value: float) -> None: ...


def _rgb(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}_{channel}" for name in names for channel in "rgb")


FACE = (
    *("cran_w", "cran_h", "cran_d", "face_w", "face_h", "jaw_w", "jaw_y", "jaw_h", "chin_w", "chin_r", "chin_z"),
    *("chin_y", "cheek_r", "cheek_x", "cheek_y", "jowl", "ridge", "ear_size", "ear_out", "ear_y"),
    *("eye_x", "eye_r", "eye_tilt", "lid_up", "lid_lo", "eye_deep", "iris", "lash", "fold", "bags"),
    *("nose_len", "nose_w", "nose_tip", "nose_proj", "nose_bridge", "nose_hump", "nose_ala"),
    *("mouth_gap", "mouth_w", "lip_u", "lip_l", "lip_bow"),
    *("brow_thick", "brow_len", "brow_high", "brow_arch", "brow_tilt", "brow_gap", "brow_dense"),
    *("neck_w", "shoulder_w", "age", "blush", "freckles", "freckle_seed", "stubble", "shade"),
    *("mole1_x", "mole1_y", "mole1_r", "mole2_x", "mole2_y", "mole2_r"),
    *("scar", "scar_x", "scar_y", "scar_angle", "scar_len", "lipstick", "shadow", "vitiligo"),
    *_rgb("skin", "lip", "iris", "brow", "hair", "hair_tip", "lipstick", "shadow"),
)
HAIR = (
    *("cap", "cap_top", "cap_side", "line_y", "line_tilt", "recede", "peak", "part_x", "part_deep", "fade", "taper"),
    *("crown_cut", "sweep", "shave", "nape_y"),
    *("curtain", "cur_len", "cur_rx", "cur_rz", "cur_z", "cur_flare", "cur_front", "cur_tunnel"),
    *("top", "top_x", "top_y", "top_z", "top_rx", "top_ry", "top_rz"),
    *("bun", "bun_x", "bun_y", "bun_z", "bun_r", "bun_mirror"),
    *("tail", "tail_mirror", "t0_x", "t0_y", "t0_z", "t1_x", "t1_y", "t1_z", "t2_x", "t2_y", "t2_z", "t_r0", "t_r1"),
    *("t_r2", "braid"),
    *("strand", "strand_f", "wave", "wave_f", "curl", "curl_f", "spike", "locs", "rows", "hair_seed", "gloss", "grey"),
    *("bound_y", "bound_r"),
    *("wrap", "wrap_open", "wrap_top", "wrap_back", "wrap_fold", "wrap_pin", "wrap_knot", "wrap_pattern", "wrap_drape"),
    *("under",),
    *_rgb("wrap", "wrap2", "under", "tie"),
    *("beard", "beard_len", "beard_cheek", "beard_thick", "beard_mouth", "goatee", "moustache", "mou_len", "mou_drop"),
    *("mou_r", "beard_curl"),
    *_rgb("beard"),
)
WORN = (
    *("glasses", "gl_w", "gl_h", "gl_round", "gl_rim", "gl_top", "earring"),
    *_rgb("frame", "metal"),
)
SHOT = (
    *("yaw", "pitch", "roll", "body_yaw", "smile", "open", "raise_", "squint", "gaze_x", "gaze_y", "frown"),
    *("light_az", "light_el", "ambient", "rim", "fill", "exposure"),
    *("scale", "shift_x", "shift_y", "hat", "hat_y"),
    *("neckline", "collar", "pattern", "pat_size", "lapel", "scarf", "necklace"),
    *("bg", "bg_seed", "bg_shift", "bg_level"),
    *_rgb("key", "sky", "ground", "cloth", "cloth2", "inner", "hat", "hat2", "scarf", "bg_a", "bg_b", "bg_c"),
)
DERIVED = (
    *("eye_z", "eye_c", "eye_s", "gaze_z", "up", "lo", "nose_y", "nose_z", "nose_top_z", "mouth_y", "mouth_z"),
    *("mouth_z1", "mouth_hw", "hu", "hl", "ear_x", "gl_z", "brow_y", "head_thick"),
    *("cran_iw", "cran_ih", "cran_id", "face_iw", "face_ih", "jaw_iw", "jaw_ih", "top_ix", "top_iy", "top_iz"),
    *(f"h{i}{j}" for i in range(3) for j in range(3)),
    *(f"b{i}{j}" for i in range(3) for j in range(3)),
    *("light_x", "light_y", "light_z", "up_x", "up_y", "up_z"),
    *("body_x", "body_y", "body_z", "cam_x", "cam_y", "cam_z", "half"),
    *("close",),  # whether the kernel of large pictures draws
)
FIELDS: tuple[str, ...] = (*FACE, *HAIR, *WORN, *SHOT, *DERIVED)
DTYPE = np.dtype([(name, np.float64) for name in FIELDS])
