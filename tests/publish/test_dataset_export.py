"""A dataset as shards and as a folder for the Hub, and on a stand-in of the Hub."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import asdict
from pathlib import Path

import datasets
import pytest
import yaml
from PIL import Image

from hub_stand_in import HubStandIn
from salmubench.cli.main import main
from salmubench.core import manifest, writing
from salmubench.core.errors import ConfigError, DatasetError, OutputError
from salmubench.dataset import layout
from salmubench.dataset.card import DatasetOrigin, card
from salmubench.dataset.layout import open_dataset
from salmubench.dataset.origin import origin_of
from salmubench.generator.backends import PORTRAITS
from salmubench.publish.dataset_export import (
    export_hub,
    export_webdataset,
)
from salmubench.publish.push import push
from tiny import tiny_dataset

pytestmark = pytest.mark.stage

THE_LIBRARYS = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
FAKES = Path(__file__).parents[1] / "support" / "fakes"


@pytest.fixture(scope="module")
def exported(tiny_folder, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("hub") / "folder"
    return export_hub(open_dataset(tiny_folder), out, licence="cc-by-4.0", hub_id="org/data")


def head_of(folder: Path) -> dict:
    return yaml.safe_load((folder / "README.md").read_text().split("---")[1])


def test_hub_folder_is_the_same_dataset(exported, tiny_folder):
    assert open_dataset(exported).fingerprint == open_dataset(tiny_folder).fingerprint
    assert {path.name for path in exported.iterdir()} == {
        "README.md", "data", layout.IDENTITIES, layout.CAPTIONS, layout.GENERIC_CAPTIONS,
        layout.GENERAL_KNOWLEDGE,
    }  # fmt: skip
    assert not list(exported.parent.glob("*.tmp"))


def test_card(exported):
    head, text = head_of(exported), (exported / "README.md").read_text()
    assert head["license"] == "cc-by-4.0"
    assert {item["split"] for item in head["configs"][0]["data_files"]} == set(open_dataset(exported).counts)
    assert 'load_dataset("org/data"' in text
    for section in ("Intended use", "Data statement", "Licence"):
        assert f"## {section}" in text
    assert "drawn by a program" not in text  # nobody knows where this dataset comes from


def test_load_dataset_shows_pictures_and_features(exported, tmp_path):
    found = datasets.load_dataset(str(exported), split="forget", cache_dir=str(tmp_path))
    assert isinstance(found.features["image"], datasets.Image)
    assert list(found.features) == ["image", "text", "identity_id", "file_name"]
    assert isinstance(found[0]["image"], Image.Image)
    assert found[0]["text"] == open_dataset(exported).rows("forget")[0].caption
    every = datasets.load_dataset(str(exported), cache_dir=str(tmp_path))
    assert {name: split.num_rows for name, split in every.items()} == dict(open_dataset(exported).counts)


def test_licence_is_asked_for(tiny_folder, tmp_path):
    with pytest.raises(ConfigError, match="--license"):
        export_hub(open_dataset(tiny_folder), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_origin(tmp_path):
    folder = tiny_dataset(tmp_path / "dataset", identities=4)
    assert origin_of(open_dataset(folder)) == DatasetOrigin()
    told = DatasetOrigin(32, 7, "Nobody is in here.", "Drawn heads.", "English, by a model.", "cc0-1.0")
    written = {"stage": "dataset", "seed": 7, "config": {"size": 32}, "outputs": {}}
    writing.write_json(folder / manifest.MANIFEST, written)
    assert origin_of(open_dataset(folder)) == DatasetOrigin(32, 7), "of a version that wrote no origin"
    writing.write_json(folder / manifest.MANIFEST, {**written, "outputs": {"origin": asdict(told)}})
    assert origin_of(open_dataset(folder)) == told
    out = export_hub(open_dataset(folder), tmp_path / "out")
    assert head_of(out)["license"] == "cc0-1.0"
    text = (out / "README.md").read_text()
    assert "drawn with seed 7" in text
    assert "English, by a model." in text
    assert "Nobody is in here." in text


@pytest.mark.parametrize("portraits", ["folder", "diffusion", str(FAKES / "portraits.py")])
def test_card_of_other_pictures_makes_no_promise(portraits):
    origin = DatasetOrigin(64, 0, pictures=PORTRAITS.describe(portraits).card)
    text = card({"forget": 3}, identities=4, origin=origin, fingerprint="f")
    assert "Nobody is in here" not in text
    assert "for the builder to" in text.replace("\n", " ")
    assert yaml.safe_load(text.split("---")[1])["license"] == "other"


def test_fragile_set(tiny_folder, tmp_path):
    dataset = open_dataset(tiny_folder)
    names = [row.file_name for row in dataset.rows("retain_synth")][-3:]
    embeddings = tmp_path / "embeddings"
    embeddings.mkdir()
    with pytest.raises(DatasetError, match="Score a model"):
        export_hub(dataset, tmp_path / "out", licence="cc0-1.0", embeddings=embeddings)
    (embeddings / "fragile_set_ids.json").write_text(json.dumps(names))
    (embeddings / "fragile_set_all_similarities.json").write_text(json.dumps(dict.fromkeys(names, 0.1)))
    out = export_hub(dataset, tmp_path / "out", licence="cc0-1.0", embeddings=embeddings)
    assert open_dataset(out).fragile_ids == tuple(names)
    assert open_dataset(out).fingerprint == dataset.fingerprint
    (embeddings / "fragile_set_ids.json").write_text(json.dumps(["strange.jpg"]))
    with pytest.raises(DatasetError, match=r"strange\.jpg"):
        export_hub(dataset, tmp_path / "other", licence="cc0-1.0", embeddings=embeddings)


def test_a_folder_with_files_is_left_alone(tiny_folder, tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    for export in (export_webdataset, lambda data, out: export_hub(data, out, licence="cc0-1.0")):
        with pytest.raises(OutputError, match="new or empty"):
            export(open_dataset(tiny_folder), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_webdataset_holds_every_pair(tiny_folder, tmp_path, capsys):
    assert main(["dataset", "export", str(tiny_folder), "--format", "webdataset", "--out", str(tmp_path / "w")]) == 0
    printed = capsys.readouterr().out
    assert "retain-00000.tar  102 pairs" in printed
    sizes = json.loads((tmp_path / "w" / "sizes.json").read_text())
    dataset = open_dataset(tiny_folder)
    pairs = set()
    for name, size in sizes.items():
        with tarfile.open(tmp_path / "w" / name) as tar:
            content = {member.name: tar.extractfile(member).read() for member in tar}
        assert len(content) == 2 * size
        pairs |= {
            (content[key.replace(".txt", ".jpg")], text.decode()) for key, text in content.items() if ".txt" in key
        }
    wanted = {
        (image, row.caption)
        for split in ("forget", "holdout_association", "holdout_identity", "retain_real", "retain_synth")
        for row, image in zip(dataset.rows(split), dataset.images(split), strict=True)
    }
    assert pairs == wanted
    assert main(["dataset", "export", str(tiny_folder), "--format", "webdataset", "--out", str(tmp_path / "w")]) == 0


def test_shards_of_another_seed_are_refused(tiny_folder, tmp_path):
    dataset = open_dataset(tiny_folder)
    assert export_webdataset(dataset, tmp_path / "shards", seed=1).seed == 1
    assert export_webdataset(dataset, tmp_path / "shards").seed == 1
    with pytest.raises(OutputError, match="dealt by the seed 2 in .* got those of seed 1"):
        export_webdataset(dataset, tmp_path / "shards", seed=2)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_is_what_the_engine_reads(tiny_folder, tmp_path):
    """open_clip's own loader, on the pattern that is printed, with its own reading of sizes.json."""
    from types import SimpleNamespace

    from open_clip_train.data import get_dataset_size, get_wds_dataset

    shards = export_webdataset(open_dataset(tiny_folder), tmp_path / "shards")
    pattern = shards.pattern("retain")
    assert get_dataset_size(pattern) == (102, 1)
    args = SimpleNamespace(train_data=pattern, train_num_samples=102, dataset_resampled=False, seed=0, workers=0,
                           batch_size=6, world_size=1, train_data_upsampling_factors=None)  # fmt: skip
    data = get_wds_dataset(args, lambda image: image.size[0], is_train=True, tokenizer=lambda text: [len(text)])
    batch = next(iter(data.dataloader))
    assert len(batch[0]) == len(batch[1]) == 6


@THE_LIBRARYS
def test_push(exported, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with HubStandIn() as hub, hub.used(monkeypatch, cache=tmp_path / "cache"):
        url = push(exported, "org/data", "dataset", private=True)
        assert url.endswith("org/data")
        repository = hub.repositories["dataset", "org/data"]
        assert repository.private
        assert hub.tokens == {"hf_secret"}
        files = hub.files("dataset", "org/data")
        assert set(files) == {
            str(path.relative_to(exported)) for path in exported.rglob("*") if path.is_file()
        }  # fmt: skip
        for name, path in files.items():
            assert path.read_bytes() == (exported / name).read_bytes()
        sent = [line for line in hub.requests if line.startswith("PUT /lfs/")]
        assert len(sent) == 7
        push(exported, "org/data", "dataset", private=True)  # again: nothing is sent twice
        assert [line for line in hub.requests if line.startswith("PUT /lfs/")] == sent
        # What was pushed can be opened by its name.
        assert open_dataset("org/data").fingerprint == open_dataset(exported).fingerprint
        push(exported, "org/open", "dataset", private=False)
        assert not hub.repositories["dataset", "org/open"].private


def test_the_token_is_written_nowhere(exported):
    for path in exported.rglob("*"):
        assert not path.is_file() or b"hf_secret" not in path.read_bytes()


@THE_LIBRARYS
def test_push_refused(exported, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with HubStandIn() as hub, hub.used(monkeypatch, cache=tmp_path / "cache"):
        hub.refusal = 403
        with pytest.raises(OutputError, match="is complete") as caught:
            push(exported, "org/data", "dataset", private=True)
        assert "hf_secret" not in str(caught.value)


@THE_LIBRARYS
def test_a_wrong_card_makes_no_repository(exported, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with HubStandIn() as hub, hub.used(monkeypatch, cache=tmp_path / "cache"):
        hub.wrong_card = '"license" must be one of them'
        with pytest.raises(ConfigError, match=r"must be one of them.*--license"):
            push(exported, "org/data", "dataset", private=False)
        assert hub.repositories == {}


def test_a_hub_out_of_reach_is_told(exported, tmp_path, monkeypatch):
    """The client's HTTP library raises errors that are no OSError."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with HubStandIn() as hub:
        pass  # nobody listens there any more
    with hub.used(monkeypatch, cache=tmp_path / "cache"):
        with pytest.raises(OutputError, match="Check token .* is complete"):
            push(exported, "org/data", "dataset", private=True)
        with pytest.raises(DatasetError, match="reachable or cached"):
            open_dataset("org/data")


def test_push_needs_a_token_and_a_name(exported, tmp_path, monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="HF_TOKEN"):
        push(exported, "org/data", "dataset", private=True)
    with pytest.raises(ConfigError, match="org/name"):
        push(exported, "data", "dataset", private=True)
    monkeypatch.setenv("HF_TOKEN", "x")
    with pytest.raises(ConfigError, match="org/name"):
        push(exported, "org/da ta", "dataset", private=True)


@THE_LIBRARYS
def test_push_by_the_command_line(tiny_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    out = tmp_path / "folder"
    command = ["dataset", "export", str(tiny_folder), "--format", "hub", "--out", str(out), "--push", "org/data"]
    assert main(command) == 1
    assert "--license" in capsys.readouterr().err
    with HubStandIn() as hub, hub.used(monkeypatch, cache=tmp_path / "cache"):
        assert main([*command, "--license", "cc0-1.0"]) == 0
        assert ("dataset", "org/data") in hub.repositories
        before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
        hub.repositories.clear()  # as if it had not come so far
        assert main([*command, "--license", "cc0-1.0"]) == 0, "what is finished is pushed"
        assert ("dataset", "org/data") in hub.repositories
        assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
        capsys.readouterr()
        assert main([*command, "--license", "mit"]) == 1
        assert "Choose another folder" in capsys.readouterr().err
    out = tmp_path / "never"
    assert main([*command[:-3], str(out), "--push", "data", "--license", "cc0-1.0"]) == 1
    assert not out.exists(), "a wrong name is found before anything is written"
    assert main(["dataset", "export", str(tiny_folder), "--format", "webdataset", "--out", str(tmp_path / "w"),
                 "--push", "org/data"]) == 1  # fmt: skip
    assert "--format hub" in capsys.readouterr().err


def test_pictures_of_the_export_are_the_bytes_of_the_dataset(exported, tiny_folder):
    first = next(open_dataset(exported).images("retain_real"))
    assert first == next(open_dataset(tiny_folder).images("retain_real"))
    with Image.open(io.BytesIO(first)) as image:
        assert image.format == "JPEG"
