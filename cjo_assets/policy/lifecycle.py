"""The lifecycle section of the policy as typed, frozen objects, and the rules within each part.

The values are in `lifecycle.yaml`. Each slice of the family adds its part.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, Strict, model_validator

from cjo_assets.policy.base import MOST_DAYS, MOST_MINUTES, Section, Share
from cjo_assets.policy.calendar import Calendar
from cjo_assets.policy.lifecycle_decisions import ActionRules, ApprovalRules
from cjo_assets.policy.lifecycle_experiments import ExperimentRules, PersonalizationRules
from cjo_assets.policy.lifecycle_operation import ConfigRules, IncidentRules, RollbackRules
from cjo_assets.policy.lifecycle_people import PeopleRules
from cjo_assets.policy.lifecycle_report import LifecycleReporting, TargetRules
from cjo_assets.policy.lifecycle_success import (
    CrmRules,
    ExchangeRules,
    HealthRules,
    MessageRules,
    OpportunityRules,
    SignalRules,
    StageRules,
    VillageRules,
)
from cjo_assets.policy.lifecycle_support import EscalationRules, ModelRules, RetrievalRules, RuntimeRules, SlaRules
from cjo_assets.policy.lifecycle_value import AutomationRules, Baselines, LifecycleKpis, ValueRules

Days = Annotated[int, Field(ge=0, le=MOST_DAYS)]
PositiveDays = Annotated[int, Field(ge=1, le=MOST_DAYS)]
Hours = Annotated[int, Field(ge=1, le=MOST_MINUTES // 60)]


class Dunning(Section):
    """Days overdue at which each step of dunning begins."""

    reminder: PositiveDays
    warning: PositiveDays
    suspension_notice: PositiveDays
    suspend: PositiveDays

    @model_validator(mode="after")
    def _ascending(self) -> Dunning:
        days = (self.reminder, self.warning, self.suspension_notice, self.suspend)
        if list(days) != sorted(set(days)):
            raise ValueError("days must ascend: reminder, warning, suspension_notice, suspend")
        return self


class BillingRules(Section):
    """Currency, months of the revenue bridge, dunning and repeated payments."""

    currency: Annotated[str, Field(min_length=1)]
    months_shown: Annotated[int, Field(ge=1, le=120)]
    dunning_days: Dunning
    retry_hours: Annotated[tuple[Hours, ...], Strict(False), Field(min_length=1)]


class UsageRules(Section):
    """Share of a plan from which usage is near its limit."""

    near: Share


class Patience(Section):
    """Hours until a deal counts as overdue, by the milestone that it waits for."""

    requirements_validated: Hours
    other: Hours


class PipelineRules(Section):
    """Window, patience, tolerances and reminders of deals."""

    window_days: PositiveDays
    interval_level: Annotated[float, Field(gt=0, lt=1)]
    volume_tolerance: Share
    minimum_margin: Share
    reminder_days: Annotated[tuple[PositiveDays, ...], Strict(False), Field(min_length=1)]
    patience_hours: Patience

    @model_validator(mode="after")
    def _reminders_ascend(self) -> PipelineRules:
        if list(self.reminder_days) != sorted(set(self.reminder_days)):
            raise ValueError("reminder_days must ascend")
        return self


class LifecyclePolicy(Section):
    """The lifecycle section."""

    calendar: Calendar
    billing: BillingRules
    usage: UsageRules
    pipeline: PipelineRules
    people: PeopleRules
    stages: StageRules
    health: HealthRules
    messages: MessageRules
    opportunities: OpportunityRules
    signals: SignalRules
    crm: CrmRules
    village: VillageRules
    exchange: ExchangeRules
    sla: SlaRules
    escalation: EscalationRules
    runtime: RuntimeRules
    retrieval: RetrievalRules
    models: ModelRules
    experiments: ExperimentRules
    personalization: PersonalizationRules
    config: ConfigRules
    rollback: RollbackRules
    incidents: IncidentRules
    approvals: ApprovalRules
    automation: AutomationRules
    value: ValueRules
    baselines: Baselines
    kpis: LifecycleKpis
    actions: ActionRules
    targets: TargetRules
    reporting: LifecycleReporting
