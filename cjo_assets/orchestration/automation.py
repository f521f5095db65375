"""Automation settings, read from the environment because they differ between installations.

CJO_AUTOMATION         off (default), schedule or declarative
CJO_SCHEDULE_CRON      cron expression of the daily schedule; default: 0 6 * * *
CJO_SCHEDULE_TIMEZONE  its time zone; default: UTC
CJO_SENSOR_SECONDS     interval of the sensors; default: 15
CJO_SCHEDULE_DAY       the day that it runs: yesterday (default), the last complete day, or today
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

import dagster as dg

from cjo_assets.core.settings import Settings
from cjo_assets.policy import load_policy

OFF, SCHEDULE, DECLARATIVE = "off", "schedule", "declarative"
DAYS_BACK = {"yesterday": 1, "today": 0}


@dataclass(frozen=True)
class Automation:
    """Settings of schedules and sensors.

    Attributes:
        mode: off, schedule or declarative.
        cron: cron expression of the schedule.
        timezone: time zone of the schedule.
        days_back: number of days between the tick and the day that is run.
    """

    mode: str
    cron: str
    timezone: str
    days_back: int

    @classmethod
    def from_environment(cls) -> Automation:
        """Read the settings from the environment.

        Raises:
            ValueError: one of them has an invalid value.
        """
        return cls(
            mode=_one_of("CJO_AUTOMATION", OFF, (OFF, SCHEDULE, DECLARATIVE)),
            cron=os.environ.get("CJO_SCHEDULE_CRON") or "0 6 * * *",
            timezone=os.environ.get("CJO_SCHEDULE_TIMEZONE") or "UTC",
            days_back=DAYS_BACK[_one_of("CJO_SCHEDULE_DAY", "yesterday", tuple(DAYS_BACK))],
        )

    @property
    def schedule_status(self) -> dg.DefaultScheduleStatus:
        """Return whether the schedule is running by default."""
        return dg.DefaultScheduleStatus.STOPPED if self.mode == OFF else dg.DefaultScheduleStatus.RUNNING

    def sensor_status(self, *modes: str) -> dg.DefaultSensorStatus:
        """Return whether a sensor for these modes is running by default."""
        return dg.DefaultSensorStatus.RUNNING if self.mode in modes else dg.DefaultSensorStatus.STOPPED


def downstream_condition() -> dg.AutomationCondition | None:
    """Return the condition for automatic updates: inputs were updated and no blocking check of them failed.

    For dated tables this updates the latest day; the file sensor runs earlier days.
    """
    if Automation.from_environment().mode != DECLARATIVE:
        return None
    return dg.AutomationCondition.eager() & dg.AutomationCondition.all_deps_blocking_checks_passed()


def freshness() -> dg.FreshnessPolicy:
    """Return the freshness policy of raw tables and reports."""
    hours = load_policy(Settings.from_environment().policy).warehouse.freshness_hours
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=2 * hours), warn_window=timedelta(hours=hours))


def _one_of(name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = os.environ.get(name) or default
    if value not in allowed:
        raise ValueError(f"Invalid {name}={value}. Choose one of: {', '.join(allowed)}.")
    return value
