"""An attack that the package has never heard of, by path and by entry point: shown, listed, run; the docs' example."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from salmubench import attacks
from salmubench.attacks import AttackConfig
from salmubench.cli.main import main
from salmubench.recovery import recover
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.record_files import read_record

pytestmark = pytest.mark.stage

ROOT = Path(__file__).parents[2]


def example() -> str:
    text = (ROOT / "docs" / "add_an_attack.md").read_text(encoding="utf-8")
    found = re.search(r'```python title="text_tower.py"\n(.*?)```', text, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture(params=["entry point", "path"])
def name(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "path":
        (tmp_path / "text_tower.py").write_text(example())
        return str(tmp_path / "text_tower.py")
    info = tmp_path / "site" / "stranger-1.0.dist-info"
    info.mkdir(parents=True)
    (info.parent / "stranger_tower.py").write_text(example())
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[salmubench.attacks]\ntext_tower = stranger_tower\n")
    monkeypatch.syspath_prepend(str(info.parent))
    return "text_tower"


def test_it_is_shown_and_run(world: Any, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", name]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("text_tower  (training the text tower on a few facts; the attacker knows few)")
    assert "lr: float = 0.0003" in shown
    if "/" not in name:
        assert main(["list", "attacks"]) == 0
        assert "text_tower" in capsys.readouterr().out.split()
    (path,) = recover(
        models=[world.compromised], dataset=world.dataset, clean=world.clean, compromised=world.compromised,
        out=tmp_path / "out", scoring=ScoreConfig(bootstraps=100), precision="fp32",
        config=AttackConfig(attacks=(name,), seeds=1, overrides={"text_tower": {"steps": 4}}),
    )  # fmt: skip
    section = read_record(path).attacks
    assert section is not None
    score = section.scores["text_tower"]
    assert set(score.variants) == {"2 steps", "4 steps"}
    assert score.numbers["leakage"].value == pytest.approx(1.0)


def test_no_attack_is_named_outside_its_file() -> None:
    """As a text by itself; two are words that mean other things elsewhere."""
    names, found = set(attacks.names()) - {"probe", "rewordings"}, list[str]()
    for path in sorted((ROOT / "src" / "salmubench").rglob("*.py")):
        if path.parent.name != "attacks":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
            found += [f"{path.name}: {value}" for value in constants if value in names and isinstance(value, str)]
    assert found == []
