"""The same results wherever the pieces run."""

from __future__ import annotations

import os
import pickle
import platform
import re
import resource
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

import executor_pieces as pieces
from salmubench.core.errors import ConfigError, MethodError, StageError, UnknownName
from salmubench.core.executor import Task, cores, graph, parallel

pytestmark = pytest.mark.stage

PLACES = [
    pytest.param({"workers": 0}, id="here"),
    pytest.param({"workers": 0, "threads": 2}, id="threads"),
    pytest.param({"workers": 2}, id="processes"),
    pytest.param({"workers": 2, "executor": "ray"}, id="ray"),
]


@pytest.fixture(params=PLACES)
def place(request):
    if request.param.get("executor") == "ray":
        request.getfixturevalue("ray_cluster")
    return request.param


def test_each_piece_once_with_its_result(place):
    found = list(parallel(pieces.square, range(20), description="Squares", **place))
    assert sorted(found) == [(number, number * number) for number in range(20)]


def test_nothing_to_do(place):
    assert list(parallel(pieces.square, [], description="Squares", **place)) == []


def test_an_error_comes_back_as_it_was_raised(place):
    with pytest.raises(UnknownName, match="Did you mean 'Atlant'") as caught:
        list(parallel(pieces.fail_at_five, range(9), description="Countries", **place))
    assert (caught.value.kind, caught.value.name) == ("country", "Atlantis")


def test_where_the_work_is_done(place):
    found = [result for _, result in parallel(pieces.process, range(6), description="Processes", **place)]
    apart = place.get("executor") == "ray" or place["workers"] > 1
    assert (os.getpid() not in {process for process, _ in found}) == apart
    if apart:  # two workers on the processors of this machine
        assert {count for _, count in found} <= {1, max(1, cores() // 2)}


def test_a_killed_worker_is_told():
    with pytest.raises(StageError, match="memory"):
        list(parallel(pieces.die, range(3), workers=2, description="Deaths"))
    assert len(list(parallel(pieces.square, range(3), workers=2, description="Squares"))) == 3  # and can be repeated


def test_workers_of_a_killed_parent_end(tmp_path):
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1] / 'support')!r})\n"
        "import executor_pieces as pieces; from salmubench.core.executor import parallel\n"
        f"list(parallel(pieces.tell_and_wait, [{str(tmp_path)!r}] * 2, workers=2, description='Waiting'))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
    parent.kill()
    parent.wait()
    workers = [int(path.name) for path in tmp_path.iterdir()]
    wait_for(lambda: not any(psutil.pid_exists(worker) for worker in workers))


def wait_for(true) -> None:
    """Until it is, at most a minute."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_units_of_the_bar(capfd, monkeypatch):
    monkeypatch.setattr("salmubench.core.progress._LINE_EVERY", 0)
    list(parallel(pieces.square, [3, 5], workers=0, description="Squares", units=lambda number: number))
    assert re.fullmatch(r"Squares: 3/8, \d+ s left\nSquares: 8/8\n", capfd.readouterr().err)


def test_negative_workers():
    with pytest.raises(ConfigError, match="workers"):
        list(parallel(pieces.square, [1], workers=-1, description="Squares"))


def test_unknown_executor():
    with pytest.raises(UnknownName, match="Did you mean 'ray'"):
        list(parallel(pieces.square, [1], workers=1, executor="rays", description="Squares"))


def test_ray_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(ConfigError, match=r"salmubench\[ray\]"):
        list(parallel(pieces.square, [1], workers=1, executor="ray", description="Squares"))


def test_cores_are_those_that_the_environment_allows(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    usable = cores()
    assert usable == len(os.sched_getaffinity(0))
    for text, expected in (("1", 1), ("1000", usable), ("0", usable), ("", usable), ("many", usable)):
        monkeypatch.setenv("OMP_NUM_THREADS", text)
        assert cores() == expected


@pytest.mark.parametrize("error", [UnknownName("key", "a", ["b"]), MethodError("delete", 3, "no gradient")])
def test_errors_travel(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), vars(again)) == (str(error), vars(error))


def test_a_task_begins_when_what_it_needs_is_done(place, tmp_path):
    place = {name: value for name, value in place.items() if name != "threads"}
    needs = {"sum": ("a", "b"), "a": (), "b": ("a",), "c": (), "end": ("sum", "c")}
    order = ("c", "a", "b", "sum", "end")
    tasks = [Task(name, partial(pieces.write_after, str(tmp_path), name, needs[name]), needs[name]) for name in order]
    finished = list(graph(tasks, description="Tasks", **place))
    assert dict(finished) == {name: list(needs[name]) for name in order}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(order)


def test_tasks_of_a_graph_that_fails_are_not_begun(place, tmp_path):
    place = {name: value for name, value in place.items() if name != "threads"}
    tasks = [
        Task("fails", partial(pieces.fail_at_five, 5)),
        Task("next", partial(pieces.write_after, str(tmp_path), "next", ()), needs=("fails",)),
    ]
    with pytest.raises(UnknownName, match="Atlantis"):
        list(graph(tasks, description="Tasks", **place))
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone is told to keep what is freed")
@pytest.mark.parametrize("kept", [True, False])
def test_freed_memory_is_used_again(*, kept: bool) -> None:
    """The kernel clears a page once, and not once for each of twenty rounds."""
    program = (
        "import resource\n"
        "from salmubench.core.pools import keep_freed_memory\n"
        "keep_freed_memory()\n"
        "for _ in range(20):\n"
        "    blocks = [bytearray(24 << 20) for _ in range(6)]\n"
        "    del blocks\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)\n"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    asked_otherwise = {} if kept else {"MALLOC_TOP_PAD_": "131072"}
    done = subprocess.run(
        [sys.executable, "-c", program], env={**clean, **asked_otherwise}, capture_output=True, text=True, check=True
    )
    once = 6 * (24 << 20) / resource.getpagesize()
    assert (int(done.stdout) < 3 * once) == kept
