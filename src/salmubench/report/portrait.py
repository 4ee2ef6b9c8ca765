"""A person's picture, as a page holds it."""

from __future__ import annotations

import base64
import io

from PIL import Image

from salmubench.core.pictures import open_picture
from salmubench.dataset.layout import Dataset


def portrait(dataset: Dataset, split: str, file_name: str, size: int) -> str | None:
    """A picture as a JPEG data URI, its short side at most `size` pixels; `None` where the dataset doesn't have it."""
    position = next((at for at, row in enumerate(dataset.rows(split)) if row.file_name == file_name), None)
    if position is None:
        return None
    data = next(iter(dataset.images(split, position, position + 1)))
    with open_picture(data, where=f"{split}, {file_name}") as picture:
        if min(picture.size) > size or picture.format != "JPEG":
            scale = min(size / min(picture.size), 1.0)
            smaller = picture.convert("RGB").resize(
                (round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS
            )
            stream = io.BytesIO()
            smaller.save(stream, "JPEG", quality=85)
            data = stream.getvalue()
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()
