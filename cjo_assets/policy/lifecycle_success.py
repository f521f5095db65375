"""The parts of the lifecycle section about customer success: health, stages, messages, opportunities, signals."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict, model_validator

from cjo_assets.policy.base import MOST, MOST_DAYS, Count, Positive, Section, Share, Weights

Days = Annotated[int, Field(ge=0, le=MOST_DAYS)]
PositiveDays = Annotated[int, Field(ge=1, le=MOST_DAYS)]
Level = Annotated[float, Field(ge=-MOST, le=MOST)]
Points = Annotated[float, Field(ge=0, le=100)]
AtLeastOne = Annotated[int, Field(ge=1)]
Component = Literal["outcomes", "engagement", "support", "satisfaction", "payment"]


class HealthBands(Section):
    """Scores that separate the bands; both limits belong to yellow."""

    red_below: Points
    green_above: Points

    @model_validator(mode="after")
    def _ordered(self) -> HealthBands:
        if self.red_below > self.green_above:
            raise ValueError("red_below must not exceed green_above, or a score would have two bands")
        return self


class HealthComponents(Weights):
    """Weights of the components of the health score, relative to their sum."""

    outcomes: Share
    engagement: Share
    support: Share
    satisfaction: Share
    payment: Share


class HealthMeasure(Section):
    """A measure: its component, and the values that give 0 and 100 points."""

    component: Component
    zero_at: Level
    full_at: Level

    @model_validator(mode="after")
    def _has_a_slope(self) -> HealthMeasure:
        if self.zero_at == self.full_at:
            raise ValueError(f"zero_at and full_at are both {self.zero_at}; points need two different values")
        return self


class HealthMeasures(Section):
    """The measures of the health score."""

    resolution_rate: HealthMeasure
    completion_rate: HealthMeasure
    volume_trend: HealthMeasure
    active_day_share: HealthMeasure
    features_used: HealthMeasure
    tickets_per_user: HealthMeasure
    complex_ticket_share: HealthMeasure
    csat: HealthMeasure
    days_overdue: HealthMeasure


class BacktestRules(Section):
    """Horizons of the backtest, departures that it needs, and the level of its intervals."""

    horizons: Annotated[tuple[PositiveDays, ...], Strict(False), Field(min_length=1)]
    minimum_churned: AtLeastOne
    interval_level: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def _each_horizon_once(self) -> BacktestRules:
        if len(set(self.horizons)) != len(self.horizons):
            raise ValueError("horizons: a number of days occurs twice")
        return self


class HealthRules(Section):
    """The health score."""

    window_days: PositiveDays
    minimum_coverage: Share
    minimum_csat: AtLeastOne
    bands: HealthBands
    fell: Annotated[float, Field(ge=-100, le=0)]
    change_days: PositiveDays
    components: HealthComponents
    measures: HealthMeasures
    backtest: BacktestRules

    def measures_of(self) -> dict[str, HealthMeasure]:
        """Return the measures by name, in their order."""
        return {name: getattr(self.measures, name) for name in HealthMeasures.model_fields}


class StageRules(Section):
    """Limits of the lifecycle stages and cohorts."""

    trial_days: PositiveDays
    renewal_days: Days
    declining: Positive
    tickets: AtLeastOne
    ticket_days: PositiveDays
    power_conversations: Count
    power_days: PositiveDays


class TrialMessages(Section):
    """Days after the start of a trial on which each message is due."""

    welcome: Days
    success: Days
    upgrade: Days


class ContractMessages(Section):
    """Months after the start of each contract year in which each message is due."""

    roi: Annotated[int, Field(ge=1, le=12)]
    renewal: Annotated[int, Field(ge=1, le=12)]


Message = Literal["welcome", "success", "upgrade", "roi", "renewal"]


class MessageRules(Section):
    """Lifecycle messages."""

    trial_days: TrialMessages
    contract_months: ContractMessages
    grace_days: Days
    ahead_days: Days
    selling: Annotated[tuple[Message, ...], Strict(False)]


class OpportunityValues(Section):
    """Values of opportunities whose price the plans do not give."""

    voice_addon: Annotated[float, Field(ge=0, le=MOST)]
    custom_integration: Annotated[float, Field(ge=0, le=MOST)]


class OpportunityRules(Section):
    """Conditions and values of opportunities."""

    high_usage_share: Share
    escalations: AtLeastOne
    escalation_days: PositiveDays
    values: OpportunityValues


class TicketSpike(Section):
    """A burst of tickets."""

    tickets: AtLeastOne
    days: PositiveDays
    times_weekly_mean: Annotated[float, Field(ge=0, le=MOST)]
    before_days: PositiveDays
    full_at: AtLeastOne


class RepeatedTickets(Section):
    """Several tickets of one category."""

    tickets: AtLeastOne
    days: PositiveDays
    full_at: AtLeastOne


class LowSatisfaction(Section):
    """A low mean of satisfaction."""

    csat: Annotated[float, Field(ge=1, le=5)]
    days: PositiveDays
    minimum: AtLeastOne


class UsageDrop(Section):
    """Fewer logins than in the days before."""

    ratio: Share
    days: PositiveDays
    least_before: AtLeastOne


class UsageRecovery(Section):
    """Logins that return after a drop."""

    share_of_before: Positive
    within_days: PositiveDays


class Inactivity(Section):
    """Days without a login."""

    days: PositiveDays
    full_at: PositiveDays


class LowUsage(Section):
    """A month with little use of the plan."""

    share: Share


class FailedOnboarding(Section):
    """A failed step of the onboarding."""

    strength: Share
    rollback_days: PositiveDays


class RenewalIntent(Section):
    """A proposal that a paying customer signed."""

    strength: Share


class SignalRules(Section):
    """Signals that are derived from lifecycle records for the journey."""

    ticket_spike: TicketSpike
    repeat: RepeatedTickets
    satisfaction: LowSatisfaction
    usage_drop: UsageDrop
    usage_recovery: UsageRecovery
    inactivity: Inactivity
    low_usage: LowUsage
    onboarding: FailedOnboarding
    renewal: RenewalIntent
    quiet_days: PositiveDays
    look_back_days: PositiveDays


class CrmStages(Section):
    """Stage of a CRM that each of our lifecycle stages corresponds to."""

    lead: Annotated[str, Field(min_length=1)]
    trial: Annotated[str, Field(min_length=1)]
    active: Annotated[str, Field(min_length=1)]
    renewal: Annotated[str, Field(min_length=1)]
    at_risk: Annotated[str, Field(min_length=1)]
    churned: Annotated[str, Field(min_length=1)]


class CrmRules(Section):
    """Which stage counts where a CRM has another, and retries of synchronizations."""

    conflict: Literal["newest", "platform", "crm", "manual"]
    retries: Count
    stages: CrmStages


class VillageRules(Section):
    """Practices that are compared between organizations."""

    minimum_customers: AtLeastOne
    effect_days: PositiveDays
    interval_level: Annotated[float, Field(gt=0, lt=1)]


class ExchangeRules(Section):
    """Files that the lifecycle writes for other families."""

    journey_signals: bool
