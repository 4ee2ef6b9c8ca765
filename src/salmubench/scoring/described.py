"""What an embeddings folder or a record says about its model."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from salmubench.clip import embeddings
from salmubench.clip.embeddings import Embeddings
from salmubench.core import manifest, reading
from salmubench.core.errors import EmbeddingsError, RecordError
from salmubench.scoring.origin import Model
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import read_record
from salmubench.scoring.stages import Encoded, EncodedModel


def described_model(opened: Embeddings) -> Encoded:
    """What embeddings say about their model and how they were made."""
    where = str(opened.folder / manifest.MANIFEST)
    return reading.validated(
        Encoded, opened.manifest.get("outputs"), where=where, error=EmbeddingsError, advice="Encode the model again."
    )


def model_of(described: EncodedModel) -> Model:
    """The model as a record names it."""
    return Model(**{item.name: getattr(described, item.name) for item in fields(Model)})


class Side:
    """The model or a reference: what its embeddings folder, or the reference's record, says about it."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path
        self.record: RunRecord | None = None
        if path.is_dir():
            opened = embeddings.open_embeddings(path)
            self.facts, self.described = opened.dataset, described_model(opened)
            self.fingerprint: str = self.facts.fingerprint
            self.imagenet: str | None = self.facts.imagenet
            self.precision: str | None = self.described.encoding.precision
            self.sha256: str | None = self.described.model.sha256
            self.kind: str | None = self.described.model.kind
        else:
            self.record = record = read_record(path)
            if record.status != "complete":
                raise RecordError(f"Expected a complete record of {name} at {path}, got status {record.status!r}.")
            self.fingerprint, self.imagenet = record.dataset.fingerprint, record.dataset.imagenet
            self.sha256, self.kind = record.model.sha256, record.model.kind
            self.precision = None if record.encoding is None else record.encoding.precision

    def check_dataset(self, model: Side) -> None:
        """Refuse a reference of another dataset."""
        if self.fingerprint != model.fingerprint:
            raise EmbeddingsError(
                f"Expected the model and {self.name} on one dataset, got fingerprint {model.fingerprint} in "
                f"{model.path} and {self.fingerprint} in {self.path}. Encode both on the same dataset."
            )
        if self.imagenet != model.imagenet:
            raise EmbeddingsError(
                f"Expected the model and {self.name} on the same pictures of general knowledge, got ImageNet "
                f"{model.imagenet} in {model.path} and {self.imagenet} in {self.path}. Give --imagenet to both or none."
            )
