"""Programs that die with the one that started them.

Run as `python -m salmubench.pretrain.guard PID PROGRAM…`: becomes PROGRAM, which the kernel kills when process PID,
its parent, dies. torchrun starts its workers in sessions of their own, so killing a process group doesn't reach them;
they call `die_with_parent` first thing.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_POLL = 0.5  # seconds


def die_with_parent(parent: int) -> None:
    """Make sure that this process doesn't outlive its parent.

    On Linux the kernel sends SIGKILL; elsewhere a thread looks at the parent's id (it doesn't survive `exec`).

    Args:
        parent: process id of the parent; where it has gone already, this process ends at once.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    else:
        threading.Thread(target=_watch, args=(parent,), name="salmubench-guard", daemon=True).start()
    if os.getppid() != parent:  # it died before the kernel knew whom to watch
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL)
    os.kill(os.getpid(), signal.SIGKILL)


def main(arguments: Sequence[str]) -> None:
    """Become the program that the arguments name."""
    die_with_parent(int(arguments[0]))
    os.execvp(arguments[1], list(arguments[1:]))  # noqa: S606 - the launcher's own command, without a shell


if __name__ == "__main__":
    main(sys.argv[1:])
