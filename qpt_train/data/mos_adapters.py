"""Adapters for BIQ2021 and for any `path,mos` table."""

import re
from pathlib import Path

from qpt_app.errors import DatasetError
from qpt_train.data.mos_records import MosItem, MosScale, MosSet, OfficialPart, checked_set
from qpt_train.data.mos_tables import FolderIndex, PhotoTree, parse_number, read_rows

BIQ2021_TABLES: dict[OfficialPart, str] = {
    "train": "Train (Images and MOS).csv",
    "test": "Test (Images and MOS).csv",
}
"""The tables of nisarahmedrana/BIQ2021, at commit 62c7b40."""

PLAIN_TABLE = "scores.csv"
"""The table that a folder needs to count as a plain labelled set."""

_BIQ2021_NAME = re.compile(r"^(?:.*/)?(ss\d\d) \((\d+)\)\.\w+$", re.IGNORECASE)


def is_biq2021(folder: Path) -> bool:
    """Tell whether a folder has BIQ2021's layout."""
    return (folder / BIQ2021_TABLES["train"]).is_file()


def load_biq2021(folder: Path) -> MosSet:
    """Read BIQ2021: `Images/`, a train and a test table of `Image Name,MOS`; MOS 0 to 1.

    Raises:
        DatasetError: if a table or a photo is missing or a score is no number from 0 to 1.
    """
    photos = FolderIndex(folder / "Images")
    items: list[MosItem] = []
    for part, table in BIQ2021_TABLES.items():
        for row in read_rows(folder / table, ["Image Name", "MOS"]):
            name = row["Image Name"]
            items.append(
                MosItem(
                    path=photos.find(name),
                    name=name,
                    mos=parse_number(row["MOS"], f"{table}, {name!r}"),
                    subset=biq2021_subset(name),
                    official_part=part,
                    shot_number=biq2021_number(name),
                )
            )
    return checked_set("biq2021", folder, items, MosScale(0.0, 1.0))


def biq2021_subset(name: str) -> str | None:
    """Return `ss01`, `ss02` or `ss03` of a BIQ2021 file name; None for any other name."""
    match = _BIQ2021_NAME.match(name)
    return match.group(1).lower() if match else None


def biq2021_number(name: str) -> int | None:
    """Return the number of a BIQ2021 file name, which runs through scenes; None for any other."""
    match = _BIQ2021_NAME.match(name)
    return int(match.group(2)) if match else None


def is_plain_table(path: Path) -> bool:
    """Tell whether a path is a `path,mos` table or a folder that holds one."""
    return path.suffix.lower() == ".csv" or (path / PLAIN_TABLE).is_file()


def load_plain_table(path: Path) -> MosSet:
    """Read a `path,mos` table; paths are relative to its folder.

    Optional columns: `subset`, `content_id` and `split` (train, validation or test). Without a
    `subset` column, BIQ2021's file names give theirs. The scale is the range of the scores seen.

    Raises:
        DatasetError: if the table or a photo is missing or a value cannot be used.
    """
    table = path if path.suffix.lower() == ".csv" else path / PLAIN_TABLE
    folder = table.parent
    photos = PhotoTree(folder)
    items: list[MosItem] = []
    for row in read_rows(table, ["path", "mos"]):
        relative = Path(row["path"])
        items.append(
            MosItem(
                path=photos.find(row["path"]),
                name=relative.as_posix(),
                mos=parse_number(row["mos"], f"{table}, {row['path']!r}"),
                subset=row.get("subset") or biq2021_subset(relative.as_posix()),
                content_id=row.get("content_id") or None,
                official_part=_split_cell(row.get("split", ""), table),
                shot_number=biq2021_number(relative.as_posix()),
            )
        )
    if not items:
        raise DatasetError(f"{table} lists no photos")
    scores = [item.mos for item in items]
    return checked_set(folder.name, folder, items, MosScale(min(scores), max(scores)))


def _split_cell(text: str, table: Path) -> OfficialPart | None:
    """Return the official part that a cell of the column `split` names."""
    match text.lower():
        case "":
            return None
        case "train" | "training":
            return "train"
        case "validation" | "val":
            return "validation"
        case "test":
            return "test"
    raise DatasetError(f"{table}: the split {text!r} is none of train, validation, test")
