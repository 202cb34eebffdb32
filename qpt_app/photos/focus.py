"""Where a picture is in focus: by how many pixels its edges and textures are blurred.

For each cell of 4 x 4 pixels the energies (mean squares) of slope and curvature of the brightness
are taken at a fine and at a coarse scale and averaged over a window of 5 x 5 cells. Where the
spectrum falls with some power of the frequency, as at an edge, along a thin line or in a texture,
the energy of the n-th derivative goes with V to the power -(n + c): V is the variance of all blur,
the picture's own and that of the scale; c depends on what is seen. Curvature over slope cancels c,
and fine over coarse cancels everything but

    q = (blur² + COARSE) / (blur² + FINE)

from which the blur follows, in pixels, as the sigma of a Gaussian. Exposure and contrast are
factors of all four energies and fall out too.

Noise and the blocks of JPEG have such energies as well. What the quietest windows of a brightness
show is taken off, as far as it can be noise, and so is what the blocks may add; a window that does
not stand clear of both says nothing. For that, what is faint reads softer than it is. Rendered
edges and lines at several angles, 1 to 4 pixels soft, read to within a fifth; textures to within a
quarter up to 1.5 pixels, and more than they have where they are softer.

What it cannot see: blur in one direction, from a shaken camera, leaves the edges along it sharp,
and they are lit. Where a photo is texture from border to border, nothing shows how much is noise.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

MEASURE_VERSION = 3
"""Raised with every change that gives other numbers or gaps: what was kept is measured again."""
REFERENCE_SIDE = 3000
"""Long side in pixels that photos are compared at: the same picture is as sharp with 12 megapixels
as with 48. A smaller photo is compared at its own size."""
CELL = 4
"""Side of a cell in pixels: the grain of the map; a multiple of the coarse scale's step of 2."""
SHARP = 1.3
"""A place with a blur of at most so many pixels is painted as sharp.

In six photos of 3000 pixels such places read 0.0 to 0.8 in the middle; with another 2 pixels of
blur, which anybody sees at 100 %, 2.1 to 2.8, and a tenth of them 1.2 to 1.7 at most."""
IN_FOCUS, ALL_SOFT = 0.85, 2.0
"""A photo is in focus whose sharpest part has a blur of at most IN_FOCUS pixels at REFERENCE_SIDE;
from ALL_SOFT on all of it is soft.

Less than SHARP, since the sharpest part is sought among many and reads low: with a blur of 2 pixels
about 1.6. Of 20 photos of 8 to 24 MP (in grey, the middle 4500 x 3000 of larger ones; the
limits were chosen by the same photos), with noise of 2.5 levels added
after the blur and saved as JPEG of quality 90, so many are in focus and
all soft when they are blurred by a Gaussian of so many pixels, counted at 24 MP:

    blur        0   1   2   3   4   6     lens blur of that sigma   3   4
    in focus   19  19  17   4   0   0                               3   0
    all soft    0   0   0   0   3  20                               0   7

The one that is not in focus as it is reads 0.92. With 3 % of the frame as it was and the rest
blurred by 6 pixels 19 are in focus."""

_SAME_SIZE = 1.05
"""A picture smaller by no more than this factor lacks some border and is the photo itself."""
_UNSURE = 1.0
"""Pixels at the photo's size by which a blur is uncertain for each time that the photo is as large
again as what was measured.

Read in 40 photos of 760 to 1024 pixels, blurred by 0, 1, 1.5, 2, 3, 4 and 6 pixels, with noise of
1.5 levels, made smaller by a factor and saved as JPEG of quality 92; against what the same photo
reads at its own size:

    factor                  1.2   1.56   1.86   2.4   2.93
    79 in focus:  told       68     61      0     0      0
                  wrong       1      0      0     0      1
    74 a bit soft: told      42      0      0     0      0
                  in focus    6      9      0     0      0
                  all soft    1      1      2     5     10
    127 all soft: told      122    111     99    87     86
                  wrong       1      0      0     0      0

Of the rest nothing is said. With the number alone, 27 of the 79 would be all soft at 2.93, and 23
of the 74 in focus at 1.86: what is blurred by less than half a pixel reads like what is not."""

_WINDOW = 5
"""Side of the window in cells, odd: 20 pixels. The larger, the further a sharp outline lights up
what is behind it; the smaller, the more the energies of noise scatter."""
_FINE_PASSES, _COARSE_PASSES = 4, 3
"""Passes of [1 2 1] / 4 before the fine energies, and then at every second pixel before the coarse
ones. They keep noise down: 4 levels of it lit 0.001 % of one of six photos blurred by 6 pixels, and
nothing of the others."""
_FINE = _FINE_PASSES / 2 + 0.12
_COARSE = _FINE_PASSES / 2 + 2 * _COARSE_PASSES + 0.5
"""Variance of the scales in square pixels: 1/2 for each pass, at the coarse step 4/2, and the
differences themselves: 1/12 and 1/6, about 0.12, and four times that."""
_MARGIN = 24
"""Pixels around a band of rows that the passes use up, rounded up to a multiple of the cell."""
_BORDER = 3
"""Cells at the border that say nothing: as wide as the coarse scale reaches. The repeated edge
breaks slopes off, and the fold that this makes is as sharp as can be."""
_BAND = 32
"""Rows of cells worked at together, so that they stay in the processor's cache: 24 MP take 1.1 s
instead of 2.6 s."""

_FAINT, _CLEAR = 8.0, 25.0
"""Steps in brightness, levels of 255: an edge weaker than _FAINT says nothing, nor does a window
without edges whose energy is less than that of an edge of _CLEAR."""
_EDGED = 2.0
"""Mean square over squared mean of the cells' energies, from which a window has edges: evenly
grained noise has 1.1 to 1.6, an edge across the window 2.7 to 6. So have the blocks of JPEG on a
smooth slope, 2.5 and more; they are too faint to count."""
_LEAST_STEP, _STEPS_OF_BLOCKS = 3.0, 4.0
"""Curvature as of a sharp step of so many levels, and of so many times the step at the borders of
JPEG's blocks, is taken off as the work of JPEG. The step read in six photos at quality 95, 75, 50,
30, 10 was up to 0.2, 1.8, 2.6, 3.3 and 4.6 levels, and up to 0.2, 0.9, 1.6, 2.3 and 4.1 when they
were blurred by 6 pixels; of these nothing was lit at 50 and 30, and up to 1 % at 10."""
_JPEG_BLOCK, _BLOCK_SAMPLE, _MOST_STEP = 8, 5, 12.0
"""Side of a block; one line of pixels in so many is looked at; a greater step is no block's."""
_QUIET = 10
"""Percentile of windows of one brightness that is taken for noise alone."""
_QUIET_SHARE = np.asarray([0.8, 0.8, 0.6, 0.6], np.float32)
"""That percentile of white noise, as a share of its mean: what is found is divided by it."""
_NOISE_GAIN = np.asarray([0.01736, 0.01421, 0.00111, 0.000223], np.float32)
"""Energies of white noise of one level."""
_MOST_NOISE = 30.0
"""Levels. What grains more is texture: a photo that is sand all over has no quiet windows."""
_CLEAR_OF_NOISE = np.asarray([4.0, 3.0], np.float32)
"""How many times the noise a window's fine and coarse slope must have. Of windows of noise alone
one in 10,000 has more than 2.0 and 2.8 times the mean."""
_NOISE_SCATTER = 1.3
"""Noise is taken off the fine curvature this many times: 9 windows of 10 have less than 1.2."""
_BINS, _LEAST_IN_BIN = 8, 60
"""Noise depends on brightness: bands of it, and windows that one needs to be heard."""

_FADE = 0.15
"""The paint fades between SHARP -/+ this, so that it has no ragged border."""
_EDGE_FROM, _EDGE_FULL = 0.4, 1.0
"""Cells are painted that carry this share of their window's energy, and fully from the other on:
the edges themselves, so that the photo can still be seen between them."""

_TILE = 24
"""Side in cells of the parts that compete for the sharpest: 96 pixels."""
_LEAST_IN_TILE = 40
"""Cells of a tile that must say something."""
_SHARPEST_SHARE = 0.006
"""Share of all tiles that may be sharper than the sharpest part: single ones are taken for errors.
A face that fills 3 % of the frame has ten times as many."""

LEAST_SIDE = CELL * _WINDOW
"""Pixels of the short side that a picture needs: a window must fit into it."""

Energies = NDArray[np.float32]
"""(4, h, w): slope fine, curvature fine, slope coarse, curvature coarse; squared levels."""
Plane = NDArray[np.float32]


class FocusGap(StrEnum):
    """Why nothing can be said of a photo's focus, other than that it shows nothing to judge by."""

    TOO_SMALL = "too_small"
    """It has fewer than LEAST_SIDE pixels."""
    SMALL_PREVIEW = "small_preview"
    """Of a RAW file there is a small picture alone, in which sharp and soft look the same."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FocusMap:
    """Where a picture is in focus; h, w are its height and width in whole cells."""

    blur: Plane
    """(h, w) pixels, from 0 up, the lower the sharper; NaN where nothing can be said."""
    paint: NDArray[np.uint8]
    """(h, w) how strongly to paint the cell, 255 for an edge in focus."""
    sharpest: float | None
    """Blur of the sharpest part in pixels; None for a picture without anything to judge by."""


def measure_focus(pixels: NDArray[np.uint8]) -> FocusMap:
    """Return where (H, W, 3) uint8 sRGB pixels are in focus.

    Raises:
        ValueError: if a side has fewer than LEAST_SIDE pixels.
    """
    if min(pixels.shape[:2]) < LEAST_SIDE:
        raise ValueError(f"too small to see focus: {pixels.shape[1]}x{pixels.shape[0]}")
    cells, light = _cell_energies(pixels)
    cells = _without_border(cells)
    windows = np.stack([_windowed(plane) for plane in cells])
    noise = _noise(windows, _windowed(light))
    says = _inside(_says_something(cells[0], windows, noise))
    noise = _white_part(noise)
    signal = np.maximum(windows - noise, 1e-6)
    step = _LEAST_STEP + _STEPS_OF_BLOCKS * _block_step(pixels)
    blocks = _step_energy(step)[1]
    signal[1] = np.maximum(windows[1] - _NOISE_SCATTER * noise[1] - blocks, 1e-6)
    blur = np.where(says, _blur(signal), np.float32(np.nan))
    return FocusMap(
        blur=blur,
        paint=_paint(blur, cells[0] - noise[0], signal[0]),
        sharpest=_sharpest(signal, says),
    )


def blur_of_photo(blur: float, factor: float) -> float | None:
    """Return the blur of a photo that is so many times as large as the picture that was measured.

    Args:
        blur: of the sharpest part, in pixels of what was measured.
        factor: the photo's long side over that of what was measured.

    Returns:
        pixels at the photo's size; None if it may as well be in focus as not, or soft as not.
    """
    if factor <= _SAME_SIZE:
        return blur
    enlarged, unsure = blur * factor, _UNSURE * (factor - 1)
    alike = _grade(enlarged - unsure) == _grade(enlarged + unsure)
    return enlarged if alike else None


def _grade(blur: float) -> int:
    """Return 0 for in focus, 1 for a bit soft, 2 for all soft."""
    return int(blur > IN_FOCUS) + int(blur >= ALL_SOFT)


def _blur(energies: Energies) -> Plane:
    """Return the blur in pixels that energies free of noise speak of; far out of focus is 100."""
    slope, curvature, coarse_slope, coarse_curvature = energies
    q = (curvature * coarse_slope) / (slope * coarse_curvature)
    q = np.clip(q, (1e4 + _COARSE) / (1e4 + _FINE), _COARSE / _FINE)
    return np.asarray(np.sqrt(np.maximum((_COARSE - q * _FINE) / (q - 1), 0)), np.float32)


def _paint(blur: Plane, own: Plane, windowed: Plane) -> NDArray[np.uint8]:
    """Return how strongly each cell is painted: the edges of what is sharp."""
    sharp = np.nan_to_num(np.clip((SHARP + _FADE - blur) / (2 * _FADE), 0, 1))
    edge = np.clip((own / windowed - _EDGE_FROM) / (_EDGE_FULL - _EDGE_FROM), 0, 1)
    return np.asarray(255 * sharp * edge, np.uint8)


def _sharpest(signal: Energies, says: NDArray[np.bool_]) -> float | None:
    """Return the blur of the sharpest tiles but for a few."""
    height, width = (max(1, side // _TILE) for side in says.shape)
    counts = _tiled(says.astype(np.float32), height, width)
    told = counts >= _LEAST_IN_TILE
    if not told.any():
        return None
    sums = np.stack([_tiled(plane * says, height, width)[told] for plane in signal])
    blurs = np.sort(_blur(sums))
    return float(blurs[min(len(blurs) - 1, int(_SHARPEST_SHARE * height * width))])


def _tiled(plane: Plane, height: int, width: int) -> Plane:
    """Return the sums of tiles; a rest at the right and below that fills none is left out."""
    rows, columns = min(_TILE, plane.shape[0]), min(_TILE, plane.shape[1])
    whole = plane[: height * rows, : width * columns]
    return np.asarray(whole.reshape(height, rows, width, columns).sum(axis=(1, 3)))


# -- noise -------------------------------------------------------------------------------------


def _noise(windows: Energies, light: Plane) -> Energies:
    """Return the energies of noise at each window, as its brightness has them where it is quiet."""
    sample = (slice(None, None, 3), slice(None, None, 3))  # windows of neighbours overlap
    seen, brightness = windows[:, *sample].reshape(4, -1), light[*sample].ravel()
    centres, levels = [], []
    step = 256 / _BINS
    for number in range(_BINS):
        here = (brightness >= number * step) & (brightness < (number + 1) * step)
        if np.count_nonzero(here) >= _LEAST_IN_BIN:
            centres.append((number + 0.5) * step)
            levels.append(np.percentile(seen[:, here], _QUIET, axis=1))
    if not centres:
        centres, levels = [128.0], [np.percentile(seen, _QUIET, axis=1)]
    found = np.minimum(np.asarray(levels) / _QUIET_SHARE, _NOISE_GAIN * _MOST_NOISE**2)
    table = np.stack([np.interp(np.arange(256), centres, column) for column in found.T])
    return np.asarray(table.astype(np.float32)[:, np.clip(light, 0, 255).astype(np.uint8)])


def _white_part(noise: Energies) -> Energies:
    """Return as much of `noise` as white noise can be: what is taken off must be noise for sure.

    Where a photo is texture all over, its quietest windows are texture too. Taking that off the
    coarse energies, of which it has more than noise does, made soft textures sharp.
    """
    gains = _NOISE_GAIN[:, None, None]
    return np.asarray((noise / gains).min(axis=0) * gains)


def _block_step(pixels: NDArray[np.uint8]) -> float:
    """Return the mean step in levels at the borders of JPEG's blocks; 0 where there are none.

    Wherever the grid begins: a photo may have been turned since.
    """
    green = pixels[..., 1]
    lines = (green[::_BLOCK_SAMPLE], green[:, ::_BLOCK_SAMPLE].T)
    return max(_periodic_step(part) for part in lines)


def _periodic_step(lines: NDArray[np.uint8]) -> float:
    """Return by how much one of eight columns has greater steps than its neighbours."""
    steps = np.abs(np.diff(lines.astype(np.float32), axis=1))
    excess = steps[:, 1:-1] - (steps[:, :-2] + steps[:, 2:]) / 2
    means = np.clip(excess, -_MOST_STEP, _MOST_STEP).mean(axis=0)
    whole = means.size // _JPEG_BLOCK * _JPEG_BLOCK
    if whole < 2 * _JPEG_BLOCK:
        return 0.0
    phases = np.sort(means[:whole].reshape(-1, _JPEG_BLOCK).mean(axis=0))
    # the columns beside a border have less than nothing: the middle stands for no border
    return max(0.0, float(phases[-1] - np.median(phases)))


def _says_something(cells: Plane, windows: Energies, noise: Energies) -> NDArray[np.bool_]:
    """Whether each window stands clear of noise and blocks; `cells` are their fine slopes."""
    evenness = _windowed(cells * cells) / np.maximum(windows[0] * windows[0], 1e-9)
    faint, clear = _step_energy(_FAINT)[0], _step_energy(_CLEAR)[0]
    fine, coarse = _CLEAR_OF_NOISE
    return np.asarray(
        (windows[0] > fine * noise[0])
        & (windows[2] > coarse * noise[2])
        & (windows[0] > np.where(evenness > _EDGED, faint, clear))
    )


def _step_energy(levels: float) -> tuple[float, float]:
    """Return fine slope and curvature of a window that a sharp step of so many levels crosses."""
    across = levels**2 / (_WINDOW * CELL)
    slope = across / (2 * math.sqrt(math.pi * _FINE))
    return slope, slope / (2 * _FINE)


# -- energies ----------------------------------------------------------------------------------


def _cell_energies(pixels: NDArray[np.uint8]) -> tuple[Energies, Plane]:
    """Return the energies of each cell, and (h, w) its mean brightness, 0 to 255."""
    rows, columns = pixels.shape[0] // CELL, pixels.shape[1] // CELL
    cells = np.empty((4, rows, columns), np.float32)
    light = np.empty((rows, columns), np.float32)
    for start in range(0, rows, _BAND):
        end = min(rows, start + _BAND)
        size = (end - start, columns)
        band = _brightness(pixels, start * CELL - _MARGIN, end * CELL + _MARGIN)
        light[start:end] = _cell_means(band[_MARGIN:, _MARGIN:], size, CELL)
        fine = band
        for _ in range(_FINE_PASSES):
            fine = _smooth(fine)
        at = _MARGIN - _FINE_PASSES - 1
        cells[:2, start:end] = _slope_and_curvature(fine[at:, at:], size, CELL)
        coarse = np.ascontiguousarray(fine[::2, ::2])
        for _ in range(_COARSE_PASSES):
            coarse = _smooth(coarse)
        at = (_MARGIN - _FINE_PASSES) // 2 - _COARSE_PASSES - 1
        cells[2:, start:end] = _slope_and_curvature(coarse[at:, at:], size, CELL // 2)
    cells[2] /= 2**2
    cells[3] /= 2**4
    return cells, light


def _without_border(cells: Energies) -> Energies:
    """Return energies with those at the border replaced by what is further inside."""
    height, width = cells.shape[1:]
    rows = np.clip(np.arange(height), *_ends(height))
    columns = np.clip(np.arange(width), *_ends(width))
    return cells[:, rows[:, None], columns]


def _inside(says: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which windows say something, those at the border left out."""
    (top, bottom), (left, right) = (_ends(side) for side in says.shape)
    result = np.zeros_like(says)
    inside = (slice(top, bottom + 1), slice(left, right + 1))
    result[inside] = says[inside]
    return result


def _ends(count: int) -> tuple[int, int]:
    """Return the first and the last of so many cells in a line that are not at the border."""
    border = min(_BORDER, (count - 1) // 2)
    return border, count - 1 - border


def _brightness(pixels: NDArray[np.uint8], start: int, end: int) -> Plane:
    """Return rows as (R + 2 G + B) / 4, 0 to 255; around the picture its edge is repeated."""
    height = pixels.shape[0]
    rows = pixels[max(0, start) : min(height, end)]
    light = rows[..., 1].astype(np.float32)
    light *= 2
    light += rows[..., 0]
    light += rows[..., 2]
    light *= np.float32(0.25)
    around = ((max(0, -start), max(0, end - height)), (_MARGIN, _MARGIN + CELL))
    return np.pad(light, around, mode="edge")


def _smooth(plane: Plane) -> Plane:
    """Apply [1 2 1] / 4 in both directions; a pixel less is left at each side."""
    rows = plane[:-2] + plane[2:]
    rows += plane[1:-1]
    rows += plane[1:-1]
    result = rows[:, :-2] + rows[:, 2:]
    result += rows[:, 1:-1]
    result += rows[:, 1:-1]
    result *= np.float32(1 / 16)
    return result


def _slope_and_curvature(plane: Plane, size: tuple[int, int], side: int) -> tuple[Plane, Plane]:
    """Return both energies of cells of `side` pixels, the first one beginning at pixel (1, 1)."""
    plane = plane[: size[0] * side + 2, : size[1] * side + 2]
    across, down = np.diff(plane[1:-1], axis=1), np.diff(plane[:, 1:-1], axis=0)
    curvature = across[:, 1:] - across[:, :-1]
    curvature += down[1:]
    curvature -= down[:-1]
    curvature *= curvature
    across *= across
    down *= down
    slope = np.add(across[:, 1:], across[:, :-1])  # both sides, so that left is as right
    slope += down[1:]
    slope += down[:-1]
    slope *= np.float32(0.5)
    return _cell_means(slope, size, side), _cell_means(curvature, size, side)


def _cell_means(plane: Plane, size: tuple[int, int], side: int) -> Plane:
    """Return the means of `size` cells of `side` x `side` pixels."""
    height, width = size
    whole = plane[: height * side, : width * side]
    rows = np.add.reduce(whole.reshape(height, side, width * side), axis=1)
    return np.asarray(rows.reshape(height, width, side).sum(axis=2) / np.float32(side * side))


def _windowed(plane: Plane) -> Plane:
    """Return the mean over the window around each cell; at the border the edge is repeated."""
    reach = _WINDOW // 2
    padded = np.pad(plane, reach, mode="edge")
    height, width = plane.shape
    rows = sum((padded[at : at + height] for at in range(1, _WINDOW)), start=padded[:height])
    columns = sum((rows[:, at : at + width] for at in range(1, _WINDOW)), start=rows[:, :width])
    return np.asarray(columns / np.float32(_WINDOW**2))
