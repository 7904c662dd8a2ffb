"""Which DAGs a freeze holds, and that a run which it skips ends green, all of it."""

from typing import get_args

import pytest
from airflow.sdk.exceptions import AirflowFailException
from airflow.task.trigger_rule import TriggerRule

from include.airflow.freeze import freeze_group_of
from include.freeze import FreezeGroup
from tests.support.dag_files import load_dag
from tests.support.notices import scalar
from tests.support.tasks import call

# What goes on whatever is frozen: what people do by hand to mend, to hush, and to give back.
NEVER_FROZEN = {
    "acknowledge_alert",
    "drop_kept_database",
    "freeze_work",
    "manage_backups",
    "restore_database",
    "restore_graph",
    "silence_alerts",
    "switch_trading",
    "test_channels",
}
# With these a task does not run when all before it were skipped.
SKIPS_WITH_ALL = {
    TriggerRule.ALL_SUCCESS,
    TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
    TriggerRule.NONE_SKIPPED,
}


def test_every_dag_says_with_which_group_it_is_frozen(any_dag):
    group = freeze_group_of(any_dag)
    assert group in get_args(FreezeGroup) or (group is None and any_dag.dag_id in NEVER_FROZEN)
    if any_dag.schedule is not None:
        assert group, "what nobody starts by hand can be frozen"
    for task in any_dag.tasks:
        hook = getattr(task, "partial_kwargs", {}).get("pre_execute") or task._pre_execute_hook
        assert hook is any_dag.default_args["pre_execute"], f"{task.task_id} does not ask"


def test_a_run_whose_first_tasks_are_skipped_does_nothing(any_dag):
    for task in any_dag.tasks:
        if task.upstream_task_ids:
            assert task.trigger_rule in SKIPS_WITH_ALL, task.task_id


@pytest.fixture
def form(database, database_url, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_TRADEOPS_DB", database_url)
    return lambda **filled_in: call(load_dag("freeze_work"), "freeze", **filled_in)


def test_the_form_begins_a_freeze_in_the_name_of_who_triggered_it_and_ends_it(database, form):
    said = form(reason="a move", hours=1.5, probes_go_on=False)
    assert "of work, probes: frozen by ann until" in said
    assert scalar(database, "SELECT ends_at - begins_at FROM freezes").total_seconds() == 5_400
    assert "has ended" in form(action="end")
    assert scalar(database, "SELECT ended_by FROM freezes") == "ann"


@pytest.mark.parametrize(
    ("filled_in", "words"),
    [({}, "reason"), ({"action": "end"}, "nothing is frozen"), ({"reason": "x", "hours": 721}, "30 days")],
)
def test_a_form_that_makes_no_sense_is_refused_in_words(form, filled_in, words):
    with pytest.raises(AirflowFailException, match=words):
        form(**filled_in)
