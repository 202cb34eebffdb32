"""Joins what the decoder, the scorer and the cache say of a photo. Pure functions."""

import functools
import importlib.metadata
import math
from typing import TYPE_CHECKING

import numpy as np

from qpt_app import __version__
from qpt_app.core.scorer import ModelIdentity, PhotoScore
from qpt_app.core.status import PhotoStatus
from qpt_app.photos.cache_rows import CachedScore
from qpt_app.photos.results import SMALL_REASON, SMALL_SIDE, PhotoFile, PhotoResult

if TYPE_CHECKING:
    from qpt_app.core.decode_pool import DecodeOutcome


@functools.cache
def decoder_tag() -> str:
    """Return a text that changes when photos that could not be decoded may be decodable.

    It names the formats that can be read, and qpt and the packages that read them with versions.
    """
    from qpt_app.core.decode import supported_formats

    formats = [form for form in supported_formats() if form.available]
    names = sorted(form.name for form in formats)
    packages = sorted({form.package for form in formats if form.package is not None})
    versions = [f"{package} {_version_of(package)}" for package in packages]
    return f"qpt {__version__}, {', '.join(names)}; {', '.join(versions)}"


def _version_of(package: str) -> str:
    """Return the version of an installed package; a frozen build need not tell it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"


def failure(outcome: "DecodeOutcome", decoder: str) -> CachedScore:
    """Describe a photo that has no pixels."""
    return CachedScore(
        status=outcome.status,
        reason=outcome.reason,
        width=outcome.width,
        height=outcome.height,
        format=outcome.format,
        decoder=decoder,
    )


def judgement(outcome: "DecodeOutcome", given: PhotoScore) -> CachedScore:
    """Describe a photo that was scored; a score that is no number is none."""
    numbers = (given.score, given.raw_score, given.uncertainty or 0.0)
    sound = all(math.isfinite(number) for number in numbers)
    keeps_feature = sound and bool(np.isfinite(given.feature).all())
    known = sound and given.uncertainty is not None
    return CachedScore(
        status=outcome.status if sound else PhotoStatus.ERROR,
        reason=_reason(outcome) if sound else "the score is not finite",
        score=float(given.score) if sound else None,
        uncertainty=float(given.uncertainty or 0.0) if known else None,
        raw_score=float(given.raw_score) if sound else None,
        width=outcome.width,
        height=outcome.height,
        format=outcome.format,
        feature=given.feature if keeps_feature else None,
    )


def _reason(outcome: "DecodeOutcome") -> str | None:
    """Return the decoder's reason, or that the photo is small."""
    if outcome.reason is not None or outcome.width is None or outcome.height is None:
        return outcome.reason
    return SMALL_REASON if min(outcome.width, outcome.height) < SMALL_SIDE else None


def to_result(
    photo: PhotoFile,
    known: CachedScore,
    identity: ModelIdentity,
    *,
    cached: bool,
    with_feature: bool,
) -> PhotoResult:
    """Return the result of a photo of which this is known."""
    return PhotoResult(
        path=photo.path,
        status=known.status,
        reason=known.reason,
        score=known.score,
        uncertainty=known.uncertainty,
        width=known.width,
        height=known.height,
        format=known.format,
        model=None if known.score is None else identity.label,
        cached=cached,
        companion=photo.companion,
        feature=known.feature if with_feature else None,
    )
