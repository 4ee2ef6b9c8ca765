"""The tables of runs and records in one form: for a paper, a page, a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from salmubench.core import places
from salmubench.core.errors import RecordError
from salmubench.report.collect import Metrics, read_run
from salmubench.report.contest_tables import contest_table
from salmubench.report.latex import latex_report
from salmubench.report.main_numbers import between_references
from salmubench.report.seeds import pooled
from salmubench.report.tables import csv_table, json_table, markdown_table
from salmubench.scoring.contest_record import read_contest
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import read_record
from salmubench.scoring.roles import with_descriptions

Form = Literal["markdown", "latex", "csv", "json"]


CONTEST = "contest.json"


def table(runs: Sequence[Path], *, form: Form, metrics: Metrics, titles: Mapping[str, str] | None = None) -> str:
    """Records as a table: the main numbers with intervals and verdicts; CSV and JSON hold every number.

    Markdown and LaTeX have a table for each run, and one for all single records that share dataset and references. A
    contest is a table of its own: what it decided, and the views behind that.

    Args:
        runs: run folders, folders of records, or records; or one contest, by its folder or its `contest.json`.
        form: of the table.
        metrics: name → description.
        titles: method → its title.

    Raises:
        RecordError: no records, or one that can't be read; or a contest beside others.
    """
    contests = [path for path in runs if path.name == CONTEST or (path / CONTEST).is_file()]
    if contests:
        if len(runs) > 1:
            raise RecordError(
                f"Expected a contest alone, since its numbers are of several worlds, got {contests[0]} beside "
                f"{len(runs) - 1} more. Make a table of each."
            )
        path = contests[0]
        return contest_table(read_contest(path if path.name == CONTEST else path / CONTEST), form=form)
    groups, titles = [], dict(titles or {})
    loose: dict[tuple[str, ...], list[RunRecord]] = {}
    for path in runs:
        if path.is_file() or path.suffix == ".json":
            record = with_descriptions(read_record(path), metrics)
            loose.setdefault((record.dataset.fingerprint, *map(str, record.references.values())), []).append(record)
        else:
            run = pooled(read_run(path, metrics))
            titles |= {method: title for method, title in run.titles.items() if method not in titles}
            groups.append((places.real(path).name, list(run.records)))
    if form in ("csv", "json"):
        every = [record for records in (*(part for _, part in groups), *loose.values()) for record in records]
        return csv_table(every) if form == "csv" else json_table(every)
    groups += [(part[0].model.name, [*between_references(part[0]), *part[1:]]) for part in loose.values()]
    if form == "latex":
        several = len(groups) > 1
        return "\n".join(latex_report(records, titles, name=name if several else "") for name, records in groups)
    texts = [markdown_table(records, titles, intervals=True) for _, records in groups]
    if len(groups) > 1:
        texts = [f"**{name}**\n\n{text}" for (name, _), text in zip(groups, texts, strict=True)]
    return "\n".join(texts)
