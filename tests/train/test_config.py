"""Recipes: every mistake is one error that names the field."""

from dataclasses import dataclass, field
from typing import Literal

import pytest

from qpt_app.errors import RecipeError
from qpt_train.config import config_to_dict, load_recipe, parse_config, recipe_names
from qpt_train.finetune_config import FinetuneRecipe


@dataclass(frozen=True, kw_only=True)
class Inner:
    rate: float = 0.5
    sizes: tuple[int, ...] = (1, 2)


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    kind: Literal["a", "b"] = "a"
    limit: int | None = 3
    on: bool = False
    inner: Inner = field(default_factory=Inner)


def write(tmp_path, text):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    return str(path)


def test_fields_defaults_and_conversions(tmp_path):
    path = write(tmp_path, 'name = "x"\nlimit = "none"\n[inner]\nrate = 1\nsizes = [3]')
    assert load_recipe(path, Outer) == Outer(
        name="x", limit=None, inner=Inner(rate=1.0, sizes=(3,))
    )


def test_config_survives_its_dict():
    config = Outer(name="x", limit=None, inner=Inner(sizes=(4, 5)))
    assert parse_config(config_to_dict(config), Outer) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "x"\nnmae = 1', "unknown recipe field nmae"),
        ('name = "x"\n[inner]\nrat = 1', "inner.rat"),
        ("kind = 'a'", "lacks the field name"),
        ('name = "x"\nkind = "c"', "kind must be one of"),
        ('name = "x"\non = 1', "on must be bool"),
        ('name = "x"\nlimit = true', "limit must be int"),
        ('name = "x"\nlimit = 1.5', "limit must be int"),
        ('name = "x"\ninner = 3', "inner must be a table"),
        ('name = "x"\n[inner]\nsizes = 3', "inner.sizes must be a list"),
        ("name = ", "cannot read recipe"),
    ],
)
def test_mistakes_name_the_field(tmp_path, text, message):
    with pytest.raises(RecipeError, match=message):
        load_recipe(write(tmp_path, text), Outer)


def test_overrides_reach_nested_fields(tmp_path):
    path = write(tmp_path, 'name = "x"')
    config = load_recipe(path, Outer, ["inner.rate=0.25", "kind=b", "limit=none", "on=true"])
    assert config == Outer(name="x", kind="b", limit=None, on=True, inner=Inner(rate=0.25))


@pytest.mark.parametrize("override", ["inner.rate", "=3", "name.x=3"])
def test_bad_overrides_are_refused(tmp_path, override):
    with pytest.raises(RecipeError):
        load_recipe(write(tmp_path, 'name = "x"'), Outer, [override])


def test_unknown_recipe_lists_the_shipped_ones():
    with pytest.raises(RecipeError, match="finetune-small"):
        load_recipe("no-such-recipe", FinetuneRecipe)


@pytest.mark.parametrize("name", [n for n in recipe_names() if n.startswith("finetune")])
def test_shipped_finetune_recipes_parse(name):
    recipe = load_recipe(name, FinetuneRecipe)
    assert parse_config(config_to_dict(recipe), FinetuneRecipe) == recipe
