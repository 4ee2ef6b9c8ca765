"""One thing that is wrong with a dataset."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule.

    Attributes:
        rule: short name of the rule.
        file: the shard or metadata file.
        row: number of the row in the shard, or `None` for metadata.
        item: file name of the picture, identity id or split.
        message: what was expected and what was found.
    """

    rule: str
    file: str
    row: int | None
    item: str | None
    message: str

    def __str__(self) -> str:
        where = self.file if self.row is None else f"{self.file}, row {self.row}"
        item = "" if self.item is None else f" ({self.item})"
        return f"{where}{item} [{self.rule}]: {self.message}"
