"""Views: degraded first, then cut and mirrored, nothing else."""

import contextlib

import numpy as np
import pytest
import torch

from qpt_train import view_stream
from qpt_train.data.contrastive_set import (
    ContrastiveSet,
    GroupCollate,
    SourceWindow,
    ViewConfig,
    cut_window,
)
from qpt_train.data.manifest import scan_photos
from qpt_train.degradations.executor import degrade_batch
from qpt_train.degradations.space import DegradationSpace, SpaceConfig
from qpt_train.view_stream import ViewGroup, ViewStream, cut_crops, make_views

CPU = torch.device("cpu")


def make_group(images=3, compositions=2, size=48, crop=32, seed=0):
    """A group of random windows."""
    generator = np.random.default_rng(seed)
    windows = [
        SourceWindow(
            pixels=generator.integers(0, 255, (size, size, 3), dtype=np.uint8),
            number=10 + image,
            epoch=2,
            crops=generator.integers(0, size - crop + 1, (compositions, 2, 2)),
            flips=generator.integers(0, 2, (compositions, 2)).astype(bool),
            skipped=(),
        )
        for image in range(images)
    ]
    return windows, GroupCollate(DegradationSpace(SpaceConfig()), compositions, 5)(windows)


def test_views_are_crops_of_the_degraded_window():
    """Each pixel of both views lies, mirrored or not, in the one degraded window of its row."""
    windows, group = make_group()
    views = make_views(group, crop_size=32, device=CPU)
    sources = torch.stack([torch.from_numpy(w.pixels.copy()).permute(2, 0, 1) for w in windows])
    degraded = degrade_batch(sources.repeat_interleave(2, dim=0), group.chains)
    for row in range(6):
        window = windows[row // 2]
        for part, view in enumerate((views.query[row], views.key[row])):
            top, left = window.crops[row % 2, part]
            crop = degraded[row, :, top : top + 32, left : left + 32]
            expected = crop.flip(2) if window.flips[row % 2, part] else crop
            assert torch.equal(view, expected)
    assert views.image_ids.tolist() == [10, 10, 11, 11, 12, 12]


def test_siblings_differ_in_their_degradation():
    """The compositions of an image have different chains, and its rows different pixels."""
    _, group = make_group(images=8)
    views = make_views(group, crop_size=32, device=CPU)
    for image in range(8):
        one, other = 2 * image, 2 * image + 1
        assert views.chain_ids[one] != views.chain_ids[other]


def test_crops_at_all_corners_and_mirrored():
    """Indexing by hand."""
    windows = torch.arange(2 * 3 * 4 * 4).reshape(2, 3, 4, 4)
    places, flips = torch.tensor([[0, 0], [2, 2]]), torch.tensor([False, True])
    crops = cut_crops(windows, places, flips, 2)
    assert torch.equal(crops[0], windows[0, :, :2, :2])
    assert torch.equal(crops[1], windows[1, :, 2:, 2:].flip(2))


def test_the_stream_keeps_the_order_and_ends():
    """On a CPU working ahead does nothing, and every group comes once."""
    groups = [make_group(seed=seed)[1] for seed in range(3)]
    stream = ViewStream(iter(groups), crop_size=32, device=CPU)
    stream.work_ahead()
    for group in groups:
        expected = make_views(group, crop_size=32, device=CPU)
        assert torch.equal(stream.next_group().query, expected.query)
    with pytest.raises(StopIteration):
        stream.next_group()


class OnAnyDevice:
    """What `ViewStream` asks of CUDA, done by nothing, and tensors it may keep for a stream."""

    def __getattr__(self, _name):
        return lambda *_args, **_kwargs: self


def test_launching_is_spread_over_the_groups_in_work(monkeypatch):
    """While four groups are trained on, the next four are launched in four shares, not at once."""
    launched = []

    def parts(groups, **_):
        for left in range(9, -1, -1):
            launched.append(groups[0])
            yield left
        return [ViewGroup(*[OnAnyDevice()] * 4, (number,)) for number in groups]

    monkeypatch.setattr(view_stream, "views_in_parts", parts)
    monkeypatch.setattr(view_stream, "_side_stream", lambda _device: OnAnyDevice())
    monkeypatch.setattr(torch.cuda, "stream", lambda _side: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _device: OnAnyDevice())
    monkeypatch.setattr(torch.cuda, "Event", OnAnyDevice)
    stream = ViewStream(iter(range(12)), crop_size=32, device=CPU, at_once=4)
    seen, steps = [], []
    for _ in range(6):
        before = len(launched)
        seen += [stream.next_group().skipped[0] for _ in range(2)]
        needed = len(launched) - before
        for _ in range(2):
            stream.work_ahead()
        steps.append((needed, len(launched) - before - needed))
    assert seen == list(range(12))
    # All ten parts on demand at first; then those of the next four over two steps of two groups.
    assert steps == [(10, 7), (0, 3), (0, 7), (0, 3), (0, 0), (0, 0)]
    with pytest.raises(StopIteration):
        stream.next_group()


def test_small_photos_are_mirrored_but_crops_stay_inside():
    """The border that fills the window is never in a crop's area."""
    pixels = np.random.default_rng(0).integers(0, 255, (40, 90, 3), dtype=np.uint8)
    window, (top, left, height, width) = cut_window(pixels, 64, np.random.default_rng(1))
    assert window.shape == (64, 64, 3)
    assert (top, left, height, width) == (12, 0, 40, 64)
    held = window[top : top + height, left : left + width]
    assert any(np.array_equal(held, pixels[:, x : x + 64]) for x in range(27))


def test_a_window_depends_on_seed_epoch_and_number_only(tmp_path):
    """Asked in any order, any number of times, the answer is the same."""
    from PIL import Image

    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 255, (70, 90, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    config = ViewConfig(crop_size=32, source_size=48, screen_side=0)
    manifest = scan_photos([tmp_path])
    one, other = (ContrastiveSet(manifest, config, 3) for _ in range(2))
    first = [one[(1, number)] for number in range(4)]
    again = [other[(1, number)] for number in (3, 2, 1, 0)][::-1]
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a.pixels, b.pixels)
        assert np.array_equal(a.crops, b.crops)
    different = [ContrastiveSet(manifest, config, 4)[(1, 0)], one[(2, 0)]]
    assert not any(np.array_equal(first[0].crops, window.crops) for window in different)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_the_side_stream_gives_the_pixels_of_the_main_one():
    """Working ahead on CUDA changes no pixel."""
    device = torch.device("cuda")
    groups = [make_group(seed=seed)[1] for seed in range(4)]
    stream = ViewStream(iter(groups), crop_size=32, device=device, at_once=2)
    for group in groups:
        stream.work_ahead()
        expected = make_views(group, crop_size=32, device=device)
        assert torch.equal(stream.next_group().query, expected.query)
