"""Job that records an answer to an approval request."""

import dagster as dg
from pydantic import Field

from cjo_assets.approvals.decide import Answer, record_answer
from cjo_assets.core.errors import RefusalError, WarehouseError
from cjo_assets.core.settings import Settings
from cjo_assets.policy import PolicyError, load_policy


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


@dg.job(description="Record an answer to an approval request. The sensor or the next run applies it.")
def record_approval_decision() -> None:
    """Record one answer."""
    record_decision()


@dg.definitions
def approval_jobs() -> dg.Definitions:
    """Return the job that records a decision."""
    return dg.Definitions(jobs=[record_approval_decision])
