"""Labelled sets of the two layouts at hand, made up in small."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qpt_app.errors import DatasetError
from qpt_train.data.mos_sets import MosScale, load_mos_set, refuse_official_test


def make_photo(path: Path, value: int = 128) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 12, 3), value, np.uint8)).save(path, format="JPEG")


def make_biq2021(folder: Path) -> Path:
    """Three train photos and one test photo; one file's ending differs in case."""
    for name in ("ss01 (1).jpg", "ss02 (1014).JPG", "ss03 (7).jpg", "ss03 (8).jpg"):
        make_photo(folder / "Images" / name)
    (folder / "Train (Images and MOS).csv").write_text(
        "Image Name,MOS,,\nss03 (7).jpg,0.8471,,\nss01 (1).jpg,0.2874,,\nss02 (1014).jpg,1,,\n"
    )
    (folder / "Test (Images and MOS).csv").write_text("Image Name,MOS\nss03 (8).jpg,0.5\n")
    return folder


def test_biq2021_is_read_in_its_own_order_with_subset_number_and_scale(tmp_path):
    found = load_mos_set(make_biq2021(tmp_path))
    assert found.name == "biq2021"
    assert found.scale == MosScale(0.0, 1.0)
    assert [(item.name, item.mos, item.subset, item.shot_number) for item in found.items] == [
        ("ss03 (7).jpg", 0.8471, "ss03", 7),
        ("ss01 (1).jpg", 0.2874, "ss01", 1),
        ("ss02 (1014).jpg", 1.0, "ss02", 1014),
    ]
    assert found.items[2].path.name == "ss02 (1014).JPG"
    assert all(item.path.is_file() for item in found.items)
    assert found.subsets == ("ss01", "ss02", "ss03")


def test_official_test_photos_come_only_when_asked_for_by_name(tmp_path):
    folder = make_biq2021(tmp_path)
    by_default = load_mos_set(folder)
    assert not by_default.holds_official_test
    assert by_default.part == "train"
    assert [item.name for item in load_mos_set(folder, part="test").items] == ["ss03 (8).jpg"]
    everything = load_mos_set(folder, part="all")
    assert len(everything.items) == 4
    assert everything.holds_official_test
    assert everything.only("train").items == by_default.items


def test_official_test_photos_are_refused_for_any_other_purpose(tmp_path):
    folder = make_biq2021(tmp_path)
    refuse_official_test(load_mos_set(folder).items, "training")
    with pytest.raises(DatasetError, match=r"ss03 \(8\).*final number.*training"):
        refuse_official_test(load_mos_set(folder, part="all").items, "training")


def test_plain_table_with_every_optional_column(tmp_path):
    make_photo(tmp_path / "a" / "One.jpg")
    make_photo(tmp_path / "two.png")
    table = tmp_path / "list.csv"
    table.write_text(
        "\ufeffpath,mos,subset,content_id,split\na/one.jpg,3.5,phone,c1,train\n"
        "\ntwo.png,-1,,,test\n",
        encoding="utf-8",
    )
    assert [item.name for item in load_mos_set(table).items] == ["a/one.jpg"]
    first, second = load_mos_set(table, part="all").items
    assert (first.subset, first.content_id, first.official_part) == ("phone", "c1", "train")
    assert first.path == tmp_path / "a" / "One.jpg"
    assert (second.subset, second.content_id, second.official_part) == (None, None, "test")


def test_a_folder_with_scores_csv_is_a_plain_table_of_its_observed_scale(tmp_path):
    make_photo(tmp_path / "Images" / "ss01 (12).jpg")
    make_photo(tmp_path / "Images" / "other.jpg")
    (tmp_path / "scores.csv").write_text(
        "path,mos\nImages/ss01 (12).jpg,0.4730\nImages/other.jpg,0.9\n"
    )
    found = load_mos_set(tmp_path)
    assert found.scale == MosScale(0.473, 0.9)
    assert [(item.subset, item.shot_number) for item in found.items] == [("ss01", 12), (None, None)]
    with pytest.raises(DatasetError, match="no official test part"):
        load_mos_set(tmp_path, part="test")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("path,score\nx.jpg,1\n", "lacks the column 'mos'"),
        ("path,mos\nx.jpg,good\n", "'good' is not a number"),
        ("path,mos\nx.jpg,nan\n", "'nan' is not a number"),
        ("path,mos\nmissing.jpg,1\n", "lacks the photo 'missing.jpg'"),
        ("path,mos\nnowhere/x.jpg,1\n", "cannot read .*nowhere"),
        ("path,mos\nx.jpg,1\nx.jpg,2\n", "more than once"),
        ("path,mos\nx.jpg\n", "line 2: 1 cells"),
        ("path,mos,split\nx.jpg,1,later\n", "'later' is none of"),
        ("path,mos\n", "lists no photos"),
        ("", "is empty"),
    ],
)
def test_a_bad_table_is_one_clear_error(tmp_path, table, message):
    make_photo(tmp_path / "x.jpg")
    (tmp_path / "scores.csv").write_text(table)
    with pytest.raises(DatasetError, match=message):
        load_mos_set(tmp_path)


def test_a_score_off_the_scale_is_refused(tmp_path):
    folder = make_biq2021(tmp_path)
    (folder / "Test (Images and MOS).csv").write_text("Image Name,MOS\nss03 (8).jpg,50\n")
    with pytest.raises(DatasetError, match=r"expected 0\.0 to 1\.0"):
        load_mos_set(folder)


def test_an_unknown_folder_and_a_missing_one_are_told_apart(tmp_path):
    with pytest.raises(DatasetError, match="none of the known layouts"):
        load_mos_set(tmp_path)
    with pytest.raises(DatasetError, match="there is no labelled set"):
        load_mos_set(tmp_path / "missing")


@pytest.mark.data
@pytest.mark.skipif("QPT_TEST_DATA" not in os.environ, reason="QPT_TEST_DATA is not set")
def test_the_real_sample_has_its_1500_photos():
    found = load_mos_set(Path(os.environ["QPT_TEST_DATA"]) / "biq2021-sample")
    assert len(found.items) == 1500
    assert found.subsets == ("ss01", "ss02", "ss03")
    assert all(0 <= item.mos <= 1 and math.isfinite(item.mos) for item in found.items)
