"""Decisions of the day.

At most one row per customer and as-of date. A recommendation is a decision, not an action: nothing here is executed. An
intervention keeps its id from day to day while the same need persists, until an outcome closes it or its approval
request expires or becomes stale; then it gets a new request. A pending request becomes stale when its content changes.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.approval_roles import ROLES
from cjo_assets.core.checks import check
from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import DatedContract, TextList, column, key
from cjo_assets.core.expressions.by_segment import by_segment
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.journey.decision._contact_policy import is_refused_recently
from cjo_assets.families.journey.decision._decision_identity import with_identity, with_input_hash
from cjo_assets.families.journey.decision.playbook_candidates import LOW_CONFIDENCE, RULES_OF_THE_PLAYBOOK
from cjo_assets.families.journey.evaluation.fused_signals import signals_with_settlement
from cjo_assets.families.journey.inputs.interventions import ESCALATE, MONITOR_ONLY
from cjo_assets.families.journey.interventions._approval_routes import REGIMES, approval_reasons, with_route
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
        "Intervention; the same from day to day while the need persists.", personal="intervention"
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
    approval_regime: str = column("Whether approval is required, by the policy of the day.", isin=REGIMES)
    approval_role: str = column("Lowest role that may answer; null without a request.", isin=ROLES, nullable=True)
    needs_two_people: bool = column("Whether two people must approve.")
    entitled_approvers: TextList = column("Who may answer, sorted; empty: any person.")
    approval_timeout_minutes: float = column(
        "How long a request of the day is open [minutes]; null without a request.", ge=0, nullable=True
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


# Later days do not read the policy and the records of earlier decisions.
CONFIG = TableConfig(
    look_back_columns=tuple(
        name for name in RecommendedInterventions.to_schema().columns if name not in ("policy_hash", "input_hash")
    ),
    is_decision=True,
)


def recommended_interventions(
    customers: ir.Table,
    customer_needs: ir.Table,
    state_entries: ir.Table,
    known_signals: ir.Table,
    playbook_candidates: ir.Table,
    playbooks: ir.Table,
    playbook_performance: ir.Table,
    intervention_ledger: ir.Table,
    earlier_recommended_interventions: ir.Table,
    earlier_journey_states: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Choose the best candidate of each customer, or monitoring, or an escalation to a person, or nothing."""
    choices = _choices(customer_needs, playbook_candidates, playbooks, intervention_ledger, as_of, policy)
    seen = signals_with_settlement(known_signals, customers, intervention_ledger, as_of, policy)
    triggered = _with_triggers(_with_action(choices, playbooks), seen)
    routed = with_route(triggered.mutate(approval_reasons=_reasons(triggered, policy)), policy)
    identified = with_identity(
        routed, intervention_ledger, earlier_recommended_interventions, earlier_journey_states, as_of, policy
    )
    own_records = {
        "customer": customers,
        "state entry": state_entries.filter(state_entries.state_entered_at <= as_of),
        "signal": seen.select("customer_id", *SIGNAL_COLUMNS),
        "intervention": intervention_ledger,
    }
    shared_records = {"playbook": playbooks.filter(playbooks.created_at <= as_of), "experience": playbook_performance}
    decided = with_input_hash(identified, own_records, shared_records)
    is_open_itself = (decided.open_intervention_id == decided.intervention_id).fill_null(False)
    return decided.mutate(
        risk_score=decided.decision_risk,
        customer_value=decided.account_value,
        open_intervention_id=is_open_itself.ifelse(ibis.null("string"), decided.open_intervention_id),
        evaluation_latency_ms=ibis.null("float64"),
        policy_hash=ibis.literal(policy.policy_hash),
    )


@check(blocking=True)
def ids_of_two_decisions(recommended_interventions: ir.Table, earlier_recommended_interventions: ir.Table) -> ir.Table:
    """Return ids of 48 bits shared by decisions for two customers; an answer to one would settle both."""
    columns = ["intervention_id", "customer_id"]
    known = ibis.union(recommended_interventions.select(columns), earlier_recommended_interventions.select(columns))
    customers = known.group_by("intervention_id").agg(
        customer_id=known.customer_id.min(), other_customer_id=known.customer_id.max()
    )
    return customers.filter(customers.customer_id != customers.other_customer_id)


@check
def unaddressed_strong_signals(
    raw_signals: ir.Table,
    customers: ir.Table,
    interventions: ir.Table,
    recommended_interventions: ir.Table,
    earlier_recommended_interventions: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Return strong signals of the look-back, rejected ones included, that triggered no intervention."""
    seen = lookup(raw_signals, customers, "customer_id", "segment")
    strength = seen.signal_strength.try_cast("float64")
    day = seen.detected_at.cast("string").substr(0, 10).try_cast("date")
    age_days = as_of.delta(day, unit="day")
    strong = seen.filter(
        strength >= by_segment(policy, seen.segment, lambda own: own.signals.strong_signal_strength),
        age_days.between(0, by_segment(policy, seen.segment, lambda own: own.signals.look_back_days)),
    )
    history = interventions.filter(interventions.generated_at <= as_of)
    known = [history, recommended_interventions, earlier_recommended_interventions.drop("as_of")]
    answered = ibis.union(*(decided.select(signal_id=decided.triggered_by_signals.unnest()) for decided in known))
    return strong.anti_join(answered, "signal_id").select("signal_id", "customer_id", "signal_type", "signal_strength")


def _choices(
    needs: ir.Table, candidates: ir.Table, playbooks: ir.Table, known: ir.Table, as_of: ir.DateScalar, policy: Policy
) -> ir.Table:
    """Return the customers for whom something is decided, its kind, and the chosen or withheld playbook, if any."""
    considered = candidates.select(
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
    chosen = considered.filter(considered.first_failed_rule.isnull()).drop("rank", "first_failed_rule")
    rejected = considered.anti_join(chosen, "customer_id")
    choices = lookup(needs, _without_monitoring(chosen, playbooks), "customer_id")
    choices = lookup(choices, _withheld_playbooks(rejected), "customer_id")
    # A playbook that a limit or the contact policy holds back is the decision: nothing else is done.
    held_back = rejected.filter(rejected.first_failed_rule.notin([*RULES_OF_THE_PLAYBOOK, LOW_CONFIDENCE]))
    is_free = choices.playbook_id.isnull() & choices.customer_id.notin(held_back.customer_id)
    minimum = by_segment(policy, choices.segment, lambda rules: rules.recommendation.monitor_only_confidence)
    may_monitor = choices.withheld_playbook_id.notnull() & (choices.confidence >= minimum)
    may_escalate = (may_monitor | choices.is_needy) & _may_escalate(choices, known, as_of, policy)
    kind = ibis.cases(
        (choices.playbook_id.notnull(), CHOSEN),
        (choices.monitored_playbook_id.notnull(), MONITOR_ONLY),
        (is_free & may_escalate, ESCALATE),
        (is_free & may_monitor, MONITOR_ONLY),
        else_=ibis.null("string"),
    )
    choices = choices.mutate(kind=kind)
    return choices.filter(choices.kind.notnull())


def _withheld_playbooks(rejected: ir.Table) -> ir.Table:
    """Return the best playbook per customer that is withheld for low confidence only."""
    unsure = rejected.filter(rejected.first_failed_rule == LOW_CONFIDENCE)
    return first_per(unsure, "customer_id", "rank").select(
        "customer_id", withheld_playbook_id="playbook_id", withheld_fallback_of="fallback_of"
    )


def _may_escalate(choices: ir.Table, known: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.BooleanValue:
    """Return whether the policy allows an escalation: value or risk above its floor, none refused, nothing open."""
    value = by_segment(policy, choices.segment, lambda rules: rules.recommendation.escalation_value)
    risk = by_segment(policy, choices.segment, lambda rules: rules.recommendation.escalation_risk)
    is_above_floor = (choices.account_value >= value) | (choices.decision_risk >= risk)
    is_refused = is_refused_recently(choices, as_of, policy)
    # An open escalation does not block itself: once approved it stays.
    escalations = known.filter(known.recommended_action == ESCALATE).select("intervention_id")
    open_id = choices.open_intervention_id
    has_nothing_open = open_id.isnull() | open_id.isin(escalations.intervention_id)
    return is_above_floor & choices.journey_stage.notnull() & ~is_refused & has_nothing_open


def _without_monitoring(chosen: ir.Table, playbooks: ir.Table) -> ir.Table:
    """Move a chosen playbook that only monitors to `monitored_playbook_id`: nothing of it can be executed."""
    monitoring = playbooks.filter(playbooks.default_actions[0] == MONITOR_ONLY)
    is_monitoring = chosen.playbook_id.isin(monitoring.playbook_id)
    chosen = chosen.mutate(is_monitoring=is_monitoring, monitored_playbook_id=chosen.playbook_id)
    acting = {
        name: chosen.is_monitoring.ifelse(ibis.null(chosen[name].type()), chosen[name])
        for name in ("playbook_id", "expected_cost", "expected_value", "is_held_out", "standing_intervention_id")
    }
    monitored = chosen.is_monitoring.ifelse(chosen.monitored_playbook_id, ibis.null("string"))
    return chosen.mutate(**acting, monitored_playbook_id=monitored).drop("is_monitoring")


def _with_action(choices: ir.Table, playbooks: ir.Table) -> ir.Table:
    """Add action, cost and triggers; monitoring and escalation cost nothing."""
    subject = ibis.coalesce(choices.playbook_id, choices.monitored_playbook_id, choices.withheld_playbook_id)
    # A fallback has the triggers of the playbook that names it.
    choices = choices.mutate(
        subject=subject, triggered_as=ibis.coalesce(choices.fallback_of, choices.withheld_fallback_of, subject)
    )
    templates = playbooks.mutate(default_action=playbooks.default_actions[0])
    acting = lookup(
        choices,
        templates,
        [("subject", "playbook_id")],
        "approval_required",
        "default_action",
        playbook_name="name",
    )
    acting = lookup(acting, playbooks, [("triggered_as", "playbook_id")], "trigger_signals")
    is_chosen = acting.kind == CHOSEN
    return acting.mutate(
        is_monitored=acting.kind == MONITOR_ONLY,
        is_escalated=acting.kind == ESCALATE,
        is_held_out=acting.is_held_out.fill_null(False),
        approval_required=is_chosen & acting.approval_required.fill_null(False),
        trigger_signals=acting.trigger_signals.fill_null(ibis.literal([], "array<string>")),
        recommended_action=is_chosen.ifelse(acting.default_action, acting.kind),
        playbook_name=is_chosen.ifelse(acting.playbook_name, ibis.null("string")),
        expected_cost=acting.expected_cost.fill_null(0.0),
    )


def _with_triggers(acting: ir.Table, seen: ir.Table) -> ir.Table:
    """Add the ids of the signals that triggered the playbook; of one without triggers, the negative signals."""
    counted = seen.filter(~seen.is_settled).select("customer_id", "signal_id", "signal_type", "is_negative")
    pairs = acting.select("customer_id", "trigger_signals").join(counted, "customer_id")
    is_trigger = (pairs.trigger_signals.length() == 0).ifelse(
        pairs.is_negative, pairs.trigger_signals.contains(pairs.signal_type)
    )
    triggers = pairs.filter(is_trigger).group_by("customer_id")
    triggers = triggers.agg(triggered_by_signals=lambda row: row.signal_id.collect().sort())
    triggered = lookup(acting, triggers, "customer_id")
    no_signals = ibis.literal([], "array<string>")
    return triggered.mutate(triggered_by_signals=triggered.triggered_by_signals.fill_null(no_signals))


def _reasons(triggered: ir.Table, policy: Policy) -> ir.ArrayValue:
    """Return why a person must approve; none where monitored or held out, since nothing is executed."""
    reasons = approval_reasons(triggered, policy)
    of_escalation = reasons.concat(ibis.literal([CALLED], "array<string>")).sort()
    nothing_done = triggered.is_monitored | triggered.is_held_out
    return nothing_done.ifelse(ibis.literal([], "array<string>"), triggered.is_escalated.ifelse(of_escalation, reasons))
