from datetime import timedelta
from itertools import pairwise

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from include.candles.windows import BRIDGED_CANDLES, CANDLES_AT_ONCE, Spans, held_share, merge_windows, pages
from tests.support.candles import START, windows

MINUTE = timedelta(minutes=1)


def minute(count: float):
    return pd.Timestamp(START) + count * MINUTE


def spans(*pairs):
    return Spans.of(windows(*(("BTC", minute(first), minute(last)) for first, last in pairs)))


def pages_in_minutes(gaps):
    return [((start - START) // MINUTE, (end - START) // MINUTE) for start, end in pages(gaps, MINUTE)]


def test_pages_of_a_long_gap():
    assert pages_in_minutes(spans((3, 3 + 2 * CANDLES_AT_ONCE + 5))) == [
        (3, 3 + CANDLES_AT_ONCE),
        (3 + CANDLES_AT_ONCE, 3 + 2 * CANDLES_AT_ONCE),
        (3 + 2 * CANDLES_AT_ONCE, 3 + 2 * CANDLES_AT_ONCE + 5),
    ]


def test_close_gaps_are_asked_for_together():
    assert pages_in_minutes(spans((0, 1), (5, 6), (100, 101))) == [(0, 101)]
    assert pages_in_minutes(spans((0, 1), (1 + BRIDGED_CANDLES, 700))) == [(0, 700)]
    assert pages_in_minutes(spans((0, 1), (2 + BRIDGED_CANDLES, 700))) == [(0, 1), (2 + BRIDGED_CANDLES, 700)]
    assert pages_in_minutes(spans()) == []


cuts = st.lists(st.integers(0, 5 * CANDLES_AT_ONCE), unique=True, max_size=20).map(sorted)


@given(cuts)
def test_pages_cover_every_gap_once_and_are_bounded(edges):
    gaps = list(zip(edges[::2], edges[1::2], strict=False))
    asked = pages_in_minutes(spans(*gaps))
    assert all(0 < end - start <= CANDLES_AT_ONCE for start, end in asked)
    assert all(end <= start for (_, end), (start, _) in pairwise(asked))
    for first, last in gaps:
        assert sum(max(0, min(end, last) - max(start, first)) for start, end in asked) == last - first


@given(cuts, st.lists(st.tuples(st.integers(0, 600), st.integers(0, 600)), max_size=5))
def test_the_share_held_against_a_set_of_minutes(edges, wanted):
    edges = [edge % 600 for edge in edges]
    edges = sorted(set(edges))
    union = {number for first, last in wanted for number in range(first, last)}
    lacking = [
        number for first, last in zip(edges[::2], edges[1::2], strict=False) for number in range(first, last)
    ]
    lacking = sorted(set(lacking) & union)
    shares = held_share(spans(*wanted), spans(*((number, number + 1) for number in lacking)), MINUTE)
    for (first, last), share in zip(wanted, shares, strict=True):
        if first >= last:
            assert pd.isna(share)
        else:
            held = sum(number not in lacking for number in range(first, last))
            assert abs(share - held / (last - first)) < 1e-9


@given(st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 40), st.integers(-2, 6)), max_size=20))
def test_merged_windows_cover_the_same_and_neither_overlap_nor_touch(drawn):
    merged = merge_windows(windows(*((name, minute(at), minute(at + length)) for name, at, length in drawn)))
    covered = [
        (name, at)
        for name, start, end in merged[["symbol", "start", "end"]].itertuples(index=False)
        for at in range((start - START) // MINUTE, (end - START) // MINUTE)
    ]
    assert covered == sorted({(name, one) for name, at, length in drawn for one in range(at, at + length)})
    for _, of_symbol in merged.groupby("symbol"):
        assert (of_symbol["start"].iloc[1:].to_numpy() > of_symbol["end"].iloc[:-1].to_numpy()).all()
