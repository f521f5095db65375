"""Job that records an answer to an approval request."""

import dagster as dg
from pydantic import Field

from cjo_assets.approvals.decide import Answer, record_answer
from cjo_assets.core.errors import RefusalError, WarehouseError
from cjo_assets.core.settings import Settings
from cjo_assets.policy import PolicyError, load_policy


class ApprovalDecision(dg.Config):
    """What a person says to an approval request; the fields of `cjo approve` and `cjo reject`."""

    intervention_id: str = Field(description="The request, as `journey.pending_approvals` names it.")
    decision: str = Field(description="approved or rejected.")
    by: str = Field(description="Who decides.")
    category: str | None = Field(default=None, description="Of a rejection: one of the policy's rejection_categories.")
    reason: str | None = Field(default=None, description="Why, in your own words.")
    at: str | None = Field(default=None, description="When it was decided, for example 2025-01-20T15:30:00Z; else now.")


@dg.op
def record_decision(context: dg.OpExecutionContext, config: ApprovalDecision) -> None:
    """Append one record to the approvals of the home, or refuse it and say why."""
    settings = Settings.from_environment()
    try:
        record = record_answer(settings, load_policy(settings.policy), Answer(**config.model_dump()))
    except (PolicyError, RefusalError, WarehouseError) as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    context.log.info(f"Recorded: {record}")


@dg.job(
    description="Record what a person says to an approval request. The sensor, or the next run, takes it from there."
)
def record_approval_decision() -> None:
    """Record one answer."""
    record_decision()


@dg.definitions
def approval_jobs() -> dg.Definitions:
    """Return the job that records a decision."""
    return dg.Definitions(jobs=[record_approval_decision])
