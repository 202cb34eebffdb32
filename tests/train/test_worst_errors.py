"""The worst errors: the right photos in the right order, and never inside a repository."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qpt_app.errors import DatasetError, UsageError
from qpt_train.data.mos_records import MosItem
from qpt_train.predictions import Prediction, read_predictions
from qpt_train.worst_errors import error_sheet, errors_csv, refuse_repository, worst_errors


def item(name, mos, folder=Path("x")):
    return MosItem(path=folder / name, name=name, mos=mos, subset="ss01")


LINE = [item(f"{number:02d}.png", number / 20) for number in range(20)]
EXACT = [Prediction(one.name, one.mos) for one in LINE]


def test_the_photo_that_is_furthest_off_comes_first_with_its_sign():
    changed = [row._replace(raw_score=0.9) if row.name == "02.png" else row for row in EXACT]
    changed = [row._replace(raw_score=0.3) if row.name == "18.png" else row for row in changed]
    first, second, third = worst_errors(LINE, changed, count=3)
    assert (first.item.name, second.item.name) == ("02.png", "18.png")
    assert first.error > 0.5
    assert second.error < -0.4
    assert abs(third.error) <= abs(second.error)
    assert first.error == pytest.approx(first.predicted - first.item.mos)


def test_predictions_of_photos_outside_the_set_are_refused():
    with pytest.raises(DatasetError, match=r"stranger\.png"):
        worst_errors(LINE, [*EXACT, Prediction("stranger.png", 0.5)], count=3)


def test_the_sheet_holds_every_photo_whole_and_the_table_says_the_same(tmp_path):
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    items = [item(f"{number}.png", 0.2 * number, tmp_path) for number in range(3)]
    for one, colour in zip(items, colours, strict=True):
        Image.new("RGB", (120, 60), colour).save(one.path)
    found = worst_errors(items, [Prediction(one.name, 1 - one.mos) for one in items], count=3)
    sheet = np.asarray(error_sheet(found, side=60, columns=2))
    for colour in colours:  # 120 x 60 fitted to 60 is 60 x 30
        assert int((sheet == colour).all(axis=2).sum()) == 60 * 30
    rows = list(csv.DictReader(io.StringIO(errors_csv(found))))
    assert [row["name"] for row in rows] == [one.item.name for one in found]
    assert float(rows[0]["error"]) == pytest.approx(found[0].error, abs=1e-4)


def test_a_folder_inside_a_repository_is_refused(tmp_path):
    (tmp_path / "checkout" / ".git").mkdir(parents=True)
    with pytest.raises(UsageError, match="repository"):
        refuse_repository(tmp_path / "checkout" / "runs" / "sheet")
    with pytest.raises(UsageError, match="repository"):
        refuse_repository(tmp_path / "elsewhere" / ".." / "checkout" / "sheet")
    refuse_repository(tmp_path / "checkout" / ".." / "sheet")
    (tmp_path / "link").symlink_to(tmp_path / "checkout")
    with pytest.raises(UsageError, match="repository"):
        refuse_repository(tmp_path / "link" / "sheet")
    (tmp_path / "worktree").mkdir()
    (tmp_path / "worktree" / ".git").write_text("gitdir: elsewhere")
    with pytest.raises(UsageError, match="repository"):
        refuse_repository(tmp_path / "worktree")


def test_predictions_are_read_from_a_folder_or_a_file(tmp_path):
    table = tmp_path / "predictions.csv"
    lines = ["name,subset,mos,raw_score,score", '"ä,b.png",,0.5,-1.25,40', "c.png,,0.5,1,60"]
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    expected = [Prediction("ä,b.png", -1.25), Prediction("c.png", 1.0)]
    assert read_predictions(tmp_path) == read_predictions(table) == expected


@pytest.mark.parametrize(
    "text", ["", "name,score\na,1\n", "name,raw_score\na,x\nb,1\n", "name,raw_score\na,nan\nb,1\n"]
)
def test_what_is_no_table_of_predictions_is_one_clear_error(tmp_path, text):
    (tmp_path / "predictions.csv").write_text(text)
    with pytest.raises(DatasetError, match=r"predictions\.csv"):
        read_predictions(tmp_path)


def test_missing_predictions_are_named(tmp_path):
    with pytest.raises(DatasetError, match="nowhere"):
        read_predictions(tmp_path / "nowhere.csv")
