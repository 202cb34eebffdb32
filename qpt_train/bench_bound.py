"""The arithmetic of the bound: what a GPU could do if only memory traffic or only FLOPs counted."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from qpt_app.core.encoder import build_encoder

BACKWARD_FLOPS = 2.0
"""Multiply-adds of the backward pass over those of the forward pass."""
BYTES_PER_VALUE = {"bfloat16": 2, "float32": 4}
"""Of an activation, by the recipe's precision."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """Upper limits in pairs (rows of the loss) per second."""

    multiply_adds: float
    """Of one forward pass over one crop, in units of 10^9."""
    activation_values: float
    """Outputs of convolutions, batch norms and activations for one crop, in units of 10^6."""
    bytes_per_pair: float
    """Memory traffic of one pair, in units of 10^6 bytes."""
    compute_pairs_per_s: float | None
    """If only arithmetic counted; None where the device's rate is not known."""
    memory_pairs_per_s: float | None
    """If only memory traffic counted."""

    @property
    def pairs_per_s(self) -> float | None:
        """The lower of the two limits."""
        if self.compute_pairs_per_s is None or self.memory_pairs_per_s is None:
            return None
        return min(self.compute_pairs_per_s, self.memory_pairs_per_s)


def encoder_bound(
    encoder_name: str,
    crop_size: int,
    *,
    flops_per_s: float | None,
    bytes_per_s: float | None,
    precision: str = "bfloat16",
) -> Bound:
    """Count one encoder's work on one pair: query forward and backward, key forward.

    Traffic is that of an unfused network: a convolution writes its output and reads
    its input; batch norm reads its input twice (statistics, then values) and writes once; an
    activation reads and writes. Backward: a convolution reads its output's gradient twice (once
    for the input's, once for the weights') and its input once and writes the input's gradient;
    batch norm reads input and gradient twice and writes once; an activation reads two and
    writes one. Weights are left out, they are shared by the batch.

    Args:
        encoder_name: as for `build_encoder`.
        crop_size: side of the crops in pixels.
        flops_per_s: achievable rate in that precision, two per multiply-add; None if not known.
        bytes_per_s: achievable memory rate; None if not known.
        precision: a key of `BYTES_PER_VALUE`.
    """
    counts = _count(encoder_name, crop_size)
    forward = counts.conv_in + counts.conv_out + 3 * counts.norm + 2 * counts.activation
    backward = 2 * counts.conv_out + 2 * counts.conv_in + 5 * counts.norm + 3 * counts.activation
    traffic = (2 * forward + backward) * BYTES_PER_VALUE[precision]
    flops = 2 * counts.multiply_adds * (2 + BACKWARD_FLOPS)
    return Bound(
        multiply_adds=counts.multiply_adds / 1e9,
        activation_values=(counts.conv_out + counts.norm + counts.activation) / 1e6,
        bytes_per_pair=traffic / 1e6,
        compute_pairs_per_s=flops_per_s / flops if flops_per_s else None,
        memory_pairs_per_s=bytes_per_s / traffic if bytes_per_s else None,
    )


@dataclass(slots=True)
class _Counts:
    """Values of one forward pass over one crop."""

    multiply_adds: float = 0.0
    conv_in: float = 0.0
    conv_out: float = 0.0
    norm: float = 0.0
    activation: float = 0.0


@torch.no_grad()
def _count(encoder_name: str, crop_size: int) -> _Counts:
    """Run the encoder without data and count what its layers handle."""
    encoder = build_encoder(encoder_name).eval().to("meta")
    views = torch.empty(1, 3, crop_size, crop_size, device="meta")
    counts = _Counts()

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            counts.conv_in += inputs[0].numel()
            counts.conv_out += output.numel()
            counts.multiply_adds += output.numel() * module.weight[0].numel()
        elif isinstance(module, nn.BatchNorm2d):
            counts.norm += output.numel()
        elif not list(module.children()) and not list(module.parameters()):
            counts.activation += output.numel()

    hooks = [module.register_forward_hook(note) for module in encoder.modules()]
    encoder(views)
    for hook in hooks:
        hook.remove()
    return counts
