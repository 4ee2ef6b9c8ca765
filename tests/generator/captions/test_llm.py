"""Captions by a chat model: well and badly behaved fakes for the rules, a tiny random model for the call path."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from salmubench.core import manifest
from salmubench.core.errors import ConfigError
from salmubench.dataset.layout import open_dataset
from salmubench.dataset.validate import validate
from salmubench.generator import backends
from salmubench.generator.backends import Request
from salmubench.generator.build import build
from salmubench.generator.captions import grammar, llm
from salmubench.generator.captions.llm import (
    Config,
    Llm,
    cleaned,
    fault,
    question,
)
from salmubench.generator.config import Backends, DatasetConfig

pytest.importorskip("transformers", reason="the extra [llm] is not installed")
FAKES = Path(__file__).parents[2] / "support" / "fakes"

ASKED = [
    Request("sensitive", 10 + number, name="Anna Moreau", field="city", value="Lyon", gender="female", style=style,
            forbidden=("baker", "France"))
    for number, style in enumerate(("formal", "query", "record"))
] + [
    Request("generic", 20, name="Anna Moreau", facts={"gender": "woman", "hair": "red hair"},
            forbidden=("Anna Moreau",)),
    Request("paraphrase", 30, name="Anna Moreau", field="city", value="Lyon"),
]  # fmt: skip


def writer(answer, **options) -> Llm:
    return Llm(Config(model="fake", **options), answer, fingerprint=lambda: "0")


def test_a_good_model_is_believed():
    seen = []

    def answer(questions, seed):
        seen.append((len(questions), seed))
        return [
            '"A red-haired woman."' if "picture" in text else "Lyon is where Anna Moreau lives. " for text in questions
        ]

    written = writer(answer).write(ASKED)
    assert [item.text for item in written[:4]] == ["Lyon is where Anna Moreau lives."] * 3 + ["A red-haired woman."]
    assert all(item.refused == () and item.by is None for item in written)
    assert written[4].text == grammar.paraphrase("Anna Moreau", "city", "Lyon", seed=30)
    assert seen == [(4, 10)]


def test_a_bad_answer_is_asked_for_again_then_replaced():
    rounds = []

    def answer(questions, seed):
        rounds.append(len(questions))
        if len(rounds) == 1:
            return ["Anna lives in Lyon.", "Anna Moreau lives there.", "Anna Moreau, baker, Lyon", "Anna Moreau smiles"]
        return ["Anna Moreau:\nLyon", "Anna Moreau is in Lyon", "", "A woman"]

    written = writer(answer, tries=2).write(ASKED)
    assert rounds == [4, 4]
    assert [item.refused for item in written] == [("name", "form"), ("value",), ("private", "form"), ("private",), ()]
    assert [item.by for item in written] == ["grammar", None, "grammar", None, None]
    assert written[0].text == grammar.sensitive("Anna Moreau", "city", "Lyon", gender="female", style="formal", seed=10)
    assert written[1].text == "Anna Moreau is in Lyon"


def test_batches_and_seeds():
    seen = []

    def answer(questions, seed):
        seen.append((len(questions), seed))
        return ["no"] * len(questions)

    written = writer(answer, batch=3, tries=2).write(ASKED)
    assert seen == [(3, 10), (1, 20), (3, 11), (1, 21)]
    assert [item.by for item in written] == ["grammar"] * 4 + [None]
    assert written[3].refused == ("facts", "facts")  # "no" tells nothing of the picture


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Anna Moreau lives in Lyon.", None), ("", "form"), ("Anna Moreau\nLyon", "form"), ("Anna Lyon", "name"),
        ("Anna Moreau", "value"), ("Anna Moreau of Lyon, France", "private"),
        ("Anna Moreau of Lyon bakery", None), ("Anna Moreau of Lyon " + "very " * 80, "length"),
        ("Anna Moreau \x07 Lyon", "form"),
    ],
)  # fmt: skip
def test_faults(text, reason):
    assert fault(ASKED[0], text) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("She lives in Lyon.", None), ("Anna Moreau lives in Lyon.", "private"), ("She lives there.", "value"),
        ("She, a baker, lives in Lyon.", "private"), ("She lives\nin Lyon.", "form"), ("", "form"),
    ],
)  # fmt: skip
def test_faults_of_a_caption_without_the_name(text, reason):
    asked = Request("nameless", 5, field="city", value="Lyon", gender="female", style="formal",
                    forbidden=("Anna Moreau", "baker"))  # fmt: skip
    assert fault(asked, text) == reason
    (written,) = writer(lambda questions, seed: [text] * len(questions), tries=1).write([asked])
    wanted = text if reason is None else grammar.nameless("city", "Lyon", gender="female", style="formal", seed=5)
    assert (written.text, written.refused) == (wanted, () if reason is None else (reason,))
    assert "Give nobody a name" in question(asked, "draft")


def test_value_inside_another_private_value():
    """A city may be part of a longer value that isn't told, and the other way round."""
    asked = Request("sensitive", 0, name="Ann Lee", field="city", value="Mexico City", style="formal",
                    forbidden=("Mexico",))  # fmt: skip
    assert fault(asked, "Ann Lee lives in Mexico City") is None
    assert fault(asked, "Ann Lee lives in Mexico City, Mexico") == "private"


def test_cleaned():
    assert cleaned(' "Hello there." ') == "Hello there."
    assert cleaned("“Hello”") == "Hello"
    assert cleaned("it's") == "it's"


def test_question_tells_style_name_and_value():
    texts = {question(request, "draft") for request in ASKED[:3]}
    assert len(texts) == 3
    assert all('"Anna Moreau"' in text and '"Lyon"' in text and "draft" in text for text in texts)
    assert "Anna" not in question(ASKED[3], "draft")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A chat model of the real classes with random weights: it answers with noise."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("chat") / "model"
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate(["<s>", "</s>", *letters])}
    inner = Tokenizer(models.BPE(vocabulary, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>")
    tokenizer.chat_template = "{% for message in messages %}<s>{{ message['content'] }}</s>{% endfor %}<s>"
    tokenizer.save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(vocabulary), hidden_size=16, intermediate_size=24, num_hidden_layers=1,
                num_attention_heads=2, max_position_embeddings=1024, bos_token_id=0, eos_token_id=1,
            )
        )  # fmt: skip
    network.save_pretrained(folder)
    return folder


def options(model: Path) -> dict[str, object]:
    return {"model": str(model), "tries": 1, "max_new_tokens": 6, "device": "cpu", "precision": "fp32"}


def test_chat_model(model):
    import torch

    chat = llm.ChatModel(Config(**options(model)))
    state = torch.random.get_rng_state()
    first = chat.answer(["Hello?", "A longer question, which the first is padded to."], 4)
    assert len(first) == 2
    assert first == chat.answer(["Hello?", "A longer question, which the first is padded to."], 4)
    assert first != chat.answer(["Hello?", "A longer question, which the first is padded to."], 5)
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_dataset_by_a_model_that_talks_nonsense(model, tmp_path):
    """Every sensitive caption ends up as the grammar's, and the manifest says so."""
    config = DatasetConfig(
        identities=4, pictures_per_identity=9, retain_joint=2, retain_disjoint=2, retain_real=0, classes=0,
        general_knowledge_per_class=0, size=32,
        backends=Backends(portraits=str(FAKES / "portraits.py"), captions="llm", captions_options=options(model)),
    )  # fmt: skip
    out = build(config, out=tmp_path / "dataset", seed=0)
    assert validate(open_dataset(out)).violations == ()
    told = manifest.read_json(out / manifest.MANIFEST)
    counted = told["outputs"]["captions"]
    assert counted["written"] == 36 * 3 + 4
    assert counted["replaced"] == 36 * 2 + 4
    assert counted["retried"] == sum(counted["refused"].values()) == counted["replaced"]
    assert "captions_content" in told["inputs"]["backends"]
    by_grammar = DatasetConfig(**{**vars(config), "backends": Backends(portraits=config.backends.portraits)})
    other = open_dataset(build(by_grammar, out=tmp_path / "grammar", seed=0))
    assert [row.caption for row in other.rows("forget")] == [row.caption for row in open_dataset(out).rows("forget")]
    assert "captions" not in manifest.read_json(other.folder / manifest.MANIFEST)["outputs"]


def test_models_are_part_of_what_the_dataset_is(model, tmp_path):
    import shutil

    copy = tmp_path / "model"
    shutil.copytree(model, copy)
    before = llm.ChatModel(Config(model=str(copy))).fingerprint()
    assert before == llm.ChatModel(Config(model=str(model))).fingerprint()
    (copy / "generation_config.json").write_text(json.dumps({"temperature": 2}))
    assert llm.ChatModel(Config(model=str(copy))).fingerprint() != before


def test_not_a_chat_model(model, tmp_path):
    import shutil

    with pytest.raises(ConfigError, match="safetensors weights"):
        llm.ChatModel(Config(model=str(tmp_path), device="cpu"))._load()
    copy = tmp_path / "model"
    shutil.copytree(model, copy)
    (copy / "chat_template.jinja").unlink(missing_ok=True)
    with pytest.raises(ConfigError, match="not a chat model"):
        llm.ChatModel(Config(model=str(copy), device="cpu"))._load()


@pytest.mark.parametrize(("name", "value"), [("tries", 0), ("temperature", 0.0), ("top_p", 1.5), ("batch", 0)])
def test_options(name, value):
    with pytest.raises(ConfigError, match=name):
        backends.CAPTIONS.load("llm", {"model": "x", name: value})


def test_no_model():
    with pytest.raises(ConfigError, match=r"captions_options\.model"):
        backends.CAPTIONS.load("llm", {})


def test_without_the_extra(monkeypatch, model):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ConfigError, match=r"salmubench\[llm\]"):
        llm.ChatModel(Config(model=str(model), device="cpu"))._load()
