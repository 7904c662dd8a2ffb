"""What stands between the plan of a restore and its work: the end of a dry run, and approval by people.

The setting `restore_approvers` names them.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.sdk.execution_time.hitl import HITLUser

from include.airflow.connections import load_settings
from include.airflow.forms import is_dry_run
from include.airflow.task import state, task

if TYPE_CHECKING:
    from airflow.sdk import Context


class ApprovalBySettings(ApprovalOperator):  # type: ignore[misc]
    """Asks for approval; with `restore_approvers` set, nobody else's answer counts.

    Airflow asks the auth manager whether a person is one of those; one that lets everybody do everything says
    yes, so the answer is looked at once more.
    """

    def execute(self, context: "Context") -> Any:
        """Ask, and wait."""
        named = load_settings().restore_approvers
        self.assigned_users = [HITLUser(id=one, name=one) for one in named] or None
        return super().execute(context)

    def execute_complete(self, context: "Context", event: dict[str, Any]) -> Any:
        """Take the answer of one of the approvers."""
        named = load_settings().restore_approvers
        who = (event.get("responded_by_user") or {}).get("id")
        if named and "error" not in event and who not in named:
            raise AirflowFailException(
                f"{who or 'nobody'} answered, who is none of the approvers that restore_approvers names: "
                f"{', '.join(named)}"
            )
        return super().execute_complete(context, event)


@task(area="database")
def end_dry_run(planned: dict[str, Any]) -> dict[str, Any]:
    """Go on only when this is no dry run."""
    if is_dry_run():
        raise AirflowSkipException("dry run: the plan is the result of the task before; nothing was touched")
    return planned


def approve_plan(subject: str) -> ApprovalBySettings:
    """Make the task that shows people what the task `plan` says, and waits a day for their answer."""
    approval: ApprovalBySettings = state(
        ApprovalBySettings(
            task_id="approve",
            subject=subject,
            body="{{ ti.xcom_pull(task_ids='plan')['words'] }}",
            response_timeout=timedelta(hours=24),
        ),
        area="database",
    )
    return approval


def approver_of(approval: dict[str, Any]) -> str | None:
    """The name of who approved, from what the task `approve` gives."""
    name: str | None = (approval.get("responded_by_user") or {}).get("name")
    return name
