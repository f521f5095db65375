"""Inputs of decisions per customer: stage, risk, confidence, priority and contact history.

One row per as-of date and customer who has not left. Confidence is the certainty of the risk, reduced by conflicting
signals, distrusted sources and rejected records; priority is the order of work among customers.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.by_segment import Pick, by_name_and_segment, by_segment
from cjo_assets.core.expressions.numbers import capped, rounded
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.core.quarantine.contests import REPEATED_ROW
from cjo_assets.families.journey.decision._contact_policy import with_contact_history
from cjo_assets.families.journey.evaluation.journey_evaluations import CRITICAL
from cjo_assets.families.journey.inputs.customers import TIERS
from cjo_assets.families.journey.inputs.state_entries import INVALID
from cjo_assets.policy import Policy


class CustomerNeeds(DatedContract):
    """Customers as decisions see them. One row per as-of date and customer who has not left."""

    customer_id: str = key("Customer.", personal="customer")
    segment: str = column("Market segment.", words="segments")
    journey_stage: str = column("Stage; null without an entry.", words="stages", nullable=True)
    stage_health: str = column("Stage health; null without a stage.", nullable=True)
    account_value: float = column("Yearly value of the account [currency].", ge=0)
    overall_risk_score: float = column("Weighted risk [0-1, up = worse].", ge=0, le=1)
    decision_risk: float = column("Risk used for eligibility [0-1, up = worse].", ge=0, le=1)
    risk_tier: str = column("Tier of the overall risk; null below the lowest threshold.", isin=TIERS, nullable=True)
    urgency: str = column("How soon to act.", isin=TIERS)
    is_needy: bool = column("Medium or high risk, critical health, or no stage at all.")
    conflict: float = column("How evenly signals contradict each other [0 to 0.5].", decimals=6, ge=0, le=0.5)
    source_trust: float = column("Mean trust in the sources [0-1]; 1 without signals.", ge=0, le=1)
    completeness: float = column("Share of the customer's records that can be relied on [0-1].", decimals=6, ge=0, le=1)
    confidence: float = column("Confidence in acting [0-1], up = surer.", decimals=6, ge=0, le=1)
    priority_score: float = column("Order of work among customers [0-100, up = sooner].", decimals=6, ge=0, le=100)
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
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Combine risk, signals and history of each customer, and compute confidence and priority."""
    needs = risk_scores.drop("risk_factors", "crm_risk_tier").join(
        customers.select("customer_id", "account_value"), "customer_id"
    )
    needs = needs.join(journey_states.drop("days_in_state"), "customer_id")
    needs = needs.join(journey_evaluations.select("customer_id", "stage_health"), "customer_id")
    needs = needs.join(aggregated_signals.drop("signal_types"), "customer_id")
    needs = _with_completeness(needs, quarantined_signals, quarantined_journey_state_log, as_of, policy)
    needs = _with_confidence(needs, policy)
    needs = with_contact_history(needs, intervention_ledger, as_of, policy)
    return needs.mutate(priority_score=_priority(needs, policy), is_needy=_has_risk_trigger(needs))


def _has_risk_trigger(needs: ir.Table) -> ir.BooleanValue:
    return (
        needs.risk_tier.isin(["high", "medium"]).fill_null(False)
        | (needs.stage_health == CRITICAL).fill_null(False)
        | needs.journey_stage.isnull()
    )


def _with_completeness(
    needs: ir.Table,
    quarantined_signals: ir.Table,
    quarantined_journey_state_log: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Add the share of the customer's signals and current state entry that can be relied on.

    A rejected record without a readable date counts, since it may be of any day. A rejected state entry counts where it
    could be the current one.
    """
    look_back = by_segment(policy, needs.segment, lambda rules: rules.signals.look_back_days)
    lost = quarantined_signals.filter(_is_lost(quarantined_signals, as_of))
    lost = lost.select("customer_id", lost_date="record_date")
    pairs = needs.select("customer_id", look_back=look_back).join(lost, "customer_id")
    is_recent = (as_of.delta(pairs.lost_date, unit="day") <= pairs.look_back).fill_null(True)
    lost_signals = pairs.filter(is_recent).group_by("customer_id").agg(lost_signals=lambda row: row.count())
    lost_entries = quarantined_journey_state_log.filter(_is_lost(quarantined_journey_state_log, as_of))
    lost_entries = lost_entries.group_by("customer_id").agg(
        last_lost=lost_entries.record_date.max(), has_undated=lost_entries.record_date.isnull().any()
    )
    needs = lookup(lookup(needs, lost_signals, "customer_id"), lost_entries, "customer_id")
    may_be_superseded = (needs.has_undated | (needs.last_lost >= needs.state_entered_at)).fill_null(False)
    has_entry = needs.journey_stage.notnull() | needs.has_undated.notnull()
    is_reliable = needs.journey_stage.notnull() & (needs.transition != INVALID) & ~may_be_superseded
    reliable = needs.total_signals + is_reliable.cast("int64")
    every = needs.total_signals + needs.lost_signals.fill_null(0) + has_entry.cast("int64")
    # Rounded before confidence is computed, so that it follows from published numbers.
    return needs.mutate(completeness=rounded((every > 0).ifelse(reliable / every.nullif(0), 1.0)))


def _is_lost(rejected: ir.Table, as_of: ir.DateScalar) -> ir.BooleanValue:
    """Return whether a rejected row could be of the day, and is not just a copy of an accepted row."""
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
    return needs.mutate(confidence=certainty * (1 - penalty * needs.conflict) * needs.source_trust * needs.completeness)


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
    return capped(score, 100.0)
