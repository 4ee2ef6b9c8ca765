"""Look inside: what each model answers to a picture of a person, before and after unlearning.

Two questions to each person, computed from the run's embeddings: of a portrait that no model has seen where the dataset
has one, for a fact that is gone from the picture it was told with may be there in the next one; else of that picture.
*Which caption fits?*: the captions of the retrieval gallery and the picture's own, by cosine. *Which value?*: its own
caption with other values of the same field. A fact that is gone is in neither answer; one that is only hidden has left
the first and still leads the second.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from salmubench.clip.embeddings import open_embeddings
from salmubench.core import reading, streams
from salmubench.core.errors import EmbeddingsError, cut
from salmubench.core.pictures import open_picture
from salmubench.core.types import SENSITIVE_SPLITS, Pair, Split
from salmubench.dataset.layout import Dataset
from salmubench.dataset.verbatim import whole_words
from salmubench.report import wording
from salmubench.report.collect import Run
from salmubench.report.config import ReportConfig
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.fact_ranks import FEWEST, Values, pairs_of, replaced
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import Unavailable
from salmubench.scoring.products import rank as rank_among
from salmubench.scoring.ranks import gallery_ranks
from salmubench.scoring.record import RunRecord
from salmubench.scoring.references import COMPROMISED, pretrained_kind, reference_kind
from salmubench.scoring.stages import Encoded

TOP = 5
"""Answers shown to each question."""
_LONGEST = 160  # letters of a caption that are shown

STATES = {
    ("forget", "found"): ("still there", "yes"), ("forget", "hidden"): ("hidden, not gone", "yes"),
    ("forget", "absent"): ("gone", "no"), ("keep", "found"): ("kept", "no"),
    ("keep", "hidden"): ("damaged", "undecided"), ("keep", "absent"): ("lost", "yes"),
}  # fmt: skip
"""What must happen to the fact, and where its caption and value are found → words, and how they are coloured."""

NOT_LEARNED = ("not in Compromised’s top 5 either", "")


PURPOSES: Mapping[str, tuple[str, int]] = {
    "forget": ("to forget", 2),
    "holdout_association": ("to keep · of a person with others to forget", 1),
    "holdout_identity": ("to keep · of another person", 1),
}
"""Split that pairs are drawn from → what must become of them, and its share of the questions."""


@dataclass(frozen=True)
class Hit:
    """One of the first answers: a text in pieces (odd ones are the true value), and whose it is.

    Attributes:
        about: `true`, `same` (another fact of the person) or empty.
    """

    pieces: Sequence[str]
    about: str


@dataclass(frozen=True)
class Answer:
    """What one model answers.

    Attributes:
        state: words and colour for this one pair; empty for the references.
        values: the most similar values, each in pieces; empty where they can't be asked for.
    """

    name: str
    kind: str
    state: tuple[str, str]
    captions: Sequence[Hit]
    caption_rank: str
    values: Sequence[Sequence[str]]
    value_rank: str


@dataclass(frozen=True)
class Question:
    """A picture of a person, whether no model has seen it, and the answers of each model."""

    person: str
    image: str
    unseen: bool
    caption: Sequence[str]
    field: str
    purpose: str
    forget: bool
    answers: Sequence[Answer]


@dataclass(frozen=True)
class Look:
    """The section of a page: questions, or why there are none; which models could not be asked.

    Attributes:
        values: other values that compete with the true one, at most.
    """

    questions: Sequence[Question]
    missing: Sequence[str]
    among: int = 0
    values: int = 0


def look_inside(run: Run, names: Mapping[str, str], config: ReportConfig) -> Look | None:
    """Ask each model of a run that has `embeddings/<model>/`; `None` where the configuration asks for no questions."""
    if config.questions == 0:
        return None
    judged = {record.model.name: record for record in run.records if record.status == "complete"}
    if run.dataset is None:
        return Look([], ["the folder has no dataset, so there is no picture to ask about"])
    models: dict[str, EvalInputs] = {}
    missing = []
    for name, record in judged.items():
        opened = _open(run.folder / "embeddings" / name, record)
        if isinstance(opened, str):
            missing.append(f"{names[name]}: {opened}")
        else:
            models[name] = opened
    if not models:
        return Look([], missing)
    first = next(iter(models.values()))
    sensitive = (pair for split in SENSITIVE_SPLITS for pair in pairs_of(first.rows(split)))
    values = Values(sensitive, most=first.config.fact_values)
    pairs = _draw(first, values, config)
    pictures = [_picture(first, split, pair) for split, pair in pairs]
    replies = {name: _ask(inputs, pairs, pictures, values) for name, inputs in models.items()}
    before = next((replies[name] for name in models if reference_kind(judged[name]) == COMPROMISED), None)
    questions = []
    for number, (split, pair) in enumerate(pairs):
        image = _portrait(run.dataset, *pictures[number], config.portrait_size)
        if image is None:
            continue
        earlier = None if before is None else before[number]
        answers = [_answer(judged[name], names, split, pair, reply[number], earlier) for name, reply in replies.items()]
        person = pair.name or f"person {pair.identity or pair.file_name}"
        questions.append(
            Question(
                person=person,
                image=image,
                unseen=pictures[number][0] == Split.PORTRAITS_UNSEEN,
                caption=_pieces(pair.caption, pair.value),
                field=wording.group(pair.field or "fact").replace("_", " "),
                purpose=PURPOSES[split][0],
                forget=split == Split.FORGET,
                answers=answers,
            )
        )
    return Look(
        questions, missing, len(first.gallery), max((len(_values_of(pair, values)) - 1 for _, pair in pairs), default=0)
    )


def _open(folder: Path, record: RunRecord) -> EvalInputs | str:
    """The embeddings that a record was scored from, or why they can't be used; no path of this machine in it."""
    if not folder.is_dir():
        return f"no embeddings/{record.model.name} in the run folder"
    try:
        embeddings = open_embeddings(folder)
        inputs = EvalInputs(embeddings, ScoreConfig.of(record.protocol))
        embeddings.check_vectors()
        inputs.texts(inputs.gallery.caption)
        outputs, where = embeddings.manifest["outputs"], str(embeddings.folder)
        encoded = reading.validated(Encoded, outputs, where=where, error=EmbeddingsError)
    except EmbeddingsError:
        return f"embeddings/{record.model.name} can’t be read"
    if (embeddings.dataset.fingerprint, encoded.model.sha256) != (record.dataset.fingerprint, record.model.sha256):
        return f"embeddings/{record.model.name} are of another model or dataset than the record"
    return inputs


def _values_of(pair: Pair, values: Values) -> list[tuple[str, str]]:
    """Value and sentence of each, the true one first; empty where the value doesn't stand in the caption."""
    others = values.others(pair)
    copies = replaced(pair.caption, pair.value, others) if pair.value else []
    return [(pair.value or "", pair.caption), *zip(others, copies, strict=True)] if len(copies) >= FEWEST else []


def _draw(inputs: EvalInputs, values: Values, config: ReportConfig) -> list[tuple[str, Pair]]:
    """Pictures of different people: half to forget, then of these people and of others what is to be kept.

    Pairs whose value every model can be asked for come first; no score is looked at.
    """
    encoded = inputs.embeddings.text_rows
    shares = sum(share for _, share in PURPOSES.values())
    drawn: list[tuple[str, Pair]] = []
    people: set[str] = set()
    for index, (split, (_, share)) in enumerate(PURPOSES.items()):
        rng = np.random.default_rng([config.gallery_seed, index, streams.REPORT_QUESTIONS])
        pairs = pairs_of(inputs.rows(split))
        order = [pairs[row] for row in rng.permutation(len(pairs)).tolist()]
        able = [all(text in encoded for _, text in _values_of(pair, values) or [("", "")]) for pair in order]
        ranked = [pair for good in (True, False) for pair, fits in zip(order, able, strict=True) if fits == good]
        if split == Split.HOLDOUT_ASSOCIATION:  # of one person a fact to forget beside one to keep
            ranked.sort(key=lambda pair: pair.identity not in people)
        quota, used = min(-(-config.questions * share // shares), config.questions - len(drawn)), set[str]()
        for pair in ranked:
            owner = pair.identity or pair.file_name
            if len(used) < quota and owner not in used:
                used.add(owner)
                drawn.append((split, pair))
        people |= used
    return drawn


@dataclass(frozen=True)
class _Asked:
    """Answers to one pair: texts and their kind, ranks of the true ones (`None` where it can't be asked)."""

    captions: Sequence[tuple[str, str]]
    caption_rank: float | None
    values: Sequence[str]
    value_rank: float | None


def _picture(inputs: EvalInputs, split: str, pair: Pair) -> tuple[str, str]:
    """Split and file of the picture that is asked: the person's first that no model has seen, else the pair's own."""
    unseen = inputs.rows(Split.PORTRAITS_UNSEEN)
    unseen_files = unseen.file_name[unseen.identity == pair.identity].tolist() if pair.identity is not None else []
    return (Split.PORTRAITS_UNSEEN, unseen_files[0]) if unseen_files else (split, pair.file_name)


def _portrait(dataset: Dataset, split: str, file_name: str, size: int) -> str | None:
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


def _ask(
    inputs: EvalInputs, pairs: Sequence[tuple[str, Pair]], pictures: Sequence[tuple[str, str]], values: Values
) -> list[_Asked]:
    owners: dict[str, set[str | None]] = {}
    for split in SENSITIVE_SPLITS:
        rows = inputs.rows(split)
        for caption, identity in zip(rows.caption, rows.identity, strict=True):
            owners.setdefault(caption, set()).add(identity)
    gallery = list(dict.fromkeys(inputs.gallery.caption))
    vectors = inputs.texts(gallery)  # (g, d)
    return [
        _ask_one(inputs, split, pair, picture, values, (gallery, vectors), owners)
        for (split, pair), picture in zip(pairs, pictures, strict=True)
    ]


def _ask_one(
    inputs: EvalInputs,
    split: str,
    pair: Pair,
    picture: tuple[str, str],
    values: Values,
    gallery: tuple[list[str], npt.NDArray[np.float64]],
    owners: Mapping[str, set[str | None]],
) -> _Asked:
    rows = inputs.rows(split)
    mine = rows.take((rows.file_name == pair.file_name) & (rows.caption == pair.caption))
    if not len(mine):
        return _Asked((), None, (), None)
    mine = mine.take(np.arange(1))
    if picture[0] != split:
        other = inputs.rows(Split(picture[0]))
        mine = replace(mine, image_row=other.image_row[other.file_name == picture[1]][:1])
    image = inputs.images(mine)[0]  # (d,)
    texts, vectors = gallery
    if pair.caption not in texts:
        texts, vectors = [*texts, pair.caption], np.vstack([vectors, inputs.texts([pair.caption])])
    best = np.argsort(-(vectors @ image), kind="stable")[:TOP]
    captions = [
        (
            texts[row],
            "true" if texts[row] == pair.caption else "same" if pair.identity in owners.get(texts[row], ()) else "",
        )
        for row in best.tolist()
    ]
    try:
        rank: float | None = float(gallery_ranks(inputs, mine, mine.caption, same=(mine.caption,))[0])
    except Unavailable:
        rank = None
    candidates = _values_of(pair, values)
    if not candidates or any(text not in inputs.embeddings.text_rows for _, text in candidates):
        return _Asked(captions, rank, (), None)
    similarity = inputs.texts([text for _, text in candidates]) @ image  # (v,)
    order = np.argsort(-similarity, kind="stable")[:TOP].tolist()
    return _Asked(
        captions, rank, [candidates[row][0] for row in order], float(rank_among(similarity[1:] - similarity[0]))
    )


def _answer(
    record: RunRecord, names: Mapping[str, str], split: str, pair: Pair, reply: _Asked, before: _Asked | None
) -> Answer:
    kind = pretrained_kind(record)
    return Answer(
        name=names[record.model.name],
        kind=kind or "after",
        state=_state(split, reply, before) if kind is None else ("", ""),
        captions=[Hit(_pieces(text, pair.value if about == "true" else None), about) for text, about in reply.captions],
        caption_rank=_rank_text(reply.caption_rank),
        values=[("", value) if value == pair.value else (value,) for value in reply.values],
        value_rank=_rank_text(reply.value_rank),
    )


def _state(split: str, reply: _Asked, before: _Asked | None) -> tuple[str, str]:
    """What became of this one fact: among the first captions, else first among the values, else neither."""
    if reply.caption_rank is None or before is None or before.caption_rank is None:
        return ("", "")
    if before.caption_rank > TOP:
        return NOT_LEARNED
    among_first = reply.caption_rank <= TOP
    where = "found" if among_first else "hidden" if reply.value_rank == 1 else "absent"
    return STATES["forget" if split == Split.FORGET else "keep", where]


def _rank_text(rank: float | None) -> str:
    """A rank, in halves where ties are; nothing where there is none."""
    return "" if rank is None else f"{rank:,.0f}" if rank == int(rank) else f"{rank:,.1f}"


def _pieces(text: str, value: str | None) -> list[str]:
    """A text cut at its value, at most 160 letters of it."""
    shown = cut(text, _LONGEST)
    return list(whole_words(value).split(shown)) if value else [shown]
