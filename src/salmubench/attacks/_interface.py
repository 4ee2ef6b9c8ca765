"""What an attack says about itself, what it is given, what it hands back. Imports no torch of its own.

Shapes: B pairs, d dimensions of the shared space, L tokens of a caption.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from salmubench.core.types import Pair, Person

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Knows = Literal["none", "retain", "few", "all"]
"""What the attacker has besides the model: no pairs, retain pairs, some of the forget pairs, or all of them."""

Control = Literal["clean", "false_facts"]
Headline = Literal["leakage", "pick", "relearnt"]
Need = Literal["strangers", "templates", "values", "genders"]
"""Further material, none of which tells a fact: see `Data`."""

_SETS: Mapping[str, tuple[Knows, ...]] = {
    "few": ("few",),
    "retain_synth": ("retain",),
    "retain_real": ("retain",),
    "forget": ("all",),
    "forget_identity": ("all",),
}
"""Set of pairs → which attackers have it."""


@dataclass(frozen=True, kw_only=True)
class Attack:
    """What an attack's file says about it, as `ATTACK = Attack(name=…)`; values are written out.

    Attributes:
        name: as its file is called.
        title: one line for tables.
        knows: what the attacker has.
        needs: further material.
        control: what zero is: a model that never saw the facts (`clean`), or the same model and facts that are false
            (`false_facts`).
        headline: the number that stands for the attack: `leakage`, rank of the true caption in the gallery; `pick`, the
            true caption first or last among a few; `relearnt`, true facts
            learnt better than false ones.
        paper: where it comes from.
    """

    name: str
    title: str
    knows: Knows
    needs: tuple[Need, ...] = ()
    control: Control = "clean"
    headline: Headline = "leakage"
    paper: str = ""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much an attack deals with: what its price depends on, beside its options.

    Attributes:
        few: pairs of T.
        held: pairs of V.
        identity: pairs about people all of whose associations had to go.
        portraits: pairs of `retain_synth` that an attacker has.
        real: pairs of general knowledge that an attacker has.
        told: different captions that tell a fact, of V and the gallery.
        generic: different captions of the gallery that tell none.
        facts: different captions with other values.
        knowledge: pictures of general knowledge that an attacked model is shown.
        prompts: texts that name its classes.
    """

    few: int
    held: int
    identity: int
    portraits: int
    real: int
    told: int
    generic: int
    facts: int
    knowledge: int
    prompts: int

    @property
    def ranked(self) -> int:
        """Captions that are encoded to read a model on V."""
        return self.told + self.generic + self.facts


@dataclass(frozen=True, kw_only=True)
class Price:
    """What an attack on one model takes with one seed, beside one reading of the model as it is.

    Attributes:
        steps: of the optimiser.
        pairs: in all batches of these.
        readings: how often other weights are read on V.
        calibrated: how often portraits are encoded to calibrate a reading.
        pictures: encoded besides.
        captions: encoded besides.
    """

    steps: int = 0
    pairs: int = 0
    readings: int = 0
    calibrated: int = 0
    pictures: int = 0
    captions: int = 0


class Known(Protocol):
    """Pairs that the attacker has."""

    @property
    def records(self) -> tuple[Pair, ...]:
        """What is known of each pair: caption, name, field, value, identity."""
        ...

    @property
    def tokens(self) -> Tensor:
        """The captions, int64 (n, L)."""
        ...

    def images(self, rows: Sequence[int], device: torch.device) -> Tensor:
        """Pictures of some pairs as the model expects them, float32 (len(rows), 3, H, W)."""
        ...


class Model(Protocol):
    """The model attacked: pictures and tokens to float32 unit vectors. It is the attack's own copy."""

    @property
    def module(self) -> nn.Module:
        """The open_clip model."""
        ...

    @property
    def logit_scale(self) -> Tensor:
        """The temperature's inverse, already exponentiated, 0-d."""
        ...

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        ...

    def around(self, module: nn.Module) -> Model:
        """The same tokenizer, transform and precision around other weights."""
        ...

    def encode_image(self, images: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) → unit vectors (B, d)."""
        ...

    def encode_text(self, texts: Tensor) -> Tensor:
        """Tokens (B, L) → unit vectors (B, d)."""
        ...

    def tokenize(self, captions: Sequence[str]) -> Tensor:
        """Captions → tokens (B, L)."""
        ...


class Data:
    """What an attacker has. There is no way to name the pairs that the attack is judged on, nor a holdout.

    Args:
        attack: whose `knows` and `needs` decide what is there.
        sets: name of a set of pairs → makes it.
        material: name of a need → makes it.
    """

    def __init__(
        self, attack: Attack, sets: Mapping[str, Callable[[], Known]], material: Mapping[str, Callable[[], Any]]
    ) -> None:
        self._attack = attack
        self._sets = {name: make for name, make in sets.items() if attack.knows in _SETS[name]}
        self._material = {name: make for name, make in material.items() if name in attack.needs}
        self._made: dict[str, Any] = {}

    @property
    def few(self) -> Known:
        """T: some facts of some people, the people who are in a smaller T first. For `knows="few"`."""
        return self._known("few")  # type: ignore[no-any-return]

    @property
    def retain_synth(self) -> Known:
        """Portraits with generic captions. For `knows="retain"`."""
        return self._known("retain_synth")  # type: ignore[no-any-return]

    @property
    def retain_real(self) -> Known:
        """Pairs of general knowledge; empty where the dataset has none. For `knows="retain"`."""
        return self._known("retain_real")  # type: ignore[no-any-return]

    @property
    def forget(self) -> Known:
        """All pairs that were unlearnt. For `knows="all"`."""
        return self._known("forget")  # type: ignore[no-any-return]

    @property
    def forget_identity(self) -> Known:
        """Those of them about people all of whose associations had to go. For `knows="all"`."""
        return self._known("forget_identity")  # type: ignore[no-any-return]

    @property
    def strangers(self) -> Mapping[str, tuple[Person, ...]]:
        """Gender → invented people who are in no dataset; `any` has all of them. For `needs=("strangers",)`."""
        return self._needed("strangers")  # type: ignore[no-any-return]

    @property
    def templates(self) -> Mapping[str, tuple[str, ...]]:
        """Field → sentences with `{name}` and `{value}`, which training captions use. For `needs=("templates",)`."""
        return self._needed("templates")  # type: ignore[no-any-return]

    @property
    def values(self) -> Mapping[str, tuple[str, ...]]:
        """Field → the values that occur, nobody's in particular. For `needs=("values",)`."""
        return self._needed("values")  # type: ignore[no-any-return]

    @property
    def genders(self) -> Mapping[str, str]:
        """Identity → apparent gender of the face, where known. For `needs=("genders",)`."""
        return self._needed("genders")  # type: ignore[no-any-return]

    def _known(self, name: str) -> Any:
        if name not in self._sets:
            raise PermissionError(
                f"Expected an attack that reads data.{name} to say knows={_SETS[name][0]!r}, got "
                f"knows={self._attack.knows!r} in {self._attack.name!r}."
            )
        return self._make(name, self._sets[name])

    def _needed(self, name: str) -> Any:
        if name not in self._material:
            raise PermissionError(
                f"Expected an attack that reads data.{name} to list {name!r} in needs, got {self._attack.needs} in "
                f"{self._attack.name!r}."
            )
        return self._make(name, self._material[name])

    def _make(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]


Vectors = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Variant:
    """One way to ask a model, or a model after an attack; the harness reads it on pairs that the attack never sees.

    What is left out is as in the model attacked. A variant is read when it is yielded: the same weights may then be
    trained on.

    Attributes:
        label: its name, e.g. `"lr 1e-4, 20 steps"`; the labels of an attack differ and are the same for every model.
        model: other weights.
        picture_map: unit picture vectors (n, d) → (n, k), for maps that an attacker has fitted.
        text_map: the same for texts, (n, e) → (n, k).
        text_block: texts are the features behind this block of the text tower (1 is the first) and not the final ones.
        calibrated: each text's similarity is taken in standard deviations from its mean over the portraits of
            `retain_synth`.
        also_calibrated: read it a second time, calibrated; that variant's label ends in `, calibrated`.
        wordings: a pair → sentences that tell its fact; the most similar one counts, for the true fact and all others.
        against: a pair → kind → other sentences, with which its caption is compared; `pick` is among those of the last
            kind.
        scores: file name → part → number, where the attack itself is the measurement (`knows="all"`).
    """

    label: str
    model: Model | None = None
    picture_map: Callable[[Vectors], Vectors] | None = None
    text_map: Callable[[Vectors], Vectors] | None = None
    text_block: int | None = None
    calibrated: bool = False
    also_calibrated: bool = False
    wordings: Callable[[Pair], Sequence[str]] | None = None
    against: Callable[[Pair], Mapping[str, Sequence[str]]] | None = None
    scores: Mapping[str, Mapping[str, float]] | None = None
