"""A backend and a check that the package doesn't know: by path and by entry point, in lists and in a dataset's card."""

from __future__ import annotations

import importlib.metadata
import json
from dataclasses import replace
from pathlib import Path

import pytest

from salmubench.cli.main import main
from salmubench.core import manifest
from salmubench.core.errors import ConfigError
from salmubench.generator import backends
from salmubench.generator.build import build
from salmubench.generator.config import Backends, Curation, DatasetConfig

pytestmark = pytest.mark.stage

FAKES = Path(__file__).parents[1] / "support" / "fakes"
DESCRIBED = """

from salmubench.generator.backends import Backend

BACKEND = Backend("Coloured gradients.", card="Nobody but gradients.", statement="No faces.", licence="cc-by-4.0")
"""
CHECK = '''"""Lets every picture pass.

And says no more.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Options."""

    limit: int = 1
    """Unused."""


class Check:
    def see(self, images, facts):
        return list(images)

    def faults(self, seen, groups):
        return {}


def connect(config):
    return Check()
'''
TINY = DatasetConfig(
    identities=4, pictures_per_identity=9, retain_joint=2, retain_disjoint=2, retain_real=0, classes=0,
    general_knowledge_per_class=0, size=32,
)  # fmt: skip


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Files of a backend and a check, which two entry points name too."""
    (tmp_path / "gradients.py").write_text((FAKES / "portraits.py").read_text() + DESCRIBED)
    (tmp_path / "lenient.py").write_text(CHECK)
    points = {
        backends.PORTRAITS.package: ("declared", "gradients"),
        backends.CHECKS.package: ("declared_check", "lenient"),
    }

    def entry_points(*, group):
        return [importlib.metadata.EntryPoint(*points[group], group)] if group in points else []

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_lists_know_what_entry_points_declare(files, capsys):
    assert main(["list", "backends", "--json"]) == 0
    about = {item["name"]: item["about"] for item in json.loads(capsys.readouterr().out)}
    assert about["portraits/declared"] == "Coloured gradients."
    assert about["portraits/procedural"] == backends.PORTRAITS.describe("procedural").title
    assert main(["list", "checks", "--json"]) == 0
    about = {item["name"]: item["about"] for item in json.loads(capsys.readouterr().out)}
    assert about["declared_check"] == "Lets every picture pass."


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("portraits/declared", "A portrait backend for tests"),
        ("{files}/gradients.py", "A portrait backend for tests"),
        ("declared_check", "And says no more."),
        ("{files}/lenient.py", "And says no more."),
    ],
)
def test_show(files, capsys, name, expected):
    assert main(["show", name.format(files=files)]) == 0
    assert expected in capsys.readouterr().out


@pytest.mark.parametrize(
    ("portraits", "check"), [("declared", "declared_check"), ("{files}/gradients.py", "{files}/lenient.py")]
)
def test_the_card_has_the_words_of_the_backend(files, tmp_path, portraits, check):
    config = replace(
        TINY,
        backends=Backends(portraits=portraits.format(files=files)),
        curation=Curation(checks={check.format(files=files): {"limit": 2}}),
    )
    folder = build(config, out=tmp_path / "dataset", seed=1)
    text = (folder / "README.md").read_text()
    assert "Nobody but gradients." in text
    assert "**People.** No faces." in text
    assert "license: cc-by-4.0" in text
    assert "written by a grammar" in text
    assert manifest.read_json(folder / "manifest.json")["outputs"]["origin"]["licence"] == "cc-by-4.0"


def test_a_backend_that_says_nothing(tmp_path):
    config = replace(TINY, backends=Backends(portraits=str(FAKES / "portraits.py")))
    text = (build(config, out=tmp_path / "dataset", seed=1) / "README.md").read_text()
    assert "come from a backend of the builder's own" in text
    assert "license: other" in text


def test_a_description_of_another_type(tmp_path):
    (tmp_path / "wrong.py").write_text('BACKEND = "mine"\n')
    with pytest.raises(ConfigError, match="BACKEND of the portraits backend .* got str"):
        backends.PORTRAITS.describe(str(tmp_path / "wrong.py"))
    with pytest.raises(ConfigError, match="got no sample_identity"):
        backends.PORTRAITS.load(str(tmp_path / "wrong.py"))


@pytest.mark.parametrize("kind", ["backends", "checks"])
def test_every_backend_of_ours_describes_itself(kind):
    for part, name in backends.listed(kind).values():
        title = part.describe(name).title
        assert title.endswith(".")
        assert len(title) <= 100
