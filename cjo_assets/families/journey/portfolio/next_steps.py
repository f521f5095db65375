"""Next steps for people, in order.

One row per as-of date and step, without a limit. Steps are ordered by kind as in `KINDS`, within a kind by revenue at
risk, most first and unknown last, then by table and reference, so that the rank does not depend on the order of rows.

The money of a step is the revenue at risk, not what the step saves. A customer may have several steps, and a stage has
many customers: the money of steps must not be added up.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.approval_roles import CSM, ROLES
from cjo_assets.core.approval_status import PENDING
from cjo_assets.core.contract import ANY_SEGMENT, DatedContract, column, key
from cjo_assets.core.expressions.by_segment import by_segment
from cjo_assets.core.expressions.intervals import NOT_DISTINGUISHABLE, NOT_MEASURABLE
from cjo_assets.core.expressions.kpi import AT_RISK, CRITICAL
from cjo_assets.core.expressions.sentences import sentence
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.core.personal import CUSTOMER, INTERVENTION, TEXT, Personal
from cjo_assets.families.journey.learning.playbook_performance import KEEP
from cjo_assets.policy import Policy

DECIDE, CARRY_OUT, RECORD_OUTCOME = "decide", "carry_out", "record_outcome"
CLOSE_GAP, MEND_STAGE, MEND_KPI = "close_gap", "mend_stage", "mend_kpi"
MEND_DATA, REVIEW_PLAYBOOK, REVIEW_THRESHOLD, MAKE_MEASURABLE = (
    "mend_data",
    "review_playbook",
    "review_threshold",
    "make_measurable",
)
# Steps for a single customer come before those that need a project.
KINDS = [
    DECIDE,
    CARRY_OUT,
    RECORD_OUTCOME,
    CLOSE_GAP,
    MEND_STAGE,
    MEND_KPI,
    MEND_DATA,
    REVIEW_PLAYBOOK,
    REVIEW_THRESHOLD,
    MAKE_MEASURABLE,
]
JOURNEY_OWNER, PLAYBOOK_OWNER, POLICY_OWNER = "journey_owner", "playbook_owner", "policy_owner"
DATA_STEWARD = "data_steward"
OWNERS = [*ROLES, JOURNEY_OWNER, PLAYBOOK_OWNER, POLICY_OWNER, DATA_STEWARD]


class NextSteps(DatedContract):
    """What to do next, in order. One row per as-of date and step."""

    rank: int = key("Place in the order, 1 = first.", ge=1)
    kind: str = column("What is to be done.", isin=KINDS)
    subject: str = column(
        "Who or what it is about: a customer, a stage, a KPI, a dataset, a playbook, a threshold.",
        personal=Personal(
            said_by="reference_table",
            kinds=(("approval_requests", CUSTOMER), ("outcome_analyses", CUSTOMER), ("coverage_gaps", CUSTOMER)),
        ),
    )
    segment: str = column("Segment it is about; null where it is about more than one.", words="segments", nullable=True)
    why: str = column("The reason, in words.", personal=TEXT)
    owner: str = column("Role that has to act.", isin=OWNERS)
    revenue_at_risk: float = column(
        "Revenue at risk with it [currency, up = worse]; null where none is known. Not to be added up.",
        ge=0,
        nullable=True,
    )
    reference_table: str = column("Table that has the details.")
    reference: str = column(
        "Key of the row there.",
        personal=Personal(
            said_by="reference_table",
            kinds=(
                ("approval_requests", INTERVENTION),
                ("outcome_analyses", INTERVENTION),
                ("coverage_gaps", CUSTOMER),
            ),
        ),
    )


def next_steps(
    outcome_analyses: ir.Table,
    recommended_interventions: ir.Table,
    coverage_gaps: ir.Table,
    journey_forecasts: ir.Table,
    portfolio_by_stage: ir.Table,
    kpis: ir.Table,
    rejections_by_rule: ir.Table,
    playbook_performance: ir.Table,
    threshold_advice: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Return the steps that follow from each table, in order."""
    of_customers = ibis.union(
        _decisions(outcome_analyses, recommended_interventions),
        _work(outcome_analyses, as_of, policy),
        _gaps(coverage_gaps),
    ).drop("revenue_at_risk")
    of_customers = lookup(of_customers, journey_forecasts, [("subject", "customer_id")], "revenue_at_risk")
    others = [
        _stages(portfolio_by_stage),
        _kpis(kpis),
        _data(rejections_by_rule),
        _playbooks(playbook_performance),
        _thresholds(threshold_advice),
    ]
    steps = ibis.union(of_customers, *(other.select(of_customers.columns) for other in others))
    place = steps.kind.cases(*((kind, place) for place, kind in enumerate(KINDS)), else_=len(KINDS))
    # Revenue at risk is never negative, so unknown amounts come last.
    worth = ibis.desc(steps.revenue_at_risk.fill_null(-1.0))
    in_order = ibis.window(order_by=[place, worth, steps.reference_table, steps.reference])
    return steps.mutate(rank=ibis.row_number().over(in_order) + 1)


def _decisions(outcome_analyses: ir.Table, recommended_interventions: ir.Table) -> ir.Table:
    """Return pending approvals; those of the history, which has no role, go to the CSM."""
    pending = outcome_analyses.filter(outcome_analyses.approval_status == PENDING)
    pending = lookup(pending, recommended_interventions, "intervention_id", "approval_role", "approval_reasons")
    reasons = sentence(": {}", pending.approval_reasons.join(", ")).fill_null("")
    return _steps(
        pending,
        DECIDE,
        subject=pending.customer_id,
        segment=pending.segment,
        why=sentence("{} waits for approval{}", pending.recommended_action, reasons),
        owner=pending.approval_role.fill_null(CSM),
        table="approval_requests",
        reference=pending.intervention_id,
    )


def _work(outcome_analyses: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Return executed interventions without an outcome: first to be carried out, later to be recorded."""
    open_work = outcome_analyses.filter(outcome_analyses.is_executed, outcome_analyses.outcome.isnull())
    since = open_work.executed_at.cast("date")
    limit = by_segment(policy, open_work.segment, lambda own: own.contact.open_intervention_days)
    is_recent = as_of.delta(since, unit="day") <= limit
    request = is_recent.ifelse("carry it out and record what comes of it", "nobody recorded what came of it")
    return _steps(
        open_work,
        is_recent.ifelse(CARRY_OUT, RECORD_OUTCOME),
        subject=open_work.customer_id,
        segment=open_work.segment,
        why=sentence("{} stands since {}: {}", open_work.recommended_action, since, request),
        owner=CSM,
        table="outcome_analyses",
        reference=open_work.intervention_id,
    )


def _gaps(coverage_gaps: ir.Table) -> ir.Table:
    """Return customers at risk without a recommendation."""
    nearest = sentence(", nearest {}", coverage_gaps.nearest_playbook_id).fill_null("")
    is_escalated = coverage_gaps.escalated_intervention_id.notnull()
    escalation = is_escalated.ifelse("; a person was called", "")
    return _steps(
        coverage_gaps,
        CLOSE_GAP,
        subject=coverage_gaps.customer_id,
        segment=coverage_gaps.segment,
        why=sentence("no playbook answers: {}{}{}", coverage_gaps.reason, nearest, escalation),
        owner=is_escalated.ifelse(PLAYBOOK_OWNER, CSM),
        table="coverage_gaps",
        reference=coverage_gaps.customer_id,
    )


def _stages(portfolio_by_stage: ir.Table) -> ir.Table:
    """Return stages whose friction rate exceeds their limit."""
    failing = portfolio_by_stage.filter(portfolio_by_stage.is_systemic_failure)
    return _steps(
        failing,
        MEND_STAGE,
        subject=failing.journey_stage,
        why=sentence(
            "{} of {} customers are in friction: a share of {}, and the stage's limit is {}",
            failing.customers_in_friction,
            failing.active_customers,
            failing.friction_rate,
            failing.systemic_friction_rate,
        ),
        owner=JOURNEY_OWNER,
        table="portfolio_by_stage",
        reference=failing.journey_stage,
        money=failing.revenue_at_risk,
    )


def _kpis(kpis: ir.Table) -> ir.Table:
    """Return KPIs that miss their target, are not measurable, or not distinguishable from it."""
    listed = kpis.filter(kpis.status.isin([AT_RISK, CRITICAL, NOT_DISTINGUISHABLE, NOT_MEASURABLE]))
    is_blank, is_open = listed.status == NOT_MEASURABLE, listed.status == NOT_DISTINGUISHABLE
    value = listed["value"]
    missed = sentence("{}: {} {}, target {} ({})", listed.status, value, listed.unit, listed.target, listed.basis)
    interval = sentence(", interval {} to {}", listed.interval_low, listed.interval_high).fill_null(", no interval")
    undecided = sentence("{}{}, n {}: more records decide", missed, interval, listed.n)
    return _steps(
        listed,
        (is_blank | is_open).ifelse(MAKE_MEASURABLE, MEND_KPI),
        subject=listed.kpi,
        why=ibis.cases((is_blank, listed.note), (is_open, undecided), else_=missed),
        owner=(is_blank | is_open).ifelse(DATA_STEWARD, JOURNEY_OWNER),
        table="kpis",
        reference=listed.kpi,
    )


def _data(rejections_by_rule: ir.Table) -> ir.Table:
    """Return the rules that rejected rows."""
    rejected = rejections_by_rule
    example = sentence(", for example of customer {}", rejected.example_customer_id).fill_null("")
    return _steps(
        rejected,
        MEND_DATA,
        subject=rejected.dataset,
        why=sentence("{}: turned away {} rows{}", rejected.rule, rejected.rejected_rows, example),
        owner=DATA_STEWARD,
        table="rejections_by_rule",
        reference=sentence("{} | {}", rejected.dataset, rejected.rule),
    )


def _playbooks(playbook_performance: ir.Table) -> ir.Table:
    """Return playbooks that should not be kept as they are."""
    advised = playbook_performance.filter(playbook_performance.advice != KEEP)
    return _steps(
        advised,
        REVIEW_PLAYBOOK,
        subject=advised.playbook_id,
        segment=advised.segment.nullif(ANY_SEGMENT),
        why=sentence("{} for {}: {}", advised.advice, advised.segment, advised.advice_rule),
        owner=PLAYBOOK_OWNER,
        table="playbook_performance",
        reference=sentence("{} | {}", advised.playbook_id, advised.segment),
    )


def _thresholds(threshold_advice: ir.Table) -> ir.Table:
    """Return the advised threshold with the highest certain value; of equal ones the lowest."""
    advised = threshold_advice.filter(threshold_advice.is_advised)
    best = first_per(advised, (), [advised.net_value_change_low.desc(), advised.confidence_threshold])
    return _steps(
        best,
        REVIEW_THRESHOLD,
        subject=ibis.literal("intervention_confidence_threshold"),
        why=sentence(
            "in hindsight worth {} more than the threshold in force, at least {}, over {} runs decided otherwise",
            best.net_value_change,
            best.net_value_change_low,
            best.decided_otherwise,
        ),
        owner=POLICY_OWNER,
        table="threshold_advice",
        reference=best.confidence_threshold.cast("string"),
    )


def _steps(
    rows: ir.Table,
    kind: str | ir.StringValue,
    *,
    subject: ir.StringValue,
    why: ir.StringValue,
    owner: str | ir.StringValue,
    table: str,
    reference: ir.StringValue,
    segment: ir.StringValue | None = None,
    money: ir.NumericValue | None = None,
) -> ir.Table:
    """Return rows as steps of a kind, with the columns that all steps share."""
    return rows.select(
        kind=sentence("{}", kind),
        subject=subject,
        segment=ibis.null("string") if segment is None else segment,
        why=why,
        owner=sentence("{}", owner),
        revenue_at_risk=ibis.null("float64") if money is None else money,
        reference_table=ibis.literal(table),
        reference=reference,
    )
