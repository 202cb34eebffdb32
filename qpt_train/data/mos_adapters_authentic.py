"""Adapters for photos with distortions as they happen: KonIQ-10k, LIVE Challenge, SPAQ, BID, FLIVE.

Layouts as the sets' own archives and public loaders have them; none of the sets was at hand when
this was written, so the tests use made-up folders of these layouts.
"""

from pathlib import Path

from qpt_app.errors import DatasetError
from qpt_train.data.mos_matlab import read_matlab, text_cells, vector
from qpt_train.data.mos_records import MosItem, MosScale, MosSet, OfficialPart, checked_set
from qpt_train.data.mos_tables import FolderIndex, PhotoTree, Row, parse_number, read_rows
from qpt_train.data.spreadsheets import read_sheet

KONIQ_SETS = "koniq10k_distributions_sets.csv"
"""Scores on 0..100 (`MOS`) and the official split (`set`), from subpic/koniq."""
KONIQ_SCORES = "koniq10k_scores_and_distributions.csv"
"""The table in the set's own archive: `MOS` on 1..5 and `MOS_zscore` on 1..100; no split."""
KONIQ_PARTS: dict[str, OfficialPart] = {
    "training": "train",
    "validation": "validation",
    "test": "test",
}
LIVE_CHALLENGE_PRACTICE = 7
"""The first images of the table were shown to explain the task; they are left out, as usual."""
SPAQ_TABLE = "MOS and Image attribute scores.xlsx"
BID_TABLE = "DatabaseGrades.xlsx"
FLIVE_TABLE = "labels_image.csv"
FLIVE_TEST_TABLES = ("labels>640.csv", "labels640.csv")
"""The official test photos (column `name_image`); the second name is for file systems without >."""
FLIVE_TRAIN_TABLE = "labels=640_padded.csv"
"""The other photos; `is_valid` marks the official validation part."""


def is_koniq10k(folder: Path) -> bool:
    """Tell whether a folder has KonIQ-10k's layout."""
    return any((folder / table).is_file() for table in (KONIQ_SETS, KONIQ_SCORES))


def load_koniq10k(folder: Path) -> MosSet:
    """Read KonIQ-10k from `1024x768/` or `512x384/`; official split where its table is there.

    Raises:
        DatasetError: if a table or a photo is missing or a value cannot be used.
    """
    photos = PhotoTree(_first_folder(folder, ("1024x768", "512x384", "images")))
    has_split = (folder / KONIQ_SETS).is_file()
    table, column = (KONIQ_SETS, "MOS") if has_split else (KONIQ_SCORES, "MOS_zscore")
    wanted = ["image_name", column, *(["set"] if has_split else [])]
    items = [
        MosItem(
            path=photos.find(row["image_name"]),
            name=row["image_name"],
            mos=parse_number(row[column], f"{table}, {row['image_name']!r}"),
            official_part=_koniq_part(row) if has_split else None,
        )
        for row in read_rows(folder / table, wanted)
    ]
    return checked_set("koniq10k", folder, items, MosScale(0.0, 100.0))


def is_live_challenge(folder: Path) -> bool:
    """Tell whether a folder has the layout of ChallengeDB_release."""
    return (folder / "Data" / "AllImages_release.mat").is_file()


def load_live_challenge(folder: Path) -> MosSet:
    """Read LIVE Challenge (CLIVE): `Images/` and `Data/*.mat`; MOS 0 to 100.

    Raises:
        DatasetError: if a table or a photo is missing or a value cannot be used.
    """
    data = folder / "Data"
    names = text_cells(read_matlab(data / "AllImages_release.mat"), "AllImages_release")
    scores = vector(read_matlab(data / "AllMOS_release.mat"), "AllMOS_release")
    if len(names) != len(scores):
        raise DatasetError(f"{data}: {len(names)} names but {len(scores)} scores")
    photos = FolderIndex(folder / "Images")
    items = [
        MosItem(path=photos.find(name), name=name, mos=mos)
        for name, mos in list(zip(names, scores, strict=True))[LIVE_CHALLENGE_PRACTICE:]
    ]
    return checked_set("live-challenge", folder, items, MosScale(0.0, 100.0))


def is_spaq(folder: Path) -> bool:
    """Tell whether a folder has SPAQ's layout."""
    return _spaq_table(folder) is not None


def load_spaq(folder: Path) -> MosSet:
    """Read SPAQ: `TestImage/` and `Annotations/MOS and Image attribute scores.xlsx`; 0 to 100.

    Raises:
        DatasetError: if the table or a photo is missing or a value cannot be used.
    """
    table = _spaq_table(folder)
    if table is None:
        raise DatasetError(f"{folder} lacks {SPAQ_TABLE!r}")
    photos = FolderIndex(_first_folder(folder, ("TestImage", "SPAQ/TestImage")))
    items = [
        MosItem(
            path=photos.find(_cell(row, "Image name", table)),
            name=row["Image name"],
            mos=parse_number(_cell(row, "MOS", table), f"{table}, {row['Image name']!r}"),
        )
        for row in read_sheet(table)
    ]
    return checked_set("spaq", folder, items, MosScale(0.0, 100.0))


def is_bid(folder: Path) -> bool:
    """Tell whether a folder has BID's layout."""
    return (folder / BID_TABLE).is_file()


def load_bid(folder: Path) -> MosSet:
    """Read BID: `DatabaseImage0001.JPG` and so on beside `DatabaseGrades.xlsx`; MOS 0 to 5.

    Raises:
        DatasetError: if the table or a photo is missing or a value cannot be used.
    """
    table = folder / BID_TABLE
    photos = FolderIndex(_first_folder(folder, ("ImageDatabase", ".")))
    items: list[MosItem] = []
    for row in read_sheet(table):
        number = parse_number(_cell(row, "Image Number", table), f"{table}, an image's number")
        name = f"DatabaseImage{round(number):04d}.JPG"
        grade = parse_number(_cell(row, "Average Subjective Grade", table), f"{table}, {name!r}")
        items.append(MosItem(path=photos.find(name), name=name, mos=grade))
    return checked_set("bid", folder, items, MosScale(0.0, 5.0))


def is_flive(folder: Path) -> bool:
    """Tell whether a folder has FLIVE's layout."""
    return (folder / FLIVE_TABLE).is_file()


def load_flive(folder: Path) -> MosSet:
    """Read FLIVE (LIVE-FB, PaQ-2-PiQ), whole images only: `labels_image.csv`, `database/`.

    The official split comes from its two other tables where they are there. The subset is the
    folder that a photo lies in.

    Raises:
        DatasetError: if a table or a photo is missing or a value cannot be used.
    """
    photos = PhotoTree(_first_folder(folder, ("database", ".")))
    parts = _flive_parts(folder)
    items = [
        MosItem(
            path=photos.find(row["name"]),
            name=row["name"],
            mos=parse_number(row["mos"], f"{FLIVE_TABLE}, {row['name']!r}"),
            subset=row["name"].split("/")[0] if "/" in row["name"] else None,
            official_part=parts.get(row["name"], "train") if parts else None,
        )
        for row in read_rows(folder / FLIVE_TABLE, ["name", "mos"])
    ]
    return checked_set("flive", folder, items, MosScale(0.0, 100.0))


def _koniq_part(row: Row) -> OfficialPart:
    """Return the official part that KonIQ's table names."""
    if row["set"] not in KONIQ_PARTS:
        raise DatasetError(f"{KONIQ_SETS}: the set {row['set']!r} is none of {[*KONIQ_PARTS]}")
    return KONIQ_PARTS[row["set"]]


def _flive_parts(folder: Path) -> dict[str, OfficialPart]:
    """Return the official part of the photos named in FLIVE's split tables; empty without them."""
    tables = [folder / name for name in FLIVE_TEST_TABLES if (folder / name).is_file()]
    if not tables:
        return {}
    parts: dict[str, OfficialPart] = {
        row["name_image"]: "test" for row in read_rows(tables[0], ["name_image"])
    }
    train = folder / FLIVE_TRAIN_TABLE
    if train.is_file():
        for row in read_rows(train, ["name_image", "is_valid"]):
            if row["is_valid"].lower() in ("true", "1", "1.0"):
                parts.setdefault(row["name_image"], "validation")
    return parts


def _spaq_table(folder: Path) -> Path | None:
    """Return SPAQ's table, in `Annotations/` or beside the photos' folder."""
    for place in (folder / "Annotations", folder):
        if (place / SPAQ_TABLE).is_file():
            return place / SPAQ_TABLE
    return None


def _first_folder(folder: Path, names: tuple[str, ...]) -> Path:
    """Return the first of some folders that exists."""
    for name in names:
        if (folder / name).is_dir():
            return folder / name
    raise DatasetError(f"{folder} has none of the folders {', '.join(names)}")


def _cell(row: Row, title: str, table: Path) -> str:
    """Return a cell, or say which column a table lacks."""
    if title not in row:
        raise DatasetError(f"{table} lacks the column {title!r}; it has {sorted(row)}")
    return row[title]
