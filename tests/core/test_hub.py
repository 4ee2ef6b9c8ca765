"""Datasets and models of the Hub, from a local stand-in of its HTTP interface."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from hub_stand_in import HubStandIn
from salmubench.cli.main import main
from salmubench.clip.models import checkpoint_sha256, load_model, locate
from salmubench.core.errors import DatasetError, ModelError
from salmubench.dataset import layout
from salmubench.dataset.layout import open_dataset
from salmubench.metrics import descriptions
from salmubench.official import result_file as official
from salmubench.scoring.record_files import read_record
from salmubench.workflow.evaluation import OFFICIAL_DATASET, OFFICIAL_MODELS
from tiny_model import tiny_model

pytestmark = pytest.mark.filterwarnings("ignore:.*huggingface_hub.*", "ignore::ResourceWarning")


@pytest.fixture
def hub() -> Iterator[HubStandIn]:
    with HubStandIn() as found:
        yield found


@pytest.fixture
def cache(hub: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """This process's Hub is the stand-in, with an empty cache."""
    with hub.used(monkeypatch, cache=tmp_path / "cache"):
        yield tmp_path / "cache"


@pytest.fixture(scope="module")
def as_released(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset as it is on the Hub: the official splits and files alone, and things that nobody needs."""
    folder = shutil.copytree(tiny_folder, tmp_path_factory.mktemp("released") / "dataset")
    for path in (folder / "data").glob("*.parquet"):
        if path.name.startswith(("general_knowledge", "retain_real")):
            path.unlink()
    (folder / layout.GENERAL_KNOWLEDGE).unlink()
    (folder / "README.md").write_text("A dataset card.")
    (folder / "pictures.tar").write_bytes(b"not needed")
    return folder


def test_a_dataset_of_the_hub_is_the_folder(hub: HubStandIn, cache: Path, as_released: Path) -> None:
    commit = hub.add("dataset", "org/name", as_released)
    found, local = open_dataset("org/name"), open_dataset(as_released)
    assert (found.name, found.revision) == ("org/name", commit)
    assert found.fingerprint == local.fingerprint
    assert found.rows("forget") == local.rows("forget")
    assert list(found.images("forget", 3, 5)) == list(local.images("forget", 3, 5))
    assert "pictures.tar" not in hub.downloads()


def test_a_revision_can_be_pinned(hub: HubStandIn, cache: Path, as_released: Path, tmp_path: Path) -> None:
    first = hub.add("dataset", "org/name", as_released, tag="v1")
    changed = shutil.copytree(as_released, tmp_path / "changed")
    (changed / layout.FRAGILE).write_text('["x.jpg"]')
    second = hub.add("dataset", "org/name", changed)
    assert open_dataset("org/name").revision == second
    for pinned in ("org/name@v1", f"org/name@{first}"):
        found = open_dataset(pinned)
        assert (found.name, found.revision, found.fragile_ids) == ("org/name", first, None)
    with pytest.raises(DatasetError, match="org/name@v2 to be reachable or cached"):
        open_dataset("org/name@v2")


def test_offline_the_cache_is_used(
    hub: HubStandIn, tmp_path: Path, as_released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = hub.add("dataset", "org/name", as_released)
    with hub.used(monkeypatch, cache=tmp_path / "c"):
        open_dataset("org/name")
    asked = len(hub.requests)
    with hub.used(monkeypatch, cache=tmp_path / "c", offline=True):
        assert open_dataset("org/name").revision == commit
        with pytest.raises(DatasetError, match="Hub dataset org/other to be reachable or cached"):
            open_dataset("org/other")
    assert len(hub.requests) == asked


@pytest.mark.stage
def test_a_broken_download_goes_on(hub: HubStandIn, cache: Path, as_released: Path) -> None:
    path = "data/forget-00000-of-00001.parquet"
    hub.add("dataset", "org/name", as_released)
    hub.cut[path] = 1000
    assert open_dataset("org/name").fingerprint == open_dataset(as_released).fingerprint
    assert hub.downloads().count(path) == 2


def test_other_bytes_than_the_hub_lists_are_found(hub: HubStandIn, cache: Path, as_released: Path) -> None:
    hub.add("dataset", "org/name", as_released)
    shard = open_dataset("org/name").folder / "data" / "forget-00000-of-00001.parquet"
    blob, data = shard.resolve(), bytearray(shard.read_bytes())
    data[100] ^= 1
    blob.write_bytes(data)
    with pytest.raises(DatasetError, match="Expected the bytes that the Hub lists for forget-00000-of-00001.parquet"):
        open_dataset("org/name").fingerprint  # noqa: B018


def test_gated_and_unknown_repositories_say_what_to_do(hub: HubStandIn, cache: Path, as_released: Path) -> None:
    hub.add("dataset", "org/name", as_released, gated=True)
    with pytest.raises(DatasetError, match="it is gated. Accept its terms on its page"):
        open_dataset("org/name")
    with pytest.raises(ModelError, match="Hub model org/nothing to be reachable or cached"):
        locate("hf-hub:org/nothing")
    with pytest.raises(ModelError, match=r"Expected org/name or org/name@revision of a Hub model, got 'name'"):
        locate("hf-hub:name")


@pytest.mark.parametrize("name", ["org/na--me", "org/.x", "org/é", "hf-hub:org/a..b"])
def test_names_that_the_hub_refuses(name: str, cache: Path) -> None:
    with pytest.raises(DatasetError, match=r"Expected org/name or org/name@revision of a Hub dataset, got '.*Check"):
        open_dataset(name)


def test_models_of_the_hub(hub: HubStandIn, cache: Path, tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "model")
    first = hub.add("model", "org/clip", folder, tag="v1")
    hub.add("model", "org/clip", tiny_model(tmp_path / "other", seed=1))
    found = load_model("hf-hub:org/clip@v1")
    assert (found.revision, found.sha256) == (first, checkpoint_sha256(folder))
    assert checkpoint_sha256("hf-hub:org/clip") != found.sha256
    blob = locate("hf-hub:org/clip").weights.resolve()
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match="Expected the bytes that the Hub lists"):
        checkpoint_sha256("hf-hub:org/clip")


def test_pictures_are_streamed(tmp_path: Path, as_released: Path) -> None:
    """Memory stays that of one row group, however many pictures a split has."""
    folder = shutil.copytree(as_released, tmp_path / "large")
    rows = (layout.Row(bytes([number % 251]) * 4000, "x", None, f"{number}.jpg") for number in range(4096))
    layout.write_shard(folder, "retain_real", 0, 1, rows)  # 16 MB in groups of 1 MB
    before, peak, count = pa.total_allocated_bytes(), 0, 0
    for _ in open_dataset(folder).images("retain_real"):
        count, peak = count + 1, max(peak, pa.total_allocated_bytes() - before)
    assert count == 4096
    assert peak < 4_000_000


@pytest.fixture
def released(hub: HubStandIn, cache: Path, as_released: Path, tmp_path: Path) -> dict[str, str]:
    """The official repositories, with tiny content; repository → commit."""
    commits = {OFFICIAL_DATASET: hub.add("dataset", OFFICIAL_DATASET, as_released)}
    for seed, (kind, source) in enumerate(OFFICIAL_MODELS.items()):
        name = source.removeprefix("hf-hub:")
        commits[name] = hub.add("model", name, tiny_model(tmp_path / kind, seed=seed))
    return commits


@pytest.mark.stage
def test_evaluate_from_the_hub_records_the_commits(
    released: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clean, compromised = OFFICIAL_MODELS.values()
    out = tmp_path / "r" / "record.json"
    code = main([
        "evaluate", "--model", compromised, "--dataset", OFFICIAL_DATASET, "--clean", clean, "--compromised",
        compromised, "--out", str(out), "--precision", "fp32",
    ])  # fmt: skip
    assert code == 0, capsys.readouterr().err
    record = read_record(out)
    assert (record.dataset.name, record.dataset.revision) == (OFFICIAL_DATASET, released[OFFICIAL_DATASET])
    assert record.model.name == "clip-vit-b-16-salmu-compromised"
    assert record.model.revision == released["cvc-mmu/clip-vit-b-16-salmu-compromised"]
    assert record.scores["GenKnow"]["value"].reason == "the dataset has no general_knowledge"
    assert record.scores["RetFailPara"]["mrr"].value is not None


@pytest.mark.stage
def test_verify_official_prints_each_number_beside_the_published_one(
    released: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    go: Callable[[], int] = lambda: main(["verify-official", "--out", str(tmp_path / "v"), "--precision", "fp32"])  # noqa: E731
    assert go() == 1
    lines = capsys.readouterr().out.splitlines()
    told = {tuple(line.split()[:2]): line.split()[2:] for line in lines[1:-1] if line}
    assert told["clean", "AssocStr"][0] == "0.14169"
    assert told["clean", "AssocStr"][2] == "differs"
    assert told["clean", "GenKnow"] == ["0.63300", "–", "skipped"]
    assert len([key for key in told if key[0] == "clean"]) == 11
    assert len([key for key in told if key[0] == "compromised"]) == 11
    ours = {
        kind: dict(
            official.numbers(read_record(tmp_path / "v" / "records" / f"{kind}.json"), list(descriptions().values()))
        )
        for kind in ("clean", "compromised")
    }
    near = {
        kind: {name: (0.5 if value is None else value) + 0.0019 for name, value in row.items()}
        for kind, row in ours.items()
    }
    monkeypatch.setattr(official, "published", lambda: near)
    assert go() == 0
    assert "20 pass, 0 differ, 2 skipped" in capsys.readouterr().out
