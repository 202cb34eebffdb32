"""Ranking orders by score, never loses a row and gives percentiles that mean what they say."""

import itertools
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from qpt_app.core.status import PhotoStatus
from qpt_app.photos.ranking import at_least, by_path, rank, top, with_percentiles, with_ranks
from qpt_app.photos.results import PhotoResult


def row(name: str, score: float | None) -> PhotoResult:
    status = PhotoStatus.UNREADABLE if score is None else PhotoStatus.OK
    return PhotoResult(path=Path(name), status=status, score=score)


names = st.binary(min_size=1, max_size=8).map(
    lambda raw: os.fsdecode(raw.replace(b"\0", b"0").replace(b"/", b"_"))
)
scores = st.none() | st.sampled_from([0.0, 12.5, 50.0, 50.0, 99.0]) | st.floats(0, 100)
rows = st.lists(st.builds(row, names, scores), max_size=30)


@given(rows)
def test_rank_keeps_every_row_and_puts_the_best_first(results):
    """The same rows come out, scores descending, then those without a score, ties by path."""
    ranked = rank(results)
    assert sorted(map(id, ranked)) == sorted(map(id, results))
    scored = [result for result in ranked if result.score is not None]
    assert ranked[: len(scored)] == scored
    for one, other in itertools.pairwise(ranked):
        if one.score == other.score:
            assert os.fsencode(one.path) <= os.fsencode(other.path)
        elif other.score is not None:
            assert one.score > other.score


@given(rows)
def test_rank_does_not_depend_on_the_order_of_the_input(results):
    """Reversing the input changes nothing that a user can see."""
    assert [r.path for r in rank(results)] == [r.path for r in rank(reversed(results))]


@given(rows)
def test_percentiles_rise_with_the_score(results):
    """Better score, higher percentile; equal scores share one; no score, no percentile."""
    filled = with_percentiles(results)
    assert [r.path for r in filled] == [r.path for r in results]
    scored = [r for r in filled if r.score is not None]
    assert all(r.percentile is None for r in filled if r.score is None)
    for one in scored:
        assert 0.0 <= one.percentile <= 100.0
        for other in scored:
            assert (one.score > other.score) == (one.percentile > other.percentile)
    if len(scored) > 1:
        assert abs(sum(r.percentile for r in scored) / len(scored) - 50.0) < 1e-9


def test_percentile_of_a_known_folder():
    """Worst 0, best 100, the middle of three 50; a photo on its own has 100."""
    filled = with_percentiles([row("a", 10.0), row("b", 90.0), row("c", 30.0), row("d", None)])
    assert [r.percentile for r in filled] == [0.0, 100.0, 50.0, None]
    assert with_percentiles([row("a", 10.0)])[0].percentile == 100.0


def test_filters_keep_only_scored_rows():
    """`at_least` and `top` never return a row without a score, and the bound itself is kept."""
    results = [row("a", 10.0), row("b", 90.0), row("c", None), row("d", 30.0)]
    assert [str(r.path) for r in at_least(results, 30.0)] == ["b", "d"]
    assert [str(r.path) for r in top(results, 2)] == ["b", "d"]
    assert [str(r.path) for r in top(results, 99)] == ["b", "d", "a"]


def test_by_path_is_bytewise():
    """Capital letters come before small ones and a dot before a slash, as in C sorting."""
    results = [row("b", 1.0), row("a/x", None), row("a.x", 2.0), row("B", 3.0)]
    assert [str(r.path) for r in by_path(results)] == ["B", "a.x", "a/x", "b"]


def preference(score, other):
    """A near-tie below some 9 points: odds of ten to one at fifty points."""
    return 1 / (1 + 10 ** ((other - score) / 50))


@given(rows)
def test_near_ties_share_a_rank_and_never_chain(results):
    """What shares a rank is a near-tie with the best of it; the best of two ranks are none."""
    ranked = [r for r in rank(with_ranks(results, preference)) if r.score is not None]
    best = {}
    for place, one in enumerate(ranked, start=1):
        opener = best.setdefault(one.rank, one)
        if opener is one:
            assert one.rank == place
        assert opener.score == one.score or preference(opener.score, one.score) < 0.6
    for one, other in itertools.pairwise(best.values()):
        assert preference(one.score, other.score) >= 0.6
    assert [r.rank for r in ranked] == sorted(r.rank for r in ranked)


@given(rows)
def test_ranks_keep_the_order_and_every_row(results):
    filled = with_ranks(results, preference)
    assert [r.path for r in filled] == [r.path for r in results]
    assert all((r.rank is None) == (r.score is None) for r in filled)
    again = {id(r): f.rank for r, f in zip(results, filled, strict=True)}
    backwards = with_ranks(results[::-1], preference)
    assert [f.rank for f in backwards] == [again[id(r)] for r in results[::-1]]


def test_ranks_of_a_known_folder():
    """A long slope of close neighbours is not one tie: 80 and 64 are eight steps of two apart."""
    slope = [row(f"{number}", 80.0 - 2 * number) for number in range(9)]
    assert [r.rank for r in with_ranks(slope, preference)] == [1, 1, 1, 1, 1, 6, 6, 6, 6]


def test_a_model_that_knows_no_pairs_ties_equal_scores_only():
    results = [row("a", 50.0), row("b", 50.0), row("c", 49.999), row("d", None)]
    assert [r.rank for r in with_ranks(results, lambda *_: None)] == [1, 1, 3, None]
