"""What nobody can read is said at `make up`, and a demo leaves real settings and real databases alone."""

import json
from types import SimpleNamespace

import pytest

from local import demo, settings_check
from local.airflow_api import ApiError
from local.settings_check import check_environment, find_troubles
from local.state import StackError

POOLS = settings_check._pools()


class Api:
    """Airflow's answers about import errors and pools."""

    def __init__(self, errors=(), slots=3, missing=()):
        self.errors, self.slots, self.missing = errors, slots, missing

    def __call__(self, method, path, json=None):
        if path.startswith("/importErrors"):
            return {"import_errors": list(self.errors)}
        if path.removeprefix("/pools/") in self.missing:
            raise ApiError("404 Not Found", 404)
        return {"slots": self.slots}


@pytest.fixture
def stored(monkeypatch):
    """Let the Variable hold a text."""

    def hold(text):
        for module in (settings_check, demo):
            monkeypatch.setattr(module, "settings_text", lambda *_: (text, "Variable tradeops_settings"))

    hold('{"candle_sources": ["sandbox"]}')
    return hold


def test_nothing_is_wrong_with_a_sound_stack(stored):
    assert find_troubles(None, None, Api()) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"lease": 60,}', "Variable tradeops_settings is no JSON: line 1, column 14"),
        ('{"leese": 60}', "there is no setting leese; did you mean lease?"),
        (None, "Variable tradeops_settings is missing"),
    ],
)
def test_a_stored_variable_that_cannot_be_read_is_a_trouble(stored, text, words):
    stored(text)
    (trouble,) = find_troubles(None, None, Api())
    assert words in trouble


def test_dags_that_cannot_be_imported_and_pools_that_let_nothing_run_are_troubles(stored):
    said = "Traceback\nKeyError: 'x'\n"
    error = {"filename": "audit.py", "timestamp": "2026-03-02T00:00:00Z", "stack_trace": said}
    first, *others = find_troubles(None, None, Api([error], slots=0, missing=["llm"]))
    assert first == "the DAG file audit.py cannot be imported: KeyError: 'x'"
    assert len(others) == len(POOLS)
    assert any("pool llm is missing" in one for one in others)
    assert any("pool exports has no slot" in one for one in others)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("TRADEOPS_FEE_RATE", "1,5", "TRADEOPS_FEE_RATE"),
        ("TRADEOPS_FEE_RAT", "0.1", "did you mean TRADEOPS_FEE_RATE"),
        ("AIRFLOW_VAR_TRADEOPS_SETTINGS", "{,}", "AIRFLOW_VAR_TRADEOPS_SETTINGS is no JSON"),
        ("AIRFLOW_CONN_LLM", '{"host": "x",}', "AIRFLOW_CONN_LLM is no JSON"),
    ],
)
def test_an_environment_that_cannot_be_read_starts_nothing(monkeypatch, name, value, words):
    monkeypatch.setenv(name, value)
    with pytest.raises(StackError, match=words) as caught:
        check_environment()
    assert caught.value.exit_code == 2
    assert str(caught.value).endswith("Nothing was started.")


# -- the demo ------------------------------------------------------------------------------------------------

SANDBOX = {"candle_sources": ["sandbox"]}
ARCHIVE = {"candle_sources": ["archive"], "archive_path": "/data/mine"}


def changed(monkeypatch, last=None):
    note = {"demo": json.dumps(last)} if last else {}
    monkeypatch.setattr(demo, "read_note", lambda server: note)
    return demo._settings_to_change(None, None, SANDBOX)


@pytest.mark.parametrize("text", [None, "{}", '{"fee_rate": 0}', json.dumps({**SANDBOX, "fee_rate": 0})])
def test_a_demo_may_choose_where_nobody_has_chosen(stored, monkeypatch, text):
    stored(text)
    assert changed(monkeypatch) == json.loads(text or "{}")


def test_a_demo_changes_back_what_a_demo_has_set(stored, monkeypatch):
    stored(json.dumps(ARCHIVE))
    assert changed(monkeypatch, last=ARCHIVE) == ARCHIVE


@pytest.mark.parametrize(
    "mine", [ARCHIVE, {"candle_sources": ["kraken"]}, {"archive_path": "/data"}, {"candle_sources": []}]
)
def test_a_demo_leaves_sources_alone_that_somebody_has_chosen(stored, monkeypatch, mine):
    stored(json.dumps(mine))
    with pytest.raises(StackError, match="which no demo has set") as caught:
        changed(monkeypatch, last={**ARCHIVE, "archive_path": "/tmp/demo"})
    assert caught.value.exit_code == 2


def test_settings_that_cannot_be_read_are_not_written_over(stored, monkeypatch):
    stored('{"candle_sources": ["kraken"],}')
    with pytest.raises(StackError, match="is no JSON"):
        changed(monkeypatch)


def test_a_demo_refuses_a_database_that_is_not_the_stacks_own(monkeypatch):
    database = SimpleNamespace(own=False, words="database signals at db.example:5432")
    monkeypatch.setattr(demo, "up", lambda state: SimpleNamespace(database=database))
    with pytest.raises(StackError, match=r"signals at db\.example.* Nothing was inserted") as caught:
        demo.run_demo(None, None)
    assert caught.value.exit_code == 2
