"""How does the score move with a photo's size, and with noise and blur of its native pixels?

Large clean photos are made smaller, or get noise or blur at their native resolution, and every
version is seen through several settings of the views: the model's own, larger screens, and crops
of native pixels. Two things are wanted that pull against each other: a photo that is only stored
smaller should keep its score, and one whose own pixels are noisy or soft should lose.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from qpt_app.core.decode import PHOTO_EXTENSIONS, decode_photo
from qpt_app.core.preprocess import Pixels, PreprocessConfig, Views, grid_crops, prepare_views
from qpt_app.core.scorer import Scorer
from qpt_app.errors import DatasetError
from qpt_train.metrics import srcc
from qpt_train.randomness import numpy_generator

SMALLER = (0.5, 0.25)
"""Shares of the long side that a photo is made smaller to."""
NOISE_SIGMAS = (5.0, 15.0)
"""Standard deviations of white noise on native pixels, of 255. Our choice: faint, and plain."""
BLUR_SIGMAS = (2.0, 5.0)
"""Standard deviations of Gaussian blur in native pixels. Our choice: soft, and out of focus."""
SCREENS = (1080, 1440)
"""Larger screens that are tried beside the model's own."""
_NOISE_ROWS = 256
"""Rows of noise drawn at a time, so that 50 megapixels need no gigabyte."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewSetting:
    """One way to look at a photo."""

    name: str
    fitted: PreprocessConfig
    """What is made of the photo fitted to the screen."""
    native_crops: bool = False
    """Whether a grid of crops of the native pixels joins."""
    fitted_crops: bool = True
    """Whether the crops of the fitted photo are looked at."""

    def views(self, pixels: Pixels) -> Views:
        """Return the views of (H, W, 3) uint8 native pixels."""
        views = prepare_views(pixels, self.fitted)
        if not self.native_crops:
            return views
        native = grid_crops(pixels, self.fitted)
        crops = np.concatenate([views.crops, native]) if self.fitted_crops else native
        return Views(views.global_view, crops)


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionMoves:
    """How one version's scores differ from those of the photos as they are."""

    version: str
    mean: float
    """Mean change in points of the score."""
    mean_abs: float
    """Mean size of the change in points."""
    mean_raw: float
    """Mean change of the raw score, in standard deviations of MOS."""
    falls: float
    """Share of the photos whose score falls, 0..1."""
    order: float
    """SRCC over photos between the version's scores and those of the photos as they are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingMoves:
    """One setting's moves under every version."""

    setting: str
    spread: float
    """Standard deviation over photos of the score as they are, in points."""
    versions: tuple[VersionMoves, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SizeStudy:
    """The result."""

    model: str
    photos: int
    smallest_side: int
    """The least long side of a photo, in pixels."""
    seed: int
    settings: tuple[SettingMoves, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {"schema": 1, **asdict(self)}


def choose_large_photos(
    folders: Sequence[Path], *, count: int, smallest_side: int, seed: int
) -> list[Path]:
    """Return up to `count` photos of a long side of at least `smallest_side`, drawn by the seed.

    Only headers are read, in the order drawn, until there are enough.

    Raises:
        DatasetError: if there is none.
    """
    found = sorted(
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix.lower() in PHOTO_EXTENSIONS
    )
    chosen: list[Path] = []
    for place in numpy_generator(seed, "large photos").permutation(len(found)):
        if len(chosen) == count:
            break
        if _long_side(found[place]) >= smallest_side:
            chosen.append(found[place])
    if not chosen:
        raise DatasetError(f"no photo with a long side of {smallest_side} pixels or more")
    return sorted(chosen)


def view_settings(own: PreprocessConfig) -> tuple[ViewSetting, ...]:
    """Return the settings that are compared, the model's own first."""
    larger = [side for side in SCREENS if side != own.screen_side]
    return (
        ViewSetting(name=f"screen {own.screen_side} (the model's)", fitted=own),
        *[
            ViewSetting(name=f"screen {side}", fitted=replace(own, screen_side=side))
            for side in larger
        ],
        ViewSetting(name=f"screen {own.screen_side} + native crops", fitted=own, native_crops=True),
        ViewSetting(name="native crops only", fitted=own, native_crops=True, fitted_crops=False),
    )


def versions_of(pixels: Pixels, seed: int) -> dict[str, Pixels]:
    """Return the versions of a photo by name, the photo as it is first.

    Args:
        pixels: (H, W, 3) uint8, native.
        seed: of the noise.
    """
    versions = {"as it is": pixels}
    for share in SMALLER:
        versions[f"size {share:.0%}"] = _smaller(pixels, share)
    for sigma in NOISE_SIGMAS:
        versions[f"native noise, sigma {sigma:g}"] = _noisy(pixels, sigma, seed)
    for sigma in BLUR_SIGMAS:
        versions[f"native blur, sigma {sigma:g} px"] = _blurred(pixels, sigma)
    return versions


def measure_size_study(
    scorer: Scorer,
    paths: Sequence[Path],
    *,
    label: str,
    smallest_side: int,
    seed: int = 0,
    on_photo: Callable[[int], object] = lambda _count: None,
) -> SizeStudy:
    """Score every version of every photo through every setting.

    Args:
        scorer: the model.
        paths: large clean photos.
        label: the model's name for the report.
        smallest_side: what the photos were chosen by, for the report.
        seed: of the noise.
        on_photo: told 1 after every photo, for a progress bar.

    Raises:
        DatasetError: if a photo has no pixels.
    """
    settings = view_settings(scorer.identity.preprocess)
    rows: list[NDArray[np.float64]] = []
    names: tuple[str, ...] = ()
    for number, path in enumerate(paths):
        photo = decode_photo(path)
        if photo.pixels is None:
            raise DatasetError(f"{path} cannot be read: {photo.status} {photo.reason}")
        versions = versions_of(photo.pixels, number + seed * len(paths))
        names = tuple(versions)
        rows.append(np.asarray([_scored(scorer, setting, versions) for setting in settings]))
        on_photo(1)
    found = np.stack(rows, axis=2)  # (settings, versions, photos, 2)
    return SizeStudy(
        model=label,
        photos=len(paths),
        smallest_side=smallest_side,
        seed=seed,
        settings=tuple(
            setting_moves(setting.name, names, found[place])
            for place, setting in enumerate(settings)
        ),
    )


def setting_moves(setting: str, names: Sequence[str], found: NDArray[np.float64]) -> SettingMoves:
    """Summarise one setting.

    Args:
        setting: its name.
        names: (V,) the versions, the photos as they are first.
        found: (V, P, 2) score and raw score of each version of each photo.
    """
    scores, raw = found[..., 0], found[..., 1]
    moves = [
        VersionMoves(
            version=name,
            mean=float(np.mean(scores[place] - scores[0])),
            mean_abs=float(np.mean(np.abs(scores[place] - scores[0]))),
            mean_raw=float(np.mean(raw[place] - raw[0])),
            falls=float(np.mean(raw[place] < raw[0])),
            order=srcc(raw[place], raw[0]) if len(raw[0]) > 1 else 1.0,
        )
        for place, name in enumerate(names)
        if place > 0
    ]
    return SettingMoves(setting=setting, spread=float(np.std(scores[0])), versions=tuple(moves))


def _scored(
    scorer: Scorer, setting: ViewSetting, versions: dict[str, Pixels]
) -> list[tuple[float, float]]:
    """Return (score, raw score) of each version."""
    found = scorer.score([setting.views(pixels) for pixels in versions.values()])
    return [(photo.score, photo.raw_score) for photo in found]


def _long_side(path: Path) -> int:
    """Return the long side that a photo's header states; 0 if it cannot be read."""
    try:
        with Image.open(path) as image:
            return max(image.size)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return 0


def _smaller(pixels: Pixels, share: float) -> Pixels:
    """Return a photo made smaller with an antialiasing filter."""
    height, width = pixels.shape[:2]
    size = max(1, round(width * share)), max(1, round(height * share))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def _noisy(pixels: Pixels, sigma: float, seed: int) -> Pixels:
    """Return a photo with white Gaussian noise in every channel of every pixel."""
    generator = numpy_generator(seed, "native noise")
    noisy = np.empty_like(pixels)
    for top in range(0, len(pixels), _NOISE_ROWS):
        rows = pixels[top : top + _NOISE_ROWS]
        noise = sigma * generator.standard_normal(rows.shape, dtype=np.float32)
        noisy[top : top + _NOISE_ROWS] = np.clip(np.rint(rows + noise), 0, 255).astype(np.uint8)
    return noisy


def _blurred(pixels: Pixels, sigma: float) -> Pixels:
    """Return a photo blurred by (Pillow's approximation of) a Gaussian."""
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(sigma)))
