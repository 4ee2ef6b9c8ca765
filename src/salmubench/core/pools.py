"""Where pieces of work run: here, in threads, in processes of this machine, or on a Ray cluster."""

from __future__ import annotations

import concurrent.futures
import contextlib
import ctypes
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, Protocol

from salmubench.core.errors import StageError

Executor = Literal["joblib", "ray"]
"""Where workers live: processes of this machine, or a Ray cluster (`RAY_ADDRESS`; one of this machine without it)."""

SAFE_PATH = "PYTHONSAFEPATH"
_GUARD = "salmubench-guard"
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # as malloc.h numbers them
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")

_LOST = (
    "Expected every worker to live until its piece is done, but one was killed; most often memory has run out. "
    "Run the same command again with fewer workers: finished pieces are kept."
)


class Pool(Protocol):
    """What works: `room` pieces at once, `finished` waits for at least one."""

    room: int

    def submit(self, work: Callable[[], Any]) -> Any:
        """Begin a piece; give its ticket."""

    def finished(self, tickets: Sequence[Any]) -> Sequence[Any]:
        """Wait until some are done; give their tickets."""

    def result(self, ticket: Any) -> Any:
        """What a piece gave; what it raised is raised."""


@contextlib.contextmanager
def pool(workers: int, executor: Executor, threads: int = 1) -> Iterator[Pool]:
    """Workers for a while, as `executor.parallel` counts them; leaving ends them, and with an error what they do."""
    if executor == "ray":
        with _ray(workers) as cluster:
            yield cluster
    elif workers > 1:
        with _processes(workers) as processes:
            yield processes
    elif threads > 1:
        with concurrent.futures.ThreadPoolExecutor(threads) as helpers:
            yield _Futures(threads, helpers.submit)
    else:
        yield _Here()


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cores() -> int:
    """How many threads this process should keep busy: its processors, fewer where `OMP_NUM_THREADS` says so.

    Pools and torchrun set that variable in their workers, so that these don't get into each other's way.
    """
    requested = os.environ.get("OMP_NUM_THREADS", "")
    return min(processors(), int(requested)) if requested.isdecimal() and int(requested) else processors()


@contextlib.contextmanager
def safe_path() -> Iterator[None]:
    """Meanwhile no Python that is started takes modules from the working folder, which may be a stranger's.

    `python -m` and `python -c`, by which pools and others start processes, would look there first.
    """
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(SAFE_PATH, None)
        else:
            os.environ[SAFE_PATH] = before


def end_with_parent(parent: int) -> None:
    """Start a thread, once a process, that ends it soon after its parent: one that is killed can't stop its workers."""
    if not any(thread.name == _GUARD for thread in threading.enumerate()):
        threading.Thread(target=_wait_for_end_of, args=(parent,), name=_GUARD, daemon=True).start()


def keep_freed_memory() -> None:
    """Let this process keep what it frees, to use it again.

    glibc returns large blocks to the kernel, which clears every page of them when they are needed again: in a training
    step, which frees and takes the same hundreds of megabytes, up to a tenth of the time. Other systems are left as
    they are, and so is a process whose environment tunes malloc.
    """
    if sys.platform != "linux" or any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, 32 * 2**20)  # the largest that it takes: larger blocks are still returned
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)


class _Futures:
    """Pieces as futures of the standard library."""

    def __init__(self, room: int, submit: Callable[[Callable[[], Any]], Any]) -> None:
        self.room, self.submit = room, submit

    def finished(self, tickets: Sequence[Any]) -> Sequence[Any]:
        done, _ = concurrent.futures.wait(tickets, return_when=concurrent.futures.FIRST_COMPLETED)
        return [ticket for ticket in tickets if ticket in done]

    def result(self, ticket: Any) -> Any:
        return ticket.result()


class _Here:
    """One piece at a time, in this process, done when its result is asked for."""

    room = 1

    def submit(self, work: Callable[[], Any]) -> Any:
        return work

    def finished(self, tickets: Sequence[Any]) -> Sequence[Any]:
        return tickets[:1]

    def result(self, ticket: Any) -> Any:
        return ticket()


@contextlib.contextmanager
def _processes(workers: int) -> Iterator[Pool]:
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    environment = {name: str(max(1, cores() // workers)) for name in _THREADS}
    lost = True
    with safe_path(), warnings.catch_warnings():  # a worker that has grown is replaced: nothing to tell
        warnings.filterwarnings("ignore", message="A worker stopped while some jobs", category=UserWarning)
        executor = get_reusable_executor(workers, env=environment, initializer=_begin, initargs=(os.getpid(),))
        try:
            yield _Futures(workers, executor.submit)
            lost = False
        except TerminatedWorkerError as error:
            raise StageError(_LOST) from error
        finally:
            executor.shutdown(wait=True, kill_workers=lost)  # idle processes would keep their memory for minutes


def _wait_for_end_of(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _begin(parent: int) -> None:
    """In a worker process; a parent that was killed can't stop its workers, so they look after it themselves."""
    keep_freed_memory()
    end_with_parent(parent)


class _Cluster:
    """Pieces as plain tasks of Ray.

    Not its joblib backend, which deals pieces to the workers in turn (a short piece waits behind a long one while
    another worker idles) and gives nothing back before all are done.
    """

    def __init__(self, ray: Any, room: int) -> None:
        self.room, self._ray, self._task = room, ray, ray.remote(_call)

    def submit(self, work: Callable[[], Any]) -> Any:
        return self._task.remote(work)

    def finished(self, tickets: Sequence[Any]) -> Sequence[Any]:
        done: Sequence[Any] = self._ray.wait(tickets)[0]
        return done

    def result(self, ticket: Any) -> Any:
        return self._ray.get(ticket)


def _call(work: Callable[[], Any]) -> Any:
    return work()


@contextlib.contextmanager
def _ray(workers: int) -> Iterator[Pool]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would tell its makers about each use
    import ray
    from ray.exceptions import OutOfMemoryError, RayTaskError, WorkerCrashedError
    from ray.job_config import JobConfig

    ours = not ray.is_initialized()
    if ours:
        local = {} if "RAY_ADDRESS" in os.environ else {"num_cpus": workers or cores(), "include_dashboard": False}
        job = JobConfig(_client_job=True)  # of any other, workers look for modules in the working folder first
        with safe_path():
            ray.init(log_to_driver=False, logging_level="warning", job_config=job, **local)
    try:
        yield _Cluster(ray, workers or max(1, int(ray.cluster_resources().get("CPU", 1))))
    except RayTaskError as error:
        raise error.cause from None
    except (WorkerCrashedError, OutOfMemoryError) as error:
        raise StageError(_LOST) from error
    finally:
        if ours:
            ray.shutdown()
