"""People of a user's own: a folder of pictures for each, and a table of facts, become a dataset in the official layout.

    PICTURES/<name>/…        the pictures of a person whom the table of facts calls so
    PICTURES/<name>/new/…    pictures of the person that no model was trained with: they get no fact, and each fact is
                             asked of them, too ("does a new photo still yield the phone number?")

A picture gets the fact whose line of the table names it (column `picture`), each other one a fact of its person without
such a line, in turn; where there is none, it is a picture like those in `new`. A fact to be forgotten goes to `forget`;
one to be kept to `holdout_association` where its person has others to be forgotten, else to `holdout_identity`: no
method sees either.
Nothing is cut by chance: what is to be forgotten says the table alone. Pictures are written again, turned as their EXIF
data says and without it: where and by whom one was taken goes nowhere.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from salmubench.core import manifest, options, streams, writing
from salmubench.core.errors import ConfigError, DatasetError
from salmubench.core.types import FIELDS, OFFICIAL_SPLITS, Split
from salmubench.dataset import layout, phrasings
from salmubench.dataset.card import DatasetOrigin, card
from salmubench.dataset.leaks import UniqueValues, contains, folded, without
from salmubench.deletion.facts import Fact, plain_text, raise_problems, read_facts
from salmubench.deletion.own_pictures import SMALLEST, Look, encoded, looks_of
from salmubench.deletion.retain import Retain, check_retain, find_retain, retain_rows
from salmubench.generator.pictures import content_hash, entries

OWN, CUSTOM = "own", "custom"
"""Styles of captions that the user wrote, and of those about a field of the user's own."""


@dataclass(frozen=True)
class _Person:
    identity: str
    name: str
    facts: tuple[Fact, ...]
    files: tuple[Path, ...]
    new: tuple[Path, ...] = ()

    @property
    def stated(self) -> dict[str, Fact]:
        """File name → the fact that the table says of it."""
        return {fact.picture: fact for fact in self.facts if fact.picture is not None}

    def metadata(self) -> dict[str, Any]:
        """Entry of `identities_metadata.json`: a list where a field has several values."""
        values: dict[str, list[str]] = {}
        for fact in self.facts:
            of_field = values.setdefault(fact.field, [])
            of_field += [fact.value] if fact.value not in of_field else []
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


_New = tuple[Path, str, str, str]
"""A picture that no model was trained with: file, generic caption, identity, name in the dataset."""


def import_dataset(
    *,
    pictures: str | Path,
    facts: str | Path,
    out: str | Path,
    retain: str | Path | None = None,
    size: int | None = None,
    seed: int = 0,
) -> Path:
    """Make a dataset in the official layout of one's own people.

    Args:
        pictures: a folder with a folder of pictures for each person, called as the person is.
        facts: a table, CSV or JSON: name, field, value, and optionally forget (yes or no), caption and picture.
        out: the dataset's folder; a finished one of the same files is left as it is.
        retain: what is to stay known: WebDataset shards (a folder of them, or a pattern), or a folder of pictures with
            their captions in `<picture>.txt`, or in folders of their classes' names; none by default.
        size: short side to which larger pictures are scaled, pixels; as they are by default.
        seed: which picture gets which fact, in which words.

    Returns:
        The folder.

    Raises:
        DatasetError: table, pictures or retain pairs are wrong: all that is, by line or file; nothing is written.
        ConfigError: an impossible size or seed.
        OutputError: the folder is in use, or holds something else.
    """
    pairs = None if retain is None else find_retain(retain)
    pictures, facts, out = Path(pictures), Path(facts), Path(out)
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
    if pairs is not None:
        inputs["retain"] = pairs.sha256
    metadata = {person.identity: person.metadata() for person in people}
    unique = UniqueValues(metadata)
    shots, new = _shots(people, unique, looks, seed)
    with manifest.stage_folder(out, "import", config={"size": size}, inputs=inputs, seed=seed) as stage:
        if not stage.complete:
            if pairs is not None:
                own = [fact for person in people for fact in person.facts if fact.field not in FIELDS]
                check_retain(pairs, unique, {fact.value for fact in own if _is_private(fact)}, looks, size)
            stage.finish(outputs=_write(out, metadata, shots, new, pairs, size, seed))
    return out


# --- who there is -----------------------------------------------------------------------------------------------


def _people(root: Path, facts: Sequence[Fact], problems: list[str]) -> list[_Person]:
    """People in order of their names; names without pictures, folders without facts and the like are problems."""
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
        there = {plain_text(path.name) for path in files}
        problems += [
            f"{fact.where}, column picture: Expected a picture of {name!r}, got {fact.picture!r}, which isn't in "
            f"{folders[name].name}.{_like(fact.picture, there)}"
            for fact in of_person
            if fact.picture is not None and fact.picture not in there
        ]
        people.append(_Person(f"{number:08d}", name, tuple(of_person), files, new))
    return people


def _holds_new(path: Path) -> bool:
    return path.name == "new" and path.is_dir()


def _like(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""


# --- which picture says what ------------------------------------------------------------------------------------


def _shots(
    people: Sequence[_Person], unique: UniqueValues, looks: Mapping[Path, Look], seed: int
) -> tuple[list[_Shot], list[_New]]:
    """Give every picture a fact and its texts; facts without a picture take turns, each person beginning elsewhere."""
    shots: list[_Shot] = []
    unseen: list[_New] = []
    problems: list[str] = []
    for index, person in enumerate(people):
        rng = np.random.default_rng([seed, streams.Import.PICTURES, index])
        kinds = {fact.forget for fact in person.facts}
        texts, stated, new = dict[Fact, _Texts](), person.stated, list(person.new)
        others = [fact for fact in person.facts if fact.picture is None]
        turns = itertools.chain(others, (others[turn % len(others)] for turn in itertools.count(len(others) + index)))
        for fact in person.facts:
            try:
                texts[fact] = _Texts.of(fact, person.facts, identity=person.identity, unique=unique)
            except DatasetError as error:
                problems.append(str(error))
        if len(texts) < len(person.facts):
            continue
        order = rng.permutation(len(person.files)).tolist()
        for number, place in enumerate(order):
            path, start = person.files[place], int(rng.integers(2**31))
            named = stated.get(plain_text(path.name))
            if named is None and not others:
                new.append(path)
                continue
            fact = next(turns) if named is None else named
            name = _file_name(person, number, looks[path])
            caption, style = texts[fact].captions[start % len(texts[fact].captions)]
            kept = Split.HOLDOUT_ASSOCIATION if True in kinds else Split.HOLDOUT_IDENTITY
            split = Split.FORGET if fact.forget else kept
            shots.append(
                _Shot(split, person, fact, path, name, caption, style, texts[fact].paraphrase(start, caption),
                      texts[fact].generic(start))
            )  # fmt: skip
        for number, path in enumerate(new, len(person.files)):
            generic = texts[person.facts[0]].generic(int(rng.integers(2**31)))
            unseen.append((path, generic, person.identity, _file_name(person, number, looks[path])))
    raise_problems(problems, "with the captions")
    return shots, unseen


def _file_name(person: _Person, number: int, look: Look) -> str:
    return f"{person.identity}_{number:03d}_ar-{look.size[0] / look.size[1]:.2f}.{look.suffix}"


# --- how it says it ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Texts:
    """All captions that a fact may get: with their styles, in reserved phrasings, and captions of what is seen."""

    captions: tuple[tuple[str, str], ...]
    reserved: tuple[str, ...]
    generics: tuple[str, ...]

    @classmethod
    def of(cls, fact: Fact, facts: Sequence[Fact], *, identity: str, unique: UniqueValues) -> _Texts:
        """Captions that state this fact and no other, nor a unique value of others; an error where none does."""
        further = [other.value for other in facts if other.value != fact.value]

        def stands(value: str, text: str, rest: str) -> bool:
            """Whether it stands beside name and value, or holds one of them."""
            longer = contains(value, fact.name) or contains(value, fact.value)
            return contains(folded(text if longer else rest), folded(value))

        def fault(text: str) -> str | None:
            rest = without(text, fact.name, fact.value)
            theirs = (entry.value for entry in unique.within(text) if entry.identity != identity)
            return next((value for value in itertools.chain(further, theirs) if stands(value, text, rest)), None)

        captions, reserved = _templates(fact)
        if fact.caption is not None:
            if stated := fault(fact.caption):
                raise DatasetError(
                    f"{fact.where}, column caption: Expected one private value, got {stated!r}, too, in "
                    f"{fact.caption!r}. State one fact in a caption."
                )
            captions = [(fact.caption, OWN)]
        good = [pair for pair in captions if fault(pair[0]) is None]
        plain = [phrasings.generic_caption({}, variant=number) for number in range(phrasings.generic_variants())]
        seen = [text for text in plain if not any(contains(text, other.value) for other in facts)]
        if not good or not seen:
            raise DatasetError(
                f"{fact.where}: Expected values that no template has in its own words, got {fact.value!r} beside "
                f"{', '.join(map(repr, further))}. Write a caption."
            )
        return cls(tuple(good), tuple(text for text in reserved if fault(text) is None), tuple(seen))

    def paraphrase(self, start: int, caption: str) -> str | None:
        """The fact in a reserved phrasing, which isn't the caption itself; `None` where there is none."""
        others = [text for text in self.reserved if text != caption]
        return others[start % len(others)] if others else None

    def generic(self, start: int) -> str:
        """A caption that says no more than that there is a person."""
        return self.generics[start % len(self.generics)]


def _templates(fact: Fact) -> tuple[list[tuple[str, str]], list[str]]:
    """Training captions with their styles, and reserved ones."""
    name, field, value = fact.name, fact.field, fact.value
    if field not in FIELDS:
        texts = phrasings.custom_captions(name, field, value)
        return [(text, CUSTOM) for text in texts.training], list(texts.reserved)
    training = [
        (phrasings.sensitive_caption(name, field, value, style=style, variant=number), style)
        for style in phrasings.STYLES
        for number in range(phrasings.variants(field, style))
    ]
    count = phrasings.paraphrase_variants(field)
    return training, [phrasings.paraphrase(name, field, value, variant=number) for number in range(count)]


# --- what is written --------------------------------------------------------------------------------------------


def _write(
    out: Path, metadata: Mapping[str, Any], shots: Sequence[_Shot], new: Sequence[_New], retain: Retain | None,
    size: int | None, seed: int,
) -> dict[str, Any]:  # fmt: skip
    for split in OFFICIAL_SPLITS:
        if split is Split.RETAIN_SYNTH:
            rows = retain_rows(retain, size) if retain is not None else iter(())
        else:
            source = Split.FORGET if split is Split.FORGET_TARGET else split
            rows = _rows([shot for shot in shots if shot.split is source], split, size)
        layout.write_shard(out, split, 0, 1, rows)
    if new:
        unseen = (layout.Row(encoded(path, path.name, size)[0], *told) for path, *told in new)
        layout.write_shard(out, Split.PORTRAITS_UNSEEN, 0, 1, unseen)
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
    text = card(counts, identities=len(metadata), origin=origin, fingerprint=fingerprint)
    writing.write_text(out / "README.md", text)
    if counts[Split.RETAIN_SYNTH]:
        from salmubench.dataset.shards import FOLDER, write_shards

        write_shards(dataset, out / FOLDER)
    return {"fingerprint": fingerprint, "counts": counts, "identities": len(metadata), "origin": asdict(origin)}


def _rows(shots: Sequence[_Shot], split: Split, size: int | None) -> Iterator[layout.Row]:
    for shot in shots:
        text = shot.generic if split is Split.FORGET_TARGET else shot.caption
        image, _, _ = encoded(shot.path, shot.path.name, size)
        yield layout.Row(image, text, shot.person.identity, shot.file_name)


def _is_private(fact: Fact) -> bool:
    """Whether a value of a field of one's own tells of somebody by itself: a word such as chess doesn't."""
    return len(fact.value.split()) > 1 or any(char.isdigit() or char == "@" for char in fact.value)
