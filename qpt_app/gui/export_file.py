"""Writes scores and decisions of the folder to a CSV or JSON file."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from qpt_app.core.atomic_write import atomic_write
from qpt_app.core.status import PhotoStatus
from qpt_app.errors import StorageError
from qpt_app.gui.library import Library
from qpt_app.gui.photo_model import PhotoModel
from qpt_app.gui.photo_record import PhotoRecord
from qpt_app.gui.score_summary import ScoreSummary
from qpt_app.photos.export import row_of, safe_cell
from qpt_app.photos.ranking import Preference, with_ranks
from qpt_app.photos.results import PhotoResult

AskFile = Callable[[QWidget, str], Path | None]


class ExportFile(QObject):
    """The photos that are shown, in their order; scores and decisions in columns of their own."""

    done = Signal(str)

    def __init__(self, window: QWidget, *, ask_file: AskFile | None = None) -> None:
        super().__init__(window)
        self._window = window
        self.ask_file = ask_file or ask_for_file

    def ask(self, model: PhotoModel, library: Library, better: Preference) -> None:
        """Ask for a file and write it; `better` says which scores are near-ties."""
        target = self.ask_file(self._window, self.tr("Export scores"))
        if target is None:
            return
        records = model.visible_records()
        try:
            write_export(target, records, library.summary, ranks(model.records, better))
        except StorageError as error:
            self.done.emit(str(error))
            return
        text = self.tr("%1 photos written to %2").replace("%1", f"{len(records):,}")
        if len(records) == 1:
            text = self.tr("1 photo written to %2")
        self.done.emit(text.replace("%2", target.name))


def ranks(records: Iterable[PhotoRecord], better: Preference) -> dict[bytes, int]:
    """Return the rank of every scored photo of a folder, by its path key; near-ties share one."""
    results = [one.result for one in records if one.result is not None]
    return {
        os.fsencode(row.path): row.rank
        for row in with_ranks(results, better)
        if row.rank is not None
    }


def write_export(
    target: Path,
    records: list[PhotoRecord],
    summary: ScoreSummary,
    places: Mapping[bytes, int],
) -> None:
    """Write one row per photo; the ending decides: `.json`, else CSV.

    Percentile and rank (`places`) are those in the whole folder, whatever is shown of it.

    Raises:
        StorageError: if the file cannot be written.
    """
    rows = list(_rows(records, summary, places))
    if target.suffix.lower() == ".json":
        atomic_write(target, json.dumps(rows, indent=1, ensure_ascii=True) + "\n")
    else:
        atomic_write(target, _csv(rows))


def _rows(
    records: list[PhotoRecord], summary: ScoreSummary, places: Mapping[bytes, int]
) -> Iterator[dict[str, object]]:
    """Yield the export's row of each photo, with the person's decision beside the score."""
    for record in records:
        result = record.result
        if result is None:
            blank = PhotoResult.failed(record.path, PhotoStatus.UNREADABLE, "")
            row = {**row_of(blank), "status": "waiting", "reason": None}
        else:
            percentile = None if result.score is None else summary.percentile(result.score)
            rank = places.get(record.path_key)
            row = row_of(replace(result, percentile=percentile, rank=rank))
        decision = record.decision
        row["stars"] = decision.stars
        row["flag"] = decision.flag.value
        row["label"] = None if decision.label is None else decision.label.value
        yield row


def _csv(rows: list[dict[str, object]]) -> str:
    """Return a table; no cell can run as a formula."""
    stream = io.StringIO(newline="")
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.writer(stream)
    writer.writerow(names)
    for row in rows:
        writer.writerow([safe_cell(row.get(name)) for name in names])
    return stream.getvalue()


def ask_for_file(parent: QWidget, title: str) -> Path | None:
    """Ask the user for a file to write."""
    name, _ = QFileDialog.getSaveFileName(parent, title, "scores.csv", "CSV (*.csv);;JSON (*.json)")
    return Path(name) if name else None
