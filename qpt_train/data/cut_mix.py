"""CutMix: a window of one photo pasted into another, and their scores mixed by area.

Yun et al., ICCV 2019, who mix class labels. Here both photos are of the same subset, and a mean
opinion score is mixed as if quality were an average over the frame: our choice, and true enough to
keep a network from learning few photos by heart.
"""

import math
from typing import NamedTuple

import numpy as np
from torch import Tensor


class MixWindow(NamedTuple):
    """A window in shares of a view's height and width."""

    top: float
    left: float
    side: float
    """Of both sides: the window has the view's aspect ratio."""

    @property
    def area(self) -> float:
        """Share of the view that the window covers, 0 to 1."""
        return self.side**2


def draw_window(generator: np.random.Generator) -> MixWindow:
    """Draw a window whose area is uniform in 0..1 (the paper's Beta(1, 1)), all of it inside."""
    side = math.sqrt(generator.random())
    top, left = generator.random(2) * (1.0 - side)
    return MixWindow(float(top), float(left), side)


def paste_window(target: Tensor, source: Tensor, window: MixWindow) -> None:
    """Copy the window of `source` into `target`, in place; both (..., H, W)."""
    height, width = target.shape[-2:]
    rows = slice(round(window.top * height), round((window.top + window.side) * height))
    columns = slice(round(window.left * width), round((window.left + window.side) * width))
    target[..., rows, columns] = source[..., rows, columns]


def choose_partners(groups: list[int]) -> list[int]:
    """Return for each row the next one of the same group, round the end; alone, the row itself."""
    partners = []
    for row, group in enumerate(groups):
        later = [*range(row + 1, len(groups)), *range(row + 1)]
        partners.append(next(other for other in later if groups[other] == group))
    return partners
