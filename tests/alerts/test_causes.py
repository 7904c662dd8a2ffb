"""Which failures are of one cause."""

import errno

import pytest
from airflow.sdk.exceptions import AirflowFailException
from sqlalchemy import make_url
from sqlalchemy import text as statement

from include.alerts.causes import _DATABASE_AWAY, _DISK_IS_FULL, WorkerLostError, cause_of
from include.database import DatabaseError, connect
from include.http import (
    QuotaUnknownError,
    RateLimitedError,
    RequestRefusedError,
    ServiceError,
    ServiceUnavailableError,
    errors,
)

TASK = "settle_trades.settle"


def name(error, task=TASK):
    return cause_of(task, error).name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ValueError: batch 12 of 2000", "ValueError: batch 7 of 1999"),
        ("ValueError: run 'abc'", "ValueError: run 'def'"),
        ("KeyError: 'BTC'", "KeyError: 'ETH'"),
        (
            "ValueError: id 6c1c7f0e-5a0e-4f0f-9f3e-3f6f0f6b7a11",
            "ValueError: id 00000000-5a0e-4f0f-9f3e-3f6f0f6b7a12",
        ),
        ("ValueError: at 2026-11-01 10:00:00.123+00:00", "ValueError: at 2026-12-24T00:00:00Z"),
        ("ValueError: <object at 0x7f550e2360d0>", "ValueError: <object at 0x7fdf6c87be10>"),
    ],
)
def test_what_differs_from_time_to_time_makes_no_other_cause(one, other):
    assert name(one) == name(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ValueError: no price", "KeyError: no price"),
        ("ValueError: no price", "ValueError: no volume"),
        ("ValueError: no price", WorkerLostError()),
    ],
)
def test_other_words_are_another_cause(one, other):
    assert name(one) != name(other)


def test_another_task_s_failure_is_another_cause_unless_they_share_one():
    assert name("ValueError: x", "a.b") != name("ValueError: x", "a.c")
    assert name(AWAY, "a.b") == name(AWAY, "x.y") == "database"


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("psycopg.OperationalError: server closed the connection unexpectedly", "database"),
        ("psycopg.errors.AdminShutdown: terminating connection due to administrator command", "database"),
        ("psycopg.OperationalError: connection to server at \"::1\", port 9 failed: refused", "database"),
        (QuotaUnknownError("kraken", "the database that keeps"), "database"),
        (ServiceUnavailableError("kraken", "answered 503"), "service:kraken"),
        (RateLimitedError("coingecko-pro", "not called"), "service:coingecko-pro"),
        ("OSError: [Errno 28] No space left on device: '/x'", "disk"),
        (WorkerLostError(), "worker-lost"),
    ],
)  # fmt: skip
def test_shared_causes_are_known(error, cause):
    found = cause_of(TASK, error)
    assert found.name == cause
    assert found.message


def test_a_refusal_is_the_task_s_own_matter():
    assert name(RequestRefusedError("kraken", "unknown pair")).startswith(TASK)


def product_errors():
    """Every exception of include/http: whatever class is added there, its value decides."""
    return [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, ServiceError)]


@pytest.mark.parametrize("kind", product_errors())
@pytest.mark.parametrize("message", ["answered 503", "in other words", "No space left on device", ""])
def test_neither_the_path_of_a_class_of_ours_nor_its_sentence_decides(kind, message):
    moved = type("Renamed", (kind,), {"__module__": "somewhere.else"})
    expected = {"service": "service:kraken", "database": "database"}.get(kind.shared_cause)
    for error in (kind("kraken", message), moved("kraken", message)):
        found = name(error)
        assert found == expected if expected else found.startswith(TASK)
    away = type("Moved", (DatabaseError,), {"__module__": "somewhere.else"})
    assert name(away(message, away=True, platform=True)) == "database"
    assert name(away(message, away=True)).startswith(TASK)


@pytest.mark.parametrize(
    "sentence",
    [
        "include.database.DatabaseError: The database 'tradeops' at db:5432 cannot be reached. Is it up?",
        "include.http.errors.QuotaUnknownError: kraken: the database that keeps",
        "include.http.errors.ServiceUnavailableError: kraken: answered 503",
        str(WorkerLostError()),
    ],
)
def test_a_text_that_sounds_like_ours_is_no_shared_cause(sentence):
    assert name(sentence).startswith(TASK)


def test_nothing_of_ours_is_named_in_what_is_matched():
    assert "include" not in "".join(pattern.pattern for pattern in (_DATABASE_AWAY, _DISK_IS_FULL))


def raised(error, of=None):
    try:
        raise error from of
    except type(error) as caught:
        return caught


AWAY = DatabaseError("The database 'p' at db:5432 cannot be reached", away=True, platform=True)
OTHER = DatabaseError("The database 'p' at db:5432 cannot be reached", away=True)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (AWAY, "database"),
        (raised(AirflowFailException("not settled"), AWAY), "database"),
        (QuotaUnknownError("kraken", "not counted"), "database"),
        (
            raised(ValueError("no candles"), ServiceUnavailableError("kraken", "answered 503")),
            "service:kraken",
        ),
        (OSError(errno.ENOSPC, "words in any language"), "disk"),
    ],
)
def test_an_exception_carries_its_cause_as_a_value_whatever_its_words_are(error, cause):
    assert name(error) == cause


@pytest.mark.parametrize(
    "error",
    [
        OTHER,
        raised(RuntimeError("the restore failed"), OTHER),
        RequestRefusedError("kraken", "no such pair"),
        RuntimeError(
            'pg_basebackup failed: connection to server at "replica" (10.0.0.9), port 5432 failed: FATAL:  '
            'password authentication failed for user "repl"'
        ),
    ],
)
def test_another_server_s_trouble_is_the_task_s_own(error):
    assert name(error).startswith(TASK)


@pytest.mark.parametrize(
    "words",
    [
        "include.database.DatabaseError: The database 'airflow' at h:5432 does not let role 'a' in. It said: "
        'connection to server at "h", port 5432 failed: FATAL: password authentication failed for user "a"',
        "include.database.DatabaseError: There is no database 'x_drill' at h:5432. It said: connection to "
        'server at "h" failed: FATAL: database "x_drill" does not exist',
        'include.backups.manifest.BackupError: pg_dump: error: connection to server at "h" failed: refused',
        "psycopg.errors.IdleInTransactionSessionTimeout: terminating connection due to idle-in-transaction "
        "timeout",
    ],
)
def test_words_of_another_server_or_session_are_no_outage(words):
    assert name(words).startswith(TASK)


@pytest.mark.parametrize(("platform", "cause"), [(True, "database"), (False, TASK)])
def test_a_wrong_password_and_a_lost_connection_know_whose_they_are(database_url, platform, cause):
    wrong = make_url(database_url).set(password="wrong", username="nobody")
    refused = connect(wrong.render_as_string(hide_password=False), application="t", platform=platform)
    with pytest.raises(DatabaseError) as caught:
        refused.connect()
    assert name(caught.value).startswith(cause)
    engine = connect(database_url, application="t", platform=platform)
    with pytest.raises(Exception, match="terminating connection") as lost, engine.begin() as connection:
        connection.execute(statement("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert name(lost.value).startswith(cause)
    engine.dispose()


def test_hostile_errors_take_no_time():
    for text in ("'" * 1_000_000, "0x" * 500_000, "\x00\ud800" * 1000, "", "a:" * 100_000, "9-" * 500_000):
        assert cause_of(TASK, text).fingerprint.startswith("failure/settle_trades.settle/")
