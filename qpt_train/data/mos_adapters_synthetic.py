"""Adapters for synthetic distortions of reference images: KADID-10k, TID2013, LIVE, CSIQ.

Every distorted version carries its reference as `content_id`, so that no reference crosses a
split, and its distortion type as subset. LIVE and CSIQ publish DMOS (higher is worse); it is
turned here and nowhere else. KADID-10k's column is named `dmos` too, but there higher is better.
Layouts as the sets' own archives and public loaders have them; none of the sets was at hand when
this was written, so the tests use made-up folders of these layouts.
"""

from pathlib import Path

from qpt_app.errors import DatasetError
from qpt_train.data.mos_matlab import read_matlab, text_cells, vector
from qpt_train.data.mos_records import MosItem, MosScale, MosSet, checked_set
from qpt_train.data.mos_tables import FolderIndex, PhotoTree, parse_number, read_rows, whole_lines
from qpt_train.data.spreadsheets import read_sheet

KADID_TABLE = "dmos.csv"
TID_TABLE = "mos_with_names.txt"
LIVE_TABLE = "dmos_realigned.mat"
LIVE_REFERENCES = "refnames_all.mat"
LIVE_FOLDERS = (("jp2k", 227), ("jpeg", 233), ("wn", 174), ("gblur", 174), ("fastfading", 174))
"""Folders and counts in the order of LIVE's tables (release 2); files are img1.bmp and so on."""
LIVE_TOP = 100.0
"""Turned score = LIVE_TOP - DMOS. Realigned DMOS runs from about -3 to 112, so scores go beyond
0 and 100 a little; nothing is clipped."""
CSIQ_TABLE = "csiq.DMOS.xlsx"
CSIQ_SHEET = "all_by_image"
CSIQ_TYPES = {
    "noise": ("awgn", "AWGN"),
    "blur": ("blur", "BLUR"),
    "contrast": ("contrast", "contrast"),
    "fnoise": ("fnoise", "fnoise"),
    "jpeg": ("jpeg", "JPEG"),
    "jpeg 2000": ("jpeg2000", "jpeg2000"),
}
"""Distortion in the table -> (folder, word in the file's name)."""


def is_kadid10k(folder: Path) -> bool:
    """Tell whether a folder has KADID-10k's layout."""
    return (folder / KADID_TABLE).is_file() and (folder / "images").is_dir()


def load_kadid10k(folder: Path) -> MosSet:
    """Read KADID-10k: `images/` and `dmos.csv` (`dist_img,ref_img,dmos,var`), 1 to 5.

    Its "dmos" is a degradation category rating whose 5 means "imperceptible": higher is better.

    Raises:
        DatasetError: if the table or a photo is missing or a value cannot be used.
    """
    photos = FolderIndex(folder / "images")
    items = [
        MosItem(
            path=photos.find(row["dist_img"]),
            name=row["dist_img"],
            mos=parse_number(row["dmos"], f"{KADID_TABLE}, {row['dist_img']!r}"),
            subset=_distortion_number(row["dist_img"]),
            content_id=row["ref_img"].lower(),
        )
        for row in read_rows(folder / KADID_TABLE, ["dist_img", "ref_img", "dmos"])
    ]
    return checked_set("kadid10k", folder, items, MosScale(1.0, 5.0))


def is_tid2013(folder: Path) -> bool:
    """Tell whether a folder has TID2013's layout."""
    return (folder / TID_TABLE).is_file() and (folder / "distorted_images").is_dir()


def load_tid2013(folder: Path) -> MosSet:
    """Read TID2013: `distorted_images/`, `mos_with_names.txt` (`5.51 I01_01_1.bmp`); 0 to 9.

    Raises:
        DatasetError: if the table or a photo is missing or a line cannot be used.
    """
    photos = FolderIndex(folder / "distorted_images")
    items: list[MosItem] = []
    for line in whole_lines(folder / TID_TABLE):
        mos, _, name = line.partition(" ")
        name = name.strip()
        items.append(
            MosItem(
                path=photos.find(name),
                name=name,
                mos=parse_number(mos, f"{TID_TABLE}, {line!r}"),
                subset=_distortion_number(name),
                content_id=name.split("_")[0].lower(),
            )
        )
    return checked_set("tid2013", folder, items, MosScale(0.0, 9.0))


def is_live(folder: Path) -> bool:
    """Tell whether a folder has the layout of LIVE release 2."""
    return (folder / LIVE_REFERENCES).is_file() and (folder / LIVE_TABLE).is_file()


def load_live(folder: Path) -> MosSet:
    """Read LIVE release 2; undistorted copies among the versions are left out; DMOS turned.

    Raises:
        DatasetError: if a table or a photo is missing or the tables do not fit.
    """
    table = read_matlab(folder / LIVE_TABLE)
    scores, undistorted = vector(table, "dmos_new"), vector(table, "orgs")
    references = text_cells(read_matlab(folder / LIVE_REFERENCES), "refnames_all")
    places = [(kind, number) for kind, count in LIVE_FOLDERS for number in range(1, count + 1)]
    if not len(places) == len(scores) == len(undistorted) == len(references):
        raise DatasetError(
            f"{folder}: {len(scores)} scores, {len(undistorted)} flags and {len(references)} "
            f"references, expected {len(places)} of each"
        )
    photos = PhotoTree(folder)
    items = []
    for (kind, number), dmos, original, reference in zip(
        places, scores, undistorted, references, strict=True
    ):
        if original:
            continue
        name = f"{kind}/img{number}.bmp"
        items.append(
            MosItem(
                path=photos.find(name),
                name=name,
                mos=LIVE_TOP - dmos,
                subset=kind,
                content_id=reference.lower(),
            )
        )
    return checked_set("live", folder, items, MosScale(-20.0, 110.0))


def is_csiq(folder: Path) -> bool:
    """Tell whether a folder has CSIQ's layout."""
    return (folder / CSIQ_TABLE).is_file()


def load_csiq(folder: Path) -> MosSet:
    """Read CSIQ: `dst_imgs/TYPE/` (or `TYPE/`) and `csiq.DMOS.xlsx`; score = 1 - DMOS, 0 to 1.

    Raises:
        DatasetError: if the table or a photo is missing or a value cannot be used.
    """
    photos = PhotoTree(folder / "dst_imgs" if (folder / "dst_imgs").is_dir() else folder)
    items: list[MosItem] = []
    for row in read_sheet(folder / CSIQ_TABLE, CSIQ_SHEET):
        try:
            image, kind, level, dmos = (
                row[title] for title in ("image", "dst_type", "dst_lev", "dmos")
            )
            kind_folder, word = CSIQ_TYPES[kind]
        except KeyError as error:
            raise DatasetError(f"{CSIQ_TABLE}: unexpected {error} in {row}") from error
        where = f"{CSIQ_TABLE}, {image!r}"
        image = image.removesuffix(".0")  # a name such as 1600 may be stored as a number
        name = f"{kind_folder}/{image}.{word}.{round(parse_number(level, where))}.png"
        items.append(
            MosItem(
                path=photos.find(name),
                name=name,
                mos=1.0 - parse_number(dmos, where),
                subset=kind_folder,
                content_id=image.lower(),
            )
        )
    return checked_set("csiq", folder, items, MosScale(0.0, 1.0))


def _distortion_number(name: str) -> str:
    """Return `d07` of a file name such as `I01_07_3.png`."""
    parts = name.split("_")
    if len(parts) != 3 or not parts[1].isdigit():
        raise DatasetError(f"{name!r} is not of the form I01_07_3.png")
    return f"d{int(parts[1]):02d}"
