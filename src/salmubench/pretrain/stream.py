"""What is decoded of shards that are streamed: pictures and captions, by a list of what is allowed.

webdataset decodes every member of a shard by its extension, and for some of them (`pyd`, `pickle`, `pth`, also with
`.gz` behind) that means to run what the member says. A shard is data of others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from salmubench.pretrain.samples import IMAGES, open_bytes

_KEPT = ("__key__", "__url__")  # names for messages


def decode_pairs_only(loader: Any) -> None:
    """Replace the stage of the engine's pipeline that decodes members.

    Args:
        loader: the engine's loader of shards; changed in place.

    Raises:
        RuntimeError: its pipeline has another form, so that something else might decode.
    """
    from open_clip_train.data import log_and_continue
    from webdataset import filters

    stages = _stages(loader)
    tail = [filters._select, filters._decode, filters._rename, filters._map_dict, filters._to_tuple, filters._batched]
    functions = [getattr(stage, "f", None) for stage in stages]
    decoders = [index for index, function in enumerate(functions) if function in (filters._decode, filters._xdecode)]
    if functions[-len(tail) :] != tail or decoders != [len(stages) - len(tail) + 1]:
        raise RuntimeError("open_clip_train's data pipeline has another form than that of version 3.3")
    stages[decoders[0]] = filters.map(decode_pair, handler=log_and_continue)


def decode_pair(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Decode pictures (PIL, RGB) and caption of a sample, and leave out all other members.

    Args:
        sample: bytes by extension.

    Raises:
        DatasetError: a picture can't be decoded.
        UnicodeDecodeError: the caption isn't UTF-8.
    """
    members = {name: sample[name] for name in _KEPT if name in sample}
    members |= {name: open_bytes(sample[name], sample["__key__"]) for name in IMAGES if name in sample}
    return {**members, "txt": sample["txt"].decode()}


def _stages(loader: Any) -> list[Any]:
    try:
        stages = loader.pipeline[0].dataset.pipeline
    except (AttributeError, IndexError, TypeError):
        return []
    return stages if isinstance(stages, list) else []
