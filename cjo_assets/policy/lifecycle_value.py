"""The parts of the lifecycle section about value: rates of automation, and the KPIs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, Strict, model_validator

from cjo_assets.policy.base import MOST, MOST_DAYS, MOST_MINUTES, Section, Share

PositiveDays = Annotated[int, Field(ge=1, le=MOST_DAYS)]
Level = Annotated[float, Field(gt=0, lt=1)]
Amount = Annotated[float, Field(ge=0, le=MOST)]
Baseline = Annotated[float, Field(gt=0, le=MOST)]
Tasks = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Strict(False)]


class AutomationTargets(Section):
    """Share of the tasks of each phase that should be automated."""

    sales: Share
    onboarding: Share
    support: Share
    success: Share
    self_service: Share


class AutomationTasks(Section):
    """Tasks of each phase: types of lifecycle events, or resolved_ticket."""

    sales: Tasks
    onboarding: Tasks
    support: Tasks
    success: Tasks
    self_service: Tasks


class AutomationRules(Section):
    """Window, targets and tasks of the rates of automation."""

    window_days: PositiveDays
    targets: AutomationTargets
    tasks: AutomationTasks


class ValueRules(Section):
    """Cost of what people do, for the cost of an interaction."""

    minutes_per_ticket: Annotated[float, Field(ge=0, le=MOST_MINUTES)]
    cost_per_person_hour: Amount


class Baselines(Section):
    """Figures of the time before; null: unknown, and what is compared with them is not measurable."""

    cost_per_interaction: Baseline | None
    deploy_days: Baseline | None
    clients_per_agent: Baseline | None
    churn_rate: Annotated[float, Field(gt=0, le=1)] | None


class ServiceTargets(Section):
    """Targets of the KPIs of service; null: there is none, and the value alone is shown."""

    ticket_autonomy: Share
    first_contact: Share | None
    pinned_conversations: Share


class ConfigurationTargets(Section):
    """Targets of the KPIs of configuration changes."""

    config_self_service: Share
    config_success: Share
    deploy_time_reduction: Share


class ClientValueTargets(Section):
    """Targets of the KPIs of value; null: there is none, and the value alone is shown."""

    cost_per_interaction: Amount
    cost_reduction: Share
    model_saving: Share
    clients_per_agent_gain: Amount
    engagement_gain: Amount
    conversion_gain: Amount
    churn_reduction: Share
    nrr: Amount | None
    grr: Share | None


class KpiTargets(Section):
    """Targets that no other section has."""

    service: ServiceTargets
    configuration: ConfigurationTargets
    value: ClientValueTargets


class LifecycleKpis(Section):
    """Windows, targets and margins of the KPIs."""

    enable_kpi_tracking: bool
    window_days: PositiveDays
    change_days: PositiveDays
    churn_months: Annotated[int, Field(ge=1, le=120)]
    interval_level: Level
    warning_threshold: Share
    critical_threshold: Share
    minimum_measured_share: Share
    targets: KpiTargets

    @model_validator(mode="after")
    def _descending(self) -> LifecycleKpis:
        if self.critical_threshold > self.warning_threshold:
            raise ValueError("critical_threshold must not exceed warning_threshold")
        return self
