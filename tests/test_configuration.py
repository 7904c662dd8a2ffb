"""What is configured, as it is shown: every setting with its source, no secret, connections by name."""

import json
import re

import pytest

from include.configuration import describe_connections, describe_settings
from include.settings import ENVIRONMENT_ONLY, Settings
from include.settings.reader import SettingsError
from tests.telemetry.test_redaction_corpus import SECRET_LINES


def described(**chosen):
    return {row["name"]: row for row in describe_settings(json.dumps(chosen))}


def test_every_setting_is_there_with_its_default_and_a_description(monkeypatch):
    monkeypatch.delenv("TRADEOPS_BATCH_SIZE", raising=False)
    found = described()
    assert set(found) == set(Settings.model_fields)
    for row in found.values():
        assert row["section"] and row["description"]
        assert row["value"] == row["default"] or row["source"] == "environment"
    assert json.dumps(list(found.values()))


def test_the_source_of_a_value_is_told(monkeypatch):
    monkeypatch.setenv("TRADEOPS_BATCH_SIZE", "5")
    monkeypatch.setenv("tradeops_analysis_limit", "6")  # pydantic reads any case
    monkeypatch.setenv("TRADEOPS_CLAIM_LIMIT", "7")
    found = described(claim_limit=8)
    told = {name: (found[name]["value"], found[name]["source"]) for name in found}
    assert told["batch_size"] == (5, "environment")
    assert told["analysis_limit"] == (6, "environment")
    assert told["claim_limit"] == (8, "Variable")
    assert told["fee_rate"][1] == "default"


@pytest.mark.parametrize(
    ("written", "shown"), [("P400D", "P400D"), (5400, "PT5400S"), ("P1DT1S", "PT86401S")], ids=str
)
def test_a_duration_has_no_years_in_it(written, shown):
    assert described(backup_max_age=written)["backup_max_age"]["value"] == shown


def test_no_secret_of_the_corpus_comes_out():
    """Written into a setting that takes any text."""
    leaked = []
    for line in SECRET_LINES:
        line = re.sub(r"(?<!\\)\\n", "\n", line).replace("\\r\n", "\r\n")
        secrets = re.findall("«(.+?)»", line, re.DOTALL)
        text = line.replace("«", "").replace("»", "")
        shown = json.dumps(described(production_names=[text])["production_names"], ensure_ascii=False)
        leaked += [secret for secret in secrets if secret in shown]
    assert leaked == []


@pytest.mark.parametrize("name", ["backup_location", "archive_location", "probe_storage"])
def test_a_login_in_a_location_is_masked(name):
    row = described(**{name: "s3://AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMIK7MDENG@bucket/prefix"})[name]
    assert "wJalrXUtnFEMIK7MDENG" not in json.dumps(row)
    assert row["value"].endswith("@bucket/prefix")


def test_an_ordinary_configuration_is_shown_as_it_is():
    chosen = {
        "llm_prices": {"gpt-5": {"prompt": "1.25", "completion": "10"}},
        "alert_channels": {"email": ["critical"]},
        "backup_recipient": f"age1{'q' * 58}",
        "contact": "Example Research ops@example.com",
    }
    found = described(**chosen)
    assert {name: found[name]["value"] for name in chosen} | {"contact": None} == chosen | {"contact": None}


def test_settings_that_cannot_be_read_are_an_error():
    with pytest.raises(SettingsError, match="batch_sice"):
        describe_settings('{"batch_sice": 5}')


def test_connections_are_named_and_nothing_of_them_is_shown():
    chosen = '{"candle_sources": ["ccxt:binance"]}'
    found = {row["name"]: row["present"] for row in describe_connections(chosen, {"llm", "sec"}.__contains__)}
    assert {name for name, present in found.items() if present} == {"llm", "sec"}
    assert {"tradeops_db", "api_scrape", "slack_alerts", "smtp_alerts", "market_ccxt_binance"} <= found.keys()
    assert all("<" not in name for name in found)


def test_what_is_read_at_the_start_of_a_process_is_told_by_its_environment(monkeypatch):
    monkeypatch.setenv("TRADEOPS_SIGNAL_SCHEDULE", "*/15 * * * *")
    assert described()["signal_schedule"]["source"] == "environment"
    assert set(described()) >= ENVIRONMENT_ONLY
