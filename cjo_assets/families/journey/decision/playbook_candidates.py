"""Playbooks considered for each customer, with the rule that rejected them.

One row per customer, as-of date and playbook: those of the customer's stage, and the fallbacks that these name. Rules
are evaluated in order; `first_failed_rule` is the first that rejects the playbook, null for the one that was chosen.

The rules of the playbook (status, segment, risk, trigger) come first, then confidence, the contact policy, the
customer's other candidates, and last the day's limits of reviews and budget, which go to the highest priority. A
decision that is still open passes the contact policy and the day's limits.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import ANY_SEGMENT, DatedContract, column, key
from cjo_assets.core.expressions.by_segment import by_segment
from cjo_assets.core.expressions.numbers import rounded
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.journey.decision._contact_policy import is_refused_recently, is_used_recently, playbook_uses
from cjo_assets.families.journey.decision.holdout_assignments import is_held_out
from cjo_assets.families.journey.inputs.interventions import MONITOR_ONLY
from cjo_assets.families.journey.interventions._approval_routes import approval_reasons
from cjo_assets.families.journey.learning.playbook_performance import EVIDENCE, PRIOR
from cjo_assets.policy import Policy

NOT_ACTIVE = "playbook_not_active"
OTHER_SEGMENT = "segment_not_eligible"
LOW_RISK = "risk_below_threshold"
NO_TRIGGER = "no_trigger_signal"
LOW_CONFIDENCE = "confidence_below_threshold"
COOL_DOWN = "refused_recently"
OPEN_INTERVENTION = "open_intervention"
CONTACTS_LIMIT = "contacts_limit_reached"
REPEATED_PLAYBOOK = "playbook_used_recently"
OUTRANKED = "outranked"
REVIEW_CAPACITY = "review_capacity_exhausted"
BUDGET = "budget_exhausted"
RULES_OF_THE_PLAYBOOK = [NOT_ACTIVE, OTHER_SEGMENT, LOW_RISK, NO_TRIGGER]
FAILED_RULES = [
    *RULES_OF_THE_PLAYBOOK,
    LOW_CONFIDENCE,
    OPEN_INTERVENTION,
    COOL_DOWN,
    CONTACTS_LIMIT,
    REPEATED_PLAYBOOK,
    OUTRANKED,
    REVIEW_CAPACITY,
    BUDGET,
]
RANKINGS = ["net_value_lower_bound", "roi_ratio"]
NET_VALUE, ROI_RATIO = RANKINGS
CENTS = 100


class PlaybookCandidates(DatedContract):
    """Playbooks considered for each customer, chosen or not. One row per customer, as-of date and playbook."""

    customer_id: str = key("Customer.", personal="customer")
    playbook_id: str = key("Playbook of the customer's stage, or a fallback of one.")
    fallback_of: str = column("Playbook that names it where it is tried as a fallback; otherwise null.", nullable=True)
    decision_risk: float = column("Risk used for eligibility [0-1, up = worse].", ge=0, le=1)
    risk_threshold: float = column("Risk from which the playbook applies [0-1].", ge=0, le=1)
    expected_cost: float = column("Cost of one use, as learned so far [currency].", ge=0)
    expected_value: float = column("Value of one success, as learned so far [currency].")
    roi_ratio: float = column(
        "expected_value over expected_cost; null where it costs nothing.", decimals=6, nullable=True
    )
    success_rate: float = column("Share of uses expected to succeed [0-1].", ge=0, le=1)
    expected_net_value: float = column("success_rate times value, less cost [currency].")
    net_value_lower_bound: float = column("Lower bound of expected_net_value [currency].")
    evidence: str = column("prior, sparse or established.", isin=EVIDENCE)
    ranked_by: str = column("What ranks the customer's candidates.", isin=RANKINGS)
    confidence: float = column("Confidence in acting [0-1], up = surer.", ge=0, le=1)
    conflict: float = column("How evenly signals contradict each other [0 to 0.5].", ge=0, le=0.5)
    source_trust: float = column("Mean trust in the sources [0-1]; 1 without signals.", ge=0, le=1)
    completeness: float = column("Share of the customer's records that can be relied on [0-1].", ge=0, le=1)
    priority_score: float = column("Order of work among customers [0-100, up = sooner].", ge=0, le=100)
    is_eligible: bool = column("Whether status, segment, risk and trigger allow it.")
    rank: int = column("Place among the eligible, 1 = best; null where not eligible.", ge=1, nullable=True)
    is_held_out: bool = column("Whether the customer is in the holdout.")
    standing_intervention_id: str = column(
        "Our earlier decision for it that is still open.", nullable=True, personal="intervention"
    )
    open_intervention_id: str = column(
        "Another open intervention of the customer that blocks it.", nullable=True, personal="intervention"
    )
    first_failed_rule: str = column("First rule against it; null for the chosen.", isin=FAILED_RULES, nullable=True)


def playbook_candidates(
    customer_needs: ir.Table,
    fused_signals: ir.Table,
    playbooks: ir.Table,
    playbook_performance: ir.Table,
    intervention_ledger: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Evaluate every playbook of each customer's stage, and the fallbacks of those."""
    needs = customer_needs.join(fused_signals.select("customer_id", "counted_signal_types"), "customer_id")
    options = _options(playbooks.filter(playbooks.created_at <= as_of), playbook_performance, policy)
    candidates = needs.join(options, ["journey_stage", "segment"])
    ranked = _with_rank(_with_eligibility(candidates, policy), policy)
    used = lookup(ranked, playbook_uses(intervention_ledger, as_of, policy), ["customer_id", "playbook_id"])
    used = used.mutate(is_held_out=is_held_out(used.customer_id, used.segment, policy))
    limited = _within_limits(_with_rejection(used, as_of, policy), policy)
    return limited.mutate(standing_intervention_id=limited.standing_id)


def _options(playbooks: ir.Table, performance: ir.Table, policy: Policy) -> ir.Table:
    """Return the playbooks of each stage and segment, with their expected cost and value.

    A playbook is a fallback where an active one that the segment may use names it: in the stage of that one too, and on
    the triggers of that one too.
    """
    segments = ibis.literal(list(policy.vocabulary.segments), "array<string>")
    known = playbooks.mutate(segment=segments.unnest())
    known = known.mutate(
        in_segment=known.eligible_segments.contains(ANY_SEGMENT) | known.eligible_segments.contains(known.segment)
    )
    keys = ["journey_stage", "segment", "playbook_id"]
    calls = _fallback_calls(known, policy)
    own = known.select(*keys, is_of_stage=ibis.literal(True))
    called = calls.select(*keys, is_of_stage=ibis.literal(False))
    placed = lookup(ibis.union(own, called.anti_join(own, keys)), calls, keys)
    template = known.select(
        "segment",
        "playbook_id",
        "in_segment",
        "status",
        "risk_threshold",
        "trigger_signals",
        "approval_required",
        recommended_action=known.default_actions[0],
    )
    learned = performance.select(
        "playbook_id",
        "segment",
        "success_rate",
        "expected_net_value",
        "net_value_lower_bound",
        "evidence",
        expected_cost="avg_cost",
        expected_value="avg_value",
    )
    options = placed.join(template, ["segment", "playbook_id"]).join(learned, ["segment", "playbook_id"])
    # Monitoring has neither cost nor value, whatever the estimates of the playbook.
    is_monitoring = options.recommended_action == MONITOR_ONLY
    amounts = ("expected_cost", "expected_value", "expected_net_value", "net_value_lower_bound")
    return options.mutate(
        is_monitoring=is_monitoring, **{name: is_monitoring.ifelse(0.0, options[name]) for name in amounts}
    )


def _fallback_calls(known: ir.Table, policy: Policy) -> ir.Table:
    """Return each fallback per stage and segment, with the playbooks that name it."""
    is_active = known.status.isin(_active_statuses(policy))
    callers = known.filter(known.fallback_playbook_id.notnull(), known.in_segment, is_active)
    caller = ibis.struct({"playbook_id": callers.playbook_id, "trigger_signals": callers.trigger_signals})
    calls = callers.group_by("journey_stage", "segment", "fallback_playbook_id").agg(
        named_by=callers.playbook_id.min(), callers=caller.collect()
    )
    return calls.rename(playbook_id="fallback_playbook_id")


def _active_statuses(policy: Policy) -> list[str]:
    return list(policy.vocabulary.active_statuses)


def _with_eligibility(candidates: ir.Table, policy: Policy) -> ir.Table:
    """Add the first rule of the playbook itself that rejects it, and the playbook whose fallback it is."""
    seen = candidates.counted_signal_types
    is_triggered = candidates.is_of_stage & _is_triggered(candidates.trigger_signals, seen)
    calling = candidates.callers.filter(lambda caller: _is_triggered(caller.trigger_signals, seen))
    called_by = calling.map(lambda caller: caller.playbook_id).sort()[0]
    rejection = ibis.cases(
        (candidates.status.notin(_active_statuses(policy)), NOT_ACTIVE),
        (~candidates.in_segment, OTHER_SEGMENT),
        (candidates.decision_risk < candidates.risk_threshold, LOW_RISK),
        (~is_triggered & called_by.isnull(), NO_TRIGGER),
        else_=ibis.null("string"),
    )
    return candidates.mutate(
        playbook_rejection=rejection,
        is_eligible=rejection.isnull(),
        fallback_of=is_triggered.ifelse(ibis.null("string"), ibis.coalesce(called_by, candidates.named_by)),
    )


def _is_triggered(triggers: ir.ArrayValue, seen: ir.ArrayValue) -> ir.BooleanValue:
    return (triggers.length() == 0) | (triggers.intersect(seen).length() > 0)


def _with_rank(candidates: ir.Table, policy: Policy) -> ir.Table:
    """Rank the eligible by net value or by ROI ratio; monitoring comes after acting, fallbacks come last."""
    per_customer = ibis.window(group_by=candidates.customer_id)
    has_evidence = (candidates.is_eligible & (candidates.evidence != PRIOR)).any().over(per_customer)
    by_value = has_evidence & ibis.literal(policy.journey.recommendation.ranking == NET_VALUE)
    ranked = candidates.mutate(
        ranked_by=by_value.ifelse(NET_VALUE, ROI_RATIO),
        # Rounded before it ranks: what is published equal is equal.
        roi_ratio=rounded(candidates.expected_value / candidates.expected_cost.nullif(0.0)),
    )
    guaranteed = (ranked.ranked_by == NET_VALUE).ifelse(ranked.net_value_lower_bound, 0.0)
    # A playbook without cost has no ratio and comes before those with a cost.
    best_first = ibis.window(
        group_by=[ranked.customer_id, ranked.is_eligible],
        order_by=[
            ranked.fallback_of.notnull(),
            ranked.is_monitoring,
            ibis.desc(guaranteed),
            ranked.roi_ratio.notnull(),
            ibis.desc(ranked.roi_ratio),
            ibis.desc(ranked.expected_value),
            ranked.playbook_id,
        ],
    )
    return ranked.mutate(rank=ranked.is_eligible.ifelse(ibis.row_number().over(best_first) + 1, ibis.null("int64")))


def _with_rejection(ranked: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Add the first failed rule among those about a single customer, as `rejection_reason`."""
    per_customer = ibis.window(group_by=ranked.customer_id)
    threshold = by_segment(policy, ranked.segment, lambda rules: rules.recommendation.intervention_confidence_threshold)
    is_confident = ranked.is_eligible & (ranked.confidence >= threshold)
    # A pending request blocks other playbooks only while it would still be decided today.
    is_pending = (ranked.standing_is_pending & is_confident).fill_null(False)
    pending_id = is_pending.ifelse(ranked.standing_id, ibis.null("string")).max().over(per_customer)
    open_id = ibis.coalesce(ranked.open_intervention_id, pending_id)
    is_own = (open_id == ranked.standing_id).fill_null(False)
    blocked = ranked.mutate(
        already_decided=ranked.standing_id.notnull(),
        open_intervention_id=is_own.ifelse(ibis.null("string"), open_id),
    )
    limit = by_segment(policy, blocked.segment, lambda rules: rules.contact.contacts_limit)
    # A playbook dearer than the whole budget must not rank before an affordable one.
    exceeds_budget = blocked.expected_cost > policy.journey.contact.budget_per_run
    reason = ibis.cases(
        (blocked.playbook_rejection.notnull(), blocked.playbook_rejection),
        (~is_confident, LOW_CONFIDENCE),
        (blocked.open_intervention_id.notnull(), OPEN_INTERVENTION),
        (blocked.already_decided, ibis.null("string")),
        (is_refused_recently(blocked, as_of, policy), COOL_DOWN),
        (blocked.contacts >= limit, CONTACTS_LIMIT),
        (is_used_recently(blocked, as_of, policy), REPEATED_PLAYBOOK),
        (exceeds_budget, BUDGET),
        else_=ibis.null("string"),
    )
    judged = blocked.mutate(rejection_reason=reason)
    best_rank = judged["rank"].min(where=judged.rejection_reason.isnull()).over(per_customer)
    is_outranked = judged.rejection_reason.isnull() & (judged["rank"] > best_rank)
    return judged.mutate(rejection_reason=is_outranked.ifelse(OUTRANKED, judged.rejection_reason))


def _within_limits(judged: ir.Table, policy: Policy) -> ir.Table:
    """Add the first failed rule of all, after distributing the day's reviews and its budget by priority.

    A held-out customer passes where a treated one of the same priority would, so that the arms differ in nothing else.
    """
    rules = policy.journey.contact
    keys = ["customer_id", "playbook_id"]
    new = judged.filter(judged.rejection_reason.isnull(), ~judged.already_decided)
    needs_review = (approval_reasons(new, policy).length() > 0) & policy.journey.approval.enable_hitl
    budget_cents = round(rules.budget_per_run * CENTS)
    cents = (new.expected_cost * CENTS).round().cast("int64")
    new = new.select(*keys, "priority_score", "is_held_out", needs_review=needs_review, cents=cents)
    by_priority = ibis.window(order_by=[ibis.desc(new.priority_score), new.customer_id], preceding=None, following=0)

    def running_total(amount: ir.IntegerValue) -> ir.IntegerValue:
        """Add up the amounts of treated customers up to each customer, and the customer's own where held out."""
        of_treated = new.is_held_out.ifelse(0, amount).sum().over(by_priority)
        return of_treated + new.is_held_out.ifelse(amount, 0)

    new = new.mutate(reviews=running_total(new.needs_review.cast("int64")))
    new = new.mutate(within_review_capacity=~new.needs_review | (new.reviews <= rules.review_capacity_per_day))
    new = new.mutate(spent_cents=running_total(new.within_review_capacity.ifelse(new.cents, 0)))
    over_capacity = ibis.cases(
        (~new.within_review_capacity, REVIEW_CAPACITY),
        ((new.cents > 0) & (new.spent_cents > budget_cents), BUDGET),
        else_=ibis.null("string"),
    )
    over_capacity = new.select(*keys, over_capacity=over_capacity).filter(lambda row: row.over_capacity.notnull())
    limited = lookup(judged, over_capacity, keys)
    return limited.mutate(first_failed_rule=ibis.coalesce(limited.rejection_reason, limited.over_capacity))
