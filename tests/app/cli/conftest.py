"""A `qpt` that runs in this process, with a scorer that reads the score from the file's text."""

import contextlib
import sys
from dataclasses import dataclass

import pytest

from qpt_app.cli import wiring
from qpt_app.cli.main import run
from qpt_app.core.status import PhotoStatus
from qpt_app.photos.results import PhotoResult

MODEL = "fake@01234567"


def fake_result(photo):
    """Return what a photo's text asks for: `87.5`, `87.5 +-3`, or a status and a reason."""
    text = photo.path.read_text()
    if text[:1].isdigit():
        score, _, uncertainty = text.partition(" +-")
        return PhotoResult(
            path=photo.path,
            status=PhotoStatus.OK,
            score=float(score),
            uncertainty=float(uncertainty) if uncertainty else None,
            width=40,
            height=30,
            format="JPEG",
            model=MODEL,
        )
    status, _, reason = text.partition(" ")
    return PhotoResult(path=photo.path, status=PhotoStatus(status), reason=reason or None)


@dataclass
class FakeScoring:
    """What the fake engine was asked for, and how it shall behave."""

    settings: object = None
    interrupt_after: int | None = None
    error: Exception | None = None
    closed: bool = False

    @contextlib.contextmanager
    def open(self, settings, *, say):
        self.settings = settings
        try:
            yield wiring.OpenScoring(model=MODEL, score=self.score)
        finally:
            self.closed = True

    def score(self, files):
        for number, photo in enumerate(files):
            if number == self.interrupt_after:
                raise KeyboardInterrupt
            if self.error is not None:
                raise self.error
            yield photo if isinstance(photo, PhotoResult) else fake_result(photo)


@dataclass
class Finished:
    """How a run ended."""

    code: int
    out: bytes
    err: str

    @property
    def lines(self):
        return self.out.decode().splitlines()


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch, tmp_path_factory):
    """Neither the user's settings and cache nor the terminal's wishes reach a test."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("QPT_SETTINGS", str(home / "settings.toml"))
    monkeypatch.setenv("QPT_CACHE_FOLDER", str(home / "cache"))
    for name in ("NO_COLOR", "FORCE_COLOR", "CI", "QPT_DEBUG", "QPT_MODEL", "QPT_DEVICE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def qpt(capsysbinary, monkeypatch):
    """Run `qpt` with arguments in this process; return how it ended."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["qpt", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            run()
        captured = capsysbinary.readouterr()
        return Finished(stop.value.code, captured.out, captured.err.decode())

    return call


@pytest.fixture
def fake(monkeypatch):
    """Replace the engine."""
    scoring = FakeScoring()
    monkeypatch.setattr(wiring, "open_scoring", scoring.open)
    return scoring


@pytest.fixture
def shoot(tmp_path):
    """A folder with three photos and what to score them."""
    folder = tmp_path / "shoot"
    folder.mkdir()
    for name, text in {"a.jpg": "20.0", "b.jpg": "90.0", "c.jpg": "55.5"}.items():
        (folder / name).write_text(text)
    return folder
