"""Audience segments of campaigns.

One row per segment. They are not the market segments of customers. The size of a segment is not compared with anything:
snapshots count the people they reach separately, so their sum may exceed the audience.
"""

from cjo_assets.core.contract import LARGEST_COUNT, Contract, column, key
from cjo_assets.core.dataset import Dataset

PRIORITIES = ["high", "medium", "low"]


class AudienceSegments(Contract):
    """Audience segments that passed their contract. One row per segment."""

    segment_id: str = key("Audience segment.")
    name: str = column("Name.", free_text=True)
    description: str = column("Who is in it; null where not recorded.", free_text=True, nullable=True)
    size_estimate: int = column(
        "People in it, as estimated by the source [people]; null where unknown.", ge=0, le=LARGEST_COUNT, nullable=True
    )
    priority: str = column("high, medium or low.", isin=PRIORITIES)


DATASET = Dataset("audience_segments", AudienceSegments, may_be_empty=False, is_history=False)
