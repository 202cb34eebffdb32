"""Recipes: TOML -> frozen dataclasses, with errors that name the field."""

import dataclasses
import tomllib
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from qpt_app.errors import RecipeError

RECIPES = Path(__file__).parent / "recipes"
"""The recipes that ship with qpt; `--recipe NAME` looks here."""

T = TypeVar("T")


def recipe_names() -> list[str]:
    """Return the names of the recipes that ship with qpt."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def load_recipe(name_or_path: str, kind: type[T], overrides: typing.Sequence[str] = ()) -> T:
    """Read a recipe by name or path as a dataclass.

    Args:
        name_or_path: a name from `recipe_names()`, or the path of a TOML file.
        kind: a dataclass type; nested dataclasses are TOML tables, fields without a default
            must be there.
        overrides: `section.field=VALUE`, VALUE being TOML (a bare word counts as a string).

    Raises:
        RecipeError: for a missing file, bad TOML, an unknown, missing or wrongly typed field.
    """
    fields = read_toml(find_recipe(name_or_path))
    for override in overrides:
        _apply_override(fields, override)
    return parse_config(fields, kind)


def find_recipe(name_or_path: str) -> Path:
    """Return the path of a recipe.

    Raises:
        RecipeError: if there is none of that name.
    """
    shipped = RECIPES / f"{name_or_path}.toml"
    if shipped.is_file():
        return shipped
    path = Path(name_or_path)
    if path.is_file():
        return path
    raise RecipeError(f"no recipe {name_or_path!r}; shipped recipes: {', '.join(recipe_names())}")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        RecipeError: if it cannot be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"cannot read recipe {path}: {error}") from error


def parse_config(fields: dict[str, Any], kind: type[T], where: str = "") -> T:
    """Turn nested dicts into a (nested) dataclass; every error names its field.

    Raises:
        RecipeError: for an unknown, missing or wrongly typed field.
    """
    hints = typing.get_type_hints(kind)
    known = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name in fields:
        if name not in known:
            raise RecipeError(f"unknown recipe field {where}{name}; known: {', '.join(known)}")
    values: dict[str, Any] = {}
    for name, field in known.items():
        if name in fields:
            values[name] = _convert(fields[name], hints[name], f"{where}{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise RecipeError(f"the recipe lacks the field {where}{name}")
    try:
        return kind(**values)
    except ValueError as error:
        raise RecipeError(f"recipe field {where or 'at top level'}: {error}") from error


def config_to_dict(config: Any) -> dict[str, Any]:
    """Return a (nested) config dataclass as plain JSON / TOML values."""
    plain: dict[str, Any] = _plain(dataclasses.asdict(config))
    return plain


def _plain(value: Any) -> Any:
    """Turn tuples into lists, all the way down."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _apply_override(fields: dict[str, Any], override: str) -> None:
    """Set `section.field=VALUE` in the nested dict."""
    name, equals, text = override.partition("=")
    if not equals or not name:
        raise RecipeError(f"{override!r} is not of the form section.field=VALUE")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *sections, last = name.strip().split(".")
    table = fields
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise RecipeError(f"recipe field {section} is not a table")
    table[last] = value


def _convert(value: Any, hint: Any, where: str) -> Any:
    """Check one TOML value against a type hint and convert it."""
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise RecipeError(f"recipe field {where} must be a table")
        return parse_config(value, hint, f"{where}.")  # type: ignore[arg-type]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _convert_optional(value, arguments, where)
    if origin is typing.Literal:
        if value not in arguments:
            choices = ", ".join(map(str, arguments))
            raise RecipeError(f"recipe field {where} must be one of {choices}, not {value!r}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise RecipeError(f"recipe field {where} must be a list")
        return tuple(_convert(item, arguments[0], f"{where}[]") for item in value)
    return _convert_plain(value, hint, where)


def _convert_optional(value: Any, arguments: tuple[Any, ...], where: str) -> Any:
    """Convert a value of type `X | None`; TOML's stand-in for None is the string "none"."""
    if value == "none" or value is None:
        return None
    (inner,) = [argument for argument in arguments if argument is not type(None)]
    return _convert(value, inner, where)


def _convert_plain(value: Any, hint: Any, where: str) -> Any:
    """Check an int, float, bool, str; an integer is taken where a float is wanted."""
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise RecipeError(f"recipe field {where} must be {hint.__name__}, not {value!r}")
    return value
