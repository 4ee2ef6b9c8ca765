"""Variants of an attack → rows: what is ranked, compared and counted on pairs that the attack never sees."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from salmubench.attacks import Variant
from salmubench.clip.embeddings import INDEX_SCHEMA, DatasetFacts
from salmubench.core.cost import EncodedCount
from salmubench.core.types import SENSITIVE_SPLITS, Pair, Split
from salmubench.encode.vectors import Vectors, tokens_of
from salmubench.metrics import Plugin
from salmubench.recovery.best_of import best_fact_ranks, best_ranks
from salmubench.recovery.world import AttackedWorld
from salmubench.scoring.attacks.table import GENERAL, OTHER, PARTS, SCHEMA
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.gallery import gallery_of
from salmubench.scoring.inputs import EvalInputs, Rows
from salmubench.scoring.metric import Floats, Outcome, Strings, Unavailable, known
from salmubench.scoring.products import TIE, unit_rows

_NORM = 1500.0  # of calibrated text vectors: more than any has
_STEADY = 1e-3  # smallest standard deviation of a text over portraits


@dataclass(frozen=True, eq=False)
class Parts:
    """What the rows are made of.

    Attributes:
        file_name: (n,).
        identity: (n,) or `None`.
        number: (n,) ranks or scores.
    """

    part: str
    file_name: Strings
    identity: Strings
    number: Floats
    ranks: bool


class Reader:
    """Reads variants of one model on V.

    Args:
        plugins: metrics with the roles of `PARTS` and `OTHER`, and that of general knowledge (`drop`).
    """

    def __init__(
        self,
        world: AttackedWorld,
        plugins: Mapping[str, Plugin],
        scoring: ScoreConfig,
        precision: str,
        encoded: EncodedCount,
    ) -> None:
        self.world, self.plugins, self.scoring, self._precision = world, plugins, scoring, precision
        self._encoded = encoded
        self._tokens = tokens_of(world.clip.tokenizer, world.clip.context_length)
        self._held, self._portraits, self._knowledge = world.held(), world.portraits(), world.knowledge()
        self._unseen = world.unseen()
        self._group = dict(zip(_keys(self._held.records), world.cut.group, strict=True))
        self._index, self._facts = _index(
            world.dataset, self._held.records, self._unseen.records, self._knowledge.records
        )
        self._gallery = gallery_of(world.dataset)
        self._rows: dict[str, Rows] = {}
        self._shared: dict[Hashable, Any] = {}
        self.base = Vectors(world.clip, precision=precision, tokens=self._tokens, encoded=encoded)

    def read(self, variant: Variant) -> pa.Table:
        """Rows of one variant, without the attack's name; of two where it is to be read calibrated too."""
        if variant.scores is not None:
            return self._table(variant.label, _scores(variant.scores, self._held.records))
        vectors = self.base
        if variant.model is not None:
            module = variant.model.module
            vectors = Vectors(
                self.world.clip, precision=self._precision, tokens=self._tokens, module=module, encoded=self._encoded
            )
        tables = self._read(variant, vectors)
        if variant.also_calibrated:
            label = f"{variant.label}, calibrated"
            tables += self._read(replace(variant, label=label, calibrated=True), vectors)
        return pa.concat_tables(tables)

    def _read(self, variant: Variant, vectors: Vectors) -> list[pa.Table]:
        embeddings = self._embeddings(variant, vectors)
        inputs = self._inputs(embeddings)
        if variant.against is not None:
            return self._compared(variant, embeddings)
        if variant.wordings is not None:
            rows = inputs.rows(Split.FORGET)
            ranks = best_ranks(embeddings, rows, self._gallery, self.world.dataset, variant.wordings)
            kept, fact_ranks = best_fact_ranks(embeddings, rows, inputs, variant.wordings)
            parts = [_ranked("leakage", rows, ranks), _ranked("fact", rows.take(np.array(kept, int)), fact_ranks)]
        else:
            parts = self._ranked(inputs)
        if variant.model is not None and len(self._knowledge.records):
            unchanged = self._embeddings(Variant(label=variant.label, model=variant.model), vectors)
            parts.append(_of_items(GENERAL, self.plugins["drop"].score(self._inputs(unchanged))))
        return [self._table(variant.label, parts)]

    def _ranked(self, inputs: EvalInputs) -> list[Parts]:
        """Ranks of captions, and of facts where any can be told from other values."""
        first, *others = PARTS
        parts = [_of_items(first, self.plugins[first].score(inputs))]
        for name in others:
            with contextlib.suppress(Unavailable):  # the record then says so of that number alone
                parts.append(_of_items(name, self.plugins[name].score(inputs)))
        if OTHER in self.plugins and len(self._unseen.records):
            with contextlib.suppress(Unavailable):
                parts.append(_of_items(OTHER, self.plugins[OTHER].score(inputs)))
        return parts

    def _inputs(self, embeddings: LiveEmbeddings) -> EvalInputs:
        """Inputs of a metric: the gallery is of the whole dataset, of which V is a part."""
        return EvalInputs(embeddings, self.scoring, fixed_gallery=self._gallery, _rows=self._rows, _shared=self._shared)

    def _embeddings(self, variant: Variant, vectors: Vectors) -> LiveEmbeddings:
        """Vectors as the variant reads them: of V, of any text, of general knowledge where the weights are others."""
        held, knowledge = self._held, self._knowledge
        pictures: Floats = vectors.pictures("held", held, len(held.records)).astype(np.float64)
        if len(self._unseen.records):
            unseen = vectors.pictures("unseen", self._unseen, len(self._unseen.records))
            pictures = np.concatenate([pictures, unseen])
        if variant.model is not None and not (variant.calibrated or variant.picture_map):
            pictures = np.concatenate([pictures, vectors.pictures("general", knowledge, len(knowledge.records))])
        if variant.picture_map is not None:
            pictures = _mapped(variant.picture_map, pictures)

        def plain(texts: Sequence[str]) -> Floats:
            encoded: Floats = vectors.texts(texts, block=variant.text_block).astype(np.float64)
            return encoded if variant.text_map is None else _mapped(variant.text_map, encoded)

        if not variant.calibrated:
            return LiveEmbeddings(self._facts, self._index, pictures, plain)
        portraits = vectors.pictures("portraits", self._portraits, len(self._portraits.records))
        if not len(portraits):
            raise ValueError("the dataset has no portraits in retain_synth")
        background = np.asarray(portraits, np.float64)
        if variant.picture_map is not None:
            background = _mapped(variant.picture_map, portraits)

        def calibrated(texts: Sequence[str]) -> Floats:
            return calibrated_texts(plain(texts), background)

        return LiveEmbeddings(self._facts, self._index, calibrated_pictures(pictures), calibrated)

    def _compared(self, variant: Variant, embeddings: LiveEmbeddings) -> list[pa.Table]:
        """Each caption against a few others: AUC by kind, and whether it is the first or the last of the last kind."""
        assert variant.against is not None
        records = self._held.records
        others = [variant.against(pair) for pair in records]
        kinds = list(dict.fromkeys(kind for by_kind in others for kind in by_kind))
        embeddings.rows_of(
            [text for pair, by_kind in zip(records, others, strict=True) for text in _all(pair, by_kind)]
        )
        able = [bool(by_kind) and all(by_kind.get(kind) for kind in kinds) for by_kind in others]
        if not any(able):
            raise ValueError("no pair has other values or names to be compared with")
        chosen = [number for number, good in enumerate(able) if good]
        below = {kind: np.empty(len(chosen)) for kind in kinds}
        picks = {"top": np.empty(len(chosen)), "lowest": np.empty(len(chosen))}
        for place, number in enumerate(chosen):
            for kind in kinds:
                cosines = embeddings.cosines(number, [records[number].caption, *others[number][kind]])
                margin = cosines[1:] - cosines[0]
                below[kind][place] = np.mean((margin < -TIE) + 0.5 * (np.abs(margin) <= TIE))
                if kind == kinds[-1]:
                    picks["top"][place], picks["lowest"][place] = _share_of_best(cosines), _share_of_best(-cosines)
        rows = [records[number] for number in chosen]
        tables = []
        for direction, shares in picks.items():
            parts = [_scored("pick", rows, shares)]
            parts += [_scored(f"auc_{kind}", rows, 2 * share - 1) for kind, share in below.items()]
            tables.append(self._table(f"{variant.label}: {direction}", parts))
        return tables

    def _table(self, label: str, parts: Sequence[Parts]) -> pa.Table:
        columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
        for part in parts:
            count = len(part.number)
            numbers, nothing = part.number.tolist(), [None] * count
            columns["file_name"] += part.file_name.tolist()
            columns["identity"] += part.identity.tolist()
            columns["part"] += [part.part] * count
            columns["rank"] += numbers if part.ranks else nothing
            columns["score"] += nothing if part.ranks else numbers
            keys = zip(part.file_name.tolist(), part.identity.tolist(), strict=True)
            columns["group"] += [None if part.part == GENERAL else self._group.get(key) for key in keys]
        total = len(columns["part"])
        columns["variant"], columns["seed"] = [label] * total, [self.world.seed] * total
        columns["attack"] = [""] * total
        for name in SCHEMA.names:
            columns[name] = columns[name] or [None] * total
        return pa.table(columns, SCHEMA)


class LiveEmbeddings:
    """Vectors in memory instead of a folder (`Embedded`); texts are encoded when they are first asked for.

    Args:
        index: rows of V and general knowledge, and of what the gallery and the values are drawn from.
        images: (n, d).
        encode: texts → (t, d).
    """

    def __init__(
        self, dataset: DatasetFacts, index: pa.Table, images: Floats, encode: Callable[[Sequence[str]], Floats]
    ) -> None:
        self.dataset, self.index, self.images, self._encode = dataset, index, images, encode
        self.texts: Floats = np.zeros((0, 0))
        self.text_rows: dict[str, int] = {}

    def rows_of(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Rows of `texts` for some texts, int64 (n,); `texts` grows by those that are new."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self.text_rows]
        if fresh:
            encoded, start = self._encode(fresh), len(self.text_rows)
            self.texts = np.concatenate([self.texts, encoded]) if start else encoded
            self.text_rows.update({text: start + number for number, text in enumerate(fresh)})
        return np.fromiter((self.text_rows[text] for text in texts), np.int64, len(texts))

    def cosines(self, picture: int, texts: Sequence[str]) -> Floats:
        """Cosines of one picture with some texts (n,)."""
        rows = self.rows_of(texts)
        cosines: Floats = unit_rows(self.texts[rows]) @ unit_rows(self.images[[picture]])[0]
        return cosines


def _mapped(fitted: Callable[[Any], Any], vectors: Any) -> Floats:
    """What a map that an attacker has fitted makes of vectors: of one without a direction nothing can be ranked."""
    mapped: Floats = np.asarray(fitted(vectors), np.float64)
    if len(mapped) != len(vectors) or not np.isfinite(mapped).all() or not mapped.any(axis=1).all():
        raise ValueError("the attack's map gives vectors that are not finite, zero, or not one for each")
    return mapped


def calibrated_texts(texts: Floats, background: Floats) -> Floats:
    """Text vectors whose cosine with calibrated pictures is, but for one constant factor, the z-score of the text.

    z = (v · t − mean_b v_b · t) / std_b v_b · t is linear in v: one more dimension holds −mean / std, and another fills
    all texts up to one length, so that a cosine ranks as z does.

    Args:
        texts: (n, d).
        background: (b, d) pictures.

    Returns:
        (n, d + 2).
    """
    unit = unit_rows(texts)
    level = unit @ unit_rows(background).T
    spread = np.maximum(level.std(axis=1), _STEADY)[:, None]
    scaled = np.concatenate([unit / spread, -level.mean(axis=1)[:, None] / spread], axis=1)
    rest = np.sqrt(_NORM**2 - np.einsum("ij,ij->i", scaled, scaled))
    calibrated: Floats = np.concatenate([scaled, rest[:, None]], axis=1)
    return calibrated


def calibrated_pictures(pictures: Floats) -> Floats:
    """Pictures (n, d) → (n, d + 2), see `calibrated_texts`."""
    unit = unit_rows(pictures)
    return np.concatenate([unit, np.ones((len(unit), 1)), np.zeros((len(unit), 1))], axis=1)


def _index(
    dataset: Any, held: Sequence[Pair], unseen: Sequence[Pair], knowledge: Sequence[Pair]
) -> tuple[pa.Table, DatasetFacts]:
    """The dataset's rows as scoring reads them: V, new portraits and general knowledge with pictures."""
    rows: list[tuple[str, Pair, int]] = []
    for split, pairs in ((Split.FORGET, held), (Split.PORTRAITS_UNSEEN, unseen), (Split.GENERAL_KNOWLEDGE, knowledge)):
        rows += [(split, pair, len(rows) + number) for number, pair in enumerate(pairs)]
    for split in (*SENSITIVE_SPLITS, Split.RETAIN_SYNTH):
        if split != Split.FORGET:
            rows += [(split, pair, -1) for pair in dataset.rows(split)]
    columns = {
        "split": [str(split) for split, _, _ in rows],
        "identity_id": [pair.identity for _, pair, _ in rows],
        "image_row": [row for _, _, row in rows],
        "text_row": [-1] * len(rows),
    }
    for name in ("file_name", "caption", "name", "field", "value", "paraphrase", "style"):
        columns[name] = [getattr(pair, name) for _, pair, _ in rows]
    types = {name: INDEX_SCHEMA.field(name).type for name in INDEX_SCHEMA.names}
    table = pa.table({name: pa.array(columns[name], kind) for name, kind in types.items()}, INDEX_SCHEMA)
    people, knowledge_facts = dataset.forget_identity_ids(), dataset.general_knowledge
    return table, DatasetFacts(dataset.name, dataset.fingerprint, dataset.counts, people, None, knowledge_facts)


def _keys(pairs: Sequence[Pair]) -> list[tuple[str, str | None]]:
    return [(pair.file_name, pair.identity) for pair in pairs]


def _all(pair: Pair, by_kind: Mapping[str, Sequence[str]]) -> list[str]:
    return [pair.caption, *(text for texts in by_kind.values() for text in texts)]


def _share_of_best(cosines: Floats) -> float:
    """1 where the first is the largest, 1 / k in a tie of k, else 0."""
    best = np.abs(cosines - cosines.max()) <= TIE
    return float(best[0] / best.sum())


def _of_items(part: str, outcome: Outcome) -> Parts:
    items = outcome.per_item
    if items is None:
        raise Unavailable(outcome.reason or "the metric gave no number and no reason")
    chosen = items.part == known("unseen") if part == OTHER else np.ones(len(items), bool)
    return Parts(part, items.file_name[chosen], items.identity[chosen], items.value[chosen], part in PARTS)


def _ranked(part: str, rows: Rows, ranks: Floats) -> Parts:
    return Parts(part, rows.file_name, rows.identity, ranks, True)


def _scored(part: str, rows: Sequence[Pair], scores: Floats) -> Parts:
    names, identities = (np.array([getattr(pair, key) for pair in rows], object) for key in ("file_name", "identity"))
    return Parts(part, names, identities, scores, False)


def _scores(scores: Mapping[str, Mapping[str, float]], held: Sequence[Pair]) -> list[Parts]:
    """Scores that an attack has computed itself, of pairs that are judged."""
    rows = [pair for pair in held if pair.file_name in scores]
    if not rows:
        raise ValueError("the attack scored no pair")
    parts = list(scores[rows[0].file_name])
    if not np.isfinite([scores[pair.file_name][part] for pair in rows for part in parts]).all():
        raise ValueError("the attack gives scores that are not finite")
    return [_scored(part, rows, np.array([scores[pair.file_name][part] for pair in rows])) for part in parts]
