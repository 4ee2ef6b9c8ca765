"""Recipes: all that come with the package parse; mistakes are named with their path."""

import subprocess
import sys

import pytest

from salmubench.core.errors import ConfigError, UnknownName
from salmubench.workflow import recipe as recipes


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_parses(name):
    loaded = recipes.load(name)
    assert loaded.name == name
    assert loaded.recipe.dataset.identities == loaded.given["dataset"]["identities"]


def test_reading_one_imports_no_torch():
    """The parser looks into blocks for type checkers, and imports what it finds there."""
    code = "import sys; from salmubench.workflow import recipe; recipe.load('mini'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_left_out_takes_defaults(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("pretrain:\n  epochs: 3\n")
    loaded = recipes.load(path)
    assert loaded.name == "mine"
    assert loaded.recipe == recipes.Recipe(pretrain=recipes.PretrainConfig(epochs=3))
    path.write_text("")
    assert recipes.load(path).recipe == recipes.Recipe()


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("pretrain: {epocs: 3}", UnknownName, r"'pretrain\.epocs'\. Did you mean 'pretrain\.epochs'"),
        ("datset: {}", UnknownName, "'datset'. Did you mean 'dataset'"),
        ("dataset: {backends: {portrait: x}}", UnknownName, r"'dataset\.backends\.portrait'"),
        ("pretrain: {epochs: many}", ConfigError, r"pretrain\.epochs.*many"),
        ("pretrain: {epochs: 0}", ConfigError, "pretrain.epochs"),
        ("unlearn: {tuned: null}", ConfigError, "Expected a file, auto or none for unlearn.tuned, got None"),
        ("dataset: [1]", ConfigError, "Expected"),
        ("- 1", ConfigError, "Expected sections"),
        ("a: [", ConfigError, "Expected YAML"),
    ],
)
def test_mistakes(tmp_path, content, error, message):
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(error, match=message):
        recipes.load(path)


def test_unknown_key_comes_before_a_wrong_value(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("pretrain: {epochs: many, lrr: 1}")
    with pytest.raises(UnknownName, match="lrr"):
        recipes.load(path)


def test_unknown_recipe():
    with pytest.raises(UnknownName, match="Did you mean 'mini'"):
        recipes.load("minni")
    with pytest.raises(ConfigError, match="got none at"):
        recipes.load("absent.yaml")


def test_a_recipe_extends_another(tmp_path):
    (tmp_path / "base.yaml").write_text("extends: mini\npretrain: {epochs: 3}\nunlearn: {methods: [npo]}\n")
    path = tmp_path / "mine.yaml"
    path.write_text("extends: base.yaml\npretrain: {warmup: 5}\n")
    loaded, mini = recipes.load(path), recipes.load("mini").recipe
    assert (loaded.name, loaded.shipped, "extends" in loaded.given) == ("mine", False, False)
    assert (loaded.recipe.pretrain.epochs, loaded.recipe.pretrain.warmup) == (3, 5)
    assert loaded.recipe.unlearn.methods == ("npo",)
    assert loaded.recipe.dataset == mini.dataset
    assert loaded.recipe.score == mini.score


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("extends: minni", UnknownName, "Did you mean 'mini'"),
        ("extends: [mini]", ConfigError, "Expected the name or path of a recipe as extends"),
        (
            "extends: absent.yaml",
            ConfigError,
            "Expected the recipe that .*mine.yaml extends at .*absent.yaml, got none",
        ),
        ("extends: mine.yaml", ConfigError, "extend another recipe, got 'mine.yaml'"),
        ("extends: mini\npretrain: {epocs: 3}", UnknownName, r"'pretrain\.epocs'"),
    ],
)
def test_mistakes_in_what_is_extended(tmp_path, content, error, message):
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(error, match=message):
        recipes.load(path)
