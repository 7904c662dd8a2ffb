"""Answers that are given again: never to whom they are not for, and never older than the rows."""

from sqlalchemy import text

from include.web.api.kept import GivenAnswer, GivenAnswers
from tests.support.reading import insert_whole, run, statements_of
from tests.support.web import ANNA, BERT

LIST = "/api/atge/trades"


def test_the_bound_counts_questions_and_headers_and_what_is_old_is_dropped():
    """Answers without a body are bounded too: a long address and headers take memory."""
    answers = GivenAnswers(most=20_000)

    def keep(asked):
        answers.keep(asked, GivenAnswer("1", b"", {"ETag": 'W/"x"'}, None, float("inf")))

    for number in range(100):
        keep(("anna", number))
    assert sum(answers.find(("anna", number), "1") is not None for number in range(100)) < 20
    keep("/" * 19_500)
    assert answers.find(("anna", 99), "1") is None
    keep("one")
    assert answers.find("one", "2") is None
    assert answers.find("one", "1") is None  # its version was over, so that it was let go


def read_list(client, **parameters):
    answer = client.get(LIST, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_page_is_made_anew_only_when_something_of_its_user_has_changed(api, database):
    """One statement while nothing has, two when its trades are known and three when one of them is not."""
    insert_whole(database)
    insert_whole(database)
    insert_whole(database, user=BERT)
    key = api.key("read")

    def asked(client=None, **parameters):
        with statements_of(database) as statements:
            read_list(client or api.client(key), **parameters)
        return statements

    admitted, listed, rendered = "web/admit_api_call", "trades/list_trades", "trades/render_trades"
    assert asked() == [admitted, listed, rendered]
    assert asked() == [admitted]
    assert asked(limit=1) == [admitted, listed]
    assert asked(api.with_key()) == [admitted, listed]  # another caller is another question
    run(database, "UPDATE trade_signals SET status_reason = 'x' WHERE user_id = :bert", bert=BERT)
    assert asked() == [admitted]
    run(
        database,
        "UPDATE trade_results SET ai_analysis = 'x' WHERE trade_signal_id = (SELECT min(id::text)::uuid "
        "FROM trade_signals WHERE user_id = :anna)",
        anna=ANNA,
    )
    assert asked() == [admitted, listed, rendered]
    run(database, "SELECT merge_trade_versions()")
    assert asked() == [admitted, listed]
    with database.connect() as connection:
        rows = connection.execute(text("SELECT user_id, count(*) FROM trade_versions GROUP BY user_id"))
        notes = dict(list(rows))
    assert (notes[None], notes[ANNA]) == (1, 1)
    assert 1 < notes[BERT] <= 8
    run(database, "DELETE FROM trade_versions")  # nothing is known, so nothing is kept
    assert asked() == [admitted, listed]
    assert asked() == [admitted, listed]


def test_a_statement_that_changes_many_trades_leaves_one_note_for_everybody(api, database):
    insert_whole(database)
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO trade_signals (user_id, symbol, timeframe, entry_price, stop_loss, "
                "take_profit_1, take_profit_2, take_profit_3, expires_at) SELECT gen_random_uuid(), 'BTC', "
                "'1h', 100, 95, 105, 110, 115, now() FROM generate_series(1, 101)"
            )
        )
    client, count = api.with_key(), text("SELECT count(*) FROM trade_versions")
    read_list(client)
    for change, notes in (
        ("UPDATE trade_signals SET status_reason = 'x'", 2),
        ("UPDATE trade_signals SET status_reason = 'y' WHERE symbol <> 'BTC' OR user_id = :anna", 2),
        ("UPDATE trade_signals SET status_reason = 'z' WHERE user_id <> user_id AND user_id <> :anna", 0),
    ):
        with database.connect() as connection:
            before = connection.execute(count).scalar_one()
        run(database, change, **({"anna": ANNA} if ":anna" in change else {}))
        with database.connect() as connection:
            assert connection.execute(count).scalar_one() - before == notes
        with statements_of(database) as statements:
            read_list(client)
        assert (len(statements) > 1) == (notes > 0)


def test_what_is_kept_is_given_to_nobody_who_may_not_see_it_any_more(api, database):
    insert_whole(database)
    key = api.key("read")
    assert [api.client(key).get(LIST).status_code for _ in range(2)] == [200, 200]
    run(database, "UPDATE api_keys SET scopes = '{write}'")
    assert api.client(key).get(LIST).status_code == 403
    run(database, "UPDATE api_keys SET scopes = '{read}', revoked_at = now(), revoked_by = 'x'")
    assert api.client(key).get(LIST).status_code == 401
    run(database, "UPDATE api_keys SET revoked_at = NULL, revoked_by = NULL, user_id = :bert", bert=BERT)
    assert read_list(api.client(key))["trades"] == []


def test_a_transaction_that_is_taken_back_changes_nothing_that_is_kept(api, database):
    insert_whole(database)
    client = api.with_key()
    first = client.get(LIST)
    with database.connect() as connection:
        connection.execute(text("UPDATE trade_signals SET status_reason = 'x'"))
        assert client.get(LIST).text == first.text
        connection.rollback()
    with statements_of(database) as statements:
        assert client.get(LIST).text == first.text
    assert statements == ["web/admit_api_call"]
