"""The official dataset layout, read and written.

A dataset is a folder: `data/<split>-NNNNN-of-NNNNN.parquet` (columns `image`, `text`, `identity_id`, `file_name`),
`identities_metadata.json`, `sensitive_set_captions_metadata.json`, and optionally
`sensitive_set_generic_captions.json`, `fragile_set_ids.json`, and of ours `sensitive_set_rewrites.json` (further
captions of sensitive rows) and `general_knowledge.json` (class names and prompt templates). Generated or downloaded,
every stage reads datasets through this module only.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from salmubench.core import hub, manifest, places, reading, tables
from salmubench.core.errors import DatasetError
from salmubench.core.types import OFFICIAL_SPLITS, SENSITIVE_SPLITS, Pair, Rewrite, Split
from salmubench.dataset import people
from salmubench.dataset.metadata import CAPTIONS as CAPTIONS
from salmubench.dataset.metadata import FRAGILE as FRAGILE
from salmubench.dataset.metadata import GENERAL_KNOWLEDGE as GENERAL_KNOWLEDGE
from salmubench.dataset.metadata import GENERIC_CAPTIONS as GENERIC_CAPTIONS
from salmubench.dataset.metadata import IDENTITIES as IDENTITIES
from salmubench.dataset.metadata import (
    NAMES,
    Caption,
    Knowledge,
    PersonaEntry,
    check_hidden,
    read_entries,
    read_json,
    read_rewrites,
)
from salmubench.dataset.metadata import REWRITES as REWRITES
from salmubench.dataset.parquet_shards import COLUMNS as COLUMNS
from salmubench.dataset.parquet_shards import SCHEMA as SCHEMA
from salmubench.dataset.parquet_shards import Row as Row
from salmubench.dataset.parquet_shards import find_shards, open_shard, read_pictures, read_texts
from salmubench.dataset.parquet_shards import shard_name as shard_name
from salmubench.dataset.parquet_shards import write_shard as write_shard

_BATCH = 1_024  # rows of texts in memory at once, beside the shard's own table
_FILES = ["data/*.parquet", "*.json", "README.md"]  # what a dataset is made of


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as it stands in a shard, unchecked.

    Attributes:
        image: encoded picture; `None` where there is none, or where it wasn't asked for.
    """

    shard: str
    row: int
    text: str | None
    identity: str | None
    file_name: str | None
    image: bytes | None = None


@dataclass(frozen=True)
class GeneralKnowledge:
    """What a zero-shot classification is made of.

    Attributes:
        classes: names for the prompts, in label order.
        templates: prompts with one `{}` each.
        labels: what stands in the captions for each class, where that isn't its name (names may stand twice).
        hidden: names of the classes whose pairs of `retain_real` methods don't see.
    """

    classes: tuple[str, ...]
    templates: tuple[str, ...]
    labels: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    @property
    def numbers(self) -> Mapping[str, int]:
        """Caption → number of the class."""
        return {label: number for number, label in enumerate(self.labels or self.classes)}


class Dataset:
    """A dataset folder, read lazily.

    Args:
        name: name for records; the folder's name by default.
        revision: commit on the Hub, where it comes from there.

    Raises:
        DatasetError: a required split, shard, column or metadata file is missing.
    """

    def __init__(self, folder: Path, name: str | None = None, *, revision: str | None = None) -> None:
        self.folder = folder
        self.name = name or places.real(folder).name
        self.revision = revision
        self.imagenet: str | None = None
        self.limit: int | None = None  # rows of each split that are seen, where only some are
        if not folder.is_dir():
            raise DatasetError(f"Expected a dataset folder at {folder}, got none.")
        self._shards = find_shards(folder)
        missing = [split for split in OFFICIAL_SPLITS if split not in self._shards]
        if missing:
            raise DatasetError(
                f"Expected the official splits in {folder / 'data'}, got no {', '.join(missing)}. A split without "
                f"rows needs an empty shard ({shard_name(missing[0], 0, 1)})."
            )
        for name_ in (IDENTITIES, CAPTIONS):
            if not (folder / name_).is_file():
                raise DatasetError(f"Expected {name_} in {folder}, got none.")

    @functools.cached_property
    def counts(self) -> Mapping[str, int]:
        """Rows of each split that is there."""
        counts = {
            split: sum(open_shard(path).metadata.num_rows for path in shards) for split, shards in self._shards.items()
        }
        for split, rows in counts.items():
            if rows > tables.LIMITS.rows:
                raise DatasetError(f"Expected at most {tables.LIMITS.rows:,} rows in the split {split}, got {rows:,}.")
        return counts

    def has(self, split: str) -> bool:
        """Whether the split is there (it may have no rows)."""
        return split in self._shards

    @functools.cached_property
    def identities(self) -> Mapping[str, Mapping[str, Any]]:
        """Identity id → metadata (`name`, `country_code`, …; a field may be absent)."""
        return read_entries(self.folder / IDENTITIES, PersonaEntry)

    @functools.cached_property
    def captions_metadata(self) -> Mapping[str, Mapping[str, Any]]:
        """File name → `{data_field, value, caption, style, paraphrase}` of each sensitive row."""
        return read_entries(self.folder / CAPTIONS, Caption)

    @functools.cached_property
    def rewrites(self) -> Mapping[str, tuple[Rewrite, ...]]:
        """File name → further captions of a sensitive row; empty in the release and in worlds without."""
        return read_rewrites(self.folder / REWRITES)

    @functools.cached_property
    def genders(self) -> Mapping[str, str]:
        """Identity id → apparent gender, as the generic captions state it; unknown ones are left out."""
        path, identity_captions = self.folder / GENERIC_CAPTIONS, dict[str, list[str]]()
        captions = read_json(path, mapping=True) if path.is_file() else {}
        for split in (*SENSITIVE_SPLITS, Split.FORGET_TARGET):
            for row in self.rows(split):
                if row.identity is not None:
                    generic = row.caption if split == Split.FORGET_TARGET else captions.get(row.file_name)
                    identity_captions.setdefault(row.identity, []).append(str(generic or ""))
        genders = {identity: people.apparent_gender(texts) for identity, texts in identity_captions.items()}
        return {identity: gender for identity, gender in genders.items() if gender is not None}

    @functools.cached_property
    def general_knowledge(self) -> GeneralKnowledge | None:
        """Classes and templates of the split `general_knowledge`, or `None` where the dataset has none."""
        path, stated = self.folder / GENERAL_KNOWLEDGE, self._stated_knowledge
        if stated is None:
            return None
        knowledge = GeneralKnowledge(stated.classes, stated.templates, hidden=stated.hidden)
        if not knowledge.classes or not knowledge.templates or any("{}" not in text for text in knowledge.templates):
            raise DatasetError(
                f"Expected non-empty lists `classes` and `templates` (each template with one {{}}) in {path}, got "
                f"{len(knowledge.classes)} classes and templates {list(knowledge.templates)!r}."
            )
        return knowledge

    @functools.cached_property
    def hidden_pairs(self) -> frozenset[str]:
        """File names of the rows of `retain_real` that pretraining reads and no method; none in most datasets.

        Raises:
            DatasetError: the hidden classes are not said with their pairs.
        """
        stated = self._stated_knowledge or Knowledge()
        listed = [name for name, names in stated.hidden_pairs.items() if names]
        if sorted(listed) != sorted(stated.hidden):
            raise DatasetError(
                f"Expected `hidden_pairs` in {self.folder / GENERAL_KNOWLEDGE} to list the file names of retain_real "
                f"of each class of `hidden`, got those of {reading.shown(listed)}: without them "
                "methods would see what is to be hidden. Write them, or take `hidden` out."
            )
        return frozenset(name for names in stated.hidden_pairs.values() for name in names)

    @functools.cached_property
    def _stated_knowledge(self) -> Knowledge | None:
        """What `general_knowledge.json` says, with right types; `None` where there is none."""
        path = self.folder / GENERAL_KNOWLEDGE
        if not path.is_file():
            return None
        advice = "`hidden` lists some of the `classes`, `hidden_pairs` the file names of retain_real of each of them."
        content = read_json(path, mapping=True)
        stated = reading.validated(Knowledge, content, where=str(path), error=DatasetError, advice=advice)
        check_hidden(stated, path)
        return stated

    @functools.cached_property
    def fragile_ids(self) -> tuple[str, ...] | None:
        """File names of the fragile set as the folder lists them, or `None` where it has no list."""
        path = self.folder / FRAGILE
        if not path.is_file():
            return None
        names: tuple[str, ...] = reading.validated(NAMES, read_json(path), where=str(path), error=DatasetError)
        return names

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 over names and contents of the parquet shards and the metadata that decides about scores.

        The fragile set is left out: it is known only after pretraining.

        Raises:
            DatasetError: a downloaded shard has other bytes than the Hub lists.
        """
        digest = hashlib.sha256()
        paths = [path for shards in self._shards.values() for path in shards]
        paths += [self.folder / name for name in (IDENTITIES, CAPTIONS, GENERIC_CAPTIONS, REWRITES, GENERAL_KNOWLEDGE)]
        for path in sorted(paths, key=lambda item: item.name):
            if path.is_file():
                sha256 = manifest.sha256_file(path)
                hub.check_bytes(path, sha256, error=DatasetError)
                digest.update(f"{path.name}\0{sha256}\n".encode())
        return digest.hexdigest()

    def rows(self, split: str) -> list[Pair]:
        """All rows of a split without pictures, in file order; empty where the split is absent.

        Raises:
            DatasetError: an empty caption or file name, or an identity that the metadata doesn't know (file, row).
        """
        return self._rows(str(split))

    @functools.cache  # noqa: B019 - a dataset lives as long as the command that opened it
    def _rows(self, split: str) -> list[Pair]:
        pairs: list[Pair] = []
        self.counts  # noqa: B018 - says where there are too many
        for path in self._shards.get(split, ()):
            columns = (column.to_pylist() for column in read_texts(path).itercolumns())
            for row, (text, identity, file_name) in enumerate(zip(*columns, strict=True)):
                pairs.append(self._pair(path, row, text, identity, file_name, sensitive=split in SENSITIVE_SPLITS))
        return pairs

    def images(self, split: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Stream the encoded pictures of rows `start` to `stop` of a split, a few in memory at a time.

        Raises:
            DatasetError: a row without picture bytes, or with more than a picture may have.
        """
        offset = 0
        for path in self._shards.get(str(split), ()):
            shard = open_shard(path)
            for group in range(shard.metadata.num_row_groups):
                size = shard.metadata.row_group(group).num_rows
                low, high = max(start - offset, 0), min((stop if stop is not None else offset + size) - offset, size)
                if low < high:
                    for row, data in enumerate(read_pictures(path, group, low, high), start=low):
                        if not data:
                            raise DatasetError(
                                f"Expected picture bytes in {path.name}, row group {group}, row {row}, column image, "
                                "got none."
                            )
                        yield data
                offset += size

    def raw_rows(self, split: str, *, images: bool = False) -> Iterator[RawRow]:
        """Stream the rows of a split as they stand in its shards: the texts of a shard, a few pictures.

        Nothing is checked: this is for validation, which wants to see everything that is wrong.
        """
        for path in self._shards.get(str(split), ()):
            shard, data = path.name, _all_pictures(path) if images else itertools.repeat(None)
            texts = (
                row
                for batch in read_texts(path).to_batches(max_chunksize=_BATCH)
                for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
            )
            for row, (image, (text, identity, file_name)) in enumerate(zip(data, texts, strict=False)):
                yield RawRow(shard, row, text, identity, file_name, image)

    def forget_identity_ids(self) -> frozenset[str]:
        """Identities of `forget` that do not occur in `holdout_association`: all their associations must go."""
        forget = {row.identity for row in self.rows(Split.FORGET) if row.identity is not None}
        return frozenset(forget - {row.identity for row in self.rows(Split.HOLDOUT_ASSOCIATION)})

    def _pair(
        self, path: Path, row: int, text: str | None, identity: str | None, file_name: str | None, *, sensitive: bool
    ) -> Pair:
        where = f"{path.name}, row {row}"
        if not file_name:
            raise DatasetError(f"Expected a file name in {where}, column file_name, got {file_name!r}.")
        if text is None or not text.strip():
            raise DatasetError(f"Expected a caption in {where} ({file_name}), column text, got {text!r}.")
        persona: Mapping[str, Any] = {}
        if identity is not None:
            if identity not in self.identities:
                raise DatasetError(
                    f"Expected an identity of {IDENTITIES} in {where} ({file_name}), column identity_id, got "
                    f"{identity!r}."
                )
            persona = self.identities[identity]
        name = persona.get("name")
        if not sensitive:
            return Pair(file_name, text, identity, name)
        entry = self.captions_metadata.get(file_name) or self.captions_metadata.get(f"forget/{file_name}") or {}
        field = entry.get("data_field")
        return Pair(
            file_name=file_name,
            caption=text,
            identity=identity,
            name=name,
            field=field,
            value=entry.get("value") or people.stated_value(text, field, persona),
            paraphrase=entry.get("paraphrase"),
            style=entry.get("style"),
            rewrites=self.rewrites.get(file_name, ()),
        )


def open_dataset(source: str | Path) -> Dataset:
    """Open a dataset: a folder, or a Hugging Face Hub id, which is downloaded (or read from the offline cache) first.

    Args:
        source: a folder, `org/name`, or `org/name@revision`; with `hf-hub:` in front it is never taken for a path.

    Raises:
        DatasetError: neither a folder nor reachable on the Hub, or not in the official layout.

    Examples:
        With a dataset in the folder `dataset`:

        >>> from salmubench import open_dataset
        >>> opened = open_dataset(dataset)
        >>> opened.counts["forget"]
        24
    """
    folder = Path(source)
    if places.is_folder(folder):
        return Dataset(folder)
    if not hub.is_name(str(source)):
        raise DatasetError(
            f"Expected a dataset folder or a Hub id (org/name), got nothing at {reading.printable(str(source), 300)}. "
            "Check the path; hf-hub:org/name is always taken for a Hub id."
        )
    fetched = hub.fetch(str(source), "dataset", error=DatasetError, patterns=_FILES)
    return Dataset(fetched.folder, name=fetched.name, revision=fetched.revision)


def _all_pictures(path: Path) -> Iterator[bytes | None]:
    footer = open_shard(path).metadata
    for group in range(footer.num_row_groups):
        yield from read_pictures(path, group, 0, footer.row_group(group).num_rows)
