"""Candidates taken out of a run: their folders, records, lines of the table, and rows of the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from salmubench.core import manifest, reading, writing
from salmubench.core.errors import ConfigError, OutputError, UnknownName
from salmubench.report.config import ReportConfig
from salmubench.scoring.attacks.table import SUFFIX
from salmubench.scoring.record_files import items_path, read_record
from salmubench.scoring.references import KINDS
from salmubench.scoring.stages import RUN, read_run_file
from salmubench.workflow.recipe import parse


def drop(run: str | Path, names: Sequence[str]) -> Path:
    """Delete candidates of a run, and make its page again.

    Args:
        run: folder of a run, or of a quick look in it.
        names: of candidates, `<method>-<budget>x`.

    Returns:
        The page.

    Raises:
        OutputError: no run there, or one that is going on.
        UnknownName: no such candidate in it; nothing is deleted.
        ConfigError: a reference.
    """
    run = Path(run)
    there = read_run_file(run)
    if not there.status:
        raise OutputError(f"Expected the folder of a run, with {RUN}, got none in {run}.")
    candidates = [name for name in there.models if name not in KINDS]
    for name in names:
        if name in KINDS:
            raise ConfigError(f"Expected candidates to drop, got {name!r}, a reference that all others are judged by.")
        if name not in candidates:
            raise UnknownName("candidate", name, candidates)
    with manifest.folder_lock(run):
        for name in dict.fromkeys(names):
            _delete(run, name)
        gone = {f"{step} {name}" for name in names for step in ("unlearn", "encode", "score")}
        left = [name for name in there.models if name not in names]
        records = [path for name in left if (path := run / "records" / f"{name}.json").is_file()]
        failed = any(read_record(path).status == "failed" for path in records)
        content = reading.read_json(run / RUN, error=OutputError, what="the description of a run", mapping=True)
        content["models"], content["status"] = left, "failed" if failed else "complete"
        content["stages"] = [stage for stage in content["stages"] if stage["name"] not in gone]
        writing.write_json(run / RUN, content)
    from salmubench.metrics import descriptions
    from salmubench.report.page import report
    from salmubench.unlearn.registry import method_titles

    settings = (content.get("recipe_given") or {}).get("report") or {}
    config = parse(settings, ReportConfig, origin=str(run / RUN))
    return report([run], out=run / "report", config=config, metrics=descriptions(), titles=method_titles())


def _delete(run: Path, name: str) -> None:
    """What is derived from another goes first."""
    record = run / "records" / f"{name}.json"
    sha256 = read_record(record).model.sha256 if record.is_file() else None
    for path in (record, items_path(record), record.with_name(record.stem + SUFFIX)):
        path.unlink(missing_ok=True)
    folders = [run / kind / name for kind in ("embeddings", "checkpoints")]
    for folder in [*([run / "attacks" / sha256[:16]] if sha256 else []), *folders]:
        writing.delete_folder(folder)
