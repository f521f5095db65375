"""Spells: what the log of stages has shown, in weeks, by any day.

Not a table but the steps that the transition model and its backtest share. A spell is one entry into a stage until the
customer's next entry, into another stage or the same one. Its week j are the days 7j to 7j + 6 after the entry, so two
entries on one day are a spell of 0 days that ended in week 0.

A week counts as observed once it is over: the spell lasted through it, or ended in it. The week under way is censored,
whether or not the spell has ended in it already: to count those that ended and wait with those that did not would make
leaving look likelier than it is.
"""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

import ibis
import ibis.expr.types as ir

from cjo_assets.families.journey.inputs.state_entries import entries_in_order
from cjo_assets.policy import Policy

DAYS_PER_WEEK = 7
CELL = ["origin", "segment", "journey_stage", "from_week"]


def spells(customers: ir.Table, state_entries: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Return every spell begun by the as-of date, with where it led and when; null where it goes on."""
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
    """Return how many weeks of a spell are over at the end of a day."""
    return (until.delta(entered_at, unit="day") + 1) // DAYS_PER_WEEK


def at_origins(spells: ir.Table, origins: Sequence[date], policy: Policy) -> ir.Table:
    """Return the spells in a non-terminal stage begun by each origin, one row for each of the two."""
    days = one_of("origin", origins)
    seen = spells.filter(spells.journey_stage.notin(policy.vocabulary.terminal_stages)).cross_join(days)
    return seen.filter(seen.entered_at <= seen.origin)


def fitted_model(spells: ir.Table, origins: Sequence[date], policy: Policy) -> ir.Table:
    """Return the weekly probabilities as they were known on each origin.

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
    rows = _grid(origins, policy).left_join(exposures, CELL).drop(*(f"{name}_right" for name in CELL))
    rows = rows.left_join(moves, [*CELL, "next_stage"]).drop(*(f"{name}_right" for name in [*CELL, "next_stage"]))
    rows = rows.mutate(
        observed_weeks=rows.observed_weeks.fill_null(0),
        censored_weeks=rows.censored_weeks.fill_null(0),
        transitions=rows.transitions.fill_null(0),
    )
    believed = rules.prior_weeks * rows.prior_probability
    return rows.mutate(
        weekly_probability=(rows.transitions + believed) / (rows.observed_weeks + rules.prior_weeks),
        prior_weight=rules.prior_weeks / (rows.observed_weeks + rules.prior_weeks),
    )


def one_of(name: str, values: Sequence[date] | Sequence[int] | Sequence[str]) -> ir.Table:
    """Return a table of one column with a row for each value."""
    kind = "int64" if any(isinstance(value, int) for value in values) else None
    cells = [ibis.literal(value, kind) for value in values]
    column = ibis.array(cells) if cells else ibis.literal([], "array<string>")
    return column.unnest().name(name).as_table()


def _counts(seen: ir.Table) -> ir.Table:
    """Count the spells that show the same thing: however many customers, a small table."""
    over = weeks_over(seen.origin, seen.entered_at)
    # A spell that ended in a week that is over; one that went on, or ended in the week under way, compares to null.
    last_week = seen.left_at.delta(seen.entered_at, unit="day") // DAYS_PER_WEEK
    ended = (last_week < over).fill_null(False)
    under_way = (seen.origin.delta(seen.entered_at, unit="day") + 1) % DAYS_PER_WEEK > 0
    seen = seen.mutate(
        observed_weeks=ended.ifelse(last_week + 1, over),
        next_stage=ended.ifelse(seen.next_stage, ibis.null("string")),
        is_cut=~ended & under_way,
        record_at=ended.ifelse(seen.left_at, seen.entered_at),
    )
    key = ["origin", "segment", "journey_stage", "observed_weeks", "next_stage", "is_cut"]
    return seen.group_by(key).agg(spells=seen.count(), latest_record_at=seen.record_at.max())


def _grid(origins: Sequence[date], policy: Policy) -> ir.Table:
    """Return every cell and next stage with its prior, so that what was never seen has a row too."""
    words, rules = policy.vocabulary, policy.journey.forecast
    lasting = [stage for stage in words.stages if stage not in words.terminal_stages]
    rows = one_of("origin", origins)
    rows = rows.cross_join(one_of("segment", words.segments), one_of("journey_stage", lasting))
    rows = rows.cross_join(one_of("from_week", rules.time_bins_weeks), one_of("next_stage", words.stages))
    named = [
        (f"{stage}>{onward}", ibis.literal(float(probability)))
        for stage, onwards in rules.prior_weekly_probabilities.items()
        for onward, probability in onwards.items()
    ]
    step = rows.journey_stage.concat(">", rows.next_stage)
    prior = step.cases(*named, else_=0.0) if named else ibis.literal(0.0)
    return rows.mutate(until_week=_until_week(rows.from_week, policy), prior_probability=prior)


def _until_week(from_week: ir.IntegerValue, policy: Policy) -> ir.IntegerValue:
    """Return the first week after a bin; null for the last, which has no end."""
    bins = policy.journey.forecast.time_bins_weeks
    following = [(start, ibis.literal(end, "int64")) for start, end in pairwise(bins)]
    return from_week.cases(*following, else_=None) if following else ibis.null("int64")
