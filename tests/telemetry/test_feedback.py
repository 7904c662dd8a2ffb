"""Feedback that somebody waits for: checked, stored in the transaction, about trades of that user only."""

from uuid import UUID, uuid4

import pytest

from include.telemetry.feedback import FeedbackError, UnknownTradeError, store_feedback
from tests.support.trades import USER, insert, rows


def give(database, feedback_type="bug_report", *, user_id=None, only_user=None, **feedback):
    store_feedback(database, user_id, feedback_type, only_user=only_user, **feedback)


def test_all_of_it_is_stored_and_secrets_are_masked(database):
    (trade,) = insert(database, {})
    id_ = uuid4()
    for _ in range(2):
        give(
            database,
            id=id_,
            user_id=USER,
            trade_signal_id=UUID(trade),
            rating=4,
            comment=" half \ud800 NUL \x00 password=hunter22secret ",
            metadata={"page": "trades", "n": float("nan")},
        )
    (row,) = rows(database, "SELECT * FROM atge_user_feedback")
    assert (row.id, row.user_id, str(row.trade_signal_id), row.rating) == (id_, USER, trade, 4)
    assert row.comment.startswith("half") and "hunter22" not in row.comment
    assert row.metadata == {"page": "trades", "n": "NaN"}


def test_a_type_alone_is_feedback(database):
    give(database, comment="  ")
    (row,) = rows(database, "SELECT rating, comment, trade_signal_id FROM atge_user_feedback")
    assert tuple(row) == (None, None, None)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"rating": 0}, "rating"),
        ({"rating": 6}, "rating"),
        ({"rating": 4.0}, "rating"),
        ({"rating": True}, "rating"),
        ({"comment": "x" * 10_001}, "comment"),
        ({"metadata": {"x": "y" * 10_000}}, "metadata"),
        ({"feedback_type": "praise"}, "feedback_type"),
    ],
    ids=str,
)
def test_what_is_not_taken_is_said_and_nothing_is_stored(database, wrong, word):
    with pytest.raises(FeedbackError, match=word):
        give(database, **wrong)
    assert rows(database, "SELECT FROM atge_user_feedback") == []


def test_a_trade_of_another_user_is_no_trade(database):
    (trade,) = insert(database, {})
    for unknown, only_user in ((trade, UUID(int=77)), (uuid4(), None)):
        with pytest.raises(UnknownTradeError):
            give(database, only_user=only_user, trade_signal_id=UUID(str(unknown)))
    assert rows(database, "SELECT FROM atge_user_feedback") == []
    give(database, trade_signal_id=UUID(trade))
