"""What a message says, in whatever form: lines, quotes, the worst first, the singular."""

import pytest

from include.alerts.channels.email import MailServer, compose_mail
from include.alerts.channels.slack import slack_payload
from tests.alerts.written import failure, row, written


@pytest.mark.parametrize("run", [1, 2, 3, 4, 5, 6, 40])
@pytest.mark.parametrize("place", ["{}", "a {} b", "{}a", "a{}"])
def test_no_run_of_backticks_ends_a_code_block(run, place):
    payload = slack_payload(written(failure(place.format("`" * run))))
    (code,) = [
        block["text"]["text"]
        for block in payload["blocks"]
        if block.get("text", {}).get("text", "")[:3] == "```"
    ]
    assert code.endswith("```")
    assert "``" not in code[3:-3]
    assert "`" not in (code[3], code[-4])


@pytest.mark.parametrize(
    "separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\r\n"]
)
def test_no_separator_of_lines_is_left_in_one_line_and_mail_takes_it(separator):
    message = written(row(title=f"GET /a{separator}b", labels={"metric_name": f"/a{separator}b"}))
    assert message.headline == "Firing: GET /a b"
    assert len(message.headline.splitlines()) == len(message.items[0].labels["metric_name"].splitlines()) == 1
    mail = compose_mail(message, MailServer("h", 25, "t@example.com", ("o@example.com",), security="none"))
    assert mail["Subject"] == "[critical] Firing: GET /a b"


def test_the_worst_heads_a_message_of_several():
    several = written(
        failure(severity="warning", title="Task replay_trades.choose failed", fingerprint="failure/a"),
        failure(severity="critical", title="Task settle_trades.claim failed", fingerprint="failure/b"),
        subject="failures",
    )
    assert several.headline == "2 failures of 2 causes: Task settle_trades.claim failed, and others"
    assert several.severity == several.items[0].severity == "critical"


def test_one_of_something_is_said_in_the_singular():
    assert written(row(counted=1), first=False).headline.startswith("Firing again, 1 time more: ")
    assert written(row(counted=3), first=False).headline.startswith("Firing again, 3 times more: ")
    digest = written(row(severity="info"), subject="digest")
    assert digest.headline == "Daily digest: 1 notice about 1 alert"
