"""Entries of customers into journey stages.

One row per customer, day and stage entered. Several entries of one customer on one day are legal and are put in order:
the one whose previous stage is the other's stage came later; failing that, the one later in the policy's order of
stages.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import Contract, column
from cjo_assets.core.dataset import Dataset
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.core.quarantine.rules import PROVENANCE, typed_rows
from cjo_assets.policy import NO_STAGE, Policy

INITIAL, VALID, RE_ENTRY, INVALID, UNKNOWN = "initial", "valid", "re_entry", "invalid", "unknown"
TRANSITIONS = [INITIAL, VALID, RE_ENTRY, INVALID, UNKNOWN]


class StateEntries(Contract):
    """Entries into a stage that passed their contract. One row per customer, day and stage."""

    customer_id: str = column("Customer.", personal="customer")
    journey_stage: str = column("Stage entered.", words="stages")
    state_entered_at: date = column("Day of entry.")
    days_in_state: int = column("Days in the stage as the source reported them [days].", ge=0, nullable=True)
    previous_stage: str = column("Stage before, as reported; null where none was.", words="stages", nullable=True)
    confirmed_stage: str = column(
        "Stage that a person found the customer in when checking the entry; null where it was not checked.",
        words="stages",
        optional=True,
    )

    class Config:
        unique = ["customer_id", "state_entered_at", "journey_stage"]


class AllowedTransitions(Contract):
    """Entries of the file as read, with the kind of their transition. One row per row of the file."""

    customer_id: str = column("Customer.", nullable=True, personal="customer")
    state_entered_at: date = column("Day of entry.", nullable=True)
    previous_stage: str = column("Stage before.", nullable=True)
    journey_stage: str = column("Stage entered.", nullable=True)
    transition: str = column("Kind of transition.", isin=[INITIAL, VALID, RE_ENTRY, UNKNOWN])


def relations(rows: ir.Table, customers: ir.Table) -> dict[str, ir.BooleanValue]:
    """Return the rules on the customer of an entry."""
    return {"customer_id: unknown customer": rows.customer_id.notin(customers.customer_id)}


DATASET = Dataset(
    "journey_state_log",
    StateEntries,
    table="state_entries",
    may_be_empty=False,
    relations=relations,
    record_date="state_entered_at",
)


def entries_in_order(state_entries: ir.Table, policy: Policy) -> ir.Table:
    """Assign numbers to the entries of each customer, mark the last, and add the previous stage and kind of transition.

    `previous_stage` becomes the customer's earlier entry if the log has one; the reported one stays as
    `reported_previous_stage`. Looking only backwards, it is the same on every as-of date.
    """
    entries = _with_place_in_day(state_entries.rename(reported_previous_stage="previous_stage"), policy)
    in_order = ibis.window(
        group_by=entries.customer_id,
        order_by=[entries.state_entered_at, entries.place_in_day, _place_of_stage(entries.journey_stage, policy)],
    )
    entries = entries.mutate(
        entry_number=ibis.row_number().over(in_order),
        earlier_stage=entries.journey_stage.lag().over(in_order),
        is_last=entries.customer_id.lead().over(in_order).isnull(),
    )
    entries = entries.mutate(previous_stage=ibis.coalesce(entries.earlier_stage, entries.reported_previous_stage))
    return entries.mutate(transition=_transition(entries, policy)).drop("place_in_day", "earlier_stage")


@check(contract=AllowedTransitions)
def transitions_as_read(
    raw_journey_state_log: ir.Table, quarantined_journey_state_log: ir.Table, state_entries: ir.Table, policy: Policy
) -> ir.Table:
    """Return the transitions of the file as read, before any row is rejected."""
    # Every row of the file is accepted or rejected, and the accepted ones have their types already.
    rejected = raw_journey_state_log.semi_join(quarantined_journey_state_log, list(PROVENANCE))
    read = ibis.union(state_entries, typed_rows(rejected, StateEntries, policy))
    entries = entries_in_order(read, policy)
    return entries.select(*AllowedTransitions.to_schema().columns)


@check
def entries_of_one_day(state_entries: ir.Table) -> ir.Table:
    """Find customers with more than one entry on a day."""
    days = state_entries.group_by("customer_id", "state_entered_at")
    return days.having(lambda row: row.count() > 1).agg(entries=state_entries.count())


def _with_place_in_day(entries: ir.Table, policy: Policy) -> ir.Table:
    """Add `place_in_day`: how many other entries of the customer and day come before this one.

    Three entries of a day, A (from X), C (from B) and B (from A), have the places 0, 2 and 1: A > B > C.
    """
    day = ["customer_id", "state_entered_at"]
    crowded = entries.group_by(day).having(lambda row: row.count() > 1).agg()
    # A join, not a semi-join: ibis compiles it once, however many steps read it.
    rivals = entries.join(crowded, day).select(entries)
    others = rivals.select(*day, other_stage="journey_stage")
    pairs = rivals.join(others, day).filter(lambda row: row.journey_stage != row.other_stage)
    successions = _successions(rivals, policy)
    pair = [*day, "journey_stage", "other_stage"]
    before = successions.select(*day, journey_stage="later", other_stage="earlier", follows=ibis.literal(True))
    after = successions.select(*day, journey_stage="earlier", other_stage="later", is_followed=ibis.literal(True))
    compared = lookup(lookup(pairs, before, pair), after, pair)
    follows, is_followed = compared.follows.fill_null(False), compared.is_followed.fill_null(False)
    # Without a succession, or with one in both directions, the policy's order of stages decides.
    comes_after = (follows != is_followed).ifelse(
        follows, _place_of_stage(compared.other_stage, policy) < _place_of_stage(compared.journey_stage, policy)
    )
    places = compared.group_by(*day, "journey_stage").agg(place_in_day=comes_after.cast("int64").sum())
    placed = lookup(entries, places, [*day, "journey_stage"])
    return placed.mutate(place_in_day=placed.place_in_day.fill_null(0))


def _successions(rivals: ir.Table, policy: Policy) -> ir.Table:
    """Return which entry of a day came later than which, following `previous_stage` over any number of entries."""
    day = ["customer_id", "state_entered_at"]
    steps = rivals.select(*day, later="journey_stage", earlier="reported_previous_stage")
    known = rivals.select(*day, earlier="journey_stage")
    steps = steps.filter(steps.later != steps.earlier).semi_join(known, [*day, "earlier"])
    # Each pass doubles the distance that is followed; a day has at most one entry per stage.
    for _ in range(len(policy.vocabulary.stages).bit_length() - 1):
        further = steps.select(*day, middle="earlier", later="later")
        onward = steps.select(*day, middle="later", earlier="earlier")
        longer = further.join(onward, [*day, "middle"]).select(*day, "later", "earlier")
        steps = ibis.union(steps, longer, distinct=True)
    return steps.filter(steps.later != steps.earlier)


def _place_of_stage(stage: ir.StringValue, policy: Policy) -> ir.NumericValue:
    return stage.cases(*((name, place) for place, name in enumerate(policy.vocabulary.stages)), else_=-1)


def _transition(entries: ir.Table, policy: Policy) -> ir.StringValue:
    rules = policy.journey.evaluation
    step = entries.previous_stage.fill_null(NO_STAGE).concat(">", entries.journey_stage)
    starts = [f"{NO_STAGE}>{stage}" for stage in rules.transitions.get(NO_STAGE, ())]
    named = {
        RE_ENTRY: [f"{start}>{end}" for start, ends in rules.re_entries.items() for end in ends],
        VALID: [f"{start}>{end}" for start, ends in rules.transitions.items() for end in ends],
    }
    return ibis.cases(
        (step.isin(starts), INITIAL),
        (entries.previous_stage.isnull() | entries.journey_stage.isnull(), UNKNOWN),
        (step.isin(named[RE_ENTRY]), RE_ENTRY),
        (step.isin(named[VALID]), VALID),
        else_=INVALID,
    )
