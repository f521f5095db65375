"""Answers to the approval requests of the demonstration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time

from cjo_assets.approvals.decide import Answer
from cjo_assets.core.approval_status import APPROVED, REJECTED
from cjo_assets.engine.rows import Row

ANSWERED_AT = time(16, 0)
APPROVERS = ("reviewer.01", "reviewer.02")
ANSWERS_PER_FAMILY = 6
# The place of the request that is rejected; of the others, every third is left.
REJECTED_PLACE, LEFT_EVERY = 1, 3


def answers_to(requests: Sequence[Row], day: date) -> Iterator[Answer]:
    """Yield answers to the most urgent requests of each family: most are approved, one is rejected, some are left.

    Args:
        requests: the pending requests, the most urgent first.
        day: the day on which they are answered.
    """
    answered_at = datetime.combine(day, ANSWERED_AT)
    names: dict[str, list[str]] = defaultdict(list)
    for request in requests:
        # A request of the evening cannot be answered in the afternoon.
        if (request.get("answers_from") or answered_at) <= answered_at:
            names[request["family"]].append(request["intervention_id"])
    at = f"{answered_at.isoformat()}Z"
    for own in names.values():
        for place, name in enumerate(own[:ANSWERS_PER_FAMILY]):
            by = APPROVERS[place % len(APPROVERS)]
            if place == REJECTED_PLACE:
                yield Answer(name, REJECTED, by, category="other", reason="Already in contact about it.", at=at)
            elif place % LEFT_EVERY != LEFT_EVERY - 1:
                yield Answer(name, APPROVED, by, at=at)
