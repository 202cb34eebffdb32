"""One record per degradation: its name, group, severities and how it is computed."""

from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor

SEVERITIES = (1, 2, 3, 4, 5)
"""Ordinal severities of every degradation, from mild to strong."""

GROUPS = (
    "blur",
    "colour",
    "compression",
    "noise",
    "brightness",
    "spatial",
    "sharpness_contrast",
    "resampling",
    "geometric",
)
"""Groups in their canonical order, the order of a chain that is not shuffled.

The first seven are those of ARNIQA (utils/utils_data.py); resampling comes from Re-IQA's down-up
resize, geometric is our choice (neither code base has one).
"""

SMALLEST_SIDE = 32
"""Shortest side in pixels that every operator accepts: the side of a colour block."""


Measure = Literal["psnr", "psnr_shrunk"]
"""What orders the severities, in dB against the original: PSNR, or PSNR of both pictures shrunk
eight times by area (for shifted colours, whose PSNR levels off once edges no longer overlap)."""

SHRINK = 8
"""Factor of `psnr_shrunk`."""


class BatchedOperator(Protocol):
    """A degradation of a batch in which every sample has its own parameters and seed."""

    def __call__(self, x: Tensor, params: Tensor, seeds: Tensor, /) -> Tensor:
        """Return the degraded batch; `x` is never written to.

        Args:
            x: (B, 3, H, W) float32 sRGB in [0, 1], contiguous.
            params: (B, P) float32, one row of `Degradation.severities` per sample.
            seeds: (B, 2) int32, the sample's own seed; all randomness comes from it.

        Returns:
            (B, 3, H, W) float32; the executor clips it to [0, 1].
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Degradation:
    """A synthetic change that lowers quality, at five severities."""

    name: str
    """Unique, snake case; stands in chains, sheets and logs."""
    group: str
    """One of `GROUPS`."""
    parameters: tuple[str, ...]
    """Names and units of the columns of `severities`."""
    severities: tuple[tuple[float, ...], ...]
    """Five rows of parameters, severity 1 first."""
    apply: BatchedOperator
    """The batched implementation, for CPU and CUDA."""
    source: str
    """Where the operator and its five rows come from."""
    measure: Measure = "psnr"
    """Falls by at least 0.5 dB a step, median over 50 photos, and is below 50 dB at severity 1."""
    mended: str = ""
    """What was changed in the published rows and why; empty if nothing was."""

    def __post_init__(self) -> None:
        """Check the record.

        Raises:
            ValueError: if the group is unknown or the rows do not fit.
        """
        if self.group not in GROUPS:
            raise ValueError(f"{self.name}: unknown group {self.group}")
        if len(self.severities) != len(SEVERITIES):
            raise ValueError(f"{self.name}: needs {len(SEVERITIES)} severities")
        if any(len(row) != len(self.parameters) for row in self.severities):
            raise ValueError(f"{self.name}: every severity needs {self.parameters}")


def rows(*values: float) -> tuple[tuple[float, ...], ...]:
    """Return one-parameter rows for `Degradation.severities`."""
    return tuple((float(value),) for value in values)
