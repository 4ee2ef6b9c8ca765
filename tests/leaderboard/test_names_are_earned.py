"""A name is that of the code that made the model: in runs, records, submissions and on boards."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from report_world import METRICS
from salmubench.core import manifest, plugins
from salmubench.core.errors import ConfigError, RecordError
from salmubench.leaderboard.build import build
from salmubench.leaderboard.check import check
from salmubench.leaderboard.method_code import PACKAGE, built_in_sha256, code_problem
from salmubench.leaderboard.submission import submit
from salmubench.scoring.record import BENCHMARK_VERSION
from salmubench.scoring.record_files import read_record
from salmubench.unlearn.registry import load_method
from submission_world import edit_json, made_with, mend, of_schema_1, older

pytestmark = pytest.mark.stage

CODE = "def loss(): ...\n"


def messages(folder: Path) -> list[str]:
    return [f"{item.code}: {item.message}" for item in check(folder, metrics=METRICS).findings]


def test_a_file_named_like_a_built_in_is_refused(tmp_path: Path) -> None:
    built_in = plugins.built_in_file(PACKAGE, "delete")
    assert built_in is not None
    copy = tmp_path / "delete.py"
    copy.write_bytes(built_in.read_bytes() + b"# mine\n")
    with pytest.raises(ConfigError, match=r"a name of its own, got 'delete' .* Rename the file, e\.g\. my_delete\.py"):
        load_method(str(copy))
    assert load_method(str(copy.rename(tmp_path / "my_delete.py"))).sha256 not in built_in_sha256("delete")
    same = shutil.copyfile(built_in, copy)
    assert load_method(str(same)).sha256 in built_in_sha256("delete")  # the package's own code, wherever it lies
    assert load_method(str(built_in)).name == "delete"  # the built-in itself, by its path


def test_another_package_cannot_take_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built_in, info = plugins.built_in_file(PACKAGE, "delete"), tmp_path / "taken-1.0.dist-info"
    assert built_in is not None
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: taken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{PACKAGE}]\ndelete = taken_delete\n")
    (tmp_path / "taken_delete.py").write_bytes(built_in.read_bytes() + b"# mine\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match="a name of its own"):
        load_method("delete")


def test_former_versions_of_a_built_in_may_count(monkeypatch: pytest.MonkeyPatch) -> None:
    real = plugins.description
    monkeypatch.setattr(plugins, "description", lambda *given: {**real(*given), "earlier": "aa bb"})
    assert built_in_sha256("delete") > {"aa", "bb"}
    assert built_in_sha256("my_own") == frozenset()


def test_a_built_in_name_for_other_code(submittable: Path, tmp_path: Path) -> None:
    folder = submit(submittable, model="delete-5x", out=tmp_path / "taken")
    assert messages(folder) == []
    edit_json(folder / "record.json", lambda data: data["model"].update(method_sha256="0" * 64))
    mend(folder)
    (found,) = messages(folder)
    assert found.startswith(f"method: Expected the built-in code of delete (SHA-256 {min(built_in_sha256('delete'))})")
    assert "got 000000" in found
    built = build(tmp_path, out=tmp_path / "site", metrics=METRICS)
    assert (built.shown, list(built.refused)) == (0, ["taken"])
    run = shutil.copytree(submittable, tmp_path / "run")
    edit_json(run / "records" / "delete-5x.json", lambda data: data["model"].update(method_sha256="0" * 64))
    with pytest.raises(ConfigError, match="Expected the built-in code of delete .* rename the method and run it again"):
        submit(run, model="delete-5x", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_a_record_of_today_must_state(submittable: Path, tmp_path: Path) -> None:
    folder = submit(submittable, model="delete-5x", out=tmp_path / "silent")
    edit_json(folder / "record.json", lambda data: data["model"].update(method_sha256=None))
    mend(folder)
    assert messages(folder) == [
        "method: Expected the SHA-256 of the method's file as model.method_sha256 of the record, got none."
    ]


def test_own_code_is_compared(submittable: Path, tmp_path: Path) -> None:
    code = tmp_path / "mine.py"
    code.write_text(CODE)
    run = made_with(code, shutil.copytree(submittable, tmp_path / "run"), "my_method-5x")
    folder = submit(run, model="my_method-5x", out=tmp_path / "own", method_file=code)
    assert messages(folder) == []
    (folder / "method.py").write_text(CODE + "# another\n")
    mend(folder)
    (found,) = messages(folder)
    assert f"the model was made with (SHA-256 {manifest.sha256_file(code)})" in found
    taken = submit(submittable, model="delete-5x", out=tmp_path / "taken")
    shutil.copyfile(code, taken / "method.py")
    mend(taken)
    assert any("a name of its own for a method with a file of its own, got delete" in text for text in messages(taken))


def test_older_records_are_asked_where_something_states_it(submittable: Path, tmp_path: Path) -> None:
    code, run = tmp_path / "mine.py", shutil.copytree(submittable, tmp_path / "run")
    code.write_text(CODE)
    made_with(code, run, "delete-5x")
    older(run / "records" / "delete-5x.json")
    record = read_record(run / "records" / "delete-5x.json")
    assert (record.benchmark_version, record.model.method_sha256) == (None, None)
    assert code_problem(record, "delete", None) is None
    with pytest.raises(ConfigError, match="the built-in code of delete"):  # the checkpoint says that it isn't
        submit(run, model="delete-5x", out=tmp_path / "out")


def test_the_page_of_a_built_in_lists_its_own_code_only(submittable: Path, tmp_path: Path) -> None:
    board, run = tmp_path / "board", shutil.copytree(submittable, tmp_path / "run")
    submit(
        run, model="delete-5x", out=board / "submissions" / "today", author="A Person", link="https://code.example/x"
    )
    for path in (run / "records").glob("*.json"):
        data = json.loads(path.read_text())
        data["model"].pop("method_sha256")
        data.pop("benchmark_version")
        path.write_text(json.dumps(data))
    of_schema_1(submit(run, model="cliperase-5x", out=board / "submissions" / "older"))
    (board / "docs").mkdir()
    (board / "submissions" / "notes").mkdir()
    built = build(board, out=tmp_path / "site", metrics=METRICS)
    assert (built.shown, built.refused, built.passed_over) == (2, {}, ["notes"])
    pages = {path.name: path.read_text() for path in (tmp_path / "site" / "methods").iterdir()}
    assert set(pages) == {"delete.html", "cliperase~unstated.html"}
    assert "made by the package’s own file" in pages["delete.html"]
    assert "too old to say whose code" in pages["cliperase~unstated.html"]
    index = (tmp_path / "site" / "index.html").read_text()
    assert "records of schema 1" in index  # boards of their own
    assert 'href="https://code.example/x">code.example</a>' in index
    assert "A Person" in index
    feed = json.loads((tmp_path / "site" / "leaderboard.json").read_text())["boards"]
    assert [one["benchmark_version"] for one in feed] == [BENCHMARK_VERSION, None]
    row = feed[0]["submissions"][0]
    record = read_record(submittable / "records" / "delete-5x.json")
    assert (row["method_sha256"], row["pairs_seen"]) == (record.model.method_sha256, record.cost.pairs)
    assert "../methods/cliperase~unstated.html" in (tmp_path / "site" / "submissions" / "older.html").read_text()


def test_records_of_one_version_of_the_benchmark(submittable: Path, tmp_path: Path) -> None:
    folder = submit(submittable, model="delete-5x", out=tmp_path / "s")
    edit_json(folder / "clean.json", lambda data: data.update(benchmark_version=None))
    mend(folder)
    assert messages(folder) == [f"protocol: Expected records of one benchmark_version, got {BENCHMARK_VERSION}, null."]
    for name in ("record", "clean", "compromised"):
        edit_json(folder / f"{name}.json", lambda data: data.update(benchmark_version=BENCHMARK_VERSION + 1))
    mend(folder)
    assert "Install a newer salmubench" in messages(folder)[0]


def test_a_folder_that_claims_nothing_gets_one_line(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "readme.md").touch()
    with pytest.raises(RecordError, match="got a folder that holds none of its files"):
        check(tmp_path / "docs", metrics=METRICS)
    (tmp_path / "docs" / "clean.json").touch()  # it claims something now
    assert len(check(tmp_path / "docs", metrics=METRICS).findings) > 1
