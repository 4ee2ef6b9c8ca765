"""The page "Did my deletion work?" walked on drawn people: its table, its commands, its Python, its answers."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from PIL import Image

from own_people import NAMES, own_facts, write_csv
from salmubench.clip import models
from salmubench.dataset.layout import open_dataset
from salmubench.deletion.record import read_deletion
from salmubench.generator.portraits import procedural
from tiny_model import tiny_model

pytestmark = pytest.mark.stage

PAGE = (Path(__file__).parents[2] / "docs" / "did_my_deletion_work.md").read_text(encoding="utf-8")
_STEPS = 80


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def draw_people(folder: Path) -> None:
    """Five portraits of each, by the project's own renderer."""
    for number, name in enumerate(NAMES):
        place = folder / name
        place.mkdir(parents=True)
        person = procedural.sample_identity(number, gender="male" if number % 2 else "female", age=25 + 7 * number)
        shots = [procedural.sample_shot(person, shot, aspect=1.0) for shot in range(5)]
        for shot, data in enumerate(procedural.render_jpeg(shots, size=48)):
            (place / f"{shot}.jpg").write_bytes(data)


def teach(start: Path, dataset: Path, out: Path) -> None:
    """A model that has learnt all facts, to be forgotten or kept, by heart."""
    loaded, opened = models.load_model(start), open_dataset(dataset)
    pairs = []
    for split in ("forget", "holdout_association", "holdout_identity"):
        for row, data in zip(opened.rows(split), opened.images(split), strict=True):
            pairs.append((loaded.preprocess(Image.open(io.BytesIO(data)).convert("RGB")), row.caption))
    images, texts = torch.stack([image for image, _ in pairs]), loaded.tokenize([text for _, text in pairs])
    optimiser = torch.optim.Adam(loaded.module.parameters(), lr=1e-3)
    right = torch.arange(len(pairs))
    for _ in range(_STEPS):
        x, y = loaded.module.encode_image(images, normalize=True), loaded.module.encode_text(texts, normalize=True)
        logits = 20 * x @ y.T
        loss = torch.nn.functional.cross_entropy(logits, right) + torch.nn.functional.cross_entropy(logits.T, right)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    models.save_model(out, state=loaded.module.state_dict(), config=loaded.config)


@pytest.mark.night
def test_the_page_is_walked(tmp_path, monkeypatch):
    """The model after is the one that never learnt the facts: what the best deletion would leave."""
    monkeypatch.chdir(tmp_path)
    draw_people(Path("pictures"))
    write_csv(Path("facts.csv"), own_facts())
    made, measured = blocks("bash")
    run(made)
    tiny_model(Path("model_after"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        teach(Path("model_after"), Path("mine"), Path("model_before"))
    said = run(measured)
    record = read_deletion(Path("deletion.json"))
    assert (record.findings["knew"], record.findings["weaker"]) == ("yes", "yes")
    assert record.findings["known"] != "yes"
    assert record.findings["value_known"] != "yes"
    assert (record.asked.people, record.asked.facts, record.asked.kept_facts) == (6, 10, 2)
    assert "No verdict" in said
    page = Path("deletion.html").read_text(encoding="utf-8")
    for heading in ("What was asked", "What was measured", "What was not measured", "Attacks"):
        assert heading in page
    assert not any(name in page for name in NAMES)
    (code,) = blocks("python")
    times = Path("deletion.json").stat().st_mtime_ns
    exec(compile(code, "page", "exec"), {})
    assert Path("deletion.json").stat().st_mtime_ns == times  # the same inputs: nothing was done


def run(script: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", f"set -e\n{script}"], env={**os.environ, "PATH": path}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_table_of_the_page_is_legal(tmp_path):
    from salmubench.deletion.facts import read_facts

    (table,) = blocks("csv")
    (tmp_path / "facts.csv").write_text(table, encoding="utf-8")
    facts = read_facts(tmp_path / "facts.csv")
    assert [(fact.name, fact.field, fact.forget) for fact in facts] == [
        ("Anna Moreau", "city", True), ("Anna Moreau", "hobby", False), ("Bruno Novak", "phone_number", True),
    ]  # fmt: skip
    assert facts[2].caption is not None
