"""What a pre-training run writes about itself: JSON lines, and TensorBoard where installed."""

import importlib.util
import logging
import math
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from qpt_train.data.contrastive_set import Skipped
from qpt_train.data.manifest import Manifest
from qpt_train.distributed import Ranks
from qpt_train.run_log import RunLog

SHOWN_SKIPPED = 5
"""Skipped photos named on the screen; all of them are in the log."""

_log = logging.getLogger(__name__)


class PretrainLog:
    """The log of one start of a run; only the first process writes.

    `OUT/log.jsonl` has one record per line: `start`, `step`, `probe`, `skipped`, `stop`.
    """

    def __init__(self, out: Path, ranks: Ranks, manifest: Manifest) -> None:
        self._manifest = manifest
        self._lines = RunLog(out / "log.jsonl") if ranks.is_first else None
        self._board = _tensorboard(out / "tensorboard") if ranks.is_first else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lines is not None:
            self._lines.close()
        if self._board is not None:
            self._board.close()

    def start(self, space: str, **values: Any) -> None:
        """Note where the run starts and from what."""
        self._write("start", space=space, **values)
        if self._lines is not None:
            _log.info("%s", space)
            _log.info("%d photos", len(self._manifest))

    def step(self, step: int, **values: float) -> None:
        """Note the numbers of a step."""
        self._write("step", step=step, **values)
        self._scalars(step, values)

    def probe(self, step: int, *, srcc: float, within_subsets: float | None) -> None:
        """Note what the probe found."""
        self._write("probe", step=step, srcc=srcc, within_subsets=within_subsets)
        self._scalars(step, {"probe_srcc": srcc, "probe_within": within_subsets or math.nan})
        _log.info("step %d: probe SRCC %.4f", step, srcc)

    def skipped(self, photos: Iterable[Skipped], known: dict[int, str]) -> None:
        """Note each photo that could not be used, once in a run; add it to `known`."""
        for photo in photos:
            if photo.number in known:
                continue
            known[photo.number] = photo.reason
            name = self._manifest[photo.number].name
            shown = name.encode(errors="backslashreplace").decode()
            self._write("skipped", photo=shown, reason=photo.reason, count=len(known))
            if self._lines is not None and len(known) <= SHOWN_SKIPPED:
                _log.warning("skipped %s: %s", ascii(name), photo.reason)

    def stop(self, **values: Any) -> None:
        """Note how this start ended."""
        self._write("stop", **values)

    def _write(self, event: str, **values: Any) -> None:
        """Append a record."""
        if self._lines is not None:
            self._lines.write(event, **values)

    def _scalars(self, step: int, values: dict[str, float]) -> None:
        """Send numbers to TensorBoard."""
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)


def _tensorboard(folder: Path) -> Any:
    """Return a TensorBoard writer, or None where the package is missing or does not load."""
    if importlib.util.find_spec("tensorboard") is None:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        _log.warning("no TensorBoard log: %s", error)
        return None
    return SummaryWriter(str(folder))
