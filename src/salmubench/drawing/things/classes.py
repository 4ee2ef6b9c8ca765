"""The row that describes one class of objects."""

from __future__ import annotations

import dataclasses

from salmubench.drawing.things.parts import Parts

COLOURS = (
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "white", "black", "grey", "turquoise",
)  # fmt: skip
SIDE = (-55.0, 55.0)
ANY = (-180.0, 180.0)


@dataclasses.dataclass(frozen=True)
class ObjectClass:
    """One class: what it looks like, and how it may appear.

    Attributes:
        name: what captions call one of it.
        variants: alternative shapes; a picture shows one of them.
        plural: what captions call several; the name with an s where empty.
        article: "a", "an" or "a pair of"; chosen by the first letter where empty.
        colours: colours that the paint "main" may have.
        materials: materials that the paint "main" may have, from `palette.MATERIALS`.
        home: "ground", or "sky" or "water" for what is often there.
        yaw: range of the turn about the upright axis in degrees; at 0 the side facing +z is seen.
        pitch: range of the camera's elevation in degrees.
        stretch: how far width, height and depth may vary, as a share.
        lean: largest tilt of the object in the picture's plane, in degrees.
        described: whether the main paint covers enough for captions to describe its colour, pattern and material.
        decorated: whether stripes, spots and checks may decorate the main paint.
    """

    name: str
    variants: tuple[Parts, ...]
    plural: str = ""
    article: str = ""
    colours: tuple[str, ...] = COLOURS
    materials: tuple[str, ...] = ("painted", "plastic", "metal")
    home: str = "ground"
    yaw: tuple[float, float] = SIDE
    pitch: tuple[float, float] = (3.0, 38.0)
    stretch: float = 0.16
    lean: float = 4.0
    described: bool = True
    decorated: bool = True

    def one(self) -> str:
        """The name with its article."""
        article = self.article or ("an" if self.name[0] in "aeiou" else "a")
        return f"{article} {self.name}"

    def several(self, count: str) -> str:
        """The plural after a number in words."""
        if self.article == "a pair of":
            return f"{count} pairs of {self.name}"
        return f"{count} {self.plural or self.name + 's'}"
