"""Runs independent pieces of work: in this process, in several, or on a Ray cluster.

A piece must give the same result wherever it runs, and whatever it writes must be complete or absent: then it doesn't
matter how many workers there are, and work that was killed goes on with the pieces that are missing. On a cluster every
machine must see the same files under the same paths, and have the same version of the package.

Ray gets plain tasks and not its joblib backend, which deals pieces to the workers in turn (a short piece waits behind
a long one while another worker idles) and gives nothing back before all are done.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Literal, TypeVar, get_args

from salmubench.core import progress
from salmubench.core.errors import ConfigError, StageError, UnknownName

Executor = Literal["joblib", "ray"]
"""Where workers live: processes of this machine, or a Ray cluster (`RAY_ADDRESS`; one of this machine without it)."""

Piece = TypeVar("Piece")
Result = TypeVar("Result")

SAFE_PATH = "PYTHONSAFEPATH"
_GUARD = "salmubench-guard"

_LOST = (
    "Expected every worker to live until its piece is done, but one was killed; most often memory has run out. "
    "Run the same command again with fewer workers: finished pieces are kept."
)


def parallel(
    work: Callable[[Piece], Result],
    pieces: Sequence[Piece],
    *,
    workers: int,
    executor: Executor = "joblib",
    threads: int = 1,
    description: str,
    units: Callable[[Piece], int] = lambda _: 1,
) -> Iterator[tuple[Piece, Result]]:
    """Do the work on each piece and show a progress bar; nothing begins before the first result is asked for.

    Args:
        work: what to do, a function at the top of its module, or a `functools.partial` of one.
        pieces: what to do it on; must be picklable, as must the results, unless all stays in this process.
        workers: how many pieces at once. With `joblib`, 0 and 1 mean this process; with `ray`, 0 means all processors
            of the cluster.
        executor: where the workers live.
        threads: how many pieces at once where all stays in this process.
        description: of the bar, one or two words.
        units: how much of the bar a piece is worth.

    Yields:
        Piece and result, in the order in which they finish.

    Raises:
        ConfigError: a number of workers below 0, or Ray isn't installed.
        StageError: a worker was killed.
        Exception: the first one that the work raised; pieces that haven't begun are not begun.
    """
    check(workers, executor)
    if executor == "ray":
        finished = _by_ray(work, pieces, workers)
    elif workers > 1:
        finished = _by_joblib(work, pieces, {"n_jobs": workers})
    elif threads > 1:
        finished = _by_joblib(work, pieces, {"n_jobs": threads, "backend": "threading"})
    else:
        finished = ((number, work(piece)) for number, piece in enumerate(pieces))
    with progress.bar(total=sum(map(units, pieces)), description=description) as advance:
        for number, result in finished:
            advance(units(pieces[number]))
            yield pieces[number], result


def check(workers: int, executor: Executor) -> None:
    """Check what `parallel` would complain about, before anything is written.

    Raises:
        ConfigError: a number of workers below 0, an unknown executor, or Ray isn't installed.
    """
    if workers < 0:
        raise ConfigError(f"Expected workers to be 0 or more, got {workers}.")
    if executor not in get_args(Executor):
        raise UnknownName("executor", executor, get_args(Executor))
    if executor == "ray":
        try:
            import ray  # noqa: F401
        except ImportError as error:
            raise ConfigError(
                "Expected Ray for the executor 'ray', got none: pip install 'salmubench[ray]'."
            ) from error


def cores() -> int:
    """How many threads this process should keep busy: its processors, fewer where `OMP_NUM_THREADS` says so.

    joblib, Ray and torchrun set that variable in their workers, so that these don't get into each other's way.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(usable, int(asked)) if asked.isdecimal() and int(asked) else usable


@contextlib.contextmanager
def safe_path() -> Iterator[None]:
    """Meanwhile no Python that is started takes modules from the working folder, which may be a stranger's.

    `python -m` and `python -c`, by which joblib and others start processes, would look there first.
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
    """Start a thread, once a process, that ends this process soon after its parent is gone.

    Args:
        parent: process id of the parent.
    """
    if not any(thread.name == _GUARD for thread in threading.enumerate()):
        threading.Thread(target=_wait_for_end_of, args=(parent,), name=_GUARD, daemon=True).start()


def _numbered(work: Callable[[Piece], Result], number: int, piece: Piece) -> tuple[int, Result]:
    return number, work(piece)


def _guarded(parent: int, work: Callable[[Piece], Result], number: int, piece: Piece) -> tuple[int, Result]:
    """In a worker process: a parent that was killed can't stop its workers, so they look after it themselves."""
    end_with_parent(parent)
    return number, work(piece)


def _wait_for_end_of(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _by_joblib(
    work: Callable[[Piece], Result], pieces: Sequence[Piece], pool: dict[str, Any]
) -> Iterator[tuple[int, Result]]:  # fmt: skip
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    run = _numbered if "backend" in pool else partial(_guarded, os.getpid())
    jobs = (delayed(run)(work, number, piece) for number, piece in enumerate(pieces))
    try:
        with safe_path(), warnings.catch_warnings():  # a worker that has grown is replaced: nothing to tell
            warnings.filterwarnings("ignore", message="A worker stopped while some jobs", category=UserWarning)
            yield from Parallel(return_as="generator_unordered", batch_size=1, **pool)(jobs)
    except TerminatedWorkerError as error:
        raise StageError(_LOST) from error
    finally:
        if "backend" not in pool:
            get_reusable_executor().shutdown(wait=True)  # idle processes would keep their memory for minutes


def _by_ray(work: Callable[[Piece], Result], pieces: Sequence[Piece], workers: int) -> Iterator[tuple[int, Result]]:
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
        task = ray.remote(_numbered)
        shared = ray.put(work)
        limit = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        waiting = enumerate(pieces)
        running = [task.remote(shared, *item) for item in islice(waiting, limit)]
        while running:
            ready, running = ray.wait(running)
            running += [task.remote(shared, *item) for item in islice(waiting, len(ready))]
            yield from ray.get(ready)
    except RayTaskError as error:
        raise error.cause from None
    except (WorkerCrashedError, OutOfMemoryError) as error:
        raise StageError(_LOST) from error
    finally:
        if ours:
            ray.shutdown()
