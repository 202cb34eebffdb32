"""The picture loaders of the window, their shared memory and their shared decode processes."""

from collections.abc import Callable, Sequence, Set
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtGui import QImage

from qpt_app.gui.focus_masks import FocusMasks
from qpt_app.gui.grid_view import GridView
from qpt_app.gui.image_loader import ImageKey, ImageLoader, ImagePool, LoadedImage
from qpt_app.gui.photo_model import PhotoModel
from qpt_app.gui.photo_record import PhotoRecord
from qpt_app.gui.view_pool import FOCUS_LANE
from qpt_app.photos.focus_job import FocusJob

SIDES = (128, 192, 256, 384, 512, 768, 960)
"""Sizes that thumbnails are decoded at, device pixels."""
THUMBNAIL_SHARE = 0.4
"""Part of the memory setting that thumbnails may use; the loupe has the rest."""
FOCUS_SHARE = 0.05
"""Part of it for what is in focus: a 64th of a photo's pixels in memory, so enough for as many."""


class PhotoLoaders(QObject):
    """Thumbnails follow what the grid shows; the loupe's wishes go first."""

    def __init__(
        self,
        grid: GridView,
        model: PhotoModel,
        pool: ImagePool,
        make_job: Callable[[Path, int | None], Any],
        *,
        memory_mb: int,
        workers: int,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._grid = grid
        self._model = model
        self.thumbnails = ImageLoader(
            pool, make_job, budget_bytes=0, in_flight=2 * workers, priority=1, parent=self
        )
        self.photos = ImageLoader(
            pool, make_job, budget_bytes=0, in_flight=workers, priority=0, parent=self
        )
        # one runs, the next one waits in the pool already: ahead of what the filter measures
        self.focus = FocusMasks(
            pool, FocusJob, budget_bytes=0, in_flight=2, priority=2, lane=FOCUS_LANE, parent=self
        )
        self.set_memory(memory_mb)
        grid.visible_changed.connect(self.want_visible)
        model.refreshed.connect(lambda _: self.want_visible())
        self.thumbnails.loaded.connect(self._loaded)

    def set_memory(self, memory_mb: int) -> None:
        """Bound the memory of decoded pictures."""
        total = memory_mb << 20
        self.thumbnails.set_budget(int(total * THUMBNAIL_SHARE))
        self.focus.set_budget(int(total * FOCUS_SHARE))
        self.photos.set_budget(int(total * (1 - THUMBNAIL_SHARE - FOCUS_SHARE)))

    @property
    def side(self) -> int:
        """The size that suits the grid's tiles on this screen."""
        wanted = self._grid.tile_size * self._grid.devicePixelRatioF()
        return next((side for side in SIDES if side >= wanted * 0.99), SIDES[-1])

    def thumbnail(self, path: Path) -> QImage | None:
        """Return a thumbnail if it is in memory, at whatever size is there."""
        image = self.thumbnails.image(path, self.side)
        if image is not None:
            return image
        for side in SIDES:
            image = self.thumbnails.image(path, side)
            if image is not None:
                return image
        return None

    def want_visible(self) -> None:
        """Ask for the thumbnails in view, then for a screen's worth below and above."""
        rows = self._grid.visible_rows()
        ahead = range(rows.stop, min(self._model.rowCount(), rows.stop + len(rows)))
        behind = range(rows.start - 1, max(-1, rows.start - 1 - len(rows) // 2), -1)
        side = self.side
        keys = [
            ImageKey(record.path, side)
            for row in (*rows, *ahead, *behind)
            if (record := self._model.record_at(row)) is not None and record.file is not None
        ]
        self.thumbnails.want(keys)

    def visible_paths(self) -> list[Path]:
        """Return the photos in view, top left first."""
        return [
            record.path
            for row in self._grid.visible_rows()
            if (record := self._model.record_at(row)) is not None
        ]

    def is_screen_full(self) -> bool:
        """Whether every tile in view has its picture, or can have none."""
        side = self.side
        return all(
            self.thumbnail(path) is not None or self.thumbnails.failure(path, side) is not None
            for path in self.visible_paths()
        )

    def forget(self, records: Sequence[PhotoRecord]) -> None:
        """Load the pictures of photos anew: their files were changed."""
        self._forget({record.path for record in records})

    def retry(self) -> None:
        """Load pictures anew that could not be had."""
        self._forget(
            self.thumbnails.failed_paths | self.photos.failed_paths | self.focus.failed_paths
        )

    def _forget(self, paths: Set[Path]) -> None:
        if paths:
            self.thumbnails.forget(paths)
            self.photos.forget(paths)
            self.focus.forget(paths)
            self.want_visible()
            self._grid.viewport().update()

    def clear(self) -> None:
        """Forget all pictures."""
        self.thumbnails.clear()
        self.photos.clear()
        self.focus.clear()

    def close(self) -> None:
        """Drop what is still on its way."""
        self.thumbnails.close()
        self.photos.close()
        self.focus.close()

    def _loaded(self, answer: LoadedImage) -> None:
        """Repaint the tile of a new thumbnail."""
        record = self._model.record(answer.key.path)
        if record is not None:
            row = self._model.row_of(record)
            if row >= 0:
                self._grid.viewport().update(self._grid.visualRect(self._model.index(row, 0)))
