"""What users of the authors' evaluator had to build around it, one test each: none of it is needed here."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from salmubench.clip.models import checkpoint_sha256, load_model, locate
from salmubench.core import manifest, provenance
from salmubench.core.errors import DatasetError, OutputMismatch
from salmubench.dataset import layout
from salmubench.dataset.layout import open_dataset
from salmubench.encode import encode
from salmubench.metrics import ScoreConfig, descriptions, required_texts, score
from salmubench.scoring.record_files import read_items, read_record
from salmubench.unlearn.data import select_rows
from salmubench.workflow.evaluation import evaluate
from tiny import tiny_dataset
from tiny_model import tiny_model

pytestmark = pytest.mark.stage

QUICK = ScoreConfig(bootstraps=100)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {name: tiny_model(root / name, seed=seed) for seed, name in enumerate(("clean", "compromised", "judged"))}


@pytest.fixture(scope="module")
def embedded(
    models: dict[str, Path], tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    root, dataset = tmp_path_factory.mktemp("embeddings"), open_dataset(tiny_folder)

    def embedded(name: str, out: str | None = None, **options: str) -> Path:
        return encode(
            model=models[name], dataset=dataset, out=root / (out or name), texts=required_texts(dataset),
            **{"precision": "fp32", **options},
        )  # fmt: skip

    return embedded


def judged(embedded: Callable[[str], Path], out: Path, name: str = "judged") -> Path:
    return score(
        embeddings=embedded(name), clean=embedded("clean"), compromised=embedded("compromised"), out=out, config=QUICK
    )


def test_s1_data_from_a_folder_without_any_network(
    models: dict[str, Path], tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("asked the network"))
    out = evaluate(
        model=models["judged"], dataset=tiny_folder, clean=models["clean"], compromised=models["compromised"],
        out=tmp_path / "r.json", precision="fp32", config=QUICK,
    )  # fmt: skip
    assert read_record(out).status == "complete"


def test_s2_equal_checkpoints_score_bit_equal_in_any_order_and_next_to_other_models(
    embedded: Callable[..., Path], models: dict[str, Path], tmp_path: Path
) -> None:
    """Gallery and permutations are drawn from seeds of their own, whatever the global generators did before."""
    twin = tmp_path / "twin"
    np.random.seed(1)
    first = judged(embedded, tmp_path / "a" / "judged.json")
    state = np.random.get_state()[1].tolist()
    judged(embedded, tmp_path / "a" / "clean.json", "clean")
    np.random.seed(2)
    np.random.rand(7)
    torch.manual_seed(3)
    models["twin"] = shutil.copytree(models["judged"], twin)
    second = judged(embedded, tmp_path / "b" / "twin.json", "twin")
    assert read_items(first).equals(read_items(second))
    assert read_record(first).scores == read_record(second).scores
    np.random.seed(1)
    assert np.random.get_state()[1].tolist() == state


def test_s3_safetensors_first_and_the_released_pickle_as_it_is(models: dict[str, Path], tmp_path: Path) -> None:
    both = shutil.copytree(models["clean"], tmp_path / "both")
    other = load_model(models["compromised"])
    torch.save(other.module.state_dict(), both / "open_clip_pytorch_model.bin")
    assert locate(both).weights.name == "open_clip_model.safetensors"
    (both / "open_clip_model.safetensors").unlink()
    found = load_model(both)
    for name, tensor in other.module.state_dict().items():
        assert torch.equal(found.module.state_dict()[name], tensor)


def test_s4_results_are_bound_to_checkpoint_dataset_and_code(
    embedded: Callable[..., Path], models: dict[str, Path], tiny_folder: Path, tmp_path: Path
) -> None:
    record = read_record(judged(embedded, tmp_path / "judged.json"))
    weights = models["judged"] / "open_clip_model.safetensors"
    assert record.model.weights_sha256 == record.model.weights == manifest.sha256_file(weights)
    assert record.model.sha256 == checkpoint_sha256(models["judged"])
    assert record.dataset.fingerprint == open_dataset(tiny_folder).fingerprint
    assert record.provenance.version == provenance.version()
    assert record.provenance.packages["torch"]
    assert record.references == {name: checkpoint_sha256(models[name]) for name in ("clean", "compromised")}
    with pytest.raises(OutputMismatch, match=r"inputs\.checkpoint"):  # embeddings of other weights are never used
        embedded("clean", out="judged")


def test_s5_all_eleven_have_intervals(embedded: Callable[..., Path], tmp_path: Path) -> None:
    record = read_record(judged(embedded, tmp_path / "judged.json"))
    numbers = {(metric, part): one for metric, parts in record.scores.items() for part, one in parts.items()}
    eleven = {metric.name for metric in descriptions().values() if metric.official}
    assert len(eleven) == 10  # RetFail is two numbers
    for which, one in numbers.items():
        if which[0] in eleven:
            assert (one.ci95 is None) == (which[1] in ("shown", "hidden")), which  # the release hides no classes
        assert (one.ci95 is None) == (one.value is None) == (one.reason is not None), which
        if one.ci95 is not None:
            assert one.ci95[0] <= one.value <= one.ci95[1], which  # type: ignore[operator]


def test_s6_no_imagenet_is_null_with_a_reason_and_a_utility_number_needs_none(
    embedded: Callable[..., Path], models: dict[str, Path], tiny_folder: Path, tmp_path: Path
) -> None:
    with_own = read_record(judged(embedded, tmp_path / "own" / "judged.json")).scores["GenKnow"]["value"]
    assert with_own.value is not None
    bare = shutil.copytree(tiny_folder, tmp_path / "bare")
    (bare / layout.GENERAL_KNOWLEDGE).unlink()
    (bare / "data" / "general_knowledge-00000-of-00001.parquet").unlink()
    out = evaluate(
        model=models["judged"], dataset=bare, clean=models["clean"], compromised=models["compromised"],
        out=tmp_path / "r.json", precision="fp32", config=QUICK,
    )  # fmt: skip
    scores = read_record(out).scores
    without = scores["GenKnow"]["value"]
    assert (without.value, without.reason, without.n) == (None, "the dataset has no general_knowledge", 0)
    assert all(scores[name]["value"].value is not None for name in ("InterIdSim", "IntraIdSim", "VisIdInt", "FragSim"))


def test_s7_no_method_sees_a_holdout_row(tmp_path: Path) -> None:
    """The released training split is forget and holdouts together; used as `forget` it is refused."""
    folder = tiny_dataset(tmp_path / "dataset")
    files = [folder / "data" / f"{split}-00000-of-00001.parquet" for split in ("forget", "holdout_identity")]
    tables = [pq.read_table(path) for path in files]
    with pq.ParquetWriter(files[0], tables[0].schema) as writer:
        for table in tables:
            writer.write_table(table)
    with pytest.raises(DatasetError, match="holdout_identity too"):
        select_rows(open_dataset(folder), needs=("forget",), retain=10, seed=0)


def test_s8_precision_is_recorded_and_its_effect_on_each_number_is_shown(
    embedded: Callable[..., Path], tmp_path: Path
) -> None:
    fp32 = judged(embedded, tmp_path / "judged.json")
    bf16 = score(
        embeddings=embedded("judged", out="judged-bf16", precision="bf16"), clean=embedded("clean"),
        compromised=embedded("compromised"), out=tmp_path / "bf16.json", config=QUICK,
    )  # fmt: skip
    first, second = read_record(fp32), read_record(bf16)
    assert [record.encoding.precision for record in (first, second)] == ["fp32", "bf16"]  # type: ignore[union-attr]
    assert any("encoded in bf16, clean in fp32" in note for note in second.notes)
    assert not any("encoded in" in note for note in first.notes)
    for name in ("AssocStr", "CoreAssoc", "InterIdSim", "IntraIdSim", "VisIdInt", "FragSim"):
        one, other = (record.scores[name]["value"].value for record in (first, second))
        assert 0 < abs(one - other) < 0.002, name  # type: ignore[operator]
