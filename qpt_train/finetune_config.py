"""The recipe of a fine-tuning run. Constants are our choices unless a source is named."""

from dataclasses import dataclass, field
from typing import Literal

from qpt_app.core.preprocess import PreprocessConfig
from qpt_train.data.labelled_split import SplitConfig
from qpt_train.data.mos_views import RankingConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimiserConfig:
    """AdamW with warm-up and cosine."""

    learning_rate: float = 1e-3
    """Peak rate of the quality head."""
    encoder_rate: float = 1.0
    """Factor on the encoder's rate: 1 from random weights, 0.1 to 0.3 after pre-training."""
    weight_decay: float = 0.05
    """For matrices and kernels; biases and normalisation are not decayed."""
    warmup_share: float = 0.05
    """Share of all steps over which the rate rises."""
    clip_norm: float = 5.0
    """Gradients are scaled down to this norm."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FinetuneRecipe:
    """One supervised run: labelled photos -> a quality model."""

    encoder: str
    """As in `qpt_app.core.encoder.encoder_names()`."""
    head_hidden: int = 128
    dropout: float = 0.2
    """In front of the head's first layer, training only."""
    epochs: int = 12
    batch_size: int = 32
    crops_per_photo: int = 1
    """Random crops of a photo in one step; scoring always uses the whole grid."""
    global_crop: int = 224
    """Side of the window cut from the global view in training; 0 keeps all of it."""
    training_crop: int = 0
    """Side of the crops in training; 0: as large as the program's. Small ones cost less."""
    smooth_l1_beta: float = 0.5
    """Where Smooth-L1 turns from square to linear, in standard deviations of MOS."""
    correlation_weight: float = 0.5
    """Weight of (1 - PLCC)/2 over the batch, the loss of LoDa (CVPR 2024), added to Smooth-L1."""
    within_subset_weight: float = 0.0
    """Weight of the same after each subset's mean is taken off scores and MOS; 0 leaves it out.
    A set made of unlike subsets is half ranked by telling them apart; this asks for the rest."""
    subset_weight: float = 0.0
    """Weight of the cross entropy of telling the subsets apart by a head of its own, which is
    thrown away after training; 0 leaves it out."""
    cut_mix_share: float = 0.0
    """Share of the photos of a step that a window of another one is pasted into (CutMix)."""
    weight_average: float = 0.998
    """Decay per step of the averaged weights, which are what is evaluated and exported."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Autocast of the forward pass; weights and the optimiser stay in float32."""
    validate_every: int = 1
    """Epochs between validations; the last epoch is always validated."""
    seed: int = 0
    preprocess: PreprocessConfig = field(default_factory=PreprocessConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    ranking: RankingConfig = field(default_factory=RankingConfig)
