"""Options given one by one, and tuned values named by the caller."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from salmubench.core.errors import ConfigError, UnknownName
from salmubench.unlearn.given import by_method, of_method
from salmubench.unlearn.registry import load_method
from salmubench.workflow import planning, tuned_values
from salmubench.workflow.recipe import load

METHOD = '''"""Mine."""
from dataclasses import dataclass
NEEDS = ("forget",)
@dataclass(frozen=True)
class Config:
    """Options."""
    weight: float = 1.0
    """Weight."""
def loss(batch, model, reference, config):
    return model.encode_image(batch.forget.images).sum() * config.weight, {}
'''


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(METHOD)
    return path


def tuned_file(path: Path, method: Path, *, sha256: str | None = None) -> Path:
    entry = {
        "values": {"weight": 3.0, "lr": 0.01}, "trial": 1, "objective": 0.2, "default": 0.6, "trials": [{}, {}],
        "method_sha256": sha256 or load_method(str(method)).sha256,
    }  # fmt: skip
    content = {"schema_version": 1, "selection": {"seed": 1000, "dataset": "a" * 64}, "methods": {"mine": entry}}
    path.write_text(yaml.safe_dump(content))
    return path


def plan(mine: Path, **how) -> planning.Candidate:
    return planning.plan(load("tiny").recipe, methods=[str(mine)], budgets=[5], **how)[0]


def test_values_are_yaml_and_later_ones_count() -> None:
    given = by_method(
        ["a.x=1", "a.x=2.5", "./dir/b.py.towers=text", "a.flag=true", "b.layers=[attn, mlp]", "a.rate=1e-4"]
    )
    assert given == {"a": {"x": 2.5, "flag": True, "rate": "1e-4"}, "b": {"towers": "text", "layers": ["attn", "mlp"]}}
    assert by_method({"./dir/b.py": {"x": 1}}) == {"b": {"x": 1}}


@pytest.mark.parametrize("text", ["a.x", "x=1", ".x=1", "a.=1", "=1", "a.x=[1", "a.x=&b 1"])
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--set"):
        by_method([text])


def test_options_of_one_method() -> None:
    assert of_method(["npo.beta=1"], "npo") == {"beta": 1}
    with pytest.raises(UnknownName, match=r"method in --set: 'nop'\. Did you mean 'npo'"):
        of_method(["nop.beta=1"], "npo")


def test_given_options_win_over_recipe_and_tuned_values(mine: Path, tmp_path: Path) -> None:
    found = tuned_values.choose_tuned(
        tuned_file(tmp_path / "t.yaml", mine), setting="auto", untuned=False, recipe="x", shipped=False
    )
    tuned = plan(mine, tuned=found)
    assert (tuned.configured.options, tuned.configured.settings.lr) == ({"weight": 3.0}, 0.01)
    assert tuned.tuned is not None
    both = plan(mine, tuned=found, given=by_method(["mine.lr=1e-4"]))
    assert (both.configured.options, both.configured.settings.lr) == ({"weight": 3.0}, 1e-4)
    assert both.tuned is None  # nobody has tried these values together
    assert both.values == {"weight": 3.0, "lr": "1e-4"}
    assert plan(mine, given=by_method(["mine.weight=2"])).configured.given == {"weight": 2.0}


def test_unknown_names_in_set(mine: Path) -> None:
    with pytest.raises(UnknownName, match=r"'wieght'\. Did you mean 'weight'"):
        plan(mine, given=by_method(["mine.wieght=1"]))
    with pytest.raises(UnknownName, match="method in --set: 'mien'"):
        plan(mine, given=by_method(["mien.weight=1"]))
    with pytest.raises(ConfigError, match=r"--set for a method of this call \(mine\), got 'npo'. Add it to --methods"):
        plan(mine, given=by_method(["npo.beta=1"]))
    with pytest.raises(ConfigError, match="mine"):
        plan(mine, given=by_method(["mine.weight=heavy"]))


def test_a_file_that_is_named_must_have_values_of_the_method(mine: Path, tmp_path: Path, caplog) -> None:
    def named(path: Path) -> tuned_values.TunedFile | None:
        return tuned_values.choose_tuned(path, setting="auto", untuned=False, recipe="x", shipped=False)

    other = tmp_path / "other.py"
    other.write_text(METHOD)
    file = tuned_file(tmp_path / "t.yaml", mine)
    with pytest.raises(ConfigError, match="tuned values of 'other', got none: .* holds values of mine only"):
        plan(other, tuned=named(file))
    stale = tuned_file(tmp_path / "stale.yaml", mine, sha256="0" * 64)
    with pytest.raises(ConfigError, match=r"another version of mine\.py: tune it again"):
        plan(mine, tuned=named(stale))
    candidates = planning.plan(load("tiny").recipe, methods=[str(mine), str(other)], budgets=[5], tuned=named(file))
    assert [candidate.tuned is not None for candidate in candidates] == [True, False]
    assert "other runs with the recipe's settings" in caplog.text
    with pytest.raises(ConfigError, match="got both: leave --tuned or --untuned out"):
        tuned_values.choose_tuned(file, setting="auto", untuned=True, recipe="x", shipped=False)
    with pytest.raises(ConfigError, match="got none at"):
        named(tmp_path / "nowhere.yaml")
    loaded = load_method(str(mine))
    for word in ("auto", "none"):
        with pytest.raises(ConfigError, match=f"Expected a file of tuned values.*got '{word}'"):
            tuned_values.named_values(Path(word), loaded, dataset=lambda: "b" * 64)
    values, about = tuned_values.named_values(file, loaded, dataset=lambda: "b" * 64)
    assert (values, about["trials"]) == ({"weight": 3.0, "lr": 0.01}, 2)
    with pytest.raises(ConfigError, match="Expected another dataset"):
        tuned_values.named_values(file, loaded, dataset=lambda: "a" * 64)
