"""Learning rate and momentum: end points, monotone parts."""

import pytest

from qpt_train.schedules import cosine_momentum, warmup_cosine


def test_rate_rises_then_falls_to_the_floor():
    rates = [warmup_cosine(step, total=100, warmup=10, floor=0.1) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == pytest.approx(1.0)
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0.1)
    assert rates[55] == pytest.approx(0.55)


def test_no_warmup_starts_at_the_peak():
    assert warmup_cosine(0, total=10, warmup=0) == 1.0


def test_momentum_rises_from_start_to_end():
    values = [cosine_momentum(step, total=50, start=0.99) for step in range(51)]
    assert values[0] == pytest.approx(0.99)
    assert values[50] == pytest.approx(1.0)
    assert values == sorted(values)
