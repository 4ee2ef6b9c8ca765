"""Models: load, save, tokenise, preprocess, hash. The only module that imports open_clip."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from salmubench.clip import model_config
from salmubench.core import hub, manifest, places, writing
from salmubench.core.errors import ModelError

if TYPE_CHECKING:
    import torch
    from PIL import Image
    from torch import Tensor, nn

WEIGHTS = "open_clip_model.safetensors"
CONFIG = "open_clip_config.json"
_WEIGHT_NAMES = (
    WEIGHTS, "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin", "open_clip_pytorch_model.pth",
    "model.safetensors", "pytorch_model.bin",
)  # fmt: skip


@dataclass
class ClipModel:
    """An open_clip model with its tokenizer and preprocessing.

    Attributes:
        tokenizer: captions → (B, L) int64 tokens.
        preprocess: PIL picture → (3, H, W) float32, the model's own evaluation transform.
        config: content of `open_clip_config.json` (`model_cfg`, `preprocess_cfg`).
        sha256: hash of weights and configuration: what makes two models the same one.
        weights_sha256: hash of the weights file alone.
        folder: the local folder it was read from, or `None` for a bare weights file.
        revision: commit on the Hub, where it comes from there.
    """

    module: nn.Module
    tokenizer: Callable[..., Tensor]
    preprocess: Callable[[Image.Image], Tensor]
    config: dict[str, Any]
    sha256: str
    weights_sha256: str
    source: str
    folder: Path | None
    revision: str | None = None

    @property
    def logit_scale(self) -> Tensor:
        """The learnt temperature, already exponentiated: a 0-d tensor."""
        scale: Tensor = self.module.logit_scale.exp()  # type: ignore[operator]
        return scale

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.module.parameters()).device

    @property
    def bytes(self) -> int:
        """What the weights take in memory."""
        return sum(tensor.nbytes for tensor in self.module.state_dict().values())

    @property
    def context_length(self) -> int:
        """Tokens of a caption that the text tower sees."""
        return int(self.config["model_cfg"]["text_cfg"].get("context_length", 77))

    def encode_image(self, images: Tensor) -> Tensor:
        """Encode pictures (B, 3, H, W) to unit vectors (B, d)."""
        vectors: Tensor = self.module.encode_image(images, normalize=True)  # type: ignore[operator]
        return vectors

    def encode_text(self, tokens: Tensor) -> Tensor:
        """Encode tokens (B, L) to unit vectors (B, d)."""
        vectors: Tensor = self.module.encode_text(tokens, normalize=True)  # type: ignore[operator]
        return vectors

    def tokenize(self, captions: Sequence[str]) -> Tensor:
        """Tokenise captions to (B, L) int64; what is longer than the context is cut."""
        return self.tokenizer(list(captions), context_length=self.context_length)


def text_block(module: nn.Module, tokens: Tensor, block: int) -> Tensor:
    """Features of captions (B, L) behind a block (1 is the first) of the text transformer, at their ends: (B, width).

    Raises:
        ModelError: the text tower has no such block.
    """
    blocks: Any = getattr(getattr(module, "transformer", None), "resblocks", ())
    if not 1 <= block <= len(blocks):
        raise ModelError(f"Expected a text transformer with a block {block}, got {len(blocks)} blocks.")
    model: Any = module
    ends, mask = tokens.argmax(dim=-1), model.attn_mask
    length = tokens.shape[1]
    if mask is not None:  # what comes after the end token changes nothing
        length = int(ends.max()) + 1
        tokens, mask = tokens[:, :length], mask[:length, :length]
    dtype, batch_first = model.transformer.get_cast_dtype(), model.transformer.batch_first
    x = model.token_embedding(tokens).to(dtype) + model.positional_embedding[:length].to(dtype)
    x = x if batch_first else x.transpose(0, 1)
    for layer in blocks[:block]:
        x = layer(x, attn_mask=mask)
    x = x if batch_first else x.transpose(0, 1)
    features: Tensor = x[range(len(x)), ends].float()
    return features


def token_counts(captions: Sequence[str]) -> list[int]:
    """Number of tokens of captions by CLIP's own tokenizer, with the marks at both ends."""
    from salmubench.clip.tokens import Tokenizer

    tokenizer = Tokenizer(77)
    return [len(tokenizer.encode(caption)) + 2 for caption in captions]


def load_model(source: str | Path, *, arch: str | None = None, device: str = "cpu") -> ClipModel:
    """Load a model: a folder in open_clip's local-dir layout, `hf-hub:org/name[@revision]`, or a file with `arch`.

    Pickles are never run: safetensors first, otherwise `torch.load(weights_only=True)`. Nor is code beside the weights:
    the configuration is checked field by field (`model_config`), and the tokenizer is CLIP's own. Nothing is fetched
    but what `source` names.

    Raises:
        ModelError: missing, truncated, of another architecture, not finite, a configuration with fields that aren't
            allowed, or a pickle that holds more than tensors.
    """
    import torch

    folder, weights, revision = locate(source, arch=arch)
    config = read_config(folder, arch)
    try:
        with _quiet():
            module, preprocess, tokenizer = _create(config, weights, device=device)
    except Exception as error:
        raise ModelError(
            f"Expected CLIP weights in {weights} that fit {'its ' + CONFIG if folder else f'the architecture {arch!r}'}"
            f" and hold tensors only, got: {type(error).__name__}: {_first_lines(error)}"
        ) from error
    module.eval()
    module.to(memory_format=torch.channels_last)  # convolutional towers run up to twice as fast, others the same
    _check_finite(module, weights)
    weights_sha256 = _hash_weights(weights)
    return ClipModel(
        module=module,
        tokenizer=tokenizer,
        preprocess=preprocess,
        config=config if folder is not None else {**config, "preprocess_cfg": module.visual.preprocess_cfg},
        sha256=_model_sha256(weights_sha256, config),
        weights_sha256=weights_sha256,
        source=str(source),
        folder=folder,
        revision=revision,
    )


def read_config(folder: Path | None, arch: str | None = None) -> dict[str, Any]:
    """Read and check a model's configuration.

    Args:
        folder: that holds `open_clip_config.json`; `None` for a bare weights file.
        arch: the architecture of a bare weights file: a name that open_clip or this package ships.

    Returns:
        `model_cfg`, and `preprocess_cfg` where the file has it.

    Raises:
        ModelError: no such architecture, or a field that isn't allowed.
    """
    if folder is not None:
        return model_config.read_folder_config(folder / CONFIG)
    import open_clip

    name = str(arch).replace("/", "-")  # as open_clip reads ViT-B/32
    shipped = {path.stem: path for path in model_config.SHIPPED.glob("*.json")}
    architecture = model_config.read_json(shipped[name]) if name in shipped else None
    if architecture is None and name in open_clip.list_models():
        architecture = open_clip.get_model_config(name)
    if architecture is None:
        raise ModelError(
            f"Expected --arch to be the name of an architecture that open_clip ships (open_clip.list_models()) or of "
            f"{', '.join(sorted(shipped))}, got {arch!r}."
        )
    return {"model_cfg": dict(model_config.check_architecture(architecture, where=f"the architecture {arch}"))}


def _create(config: dict[str, Any], weights: Path, *, device: str) -> tuple[Any, Any, Any]:
    """Let open_clip build a model from a folder in which nothing lies but the checked configuration and the weights."""
    import open_clip

    name = WEIGHTS if weights.suffix == ".safetensors" else "open_clip_pytorch_model.bin"
    with tempfile.TemporaryDirectory(prefix="salmubench-model-") as folder:
        (Path(folder) / CONFIG).write_text(json.dumps(config), encoding="utf-8")
        _check_room(folder, weights)
        (Path(folder) / name).symlink_to(places.real(weights))
        module, _, preprocess = open_clip.create_model_and_transforms(
            f"local-dir:{folder}", device=device, weights_only=True
        )
    length = config["model_cfg"]["text_cfg"].get("context_length", open_clip.tokenizer.DEFAULT_CONTEXT_LENGTH)
    return module, preprocess, _tokenizer(length)


def _check_room(folder: str, weights: Path) -> None:
    """Refuse a model far larger than its weights before its memory is taken: a number has a byte at least.

    Args:
        folder: with the checked configuration alone.
        weights: the file.

    Raises:
        ValueError: it is larger.
    """
    import open_clip
    import torch

    with torch.device("meta"):  # shapes alone
        module = open_clip.create_model(f"local-dir:{folder}", device="meta", load_weights=False)
    numbers = sum(tensor.numel() for tensor in (*module.parameters(), *module.buffers()))
    if numbers > weights.stat().st_size:
        raise ValueError(f"a configuration of {numbers:,} numbers and weights of {weights.stat().st_size:,} bytes")


@functools.cache
def _tokenizer(length: int) -> Callable[..., Tensor]:
    """CLIP's own tokenizer; reading its vocabulary takes longer than loading a small model."""
    from salmubench.clip.tokens import Tokenizer

    return Tokenizer(length)


class Located(NamedTuple):
    """Where a model is: its folder (`None` for a bare file), its weights file, its commit on the Hub."""

    folder: Path | None
    weights: Path
    revision: str | None


def locate(source: str | Path, *, arch: str | None = None) -> Located:
    """Find a model's files, downloading them where needed.

    Raises:
        ModelError: nothing there.
    """
    text, revision = str(source).removeprefix("local-dir:"), None
    if text.startswith("hf-hub:"):
        fetched = hub.fetch(text.removeprefix("hf-hub:"), "model", error=ModelError)
        folder, revision = fetched.folder, fetched.revision
    elif places.is_folder(text):
        folder = Path(text)
    elif places.is_file(text):
        if arch is None:
            raise ModelError(f"Expected --arch NAME (an open_clip architecture) beside the weights file {text}.")
        return Located(None, Path(text), None)
    else:
        raise ModelError(
            f"Expected a model folder, hf-hub:org/name or a weights file with --arch, got nothing at {source}."
        )
    if not (folder / CONFIG).is_file():
        raise ModelError(f"Expected {CONFIG} in {folder} (open_clip's local-dir layout), got none.")
    for name in _WEIGHT_NAMES:
        if (folder / name).is_file():
            return Located(folder, folder / name, revision)
    raise ModelError(f"Expected weights ({WEIGHTS}) in {folder}, got none of {', '.join(_WEIGHT_NAMES)}.")


def checkpoint_sha256(source: str | Path, *, arch: str | None = None) -> str:
    """Hash of a model: of its weights file, and of the configuration that says how they are used.

    Other means, standard deviations or layers with the same weights are another model.

    Raises:
        ModelError: nothing there, a configuration with fields that aren't allowed, or a download with other bytes than
            the Hub lists.
    """
    folder, weights, _ = locate(source, arch=arch)
    return _model_sha256(_hash_weights(weights), read_config(folder, arch))


def _model_sha256(weights_sha256: str, config: Mapping[str, Any]) -> str:
    return manifest.sha256_json({"weights": weights_sha256, "config": config})


def _hash_weights(weights: Path) -> str:
    sha256 = manifest.sha256_file(weights)
    hub.check_bytes(weights, sha256, error=ModelError)
    return sha256


def save_model(folder: Path, *, state: dict[str, Tensor], config: dict[str, Any]) -> str:
    """Write weights and configuration in open_clip's local-dir layout, each file atomically.

    Args:
        config: `model_cfg` and `preprocess_cfg`.

    Returns:
        The model's hash, as `checkpoint_sha256` gives it.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    writing.write_json(folder / CONFIG, config)
    with writing.atomic_path(folder / WEIGHTS) as temporary:
        save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}, temporary)
    return checkpoint_sha256(folder)


def imagenet_classes() -> ImageNetClasses:
    """ImageNet-1k as zero-shot evaluations use it: synset ids (timm), class names and prompt templates (open_clip)."""
    from open_clip import zero_shot_metadata
    from timm.data.imagenet_info import ImageNetInfo

    return ImageNetClasses(
        tuple(ImageNetInfo().label_names()),  # type: ignore[no-untyped-call]
        tuple(zero_shot_metadata.IMAGENET_CLASSNAMES),
        tuple(template("{}") for template in zero_shot_metadata.OPENAI_IMAGENET_TEMPLATES),
    )


class ImageNetClasses(NamedTuple):
    """Synset ids and class names in the order of the labels, and prompt templates with one `{}` each."""

    synsets: tuple[str, ...]
    names: tuple[str, ...]
    templates: tuple[str, ...]


def _check_finite(module: nn.Module, weights: Path) -> None:
    import torch

    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ModelError(f"Expected finite weights in {weights}, got NaN or infinity in {name!r}.")


def _first_lines(error: Exception) -> str:
    """The beginning of a message, without torch's advice to load code."""
    refused = re.search(r"WeightsUnpickler error: (.*?)( Please use|$)", str(error), re.MULTILINE)
    return (refused[1] if refused else " ".join(str(error).strip().splitlines()[:3]))[:400]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep open_clip's start-up messages (root logger) off the terminal; errors come as exceptions."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
