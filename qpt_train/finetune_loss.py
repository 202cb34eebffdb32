"""The loss of fine-tuning. Pure functions of raw scores and targets."""

import torch
from torch import Tensor
from torch.nn import functional


def correlation_loss(raw_scores: Tensor, targets: Tensor) -> Tensor:
    """Return (1 - PLCC)/2 over a batch, in [0, 1]; 0 where all scores lie on a rising line."""
    scores = raw_scores - raw_scores.mean()
    wanted = targets - targets.mean()
    norm = scores.norm() * wanted.norm()
    loss: Tensor = 0.5 * (1.0 - (scores * wanted).sum() / norm.clamp_min(1e-6))
    return loss


def within_group_loss(raw_scores: Tensor, targets: Tensor, groups: Tensor) -> Tensor:
    """Return (1 - PLCC)/2 of what is left when each group's mean is taken off both sides.

    Args:
        raw_scores: (N,).
        targets: (N,) standardised MOS.
        groups: (N,) int64, 0 or more: which subset each photo is of.
    """
    return correlation_loss(centre_groups(raw_scores, groups), centre_groups(targets, groups))


def centre_groups(values: Tensor, groups: Tensor) -> Tensor:
    """Take each group's mean off its values, both (N,); the only one of its group becomes 0."""
    count = int(groups.max()) + 1
    total = torch.zeros(count, dtype=values.dtype, device=values.device)
    sums = total.index_add(0, groups, values)
    sizes = total.index_add(0, groups, torch.ones_like(values))
    return values - (sums / sizes.clamp_min(1.0))[groups]


def quality_loss(
    raw_scores: Tensor, targets: Tensor, *, beta: float, correlation_weight: float
) -> Tensor:
    """Smooth-L1 plus a weighted correlation loss; both (N,), standardised MOS."""
    loss: Tensor = functional.smooth_l1_loss(raw_scores, targets, beta=beta)
    if correlation_weight:
        loss = loss + correlation_weight * correlation_loss(raw_scores, targets)
    return loss


def ranking_loss(raw_scores: Tensor, degraded: Tensor, severity: Tensor, margin: float) -> Tensor:
    """Hinge loss: a degraded copy must score lower by `margin` per step of severity.

    Args:
        raw_scores: (N,) of the photos as they are.
        degraded: (N,) of their degraded copies.
        severity: (N,) 1 to 5.
        margin: in standard deviations of MOS.
    """
    loss: Tensor = functional.relu(degraded - raw_scores + margin * severity).mean()
    return loss


def average_weights(average: dict[str, Tensor], current: dict[str, Tensor], decay: float) -> None:
    """Move the averaged weights towards the current ones, in place; counters are copied."""
    with torch.no_grad():
        for name, value in current.items():
            if value.is_floating_point():
                average[name].lerp_(value, 1.0 - decay)
            else:
                average[name].copy_(value)


def ramped_decay(decay: float, step: int) -> float:
    """Return a decay that forgets the first steps quickly: (1 + step)/(10 + step), at most."""
    return min(decay, (1 + step) / (10 + step))
