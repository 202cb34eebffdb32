"""Tells bursts from brackets, focus series and panoramas: by EXIF tags first, then by pixels.

When in doubt, or before all frames were looked at, a series is protected: to keep a burst whole
costs a little work, to break a bracket costs the picture.
"""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from qpt_app.photos.frame_signature import likeness, sideways_shift
from qpt_app.photos.series import Frame, SeriesKind, brightness_step

MIN_TAG_SPAN = 1.0
"""Stops between the darkest and the brightest frame of a bracket, from EXIF."""
MIN_PIXEL_SPAN = 1.2
"""The same as seen in the pixels, where clouds and flicker count for less than this."""
MIN_STEP = 0.4
"""Stops between two exposures of a bracket."""
SAME_VIEW = 0.8
"""Least likeness of frames from a tripod or a steady hand."""
FOCUS_GAIN = 1.35
"""How much sharper a frame must be in its own part than the series' median there."""
FOCUS_SHARE = 0.08
"""Part of the textured cells in which a frame of a focus series is the sharpest, at least."""


def classify(group: Sequence[Frame]) -> tuple[SeriesKind, bool]:
    """Return what a group of linked frames is, and whether EXIF said so.

    Args:
        group: at least two frames in the order of time.
    """
    if _is_bracket_by_tags(group):
        return SeriesKind.EXPOSURE, True
    if len({frame.burst_id for frame in group}) == 1 and group[0].burst_id is not None:
        return SeriesKind.BURST, True
    if any(frame.signature is None for frame in group):
        return SeriesKind.UNDECIDED, False
    if _is_bracket_by_pixels(group):
        return SeriesKind.EXPOSURE, False
    if _is_panorama(group):
        return SeriesKind.PANORAMA, False
    if _is_focus_series(group):
        return SeriesKind.FOCUS, False
    return SeriesKind.BURST, False


def _is_bracket_by_tags(group: Sequence[Frame]) -> bool:
    """Whether the camera bracketed by itself, or the exposures were stepped on purpose.

    A second bracket in the same group repeats the steps; a burst in changing light drifts, but
    does so in the camera's automatic, without a bias that changes.
    """
    if sum(frame.auto_bracket for frame in group) >= 2:
        return True
    biases = [frame.exposure_bias for frame in group if frame.exposure_bias is not None]
    if len(biases) == len(group) and max(biases) - min(biases) >= MIN_TAG_SPAN:
        return len({round(bias, 1) for bias in biases}) >= min(3, len(group))
    values = [exposure_value(frame) for frame in group]
    known = [value for value in values if value is not None]
    if len(known) < len(group) or len(group) < 3 or max(known) - min(known) < MIN_TAG_SPAN:
        return False
    steps = np.abs(np.diff(known))
    return bool((steps >= MIN_STEP).all())


def exposure_value(frame: Frame) -> float | None:
    """Return the exposure in stops at ISO 100, log2(N^2 / t) - log2(ISO / 100); more is darker."""
    if not frame.exposure_s or not frame.f_number or not frame.iso:
        return None
    return math.log2(frame.f_number**2 / frame.exposure_s) - math.log2(frame.iso / 100)


def _is_bracket_by_pixels(group: Sequence[Frame]) -> bool:
    """Whether neighbours differ by a clear step of exposure and by nothing else."""
    if len(group) < 3:
        return False
    total = [0.0]
    for first, second in itertools.pairwise(group):
        step = brightness_step(first, second)
        if step is None or abs(step) < MIN_STEP or _likeness(first, second) < SAME_VIEW:
            return False
        total.append(total[-1] + step)
    return max(total) - min(total) >= MIN_PIXEL_SPAN


def _is_panorama(group: Sequence[Frame]) -> bool:
    """Whether the view turns on and on in one direction."""
    shifts = []
    for first, second in itertools.pairwise(group):
        assert first.signature is not None
        assert second.signature is not None
        shift = sideways_shift(first.signature, second.signature)
        if shift is None:
            return False
        shifts.append(shift)
    return len(shifts) >= 2 and (min(shifts) > 0 or max(shifts) < 0)


def _is_focus_series(group: Sequence[Frame]) -> bool:
    """Whether one view is sharp in another part in each frame."""
    if len(group) < 3:
        return False
    if any(
        _likeness(first, second) < SAME_VIEW or abs(brightness_step(first, second) or 0) >= MIN_STEP
        for first, second in itertools.pairwise(group)
    ):
        return False
    maps = np.stack([frame.signature.sharpness for frame in group])  # type: ignore[union-attr]
    best = maps.max(axis=0)
    textured = best >= np.quantile(best, 0.4)
    gain = best / np.maximum(np.median(maps, axis=0), 1e-6)
    clear = textured & (gain >= FOCUS_GAIN)
    if clear.sum() < 0.5 * textured.sum():
        return False
    owners = maps.argmax(axis=0)[clear]
    shares = np.bincount(owners, minlength=len(group)) / max(1, clear.sum())
    return int((shares >= FOCUS_SHARE).sum()) >= max(3, math.ceil(len(group) * 2 / 3))


def _likeness(first: Frame, second: Frame) -> float:
    assert first.signature is not None
    assert second.signature is not None
    return likeness(first.signature, second.signature)
