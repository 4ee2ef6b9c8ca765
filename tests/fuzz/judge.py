"""Run cases in a forked child with limits, and say of each what came of it.

A case passes if what reads the folder gives a result or an error of ours, within its processor time and memory, and
leaves the folder as it was, nothing beside it, nothing executed, nobody called.
"""

from __future__ import annotations

import contextlib
import fnmatch
import gc
import json
import os
import random
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fuzz import texts
from fuzz.texts import Mutator
from salmubench.core import errors
from salmubench.core.errors import SalmubenchError
from salmubench.core.writing import is_leftover

READ, REFUSED = "read", "refused"
GOOD = (READ, REFUSED)
MESSAGE = errors.LONGEST
_MUTATION = 60.0  # seconds of processor time that making a case may take
_MIB, _LARGE = 2**20, 2**24
PLACE = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where folders of cases are made: in memory, if there is such a place."""
_WALL, _LOOKS = 10.0, 6  # seconds without a word from the child, asleep each time: it waits for a pipe or device
_ROOM = 4 * 2**30  # bytes of address space above what the child starts with
_HWM = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Reader:
    """One reader.

    Attributes:
        name: its name.
        seed: writes a valid folder; what lies in `shared` (made once) may be linked or copied.
        files: pattern of files → how one is mutated; of `.` and of a pattern that ends in `/` the folder itself.
        read: what a command does with the folder; `out` is an empty folder for what it writes.
        share: cases, relative to those of the other readers: of expensive ones fewer.
        seconds: of processor time that a case may take.
        mebibytes: of memory that a case may take.
        writes: patterns of files in the folder that the command itself writes.
        after: what else is done to a mutated folder: a cheat mends hashes.
    """

    name: str
    seed: Callable[[Path], object]
    files: Mapping[str, Sequence[Mutator]]
    read: Callable[[Path, Path], object]
    share: int = 100
    seconds: float = 10.0
    mebibytes: int = 500
    writes: tuple[str, ...] = ()
    after: Mutator | None = None


@dataclass(frozen=True)
class Answer:
    """What came of a case: `read`, `refused`, or the name of a failure, with details; processor seconds, MiB."""

    case: int
    answer: str
    details: str = ""
    seconds: float = 0.0
    mebibytes: float = 0.0


def mutate(reader: Reader, folder: Path, number: int, seed: int) -> None:
    """Make a case of a valid folder. Number 0 is the valid folder itself."""
    rng = random.Random(f"{seed}/{reader.name}/{number}")
    for _ in range(0 if number == 0 else rng.choice((1, 1, 1, 2, 3))):
        pattern = rng.choice(list(reader.files))
        mutator = rng.choice(reader.files[pattern])
        if pattern == "." or pattern.endswith("/"):
            place = folder / pattern
            assert place.is_relative_to(folder), "a mutation outside of its case"
            with contextlib.suppress(OSError):  # links and folders of another mutation may be in the way
                mutator(place, rng)
            continue
        known = sorted(path for path in folder.glob(pattern) if path.is_file() and not path.is_symlink())
        known = [path for path in known if path.stat().st_size < _LARGE]  # what another mutation made large stays so
        if known:
            _change(rng.choice(known), mutator, rng)
    if number and reader.after is not None:
        reader.after(folder, rng)


def _change(path: Path, mutator: Callable[[Path, random.Random], None], rng: random.Random) -> None:
    """Mutate a file; where an earlier mutation has made it what this one can't read, turn over a byte."""
    try:
        mutator(path, rng)
    except Exception:  # noqa: BLE001 - whatever a library says of a file that is none any more
        data = bytearray(path.read_bytes())
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            path.write_bytes(data)


def answers(reader: Reader, seed_folder: Path, numbers: Sequence[int], seed: int) -> Iterator[Answer]:
    """Run cases one after the other, in as few children as there are deaths."""
    left = list(numbers)
    while left:
        yield from _one_child(reader, seed_folder, left, seed)


def _one_child(reader: Reader, seed_folder: Path, left: list[int], seed: int) -> Iterator[Answer]:
    """The answers of one child; `left` loses the cases that have one."""
    with tempfile.TemporaryDirectory(prefix="salmubench-fuzz-", dir=PLACE) as folder:
        source, target = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(source)
            code = 1
            try:
                _child(reader, seed_folder, Path(folder), list(left), seed, target)
                code = 0
            except BaseException as error:  # noqa: BLE001 - of the judge itself, or of a mutation
                broken = Answer(-1, "judge", "".join(traceback.format_exception(error))[-2_000:])
                os.write(target, json.dumps(vars(broken)).encode() + b"\n")
            finally:
                os._exit(code)
        os.close(target)
        buffer, asleep, silent = b"", 0, False
        try:
            while True:
                if not select.select([source], [], [], _WALL)[0]:
                    asleep = asleep + 1 if _sleeps(child) else 0
                    silent = asleep >= _LOOKS
                    if silent:
                        break
                    continue
                asleep, block = 0, os.read(source, 65_536)
                if not block:
                    break
                *lines, buffer = (buffer + block).split(b"\n")
                for line in lines:
                    answer = Answer(**json.loads(line))
                    if answer.answer == "judge":
                        raise RuntimeError(f"{reader.name}:{left[0]}: {answer.details}")
                    left.pop(0)
                    yield answer
        finally:
            os.close(source)
            if silent or left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
        if left and (silent or status):
            number = left.pop(0)
            if silent:
                yield Answer(number, "waits", f"asleep for {_WALL * _LOOKS:.0f} seconds")
            elif os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF:
                yield Answer(number, "slow", f"more than {reader.seconds} seconds of processor time")
            else:
                ended = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {status >> 8}"
                yield Answer(number, "dies", ended)


def _sleeps(process: int) -> bool:
    """Whether all threads of a process wait for something that is no processor, no disk and no end of a pause."""
    try:
        stats = [path.read_text() for path in Path(f"/proc/{process}/task").glob("*/stat")]
    except OSError:
        return True
    return all(text.rpartition(")")[2].split()[0] in "SZ" for text in stats)


def _child(reader: Reader, seed_folder: Path, root: Path, numbers: list[int], seed: int, target: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**31, 2**31))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + _ROOM,) * 2)
    gc.freeze()  # what is imported stays: no collection goes through it again
    watch = _Watch(root)
    with contextlib.suppress(SalmubenchError):  # whatever is imported or computed once, before it is watched
        shutil.copytree(seed_folder, root / "warm")
        (root / "warm-out").mkdir()
        reader.read(root / "warm", root / "warm-out")
    sys.addaudithook(watch)
    for number in numbers:
        answer = _case(reader, seed_folder, root / str(number), number, seed, watch)
        os.write(target, json.dumps(vars(answer)).encode() + b"\n")


def _link_or_copy(source: str, target: str) -> None:
    """Links are faster; between file systems there are none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _case(reader: Reader, seed_folder: Path, root: Path, number: int, seed: int, watch: _Watch) -> Answer:
    folder, out, temporary = root / "case", root / "out", root / "tmp"
    shutil.copytree(seed_folder, folder, copy_function=_link_or_copy, symlinks=True)
    out.mkdir()
    temporary.mkdir()
    tempfile.tempdir, os.environ["TMPDIR"] = str(temporary), str(temporary)
    signal.setitimer(signal.ITIMER_PROF, _MUTATION)  # its signal ends a process
    mutate(reader, folder, number, seed)
    signal.setitimer(signal.ITIMER_PROF, 0)
    before, memory = _listing(folder), _memory(reset=True)
    started, details, answer = time.process_time(), "", READ
    signal.setitimer(signal.ITIMER_PROF, reader.seconds)
    watch.seen.clear()
    watch.on = True
    try:
        reader.read(folder, out)
    except SalmubenchError as error:
        answer, details = _message(str(error))
    except BaseException as error:  # noqa: BLE001 - what nobody foresaw is what is looked for
        answer, details = "foreign", _where(error)
    finally:
        watch.on = False
        signal.setitimer(signal.ITIMER_PROF, 0)
    seconds, used = time.process_time() - started, (_memory() - memory) / _MIB
    wrong = [
        ("calls", watch.seen[:3]),
        ("executes", [texts.CANARY] if Path(texts.CANARY).exists() else []),
        ("changes", _difference(before, _listing(folder), reader.writes)),
        ("leaves", [str(path.relative_to(root)) for path in (*temporary.rglob("*"),
        *out.rglob("*")) if _is_left(path, out)]),
        ("memory", [f"{used:.0f} MiB"] if used > reader.mebibytes else []),
    ]  # fmt: skip
    if number == 0 and answer == REFUSED:
        answer = "refuses what is valid"
    for name, what in wrong:
        if what and (answer != "foreign" or name == "calls"):
            answer, details = name, f"{what[:3]} ({details})"
    canary = Path(texts.CANARY)
    with contextlib.suppress(OSError):
        canary.rmdir() if canary.is_dir() else canary.unlink()
    shutil.rmtree(root, ignore_errors=True)
    return Answer(number, answer, "" if answer == READ else details, seconds, used)


def _is_left(path: Path, out: Path) -> bool:
    """All of a temporary folder is; of what was written, what has the name of something unfinished."""
    return out not in path.parents or is_leftover(path.name)


def _message(text: str) -> tuple[str, str]:
    """What is wrong with a message of ours, if anything."""
    if not text.strip() or len(text) > MESSAGE or not text.replace("\n", "").isprintable():
        return "message", repr(text)[:500]
    return REFUSED, text[:200]


def _where(error: BaseException) -> str:
    """The error, and the last lines of ours that led to it."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "salmubench" in frame.filename]
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[-4:]]
    return f"{type(error).__name__}: {str(error)[:300]} at {' > '.join(places)}"


class _Watch:
    """Notes what a reader never does: start a program, run code of the folder, call somebody, write elsewhere."""

    _NEVER = frozenset((
        "socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname", "os.system",
        "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn", "subprocess.Popen",
        "urllib.Request",
        "pickle.find_class", "os.chmod", "os.chown",
    ))  # fmt: skip
    _FILES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "shutil.rmtree")

    def __init__(self, root: Path) -> None:
        self.on = False
        self.seen: list[str] = []
        self._root = str(root)

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in self._NEVER:
            if event != "subprocess.Popen" or list(args[1] or [])[:1] != ["git"]:  # provenance asks which commit it is
                self._note(event, args)
                raise PermissionError(f"{event} while reading")
        elif event in ("exec", "compile", "import"):
            name = str(getattr(args[0], "co_filename", "") or "") if event == "exec" else str(args[1] or "")
            if name.startswith(self._root):
                self._note(event, (name,))
        elif event in self._FILES:
            made = args[1] if event in ("os.link", "os.symlink") else args[0]
            if isinstance(made, str | bytes) and self._is_outside(made):
                self._note(event, args)
        elif event == "open" and isinstance(args[0], str | bytes) and self._writes(args) and self._is_outside(args[0]):
            self._note(event, args)

    @staticmethod
    def _writes(args: tuple[Any, ...]) -> bool:
        flags = args[2] if isinstance(args[2], int) else 0
        return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))

    def _is_outside(self, path: str | bytes) -> bool:
        text = os.fsdecode(path)
        return text.startswith("/") and not text.startswith((self._root, "/proc/self/", os.devnull))

    def _note(self, event: str, args: tuple[Any, ...]) -> None:
        self.seen.append(f"{event} {args!r}"[:300])


# --- measured ---------------------------------------------------------------------------------------------------


def _listing(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Name → kind, size and time of everything below a folder; links are not followed."""
    found = {}
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = f"{place}/{name}"
            state = os.lstat(path)
            size = 0 if name in folders else state.st_size
            found[os.path.relpath(path, folder)] = (state.st_mode, size, 0 if name in folders else state.st_mtime_ns)
    return found


def _difference(before: Mapping[str, Any], after: Mapping[str, Any], allowed: Sequence[str]) -> list[str]:
    differing = (name for name in {**before, **after} if before.get(name) != after.get(name))
    return [ascii(name) for name in differing if not any(fnmatch.fnmatch(name, pattern) for pattern in allowed)]


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 2**20
    return pages * resource.getpagesize()


def _memory(*, reset: bool = False) -> int:
    """Bytes at the highest since the last reset; where the system can't tell, since the child began."""
    if not _HWM.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    if reset:
        with contextlib.suppress(OSError):
            _HWM.write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


@dataclass
class Counts:
    """What came of all cases of a reader so far.

    Attributes:
        code: hash of the code that was tried.
        commit: its commit, where that is known.
    """

    code: str = ""
    commit: str | None = None
    done: int = 0
    read: int = 0
    refused: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    mebibytes: float = 0.0
    failures: list[dict[str, Any]] = field(default_factory=list)

    def add(self, answer: Answer) -> None:
        """Count one more."""
        self.done += 1
        self.read += answer.answer == READ
        self.refused += answer.answer == REFUSED
        self.seconds += answer.seconds
        self.slowest, self.mebibytes = max(self.slowest, answer.seconds), max(self.mebibytes, answer.mebibytes)
        if answer.answer not in GOOD:
            self.failures.append(vars(answer))
