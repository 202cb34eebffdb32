"""A small fingerprint of what a frame shows: enough to tell a repeated view from another one.

Three questions about two frames taken shortly after each other are answered from it: is it the
same view, is it the same view in another exposure, is it a view turned to the side.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GRID = 48
"""Long side of the small luminance picture, pixels."""
CELLS = 8
"""The picture is divided into 8 x 8 cells to see where it is sharp."""
MIN_OVERLAP, MAX_OVERLAP = 0.15, 0.9
"""Part of the width that two neighbours of a panorama share."""
MIN_MATCH = 0.85
"""Least correlation of two overlapping strips."""
_FLOOR = 0.004
"""Linear light below which noise rules; about 8 stops under white."""
_WHITE = 0.92
"""Linear light above which a pixel counts as clipped."""

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class FrameSignature:
    """What is kept of a frame, some kilobytes."""

    light: Array
    """(h, w) mean linear luminance, 0 to 1, long side `GRID`."""
    sharpness: Array
    """(8, 8) mean absolute gradient in each cell, relative to the frame's own mean brightness."""


def frame_signature(pixels: NDArray[np.uint8]) -> FrameSignature:
    """Return the signature of (H, W, 3) uint8 sRGB pixels; 256 pixels on the long side suffice.

    Raises:
        ValueError: if the picture is smaller than 16 pixels on a side.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < 2 * CELLS:
        raise ValueError(f"too small for a signature: {width}x{height}")
    linear = _linear(pixels) @ np.asarray([0.2126, 0.7152, 0.0722], dtype=np.float32)
    scale = GRID / max(height, width)
    light = _means(linear, max(4, round(height * scale)), max(4, round(width * scale)))
    across = np.abs(np.diff(linear, axis=1))[:-1]
    down = np.abs(np.diff(linear, axis=0))[:, :-1]
    sharpness = _means(across + down, CELLS, CELLS) / max(float(linear.mean()), _FLOOR)
    return FrameSignature(light, sharpness)


def likeness(first: FrameSignature, second: FrameSignature) -> float:
    """Return how alike two views are, -1 to 1, whatever their exposure.

    The correlation of log luminance over pixels that are neither clipped nor black in both.
    """
    if first.light.shape != second.light.shape:
        return 0.0
    return _correlation(*_usable(first.light, second.light))


def exposure_step(first: FrameSignature, second: FrameSignature) -> float:
    """Return by how many stops the second frame is brighter (positive) or darker (negative)."""
    if first.light.shape != second.light.shape:
        return 0.0
    one, other = _usable(first.light, second.light)
    return float(np.median(other - one)) if one.size else 0.0


def sideways_shift(first: FrameSignature, second: FrameSignature) -> float | None:
    """Return how far the view turned, as a signed part of the width, or None if it did not.

    Positive: what was in the middle is now further left. The overlap must agree well, and better
    than the two frames do in place.
    """
    if first.light.shape != second.light.shape:
        return None
    in_place = likeness(first, second)
    if in_place >= MIN_MATCH:
        return None
    width = first.light.shape[1]
    best, at = 0.0, 0
    steps = range(round(width * (1 - MAX_OVERLAP)), round(width * (1 - MIN_OVERLAP)) + 1)
    for step in steps:
        right = _best_row_match(first.light[:, step:], second.light[:, : width - step])
        left = _best_row_match(first.light[:, : width - step], second.light[:, step:])
        for value, signed in ((right, step), (left, -step)):
            if value > best:
                best, at = value, signed
    return at / width if best >= max(MIN_MATCH, in_place + 0.15) else None


def _best_row_match(first: Array, second: Array) -> float:
    """Return the best correlation of two strips, one moved up or down by some rows."""
    found = 0.0
    height = first.shape[0]
    for move in range(-3, 4):
        top, bottom = max(0, move), min(height, height + move)
        one, other = _usable(first[top:bottom], second[top - move : bottom - move])
        found = max(found, _correlation(one, other))
    return found


def _usable(first: Array, second: Array) -> tuple[Array, Array]:
    """Return log2 luminance of the pixels that say something in both frames."""
    good = (first > _FLOOR) & (second > _FLOOR) & (first < _WHITE) & (second < _WHITE)
    return np.log2(first[good]), np.log2(second[good])


def _correlation(first: Array, second: Array) -> float:
    """Return the correlation of two vectors; 0 where there is too little to go by."""
    if first.size < 40:
        return 0.0
    one, other = first - first.mean(), second - second.mean()
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / lengths if lengths > 1e-3 else 0.0


def _linear(pixels: NDArray[np.uint8]) -> Array:
    """Undo the sRGB curve."""
    values = np.arange(256, dtype=np.float32) / 255
    curve = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return np.asarray(curve.astype(np.float32)[pixels])


def _means(plane: Array, rows: int, columns: int) -> Array:
    """Return the (rows, columns) means of equal parts of a plane."""
    edges_y = np.linspace(0, plane.shape[0], rows + 1).astype(int)
    edges_x = np.linspace(0, plane.shape[1], columns + 1).astype(int)
    sums = np.add.reduceat(np.add.reduceat(plane, edges_y[:-1], axis=0), edges_x[:-1], axis=1)
    areas = np.outer(np.diff(edges_y), np.diff(edges_x))
    return np.asarray(sums / areas, dtype=np.float32)
