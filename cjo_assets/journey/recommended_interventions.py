"""What should be done next, for whom, and on whose authority.

At most one row per customer and as-of date. A recommendation is a decision, not an action: nothing here has been done.
An intervention keeps its id from day to day for as long as the same need stands, until an outcome closes it, or the
request for its approval lapses or goes stale: then people are asked anew. What waits for an answer goes stale where its
content changes: an answer is to what was shown.
"""

from collections.abc import Iterable
from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.journey.aggregated_signals import visible_signals, with_severity
from cjo_assets.journey.approval_answers import REJECTED
from cjo_assets.journey.approval_routes import REGIMES, ROLES, approval_reasons, decision_hash, with_route
from cjo_assets.journey.interventions import MONITOR_ONLY
from cjo_assets.journey.ledger import (
    HISTORY,
    end_of_day,
    is_settled,
    ledger,
    needs_asking_anew,
    with_approval,
)
from cjo_assets.journey.playbook_candidates import LOW_CONFIDENCE
from cjo_assets.policy import Policy
from cjo_assets.shared.by_segment import Pick, by_name_and_segment, by_segment
from cjo_assets.shared.contract import DatedContract, TextList, column
from cjo_assets.shared.ids import RECORD_SEPARATOR, as_text, content_hash, content_id
from cjo_assets.shared.numbers import capped, rounded

LEDGER_COLUMNS = ["intervention_id", "customer_id", "recommended_action", "requires_human_approval", "generated_at"]
SIGNAL_COLUMNS = ("signal_id", "signal_type", "signal_strength", "detected_at", "source")


class RecommendedInterventions(DatedContract):
    """Decisions of the day. At most one row per customer and as-of date."""

    intervention_id: str = column("Intervention; the same from day to day while the need stands.")
    need_id: str = column("The need: customer, playbook and triggering signals.")
    customer_id: str = column("Customer.")
    segment: str = column("Market segment.", words="segments")
    journey_stage: str = column("Stage on the as-of date.", words="stages")
    playbook_id: str = column("Playbook chosen; null for monitor_only.", nullable=True)
    playbook_name: str = column("Its name; null for monitor_only.", nullable=True)
    withheld_playbook_id: str = column("Playbook that monitor_only holds back; otherwise null.", nullable=True)
    recommended_action: str = column("First action of the playbook, or monitor_only.")
    triggered_by_signals: TextList = column("Signals that led to it, sorted.")
    risk_score: float = column("Decision risk [0-1, up = worse].", ge=0, le=1)
    confidence: float = column("Confidence in acting [0-1], up = surer.", ge=0, le=1)
    conflict: float = column("How evenly signals contradict each other [0 to 0.5].", ge=0, le=0.5)
    source_trust: float = column("Mean trust in the sources [0-1].", ge=0, le=1)
    completeness: float = column("Share of the customer's records that can be relied on [0-1].", ge=0, le=1)
    customer_value: float = column("Yearly value of the account [currency].", ge=0)
    priority_score: float = column("Order of work [0-100, up = sooner].", ge=0, le=100)
    expected_cost: float = column("Cost expected [currency].", ge=0)
    expected_value: float = column("Value expected [currency]; null for monitor_only.", nullable=True)
    requires_human_approval: bool = column("Whether a person must decide first.")
    approval_reasons: TextList = column("Why a person must decide, sorted; or that the policy waived it.")
    approval_regime: str = column("Whether anybody is asked, by the policy of the day.", isin=REGIMES)
    approval_role: str = column("Who is asked at least; null where nobody is.", isin=ROLES, nullable=True)
    needs_two_people: bool = column("Whether two people must approve.")
    entitled_approvers: TextList = column("Who may answer, sorted; empty: anybody.")
    approval_timeout_minutes: float = column(
        "How long a request of the day stands [minutes]; null where nobody is asked.", ge=0, nullable=True
    )
    decision_hash: str = column("Hash over what an approver agrees to.")
    open_intervention_id: str = column("Another intervention of the customer without an outcome yet.", nullable=True)
    is_held_out: bool = column("Whether the decision is recorded and, on purpose, not carried out.")
    evaluation_latency_ms: float = column("Time taken [milliseconds]; null: known for the history only.", nullable=True)
    generated_at: date = column("Day the need was first met.")
    policy_hash: str = column("Policy that decided.")
    input_hash: str = column("Hash over the records the decision could see.")

    class Config:
        """A customer gets one answer a day."""

        unique = ["customer_id"]


def recommended_interventions(
    customers: ir.Table,
    state_entries: ir.Table,
    journey_states: ir.Table,
    signals: ir.Table,
    risk_scores: ir.Table,
    playbook_candidates: ir.Table,
    playbooks: ir.Table,
    interventions: ir.Table,
    outcomes: ir.Table,
    approval_decisions: ir.Table,
    earlier_recommended_interventions: ir.Table,
    earlier_journey_states: ir.Table,
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Choose the best candidate of each customer, or to watch, or nothing."""
    rows = _choices(playbook_candidates, customers, policy)
    rows = rows.join(customers, "customer_id").join(journey_states.drop("segment", "days_in_state"), "customer_id")
    rows = rows.join(risk_scores.drop("risk_factors", "decision_risk"), "customer_id", rname="scored_{name}")
    template = playbooks.select("playbook_id", "name", "default_actions", "trigger_signals", "approval_required")
    rows = rows.join(template, "playbook_id")
    seen = with_severity(visible_signals(signals, customers, as_of, policy), policy)
    rows = _with_triggers(rows, seen)
    rows = rows.mutate(
        withheld_playbook_id=rows.is_watched.ifelse(rows.playbook_id, ibis.null("string")),
        playbook_id=rows.is_watched.ifelse(ibis.null("string"), rows.playbook_id),
        playbook_name=rows.is_watched.ifelse(ibis.null("string"), rows.name),
        recommended_action=rows.is_watched.ifelse(MONITOR_ONLY, rows.default_actions[0]),
    )
    triggers = rows.triggered_by_signals.join(RECORD_SEPARATOR)
    rows = rows.mutate(
        need_id=content_id("N", rows.customer_id, rows.playbook_id, triggers),
        expected_cost=rows.is_watched.ifelse(0.0, rows.expected_cost),
        expected_value=rows.is_watched.ifelse(ibis.null("float64"), rows.expected_value),
        is_held_out=ibis.literal(False),
    )
    # Nothing is done to a customer who is only watched or held out, so there is nothing to ask.
    nothing_done = rows.is_watched | rows.is_held_out
    rows = rows.mutate(risk_tier=rows.scored_risk_tier)
    reasons = approval_reasons(rows, policy)
    rows = rows.mutate(approval_reasons=nothing_done.ifelse(ibis.literal([], "array<string>"), reasons))
    rows = with_route(rows, policy)
    rows = rows.mutate(decision_hash=decision_hash(rows))
    known = ledger(
        interventions,
        earlier_recommended_interventions,
        customers,
        playbooks,
        as_of,
        decision_days=earlier_journey_states,
    )
    known = with_approval(known, approval_decisions, end_of_day(as_of), policy)
    unmeasured = known.anti_join(outcomes.filter(outcomes.measured_at <= as_of), "intervention_id")
    standing = unmeasured.filter(~needs_asking_anew(unmeasured))
    rows = _with_identity(rows, earlier_recommended_interventions, earlier_journey_states, standing, as_of)
    rows = _with_open_intervention(rows, standing)
    rows = _with_input_hash(rows, state_entries, seen, playbooks, known, outcomes, approval_decisions, as_of)
    return rows.select(
        "intervention_id",
        "need_id",
        "customer_id",
        "segment",
        "journey_stage",
        "playbook_id",
        "playbook_name",
        "withheld_playbook_id",
        "recommended_action",
        "triggered_by_signals",
        "confidence",
        "conflict",
        "source_trust",
        "completeness",
        "open_intervention_id",
        "generated_at",
        "input_hash",
        "expected_cost",
        "expected_value",
        "requires_human_approval",
        "approval_reasons",
        "approval_regime",
        "approval_role",
        "needs_two_people",
        "entitled_approvers",
        "approval_timeout_minutes",
        "decision_hash",
        "is_held_out",
        risk_score=rows.decision_risk,
        customer_value=rows.account_value,
        priority_score=_priority(rows, policy),
        evaluation_latency_ms=ibis.null("float64"),
        policy_hash=ibis.literal(policy.policy_hash),
    )


def unaddressed_strong_signals(
    raw_signals: ir.Table,
    customers: ir.Table,
    interventions: ir.Table,
    recommended_interventions: ir.Table,
    earlier_recommended_interventions: ir.Table,
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Find strong signals of the look-back, rejected ones included, that no intervention answers."""
    rows = raw_signals.left_join(customers.select("customer_id", "segment"), "customer_id")
    strength = rows.signal_strength.try_cast("float64")
    age_days = ibis.date(as_of.isoformat()).delta(rows.detected_at.substr(0, 10).try_cast("date"), unit="day")
    strong = rows.filter(
        strength >= by_segment(policy, rows.segment, lambda own: own.signals.strong_signal_strength),
        age_days.between(0, by_segment(policy, rows.segment, lambda own: own.signals.look_back_days)),
    )
    history = interventions.filter(interventions.generated_at <= as_of)
    answers = [history, recommended_interventions, earlier_recommended_interventions.drop("as_of")]
    answered = ibis.union(*(rows.select(signal_id=rows.triggered_by_signals.unnest()) for rows in answers))
    return strong.anti_join(answered, "signal_id").select("signal_id", "customer_id", "signal_type", "signal_strength")


def _choices(candidates: ir.Table, customers: ir.Table, policy: Policy) -> ir.Table:
    """Return the chosen playbook of each customer, or the best one that is only worth watching for."""
    rows = candidates.join(customers.select("customer_id", "segment"), "customer_id")
    enough = by_segment(policy, rows.segment, lambda rules: rules.recommendation.monitor_only_confidence)
    is_chosen = rows.first_failed_rule.isnull()
    is_watched = (rows.first_failed_rule == LOW_CONFIDENCE) & (rows.confidence >= enough)
    per_customer = ibis.window(group_by=rows.customer_id)
    # The rank of the chosen one if there is one; otherwise of the best that is worth watching.
    chosen_rank = rows.rank.min(where=is_chosen).over(per_customer)
    watched_rank = rows.rank.min(where=is_watched).over(per_customer)
    rows = rows.mutate(decisive_rank=ibis.coalesce(chosen_rank, watched_rank), is_watched=chosen_rank.isnull())
    rows = rows.filter(rows.is_eligible & (rows.rank == rows.decisive_rank))
    return rows.drop(
        "segment", "rank", "decisive_rank", "risk_threshold", "roi_ratio", "is_eligible", "first_failed_rule"
    )


def _with_triggers(rows: ir.Table, seen: ir.Table) -> ir.Table:
    """Add the ids of the signals that triggered the playbook; for one without triggers, of the negative ones."""
    pairs = rows.select("customer_id", "trigger_signals").join(
        seen.select("customer_id", "signal_id", "signal_type", "is_negative"), "customer_id"
    )
    is_trigger = (pairs.trigger_signals.length() == 0).ifelse(
        pairs.is_negative, pairs.trigger_signals.contains(pairs.signal_type)
    )
    triggers = pairs.filter(is_trigger).group_by("customer_id")
    triggers = triggers.agg(triggered_by_signals=lambda row: row.signal_id.collect().sort())
    joined = rows.left_join(triggers, "customer_id").drop("customer_id_right")
    return joined.mutate(triggered_by_signals=joined.triggered_by_signals.fill_null(ibis.literal([], "array<string>")))


def _with_identity(
    rows: ir.Table, earlier: ir.Table, earlier_states: ir.Table, standing: ir.Table, as_of: date
) -> ir.Table:
    """Add id and first day: those of the last decision day where the need stood then and stands still.

    What still waits for an answer stands only with the content that people were asked about.
    """
    last_day = earlier.filter(earlier.as_of == earlier_states.as_of.max())
    last_day = last_day.select("need_id", "intervention_id", standing_since="generated_at")
    shown = standing.select(
        standing_id="intervention_id", standing_hash="decision_hash", is_settled=is_settled(standing)
    )
    last_day = last_day.join(shown, last_day.intervention_id == shown.standing_id).drop("intervention_id")
    rows = rows.left_join(last_day, "need_id").drop("need_id_right")
    today = ibis.literal(as_of, "date")
    stands = (rows.is_settled | (rows.standing_hash == rows.decision_hash)).fill_null(False)
    return rows.mutate(
        intervention_id=stands.ifelse(rows.standing_id, content_id("I", rows.need_id, today)),
        generated_at=stands.ifelse(rows.standing_since, today),
    )


def _with_open_intervention(rows: ir.Table, standing: ir.Table) -> ir.Table:
    """Add the customer's latest other intervention that was neither refused nor measured, and is not stale by now.

    A request of ours that waited until today and is not repeated today goes stale with the day.
    """
    waiting = standing.filter(standing.approval_status != REJECTED, standing.recommended_action != MONITOR_ONLY)
    waiting = waiting.filter(is_settled(waiting) | (waiting.origin == HISTORY))
    waiting = waiting.select("customer_id", open_intervention_id="intervention_id", open_since="generated_at")
    pairs = rows.select("customer_id", own_id="intervention_id").join(waiting, "customer_id")
    pairs = pairs.filter(pairs.own_id != pairs.open_intervention_id)
    latest_first = ibis.window(
        group_by=pairs.customer_id, order_by=[ibis.desc(pairs.open_since), ibis.desc(pairs.open_intervention_id)]
    )
    pairs = pairs.mutate(place=ibis.row_number().over(latest_first))
    latest = pairs.filter(pairs.place == 0).select("customer_id", "open_intervention_id")
    return rows.left_join(latest, "customer_id").drop("customer_id_right")


def _with_input_hash(
    rows: ir.Table,
    state_entries: ir.Table,
    seen: ir.Table,
    playbooks: ir.Table,
    known: ir.Table,
    outcomes: ir.Table,
    approval_decisions: ir.Table,
    as_of: date,
) -> ir.Table:
    """Add a hash over every record of the customer that the decision could see, whatever file it came in."""
    own_records = {
        "state_entries": state_entries.filter(state_entries.state_entered_at <= as_of),
        "signals": seen.select("customer_id", *SIGNAL_COLUMNS),
        "interventions": known.select(LEDGER_COLUMNS),
        "outcomes": outcomes.filter(outcomes.measured_at <= as_of),
        "answers": approval_decisions.filter(approval_decisions.decided_at <= end_of_day(as_of)).join(
            known.select("intervention_id", "customer_id"), "intervention_id"
        ),
    }
    decided = rows.select("customer_id")
    for name, records in own_records.items():
        own = records.semi_join(decided, "customer_id")
        own = own.mutate(record=_record(own, records.columns)).group_by("customer_id")
        own = own.agg(**{f"hashed_{name}": lambda row: row.record.collect().sort()})
        rows = rows.left_join(own, "customer_id").drop("customer_id_right")
    existing = playbooks.filter(playbooks.created_at <= as_of)
    existing = existing.mutate(record=_record(existing, playbooks.columns))
    rows = rows.cross_join(existing.agg(hashed_playbooks=existing.record.collect().sort()))
    customer = [rows[name] for name in ("customer_id", "segment", "account_value", "tenure_months", "crm_risk_tier")]
    lists = [rows[f"hashed_{name}"].join(RECORD_SEPARATOR) for name in (*own_records, "playbooks")]
    return rows.mutate(input_hash=content_hash(*customer, rows.completeness, *lists))


def _record(rows: ir.Table, columns: Iterable[str]) -> ir.StringValue:
    return as_text(*(rows[name] for name in sorted(columns)))


def _priority(rows: ir.Table, policy: Policy) -> ir.FloatingValue:
    def number(pick: Pick) -> ir.NumericValue:
        return by_segment(policy, rows.segment, pick)

    risk_weight = number(lambda rules: rules.recommendation.priority_weights.relative("overall_risk"))
    value_weight = number(lambda rules: rules.recommendation.priority_weights.relative("customer_value"))
    multiplier = by_name_and_segment(
        policy,
        rows.urgency,
        rows.segment,
        lambda rules: rules.recommendation.urgency_multipliers.model_dump(),
        None,
    )
    value = capped(rows.account_value / number(lambda rules: rules.risk.customer_value_saturation))
    score = 100 * (rows.overall_risk_score * risk_weight + value * value_weight) * multiplier
    return rounded(capped(score, 100.0))
