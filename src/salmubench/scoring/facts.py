"""What an embeddings folder knows about its rows and people: enough to break numbers down without the dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow.compute as pc

from salmubench.embeddings import Embeddings
from salmubench.errors import EmbeddingsError
from salmubench.types import Pair

_COLUMNS = ("file_name", "caption", "identity_id", "name", "field", "value", "paraphrase", "style")


class IndexedFacts:
    """Rows and people from `index.parquet` and `dataset.json`, in the form that groups are made from.

    Args:
        opened: the embeddings.

    Raises:
        EmbeddingsError: a folder that tells nothing about people.
    """

    def __init__(self, opened: Embeddings) -> None:
        self._opened = opened
        if opened.dataset.people is None:
            raise EmbeddingsError(f"Expected countries of people in {opened.folder}, got none. Encode the model again.")
        self._people = opened.dataset.people

    def rows(self, split: str) -> Sequence[Pair]:
        """Rows of a split."""
        table = self._opened.index
        table = table.filter(pc.equal(table.column("split"), str(split)))
        return [Pair(*row) for row in zip(*(table.column(name).to_pylist() for name in _COLUMNS), strict=True)]

    @property
    def identities(self) -> Mapping[str, Mapping[str, str]]:
        """Identity id → what is known of it."""
        return self._people

    @property
    def genders(self) -> Mapping[str, str]:
        """Identity id → apparent gender."""
        return {identity: person["gender"] for identity, person in self._people.items() if "gender" in person}

    def forget_identity_ids(self) -> frozenset[str]:
        """Identities all of whose associations must go."""
        return self._opened.dataset.forget_identity
