"""Spells in stages and the weekly probabilities estimated from them.

Shared by the transition model and its backtest. A spell is one entry into a stage until the customer's next entry, into
another stage or the same one. Its week j is the days 7j to 7j + 6 after the entry, so two entries on one day are a
spell of 0 days that ended in week 0.

A week counts as observed once it is over: the spell lasted through it, or ended in it. The current week is censored,
whether or not the spell has already ended in it: counting only the spells that ended would overestimate departures.
"""

from collections.abc import Sequence
from itertools import pairwise

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.journey.inputs.state_entries import entries_in_order
from cjo_assets.policy import Policy

DAYS_PER_WEEK = 7
CELL = ["origin", "segment", "journey_stage", "from_week"]


def spells(customers: ir.Table, state_entries: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Return every spell begun by the as-of date, with the next stage and its day; null where it continues."""
    known = state_entries.filter(state_entries.state_entered_at <= as_of)
    entries = entries_in_order(known, policy).join(customers.select("customer_id", "segment"), "customer_id")
    in_order = ibis.window(group_by=entries.customer_id, order_by=entries.entry_number)
    return entries.select(
        "customer_id",
        "segment",
        "journey_stage",
        "entry_number",
        "previous_stage",
        entered_at="state_entered_at",
        next_stage=entries.journey_stage.lead().over(in_order),
        left_at=entries.state_entered_at.lead().over(in_order),
    )


def weeks_over(until: ir.DateValue, entered_at: ir.DateValue) -> ir.IntegerValue:
    """Return the completed weeks of a spell at the end of a day."""
    return (until.delta(entered_at, unit="day") + 1) // DAYS_PER_WEEK


def at_origins(spells: ir.Table, origins: Sequence[ir.DateScalar], policy: Policy) -> ir.Table:
    """Return the spells in a non-terminal stage begun by each origin, one row per origin and spell."""
    seen = spells.filter(spells.journey_stage.notin(policy.vocabulary.terminal_stages)).cross_join(_table_of(origins))
    return seen.filter(seen.entered_at <= seen.origin)


def fitted_model(spells: ir.Table, origins: Sequence[ir.DateScalar], policy: Policy) -> ir.Table:
    """Return the weekly probabilities as known on each origin.

    One row per origin, segment, non-terminal stage, bin of weeks in the stage and next stage. `latest_record_at` is the
    latest date that entered the row's cell.
    """
    rules = policy.journey.forecast
    counts = _counts(at_origins(spells, origins, policy))
    binned = counts.cross_join(one_of("from_week", rules.time_bins_weeks))
    binned = binned.mutate(until_week=_until_week(binned.from_week, policy))
    in_bin = ibis.least(binned.observed_weeks, binned.until_week.fill_null(binned.observed_weeks)) - binned.from_week
    last_week = binned.observed_weeks - binned.next_stage.notnull().cast("int64")
    ends_here = (last_week >= binned.from_week) & (last_week < binned.until_week).fill_null(True)
    binned = binned.mutate(in_bin=ibis.greatest(in_bin, 0), ends_here=ends_here)
    exposures = binned.group_by(CELL).agg(
        observed_weeks=(binned.spells * binned.in_bin).sum(),
        censored_weeks=binned.spells.sum(where=binned.ends_here & binned.is_cut).fill_null(0),
        latest_record_at=binned.latest_record_at.max(where=binned.in_bin > 0),
    )
    moves = binned.filter(binned.ends_here, binned.next_stage.notnull())
    moves = moves.group_by(*CELL, "next_stage").agg(transitions=moves.spells.sum())
    counted = lookup(lookup(_grid(origins, policy), exposures, CELL), moves, [*CELL, "next_stage"])
    counts = ("observed_weeks", "censored_weeks", "transitions")
    counted = counted.mutate(**{name: counted[name].fill_null(0) for name in counts})
    prior_transitions = rules.prior_weeks * counted.prior_probability
    weight = counted.observed_weeks + rules.prior_weeks
    return counted.mutate(
        weekly_probability=(counted.transitions + prior_transitions) / weight,
        prior_weight=rules.prior_weeks / weight,
    )


def one_of(name: str, values: Sequence[int] | Sequence[str]) -> ir.Table:
    """Return a table of one column with a row for each value."""
    kind = "int64" if any(isinstance(value, int) for value in values) else None
    cells = [ibis.literal(value, kind) for value in values]
    column = ibis.array(cells) if cells else ibis.literal([], "array<string>")
    return column.unnest().name(name).as_table()


def _table_of(origins: Sequence[ir.DateScalar]) -> ir.Table:
    """Return a table with a row for each origin."""
    return ibis.array(origins).unnest().name("origin").as_table()


def _counts(seen: ir.Table) -> ir.Table:
    """Count equal spells: a small table, whatever the number of customers."""
    over = weeks_over(seen.origin, seen.entered_at)
    # Whether the spell ended in a completed week; null where it continues or ended in the current week.
    last_week = seen.left_at.delta(seen.entered_at, unit="day") // DAYS_PER_WEEK
    ended = (last_week < over).fill_null(False)
    has_current_week = (seen.origin.delta(seen.entered_at, unit="day") + 1) % DAYS_PER_WEEK > 0
    seen = seen.mutate(
        observed_weeks=ended.ifelse(last_week + 1, over),
        next_stage=ended.ifelse(seen.next_stage, ibis.null("string")),
        is_cut=~ended & has_current_week,
        record_at=ended.ifelse(seen.left_at, seen.entered_at),
    )
    key = ["origin", "segment", "journey_stage", "observed_weeks", "next_stage", "is_cut"]
    return seen.group_by(key).agg(spells=seen.count(), latest_record_at=seen.record_at.max())


def _grid(origins: Sequence[ir.DateScalar], policy: Policy) -> ir.Table:
    """Return every cell and next stage with its prior, whether observed or not."""
    words, rules = policy.vocabulary, policy.journey.forecast
    lasting = [stage for stage in words.stages if stage not in words.terminal_stages]
    grid = _table_of(origins).cross_join(one_of("segment", words.segments), one_of("journey_stage", lasting))
    grid = grid.cross_join(one_of("from_week", rules.time_bins_weeks), one_of("next_stage", words.stages))
    named = [
        (f"{stage}>{onward}", ibis.literal(float(probability)))
        for stage, onwards in rules.prior_weekly_probabilities.items()
        for onward, probability in onwards.items()
    ]
    step = grid.journey_stage.concat(">", grid.next_stage)
    prior = step.cases(*named, else_=0.0) if named else ibis.literal(0.0)
    return grid.mutate(until_week=_until_week(grid.from_week, policy), prior_probability=prior)


def _until_week(from_week: ir.IntegerValue, policy: Policy) -> ir.IntegerValue:
    """Return the first week after a bin; null for the last, which has no end."""
    bins = policy.journey.forecast.time_bins_weeks
    following = [(start, ibis.literal(end, "int64")) for start, end in pairwise(bins)]
    return from_week.cases(*following, else_=None) if following else ibis.null("int64")
