"""What is read of shards that are streamed: pictures and captions, by a list of what is allowed.

webdataset reads every member of a shard whole, whatever size its header states, and decodes it by its extension; for
some of them (`pyd`, `pickle`, `pth`, also with `.gz` behind) that means to run what the member says. A shard is data of
others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from salmubench.pretrain.samples import BROKEN, IMAGES, is_read, members, open_bytes, read_member, split_name, tar_of
from salmubench.pretrain.sights import draw, read_rewrites

_KEPT = ("__key__", "__url__")  # names for messages


def decode_pairs_only(loader: Any, decoder: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
    """Replace the stages of the engine's pipeline that read and decode members.

    Args:
        loader: the engine's loader of shards; changed in place.
        decoder: what decodes a sample, `Decoder` or `decode_pair`.

    Raises:
        RuntimeError: its pipeline has another form, so that something else might read or decode.
    """
    from open_clip_train.data import log_and_continue, tarfile_to_samples_nothrow
    from webdataset import filters, tariterators

    stages = _stages(loader)
    tail = [filters._select, filters._decode, filters._rename, filters._map_dict, filters._to_tuple, filters._batched]
    functions = [getattr(stage, "f", None) for stage in stages]
    decoders = [index for index, function in enumerate(functions) if function in (filters._decode, filters._xdecode)]
    reading = (tarfile_to_samples_nothrow, tariterators.tarfile_samples)  # of training and of validation
    readers = [index for index, stage in enumerate(stages) if stage in reading or functions[index] in reading]
    if functions[-len(tail) :] != tail or decoders != [len(stages) - len(tail) + 1] or len(readers) != 1:
        raise RuntimeError("open_clip_train's data pipeline has another form than that of version 3.3")
    stages[readers[0]] = samples
    stages[decoders[0]] = filters.map(decoder, handler=log_and_continue)


def samples(sources: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Samples of shards (`url` of each) as the engine's own stage groups them, and logs and passes over what is broken.

    Yields:
        Bytes by extension, of pictures and captions only; `__key__` and `__url__`.
    """
    from open_clip_train.data import group_by_keys_nothrow, log_and_continue
    from webdataset.tariterators import url_opener

    yield from group_by_keys_nothrow(_files(url_opener(sources, handler=log_and_continue)))


def _files(opened: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    from open_clip_train.data import log_and_continue

    for source in opened:
        try:
            tar = tar_of(source["stream"])
            for member in members(tar):
                named = split_name(member.name)
                if named is None:  # among the members of a pair it would divide it
                    continue
                data = read_member(tar, member) if is_read(named[1]) else b""
                yield {"fname": member.name, "data": data, "__url__": source["url"]}
        except BROKEN as error:
            log_and_continue(error)
        finally:
            source["stream"].close()


class Decoder:
    """Decodes samples of a training, each with the caption that is drawn for this sight of the epoch."""

    def __init__(self, seed: int, epoch: Callable[[], int]) -> None:
        self.seed, self.epoch = seed, epoch
        self._seen: tuple[int, Counter[str]] = (-1, Counter())  # sights of each row in an epoch

    def __call__(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """As `decode_pair`; broken rewrites are a `DatasetError`, too."""
        decoded, epoch = decode_pair(sample), self.epoch()
        rewrites, shares = read_rewrites(sample, str(sample.get("__key__")))
        if rewrites:
            if self._seen[0] != epoch:
                self._seen = (epoch, Counter())
            key = str(sample["__key__"]).rpartition("/")[2]
            number = draw(shares, seed=self.seed, epoch=epoch, row=key, sight=self._seen[1][key])
            self._seen[1][key] += 1
            decoded["txt"] = (decoded["txt"], *rewrites)[number]
        return decoded


def decode_pair(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Decode pictures (PIL, RGB) and the official caption of a sample, and leave out all other members.

    Raises:
        DatasetError: a picture can't be decoded.
        UnicodeDecodeError: the caption isn't UTF-8.
    """
    kept = {name: sample[name] for name in _KEPT if name in sample}
    kept |= {name: open_bytes(sample[name], sample["__key__"]) for name in IMAGES if name in sample}
    return {**kept, "txt": sample["txt"].decode()}


def _stages(loader: Any) -> list[Any]:
    try:
        stages = loader.pipeline[0].dataset.pipeline
    except (AttributeError, IndexError, TypeError):
        return []
    return stages if isinstance(stages, list) else []
