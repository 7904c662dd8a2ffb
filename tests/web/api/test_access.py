"""What is required and who has access, over the API: of others nothing is shown."""

from sqlalchemy import text

from tests.support.web import ANNA

WALLET = "6RMi2pWqEmAE6aH7wrFiAjPvoxAEQV2JVYiufDJXn9L"
OTHER = "So11111111111111111111111111111111111111112"
REQUIREMENT, CHECK = "/api/access/requirement", "/api/access/check/"


def test_the_requirement_is_unknown_until_it_is_known(api):
    assert api.client().get(REQUIREMENT).status_code == 401
    client = api.with_key("read")
    nothing = client.get(REQUIREMENT).json()
    assert nothing["success"] and {nothing[name] for name in ("requirement", "frozen", "price")} == {None}
    with api.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO token_requirements (valid_from, requirement, average_price, outcome, reason)"
                " VALUES (now() - interval '2 hours', 2000, 0.0123456789012345, 'first', 'x'),"
                " (now() - interval '1 hour', 2000, NULL, 'frozen', 'apart'),"
                " (now() + interval '1 day', 9000, 1, 'kept', 'x')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO token_prices (source, taken_at, price, refused) VALUES ('a', now(), 0.01, NULL),"
                " ('b', now(), 0.02, NULL), ('a', now() + interval '1 s', 5, 'no')"
            )
        )
    found = client.get(f"{REQUIREMENT}?exact=true").json()
    assert (found["requirement"], found["frozen"], found["reason"]) == (2000, True, "apart")
    assert found["averagePrice"] is None and float(found["price"]) == 0.015
    assert (found["targetUsd"], found["graceSeconds"]) == ("20", 259_200)
    assert client.get(f"{REQUIREMENT}?days=3").status_code == 422


def test_a_wallet_is_its_users_own(api):
    mine, operator = api.with_key("read"), api.with_key("operate")
    with api.engine.begin() as connection:
        for user, wallet in ((ANNA, WALLET), ("0f8fad5b-d9cb-469f-a165-70867728950e", OTHER)):
            connection.execute(
                text(
                    "INSERT INTO token_holders (user_id, wallet, added_at)"
                    " VALUES (:u, :w, now() - interval '1 day')"
                ),
                {"u": user, "w": wallet},
            )
    assert mine.get(CHECK + WALLET).json()["hasAccess"] is None
    assert mine.get(CHECK + WALLET).json()["state"] == "unknown"
    with api.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO access_grants (user_id, state, since, grace_ends_at, held_since, reason)"
                " VALUES (:user, 'grace', now(), now() + interval '1 day', now(), 'held')"
            ),
            {"user": ANNA},
        )
        connection.execute(
            text(
                "INSERT INTO token_balances VALUES"
                " (:wallet, now() - interval '1 hour', 9007199254740993, 9, 1, NULL),"
                " (:wallet, now(), NULL, NULL, NULL, 'unreadable')"
            ),
            {"wallet": WALLET},
        )
    found = mine.get(f"{CHECK}{WALLET}?exact=true").json()
    assert (found["state"], found["hasAccess"], found["balance"]) == ("grace", True, "9007199.254740993")
    assert found["graceEndsAt"] and found["checkedAt"] and found["requirement"] is None
    assert mine.get(CHECK + OTHER).status_code == 404
    assert operator.get(CHECK + OTHER).status_code == 200
    assert mine.get(CHECK + "1" * 32).status_code == 404, "a key that nobody has here"
    for wrong in ("0x1234", "abc", WALLET + "aa", "l" * 44):
        refused = mine.get(CHECK + wrong)
        assert refused.status_code == 422 and refused.json()["errors"][0]["parameter"] == "wallet", wrong
