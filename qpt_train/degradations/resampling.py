"""Resampling: scaled down and up again, one operator per filter."""

from torch import Tensor

from qpt_train.degradations.separable import Filter, scale_down_up
from qpt_train.degradations.types import BatchedOperator, Degradation, rows


def _with_filter(name: Filter) -> BatchedOperator:
    """Return the operator that scales down and up by its first parameter with one filter."""

    def scale(x: Tensor, params: Tensor, seeds: Tensor, /) -> Tensor:
        return scale_down_up(x, params[:, 0], name)

    return scale


_FILTERS: tuple[Filter, ...] = ("area", "bilinear", "bicubic", "lanczos")
_FACTORS = rows(1.5, 2, 3, 5, 8)
_SOURCE = "Re-IQA (down-up resize): factors 2, 3, 4, 8, 16"
_MENDED = "16 leaves 14 px of a 224 px crop: milder, so that a chain can still be told apart"

DEGRADATIONS = (
    Degradation(
        name="rescale_nearest",
        group="resampling",
        parameters=("factor",),
        severities=rows(2, 3, 4, 6, 8),
        apply=_with_filter("nearest"),
        source="Re-IQA (down-up resize, nearest): factors 2, 3, 4, 5, 6",
        mended="5 and 6 are 0.3 dB apart: 6 and 8",
    ),
    *(
        Degradation(
            name=f"rescale_{name}",
            group="resampling",
            parameters=("factor",),
            severities=_FACTORS,
            apply=_with_filter(name),
            source=_SOURCE,
            mended=_MENDED,
        )
        for name in _FILTERS
    ),
)
