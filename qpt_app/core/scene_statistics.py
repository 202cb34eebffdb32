"""Natural scene statistics of a photo's views: what an encoder trained on few photos overlooks.

Measured by formula, with nothing to learn: `crop_statistics` of the crops' native pixels,
`frame_statistics` of the global view. Which ones is our choice; docs/results.md has what each
group is worth.
"""

import torch
from torch import Tensor

from qpt_app.core.crop_statistics import crop_statistics
from qpt_app.core.frame_statistics import frame_statistics
from qpt_app.core.view_planes import view_pixels

STATISTIC_COUNT = 342
"""How many there are. Another number, or other numbers, are another `STATISTICS_VERSION`."""


def scene_statistics(global_views: Tensor, crops: Tensor) -> Tensor:
    """Measure a batch.

    Args:
        global_views: (N, 3, H, W) float, normalised for an encoder, both sides at least 32.
        crops: (N, K, 3, S, S) float, normalised for an encoder, S at least 32, any K >= 1.
            Both made of 8-bit pixels: other values are rounded to them, and no gradient passes.

    Returns:
        (N, `STATISTIC_COUNT`) float32.
    """
    details = crop_statistics(view_pixels(crops.flatten(0, 1)), crops.shape[1])
    return torch.cat([details, frame_statistics(view_pixels(global_views))], dim=1)
