"""What CUDA would refuse or wait for, found without a GPU.

Tensors without data that claim to be on CUDA (`FakeTensorMode`) run through the real code: an
operation on tensors of two devices fails as it would there, and so does every look at a value
(`.item()`, `nonzero`, a boolean index), which would make the host wait. Copies from the host are
counted, since those of memory that is not pinned may wait, too.
"""

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    FakeTensor,
    FakeTensorMode,
)
from torch.utils._python_dispatch import TorchDispatchMode

from qpt_train.config import load_recipe
from qpt_train.contrastive.network import ContrastiveNetwork
from qpt_train.contrastive.qc_loss import KeyBank, qc_loss
from qpt_train.data.contrastive_set import GroupCollate, SourceWindow
from qpt_train.degradations import counter_noise, jpeg, wavelet
from qpt_train.degradations.chain import draw_chains
from qpt_train.degradations.executor import degrade_batch, degrade_single
from qpt_train.degradations.space import DegradationSpace, SpaceConfig
from qpt_train.degradations.table import DEGRADATIONS
from qpt_train.distributed import SINGLE
from qpt_train.pretrain import training_networks
from qpt_train.pretrain_config import PretrainRecipe
from qpt_train.pretrain_state import build_state
from qpt_train.pretrain_step import apply_step, compute_step
from qpt_train.view_stream import make_views, views_in_parts

CUDA = torch.device("cuda", 0)


class Copies(TorchDispatchMode):
    """Notes the shape of every tensor that is copied from the host to the device."""

    def __init__(self):
        super().__init__()
        self.shapes = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        source = args[0] if args and isinstance(args[0], torch.Tensor) else None
        if source is None or not isinstance(result, torch.Tensor):
            return result
        if source.device.type == "cpu" and result.device.type == "cuda":
            self.shapes.append(tuple(source.shape))
        return result


@pytest.fixture
def cuda(monkeypatch):
    """CUDA without data; pinning is left out, and nothing made here stays in a cache."""
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self, *_: self)
    caches = (counter_noise._normal_quantiles, jpeg._constants, wavelet._matrices)
    for cache in caches:
        cache.cache_clear()
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield CUDA
    for cache in caches:
        cache.cache_clear()


def source_group(images=4, compositions=2, size=64, crop=48):
    """A group as a worker makes it, on the host."""
    random = np.random.default_rng(0)
    windows = [
        SourceWindow(
            pixels=random.integers(0, 255, (size, size, 3), dtype=np.uint8),
            number=image,
            epoch=0,
            crops=random.integers(0, size - crop + 1, (compositions, 2, 2)),
            flips=random.integers(0, 2, (compositions, 2)).astype(bool),
            skipped=(),
        )
        for image in range(images)
    ]
    return GroupCollate(DegradationSpace(SpaceConfig()), compositions, 0)(windows)


def test_the_check_sees_what_it_is_for(cuda):
    """Two devices in one operation, a look at a value and a copy are all found."""
    there = torch.empty(4, 4, device=cuda)
    with pytest.raises(RuntimeError, match="device"):
        there + torch.empty(4, 4)
    with pytest.raises(DataDependentOutputException):
        there.sum().item()
    with Copies() as copies:
        torch.empty(3, 2).to(cuda)
    assert copies.shapes == [(3, 2)]


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_operators_stay_on_the_device(cuda, name):
    """Every operator, on pictures of uneven sides."""
    x = torch.empty(3, 3, 64, 72, dtype=torch.uint8, device=cuda)
    result = degrade_single(x, name, 4, seed=5)
    assert (result.device, result.shape, result.dtype) == (cuda, x.shape, torch.uint8)


def test_mixed_chains_wait_for_nothing(cuda):
    """A batch of different chains copies three tables to the device, and nothing in the loop."""
    chains = draw_chains(0, 0, list(range(64)), [0] * 64)
    x = torch.empty(64, 3, 64, 64, dtype=torch.uint8, device=cuda)
    degrade_batch(x, chains)  # constants come once
    with Copies() as copies:
        degrade_batch(x, chains)
    steps = sum(len(chain.steps) for chain in chains)
    assert copies.shapes == [(steps,), (steps, 1), (steps, 2)]


def test_views_are_copied_as_they_come(cuda):
    """Windows, ids, places and flips cross as the loader pinned them: five copies a group."""
    group = source_group()
    make_views(group, crop_size=48, device=cuda)
    with Copies() as copies:
        views = make_views(group, crop_size=48, device=cuda)
    fields = (group.sources, group.image_ids, group.crops, group.flips, group.chain_ids)
    steps = sum(len(chain.steps) for chain in group.chains)
    tables = [(steps,), (steps, 1), (steps, 2)]
    assert copies.shapes == [*(tuple(field.shape) for field in fields), *tables]
    assert {tensor.device for tensor in views[:4]} == {cuda}
    assert views.query.shape == views.key.shape == (8, 3, 48, 48)


def test_the_work_is_divided_into_many_small_parts(cuda):
    """One operator group a part, so that launching can be spread over a step."""
    left = list(views_in_parts([source_group(), source_group()], crop_size=48, device=cuda))
    assert left == list(range(len(left)))[::-1]
    assert len(left) > 10


@pytest.mark.parametrize("negatives", ["both", "degradation", "content"])
def test_the_loss_stays_on_the_device(cuda, negatives):
    """With a queue; forward only, since autograd wants a driver for CUDA."""
    ids = torch.empty(8, dtype=torch.int64, device=cuda)
    queue = torch.empty(5, dtype=torch.int64, device=cuda)
    bank = KeyBank(torch.empty(8, 8, device=cuda), ids, ids, torch.empty(5, 8, device=cuda), queue)
    query, rows = torch.empty(4, 8, device=cuda), torch.arange(4, device=cuda)
    with Copies() as copies:
        result = qc_loss(query, rows, bank, temperature=0.2, negatives=negatives)
    assert copies.shapes == []
    assert result.loss.device == result.statistics.device == cuda


@pytest.fixture
def cuda_state(cuda, monkeypatch):
    """A function: recipe -> the state of a run on CUDA.

    Modules of tensors without data can neither move nor be copied: they are made where they
    belong, twice.
    """

    def build(recipe):
        def again(network):
            projector = network.projector.layers
            dims = (projector[0].out_features, projector[2].out_features)
            return ContrastiveNetwork(recipe.encoder, *dims).requires_grad_(False)

        monkeypatch.setattr(ContrastiveNetwork, "to", lambda self, *_, **__: self)
        monkeypatch.setattr("qpt_train.pretrain_state.momentum_copy", again)
        with cuda:
            return build_state(recipe, cuda)

    return build


@pytest.mark.parametrize("encoder", ["resnet18", "mobilenet_v3_large"])
def test_a_step_waits_once(cuda, cuda_state, encoder, monkeypatch):
    """Keys, queries, loss, optimiser, queue: one look at the numbers, no copy from the host."""
    looks = []

    def tolist(self):
        looks.append(tuple(self.shape))
        return [1.0] * self.numel()

    def backward(self):
        """Stand in for autograd, which wants a driver."""
        for parameter in state.network.parameters():
            parameter.grad = torch.empty_like(parameter)

    recipe = load_recipe("smoke", PretrainRecipe, [f"encoder={encoder}", "optimiser.kind=sgd"])
    state = cuda_state(recipe)
    networks = training_networks(recipe, state)
    groups = [make_views(source_group(), crop_size=48, device=cuda) for _ in range(recipe.groups)]
    monkeypatch.setattr(FakeTensor, "tolist", tolist)
    monkeypatch.setattr(torch.Tensor, "backward", backward)
    with Copies() as copies:
        result = compute_step(recipe, state, networks, groups, ranks=SINGLE)
        apply_step(recipe, state, result.bank, total_steps=10, ranks=SINGLE)
    assert len(looks) == 1
    assert copies.shapes == []
    assert state.step == 1
    assert result.bank.keys.device == state.queue.keys.device == cuda
