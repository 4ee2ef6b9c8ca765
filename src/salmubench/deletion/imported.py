"""People of a user's own: a folder of pictures for each, and a table of facts, become a dataset in the official layout.

    PICTURES/<name>/…        the pictures of a person whom the table of facts calls so
    PICTURES/<name>/new/…    pictures of the person that no model was trained with: they get no fact, and each fact is
                             asked of them, too ("does a new photo still yield the phone number?")

Each other picture gets one fact of its person, in turn. A fact to be forgotten goes to `forget`; one to be kept to
`holdout_association` where its person has others to be forgotten, else to `holdout_identity`: no method sees either.
Nothing is cut by chance: what is to be forgotten says the table alone. Pictures are written again, turned as their EXIF
data says and without it: where and by whom one was taken goes nowhere.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from salmubench.core import manifest, options, streams, writing
from salmubench.core.errors import ConfigError, DatasetError
from salmubench.core.types import FIELDS, OFFICIAL_SPLITS, Split
from salmubench.dataset import layout
from salmubench.dataset.card import DatasetOrigin, card
from salmubench.dataset.leaks import UniqueValues, contains, folded
from salmubench.deletion.facts import Fact, plain_text, raise_problems, read_facts
from salmubench.deletion.imported_texts import Texts
from salmubench.deletion.own_pictures import SMALLEST, Look, encoded, look, looks_of
from salmubench.generator.pictures import CAPTION, content_hash, entries

STAGE = "import"
CARD = "README.md"

NEW = "new"
"""Folder of a person's pictures that no model was trained with."""


class Retain(NamedTuple):
    """Pairs that belong to nobody in the table.

    Attributes:
        pairs: gives encoded picture, caption and a name for messages, one after the other.
    """

    sha256: str
    pairs: Callable[[], Iterable[tuple[bytes, str, str]]]


@dataclass(frozen=True)
class ImportConfig:
    """What an import is made with."""

    size: int | None = None
    """Short side of the pictures in pixels, of those that are larger; `None`: all as they are."""


@dataclass(frozen=True)
class _Person:
    identity: str
    name: str
    facts: tuple[Fact, ...]
    files: tuple[Path, ...]
    new: tuple[Path, ...] = ()

    def metadata(self) -> dict[str, Any]:
        """Entry of `identities_metadata.json`: a list where a field has several values."""
        values: dict[str, list[str]] = {}
        for fact in self.facts:
            values.setdefault(fact.field, []).append(fact.value)
        return {"name": self.name, **{field: one if len(one) > 1 else one[0] for field, one in values.items()}}


@dataclass(frozen=True)
class _Shot:
    """One row: a picture, the fact it gets, and the texts."""

    split: Split
    person: _Person
    fact: Fact
    path: Path
    file_name: str
    caption: str
    style: str
    paraphrase: str | None
    generic: str


@dataclass(frozen=True)
class _New:
    """A picture without a fact, which no model was trained with."""

    person: _Person
    path: Path
    file_name: str
    generic: str


def import_people(
    *, pictures: Path, facts: Path, out: Path, retain: Retain | None = None, size: int | None = None, seed: int = 0
) -> Path:
    """Make a dataset of a user's own people; a finished one of the same files is left as it is.

    Args:
        pictures: a folder with a folder for each person.
        facts: the table (`dataset.facts`).
        out: the dataset's folder.
        retain: pairs that are to stay known; the splits are empty without.
        size: short side to which larger pictures are scaled, pixels; as they are by default.
        seed: which picture gets which fact, in which words.

    Raises:
        DatasetError: table or pictures are wrong: all that is, by line or file; nothing is written.
        ConfigError: an impossible size or seed.
        OutputError: the folder is in use, or holds something else.
    """
    options.check_seed(seed)
    if size is not None and size < SMALLEST:
        raise ConfigError(f"Expected a size of at least {SMALLEST} pixels, got {size}.")
    problems: list[str] = []
    people = _people(pictures, read_facts(facts), problems)
    files = [path for person in people for path in (*person.files, *person.new)]
    looks = looks_of(pictures, files, size, problems)
    raise_problems(problems, f"with the people and pictures in {pictures}")
    names = [path.relative_to(pictures).as_posix() for path in files]
    inputs = {"facts": manifest.sha256_file(facts), "pictures": content_hash(pictures, names)}
    if retain is not None:
        inputs["retain"] = retain.sha256
    shots, new = _shots(people, looks, seed)
    with manifest.stage_folder(out, STAGE, config=ImportConfig(size), inputs=inputs, seed=seed) as stage:
        if not stage.complete:
            if retain is not None:
                _check_retain(retain, people, looks, size)
            stage.finish(outputs=_write(out, people, shots, new, retain, size, seed))
    return out


# --- who there is -----------------------------------------------------------------------------------------------


def _people(root: Path, facts: Sequence[Fact], problems: list[str]) -> list[_Person]:
    """People in order of their names.

    Args:
        problems: are added to: names without pictures, folders without facts, fewer pictures than facts.

    Raises:
        DatasetError: there is no such folder.
    """
    if not root.is_dir():
        raise DatasetError(f"Expected a folder with a folder for each person at {root}, got none. Check --pictures.")
    by_name: dict[str, list[Fact]] = {}
    for fact in facts:
        by_name.setdefault(fact.name, []).append(fact)
    folders: dict[str, Path] = {}
    for path in entries(root):
        name = plain_text(path.name)
        if not path.is_dir():
            problems.append(f"{path.name}: Expected a folder of a person's name, got a file. Put it into one.")
        elif name not in by_name:
            problems.append(f"{path.name}: Expected facts about {name!r}, got none.{_like(name, by_name)}")
        elif name in folders:
            problems.append(f"{path.name}: Expected one folder of {name!r}, got another: {folders[name].name}.")
        else:
            folders[name] = path
    people = []
    for number, (name, of_person) in enumerate(sorted(by_name.items())):
        if name not in folders:
            here = {plain_text(path.name) for path in entries(root)}
            problems.append(
                f"{of_person[0].where}: Expected a folder {name!r} in {root.name}, got none.{_like(name, here)}"
            )
            continue
        inside = entries(folders[name])
        files = tuple(path for path in inside if not _holds_new(path))
        new = tuple(file for path in inside if _holds_new(path) for file in entries(path))
        if len(files) < len(of_person):
            problems.append(
                f"{folders[name].name}: Expected a picture for each of {len(of_person)} facts, got {len(files)}. Add "
                "pictures, or take facts out."
            )
        people.append(_Person(f"{number:08d}", name, tuple(of_person), files, new))
    return people


def _holds_new(path: Path) -> bool:
    return path.name == NEW and path.is_dir()


def _like(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""


# --- which picture says what ------------------------------------------------------------------------------------


def _shots(people: Sequence[_Person], looks: Mapping[Path, Look], seed: int) -> tuple[list[_Shot], list[_New]]:
    """Give every picture a fact and its texts; facts take turns, each person beginning with another one.

    Pictures that no model was trained with get a generic caption only.

    Raises:
        DatasetError: captions of the user's own that state more than one fact; values that no template can state.
    """
    unique = UniqueValues({person.identity: person.metadata() for person in people})
    shots: list[_Shot] = []
    unseen: list[_New] = []
    problems: list[str] = []
    for index, person in enumerate(people):
        rng = np.random.default_rng([seed, streams.Import.PICTURES, index])
        kinds = {fact.forget for fact in person.facts}
        count, texts = len(person.facts), dict[Fact, Texts]()
        for fact in person.facts:
            try:
                texts[fact] = Texts.of(fact, person.facts, identity=person.identity, unique=unique)
            except DatasetError as error:
                problems.append(str(error))
        if len(texts) < count:
            continue
        order = rng.permutation(len(person.files)).tolist()
        for number, place in enumerate(order):
            fact = person.facts[number % count] if number < count else person.facts[(number + index) % count]
            path, start = person.files[place], int(rng.integers(2**31))
            name = _file_name(person, number, looks[path])
            caption, style = texts[fact].caption(start)
            split = _side(fact, kinds)
            shots.append(
                _Shot(split, person, fact, path, name, caption, style, texts[fact].paraphrase(start, caption),
                      texts[fact].generic(start))
            )  # fmt: skip
        for number, path in enumerate(person.new, len(person.files)):
            generic = texts[person.facts[0]].generic(int(rng.integers(2**31)))
            unseen.append(_New(person, path, _file_name(person, number, looks[path]), generic))
    raise_problems(problems, "with the captions")
    return shots, unseen


def _file_name(person: _Person, number: int, look: Look) -> str:
    return f"{person.identity}_{number:03d}_ar-{look.size[0] / look.size[1]:.2f}.{look.suffix}"


def _side(fact: Fact, kinds: set[bool]) -> Split:
    if fact.forget:
        return Split.FORGET
    return Split.HOLDOUT_ASSOCIATION if True in kinds else Split.HOLDOUT_IDENTITY


# --- what is written --------------------------------------------------------------------------------------------


def _write(
    out: Path, people: Sequence[_Person], shots: Sequence[_Shot], new: Sequence[_New], retain: Retain | None,
    size: int | None, seed: int,
) -> dict[str, Any]:  # fmt: skip
    for split in OFFICIAL_SPLITS:
        if split is Split.RETAIN_SYNTH:
            rows = _retain_rows(retain, size) if retain is not None else iter(())
        else:
            rows = _rows([shot for shot in shots if shot.split is _source(split)], split, size)
        layout.write_shard(out, split, 0, 1, rows)
    if new:
        layout.write_shard(out, Split.PORTRAITS_UNSEEN, 0, 1, (
            layout.Row(encoded(one.path, one.path.name, size)[0], one.generic, one.person.identity, one.file_name)
            for one in new
        ))  # fmt: skip
    metadata = {person.identity: person.metadata() for person in people}
    writing.write_json(out / layout.IDENTITIES, metadata)
    captions = {
        shot.file_name: {"data_field": shot.fact.field, "value": shot.fact.value, "caption": shot.caption,
                         "style": shot.style, "paraphrase": shot.paraphrase}
        for shot in shots
    }  # fmt: skip
    writing.write_json(out / layout.CAPTIONS, captions)
    writing.write_json(out / layout.GENERIC_CAPTIONS, {shot.file_name: shot.generic for shot in shots})
    dataset, origin = layout.Dataset(out), DatasetOrigin(size, seed, imported=True)
    counts, fingerprint = dict(dataset.counts), dataset.fingerprint
    writing.write_text(out / CARD, card(counts, identities=len(people), origin=origin, fingerprint=fingerprint))
    if counts[Split.RETAIN_SYNTH]:
        from salmubench.dataset.shards import FOLDER, write_shards

        write_shards(dataset, out / FOLDER)
    return {"fingerprint": fingerprint, "counts": counts, "identities": len(people), "origin": asdict(origin)}


def _source(split: Split) -> Split:
    return Split.FORGET if split is Split.FORGET_TARGET else split


def _rows(shots: Sequence[_Shot], split: Split, size: int | None) -> Iterator[layout.Row]:
    for shot in shots:
        text = shot.generic if split is Split.FORGET_TARGET else shot.caption
        image, _, _ = encoded(shot.path, shot.path.name, size)
        yield layout.Row(image, text, shot.person.identity, shot.file_name)


def _check_retain(retain: Retain, people: Sequence[_Person], looks: Mapping[Path, Look], size: int | None) -> None:
    """Look at every retain pair, before the first file is written.

    Raises:
        DatasetError: pictures that don't decode or stand twice, captions that are empty or state a private value of
            the table.
    """
    unique = UniqueValues({person.identity: person.metadata() for person in people})
    custom_values = {
        fact.value for person in people for fact in person.facts if fact.field not in FIELDS and _is_private(fact)
    }
    first = {one.digest: f"{path.parent.name}/{path.name}" for path, one in looks.items()}
    problems = []
    for image, caption, name in retain.pairs():
        text = plain_text(caption)
        words = folded(text)
        stated = next((f"{entry.field} {entry.value!r}" for entry in unique.within(text)), None)
        stated = stated or next((f"value {value!r}" for value in custom_values if contains(words, folded(value))), None)
        if not text:
            problems.append(f"{name}: Expected a caption, got none. Write one, or take the pair out.")
        elif len(text.encode()) > CAPTION:
            problems.append(f"{name}: Expected a caption of at most {CAPTION:,} bytes, got {len(text.encode()):,}.")
        elif stated is not None:
            problems.append(
                f"{name}: Expected a caption that says nothing of the people in the table, got the "
                f"{stated} in it. Take the pair out."
            )
        seen = look(image, name, size)
        if seen.problem:
            problems.append(f"{name}: {seen.problem}")
        elif seen.digest in first:
            problems.append(f"{name}: Expected a picture of its own, got that of {first[seen.digest]} again.")
        else:
            first[seen.digest] = name
    raise_problems(problems, "with the retain pairs")


def _is_private(fact: Fact) -> bool:
    """Whether a value of a field of one's own tells of somebody by itself: a word such as chess doesn't."""
    return len(fact.value.split()) > 1 or any(char.isdigit() or char == "@" for char in fact.value)


def _retain_rows(retain: Retain, size: int | None) -> Iterator[layout.Row]:
    """Rows without identity."""
    for number, (image, caption, name) in enumerate(retain.pairs()):
        data, suffix, (width, height) = encoded(image, name, size)
        yield layout.Row(data, plain_text(caption), None, f"r_{number:08d}_ar-{width / height:.2f}.{suffix}")
