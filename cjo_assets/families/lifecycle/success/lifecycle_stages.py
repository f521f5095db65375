"""Lifecycle stage and message cohort of each organization.

One row per as-of date and account. The first stage that applies is taken: churned, lead, trial, at_risk, renewal,
active. A customer at risk whose renewal approaches is at_risk, and `days_to_renewal` shows the renewal. Cohorts may
overlap: `cohort` is the first of the matching ones.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, TextList, column, key, names_where
from cjo_assets.core.expressions.numbers import RATE_DECIMALS
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.inputs._tenancy import without_organization
from cjo_assets.families.lifecycle.inputs.variant_results import COHORTS
from cjo_assets.families.lifecycle.success._daily_sums import window_sums
from cjo_assets.families.lifecycle.success._health import BANDS, RED
from cjo_assets.policy.lifecycle import LifecyclePolicy

CUSTOMER = "customer_id"
CHURNED, LEAD, TRIAL, AT_RISK, RENEWAL, ACTIVE = "churned", "lead", "trial", "at_risk", "renewal", "active"
STAGES = [CHURNED, LEAD, TRIAL, AT_RISK, RENEWAL, ACTIVE]
PAYING_STAGES = [AT_RISK, RENEWAL, ACTIVE]
NEW_TRIAL, POWER, OTHER = "new_trial", "power", "other"
RED_HEALTH, DECLINING, TRIAL_LAPSED = "red_health", "declining_engagement", "trial_lapsed"


class LifecycleStages(DatedContract):
    """Lifecycle stage and cohort. One row per as-of date and account."""

    customer_id: str = key("Customer.", personal="customer")
    stage: str = column("churned, lead, trial, at_risk, renewal or active.", isin=STAGES)
    reasons: TextList = column(
        "Why, sorted: red_health and declining_engagement of at_risk, trial_lapsed of lead; empty otherwise."
    )
    mrr: float = column("Recurring revenue [currency per month].", ge=0, decimals=2)
    band: str = column("Band of the health score; null without a row of it.", isin=BANDS, nullable=True)
    trial_day: int = column("Days since the start of a running trial [days]; null without one.", ge=0, nullable=True)
    days_to_renewal: int = column(
        "Days until the anniversary of the contract [days]; null without an annual one.", ge=0, nullable=True
    )
    engagement: float = column(
        "Conversations of the health window over those before, below 1 = declining; null where not measurable.",
        ge=0,
        nullable=True,
        decimals=RATE_DECIMALS,
    )
    recent_tickets: int = column("Tickets of the policy's ticket_days [tickets].", ge=0)
    recent_conversations: int = column("Conversations of the policy's power_days [conversations].", ge=0)
    cohort: str = column("Cohort for messages: the first of matched_cohorts.", isin=COHORTS)
    matched_cohorts: TextList = column("All cohorts that match, sorted; other only alone.")
    previous_stage: str = column("Stage before this one; null if no other was published.", isin=STAGES, nullable=True)
    seen_since: date = column("First published day from which on every published day had this stage.")


def lifecycle_stages(
    accounts: ir.Table,
    health_scores: ir.Table,
    health_contributions: ir.Table,
    daily_metrics: ir.Table,
    earlier_lifecycle_stages: ir.Table,
    as_of: ir.DateScalar,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Return the stage of each account, its cohorts, and since when the stage was published."""
    rows = _with_facts(accounts, health_scores, health_contributions, daily_metrics, as_of, policy)
    rows = _with_stage(rows, as_of, policy)
    rows = _with_cohorts(rows, policy)
    last = first_per(earlier_lifecycle_stages, CUSTOMER, [ibis.desc("as_of")])
    rows = lookup(rows, last, CUSTOMER, last_stage="stage", last_previous="previous_stage", last_since="seen_since")
    is_same = rows.last_stage == rows.stage
    return rows.mutate(
        previous_stage=is_same.fill_null(False).ifelse(rows.last_previous, rows.last_stage),
        seen_since=is_same.fill_null(False).ifelse(rows.last_since, as_of),
    )


def _with_facts(
    accounts: ir.Table,
    health_scores: ir.Table,
    health_contributions: ir.Table,
    daily_metrics: ir.Table,
    as_of: ir.DateScalar,
    policy: LifecyclePolicy,
) -> ir.Table:
    """Add band, engagement and counts to the accounts."""
    rules = policy.stages
    trends = health_contributions.filter(health_contributions.measure == "volume_trend")
    rows = lookup(accounts, health_scores, CUSTOMER, "band")
    rows = lookup(rows, trends, CUSTOMER, engagement="value")
    tickets = window_sums(daily_metrics, as_of, rules.ticket_days, ["tickets"])
    rows = lookup(rows, tickets, CUSTOMER, recent_tickets="tickets")
    talks = window_sums(daily_metrics, as_of, rules.power_days, ["conversations"])
    rows = lookup(rows, talks, CUSTOMER, recent_conversations="conversations")
    return rows.mutate(
        recent_tickets=rows.recent_tickets.fill_null(0.0).cast("int64"),
        recent_conversations=rows.recent_conversations.fill_null(0.0).cast("int64"),
    )


def _with_stage(rows: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy) -> ir.Table:
    """Add the first stage that applies, its reasons, and the days of trial and renewal."""
    rules = policy.stages
    is_paying = rows.subscriptions > 0
    is_red = is_paying & (rows.band == RED).fill_null(False)
    has_declined = (rows.engagement < rules.declining) & (rows.recent_tickets >= rules.tickets)
    has_declined = is_paying & has_declined.fill_null(False)
    is_trial = (~is_paying & as_of.between(rows.trial_started_on, rows.trial_ends_on)).fill_null(False)
    has_lapsed = ~is_paying & rows.trial_started_on.notnull() & rows.first_paid_on.isnull() & ~is_trial
    days_to_renewal = rows.renewal_on.delta(as_of, unit="day")
    stage = ibis.cases(
        (rows.churned_on.notnull(), CHURNED),
        (~is_paying, is_trial.ifelse(TRIAL, LEAD)),
        (is_red | has_declined, AT_RISK),
        (days_to_renewal <= rules.renewal_days, RENEWAL),
        else_=ACTIVE,
    )
    return rows.mutate(
        stage=stage,
        reasons=names_where({RED_HEALTH: is_red, DECLINING: has_declined, TRIAL_LAPSED: has_lapsed}),
        trial_day=is_trial.ifelse(as_of.delta(rows.trial_started_on, unit="day"), ibis.null("int64")),
        days_to_renewal=days_to_renewal,
    )


def _with_cohorts(rows: ir.Table, policy: LifecyclePolicy) -> ir.Table:
    """Add the cohorts that match, and the first of them."""
    matches = {
        AT_RISK: rows.stage == AT_RISK,
        RENEWAL: rows.stage.isin(PAYING_STAGES) & (rows.days_to_renewal <= policy.stages.renewal_days).fill_null(False),
        NEW_TRIAL: rows.stage == TRIAL,
        POWER: rows.recent_conversations > policy.stages.power_conversations,
    }
    found = names_where(matches)
    return rows.mutate(
        cohort=ibis.cases(*((condition, name) for name, condition in matches.items()), else_=OTHER),
        matched_cohorts=(found.length() > 0).ifelse(found, ibis.literal([OTHER], "array<string>")),
    )


@check(blocking=True)
def rows_of_no_organization(lifecycle_stages: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return stages whose organization is not in the file."""
    return without_organization(lifecycle_stages, organizations)


@check(blocking=True)
def accounts_without_stage(accounts: ir.Table, lifecycle_stages: ir.Table) -> ir.Table:
    """Return accounts that have no stage."""
    return accounts.filter(accounts.customer_id.notin(lifecycle_stages.customer_id)).select(CUSTOMER)


@check(blocking=True)
def revenue_that_differs_from_stage(lifecycle_stages: ir.Table) -> ir.Table:
    """Return customers with revenue in a stage without payment."""
    rows = lifecycle_stages.filter(lifecycle_stages.mrr > 0, lifecycle_stages.stage.notin(PAYING_STAGES))
    return rows.select(CUSTOMER, "stage", "mrr")
