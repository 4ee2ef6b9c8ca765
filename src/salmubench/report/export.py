"""The tables of runs and records in one form: for a paper, a page, a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from salmubench.core import places
from salmubench.report.collect import Metrics, read_run
from salmubench.report.latex import latex_report
from salmubench.report.main_numbers import between_references
from salmubench.report.seeds import pooled
from salmubench.report.tables import csv_table, json_table, markdown_table
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import read_record
from salmubench.scoring.roles import with_descriptions

Form = Literal["markdown", "latex", "csv", "json"]


def table(runs: Sequence[Path], *, form: Form, metrics: Metrics, titles: Mapping[str, str] | None = None) -> str:
    """Records as a table: the main numbers with intervals and verdicts; CSV and JSON hold every number.

    Markdown and LaTeX have a table for each run, and one for all single records that share dataset and references.

    Args:
        runs: run folders, folders of records, or records.
        form: of the table.
        metrics: name → description.
        titles: method → its title.

    Raises:
        RecordError: no records, or one that can't be read.
    """
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
