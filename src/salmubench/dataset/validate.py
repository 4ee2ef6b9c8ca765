"""Checks what must be true of a dataset, generated or downloaded; every violation names file and row.

What the official layout leaves open is legal: fields that a persona lacks, rows without identity in `retain_synth`,
captions that stand twice, further keys and styles, file names of any form.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from salmubench.core import reading, writing
from salmubench.core.errors import DatasetError
from salmubench.core.reading import shown
from salmubench.core.types import FIELDS, SENSITIVE_SPLITS, Split
from salmubench.dataset import layout, people
from salmubench.dataset.layout import Dataset, RawRow
from salmubench.dataset.leaks import UNIQUE, UniqueValues, folded, own_values, without
from salmubench.dataset.validate_across import (
    RowAssociation,
    check_crossings,
    check_forget_target,
    check_lists,
    check_rewrites,
    check_unseen,
    check_verbatim,
)
from salmubench.dataset.validate_files import check_counts, check_pictures
from salmubench.dataset.violations import Violation, in_row

_WITH_IDENTITY = (*SENSITIVE_SPLITS, Split.FORGET_TARGET, Split.RETAIN_SYNTH, Split.PORTRAITS_UNSEEN)
_SHOWN = 20  # custom fields in a message
KEPT = 1_000
"""Most violations of one rule that are kept; all are counted."""
_OWNER = re.compile(r"(?P<identity>[0-9]+)_[0-9]+")


@dataclass(frozen=True)
class Report:
    """Result of a validation.

    Attributes:
        splits: rows of each split.
        violations: the first of each rule, by split and row; at most `KEPT` of one.
        broken: rule → how often it is broken.
    """

    splits: Mapping[str, int]
    violations: tuple[Violation, ...]
    broken: Mapping[str, int]
    unchecked: Mapping[str, int]

    @property
    def rows(self) -> int:
        """How many rows were checked."""
        return sum(self.splits.values())

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return not self.broken

    @property
    def found(self) -> int:
        """How many violations there are, those included that aren't kept."""
        return sum(self.broken.values())

    def by_rule(self) -> dict[str, int]:
        """How often each rule is broken."""
        return dict(sorted(self.broken.items()))

    def as_dict(self) -> dict[str, Any]:
        """JSON-able content."""
        return {
            "ok": self.ok,
            "rows": dict(self.splits),
            "by_rule": self.by_rule(),
            "unchecked": dict(self.unchecked),
            "violations": [writing.plain(violation) for violation in self.violations],
        }


def validate(dataset: Dataset) -> Report:
    """Check a dataset.

    Raises:
        DatasetError: a file is missing or can't be read at all.
    """
    checks = _Rows(dataset)
    broken: Counter[str] = Counter()
    kept = []
    for violation in chain(checks.everything(), check_counts(dataset), check_pictures(dataset)):
        broken[violation.rule] += 1
        if broken[violation.rule] <= KEPT:
            item = None if violation.item is None else reading.cut(violation.item, reading.SHOWN)
            kept.append(replace(violation, item=item, message=reading.cut(violation.message, reading.MESSAGE)))
    return Report(dict(dataset.counts), tuple(kept), dict(broken), dict(checks.unchecked))


@dataclass
class _Rows:
    """Rules about texts and metadata."""

    dataset: Dataset
    unchecked: Counter[str] = field(default_factory=Counter)

    def everything(self) -> Iterator[Violation]:
        """All violations of the rows and of the metadata, split after split; each shard is read once."""
        self.people = self.dataset.identities
        self.unique = UniqueValues(self.people)
        stated = {entry.get("data_field") for entry in self.dataset.captions_metadata.values()}
        self.fields = tuple(sorted(str(name) for name in stated - {None, "name", *FIELDS}))
        for first, second in self.unique.shared():
            message = f"Expected {second.field} {shown(second.value)} for one identity only, got it for "
            yield Violation("unique", layout.IDENTITIES, None, second.identity, f"{message}{first.identity} too.")
        associations: defaultdict[str, list[RowAssociation]] = defaultdict(list)  # of each identity
        captions: dict[str, str] = {}
        for split in SENSITIVE_SPLITS:
            for row in self.dataset.raw_rows(split):
                yield from self._form(row, split)
                if row.text and row.file_name:
                    captions.setdefault(folded(row.text), f"{row.shard}, row {row.row}")
                    yield from self._sensitive(row, split, associations)
        yield from check_crossings(associations, self.dataset)
        for file_name, rewrites in self.dataset.rewrites.items():
            captions.update({folded(rewrite.caption): f"{layout.REWRITES} ({file_name})" for rewrite in rewrites})
        yield from check_verbatim(captions, self.dataset)
        yield from check_rewrites(self.dataset, self.unique)
        yield from check_unseen(self.dataset)
        for split in (Split.FORGET_TARGET, Split.RETAIN_SYNTH, Split.PORTRAITS_UNSEEN):
            for row in self.dataset.raw_rows(split):
                yield from self._form(row, split)
                if row.text:
                    yield from self._generic(row.text, row.identity, row.shard, row.row, row.file_name)
        yield from self._generic_file()
        yield from check_forget_target(self.dataset)
        for split in (Split.RETAIN_REAL, Split.GENERAL_KNOWLEDGE):
            for row in self.dataset.raw_rows(split):
                yield from self._form(row, split)
        yield from check_lists(self.dataset)
        yield from self._classes()

    def _form(self, row: RawRow, split: Split) -> Iterator[Violation]:
        if not row.file_name:
            yield in_row("column", row, f"Expected a file name, got {shown(row.file_name)}.", column="file_name")
        if not (row.text or "").strip():
            yield in_row("column", row, f"Expected a caption, got {shown(row.text)}.", column="text")
        if row.identity is not None and row.identity not in self.people:
            yield in_row("identity", row, f"Expected an identity of {layout.IDENTITIES}, got {shown(row.identity)}.")
        named = _OWNER.match(row.file_name or "")
        if named is None or split not in _WITH_IDENTITY or (split is Split.RETAIN_SYNTH and row.identity is None):
            return
        is_known = named["identity"] in self.people or row.identity in self.people
        if is_known and named["identity"] != row.identity:
            yield in_row("identity", row, f"Expected the identity of the file name, got {shown(row.identity)}.")

    def _sensitive(
        self, row: RawRow, split: Split, associations: defaultdict[str, list[RowAssociation]]
    ) -> Iterator[Violation]:
        text, file_name = row.text or "", row.file_name or ""
        captions = self.dataset.captions_metadata
        entry = captions.get(file_name) or captions.get(f"forget/{file_name}")
        persona = self.people.get(row.identity or "", {})
        name, data_field = persona.get("name"), None
        if entry is None:
            yield in_row("metadata", row, f"Expected an entry in {layout.CAPTIONS}, got none.")
        else:
            data_field = entry.get("data_field")
            if data_field not in FIELDS and (data_field in (None, "name") or data_field not in persona):
                yield in_row(
                    "metadata", row, f"Expected data_field to be {_allowed(persona)}, got {shown(data_field)}."
                )
            if entry.get("caption", text) != text:
                yield in_row("metadata", row, f"Expected the caption of {layout.CAPTIONS}, got {shown(text)}.")
        if name is None:
            self.unchecked["name unknown"] += 1
        elif name not in text:
            yield in_row("name", row, f"Expected the name {shown(name)} verbatim, got {shown(text)}.")
        value = (entry or {}).get("value") or people.stated_value(text, data_field, persona)
        if value is None and persona.get(data_field or "") is None:
            self.unchecked["value unknown"] += 1
        elif value is None or value not in text:
            expected = persona.get(data_field or "") if value is None else value
            yield in_row("value", row, f"Expected the {data_field} {shown(expected)} verbatim, got {shown(text)}.")
        if row.identity is not None:
            associations[row.identity].append(RowAssociation(split, value, row))
        yield from self._others(row, text, name, value, persona)
        yield from self._paraphrase(row, entry or {}, name, value)

    def _others(
        self, row: RawRow, text: str, name: str | None, value: str | None, persona: Mapping[str, Any]
    ) -> Iterator[Violation]:
        rest = without(text, name, value)
        for entry in self.unique.within(rest):
            if entry.identity != row.identity:
                message = (
                    f"Expected no value of another identity, got {entry.field} {shown(entry.value)} of {entry.identity}"
                )
                yield in_row("foreign", row, f"{message} in {shown(text)}.")
        for field_, further in own_values(rest, persona if value is not None else {}, also=self.fields):
            yield in_row(
                "further", row, f"Expected one private value, got {field_} {shown(further)} too in {shown(text)}."
            )

    def _paraphrase(
        self, row: RawRow, entry: Mapping[str, Any], name: str | None, value: str | None
    ) -> Iterator[Violation]:
        text = entry.get("paraphrase")
        if text is None:
            return
        if text == row.text:
            yield in_row("paraphrase", row, "Expected other words than the caption's, got the caption.")
        for part in (name, value):
            if part is not None and part not in text:
                yield in_row(
                    "paraphrase", row, f"Expected {shown(part)} verbatim in the paraphrase, got {shown(text)}."
                )

    def _generic(
        self, text: str, identity: str | None, file: str, row: int | None, item: str | None
    ) -> Iterator[Violation]:
        own = own_values(text, self.people.get(identity or "", {}), also=self.fields)
        told = [f"{entry.field} {shown(entry.value)} of {entry.identity}" for entry in self.unique.within(text)]
        told += [f"{name} {shown(value)} of its identity" for name, value in own if name not in UNIQUE]
        for one in told:
            message = f"Expected a caption of what is visible, got {one} in {shown(text)}."
            yield Violation("generic", file, row, item, message, None if row is None else "text")

    def _generic_file(self) -> Iterator[Violation]:
        path = self.dataset.folder / layout.GENERIC_CAPTIONS
        if not path.is_file():
            return
        content = reading.read_json(path, error=DatasetError, limit=reading.LARGE)
        if not isinstance(content, dict):
            message = f"Expected captions by file name, got a {type(content).__name__}."
            yield Violation("metadata", layout.GENERIC_CAPTIONS, None, None, message)
            return
        for file_name, text in content.items():
            named = _OWNER.match(file_name.removeprefix("forget/"))
            identity = named["identity"] if named else None
            yield from self._generic(str(text), identity, layout.GENERIC_CAPTIONS, None, file_name)

    def _classes(self) -> Iterator[Violation]:
        knowledge = self.dataset.general_knowledge
        if knowledge is None:
            if self.dataset.counts.get(Split.GENERAL_KNOWLEDGE):
                self.unchecked["classes unknown"] += self.dataset.counts[Split.GENERAL_KNOWLEDGE]
            return
        for row in self.dataset.raw_rows(Split.GENERAL_KNOWLEDGE):
            if row.text not in knowledge.classes:
                yield in_row("class", row, f"Expected a class of {layout.GENERAL_KNOWLEDGE}, got {shown(row.text)}.")


def _allowed(persona: Mapping[str, Any]) -> str:
    """The fields that a caption about somebody may state: the nine, and those that the person's metadata has."""
    custom = sorted(key for key in persona if key not in (*FIELDS, "name"))
    custom_fields = f" ({', '.join(custom[:_SHOWN])})" if custom else ""
    return f"one of {', '.join(FIELDS)}, or another field of its person in {layout.IDENTITIES}{custom_fields}"
