"""Costs and value of marketing so far, by component and evidence grade.

One row per as-of date, component and evidence grade. amount = quantity x unit_price: a counted, booked or compared
quantity at the price of the policy. Media spend and value of a campaign come from the record with the most spend
(`recorded_money`), so all parts cover whole campaigns. Costs of language models and review come from the ledger;
campaigns without an entry use their records at the prices of the policy. Infrastructure is charged for every day on
which a campaign ran.

Grades of costs: `measured` by the systems that took the money, `booked` by the ledger, `assumption` where we count and
the policy prices. Value is always the source's estimate of what conversions are worth. The conversions that a variant
brought and its control would not have are `randomised`, a loss counting negative; the rest is an `assumption`, and both
sum to the estimate. An experiment proves value only where the deciding interval excludes 0.
"""

from dataclasses import asdict, dataclass, fields

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.evidence_grades import ASSUMPTION, COST, RANDOMISED, VALUE
from cjo_assets.core.expressions.intervals import MEASURED
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, HALF_A_CENT, MONEY_DECIMALS, money_sum, rounded
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.core.expressions.tables import first_per, long_rows, lookup
from cjo_assets.families.marketing.inputs.budget_actions import APPROVED, REJECTED
from cjo_assets.families.marketing.inputs.campaigns import DRAFT
from cjo_assets.families.marketing.measurement._recorded_money import LEDGER, known_ledger, recorded_money
from cjo_assets.families.marketing.measurement.asset_performance import KEY, TOTALS
from cjo_assets.families.marketing.value._proved_value import conclusive_on_conversions, proved_value
from cjo_assets.policy import Policy

BOOKED = "booked"
GRADES = [MEASURED, BOOKED, RANDOMISED, ASSUMPTION]
MEDIA_SPEND, LLM_COST, HUMAN_REVIEW = "media_spend", "llm_cost", "human_review_cost"
INFRASTRUCTURE, API_CALLS, ESTIMATED_VALUE = "infrastructure", "api_calls", "estimated_value"
COMPONENTS = [MEDIA_SPEND, LLM_COST, HUMAN_REVIEW, INFRASTRUCTURE, API_CALLS, ESTIMATED_VALUE]
DAYS_PER_MONTH, MINUTES_PER_HOUR = 30, 60


class RoiComponents(DatedContract):
    """Costs and value, part by part. One row per as-of date, component and evidence grade."""

    component: str = key("Component.", isin=COMPONENTS)
    kind: str = column("cost or value.", isin=[COST, VALUE])
    evidence_grade: str = key("measured, booked, randomised or assumption.", isin=GRADES)
    records: int = column("Snapshots, ledger entries, decisions, days or experiments behind the quantity.", ge=0)
    quantity: float = column("What was counted, in its unit; null where nothing was.", nullable=True)
    unit: str = column("Unit of the quantity.")
    unit_price: float = column("What one of it costs or is worth [currency].", ge=0)
    amount: float = column(
        "quantity x unit_price so far [currency]; null where nothing was counted.", nullable=True, decimals=2
    )
    amount_low: float = column(
        "Lower end of its interval [currency]; null where nothing was compared.", nullable=True, decimals=2
    )
    amount_high: float = column(
        "Upper end of its interval [currency]; null where nothing was compared.", nullable=True, decimals=2
    )
    rests_on: str = column("Table that the quantity comes from.")
    assumption: str = column("Assumption under which the amount is true.")


@dataclass(frozen=True)
class Part:
    """The constant columns of a row; described in `RoiComponents`."""

    component: str
    kind: str
    evidence_grade: str
    unit: str
    rests_on: str
    assumption: str


PARTS = (
    Part(
        component=MEDIA_SPEND,
        kind=COST,
        evidence_grade=MEASURED,
        unit="currency",
        rests_on="asset_performance",
        assumption="What the metrics report was paid.",
    ),
    Part(
        component=MEDIA_SPEND,
        kind=COST,
        evidence_grade=BOOKED,
        unit="currency",
        rests_on="roi_ledger",
        assumption="What the ledger books beyond the metrics, of campaigns where that exceeds the tolerance, was paid "
        "too.",
    ),
    Part(
        component=LLM_COST,
        kind=COST,
        evidence_grade=BOOKED,
        unit="currency",
        rests_on="roi_ledger",
        assumption="The ledger is complete; it has no dates.",
    ),
    Part(
        component=LLM_COST,
        kind=COST,
        evidence_grade=ASSUMPTION,
        unit="calls",
        rests_on="orchestrator_decisions",
        assumption="A decision that nobody booked took one call.",
    ),
    Part(
        component=HUMAN_REVIEW,
        kind=COST,
        evidence_grade=BOOKED,
        unit="currency",
        rests_on="roi_ledger",
        assumption="The ledger is complete; it has no dates.",
    ),
    Part(
        component=HUMAN_REVIEW,
        kind=COST,
        evidence_grade=ASSUMPTION,
        unit="hours",
        rests_on="orchestrator_decisions, budget_governance",
        assumption="An override or an answer that nobody booked took a person as long as the policy says.",
    ),
    Part(
        component=INFRASTRUCTURE,
        kind=COST,
        evidence_grade=ASSUMPTION,
        unit="months",
        rests_on="campaigns, asset_performance",
        assumption="A day from the first of any campaign to the last costs its share of 30 days.",
    ),
    Part(
        component=API_CALLS,
        kind=COST,
        evidence_grade=ASSUMPTION,
        unit="calls",
        rests_on="asset_performance, funnel_events, budget_governance",
        assumption="A snapshot read, an event read and a move executed take one call each.",
    ),
    Part(
        component=ESTIMATED_VALUE,
        kind=VALUE,
        evidence_grade=RANDOMISED,
        unit="currency",
        rests_on="experiment_evaluations",
        assumption="What a conversion is worth is the source's estimate; that the variant brought it is proved by an "
        "interval that leaves out 0.",
    ),
    Part(
        component=ESTIMATED_VALUE,
        kind=VALUE,
        evidence_grade=ASSUMPTION,
        unit="currency",
        rests_on="asset_performance, roi_ledger",
        assumption="The source's estimate is right, and without the campaign nothing of it would have come.",
    ),
)


def roi_components(
    asset_performance: ir.Table,
    campaigns: ir.Table,
    roi_ledger: ir.Table,
    orchestrator_decisions: ir.Table,
    funnel_events: ir.Table,
    budget_governance: ir.Table,
    experiment_arms: ir.Table,
    experiment_evaluations: ir.Table,
    metric_definitions: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Count each part and multiply it by its price."""
    end = days_after(as_of, 1)
    ledger = known_ledger(campaigns, asset_performance, roi_ledger, as_of)
    money = recorded_money(campaigns, asset_performance, roi_ledger, as_of, policy)
    facts = _performance(asset_performance, campaigns, as_of).cross_join(_money_facts(money))
    for more in (
        ledger.agg(
            entries=ledger.count(),
            llm_cost=money_sum(ledger.llm_cost),
            review_cost=money_sum(ledger.human_review_cost),
        ),
        _unbooked(orchestrator_decisions.filter(orchestrator_decisions.timestamp < end), budget_governance, ledger),
        funnel_events.filter(funnel_events.timestamp < end).agg(events=lambda rows: rows.count()),
        budget_governance.agg(moves=budget_governance.count(where=budget_governance.is_executed)),
        proved_value(experiment_evaluations, experiment_arms, metric_definitions),
    ):
        facts = facts.cross_join(more)
    counted = long_rows(facts, [], _quantities(facts, policy))
    described = literal_rows([asdict(part) for part in PARTS], dict.fromkeys([f.name for f in fields(Part)], "string"))
    parts = described.join(counted, ["component", "evidence_grade"])
    quantity = rounded(parts.quantity)
    return parts.mutate(quantity=quantity, amount=quantity * parts.unit_price)


def running_window(asset_performance: ir.Table, campaigns: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return the first and the last day up to the as-of date on which a campaign ran; null without any."""
    begun = campaigns.filter(campaigns.status != DRAFT, campaigns.start_date <= as_of)
    last_day = begun.end_date.fill_null(as_of).max()
    planned = begun.agg(first_day=begun.start_date.min(), last_day=last_day)
    seen = asset_performance.agg(
        first_seen=asset_performance.first_snapshot_at.min().cast("date"),
        last_seen=asset_performance.last_snapshot_at.max().cast("date"),
    )
    days = planned.cross_join(seen)
    return days.select(
        window_start=ibis.least(days.first_day, days.first_seen),
        window_end=ibis.least(ibis.greatest(days.last_day, days.last_seen), as_of),
    )


def _performance(asset_performance: ir.Table, campaigns: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    sums = asset_performance.agg(
        snapshots=asset_performance.snapshots.sum().fill_null(0),
        spend=money_sum(asset_performance.cost),
    )
    window = running_window(asset_performance, campaigns, as_of)
    days = (window.window_end.delta(window.window_start, unit="day") + 1).fill_null(0)
    return sums.cross_join(window.select(days=days))


def _money_facts(money: ir.Table) -> ir.Table:
    """Sum value, and the spend of the ledger beyond the metrics where the ledger is the basis."""
    beyond = money.recorded_spend - money.measured_spend.fill_null(0.0)
    is_booked = money.spend_basis == LEDGER
    return money.agg(
        worth=money_sum(money.recorded_value),
        booked_campaigns=money.count(where=is_booked),
        beyond_metrics=money_sum(beyond, where=is_booked),
    )


def _unbooked(decisions: ir.Table, budget_governance: ir.Table, ledger: ir.Table) -> ir.Table:
    """Count the work on campaigns without a ledger entry."""
    decisions = decisions.anti_join(ledger, "campaign_id")
    answers = budget_governance.filter(budget_governance.approval_state.isin([APPROVED, REJECTED]))
    answers = answers.anti_join(ledger, "campaign_id")
    found = decisions.agg(unbooked=decisions.count(), overrides=decisions.count(where=decisions.human_override))
    return found.cross_join(answers.agg(answers=answers.count()))


def _quantities(facts: ir.Table, policy: Policy) -> list[dict[str, ir.Value]]:
    """Return quantity, price and interval of each part."""
    prices = policy.marketing.roi
    reviews = facts.overrides + facts.answers
    calls = facts.snapshots + facts.events + facts.moves
    beyond_metrics = (facts.entries > 0).ifelse(facts.beyond_metrics.fill_null(0.0), ibis.null("float64"))
    assumed_value = facts.worth - facts.proved.fill_null(0.0)
    return [
        _quantity(MEDIA_SPEND, MEASURED, records=facts.snapshots, quantity=facts.spend),
        _quantity(MEDIA_SPEND, BOOKED, records=facts.booked_campaigns, quantity=beyond_metrics),
        _quantity(LLM_COST, BOOKED, records=facts.entries, quantity=facts.llm_cost),
        _quantity(
            LLM_COST, ASSUMPTION, records=facts.unbooked, quantity=facts.unbooked, price=prices.cost_per_llm_call
        ),
        _quantity(HUMAN_REVIEW, BOOKED, records=facts.entries, quantity=facts.review_cost),
        _quantity(
            HUMAN_REVIEW,
            ASSUMPTION,
            records=reviews,
            quantity=reviews * prices.review_minutes_per_answer / MINUTES_PER_HOUR,
            price=prices.cost_per_human_review_hour,
        ),
        _quantity(
            INFRASTRUCTURE,
            ASSUMPTION,
            records=facts.days,
            quantity=facts.days / DAYS_PER_MONTH,
            price=prices.infrastructure_cost_per_month,
        ),
        _quantity(API_CALLS, ASSUMPTION, records=calls, quantity=calls, price=prices.cost_per_api_call),
        _quantity(
            ESTIMATED_VALUE,
            RANDOMISED,
            records=facts.proofs,
            quantity=facts.proved,
            low=facts.proved_low,
            high=facts.proved_high,
        ),
        _quantity(ESTIMATED_VALUE, ASSUMPTION, records=facts.snapshots, quantity=assumed_value),
    ]


def _quantity(
    component: str,
    grade: str,
    *,
    records: ir.NumericValue,
    quantity: ir.NumericValue,
    price: float = 1.0,
    low: ir.NumericValue | None = None,
    high: ir.NumericValue | None = None,
) -> dict[str, ir.Value]:
    nothing = ibis.null("float64")
    return {
        "component": ibis.literal(component),
        "evidence_grade": ibis.literal(grade),
        "records": records.cast("int64"),
        "quantity": quantity.cast("float64"),
        "unit_price": ibis.literal(float(price)),
        "amount_low": nothing if low is None else low.cast("float64"),
        "amount_high": nothing if high is None else high.cast("float64"),
    }


@check(blocking=True)
def amounts_that_are_not_their_product(roi_components: ir.Table) -> ir.Table:
    """Return amounts that differ from quantity times unit price, or are outside their interval."""
    parts = roi_components
    gap = (parts.amount - parts.quantity * parts.unit_price).abs()
    is_wrong = (gap > 10.0**-MONEY_DECIMALS) | (parts.amount.isnull() != parts.quantity.isnull())
    is_outside = ~parts.amount.between(parts.amount_low, parts.amount_high)
    return parts.filter(is_wrong.fill_null(False) | is_outside.fill_null(False)).select(
        "component", "evidence_grade", "quantity", "unit_price", "amount", "amount_low", "amount_high"
    )


@check(blocking=True)
def values_that_miss_the_estimate(
    roi_components: ir.Table,
    performance_metrics: ir.Table,
    creative_assets: ir.Table,
    campaigns: ir.Table,
    roi_ledger: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Return media spend or value that differs from the sum of snapshots and ledger.

    The sums are not rounded; the published parts may differ by the rounding of each asset to cents.
    """
    measured = _snapshot_sums(performance_metrics, creative_assets, as_of, policy)
    is_known = (campaigns.created_at.date() <= as_of) | campaigns.campaign_id.isin(measured.campaign_id)
    known = campaigns.filter(is_known).select("campaign_id")
    both = lookup(lookup(known, measured, "campaign_id"), roi_ledger, "campaign_id")
    limit = both.cost * (1 + policy.marketing.reconciliation.tolerances.spend)
    slack = HALF_A_CENT * (both.roundings + 1)
    is_booked = (both.cost.isnull() | (both.media_spend > limit)).fill_null(False)
    # Within rounding of the tolerance either record may be the basis.
    is_near = ((both.media_spend - limit).abs() <= slack).fill_null(False)
    difference = ibis.greatest((both.media_spend - both.cost).abs(), (both.estimated_value - both.worth).abs())
    both = both.mutate(
        paid=is_booked.ifelse(both.media_spend, both.cost),
        brought=is_booked.ifelse(both.estimated_value, both.worth),
        doubt=slack.fill_null(HALF_A_CENT) + is_near.ifelse(difference, 0.0),
    )
    parts = roi_components
    sums = both.agg(paid=both.paid.sum(), estimated=both.brought.sum(), doubt=both.doubt.sum()).cross_join(
        parts.agg(
            worth=parts.amount.sum(where=parts.kind == VALUE),
            spend=parts.amount.sum(where=parts.component == MEDIA_SPEND),
        )
    )
    allowed = sums.doubt + HALF_A_CENT + 10.0**-CONTRIBUTION_DECIMALS * (sums.paid + sums.estimated)
    gap = ibis.greatest((sums.worth - sums.estimated).abs(), (sums.spend - sums.paid).abs())
    is_missing = (sums.spend.isnull() != sums.paid.isnull()) | (sums.worth.isnull() != sums.estimated.isnull())
    return sums.filter((gap > allowed).fill_null(False) | is_missing)


def _snapshot_sums(
    performance_metrics: ir.Table, creative_assets: ir.Table, as_of: ir.DateScalar, policy: Policy
) -> ir.Table:
    """Sum cost and value of the snapshots of each campaign, and count the cells published in cents."""
    snapshots = performance_metrics.filter(performance_metrics.timestamp < days_after(as_of, 1))
    if policy.marketing.snapshots.snapshots_are == TOTALS:
        snapshots = first_per(snapshots, KEY, ibis.desc("timestamp"))
    snapshots = snapshots.join(creative_assets.select("asset_id", "campaign_id"), "asset_id")
    cells = ibis.struct({name: snapshots[name] for name in KEY})
    return snapshots.group_by("campaign_id").agg(
        cost=snapshots.cost.sum(), worth=snapshots.revenue_proxy.sum(), roundings=cells.nunique()
    )


@check
def verdicts_without_proof(experiment_evaluations: ir.Table, metric_definitions: ir.Table) -> ir.Table:
    """Return conclusive experiments on conversions whose deciding interval includes 0."""
    tests = conclusive_on_conversions(experiment_evaluations, metric_definitions)
    unproved = tests.filter(~tests.is_proof)
    return unproved.select("experiment_id", "verdict", "rule", "absolute_effect", "effect_low", "effect_high")
