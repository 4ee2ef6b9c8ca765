"""Kills, full disks and two writers, then the same command again: does everything come out as if nothing had happened?

    make soak N=300
    python scripts/soak.py --rounds 300 --work runs/soak --out runs/soak/counts.json

A round takes one command at the scale `tiny` (a dataset, a pretraining, an unlearning, a tuning, a whole run …) and
disturbs it: by a signal (SIGKILL of the process or of all its processes, SIGTERM, Ctrl-C) at a random moment or at a
random file operation, up to three times; by a disk of random size (a small tmpfs where this user may mount one, else a
limit on the size of files); or by a second writer on the same folder. Then the command runs to its end, and what it
made is compared, byte for byte, with what an undisturbed one made: datasets, weights, embeddings, scores, items, pages.
A round is made by (seed, command, number) alone. Counts are written after every round: the same call goes on where it
stopped. A command that was tried with other code is begun anew; with `--commands` the others keep their counts and the
commit that these are of. The folder of a round that failed is kept in `failed/`. Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src")]
for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):  # a fork knows no threads of its parent's
    os.environ.setdefault(name, "1")
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])

import pyarrow.parquet as pq  # noqa: E402

from salmubench.core import manifest, provenance, writing  # noqa: E402
from salmubench.core.writing import is_leftover  # noqa: E402

SEED = 20260327
METHOD = "cliperase"
_PATIENCE = 120.0  # seconds that a process may take to end after a signal, however busy the machine is …
_LOOK = 0.02  # … counted in looks, since somebody may pause all of this
_FILE_EVENTS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir")
_ENDED = {signal.SIGTERM: 143, signal.SIGINT: 130}


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        arguments: (folder of what is shared, output folder) → what stands behind `salmubench`.
        result: output folder → hashes of what must be the same.
        share: rounds of a hundred, roughly.
    """

    arguments: Callable[[Path, Path], list[str]]
    result: Callable[[Path], dict[str, str]]
    share: int


# --- what must be the same --------------------------------------------------------------------------------------


def _files(out: Path, *patterns: str) -> dict[str, str]:
    return {
        str(path.relative_to(out)): manifest.sha256_file(path)
        for pattern in patterns
        for path in sorted(out.glob(pattern))
    }


def _records(out: Path, place: str = "records") -> dict[str, str]:
    hashes = {}
    for path in sorted((out / place).glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        kept = [record[key] for key in ("status", "scores", "verdict", "attacks")]
        hashes[path.stem] = _hash([kept, record["model"]["sha256"], record["dataset"]["fingerprint"]])
    for path in sorted((out / place).glob("*.parquet")):
        hashes[path.name] = _hash(pq.read_table(path).to_pydict())
    return hashes


def _tuned(out: Path) -> dict[str, str]:
    import yaml

    methods = yaml.safe_load((out / "tuned.yaml").read_text(encoding="utf-8"))["methods"]
    return {"tuned": _hash(_without(methods, ("seconds", "cost", "processor_seconds", "peak_memory", "provenance")))}


def _without(data: Any, keys: tuple[str, ...]) -> Any:
    if isinstance(data, dict):
        return {name: _without(value, keys) for name, value in data.items() if name not in keys}
    return [_without(item, keys) for item in data] if isinstance(data, list) else data


def _run_result(out: Path) -> dict[str, str]:
    return {**_files(out, "dataset/data/*", "checkpoints/*/*.safetensors"), **_records(out)}


def _contest_result(out: Path) -> dict[str, str]:
    timed = ("started", "finished", "seconds", "processor_seconds", "cost", "provenance", "record")
    contest = json.loads((out / "contest.json").read_text(encoding="utf-8"))
    worlds = {folder.name: _records(folder) for folder in sorted((out / "worlds").iterdir())}
    return {"contest": _hash(_without(contest, timed)), **{name: _hash(one) for name, one in worlds.items()}}


def _plan(home: Path) -> Path:
    """A contest of one method in two worlds."""
    path = home / "contest.yaml"
    if not path.is_file():
        plan = {"recipe": "tiny", "evaluation": [101, 102], "methods": [{"method": METHOD}], "leagues": {"pairs": [1]}}
        writing.write_text(path, json.dumps(plan))  # JSON is YAML
    return path


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, default=str, sort_keys=True).encode()).hexdigest()


_EXACT = ["--precision", "fp32", "--device", "cpu"]
COMMANDS: Mapping[str, Command] = {
    "dataset build": Command(
        lambda _, out: ["dataset", "build", "--recipe", "tiny", "--out", str(out)],
        lambda out: _files(out, "data/*", "[a-lo-z]*.json"), 15,
    ),
    "pretrain": Command(
        lambda home, out: ["pretrain", "--dataset", str(home / "run" / "dataset"), "--kind", "compromised",
                           "--recipe", "tiny", "--out", str(out), *_EXACT],
        lambda out: _files(out, "*.safetensors", "epochs/*/*.safetensors"), 10,
    ),
    "unlearn": Command(
        lambda home, out: ["unlearn", METHOD, *_inputs(home, "compromised"), "--recipe", "tiny", "--out", str(out),
        *_EXACT],
        lambda out: _files(out, "*.safetensors", "curves.parquet"), 20,
    ),
    "encode": Command(
        lambda home, out: ["encode", *_inputs(home, "compromised"), "--out", str(out), *_EXACT],
        lambda out: _files(out, "*.npy", "*.parquet", "dataset.json"), 15,
    ),
    "score": Command(
        lambda home, out: ["score", *(word for kind, model in (("embeddings", f"{METHOD}-5x"), ("clean", "clean"),
                                                               ("compromised", "compromised"))
                                      for word in (f"--{kind}", str(home / "run" / "embeddings" / model))),
                           "--out", str(out / "records" / "a.json")],
        _records, 10,
    ),
    "attack": Command(
        lambda home, out: ["attack", str(home / "run" / "checkpoints" / f"{METHOD}-5x"), "--dataset",
                           str(home / "run" / "dataset"), "--clean", str(home / "run" / "checkpoints" / "clean"),
                           "--compromised", str(home / "run" / "checkpoints" / "compromised"), "--attacks",
                           "rewordings,probe", "--repeats", "1", "--workers", "1", "--out", str(out), *_EXACT],
        _records, 10,
    ),
    "tune": Command(
        lambda home, out: ["tune", METHOD, "--recipe", "tiny", "--world", str(home / "world"), "--trials", "2",
                           "--workers", "1", "--out", str(out), *_EXACT],
        _tuned, 8,
    ),
    "report": Command(
        lambda home, out: ["report", str(home / "run"), "--out", str(out)], lambda out: _files(out, "*.html"), 7,
    ),
    "run": Command(
        lambda _, out: ["run", "--recipe", "tiny", "--untuned", "--methods", METHOD, "--workers", "1", "--out",
        str(out),
                        *_EXACT],
        _run_result, 5,
    ),
    "contest": Command(
        lambda home, out: ["contest", str(_plan(home)), "--out", str(out), "--workers", "1", *_EXACT],
        _contest_result, 3,
    ),
}  # fmt: skip


def _inputs(home: Path, model: str) -> list[str]:
    return ["--model", str(home / "run" / "checkpoints" / model), "--dataset", str(home / "run" / "dataset")]


# --- processes --------------------------------------------------------------------------------------------------


class Child:
    """A command in a process group of its own, forked from this warm process.

    Args:
        arguments: what stands behind `salmubench`.
        log: where its streams go.
        event: number of the file operation at which it kills itself; never by default.
        largest: most bytes of a file; any by default.
    """

    def __init__(
        self, arguments: list[str], log: Path, *, event: int | None = None, largest: int | None = None
    ) -> None:
        self.log = log
        self._counted, target = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._counted)
            os._exit(_command(arguments, log, target, event, largest))
        os.close(target)

    def wait(self) -> tuple[int, int]:
        """Exit code (−signal where one ended it), and file operations of the first process."""
        _, status = os.waitpid(self.pid, 0)
        with os.fdopen(self._counted, "rb") as stream:
            events = stream.read()
        return os.waitstatus_to_exitcode(status), int(events or 0)

    def is_alive(self) -> bool:
        """Whether the first process runs; it is not waited for."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def catches(self, number: signal.Signals) -> bool:
        """Whether the first process has a handler for a signal: at its very beginning and end it has none."""
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("SigCgt:"):
                    return bool(int(line.split()[1], 16) >> (number - 1) & 1)
        return False

    def signal(self, number: signal.Signals, whole_group: bool) -> None:
        """Send a signal to the first process, or to all of them as a terminal does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number) if whole_group else os.kill(self.pid, number)

    def seconds(self) -> float:
        """Processor seconds of all its processes: the clock of kills, since others use the machine, too."""
        ticks = 0
        for _, words in _processes(self.pid):
            ticks += sum(map(int, words[11:15]))  # its own, and of children that have ended
        return ticks / os.sysconf("SC_CLK_TCK")

    def clear(self) -> list[str]:
        """Wait for the other processes of the group to end, too; names of those that had to be killed."""
        _wait(lambda: not any(_processes(self.pid)))
        left = list(_processes(self.pid))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        return [name for name, _ in left]


def _command(arguments: list[str], log: Path, target: int, event: int | None, largest: int | None) -> int:
    os.setpgid(0, 0)
    stream = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    null = os.open(os.devnull, os.O_RDONLY)
    for number, source in ((0, null), (1, stream), (2, stream)):
        os.dup2(source, number)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if largest is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    count, me = 0, os.getpid()

    def hook(name: str, args: tuple[Any, ...]) -> None:
        nonlocal count
        writes = name == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if (name in _FILE_EVENTS or writes) and os.getpid() == me:
            count += 1
            if count == event:
                os.kill(me, signal.SIGKILL)

    from salmubench.cli.main import main

    sys.addaudithook(hook)
    try:
        code = main(arguments)
    except BaseException:  # noqa: BLE001 - as the interpreter would show it
        import traceback

        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(target, str(count).encode())
    return code


def _processes(group: int) -> Iterator[tuple[str, list[str]]]:
    """Name and statistics of the living processes of a group."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                head, _, tail = Path(f"/proc/{entry.name}/stat").read_text().rpartition(")")
                words = tail.split()
                if int(words[2]) == group and words[0] != "Z":
                    yield head.partition("(")[2], words


# --- rounds -----------------------------------------------------------------------------------------------------


class Soak:
    """All rounds of one call, with what is shared by them.

    Args:
        work: folder of what is shared, of undisturbed results and of the round that runs.
        out: counts as JSON.
        seed: of the rounds.
    """

    def __init__(self, work: Path, out: Path, seed: int) -> None:
        self.work, self.out, self.seed = work, out, seed
        self.home, self.code = work / "home", _code()
        known = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else {}
        if known.get("seed") != seed:
            known = {}
        self.counts: dict[str, dict[str, int]] = known.get("counts", {})
        self.codes: dict[str, dict[str, str | None]] = known.get("codes", {})
        self.failures: list[dict[str, str]] = known.get("failures", [])
        self.before, self.clock = known.get("seconds", 0.0), time.perf_counter()
        self.started = known.get("provenance", {}).get("started", provenance.utc_now())

    def begin(self, names: list[str]) -> None:
        """Forget what was counted of these commands with other code."""
        for name in names:
            if self.codes.get(name, {}).get("code") != self.code:
                self.counts.pop(name, None)
                self.failures = [failure for failure in self.failures if failure["command"] != name]
                self.codes[name] = {"code": self.code, "commit": provenance.provenance()["commit"]}

    def prepare(self, names: Sequence[str]) -> None:
        """Make what these commands share; what is there is kept."""
        if (self.work / "code").is_file() and (self.work / "code").read_text() != self.code:
            for folder in ("home", "whole"):
                shutil.rmtree(self.work / folder, ignore_errors=True)
        self.work.mkdir(parents=True, exist_ok=True)
        (self.work / "code").write_text(self.code)
        asked = [COMMANDS["run"].arguments(self.home, self.home / "run")]
        if "tune" in names:
            asked.append([*COMMANDS["run"].arguments(self.home, self.home / "world"), "--seed", "1000"])
        for arguments in asked:
            code, _ = Child(arguments, self.work / "log").wait()
            if code:
                raise SystemExit(
                    f"salmubench {' '.join(arguments)} ended with {code}:\n{(self.work / 'log').read_text()}"
                )

    def whole(self, name: str) -> dict[str, Any]:
        """Hashes, processor seconds, file operations and bytes of an undisturbed command."""
        path = self.work / "whole" / f"{name}.json"
        if not path.is_file():
            out = self.work / "whole" / name
            shutil.rmtree(out, ignore_errors=True)
            child = Child(COMMANDS[name].arguments(self.home, out), self.work / "log")
            seconds = 0.0
            while child.is_alive():
                seconds = max(seconds, child.seconds())
                time.sleep(0.05)
            code, events = child.wait()
            if code:
                raise SystemExit(f"{name} ended with {code}:\n{(self.work / 'log').read_text()}")
            sizes = [item.stat().st_size for item in out.rglob("*") if item.is_file()]
            content = {"result": COMMANDS[name].result(out), "seconds": seconds, "events": events, "bytes": sum(sizes),
                       "largest": max(sizes)}  # fmt: skip
            if not content["result"]:
                raise SystemExit(f"Expected files of {name} to compare, got none.")
            writing.write_json(path, content)
            shutil.rmtree(out)
        content = json.loads(path.read_text(encoding="utf-8"))
        return dict(content)

    def round(self, name: str, number: int) -> None:
        """Disturb a command, run it to its end, compare."""
        rng = random.Random(f"{self.seed}/{name}/{number}")
        whole, folder = self.whole(name), self.work / "round"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        kind = rng.choice(("kill", "kill", "kill", "kill", "kill", "kill", "disk", "limit", "writers"))
        counts = self.counts.setdefault(name, {"rounds": 0})
        problems: list[str] = []
        with (
            self._disk(folder / "disk", whole, rng, counts)
            if kind == "disk"
            else contextlib.nullcontext(folder) as place
        ):
            out, log = Path(place) / "out", folder / "log"
            arguments = COMMANDS[name].arguments(self.home, out)
            if kind == "kill":
                for _ in range(rng.choice((1, 1, 2, 3))):
                    problems += self._kill(arguments, log, whole, rng, counts)
            elif kind == "writers":
                problems += self._writers(arguments, folder, whole, rng, counts)
            else:
                largest = rng.randrange(1, whole["largest"]) if kind == "limit" else None
                problems += self._full(arguments, log, kind, largest, counts)
                if kind == "disk":
                    _mount(folder / "disk", "remount,size=90%")
            code, _ = Child(arguments, log).wait()
            if code:
                problems.append(f"ended with {code} when it ran again: {_tail(log)}")
            else:
                problems += _differences(whole["result"], COMMANDS[name].result(out))
                problems += [f"left {path.name}" for path in out.rglob("*") if is_leftover(path.name)]
        counts["rounds"] += 1
        if problems:
            shutil.copytree(folder, self.work / "failed" / f"{name}-{number}", dirs_exist_ok=True)
        self.failures += [{"command": name, "round": str(number), "kind": kind, "problem": text} for text in problems]

    def _kill(
        self, arguments: list[str], log: Path, whole: Mapping[str, Any], rng: random.Random, counts: dict[str, int]
    ) -> list[str]:
        if rng.random() < 0.4 and whole["events"]:
            child = Child(arguments, log, event=rng.randrange(1, whole["events"] + 1))
            code, _ = child.wait()
            if code == -signal.SIGKILL:
                counts["SIGKILL at a file operation"] = counts.get("SIGKILL at a file operation", 0) + 1
            return [f"left the process {name}" for name in child.clear()]
        number, whole_group = rng.choice(
            ((signal.SIGKILL, False), (signal.SIGKILL, True), (signal.SIGTERM, False), (signal.SIGINT, True))
        )
        child, moment = Child(arguments, log), rng.uniform(0, whole["seconds"])
        while child.is_alive() and child.seconds() < moment:
            time.sleep(0.02)
        alive, caught = child.is_alive(), child.catches(number)
        child.signal(number, whole_group)
        _wait(lambda: not child.is_alive())
        problems = []
        if child.is_alive():
            problems.append(f"did not end {_PATIENCE:.0f} seconds after {number.name}")
            child.signal(signal.SIGKILL, True)
        code, _ = child.wait()
        problems += [f"left the process {name}" for name in child.clear()]
        if alive and code not in (0, 1):  # it may have ended before the signal came
            text = f"{number.name} of {'all processes' if whole_group else 'the process'}"
            counts[text] = counts.get(text, 0) + 1
            if code not in ((_ENDED[number],) if caught else (-number, _ENDED.get(number))):
                problems.append(f"ended with {code} after {number.name}: {_tail(log)}")
        elif code == 1 or (code == 0 and not alive and moment < 0):
            problems.append(f"ended with {code} after {number.name}: {_tail(log)}")
        return problems + _traceback(log)

    def _writers(
        self, arguments: list[str], folder: Path, whole: Mapping[str, Any], rng: random.Random, counts: dict[str, int]
    ) -> list[str]:
        """Two at once, one of which may be killed: nobody harms the other."""
        children = [Child(arguments, folder / f"log{number}") for number in range(2)]
        if rng.random() < 0.5:
            moment = rng.uniform(0, whole["seconds"])
            while children[0].is_alive() and children[0].seconds() < moment:
                time.sleep(0.02)
            children[0].signal(signal.SIGKILL, True)
        codes = [child.wait()[0] for child in children]
        left = [name for child in children for name in child.clear()]
        counts["two writers"] = counts.get("two writers", 0) + 1
        problems = [f"left the process {name}" for name in left]
        for code, child in zip(codes, children, strict=True):
            locked = code == 1 and "in use by process" in child.log.read_text(errors="replace")
            if code not in (0, -signal.SIGKILL) and not locked:
                problems.append(f"two writers: one ended with {code}: {_tail(child.log)}")
            problems += _traceback(child.log)
        return problems

    def _full(
        self, arguments: list[str], log: Path, kind: str, largest: int | None, counts: dict[str, int]
    ) -> list[str]:
        """A disk that fills up, or a file that would grow too large: one paragraph, and exit code 1."""
        child = Child(arguments, log, largest=largest)
        code, _ = child.wait()
        problems = [f"left the process {name}" for name in child.clear()] + _traceback(log)
        if code:
            text = "disk full" if kind == "disk" else "file too large"
            counts[text] = counts.get(text, 0) + 1
            if code != 1:
                problems.append(f"ended with {code} when there was no room: {_tail(log)}")
        return problems

    @contextlib.contextmanager
    def _disk(
        self, folder: Path, whole: Mapping[str, Any], rng: random.Random, counts: dict[str, int]
    ) -> Iterator[Path]:
        """A disk of random size, too small for the result; without the right to mount one, a folder."""
        folder.mkdir()
        size = max(int(whole["bytes"] * rng.uniform(0.02, 0.98)), 65_536)
        mounted = _mount(folder, f"size={size}")
        if not mounted:
            counts["no disk to fill"] = counts.get("no disk to fill", 0) + 1
        try:
            yield folder
        finally:
            if mounted:
                subprocess.run(["umount", "--lazy", str(folder)], check=False, capture_output=True)

    def write(self) -> None:
        """Write the counts."""
        total: dict[str, int] = {}
        for counts in self.counts.values():
            for what, number in counts.items():
                total[what] = total.get(what, 0) + number
        content = {
            "rounds": total.get("rounds", 0), "kills": sum(number for what,
            number in total.items() if what.startswith("SIG")),
            "failed": len(self.failures), "total": total, "counts": self.counts, "failures": self.failures,
            "seed": self.seed, "codes": self.codes, "seconds": round(self.before + time.perf_counter() - self.clock, 1),
            "provenance": {**provenance.provenance(), "started": self.started, "finished": provenance.utc_now()},
        }  # fmt: skip
        writing.write_json(self.out, content)


def _wait(done: Callable[[], bool]) -> None:
    for _ in range(round(_PATIENCE / _LOOK)):
        if done():
            return
        time.sleep(_LOOK)


def _mount(folder: Path, options: str) -> bool:
    words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        return subprocess.run(words, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def _differences(whole: Mapping[str, str], again: Mapping[str, str]) -> list[str]:
    names = sorted(name for name in {**whole, **again} if whole.get(name) != again.get(name))
    return [f"differs: {name}" for name in names[:5]]


def _traceback(log: Path) -> list[str]:
    return [f"a traceback: {_tail(log)}"] if "Traceback" in log.read_text(errors="replace") else []


def _tail(log: Path) -> str:
    return " ".join(log.read_text(errors="replace").split())[-600:]


def _code() -> str:
    """Hash of the package: counts are of one."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "src").rglob("*")):
        if path.is_file() and path.suffix in (".py", ".yaml", ".json", ".j2", ".css"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def main() -> int:
    """Prepare, run the rounds that are not counted yet, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=300, help="of all commands together")
    parser.add_argument("--work", type=Path, default=Path("runs/soak"))
    parser.add_argument("--out", type=Path, default=Path("runs/soak/counts.json"))
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--commands", default="", help="comma-separated; all by default")
    arguments = parser.parse_args()
    _warm()
    soak = Soak(arguments.work.resolve(), arguments.out.resolve(), arguments.seed)
    chosen = [name for name in arguments.commands.split(",") if name] or list(COMMANDS)
    soak.prepare(chosen)
    soak.begin(chosen)
    shares = sum(COMMANDS[name].share for name in chosen)
    wanted = {name: max(round(arguments.rounds * COMMANDS[name].share / shares), 1) for name in chosen}
    left = [(number / wanted[name], name, number) for name in chosen for number in range(wanted[name])]
    for done, (_, name, number) in enumerate(sorted(left), start=1):
        if soak.counts.get(name, {}).get("rounds", 0) <= number:
            soak.round(name, number)
            soak.write()
            print(f"{done} of {len(left)} rounds, {len(soak.failures)} failures", file=sys.stderr, flush=True)
    soak.write()
    print(arguments.out.read_text(encoding="utf-8"))
    return 1 if soak.failures else 0


def _warm() -> None:
    """Import what commands import, before any is forked."""
    import joblib
    import lightning_fabric
    import open_clip
    import torch

    from salmubench import contest, recovery
    from salmubench.report import page
    from salmubench.tuning import study
    from salmubench.workflow import evaluation, pipeline

    torch.set_num_threads(1)
    assert all((joblib, lightning_fabric, open_clip, contest, evaluation, pipeline, recovery, page, study))


if __name__ == "__main__":
    sys.exit(main())
