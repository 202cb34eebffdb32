"""What the user can set, and how a text or a TOML value becomes a setting."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qpt_app.errors import SettingsError

DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True, kw_only=True, slots=True)
class AppSettings:
    """What both front ends let the user set."""

    model: str | None = None
    """Name of a shipped model or path of a model file; None for the default model."""
    device: str = "auto"
    """`auto` (CUDA, else Apple's GPU, else the CPU), `cpu`, `cuda` or `mps`."""
    batch_size: int | None = None
    """Photos per forward pass; None (`auto`) for what suits the device."""
    workers: int | None = None
    """Decoding processes; None (`auto`) for what suits the machine."""
    cache: bool = True
    """Whether scores are looked up in and written to the cache."""
    cache_folder: Path | None = None
    """Where the cache lives; None for the user's cache folder."""
    byte_budget_mb: int = 1024
    """Decoded size in MiB above which a photo is `too_large`."""
    decode_timeout_s: float = 20.0
    """Seconds after which decoding one photo is given up."""


def parse_setting(name: str, value: object, where: str) -> object:
    """Turn a flag, a variable's text or a TOML value into the type of an `AppSettings` field.

    Args:
        name: the field.
        value: what was given.
        where: the flag, the variable, or file and key, for the message.

    Raises:
        SettingsError: if there is no such setting or the value does not fit.
    """
    try:
        return _PARSERS[name](value)
    except KeyError as error:
        raise SettingsError(f"{where}: unknown setting") from error
    except ValueError as error:
        raise SettingsError(f"{where} = {str(value)!r}: {error}") from error


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("expected a text")
    return value


def _device(value: object) -> str:
    if value not in DEVICES:
        raise ValueError(f"expected one of {', '.join(DEVICES)}")
    return str(value)


def _count_or_auto(value: object) -> int | None:
    """Parse a positive integer or the word `auto`."""
    if isinstance(value, str) and value.lower() == "auto":
        return None
    number = _number(value)
    if number != int(number) or not 1 <= number <= 65536:
        raise ValueError("expected `auto` or a whole number from 1 to 65536")
    return int(number)


def _positive(value: object) -> float:
    number = _number(value)
    if not 0 < number < 1e9:
        raise ValueError("expected a number above 0")
    return number


def _positive_whole(value: object) -> int:
    number = _positive(value)
    if number != int(number):
        raise ValueError("expected a whole number above 0")
    return int(number)


def _number(value: object) -> float:
    """Parse a finite number from a TOML number or a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("expected a number")
    try:
        number = float(value)
    except ValueError as error:
        raise ValueError("expected a number or, for counts, `auto`") from error
    if not abs(number) < float("inf"):
        raise ValueError("expected a finite number")
    return number


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    words = {"1": True, "true": True, "yes": True, "on": True}
    words |= {"0": False, "false": False, "no": False, "off": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise ValueError("expected true or false")


def _folder(value: object) -> Path:
    return Path(_text(os.fspath(value) if isinstance(value, Path) else value)).expanduser()


_PARSERS: dict[str, Callable[[object], object]] = {
    "model": _text,
    "device": _device,
    "batch_size": _count_or_auto,
    "workers": _count_or_auto,
    "cache": _switch,
    "cache_folder": _folder,
    "byte_budget_mb": _positive_whole,
    "decode_timeout_s": _positive,
}
