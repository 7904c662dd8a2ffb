"""Two files of lines: what must not come out, and what must stay as it is."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.telemetry import MASK, redact
from include.telemetry.secret_shapes import SHAPES

HERE = Path(__file__).parent


def lines(name):
    text = (HERE / name).read_text().splitlines()
    return [line for line in text if line and not line.startswith("# ")]


SECRET_LINES, ORDINARY_LINES = lines("secret_lines.txt"), lines("ordinary_lines.txt")


def test_the_corpus_is_large_enough():
    assert len(SECRET_LINES) >= 150
    assert len(ORDINARY_LINES) >= 150


@pytest.mark.parametrize("line", SECRET_LINES)
def test_no_secret_comes_out(line):
    line = re.sub(r"(?<!\\)\\n", "\n", line).replace("\\r\n", "\r\n")
    secrets = re.findall("«(.+?)»", line, re.DOTALL)
    cleaned = redact(line.replace("«", "").replace("»", ""))
    assert secrets
    for secret in secrets:
        assert secret not in cleaned
        for piece in re.findall(r"[A-Za-z0-9]{6,}", secret):
            assert piece not in cleaned
    assert MASK in cleaned
    assert redact(cleaned) == cleaned


def test_ordinary_lines_stay_as_they_are():
    changed = {line: cleaned for line in ORDINARY_LINES if (cleaned := redact(line)) != line}
    assert changed == {}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.service)
def test_every_shape_that_is_listed_is_looked_for(shape):
    """Examples are made of the expressions themselves, so that a line of the list cannot be dead."""

    @settings(max_examples=5, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.from_regex(re.compile(shape.pattern.pattern, re.ASCII), fullmatch=True))
    def masked(token):
        for around in ("{}", "got {} back", "'{}'", "x={}&y", "\\n{}\\n"):
            assert token not in redact(around.format(token))

    masked()
