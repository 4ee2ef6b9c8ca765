"""A check takes no more time and memory than it may, and then goes on as if nothing had been."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from report_world import METRICS
from salmubench.core.errors import RecordError
from salmubench.leaderboard import check as checking
from salmubench.leaderboard import limits
from salmubench.leaderboard.check import check

pytestmark = pytest.mark.stage


def test_time_is_limited_and_the_timer_is_as_before() -> None:
    before = signal.getsignal(signal.SIGPROF)
    with pytest.raises(RecordError, match=r"checked in 0\.2 seconds"), limits.limited(seconds=0.2):
        while True:
            pass
    assert signal.getitimer(signal.ITIMER_PROF)[0] == 0
    assert signal.getsignal(signal.SIGPROF) is before
    with limits.limited(seconds=5):
        assert 0 < signal.getitimer(signal.ITIMER_PROF)[0] <= 5.1
    assert signal.getitimer(signal.ITIMER_PROF)[0] == 0


EATS = """
    import resource
    from salmubench.core.errors import RecordError
    from salmubench.leaderboard import limits
    before = resource.getrlimit(resource.RLIMIT_DATA)
    try:
        with limits.limited(memory=200 * 2**20):
            kept = [b"x" * 2**20 for _ in range(400)]
    except RecordError as error:
        print(error)
    kept = [b"x" * 2**20 for _ in range(400)]
    print(before == resource.getrlimit(resource.RLIMIT_DATA))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_memory_is_limited_and_free_again() -> None:
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(EATS)], capture_output=True, text=True, check=True)
    message, restored = done.stdout.splitlines()
    assert "0.195312 GiB of memory" in message
    assert restored == "True"


def test_what_takes_too_long_is_a_finding(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*_: object) -> None:
        while True:
            pass

    monkeypatch.setattr(checking, "rescore", endless)
    monkeypatch.setattr(checking.limits, "limited", lambda: _limited(seconds=0.3))
    found = check(packed, metrics=METRICS)
    assert [item.code for item in found.findings] == ["work"]
    assert found.loaded is None


_limited = limits.limited
