"""A ring of past keys with the images they come from. Content-based negatives only.

Everything in it belongs to earlier steps, so it can never hold the same image under the other
degradations of this step; those negatives are made within the step (qc_loss.py).
"""

import torch
from torch import Tensor, nn

EMPTY = -1
"""Image id of a place that has not been filled yet; the loss masks it."""


class NegativeQueue(nn.Module):
    """The last `size` keys, oldest out first. Its buffers are part of every checkpoint."""

    keys: Tensor
    image_ids: Tensor
    position: Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("keys", torch.zeros(size, dim))
        self.register_buffer("image_ids", torch.full((size,), EMPTY, dtype=torch.int64))
        self.register_buffer("position", torch.zeros((), dtype=torch.int64))
        self._next = 0

    @torch.no_grad()
    def push(self, keys: Tensor, image_ids: Tensor) -> None:
        """Add keys, (N, D) unit length, and their image ids, (N,); any N.

        Of more keys than there are places, the last `size` stay.
        """
        if self.size == 0:
            return
        count = min(len(keys), self.size)
        first = min(count, self.size - self._next)
        keys, image_ids = keys[-count:].to(self.keys.dtype), image_ids[-count:]
        self.keys[self._next : self._next + first] = keys[:first]
        self.image_ids[self._next : self._next + first] = image_ids[:first]
        self.keys[: count - first] = keys[first:]
        self.image_ids[: count - first] = image_ids[first:]
        self._next = (self._next + count) % self.size
        self.position.fill_(self._next)

    def load_state_dict(self, *args: object, **kwargs: object) -> object:
        """Load the buffers; the place of the next key is read back from them once."""
        result = super().load_state_dict(*args, **kwargs)  # type: ignore[arg-type]
        self._next = int(self.position)
        return result
