"""The parts of the lifecycle section about experiments on messages, and the tone of messages."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from cjo_assets.policy.base import MOST_DAYS, Count, Section, Share


class ExperimentRules(Section):
    """Sample sizes, probabilities and weights of experiments with adaptive shares."""

    minimum_exposures: Annotated[int, Field(ge=1)]
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    floor: Share
    exploration_share: Share
    drop_below: Share
    drop_after: Count
    most_variants: Annotated[int, Field(ge=2)]
    nodes: Annotated[int, Field(ge=100, le=20_000)]
    longest_days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    auto_promote: bool

    @model_validator(mode="after")
    def _leaves_something_to_adapt(self) -> ExperimentRules:
        if self.exploration_share >= 1:
            raise ValueError("exploration_share must be below 1, or no weight would follow the results")
        return self


class Tones(Section):
    """Tone of messages by cohort."""

    new_trial: Annotated[str, Field(min_length=1)]
    power: Annotated[str, Field(min_length=1)]
    at_risk: Annotated[str, Field(min_length=1)]


class PersonalizationRules(Section):
    """Tones, and the salt by which variants are drawn."""

    salt: str
    tones: Tones
