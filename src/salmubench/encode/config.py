"""Options of the stage `encode`."""

from __future__ import annotations

from dataclasses import dataclass

from salmubench.core.errors import ConfigError
from salmubench.core.types import OFFICIAL_SPLITS, Split


@dataclass(frozen=True)
class EncodeConfig:
    """How a dataset is encoded; none of it moves an embedding by more than 1e-5."""

    splits: tuple[str, ...] = (
        *(str(split) for split in OFFICIAL_SPLITS),
        str(Split.GENERAL_KNOWLEDGE),
        str(Split.PORTRAITS_UNSEEN),
    )
    """Splits to encode; one that the dataset lacks is skipped. `retain_real` is for pretraining and never needed."""
    batch_size: int = 256
    """Pictures a forward pass."""
    text_batch_size: int = 256
    """Texts a forward pass."""
    workers: int = 0
    """Threads that decode pictures beside the forward passes; 0: as many as cores, at most 16."""
    trim_texts: bool = True
    """Leave out the padding behind the end token and compute equal beginnings of texts once, where the text tower is
    causal, so that neither can matter."""

    def __post_init__(self) -> None:
        """Check the fields."""
        unknown = [name for name in self.splits if name not in set(Split)]
        if unknown or not self.splits:
            raise ConfigError(f"Expected names of {', '.join(Split)} in encode.splits, got {unknown or 'none'}.")
        for name in ("batch_size", "text_batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"Expected encode.{name} of at least 1, got {getattr(self, name)}.")
        if self.workers < 0:
            raise ConfigError(f"Expected encode.workers of 0 (automatic) or more, got {self.workers}.")
