"""The parts of the lifecycle section about decisions: their approval and the actions of a day."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cjo_assets.policy.base import MOST, MOST_MINUTES, Section, Share

Role = Literal["csm", "manager", "executive"]
Minutes = Annotated[int, Field(ge=1, le=MOST_MINUTES)]
Amount = Annotated[float, Field(ge=0, le=MOST)]


class Ladder(Section):
    """Amounts from which each role decides; the csm decides below the first."""

    manager: Amount
    executive: Amount

    @model_validator(mode="after")
    def _ascending(self) -> Ladder:
        if self.manager > self.executive:
            raise ValueError(f"manager {self.manager} must not exceed executive {self.executive}")
        return self


class Ladders(Section):
    """Ladders of approval by the amount of a decision."""

    discount: Ladder
    credit: Ladder


class AlwaysApproved(Section):
    """Role that approves a decision, whatever its amount."""

    suspension: Role
    high_risk_change: Role
    client_rollback: Role
    low_margin: Role
    promotion: Role


class ApprovalRules(Section):
    """Who approves the decisions of the lifecycle, and in which time."""

    timeout_minutes: Minutes
    ladders: Ladders
    always: AlwaysApproved


class ActionKind(Section):
    """Place of a kind of action in the order of a day, and the time it takes."""

    place: Annotated[int, Field(ge=1, le=99)]
    minutes: Minutes


class ActionKinds(Section):
    """Kinds of actions of people."""

    sla: ActionKind
    escalation: ActionKind
    rollback: ActionKind
    approval: ActionKind
    incident_notice: ActionKind
    red_health: ActionKind
    handoff: ActionKind
    overdue_step: ActionKind
    dunning: ActionKind
    renewal: ActionKind
    message: ActionKind
    opportunity: ActionKind
    budget_alert: ActionKind
    crm_conflict: ActionKind
    quarterly_review: ActionKind
    data_gap: ActionKind


class ActionRules(Section):
    """Order and time of the actions of a day, and the prior of their success."""

    day_minutes: Minutes
    prior_success: Share
    prior_runs: Annotated[int, Field(ge=1, le=1000)]
    review_days: Annotated[int, Field(ge=1, le=3660)]
    kinds: ActionKinds
