"""The settings of the program and where each came from: flag > `QPT_*` > user file > default.

The user file is `settings.toml` in the user's configuration folder. Its top-level keys are the
fields of `AppSettings`; the table `[desktop]` belongs to the desktop program and is only checked
there. An unknown key or a value that does not fit is an error that names it.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

import platformdirs

from qpt_app.core.atomic_write import atomic_write
from qpt_app.errors import SettingsError, StorageError
from qpt_app.photos.app_settings import AppSettings, parse_setting

APP_NAME = "qpt"
ENVIRONMENT_PREFIX = "QPT_"
FILE_VARIABLE = "QPT_SETTINGS"
"""Names another settings file; mainly for tests and portable installations."""
OTHER_VARIABLES = frozenset({FILE_VARIABLE, "QPT_DEBUG", "QPT_TEST_DATA"})
"""Variables of ours that are no settings."""
DESKTOP_TABLE = "desktop"


class Origin(StrEnum):
    """Where a setting's value came from, the strongest first."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    FILE = "settings file"
    DEFAULT = "default"


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedSettings:
    """The settings, and for each field where its value came from."""

    values: AppSettings
    origins: Mapping[str, Origin]
    """Field name -> origin; every field is there."""
    file: Path
    """The user's settings file, whether or not it exists."""
    unknown_variables: tuple[str, ...] = ()
    """`QPT_*` variables that mean nothing to this program: probably misspelt."""

    def source(self, name: str) -> str:
        """Say in words where a field came from, such as `environment QPT_MODEL`."""
        origin = self.origins[name]
        if origin is Origin.ENVIRONMENT:
            return f"{origin} {variable_of(name)}"
        if origin is Origin.FLAG:
            return f"{origin} {_flag(name)}"
        return f"{origin} {self.file}" if origin is Origin.FILE else origin.value


def settings_file(environment: Mapping[str, str]) -> Path:
    """Return the path of the user's settings file; it need not exist."""
    named = environment.get(FILE_VARIABLE)
    if named:
        return Path(named).expanduser()
    return platformdirs.user_config_path(APP_NAME, appauthor=False) / "settings.toml"


def default_cache_folder() -> Path:
    """Return the folder of the cache where the user names no other."""
    return platformdirs.user_cache_path(APP_NAME, appauthor=False)


def variable_of(name: str) -> str:
    """Return the environment variable of a field, such as `QPT_BATCH_SIZE`."""
    return ENVIRONMENT_PREFIX + name.upper()


def load_settings(
    *,
    flags: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> LoadedSettings:
    """Combine flags, environment, user file and defaults.

    Args:
        flags: field name -> value as given on the command line; None means not given.
        environment: the environment variables; the process' own by default. An empty value
            counts as not set.
        file: the settings file; by default the one `settings_file` names.

    Raises:
        SettingsError: if a source names an unknown key or a value that does not fit.
    """
    environment = os.environ if environment is None else environment
    path = settings_file(environment) if file is None else file
    names = [field.name for field in fields(AppSettings)]
    values: dict[str, Any] = {}
    origins = dict.fromkeys(names, Origin.DEFAULT)

    def take(name: str, value: object, origin: Origin, where: str) -> None:
        values[name] = parse_setting(name, value, where)
        origins[name] = origin

    for name, value in _file_values(path, names).items():
        take(name, value, Origin.FILE, f"{path}: {name}")
    for name in names:
        text = environment.get(variable_of(name))
        if text:
            take(name, text, Origin.ENVIRONMENT, variable_of(name))
    for name, value in (flags or {}).items():
        if value is not None:
            take(name, value, Origin.FLAG, _flag(name))
    return LoadedSettings(
        values=AppSettings(**values),
        origins=origins,
        file=path,
        unknown_variables=_unknown_variables(environment, names),
    )


def save_settings(path: Path, changes: Mapping[str, object]) -> None:
    """Set top-level keys in a settings file; comments and all other lines stay as they are.

    Args:
        path: the settings file; it and its folder are made if missing.
        changes: field name -> value; None (`auto`, default) removes the key.

    Raises:
        SettingsError: if a name or value does not fit, or the present file cannot be used.
        StorageError: if the file cannot be written.
    """
    names = [field.name for field in fields(AppSettings)]
    _file_values(path, names)
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for name, value in changes.items():
        if name not in names:
            raise SettingsError(f"unknown setting {name!r}; known: {', '.join(names)}")
        parsed = None if value is None else parse_setting(name, value, name)
        lines = _with_key(lines, name, parsed)
    text = "".join(f"{line}\n" for line in lines)
    _check_edited(path, text, changes)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make the folder of {path}: {error.strerror}") from error
    atomic_write(path, text)


def _check_edited(path: Path, text: str, changes: Mapping[str, object]) -> None:
    """Refuse to write what would not read back, as a key inside a multi-line text might cause."""
    try:
        table = tomllib.loads(text)
        fits = all(
            name not in table
            if value is None
            else parse_setting(name, table[name], name) == parse_setting(name, value, name)
            for name, value in changes.items()
        )
    except (KeyError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be edited safely; edit it by hand") from error
    if not fits:
        raise SettingsError(f"{path} cannot be edited safely; edit it by hand")


def _with_key(lines: list[str], name: str, value: object) -> list[str]:
    """Return the lines of a TOML file with a top-level key set, or removed for None."""
    table = next((at for at, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    key = re.compile(rf"\s*{name}\s*=")
    top = [line for line in lines[:table] if not key.match(line)]
    added = [] if value is None else [f"{name} = {_toml_value(value)}"]
    return [*top, *added, *lines[table:]]


def _toml_value(value: object) -> str:
    """Return a parsed setting as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    if any(ord(char) < 0x20 or ord(char) == 0x7F or "\ud800" <= char <= "\udfff" for char in text):
        raise SettingsError(f"a setting cannot hold control characters or odd bytes: {text!r}")
    return f'"{text}"'


def _file_values(path: Path, names: list[str]) -> dict[str, object]:
    """Return the top-level keys of a settings file; none if there is no file."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from error
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error
    table.pop(DESKTOP_TABLE, None)
    for name in table:
        if name not in names:
            raise SettingsError(f"{path}: unknown key {name!r}; known: {', '.join(names)}")
    return table


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _unknown_variables(environment: Mapping[str, str], names: list[str]) -> tuple[str, ...]:
    known = {variable_of(name) for name in names} | OTHER_VARIABLES
    return tuple(
        sorted(
            name
            for name in environment
            if name.startswith(ENVIRONMENT_PREFIX) and name not in known
        )
    )
