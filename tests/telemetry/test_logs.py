import io
import json
import logging
import math
import uuid
from datetime import date
from decimal import Decimal
from uuid import UUID

import pandas as pd
import pytest

from include.telemetry import RedactingFilter, redact_handlers, trace, write_json_logs


@pytest.fixture
def log():
    """A logger of its own that writes JSON lines; `lines()` reads them."""
    name = f"tests.{uuid.uuid4()}"
    stream = io.StringIO()

    def start(**options):
        write_json_logs(logging.StreamHandler(stream), "tests", logger=name, **options)
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).propagate = False
        return logging.getLogger(name)

    start.lines = lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    yield start
    logging.getLogger(name).handlers.clear()


def test_a_line_has_the_six_fields(log):
    logger = log()
    with trace("run-7"):
        logger.info("settled %d trades", 3, extra={"batch": 2})
    (line,) = log.lines()
    assert list(line) == ["timestamp", "level", "service", "trace_id", "message", "details"]
    assert (line["level"], line["service"], line["trace_id"]) == ("info", "tests", "run-7")
    assert line["message"] == "settled 3 trades"
    assert line["details"]["batch"] == 2
    assert line["timestamp"].endswith("Z")


def test_an_exception_and_an_object_are_text_and_nothing_secret_passes(log):
    logger = log()
    try:
        raise ValueError("key sk-abcdefghijklmnopqrstuvwx of ann@example.org\nsecond line")
    except ValueError:
        logger.exception("failed", extra={"password": "hunter22", "thing": object()})
    (line,) = log.lines()
    assert "ValueError" in line["details"]["exception"]
    assert not any(secret in json.dumps(line) for secret in ("hunter22", "sk-abc", "ann@"))


def test_a_flood_of_one_kind_is_held_back_and_counted(log, monkeypatch):
    from include.telemetry import logs

    now = [0.0]
    monkeypatch.setattr(logs.time, "monotonic", lambda: now[0])
    logger = log(per_minute=2)
    for number in range(10):
        logger.warning("retry %d", number)
    logger.warning("another kind")
    now[0] = 61
    logger.warning("retry %d", 10)
    messages = [line["message"] for line in log.lines()]
    assert messages == ["retry 0", "retry 1", "another kind", "retry 10"]
    assert log.lines()[-1]["details"]["held_back"] == 8


def test_sampling_keeps_a_share_whole_traces_and_every_warning(log):
    logger = log(share=0.5, per_minute=10_000)
    for number in range(200):
        with trace(str(number)):
            logger.info("a")
            logger.info("b")
            logger.warning("c")
    lines = log.lines()
    assert sum(line["message"] == "c" for line in lines) == 200
    kept = {line["trace_id"] for line in lines if line["message"] == "a"}
    assert kept == {line["trace_id"] for line in lines if line["message"] == "b"}
    assert 50 < len(kept) < 150


def test_a_share_is_between_nothing_and_all(log):
    with pytest.raises(ValueError, match="from 0 to 1"):
        log(share=1.5)


def test_the_root_handlers_are_redacted_once():
    handler = logging.StreamHandler(io.StringIO())
    logging.getLogger().addHandler(handler)
    try:
        redact_handlers()
        redact_handlers()
        logging.getLogger("tests.root").warning("password=hunter22")
        assert "hunter22" not in handler.stream.getvalue()
        assert sum(isinstance(one, RedactingFilter) for one in handler.filters) == 1
    finally:
        logging.getLogger().removeHandler(handler)


class Unspeakable:
    def __repr__(self):
        raise RuntimeError("password=hunter22")


def fail(logger):
    try:
        raise ValueError("half \udc80, password=hunter22")
    except ValueError:
        logger.exception("failed")


@pytest.mark.parametrize(
    "call",
    [
        lambda logger: logger.info(
            "x", extra={"by": {date(2026, 1, 2): math.nan}, "d": {Decimal(1): UUID(int=1)}}
        ),
        lambda logger: logger.info("x", extra={"n": [math.inf, 10**5000], "t": pd.Timestamp("2026-01-02")}),
        lambda logger: logger.info("half \udc80 of %s", "a\udc80", extra={"file": "\udc80"}),
        lambda logger: logger.info("%d password=hunter22", "x"),
        lambda logger: logger.info("%s %s password=hunter22", "x"),
        lambda logger: logger.info("%(a)s", {"b": "password=hunter22"}),
        lambda logger: logger.info(Unspeakable()),
        lambda logger: logger.info("%s", Unspeakable()),
        lambda logger: logger.info("x", extra={"thing": Unspeakable()}),
        fail,
    ],
)
def test_whatever_is_logged_becomes_one_valid_line_and_nothing_raw_goes_to_stderr(
    tmp_path, log, capsys, call
):
    path = tmp_path / "log"
    logger = log()
    handler = logging.FileHandler(path, encoding="utf-8")
    write_json_logs(handler, "tests", logger=logger.name)
    call(logger)
    handler.close()
    (line,) = path.read_bytes().splitlines()
    parsed = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert parsed["service"] == "tests"
    assert b"hunter22" not in line
    assert capsys.readouterr().err == ""


def test_arguments_that_do_not_fit_are_shown_beside_their_message(log):
    log().info("%d trades", "many")
    assert log.lines()[0]["message"] == "'%d trades' with arguments ('many',)"


def test_a_line_that_cannot_be_written_is_told_without_its_content(log, capsys):
    class Full(io.StringIO):
        def write(self, _text):
            raise OSError("disk full at postgresql://ops:hunter22@db/x")

    logger = log()
    write_json_logs(logging.StreamHandler(Full()), "tests", logger=logger.name)
    logger.error("password=hunter22 of %s", "hunter22")
    said = capsys.readouterr().err
    assert said.startswith(f"a log line of {logger.name} could not be written: OSError: disk full at")
    assert "hunter22" not in said and len(said.splitlines()) == 1


def test_a_redacted_handler_writes_half_characters_and_stacks(tmp_path, capsys):
    path = tmp_path / "log"
    handler = logging.FileHandler(path, encoding="utf-8")
    logging.getLogger().addHandler(handler)
    try:
        redact_handlers()
        password = "hunter22"
        logging.getLogger("tests.root").warning("a\udc80 password=%s", password, stack_info=True)
        logging.getLogger("tests.root").warning("%d", "token=hunter22")
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()
    text = path.read_text()
    assert "a\\udc80 password=***" in text and "Stack (most recent call last)" in text
    assert "hunter22" not in text.replace('password = "hunter22"', "")
    assert "hunter22" not in capsys.readouterr().err
