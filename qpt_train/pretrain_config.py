"""The recipe of a pre-training run. What is known of the paper is said field by field."""

from dataclasses import dataclass, field
from typing import Literal

from qpt_train.contrastive.qc_loss import Negatives
from qpt_train.data.contrastive_set import ViewConfig
from qpt_train.degradations.space import SpaceConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchConfig:
    """One optimiser step. Not from the paper."""

    images: int
    """B: images in a step over all processes; each gives M rows."""
    group_rows: int
    """Rows that go through a network together: the batch-norm group, whatever the number of GPUs.
    Divides images * M into at least two groups; at most that many processes can share a step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LossConfig:
    """QC-loss. Both kinds of negatives are from the paper (second-hand), the numbers are not."""

    negatives: Negatives = "both"
    """Ablation: "both", "degradation" or "content"."""
    temperature: float = 0.2
    """Divisor of the cosines (MoCo v2)."""
    degradation_weight: float = 1.0
    """w_d: weight of the sum over the same image's other degradations."""
    content_weight: float = 1.0
    """w_c: weight of the sum over other images."""
    queue_size: int = 0
    """K: past keys kept as content negatives, besides the keys of the step itself."""

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ValueError: if one is out of range.
        """
        if self.temperature <= 0 or min(self.degradation_weight, self.content_weight) < 0:
            raise ValueError("temperature must be above 0 and weights at least 0")
        if self.queue_size < 0:
            raise ValueError("queue_size must be at least 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectorConfig:
    """Linear - ReLU - Linear (MoCo v2)."""

    hidden_dim: int = 2048
    embedding_dim: int = 128


@dataclass(frozen=True, kw_only=True, slots=True)
class MomentumConfig:
    """The momentum encoder follows along half a cosine from `start` to `end`."""

    start: float = 0.99
    """Not from the paper; MoCo v2 keeps .999 for 250,000 steps, shorter runs need less."""
    end: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimiserConfig:
    """How weights are updated; the rate falls along a cosine after a linear warm-up."""

    kind: Literal["sgd", "adamw"] = "sgd"
    learning_rate: float = 0.03
    """Peak rate for the whole step (MoCo v2: .03 at 256 images, SGD)."""
    weight_decay: float = 1e-4
    """On weights of layers only; none on biases and batch norm (our choice)."""
    sgd_momentum: float = 0.9
    warmup_share: float = 0.05
    """Share of the steps in which the rate rises; MoCo v2 has none, we start from large steps."""
    clip_norm: float = 0.0
    """Largest gradient norm; 0 does not clip. The norm is logged either way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeConfig:
    """The online probe: ridge regression on frozen features of a labelled folder."""

    every: int = 0
    """Steps between two probes; 0 probes at the end only."""
    photos: int = 400
    """At most this many photos, evenly spread over the set."""
    crops: int = 4
    """Crops per photo, cut at the corners; their features are averaged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainRecipe:
    """A whole pre-training run."""

    encoder: str
    """A name that `build_encoder` knows."""
    steps: int = 0
    """Optimiser steps of the run; or give `epochs`."""
    epochs: float = 0.0
    """Passes over the photos."""
    seed: int = 0
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the networks' matrix products; degradations and the loss are always float32."""
    compile: bool = False
    """Compile both networks with torch.compile (needs a C++ compiler)."""
    log_every: int = 10
    """Steps between two lines of the log."""
    batch: BatchConfig
    views: ViewConfig = field(default_factory=ViewConfig)
    degradations: SpaceConfig = field(default_factory=SpaceConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    projector: ProjectorConfig = field(default_factory=ProjectorConfig)
    momentum: MomentumConfig = field(default_factory=MomentumConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    probe: ProbeConfig = field(default_factory=ProbeConfig)

    def __post_init__(self) -> None:
        """Check what concerns several tables.

        Raises:
            ValueError: if they do not fit together.
        """
        if (self.steps > 0) == (self.epochs > 0):
            raise ValueError("give either steps or epochs, above 0")
        if self.loss.negatives != "content" and self.views.compositions < 2:
            raise ValueError("degradation-based negatives need views.compositions of 2 or more")
        rows, group = self.rows, self.batch.group_rows
        if group < 1 or rows % group or rows < 2 * group:
            raise ValueError(f"batch.group_rows must divide the {rows} rows into 2 groups or more")
        if group % self.views.compositions:
            raise ValueError("batch.group_rows must be a multiple of views.compositions")
        if self.batch.images % self.groups:
            raise ValueError(f"batch.images must be a multiple of the {self.groups} groups")

    @property
    def rows(self) -> int:
        """Rows of a step over all processes: images times compositions."""
        return self.batch.images * self.views.compositions

    @property
    def groups(self) -> int:
        """Groups of a step over all processes."""
        return self.rows // self.batch.group_rows

    @property
    def images_per_group(self) -> int:
        """Images of one group."""
        return self.batch.group_rows // self.views.compositions
