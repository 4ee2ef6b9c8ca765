"""Which rendered pictures are good enough; the others are drawn again with the next seed.

A renderer knows what it drew, so no model has to judge whether there is a face: the picture says where its face lies.
What a renderer can't promise is checked on the file: it decodes to the size it is named for, has contrast, and is no
near-duplicate of another picture of the same person or class. Checks by models (`dataset.checks`) come on top.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from salmubench.core.errors import DatasetError
from salmubench.core.pictures import open_picture
from salmubench.generator import backends
from salmubench.generator.config import Curation

_THUMBNAIL = 16  # pixels a side: another pose shows, noise and the artefacts of JPEG do not
WORDS: Mapping[str, str] = {
    "contrast": "a picture with contrast, got hardly any",
    "duplicate": "a picture unlike the others of its folder, got a near-duplicate of an earlier one",
}
"""What is expected of a picture that exists already and can't be drawn again, by reason."""


class Fault(NamedTuple):
    """Why a picture is not good enough."""

    reason: str
    detail: str


@dataclass(frozen=True)
class PictureLook:
    """What curation sees of a picture.

    Attributes:
        size: width and height in pixels, or `None` where it doesn't decode.
        thumbnail: luminance, float32 (16, 16), 0 to 255.
        face: where the renderer says the face lies, or `None` where it doesn't say.
    """

    size: tuple[int, int] | None
    thumbnail: np.ndarray[Any, np.dtype[np.float32]]
    face: backends.FaceView | None = None


def look(data: bytes, face: backends.FaceView | None = None) -> PictureLook:
    """Decode a picture."""
    try:
        with open_picture(data, where="a picture that was drawn") as image:
            small = image.convert("L").resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BOX)
            return PictureLook(image.size, np.asarray(small, dtype=np.float32), face)
    except DatasetError:
        return PictureLook(None, np.zeros((_THUMBNAIL, _THUMBNAIL), dtype=np.float32), face)


def faults(
    looks: Sequence[PictureLook],
    *,
    sizes: Sequence[tuple[int, int]],
    groups: Sequence[Hashable],
    limits: Curation | None = None,
) -> dict[int, Fault]:
    """Find the pictures to draw again.

    Args:
        groups: identity or class of each; pictures of one group must differ. `None` is in no group.
        limits: what is good enough; the defaults where left out.

    Returns:
        Index → reason `unreadable`, `size`, `face`, `contrast` or `duplicate` (of an earlier picture), with details.
    """
    limits = limits or Curation()
    faulty: dict[int, Fault] = {}
    kept: dict[Hashable, np.ndarray[Any, Any]] = {}  # float32 (n, 256) of each group
    for index, (seen, size, group) in enumerate(zip(looks, sizes, groups, strict=True)):
        fault = _of_itself(seen, size, limits)
        if fault is None and group is not None:
            own = seen.thumbnail.reshape(1, -1)
            others = kept.get(group, own[:0])
            nearest = float(np.abs(own - others).mean(1).min()) if len(others) else np.inf
            if nearest < limits.distance:
                fault = Fault(
                    "duplicate", f"distance {nearest:.2f} to an earlier picture, at least {limits.distance:g}"
                )
            else:
                kept[group] = np.concatenate([others, own])
        if fault is not None:
            faulty[index] = fault
    return faulty


def problems(looks: Sequence[PictureLook], names: Sequence[str], limits: Curation) -> Iterator[str]:
    """What is wrong with pictures of one person or class that exist already: flat ones, near-duplicates.

    Those that don't decode are passed over; the names are for the messages.
    """
    sizes = [seen.size or (0, 0) for seen in looks]
    for index, fault in faults(looks, sizes=sizes, groups=["one"] * len(looks), limits=limits).items():
        if fault.reason in WORDS:
            yield f"{names[index]}: Expected {WORDS[fault.reason]}: {fault.detail} (dataset.curation)."


def _of_itself(seen: PictureLook, size: tuple[int, int], limits: Curation) -> Fault | None:
    if seen.size is None:
        return Fault("unreadable", "no picture")
    if seen.size != size:
        return Fault("size", f"{seen.size[0]}×{seen.size[1]} pixels, expected {size[0]}×{size[1]}")
    if seen.face is not None and seen.face.inside < limits.face_inside:
        return Fault("face", f"{seen.face.inside:.0%} of the face in the picture, at least {limits.face_inside:.0%}")
    if seen.face is not None and seen.face.height < limits.face_height:
        expected = f"at least {limits.face_height:.0%}"
        return Fault("face", f"as tall as {seen.face.height:.0%} of the short side, {expected}")
    contrast = float(seen.thumbnail.std())
    if contrast < limits.contrast:
        return Fault("contrast", f"{contrast:.1f}, at least {limits.contrast:g}")
    return None


class QualityFilter:
    """Looks at the pictures of one block, as often as they are drawn, and says which to draw again.

    Args:
        sizes: expected width and height of each picture.
        groups: identity or class of each, or `None`.
        checked: whether the checks by models apply (they do to portraits).
    """

    def __init__(
        self, limits: Curation, *, sizes: Sequence[tuple[int, int]], groups: Sequence[Hashable], checked: bool
    ) -> None:
        self._limits, self._sizes, self._groups = limits, sizes, groups
        self._looks = [look(b"")] * len(sizes)
        self._checks = {name: backends.CHECKS.load(name, options) for name, options in limits.checks.items() if checked}
        self._seen: dict[str, list[Any]] = {name: [None] * len(sizes) for name in self._checks}

    def see(
        self,
        positions: Sequence[int],
        images: Sequence[bytes],
        facts: Sequence[Mapping[str, str]],
        faces: Sequence[backends.FaceView | None],
    ) -> None:
        """Look at pictures that have just been drawn, at these positions of the block."""
        for position, image, face in zip(positions, images, faces, strict=True):
            self._looks[position] = look(image, face)
        for name, check in self._checks.items():
            good = [number for number, position in enumerate(positions) if self._looks[position].size is not None]
            results = check.see([images[number] for number in good], [facts[number] for number in good])
            for position in positions:
                self._seen[name][position] = None
            for number, item in zip(good, results, strict=True):
                self._seen[name][positions[number]] = item

    def faults(self) -> dict[int, Fault]:
        """What to draw again, by position."""
        faulty = faults(self._looks, sizes=self._sizes, groups=self._groups, limits=self._limits)
        for name, check in self._checks.items():
            looked_at = [position for position, item in enumerate(self._seen[name]) if item is not None]
            seen = [self._seen[name][position] for position in looked_at]
            for index, (reason, detail) in check.faults(
                seen, [self._groups[position] for position in looked_at]
            ).items():
                faulty.setdefault(looked_at[index], Fault(f"{name}: {reason}", detail))
        return faulty


def summary(pictures: int, rejects: Iterable[tuple[str, Sequence[Fault]]], limits: Curation) -> Mapping[str, Any]:
    """Content of `curation.json`, from file name and faults of the pictures that were drawn again."""
    redrawn = {name: [fault._asdict() for fault in picture_faults] for name, picture_faults in rejects}
    reasons = Counter(fault["reason"] for picture_faults in redrawn.values() for fault in picture_faults)
    return {
        "pictures": pictures,
        "redrawn": len(redrawn),
        "redraws": reasons.total(),
        "reasons": dict(sorted(reasons.items())),
        "limits": asdict(limits),
        "files": redrawn,
    }
