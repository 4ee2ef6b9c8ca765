"""Several processes on one embeddings folder, started by torchrun: each encodes every n-th chunk, no collectives.

The processes meet in torchrun's key-value store only: the first one opens the folder and says what it encodes, the
others compare that with theirs and say when their chunks are written, the first one joins them. Chunks and batches are
the same as in one process, and so are the files.
"""

from __future__ import annotations

import datetime
import functools
import itertools
import json
import os
from collections.abc import Mapping
from typing import Any

from salmubench.core import reading
from salmubench.core.errors import ModelError

_PATIENCE = datetime.timedelta(days=7)  # torchrun ends the others when one process dies
_calls = itertools.count()


class Ranks:
    """This process among those that torchrun started; one alone elsewhere."""

    def __init__(self) -> None:
        self.rank, self.size = _place()
        self._store = _meeting_place() if self.size > 1 else None
        self._prefix = f"salmubench-encode-{next(_calls)}"

    @property
    def first(self) -> bool:
        """Whether this process joins what all have written."""
        return self.rank == 0

    def begin(self, inputs: Mapping[str, Any], *, complete: bool) -> None:
        """The first process: the folder is open.

        Args:
            inputs: what it encodes, with what, and how: what JSON knows.
        """
        if self._store is not None:
            self._store.set(f"{self._prefix}/begin", json.dumps({"complete": complete, "inputs": inputs}))

    def wait_to_begin(self, inputs: Mapping[str, Any]) -> bool:
        """The others: wait for the first.

        Args:
            inputs: of this process, as those that the first one gives to `begin`.

        Returns:
            Whether there is work.

        Raises:
            ModelError: this process would encode something else, and its chunks would be among those of the first.
        """
        begun = json.loads(self._value("begin"))
        first = begun["inputs"]
        keys = [key for key in {**first, **inputs} if first.get(key) != inputs.get(key)]
        if keys:
            values = (f"{key} {reading.shown(inputs.get(key))}, not {reading.shown(first.get(key))}" for key in keys)
            raise ModelError(
                f"Expected all processes of torchrun to encode the same as the first one, got in process {self.rank}: "
                f"{'; '.join(values)}. Give all of them the same model, dataset and options."
            )
        return not begun["complete"]

    def done(self) -> None:
        """The others: all own chunks are written. Wait for the first to join them."""
        if self._store is not None:
            self._store.set(f"{self._prefix}/done{self.rank}", "")
            self._value("end")

    def wait_for_others(self) -> None:
        """The first process: wait until all chunks are there."""
        for rank in range(1, self.size):
            self._value(f"done{rank}")

    def end(self) -> None:
        """The first process: the folder is finished."""
        if self._store is not None:
            self._store.set(f"{self._prefix}/end", "")

    def _value(self, key: str) -> Any:
        assert self._store is not None
        self._store.wait([f"{self._prefix}/{key}"], _PATIENCE)
        return self._store.get(f"{self._prefix}/{key}")


def is_first() -> bool:
    """Whether this process is the only one, or the first that torchrun started."""
    return _place()[0] == 0


def _place() -> tuple[int, int]:
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


@functools.cache
def _meeting_place() -> Any:
    import torch
    from torch.distributed.rendezvous import rendezvous

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    store, _, _ = next(rendezvous("env://"))
    return store
