"""Architectures by name: shipped here, known to open_clip, or a JSON file. Nothing heavy is imported."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from salmubench.clip import model_config
from salmubench.clip.model_config import SHIPPED
from salmubench.core import places
from salmubench.core.errors import ConfigError, UnknownName

_FILE_NAME = re.compile(r"(?!.*siglip)[a-z0-9][a-z0-9_.-]*")


@dataclass(frozen=True)
class Architecture:
    """An open_clip model configuration.

    Attributes:
        path: the JSON file to register, or `None` where open_clip knows the name already.
        config: the file's content (`embed_dim`, `vision_cfg`, `text_cfg`).
    """

    name: str
    path: Path | None
    config: Mapping[str, Any]

    @property
    def image_size(self) -> int:
        """Side of the pictures the model sees, pixels."""
        size = self.config["vision_cfg"].get("image_size", 224)
        return int(size[0] if isinstance(size, list) else size)


def find(model: str) -> Architecture:
    """Find an architecture.

    Args:
        model: a shipped name, a name of open_clip, or the path of a JSON file.

    Raises:
        UnknownName: no such name.
        ConfigError: the file is missing or no model configuration, or one with fields that aren't allowed.
    """
    if model.endswith(".json"):
        path = places.real(model)
        if _FILE_NAME.fullmatch(path.stem.lower()) is None:  # open_clip would fetch what hf-hub:… or siglip stands for
            raise ConfigError(
                f"Expected a model configuration's file name of letters, digits and _ . - without 'siglip', got "
                f"{path.name}. Rename it."
            )
        return Architecture(path.stem, path, _read(path))
    shipped = SHIPPED / f"{model}.json"
    if shipped.is_file():
        return Architecture(model, shipped, _read(shipped))
    others = _engine_configs()
    if model not in others:
        raise UnknownName("model", model, [*(path.stem for path in SHIPPED.glob("*.json")), *others])
    return Architecture(model, None, _read(others[model]))


def _engine_configs() -> dict[str, Path]:
    spec = importlib.util.find_spec("open_clip")
    if spec is None or spec.origin is None:
        return {}
    return {path.stem: path for path in (Path(spec.origin).parent / "model_configs").glob("*.json")}


def _read(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise ConfigError(f"Expected pretrain.model to be a name or the path of a JSON file, got no file {path}.")
    content = model_config.read_json(path, ConfigError)
    return model_config.check_architecture(content, where=str(path), error=ConfigError)
