"""Types that every section of the policy shares: numbers with their bounds, the base of a section, the vocabulary."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator

# Beyond these a number is a slip of the pen, and dates and intervals would overflow.
MOST, MOST_DAYS, MOST_MINUTES = 1e12, 36_500, 5_256_000

# Between two stages, where a step or a path is written as one text.
STEP = ">"

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0, le=MOST)]
Positive = Annotated[float, Field(gt=0, le=MOST)]
Count = Annotated[int, Field(ge=0)]
Names = Annotated[tuple[str, ...], Strict(False)]
# YAML makes a date of 2024-07-01, JSON a text.
Day = Annotated[date, Strict(False)]


class Section(BaseModel):
    """A part of the policy: immutable, without unknown names, and without conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Weights(Section):
    """Named weights that count relative to their sum."""

    def relative(self, name: str) -> float:
        """Return the share of one weight in the sum of all [0-1]."""
        values = self.model_dump()
        return float(values[name] / sum(values.values()))

    @model_validator(mode="after")
    def _some_weight(self) -> Weights:
        if sum(self.model_dump().values()) <= 0:
            raise ValueError("at least one weight must be above 0")
        return self


class WarehousePolicy(Section):
    """Settings of storage and resources: what is kept, and how much memory may be used."""

    days_kept: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    snapshots_kept: Annotated[int, Field(ge=0, le=MOST_DAYS)]
    catch_up_days: Annotated[int, Field(ge=0, le=MOST_DAYS)]
    newest_day_gap_days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    memory_limit: Annotated[float, Field(ge=0.1, le=MOST)]
    freshness_hours: Annotated[float, Field(gt=0, le=MOST_DAYS)]


class Vocabulary(Section):
    """The values that enumerated columns may hold."""

    segments: Names = Field(min_length=1)
    stages: Names = Field(min_length=1)
    terminal_stages: Names
    sources: Names = Field(min_length=1)
    outcomes: Names = Field(min_length=1)
    playbook_statuses: Names = Field(min_length=1)
    active_statuses: Names
    channel_types: Names = Field(min_length=1)
    cost_models: Names = Field(min_length=1)
    asset_variants: Names = Field(min_length=1)
    experiment_types: Names = Field(min_length=1)
    funnel_stages: Names = Field(min_length=1)
    funnel_sources: Names = Field(min_length=1)
    budget_reasons: Names = Field(min_length=1)
    risk_types: Names = Field(min_length=1)
    risk_actions: Names = Field(min_length=1)
    people_roles: Names = Field(min_length=1)
    ticket_categories: Names = Field(min_length=1)
    null_words: Names
    unnormalized_ids: Literal["keep", "trim", "reject"]

    @model_validator(mode="after")
    def _no_word_twice(self) -> Vocabulary:
        for name, words in self:
            if isinstance(words, tuple) and len(set(words)) != len(words):
                raise ValueError(f"{name}: a word occurs twice")
        joined = [stage for stage in self.stages if STEP in stage]
        if joined:
            raise ValueError(f"stages: {', '.join(joined)} contains {STEP}, which separates the stages of a path")
        return self
