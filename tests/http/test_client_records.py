"""What a call leaves behind: nothing without the database, a measurement, and no secret."""

import pytest
from sqlalchemy import text

from include.database import connect
from include.http import (
    Auth,
    QuotaUnknownError,
    RateLimitedError,
    RequestRefusedError,
    Retry,
    ServiceError,
)
from include.http import admission as admission_module
from include.telemetry import metric_record
from tests.http.conftest import IMPATIENT, metrics
from tests.support.http_server import OK, raw, reply, reset

# -- without the database


def test_without_the_database_nothing_is_called(server, client_of):
    away = connect("postgresql://tradeops:hunter2-hunter2@127.0.0.1:9/tradeops", application="tests")
    server.answers = [OK]
    with pytest.raises(QuotaUnknownError, match="not called, because its quota cannot be counted") as caught:
        client_of(engine=away).get_json("/")
    assert isinstance(caught.value, ServiceError)
    assert "hunter2" not in str(caught.value)
    assert not server.received


def test_an_answer_in_hand_outlives_a_database_that_goes_away(server, client_of, monkeypatch, caplog):
    server.answers = [reply({}, status=500), OK]
    monkeypatch.setattr(admission_module, "_NOTE", text("SELECT no_such_function(:service)"))
    assert client_of().get_json("/") == {"price": 61942.5}
    assert "The state of testing could not be noted: function no_such_function" in caplog.text


# -- measurements


def test_every_call_leaves_a_row(server, client_of, database):
    server.answers = [reply({}, status=500), reply([], after=0.1), reply({"error": "no"}, status=404)]
    client = client_of()
    client.get_json("/v1/prices", {"symbol": "BTC"})
    with pytest.raises(RequestRefusedError):
        client.post_json("/v1/other", {})
    client.close()
    ok, refused = metrics(database)
    assert (ok.metric_type, ok.metric_name, ok.unit) == ("api_response", "http.testing", "ms")
    assert 100 <= ok.value < 400  # the last answer
    assert ok.metadata == {
        "method": "GET",
        "path": "/v1/prices",
        "status": 200,
        "outcome": "ok",
        "attempts": 2,
    }
    assert refused.metadata == {
        "method": "POST",
        "path": "/v1/other",
        "status": 404,
        "outcome": "refused",
        "attempts": 1,
    }


def test_a_call_that_was_never_sent_leaves_no_row(server, client_of, database):
    server.answers = [reply({}, status=429, headers={"Retry-After": "600"})]
    with client_of() as client:
        for _ in range(2):
            with pytest.raises(RateLimitedError):
                client.get_json("/")
    assert [row.metadata["outcome"] for row in metrics(database)] == ["rate_limited"]


def test_measurements_of_calls_wait_on_disk_while_the_database_is_away(client_of, database, caplog):
    away = connect("postgresql://tradeops:hunter2-hunter2@127.0.0.1:9/tradeops", application="tests")
    client = client_of(engine=away)
    client._measurements.add(metric_record("api_response", "http.testing", 1.0, "ms"))
    client.close()
    assert "telemetry waits in" in caplog.text
    assert "hunter2" not in caplog.text
    client_of().close()
    assert [row.metric_name for row in metrics(database)] == ["http.testing"]


# -- secrets


def everything_about(error):
    seen = []
    while error is not None:
        seen += [str(error), repr(error), repr(error.args), repr(vars(error))]
        error = error.__cause__ or error.__context__
    return "\n".join(seen)


@pytest.mark.parametrize(
    "auth", [Auth("header", "X-Api-Key"), Auth("bearer"), Auth("query", "key")], ids=lambda auth: auth.place
)
def test_no_secret_gets_out(server, client_of, database, caplog, capfd, auth):
    secret = "s3cr3t/Key+value=="
    encoded = "s3cr3t%2FKey%2Bvalue%3D%3D"
    caplog.set_level("DEBUG")
    caplog.set_level("DEBUG", "httpx")  # Airflow, where a test before this one imported it, quietens httpx
    echo = {"Set-Cookie": f"session={secret}", "Location": f"{server.url}/?key={secret}"}
    page = f"<html>your key {secret} or {encoded}".encode()
    answers = [
        reply({"message": f"the key {secret} is wrong"}, status=401, headers=echo),
        reply({"error": [f"E:{encoded}"]}, status=500, headers=echo),
        reply(status=302, headers=echo),
        reply(body=page, headers={"Content-Type": "text/html", **echo}),
        reply(body=page, headers=echo),
        reply({}, status=429, headers={"X": secret}),
        raw(page),
        raw(f"HTTP/1.1 200 {secret}\r\n{secret}\r\n\r\n".encode()),
        server.hang,
        reset,
        OK,
    ]
    told = []
    with client_of(
        auth=auth,
        secret=secret,
        timeout=IMPATIENT,
        retry=Retry(attempts=2, budget=20, wait_initial=0.01, jitter=0),
    ) as it:
        for answer in answers:
            server.answers = [answer]
            try:
                it.get_json(f"/hooks/{encoded}", {"symbol": "BTC"})
            except ServiceError as error:
                told.append(everything_about(error))
        told += [repr(it), repr(it.service)]
    assert len(told) == len(answers) - 1 + 2
    assert secret in str(server.received[0])  # it was sent, after all
    with database.connect() as connection:
        told += [str(row) for row in connection.execute(text("SELECT * FROM http_services"))]
    told += [str(row) for row in metrics(database)]
    assert len(metrics(database)) == len(answers)
    printed = capfd.readouterr()
    told += [caplog.text, *(str(vars(record)) for record in caplog.records), printed.out, printed.err]
    assert "HTTP Request: GET" in caplog.text  # httpx does log, and so does the retry
    assert "stamina.retry_scheduled" in printed.out
    for text_ in told:
        assert "s3cr3t" not in text_
