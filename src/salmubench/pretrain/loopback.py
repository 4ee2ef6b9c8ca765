"""torchrun for one machine, heard by nobody outside it.

Run as `salmubench-torchrun OPTIONS…`, or as `python -m salmubench.pretrain.loopback TORCHRUN OPTIONS…`. torchrun's
key-value store would listen on all addresses, whatever the rendezvous says; here its socket is one of 127.0.0.1. What
the processes say to each other goes over the loopback interface too.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from typing import Any

from salmubench.core.pools import SAFE_PATH

HOST = "127.0.0.1"
_INTERFACE = {"linux": "lo", "darwin": "lo0"}.get(sys.platform)


def main(arguments: Sequence[str]) -> None:
    """Run torchrun; the arguments are its path, which is only shown, and its options."""
    import torch.distributed

    store: Any = vars(torch.distributed)["TCPStore"]

    class LocalStore(store):  # type: ignore[misc]
        def __init__(
            self, host_name: str, port: int, world_size: int | None = None, is_master: bool = False, *args: Any,
            **options: Any,
        ) -> None:  # fmt: skip
            if is_master:
                listening = socket.create_server((HOST, port))
                port = listening.getsockname()[1]
                options["master_listen_fd"] = listening.detach()
            super().__init__(host_name, port, world_size, is_master, *args, **options)

    os.environ[SAFE_PATH] = "1"  # torchrun starts the workers by `python -m`
    vars(torch.distributed)["TCPStore"] = LocalStore  # before torchrun's modules take it from there
    if _INTERFACE is not None:
        os.environ |= dict.fromkeys(("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME", "TP_SOCKET_IFNAME"), _INTERFACE)
    from torch.distributed import run

    run.main(["--local-addr", HOST, *arguments[1:]])


def script() -> None:
    """The program `salmubench-torchrun`."""
    main(sys.argv)


if __name__ == "__main__":
    main(sys.argv[1:])
