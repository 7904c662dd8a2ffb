"""What services say about themselves: the table, and the errors that hide in bodies."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.http import RateLimitedError, RequestRefusedError, Service, ServiceError, ServiceUnavailableError
from include.http.answer import read_answer
from include.services import SERVICES, find_service

RECORDED = Path(__file__).parents[3] / "shared" / "data"

NAMES = st.sampled_from(["status", "error", "error_code", "error_message", "metadata", "data"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES | st.text(), inner),
)


def fault(service, payload):
    found = find_service(service).find_fault(payload)
    return found and (found.kind, found.message, found.wait)


def test_the_table_is_sound():
    for name, service in SERVICES.items():
        assert service.name == name
        assert service.base_url is None or service.base_url.startswith("https://")
        assert service.limits, f"{name} would be called without any quota"
        assert all(limit.calls > 0 and limit.seconds > 0 for limit in service.limits)
        assert service.timeout.connect <= service.timeout.total <= service.retry.budget
        assert service.timeout.read < service.retry.budget, f"{name} could never wait for its quota"
        assert service.breaker.threshold > service.retry.attempts, f"{name}: one call opens the breaker"
    with pytest.raises(TypeError):
        SERVICES["other"] = Service("other")


@pytest.mark.parametrize("code", [0, "0", None])
def test_coinmarketcap_without_error(code):
    assert fault("coinmarketcap", {"status": {"error_code": code, "error_message": ""}, "data": {}}) is None


@pytest.mark.parametrize(
    ("code", "kind", "wait"),
    [
        (1001, RequestRefusedError, None),
        (1006, RequestRefusedError, None),
        ("1006", RequestRefusedError, None),
        (400, RequestRefusedError, None),
        (1008, RateLimitedError, 60),
        ("1008", RateLimitedError, 60),
        (1009, RateLimitedError, 3600),
        (1010, RateLimitedError, 3600),
        (1011, RateLimitedError, 60),
        (500, ServiceUnavailableError, None),
    ],
)
def test_coinmarketcap_errors(code, kind, wait):
    payload = {"status": {"error_code": code, "error_message": "Words."}}
    assert fault("coinmarketcap", payload) == (kind, f"error {code}: Words.", wait)


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        (["EGeneral:Too many requests"], RateLimitedError),
        (["EAPI:Rate limit exceeded"], RateLimitedError),
        (["EService:Throttled: 1732060800"], RateLimitedError),
        (["EService:Unavailable"], ServiceUnavailableError),
        (["EService:Busy"], ServiceUnavailableError),
        (["EGeneral:Internal error"], ServiceUnavailableError),
        (["EQuery:Unknown asset pair"], RequestRefusedError),
        (["EGeneral:Invalid arguments", "WOther:Careful"], RequestRefusedError),
    ],
)
def test_kraken_errors(errors, kind):
    found, words, _ = fault("kraken", {"error": errors})
    assert found is kind
    assert words == errors[0]


@pytest.mark.parametrize(
    "payload", [{"error": [], "result": {}}, {"error": ["WGeneral:Old"], "result": {}}, []]
)
def test_kraken_without_error(payload):
    assert fault("kraken", payload) is None


@pytest.mark.parametrize("service", ["coingecko", "coingecko-pro"])
@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ([[1709395200000, 1, 2, 3, 4]], None),
        ({"prices": []}, None),
        ({"error": "coin not found"}, (RequestRefusedError, "coin not found", None)),
        (
            {"status": {"error_code": 429, "error_message": "Slow."}},
            (RateLimitedError, "error 429: Slow.", None),
        ),
        (
            {"status": {"error_code": 503, "error_message": "Down."}},
            (ServiceUnavailableError, "error 503: Down.", None),
        ),
        (
            {"error": {"status": {"error_code": 10012, "error_message": "Too far back."}}},
            (RequestRefusedError, "error 10012: Too far back.", None),
        ),
    ],
)
def test_coingecko(service, payload, expected):
    assert fault(service, payload) == expected


def test_lunarcrush_and_fear_and_greed():
    assert fault("lunarcrush", {"config": {}, "data": []}) is None
    assert fault("lunarcrush", {"error": "Topic not found"}) == (RequestRefusedError, "Topic not found", None)
    assert fault("fear_greed", {"data": [], "metadata": {"error": None}}) is None
    assert fault("fear_greed", {"metadata": {"error": "bad limit"}}) == (
        RequestRefusedError,
        "bad limit",
        None,
    )


SEC_TITLE = "SEC.gov | Request Rate Threshold Exceeded"
SEC_STYLES = "<style>" + "#content {max-width:650px;margin:60px auto;} " * 60 + "</style>"


@pytest.mark.parametrize("status", [200, 403, 429])
@pytest.mark.parametrize(
    ("heading", "kind", "words"),
    [
        (
            "Your Request Originates from an Undeclared Automated Tool",
            RequestRefusedError,
            "undeclared automated tool",
        ),
        ("Request Rate Threshold Exceeded", RateLimitedError, "too|Threshold Exceeded"),
    ],
)
def test_sec_pages_of_one_title_are_told_apart_by_what_follows(status, heading, kind, words):
    page = f"<html><head><title>{SEC_TITLE}</title>{SEC_STYLES}</head><body><h1>{heading}</h1></body></html>"
    with pytest.raises(kind, match=words) as caught:
        read_answer(find_service("sec"), status, {"content-type": "text/html"}, page.encode())
    assert caught.value.retry_after >= 600


@pytest.mark.parametrize("headers", [{}, {"retry-after": "5"}])
@pytest.mark.parametrize("status", [403, 429])
def test_sec_is_left_alone_for_ten_minutes_whatever_the_page_says(status, headers):
    with pytest.raises(ServiceError) as caught:
        read_answer(find_service("sec"), status, headers, b"<html><body>Access Denied</body></html>")
    assert caught.value.retry_after >= 600


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"status": "REQUEST_SUCCEEDED", "message": []}, None),
        (
            {"status": "REQUEST_NOT_PROCESSED", "message": ["the daily threshold … has been reached."]},
            (RateLimitedError, "REQUEST_NOT_PROCESSED: the daily threshold … has been reached.", 3600.0),
        ),
        (
            {"status": "REQUEST_NOT_PROCESSED", "message": ["The key:k is invalid."]},
            (RequestRefusedError, "REQUEST_NOT_PROCESSED: The key:k is invalid.", None),
        ),
        ({"status": "REQUEST_FAILED"}, (RequestRefusedError, "REQUEST_FAILED: no message", None)),
    ],
)
@pytest.mark.parametrize("service", ["bls", "bls-keyless"])
def test_bls_errors(service, payload, expected):
    assert fault(service, payload) == expected


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0, None),
        ("0", None),
        (100410, RateLimitedError),
        (100500, ServiceUnavailableError),
        (100421, ServiceUnavailableError),
        (100001, RequestRefusedError),
    ],
)
def test_bingx_errors(code, kind):
    found = fault("bingx", {"code": code, "msg": "Words.", "data": {}})
    assert (found and found[:2]) == (kind and (kind, f"error {code}: Words."))


@pytest.mark.parametrize(
    ("code", "kind"),
    [(-32005, ServiceUnavailableError), (429, RateLimitedError), (-32601, RequestRefusedError)],
)
def test_solana_errors(code, kind):
    error = {"code": code, "message": "Words."}
    assert fault("solana", {"error": error}) == (kind, f"error {code}: Words.", None)
    assert fault("solana", {"result": "ok"}) is None


@given(payload=JSON, service=st.sampled_from(sorted(SERVICES)))
def test_no_body_confuses_a_fault_finder(service, payload):
    found = find_service(service).find_fault(payload)
    assert found is None or found.message


@given(
    status=st.integers(200, 599),
    headers=st.dictionaries(
        st.sampled_from(["retry-after", "date", "content-type", "location"]), st.text(), max_size=4
    ),
    body=st.binary() | JSON.map(lambda payload: json.dumps(payload).encode()),
    service=st.sampled_from(sorted(SERVICES)),
)
def test_any_answer_is_json_or_a_failure_in_words(status, headers, body, service):
    try:
        read_answer(find_service(service), status, headers, body)
    except ServiceError as error:
        assert f"answered {status}" in error.message
        assert error.retry_after is None or 0 <= error.retry_after <= 1e9
        assert str(error)
    else:
        assert 200 <= status < 300


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the folder of recorded answers, ../shared, is not here")
@pytest.mark.parametrize(
    ("file", "case", "kind", "words", "wait"),
    [
        ("coinmarketcap", "ohlcv_historical_v2_docs_example", None, "", None),
        (
            "coinmarketcap",
            "err_1001",
            RequestRefusedError,
            "answered 401: error 1001: This API Key is invalid.",
            None,
        ),
        ("coinmarketcap", "err_1006", RequestRefusedError, "plan doesn't support this endpoint", None),
        ("coinmarketcap", "err_1008", RateLimitedError, "Rate limits reset every minute", 60),
        ("coingecko", "ohlc_sample", None, "", None),
        ("coingecko", "market_chart_range_sample", None, "", None),
        (
            "coingecko",
            "err_365_days",
            RequestRefusedError,
            "answered 401: error 10012: Your request exceeds",
            None,
        ),
        ("coingecko", "err_429", RateLimitedError, "You've exceeded the Rate Limit", 53),
        ("kraken_errors", "throttled", RateLimitedError, "answered 200: EGeneral:Too many requests", None),
        (
            "kraken_errors",
            "unknown_pair",
            RequestRefusedError,
            "answered 200: EQuery:Unknown asset pair",
            None,
        ),
        ("kraken_errors", "unavailable", ServiceUnavailableError, "answered 200: EService:Unavailable", None),
        ("lunarcrush", "topic_time_series_v2", None, "", None),
    ],
)
def test_recorded_answers(file, case, kind, words, wait):
    recorded = json.loads((RECORDED / "transcribed" / f"{file}.json").read_text())[case]
    answer = (
        find_service(file.removesuffix("_errors")),
        recorded["status_code"],
        recorded.get("headers", {}),
        json.dumps(recorded["body"]).encode(),
    )
    if kind is None:
        assert read_answer(*answer) == recorded["body"]
        return
    with pytest.raises(kind) as caught:
        read_answer(*answer)
    assert words in str(caught.value)
    assert caught.value.retry_after == wait
    assert caught.value.transient == (kind is not RequestRefusedError)


def test_failures_survive_pickling_between_processes():
    import pickle

    original = RateLimitedError("kraken", "slow down", 429, 53.0, True, False)
    copy = pickle.loads(pickle.dumps(original))  # noqa: S301
    assert (type(copy), vars(copy)) == (RateLimitedError, vars(original))
