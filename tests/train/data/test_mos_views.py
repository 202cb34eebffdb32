"""Training views: a pure function of (seed, epoch, index); copies see the same windows."""

import numpy as np
import pytest
import torch
from PIL import Image

from qpt_app.core.preprocess import PreprocessConfig
from qpt_app.errors import DatasetError
from qpt_train.data.mos_views import (
    RankingConfig,
    StepSampler,
    TrainingViewSet,
    ViewSampling,
    collate_photos,
    random_crop,
)

CONFIG = PreprocessConfig(screen_side=96, global_side=32, crop_size=32)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for number in range(6):
        pixels = generator.integers(0, 256, (60, 90, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return sorted(folder.iterdir())


def view_set(paths, *, seed=0, share=0.0, crop_size=32, groups=None, mixed=0.0):
    sampling = ViewSampling(
        preprocess=CONFIG,
        crops_per_photo=2,
        crop_size=crop_size,
        global_crop=0,
        seed=seed,
        ranking=RankingConfig(share=share, operators=("quantise",), harsh_operators=()),
        cut_mix_share=mixed,
    )
    return TrainingViewSet(paths, np.arange(6) / 10, sampling, groups=groups)


def test_views_repeat_and_depend_on_seed_epoch_and_index(paths):
    first = view_set(paths)[(1, 2)].views.crops
    assert torch.equal(first, view_set(paths)[(1, 2)].views.crops)
    others = [view_set(paths)[(0, 2)], view_set(paths)[(1, 3)], view_set(paths, seed=1)[(1, 2)]]
    assert not any(torch.equal(first, other.views.crops) for other in others)


def test_degraded_copies_see_the_same_windows(paths):
    photo = view_set(paths, share=1.0)[(0, 0)]
    assert 1 <= photo.severity <= 5
    difference = (photo.views.crops.float() - photo.degraded.crops.float()).abs()
    assert 0 < difference.mean() < 40  # quantising moves values a little; other windows, by 85
    assert not torch.equal(photo.views.global_view, photo.degraded.global_view)


def test_asking_for_copies_does_not_move_the_windows(paths):
    with_copy, without = view_set(paths, share=1.0)[(3, 4)], view_set(paths)[(3, 4)]
    assert without.degraded is None
    assert torch.equal(with_copy.views.crops, without.views.crops)


def test_the_share_of_copies_is_kept(paths):
    photos = view_set(paths, share=0.25)
    copies = sum(photos[(epoch, 0)].degraded is not None for epoch in range(200))
    assert 30 <= copies <= 70


def test_harsh_operators_come_from_their_lowest_severity_on(paths):
    for lowest in (2, 5):
        ranking = RankingConfig(
            share=1.0, operators=(), harsh_operators=("darken",), harsh_from=lowest
        )
        sampling = ViewSampling(
            preprocess=CONFIG, crops_per_photo=1, crop_size=32, global_crop=0, seed=0,
            ranking=ranking,
        )  # fmt: skip
        photos = TrainingViewSet(paths, np.arange(6) / 10, sampling)
        drawn = {photos[(epoch, 0)].severity for epoch in range(60)}
        assert drawn == set(range(lowest, 6))
    with pytest.raises(ValueError, match="harsh_from"):
        RankingConfig(harsh_from=6)


def test_copies_stand_behind_the_photos_of_a_batch(paths):
    photos = [view_set(paths, share=share)[(0, index)] for index, share in enumerate((0, 1, 0, 1))]
    batch = collate_photos(photos)
    assert batch.degraded_rows.tolist() == [1, 3]
    assert batch.crops.shape == (6, 2, 3, 32, 32)
    assert torch.equal(batch.crops[4], photos[1].degraded.crops)
    assert batch.severities.tolist() == [photos[1].severity, photos[3].severity]
    assert batch.targets.tolist() == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert batch.positions.tolist() == [0, 1, 2, 3]


def test_mixed_photos_have_pixels_and_score_of_both_by_area(paths):
    photos = [view_set(paths, mixed=1.0)[(0, index)] for index in range(2)]
    mix = photos[0].mix
    assert mix is not None
    batch = collate_photos(photos)
    whole = [photo.views.crops for photo in photos]
    from_other = (batch.crops[0] == whole[1]).all(dim=1).float().mean()
    kept = (batch.crops[0] == whole[0]).all(dim=1).float().mean()
    assert from_other == pytest.approx(mix.area, abs=0.07)  # sides of 32 are rounded
    assert kept == pytest.approx(1 - mix.area, abs=0.07)
    assert batch.targets[0] == pytest.approx(0.1 * mix.area)


def test_mixing_changes_neither_the_windows_nor_photos_with_a_copy(paths):
    mixed, plain = view_set(paths, mixed=1.0)[(3, 4)], view_set(paths)[(3, 4)]
    assert plain.mix is None
    assert torch.equal(mixed.views.crops, plain.views.crops)
    assert view_set(paths, mixed=1.0, share=1.0)[(3, 4)].mix is None
    half = view_set(paths, mixed=0.5)
    assert 30 <= sum(half[(epoch, 0)].mix is not None for epoch in range(100)) <= 70


def test_photos_of_two_subsets_are_never_mixed(paths):
    sets = view_set(paths, mixed=1.0, groups=[0, 1, 0, 1, 0, 1])
    photos = [sets[(0, index)] for index in (0, 1)]
    batch = collate_photos(photos)
    assert torch.equal(batch.crops[0], photos[0].views.crops)
    assert batch.targets.tolist() == pytest.approx([0.0, 0.1])


def test_a_batch_without_copies(paths):
    batch = collate_photos([view_set(paths)[(0, 1)]])
    assert batch.degraded_rows.shape == batch.severities.shape == (0,)


def test_training_crops_may_be_smaller_than_the_programs(paths):
    views = view_set(paths, crop_size=24)[(0, 0)].views
    assert views.crops.shape == (2, 3, 24, 24)
    assert views.global_view.shape == view_set(paths)[(0, 0)].views.global_view.shape


def test_a_batch_knows_the_subset_of_each_photo(paths):
    photos = view_set(paths, groups=[2, 0, 1, 1, 0, 2])
    assert collate_photos([photos[(0, 2)], photos[(0, 5)]]).groups.tolist() == [1, 2]
    assert collate_photos([view_set(paths)[(0, 1)]]).groups.tolist() == [0]


def test_unreadable_labelled_photo_is_named(tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"nothing")
    with pytest.raises(DatasetError, match="broken.jpg"):
        view_set([broken])[(0, 0)]


def test_crops_reach_every_place():
    pixels = np.arange(16, dtype=np.uint8).reshape(4, 4, 1).repeat(3, 2)
    generator = np.random.default_rng(0)
    corners = {int(random_crop(pixels, 2, generator)[0, 0, 0]) for _ in range(300)}
    assert corners == {0, 1, 2, 4, 5, 6, 8, 9, 10}


def test_resumed_steps_are_the_tail_of_all_steps():
    def steps(start):
        return list(StepSampler(count=10, batch_size=3, epochs=3, seed=5, start_step=start))

    everything = steps(0)
    assert len(everything) == 9
    for start in (1, 3, 7):
        assert steps(start) == everything[start:]
    for epoch in range(3):
        seen = [index for step in everything[3 * epoch : 3 * epoch + 3] for _, index in step]
        assert len(set(seen)) == 9
    assert [place[0] for step in everything for place in step] == [0] * 9 + [1] * 9 + [2] * 9
