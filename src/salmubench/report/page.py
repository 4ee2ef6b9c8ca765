"""Write the report: one self-contained HTML page that needs no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from salmubench.core import manifest, places, writing
from salmubench.core.errors import ConfigError, OutputError
from salmubench.report import (
    cells,
    damage,
    groups,
    look_inside,
    rendering,
    sections,
    seeds,
    sentences,
    tables,
    wording,
)
from salmubench.report.collect import Metrics, Run, read_run
from salmubench.report.config import ReportConfig
from salmubench.report.main_views import main_views
from salmubench.report.recovery import heat
from salmubench.scoring.references import is_judged_reference
from salmubench.scoring.verdict import THRESHOLDS

PAGE = "index.html"


def report(
    runs: Sequence[Path],
    *,
    out: Path,
    config: ReportConfig,
    metrics: Metrics,
    titles: Mapping[str, str] | None = None,
) -> Path:
    """Write `out/index.html` and return its path. Same inputs, same bytes.

    Args:
        runs: run folders, or folders of records.
        out: the folder of the page; made if missing.
        metrics: name → description; they win over what a record says about a metric of the same name.
        titles: method → its title; any other method is called by the stem of its file.

    Raises:
        ConfigError: no run given.
        RecordError: a folder without records, or a broken record.
        OutputError: the page would be larger than `config.max_megabytes`.
    """
    if not runs:
        raise ConfigError("Expected at least one run folder to report on, got none.")
    manifest.check_ours(out, page=PAGE)
    read = [seeds.pooled(read_run(folder, metrics)) for folder in runs]
    page = rendering.page(
        "page.html.j2",
        config=config,
        runs=[_section(run, index, config, titles or {}) for index, run in enumerate(read, start=1)],
        groups=[metric.panel for metric in sections.shown_metrics(read[0].metrics)],
        marker=rendering.marker,
        threshold=wording.threshold,
        rules=wording.rules,
    )
    size = len(page.encode()) / 1e6
    if size > config.max_megabytes:
        raise OutputError(
            f"Expected a page of at most {config.max_megabytes:g} MB, got {size:.1f} MB. Report fewer runs, or lower "
            "report.questions or report.portrait_size."
        )
    path = out / PAGE
    with manifest.page_folder(out, page=PAGE):
        writing.write_text(path, page)
    return path


def _section(run: Run, index: int, config: ReportConfig, titles: Mapping[str, str]) -> dict[str, Any]:
    """Everything that `page.html.j2` shows of one run."""
    key, titles = f"run{index}", {**titles, **run.info.titles}
    records, names = run.records, wording.display_names(run.records, titles)
    thresholds = next((record.protocol.thresholds for record in records if record.protocol is not None), THRESHOLDS)
    shown = damage.damage(records, names, thresholds, run.repeats)
    budgets = {record.model.budget for record in records if record.model.budget is not None}
    numbers = [
        cells.number_table(records, names, goal=goal, key=key, repeats=run.repeats, beside=beside)
        for beside in (False, True)
        for goal in ("clean", "compromised")
    ]
    return {
        "key": key,
        "title": places.real(run.folder).name,
        "thresholds": thresholds,
        "headline": sentences.headline(records, names),
        "tally": sentences.tally(records),
        "references": sections.references(records),
        "verdicts": sections.verdicts(records, names, thresholds, seeds.moved(run)),
        "plots": damage.plots(shown),
        "damage": shown,
        "tables": [
            cells.mode_table(records, names, key=key, thresholds=thresholds),
            cells.view_table(records, names, key=key, thresholds=thresholds, repeats=run.repeats),
            *numbers[:2],
            *(table for table in numbers[2:] if table.heads),
            cells.cost_table(records, names, key=key),
        ],
        "each_seed": cells.seed_tables(run.repeats, names, key=key, thresholds=thresholds) if run.repeats else [],
        "seeds": seeds.seeds_of(run),
        "budgets": [f"{budget:g}×" for budget in sorted(budgets)],
        "failed": any(record.status != "complete" for record in records),
        "has_retrained": any(is_judged_reference(record) for record in records),
        "settings": sections.settings(records, names),
        "recovery": heat.shown(run, names, key=key),
        "breakdowns": groups.breakdowns(run, names, key=key),
        "distributions": sections.distributions(run, names),
        "look": look_inside.look_inside(run, names, config),
        "pretraining": sections.pretraining_curves(run, config),
        "curves": sections.method_curves(run, names, config),
        "provenance": sections.provenance(run, names),
        "downloads": tables.downloads(records, titles),
        "columns": wording.columns(records),
        "views": main_views(records),
    }
