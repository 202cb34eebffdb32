"""Holds results back until those before them are known."""

from collections import deque
from collections.abc import Iterator

from qpt_app.photos.results import PhotoResult


class ResultOrder:
    """Gives out results in the order of their positions, or as they come."""

    def __init__(self, *, in_order: bool) -> None:
        self._in_order = in_order
        self._given = 0
        self._positions = 0
        self._held: dict[int, PhotoResult] = {}
        self._free: deque[PhotoResult] = deque()

    @property
    def waiting(self) -> int:
        """How many results cannot be given out yet."""
        return len(self._held)

    def next_position(self) -> int:
        """Return the position of the next file, counted from zero."""
        self._positions += 1
        return self._positions - 1

    def put(self, position: int, result: PhotoResult) -> None:
        """Hand in the result of a position, once for each."""
        if self._in_order:
            self._held[position] = result
        else:
            self._free.append(result)

    def take(self) -> Iterator[PhotoResult]:
        """Yield what can be given out now."""
        while self._free:
            yield self._free.popleft()
        while self._given in self._held:
            result = self._held.pop(self._given)
            self._given += 1
            yield result
