"""Splits keep together what belongs together, evenly, and for ever the same."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qpt_train.data.mos_records import MosItem
from qpt_train.data.near_duplicates import PhotoPrints
from qpt_train.data.splits import (
    BLOCK_SIZE,
    Groups,
    assign_folds,
    draw_part,
    group_photos,
    scene_blocks,
    scene_groups,
    split_hash,
    split_scenes,
)


def make_items(count, *, subset="ss01", numbered=True, content=None):
    return [
        MosItem(
            path=Path(f"{subset} ({number}).jpg"),
            name=f"{subset} ({number}).jpg",
            mos=0.5,
            subset=subset,
            content_id=content[number] if content else None,
            shot_number=number if numbered else None,
        )
        for number in range(count)
    ]


def make_prints(count, seed=0):
    """Random prints: hashes some 128 bits apart and unrelated thumbnails."""
    generator = np.random.default_rng(seed)
    return PhotoPrints(
        hashes=generator.integers(0, 2**64, size=(count, 4), dtype=np.uint64),
        thumbnails=generator.integers(0, 256, size=(count, 16, 16, 3), dtype=np.uint8),
    )


def basis_vectors(scene_of):
    """Unit vectors that are equal within a scene and orthogonal between scenes."""
    return np.eye(max(scene_of) + 1, dtype=np.float32)[scene_of]


def slow_components(count, links):
    labels = list(range(count))
    changed = True
    while changed:
        changed = False
        for one, other in links:
            low = min(labels[one], labels[other])
            if labels[one] != low or labels[other] != low:
                labels[one] = labels[other] = low
                changed = True
    return labels


@given(st.integers(1, 15), st.data())
@settings(max_examples=60, deadline=None)
def test_groups_equal_slow_components(count, data):
    member = st.integers(0, count - 1)
    links = data.draw(st.lists(st.tuples(member, member), max_size=20))
    groups = Groups(count)
    for one, other in links:
        groups.join(one, other)
    assert groups.labels().tolist() == slow_components(count, links)


def test_scenes_split_where_the_pictures_change():
    scene_of = [0, 0, 0, 1, 1, 2]
    assert split_scenes(np.arange(6), basis_vectors(scene_of)) == [3, 2, 1]


def test_an_odd_photo_inside_a_scene_stays_in_it():
    """A nearly black exposure between two normal ones of one scene."""
    scene_of = [0, 0, 1, 0, 2]
    assert split_scenes(np.arange(5), basis_vectors(scene_of)) == [4, 1]


def test_far_numbers_are_not_one_scene_however_alike():
    vectors = basis_vectors([0, 0])
    assert split_scenes(np.asarray([1, 7]), vectors) == [2]
    assert split_scenes(np.asarray([1, 8]), vectors) == [1, 1]


@pytest.mark.parametrize("count", [0, 1])
def test_scenes_of_hardly_any_photos(count):
    assert split_scenes(np.arange(count), np.zeros((count, 3), np.float32)) == [1] * count


def test_blocks_hold_whole_scenes_of_neighbouring_numbers_of_one_subset():
    scene_of = [0] * 3 + [1] * 20 + [2, 3, 4, 5, 6, 7] + [8] * 4
    items = make_items(len(scene_of)) + make_items(5, subset="ss02")
    vectors = np.concatenate([basis_vectors(scene_of), np.zeros((5, 9), np.float32)])
    blocks = scene_blocks(items, vectors)
    assert sorted(number for block in blocks for number in block) == list(range(len(items)))
    for block in blocks:
        assert len({items[number].subset for number in block}) == 1
        assert block == list(range(block[0], block[-1] + 1))
    first_subset = [block for block in blocks if items[block[0]].subset == "ss01"]
    assert [len(block) for block in first_subset] == [23, 10]
    assert all(len(block) >= BLOCK_SIZE for block in first_subset[:-1])


def test_photos_without_a_number_are_in_no_block():
    items = make_items(20, numbered=False)
    assert scene_blocks(items, np.ones((20, 1), np.float32)) == []


def test_near_duplicates_are_grouped_transitively_across_subsets():
    items = make_items(4, numbered=False) + make_items(4, subset="ss03", numbered=False)
    prints = make_prints(8)
    chain = [0, 5, 7]
    base = prints.hashes[0].copy()
    prints.hashes[5] = base ^ np.asarray([2**20 - 1, 0, 0, 0], np.uint64)
    prints.hashes[7] = prints.hashes[5] ^ np.asarray([0, 2**20 - 1, 0, 0], np.uint64)
    labels = group_photos(items, prints)
    assert len({int(labels[number]) for number in chain}) == 1
    assert len(set(labels.tolist())) == 6
    prints.hashes[7] = prints.hashes[5] ^ np.asarray([0, 2**21 - 1, 0, 0], np.uint64)
    assert len(set(group_photos(items, prints).tolist())) == 7


def test_one_content_is_one_group():
    items = make_items(6, numbered=False, content=["a", "b", None, "a", None, "b"])
    labels = group_photos(items, make_prints(6)).tolist()
    assert labels == [0, 1, 2, 0, 4, 1]


groupings = st.lists(st.tuples(st.integers(0, 12), st.sampled_from("xyz")), min_size=2, max_size=60)


@given(groupings, st.integers(2, 5), st.integers(0, 5), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_folds_keep_groups_and_do_not_depend_on_the_order(rows, folds, seed, shuffler):
    names = [f"photo {number}" for number in range(len(rows))]
    groups, strata = [row[0] for row in rows], [row[1] for row in rows]
    found = assign_folds(names, groups, strata, folds=folds, seed=seed)
    assert len(set(zip(groups, found, strict=True))) == len(set(groups))
    assert all(0 <= fold < folds for fold in found)
    order = list(range(len(rows)))
    shuffler.shuffle(order)
    moved = assign_folds(
        [names[number] for number in order],
        [groups[number] for number in order],
        [strata[number] for number in order],
        folds=folds,
        seed=seed,
    )
    assert moved == [found[number] for number in order]


def test_folds_are_even_overall_and_within_each_stratum():
    generator = np.random.default_rng(0)
    groups = np.repeat(np.arange(150), generator.integers(1, 15, size=150))
    strata = [["a", "b", "c"][group % 3] for group in groups]
    names = [f"{number:05d}" for number in range(len(groups))]
    found = assign_folds(names, groups.tolist(), strata, folds=5, seed=3)
    for stratum in "abc":
        counts = Counter(fold for fold, mine in zip(found, strata, strict=True) if mine == stratum)
        assert max(counts.values()) - min(counts.values()) <= 14
    assert max(Counter(found).values()) - min(Counter(found).values()) <= 42


def test_the_seed_decides():
    names = [f"{number:03d}" for number in range(100)]
    groups = list(range(100))
    first, second = (
        assign_folds(names, groups, ["x"] * 100, folds=5, seed=seed) for seed in (0, 1)
    )
    assert first != second
    assert sorted(first) == sorted(second)


def test_a_part_is_drawn_in_whole_groups_near_its_share_of_every_stratum():
    generator = np.random.default_rng(4)
    sizes = generator.integers(1, 9, size=200)
    groups = np.repeat(np.arange(200), sizes).tolist()
    names = [f"{number:04d}" for number in range(len(groups))]
    strata = ["abc"[group % 3] for group in groups]
    drawn = draw_part(names, groups, strata, share=0.1, seed=0)
    assert not {g for g, d in zip(groups, drawn, strict=True) if d} & {
        g for g, d in zip(groups, drawn, strict=True) if not d
    }
    for stratum in "abc":
        members = [d for d, mine in zip(drawn, strata, strict=True) if mine == stratum]
        assert 0.07 <= sum(members) / len(members) <= 0.11
    assert draw_part(names, groups, strata, share=0.1, seed=0) == drawn
    assert draw_part(names, groups, strata, share=0.1, seed=1) != drawn
    backwards = draw_part(names[::-1], groups[::-1], strata[::-1], share=0.1, seed=0)
    assert backwards == drawn[::-1]


def test_a_group_larger_than_the_part_stays_out_and_a_part_is_never_empty():
    names = [f"{number:03d}" for number in range(100)]
    groups = [0] * 60 + list(range(1, 41))
    for seed in range(20):
        drawn = draw_part(names, groups, ["x"] * 100, share=0.1, seed=seed)
        assert not drawn[0]
        assert sum(drawn) == 10
    assert sum(draw_part(["a", "b", "c"], [0, 0, 1], ["x"] * 3, share=0.05, seed=0)) == 1
    assert not any(draw_part(names, groups, ["x"] * 100, share=0.0, seed=0))


def test_one_fold_is_refused():
    with pytest.raises(ValueError, match="two folds"):
        assign_folds(["a"], [0], ["x"], folds=1, seed=0)


def test_split_hash_is_of_the_pairs_not_their_order():
    first, second = make_items(2)
    assert split_hash([first, second], [0, 1]) == split_hash([second, first], [1, 0])
    assert split_hash([first, second], [0, 1]) != split_hash([first, second], [1, 0])
    # printf 'ss01 (0).jpg\t0\n' | sha256sum
    assert split_hash([first], [0]) == (
        "1683e606856805c242d3e102089fbdf5f07cc9ccd6f3b25e0c08df5bb2a25a12"
    )


def test_scenes_are_closer_than_groups():
    """Neither near-duplicates nor neighbouring scenes are joined; scenes and contents are."""
    prints = make_prints(20)
    thumbnails = prints.thumbnails.copy()
    thumbnails[5] = thumbnails[3]  # one scene, with the photo between them
    hashes = prints.hashes.copy()
    hashes[10] = hashes[0]
    alike = PhotoPrints(hashes=hashes, thumbnails=thumbnails)
    content = [f"c{min(number, 18)}" for number in range(20)]
    labels = scene_groups(make_items(20, content=content), alike).tolist()
    assert labels == [0, 1, 2, 3, 3, 3, *range(6, 19), 18]
    whole = group_photos(make_items(20, content=content), alike)
    assert whole[0] == whole[10] == whole[1]
