"""Photo prints: what they see, what they ignore, and their cache."""

import numpy as np
import pytest
from PIL import Image

from qpt_app.errors import DatasetError
from qpt_train.data import near_duplicates
from qpt_train.data.near_duplicates import (
    CACHE_NAME,
    hamming_distances,
    near_duplicate_pairs,
    photo_prints,
    print_pixels,
    thumbnail_vectors,
)


def scene(seed=0, height=96, width=128):
    """A smooth random picture, so that small changes stay small."""
    small = np.random.default_rng(seed).integers(0, 256, size=(8, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def slow_hash(pixels):
    grey = Image.fromarray(pixels).convert("L").resize((17, 16), Image.Resampling.BILINEAR)
    return [grey.getpixel((x + 1, y)) > grey.getpixel((x, y)) for y in range(16) for x in range(16)]


def bits_of(found):
    return np.unpackbits(found.astype("<u8").view(np.uint8)).astype(bool).tolist()


def test_hash_bits_say_brighter_than_the_left_neighbour():
    pixels = scene()
    found, small = print_pixels(pixels)
    assert found.shape == (4,)
    assert small.shape == (16, 16, 3)
    assert bits_of(found) == slow_hash(pixels)


def test_distance_equals_a_slow_count():
    generator = np.random.default_rng(1)
    one = generator.integers(0, 2**64, size=(3, 4), dtype=np.uint64)
    other = generator.integers(0, 2**64, size=(5, 4), dtype=np.uint64)
    found = hamming_distances(one, other)
    for i in range(3):
        for j in range(5):
            slow = sum((int(a) ^ int(b)).bit_count() for a, b in zip(one[i], other[j], strict=True))
            assert found[i, j] == slow


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_pairs_are_those_within_the_limit_for_any_chunk(chunk):
    base = np.zeros((1, 4), np.uint64)
    other = np.zeros((3, 4), np.uint64)
    other[1, 2] = 2**20 - 1
    other[2, 2] = 2**21 - 1
    found = near_duplicate_pairs(np.repeat(base, 5, axis=0), other, chunk=chunk)
    assert found.tolist() == [[row, column] for row in range(5) for column in (0, 1)]


def test_a_recompressed_smaller_copy_is_a_near_duplicate_and_another_scene_is_not(tmp_path):
    paths = []
    for number, (pixels, quality) in enumerate(
        [(scene(0, 480, 640), 95), (scene(0, 240, 320), 20), (scene(1, 480, 640), 95)]
    ):
        paths.append(tmp_path / f"{number}.jpg")
        Image.fromarray(pixels).save(paths[-1], quality=quality)
    prints = photo_prints(paths)
    pairs = near_duplicate_pairs(prints.hashes, prints.hashes).tolist()
    assert sorted(pairs) == [[0, 0], [0, 1], [1, 0], [1, 1], [2, 2]]


def test_vectors_ignore_exposure_and_contrast_but_not_content():
    base = print_pixels(scene(0))[1]
    darker = (base.astype(float) * 0.4 + 10).round().astype(np.uint8)
    vectors = thumbnail_vectors(np.stack([base, darker, print_pixels(scene(1))[1]]))
    assert vectors[0] @ vectors[1] > 0.99
    assert abs(vectors[0] @ vectors[2]) < 0.6
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_a_plain_photo_resembles_nothing_not_even_itself():
    plain = np.full((1, 16, 16, 3), 7, np.uint8)
    assert not thumbnail_vectors(plain).any()


def test_the_cache_spares_decoding_and_a_changed_photo_is_seen(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    Image.fromarray(scene(0)).save(path)
    first = photo_prints([path], cache_folder=tmp_path / "run")
    decoded = []
    real = near_duplicates.decode_photo
    monkeypatch.setattr(
        near_duplicates,
        "decode_photo",
        lambda path, **options: decoded.append(path) or real(path, **options),
    )
    again = photo_prints([path], cache_folder=tmp_path / "run")
    assert not decoded
    assert again.hashes.tolist() == first.hashes.tolist()
    assert (again.thumbnails == first.thumbnails).all()
    Image.fromarray(scene(1, 97, 130)).save(path)
    changed = photo_prints([path], cache_folder=tmp_path / "run")
    assert decoded == [path]
    assert changed.hashes.tolist() != first.hashes.tolist()


@pytest.mark.parametrize(
    "content", [b"", b"not a zip", b"PK\x03\x04 cut short"], ids=["empty", "text", "cut"]
)
def test_an_unusable_cache_is_made_anew_and_said_so(tmp_path, content, caplog):
    path = tmp_path / "a.png"
    Image.fromarray(scene(0)).save(path)
    (tmp_path / CACHE_NAME).write_bytes(content)
    found = photo_prints([path], cache_folder=tmp_path)
    assert found.hashes.shape == (1, 4)
    assert "made anew" in caplog.text
    caplog.clear()
    photo_prints([path], cache_folder=tmp_path)
    assert not caplog.text


def test_a_photo_without_pixels_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"not a photo")
    with pytest.raises(DatasetError, match=r"broken\.jpg cannot be decoded"):
        photo_prints([path])
    with pytest.raises(DatasetError, match=r"cannot read .*missing\.jpg"):
        photo_prints([tmp_path / "missing.jpg"])
