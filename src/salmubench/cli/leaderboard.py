"""`salmubench leaderboard`: pack a submission, check one, build the site."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from salmubench.cli.arguments import goes_with
from salmubench.cli.output import complain, print_json, say


def submit_(
    run: Path,
    *,
    model: str,
    out: Path,
    track: Literal["closed", "generator"] = "closed",
    hub_id: str | None = None,
    link: str | None = None,
    author: str | None = None,
    method_file: Path | None = None,
    with_embeddings: bool = False,
) -> int:
    """Pack one model of a run into a submission, and check it.

    Args:
        run: folder of `salmubench run`, or a folder of records.
        model: the model, called <method>-<budget>x.
        out: folder of the submission; new or empty.
        track: `closed` saw forget and retain pairs and what is known of them only; `generator` may use its grammar too.
        hub_id: org/name of the public checkpoint.
        link: https address of code or paper.
        author: who submits.
        method_file: Python file of a method of your own, the one that the model was made with.
        with_embeddings: pack the embeddings of the model and its references too; `check` scores them again.
    """
    from salmubench.leaderboard.check import check
    from salmubench.leaderboard.submission import submit
    from salmubench.metrics import descriptions

    folder = submit(
        run, model=model, out=out, track=track, hub_id=hub_id, link=link, author=author, method_file=method_file,
        with_embeddings=with_embeddings,
    )  # fmt: skip
    say(folder)
    return _tell(check(folder, metrics=descriptions()).findings)


def check_(
    submission: Path,
    *,
    dataset: str | None = None,
    rerun: str | None = None,
    arch: str | None = None,
    imagenet: Path | None = None,
    tolerance: float | None = None,
    results: Path | None = None,
    receipt: Path | None = None,
    max_budget: float = 5.0,
    json: bool = False,
) -> int:
    """Compute every number of a submission again from its items; exit 1 on any finding.

    Args:
        submission: its folder.
        dataset: the board's dataset, a folder or Hub id: its fingerprint and counts are compared, too.
        rerun: the checkpoint: encode and score it again (needs --dataset) and compare.
        arch: open_clip architecture of a bare weights file given to --rerun.
        imagenet: folder with ImageNet's val/<synset>/… for --rerun, where general knowledge was measured on it.
        tolerance: by which a similarity may differ after --rerun, 0.02 by default; precision and processor move
            embeddings.
        results: folder of the submissions so far, or one with them in `submissions`: finds duplicates.
        receipt: write the answer there as JSON.
        max_budget: largest budget that is compared.
        json: print the answer as JSON, with its findings.
    """
    if rerun is None:
        goes_with("--rerun", {"--arch": arch, "--imagenet": imagenet, "--tolerance": tolerance})
    import dataclasses

    from salmubench.core import places, provenance, writing
    from salmubench.core.errors import ConfigError
    from salmubench.dataset import layout
    from salmubench.leaderboard.build import entry_of, unshowable
    from salmubench.leaderboard.check import check
    from salmubench.leaderboard.peers import duplicates_in
    from salmubench.metrics import descriptions

    if rerun is not None and dataset is None:
        raise ConfigError("Expected --dataset beside --rerun, got none: the checkpoint is encoded on it.")
    opened = None if dataset is None else layout.open_dataset(dataset)
    result = check(submission, metrics=descriptions(), max_budget=max_budget, dataset=opened)
    findings = list(result.findings)
    if results is not None and result.loaded is not None:
        findings += duplicates_in(results, submission, result.loaded)
    if result.loaded is not None and not findings:
        hidden = unshowable(entry_of(places.real(submission).name, result.loaded, result.receipt()))
        findings += [] if hidden is None else [hidden]
    rerun_facts, tolerance = None, 0.02 if tolerance is None else tolerance
    if rerun is not None and result.loaded is not None and not findings:
        rerun_facts = {"checkpoint": provenance.portable(rerun), "tolerance": tolerance}
        findings += _rerun(submission, result.loaded, rerun, str(dataset), arch, imagenet, tolerance)
    result = dataclasses.replace(result, findings=findings, rerun=rerun_facts)
    if receipt is not None:
        writing.write_json(receipt, result.receipt())
    if json:
        print_json(result.receipt())
        return 1 if findings else 0
    code = _tell(findings)
    if not code:
        say(f"{submission}: every number follows from the items, no finding. Content {result.content_sha256}")
    return code


def build_(results: Path, *, out: Path, max_budget: float = 5.0, contest: Path | None = None) -> int:
    """Build the site from a folder of submissions; exit 1 where one is left out.

    Args:
        results: a folder of submission folders, or one with a folder `submissions` of them; others are passed over.
        out: folder of the site.
        max_budget: largest budget that is compared.
        contest: `contest.json` of a contest, which becomes a section of the first page; its numbers are computed again
            from those of its worlds, and these from records that lie beside it.
    """
    from salmubench.contest.again import checked
    from salmubench.leaderboard.build import build
    from salmubench.metrics import descriptions
    from salmubench.unlearn.registry import method_titles

    built = build(
        results, out=out, metrics=descriptions(), max_budget=max_budget, titles=method_titles(),
        contest=None if contest is None else checked(contest),
    )  # fmt: skip
    say(built.index)
    say(f"{built.shown} submission{'' if built.shown == 1 else 's'} shown, {len(built.refused)} left out")
    for name in built.passed_over:
        complain(f"{name}: no submission, passed over")
    for name, findings in built.refused.items():
        for finding in findings:
            complain(f"{name}/{finding.file}: {finding.message} [{finding.code}]")
    return 1 if built.refused else 0


# Findings are `Any` here: the parser would import their module, and with it pyarrow, for every --help.
def _rerun(
    submission: Path, loaded: Any, checkpoint: str, dataset: str, arch: str | None, imagenet: Path | None,
    tolerance: float,
) -> list[Any]:  # fmt: skip
    import tempfile

    from salmubench.leaderboard.rerun import compare_rerun, stated_config
    from salmubench.leaderboard.submission import FILES
    from salmubench.metrics import descriptions
    from salmubench.scoring.record_files import read_items, read_record
    from salmubench.workflow.evaluation import evaluate

    references: dict[str, Any] = {role: submission / FILES[role] for role in loaded.records if role != "record"}
    with tempfile.TemporaryDirectory() as folder:
        out = evaluate(
            model=checkpoint, dataset=dataset, **references, out=Path(folder) / "again.json", arch=arch,
            imagenet=imagenet, config=stated_config(loaded.record),
        )  # fmt: skip
        return list(
            compare_rerun(loaded, read_record(out), read_items(out), metrics=descriptions(), tolerance=tolerance)
        )


def _tell(findings: Sequence[Any]) -> int:
    for finding in findings:
        complain(f"{finding.file or 'submission'}: {finding.message} [{finding.code}]")
    return 1 if findings else 0
