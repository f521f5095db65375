"""Funnel of deals: how many reach each milestone, how many go on, and how long it takes.

One row per as-of date, kind of deal and milestone. Deals are those that began within the policy's window_days; an
iteration has no signup. A deal that reached a later milestone counts as having reached this one, so the numbers never
rise along the funnel. Recent deals are included, though they have had less time.
"""

import itertools

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.intervals import wilson_interval
from cjo_assets.core.expressions.numbers import SCORE_DECIMALS
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.core.expressions.tables import first_per, long_rows, lookup
from cjo_assets.families.lifecycle.pipeline._deals import milestones_after
from cjo_assets.families.lifecycle.pipeline._milestones import KINDS, MILESTONES, NAMES
from cjo_assets.policy.lifecycle import LifecyclePolicy

SECONDS_PER_HOUR = 3600
KEY = ["kind", "step"]


class PipelineFunnel(DatedContract):
    """Funnel of deals. One row per as-of date, kind of deal and milestone."""

    kind: str = key("new or iteration.", isin=KINDS)
    step: str = key("Milestone.", isin=NAMES)
    place: int = column("Place of the milestone, from 1.", ge=1, le=len(NAMES))
    reached: int = column("Deals that reached this or a later milestone [deals].", ge=0)
    went_on: int = column("Of these, those that reached a later one [deals]; null for the last.", ge=0, nullable=True)
    rate: float = column(
        "went_on over reached [0-1], up = better; null for the last, or without deals.",
        ge=0,
        le=1,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    rate_low: float = column(
        "Lower end of its Wilson interval, at the policy's interval_level.",
        ge=0,
        le=1,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    rate_high: float = column("Upper end of its interval.", ge=0, le=1, nullable=True, decimals=SCORE_DECIMALS)
    median_hours: float = column(
        "Median time to the next milestone of the deals with both instants in order [hours]; null without one.",
        ge=0,
        nullable=True,
        decimals=2,
    )
    is_worst: bool = column("Whether it has the lowest rate of its kind; the first of equal ones.")


def pipeline_funnel(client_pipeline: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    """Count the deals of the window at each milestone."""
    rules = policy.pipeline
    begun = client_pipeline.filter(client_pipeline.begun_at >= days_after(as_of, 1 - rules.window_days))
    steps = _steps()
    places = begun.select("kind", furthest="reached").join(steps, "kind")
    counts = places.group_by(KEY).agg(
        reached=places.count(where=places.furthest >= places.place),
        later=places.count(where=places.furthest > places.place),
    )
    rows = lookup(lookup(steps, counts, KEY), _medians(begun), KEY)
    is_last = rows.place == len(NAMES)
    reached, later = rows.reached.fill_null(0), rows.later.fill_null(0)
    rows = rows.mutate(reached=reached, went_on=is_last.ifelse(ibis.null("int64"), later))
    low, high = wilson_interval(rows.went_on, rows.reached, rules.interval_level)
    rows = rows.mutate(rate=rows.went_on / rows.reached.nullif(0), rate_low=low, rate_high=high)
    worst = first_per(rows.filter(rows.rate.notnull()), "kind", ["rate", "place"])
    rows = lookup(rows, worst.select("kind", "step", is_worst=ibis.literal(True)), KEY)
    return rows.mutate(is_worst=rows.is_worst.fill_null(False))


def _steps() -> ir.Table:
    """Return the milestones of each kind of deal."""
    rows = [
        {"kind": kind, "step": step, "place": NAMES.index(step) + 1}
        for kind in KINDS
        for step in milestones_after(kind)
    ]
    return literal_rows(rows, {"kind": "string", "step": "string", "place": "int64"})


def _medians(begun: ir.Table) -> ir.Table:
    """Return the median hours from each milestone to the one after it."""
    spans = [
        {
            "step": ibis.literal(one.name),
            "hours": begun[other.column].delta(begun[one.column], unit="second") / SECONDS_PER_HOUR,
        }
        for one, other in itertools.pairwise(MILESTONES)
    ]
    rows = long_rows(begun, "kind", spans)
    rows = rows.filter(rows.hours >= 0)
    return rows.group_by(KEY).agg(median_hours=rows.hours.median())


@check(blocking=True)
def steps_that_rise(pipeline_funnel: ir.Table) -> ir.Table:
    """Return milestones that more deals reached than the one before."""
    in_order = ibis.window(group_by="kind", order_by="place")
    rows = pipeline_funnel.mutate(before=pipeline_funnel.reached.lag().over(in_order))
    return rows.filter(rows.reached > rows.before).select("kind", "step", "reached", "before")


@check(blocking=True)
def deals_that_are_not_counted(
    pipeline_funnel: ir.Table, client_pipeline: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy
) -> ir.Table:
    """Return kinds whose first milestone does not count every deal of the window."""
    begun = client_pipeline.filter(
        client_pipeline.begun_at >= days_after(as_of, 1 - policy.pipeline.window_days), client_pipeline.reached > 0
    )
    deals = begun.group_by("kind").agg(deals=begun.count())
    first = first_per(pipeline_funnel, "kind", "place").select("kind", "reached")
    compared = lookup(first, deals, "kind")
    return compared.filter(compared.reached != compared.deals.fill_null(0))
