"""Job that records an answer to an approval request."""

import dagster as dg
from pydantic import Field

from cjo_assets.approvals.decide import Answer, record_answer, waiting_requests
from cjo_assets.catalog import data_families
from cjo_assets.core.approval_status import APPROVED
from cjo_assets.core.errors import RefusalError, WarehouseError
from cjo_assets.core.settings import Settings
from cjo_assets.engine.rows import Row
from cjo_assets.policy import PolicyError, load_policy
from cjo_assets.policy.identity import PLACEHOLDER
from cjo_assets.reporting.text import harmless

DESCRIPTION = "Record an answer to an approval request. The sensor or the next run applies it."


class ApprovalDecision(dg.Config):
    """An answer to an approval request; the fields of `cjo approve` and `cjo reject`."""

    intervention_id: str = Field(description="Id of the request, as listed by `cjo pending`.")
    decision: str = Field(description="approved or rejected.")
    by: str = Field(description="Who decides.")
    category: str | None = Field(
        default=None, description="Category of a rejection, one of rejection_categories in the policy."
    )
    reason: str | None = Field(default=None, description="Reason, as free text.")
    at: str | None = Field(
        default=None, description="Time of the decision, for example 2025-01-20T15:30:00Z; default: now."
    )


@dg.op
def record_decision(context: dg.OpExecutionContext, config: ApprovalDecision) -> None:
    """Append one record to the approvals of the home, or fail with the reason of the refusal."""
    settings = Settings.from_environment()
    try:
        record = record_answer(settings, load_policy(settings.policy), Answer(**config.model_dump()))
    except (PolicyError, RefusalError, WarehouseError) as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    context.log.info(f"Recorded: {record}")


def approval_job(waiting: list[Row]) -> dg.JobDefinition:
    """Return the job, with an example of its configuration and a description that lists pending requests."""
    first = waiting[0]["intervention_id"] if waiting else "ID"
    example = {"intervention_id": first, "decision": APPROVED, "by": PLACEHOLDER, "reason": "Why, in your words."}

    @dg.job(
        name="record_approval_decision",
        description=_description(waiting),
        config={"ops": {"record_decision": {"config": example}}},
    )
    def record() -> None:
        record_decision()

    return record


def _description(waiting: list[Row]) -> str:
    """Return what the job does, and the requests that waited when the code location was loaded."""
    listed = [
        f"- `{row['intervention_id']}` {harmless(row['subject_id'] or 'all ' + row['subject'] + 's')}: "
        f"{harmless(row['recommended_action'])} ({row.get('waits_with') or row['approval_role'] or 'any role'})"
        for row in waiting
    ]
    heading = "Pending when the code location was loaded (`cjo pending` lists the present ones):"
    return "\n".join([DESCRIPTION, "", heading, "", *listed]) if listed else DESCRIPTION


def _waiting() -> list[Row]:
    """Return the pending requests; none without a published database."""
    data_families()
    settings = Settings.from_environment()
    try:
        return waiting_requests(settings, load_policy(settings.policy))
    except (PolicyError, WarehouseError):
        return []


record_approval_decision = approval_job(_waiting())


@dg.definitions
def approval_jobs() -> dg.Definitions:
    """Return the job that records a decision."""
    return dg.Definitions(jobs=[record_approval_decision])
