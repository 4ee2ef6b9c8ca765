"""A picture fits what it shall show, judged by a CLIP model of the user's, as in the paper's curation.

The text is put together from what the backend says is visible. A picture is drawn again where the cosine of picture and
text lies below a limit, which depends on the model: about 0.2 for OpenAI's ViT-B/32.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from salmubench.core.errors import ConfigError
from salmubench.generator.backends import Backend
from salmubench.generator.checks._models import clip_similarities, decoded, fingerprint

BACKEND = Backend("A picture fits what it shall show, judged by a CLIP model of yours.")


@dataclass(frozen=True)
class Config:
    """Options."""

    model: str = ""
    """Folder or Hub id of a CLIP model in the format of transformers, as safetensors."""
    least: float = 0.2
    """Least cosine of picture and text."""
    batch: int = 16
    """Pictures that are judged at once."""
    device: str = "cpu"
    """Where the model runs."""

    def __post_init__(self) -> None:
        if not self.model:
            raise ConfigError("Expected a model in dataset.curation.checks.clip.model, got none.")
        if not -1 <= self.least <= 1 or self.batch < 1:
            raise ConfigError(
                "Expected least from -1 to 1 and batch of at least 1 in dataset.curation.checks.clip, got "
                f"{self.least} and {self.batch}."
            )


class Checker:
    """The check with its model.

    Raises:
        ConfigError: transformers is missing, or the model can't be loaded.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._similarities = clip_similarities(config.model, device=config.device)

    def fingerprint(self) -> str:
        """SHA-256 over the model's weights."""
        return fingerprint(self._config.model)

    def see(self, images: Sequence[bytes], facts: Sequence[Mapping[str, str]]) -> list[float]:
        """Cosine of each picture and its text."""
        cosines: list[float] = []
        for start in range(0, len(images), self._config.batch):
            part = slice(start, start + self._config.batch)
            pictures = decoded(images[part])
            cosines += self._similarities(pictures, [expected_text(traits) for traits in facts[part]])
        return cosines

    def faults(self, seen: Sequence[float], groups: Sequence[Hashable]) -> dict[int, tuple[str, str]]:
        """Pictures that don't fit their text."""
        del groups
        return {
            index: ("text", f"cosine {cosine:.3f}, at least {self._config.least:g}")
            for index, cosine in enumerate(seen)
            if cosine < self._config.least
        }


connect = Checker


def expected_text(facts: Mapping[str, str]) -> str:
    """What a picture shall show, as a text: `a photo of a young woman, long red hair, by the sea`."""
    head = " ".join(word for word in (facts.get("age"), facts.get("gender", "person")) if word)
    return ", ".join([f"a photo of a {head}", *(text for key, text in facts.items() if key not in ("age", "gender"))])
