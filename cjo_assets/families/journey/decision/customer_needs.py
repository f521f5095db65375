"""What a decision looks at in a customer: stage, risk, how sure we are of it, how soon somebody should act.

One row per as-of date and customer who has not left. Confidence is certainty of the risk, less what conflicting
signals, distrusted sources and lost records take away; priority is the order of work among customers.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.by_segment import Pick, by_name_and_segment, by_segment
from cjo_assets.core.expressions.numbers import capped, rounded
from cjo_assets.core.quarantine.contests import REPEATED_ROW
from cjo_assets.families.journey.decision._contact_policy import with_contact_history
from cjo_assets.families.journey.evaluation.journey_evaluations import CRITICAL
from cjo_assets.families.journey.inputs.customers import TIERS
from cjo_assets.policy import Policy


class CustomerNeeds(DatedContract):
    """Customers as decisions see them. One row per as-of date and customer who has not left."""

    customer_id: str = key("Customer.", personal="customer")
    segment: str = column("Market segment.", words="segments")
    journey_stage: str = column("Stage; null without an entry.", words="stages", nullable=True)
    stage_health: str = column("Stage health; null without a stage.", nullable=True)
    account_value: float = column("Yearly value of the account [currency].", ge=0)
    overall_risk_score: float = column("Weighted risk [0-1, up = worse].", ge=0, le=1)
    decision_risk: float = column("Risk that eligibility looks at [0-1, up = worse].", ge=0, le=1)
    risk_tier: str = column("Tier of the overall risk; null below the lowest threshold.", isin=TIERS, nullable=True)
    urgency: str = column("How soon somebody should act.", isin=TIERS)
    is_needy: bool = column("Medium or high risk, critical health, or no stage at all.")
    conflict: float = column("How evenly signals contradict each other [0 to 0.5].", ge=0, le=0.5)
    source_trust: float = column("Mean trust in the sources [0-1]; 1 without signals.", ge=0, le=1)
    completeness: float = column("Share of the customer's records that can be relied on [0-1].", ge=0, le=1)
    confidence: float = column("Confidence in acting [0-1], up = surer.", ge=0, le=1)
    priority_score: float = column("Order of work among customers [0-100, up = sooner].", ge=0, le=100)
    open_intervention_id: str = column(
        "Latest open intervention that was carried out or held out.", nullable=True, personal="intervention"
    )
    contacts: int = column("Interventions carried out within the contact policy's window [interventions].", ge=0)
    last_refused_at: date = column("Day on which a person last refused something for the customer.", nullable=True)


def customer_needs(
    customers: ir.Table,
    journey_states: ir.Table,
    journey_evaluations: ir.Table,
    aggregated_signals: ir.Table,
    risk_scores: ir.Table,
    intervention_ledger: ir.Table,
    quarantined_signals: ir.Table,
    quarantined_journey_state_log: ir.Table,
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Bring together what is known of each customer, and judge how far it can be relied on."""
    needs = risk_scores.drop("risk_factors", "crm_risk_tier").join(
        customers.select("customer_id", "account_value"), "customer_id"
    )
    needs = needs.join(journey_states.drop("days_in_state"), "customer_id")
    needs = needs.join(journey_evaluations.select("customer_id", "stage_health"), "customer_id")
    needs = needs.join(aggregated_signals.drop("signal_types"), "customer_id")
    needs = _with_completeness(needs, quarantined_signals, quarantined_journey_state_log, as_of, policy)
    needs = _with_confidence(needs, policy)
    needs = with_contact_history(needs, intervention_ledger, as_of, policy)
    needs = needs.mutate(priority_score=_priority(needs, policy), is_needy=_is_needy(needs))
    return needs.select(*(name for name in CustomerNeeds.to_schema().columns if name != "as_of"))


def _is_needy(rows: ir.Table) -> ir.BooleanValue:
    return (
        rows.risk_tier.isin(["high", "medium"]).fill_null(False)
        | (rows.stage_health == CRITICAL).fill_null(False)
        | rows.journey_stage.isnull()
    )


def _with_completeness(
    needs: ir.Table,
    quarantined_signals: ir.Table,
    quarantined_journey_state_log: ir.Table,
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Add the share of the customer's signals and current state entry that can be relied on.

    A rejected record without a readable date counts: it may be about any day. A rejected state entry counts when it
    could have been the current one.
    """
    look_back = by_segment(policy, needs.segment, lambda rules: rules.signals.look_back_days)
    today = ibis.date(as_of.isoformat())
    lost = quarantined_signals.filter(_is_lost(quarantined_signals, as_of))
    lost = lost.select("customer_id", lost_date="record_date")
    pairs = needs.select("customer_id", look_back=look_back).join(lost, "customer_id")
    is_recent = (today.delta(pairs.lost_date, unit="day") <= pairs.look_back).fill_null(True)
    lost_signals = pairs.filter(is_recent).group_by("customer_id").agg(lost_signals=lambda row: row.count())
    lost_entries = quarantined_journey_state_log.filter(_is_lost(quarantined_journey_state_log, as_of))
    lost_entries = lost_entries.group_by("customer_id").agg(
        last_lost=lost_entries.record_date.max(), has_undated=lost_entries.record_date.isnull().any()
    )
    rows = needs.left_join(lost_signals, "customer_id").drop("customer_id_right")
    rows = rows.left_join(lost_entries, "customer_id").drop("customer_id_right")
    may_be_superseded = (rows.has_undated | (rows.last_lost >= rows.state_entered_at)).fill_null(False)
    has_entry = rows.journey_stage.notnull() | rows.has_undated.notnull()
    is_good_entry = rows.journey_stage.notnull() & (rows.transition != "invalid") & ~may_be_superseded
    good = rows.total_signals + is_good_entry.cast("int64")
    every = rows.total_signals + rows.lost_signals.fill_null(0) + has_entry.cast("int64")
    return rows.mutate(completeness=rounded((every > 0).ifelse(good / every.nullif(0), 1.0)))


def _is_lost(rejected: ir.Table, as_of: date) -> ir.BooleanValue:
    """Tell whether a rejected row could be about the day, and is more than the copy of a row that was kept."""
    is_copy = (rejected.broken_rules.length() == 1) & rejected.broken_rules.contains(REPEATED_ROW)
    return ~is_copy & (rejected.record_date.isnull() | (rejected.record_date <= as_of))


def _with_confidence(needs: ir.Table, policy: Policy) -> ir.Table:
    both = needs.negative_severity + needs.positive_severity
    lesser = ibis.least(needs.negative_severity, needs.positive_severity)
    needs = needs.mutate(
        conflict=rounded((lesser / both.nullif(0.0)).fill_null(0.0)),
        source_trust=needs.average_source_trust.fill_null(1.0),
    )
    margin = by_segment(policy, needs.segment, lambda rules: rules.recommendation.confidence_margin)
    penalty = by_segment(policy, needs.segment, lambda rules: rules.recommendation.conflict_penalty)
    certainty = capped(needs.decision_risk + margin)
    return needs.mutate(
        confidence=rounded(certainty * (1 - penalty * needs.conflict) * needs.source_trust * needs.completeness)
    )


def _priority(needs: ir.Table, policy: Policy) -> ir.FloatingValue:
    def number(pick: Pick) -> ir.NumericValue:
        return by_segment(policy, needs.segment, pick)

    risk_weight = number(lambda rules: rules.recommendation.priority_weights.relative("overall_risk"))
    value_weight = number(lambda rules: rules.recommendation.priority_weights.relative("customer_value"))
    multiplier = by_name_and_segment(
        policy,
        needs.urgency,
        needs.segment,
        lambda rules: rules.recommendation.urgency_multipliers.model_dump(),
        None,
    )
    value = capped(needs.account_value / number(lambda rules: rules.risk.customer_value_saturation))
    score = 100 * (needs.overall_risk_score * risk_weight + value * value_weight) * multiplier
    return rounded(capped(score, 100.0))
