"""What the window remembers: the user's choices, and where they stopped. No Qt."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import platformdirs

from qpt_app.core.atomic_write import atomic_write
from qpt_app.errors import SettingsError

MAX_RECENT = 10
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class GuiSettings:
    """The choices of the settings dialog."""

    theme: str = "dark"
    """`dark`, `light` or `system`."""
    memory_mb: int = 768
    """Most memory for thumbnails and decoded photos, MiB; 128 to 16384."""
    auto_advance: bool = False
    """Whether a decision moves on to the next photo; Caps Lock does the same for a while."""
    recursive: bool = False
    """Whether subfolders are shown too."""
    xmp_profile: str | None = None
    """`off`, `lightroom`, `darktable` or `all`; None until the user was asked."""
    tile_size: int = 184
    """Side of thumbnails in the grid, device-independent pixels."""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Action id -> key sequences that replace its defaults."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionState:
    """Where the user stopped."""

    folder: str | None = None
    recent: tuple[str, ...] = ()
    """Folders opened last, the newest first."""
    current: Mapping[str, str] = field(default_factory=dict)
    """Folder -> the photo that was framed."""
    view: str = "grid"
    sort_key: str = "name"
    descending: bool = False
    stacked: bool = False
    shown: Mapping[str, Any] = field(default_factory=dict)
    """The filter; see `saved_choices.plain_filter`."""
    panels: bool = True
    geometry: str = ""
    """Base64 of the window's size and place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GuiPaths:
    """Where the window's files lie; tests give a temporary folder."""

    settings: Path
    session: Path
    data: Path
    """Folder of the decisions database."""
    cache: Path
    """Folder of the score cache."""

    @classmethod
    def of_user(cls) -> "GuiPaths":
        """Return the places for the user of this computer."""
        config = platformdirs.user_config_path("qpt", appauthor=False)
        data = platformdirs.user_data_path("qpt", appauthor=False)
        cache = platformdirs.user_cache_path("qpt", appauthor=False)
        return cls(settings=config / "desktop.json", session=data / "session.json", data=data,
                   cache=cache)  # fmt: skip

    @classmethod
    def below(cls, folder: Path) -> "GuiPaths":
        """Return places below one folder."""
        return cls(settings=folder / "desktop.json", session=folder / "session.json",
                   data=folder / "data", cache=folder / "cache")  # fmt: skip


def load_gui_settings(path: Path) -> GuiSettings:
    """Read the user's choices; the defaults if there are none yet.

    Raises:
        SettingsError: if the file cannot be read or holds something else.
    """
    values = _read(path)
    if "keys" in values:
        values["keys"] = {name: tuple(keys) for name, keys in values["keys"].items()}
    settings: GuiSettings = _build(GuiSettings, values, path)
    return replace(settings, memory_mb=max(128, min(16384, settings.memory_mb)))


def load_session(path: Path) -> SessionState:
    """Read where the user stopped. A damaged file is reported and counts as none: it is no loss."""
    try:
        values = _read(path)
        if "recent" in values:
            values["recent"] = tuple(values["recent"])
        session: SessionState = _build(SessionState, values, path)
    except SettingsError as error:
        _log.warning("starting without the last session: %s", error)
        return SessionState()
    return session


def save(path: Path, value: GuiSettings | SessionState) -> None:
    """Write choices or session; the old file stays whole if that fails.

    Raises:
        StorageError: if the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, json.dumps(asdict(value), indent=1, ensure_ascii=True) + "\n")


def with_folder(session: SessionState, folder: Path) -> SessionState:
    """Return the session with `folder` opened last."""
    name = str(folder)
    recent = (name, *(other for other in session.recent if other != name))
    return replace(session, folder=name, recent=recent[:MAX_RECENT])


def with_current(session: SessionState, folder: Path, photo: Path | None) -> SessionState:
    """Return the session with the framed photo of a folder; only recent folders are kept."""
    kept = {name: at for name, at in session.current.items() if name in session.recent}
    if photo is not None:
        kept[str(folder)] = str(photo)
    return replace(session, current=kept)


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot use {path}: {error}") from error
    if not isinstance(values, dict):
        raise SettingsError(f"cannot use {path}: expected an object")
    return values


def _build(kind: type[Any], values: dict[str, Any], path: Path) -> Any:
    """Build a record from values whose types must be those of its defaults."""
    default = kind()
    known = {item.name for item in fields(kind)}
    for name, value in values.items():
        if name not in known:
            raise SettingsError(f"{path}: unknown field {name!r}")
        expected = getattr(default, name)
        optional = expected is None and (value is None or isinstance(value, str))
        if not optional and not isinstance(value, type(expected)):
            raise SettingsError(f"{path}: {name} has the wrong type")
    return kind(**values)
