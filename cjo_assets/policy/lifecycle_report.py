"""Parts of the lifecycle policy about the status of a day and its report."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cjo_assets.policy.base import Section, Share

Ratio = Annotated[float, Field(ge=0)]


class FloorTarget(Section):
    """Limits of a figure that should be high."""

    target: Ratio
    critical: Ratio

    @model_validator(mode="after")
    def _critical_is_worse(self) -> FloorTarget:
        if self.critical > self.target:
            raise ValueError("critical must not exceed target")
        return self


class CeilingTarget(Section):
    """Limits of a share that should be low."""

    target: Share
    critical: Share

    @model_validator(mode="after")
    def _critical_is_worse(self) -> CeilingTarget:
        if self.critical < self.target:
            raise ValueError("critical must not be below target")
        return self


class TargetRules(Section):
    """Targets that decide the status of a day."""

    nrr: FloorTarget
    at_risk_share: CeilingTarget
    breached_share: CeilingTarget
    overdue_share: CeilingTarget

    def limits(self, name: Literal["target", "critical"]) -> dict[str, float]:
        """Return one of the two limits of each figure."""
        return {figure: getattr(getattr(self, figure), name) for figure in type(self).model_fields}


class LifecycleReporting(Section):
    """Switches of the report and of the plan of a day, and how much the report lists."""

    enable_reporting: bool
    enable_progress_tracking: bool
    report_rows: Annotated[int, Field(ge=1)]
    worst_customers: Annotated[int, Field(ge=1)]
