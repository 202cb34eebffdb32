"""The projector: unit length; with batch norm it uses every direction from the start."""

import pytest
import torch

from qpt_train.contrastive.projector import Projector
from qpt_train.pretrain_step import effective_rank


def alike_features(rows=64, dim=40):
    """Features as an untrained encoder gives them: one large common part, small differences."""
    generator = torch.Generator().manual_seed(0)
    return 5.0 + 0.05 * torch.randn(rows, dim, generator=generator)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_embeddings_have_unit_length(batch_norm):
    torch.manual_seed(0)
    embeddings = Projector(40, 32, 16, batch_norm=batch_norm)(alike_features())
    assert embeddings.shape == (64, 16)
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(64))


@torch.no_grad()
def test_batch_norm_takes_the_common_part_off():
    torch.manual_seed(0)
    plain = Projector(40, 32, 16)(alike_features())
    normed = Projector(40, 32, 16, batch_norm=True)(alike_features())

    def mean_cosine(embeddings):
        return (embeddings @ embeddings.T).mean().item()

    assert mean_cosine(plain) > 0.9
    assert mean_cosine(normed) < 0.1
    assert effective_rank(normed) > 8


def test_the_state_without_batch_norm_is_that_of_earlier_versions():
    names = set(Projector(40, 32, 16).state_dict())
    assert names == {"layers.0.weight", "layers.0.bias", "layers.2.weight", "layers.2.bias"}
