"""Deals between first contact and handover: milestones, the step they wait in, and what needs attention.

One row per as-of date and deal that had begun by then. The step is the milestone after the furthest that was reached;
a milestone may be skipped. A second deal of a customer, or one of a customer with a subscription, is an iteration.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import LARGEST_AMOUNT, DatedContract, Instant, TextList, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import SCORE_DECIMALS
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.families.lifecycle.inputs.organizations import known_organizations
from cjo_assets.families.lifecycle.pipeline._deal_figures import dependencies_of, figures_of
from cjo_assets.families.lifecycle.pipeline._deals import deals, milestone_columns, with_milestones
from cjo_assets.families.lifecycle.pipeline._milestones import KINDS, NAMES, REQUIREMENTS_VALIDATED
from cjo_assets.policy.lifecycle import LifecyclePolicy

SECONDS_PER_HOUR, HOURS_PER_DAY = 3600, 24


class ClientPipeline(DatedContract):
    """Deals with their milestones and the step they wait in. One row per as-of date and deal."""

    deal_id: str = key("Deal; the customer's id until an event names a deal.")
    customer_id: str = column("Customer.", personal="customer")
    kind: str = column("new, or iteration: the customer had a deal or a subscription before.", isin=KINDS)
    begun_at: Instant = column("Instant of the signup, or of the first event of an iteration [UTC].")
    signed_up_at: Instant = column("Instant of the signup [UTC]; null for an iteration.", nullable=True)
    researched_at: Instant = column("Instant the research was completed [UTC].", nullable=True)
    requirements_validated_at: Instant = column("Instant the client validated requirements [UTC].", nullable=True)
    demo_at: Instant = column("Instant of the demo [UTC].", nullable=True)
    pilot_at: Instant = column("Instant the client agreed to a pilot [UTC].", nullable=True)
    nda_at: Instant = column("Instant the NDA was signed [UTC].", nullable=True)
    prd_started_at: Instant = column("Instant work on the PRD began [UTC].", nullable=True)
    prd_approved_at: Instant = column("Instant the PRD was approved [UTC].", nullable=True)
    pricing_approved_at: Instant = column("Instant the price was approved [UTC].", nullable=True)
    proposal_signed_at: Instant = column("Instant the proposal was signed [UTC].", nullable=True)
    config_deployed_at: Instant = column("Instant of the first deployment to production [UTC].", nullable=True)
    handed_over_at: Instant = column("Instant a success manager accepted the handoff [UTC].", nullable=True)
    reached: int = column("Milestones up to the furthest that was reached [milestones].", ge=0, le=len(NAMES))
    step: str = column("Milestone it waits for; null where it was handed over.", isin=NAMES, nullable=True)
    hours_in_step: float = column(
        "Hours since the furthest milestone, or since the requirements form was sent [hours]; null without a step.",
        ge=0,
        nullable=True,
        decimals=2,
    )
    is_overdue: bool = column("Whether that exceeds the policy's patience_hours.")
    out_of_order: TextList = column("Milestones that were reached before one that precedes them, in their order.")
    predicted_volume: float = column("Predicted conversations [per month]; null where unknown.", ge=0, nullable=True)
    client_volume: float = column("The client's figure [per month]; null where unknown.", ge=0, nullable=True)
    volume_discrepancy: float = column(
        "Client's figure less the prediction, over the prediction; null where one is missing.",
        ge=-1,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    needs_review: bool = column("Whether it exceeds the policy's volume_tolerance; null where unknown.", nullable=True)
    price: float = column("Price last proposed [currency per month]; null without one.", ge=0, nullable=True)
    cost: float = column("Cost at that price [currency per month]; null where unknown.", ge=0, nullable=True)
    margin: float = column(
        "Price less cost, over the price, up = better; null where one is missing.",
        ge=-LARGEST_AMOUNT,
        le=1,
        nullable=True,
        decimals=SCORE_DECIMALS,
    )
    needs_approval: bool = column("Whether it is below the policy's minimum_margin; null where unknown.", nullable=True)
    requirements_sent_at: Instant = column("Instant the requirements form was last sent [UTC].", nullable=True)
    reminder_due: bool = column("Whether a reminder of the form is due today, by the policy's reminder_days.")
    needs_outreach: bool = column("Whether the last reminder has passed without an answer.")
    open_dependencies: int = column("Open dependencies [dependencies].", ge=0)
    days_overdue: int = column("Days since the first of them was due [days]; 0 where none is overdue.", ge=0)
    deploy_days: float = column(
        "Days from the approved PRD to the deployment [days]; null where one is missing, or it was before.",
        ge=0,
        nullable=True,
        decimals=2,
    )


def client_pipeline(
    organizations: ir.Table, lifecycle_events: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy
) -> ir.Table:
    """Return each deal with its milestones, its step and its figures."""
    events = known_events(lifecycle_events, as_of)
    rows = with_milestones(deals(known_organizations(organizations, as_of), events), events)
    rows = lookup(rows, figures_of(events), "deal_id")
    rows = lookup(rows, dependencies_of(events, as_of), "deal_id")
    rows = _with_step(rows, as_of, policy)
    discrepancy = (rows.client_volume - rows.predicted_volume) / rows.predicted_volume.nullif(0.0)
    margin = (rows.price - rows.cost) / rows.price.nullif(0.0)
    waits_for_form = rows.requirements_sent_at.notnull() & rows.requirements_validated_at.isnull()
    days_since_sent = as_of.delta(rows.requirements_sent_at.date(), unit="day")
    reminders = policy.pipeline.reminder_days
    deploy_hours = _hours(rows.prd_approved_at, rows.config_deployed_at)
    return rows.mutate(
        volume_discrepancy=discrepancy,
        needs_review=discrepancy.abs() > policy.pipeline.volume_tolerance,
        margin=margin,
        needs_approval=margin < policy.pipeline.minimum_margin,
        reminder_due=waits_for_form & days_since_sent.isin(list(reminders)),
        needs_outreach=waits_for_form & (days_since_sent > reminders[-1]),
        open_dependencies=rows.open_dependencies.fill_null(0),
        days_overdue=rows.days_overdue.fill_null(0),
        deploy_days=(deploy_hours >= 0).ifelse(deploy_hours / HOURS_PER_DAY, ibis.null("float64")),
    )


def _with_step(rows: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    """Add how far a deal is, what it waits for, since when, and which milestones were early."""
    columns = milestone_columns()
    places = [rows[name].notnull().ifelse(place, 0) for place, name in enumerate(columns, start=1)]
    rows = rows.mutate(reached=ibis.greatest(*places), out_of_order=_early(rows, columns))
    furthest = rows.reached.cases(
        *((place, rows[name]) for place, name in enumerate(columns, start=1)), else_=rows.begun_at
    )
    step = rows.reached.cases(*enumerate(NAMES), else_=ibis.null("string"))
    rows = rows.mutate(step=step, waits_since=furthest)
    waits_for_form = rows.step == REQUIREMENTS_VALIDATED
    since = waits_for_form.ifelse(ibis.coalesce(rows.requirements_sent_at, rows.waits_since), rows.waits_since)
    hours = rows.step.notnull().ifelse(_hours(since, days_after(as_of, 1).cast("timestamp")), ibis.null("float64"))
    patience = policy.pipeline.patience_hours
    limit = waits_for_form.ifelse(patience.requirements_validated, patience.other)
    return rows.mutate(hours_in_step=hours, is_overdue=(hours > limit).fill_null(False))


def _early(rows: ir.Table, columns: list[str]) -> ir.ArrayValue:
    """Return the milestones that were reached before one that precedes them."""
    found: list[ir.Value] = []
    for place, name in enumerate(columns[1:], start=1):
        before = ibis.greatest(*(rows[earlier] for earlier in columns[:place]))
        is_early = (rows[name] < before).fill_null(False)
        found.append(is_early.ifelse(ibis.literal(NAMES[place]), ibis.null("string")))
    return ibis.array(found).filter(lambda name: name.notnull())


def _hours(start: ir.TimestampValue, end: ir.TimestampValue) -> ir.FloatingValue:
    return end.delta(start, unit="second") / SECONDS_PER_HOUR


@check(blocking=True)
def rows_of_no_organization(client_pipeline: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return deals whose organization is not in the file."""
    return without_organization(client_pipeline, organizations)


@check
def milestones_out_of_order(client_pipeline: ir.Table) -> ir.Table:
    """Return deals with a milestone before one that precedes it."""
    rows = client_pipeline.filter(client_pipeline.out_of_order.length() > 0)
    return rows.select("deal_id", "customer_id", "out_of_order")


@check
def dependencies_of_no_deal(lifecycle_events: ir.Table, client_pipeline: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return dependencies of deals that no other event names."""
    opened = known_events(lifecycle_events, as_of, "dependency_opened")
    rows = opened.filter(opened.related_id.notin(client_pipeline.deal_id))
    return rows.select("event_id", "customer_id", dependency_id="subject_id", deal_id="related_id")
