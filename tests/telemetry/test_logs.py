import io
import json
import logging
import uuid

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
