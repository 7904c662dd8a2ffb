"""Settings that cannot be read stop the work, and a message says where, which and what would be right."""

import re
from pathlib import Path

import pytest

from include.settings import Settings
from include.settings.reader import (
    OTHER_FAMILIES,
    OTHER_NAMES,
    SettingsError,
    environment_settings,
    read_settings,
)

ROOT = Path(__file__).parents[2]


def refusal(text):
    with pytest.raises(SettingsError) as caught:
        read_settings(text)
    return str(caught.value)


def test_what_is_chosen_is_in_force_and_the_rest_is_as_ever():
    settings = read_settings('{"batch_size": 7, "llm_daily_budget_usd": null}')
    assert (settings.batch_size, settings.llm_daily_budget_usd) == (7, None)
    assert settings.claim_limit == Settings().claim_limit
    assert read_settings("{}") == Settings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"backup_recipient": "age1x",}', "line 1, column 30: .* a comma before a closing brace"),
        ('{"lease": 60\n "batch_size": 5}', "line 2, column 2: .* a comma .* is missing"),
        ('{"contact": "Ann}', "line 1, column 13: .* no closing quote"),
        ("{'lease': 60}", "line 1, column 2: .* double quotes"),
        ('{"lease": 60}}', "line 1, column 14: the object ends before this"),
        ('{"lease" 60}', "line 1, column 10: .* colon"),
        ('{"candle_sources": ["archive",]}', "line 1, column 31: .*a value should stand"),
    ],
)
def test_what_is_no_json_is_said_with_its_place(text, words):
    said = refusal(text)
    assert said.startswith("Variable tradeops_settings is no JSON: ")
    assert re.search(words, said)


@pytest.mark.parametrize("text", ["", "  \n", "[]", "null", "3", '"{}"', "true"])
def test_nothing_and_anything_but_an_object_are_refused(text):
    assert re.search("it must be|is empty", refusal(text))
    assert '{"data_quality_min": 90}' in refusal(text)


@pytest.mark.parametrize("text", ['{"fee_rate": 0.1, "fee_rate": 0}', '{"llm_prices": {"a": {}, "a": {}}}'])
def test_a_name_that_stands_twice_is_refused(text):
    assert "stands in it twice" in refusal(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"candle_source": ["archive"]}', "there is no setting candle_source; did you mean candle_sources?"),

        ('{"Lease": "x"}', 'Variable tradeops_settings: lease is "x"'),
        ('{"zzz": 1}', "there is no setting zzz; docs/operating.md lists them all"),
        ('{"data_quality_min": 101}', "data_quality_min is 101; it must be a number (0 or more, 100"),
        ('{"lease": "soon"}', 'lease is "soon"; it must be a duration such as PT15M'),
        ('{"keep_errors": -1}', "keep_errors is -1: a duration cannot be negative"),
        ('{"fee_rate": true}', "fee_rate is true: this setting is not true or false"),
        ('{"trade_size_usd": "inf"}', 'trade_size_usd is "inf"; it must be a number (more than 0)'),
        ('{"trade_size_usd": NaN}', "NaN is no number"),
        ('{"candle_sources": "archive"}', 'candle_sources is "archive"; it must be a list'),
        ('{"candle_sources": ["kraken", "sandbox"]}', "the sandbox market cannot be mixed"),
        ('{"archive_path": ""}', 'archive_path is "": an empty text'),
        ('{"archive_path": "candles"}', 'archive_path is "candles": write the whole path, from / on'),
        ('{"archive_path": "~/candles"}', "write the whole path"),
        ('{"alert_rules_path": "./rules.yaml"}', 'alert_rules_path is "./rules.yaml": write the whole path'),
        ('{"database_volume": "data"}', 'database_volume is "data": write the whole path'),
        ('{"backup_log_folders": ["/logs", "logs"]}', 'backup_log_folders.1 is "logs": write the whole path'),
        ('{"backup_recipient": ""}', 'backup_recipient is "": an empty text'),
        ('{"backup_recipient": "age1abc"}', "write the public key of a pair that age-keygen made"),
        ('{"backup_recipient": "AGE-SECRET-KEY-1QQQQ"}', "backup_recipient is a private key: write the"),
        ('{"backup_location": "backups"}', 'backup_location is "backups": write /abs/path, file:///abs'),
        ('{"export_locations": ["/a", "~/b"]}', "write /abs/path"),
        ('{"archive_location": "S3://x/y"}', "write /abs/path"),
        ('{"probe_storage": "https://x"}', "write /abs/path"),
        ('{"backup_method": "tape"}', "it must be one of stream, directory, physical"),
        ('{"alert_channels": {"slack": ["loud"]}}', "alert_channels.slack.0 is"),
        ('{"llm_prices": {"m": {"prompt": -1, "completion": 0}}}', "llm_prices.m.prompt is -1; it must"),
        ('{"llm_prices": {"m": {"prompt": 1}}}', "llm_prices.m.completion is missing"),
        ('{"llm_prices": {"m": {"promt": 1, "prompt": 1, "completion": 1}}}', "llm_prices.m.promt is"),
        ('{"signal_requests": [{"user_id": "ann"}]}', "signal_requests.0.user_id is"),
        ('{"signal_schedule": "* * * * *"}', "set TRADEOPS_SIGNAL_SCHEDULE in the environment"),
        ('{"backup_schedules": {"logs": "0 1 * * *"}}', "set TRADEOPS_BACKUP_SCHEDULES in the environment"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_said_in_our_words(text, words):
    said = refusal(text)
    assert said.startswith("Variable tradeops_settings: ")
    assert words in said
    assert "pydantic" not in said and "\n" not in said


def test_several_faults_are_said_at_once_and_what_the_library_said_is_in_the_log(caplog):
    caplog.set_level("INFO", logger="include")
    said = refusal('{"lease": "x", "batch_size": 0}')
    assert "lease is" in said and "batch_size is 0" in said
    assert "validation errors for Settings" in caplog.text


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DATA_QUALITY_MIN", "abc", 'TRADEOPS_DATA_QUALITY_MIN is "abc"; it must be a number'),
        ("data_quality_min", "abc", 'TRADEOPS_DATA_QUALITY_MIN is "abc"; it must be a number'),
        ("LEASE", "", 'TRADEOPS_LEASE is "": an empty text'),
        ("CANDLE_SOURCES", "archive", 'TRADEOPS_CANDLE_SOURCES is "archive"; it must be a list'),
        ("LLM_PRICES", '{"m":}', "TRADEOPS_LLM_PRICES is .* written as JSON"),
        ("SIGNAL_SCHEDULE", "often", 'TRADEOPS_SIGNAL_SCHEDULE is "often": write a cron expression'),
        ("BACKUP_SCHEDULES", '{"log": "0 1 * * *"}', "there is no backup of the kind log"),
        ("DATA_QUALTY_MIN", "90", "TRADEOPS_DATA_QUALTY_MIN, .* did you mean TRADEOPS_DATA_QUALITY_MIN"),
        ("PORT_AIRFLO", "9000", "TRADEOPS_PORT_AIRFLO, .* did you mean TRADEOPS_PORT_AIRFLOW"),
    ],
)
def test_the_environment_is_held_to_the_same(monkeypatch, name, value, words):
    monkeypatch.setenv(f"TRADEOPS_{name}", value)
    for read in (environment_settings, lambda: read_settings("{}")):
        with pytest.raises(SettingsError, match=words):
            read()


def test_the_variable_stands_over_a_good_environment(monkeypatch):
    monkeypatch.setenv("TRADEOPS_BATCH_SIZE", "5")
    assert read_settings('{"batch_size": 7}').batch_size == 7
    assert environment_settings().batch_size == 5


def test_every_name_that_the_code_reads_is_known():
    """A name that is not here would be refused as a misspelt setting."""
    files = [*(ROOT / "include").rglob("*.py"), ROOT / "docker-compose.yaml", ROOT / "Makefile"]
    used = {name for path in files for name in re.findall(r"\bTRADEOPS_[A-Z_]*[A-Z]\b", path.read_text())}
    used -= {"TRADEOPS_DB", "TRADEOPS_SETTINGS", "TRADEOPS_SERVICE"}  # of longer names
    settings = {f"TRADEOPS_{name.upper()}" for name in Settings.model_fields}
    unknown = {name for name in used - settings - OTHER_NAMES if not name.startswith(OTHER_FAMILIES)}
    assert not unknown, "add it to OTHER_NAMES in include/settings/reader.py"
