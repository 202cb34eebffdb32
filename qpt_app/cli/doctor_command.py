"""`qpt doctor`: what this installation can do, and which settings are in force."""

import platform
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from qpt_app import __version__
from qpt_app.errors import QptError

if TYPE_CHECKING:
    from qpt_app.core.decode import FormatSupport

PACKAGES = ("torch", "torchvision", "numpy", "pillow", "pyside6-essentials", "rawpy", "pi-heif")
"""Distributions whose version decides what works."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="doctor")(doctor)


def doctor() -> None:
    """Show versions, devices, formats, model, cache, decisions, and each setting with its origin.

    Exit code 1 if something is broken; each finding is then marked with `problem`.
    """
    from qpt_app.photos.safe_text import terminal_text

    problems = 0
    sections: list[tuple[str, Callable[[], list[str]]]] = [
        ("versions", _versions),
        ("devices", _devices),
        ("formats", _formats),
        ("model", _model),
        ("cache", _cache),
        ("decisions", _decisions),
        ("settings", _settings),
    ]
    for title, lines_of in sections:
        typer.echo(title)
        try:
            lines = lines_of()
        except QptError as error:
            lines = [f"problem: {error}"]
        for line in lines:
            problems += "problem: " in line
            typer.echo(f"  {terminal_text(line)}")
    typer.echo(f"{problems} problems" if problems != 1 else "1 problem")
    raise typer.Exit(1 if problems else 0)


def _versions() -> list[str]:
    """Return the versions of qpt, Python and the packages that matter."""
    from importlib import metadata

    lines = [
        f"{'qpt':20}{__version__}",
        f"{'python':20}{platform.python_version()} ({sys.executable})",
        f"{'system':20}{platform.platform()}",
    ]
    for package in PACKAGES:
        try:
            lines.append(f"{package:20}{metadata.version(package)}")
        except metadata.PackageNotFoundError:
            lines.append(f"problem: {package} is not installed; install qpt again")
    return lines


def _devices() -> list[str]:
    """Return where the model can run."""
    from qpt_app.cli.wiring import usable_cpus

    try:
        import torch
    except (ImportError, OSError, RuntimeError) as error:  # a broken pair of wheels raises these
        return [f"problem: torch cannot be imported: {error}"]
    lines = [f"cpu   {usable_cpus()} processors, {torch.get_num_threads()} threads"]
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        properties = torch.cuda.get_device_properties(number)
        lines.append(f"cuda  {properties.name}, {properties.total_memory / 2**30:.0f} GiB")
    if torch.backends.mps.is_available():
        lines.append("mps   Apple GPU")
    return lines


def _formats() -> list[str]:
    """Return what can be read, and what is missing for the rest."""
    from qpt_app.core.decode import supported_formats

    lines = []
    for support in supported_formats():
        lines.append(f"{support.name:10}{' '.join(sorted(support.extensions))}{_needs(support)}")
    return lines


def _needs(support: "FormatSupport") -> str:
    """Say what a format that cannot be read lacks; a regular dependency should be there."""
    if support.available:
        return ""
    if support.extra is not None:
        return f"  (not installed: pip install 'qpt[{support.extra}]')"
    return f"  problem: not readable, {support.package} is missing; install qpt again"


def _model() -> list[str]:
    """Return the model in use, verified."""
    from qpt_app.core.model_library import find_model
    from qpt_app.core.model_metadata import read_metadata
    from qpt_app.photos.settings import load_settings

    path = find_model(load_settings().values.model)
    description = read_metadata(path)
    return [
        f"{description.identity.label}, {description.encoder}, verified",
        f"path     {path}",
        f"sha256   {description.digest}",
        f"licence  {description.licence}",
    ]


def _cache() -> list[str]:
    """Return the state of the score cache."""
    from qpt_app.cli.wiring import cache_folder
    from qpt_app.photos.score_cache import ScoreCache
    from qpt_app.photos.settings import load_settings

    with ScoreCache.open(cache_folder(load_settings().values)) as cache:
        state = cache.info()
        notices = [f"problem: {notice}" for notice in cache.notices]
    size = f"{state.bytes_on_disk / 1e6:.1f} MB"
    return [f"path    {state.path}", f"holds   {state.scores} scores, {size}", *notices]


def _decisions() -> list[str]:
    """Return the state of the database of ratings; it is looked at, never made or changed."""
    from qpt_app.cli.decisions_commands import decisions_state

    return decisions_state(None)


def _settings() -> list[str]:
    """Return every setting, its value and which source won."""
    from dataclasses import fields

    from qpt_app.photos.settings import load_settings

    loaded = load_settings()
    state = "" if loaded.file.is_file() else " (not there)"
    lines = [f"file: {loaded.file}{state}"]
    for field in fields(loaded.values):
        shown = _shown(getattr(loaded.values, field.name))
        lines.append(f"{field.name:18}{shown}  ({loaded.source(field.name)})")
    lines += [f"problem: unknown variable {name}" for name in loaded.unknown_variables]
    return lines


def _shown(value: object) -> str:
    """Return a setting's value as one would write it."""
    if value is None:
        return "auto"
    return str(value).lower() if isinstance(value, bool) else str(value)
