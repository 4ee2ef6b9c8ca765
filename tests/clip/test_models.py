"""Loading and saving checkpoints: what is wrong is named, nothing is unpickled."""

import json
import pickle
import shutil

import pytest
import torch

from salmubench.clip import devices, models
from salmubench.core import manifest
from salmubench.core.errors import ConfigError, ModelError
from tiny_model import tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("model") / "tiny")


def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def test_round_trip_and_open_clip_reads_it(folder, tmp_path):
    import open_clip

    model = models.load_model(folder)
    sha = models.save_model(tmp_path / "again", state=model.module.state_dict(), config=model.config)
    assert sha == model.sha256 == models.checkpoint_sha256(tmp_path / "again")
    other, _, _ = open_clip.create_model_and_transforms(f"local-dir:{tmp_path / 'again'}")
    tokens = model.tokenize(["a photo of a cat"])
    assert torch.equal(other.eval().encode_text(tokens, normalize=True), model.encode_text(tokens))


def test_unit_vectors_and_scale(folder):
    model = models.load_model(f"local-dir:{folder}")
    size = model.config["model_cfg"]["vision_cfg"]["image_size"]
    images = model.encode_image(torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(0)))
    assert torch.allclose(images.norm(dim=-1), torch.ones(3), atol=1e-5)
    assert torch.isclose(model.logit_scale, model.module.logit_scale.exp())


def test_weights_file_needs_an_architecture(folder):
    with pytest.raises(ModelError, match="Expected --arch"):
        models.load_model(folder / models.WEIGHTS)
    with pytest.raises(ModelError, match="that fit the architecture 'ViT-B-32'"):
        models.load_model(folder / models.WEIGHTS, arch="ViT-B-32")


def test_nothing_there(tmp_path):
    with pytest.raises(ModelError, match="got nothing at"):
        models.load_model(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="Expected open_clip_config.json"):
        models.load_model(tmp_path / "empty")
    (tmp_path / "empty" / models.CONFIG).write_text("{}")
    with pytest.raises(ModelError, match="Expected weights"):
        models.load_model(tmp_path / "empty")


def test_truncated(folder, tmp_path):
    target = copy(folder, tmp_path)
    data = (target / models.WEIGHTS).read_bytes()
    (target / models.WEIGHTS).write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match="that fit its open_clip_config"):
        models.load_model(target)


def test_other_architecture(folder, tmp_path):
    target = copy(folder, tmp_path)
    config = json.loads((target / models.CONFIG).read_text())
    config["model_cfg"]["vision_cfg"]["width"] *= 2
    (target / models.CONFIG).write_text(json.dumps(config))
    with pytest.raises(ModelError, match="size mismatch|Error"):
        models.load_model(target)


def test_nan_is_named(folder, tmp_path):
    model = models.load_model(folder)
    state = {name: tensor.clone() for name, tensor in model.module.state_dict().items()}
    state["text_projection"][0, 0] = float("nan")
    models.save_model(tmp_path / "nan", state=state, config=model.config)
    with pytest.raises(ModelError, match="'text_projection'"):
        models.load_model(tmp_path / "nan")


class Evil:
    def __reduce__(self):
        return (open, (Evil.target, "w"))


def test_pickle_with_code_is_not_run(folder, tmp_path):
    target = copy(folder, tmp_path)
    (target / models.WEIGHTS).unlink()
    Evil.target = str(tmp_path / "ran")
    (target / "open_clip_pytorch_model.bin").write_bytes(pickle.dumps({"state_dict": Evil()}))
    with pytest.raises(ModelError, match="hold tensors only"):
        models.load_model(target)
    assert not (tmp_path / "ran").exists()


def test_device_and_precision(monkeypatch):
    assert devices.resolve_device("cpu") == "cpu"
    with pytest.raises(ConfigError, match="got 'tpu'"):
        devices.resolve_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="got none"):
            devices.resolve_device("cuda")
    for seconds, faster in ((0.1, "bf16"), (0.4, "bf16"), (0.7, "fp32"), (1.5, "fp32")):
        monkeypatch.setattr(devices, "probe_precision", lambda seconds=seconds: {"fp32": 0.8, "bf16": seconds})
        assert devices.resolve_precision("auto", "cpu") == faster
    for able, faster in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda able=able, **_: able)
        assert devices.resolve_precision("auto", "cuda") == faster
    with pytest.raises(ConfigError, match="got 'fp8'"):
        devices.resolve_precision("fp8")


def test_another_configuration_is_another_model(folder, tmp_path):
    weights = manifest.sha256_file(folder / models.WEIGHTS)
    before = models.load_model(folder)
    assert (before.sha256, before.weights_sha256) == (models.checkpoint_sha256(folder), weights)
    changed = copy(folder, tmp_path)
    path = changed / models.CONFIG
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content))  # other spaces, the same model
    assert models.checkpoint_sha256(changed) == before.sha256
    content["preprocess_cfg"]["mean"] = [0.5, 0.5, 0.5]
    path.write_text(json.dumps(content))
    after = models.load_model(changed)
    assert after.sha256 == models.checkpoint_sha256(changed) != before.sha256
    assert after.weights_sha256 == weights


@pytest.mark.parametrize("before", [True, False])
def test_fp32_on_a_gpu_is_fp32_in_convolutions(before: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    cudnn = torch.backends.cudnn
    monkeypatch.setattr(cudnn, "allow_tf32", before)
    monkeypatch.setattr(cudnn, "benchmark", True)
    with devices.compute("cuda", "fp32"):
        assert (cudnn.allow_tf32, cudnn.benchmark) == (False, True)
    assert cudnn.allow_tf32 is before
    with pytest.raises(KeyError), devices.compute("cuda", "fp32"):
        raise KeyError
    assert (cudnn.allow_tf32, cudnn.benchmark) == (before, True)
    with devices.compute("cpu", "fp32"):
        assert cudnn.allow_tf32 is before
