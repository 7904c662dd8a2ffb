"""The page on token access: with nothing, with much, its filter."""

from sqlalchemy import text

from tests.support.pages import page

HOSTILE = "<script>alert(1)</script>"


def test_with_nothing_it_says_what_to_do(client):
    words = " ".join(page(client, "/tradeops/access").words.split())
    for missing in (
        "access_mint",
        "Nobody is in grace",
        "Nobody was judged",
        "No balance was read",
        "no price was",
    ):
        assert missing in words, missing


def test_with_much_it_draws_and_lists(client, database):
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO token_requirements (valid_from, requirement, average_price, outcome, reason)"
                " SELECT now() - n * interval '1 hour', CASE WHEN n < 50 THEN 3000 ELSE 2000 END,"
                " 0.01 / (1 + n / 1000.0),"
                " CASE WHEN n IN (0, 7) THEN 'frozen' WHEN n = 49 THEN 'raised' ELSE 'kept' END, :words"
                " FROM generate_series(0, 300) AS n"
            ),
            {"words": HOSTILE},
        )
        connection.execute(
            text(
                "INSERT INTO access_counts SELECT now() - n * interval '1 hour', 90, 9, 1, 4321"
                " FROM generate_series(0, 300) AS n"
            )
        )
        connection.execute(
            text(
                "INSERT INTO access_grants (user_id, state, since, grace_ends_at, held_since, reason)"
                " SELECT CAST(lpad(n::text, 32, '0') AS uuid), 'grace', now() - interval '1 day',"
                " now() + n * interval '1 minute', now() - interval '9 days', :words"
                " FROM generate_series(1, 70) AS n"
            ),
            {"words": HOSTILE},
        )
    answer = client.get("/tradeops/access?days=7")
    words = " ".join(page(client, "/tradeops/access").words.split())
    assert "<script>alert" not in answer.text and answer.text.count("<svg") >= 3
    for said in ("3,000", "4,321", "frozen", "raised", "The first 50 to end", "Holders by state"):
        assert said in words, said
    assert "1970" not in words and "Nobody is in grace" not in words
    wrong = client.get("/tradeops/access?days=8")
    assert wrong.status_code == 422 and 'class="banner"' in wrong.text
