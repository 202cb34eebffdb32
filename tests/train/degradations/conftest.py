"""Rendered colour photos and the devices that the operators are tested on."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor


@pytest.fixture(autouse=True)
def _one_thread():
    """Two threads inside one small operation are slower than one on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request) -> torch.device:
    """The CPU, and CUDA where there is one."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return torch.device(request.param)


def render_photo(seed: int, side: int) -> NDArray[np.uint8]:
    """Draw (side, side, 3): a coloured 1/f texture with soft light, discs and bars on it."""
    random = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None, :])
    fall = 1.0 / np.maximum(frequency, 1.0 / side) ** 1.3
    planes = [
        np.fft.ifft2(np.fft.fft2(random.standard_normal((side, side))) * fall).real
        for _ in range(3)
    ]
    texture = np.stack(planes, axis=-1)
    grey = texture.mean(axis=-1, keepdims=True)
    texture = grey + 0.5 * (texture - grey)
    texture = 0.14 * texture / texture.std()
    photo = random.uniform(0.3, 0.65, 3) + texture
    down, right = np.mgrid[0:side, 0:side] / side
    photo += (
        0.3 * (random.standard_normal() * down + random.standard_normal() * right)[..., None] / 2
    )
    for _ in range(6):
        centre, radius = random.uniform(0, 1, 2), random.uniform(0.04, 0.2)
        inside = np.hypot(down - centre[0], right - centre[1]) < radius
        if random.uniform() < 0.5:
            inside = np.maximum(abs(down - centre[0]), 3 * abs(right - centre[1])) < radius
        photo[inside] = 0.6 * random.uniform(0.1, 0.9, 3) + 0.4 * photo[inside]
    return (photo.clip(0.02, 0.98) * 255).round().astype(np.uint8)


def to_batch(photos: list[NDArray[np.uint8]]) -> Tensor:
    """Stack (H, W, 3) uint8 photos as (B, 3, H, W) uint8."""
    return torch.from_numpy(np.stack(photos).transpose(0, 3, 1, 2).copy())


@pytest.fixture(scope="session")
def photos() -> Tensor:
    """Fifty rendered colour photos, (50, 3, 160, 160) uint8."""
    return to_batch([render_photo(seed, 160) for seed in range(50)])


@pytest.fixture(scope="session")
def few(photos) -> Tensor:
    """Four of them of uneven, odd size: (4, 3, 83, 96) float32 in [0, 1]."""
    return photos[:4, :, :83, :96].to(torch.float32) / 255


@pytest.fixture(scope="session")
def real_photos() -> Tensor:
    """Fifty middles of real photos, (50, 3, 192, 192) uint8."""
    from PIL import Image

    folder = os.environ.get("QPT_TEST_DATA")
    if not folder:
        pytest.skip("QPT_TEST_DATA is not set")
    paths = sorted((Path(folder) / "photos").glob("*.webp"))[::6][:50]
    if len(paths) < 50:
        pytest.skip(f"{folder} has fewer than 300 photos")
    crops = []
    for path in paths:
        pixels = np.asarray(Image.open(path).convert("RGB"))
        top, left = (pixels.shape[0] - 192) // 2, (pixels.shape[1] - 192) // 2
        crops.append(pixels[top : top + 192, left : left + 192])
    return to_batch(crops)


@pytest.fixture(scope="session")
def psnr():
    """Return a function: two (B, C, H, W) in [0, 255] -> (B,) dB, at most 100."""

    def measure(a: Tensor, b: Tensor) -> Tensor:
        error = (a.to(torch.float64) - b.to(torch.float64)).square().mean(dim=(1, 2, 3))
        return 10 * torch.log10(255.0**2 / error.clamp(min=255.0**2 * 1e-10))

    return measure


@pytest.fixture(scope="session")
def seeds() -> Tensor:
    """Four different seeds, (4, 2) int32."""
    from qpt_train.degradations.counter_noise import pack_seeds

    return pack_seeds([3, 2**40 + 17, 2**63 + 5, 123456789])
