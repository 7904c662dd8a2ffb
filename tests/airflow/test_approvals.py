"""Who may approve a restore."""

import json
from datetime import UTC, datetime

import pytest
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowFailException

from include.airflow.approvals import ApprovalBySettings


@pytest.fixture
def asked(monkeypatch):
    """What Airflow's own operator is asked for, in its stead."""
    seen = {}

    def execute(self, _context):
        seen["users"] = self.assigned_users

    monkeypatch.setattr(ApprovalOperator, "execute", execute)
    monkeypatch.setattr(ApprovalOperator, "execute_complete", lambda _self, _context, event: event)
    return seen


def approvers(monkeypatch, *names):
    monkeypatch.setenv("AIRFLOW_VAR_TRADEOPS_SETTINGS", json.dumps({"restore_approvers": names}))


def answer(who):
    return {
        "chosen_options": ["Approve"],
        "params_input": {},
        "responded_at": datetime.now(UTC),
        "responded_by_user": {"id": who, "name": who} if who else None,
    }


def operator():
    return ApprovalBySettings(task_id="approve", subject="?")


def test_the_people_of_the_setting_are_asked(monkeypatch, asked):
    approvers(monkeypatch, "anna", "ben")
    operator().execute({})
    assert asked["users"] == [{"id": "anna", "name": "anna"}, {"id": "ben", "name": "ben"}]


def test_without_names_everybody_with_the_right_may_answer(monkeypatch, asked):
    approvers(monkeypatch)
    operator().execute({})
    assert asked["users"] is None
    assert operator().execute_complete({}, answer("carl"))["chosen_options"] == ["Approve"]


@pytest.mark.parametrize("who", ["carl", None])
def test_the_answer_of_another_does_not_count_even_where_airflow_lets_everybody_answer(
    monkeypatch, asked, who
):
    approvers(monkeypatch, "anna")
    assert operator().execute_complete({}, answer("anna"))["chosen_options"] == ["Approve"]
    with pytest.raises(AirflowFailException, match=f"{who or 'nobody'} answered.*names: anna"):
        operator().execute_complete({}, answer(who))
