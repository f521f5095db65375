"""The parts of the lifecycle section about support: SLA targets, escalations, and how bots and models are measured."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict, model_validator

from cjo_assets.policy.base import MOST_DAYS, MOST_MINUTES, Positive, Section, Share, Weight

PositiveDays = Annotated[int, Field(ge=1, le=MOST_DAYS)]
Minutes = Annotated[int, Field(ge=1, le=MOST_MINUTES)]
Seconds = Annotated[int, Field(ge=0, le=MOST_MINUTES * 60)]
Priority = Literal["low", "normal", "high", "urgent"]
UnsolvedStatus = Literal["new", "open", "pending", "on_hold"]


class MinutesByPriority(Section):
    """Target of each priority in minutes."""

    urgent: Minutes
    high: Minutes
    normal: Minutes
    low: Minutes


class SlaTargets(Section):
    """Targets of the two clocks of a ticket where the contract has none."""

    first_response: MinutesByPriority
    resolution: MinutesByPriority


class LatencyLimits(Section):
    """Response times in milliseconds within which a conversation is in time, by product."""

    chatbot: Positive
    voicebot: Positive


class SlaRules(Section):
    """Targets of support, what counts towards them, and when a target is at risk."""

    targets: SlaTargets
    always_open: Annotated[tuple[Priority, ...], Strict(False)]
    counting_statuses: Annotated[tuple[UnsolvedStatus, ...], Strict(False), Field(min_length=1)]
    at_risk_share: Share
    latency_ms: LatencyLimits
    uptime: Share
    in_time_share: Share
    met_share: Share
    budget_at_risk: Share


class EscalationRules(Section):
    """When a ticket or conversation needs a person, and how soon."""

    confidence: Share
    attempts: Annotated[int, Field(ge=1)]
    wait_minutes: Minutes


class RuntimeRules(Section):
    """How conversations of bots are measured."""

    escalated_is_completed: bool
    contact_days: PositiveDays
    propagation_seconds: Seconds


class RetrievalRules(Section):
    """Confidence from which a search of the knowledge base is a hit."""

    confidence: Share


class ModelPrice(Section):
    """Prices of a language model per million tokens, and whether simple tasks should do without it."""

    input: Weight
    output: Weight
    premium: bool


class ModelRules(Section):
    """Prices of language models, by model, and the tasks that a cheap one is enough for."""

    prices: Annotated[dict[str, ModelPrice], Field(min_length=1)]
    cheap: str
    complexity: Share

    @model_validator(mode="after")
    def _cheap_has_a_price(self) -> ModelRules:
        if self.cheap not in self.prices:
            raise ValueError(f"cheap names {self.cheap!r}, which has no price; name one of {', '.join(self.prices)}")
        return self
