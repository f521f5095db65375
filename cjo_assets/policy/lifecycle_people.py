"""The part of the lifecycle section about people: limits, handoffs, and how their results are measured."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cjo_assets.policy.base import MOST_MINUTES, Section

Hours = Annotated[int, Field(ge=1, le=MOST_MINUTES // 60)]


class PeopleRules(Section):
    """Handoffs between people."""

    accept_hours: Hours
