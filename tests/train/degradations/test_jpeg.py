"""JPEG against libjpeg, as Pillow calls it."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from qpt_train.degradations.jpeg import jpeg, quality_tables

QUALITIES = (10, 20, 35, 50, 65, 80, 95)


def through_libjpeg(photo: torch.Tensor, quality: int) -> torch.Tensor:
    """Code and decode (3, H, W) uint8 with 4:2:0 chroma."""
    stream = io.BytesIO()
    Image.fromarray(photo.permute(1, 2, 0).numpy()).save(
        stream, "JPEG", quality=quality, subsampling=2
    )
    decoded = np.array(Image.open(stream))
    return torch.from_numpy(decoded).permute(2, 0, 1)


def check_quality(photos, quality, psnr, device):
    """At least 45 dB to libjpeg's result for every photo."""
    x = photos.to(device, torch.float32) / 255
    params = torch.full((len(x), 1), float(quality), device=device)
    seeds = torch.zeros(len(x), 2, dtype=torch.int32, device=device)
    ours = (jpeg(x, params, seeds) * 255).cpu()
    theirs = torch.stack([through_libjpeg(photo, quality) for photo in photos])
    values = psnr(ours, theirs)
    assert values.min() >= 45.0, values


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("size", [(160, 160), (83, 61), (41, 96)])
def test_rendered_photos_come_within_45_db(photos, quality, size, psnr, device):
    """Also where the sides are odd and no multiple of 16."""
    check_quality(photos[:8, :, : size[0], : size[1]].contiguous(), quality, psnr, device)


@pytest.mark.data
@pytest.mark.parametrize("quality", QUALITIES)
def test_real_photos_come_within_45_db(real_photos, quality, psnr, device):
    """Over fifty real photos."""
    check_quality(real_photos, quality, psnr, device)


@pytest.mark.parametrize("quality", [1, 4, 7, 24, 43, 50, 70, 95, 100])
def test_tables_equal_libjpeg(quality):
    """The quantisation steps are those in the file that libjpeg writes."""
    stream = io.BytesIO()
    Image.new("RGB", (16, 16)).save(stream, "JPEG", quality=quality)
    written = Image.open(stream).quantization
    for number, chroma in ((0, False), (1, True)):
        ours = quality_tables(torch.tensor([float(quality)]), chroma=chroma)[0].int().tolist()
        assert ours == list(written[number])


def test_each_sample_has_its_quality(few, seeds):
    """A batch of four qualities equals four batches of one."""
    params = torch.tensor([[4.0], [24.0], [70.0], [95.0]])
    together = jpeg(few, params, seeds)
    for row in range(4):
        alone = jpeg(few[row : row + 1], params[row : row + 1], seeds[row : row + 1])
        assert (alone - together[row]).abs().max() <= 2 / 255
