"""Pictures in memory: those of a file that changed go, those still on their way too."""

from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from qpt_app.gui.image_loader import ImageKey, ImageLoader

KEY = ImageKey(Path("/shoot/a.jpg"), 128)


class HeldPool:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.futures: list[Future] = []

    def submit(self, job, *, priority=0, lane=None) -> Future:
        self.futures.append(Future())
        self.futures[-1].set_running_or_notify_cancel()  # like a job that is being worked at
        return self.futures[-1]

    def answer(self, at: int, level: int, side: int) -> None:
        pixels = np.full((side, side, 3), level, np.uint8)
        outcome = SimpleNamespace(pixels=pixels, width=side, height=side, reason=None)
        self.futures[at].set_result(outcome)


def test_a_picture_of_the_old_file_that_comes_late_is_dropped(qtbot):
    """The file changed while it was decoded: what counts is what was asked for after that."""
    pool = HeldPool()
    loader = ImageLoader(pool, lambda *_: None, budget_bytes=1 << 20, in_flight=2)
    loader.want([KEY])
    with qtbot.waitSignal(loader.forgotten) as forgotten:
        loader.forget([KEY.path])
    assert forgotten.args[0] == {KEY.path}
    loader.want([KEY])
    with qtbot.waitSignal(loader.loaded):
        pool.answer(0, level=10, side=30)
        pool.answer(1, level=200, side=20)
    assert loader.image(*KEY).pixelColor(0, 0).lightness() == 200
    assert loader.full_size(KEY.path) == (20, 20)
    assert loader.is_idle
    loader.close()


def test_what_failed_is_tried_again_only_when_it_was_forgotten(qtbot):
    """A reason stays until then, and is not asked for at every scroll."""
    pool = HeldPool()
    loader = ImageLoader(pool, lambda *_: None, budget_bytes=1 << 20, in_flight=2)
    loader.want([KEY])
    with qtbot.waitSignal(loader.loaded):
        pool.futures[0].set_exception(OSError("damaged"))
    loader.want([KEY])
    assert len(pool.futures) == 1
    assert loader.failed_paths == {KEY.path}
    loader.forget(loader.failed_paths)
    loader.want([KEY])
    with qtbot.waitSignal(loader.loaded):
        pool.answer(1, level=200, side=20)
    assert loader.failure(*KEY) is None
    loader.close()
