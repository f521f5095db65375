"""What should be done next, for whom, and on whose authority.

At most one row per customer and as-of date. A recommendation is a decision, not an action: nothing here has been done.
An intervention keeps its id from day to day for as long as the same need stands, until an outcome closes it or the
request for its approval lapses: then people are asked anew.
"""

from collections.abc import Iterable
from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.journey.approval_routes import approval_reasons
from cjo_assets.journey.contact_policy import is_refused_recently, with_contact_history
from cjo_assets.journey.customer_needs import customer_needs, is_needy
from cjo_assets.journey.fused_signals import signals_with_settlement
from cjo_assets.journey.interventions import ESCALATE, MONITOR_ONLY
from cjo_assets.journey.ledger import (
    APPROVED,
    NOT_REQUIRED,
    PENDING,
    end_of_day,
    ledger,
    with_approval,
)
from cjo_assets.journey.playbook_candidates import LOW_CONFIDENCE, RULES_OF_THE_PLAYBOOK
from cjo_assets.policy import Policy
from cjo_assets.shared.by_segment import by_segment
from cjo_assets.shared.contract import DatedContract, TextList, column
from cjo_assets.shared.ids import RECORD_SEPARATOR, as_text, content_hash, content_id

CHOSEN = "chosen"
CALLED = "a_person_must_take_over"
WAIVED = "waived_by_policy"
LEDGER_COLUMNS = ["intervention_id", "customer_id", "recommended_action", "requires_human_approval", "generated_at"]
SIGNAL_COLUMNS = (
    "signal_id",
    "signal_type",
    "signal_strength",
    "detected_at",
    "source",
    "normalized_strength",
    "risk_weight",
    "segment_adjustment",
)


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
    journey_evaluations: ir.Table,
    signals: ir.Table,
    aggregated_signals: ir.Table,
    fused_signals: ir.Table,
    risk_scores: ir.Table,
    playbook_candidates: ir.Table,
    playbooks: ir.Table,
    interventions: ir.Table,
    outcomes: ir.Table,
    approval_decisions: ir.Table,
    quarantined_signals: ir.Table,
    quarantined_journey_state_log: ir.Table,
    earlier_recommended_interventions: ir.Table,
    earlier_journey_states: ir.Table,
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Choose the best candidate of each customer, or to watch, or to call a person, or nothing."""
    needs = customer_needs(
        customers,
        journey_states,
        aggregated_signals,
        fused_signals,
        risk_scores,
        quarantined_signals,
        quarantined_journey_state_log,
        as_of,
        policy,
    )
    known = ledger(interventions, earlier_recommended_interventions, customers, playbooks, as_of)
    known = with_approval(known, approval_decisions, end_of_day(as_of), policy)
    needs = with_contact_history(needs, known, outcomes, as_of, policy)
    rows = _choices(needs, playbook_candidates, journey_evaluations, as_of, policy)
    rows = _with_action(rows, playbooks)
    seen = signals_with_settlement(
        signals, customers, interventions, earlier_recommended_interventions, outcomes, as_of, policy
    )
    rows = _with_triggers(rows, seen)
    rows = _with_identity(rows, known, outcomes, earlier_recommended_interventions, earlier_journey_states, as_of)
    rows = _with_input_hash(rows, customers, state_entries, seen, playbooks, known, outcomes, approval_decisions, as_of)
    reasons = _reasons(rows, policy)
    asks = reasons.length() > 0
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
        "priority_score",
        "expected_cost",
        "expected_value",
        "is_held_out",
        "generated_at",
        "input_hash",
        risk_score=rows.decision_risk,
        customer_value=rows.account_value,
        open_intervention_id=(rows.open_executed_id == rows.intervention_id)
        .fill_null(False)
        .ifelse(ibis.null("string"), rows.open_executed_id),
        requires_human_approval=asks & policy.journey.approval.enable_hitl,
        approval_reasons=reasons if policy.journey.approval.enable_hitl else ibis.literal([WAIVED], "array<string>"),
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


def _choices(needs: ir.Table, candidates: ir.Table, evaluations: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Return the customers for whom something is decided, with the chosen or the withheld playbook, if any."""
    tried = candidates.select(
        "customer_id",
        "playbook_id",
        "rank",
        "expected_cost",
        "expected_value",
        "is_held_out",
        "standing_intervention_id",
        "first_failed_rule",
    )
    chosen = tried.filter(tried.first_failed_rule.isnull()).drop("rank", "first_failed_rule")
    stopped = tried.anti_join(chosen, "customer_id")
    unsure = stopped.filter(stopped.first_failed_rule == LOW_CONFIDENCE)
    best_first = ibis.window(group_by=unsure.customer_id, order_by=unsure["rank"])
    unsure = unsure.mutate(place=ibis.row_number().over(best_first))
    withheld = unsure.filter(unsure.place == 0).select("customer_id", withheld_playbook_id="playbook_id")
    # Where a limit or the contact policy holds a playbook back, that is what was decided.
    held_back = stopped.filter(stopped.first_failed_rule.notin([*RULES_OF_THE_PLAYBOOK, LOW_CONFIDENCE]))
    rows = needs.join(evaluations.select("customer_id", "stage_health"), "customer_id")
    rows = rows.left_join(chosen, "customer_id").drop("customer_id_right")
    rows = rows.left_join(withheld, "customer_id").drop("customer_id_right")
    enough = by_segment(policy, rows.segment, lambda rules: rules.recommendation.monitor_only_confidence)
    is_open = rows.playbook_id.isnull() & rows.customer_id.notin(held_back.customer_id)
    is_watchable = rows.withheld_playbook_id.notnull() & (rows.confidence >= enough)
    is_refused = is_refused_recently(rows, as_of, policy)
    is_called_for = (is_watchable | is_needy(rows)) & _is_above_watching(rows, policy) & rows.journey_stage.notnull()
    kind = ibis.cases(
        (rows.playbook_id.notnull(), CHOSEN),
        (is_open & is_called_for & ~is_refused & rows.open_executed_id.isnull(), ESCALATE),
        (is_open & is_watchable, MONITOR_ONLY),
        else_=ibis.null("string"),
    )
    rows = rows.mutate(kind=kind)
    return rows.filter(rows.kind.notnull())


def _is_above_watching(rows: ir.Table, policy: Policy) -> ir.BooleanValue:
    value = by_segment(policy, rows.segment, lambda rules: rules.recommendation.escalation_value)
    risk = by_segment(policy, rows.segment, lambda rules: rules.recommendation.escalation_risk)
    return (rows.account_value >= value) | (rows.decision_risk >= risk)


def _with_action(rows: ir.Table, playbooks: ir.Table) -> ir.Table:
    """Add what is done, at which cost, and what may trigger it; nothing is spent on watching or on calling a person."""
    template = playbooks.select(
        "trigger_signals",
        "approval_required",
        subject="playbook_id",
        playbook_name="name",
        default_action=playbooks.default_actions[0],
    )
    is_chosen = rows.kind == CHOSEN
    rows = rows.mutate(subject=ibis.coalesce(rows.playbook_id, rows.withheld_playbook_id))
    rows = rows.left_join(template, "subject").drop("subject_right")
    is_chosen = rows.kind == CHOSEN
    return rows.mutate(
        is_watched=rows.kind == MONITOR_ONLY,
        is_escalated=rows.kind == ESCALATE,
        is_held_out=rows.is_held_out.fill_null(False),
        approval_required=is_chosen & rows.approval_required.fill_null(False),
        trigger_signals=rows.trigger_signals.fill_null(ibis.literal([], "array<string>")),
        recommended_action=is_chosen.ifelse(rows.default_action, rows.kind),
        playbook_name=is_chosen.ifelse(rows.playbook_name, ibis.null("string")),
        expected_cost=rows.expected_cost.fill_null(0.0),
    )


def _with_triggers(rows: ir.Table, seen: ir.Table) -> ir.Table:
    """Add the ids of the signals that triggered the playbook; for one without triggers, of the negative ones."""
    counted = seen.filter(~seen.is_settled).select("customer_id", "signal_id", "signal_type", "is_negative")
    pairs = rows.select("customer_id", "trigger_signals").join(counted, "customer_id")
    is_trigger = (pairs.trigger_signals.length() == 0).ifelse(
        pairs.is_negative, pairs.trigger_signals.contains(pairs.signal_type)
    )
    triggers = pairs.filter(is_trigger).group_by("customer_id")
    triggers = triggers.agg(triggered_by_signals=lambda row: row.signal_id.collect().sort())
    joined = rows.left_join(triggers, "customer_id").drop("customer_id_right")
    return joined.mutate(triggered_by_signals=joined.triggered_by_signals.fill_null(ibis.literal([], "array<string>")))


def _with_identity(
    rows: ir.Table, known: ir.Table, outcomes: ir.Table, earlier: ir.Table, earlier_states: ir.Table, as_of: date
) -> ir.Table:
    """Add id, first day and triggers: those of the decision that stands where the need stood before.

    Watching, and a call for a person that nobody has answered, stand as long as they were decided on the last day too.
    """
    need_id = content_id("N", rows.customer_id, rows.recommended_action, rows.subject)
    rows = rows.mutate(need_id=need_id)
    measured = outcomes.filter(outcomes.measured_at <= as_of)
    standing = known.filter(known.approval_status.isin([PENDING, APPROVED, NOT_REQUIRED]))
    standing = standing.anti_join(measured, "intervention_id").select("intervention_id", "is_executed")
    last_rows = earlier.group_by("intervention_id").agg(as_of=earlier.as_of.max())
    last_rows = earlier.semi_join(last_rows, ["intervention_id", "as_of"]).join(standing, "intervention_id")
    was_decided_last = last_rows.as_of == earlier_states.as_of.max().as_scalar()
    other = last_rows.filter(last_rows.playbook_id.isnull(), last_rows.is_executed | was_decided_last)
    other = other.group_by("need_id").agg(same_need_id=other.intervention_id.max())
    rows = rows.left_join(other, "need_id").drop("need_id_right")
    rows = rows.mutate(standing_id=ibis.coalesce(rows.standing_intervention_id, rows.same_need_id))
    content = last_rows.select(
        standing_id="intervention_id", standing_since="generated_at", standing_triggers="triggered_by_signals"
    )
    rows = rows.left_join(content, "standing_id").drop("standing_id_right")
    today = ibis.literal(as_of, "date")
    new_id = content_id("I", rows.need_id, rows.triggered_by_signals.join(RECORD_SEPARATOR), today)
    return rows.mutate(
        intervention_id=ibis.coalesce(rows.standing_id, new_id),
        generated_at=ibis.coalesce(rows.standing_since, today),
        triggered_by_signals=ibis.coalesce(rows.standing_triggers, rows.triggered_by_signals),
    )


def _with_input_hash(
    rows: ir.Table,
    customers: ir.Table,
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
    own = customers.mutate(hashed_customer=_record(customers, customers.columns))
    rows = rows.join(own.select("customer_id", "hashed_customer"), "customer_id")
    lists = [rows[f"hashed_{name}"].join(RECORD_SEPARATOR) for name in (*own_records, "playbooks")]
    return rows.mutate(input_hash=content_hash(rows.hashed_customer, rows.completeness, *lists))


def _record(rows: ir.Table, columns: Iterable[str]) -> ir.StringValue:
    return as_text(*(rows[name] for name in sorted(columns)))


def _reasons(rows: ir.Table, policy: Policy) -> ir.ArrayValue:
    reasons = approval_reasons(rows, policy)
    called = reasons.concat(ibis.literal([CALLED], "array<string>")).sort()
    return rows.is_watched.ifelse(ibis.literal([], "array<string>"), rows.is_escalated.ifelse(called, reasons))
