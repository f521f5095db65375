"""Business calendar: time zone, days and hours of work, and holidays, as any section of the policy may have it."""

from __future__ import annotations

from importlib import resources
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, Strict, field_validator, model_validator

from cjo_assets.policy.base import Day, Section

TimeOfDay = Annotated[str, Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
Weekday = Annotated[int, Field(ge=1, le=7)]
MINUTES_PER_HOUR = 60


class Calendar(Section):
    """Days and hours of work in a time zone.

    Attributes:
        timezone: name in the IANA database.
        business_days: weekdays from 1 (Monday) to 7.
        opens, closes: local times of day; 24:00 is the end of the day.
        holidays: local dates without business time.
    """

    timezone: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$")]
    business_days: Annotated[tuple[Weekday, ...], Strict(False), Field(min_length=1)]
    opens: TimeOfDay
    closes: TimeOfDay
    holidays: Annotated[tuple[Day, ...], Strict(False)]

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        time_zone(name)
        return name

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Calendar:
        if minutes_of(self.opens) >= minutes_of(self.closes):
            raise ValueError(f"opens ({self.opens}) must be before closes ({self.closes})")
        return self


def minutes_of(time: str) -> int:
    """Return the minutes from midnight to a time of day."""
    hours, minutes = time.split(":")
    return int(hours) * MINUTES_PER_HOUR + int(minutes)


def time_zone(name: str) -> ZoneInfo:
    """Return a time zone from the package tzdata, whose version is the same on every machine.

    Raises:
        ValueError: there is no time zone of this name.
    """
    place = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    try:
        with place.open("rb") as file:
            return ZoneInfo.from_file(file, key=name)
    except OSError as error:
        raise ValueError(f"time zone {name!r} is not in the IANA database; write it as in Europe/Berlin") from error
