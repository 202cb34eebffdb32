"""QC-loss: InfoNCE whose negatives are the image's other degradations and the other images.

Row r of a step is image i under its m-th composition, r = i * M + m. From that one degraded
image a query crop and a key crop were cut:

    pos = q_r . k_r / t
    deg = q_r . k_s / t          for the rows s of the same image under other compositions
    con = q_r . k_s / t          for the rows s of other images, and the keys of the queue
    L_r = -log( e^pos / (e^pos + w_d * sum e^deg + w_c * sum e^con) ),  loss = mean over rows

The two kinds of negatives in one loss are from the paper (read second-hand); this form is the
simplest one that agrees with it (docs/pretraining.md). Weights and masks are ours, not from the
paper.
"""

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor

Negatives = Literal["both", "degradation", "content"]


class KeyBank(NamedTuple):
    """Everything that queries of one step are compared with. No gradient flows into it."""

    keys: Tensor
    """(G, D) unit length, the keys of the whole step in row order."""
    image_ids: Tensor
    """(G,) int64, which image each key comes from."""
    chain_ids: Tensor
    """(G,) int64, equal for equal degradation chains."""
    queue_keys: Tensor
    """(K, D) unit length; K may be 0."""
    queue_image_ids: Tensor
    """(K,) int64; a negative number marks a place that is still empty."""


class QcLoss(NamedTuple):
    """The loss of some rows and what the log wants to know of it."""

    loss: Tensor
    """() the sum (not the mean) over the rows, with gradient."""
    statistics: Tensor
    """(len(STATISTICS),) sums over the rows, without gradient, in the order of `STATISTICS`."""


STATISTICS = (
    "loss",
    "positive_similarity",
    "degradation_similarity",
    "content_similarity",
    "log_degradation_sum",
    "log_content_sum",
    "degradation_accuracy",
    "content_accuracy",
)
"""Per row: the loss; cosine to the positive; mean cosine to each kind of negative; log of each
weighted sum; whether the positive is nearer than every negative of that kind (0 or 1)."""


def qc_loss(
    query: Tensor,
    rows: Tensor,
    bank: KeyBank,
    *,
    temperature: float,
    degradation_weight: float = 1.0,
    content_weight: float = 1.0,
    negatives: Negatives = "both",
) -> QcLoss:
    """Return the QC-loss of some rows of a step against the keys of the whole step and the queue.

    Two rows of the same image with equal chains are no negatives of each other (they have the
    same quality), nor is a queued key of the query's own image.

    Args:
        query: (R, D) unit length, with gradient.
        rows: (R,) int64, the step's row of each query, 0..G-1.
        bank: what they are compared with.
        temperature: divisor of the cosines, above 0.
        degradation_weight: w_d, at least 0; 0 leaves these negatives out.
        content_weight: w_c, at least 0.
        negatives: which kinds are used; "degradation" and "content" are the ablations.
    """
    query = query.float()
    weight_d = degradation_weight if negatives != "content" else 0.0
    weight_c = content_weight if negatives != "degradation" else 0.0
    step_logits = query @ bank.keys.float().T / temperature  # (R, G)
    queue_logits = query @ bank.queue_keys.float().T / temperature  # (R, K)
    positive = step_logits.gather(1, rows[:, None]).squeeze(1)  # (R,)
    sibling, other, queued = _masks(rows, bank)
    degradation = _masked_logsumexp([(step_logits, sibling)], weight_d)
    content = _masked_logsumexp([(step_logits, other), (queue_logits, queued)], weight_c)
    denominator = torch.logsumexp(torch.stack([positive, degradation, content]), dim=0)
    loss = denominator - positive
    with torch.no_grad():
        content_pairs = [(step_logits, other), (queue_logits, queued)]
        statistics = torch.stack(
            [
                loss,
                positive * temperature,
                _masked_mean([(step_logits, sibling)]) * temperature,
                _masked_mean(content_pairs) * temperature,
                degradation,
                content,
                (positive > _masked_maximum([(step_logits, sibling)])).float(),
                (positive > _masked_maximum(content_pairs)).float(),
            ]
        )
    # The log of an empty sum is -inf; it is written as 0, while NaN stays visible.
    statistics = statistics.nan_to_num(nan=math.nan, posinf=math.inf, neginf=0.0)
    return QcLoss(loss.sum(), statistics.sum(dim=1))


def _masks(rows: Tensor, bank: KeyBank) -> tuple[Tensor, Tensor, Tensor]:
    """Return who is a degradation negative, a content negative, a queued content negative.

    Shapes (R, G), (R, G), (R, K), all bool. The positive is in none of them.
    """
    own_image = bank.image_ids[rows][:, None]  # (R, 1)
    same_image = own_image == bank.image_ids[None]  # (R, G)
    same_chain = bank.chain_ids[rows][:, None] == bank.chain_ids[None]
    queued = (bank.queue_image_ids[None] != own_image) & (bank.queue_image_ids[None] >= 0)
    return same_image & ~same_chain, ~same_image, queued


def _masked_logsumexp(pairs: list[tuple[Tensor, Tensor]], weight: float) -> Tensor:
    """Return log(weight * sum of e^logit where the mask is true), (R,); -inf for an empty sum."""
    if weight == 0.0:
        return torch.full_like(pairs[0][0][:, 0], -math.inf)
    filled = torch.cat([logits.masked_fill(~mask, -math.inf) for logits, mask in pairs], dim=1)
    # A row without any negative would give the gradient 0 * inf: shift it to a finite maximum.
    largest = filled.detach().amax(dim=1, keepdim=True).clamp(min=-1e30)
    total = (filled - largest).exp().sum(dim=1)
    empty = total == 0
    log_total = torch.where(empty, torch.ones_like(total), total).log() + largest.squeeze(1)
    return torch.where(empty, torch.full_like(log_total, -math.inf), log_total + math.log(weight))


def _masked_mean(pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Return the mean logit where the mask is true, (R,); 0 where there is none."""
    total = torch.stack([(logits * mask).sum(dim=1) for logits, mask in pairs]).sum(dim=0)
    count = torch.stack([mask.sum(dim=1) for _, mask in pairs]).sum(dim=0)
    return total / count.clamp(min=1)


def _masked_maximum(pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Return the largest logit where the mask is true, (R,); -inf where there is none."""
    filled = torch.cat([logits.masked_fill(~mask, -math.inf) for logits, mask in pairs], dim=1)
    return filled.amax(dim=1)
