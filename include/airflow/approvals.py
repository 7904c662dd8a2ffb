"""Approval of a restore, by the people that the setting `restore_approvers` names."""

from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time.hitl import HITLUser

from include.airflow.connections import load_settings

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
