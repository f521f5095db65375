"""What should be done next, for whom, and on whose authority.

At most one row per customer and as-of date. A recommendation is a decision, not an action: nothing here has been done.
An intervention keeps its id from day to day for as long as the same need stands, until an outcome closes it, or the
request for its approval lapses or goes stale: then people are asked anew. What waits for an answer goes stale where its
content changes: an answer is to what was shown.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import DatedContract, TextList, column, key
from cjo_assets.core.expressions.by_segment import by_segment
from cjo_assets.families.journey.decision._contact_policy import is_refused_recently
from cjo_assets.families.journey.decision._decision_identity import with_identity, with_input_hash
from cjo_assets.families.journey.decision.playbook_candidates import LOW_CONFIDENCE, RULES_OF_THE_PLAYBOOK
from cjo_assets.families.journey.evaluation.fused_signals import signals_with_settlement
from cjo_assets.families.journey.inputs.interventions import ESCALATE, MONITOR_ONLY
from cjo_assets.families.journey.interventions._approval_routes import REGIMES, ROLES, approval_reasons, with_route
from cjo_assets.policy import Policy

CHOSEN = "chosen"
CALLED = "a_person_must_take_over"
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

    intervention_id: str = column(
        "Intervention; the same from day to day while the need stands.", personal="intervention"
    )
    need_id: str = column("The need: customer and playbook, withheld ones too; of a call for a person the customer.")
    customer_id: str = key("Customer.", personal="customer")
    segment: str = column("Market segment.", words="segments")
    journey_stage: str = column("Stage on the as-of date.", words="stages")
    playbook_id: str = column("Playbook chosen; null for monitor_only.", nullable=True)
    playbook_name: str = column("Its name; null for monitor_only.", nullable=True)
    withheld_playbook_id: str = column("Playbook that monitor_only holds back; otherwise null.", nullable=True)
    recommended_action: str = column("First action of the playbook, or monitor_only.")
    triggered_by_signals: TextList = column("Signals that led to it, sorted.", personal="signal")
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
    open_intervention_id: str = column(
        "Another intervention of the customer without an outcome yet.", nullable=True, personal="intervention"
    )
    is_held_out: bool = column("Whether the decision is recorded and, on purpose, not carried out.")
    evaluation_latency_ms: float = column("Time taken [milliseconds]; null: known for the history only.", nullable=True)
    generated_at: date = column("Day the need was first met.")
    policy_hash: str = column("Policy that decided.")
    input_hash: str = column(
        "Hash over the records the decision could see. What decisions for others had used up of budget and reviews is "
        "not in it: two days of one hash can differ where a limit was reached."
    )


# Under which policy and on which records an earlier day decided, no later day asks.
CONFIG = TableConfig(
    look_back_columns=tuple(
        name for name in RecommendedInterventions.to_schema().columns if name not in ("policy_hash", "input_hash")
    )
)


def recommended_interventions(
    customers: ir.Table,
    customer_needs: ir.Table,
    state_entries: ir.Table,
    signals: ir.Table,
    playbook_candidates: ir.Table,
    playbooks: ir.Table,
    playbook_performance: ir.Table,
    intervention_ledger: ir.Table,
    earlier_recommended_interventions: ir.Table,
    earlier_journey_states: ir.Table,
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Choose the best candidate of each customer, or to watch, or to call a person, or nothing."""
    rows = _choices(customer_needs, playbook_candidates, playbooks, intervention_ledger, as_of, policy)
    rows = _with_action(rows, playbooks)
    seen = signals_with_settlement(signals, customers, intervention_ledger, as_of, policy)
    rows = _with_triggers(rows, seen)
    rows = with_route(rows.mutate(approval_reasons=_reasons(rows, policy)), policy)
    rows = with_identity(
        rows, intervention_ledger, earlier_recommended_interventions, earlier_journey_states, as_of, policy
    )
    own_records = {
        "customer": customers,
        "state entry": state_entries.filter(state_entries.state_entered_at <= as_of),
        "signal": seen.select("customer_id", *SIGNAL_COLUMNS),
        "intervention": intervention_ledger,
    }
    shared_records = {"playbook": playbooks.filter(playbooks.created_at <= as_of), "experience": playbook_performance}
    rows = with_input_hash(rows, own_records, shared_records)
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
        "requires_human_approval",
        "approval_reasons",
        "approval_regime",
        "approval_role",
        "needs_two_people",
        "entitled_approvers",
        "approval_timeout_minutes",
        "decision_hash",
        "generated_at",
        "input_hash",
        risk_score=rows.decision_risk,
        customer_value=rows.account_value,
        open_intervention_id=(rows.open_intervention_id == rows.intervention_id)
        .fill_null(False)
        .ifelse(ibis.null("string"), rows.open_intervention_id),
        evaluation_latency_ms=ibis.null("float64"),
        policy_hash=ibis.literal(policy.policy_hash),
    )


@check(blocking=True)
def ids_of_two_decisions(recommended_interventions: ir.Table, earlier_recommended_interventions: ir.Table) -> ir.Table:
    """Find ids that decisions for two customers share: they have 48 bits, and an answer to one would settle both."""
    columns = ["intervention_id", "customer_id"]
    rows = ibis.union(recommended_interventions.select(columns), earlier_recommended_interventions.select(columns))
    named = rows.group_by("intervention_id").agg(
        customer_id=rows.customer_id.min(), other_customer_id=rows.customer_id.max()
    )
    return named.filter(named.customer_id != named.other_customer_id)


@check
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
    age_days = ibis.date(as_of.isoformat()).delta(
        rows.detected_at.cast("string").substr(0, 10).try_cast("date"), unit="day"
    )
    strong = rows.filter(
        strength >= by_segment(policy, rows.segment, lambda own: own.signals.strong_signal_strength),
        age_days.between(0, by_segment(policy, rows.segment, lambda own: own.signals.look_back_days)),
    )
    history = interventions.filter(interventions.generated_at <= as_of)
    answers = [history, recommended_interventions, earlier_recommended_interventions.drop("as_of")]
    answered = ibis.union(*(rows.select(signal_id=rows.triggered_by_signals.unnest()) for rows in answers))
    return strong.anti_join(answered, "signal_id").select("signal_id", "customer_id", "signal_type", "signal_strength")


def _choices(
    needs: ir.Table, candidates: ir.Table, playbooks: ir.Table, known: ir.Table, as_of: date, policy: Policy
) -> ir.Table:
    """Return the customers for whom something is decided, with the chosen or the withheld playbook, if any."""
    tried = candidates.select(
        "customer_id",
        "playbook_id",
        "fallback_of",
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
    withheld = unsure.filter(unsure.place == 0).select(
        "customer_id", withheld_playbook_id="playbook_id", withheld_fallback_of="fallback_of"
    )
    # Where a limit or the contact policy holds a playbook back, that is what was decided.
    held_back = stopped.filter(stopped.first_failed_rule.notin([*RULES_OF_THE_PLAYBOOK, LOW_CONFIDENCE]))
    rows = needs.left_join(_without_watching(chosen, playbooks), "customer_id").drop("customer_id_right")
    rows = rows.left_join(withheld, "customer_id").drop("customer_id_right")
    enough = by_segment(policy, rows.segment, lambda rules: rules.recommendation.monitor_only_confidence)
    is_open = rows.playbook_id.isnull() & rows.customer_id.notin(held_back.customer_id)
    is_watchable = rows.withheld_playbook_id.notnull() & (rows.confidence >= enough)
    is_refused = is_refused_recently(rows, as_of, policy)
    is_called_for = (is_watchable | rows.is_needy) & _is_above_watching(rows, policy) & rows.journey_stage.notnull()
    # A person who was called and said yes stays called.
    calls = known.filter(known.recommended_action == ESCALATE).select("intervention_id")
    is_free = rows.open_intervention_id.isnull() | rows.open_intervention_id.isin(calls.intervention_id)
    kind = ibis.cases(
        (rows.playbook_id.notnull(), CHOSEN),
        (rows.watching_playbook_id.notnull(), MONITOR_ONLY),
        (is_open & is_called_for & ~is_refused & is_free, ESCALATE),
        (is_open & is_watchable, MONITOR_ONLY),
        else_=ibis.null("string"),
    )
    rows = rows.mutate(kind=kind)
    return rows.filter(rows.kind.notnull())


def _without_watching(chosen: ir.Table, playbooks: ir.Table) -> ir.Table:
    """Move a chosen playbook that only watches to `watching_playbook_id`: nothing of it can be carried out."""
    watching = playbooks.filter(playbooks.default_actions[0] == MONITOR_ONLY)
    is_watching = chosen.playbook_id.isin(watching.playbook_id)
    chosen = chosen.mutate(is_watching=is_watching, watching_playbook_id=chosen.playbook_id)
    acting = {
        name: chosen.is_watching.ifelse(ibis.null(chosen[name].type()), chosen[name])
        for name in ("playbook_id", "expected_cost", "expected_value", "is_held_out", "standing_intervention_id")
    }
    watched = chosen.is_watching.ifelse(chosen.watching_playbook_id, ibis.null("string"))
    return chosen.mutate(**acting, watching_playbook_id=watched).drop("is_watching")


def _is_above_watching(rows: ir.Table, policy: Policy) -> ir.BooleanValue:
    value = by_segment(policy, rows.segment, lambda rules: rules.recommendation.escalation_value)
    risk = by_segment(policy, rows.segment, lambda rules: rules.recommendation.escalation_risk)
    return (rows.account_value >= value) | (rows.decision_risk >= risk)


def _with_action(rows: ir.Table, playbooks: ir.Table) -> ir.Table:
    """Add what is done, at which cost, and what may trigger it; nothing is spent on watching or on calling a person."""
    template = playbooks.select(
        "approval_required",
        subject="playbook_id",
        playbook_name="name",
        default_action=playbooks.default_actions[0],
    )
    triggers = playbooks.select("trigger_signals", triggered_as="playbook_id")
    subject = ibis.coalesce(rows.playbook_id, rows.watching_playbook_id, rows.withheld_playbook_id)
    # A fallback answers the signals of the playbook that calls it.
    rows = rows.mutate(
        subject=subject, triggered_as=ibis.coalesce(rows.fallback_of, rows.withheld_fallback_of, subject)
    )
    rows = rows.left_join(template, "subject").drop("subject_right")
    rows = rows.left_join(triggers, "triggered_as").drop("triggered_as_right")
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


def _reasons(rows: ir.Table, policy: Policy) -> ir.ArrayValue:
    """Return why a person must decide: of what is only watched or held out nothing is done, so nobody is asked."""
    reasons = approval_reasons(rows, policy)
    called = reasons.concat(ibis.literal([CALLED], "array<string>")).sort()
    nothing_done = rows.is_watched | rows.is_held_out
    return nothing_done.ifelse(ibis.literal([], "array<string>"), rows.is_escalated.ifelse(called, reasons))
