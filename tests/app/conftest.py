"""Tiny photos and stand-ins for the model and the decode processes, for every test of the program.

Nothing here needs a model file, torch or a second process.
"""

import sys
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qpt_app.core.decode import decode_photo
from qpt_app.core.preprocess import PreprocessConfig, prepare_views
from qpt_app.core.scorer import ModelIdentity, PhotoScore
from qpt_app.core.status import PhotoStatus

sys.path.append(str(Path(__file__).parent / "made_files"))
TINY_VIEWS = PreprocessConfig(
    screen_side=96, global_side=32, global_multiple=32, crop_size=32, crop_columns=2, crop_rows=1
)
"""A preprocessing that costs next to nothing."""


def write_photo(path: Path, *, seed: int = 0, width: int = 96, height: int = 64, **save) -> Path:
    """Write a photo of flat patches whose brightness and content depend on the seed."""
    generator = np.random.default_rng(seed)
    patches = generator.integers(0, 256, (4, 6, 3), dtype=np.uint8)
    image = Image.fromarray(patches).resize((width, height), Image.Resampling.NEAREST)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **save)
    return path


@dataclass
class FakeOutcome:
    """What a decode pool gives back, field for field."""

    status: PhotoStatus
    reason: str | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    views: object = None
    pixels: object = None
    seconds: float = 0.0
    preparing_s: float = 0.0
    may_pass: bool = False


class FakePool:
    """Decodes in the calling thread, at once or when told; counts what it was given."""

    def __init__(self, *, decode=None, hold: bool = False) -> None:
        self.jobs: list[object] = []
        self.held: list[tuple[Future, object]] = []
        self.cancelled = 0
        self._decode = decode or self.decode
        self._hold = hold

    @staticmethod
    def decode(job) -> FakeOutcome:
        photo = decode_photo(job.path, min_side=job.config.decode_side)
        views = None if photo.pixels is None else prepare_views(photo.pixels, job.config)
        return FakeOutcome(
            status=photo.status,
            reason=photo.reason,
            width=photo.width,
            height=photo.height,
            format=photo.format,
            views=views,
            may_pass=photo.may_pass,
        )

    def submit(self, job, *, priority: int = 0) -> Future:
        future: Future = Future()
        self.jobs.append(job)
        self.held.append((future, job))
        if not self._hold:
            self.release()
        return future

    def release(self, *, backwards: bool = False) -> None:
        """Decode what is held, oldest first or last."""
        held, self.held = self.held[:: -1 if backwards else 1], []
        for future, job in held:
            if future.set_running_or_notify_cancel():
                future.set_result(self._decode(job))
            else:
                self.cancelled += 1


@dataclass
class FakeScorer:
    """Scores by mean brightness; the feature is the mean colour. Remembers its batches."""

    identity: ModelIdentity
    device_name: str = "cpu"
    batches: list[int] = field(default_factory=list)
    before: object = None
    """Called with the views before each batch."""

    def score(self, photos) -> list[PhotoScore]:
        if self.before is not None:
            self.before(photos)
        self.batches.append(len(photos))
        return [self._score(views) for views in photos]

    @staticmethod
    def _score(views) -> PhotoScore:
        colour = views.global_view.reshape(-1, 3).mean(axis=0) / 255
        brightness = float(colour.mean())
        return PhotoScore(100 * brightness, 5.0, brightness, colour.astype(np.float16))


def _identity(name: str = "fake", digest: str = "ab" * 32) -> ModelIdentity:
    return ModelIdentity(name=name, digest=digest, preprocess=TINY_VIEWS)


@pytest.fixture
def identity() -> ModelIdentity:
    """A model that does not exist."""
    return _identity()


@pytest.fixture
def other_identity() -> ModelIdentity:
    """Another model that does not exist."""
    return _identity("other", "cd" * 32)


@pytest.fixture
def tiny_photo():
    """`tiny_photo(path, seed=..., width=..., height=..., **save)` writes a photo."""
    return write_photo


@pytest.fixture
def photo_folder(tmp_path):
    """A folder of eight different photos, `0.jpg` to `7.jpg`."""
    folder = tmp_path / "photos"
    for number in range(8):
        write_photo(folder / f"{number}.jpg", seed=number)
    return folder


@pytest.fixture
def fake_scorer():
    """The class of a scorer without a network."""
    return FakeScorer


@pytest.fixture
def fake_pool():
    """The class of a decode pool without processes."""
    return FakePool


@pytest.fixture
def fake_outcome():
    """The class of what that pool gives back."""
    return FakeOutcome
