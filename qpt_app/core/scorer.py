"""The door between qpt and its engines: views in, scores and features out. No torch here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from qpt_app.core.preprocess import PreprocessConfig, Views


class PhotoScore(NamedTuple):
    """What the model says of one photo."""

    score: float
    """0 to 100, higher is better; not finite if the model failed on this photo."""
    uncertainty: float | None
    """Half width of the nominal 80 % interval in points of the score; None if not calibrated."""
    raw_score: float
    """The network's own output, on the standardised MOS scale; higher is better."""
    feature: NDArray[np.float16]
    """(C,) the encoder's vector: the global view's half, then the mean over the crops."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelIdentity:
    """What identifies a model in caches and rows."""

    name: str
    """Short name, such as `qpt-small`."""
    digest: str
    """sha256 of the model file's content, hexadecimal."""
    preprocess: PreprocessConfig
    """What the model wants to see."""

    @property
    def label(self) -> str:
        """Name and the first eight digits of the digest, for rows and screens."""
        return f"{self.name}@{self.digest[:8]}"


class Scorer(Protocol):
    """Scores prepared photos. Implementations may batch, split and reorder inside."""

    @property
    def identity(self) -> ModelIdentity:
        """The model behind this scorer."""
        ...

    @property
    def device_name(self) -> str:
        """Where it runs: `cpu`, `cuda` or `mps`."""
        ...

    def score(self, photos: Sequence[Views]) -> list[PhotoScore]:
        """Score photos, in the order given. The result does not depend on the batch."""
        ...
