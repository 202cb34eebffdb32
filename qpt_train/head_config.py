"""The recipe of fitting a quality head anew on a finished encoder. Constants are our choices."""

from dataclasses import dataclass, field

from qpt_train.degradations.table import DEGRADATIONS

HEAD_OPERATORS = (
    "gaussian_blur",
    "lens_blur",
    "motion_blur",
    "white_noise",
    "white_noise_ycbcr",
    "multiplicative_noise",
    "impulse_noise",
    "rescale_bicubic",
    "pixelate",
    "quantise",
    "wavelet",
    "contrast_squeeze",
    *("jpeg",) * 4,
    *("brighten",) * 4,
    *("darken",) * 3,
    *("mean_shift_up",) * 3,
    *("mean_shift_down",) * 3,
)
"""What the pairs are degraded by; one that stands there twice is drawn twice as often. Blur and
noise need few pairs to be followed, compression and exposure many."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PairsConfig:
    """Pairs of one photo in two states, the second two severities worse."""

    count: int = 6000
    operators: tuple[str, ...] = HEAD_OPERATORS
    labelled_share: float = 0.5
    """Share of the pairs that are made of training photos; the rest of photos without labels."""
    weight: float = 1.0
    """Weight of the hinge loss."""
    margin: float = 0.15
    """Least fall of the raw score per step of severity, in standard deviations of MOS."""

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ValueError: if one is out of range, or an operator unknown.
        """
        if self.count < 0 or self.weight < 0 or not 0 <= self.labelled_share <= 1:
            raise ValueError("count and weight must be 0 or more, labelled_share in 0..1")
        unknown = [name for name in self.operators if name not in DEGRADATIONS]
        if unknown or not self.operators:
            raise ValueError(f"operators must name degradations, not {unknown}")


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadRecipe:
    """Heads on the features and scene statistics of whole photos, and their average."""

    members: int = 2
    """Heads that differ in their seed; their mean is one head, as wide as all of them."""
    hidden: int = 128
    """Width of each."""
    input_dropout: float = 0.1
    hidden_dropout: float = 0.2
    epochs: int = 30
    batch_size: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup_share: float = 0.05
    smooth_l1_beta: float = 0.5
    """As in fine-tuning (`FinetuneRecipe`), like the next two."""
    correlation_weight: float = 0.5
    within_subset_weight: float = 0.5
    seed: int = 0
    pairs: PairsConfig = field(default_factory=PairsConfig)

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ValueError: if one is out of range.
        """
        if min(self.members, self.hidden, self.epochs, self.batch_size) < 1:
            raise ValueError("members, hidden, epochs and batch_size must be 1 or more")
        if not (0 <= self.input_dropout < 1 and 0 <= self.hidden_dropout < 1):
            raise ValueError("dropout must lie in 0..1, without 1")
