"""What is read off a variant, against slow versions in plain Python; what an attacker can't reach."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from salmubench import metrics
from salmubench.attacks import Attack, AttackConfig, Data, Variant, load, load_all, names
from salmubench.clip import models
from salmubench.core.cost import EncodedCount
from salmubench.core.types import SENSITIVE_SPLITS, Pair
from salmubench.dataset.layout import open_dataset
from salmubench.encode.vectors import TokenStore, Vectors
from salmubench.recovery.reading import Reader
from salmubench.recovery.world import AttackedWorld
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.fact_ranks import Values, replaced
from salmubench.unlearn.interface import Model


@pytest.fixture(scope="module")
def reader(world: Any, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    clip = models.load_model(world.compromised)
    plugins = {str(item.metric.role): item for item in metrics.load_all() if item.metric.role}
    made = AttackedWorld(
        open_dataset(world.dataset), clip, seed=0, config=AttackConfig(), scratch=tmp_path_factory.mktemp("scratch")
    )
    return Reader(made, plugins, ScoreConfig(fact_values=6), "fp32", EncodedCount())


class Slow:
    """Cosines by one text and one picture at a time."""

    def __init__(self, reader: Reader) -> None:
        clip = reader.world.clip
        self._vectors = Vectors(clip, precision="fp32", tokens=TokenStore(clip.tokenizer, clip.context_length))
        self.held = reader._held.records
        self._pictures = self._vectors.pictures("held", reader.world.held(), len(self.held)).astype(np.float64)
        portraits = reader.world.portraits()
        self.portraits = self._vectors.pictures("p", portraits, len(portraits.records)).astype(np.float64)
        self.gallery = list(reader._gallery.caption)
        self.known = {pair.caption: pair for pair in reader.world.dataset.rows("forget")}

    def cosine(self, row: int, text: str) -> float:
        vector = self._vectors.texts([text])[0].astype(np.float64)
        image = self._pictures[row]
        return float(vector @ image / np.linalg.norm(vector) / np.linalg.norm(image))

    def z(self, row: int, text: str) -> float:
        vector = self._vectors.texts([text])[0].astype(np.float64)
        level = [float(vector @ image / np.linalg.norm(vector) / np.linalg.norm(image)) for image in self.portraits]
        return (self.cosine(row, text) - float(np.mean(level))) / float(np.std(level))


def numbers(table: Any, part: str, column: str = "rank") -> dict[str, float]:
    return {row["file_name"]: row[column] for row in table.to_pylist() if row["part"] == part}


def slow_rank(true: float, others: list[float]) -> float:
    above = sum(other > true + 1e-9 for other in others)
    return 1 + above + sum(abs(other - true) <= 1e-9 for other in others) / 2


@pytest.mark.parametrize("calibrated", [False, True])
def test_ranks_of_a_model_as_it_is_and_by_standard_deviations(reader: Reader, calibrated: bool) -> None:
    table, slow = reader.read(Variant(label="asked", calibrated=calibrated)), Slow(reader)
    found, facts, similar = numbers(table, "leakage"), numbers(table, "fact"), slow.z if calibrated else slow.cosine
    values = Values([pair for split in SENSITIVE_SPLITS for pair in _rows(reader, split)], most=6)
    for row, pair in list(enumerate(slow.held))[::9]:
        true = similar(row, pair.caption)
        others = [similar(row, text) for text in slow.gallery if text != pair.caption]
        assert found[pair.file_name] == pytest.approx(slow_rank(true, others))
        told = replaced(pair.caption, str(pair.value), values.others(pair))
        if len(told) >= 3:
            assert facts[pair.file_name] == pytest.approx(slow_rank(true, [similar(row, text) for text in told]))
    assert set(found) == {pair.file_name for pair in slow.held}
    assert not numbers(table, "general", "score")  # the model's own number is in its record


def _rows(reader: Reader, split: str) -> list[Pair]:
    return list(reader._held.records) if split == "forget" else reader.world.dataset.rows(split)


def test_the_best_of_several_wordings(reader: Reader) -> None:
    def wordings(pair: Pair) -> list[str]:
        return [pair.caption] if pair.name is None else [pair.caption, f"{pair.value} {pair.name}", f"{pair.name}!"]

    table, slow = reader.read(Variant(label="asked", wordings=wordings)), Slow(reader)
    found, facts = numbers(table, "leakage"), numbers(table, "fact")
    values = Values([pair for split in SENSITIVE_SPLITS for pair in _rows(reader, split)], most=6)

    def best(row: int, pair: Pair) -> float:
        return max(slow.cosine(row, text) for text in wordings(pair))

    for row, pair in list(enumerate(slow.held))[::15]:
        others = [best(row, slow.known.get(text, Pair("", text))) for text in slow.gallery if text != pair.caption]
        assert found[pair.file_name] == pytest.approx(slow_rank(best(row, pair), others))
        told = zip(values.others(pair), replaced(pair.caption, str(pair.value), values.others(pair)), strict=True)
        ranked = [best(row, Pair("", text, name=pair.name, value=value)) for value, text in told]
        if len(ranked) >= 3:
            assert facts[pair.file_name] == pytest.approx(slow_rank(best(row, pair), ranked))


def test_one_wording_is_the_model_as_it_is(reader: Reader) -> None:
    plain = reader.read(Variant(label="asked"))
    one = reader.read(Variant(label="asked", wordings=lambda pair: [pair.caption]))
    for part in ("leakage", "fact"):
        assert numbers(one, part) == pytest.approx(numbers(plain, part))


def test_captions_against_others(reader: Reader) -> None:
    def against(pair: Pair) -> dict[str, list[str]]:
        return {"other": ["one", "two", "three"], "same": [f"{pair.name} {word}" for word in ("a", "b")]}

    table, slow = reader.read(Variant(label="asked", against=against)), Slow(reader)
    for direction, sign in (("top", 1), ("lowest", -1)):
        mine = table.filter(np.array([row["variant"] == f"asked: {direction}" for row in table.to_pylist()]))
        for row, pair in list(enumerate(slow.held))[::9]:
            true = slow.cosine(row, pair.caption)
            for kind, texts in against(pair).items():
                cosines = [slow.cosine(row, text) for text in texts]
                share = np.mean([(other < true) + 0.5 * (other == true) for other in cosines])
                assert numbers(mine, f"auc_{kind}", "score")[pair.file_name] == pytest.approx(2 * share - 1)
            picked = all(sign * true > sign * slow.cosine(row, text) for text in against(pair)["same"])
            assert numbers(mine, "pick", "score")[pair.file_name] == float(picked)


def test_an_attacked_model_shows_what_general_knowledge_is_left(reader: Reader) -> None:
    model = Model(reader.world.clip)
    table = reader.read(Variant(label="same", model=model, also_calibrated=True))
    assert set(table.column("variant").to_pylist()) == {"same", "same, calibrated"}
    shown = numbers(table, "general", "score")
    assert len(shown) == reader.world.dataset.counts["general_knowledge"]
    assert 0 <= np.mean(list(shown.values())) <= 1
    plain = reader.read(Variant(label="asked"))
    same = table.filter(np.array([row["variant"] == "same" for row in table.to_pylist()]))
    assert numbers(same, "leakage") == numbers(plain, "leakage")


def test_maps_are_read_as_they_are_fitted(reader: Reader) -> None:
    """Turned pictures with turned texts are as similar as before."""
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(32, 32)))[0]
    turned = reader.read(Variant(label="turned", picture_map=lambda v: v @ turn, text_map=lambda v: v @ turn))
    plain = reader.read(Variant(label="asked"))
    assert numbers(turned, "leakage") == pytest.approx(numbers(plain, "leakage"))
    early = reader.read(Variant(label="block", text_block=1))
    assert numbers(early, "leakage") != numbers(plain, "leakage")


# --- V can't be reached -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", names())
def test_what_an_attack_is_given_holds_no_pair_that_it_is_judged_on(reader: Reader, name: str) -> None:
    attack, cut = load(name).attack, reader.world.cut
    data = reader.world.data(attack)
    forget = reader.world.dataset.rows("forget")
    held = {(forget[number].identity, forget[number].field) for number in cut.held}
    holdout = {
        pair.caption
        for split in ("holdout_identity", "holdout_association")
        for pair in reader.world.dataset.rows(split)
    }
    for part in ("few", "retain_synth", "retain_real", "forget", "forget_identity"):
        try:
            known = getattr(data, part)
        except PermissionError:
            continue
        assert not {pair.caption for pair in known.records} & holdout
        if attack.knows != "all":
            assert not {(pair.identity, pair.field) for pair in known.records if pair.field} & held
        if attack.knows == "few":
            assert len(known.records) == len(known.tokens) == len(known.pictures) == len(cut.known)


def test_data_has_no_other_door() -> None:
    public = {name for name in vars(Data) if not name.startswith("_")}
    assert public == {
        "few", "retain_synth", "retain_real", "forget", "forget_identity", "strangers", "templates", "values",
        "genders",
    }  # fmt: skip
    nosy = Data(Attack(name="nosy", title="", knows="few"), {"forget": list}, {"values": dict})  # type: ignore[dict-item]
    with pytest.raises(PermissionError, match="data.forget to say knows='all', got knows='few' in 'nosy'"):
        _ = nosy.forget
    with pytest.raises(PermissionError, match="data.values to list 'values' in needs"):
        _ = nosy.values
    assert not {item.name for item in fields(Variant)} & {"held", "world", "data"}


# --- the registry -----------------------------------------------------------------------------------------------


def test_every_attack_says_what_it_is() -> None:
    assert names() == ["benign", "calibrated", "counterfactual", "fewshot", "probe", "rewordings", "savings"]
    for item in load_all(["all"]):
        assert item.attack.title
        assert item.doc.partition("\n")[0].endswith((".", "?"))
    assert load_all(["none"]) == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "Expected ATTACK = Attack"),
        ("ATTACK = Attack(name='mine', title='', knows='none')\ndef attack(model): ...", "got attack\\(model\\)"),
        ("ATTACK = Attack(name='yours', title='', knows='none')\ndef attack(model, data, seed, config): ...", "'mine'"),
        ("ATTACK = Attack(name='mine', title='', knows='none')\ndef attack(model, data, seed, config): ...", "Config"),
        ("1 / 0", "fails on import"),
    ],
)
def test_files_that_break_the_interface(tmp_path: Path, source: str, message: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(f"from salmubench.attacks import Attack\n{source}\n")
    with pytest.raises(Exception, match=message):
        load(str(path))


def test_unknown_names_and_options() -> None:
    with pytest.raises(Exception, match="Unknown attack 'fewshots'. Did you mean 'fewshot'"):
        load_all(["fewshots"])
    with pytest.raises(Exception, match="Unknown option of the attack 'fewshot': 'lr'"):
        load_all(["fewshot"], {"fewshot": {"lr": 1}})
    with pytest.raises(Exception, match="Options of the attack 'fewshot': Expected rates above 0"):
        load_all(["fewshot"], {"fewshot": {"lrs": [0.0]}})
    with pytest.raises(Exception, match="different names, got 'fewshot'"):
        load_all(["fewshot", "./fewshot.py"])
