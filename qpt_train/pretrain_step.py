"""One optimiser step of pre-training, the whole of it. Shapes as in contrastive/qc_loss.py."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from qpt_train.contrastive.batch_norm import from_key_groups, to_key_groups
from qpt_train.contrastive.momentum import update_momentum
from qpt_train.contrastive.qc_loss import STATISTICS, KeyBank, qc_loss
from qpt_train.distributed import (
    Ranks,
    exchange_groups,
    gather_rows,
    mean_over_ranks,
    sum_gradients,
    sum_over_ranks,
)
from qpt_train.pretrain_config import PretrainRecipe
from qpt_train.pretrain_state import PretrainState
from qpt_train.randomness import derive_seed
from qpt_train.schedules import cosine_momentum, warmup_cosine
from qpt_train.view_stream import ViewGroup

Forward = Callable[[Tensor], Tensor]


class Networks(NamedTuple):
    """How views become embeddings: the plain networks or their compiled forms."""

    query: Forward
    key: Forward


class StepResult(NamedTuple):
    """A step that has its gradient but has not been taken yet."""

    values: dict[str, float]
    """Means over all rows of `qc_loss.STATISTICS`, and what `_describe` adds."""
    bank: KeyBank
    stop: bool
    """Whether any process was asked to stop."""
    any_skipped: bool
    """Whether any process met a photo that it could not use."""

    @property
    def is_finite(self) -> bool:
        """Whether the loss and the gradient are numbers."""
        return math.isfinite(self.values["loss"]) and math.isfinite(self.values["gradient_norm"])


def compute_step(
    recipe: PretrainRecipe,
    state: PretrainState,
    networks: Networks,
    groups: Sequence[ViewGroup],
    *,
    ranks: Ranks,
    stop: bool = False,
    work_ahead: Callable[[], None] = lambda: None,
) -> StepResult:
    """Compute the gradient of one step and leave it in the network; nothing is updated.

    Any number of processes gives the same gradient: each runs its share of the groups, every
    query meets the keys of the whole step, and the gradients are summed. The one wait for the
    device is at the end.

    Args:
        recipe: the run's.
        state: what is trained.
        networks: forward functions.
        groups: this process' share of the step.
        ranks: the processes.
        stop: whether this process was asked to stop; all learn of it here.
        work_ahead: called while the device is busy with a group.
    """
    bank = _make_keys(recipe, state, networks.key, groups, ranks)
    state.optimiser.zero_grad(set_to_none=True)
    sums = torch.zeros(len(STATISTICS), device=bank.keys.device)
    first_group = ranks.rank * len(groups)
    for number, group in enumerate(groups, start=first_group):
        _seed_group(recipe, state.step, "query", number)
        with _autocast(recipe, group.query.device):
            query = networks.query(group.query)
        state.statistics.collect()
        rows = torch.arange(len(query), device=query.device) + number * recipe.batch.group_rows
        result = qc_loss(
            query,
            rows,
            bank,
            temperature=recipe.loss.temperature,
            degradation_weight=recipe.loss.degradation_weight,
            content_weight=recipe.loss.content_weight,
            negatives=recipe.loss.negatives,
        )
        (result.loss / recipe.rows).backward()  # type: ignore[no-untyped-call]
        sums += result.statistics
        work_ahead()
    parameters = list(state.network.parameters())
    sum_gradients(parameters, ranks)
    news = [float(stop), float(any(group.skipped for group in groups))]
    values, (stopped, skipped) = _read_back(recipe, bank, sums, parameters, ranks, news)
    return StepResult(values, bank, stopped > 0, skipped > 0)


def apply_step(
    recipe: PretrainRecipe,
    state: PretrainState,
    bank: KeyBank,
    *,
    total_steps: int,
    ranks: Ranks,
) -> dict[str, float]:
    """Take the step: optimiser, momentum encoder, batch-norm statistics, queue.

    Returns:
        The learning rate and the encoder momentum that were used.
    """
    warmup = max(1, round(recipe.optimiser.warmup_share * total_steps))
    factor = warmup_cosine(state.step, total=total_steps, warmup=warmup)
    rate = recipe.optimiser.learning_rate * factor
    for group in state.optimiser.param_groups:
        group["lr"] = rate
    state.optimiser.step()
    momentum = cosine_momentum(
        state.step, total=total_steps, start=recipe.momentum.start, end=recipe.momentum.end
    )
    update_momentum(state.momentum_network, state.network, momentum)
    state.statistics.end_step(lambda tensors: mean_over_ranks(tensors, ranks))
    state.queue.push(bank.keys, bank.image_ids)
    state.step += 1
    return {"learning_rate": rate, "encoder_momentum": momentum}


@torch.no_grad()
def _make_keys(
    recipe: PretrainRecipe,
    state: PretrainState,
    forward: Forward,
    groups: Sequence[ViewGroup],
    ranks: Ranks,
) -> KeyBank:
    """Return the keys of the whole step, in row order, made in strided groups.

    With several processes the uint8 views of a key group are brought together on one of them
    first, so that the batch-norm statistics are those of a single process.
    """
    compositions = recipe.views.compositions
    views = to_key_groups(torch.cat([g.key for g in groups]), recipe.groups, compositions)
    views = exchange_groups(views, recipe.groups, ranks)
    keys = []
    for number, part in enumerate(torch.split(views, recipe.batch.group_rows)):
        _seed_group(recipe, state.step, "key", ranks.rank * len(groups) + number)
        with _autocast(recipe, part.device):
            keys.append(forward(part).clone())
    gathered = gather_rows(torch.cat(keys), ranks)
    return KeyBank(
        from_key_groups(gathered, recipe.groups, compositions),
        gather_rows(torch.cat([group.image_ids for group in groups]), ranks),
        gather_rows(torch.cat([group.chain_ids for group in groups]), ranks),
        state.queue.keys,
        state.queue.image_ids,
    )


@torch.no_grad()
def _read_back(
    recipe: PretrainRecipe,
    bank: KeyBank,
    sums: Tensor,
    parameters: list[nn.Parameter],
    ranks: Ranks,
    news: list[float],
) -> tuple[dict[str, float], tuple[float, float]]:
    """Clip the gradient and bring the step's numbers to the host in one message.

    Args:
        recipe: the run's.
        bank: its keys tell the spread.
        sums: (len(STATISTICS),) over this process' rows.
        parameters: with gradients.
        ranks: the processes.
        news: two numbers of this process, which are returned summed over all.
    """
    limit = recipe.optimiser.clip_norm or math.inf
    norm = nn.utils.clip_grad_norm_(parameters, limit)
    # Filled, not copied: a copy from the host would be one more wait for the device.
    told = [sums.new_full((1,), value) for value in news]
    totals = sum_over_ranks(torch.cat([sums, *told]), ranks)
    extra = torch.stack([norm, embedding_spread(bank.keys)])
    *means, one, other, gradient_norm, spread = torch.cat([totals, extra]).tolist()
    values = {name: total / recipe.rows for name, total in zip(STATISTICS, means, strict=True)}
    return values | {"gradient_norm": gradient_norm, "embedding_spread": spread}, (one, other)


def embedding_spread(embeddings: Tensor) -> Tensor:
    """Return the root mean square distance of unit vectors (N, D) to their mean, 0..1.

    0 means collapse: every view has the same embedding. 1 means a mean of zero.
    """
    return embeddings.var(dim=0, unbiased=False).sum().sqrt()


def effective_rank(embeddings: Tensor) -> float:
    """Return how many directions embeddings (N, D) use: exp of the entropy of their variances.

    1 is a line, min(N - 1, D) the most (Roy and Vetterli 2007, on covariance eigenvalues).
    """
    centred = (embeddings - embeddings.mean(dim=0)).double().cpu()
    variances = torch.linalg.svdvals(centred) ** 2
    shares = variances / variances.sum().clamp(min=1e-12)
    return float(torch.special.entr(shares).sum().exp())


def _seed_group(recipe: PretrainRecipe, step: int, purpose: str, number: int) -> None:
    """Fix what dropout draws, for encoders that have it: the same on any number of processes."""
    torch.manual_seed(derive_seed(recipe.seed, purpose, step, number))


def _autocast(recipe: PretrainRecipe, device: torch.device) -> torch.autocast:
    """Return the context in which networks run."""
    enabled = recipe.precision == "bfloat16"
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)
