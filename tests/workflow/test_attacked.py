"""`run --attacks all`, short: every attack keeps its rows or says why not; page, submission, a second call."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from report_world import METRICS
from salmubench import attacks
from salmubench.cli.main import main
from salmubench.leaderboard.check import check
from salmubench.leaderboard.submission import submit
from salmubench.scoring.record_files import read_record
from salmubench.scoring.references import KINDS
from salmubench.workflow import recipe as recipes
from tiny_run import copy_models

pytestmark = pytest.mark.stage

FEW_STEPS = {
    "fewshot": {"lrs": [1e-3, 1e-4], "read_at": [2, 4]}, "benign": {"steps": 4}, "probe": {"steps": 10},
    "savings": {"read_at": [2, 4]},
}  # fmt: skip


@pytest.mark.long(30)
def test_a_run_attacks_its_candidates(tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, recipe = tmp_path / "attacked", tmp_path / "attacks.yaml"
    recipe.write_text(yaml.safe_dump(recipes.load("tiny").given | {"attack": {"seeds": 1, "overrides": FEW_STEPS}}))
    given = ["run", "--recipe", str(recipe), "--out", str(out), "--methods", "cliperase", "--workers", "1"]
    assert main([*given, "--attacks", "fewshots"]) == 1  # before anything is made
    assert "Did you mean 'fewshot'" in capsys.readouterr().err
    assert not out.exists()
    copy_models(tiny_run, out, [*KINDS, "cliperase-5x"])
    assert main([*given, "--attacks", "all"]) == 0
    path = out / "records" / "cliperase-5x.json"
    section = read_record(path).attacks
    assert section is not None
    assert set(section.scores) == set(attacks.names())
    assert set(section.references) == {"clean", "compromised", "retrained"}
    rows = pq.read_table(path.with_name("cliperase-5x.attacks.parquet"))
    kept = set(rows.column("attack").to_pylist())
    for name, score in section.scores.items():  # eight people are too few for numbers, not for rows
        assert score.reason is not None
        assert (name in kept) == ("people in T" not in score.reason), name  # too few to learn from: nothing is attacked
        assert "fewer than 4 people" in score.reason or "the control" in score.reason or "differ" in score.reason
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert "What can be brought back" in page
    submission = submit(out, model="cliperase-5x", out=tmp_path / "submission")
    assert [finding.message for finding in check(submission, metrics=METRICS).findings] == []
    before = path.read_bytes()
    assert main([*given, "--attacks", "all"]) == 0
    assert path.read_bytes() == before
    for piece in (out / "attacks").rglob("calibrated-*"):
        piece.unlink()
    assert main([*given, "--attacks", "all"]) == 0
    assert pq.read_table(path.with_name("cliperase-5x.attacks.parquet")).equals(rows)
