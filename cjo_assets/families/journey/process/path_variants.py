"""Paths of customers through the stages.

One row per as-of date, segment and path: the stages that a customer entered by the as-of date, in order. A path that
continues becomes another one. Rare paths are listed too; there is no group "other".
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.families.journey.process.visits import is_invalid, is_judged, known_visits
from cjo_assets.policy import Policy

SEPARATOR = " > "
# An entry's number in front of its stage keeps the order of a sorted list; as wide as the largest 32-bit number.
NUMBER_WIDTH = 10


class PathVariants(DatedContract):
    """Paths through the stages. One row per as-of date, segment and path."""

    segment: str = key("Market segment.", words="segments")
    path: str = key("Stages entered, in order, separated by ' > '.")
    place: int = column("Place among the segment's paths by cases, 1 = the commonest, of two the first by name.", ge=1)
    cases: int = column("Customers who went exactly this way [customers].", ge=1)
    case_share: float = column("Share of the segment's customers with any entry [0-1].", decimals=6, ge=0, le=1)
    entries: int = column("Stages entered by each of them [entries].", ge=1)
    is_completed: bool = column("Whether it ends in a terminal stage.")
    judged_transitions: int = column(
        "Entries of all cases with a known previous stage, or first of a journey [entries].", ge=0
    )
    invalid_transitions: int = column("Of these, not allowed by the policy [entries, down = better].", ge=0)
    conforming_cases: int = column("Cases without an invalid transition [customers, up = better].", ge=0)
    rework_entries: int = column("Entries of all cases into a stage the customer had been in before [entries].", ge=0)
    median_days: float = column("Days from the first entry to the last, of the middle case [days].", decimals=6, ge=0)


def path_variants(visits: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Return the path of each customer and count the customers of each path."""
    events = known_visits(visits, as_of)
    step = events.entry_number.cast("string").lpad(NUMBER_WIDTH, "0") + events.journey_stage
    cases = events.group_by("customer_id", "segment").agg(
        steps=step.collect(),
        entries=events.count(),
        judged=events.count(where=is_judged(events)),
        invalid=events.count(where=is_invalid(events)),
        rework=events.count(where=events.is_rework),
        days=events.entered_at.max().delta(events.entered_at.min(), unit="day"),
    )
    stages = cases.steps.sort().map(lambda step: step.substr(NUMBER_WIDTH))
    cases = cases.mutate(path=stages.join(SEPARATOR), last_stage=stages[cases.entries - 1])
    paths = cases.group_by("segment", "path", "entries", "last_stage").agg(
        cases=cases.count(),
        judged_transitions=cases.judged.sum(),
        invalid_transitions=cases.invalid.sum(),
        conforming_cases=cases.count(where=cases.invalid == 0),
        rework_entries=cases.rework.sum(),
        median_days=cases.days.cast("float64").median(),
    )
    commonest_first = ibis.window(group_by=paths.segment, order_by=[ibis.desc(paths.cases), paths.path])
    of_segment = ibis.window(group_by=paths.segment)
    return paths.mutate(
        place=ibis.row_number().over(commonest_first) + 1,
        case_share=paths.cases / paths.cases.sum().over(of_segment),
        is_completed=paths.last_stage.isin(policy.vocabulary.terminal_stages),
    )
