"""Each adapter on a tiny made-up folder of the set's real layout."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from qpt_app.errors import DatasetError
from qpt_train.data import mos_adapters_synthetic
from qpt_train.data.mos_sets import ADAPTERS, MosScale, load_mos_set
from qpt_train.data.spreadsheets import read_sheet


def photo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 6, 3), 99, np.uint8)).save(path)


def letters(column: int) -> str:
    return chr(ord("A") + column)


def workbook(path: Path, rows, *, sheet="Sheet1", first_column=0, first_row=1, shared=True):
    """Write a minimal .xlsx as spreadsheet programs do; texts shared or inline."""
    path.parent.mkdir(parents=True, exist_ok=True)
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    strings: list[str] = []
    body = ""
    for number, row in enumerate(rows, start=first_row):
        cells = ""
        for place, value in enumerate(row):
            if value is None:
                continue
            where = f"{letters(first_column + place)}{number}"
            if not isinstance(value, str):
                cells += f'<c r="{where}"><v>{value}</v></c>'
            elif shared:
                strings.append(value)
                cells += f'<c r="{where}" t="s"><v>{len(strings) - 1}</v></c>'
            else:
                cells += f'<c r="{where}" t="inlineStr"><is><t>{value}</t></is></c>'
        body += f'<row r="{number}">{cells}</row>'
    parts = {
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{relation}"><sheets>'
        f'<sheet name="notes" r:id="rId9"/><sheet name="{sheet}" r:id="rId1"/>'
        "</sheets></workbook>"
        if sheet != "Sheet1"
        else f'<workbook xmlns="{main}" xmlns:r="{relation}"><sheets>'
        f'<sheet name="{sheet}" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/'
        'package/2006/relationships"><Relationship Id="rId1" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData>'
        "</worksheet>",
        "xl/sharedStrings.xml": f'<sst xmlns="{main}">'
        + "".join(f"<si><t>{text}</t></si>" for text in strings)
        + "</sst>",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)


def cell_array(names):
    cells = np.empty((len(names), 1), dtype=object)
    for place, name in enumerate(names):
        cells[place, 0] = name
    return cells


def koniq(folder):
    for number in range(3):
        photo(folder / "512x384" / f"{number}.jpg")
    (folder / "koniq10k_distributions_sets.csv").write_text(
        "image_name,c1,c2,c3,c4,c5,c_total,MOS,SD,set\n"
        "0.jpg,0,0,0,1,0,108,55.76,0.63,training\n"
        "1.jpg,0,0,0,1,0,106,64.13,0.56,validation\n"
        "2.jpg,0,0,0,1,0,105,12.5,0.56,test\n"
    )


def live_challenge(folder):
    names = [f"t{number}.bmp" for number in range(1, 8)] + ["3.bmp", "10.JPG"]
    photo(folder / "Images" / "3.bmp")
    photo(folder / "Images" / "10.JPG")
    (folder / "Data").mkdir()
    savemat(folder / "Data" / "AllImages_release.mat", {"AllImages_release": cell_array(names)})
    savemat(folder / "Data" / "AllMOS_release.mat", {"AllMOS_release": np.arange(9.0)[None] * 10})


def spaq(folder):
    photo(folder / "TestImage" / "00001.jpg")
    photo(folder / "TestImage" / "00002.jpg")
    workbook(
        folder / "Annotations" / "MOS and Image attribute scores.xlsx",
        [["Image name", "MOS", "Brightness"], ["00001.jpg", 72.5, 50], ["00002.jpg", 18, 60]],
    )


def bid(folder):
    photo(folder / "DatabaseImage0001.JPG")
    photo(folder / "DatabaseImage0004.JPG")
    workbook(
        folder / "DatabaseGrades.xlsx",
        [["Image Number", "Average Subjective Grade", "std"], [1, 3.25, 0.5], [4, 0.5, 0.2]],
        shared=False,
    )


def flive(folder):
    for name in ("voc_emotic_ava/a.jpg", "EE371R/b.jpg", "EE371R/c.jpg"):
        photo(folder / "database" / name)
    (folder / "labels_image.csv").write_text(
        "name,mos\nvoc_emotic_ava/a.jpg,75.2\nEE371R/b.jpg,60\nEE371R/c.jpg,40\n"
    )
    (folder / "labels640.csv").write_text("name_image,mos_image\nEE371R/b.jpg,60\n")
    (folder / "labels=640_padded.csv").write_text(
        "name_image,is_valid\nvoc_emotic_ava/a.jpg,False\nEE371R/c.jpg,True\n"
    )


def kadid(folder):
    for name in ("I01_01_01.png", "I02_25_05.png"):
        photo(folder / "images" / name)
    (folder / "dmos.csv").write_text(
        "dist_img,ref_img,dmos,var\nI01_01_01.png,I01.png,4.57,0.49\nI02_25_05.png,I02.png,1.2,0.9\n"
    )


def tid(folder):
    photo(folder / "distorted_images" / "i01_01_1.bmp")
    photo(folder / "distorted_images" / "I02_24_5.bmp")
    (folder / "mos_with_names.txt").write_text("5.51429 I01_01_1.bmp\n0.24242 i02_24_5.bmp\n")


def live(folder):
    for name in ("jp2k/img1.bmp", "jp2k/img2.bmp", "wn/img1.bmp"):
        photo(folder / name)
    savemat(
        folder / "dmos_realigned.mat",
        {"dmos_new": np.asarray([[40.5, 0.0, 75.0]]), "orgs": np.asarray([[0, 1, 0]])},
    )
    names = cell_array(["Bikes.bmp", "bikes.bmp", "house.bmp"]).T
    savemat(folder / "refnames_all.mat", {"refnames_all": names})


def csiq(folder):
    photo(folder / "dst_imgs" / "awgn" / "1600.AWGN.1.png")
    photo(folder / "dst_imgs" / "jpeg2000" / "lady_liberty.jpeg2000.5.png")
    header = ["image", "dst_idx", "dst_type", "dst_lev", "dmos_std", "dmos"]
    rows = [
        ["CSIQ"],
        [None],
        header,
        [1600, 1, "noise", 1, 0.061, 0.062],
        ["lady_liberty", 3, "jpeg 2000", 5, 0.1, 0.9],
    ]
    workbook(folder / "csiq.DMOS.xlsx", rows, sheet="all_by_image", first_column=3)


EXPECTED = {
    "koniq10k": (koniq, (0, 100), [("0.jpg", 55.76), ("1.jpg", 64.13), ("2.jpg", 12.5)]),
    "live-challenge": (live_challenge, (0, 100), [("3.bmp", 70.0), ("10.JPG", 80.0)]),
    "spaq": (spaq, (0, 100), [("00001.jpg", 72.5), ("00002.jpg", 18.0)]),
    "bid": (bid, (0, 5), [("DatabaseImage0001.JPG", 3.25), ("DatabaseImage0004.JPG", 0.5)]),
    "flive": (
        flive,
        (0, 100),
        [("voc_emotic_ava/a.jpg", 75.2), ("EE371R/b.jpg", 60.0), ("EE371R/c.jpg", 40.0)],
    ),
    "kadid10k": (kadid, (1, 5), [("I01_01_01.png", 4.57), ("I02_25_05.png", 1.2)]),
    "tid2013": (tid, (0, 9), [("I01_01_1.bmp", 5.51429), ("i02_24_5.bmp", 0.24242)]),
    "live": (live, (-20, 110), [("jp2k/img1.bmp", 59.5), ("wn/img1.bmp", 25.0)]),
    "csiq": (
        csiq,
        (0, 1),
        [("awgn/1600.AWGN.1.png", 0.938), ("jpeg2000/lady_liberty.jpeg2000.5.png", 0.1)],
    ),
}


@pytest.fixture
def few_live_files(monkeypatch):
    monkeypatch.setattr(mos_adapters_synthetic, "LIVE_FOLDERS", (("jp2k", 2), ("wn", 1)))


@pytest.mark.parametrize("name", EXPECTED)
def test_layout_scale_and_direction(name, tmp_path, few_live_files):
    make, scale, expected = EXPECTED[name]
    make(tmp_path)
    found = load_mos_set(tmp_path, part="all")
    assert found.name == name
    assert found.scale == MosScale(*map(float, scale))
    assert [item.name for item in found.items] == [row[0] for row in expected]
    assert [item.mos for item in found.items] == pytest.approx([row[1] for row in expected])
    assert all(item.path.is_file() for item in found.items)


@pytest.mark.parametrize("name", EXPECTED)
def test_exactly_one_adapter_recognises_each_layout(name, tmp_path):
    EXPECTED[name][0](tmp_path)
    assert sum(adapter.recognises(tmp_path) for adapter in ADAPTERS) == 1


@pytest.mark.parametrize("name", EXPECTED)
def test_a_missing_photo_is_named(name, tmp_path, few_live_files):
    make, _, expected = EXPECTED[name]
    make(tmp_path)
    last = Path(expected[-1][0]).name
    for path in tmp_path.rglob("*"):
        if path.name.lower() == last.lower() and path.parent.name != "jp2k":
            path.unlink()
    with pytest.raises(DatasetError, match=last.replace(".", r"\.")):
        load_mos_set(tmp_path, part="all")


@pytest.mark.parametrize(
    ("name", "contents", "subsets"),
    [
        ("kadid10k", ["i01.png", "i02.png"], ["d01", "d25"]),
        ("tid2013", ["i01", "i02"], ["d01", "d24"]),
        ("live", ["bikes.bmp", "house.bmp"], ["jp2k", "wn"]),
        ("csiq", ["1600", "lady_liberty"], ["awgn", "jpeg2000"]),
        ("koniq10k", [None] * 3, [None] * 3),
        ("flive", [None] * 3, ["voc_emotic_ava", "EE371R", "EE371R"]),
    ],
)
def test_references_are_content_groups_and_types_are_subsets(
    name, contents, subsets, tmp_path, few_live_files
):
    EXPECTED[name][0](tmp_path)
    items = load_mos_set(tmp_path, part="all").items
    assert [item.content_id for item in items] == contents
    assert [item.subset for item in items] == subsets


def test_official_splits_of_koniq_and_flive(tmp_path):
    koniq(tmp_path / "koniq")
    flive(tmp_path / "flive")
    parts = {
        name: [item.official_part for item in load_mos_set(tmp_path / name, part="all").items]
        for name in ("koniq", "flive")
    }
    assert parts == {
        "koniq": ["train", "validation", "test"],
        "flive": ["train", "test", "validation"],
    }
    assert [i.name for i in load_mos_set(tmp_path / "koniq").items] == ["0.jpg", "1.jpg"]


def test_koniq_without_its_split_table_uses_the_z_scores(tmp_path):
    photo(tmp_path / "1024x768" / "0.jpg")
    (tmp_path / "koniq10k_scores_and_distributions.csv").write_text(
        "image_name,c1,c2,c3,c4,c5,c_total,MOS,SD,MOS_zscore\n0.jpg,0,0,0,1,0,5,3.9,0.8,77.5\n"
    )
    (item,) = load_mos_set(tmp_path).items
    assert (item.mos, item.official_part) == (77.5, None)


def test_live_tables_of_other_lengths_are_refused(tmp_path):
    live(tmp_path)
    with pytest.raises(DatasetError, match="3 scores.*expected 982"):
        load_mos_set(tmp_path)


def test_an_unknown_csiq_distortion_is_refused(tmp_path):
    csiq(tmp_path)
    header = ["image", "dst_idx", "dst_type", "dst_lev", "dmos_std", "dmos"]
    workbook(
        tmp_path / "csiq.DMOS.xlsx",
        [header, ["1600", 1, "fog", 1, 0.1, 0.2]],
        sheet="all_by_image",
    )
    with pytest.raises(DatasetError, match="fog"):
        load_mos_set(tmp_path)


def test_a_sheet_is_read_by_name_with_gaps_and_empty_rows(tmp_path):
    path = tmp_path / "t.xlsx"
    workbook(
        path,
        [["title"], ["a", None, "b"], [1, 5, 2.5], [None], ["x", None, None]],
        sheet="named",
        first_column=2,
    )
    assert read_sheet(path, "named") == [{"a": "1", "b": "2.5"}, {"a": "x", "b": ""}]
    with pytest.raises(DatasetError, match="no sheet 'other'"):
        read_sheet(path, "other")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18)], ids=list("abc"))
def test_a_file_that_is_no_workbook_is_one_clear_error(tmp_path, content):
    (tmp_path / "t.xlsx").write_bytes(content)
    with pytest.raises(DatasetError, match="cannot read the table"):
        read_sheet(tmp_path / "t.xlsx")


def test_entities_in_a_workbook_are_refused(tmp_path):
    path = tmp_path / "t.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>')
        archive.writestr("xl/_rels/workbook.xml.rels", "<x/>")
    with pytest.raises(DatasetError, match="cannot read the table"):
        read_sheet(path)


def test_a_broken_matlab_file_is_one_clear_error(tmp_path):
    live_challenge(tmp_path)
    (tmp_path / "Data" / "AllMOS_release.mat").write_bytes(b"MATLAB no")
    with pytest.raises(DatasetError, match=r"cannot read .*AllMOS_release\.mat"):
        load_mos_set(tmp_path)
