"""The QC-loss: a slow re-derivation, closed forms, masks by hand, invariances."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from qpt_train.contrastive.qc_loss import STATISTICS, KeyBank, qc_loss


def make_case(images=4, compositions=3, queue=5, dim=8, seed=0, dtype=torch.float64):
    """Return (query, rows, bank) with random unit vectors; all chains differ."""
    generator = torch.Generator().manual_seed(seed)

    def unit(count):
        return F.normalize(torch.randn(count, dim, generator=generator, dtype=dtype), dim=1)

    rows = images * compositions
    bank = KeyBank(
        unit(rows),
        torch.arange(images).repeat_interleave(compositions),
        torch.arange(rows),
        unit(queue),
        torch.arange(100, 100 + queue),
    )
    return unit(rows), torch.arange(rows), bank


def slow_loss(query, rows, bank, *, temperature, weight_d=1.0, weight_c=1.0):
    """Section 2.1 of the method, written as loops over scalars."""
    total = 0.0
    for q, row in zip(query.tolist(), rows.tolist(), strict=True):

        def exp_cosine(key, q=q):
            return math.exp(sum(a * b for a, b in zip(q, key, strict=True)) / temperature)

        image, chain = int(bank.image_ids[row]), int(bank.chain_ids[row])
        positive = exp_cosine(bank.keys[row].tolist())
        degradation = content = 0.0
        for other in range(len(bank.keys)):
            value = exp_cosine(bank.keys[other].tolist())
            if int(bank.image_ids[other]) != image:
                content += value
            elif int(bank.chain_ids[other]) != chain:
                degradation += value
        for other in range(len(bank.queue_keys)):
            if int(bank.queue_image_ids[other]) not in (image, -1):
                content += exp_cosine(bank.queue_keys[other].tolist())
        denominator = positive + weight_d * degradation + weight_c * content
        total += -math.log(positive / denominator)
    return total


@pytest.mark.parametrize("temperature", [0.07, 0.2, 1.0])
@pytest.mark.parametrize(("weight_d", "weight_c"), [(1.0, 1.0), (4.0, 0.5), (0.0, 1.0), (1.0, 0.0)])
def test_agrees_with_the_slow_loop(temperature, weight_d, weight_c):
    """The vectorised loss is the loop's to 1e-6, for any weights."""
    query, rows, bank = make_case()
    result = qc_loss(
        query,
        rows,
        bank,
        temperature=temperature,
        degradation_weight=weight_d,
        content_weight=weight_c,
    )
    expected = slow_loss(
        query, rows, bank, temperature=temperature, weight_d=weight_d, weight_c=weight_c
    )
    assert float(result.loss) == pytest.approx(expected, rel=1e-6)


def test_equal_embeddings_give_the_log_of_the_number_of_keys():
    """With everything at one point, each of G + K keys is as good as the positive."""
    query, rows, bank = make_case(images=5, compositions=2, queue=7)
    same = torch.ones_like(query) / math.sqrt(query.shape[1])
    bank = bank._replace(keys=same, queue_keys=same[:7])
    result = qc_loss(same, rows, bank, temperature=0.2)
    assert float(result.loss) / 10 == pytest.approx(math.log(10 + 7), abs=1e-5)


def test_without_siblings_it_is_info_nce():
    """M = 1 is the cross-entropy over the step's keys and the queue."""
    query, rows, bank = make_case(images=6, compositions=1, queue=4)
    result = qc_loss(query, rows, bank, temperature=0.2)
    logits = torch.cat([query @ bank.keys.T, query @ bank.queue_keys.T], dim=1).float() / 0.2
    expected = F.cross_entropy(logits, rows, reduction="sum")
    assert float(result.loss) == pytest.approx(float(expected), rel=1e-5)


def test_weight_zero_is_momentum_contrast_with_content_negatives():
    """w_d = 0 equals the switch "content", and leaves every sibling out."""
    query, rows, bank = make_case()
    without = qc_loss(query, rows, bank, temperature=0.2, degradation_weight=0.0)
    content = qc_loss(query, rows, bank, temperature=0.2, negatives="content")
    assert float(without.loss) == float(content.loss)
    moved = bank._replace(keys=bank.keys.clone())
    moved.keys[1] = -query[0].float()  # a sibling of row 0
    one = qc_loss(query[:1], rows[:1], bank, temperature=0.2, negatives="content")
    other = qc_loss(query[:1], rows[:1], moved, temperature=0.2, negatives="content")
    assert float(one.loss) == float(other.loss)


def test_each_sibling_stands_once_in_the_denominator_and_the_positive_in_no_sum():
    """The gradient by the keys' logits says who takes part: checked by hand for 2 x 2 rows."""
    query, rows, bank = make_case(images=2, compositions=2, queue=1)
    keys = bank.keys.clone().requires_grad_()
    queued = bank.queue_keys.clone().requires_grad_()
    bank = bank._replace(keys=keys, queue_keys=queued)
    result = qc_loss(query[:1], rows[:1], bank, temperature=0.5, negatives="degradation")
    result.loss.backward()
    taking_part = (keys.grad.abs().sum(dim=1) > 0).tolist()
    assert taking_part == [True, True, False, False]
    assert queued.grad is None or not queued.grad.any()
    exps = ((query[0] @ bank.keys.detach().T) / 0.5).exp()
    assert float(result.loss.detach()) == pytest.approx(
        -math.log(exps[0] / (exps[0] + exps[1])), rel=1e-5
    )


def test_queued_keys_of_the_own_image_and_empty_places_are_masked():
    """The queue never gives a negative of the query's own image, nor an empty place."""
    query, rows, bank = make_case(images=2, compositions=2, queue=3)
    ids = torch.tensor([0, -1, 50])
    masked = bank._replace(queue_image_ids=ids)
    only = bank._replace(queue_keys=bank.queue_keys[2:], queue_image_ids=ids[2:])
    one = qc_loss(query[:2], rows[:2], masked, temperature=0.2)
    other = qc_loss(query[:2], rows[:2], only, temperature=0.2)
    assert float(one.loss) == pytest.approx(float(other.loss), rel=1e-6)


def test_equal_chains_of_one_image_are_no_negatives():
    """Two rows with the same content and the same degradation have the same quality."""
    query, rows, bank = make_case(images=2, compositions=2, queue=0)
    equal = bank._replace(chain_ids=torch.tensor([7, 7, 8, 9]))
    result = qc_loss(query[:1], rows[:1], equal, temperature=0.2, negatives="degradation")
    assert float(result.loss) == pytest.approx(0.0, abs=1e-7)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_permuting_rows_changes_nothing(seed):
    """The order of keys, queue places and queries does not matter."""
    query, rows, bank = make_case(seed=seed)
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(rows), generator=generator)
    places = torch.randperm(len(bank.queue_keys), generator=generator)
    shuffled = KeyBank(
        bank.keys[order],
        bank.image_ids[order],
        bank.chain_ids[order],
        bank.queue_keys[places],
        bank.queue_image_ids[places],
    )
    one = qc_loss(query, rows, bank, temperature=0.2)
    other = qc_loss(query[order], rows, shuffled, temperature=0.2)
    assert float(one.loss) == pytest.approx(float(other.loss), rel=1e-6)
    assert torch.allclose(one.statistics, other.statistics, rtol=1e-4)


def test_rows_add_up():
    """The loss of all rows is the sum over any division of them: what ranks and groups rely on."""
    query, rows, bank = make_case(images=6, compositions=2)
    whole = qc_loss(query, rows, bank, temperature=0.2)
    parts = [qc_loss(query[s], rows[s], bank, temperature=0.2) for s in rows.split(4)]
    assert float(whole.loss) == pytest.approx(sum(float(p.loss) for p in parts), rel=1e-6)
    assert torch.allclose(whole.statistics, sum(p.statistics for p in parts), rtol=1e-5)


def test_gradient_is_finite_everywhere_and_moves_towards_the_positive():
    """A step against the gradient lowers the loss, even at a low temperature."""
    query, rows, bank = make_case(dtype=torch.float32)
    leaf = query.clone().requires_grad_()
    loss = qc_loss(leaf, rows, bank, temperature=0.05).loss
    loss.backward()
    assert torch.isfinite(leaf.grad).all()
    stepped = F.normalize(query - 1e-3 * leaf.grad, dim=1)
    assert float(qc_loss(stepped, rows, bank, temperature=0.05).loss) < float(loss.detach())


@pytest.mark.parametrize("negatives", ["both", "degradation", "content"])
def test_no_negatives_at_all_gives_zero_loss_and_gradient(negatives):
    """One image with one composition and an empty queue has nothing to be compared with."""
    query, rows, bank = make_case(images=1, compositions=1, queue=2)
    bank = bank._replace(queue_image_ids=torch.tensor([-1, -1]))
    leaf = query.clone().requires_grad_()
    loss = qc_loss(leaf, rows, bank, temperature=0.2, negatives=negatives).loss
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert torch.isfinite(leaf.grad).all()
    assert float(leaf.grad.abs().max()) < 1e-6


def test_statistics_say_what_they_are_named():
    """Means over the rows are what a person would compute from the cosines."""
    query, rows, bank = make_case(images=3, compositions=2, queue=0)
    result = qc_loss(query, rows, bank, temperature=0.2)
    means = dict(zip(STATISTICS, (result.statistics / 6).tolist(), strict=True))
    cosines = query @ bank.keys.T
    same = bank.image_ids[:, None] == bank.image_ids[None]
    own = torch.eye(6, dtype=torch.bool)
    assert means["loss"] == pytest.approx(float(result.loss) / 6, rel=1e-6)
    assert means["positive_similarity"] == pytest.approx(float(cosines[own].mean()), abs=1e-5)
    assert means["degradation_similarity"] == pytest.approx(
        float(cosines[same & ~own].mean()), abs=1e-5
    )
    assert means["content_similarity"] == pytest.approx(float(cosines[~same].mean()), abs=1e-5)
    nearest = cosines.masked_fill(~(same & ~own), -2).amax(dim=1)
    assert means["degradation_accuracy"] == pytest.approx(
        float((cosines[own] > nearest).double().mean())
    )


def test_not_a_number_stays_visible():
    """A broken query is not hidden in the statistics."""
    query, rows, bank = make_case()
    query[0, 0] = math.nan
    result = qc_loss(query, rows, bank, temperature=0.2)
    assert math.isnan(float(result.loss))
    assert math.isnan(float(result.statistics[0]))
