"""Embeddings that go with a submission: its numbers follow from them without a model.

Index, texts and facts of the dataset are the same for all models and are there once; each model has two arrays and the
manifest of its encoding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from salmubench.clip import embeddings
from salmubench.core import manifest
from salmubench.core.errors import RecordError
from salmubench.leaderboard import intake
from salmubench.scoring.record_files import read_record

SHARED: Mapping[str, str] = {
    "embeddings.index.parquet": embeddings.INDEX,
    "embeddings.texts.parquet": embeddings.TEXT_TABLE,
    intake.FACTS: embeddings.DATASET,
}
"""File of a submission → that of a folder of embeddings."""
_OWN: Mapping[str, str] = {
    "images.npy": embeddings.IMAGES,
    "texts.npy": embeddings.TEXTS,
    "encoding.json": manifest.MANIFEST,
}


def files_of(roles: Iterable[str]) -> dict[str, tuple[str, str]]:
    """File of a submission → role (`record` or a reference), file of that model's folder of embeddings."""
    listed = list(roles)
    files = {f"{role}.{name}": (role, file) for role in listed for name, file in _OWN.items()}
    return {name: (listed[0], file) for name, file in SHARED.items()} | files


def sources_of(run: Path, records: Mapping[str, Path]) -> dict[str, Path]:
    """Where the files are that go with a submission, beside the records by role.

    Raises:
        RecordError: no embeddings, others than were scored, or encoded with other texts than the model's.
    """
    folders = {role: run / "embeddings" / path.stem for role, path in records.items()}
    for role, folder in folders.items():
        described, scored = folder / manifest.MANIFEST, read_record(records[role]).inputs.get("embeddings")
        if not described.is_file() or manifest.sha256_file(described) != scored:
            raise RecordError(
                f"Expected the embeddings that {records[role].name} was scored from in {folder}, got none or others. "
                "Submit a folder that `salmubench run` made, or leave --with-embeddings out."
            )
        for file in SHARED.values():
            if manifest.sha256_file(folder / file) != manifest.sha256_file(folders["record"] / file):
                raise RecordError(
                    f"Expected {file} of {folder} as {folders['record']} has it, got another one. Encode both models "
                    "again, with the same texts."
                )
    return {name: folders[role] / file for name, (role, file) in files_of(folders).items()}
