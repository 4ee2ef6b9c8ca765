"""A signal that a library turns into an error of its own is no result."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from salmubench.cli.main import main
from salmubench.core import interruption
from salmubench.core.errors import MethodError, ModelError
from salmubench.workflow import candidates
from salmubench.workflow.recipe import Recipe
from salmubench.workflow.run_world import Candidate, RunWorld
from tiny_model import tiny_model

pytestmark = pytest.mark.stage

WRAPPED = """\
import os, signal
from dataclasses import dataclass

NEEDS = ("forget",)

@dataclass(frozen=True)
class Config:
    pass

def loss(batch, model, reference, config):
    similarity = (model.encode_image(batch.forget.images) * model.encode_text(batch.forget.texts)).sum(-1).mean()
    if {place!r} and not os.path.exists({place!r}):
        open({place!r}, "w").close()
        try:
            os.kill(os.getpid(), signal.{number})
        except BaseException:
            pass
        raise RuntimeError("a library was left halfway")
    return similarity, {{}}
"""


@pytest.fixture(autouse=True)
def _ctrl_c_is_heeded() -> Iterator[None]:
    """As in a terminal, also where the tests run in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_is_remembered_and_forgotten(number: signal.Signals) -> None:
    with interruption.noted():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        error = RuntimeError("of a library")
        assert isinstance(interruption.behind(error), interruption.Terminated) == (number == signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            interruption.pass_on(error)
    assert interruption.behind(error) is None
    interruption.pass_on(error)


def test_what_an_error_was_raised_from_counts_without_a_signal() -> None:
    try:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as stop:
            raise MethodError("mine", 3, "its loss raised") from stop
    except MethodError as error:
        with pytest.raises(KeyboardInterrupt):
            interruption.pass_on(error)
    interruption.pass_on(MethodError("mine", 3, "its loss raised"))


@pytest.mark.parametrize(("number", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_no_method_fails_of_it(
    tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], number: str, code: int
) -> None:
    """The loss is hit by a signal and raises what a library might: the command is interrupted, and goes on."""
    method = tmp_path / "mine.py"
    method.write_text(WRAPPED.format(place=str(tmp_path / "hit"), number=number), encoding="utf-8")
    arguments = ["unlearn", str(method), "--model", str(tiny_model(tmp_path / "model")), "--dataset", str(tiny_folder)]
    arguments += ["--out", str(tmp_path / "out"), "--budget", "1", "--recipe", "tiny", "--precision", "fp32"]
    assert main(arguments) == code
    assert "interrupted; the same command goes on where it stopped" in capsys.readouterr().err
    assert main(arguments) == 0
    assert (tmp_path / "hit").is_file()


def test_no_candidate_is_told_to_have_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def halfway(*_: object) -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as stop:
            raise ModelError("weights that can't be read") from stop

    monkeypatch.setattr(candidates, "staleness", lambda *_: "")
    monkeypatch.setattr(candidates, "_unlearn", halfway)
    world = RunWorld(tmp_path, tmp_path, tmp_path, {}, Recipe(), "cpu", "fp32")
    with pytest.raises(KeyboardInterrupt):
        candidates.make(world, Candidate("mine-5x", None, 5.0, 0))
    assert not list(tmp_path.iterdir())
