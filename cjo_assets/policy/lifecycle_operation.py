"""The parts of the lifecycle section about operation: configuration changes, rollbacks, incidents."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cjo_assets.policy.base import MOST, MOST_DAYS, MOST_MINUTES, Section, Share

PositiveDays = Annotated[int, Field(ge=1, le=MOST_DAYS)]
Minutes = Annotated[int, Field(ge=1, le=MOST_MINUTES)]
AtLeastOne = Annotated[int, Field(ge=1)]
Level = Annotated[float, Field(ge=-MOST, le=MOST)]
Risk = Literal["low", "medium", "high"]


class SettingRange(Section):
    """Least and greatest value of a setting; both are allowed."""

    least: Level
    most: Level

    @model_validator(mode="after")
    def _ordered(self) -> SettingRange:
        if self.least > self.most:
            raise ValueError(f"least {self.least} must not exceed most {self.most}")
        return self


class ConfigRules(Section):
    """Risk of changes by kind, confidence of their claims, ranges of settings, and when a change succeeded.

    A kind is the first part of the path of a setting.
    """

    risks: Annotated[dict[str, Risk], Field(min_length=1)]
    confidence: dict[str, Share]
    ranges: dict[str, dict[str, SettingRange]]
    success_days: PositiveDays

    @model_validator(mode="after")
    def _known_kinds(self) -> ConfigRules:
        unknown = sorted((self.confidence.keys() | self.ranges.keys()) - self.risks.keys())
        if unknown:
            raise ValueError(f"confidence and ranges name kinds without a risk: {', '.join(unknown)}")
        return self

    def kinds_of(self, risk: Risk) -> list[str]:
        """Return the kinds of settings that have a risk."""
        return sorted(kind for kind, found in self.risks.items() if found == risk)

    def range_of_paths(self) -> dict[str, SettingRange]:
        """Return the ranges by path of the setting."""
        return {f"{kind}.{name}": found for kind, names in self.ranges.items() for name, found in names.items()}


class RollbackRules(Section):
    """When the live version of a configuration has to be rolled back, and the volume that each rate needs."""

    error_rate: Share
    minimum_requests: AtLeastOne
    window_minutes: Minutes
    completion: Share
    completion_minutes: Minutes
    minimum_ended: AtLeastOne
    slow_windows: AtLeastOne


class IncidentRules(Section):
    """When a window counts as failing, and what belongs to an incident."""

    down_minutes: Minutes
    report_minutes: Minutes
    cause_minutes: Minutes
