"""Step -> learning rate and encoder momentum. Pure functions."""

import math


def warmup_cosine(step: int, *, total: int, warmup: int, floor: float = 0.0) -> float:
    """Return the factor of the peak rate at `step` in 0..total-1.

    Rises linearly over `warmup` steps, then falls along half a cosine to `floor` (0..1).
    """
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, total - warmup)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def cosine_momentum(step: int, *, total: int, start: float, end: float = 1.0) -> float:
    """Return the momentum of the momentum encoder: from `start` to `end` along half a cosine."""
    progress = min(1.0, step / max(1, total))
    return end - (end - start) * 0.5 * (1 + math.cos(math.pi * progress))
