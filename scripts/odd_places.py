"""Commands in odd places: a full disk, a folder that can't be written, no HOME, another locale, a clock set back.

    python scripts/odd_places.py --work runs/soak --out runs/soak/places.json

Each place is made for real, and commands run there in processes of their own. They must end well, or with one paragraph
that says what was expected, what is there and what to do; no file may be half-written; and where nothing is in the way
any more, the same command makes what an undisturbed one makes, byte for byte (`soak.COMMANDS`). `make soak` runs this
after its rounds. Mounts need root: without, the table says what stood for them. Exit 1 where something is wrong. Linux
only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from soak import COMMANDS, METHOD, SEED, Soak, _differences, _mount

from salmubench.core import provenance, writing

DISTURBED = ("dataset build", "encode", "unlearn", "score", "report")
"""Writers of every kind of file: pictures, arrays, weights, records, pages."""
QUICK = ("score", "report")
_PARAGRAPH = re.compile(r"salmubench: Expected .+ (got|but)\b.+\. [A-Z].+", re.DOTALL)
_MAIN = (sys.executable, "-P", "-m", "salmubench.cli.main")
_CLOCK = r"""
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Half a second after the first question it is a day earlier. */
int clock_gettime(clockid_t id, struct timespec *t) {
    static double first;
    int failed = syscall(SYS_clock_gettime, id, t);
    if (failed || id != CLOCK_REALTIME) return failed;
    double now = t->tv_sec + t->tv_nsec * 1e-9;
    if (!first) first = now;
    if (now > first + 0.5) t->tv_sec -= 86400;
    return 0;
}
time_t time(time_t *out) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (out) *out = t.tv_sec;
    return t.tv_sec;
}
int gettimeofday(struct timeval *out, void *zone) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    out->tv_sec = t.tv_sec;
    out->tv_usec = t.tv_nsec / 1000;
    return 0;
}
"""


@dataclass
class Seen:
    """What came of a place.

    Attributes:
        name: the place.
        how: how it was made.
        commands: that ran there.
        said: what the last one that was refused said.
        problems: what is wrong.
    """

    name: str
    how: str
    commands: list[str] = field(default_factory=list)
    said: str = ""
    problems: list[str] = field(default_factory=list)


class Places:
    """All places, in a folder with what `soak` has made.

    Args:
        soak: whose `home` commands read, and whose undisturbed results they are compared with.
    """

    def __init__(self, soak: Soak) -> None:
        self.soak, self.place, self.run = soak, soak.work / "places", soak.home / "run"

    def refused(self, seen: Seen, name: str, out: Path, words: Sequence[str], **how: Any) -> None:
        """Run what can't end well."""
        done = _salmubench(words, **how)
        self._note(seen, name, done, 1)
        told = [line for line in done.stderr.splitlines() if line.startswith("salmubench: ")]
        seen.said = told[-1].replace(f"{self.place}/", "") if told else ""
        if len(told) != 1 or not _PARAGRAPH.search(done.stderr):
            seen.problems.append(f"{name}: no paragraph (expected, got, what to do): {done.stderr[-600:]}")
        seen.problems += [f"{name}: half-written {path.name}" for path in _broken(out)]

    def done(self, seen: Seen, name: str, out: Path | None, words: Sequence[str], **how: Any) -> None:
        """Run what ends well; with `out` its result is compared."""
        done = _salmubench(words, **how)
        self._note(seen, name, done, 0)
        if out is not None and not done.returncode:
            differing = _differences(self.soak.whole(name)["result"], COMMANDS[name].result(out))
            seen.problems += [f"{name}: {what}" for what in differing]
            seen.problems += [f"{name}: half-written {path.name}" for path in _broken(out)]

    def _note(self, seen: Seen, name: str, done: subprocess.CompletedProcess[str], code: int) -> None:
        seen.commands += [name] if name not in seen.commands else []
        if done.returncode != code:
            seen.problems.append(f"{name}: ended with {done.returncode}, not {code}: {done.stderr[-600:]}")
        if "Traceback" in done.stderr or "Exception ignored" in done.stderr:
            seen.problems.append(f"{name}: a traceback: {done.stderr[-600:]}")

    def words(self, name: str, out: Path) -> list[str]:
        """A command of `soak` with another folder."""
        return COMMANDS[name].arguments(self.soak.home, out)

    def printing(self) -> dict[str, list[str]]:
        """Commands that print."""
        records = [str(self.run / "records" / f"{name}.json") for name in (f"{METHOD}-5x", "compromised")]
        return {
            "table": ["table", str(self.run)], "compare": ["compare", *records], "list": ["list", "methods"],
            "show": ["show", METHOD], "compare --json": ["compare", *records, "--json"],
        }  # fmt: skip

    # --- places -------------------------------------------------------------------------------------------------

    def full_disk(self) -> Iterator[Seen]:
        """Half of the room that the result needs, then enough."""
        seen = Seen("a full disk", "a tmpfs of half the result's size")
        for name in DISTURBED:
            whole = self.soak.whole(name)
            with self._mounted(f"size={whole['bytes'] // 2}") as (disk, mounted):
                how: dict[str, Any] = {} if mounted else {"largest": whole["largest"] // 2}
                if not mounted:
                    seen.how = "files may grow to half of the largest (no right to mount a disk)"
                self.refused(seen, name, disk, self.words(name, disk / "out"), **how)
                if mounted:
                    _mount(disk, "remount,size=90%")
                self.done(seen, name, disk / "out", self.words(name, disk / "out"))
        yield seen

    def full_output(self) -> Iterator[Seen]:
        """A device that takes nothing."""
        seen = Seen("output to a full disk", "`> /dev/full`")
        for name, words in self.printing().items():
            with Path("/dev/full").open("w") as full:
                self.refused(seen, name, self.place, words, stdout=full)
        yield seen

    def read_only(self) -> Iterator[Seen]:
        """A folder that takes no files."""
        seen = Seen("a folder for output that is read-only", "a tmpfs mounted `ro`")
        with self._mounted("ro") as (disk, mounted):
            if not mounted:
                seen.how = "a folder without the right to write (no right to mount a disk)"
                disk.chmod(0o555)
            for name in DISTURBED:
                self.refused(seen, name, disk, self.words(name, disk / "out"))
            disk.chmod(0o755) if not mounted else None
        yield seen

    def environments(self) -> Iterator[Seen]:
        """What the environment lacks or says otherwise."""
        homes = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "HF_HOME", "TORCH_HOME", "NUMBA_CACHE_DIR"))
        hidden: tuple[str, ...] = (
            "unshare", "--mount", "sh", "-c", 'mount --bind /dev/null /etc/passwd; exec "$@"', "sh",
        )  # fmt: skip
        if subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
            hidden = ()
        seen = Seen("no HOME", f"without the variable{', and without an account' if hidden else ''}")
        for name in DISTURBED:
            with self._folder() as out:
                self.done(seen, name, out, self.words(name, out), env=homes, before=hidden)
        yield seen
        seen = Seen("TMPDIR that is missing", "a folder that isn't there")
        for name in DISTURBED:
            with self._folder() as out:
                self.done(seen, name, out, self.words(name, out), env={"TMPDIR": str(self.place / "missing")})
        yield seen
        seen = Seen("locale C", "`LC_ALL=C`, without Python's UTF-8 mode")
        ascii_only = {"LC_ALL": "C", "LANG": None, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        for name in DISTURBED:
            with self._folder() as out:
                self.done(seen, name, out, self.words(name, out), env=ascii_only)
        for name, words in self.printing().items():
            self.done(seen, name, None, words, env=ascii_only)
        yield seen

    def names(self) -> Iterator[Seen]:
        """Names that are no text, of what is read and of what is written."""
        seen = Seen("file names that aren't UTF-8", r"`caf\xe9` as folder of input and of output")
        link = self.place / os.fsdecode(b"caf\xe9")
        for name in DISTURBED:
            with self._folder() as folder:
                self.refused(seen, name, folder, self.words(name, folder / link.name))
        link.symlink_to(self.run)
        for name, words in self.printing().items():
            if str(self.run) in " ".join(words):
                self.refused(
                    seen, name, self.place / "none", [word.replace(str(self.run), str(link)) for word in words]
                )
        link.unlink()
        yield seen

    def clock(self) -> Iterator[Seen]:
        """A clock that is set back while a command runs, and before it is called again."""
        library = self.place / "clock.so"
        built = shutil.which("cc") is not None and not subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-x", "c", "-o", str(library), "-"], input=_CLOCK, text=True, check=False
        ).returncode  # fmt: skip
        seen = Seen("a clock set back", "a day, half a second after the start (a library that is loaded before others)")
        if not built:
            seen.how = "not tried: no C compiler"
        for name in DISTURBED if built else ():
            with self._folder() as out:
                self.done(seen, name, out, self.words(name, out), env={"LD_PRELOAD": str(library)})
                self.done(seen, name, out, self.words(name, out), env={"LD_PRELOAD": str(library)})
        yield seen

    def two_writers(self) -> Iterator[Seen]:
        """The same command twice at once into one folder."""
        seen = Seen("two writers", "the same command twice at once")
        for name in DISTURBED:
            with self._folder() as out:
                words = [*_MAIN, *self.words(name, out)]
                both = [
                    subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in "ab"
                ]
                for process in both:
                    _, told = process.communicate()
                    if process.returncode and "in use by process" in told:
                        seen.said = told.strip().splitlines()[-1].replace(f"{self.place}/", "")
                        seen.problems += [] if _PARAGRAPH.search(told) else [f"{name}: no paragraph: {told[-600:]}"]
                    elif process.returncode:
                        seen.problems.append(f"{name}: ended with {process.returncode}: {told[-600:]}")
                self.done(seen, name, out, self.words(name, out))
        yield seen

    def head(self) -> Iterator[Seen]:
        """A reader that has gone when the command prints."""
        seen = Seen("output piped to `head`", "a pipe whose reader has gone")
        for name, words in self.printing().items():
            source, target = os.pipe()
            os.close(source)
            with os.fdopen(target, "w") as stream:
                self.done(seen, name, None, words, stdout=stream)
        yield seen

    @contextlib.contextmanager
    def _folder(self) -> Iterator[Path]:
        folder = self.place / "out"
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def _mounted(self, options: str) -> Iterator[tuple[Path, bool]]:
        """A disk with these options; without the right to mount one, a folder."""
        disk = self.place / "disk"
        disk.mkdir()
        mounted = _mount(disk, options)
        try:
            yield disk, mounted
        finally:
            if mounted:
                subprocess.run(["umount", "--lazy", str(disk)], check=False, capture_output=True)
            shutil.rmtree(disk)


def _salmubench(
    words: Sequence[str], *, env: Mapping[str, str | None] | None = None, before: Sequence[str] = (),
    largest: int | None = None, stdout: Any = subprocess.DEVNULL,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    environment = {**os.environ, **(env or {})}

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        if largest is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    return subprocess.run(
        [*before, *_MAIN, *words], env={name: value for name, value in environment.items() if value is not None},
        stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, check=False, encoding="utf-8",
        errors="backslashreplace", preexec_fn=limit,
    )  # fmt: skip


def _broken(out: Path) -> list[Path]:
    """Files that aren't what their names say, or are unfinished."""
    wrong = []
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        try:
            if path.suffix == ".json":
                json.loads(path.read_bytes())
            elif path.suffix == ".parquet":
                pq.read_table(path)
            whole = path.suffix != ".html" or path.read_text().rstrip().endswith("</html>")
        except (OSError, ValueError):
            whole = False
        if not whole or writing.is_leftover(path.name):
            wrong.append(path)
    return wrong


def main() -> int:
    """Go to all places, write what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("runs/soak"))
    parser.add_argument("--out", type=Path, default=Path("runs/soak/places.json"))
    parser.add_argument("--only", help="a method of Places: what others have seen stays as --out has it")
    arguments = parser.parse_args()
    soak = Soak(arguments.work.resolve(), arguments.work.resolve() / "unused.json", SEED)
    soak.prepare(DISTURBED)
    places, stated = Places(soak), provenance.provenance()
    shutil.rmtree(places.place, ignore_errors=True)
    places.place.mkdir()
    known = json.loads(arguments.out.read_text(encoding="utf-8"))["places"] if arguments.only else []
    seen = {one["name"]: one for one in known}
    groups: tuple[Callable[[], Iterator[Seen]], ...] = (
        places.full_disk, places.full_output, places.read_only, places.environments, places.names, places.clock,
        places.two_writers, places.head,
    )  # fmt: skip
    for group in groups:
        for one in group() if arguments.only in (None, group.__name__) else ():
            seen[one.name] = {**asdict(one), "commit": stated["commit"]}
            sys.stderr.write(f"{one.name}: {len(one.commands)} commands, {len(one.problems)} problems\n")
    failed = sum(bool(one["problems"]) for one in seen.values())
    writing.write_json(arguments.out, {"failed": failed, "places": list(seen.values()), "provenance": stated})
    sys.stdout.write(arguments.out.read_text(encoding="utf-8"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
