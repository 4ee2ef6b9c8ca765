"""Methods as files: what one must hold, how options are described, what a broken one says."""

from __future__ import annotations

import dataclasses
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from salmubench.core.errors import ConfigError, UnknownName
from salmubench.unlearn import UnlearnConfig, load_method, method_names
from salmubench.unlearn.config import ENGINE_OPTIONS, benchmark_methods
from salmubench.unlearn.registry import check_settings, configure, field_docs, method_titles, options

EXAMPLE = Path(__file__).parents[2] / "examples" / "my_method.py"

GOOD = '''"""Good."""
from dataclasses import dataclass
NEEDS = ("forget",)
@dataclass(frozen=True)
class Config:
    """Options."""

    size: int = 1
    """How large."""
def loss(batch, model, reference, config):
    return 0, {}
'''


def test_the_nine_are_there() -> None:
    assert benchmark_methods() == (
        "finetuning", "generic_captions", "shuffled_captions", "direct_similarity_minimisation", "negative_gradient",
        "descent_to_delete", "vlunlearn", "cliperase", "delete",
    )  # fmt: skip
    assert UnlearnConfig().methods == benchmark_methods()


@pytest.mark.parametrize("name", [*method_names(), str(EXAMPLE)])
def test_every_file_keeps_the_interface(name: str) -> None:
    method = load_method(name)
    assert method.name == Path(name).stem
    assert method.doc.count("\n") >= 2, "a docstring with the formula"
    assert method.title == method_titles([name]).get(method.name, method.name)
    assert name == str(EXAMPLE) or (method.cost and method.title != method.name)
    assert method.row is None or "arXiv" in method.paper
    assert set(method.needs_of(method.config())) <= set(method.needs)
    documented = field_docs(method.config)
    for field in dataclasses.fields(method.config):
        assert documented.get(field.name), f"{name}: Config.{field.name} needs a docstring under it"
        search = field.metadata.get("search")
        assert search is None or isinstance(search, list) or search[2] in ("log", "linear")
    for option in options(method.config):
        assert option.type
        assert option.doc


def test_engine_options_are_documented() -> None:
    documented = field_docs(UnlearnConfig)
    assert all(documented.get(name) for name in (*ENGINE_OPTIONS, "methods", "overrides"))


def test_options_of_cliperase() -> None:
    found = {option.name: option for option in options(load_method("cliperase").config)}
    assert found["forgetting"].default == 3.0
    assert found["forgetting"].search == (0.3, 30.0, "log")
    assert found["variant"].type == "Literal['paper', 'released']"
    assert found["variant"].search is None


def test_what_each_variant_needs() -> None:
    for name, paper, released in (
        ("delete", ("forget",), ("forget", "retain")),
        ("descent_to_delete", ("retain",), ()),
        ("cliperase", ("forget", "retain"), ("forget", "retain")),
    ):
        method = load_method(name)
        assert method.needs_of(method.config()) == paper
        assert method.needs_of(method.config(variant="released")) == released


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("NEEDS = ", "NEED = "), "Expected NEEDS"),
        (('("forget",)', '"forget"'), "Expected NEEDS"),
        (('("forget",)', '("forgot",)'), "Did you mean 'forget'"),
        (("frozen=True", "frozen=False"), "frozen=True"),
        (("class Config", "class Options"), "Expected a dataclass Config"),
        (("size: int = 1", "size: int"), "Expected a default for each option"),
        (("size: int = 1", "lr: float = 1.0"), "leave 'lr' to the engine"),
        (("def loss(", "def los("), "got neither"),
        (("reference, config", "config"), r"got loss\(batch, model, config\)"),
        (("return 0", "retrun 0"), "fails on import"),
        (("def loss", "import nowhere\ndef loss"), "fails on import: ModuleNotFoundError"),
    ],
)
def test_broken_file(change: tuple[str, str], message: str, tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(GOOD)
    assert load_method(str(path)).name == "own"
    path = tmp_path / "broken.py"
    path.write_text(GOOD.replace(*change))
    with pytest.raises(ConfigError, match=message):
        load_method(str(path))


def test_a_file_may_say_nothing_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(GOOD)
    method = load_method(str(path))
    assert (method.title, method.paper, method.cost, method.row) == ("own", "", "", None)
    assert method_titles([str(path)]) == {}
    path.write_text(GOOD + 'PAPER = "A paper"\n')  # as before there were descriptions
    assert load_method(str(path)).paper == "A paper"
    path.write_text(GOOD + 'from salmubench.unlearn import Method\nMETHOD = Method(title="My Own", cost="1 text")\n')
    method = load_method(str(path))
    assert (method.title, method.cost) == ("My Own", "1 text")
    assert method_titles([str(path)]) == {"own": "My Own"}
    path.write_text(GOOD + 'METHOD = {"title": "My Own"}\n')
    with pytest.raises(ConfigError, match=r"Expected METHOD = Method\(title=…\).*got \{'title'"):
        load_method(str(path))


def test_no_method_is_named_outside_its_file() -> None:
    """Only recipes list them; the table of published numbers is data. Two names are English words."""
    source = Path(__file__).parents[2] / "src" / "salmubench"
    words = {name for name in method_names() if name not in ("delete", "slug")}
    for path in [*source.rglob("*.py"), *source.rglob("*.j2")]:
        text = path.read_text(encoding="utf-8")
        if path.parent.name == "methods":
            continue
        named = [name for name in words if re.search(rf"\b{name}\b", text)]
        named += [name for name in method_names() if f'"{name}"' in text]
        assert not named, f"{path.relative_to(source)} names {', '.join(named)}"


def test_both_functions(tmp_path: Path) -> None:
    path = tmp_path / "both.py"
    path.write_text(GOOD + "def edit(model, data, engine, config):\n    return {}\n")
    with pytest.raises(ConfigError, match="got loss and edit"):
        load_method(str(path))


def test_unknown_method() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'negative_gradient'"):
        load_method("negative_gradent")
    with pytest.raises(ConfigError, match=r"got nothing at nothing\.py"):
        load_method("./nothing.py")


def test_check_settings() -> None:
    found = check_settings(UnlearnConfig(methods=("delete", str(EXAMPLE)), overrides={"my_method": {"margin": 0.2}}))
    assert [item.method.name for item in found] == ["delete", "my_method"]
    assert found[1].config.margin == 0.2
    assert found[1].given == {"margin": 0.2}
    with pytest.raises(UnknownName, match=r"overrides.*Did you mean 'cliperase'"):
        check_settings(UnlearnConfig(overrides={"cliperas": {}}))
    with pytest.raises(UnknownName, match="Did you mean 'keep'"):
        check_settings(UnlearnConfig(methods=(str(EXAMPLE),), overrides={"my_method": {"keeep": 1}}))
    with pytest.raises(ConfigError, match="delete more than once"):
        check_settings(UnlearnConfig(methods=("delete", "delete")))


@pytest.mark.parametrize(
    ("given", "message"), [({"margin": "much"}, "margin"), ({"lr": "fast"}, "lr"), ({"lr": -1}, r"unlearn\.lr")]
)
def test_values_are_checked(given: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=rf"Options of the method 'my_method'.*{message}"):
        configure(load_method(str(EXAMPLE)), UnlearnConfig(), given)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "    def __post_init__(self):\n        assert self.size < 1\n",
            r"Config to work, got AssertionError, in line 11 of",
        ),
        ("    def __post_init__(self):\n        raise KeyError('size')\n", "Config to work, got KeyError: 'size'"),
        ("    def __post_init__(self):\n        raise ValueError('too large')\n", ": too large"),
        ("def needs(config):\n    return ('holdout_identity',)\n", r"Unknown kind of pairs in NEEDS of .*'holdout_id"),
        ("def needs(config):\n    return config.sizes\n", r"needs\(config\) to work, got AttributeError: .*line 11 of"),
        ("needs = ('forget',)\n", r"needs\(config\) to work, got TypeError: 'tuple' object is not callable, in /"),
        (
            "def settings(config):\n    return {}['lr']\n",
            r"settings\(config\) to work, got KeyError: 'lr', in line 11 of",
        ),
        ("def settings(config):\n    return {'lr': 'fast'}\n", r"SETTINGS of .*own\.py: lr: Expected a number"),
    ],
)
def test_errors_of_the_authors_functions_are_said_while_planning(body: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(GOOD.replace("def loss", f"{body}def loss"))
    with pytest.raises(ConfigError, match=rf"Options of the method 'own'.*{message}"):
        check_settings(UnlearnConfig(methods=(str(path),)))


@pytest.mark.stage
def test_options_reach_a_process_that_does_not_know_the_file() -> None:
    here = configure(load_method(str(EXAMPLE)), UnlearnConfig(lr=1e-3), {"margin": 0.2, "batch_size": 8})
    code = (
        "import pickle, sys; item = pickle.loads(sys.stdin.buffer.read()); "
        "print(item.effective, item.given, item.method.sha256)"
    )
    there = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(here), capture_output=True, check=True
    ).stdout.decode()
    assert there.strip() == f"{here.effective} {here.given} {here.method.sha256}"


def test_options_of_a_file_that_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(EXAMPLE.read_text())
    pickled = pickle.dumps(configure(load_method(str(path)), UnlearnConfig()))
    path.write_text(EXAMPLE.read_text().replace("margin", "gap"))
    with pytest.raises(ConfigError, match=r"Options of the method 'mine'.*margin"):
        pickle.loads(pickled)


def test_options_file(tmp_path: Path) -> None:
    path = tmp_path / "options.yaml"
    for text, message in (("- 1", "Expected options by name"), ("a: [", "Expected YAML")):
        path.write_text(text)
        with pytest.raises(ConfigError, match=message):
            configure(load_method("delete"), UnlearnConfig(), path)
    path.write_text("")
    assert configure(load_method("delete"), UnlearnConfig(), path).given == {}
    with pytest.raises(ConfigError, match="Expected a YAML file"):
        configure(load_method("delete"), UnlearnConfig(), tmp_path / "none.yaml")


def test_listing_imports_no_torch() -> None:
    code = (
        "import sys, salmubench.unlearn as u; from salmubench.unlearn import UnlearnConfig, method_names; "
        "assert len(method_names()) >= 9; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
