"""A `qpt` that runs in this process, with a scorer that reads the score from the file's text."""

import contextlib
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from qpt_app.cli import main, wiring
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


def fake_preference(score, other):
    """Less than nine points apart is a near-tie: the odds are ten to one at fifty points."""
    return 1 / (1 + 10 ** ((other - score) / 50))


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
            yield wiring.OpenScoring(model=MODEL, score=self.score, better=fake_preference)
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
        monkeypatch.setattr(main, "end_at_once", sys.exit)
        monkeypatch.setenv("PYTHONSAFEPATH", "1")  # as `run` sets it; undone after the test
        with pytest.raises(SystemExit) as stop:
            main.run()
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


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A model file that any machine scores with in milliseconds; its scores mean nothing."""
    import torch

    from qpt_app.core.calibration import Calibration
    from qpt_app.core.model_file import save_model
    from qpt_app.core.preprocess import PreprocessConfig
    from qpt_app.core.quality_model import build_quality_model

    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(
        path,
        build_quality_model("regnet_x_400mf", head_hidden=8),
        name="tiny",
        preprocess=PreprocessConfig(
            screen_side=96, global_side=64, crop_size=64, crop_columns=1, crop_rows=1
        ),
        calibration=Calibration(raw_knots=(-0.5, 0.5), level_knots=(0.2, 0.8)),
        training={},
        licence="Apache-2.0",
    )
    return path


@pytest.fixture
def real(tiny_model, monkeypatch):
    """Use the real engine with the tiny model, on one worker and one thread."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setenv("QPT_MODEL", str(tiny_model))
    monkeypatch.setenv("QPT_DEVICE", "cpu")
    monkeypatch.setenv("QPT_WORKERS", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # for the programs that tests start
    yield
    torch.set_num_threads(threads)


def save_photo(path, *, seed=0, size=(96, 72)):
    """Write a small photo of random blocks; every seed gives another."""
    generator = np.random.default_rng(seed)
    blocks = generator.integers(0, 256, (9, 12, 3), dtype=np.uint8)
    Image.fromarray(blocks).resize(size).save(path, format="JPEG", quality=90)


@pytest.fixture
def photo_folder(tmp_path):
    """Return a function that makes a folder of real photos."""

    def make(count, name="photos"):
        folder = tmp_path / name
        folder.mkdir()
        for number in range(count):
            save_photo(folder / f"{number:04}.jpg", seed=number)
        return folder

    return make
