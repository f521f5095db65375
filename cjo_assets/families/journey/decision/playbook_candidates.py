"""Every playbook that could have been chosen, and why it was not.

One row per customer, as-of date and playbook: those of the customer's stage, and the fallbacks that these name. Rules
are tried in order; `first_failed_rule` is the first that spoke against the playbook, null for the one that was chosen.

First the playbook itself (status, segment, risk, trigger), then how sure we are, then the contact policy, then the
customer's other candidates, and last what a day may cost in attention and money: there the highest priority wins. A
decision that still stands has been paid for and passes the contact policy and the day's limits.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import ANY_SEGMENT, DatedContract, column, key
from cjo_assets.core.expressions.by_segment import by_segment
from cjo_assets.core.expressions.numbers import rounded
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
    decision_risk: float = column("Risk that eligibility looks at [0-1, up = worse].", ge=0, le=1)
    risk_threshold: float = column("Risk from which the playbook applies [0-1].", ge=0, le=1)
    expected_cost: float = column("Cost of one use, as learned so far [currency].", ge=0)
    expected_value: float = column("Value of one success, as learned so far [currency].")
    roi_ratio: float = column("expected_value over expected_cost; null where it costs nothing.", nullable=True)
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
    is_held_out: bool = column("Whether the customer is left alone on purpose.")
    standing_intervention_id: str = column(
        "Our earlier decision for it that still stands.", nullable=True, personal="intervention"
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
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Consider every playbook of each customer's stage, and the fallbacks of those."""
    needs = customer_needs.join(fused_signals.select("customer_id", "counted_signal_types"), "customer_id")
    options = _options(playbooks.filter(playbooks.created_at <= as_of), playbook_performance, policy)
    rows = needs.join(options, ["journey_stage", "segment"])
    rows = _with_rank(_with_eligibility(rows, policy), policy)
    uses = playbook_uses(intervention_ledger, as_of, policy)
    rows = rows.left_join(uses, ["customer_id", "playbook_id"]).drop("customer_id_right", "playbook_id_right")
    rows = rows.mutate(is_held_out=is_held_out(rows.customer_id, rows.segment, policy))
    rows = _with_failed_rule(rows, as_of, policy)
    rows = _within_limits(rows, policy)
    return rows.mutate(standing_intervention_id=rows.standing_id).select(
        *(name for name in PlaybookCandidates.to_schema().columns if name != "as_of")
    )


def _options(playbooks: ir.Table, performance: ir.Table, policy: Policy) -> ir.Table:
    """Return what may be tried in each stage and segment: one row per stage, segment and playbook.

    A playbook is tried as a fallback where an active one that the segment may use names it: in the stage of that one
    too, and on the triggers of that one too.
    """
    segments = ibis.literal(list(policy.vocabulary.segments), "array<string>")
    known = playbooks.mutate(segment=segments.unnest())
    known = known.mutate(
        in_segment=known.eligible_segments.contains(ANY_SEGMENT) | known.eligible_segments.contains(known.segment)
    )
    naming = known.filter(
        known.fallback_playbook_id.notnull(), known.in_segment, known.status.isin(_active_statuses(policy))
    )
    caller = ibis.struct({"playbook_id": naming.playbook_id, "trigger_signals": naming.trigger_signals})
    calls = naming.group_by("journey_stage", "segment", "fallback_playbook_id").agg(
        named_by=naming.playbook_id.min(), callers=caller.collect()
    )
    calls = calls.rename(playbook_id="fallback_playbook_id")
    own = known.select("journey_stage", "segment", "playbook_id", is_of_stage=ibis.literal(True))
    called = calls.select("journey_stage", "segment", "playbook_id", is_of_stage=ibis.literal(False))
    keys = ["journey_stage", "segment", "playbook_id"]
    tried = ibis.union(own, called.anti_join(own, keys))
    tried = tried.left_join(calls, keys).drop(*(f"{key}_right" for key in keys))
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
    tried = tried.join(template, ["segment", "playbook_id"])
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
    options = tried.join(learned, ["segment", "playbook_id"])
    # Watching costs and earns nothing, whatever the playbook estimates.
    is_watching = options.recommended_action == MONITOR_ONLY
    amounts = ("expected_cost", "expected_value", "expected_net_value", "net_value_lower_bound")
    return options.mutate(is_watching=is_watching, **{name: is_watching.ifelse(0.0, options[name]) for name in amounts})


def _active_statuses(policy: Policy) -> list[str]:
    return list(policy.vocabulary.active_statuses)


def _with_eligibility(rows: ir.Table, policy: Policy) -> ir.Table:
    """Add the first rule of the playbook itself that forbids it, and whether it is tried as a fallback."""
    is_triggered = rows.is_of_stage & _is_triggered(rows.trigger_signals, rows.counted_signal_types)
    calling = rows.callers.filter(lambda caller: _is_triggered(caller.trigger_signals, rows.counted_signal_types))
    called_by = calling.map(lambda caller: caller.playbook_id).sort()[0]
    eligibility = ibis.cases(
        (rows.status.notin(_active_statuses(policy)), NOT_ACTIVE),
        (~rows.in_segment, OTHER_SEGMENT),
        (rows.decision_risk < rows.risk_threshold, LOW_RISK),
        (~is_triggered & called_by.isnull(), NO_TRIGGER),
        else_=ibis.null("string"),
    )
    return rows.mutate(
        eligibility=eligibility,
        is_eligible=eligibility.isnull(),
        fallback_of=is_triggered.ifelse(ibis.null("string"), ibis.coalesce(called_by, rows.named_by)),
    )


def _is_triggered(triggers: ir.ArrayValue, seen: ir.ArrayValue) -> ir.BooleanValue:
    return (triggers.length() == 0) | (triggers.intersect(seen).length() > 0)


def _with_rank(rows: ir.Table, policy: Policy) -> ir.Table:
    """Rank the eligible by guaranteed value, or the seed's ratio; then those that only watch, and fallbacks last."""
    per_customer = ibis.window(group_by=rows.customer_id)
    has_evidence = (rows.is_eligible & (rows.evidence != PRIOR)).any().over(per_customer)
    by_value = has_evidence & ibis.literal(policy.journey.recommendation.ranking == NET_VALUE)
    rows = rows.mutate(
        ranked_by=by_value.ifelse(NET_VALUE, ROI_RATIO),
        roi_ratio=rounded(rows.expected_value / rows.expected_cost.nullif(0.0)),
    )
    guaranteed = (rows.ranked_by == NET_VALUE).ifelse(rows.net_value_lower_bound, 0.0)
    # What costs nothing has no ratio and comes before what costs something.
    best_first = ibis.window(
        group_by=[rows.customer_id, rows.is_eligible],
        order_by=[
            rows.fallback_of.notnull(),
            rows.is_watching,
            ibis.desc(guaranteed),
            rows.roi_ratio.notnull(),
            ibis.desc(rows.roi_ratio),
            ibis.desc(rows.expected_value),
            rows.playbook_id,
        ],
    )
    return rows.mutate(rank=rows.is_eligible.ifelse(ibis.row_number().over(best_first) + 1, ibis.null("int64")))


def _with_failed_rule(rows: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Add the first failed rule of all that look at one customer."""
    per_customer = ibis.window(group_by=rows.customer_id)
    threshold = by_segment(policy, rows.segment, lambda rules: rules.recommendation.intervention_confidence_threshold)
    is_confident = rows.is_eligible & (rows.confidence >= threshold)
    stands = rows.standing_id.notnull()
    # What waits for an answer blocks others only while it would still be decided today.
    is_waiting = (rows.standing_is_pending & is_confident).fill_null(False)
    waiting_id = is_waiting.ifelse(rows.standing_id, ibis.null("string")).max().over(per_customer)
    blocking_id = ibis.coalesce(rows.open_intervention_id, waiting_id)
    rows = rows.mutate(
        stands=stands,
        open_intervention_id=(blocking_id == rows.standing_id)
        .fill_null(False)
        .ifelse(ibis.null("string"), blocking_id),
    )
    limit = by_segment(policy, rows.segment, lambda rules: rules.contact.contacts_limit)
    # What the whole budget cannot pay must not stand before what it can.
    is_unpayable = rows.expected_cost > policy.journey.contact.budget_per_run
    failed = ibis.cases(
        (rows.eligibility.notnull(), rows.eligibility),
        (~is_confident, LOW_CONFIDENCE),
        (rows.open_intervention_id.notnull(), OPEN_INTERVENTION),
        (rows.stands, ibis.null("string")),
        (is_refused_recently(rows, as_of, policy), COOL_DOWN),
        (rows.contacts >= limit, CONTACTS_LIMIT),
        (is_used_recently(rows, as_of, policy), REPEATED_PLAYBOOK),
        (is_unpayable, BUDGET),
        else_=ibis.null("string"),
    )
    rows = rows.mutate(failed=failed)
    first = rows.rank.min(where=rows.failed.isnull()).over(per_customer)
    return rows.mutate(failed=(rows.failed.isnull() & (rows.rank > first)).ifelse(OUTRANKED, rows.failed))


def _within_limits(rows: ir.Table, policy: Policy) -> ir.Table:
    """Add the first failed rule of all, having shared out the day's reviews and its budget by priority.

    Who is held out passes where a treated customer of that priority would: the arms must differ in nothing else.
    """
    rules = policy.journey.contact
    keys = ["customer_id", "playbook_id"]
    new = rows.filter(rows.failed.isnull(), ~rows.stands)
    asks = (approval_reasons(new, policy).length() > 0) & policy.journey.approval.enable_hitl
    budget_cents = round(rules.budget_per_run * CENTS)
    cents = (new.expected_cost * CENTS).round().cast("int64")
    new = new.select(*keys, "priority_score", "is_held_out", asks=asks, cents=cents)
    queue = ibis.window(order_by=[ibis.desc(new.priority_score), new.customer_id], preceding=None, following=0)

    def used(amount: ir.IntegerValue) -> ir.IntegerValue:
        """Add up what customers ahead use, and what the customer would: who is held out uses nothing of the others'."""
        taken = new.is_held_out.ifelse(0, amount).sum().over(queue)
        return taken + new.is_held_out.ifelse(amount, 0)

    new = new.mutate(reviews=used(new.asks.cast("int64")))
    new = new.mutate(is_looked_at=~new.asks | (new.reviews <= rules.review_capacity_per_day))
    new = new.mutate(spent_cents=used(new.is_looked_at.ifelse(new.cents, 0)))
    stopped = ibis.cases(
        (~new.is_looked_at, REVIEW_CAPACITY),
        ((new.cents > 0) & (new.spent_cents > budget_cents), BUDGET),
        else_=ibis.null("string"),
    )
    stopped = new.select(*keys, stopped=stopped).filter(lambda row: row.stopped.notnull())
    rows = rows.left_join(stopped, keys).drop(*(f"{key}_right" for key in keys))
    return rows.mutate(first_failed_rule=ibis.coalesce(rows.failed, rows.stopped))
