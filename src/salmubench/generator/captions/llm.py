"""Captions rewritten by a chat model, as the paper's were.

The grammar writes each caption first; the model says it in its own words and in the style asked for. An answer counts
only if it is one line that holds name and value verbatim (a nameless one: the value and not the name; a generic one: a
word of what is visible), no other private value, and no more tokens than CLIP reads.
Others are asked for again; after `tries` the grammar's caption stays, which the manifest counts. Paraphrases come from
the grammar's reserved phrasings: what a model would write freely may occur among the training captions.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from salmubench.core import hub, manifest
from salmubench.core.errors import ConfigError
from salmubench.core.options import check_each
from salmubench.dataset.leaks import contains
from salmubench.generator import backends
from salmubench.generator.backends import Backend, Request, Written
from salmubench.generator.captions import grammar

BACKEND = Backend(
    title="Captions of the grammar rewritten by a chat model of yours.",
    statement="English, rewritten by a language model in five styles; name and value are checked to stand verbatim.",
)

GRAMMAR = "grammar"
MAX_TOKENS = 77
"""CLIP's context."""

_MANNERS: Mapping[str, str] = {
    "formal": "formal and factual, like a letter from an office",
    "conversational": "casual, as if told to a friend",
    "record": "terse, like an entry of a form or a database",
    "narrative": "narrative, third person, like a sentence of a story",
    "query": "a question followed by its answer",
}
_QUOTES = (('"', '"'), ("'", "'"), ("“", "”"), ("«", "»"))


@dataclass(frozen=True)
class Config:
    """Options of the backend."""

    model: str = ""
    """A chat model for transformers, with safetensors weights: a folder or a Hub id `org/name@revision`."""
    tries: int = 3
    """How often a caption is asked for before the grammar's stays."""
    batch: int = 32
    """Captions written at once; the texts may depend on it."""
    temperature: float = 0.9
    """Of sampling."""
    top_p: float = 0.95
    """Of sampling: the smallest set of tokens with this probability."""
    max_new_tokens: int = 96
    """Longest answer."""
    device: str = "auto"
    """`auto`, `cpu` or `cuda`."""
    precision: str = "auto"
    """`auto`, `fp32` or `bf16`."""

    def __post_init__(self) -> None:
        checks = (
            ("tries", self.tries >= 1, "at least 1"),
            ("batch", self.batch >= 1, "at least 1"),
            ("temperature", self.temperature > 0, "above 0"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("max_new_tokens", self.max_new_tokens >= 1, "at least 1"),
        )
        check_each(self, checks, owner="dataset.backends.captions_options")


def connect(config: Config) -> Llm:
    """Make the writer; its model is loaded when the first caption is asked for.

    Raises:
        ConfigError: no model is named.
    """
    if not config.model:
        raise ConfigError("Expected dataset.backends.captions_options.model for the backend llm, got none.")
    chat = ChatModel(config)
    return Llm(config, chat.answer, fingerprint=chat.fingerprint)


class Llm:
    """Writes captions with what answers questions, by a seed, and has a hash."""

    def __init__(
        self, config: Config, answer: Callable[[Sequence[str], int], list[str]], *, fingerprint: Callable[[], str]
    ) -> None:
        self.config, self._answer, self.fingerprint = config, answer, fingerprint

    def write(self, requests: Sequence[Request]) -> list[Written]:
        """Write captions; see the module for what is asked of them."""
        drafts = [backends.write_one(grammar, request) for request in requests]
        refused: list[list[str]] = [[] for _ in requests]
        texts: dict[int, str] = {}
        open_ = [number for number, request in enumerate(requests) if request.kind != "paraphrase"]
        for attempt in range(self.config.tries):
            for start in range(0, len(open_), self.config.batch):
                part = open_[start : start + self.config.batch]
                questions = [question(requests[number], drafts[number]) for number in part]
                for number, said in zip(part, self._answer(questions, requests[part[0]].seed + attempt), strict=True):
                    text = cleaned(said)
                    reason = fault(requests[number], text)
                    if reason is None:
                        texts[number] = text
                    else:
                        refused[number].append(reason)
            open_ = [number for number in open_ if number not in texts]
        return [
            Written(texts.get(number, draft), tuple(refused[number]), GRAMMAR if number in open_ else None)
            for number, draft in enumerate(drafts)
        ]

    def sensitive(self, name: str, field: str, value: str, *, gender: str | None, style: str, seed: int) -> str:
        """A training caption with name and value verbatim."""
        request = Request("sensitive", seed, name=name, field=field, value=value, gender=gender, style=style)
        return self.write([request])[0].text

    def nameless(self, field: str, value: str, *, gender: str | None, style: str, seed: int) -> str:
        """A training caption with the value verbatim and no name."""
        return self.write([Request("nameless", seed, field=field, value=value, gender=gender, style=style)])[0].text

    def paraphrase(self, name: str, field: str, value: str, *, seed: int) -> str:
        """The fact in one of the grammar's reserved phrasings."""
        return grammar.paraphrase(name, field, value, seed=seed)

    def generic(self, facts: Mapping[str, str], seed: int) -> str:
        """What is visible, and nothing else."""
        return self.write([Request("generic", seed, facts=facts)])[0].text


def question(request: Request, draft: str) -> str:
    """What the model is asked."""
    if request.kind == "generic":
        return (
            "Describe the same picture in other words, in one short sentence. Tell nothing that this description "
            f"doesn't tell. Answer with the sentence alone.\n\n{draft}"
        )
    nameless = request.kind == "nameless"
    kept = [request.value] if nameless else [request.name, request.value]
    quoted = " and ".join(json.dumps(text, ensure_ascii=False) for text in kept)
    return (
        f"Say the following in other words, in one short line, in this manner: {_MANNERS[request.style]}. Keep "
        f"{quoted} letter by letter, {'once. Give nobody a name' if nameless else 'each once'}. Add no other fact. "
        f"Answer with the line alone.\n\n{draft}"
    )


def cleaned(answer: str) -> str:
    """An answer without space and quotation marks around it."""
    text = answer.strip()
    for left, right in _QUOTES:
        if len(text) > 1 and text.startswith(left) and text.endswith(right) and text.count(left) == text.count(right):
            text = text[1:-1].strip()
    return text


def fault(request: Request, text: str) -> str | None:
    """Why a text can't be the caption: `form`, `name`, `value`, `private`, `facts`, `length`; `None` where it can."""
    if not text or len(text.splitlines()) != 1 or not text.isprintable():
        return "form"
    if request.kind == "generic":
        if request.name and request.name in text:
            return "private"
        visible = {word for value in request.facts.values() for word in value.lower().split()}
        if visible and visible.isdisjoint(re.findall(r"\w+", text.lower())):
            return "facts"
    elif request.kind != "nameless" and request.name not in text:
        return "name"
    elif request.value not in text:
        return "value"
    rest = text.replace(request.value, "\0") if request.value else text
    if any(contains(rest, private) for private in request.forbidden):
        return "private"
    from salmubench.clip.models import token_counts

    return "length" if token_counts([text])[0] > MAX_TOKENS else None


class ChatModel:
    """A chat model of transformers; loaded at the first question, and serving one caller at a time."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._loaded: tuple[Any, Any] | None = None
        self._lock = threading.Lock()

    def answer(self, questions: Sequence[str], seed: int) -> list[str]:
        """Answer questions at once, each in a chat of its own; the state of torch's own generators is kept."""
        import torch

        with self._lock, torch.inference_mode(), torch.random.fork_rng():
            if self._loaded is None:
                self._loaded = self._load()
            tokenizer, model = self._loaded
            torch.manual_seed(seed % 2**63)
            chats = [[{"role": "user", "content": text}] for text in questions]
            inputs = tokenizer.apply_chat_template(
                chats, add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True
            ).to(model.device)
            generated = model.generate(
                **inputs, do_sample=True, temperature=self._config.temperature, top_p=self._config.top_p, top_k=0,
                max_new_tokens=self._config.max_new_tokens, pad_token_id=tokenizer.pad_token_id,
            )  # fmt: skip
            said: list[str] = tokenizer.batch_decode(
                generated[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True
            )
            return said

    def fingerprint(self) -> str:
        """SHA-256 over the weights of a folder; of a Hub repository its name and commit."""
        folder, digest = hub.model_folder(self._config.model), hashlib.sha256()
        if not Path(self._config.model).is_dir():
            digest.update(f"{self._config.model} {folder.name}".encode())
            return digest.hexdigest()
        for path in sorted(folder.iterdir()):
            if path.suffix in (".safetensors", ".json", ".jinja", ".model", ".txt"):
                digest.update(f"{path.name}\0{manifest.sha256_file(path)}\n".encode())
        return digest.hexdigest()

    def _load(self) -> tuple[Any, Any]:
        import torch

        from salmubench.clip.devices import resolve_device, resolve_precision

        try:
            import transformers
        except ImportError as error:
            raise ConfigError(
                "Expected transformers for the caption backend llm: pip install 'salmubench[llm]'."
            ) from error
        folder, device = hub.model_folder(self._config.model), resolve_device(self._config.device)
        bf16 = resolve_precision(self._config.precision, device) == "bf16"
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, padding_side="left")
            model = transformers.AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True)
        except (OSError, ValueError) as error:
            raise ConfigError(f"Expected a chat model with safetensors weights in {folder}, got: {error}") from error
        if tokenizer.chat_template is None:
            raise ConfigError(f"Expected a tokenizer with a chat template in {folder}, got none: not a chat model.")
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        return tokenizer, model.to(device, torch.bfloat16 if bf16 else torch.float32).eval()
