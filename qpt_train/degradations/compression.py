"""Compression: JPEG and a wavelet codec."""

from qpt_train.degradations.jpeg import jpeg
from qpt_train.degradations.types import Degradation, rows
from qpt_train.degradations.wavelet import wavelet

DEGRADATIONS = (
    Degradation(
        name="jpeg",
        group="compression",
        parameters=("quality",),
        severities=rows(70, 43, 24, 7, 4),
        apply=jpeg,
        source="ARNIQA: 43, 36, 24, 7, 4; Re-IQA: 70, 43, 36, 24, 7",
        mended="36 is 0.5 dB from 43: left out, so both published ends fit",
    ),
    Degradation(
        name="wavelet",
        group="compression",
        parameters=("step, 8-bit units",),
        severities=rows(11, 29, 38, 79, 105),
        apply=wavelet,
        source=(
            "in the place of ARNIQA's JPEG 2000 at compression ratios 16, 32, 45, 120, 170: steps "
            "that give the same median PSNR as Pillow's coder on 50 of our photos (35.9, 30.7, "
            "29.3, 25.9, 24.7 dB)"
        ),
    ),
)
