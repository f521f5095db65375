"""The part of the lifecycle section about people: limits, handoffs, and how their results are measured."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cjo_assets.policy.base import MOST_DAYS, MOST_MINUTES, Count, Section

Hours = Annotated[int, Field(ge=1, le=MOST_MINUTES // 60)]
AtLeastOne = Annotated[int, Field(ge=1)]


class PeopleRules(Section):
    """Limits of people, handoffs between them, and the window of their results."""

    max_clients: Count
    max_handoffs: Count
    accept_hours: Hours
    absent_hours: Hours
    window_days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    minimum_answers: AtLeastOne
