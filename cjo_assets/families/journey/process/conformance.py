"""Conformance of journeys to the stage order, and rework.

One row per as-of date and segment, "All" included, over all journeys by the as-of date. All counts are sums of
`path_variants`. Fitness, as in process mining, is the share of cases without an invalid transition.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import ANY_SEGMENT, DatedContract, column, key

SUMS = (
    "cases",
    "completed_cases",
    "path_variants",
    "entries",
    "judged_transitions",
    "invalid_transitions",
    "conforming_cases",
    "rework_entries",
    "rework_cases",
)


class Conformance(DatedContract):
    """Conformance of journeys. One row per as-of date and segment."""

    segment: str = key("Market segment, or All.")
    is_all_segments: bool = column("Whether the row is that of all segments, which sums over segments must leave out.")
    cases: int = column("Customers with any entry [customers].", ge=0)
    completed_cases: int = column("Of these, in a terminal stage [customers].", ge=0)
    path_variants: int = column("Different paths; one of two segments counts in each [paths].", ge=0)
    entries: int = column("Entries into a stage [entries].", ge=0)
    judged_transitions: int = column("Of these, with a known previous stage, or first of a journey [entries].", ge=0)
    invalid_transitions: int = column("Of these, not allowed by the policy [entries].", ge=0)
    invalid_share: float = column(
        "invalid over judged_transitions [0-1, down = better]; null without any.",
        decimals=6,
        ge=0,
        le=1,
        nullable=True,
    )
    conforming_cases: int = column("Cases without an invalid transition [customers].", ge=0)
    fitness: float = column("conforming over all cases [0-1, up = better].", decimals=6, ge=0, le=1)
    rework_entries: int = column("Entries into a stage the customer had been in before [entries].", ge=0)
    rework_share: float = column("rework over all entries [0-1, down = better].", decimals=6, ge=0, le=1)
    rework_cases: int = column("Cases with any rework [customers].", ge=0)


def conformance(path_variants: ir.Table) -> ir.Table:
    """Add up the paths of each segment and of all segments."""
    paths = path_variants
    parts = paths.group_by("segment").agg(
        cases=paths.cases.sum(),
        completed_cases=paths.cases.sum(where=paths.is_completed).fill_null(0),
        path_variants=paths.count(),
        entries=(paths.entries * paths.cases).sum(),
        judged_transitions=paths.judged_transitions.sum(),
        invalid_transitions=paths.invalid_transitions.sum(),
        conforming_cases=paths.conforming_cases.sum(),
        rework_entries=paths.rework_entries.sum(),
        rework_cases=paths.cases.sum(where=paths.rework_entries > 0).fill_null(0),
    )
    parts = parts.select("segment", **{name: parts[name].cast("int64") for name in SUMS})
    whole = parts.agg(**{name: parts[name].sum() for name in SUMS})
    whole = whole.filter(whole.cases.notnull())
    whole = whole.select(segment=ibis.literal(ANY_SEGMENT), **{name: whole[name].cast("int64") for name in SUMS})
    sums = ibis.union(parts, whole)
    return sums.mutate(
        is_all_segments=sums.segment == ANY_SEGMENT,
        invalid_share=sums.invalid_transitions / sums.judged_transitions.nullif(0),
        fitness=sums.conforming_cases / sums.cases,
        rework_share=sums.rework_entries / sums.entries,
    )
