"""A submission to the leaderboard: what is in the folder, and how a run's record is packed into one."""

from __future__ import annotations

import hashlib
import math
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from salmubench.clip import embeddings
from salmubench.core import manifest, places, provenance, reading, writing
from salmubench.core.errors import ConfigError, OutputError, RecordError
from salmubench.leaderboard import intake
from salmubench.leaderboard.intake import LIMITS
from salmubench.leaderboard.method_code import METHOD, code_problem, is_built_in
from salmubench.scoring.attacks.table import SUFFIX
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import GALLERY, gallery_path, items_path, read_record
from salmubench.scoring.references import ENDS, OPTIONAL, is_pretrained
from salmubench.scoring.stages import read_checkpoint

SCHEMA_VERSION = 1
"""Version of `submission.json`."""

INFO = "submission.json"
ATTACKS = "record" + SUFFIX
"""Rows of the attacks on the model, where its record speaks of any."""
RECORDS: Mapping[str, str] = {name: f"{name}.json" for name in ("record", *ENDS)}
"""Role → file of the record; its items are beside it."""
MORE: Mapping[str, str] = {kind: f"{kind}.json" for kind in OPTIONAL}
"""The same of references that a run may lack, where the model was judged against them."""
FILES: Mapping[str, str] = {**RECORDS, **MORE}

# Embeddings that may go with a submission, from which its numbers follow without a model: index, texts and facts of the
# dataset are the same for all models and are there once; each model has two arrays and the manifest of its encoding.
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

Track = Literal["closed", "generator"]
TRACKS: tuple[Track, ...] = get_args(Track)
"""What the method was allowed to see: docs/protocol.md, Tracks."""

MAX_BUDGET = 5.0
"""Largest budget that is compared: that of the paper's main table."""

NAME = re.compile(r"[A-Za-z0-9._-]{1,80}")
_BUDGET = re.compile(r"(.+?)(?:-r\d+)?-(\d+(?:\.\d+)?(?:e[+-]?\d+)?)x")
_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_LINK = re.compile(r"(?=.{,300}$)https://[A-Za-z0-9.-]+(?::\d{1,5})?(?:/[A-Za-z0-9._~/%?#&=+,;:@!$*-]*)?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d\+00:00")


# Bounds that no honest file meets; what each field must look like, `problems_of` says in findings.
_Text = Annotated[str, Field(max_length=4_096)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Info:
    """Content of `submission.json`: types are checked whenever one is made.

    Attributes:
        model: name of the model, `<method>-<budget>x`.
        hub_id: `org/name` of the public checkpoint; null where it isn't public.
        link: https address of code or paper; null without.
        submitted: UTC, ISO 8601.
        files: file → SHA-256 of its bytes, for every other file of the folder.
    """

    schema_version: Annotated[int, Field(strict=True)]
    model: _Text
    checkpoint_sha256: _Text
    track: Track
    hub_id: _Text | None
    link: _Text | None
    author: _Text | None
    submitted: _Text
    version: _Text
    files: Annotated[Mapping[_Text, _Text], Field(max_length=100)]


def read_info(path: Path) -> Info:
    """Read a `submission.json`.

    Raises:
        RecordError: too large, not JSON, or other fields.
    """
    return reading.validated(Info, intake.read_json(path), where=path.name, error=RecordError)


def _with_items(records: Mapping[str, str]) -> tuple[str, ...]:
    return (*records.values(), *(items_path(Path(name)).name for name in records.values()))


REQUIRED = (*_with_items(RECORDS), GALLERY)
"""The files every submission holds, besides `submission.json`."""
THIRD = _with_items(MORE)
"""The files of the third reference: both or none."""


def files_of(roles: Iterable[str]) -> dict[str, tuple[str, str]]:
    """File of a submission → role (`record` or a reference), file of that model's folder of embeddings."""
    listed = list(roles)
    files = {f"{role}.{name}": (role, file) for role in listed for name, file in _OWN.items()}
    return {name: (listed[0], file) for name, file in SHARED.items()} | files


def _sources_of(run: Path, records: Mapping[str, Path]) -> dict[str, Path]:
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


def split_name(name: str) -> tuple[str, float] | None:
    """Method and budget of `<method>-<budget>x` or, of a further seed, `<method>-r<n>-<budget>x`; else `None`.

    Examples:
        >>> split_name("my_method-r2-5x")
        ('my_method', 5.0)
        >>> split_name("compromised")
    """
    parts = _BUDGET.fullmatch(name) if NAME.fullmatch(name) else None
    return None if parts is None or not math.isfinite(float(parts[2])) else (parts[1], float(parts[2]))


def method_of(record: RunRecord) -> str:
    """The method's name: as the record says, else what stands before the budget in the model's name."""
    parts = split_name(record.model.name)
    return record.model.method or (parts[0] if parts else record.model.name)


def stated_track(record: RunRecord) -> str | None:
    """The track that the method's options name, where they name one."""
    config = record.model.config
    options = config.get("method") if isinstance(config, Mapping) else None
    track = options.get("track") if isinstance(options, Mapping) else None
    return track if track in TRACKS else None


def problems_of(info: Info, *, own_method: bool) -> list[str]:
    """What is wrong with the fields of `submission.json`, one sentence each.

    Args:
        own_method: whether the method is neither one of the package's nor in the folder as `method.py`.
    """
    checks = (
        (info.schema_version == SCHEMA_VERSION, f"schema_version {SCHEMA_VERSION}", info.schema_version),
        (split_name(info.model) is not None, "a model called <method>-<budget>x in A–Z a–z 0–9 . _ -", info.model),
        (_SHA256.fullmatch(info.checkpoint_sha256), "a SHA-256 as checkpoint_sha256", info.checkpoint_sha256),
        (info.hub_id is None or _HUB_ID.fullmatch(info.hub_id), "a hub_id org/name", info.hub_id),
        (info.link is None or _LINK.fullmatch(info.link), "a link starting https://", info.link),
        (info.author is None or 0 < len(info.author) <= 120, "an author of 1 to 120 letters", info.author),
        (_TIME.fullmatch(info.submitted), "submitted as a UTC time like 2026-01-31T12:00:00+00:00", info.submitted),
        (len(info.version) <= 40, "a version of at most 40 letters", info.version),
    )
    problems = [f"Expected {expected}, got {str(given)[:100]!r}." for good, expected, given in checks if not good]
    if own_method and info.link is None:
        problems.append(
            f"Expected {METHOD} or a link to the code of a method that isn't the package's own, got neither."
        )
    return problems


def submit(
    run: Path,
    *,
    model: str,
    out: Path,
    track: Track = "closed",
    hub_id: str | None = None,
    link: str | None = None,
    author: str | None = None,
    method_file: Path | None = None,
    with_embeddings: bool = False,
) -> Path:
    """Pack one model of a run into a submission; the same run, model and options give the same files but for the time.

    Args:
        run: a run folder, or a folder of records.
        model: name of the model, `<method>-<budget>x`.
        out: folder of the submission; new or empty.
        link: https address of code or paper.
        method_file: the method's own Python file: the one whose hash the record states.
        with_embeddings: pack the embeddings of the model and its references too, so that anyone can score them again.

    Returns:
        The folder.

    Raises:
        RecordError: no such record, a failed one, or no record of a reference beside it.
        ConfigError: a name or option that a submission can't have.
        OutputError: the folder isn't empty.
    """
    record, records = _records_of(run, model)
    if record.status != "complete":
        raise RecordError(f"Expected a complete record of {model}, got status {record.status!r}.")
    if record.dataset.limit is not None:
        raise RecordError(
            f"Expected a record of the whole dataset, got a quick look at no more than {record.dataset.limit} rows of "
            f"each split in {records['record']}. Run or evaluate without --limit."
        )
    if stated_track(record) == "generator" and track == "closed":
        raise ConfigError(f"Expected --track generator, in which {model} ran, got closed.")
    if record.model.weights is None:
        raise RecordError(f"Expected the hash of {model}'s weights in {records['record']}, got none.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"Expected a new or empty folder at {out}, got files. Choose another folder.")
    sources = {FILES[role]: path for role, path in records.items()}
    sources |= {items_path(Path(FILES[role])).name: items_path(path) for role, path in records.items()}
    sources[GALLERY] = gallery_path(records["record"])
    if record.attacks is not None:
        sources[ATTACKS] = records["record"].with_name(records["record"].stem + SUFFIX)
        if not sources[ATTACKS].is_file():
            raise RecordError(
                f"Expected the rows of the attacks that {records['record']} speaks of in {sources[ATTACKS]}, got none. "
                "Attack again."
            )
    if with_embeddings:
        sources |= _sources_of(run, records)
    for path in sources.values():
        _check_within(run, path)
    _check_code(run, record, method_file)
    if method_file is not None:
        sources[METHOD] = method_file
    for name, path in sources.items():
        intake.check_size(path, intake.most_bytes(name))
    content = {name: _without_breakdowns(path) for name, path in sources.items() if name in FILES.values()}
    changed = {name: data for name, data in content.items() if data is not None}
    hashes = {name: manifest.sha256_file(path) for name, path in sorted(sources.items())}
    info = Info(
        schema_version=SCHEMA_VERSION, model=model, checkpoint_sha256=record.model.weights, track=track, hub_id=hub_id,
        link=link, author=author, submitted=provenance.utc_now(), version=provenance.version(),
        files=hashes | {name: hashlib.sha256(data).hexdigest() for name, data in changed.items()},
    )  # fmt: skip
    problems = problems_of(info, own_method=not is_built_in(method_of(record)) and method_file is None)
    if problems:
        raise ConfigError(" ".join(problems))
    for name, path in sources.items():
        with writing.atomic_path(out / name) as temporary:
            temporary.write_bytes(changed[name]) if name in changed else shutil.copyfile(path, temporary)
    writing.write_json(out / INFO, info)
    return out


def _check_within(run: Path, path: Path) -> None:
    """What a run doesn't hold itself isn't packed: no link leads out of its folder."""
    if places.real(path) != places.real(run) / path.relative_to(run):
        raise RecordError(f"Expected {path} to be a file of the run itself, got a link. Copy what it leads to.")


def _check_code(run: Path, record: RunRecord, file: Path | None) -> None:
    """A name is that of the code that made the model, and a submission shows that code and no other file."""
    stated = record.model.method_sha256
    if file is not None:
        intake.check_size(file, LIMITS.code_bytes)
    path = run / "checkpoints" / record.model.name / manifest.MANIFEST
    if stated is None and path.is_file():
        _check_within(run, path)
        checkpoint = read_checkpoint(path.parent, "unlearn", error=RecordError)
        if checkpoint.outputs.sha256 == record.model.sha256:
            stated = checkpoint.inputs.get("method_sha256")
        elif file is not None:
            raise ConfigError(f"Expected {record.model.name}'s weights in {path.parent}, got others. Score them again.")
    if stated is None and file is not None:
        raise ConfigError(f"Expected {path} with the hash of the method's file, got none. Give a link to code instead.")
    problem = code_problem(record, method_of(record), file, stated=None if stated is None else str(stated))
    if problem is not None:
        raise ConfigError(f"{problem} Give that file, rename the method and run it again, or link to its code.")


def _without_breakdowns(path: Path) -> bytes | None:
    """A record without its breakdowns, which can't be computed from the items; `None` where it has none."""
    content = intake.read_json(path)
    parts = [part for part in (content, content.get("attacks")) if isinstance(part, dict) and part.get("breakdowns")]
    if not parts:
        return None
    for part in parts:
        part["breakdowns"] = {}
    return writing.json_text(content, where=path.name).encode()


def _records_of(run: Path, model: str) -> tuple[RunRecord, dict[str, Path]]:
    """The model's record, and the paths of it and of its references' by role."""
    place = run / "records" if (run / "records").is_dir() else run
    if not NAME.fullmatch(model):
        raise ConfigError(f"Expected a model's name of the form <method>-<budget>x, got {model!r}.")
    paths: dict[str, Path] = {"record": place / f"{model}.json", **{role: place / f"{role}.json" for role in ENDS}}
    if not paths["record"].is_file():
        candidates = sorted(path.stem for path in place.glob("*-*x.json"))
        raise RecordError(
            f"Expected a record of {model} in {place}, got {', '.join(candidates) or 'none'}. Give one of them as "
            "--model."
        )
    record = read_record(paths["record"])
    paths |= {role: place / name for role, name in MORE.items() if role in record.references}
    if is_pretrained(record):
        raise ConfigError(f"Expected a model that has unlearned, got the reference {model}.")
    return record, paths
