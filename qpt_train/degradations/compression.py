"""Compression: JPEG and a wavelet codec."""

from qpt_train.degradations.jpeg import jpeg
from qpt_train.degradations.types import Degradation, rows
from qpt_train.degradations.wavelet import wavelet

DEGRADATIONS = (
    Degradation(
        name="jpeg",
        group="compression",
        parameters=("quality",),
        severities=rows(43, 36, 24, 7, 4),
        apply=jpeg,
        source="ARNIQA: 43, 36, 24, 7, 4",
    ),
    Degradation(
        name="wavelet",
        group="compression",
        parameters=("step, 8-bit units",),
        severities=rows(12, 22, 40, 80, 130),
        apply=wavelet,
        source="in the place of ARNIQA's JPEG 2000 at compression ratios 16, 32, 45, 120, 170",
    ),
)
