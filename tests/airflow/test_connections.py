"""What tasks are handed: settings, the database's URL, addresses of services."""

import json
import logging
from datetime import timedelta

import pytest
from airflow._shared.secrets_masker import should_hide_value_for_key
from airflow.sdk.exceptions import AirflowFailException
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import create_engine, make_url, text

from include.airflow.connections import (
    SettingsMissingError,
    UnreadableError,
    database_url,
    endpoint,
    load_settings,
    open_database,
    open_sources,
    open_storage,
)
from include.candles import LeftOut, SourceError
from include.http import RequestRefusedError
from include.settings import Settings
from include.storage import StorageError
from include.telemetry import record_metric
from tests.support.stores import rclone_folder, rclone_s3

__all__ = ["rclone_folder", "rclone_s3"]  # fixtures


def connection(monkeypatch, name, **fields):
    monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps({"conn_type": "generic", **fields}))


def variable(monkeypatch, value):
    monkeypatch.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", json.dumps(value))


def test_airflow_shows_the_value_of_each_setting():
    """Who saves the Variable's form stores what it shows: of a masked value, three stars."""
    assert not [name for name in Settings.model_fields if should_hide_value_for_key(name)]


def test_a_former_name_of_a_setting_is_refused_in_words_that_name_the_present_one(monkeypatch):
    variable(monkeypatch, {"llm_answer_tokens": 5})
    with pytest.raises(UnreadableError, match="did you mean llm_answer_length"):
        load_settings()


def test_settings_come_from_the_variable_over_the_environment_over_the_defaults(monkeypatch):
    variable(monkeypatch, {"batch_size": 7, "lease": 60, "candle_sources": ["kraken", "ccxt:coinbase"]})
    monkeypatch.setenv("TRADEOPS_BATCH_SIZE", "5")
    monkeypatch.setenv("TRADEOPS_CLAIM_LIMIT", "9")
    settings = load_settings()
    assert (settings.batch_size, settings.claim_limit, settings.data_quality_min) == (7, 9, 90)
    assert settings.lease == timedelta(minutes=1)
    assert settings.candle_sources == ("kraken", "ccxt:coinbase")


def test_a_wrong_setting_fails_the_task_for_good_in_words(monkeypatch):
    variable(monkeypatch, {"data_quality_min": 101})
    with pytest.raises(
        UnreadableError, match="Variable tradeops_settings: data_quality_min is 101"
    ) as caught:
        load_settings()
    assert isinstance(caught.value, AirflowFailException), "trying again would change nothing"


@pytest.mark.parametrize(
    "text", ['{"backup_recipient": "age1q",}', "", "[1, 2]", "{'fee_rate': 0.1}", "null"]
)
def test_a_variable_that_cannot_be_read_is_never_the_defaults(monkeypatch, text):
    monkeypatch.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", text)
    with pytest.raises(UnreadableError, match="Variable tradeops_settings"):
        load_settings()


def test_a_variable_that_is_not_there_or_not_fetched_is_not_the_defaults_and_is_tried_again(monkeypatch):
    monkeypatch.delenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", raising=False)
    with pytest.raises(
        SettingsMissingError, match="tradeops_settings is missing, or Airflow could not"
    ) as caught:
        load_settings()
    assert not isinstance(caught.value, AirflowFailException)


def test_an_extra_that_cannot_be_read_loses_no_option(monkeypatch):
    """Airflow takes it for empty, and the connection would go out without its certificate checks."""
    connection(monkeypatch, "tradeops_db", host="db.example", extra='{"sslmode": "verify-full",}')
    with pytest.raises(
        UnreadableError, match="extra of connection tradeops_db is no JSON: line 1, column 27"
    ):
        database_url()


@pytest.mark.parametrize("share", ["half", "2"])
def test_a_share_of_the_log_that_is_none_is_said(monkeypatch, tmp_path, database_url, share):
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    monkeypatch.setenv("TRADEOPS_LOG_FILE", str(tmp_path / "log"))
    monkeypatch.setenv("TRADEOPS_LOG_SHARE", share)
    with pytest.raises(UnreadableError, match="TRADEOPS_LOG_SHARE is"), open_database("tests"):
        pass


def test_the_sandbox_is_refused_for_a_database_that_is_not_the_stacks_own(database, foreign_database):
    settings = Settings(candle_sources=("sandbox",))
    with (
        pytest.raises(UnreadableError, match="not the local stack's own"),
        open_sources(settings, foreign_database),
    ):
        pass


def test_the_database_url_survives_odd_passwords_and_options(monkeypatch):
    connection(
        monkeypatch, "tradeops_db", host="db.example", port=6543, schema="tradeops", login="trade@ops",
        password="p@ss/w:rd?", extra=json.dumps({"sslmode": "require"}),
    )  # fmt: skip
    assert database_url() == (
        "postgresql://trade%40ops:p%40ss%2Fw%3Ard%3F@db.example:6543/tradeops?sslmode=require"
    )


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("db.example", 5432, {"host": "db.example", "port": "5432"}),
        ("::1", 5433, {"host": "::1", "port": "5433"}),
        ("2001:db8::7", None, {"host": "2001:db8::7"}),
        ("[2001:db8::7]", 6432, {"host": "2001:db8::7", "port": "6432"}),
        ("/var/run/postgresql", 5433, {"host": "/var/run/postgresql", "port": "5433"}),
        ("/var/run/postgresql", None, {"host": "/var/run/postgresql"}),
        ("db1,db2", 6432, {"host": "db1,db2", "port": "6432,6432"}),
    ],
)
def test_a_database_is_found_under_a_name_an_address_or_a_sockets_folder(monkeypatch, host, port, expected):
    connection(
        monkeypatch, "tradeops_db", host=host, port=port, login="u@x", password="p:/w@#?%", schema="tra deops"
    )
    expected = {**expected, "user": "u@x", "password": "p:/w@#?%", "dbname": "tra deops"}
    assert conninfo_to_dict(database_url()) == expected, "for pg_dump and psql"
    target = make_url(database_url()).set(drivername="postgresql+psycopg")
    _, arguments = create_engine(target).dialect.create_connect_args(target)
    assert {name: str(value) for name, value in arguments.items() if name != "context"} == expected


def test_sources_open_without_a_connection_at_the_vendors_own_address(database):
    settings = Settings(candle_sources=("kraken", "ccxt:coinbase"))
    with open_sources(settings, database) as sources:
        assert [source.name for source in sources] == ["kraken", "ccxt:coinbase"]


def test_a_source_that_needs_a_key_says_so(database):
    with (
        pytest.raises(RequestRefusedError, match="coinmarketcap: no key"),
        open_sources(Settings(candle_sources=("coinmarketcap",)), database),
    ):
        pass


def test_a_source_that_cannot_be_opened_does_not_stop_the_others(database, monkeypatch):
    connection(monkeypatch, "market_coingecko", host="ftp://example.com", password="a-key")
    names = ("coinmarketcap", "archive", "kraken", "coingecko:pro")
    with open_sources(Settings(candle_sources=names), database) as sources:
        assert tuple(source.name for source in sources) == names
        said = {source.name: source.why for source in sources if isinstance(source, LeftOut)}
        with pytest.raises(SourceError, match="no key") as caught:
            sources[0].offers("BTC", None)
        assert not caught.value.temporary
    assert said == {
        "coinmarketcap": "no key; store one as password of the connection 'market_coinmarketcap'",
        "archive": "candle_sources names the archive: set archive_path to its file or folder",
        "coingecko:pro": "its address, in the connection 'market_coingecko', begins with neither http:// nor https://",
    }


def test_a_source_that_nobody_knows_is_a_setting_to_mend(database):
    with (
        pytest.raises(UnreadableError, match="unknown candle source 'krakn'"),
        open_sources(Settings.model_construct(candle_sources=("krakn", "kraken"), coins={}), database),
    ):
        pass


def test_no_source_at_all_is_said(database):
    with pytest.raises(ValueError, match="candle_sources"), open_sources(Settings(), database):
        pass


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"host": "https://api.kraken.com"}, "https://api.kraken.com"),
        ({"host": "http://sandbox:8090/llm/v1/"}, "http://sandbox:8090/llm/v1"),
        ({"host": "http://sandbox/llm/v1", "port": 8090}, "http://sandbox:8090/llm/v1"),
        ({"host": "api.openai.com", "schema": "https"}, "https://api.openai.com"),
        ({"host": "localhost", "schema": "http", "port": 11434}, "http://localhost:11434"),
    ],
)
def test_an_endpoint_is_a_url_and_a_secret_that_does_not_show(monkeypatch, fields, url):
    connection(monkeypatch, "llm", password="sk-secret", **fields)
    found = endpoint("llm")
    assert (found.base_url, found.secret) == (url, "sk-secret")
    assert "sk-secret" not in repr(found)


def test_a_task_writes_telemetry_to_the_platforms_database_and_its_events_to_a_file(
    monkeypatch, database, database_url, tmp_path
):
    url = make_url(database_url)
    connection(
        monkeypatch, "tradeops_db", host=url.host, port=url.port, schema=url.database, login=url.username,
        password=url.password,
    )  # fmt: skip
    log = tmp_path / "tradeops.log"
    monkeypatch.setenv("TRADEOPS_LOG_FILE", str(log))
    ours = logging.getLogger("include")
    try:
        for number in range(2):
            with open_database("tests") as engine, engine.connect():
                record_metric("database_query", f"query {number}", 1, "ms")
                logging.getLogger("include.tests").warning("seen by ann@example.org")
    finally:
        for handler in ours.handlers[:]:
            ours.removeHandler(handler)
            handler.close()
    with database.connect() as link:
        names = link.execute(text("SELECT metric_name FROM atge_performance_metrics ORDER BY 1")).scalars()
        assert list(names) == ["query 0", "query 1"]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["message"] for line in lines] == ["seen by ***"] * 2


def test_a_task_s_log_has_no_line_a_request(monkeypatch, database_url):
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    with open_database("tests"):
        assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)


def test_a_local_store_needs_no_connection(tmp_path):
    assert open_storage(str(tmp_path)).location == str(tmp_path)


def test_an_object_store_is_opened_as_its_connection_says(monkeypatch, rclone_s3):
    connection(
        monkeypatch, "object_store", host=rclone_s3.endpoint_url, login=rclone_s3.access_key,
        password=rclone_s3.secret_key, extra='{"region": "eu-west-1", "checksums": "when_required"}',
    )  # fmt: skip
    storage = open_storage("s3://tradeops/by-connection")
    storage.write("a", [b"content"])
    assert b"".join(storage.read("a")) == b"content"


@pytest.mark.parametrize("extra", [{"checksums": "never"}, {"regoin": "eu-west-1"}])
def test_an_odd_extra_of_the_object_store_is_refused(monkeypatch, extra):
    connection(monkeypatch, "object_store", host="http://127.0.0.1:1", extra=json.dumps(extra))
    with pytest.raises(StorageError, match="extra may hold"):
        open_storage("s3://tradeops")
