"""Opportunities for growth: what can be offered to which customer, why, and what became known of it.

One row per as-of date, customer and kind, where the rule of the kind holds on that day or a specialist was invited.
premium_tier: the conversations of the month, so far or projected, reach the policy's share of the plan, and there is a
larger plan. voice_addon: enough escalations to people, and no voice. custom_integration: an unresolved feature request
names a feature.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, TextList, column, key, names_where
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS
from cjo_assets.core.expressions.tables import first_per, lookup, merged
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.inputs.lifecycle_events import known_events
from cjo_assets.families.lifecycle.money._subscription_terms import MONTHS_PER_YEAR
from cjo_assets.families.lifecycle.money.plan_usage import CONVERSATIONS
from cjo_assets.families.lifecycle.success.lifecycle_stages import AT_RISK, CHURNED
from cjo_assets.policy.lifecycle import LifecyclePolicy

KEY = ["customer_id", "kind"]
PREMIUM_TIER, VOICE_ADDON, CUSTOM_INTEGRATION = "premium_tier", "voice_addon", "custom_integration"
KINDS = [PREMIUM_TIER, VOICE_ADDON, CUSTOM_INTEGRATION]
OPEN, INVITED, WON, LOST = "open", "invited", "won", "lost"
UNPAID = "unpaid"
FEATURE_REQUEST = "feature_request"


class Opportunities(DatedContract):
    """Opportunities for growth. One row per as-of date, customer and kind."""

    customer_id: str = key("Customer.", personal="customer")
    kind: str = key("premium_tier, voice_addon or custom_integration.", isin=KINDS)
    state: str = column(
        "open; invited: a specialist; won or lost: the last invitation was closed.", isin=[OPEN, INVITED, WON, LOST]
    )
    is_indicated: bool = column("Whether the rule of the kind holds on the as-of date.")
    value: float = column(
        "Value [currency per year]: the difference to the larger plan, or the policy's; null where no rule gives one.",
        ge=0,
        nullable=True,
        decimals=MONEY_DECIMALS,
    )
    revenue: float = column(
        "Revenue of a won one, as recorded [currency]; null otherwise or where unknown.",
        ge=0,
        nullable=True,
        decimals=MONEY_DECIMALS,
    )
    offer: TextList = column("What is offered, sorted: the larger plan, or the requested features.")
    evidence: TextList = column("Ids of the records behind it, sorted: tickets, conversations, or the plan's meter.")
    opportunity_id: str = column("Last opportunity of the kind that events name; null without one.", nullable=True)
    blocked_by: TextList = column("Reasons against an offer now, sorted: at_risk, churned, unpaid.")


def opportunities(
    plan_usage: ir.Table,
    plans: ir.Table,
    accounts: ir.Table,
    tickets: ir.Table,
    lifecycle_stages: ir.Table,
    invoices: ir.Table,
    lifecycle_events: ir.Table,
    as_of: ir.DateScalar,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Return what can be offered, and what was."""
    indicated = ibis.union(
        _larger_plans(plan_usage, plans, policy),
        _voice(accounts, known_events(lifecycle_events, as_of, "escalated"), as_of, policy),
        _features(tickets, as_of, policy),
    )
    rows = merged([indicated, _invitations(known_events(lifecycle_events, as_of))], KEY)
    rows = lookup(rows, lifecycle_stages, "customer_id", "stage")
    overdue = invoices.filter(invoices.days_overdue > 0)
    rows = rows.mutate(is_unpaid=rows.customer_id.isin(overdue.customer_id))
    reasons = {AT_RISK: rows.stage == AT_RISK, CHURNED: rows.stage == CHURNED, UNPAID: rows.is_unpaid}
    nothing = ibis.literal([], "array<string>")
    return rows.mutate(
        state=rows.state.fill_null(OPEN),
        is_indicated=rows.is_indicated.fill_null(False),
        offer=ibis.coalesce(rows.offer, nothing),
        evidence=ibis.coalesce(rows.evidence, nothing),
        blocked_by=names_where(reasons),
    )


def _indicated(rows: ir.Table, kind: str, value: ir.NumericValue, offer: ir.Value, evidence: ir.Value) -> ir.Table:
    """Return opportunities of a kind in the columns that all kinds share."""
    return rows.select(
        "customer_id",
        kind=ibis.literal(kind),
        is_indicated=ibis.literal(True),
        value=value.cast("float64"),
        offer=offer.cast("array<string>"),
        evidence=evidence.cast("array<string>"),
    )


def _larger_plans(plan_usage: ir.Table, plans: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Return customers who use most of their plan, with the next larger one."""
    used = plan_usage.filter(plan_usage.meter == CONVERSATIONS)
    highest = ibis.greatest(used.share, used.projected / used.included.nullif(0))
    used = used.filter(highest >= policy.opportunities.high_usage_share).select("customer_id", "plan_id")
    own = lookup(used, plans, "plan_id", "tier", "monthly_price")
    others = plans.select(larger_plan="plan_id", larger_tier="tier", larger_price="monthly_price")
    larger = own.join(others, own.tier < others.larger_tier)
    best = first_per(larger, "customer_id", ["larger_tier", "larger_price", "larger_plan"])
    value = ibis.greatest(best.larger_price - best.monthly_price, 0.0) * MONTHS_PER_YEAR
    meter = ibis.literal([CONVERSATIONS], "array<string>")
    return _indicated(best, PREMIUM_TIER, value, ibis.array([best.larger_plan]), meter)


def _voice(accounts: ir.Table, escalated: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    """Return customers without voice whose users were often escalated to people."""
    rules = policy.opportunities
    recent = escalated.filter(escalated.occurred_at >= days_after(as_of, 1 - rules.escalation_days))
    cases = recent.select("customer_id", "subject_id").distinct()
    counts = cases.group_by("customer_id").agg(cases=cases.count(), evidence=cases.subject_id.collect().sort())
    silent = accounts.filter(accounts.has_voice.isin([False]))
    rows = counts.filter(counts.cases >= rules.escalations, counts.customer_id.isin(silent.customer_id))
    nothing = ibis.literal([], "array<string>")
    return _indicated(rows, VOICE_ADDON, ibis.literal(rules.values.voice_addon), nothing, rows.evidence)


def _features(tickets: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    """Return customers with unresolved requests that name a feature."""
    tomorrow = days_after(as_of, 1)
    is_open = tickets.resolved_at.isnull() | (tickets.resolved_at >= tomorrow)
    asked = tickets.filter(
        tickets.category == FEATURE_REQUEST,
        tickets.requested_feature.notnull(),
        tickets.created_at < tomorrow,
        is_open,
    )
    rows = asked.group_by("customer_id").agg(
        features=asked.requested_feature.collect(distinct=True), evidence=asked.ticket_id.collect().sort()
    )
    value = ibis.literal(policy.opportunities.values.custom_integration)
    return _indicated(rows, CUSTOM_INTEGRATION, value, rows.features.sort(), rows.evidence)


def _invitations(events: ir.Table) -> ir.Table:
    """Return the last opportunity of each customer and kind to which a specialist was invited, and its state."""
    invited = events.filter(events.event_type == "specialist_invited", events.about.isin(KINDS))
    last = first_per(invited.mutate(kind=invited.about), KEY, [ibis.desc("occurred_at"), ibis.desc("event_id")])
    closed = events.filter(events.event_type == "specialist_closed")
    closed = first_per(closed, "subject_id", [ibis.desc("occurred_at"), ibis.desc("event_id")])
    rows = last.select("customer_id", "kind", opportunity_id="subject_id")
    rows = lookup(rows, closed, [("opportunity_id", "subject_id")], state="about", revenue="amount")
    return rows.mutate(
        state=rows.state.fill_null(INVITED),
        revenue=(rows.state == WON).ifelse(rows.revenue, ibis.null("float64")),
    )


@check(blocking=True)
def rows_of_no_organization(opportunities: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return opportunities whose organization is not in the file."""
    return without_organization(opportunities, organizations)


@check
def invitations_of_unknown_kind(lifecycle_events: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return invitations of specialists to a kind of opportunity that no rule knows."""
    invited = known_events(lifecycle_events, as_of, "specialist_invited")
    return invited.filter(invited.about.notin(KINDS)).select("event_id", "customer_id", kind="about")
