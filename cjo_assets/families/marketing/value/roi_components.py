"""What marketing cost and brought so far, part by part.

One row per as-of date, component and evidence grade. amount = quantity x unit_price: what was counted, booked or
compared, and what the policy says one of it costs. Media spend and value of a campaign are from one record, metrics or
ledger, the one that knows the most spend (`recorded_money`), so that all parts are of whole campaigns. Language models
and review are those of the ledger, and where the ledger has no entry for a campaign, what its records make of them at
the policy's prices. Infrastructure is paid for every day on which a campaign ran.

The grade says how we know. Costs: `measured`, counted by the systems that took the money; `booked`, as the ledger says;
`assumption`, counted by us and priced by the policy. Value: all of it is the source's estimate of what conversions are
worth. Of those conversions an experiment proves some to be our doing, those that its variant brought and its control
would not have: they are `randomised`, a loss counting as one; the rest is an `assumption`. Both add up to the estimate.
An experiment proves something only where the interval that its verdict was read from leaves out 0.
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.evidence_grades import ASSUMPTION, COST, RANDOMISED, VALUE
from cjo_assets.core.expressions.intervals import MEASURED, interval_of_sum
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, HALF_A_CENT, MONEY_DECIMALS, money_sum, rounded
from cjo_assets.core.expressions.rows import literal_rows
from cjo_assets.families.marketing.experiments._experiment_verdicts import ALWAYS_VALID, SCALE_VARIANT, STOP
from cjo_assets.families.marketing.inputs.budget_actions import APPROVED, REJECTED
from cjo_assets.families.marketing.inputs.campaigns import DRAFT
from cjo_assets.families.marketing.measurement._economics import nonzero
from cjo_assets.families.marketing.measurement._recorded_money import LEDGER, known_ledger, recorded_money
from cjo_assets.families.marketing.measurement.asset_performance import KEY, TOTALS
from cjo_assets.policy import Policy

BOOKED = "booked"
GRADES = [MEASURED, BOOKED, RANDOMISED, ASSUMPTION]
MEDIA_SPEND, LLM_COST, HUMAN_REVIEW = "media_spend", "llm_cost", "human_review_cost"
INFRASTRUCTURE, API_CALLS, ESTIMATED_VALUE = "infrastructure", "api_calls", "estimated_value"
COMPONENTS = [MEDIA_SPEND, LLM_COST, HUMAN_REVIEW, INFRASTRUCTURE, API_CALLS, ESTIMATED_VALUE]
DAYS_PER_MONTH, MINUTES_PER_HOUR = 30, 60
CONCLUSIVE = (SCALE_VARIANT, STOP)
CONVERSIONS = "conversions"


class RoiComponents(DatedContract):
    """Costs and value, part by part. One row per as-of date, component and evidence grade."""

    component: str = key("Component.", isin=COMPONENTS)
    kind: str = column("cost or value.", isin=[COST, VALUE])
    evidence_grade: str = key("measured, booked, randomised or assumption.", isin=GRADES)
    records: int = column("Snapshots, ledger entries, decisions, days or experiments behind the quantity.", ge=0)
    quantity: float = column("What was counted, in its unit; null where nothing was.", nullable=True)
    unit: str = column("Unit of the quantity.")
    unit_price: float = column("What one of it costs or is worth [currency].", ge=0)
    amount: float = column("quantity x unit_price so far [currency]; null where nothing was counted.", nullable=True)
    amount_low: float = column("Lower end of its interval [currency]; null where nothing was compared.", nullable=True)
    amount_high: float = column("Upper end of its interval [currency]; null where nothing was compared.", nullable=True)
    rests_on: str = column("Table that the quantity comes from.")
    assumption: str = column("What must hold for the amount to be true.")


# Component, kind, grade, unit, table, what must hold.
PARTS = (
    (MEDIA_SPEND, COST, MEASURED, "currency", "asset_performance", "What the metrics report was paid."),
    (
        MEDIA_SPEND,
        COST,
        BOOKED,
        "currency",
        "roi_ledger",
        "What the ledger books beyond the metrics, of campaigns where that exceeds the tolerance, was paid too.",
    ),
    (LLM_COST, COST, BOOKED, "currency", "roi_ledger", "The ledger is complete; it has no dates."),
    (LLM_COST, COST, ASSUMPTION, "calls", "orchestrator_decisions", "A decision that nobody booked took one call."),
    (HUMAN_REVIEW, COST, BOOKED, "currency", "roi_ledger", "The ledger is complete; it has no dates."),
    (
        HUMAN_REVIEW,
        COST,
        ASSUMPTION,
        "hours",
        "orchestrator_decisions, budget_governance",
        "An override or an answer that nobody booked took a person as long as the policy says.",
    ),
    (
        INFRASTRUCTURE,
        COST,
        ASSUMPTION,
        "months",
        "campaigns, asset_performance",
        "A day from the first of any campaign to the last costs its share of 30 days.",
    ),
    (
        API_CALLS,
        COST,
        ASSUMPTION,
        "calls",
        "asset_performance, funnel_events, budget_governance",
        "A snapshot read, an event read and a move executed take one call each.",
    ),
    (
        ESTIMATED_VALUE,
        VALUE,
        RANDOMISED,
        "currency",
        "experiment_evaluations",
        "What a conversion is worth is the source's estimate; that the variant brought it is proved by an interval "
        "that leaves out 0.",
    ),
    (
        ESTIMATED_VALUE,
        VALUE,
        ASSUMPTION,
        "currency",
        "asset_performance, roi_ledger",
        "The source's estimate is right, and without the campaign nothing of it would have come.",
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
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Count each part, and price it."""
    end = as_of + timedelta(days=1)
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
        _proved(experiment_evaluations, experiment_arms, metric_definitions),
    ):
        facts = facts.cross_join(more)
    counted = facts.select(part=ibis.array(_quantities(facts, policy)).unnest()).unpack("part")
    names = ("component", "kind", "evidence_grade", "unit", "rests_on", "assumption")
    said = literal_rows([dict(zip(names, part, strict=True)) for part in PARTS], dict.fromkeys(names, "string"))
    rows = said.join(counted, ["component", "evidence_grade"])
    quantity = rounded(rows.quantity)
    return rows.mutate(
        quantity=quantity,
        amount=rounded(quantity * rows.unit_price, MONEY_DECIMALS),
        amount_low=rounded(rows.amount_low, MONEY_DECIMALS),
        amount_high=rounded(rows.amount_high, MONEY_DECIMALS),
    )


def running_window(asset_performance: ir.Table, campaigns: ir.Table, as_of: date) -> ir.Table:
    """Return in one row the first and the last day, up to the as-of date, on which a campaign ran; null without any."""
    begun = campaigns.filter(campaigns.status != DRAFT, campaigns.start_date <= as_of)
    last_day = begun.end_date.fill_null(ibis.literal(as_of, "date")).max()
    planned = begun.agg(first_day=begun.start_date.min(), last_day=last_day)
    seen = asset_performance.agg(
        first_seen=asset_performance.first_snapshot_at.min().cast("date"),
        last_seen=asset_performance.last_snapshot_at.max().cast("date"),
    )
    days = planned.cross_join(seen)
    return days.select(
        window_start=ibis.least(days.first_day, days.first_seen),
        window_end=ibis.least(ibis.greatest(days.last_day, days.last_seen), ibis.literal(as_of, "date")),
    )


def _performance(asset_performance: ir.Table, campaigns: ir.Table, as_of: date) -> ir.Table:
    sums = asset_performance.agg(
        snapshots=asset_performance.snapshots.sum().fill_null(0),
        spend=money_sum(asset_performance.cost),
    )
    window = running_window(asset_performance, campaigns, as_of)
    days = (window.window_end.delta(window.window_start, unit="day") + 1).fill_null(0)
    return sums.cross_join(window.select(days=days))


def _money_facts(money: ir.Table) -> ir.Table:
    """Add up value, and what the ledger books beyond the metrics where it is the record that counts."""
    beyond = money.recorded_spend - money.measured_spend.fill_null(0.0)
    is_booked = money.spend_basis == LEDGER
    return money.agg(
        worth=money_sum(money.recorded_value),
        booked_campaigns=money.count(where=is_booked),
        beyond_metrics=money_sum(beyond, where=is_booked),
    )


def _unbooked(decisions: ir.Table, budget_governance: ir.Table, ledger: ir.Table) -> ir.Table:
    """Count the work on campaigns of which the ledger has no entry."""
    decisions = decisions.anti_join(ledger, "campaign_id")
    answers = budget_governance.filter(budget_governance.approval_state.isin([APPROVED, REJECTED]))
    answers = answers.anti_join(ledger, "campaign_id")
    found = decisions.agg(unbooked=decisions.count(), overrides=decisions.count(where=decisions.human_override))
    return found.cross_join(answers.agg(answers=answers.count()))


def conclusive_on_conversions(experiment_evaluations: ir.Table, metric_definitions: ir.Table) -> ir.Table:
    """Return the conclusive experiments on conversions, and whether the interval that decides leaves out 0."""
    on_conversions = metric_definitions.filter(metric_definitions.numerator == CONVERSIONS)
    tests = experiment_evaluations.filter(experiment_evaluations.verdict.isin(CONCLUSIVE))
    tests = with_read_interval(tests.semi_join(on_conversions, "metric"))
    return tests.mutate(is_proof=((tests.effect_low > 0) | (tests.effect_high < 0)).fill_null(False))


def _proved(experiment_evaluations: ir.Table, experiment_arms: ir.Table, metric_definitions: ir.Table) -> ir.Table:
    """Return what experiments on conversions prove their variants to have brought, at what a conversion is worth."""
    tests = conclusive_on_conversions(experiment_evaluations, metric_definitions)
    tests = tests.filter(tests.is_proof).join(worth_of_conversions(experiment_arms), "experiment_id")
    scale = tests.variant_exposures * tests.worth
    tests = tests.mutate(
        brought=tests.absolute_effect * scale, low=tests.effect_low * scale, high=tests.effect_high * scale
    )
    # No exposure is in two experiments.
    proved_low, proved_high = interval_of_sum(tests.brought, tests.low, tests.high, are_independent=True)
    return tests.agg(
        proofs=tests.brought.count(),
        proved=money_sum(tests.brought),
        proved_low=proved_low,
        proved_high=proved_high,
    )


def worth_of_conversions(experiment_arms: ir.Table) -> ir.Table:
    """Return what the source holds one conversion of each experiment to be worth [currency]; null without any."""
    arms = experiment_arms
    return arms.group_by("experiment_id").agg(
        worth=money_sum(arms.revenue_proxy) / nonzero(arms.conversions.sum()),
    )


def with_read_interval(experiments: ir.Table) -> ir.Table:
    """Add the ends of the absolute effect that the verdict was read from, as its `reading` says."""
    is_always = experiments.reading == ALWAYS_VALID
    return experiments.mutate(
        effect_low=is_always.ifelse(experiments.always_valid_low, experiments.absolute_effect_low),
        effect_high=is_always.ifelse(experiments.always_valid_high, experiments.absolute_effect_high),
    )


def _quantities(facts: ir.Table, policy: Policy) -> list[ir.StructValue]:
    """Return quantity, price and interval of each part, in the order of no importance."""
    prices = policy.marketing.roi
    hours = (facts.overrides + facts.answers) * prices.review_minutes_per_answer / MINUTES_PER_HOUR
    proved = facts.proved.fill_null(0.0)
    nothing = ibis.null("float64")
    beyond = (facts.entries > 0).ifelse(facts.beyond_metrics.fill_null(0.0), nothing)
    parts = [
        (MEDIA_SPEND, MEASURED, facts.snapshots, facts.spend, 1.0, nothing, nothing),
        (MEDIA_SPEND, BOOKED, facts.booked_campaigns, beyond, 1.0, nothing, nothing),
        (LLM_COST, BOOKED, facts.entries, facts.llm_cost, 1.0, nothing, nothing),
        (LLM_COST, ASSUMPTION, facts.unbooked, facts.unbooked, prices.cost_per_llm_call, nothing, nothing),
        (HUMAN_REVIEW, BOOKED, facts.entries, facts.review_cost, 1.0, nothing, nothing),
        (
            HUMAN_REVIEW,
            ASSUMPTION,
            facts.overrides + facts.answers,
            hours,
            prices.cost_per_human_review_hour,
            nothing,
            nothing,
        ),
        (
            INFRASTRUCTURE,
            ASSUMPTION,
            facts.days,
            facts.days / DAYS_PER_MONTH,
            prices.infrastructure_cost_per_month,
            nothing,
            nothing,
        ),
        (
            API_CALLS,
            ASSUMPTION,
            facts.snapshots + facts.events + facts.moves,
            facts.snapshots + facts.events + facts.moves,
            prices.cost_per_api_call,
            nothing,
            nothing,
        ),
        (ESTIMATED_VALUE, RANDOMISED, facts.proofs, facts.proved, 1.0, facts.proved_low, facts.proved_high),
        (ESTIMATED_VALUE, ASSUMPTION, facts.snapshots, facts.worth - proved, 1.0, nothing, nothing),
    ]
    return [
        ibis.struct(
            {
                "component": ibis.literal(component),
                "evidence_grade": ibis.literal(grade),
                "records": records.cast("int64"),
                "quantity": quantity.cast("float64"),
                "unit_price": ibis.literal(float(price)),
                "amount_low": low.cast("float64"),
                "amount_high": high.cast("float64"),
            }
        )
        for component, grade, records, quantity, price, low, high in parts
    ]


@check(blocking=True)
def amounts_that_are_not_their_product(roi_components: ir.Table) -> ir.Table:
    """Find amounts that are not quantity times unit price, or lie outside their interval."""
    rows = roi_components
    gap = (rows.amount - rows.quantity * rows.unit_price).abs()
    is_wrong = (gap > 10.0**-MONEY_DECIMALS) | (rows.amount.isnull() != rows.quantity.isnull())
    is_outside = ~rows.amount.between(rows.amount_low, rows.amount_high)
    return rows.filter(is_wrong.fill_null(False) | is_outside.fill_null(False)).select(
        "component", "evidence_grade", "quantity", "unit_price", "amount", "amount_low", "amount_high"
    )


@check(blocking=True)
def values_that_miss_the_estimate(
    roi_components: ir.Table,
    performance_metrics: ir.Table,
    creative_assets: ir.Table,
    campaigns: ir.Table,
    roi_ledger: ir.Table,
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Find media spend or value that is not what snapshots and ledger say, added up anew from their own rows.

    Nothing is rounded on the way; the published parts may differ by the cent to which each asset was rounded.
    """
    seen = _snapshot_sums(performance_metrics, creative_assets, as_of, policy)
    is_known = (campaigns.created_at.date() <= as_of) | campaigns.campaign_id.isin(seen.campaign_id)
    rows = campaigns.filter(is_known).select("campaign_id").left_join(seen, "campaign_id").drop("campaign_id_right")
    rows = rows.left_join(roi_ledger, "campaign_id").drop("campaign_id_right")
    most = rows.cost * (1 + policy.marketing.reconciliation.tolerances.spend)
    slack = HALF_A_CENT * (rows.roundings + 1)
    is_booked = (rows.cost.isnull() | (rows.media_spend > most)).fill_null(False)
    # Within a rounding of the tolerance either record may have been taken.
    is_near = ((rows.media_spend - most).abs() <= slack).fill_null(False)
    apart = ibis.greatest((rows.media_spend - rows.cost).abs(), (rows.estimated_value - rows.worth).abs())
    rows = rows.mutate(
        paid=is_booked.ifelse(rows.media_spend, rows.cost),
        brought=is_booked.ifelse(rows.estimated_value, rows.worth),
        doubt=slack.fill_null(HALF_A_CENT) + is_near.ifelse(apart, 0.0),
    )
    parts = roi_components
    sums = rows.agg(paid=rows.paid.sum(), estimated=rows.brought.sum(), doubt=rows.doubt.sum()).cross_join(
        parts.agg(
            worth=parts.amount.sum(where=parts.kind == VALUE),
            spend=parts.amount.sum(where=parts.component == MEDIA_SPEND),
        )
    )
    allowed = sums.doubt + HALF_A_CENT + 10.0**-CONTRIBUTION_DECIMALS * (sums.paid + sums.estimated)
    gap = ibis.greatest((sums.worth - sums.estimated).abs(), (sums.spend - sums.paid).abs())
    is_missing = (sums.spend.isnull() != sums.paid.isnull()) | (sums.worth.isnull() != sums.estimated.isnull())
    return sums.filter((gap > allowed).fill_null(False) | is_missing)


def _snapshot_sums(performance_metrics: ir.Table, creative_assets: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Add up cost and value of the snapshots of each campaign, and count the cells that are published in cents."""
    rows = performance_metrics.filter(performance_metrics.timestamp < as_of + timedelta(days=1))
    if policy.marketing.snapshots.snapshots_are == TOTALS:
        newest_first = ibis.window(group_by=list(KEY), order_by=ibis.desc("timestamp"))
        rows = rows.mutate(place=ibis.row_number().over(newest_first))
        rows = rows.filter(rows.place == 0)
    rows = rows.join(creative_assets.select("asset_id", "campaign_id"), "asset_id")
    cells = rows.asset_id.concat(" ", rows.experiment_id)
    return rows.group_by("campaign_id").agg(
        cost=rows.cost.sum(), worth=rows.revenue_proxy.sum(), roundings=cells.nunique()
    )


@check
def verdicts_without_proof(experiment_evaluations: ir.Table, metric_definitions: ir.Table) -> ir.Table:
    """Find conclusive experiments on conversions that prove no value: their deciding interval includes 0."""
    tests = conclusive_on_conversions(experiment_evaluations, metric_definitions)
    rows = tests.filter(~tests.is_proof)
    return rows.select("experiment_id", "verdict", "rule", "absolute_effect", "effect_low", "effect_high")
