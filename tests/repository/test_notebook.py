"""The example notebook runs on a finished run, and is stored without outputs."""

from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.stage

NOTEBOOK = Path(__file__).parents[2] / "examples" / "tour.ipynb"


@pytest.fixture
def run(tmp_path):
    """Embeddings and records of four models over a made-up world, as a run leaves them in `runs/mini`."""
    from fake_embeddings import fake_world, vectors, write_embeddings
    from salmubench.metrics import ScoreConfig, score

    world, config = fake_world(), ScoreConfig(bootstraps=100)
    strengths = {"clean": 0.0, "compromised": 3.0, "finetuning-5x": 2.5, "cliperase-5x": 0.2}
    for name, strength in strengths.items():
        kind = name if name in ("clean", "compromised") else None
        made = vectors(world, seed=1, strength=strength)
        write_embeddings(tmp_path / "runs" / "mini" / "embeddings" / name, world, made, kind=kind)
    clean, compromised = (tmp_path / "runs" / "mini" / "embeddings" / kind for kind in ("clean", "compromised"))
    for name in strengths:
        score(
            embeddings=tmp_path / "runs" / "mini" / "embeddings" / name, clean=clean, compromised=compromised,
            out=tmp_path / "runs" / "mini" / "records" / f"{name}.json", config=config,
        )  # fmt: skip
    return tmp_path


@pytest.mark.parametrize("opened_in", [pytest.param("", marks=pytest.mark.night), "examples"])
def test_notebook_runs(run, opened_in, tmp_path, monkeypatch):
    from nbclient import NotebookClient

    monkeypatch.delenv("SALMUBENCH_RUN", raising=False)
    (run / opened_in).mkdir(exist_ok=True)
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "matplotlib"))
    book = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(book, timeout=120, resources={"metadata": {"path": str(run / opened_in)}}).execute()
    shown = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    kinds = {kind for output in shown for kind in output.get("data", {})}
    assert {"image/png", "text/html", "text/markdown"} <= kinds
    printed = "".join(output.text for output in shown if output.output_type == "stream" and output.name == "stdout")
    assert "cliperase-5x: " in printed
    assert not [output for output in shown if output.output_type == "stream" and output.name == "stderr"]


def test_notebook_is_stored_without_outputs():
    book = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(book)
    for cell in book.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
    assert NOTEBOOK.stat().st_size < 30_000
