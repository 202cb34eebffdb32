"""Fits a quality head to features and scene statistics of whole photos. The encoder stays as it is.

Several heads are fitted from different seeds and averaged. The average of networks with one hidden
layer that read the same input is again one such network, as wide as all of them together.
"""

from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtr
from torch import Tensor, nn

from qpt_app.core.quality_model import LARGEST_LEVEL, SCALE_KNOTS, QualityHead, StatisticsScale
from qpt_train.finetune_loss import quality_loss, ranking_loss, within_group_loss
from qpt_train.head_config import HeadRecipe
from qpt_train.head_inputs import HeadInputs, PairedInputs
from qpt_train.randomness import derive_seed, numpy_generator
from qpt_train.schedules import warmup_cosine
from qpt_train.sensitivity import SEVERITIES_APART

TIE_SHARE = 1e-4
"""Knots closer than this share of a line's length are one. Our choice: some hundred times what
adding in another order changes where nothing cancels."""
TIE_ROUNDING = 1e-6
"""Knots closer than this share of the largest are one too: float32 tells no more."""


class LabelledInputs(NamedTuple):
    """Training photos."""

    inputs: HeadInputs
    targets: NDArray[np.float32]
    """(N,) standardised MOS."""
    groups: NDArray[np.int64]
    """(N,) which subset each photo is of."""


def fit_head(
    photos: LabelledInputs,
    pairs: PairedInputs | None,
    recipe: HeadRecipe,
    *,
    on_member: Callable[[int, float], object] = lambda _member, _loss: None,
) -> QualityHead:
    """Fit heads and average them.

    Args:
        photos: the training photos.
        pairs: of which the first has to score higher; None leaves the ranking out.
        recipe: how.
        on_member: told each head's number, from 0, and its mean loss in its last epoch.

    Returns:
        A head in eval mode, `members * hidden` wide.
    """
    features, statistics = photos.inputs
    scale = fit_scale(statistics)
    width = features.shape[1] + statistics.shape[1]
    known = _known(photos.inputs, scale)
    ranked = None if pairs is None else (_known(pairs.better, scale), _known(pairs.worse, scale))
    members = []
    for number in range(recipe.members):
        member, loss = _fit_member(known, photos, ranked, recipe, number, width)
        members.append(member)
        on_member(number, loss)
    return _averaged(members, features.shape[1], statistics.shape[1], scale)


def fit_scale(statistics: NDArray[np.float32]) -> StatisticsScale:
    """Fit the lines of a `StatisticsScale` to photos, (N, F): quantiles to a normal distribution's.

    A value that many photos share (no clipped pixel, say) gets the middle of its levels; knots
    within `TIE_SHARE` of the line's length are one value, so that rounding is not drawn out.
    """
    levels = np.linspace(-LARGEST_LEVEL, LARGEST_LEVEL, SCALE_KNOTS)
    knots = np.quantile(statistics.astype(np.float64), ndtr(levels), axis=0).T.astype(np.float32)
    fitted = np.empty(knots.shape, dtype=np.float32)
    for row, column in zip(fitted, knots, strict=True):
        group = _tied(column)
        row[:] = (np.bincount(group, levels) / np.bincount(group))[group]
    scale = StatisticsScale(statistics.shape[1])
    scale.load_state_dict(
        {"statistic_knots": torch.from_numpy(knots), "statistic_levels": torch.from_numpy(fitted)}
    )
    return scale


def _tied(knots: NDArray[np.float32]) -> NDArray[np.intp]:
    """Number the groups of rising knots that are one value.

    A group reaches from its lowest knot as far as ties do, so no chain of near knots is a tie; one
    that happens to lie across that end is cut in two.
    """
    widest = TIE_SHARE * float(knots[-1] - knots[0])
    widest = max(widest, TIE_ROUNDING * float(np.abs(knots).max()))
    groups = np.zeros(len(knots), dtype=np.intp)
    lowest = float(knots[0])
    for place, knot in enumerate(knots.tolist()):
        opens = knot - lowest > widest
        groups[place] = groups[place - 1] + opens if place else 0
        lowest = knot if opens else lowest
    return groups


def _known(inputs: HeadInputs, scale: StatisticsScale) -> Tensor:
    """Return what the first layer reads, (N, 2C + F)."""
    features, statistics = (torch.from_numpy(array) for array in inputs)
    with torch.no_grad():
        normed = nn.functional.layer_norm(features, features.shape[1:])
        return torch.cat([normed, scale(statistics)], dim=1)


def _fit_member(
    known: Tensor,
    photos: LabelledInputs,
    ranked: tuple[Tensor, Tensor] | None,
    recipe: HeadRecipe,
    number: int,
    width: int,
) -> tuple[nn.Sequential, float]:
    """Fit one head; return it and its mean loss in the last epoch."""
    torch.manual_seed(derive_seed(recipe.seed, "head member", number))
    member = nn.Sequential(
        nn.Dropout(recipe.input_dropout),
        nn.Linear(width, recipe.hidden),
        nn.ReLU(),
        nn.Dropout(recipe.hidden_dropout),
        nn.Linear(recipe.hidden, 1),
    )
    optimiser = torch.optim.AdamW(member.parameters(), weight_decay=recipe.weight_decay)
    targets, groups = torch.from_numpy(photos.targets), torch.from_numpy(photos.groups)
    order = numpy_generator(recipe.seed, "head order", number)
    batch = min(recipe.batch_size, len(targets))
    steps = len(targets) // batch
    total = recipe.epochs * steps
    losses: list[float] = []
    for step in range(total):
        if step % steps == 0:
            places = torch.from_numpy(order.permutation(len(targets)))
            losses = []
        rows = places[step % steps * batch :][:batch]
        _set_rate(optimiser, recipe, step, total)
        raw = member(known[rows]).squeeze(-1)
        loss = _agreement(recipe, raw, targets[rows], groups[rows])
        if ranked is not None:
            drawn = torch.from_numpy(order.integers(0, len(ranked[0]), batch))
            better, worse = (member(side[drawn]).squeeze(-1) for side in ranked)
            apart = torch.full_like(better, SEVERITIES_APART)
            margin = recipe.pairs.margin
            loss = loss + recipe.pairs.weight * ranking_loss(better, worse, apart, margin)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
    return member.eval(), float(np.mean(losses))


def _set_rate(optimiser: torch.optim.AdamW, recipe: HeadRecipe, step: int, total: int) -> None:
    """Set the rate of the coming step."""
    warmup = max(1, round(recipe.warmup_share * total))
    for group in optimiser.param_groups:
        group["lr"] = recipe.learning_rate * warmup_cosine(step, total=total, warmup=warmup)


def _agreement(recipe: HeadRecipe, raw: Tensor, targets: Tensor, groups: Tensor) -> Tensor:
    """Return the loss against people's scores, the one of fine-tuning."""
    loss = quality_loss(
        raw,
        targets,
        beta=recipe.smooth_l1_beta,
        correlation_weight=recipe.correlation_weight,
    )
    if recipe.within_subset_weight:
        loss = loss + recipe.within_subset_weight * within_group_loss(raw, targets, groups)
    return loss


def _averaged(
    members: list[nn.Sequential], feature_dim: int, count: int, scale: StatisticsScale
) -> QualityHead:
    """Return the one head whose score is the mean of the members'."""
    layers = [cast(tuple[nn.Linear, nn.Linear], (member[1], member[4])) for member in members]
    head = QualityHead(feature_dim, sum(len(hidden.bias) for hidden, _ in layers), 0.0, count)
    head.load_state_dict(
        {
            "norm.weight": torch.ones(feature_dim),
            "norm.bias": torch.zeros(feature_dim),
            **{f"scale.{name}": value for name, value in scale.state_dict().items()},
            "hidden.weight": torch.cat([hidden.weight for hidden, _ in layers]),
            "hidden.bias": torch.cat([hidden.bias for hidden, _ in layers]),
            "out.weight": torch.cat([out.weight for _, out in layers], dim=1) / len(layers),
            "out.bias": torch.stack([out.bias for _, out in layers]).mean(0),
        }
    )
    return head.eval()
