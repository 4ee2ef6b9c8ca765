"""Named colours of skin, hair, eyes, clothes and walls, as sRGB bytes turned into linear light."""

from __future__ import annotations

from salmubench.generator.portraits._appearance import Colour


def linear(red: float, green: float, blue: float) -> Colour:
    """Return linear 0..1 values of an sRGB colour given in bytes."""
    return ((red / 255.0) ** 2.2, (green / 255.0) ** 2.2, (blue / 255.0) ** 2.2)


# Warm renderings of the ten steps of the Monk skin tone scale (skintone.google, CC BY 4.0): the raw swatches look
# chalky at the light end and lose all form at the dark end once they are lit.
MONK: tuple[Colour, ...] = (
    linear(244, 214, 198),
    linear(240, 203, 182),
    linear(234, 192, 164),
    linear(224, 177, 142),
    linear(206, 154, 114),
    linear(176, 123, 85),
    linear(146, 98, 67),
    linear(118, 78, 55),
    linear(94, 62, 46),
    linear(76, 51, 40),
)

HAIR: dict[str, Colour] = {
    "black": linear(34, 30, 32),
    "dark brown": linear(62, 42, 32),
    "brown": linear(98, 64, 42),
    "light brown": linear(140, 98, 64),
    "auburn": linear(118, 50, 30),
    "red": linear(188, 84, 34),
    "dark blond": linear(176, 136, 84),
    "blond": linear(222, 186, 118),
    "platinum blond": linear(226, 208, 168),
    "grey": linear(150, 150, 152),
    "white": linear(226, 224, 220),
    "pink": linear(204, 118, 146),
    "blue": linear(58, 96, 170),
    "purple": linear(112, 66, 142),
    "green": linear(66, 130, 96),
}

EYES: dict[str, Colour] = {
    "dark brown": linear(72, 42, 26),
    "brown": linear(118, 70, 38),
    "amber": linear(176, 112, 44),
    "hazel": linear(134, 112, 58),
    "green": linear(86, 138, 88),
    "blue": linear(76, 132, 192),
    "grey": linear(126, 142, 156),
}

CLOTH: dict[str, Colour] = {
    "white": linear(232, 230, 224),
    "cream": linear(226, 212, 182),
    "grey": linear(128, 130, 134),
    "black": linear(38, 38, 42),
    "navy blue": linear(34, 46, 84),
    "blue": linear(52, 98, 172),
    "light blue": linear(140, 182, 216),
    "teal": linear(36, 122, 124),
    "green": linear(56, 124, 68),
    "olive green": linear(102, 104, 56),
    "mint green": linear(150, 208, 176),
    "yellow": linear(226, 184, 62),
    "orange": linear(216, 116, 44),
    "red": linear(180, 42, 44),
    "burgundy": linear(106, 30, 46),
    "pink": linear(224, 146, 166),
    "purple": linear(110, 66, 140),
    "lilac": linear(178, 154, 206),
    "brown": linear(108, 74, 50),
    "beige": linear(196, 172, 138),
}

FRAMES: dict[str, Colour] = {
    "black": linear(24, 24, 26),
    "brown": linear(96, 58, 34),
    "red": linear(166, 34, 40),
    "blue": linear(40, 70, 140),
    "gold": linear(202, 160, 80),
    "silver": linear(176, 178, 184),
    "green": linear(40, 98, 72),
}
