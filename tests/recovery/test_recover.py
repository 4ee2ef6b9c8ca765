"""The harness as a whole: known answers, resuming, workers, attacks of one's own that go wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from salmubench import metrics, recovery
from salmubench.cli import attack
from salmubench.cli.main import main
from salmubench.core.errors import ConfigError, ModelError, RecordError, StageError
from salmubench.recovery import AttackConfig, recover
from salmubench.scoring.attacks.record import Attacks
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.record_files import read_record

pytestmark = pytest.mark.stage

HEAD = "from dataclasses import dataclass\nfrom salmubench.attacks import Attack, Variant, copy_of, fine_tune\n"
CONFIG = "@dataclass(frozen=True)\nclass Config:\n    level: float = 1.0\n"


def attack_file(folder: Path, name: str, body: str, *, knows: str = "none") -> str:
    """An attack in a file; `body` is what its function does."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    described = f"ATTACK = Attack(name={name!r}, title='mine', knows={knows!r})\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.py"
    path.write_text(f"{HEAD}\n{described}\n{CONFIG}\ndef attack(model, data, seed, config):\n{lines}\n")
    return str(path)


Run = Callable[..., Attacks]


@pytest.fixture(scope="module")
def scored(world: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with records of all models, whose references are attacked by a query already; read only."""
    out = tmp_path_factory.mktemp("scored")
    recover(
        models=[world.negated, world.clean, world.compromised], dataset=world.dataset, clean=world.clean,
        compromised=world.compromised, out=out, config=AttackConfig(attacks=("calibrated",)), precision="fp32",
        device="cpu", scoring=ScoreConfig(bootstraps=200, fact_values=6),
    )  # fmt: skip
    return out


@pytest.fixture
def attacked(world: Any, scored: Path, tmp_path: Path) -> Run:
    """Attack one model: `attacked(model, attacks)` gives the record's section."""
    shutil.copytree(scored, tmp_path / "out")

    def run(model: Path, attacks: Sequence[str], **given: Any) -> Attacks:
        config = AttackConfig(attacks=tuple(attacks), **given.pop("config", {}))
        if "out" in given:
            shutil.copytree(scored / "records", given["out"] / "records")
        defaults: dict[str, Any] = {
            "clean": world.clean, "compromised": world.compromised, "out": tmp_path / "out", "precision": "fp32",
            "device": "cpu", "scoring": ScoreConfig(bootstraps=200, fact_values=6),
        }  # fmt: skip
        (path,) = recover(models=[model], dataset=world.dataset, config=config, **{**defaults, **given})
        section = read_record(path).attacks
        assert section is not None
        return section

    return run


def rows(out: Path, name: str) -> list[dict[str, Any]]:
    return pq.read_table(out / "records" / f"{name}.attacks.parquet").to_pylist()


QUERIES = ("calibrated", "counterfactual", "rewordings")


def test_compromised_is_a_hundred_per_cent_and_clean_nothing_under_every_query(attacked: Run, world: Any) -> None:
    full, nothing = attacked(world.compromised, QUERIES), attacked(world.clean, QUERIES)
    for name in QUERIES:
        score = full.scores[name]
        assert score.reason is None
        assert score.numbers[score.info.headline].value == pytest.approx(1.0)
        if score.info.headline == "leakage":  # a pick of its own chooses the direction, and is 0 within its interval
            assert nothing.scores[name].numbers["leakage"].value == 0.0
        else:
            low, high = nothing.scores[name].numbers["pick_all"].ci95 or (0, 0)
            assert low <= 0 <= high
    assert full.recoverable == "yes"


def test_a_model_that_says_the_opposite_is_seen_through(attacked: Run, world: Any) -> None:
    found = attacked(world.negated, ("counterfactual", "calibrated"))
    numbers = found.scores["counterfactual"].numbers
    assert set(numbers["pick_all"].chosen) == {"asked: lowest"}
    assert numbers["pick_all"].value is not None
    assert numbers["pick_all"].value > 0.8
    for part in ("auc_value", "auc_stranger"):
        assert numbers[part].model == pytest.approx(-(numbers[part].compromised or 0.0))
        one = numbers[f"{part}_all"]
        known, nothing = one.compromised or 0.0, one.clean or 0.0
        assert one.value == pytest.approx((-known - nothing) / (known - nothing))  # −100 % but for Clean's own chance
        assert one.value < -0.8
    assert found.scores["calibrated"].numbers["leakage"].value == pytest.approx(0.0, abs=0.2)
    assert found.recoverable != "no"


def test_models_that_never_saw_the_facts_are_nothing(
    attacked: Run, world: Any, retrained: Path, second_clean: Path
) -> None:
    """Retrained and a second Clean, attacked themselves and as controls: intervals hold 0, or they are within 2 %."""
    for model in (retrained, second_clean):
        controls = {"retrained": retrained, "second_clean": second_clean}
        found = attacked(model, QUERIES, config={"seeds": 1}, **controls)
        told = [name for name in QUERIES if found.scores[name].reason is None]
        assert len(told) >= len(QUERIES) - 1  # in a world this small one may not tell the references apart
        assert all("differ" in (found.scores[name].reason or "differ") for name in QUERIES)
        for name in told:
            score = found.scores[name]
            assert set(score.controls) == {"retrained", "second_clean"}
            one = score.numbers[score.info.headline]
            assert one.value is not None
            assert one.ci95 is not None
            assert one.ci95[0] <= 0 <= one.ci95[1] or abs(one.value) <= 0.02
            assert one == score.controls[model.name if model is retrained else "second_clean"]
        assert found.recoverable != "yes"


def test_trained_attacks_on_the_references_themselves(attacked: Run, world: Any) -> None:
    config = {"seeds": 1, "overrides": {
        "fewshot": {"lrs": [1e-3], "read_at": [4, 8]}, "benign": {"steps": 4}, "probe": {"ridges": [1.0], "steps": 3},
        "savings": {"lr": 1e-3, "read_at": [4, 12]},
    }}  # fmt: skip
    names = ("fewshot", "benign", "probe", "savings")
    full = attacked(world.compromised, names, config=config, retrained=world.clean)
    nothing = attacked(world.clean, names, config=config, retrained=world.clean)
    for name in names:
        score = full.scores[name]
        recovered = score.numbers[score.info.headline]
        if score.reason is None:
            assert recovered.value == pytest.approx(1.0)
            assert score.info.control != "clean" or score.controls["retrained"].value == 0.0
        else:  # a world this small doesn't give every attack something to bring back
            assert "differ" in score.reason or "control" in score.reason
        if nothing.scores[name].reason is None and score.info.control == "clean":
            assert nothing.scores[name].numbers["leakage"].value == pytest.approx(0.0)
    assert full.scores["fewshot"].general_knowledge is not None
    assert full.scores["probe"].general_knowledge is None


def test_references_are_attacked_once_and_a_killed_call_goes_on(
    attacked: Run, world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(tmp_path / "out" / "attacks")
    whole = attacked(world.negated, ("calibrated", "counterfactual"), out=tmp_path / "whole")
    real, done = recovery.worker._rows, list[str]()

    def dies(item: Any, *rest: Any) -> Any:
        done.append(item.attack.name)
        if len(done) == 6:
            raise KeyboardInterrupt
        return real(item, *rest)

    monkeypatch.setattr(recovery.worker, "_rows", dies)
    with pytest.raises(KeyboardInterrupt):
        attacked(world.negated, ("calibrated", "counterfactual"))
    monkeypatch.setattr(
        recovery.worker, "_rows", lambda item, *rest: done.append(item.attack.name) or real(item, *rest)
    )
    again = attacked(world.negated, ("calibrated", "counterfactual"))
    assert len(done) == 3 * 2 * 2 + 1  # three models, two attacks, two seeds; one was begun twice
    assert again == whole
    assert rows(tmp_path / "out", "not") == rows(tmp_path / "whole", "not")
    attacked(world.compromised, ("calibrated", "counterfactual"))
    assert len(done) == 13  # nothing was left to do


# A worker that has grown by 300 MB is replaced by joblib, which says so; as an error that would end its manager.
@pytest.mark.night
@pytest.mark.filterwarnings("ignore:A worker stopped:UserWarning")
def test_any_number_of_workers_gives_the_same_rows(attacked: Run, world: Any, tmp_path: Path) -> None:
    own = attack_file(tmp_path, "trains", (
        "student = copy_of(model)\n"
        "rows = range(len(data.few.records))\n"
        "batch = data.few.images(rows, model.device), data.few.tokens\n"
        "for step in fine_tune(student, [batch] * 4, lr=1e-3, read_at=(2, 4)):\n"
        "    yield Variant(label=f'{step} steps', model=student)\n"
    ), knows="few")  # fmt: skip
    one = attacked(world.negated, [own], workers=1, out=tmp_path / "one")
    two = attacked(world.negated, [own], workers=2, out=tmp_path / "two")
    assert one == two
    assert rows(tmp_path / "one", "not") == rows(tmp_path / "two", "not")
    mine = {row["variant"] for row in rows(tmp_path / "one", "not") if row["attack"] == "trains"}
    assert mine == {"2 steps", "4 steps"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise RuntimeError('broken')\nyield", "RuntimeError: broken"),
        ("return iter(())", "the attack yields nothing"),
        ("return None", "Expected attack(…) to yield variants, got NoneType"),
        ("yield 5", "Expected a Variant, got int"),
        ("yield Variant(label='a')\nyield Variant(label='a')", "two variants are called 'a'"),
        ("print(data.forget)\nyield Variant(label='a')", "PermissionError: Expected an attack that reads data.forget"),
        ("print(data.held)\nyield Variant(label='a')", "AttributeError"),
        ("yield Variant(label='a', scores={'x': {'leakage': 1.0}})", "only of an attack with knows='all'"),
        (
            (
                "student = copy_of(model)\n"
                "for weight in student.module.parameters():\n"
                "    weight.data *= float('nan')\n"
                "yield Variant(label='a', model=student)"
            ),
            "not finite: it has diverged",
        ),
        ("for weight in model.module.parameters():\n    weight.data *= 0\nyield Variant(label=str(seed))", None),
        ("yield Variant(label='a', picture_map=lambda v: v * float('nan'))", "map gives vectors that are not finite"),
        ("yield Variant(label='a', text_map=lambda v: v * 0)", "map gives vectors that are not finite, zero"),
        ("yield Variant(label='a', picture_map=lambda v: v[1:])", "or not one for each"),
    ],
)
def test_an_attack_that_goes_wrong_is_null_and_the_others_go_on(
    attacked: Run, world: Any, tmp_path: Path, body: str, reason: str | None
) -> None:
    own = attack_file(tmp_path, "mine", body)
    found = attacked(world.compromised, [own, "calibrated"], config={"seeds": 1})
    assert found.scores["calibrated"].numbers["leakage"].value == pytest.approx(1.0)
    if reason is None:  # it broke only its own copy
        assert found.scores["mine"].numbers["leakage"].value == pytest.approx(1.0)
    else:
        assert reason in str(found.scores["mine"].reason)
        assert found.scores["mine"].numbers == {}


def test_rows_of_an_attack_that_do_not_fit_together_end_nothing_else(
    attacked: Run, world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nan = "yield Variant(label='a', scores={pair.file_name: {'leakage': float('nan')} for pair in data.forget.records})"
    own = [attack_file(tmp_path, "nan", nan, knows="all"), attack_file(tmp_path, "odd", "yield Variant(label='a')")]
    real = recovery.attack_score

    def scored(table: Any, info: Any, **given: Any) -> Any:
        if table.num_rows and table.column("attack")[0].as_py() == "odd":
            raise RecordError("Expected the same pairs in every variant, got others.")
        return real(table, info, **given)

    monkeypatch.setattr(recovery, "attack_score", scored)
    found = attacked(world.compromised, [*own, "calibrated"], config={"seeds": 1})
    assert "scores that are not finite" in str(found.scores["nan"].reason)
    assert found.scores["odd"].reason == "Expected the same pairs in every variant, got others."
    assert found.scores["nan"].numbers == found.scores["odd"].numbers == {}
    assert found.scores["calibrated"].numbers["leakage"].value == pytest.approx(1.0)
    kept = rows(tmp_path / "out", world.compromised.name)
    assert {row["attack"] for row in kept} == {"calibrated"}


@pytest.mark.parametrize("error", ["MemoryError()", "OSError(28, 'No space left on device')"])
def test_what_the_machine_lacks_is_no_result(attacked: Run, world: Any, tmp_path: Path, error: str) -> None:
    mark = tmp_path / "there is room now"
    body = (
        f"from pathlib import Path\nif not Path({str(mark)!r}).exists():\n    raise {error}\nyield Variant(label='a')"
    )
    own = attack_file(tmp_path, "mine", body)
    with pytest.raises(StageError, match="Expected room for the attack mine"):
        attacked(world.negated, [own], config={"seeds": 1})
    mark.touch()
    assert attacked(world.negated, [own], config={"seeds": 1}).scores["mine"].reason is None


def test_a_description_that_says_something_else_is_refused(attacked: Run, world: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Expected knows of ATTACK to be one of none, retain, few, all in"):
        attacked(world.negated, [attack_file(tmp_path, "mine", "yield Variant(label='a')", knows="some")])
    with pytest.raises(ConfigError, match="Expected seeds of attacks up to 2,147,483,647, got 2,147,483,648"):
        attacked(world.negated, ("calibrated",), seed=2**31 - 1)


def test_repeats_are_the_recipes_where_none_are_given(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("attack: {seeds: 4}\n")
    assert attack._settings(str(recipe), "all", None)[0].seeds == 4
    assert attack._settings(str(recipe), "all", 3)[0].seeds == 3
    assert attack._settings("", "all", None)[0].seeds == AttackConfig().seeds


def test_an_attack_without_numbers_keeps_no_rows(attacked: Run, world: Any, tmp_path: Path) -> None:
    body = "if 'clean' in str(model.source):\n    raise OSError('no')\nyield Variant(label='a')"
    own = attack_file(tmp_path, "mine", body)
    found = attacked(world.negated, [own, "calibrated"], config={"seeds": 1})
    assert found.scores["mine"].numbers == {}
    assert {row["attack"] for row in rows(tmp_path / "out", world.negated.name)} == {"calibrated"}


def test_a_control_that_leaks_takes_the_number_away(attacked: Run, world: Any) -> None:
    found = attacked(world.negated, ("calibrated",), second_clean=world.compromised, config={"seeds": 1})
    assert "the control second_clean, which never saw the facts, shows 100.0 %" in str(
        found.scores["calibrated"].reason
    )
    assert found.recoverable is None


def test_bad_input(attacked: Run, world: Any, tmp_path: Path, tiny_folder: Path) -> None:
    with pytest.raises(ConfigError, match="share above 0 and at most 0.5"):
        AttackConfig(share=0.7)
    with pytest.raises(ModelError, match="got nothing at"):
        attacked(tmp_path / "nothing", ("calibrated",))
    attacked(world.negated, ("calibrated",), config={"seeds": 1})
    with pytest.raises(RecordError, match="Expected a record of the dataset"):
        recover(
            models=[world.negated], dataset=tiny_folder, clean=world.clean, compromised=world.compromised,
            out=tmp_path / "out", config=AttackConfig(attacks=("calibrated",)),
        )  # fmt: skip
    other = tmp_path / "other" / "not"
    shutil.copytree(world.clean, other)
    with pytest.raises(RecordError, match="Expected the record of these weights"):
        attacked(other, ("calibrated",))
    with pytest.raises(ConfigError, match="models of different names, got 'not'"):
        recover(
            models=[world.negated, other], dataset=world.dataset, clean=world.clean, compromised=world.compromised,
            out=tmp_path / "out",
        )  # fmt: skip


def test_a_world_with_two_people_keeps_rows_and_says_why_there_is_no_number(
    world: Any, tiny_folder: Path, tmp_path: Path
) -> None:
    (path,) = recover(
        models=[world.negated], dataset=tiny_folder, clean=world.clean, compromised=world.compromised, out=tmp_path,
        config=AttackConfig(attacks=("calibrated",), seeds=1), precision="fp32",
    )  # fmt: skip
    section = read_record(path).attacks
    assert section is not None
    assert section.scores["calibrated"].reason == "fewer than 4 people outside T"
    assert rows(tmp_path, "not")


def test_an_attack_joins_those_that_were_done(attacked: Run, world: Any, tmp_path: Path) -> None:
    broken = attack_file(tmp_path, "mine", "yield data.nothing['at all']")
    first = attacked(world.negated, ["calibrated"])
    both = attacked(world.negated, [broken])
    assert list(both.scores) == ["calibrated", "mine"]
    assert both.scores["calibrated"] == first.scores["calibrated"]
    assert "(mine.py:" in str(both.scores["mine"].reason)
    assert {row["attack"] for row in rows(tmp_path / "out", "not")} == {"calibrated"}
    assert attacked(world.negated, ["calibrated"]) == both


def test_the_command(world: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [
        "attack", str(world.negated), "--dataset", str(world.dataset), "--compromised", str(world.compromised),
        "--out", str(tmp_path), "--attacks", "calibrated", "--repeats", "1", "--precision", "fp32", "--quiet",
    ]  # fmt: skip
    assert main(given) == 1
    assert "Expected both references, got no --clean" in capsys.readouterr().err
    assert main([*given, "--clean", str(world.clean)]) == 0
    shown = capsys.readouterr().out
    assert "stays forgotten" in shown.splitlines()[0]
    assert main([*given, "--clean", str(world.clean), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["not"]["scores"]["calibrated"]["info"]["knows"] == "none"
    assert main([*given, "--clean", str(world.clean), "--attacks", "calibratd"]) == 1
    assert "Did you mean 'calibrated'" in capsys.readouterr().err
    assert not [name for name in (tmp_path / "attacks").rglob("*.tmp") if name.is_file()]


def test_a_record_is_computed_again_from_its_rows(attacked: Run, world: Any, tmp_path: Path) -> None:
    section = attacked(world.negated, ("calibrated",))
    records = tmp_path / "out" / "records"
    again = metrics.score_again(records / "not.items.parquet", out=tmp_path / "again" / "not.json")
    assert read_record(again).attacks == section
    claimed = json.loads((records / "not.json").read_text())
    claimed["attacks"]["scores"]["calibrated"]["numbers"]["leakage"]["value"] = 0.0
    claimed["attacks"]["recoverable"] = "no"
    (records / "not.json").write_text(json.dumps(claimed))
    again = metrics.score_again(records / "not.items.parquet", out=tmp_path / "mended" / "not.json")
    assert read_record(again).attacks == section
    (records / "not.attacks.parquet").unlink()
    with pytest.raises(RecordError, match="Expected the rows of attacks"):
        metrics.score_again(records / "not.items.parquet", out=tmp_path / "none" / "not.json")
