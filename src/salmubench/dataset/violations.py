"""One thing that is wrong with a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from salmubench.dataset.layout import RawRow


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule.

    Attributes:
        file: the shard or metadata file.
        row: number of the row in the shard, or `None` for metadata.
        item: file name of the picture, identity id or split.
        column: of the shard, or the key of the metadata; `None` where no single one is meant.
    """

    rule: str
    file: str
    row: int | None
    item: str | None
    message: str
    column: str | None = None

    def __str__(self) -> str:
        where = self.file if self.row is None else f"{self.file}, row {self.row}"
        where += "" if self.column is None else f", column {self.column}"
        item = "" if self.item is None else f" ({self.item})"
        return f"{where}{item} [{self.rule}]: {self.message}"


_COLUMNS: Mapping[str, str] = {
    "name": "text", "value": "text", "foreign": "text", "further": "text", "generic": "text", "class": "text",
    "crossing": "text", "retain": "text", "metadata": "text", "identity": "identity_id", "target": "file_name",
    "picture": "image", "size": "image", "aspect": "image",
}  # fmt: skip
"""Rule → the column that breaks it; `paraphrase` is about the metadata of a row, the others say it themselves."""


def in_row(rule: str, row: RawRow, message: str, *, column: str | None = None) -> Violation:
    """A broken rule of one row of a shard."""
    return Violation(rule, row.shard, row.row, row.file_name, message, column or _COLUMNS.get(rule))
