"""A labelled set for every test of training: noise pictures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter


@pytest.fixture(scope="session")
def noise_set():
    """Return a function that writes forty noise pictures and their scores into a folder."""
    return write_noise_set


def write_noise_set(
    folder: Path, *, height: int = 64, width: int = 64, suffix: str = ".png", blurred: bool = True
) -> Path:
    """Write the pictures, the more blurred the worse, or all sharp; return their CSV file."""
    folder.mkdir(exist_ok=True)
    generator = np.random.default_rng(0)
    lines = ["path,mos"]
    for number in range(40):
        blur = (number % 10) / 3 if blurred else 0.0
        score = 1 - blur / 4 if blurred else number / 40
        noise = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
        picture = Image.fromarray(noise).filter(ImageFilter.GaussianBlur(blur))
        picture.save(folder / f"{number:03d}{suffix}")
        lines.append(f"{number:03d}{suffix},{score:.3f}")
    scores = folder / "scores.csv"
    scores.write_text("\n".join(lines))
    return scores
