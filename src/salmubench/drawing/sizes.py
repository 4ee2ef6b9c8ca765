"""How large a picture is."""

from __future__ import annotations


def picture_size(aspect: float, size: int, *, multiple: int = 1) -> tuple[int, int]:
    """Width and height in pixels of a picture with a given short side.

    Args:
        aspect: width / height.
        size: short side, pixels.
        multiple: of what the long side is a multiple.
    """
    long = multiple * round(size * max(aspect, 1 / aspect) / multiple)
    return (long, size) if aspect >= 1 else (size, long)
