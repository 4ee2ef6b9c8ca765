"""Runs pieces of work side by side: in this process, in several, or on a Ray cluster.

A piece must give the same result wherever it runs, and whatever it writes must be complete or absent: then it doesn't
matter how many workers there are, and work that was killed goes on with the pieces that are missing. On a cluster every
machine must see the same files under the same paths, and have the same version of the package.

`parallel` does one kind of work on many pieces, `graph` different pieces that wait for one another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, TypeVar, get_args

from salmubench.core import progress
from salmubench.core.errors import ConfigError, UnknownName
from salmubench.core.pools import Executor, cores, pool

Piece = TypeVar("Piece")
Result = TypeVar("Result")

__all__ = ["Executor", "Task", "check", "cores", "graph", "parallel"]


@dataclass(frozen=True)
class Task:
    """A piece of a graph.

    Attributes:
        work: what to do, picklable as its result is, unless all stays in this process.
        needs: names of earlier tasks that must be done before.
    """

    name: str
    work: Callable[[], Any]
    needs: tuple[str, ...] = ()


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
        threads: how many pieces at once where all stays in this process.
        units: how much of the bar a piece is worth.

    Yields:
        Piece and result, in the order in which they finish.

    Raises:
        ConfigError: a number of workers below 0, or Ray isn't installed.
        StageError: a worker was killed.
        Exception: the first one that the work raised; pieces that haven't begun are not begun.
    """
    check(workers, executor)
    tasks = [Task(str(number), partial(work, piece)) for number, piece in enumerate(pieces)]
    with progress.bar(total=sum(map(units, pieces)), description=description) as advance:
        for task, result in _done(tasks, workers, executor, threads):
            piece = pieces[int(task.name)]
            advance(units(piece))
            yield piece, result


def graph(
    tasks: Sequence[Task], *, workers: int, executor: Executor = "joblib", description: str
) -> Iterator[tuple[str, Any]]:
    """Do tasks that wait for one another, as many at once as there are workers; earlier ones go first.

    Args:
        tasks: what to do; a task needs only tasks that stand before it.
        workers: how many at once, as in `parallel`.

    Yields:
        Name and result, in the order in which they finish.

    Raises:
        ConfigError: a number of workers below 0, or Ray isn't installed.
        StageError: a worker was killed.
        Exception: the first one that a task raised; tasks that haven't begun are not begun.
    """
    check(workers, executor)
    with progress.bar(total=len(tasks), description=description) as advance:
        for task, result in _done(tasks, workers, executor):
            advance(1)
            yield task.name, result


def _done(tasks: Sequence[Task], workers: int, executor: Executor, threads: int = 1) -> Iterator[tuple[Task, Any]]:
    """Tasks and their results as they finish; one is begun as soon as there is room and all that it needs is done."""
    waiting, done = list(tasks), set[str]()
    running: dict[Any, Task] = {}
    with pool(workers, executor, threads) as workplace:
        while waiting or running:
            ready = (task for task in waiting if done.issuperset(task.needs))
            for task in list(islice(ready, workplace.room - len(running))):
                waiting.remove(task)
                running[workplace.submit(task.work)] = task
            for future in workplace.finished(list(running)):
                task = running.pop(future)
                yield task, workplace.result(future)
                done.add(task.name)


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
