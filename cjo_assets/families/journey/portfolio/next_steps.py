"""What people should do next, all of it, in order.

One row per as-of date and step; nothing is cut off. Steps are ordered by their kind, as `KINDS` has them; within a kind
by revenue at risk, most first and unknown last; then by table and reference. The rank is therefore the same whatever
the order of the rows.

The money of a step is what is at risk with it, not what the step saves. One customer may stand in several steps, and a
stage holds many: the money of steps must not be added up.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import ANY_SEGMENT, DatedContract, column, key
from cjo_assets.core.expressions.by_segment import by_segment
from cjo_assets.core.expressions.intervals import NOT_DISTINGUISHABLE, NOT_MEASURABLE
from cjo_assets.core.expressions.kpi import AT_RISK, CRITICAL
from cjo_assets.core.personal import CUSTOMER, INTERVENTION, TEXT, Personal
from cjo_assets.families.journey.interventions._approval_routes import CSM, ROLES
from cjo_assets.families.journey.interventions._ledger import PENDING
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
# What waits for a person before what waits for a project.
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
    reference_table: str = column("Table in which the details stand.")
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
    as_of: date,
    policy: Policy,
) -> ir.Table:
    """Gather what each table leaves to be done, and put it in order."""
    money = journey_forecasts.select("customer_id", "revenue_at_risk")
    of_customers = ibis.union(
        _decisions(outcome_analyses, recommended_interventions),
        _work(outcome_analyses, as_of, policy),
        _gaps(coverage_gaps),
    )
    of_customers = of_customers.drop("revenue_at_risk")
    of_customers = of_customers.left_join(money, of_customers.subject == money.customer_id).drop("customer_id")
    others = [
        _stages(portfolio_by_stage),
        _kpis(kpis),
        _data(rejections_by_rule),
        _playbooks(playbook_performance),
        _thresholds(threshold_advice),
    ]
    rows = ibis.union(of_customers, *(rows.select(of_customers.columns) for rows in others))
    place = rows.kind.cases(*((kind, place) for place, kind in enumerate(KINDS)), else_=len(KINDS))
    # Nothing is worth less than nothing: what is unknown comes last.
    worth = ibis.desc(rows.revenue_at_risk.fill_null(-1.0))
    in_order = ibis.window(order_by=[place, worth, rows.reference_table, rows.reference])
    return rows.mutate(rank=ibis.row_number().over(in_order) + 1)


def _decisions(outcome_analyses: ir.Table, recommended_interventions: ir.Table) -> ir.Table:
    """Return pending approvals; those of the history, which names no role, go to the manager of the customer."""
    rows = outcome_analyses.filter(outcome_analyses.approval_status == PENDING)
    asked = recommended_interventions.select("intervention_id", "approval_role", "approval_reasons")
    rows = rows.left_join(asked, "intervention_id").drop("intervention_id_right")
    reasons = rows.approval_reasons.join(", ")
    return _steps(
        rows,
        DECIDE,
        subject=rows.customer_id,
        segment=rows.segment,
        why=rows.recommended_action + " waits for approval" + (ibis.literal(": ") + reasons).fill_null(""),
        owner=rows.approval_role.fill_null(CSM),
        table="approval_requests",
        reference=rows.intervention_id,
    )


def _work(outcome_analyses: ir.Table, as_of: date, policy: Policy) -> ir.Table:
    """Return executed interventions without an outcome: open work at first, later an outcome to be recorded."""
    rows = outcome_analyses.filter(outcome_analyses.is_executed, outcome_analyses.outcome.isnull())
    since = rows.executed_at.cast("date")
    patience = by_segment(policy, rows.segment, lambda own: own.contact.open_intervention_days)
    is_recent = ibis.literal(as_of, "date").delta(since, unit="day") <= patience
    named = rows.recommended_action + " stands since " + since.cast("string")
    return _steps(
        rows,
        is_recent.ifelse(CARRY_OUT, RECORD_OUTCOME),
        subject=rows.customer_id,
        segment=rows.segment,
        why=named + is_recent.ifelse(": carry it out and record what comes of it", ": nobody recorded what came of it"),
        owner=CSM,
        table="outcome_analyses",
        reference=rows.intervention_id,
    )


def _gaps(coverage_gaps: ir.Table) -> ir.Table:
    rows = coverage_gaps
    called = rows.escalated_intervention_id.notnull()
    return _steps(
        rows,
        CLOSE_GAP,
        subject=rows.customer_id,
        segment=rows.segment,
        why=ibis.literal("no playbook answers: ")
        + rows.reason
        + (ibis.literal(", nearest ") + rows.nearest_playbook_id).fill_null("")
        + called.ifelse("; a person was called", ""),
        owner=called.ifelse(PLAYBOOK_OWNER, CSM),
        table="coverage_gaps",
        reference=rows.customer_id,
    )


def _stages(portfolio_by_stage: ir.Table) -> ir.Table:
    rows = portfolio_by_stage.filter(portfolio_by_stage.is_systemic_failure)
    return _steps(
        rows,
        MEND_STAGE,
        subject=rows.journey_stage,
        why=rows.customers_in_friction.cast("string")
        + " of "
        + rows.active_customers.cast("string")
        + " customers are in friction: a share of "
        + rows.friction_rate.cast("string")
        + ", and the stage's limit is "
        + rows.systemic_friction_rate.cast("string"),
        owner=JOURNEY_OWNER,
        table="portfolio_by_stage",
        reference=rows.journey_stage,
        money=rows.revenue_at_risk,
    )


def _kpis(kpis: ir.Table) -> ir.Table:
    """Return KPIs that miss their target, that are not measurable, or not distinguishable from it."""
    rows = kpis.filter(kpis.status.isin([AT_RISK, CRITICAL, NOT_DISTINGUISHABLE, NOT_MEASURABLE]))
    is_blank, is_open = rows.status == NOT_MEASURABLE, rows.status == NOT_DISTINGUISHABLE
    missed = rows.status + ": " + rows.value.cast("string") + " " + rows.unit + ", target "
    missed = missed + rows.target.cast("string") + " (" + rows.basis + ")"
    between = (
        ibis.literal(", interval ") + rows.interval_low.cast("string") + " to " + rows.interval_high.cast("string")
    )
    undecided = missed + between.fill_null(", no interval") + ", n " + rows.n.cast("string") + ": more records decide"
    return _steps(
        rows,
        (is_blank | is_open).ifelse(MAKE_MEASURABLE, MEND_KPI),
        subject=rows.kpi,
        why=ibis.cases((is_blank, rows.note), (is_open, undecided), else_=missed),
        owner=(is_blank | is_open).ifelse(DATA_STEWARD, JOURNEY_OWNER),
        table="kpis",
        reference=rows.kpi,
    )


def _data(rejections_by_rule: ir.Table) -> ir.Table:
    rows = rejections_by_rule
    return _steps(
        rows,
        MEND_DATA,
        subject=rows.dataset,
        why=rows.rule
        + ": turned away "
        + rows.rejected_rows.cast("string")
        + " rows"
        + (ibis.literal(", for example of customer ") + rows.example_customer_id).fill_null(""),
        owner=DATA_STEWARD,
        table="rejections_by_rule",
        reference=rows.dataset + " | " + rows.rule,
    )


def _playbooks(playbook_performance: ir.Table) -> ir.Table:
    rows = playbook_performance.filter(playbook_performance.advice != KEEP)
    return _steps(
        rows,
        REVIEW_PLAYBOOK,
        subject=rows.playbook_id,
        segment=rows.segment.nullif(ANY_SEGMENT),
        why=rows.advice + " for " + rows.segment + ": " + rows.advice_rule,
        owner=PLAYBOOK_OWNER,
        table="playbook_performance",
        reference=rows.playbook_id + " | " + rows.segment,
    )


def _thresholds(threshold_advice: ir.Table) -> ir.Table:
    """Return the advised threshold with the highest certain value; of equal ones the lowest."""
    rows = threshold_advice.filter(threshold_advice.is_advised)
    best = rows.mutate(
        place=ibis.row_number().over(
            ibis.window(order_by=[ibis.desc(rows.net_value_change_low), rows.confidence_threshold])
        )
    )
    best = best.filter(best.place == 0)
    threshold = best.confidence_threshold.cast("string")
    return _steps(
        best,
        REVIEW_THRESHOLD,
        subject=ibis.literal("intervention_confidence_threshold"),
        why=ibis.literal("in hindsight worth ")
        + best.net_value_change.cast("string")
        + " more than the threshold in force, at least "
        + best.net_value_change_low.cast("string")
        + ", over "
        + best.decided_otherwise.cast("string")
        + " runs decided otherwise",
        owner=POLICY_OWNER,
        table="threshold_advice",
        reference=threshold,
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
        kind=_text(kind),
        subject=subject,
        segment=ibis.null("string") if segment is None else segment,
        why=why,
        owner=_text(owner),
        revenue_at_risk=ibis.null("float64") if money is None else money,
        reference_table=ibis.literal(table),
        reference=reference,
    )


def _text(words: str | ir.StringValue) -> ir.StringValue:
    return ibis.literal(words) if isinstance(words, str) else words
