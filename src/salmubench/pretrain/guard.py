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
from collections.abc import Sequence

from salmubench.core.pools import end_with_parent

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Make sure that this process doesn't outlive its parent.

    On Linux the kernel sends SIGKILL; elsewhere a thread looks at the parent's id (it doesn't survive `exec`). Where
    the parent has gone already, this process ends at once.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    else:
        end_with_parent(parent)
    if os.getppid() != parent:  # it died before the kernel knew whom to watch
        os._exit(1)


def main(arguments: Sequence[str]) -> None:
    """Become the program that the arguments name."""
    die_with_parent(int(arguments[0]))
    os.execvp(arguments[1], list(arguments[1:]))  # noqa: S606 - the launcher's own command, without a shell


if __name__ == "__main__":
    main(sys.argv[1:])
