"""Every playbook that could have been chosen, and why it was not.

One row per customer, as-of date and playbook of the customer's stage. Rules are tried in order; `first_failed_rule` is
the first that spoke against the playbook, null for the one that was chosen.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.policy import Policy
from cjo_assets.shared.by_segment import by_segment
from cjo_assets.shared.contract import ANY_SEGMENT, DatedContract, column
from cjo_assets.shared.numbers import MONEY_DECIMALS, capped, rounded
from cjo_assets.shared.quarantine import REPEATED_ROW

NOT_ACTIVE = "playbook_not_active"
OTHER_SEGMENT = "segment_not_eligible"
LOW_RISK = "risk_below_threshold"
NO_TRIGGER = "no_trigger_signal"
LOW_CONFIDENCE = "confidence_below_threshold"
OUTRANKED = "outranked"
FAILED_RULES = [NOT_ACTIVE, OTHER_SEGMENT, LOW_RISK, NO_TRIGGER, LOW_CONFIDENCE, OUTRANKED]


class PlaybookCandidates(DatedContract):
    """Playbooks of each customer's stage, chosen or not. One row per customer, as-of date and playbook."""

    customer_id: str = column("Customer.")
    playbook_id: str = column("Playbook of the customer's stage.")
    decision_risk: float = column("Risk that eligibility looks at [0-1, up = worse].", ge=0, le=1)
    risk_threshold: float = column("Risk from which the playbook applies [0-1].", ge=0, le=1)
    expected_cost: float = column("Cost of one use [currency].", ge=0)
    expected_value: float = column("Midpoint of the playbook's value range [currency].")
    roi_ratio: float = column("expected_value over expected_cost; null where it costs nothing.", nullable=True)
    confidence: float = column("Confidence in acting [0-1], up = surer.", ge=0, le=1)
    conflict: float = column("How evenly signals contradict each other [0 to 0.5].", ge=0, le=0.5)
    source_trust: float = column("Mean trust in the sources [0-1]; 1 without signals.", ge=0, le=1)
    completeness: float = column("Share of the customer's records that can be relied on [0-1].", ge=0, le=1)
    is_eligible: bool = column("Whether status, segment, risk and trigger allow it.")
    rank: int = column("Place among the eligible, 1 = best; null where not eligible.", ge=1, nullable=True)
    first_failed_rule: str = column("First rule against it; null for the chosen.", isin=FAILED_RULES, nullable=True)

    class Config:
        """A playbook is considered once for a customer."""

        unique = ["customer_id", "playbook_id"]


def playbook_candidates(
    journey_states: ir.Table,
    aggregated_signals: ir.Table,
    risk_scores: ir.Table,
    playbooks: ir.Table,
    quarantined_signals: ir.Table,
    quarantined_journey_state_log: ir.Table,
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Consider every playbook of each customer's stage."""
    needs = risk_scores.select("customer_id", "decision_risk")
    needs = needs.join(journey_states.drop("days_in_state"), "customer_id")
    needs = needs.join(aggregated_signals, "customer_id")
    needs = _with_completeness(needs, quarantined_signals, quarantined_journey_state_log, as_of, policy)
    needs = _with_confidence(needs, policy)
    existing = playbooks.filter(playbooks.created_at <= as_of)
    rows = needs.join(existing, "journey_stage")
    value = (rows.expected_value_range[0] + rows.expected_value_range[1]) / 2
    rows = rows.mutate(
        expected_cost=rounded(rows.avg_cost_estimate, MONEY_DECIMALS),
        expected_value=rounded(value, MONEY_DECIMALS),
        roi_ratio=rounded(value / rows.avg_cost_estimate.nullif(0.0)),
        eligibility=_eligibility(rows),
    )
    rows = rows.mutate(is_eligible=rows.eligibility.isnull())
    # What costs nothing has no ratio and comes before what costs something.
    best_first = ibis.window(
        group_by=[rows.customer_id, rows.is_eligible],
        order_by=[
            rows.roi_ratio.notnull(),
            ibis.desc(rows.roi_ratio),
            ibis.desc(rows.expected_value),
            rows.playbook_id,
        ],
    )
    rows = rows.mutate(rank=rows.is_eligible.ifelse(ibis.row_number().over(best_first) + 1, ibis.null("int64")))
    threshold = by_segment(policy, rows.segment, lambda rules: rules.recommendation.intervention_confidence_threshold)
    is_confident = rows.is_eligible & (rows.confidence >= threshold)
    first = rows.rank.min(where=is_confident).over(ibis.window(group_by=rows.customer_id))
    failed = ibis.cases(
        (rows.eligibility.notnull(), rows.eligibility),
        (~is_confident, LOW_CONFIDENCE),
        (rows.rank > first, OUTRANKED),
        else_=ibis.null("string"),
    )
    columns = [name for name in PlaybookCandidates.to_schema().columns if name not in ("as_of", "first_failed_rule")]
    return rows.select(*columns, first_failed_rule=failed)


def _eligibility(rows: ir.Table) -> ir.StringValue:
    """Return the first rule that forbids the playbook, null where none does."""
    in_segment = rows.eligible_segments.contains(ANY_SEGMENT) | rows.eligible_segments.contains(rows.segment)
    is_triggered = (rows.trigger_signals.length() == 0) | (
        rows.trigger_signals.intersect(rows.signal_types).length() > 0
    )
    return ibis.cases(
        (rows.status != "active", NOT_ACTIVE),
        (~in_segment, OTHER_SEGMENT),
        (rows.decision_risk < rows.risk_threshold, LOW_RISK),
        (~is_triggered, NO_TRIGGER),
        else_=ibis.null("string"),
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
