import json
import logging
import time
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from include.telemetry import MASK, RedactingFilter, redact, redact_event
from include.telemetry.secret_names import Tells, is_secret

PRIVATE_KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\nabc\n-----END RSA PRIVATE KEY-----"

# The part that must not come out, and the text around it.
SECRETS = {
    "query": ("0123456789abcdef", "GET https://api.stlouisfed.org/fred?id=GDP&api_key=0123456789abcdef&x=1"),
    "query key": ("0123456789abcdef", "https://api.census.gov/data?key=0123456789abcdef"),
    "query apikey": ("abc-def", "https://example.com/?apikey=abc-def"),
    "query token": ("abc-def", "https://example.com/?a=1;access_token=abc-def#top"),
    "query signed": ("deadbeef", "https://s3.example.com/o?X-Amz-Signature=deadbeef&X-Amz-Expires=60"),
    "query escaped": ("abc-def", r'"url": "https://example.com/?a=1\u0026token=abc-def"'),
    "registration key": ("abc-def", '{"seriesid": ["A"], "registrationkey": "abc-def"}'),
    "user and password": ("hunter2", "https://joe:hunter2@example.com/x"),
    "database": (
        "hunter2",
        "could not connect: postgresql+psycopg://tradeops:hunter2@127.0.0.1:5432/tradeops",
    ),
    "database, not encoded": ("hun/ter?2#@x", "postgres://tradeops:hun/ter?2#@x@127.0.0.1/tradeops"),
    "redis without user": ("hunter2", "redis://:hunter2@cache:6379/0"),
    "libpq": ("hunter2", "host=db user=joe password=hunter2 dbname=x"),
    "libpq quoted": ("hun ter2", "host=db password='hun ter2' dbname=x"),
    "odbc": ("hunter2", "Driver=x;Uid=joe;Pwd=hunter2;Server=db"),
    "bearer": ("abc.def", "Authorization: Bearer abc.def"),
    "basic": ("am9lOmh1bnRlcjI=", "authorization: Basic am9lOmh1bnRlcjI="),
    "bare bearer": ("abcdefgh1234", "sent Bearer abcdefgh1234 to the server"),
    "header dict": ("abc-def", "{'X-CMC_PRO_API_KEY': 'abc-def', 'Accept': '*/*'}"),
    "header pairs": ("abc-def", "[(b'x-cg-pro-api-key', b'abc-def'), (b'Accept', b'*/*')]"),
    "header line": ("abc-def", "x-anything-key: abc-def"),
    "cookie": ("id=abc", "Cookie: id=abc; theme=dark"),
    "set-cookie": ("id=abc", "[(b'Set-Cookie', b'id=abc; Path=/')]"),
    "json": ("b, c", json.dumps({"password": 'a"b, c', "n": 1})),
    "json in json": ("abc def", json.dumps({"body": json.dumps({"api_key": "abc def", "n": 1})})),
    "camel case": ("abc-def", '{"clientSecret":"abc-def","accessToken":"abc-def"}'),
    "environment": ("abc-def", "TRADEOPS_SECRET_ACCESS_KEY=abc-def"),
    "yaml": ("hunter2", "db:\n  password: hunter2\n"),
    "python keyword": ("hunter2", "connect(host='db', password='hunter2')"),
    "unterminated": ("hunter2", 'password="hunter2 and the rest is cut'),
    "routing key": ("abc-def", '{"routing_key": "abc-def"}'),
    "jwt": ("eyJzdWIi", "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_d-ef back"),
    "aws": ("AKIAIOSFODNN7EXAMPLE", "key AKIAIOSFODNN7EXAMPLE denied"),
    "slack token": ("1234567890-abc", "xoxb-1234567890-abcdefghijk"),
    "slack webhook": ("B000/XXXX", "POST https://hooks.slack.com/services/T000/B000/XXXXyyyy"),
    "openai": ("abcdefghijklmnop", "Incorrect API key provided: sk-proj-abcdefghijklmnopqrst"),
    "github": ("ghp_", "ghp_abcdefghijklmnopqrstuvwxyz0123456789"),
    "age": ("1QQQQ", "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQ"),
    "private key": ("MIIEowIBAAKCAQEA", f"before {PRIVATE_KEY} after"),
    "private key, cut": ("MIIEowIBAAKCAQEA", PRIVATE_KEY[:60]),
    "private key, escaped": ("MIIEowIBAAKCAQEA", json.dumps({"pem": PRIVATE_KEY})),
    "email": ("joe.doe", "mail to joe.doe+x@mail.example.co.uk, please"),
    "card": ("4111111111111111", "paid with 4111111111111111"),
    "card, spaced": ("5500 0055", "paid with 5500 0055 5555 5559."),
    "american express": ("378282246310005", "378282246310005"),
    "phone": ("555-0123", "call +1 (212) 555-0123"),
    "phone, plain": ("442071838750", "call +442071838750"),
    "phone, domestic": ("555-0123", "call 212-555-0123"),
}

ORDINARY = [
    "close 61942.12345678, change +12.34567890 %, +3.5%, volume 5244856835.70851",
    "balance 0.4111111111111111 of 1370247487960.09, 1e-18, -4111111111111111",
    "1709395200 1709395200000 1709395200000000 1709395200000000000",
    "order 1234567890123456789 trade 4111111111111112 id 5500005555555550",
    "550e8400-e29b-41d4-a716-446655440000 4f9619ff-8b86-4111-a111-111111111111",
    "2026-11-21T01:00:00+00:00 2026-11-21 01:00:00.123456+0000 01:02:03",
    "https://api.kraken.com/0/public/OHLC?pair=XBTUSD&interval=1&since=1709395200",
    "https://api.coingecko.com/api/v3/coins/bitcoin/ohlc?vs_currency=usd&days=7",
    "risk-adjusted-return, task-0123456789abcdef, mask-and-blend-everything",
    "token_price=4.2 tokens=512 max_tokens: 900 total_tokens=7 tokenised",
    "the secretary keeps a key account; sort key: timestamp; primary key=(symbol, at)",
    "password authentication failed for user",
    "password=None, api_key: null, has_secret=False",
    "allocation 40/30/30 symbol BTC/USDT @ 61942.5, ratio 2:1, user@localhost",
    "File /opt/airflow/dags/sweep.py, line 12, in claim",
    "basic authentication, bearer of news, session started, connection reset",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "version 1.24.0-rc.1+build.5, 127.0.0.1:5432, ::1, 10.0.0.0/8",
    '{"dedup_key": "late:sweep", "symbol": "BTC", "key": "batch-7"}',
]


@pytest.mark.parametrize("case", SECRETS)
def test_secrets_are_masked(case):
    secret, line = SECRETS[case]
    assert secret in line
    cleaned = redact(line)
    assert secret not in cleaned
    assert MASK in cleaned
    assert redact(cleaned) == cleaned


@pytest.mark.parametrize("line", ORDINARY)
def test_ordinary_lines_stay_as_they_are(line):
    assert redact(line) == line


def test_what_surrounds_a_secret_stays():
    assert redact(SECRETS["query"][1]) == "GET https://api.stlouisfed.org/fred?id=GDP&api_key=***&x=1"
    assert redact(SECRETS["libpq"][1]) == "host=db user=joe password=*** dbname=x"
    assert redact(SECRETS["odbc"][1]) == "Driver=x;Uid=joe;Pwd=***"  # a password may hold a ;
    assert redact(SECRETS["private key"][1]) == "before *** after"
    assert redact(SECRETS["user and password"][1]) == "https://***@example.com/x"
    assert redact("Authorization: Bearer abc.def status=200") == "Authorization: *** status=200"
    assert redact("Cookie: id=abc; theme=dark\nAccept: */*") == "Cookie: ***\nAccept: */*"


def test_json_stays_json():
    original = {"password": 'a"b', "nested": {"api_key": "x", "price": 61942.5}, "list": ["a@b.example"]}
    cleaned = {"password": MASK, "nested": {"api_key": MASK, "price": 61942.5}, "list": [MASK]}
    assert json.loads(redact(json.dumps(original))) == cleaned
    assert json.loads(redact(json.dumps(original, indent=2))) == cleaned


def test_a_mapping_is_cleaned_inside_and_stays_as_it_was():
    moment, number = datetime(2026, 11, 21, tzinfo=UTC), UUID(int=5)
    original = {
        "url": "https://joe:hunter2@example.com",
        "headers": {"Authorization": "Bearer abc", "Accept": "*/*"},
        "attempts": (1, 2.5, Decimal("0.1"), None, True),
        "raw": b"token=abc",
        "error": ValueError("password=hunter2"),
        "X-Any-Key": ["abc"],
        "has_password": True,
        "password": None,
        "at": moment,
        "id": number,
        7: "seven",
        ("a", "b"): 1,
    }
    before = dict(original)
    assert redact(original) == {
        "url": "https://***@example.com",
        "headers": {"Authorization": MASK, "Accept": "*/*"},
        "attempts": [1, 2.5, Decimal("0.1"), None, True],
        "raw": "token=***",
        "error": "ValueError('password=***')",
        "X-Any-Key": MASK,
        "has_password": True,
        "password": None,
        "at": moment,
        "id": number,
        7: "seven",
        "('a', 'b')": 1,
    }
    assert original == before


def test_known_secrets_are_masked_wherever_they_stand():
    assert redact("a/b+c=d and a%2Fb%2Bc%3Dd and a/b%2Bc%3Dd", "a/b+c=d", None, "") == "*** and *** and ***"
    assert redact({"note": "the pass is tomato"}, "tomato") == {"note": "the pass is ***"}
    assert redact("a cat sat", "a") == "a cat sat"  # too short to mean anything


def test_nothing_breaks_it():
    class Broken:
        def __repr__(self):
            raise RuntimeError("no")

    cycle = {"name": "cycle"}
    cycle["self"] = cycle
    deep = []
    for _ in range(100_000):
        deep = [deep]
    wide = []
    for _ in range(60):
        wide = [wide, wide]
    assert redact(Broken()) == "<Broken that cannot be shown: RuntimeError>"
    assert redact(cycle) == {"name": "cycle", "self": "<seen above>"}
    assert isinstance(redact(deep), list)
    assert len(redact(wide)) == 2  # at once, though it has 2**60 leaves
    assert redact("\ud800 lone surrogate, password=x") == "\ud800 lone surrogate, password=***"


@given(st.text())
def test_any_text_is_cleaned_without_complaint(line):
    cleaned = redact(line)
    assert isinstance(cleaned, str)


@given(
    name=st.sampled_from(["password", "api_key", "X-Api-Key", "client_secret", "access_token"]),
    value=st.text(
        st.characters(codec="ascii", exclude_characters="\\\"' \t\r\n\x0b\x0c\x1c\x1d\x1e\x1f&"), min_size=6
    ),
    form=st.sampled_from(["{}={}", "{}: {}", '"{}": "{}"', "'{}': '{}'", "{}='{}' x", "('{}', '{}')"]),
)
def test_the_value_of_a_telling_name_never_comes_out(name, value, form):
    if not is_secret(value, Tells.SURELY):  # `none`, `******`, `<name>`
        return
    assert value not in redact(form.format(name, value)).replace(name, "")


HOSTILE = [
    "a",
    "1",
    "4111 ",
    "password=",
    'password="',
    "password='",
    "password=\\",
    "password:\n",
    "password=,",
    "://",
    "://a",
    "://@",
    "postgres://",
    "postgres://@",
    "eyJ",
    "-eyJ",
    "eyJaaaaaaaa.",
    "a@",
    "a@b.",
    "@",
    "a.",
    "3 ",
    "1-",
    "+1 ",
    "+1",
    "+11111111111111111111 ",
    "(212) ",
    "-----BEGIN PRIVATE KEY-----",
    "?",
    "?a",
    "&key=",
    "&" + "a" * 45,
    "bearer ",
    "bearer a",
    "x-",
    "x-a",
    "token",
    "secret-",
    "cookie:",
    "sk-",
    "xoxb-",
    "gh",
    "ghp_",
    '"token',
    "session_",
    "hooks.slack.com/services/",
    "\\",
    "[",
    '{"password":',
    "authorization: digest ",
    "--password ",
    "--password '",
    "mysql -p",
    "-u a:",
    "password: |\n ",
    "  password: |\n    a\n",
    "<password>",
    "<password>a",
    "name=a value=",
    'name="password"\n',
    "PASSWORD '",
    "PASSWORD ''",
    "PASSWORD $a$",
    "identified with ",
    "set password a",
    'Authorization: Digest a="b", ',
    "a:5432:b:c:",
    "%3A%2F%2Fa",
    "&a=b%26",
    "https://u:p/",
    "https://mainnet.a.b/",
    "//a/hooks/aaaaa",
    "123456:",
    "SG.aaaaaaaaaa.",
    "eyJaaaaaaaa-",
    "-----END PRIVATE KEY-----",
    "MIIEowIBAAKCAQEAMIIE\n",
    "mnemonic=a ",
    "password=[a,",
    "password={a",
    "a-",
    "-.",
    "a: ",
    "('password', '",
    "password=a&",
    'password=\\"',
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_hostile_line_takes_linear_time(piece):
    """A hundred thousand characters in a second on a busy machine; anything quadratic would take minutes."""
    line = piece * (100_000 // len(piece)) + "@"
    started = time.process_time()
    redact(line)
    assert time.process_time() - started < 1


def test_an_ordinary_line_takes_next_to_no_time():
    line = (
        "2026-11-21 01:00:00 INFO candles: 720 candles of BTC/USDT from kraken in 231.4 ms, window "
        "1709395200000..1709438400000, close 61942.12 (trade 550e8400-e29b-41d4-a716-446655440000)"
    )
    best = 1.0
    for _ in range(20):
        started = time.process_time()
        for _ in range(100):
            redact(line)
        best = min(best, (time.process_time() - started) / 100)
    assert best < 0.0002


def test_a_standard_logger_is_cleaned(caplog):
    logger = logging.getLogger("tests.redaction")
    cleaner = RedactingFilter()
    cleaner.learn("tomato")
    cleaner.learn(None)
    logger.addFilter(cleaner)
    try:
        logger.warning("HTTP Request: %s %s", "GET", "https://example.com/tomato?api_key=abc-def")
        logger.warning("%d %d", "password=hunter2")  # wrong arguments
        try:
            raise ValueError("password=hunter2")
        except ValueError:
            logger.exception("it failed")
    finally:
        logger.removeFilter(cleaner)
    assert "GET https://example.com/***?api_key=***" in caplog.text
    assert "it failed\nTraceback (most recent call last):" in caplog.text
    assert "ValueError: password=***" in caplog.text
    assert not {"hunter2", "abc-def", "tomato"} & set(caplog.text.replace("=", " ").replace("'", " ").split())
    assert all(record.exc_info is None for record in caplog.records)


def test_structlog_is_cleaned():
    with structlog.testing.capture_logs(processors=[redact_event]) as events:
        structlog.get_logger().info("called https://joe:hunter2@example.com", api_key="abc", status=200)
    assert events == [
        {"event": "called https://***@example.com", "api_key": MASK, "status": 200, "log_level": "info"}
    ]
