"""What starts by itself: read from the environment, because it differs from one installation to the next.

CJO_AUTOMATION         off (default), schedule or declarative
CJO_SCHEDULE_CRON      when the daily schedule ticks; 0 6 * * * unless given
CJO_SCHEDULE_TIMEZONE  its time zone; UTC unless given
CJO_SENSOR_SECONDS     how long a sensor waits between two looks; 15 unless given
CJO_SCHEDULE_DAY       the day it runs: yesterday, the last whole one, unless it says today
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
    """What starts by itself.

    Attributes:
        mode: off, schedule or declarative.
        cron: when the schedule ticks.
        timezone: time zone of the schedule.
        days_back: how many days before the tick the day lies that is run.
    """

    mode: str
    cron: str
    timezone: str
    days_back: int

    @classmethod
    def from_environment(cls) -> Automation:
        """Read the switches.

        Raises:
            ValueError: one of them says what it cannot.
        """
        return cls(
            mode=_one_of("CJO_AUTOMATION", OFF, (OFF, SCHEDULE, DECLARATIVE)),
            cron=os.environ.get("CJO_SCHEDULE_CRON") or "0 6 * * *",
            timezone=os.environ.get("CJO_SCHEDULE_TIMEZONE") or "UTC",
            days_back=DAYS_BACK[_one_of("CJO_SCHEDULE_DAY", "yesterday", tuple(DAYS_BACK))],
        )

    @property
    def schedule_status(self) -> dg.DefaultScheduleStatus:
        """Whether the schedule runs unless somebody stops it in the UI."""
        return dg.DefaultScheduleStatus.STOPPED if self.mode == OFF else dg.DefaultScheduleStatus.RUNNING

    def sensor_status(self, *modes: str) -> dg.DefaultSensorStatus:
        """Return whether a sensor that belongs to these modes runs unless somebody stops it in the UI."""
        return dg.DefaultSensorStatus.RUNNING if self.mode in modes else dg.DefaultSensorStatus.STOPPED


def downstream_condition() -> dg.AutomationCondition | None:
    """Return when a table follows its inputs by itself: at once, unless a blocking check of theirs failed.

    Of a table that has days, the newest day follows; earlier ones are the file sensor's.
    """
    if Automation.from_environment().mode != DECLARATIVE:
        return None
    return dg.AutomationCondition.eager() & dg.AutomationCondition.all_deps_blocking_checks_passed()


def freshness() -> dg.FreshnessPolicy:
    """Return how old the raw edge and the report may grow."""
    hours = load_policy(Settings.from_environment().policy).warehouse.freshness_hours
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=2 * hours), warn_window=timedelta(hours=hours))


def _one_of(name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = os.environ.get(name) or default
    if value not in allowed:
        raise ValueError(f"The environment variable {name} is {value}: it may be {', '.join(allowed)}.")
    return value
