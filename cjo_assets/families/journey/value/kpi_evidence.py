"""Interventions behind the KPIs and the ROI.

One row per as-of date and intervention that a KPI or a component of the ROI counts. Each of these has a column with
what the intervention adds to its numerator or quantity, null where it does not count the intervention. The columns are
those that `kpis` and `roi_breakdown` add up, so their sums are the published values. One row per intervention keeps the
table as long as `outcome_analyses`; one row per value would make it fourteen times as long.

KPIs of signals, stage entries and datasets, and comparisons with a baseline, count no interventions: their rows are
those of `signal_labels`, `state_entries`, the datasets and `baseline_comparisons`.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, any_of, column, key
from cjo_assets.core.expressions.evidence_grades import EVIDENCE_GRADES
from cjo_assets.core.expressions.kpi import PROXY
from cjo_assets.core.expressions.numbers import HALF_A_CENT
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.families.journey.learning._channel_consistency import established_runs
from cjo_assets.families.journey.value._evidence_cells import (
    CELLS,
    COUNTED,
    KPIS,
    RETAINED_GRADE,
    RETENTION_GRADE,
    ROI,
    contributions,
)
from cjo_assets.families.journey.value._kpi_facts import (
    CONSISTENCY,
    INTERVENTION_KPIS,
    PRECISION,
    RETENTION_REVENUE,
    intervention_facts,
)
from cjo_assets.families.journey.value._roi_components import (
    API_CALLS,
    PLAYBOOK_COST,
    RETAINED_REVENUE,
    REVIEW_TIME,
    prices,
)
from cjo_assets.families.journey.value._roi_facts import executions, retained_revenue, reviewers
from cjo_assets.policy import Policy

CELL = ("table_name", "cell", "evidence_grade")
# Sums of the same numbers in another order differ by less than this share of them.
ROUNDING = 1e-10


class KpiEvidence(DatedContract):
    """What interventions add to KPIs and ROI. One row per as-of date and intervention that one of them counts."""

    customer_id: str = key("Customer.", personal="customer")
    intervention_id: str = key("Intervention.", personal="intervention")
    signal_detection_precision: float = column(
        "1 = something had to be done, 0 = not; null where it was not executed and measured, or signals have labels.",
        nullable=True,
        ge=0,
        le=1,
    )
    average_latency_ms: float = column("Time taken [milliseconds]; null where not recorded.", nullable=True)
    human_escalation_frequency: float = column("1 = needed a person, 0 = not.", nullable=True, ge=0, le=1)
    human_override_rate: float = column(
        "1 = overridden by a person, 0 = not; null where the outcome does not state it.", nullable=True, ge=0, le=1
    )
    average_resolution_time_days: float = column("Days to resolution [days]; null where not resolved.", nullable=True)
    proactive_interventions_ratio: float = column(
        "1 = made before support was needed, 0 = later; null where not executed.", nullable=True, ge=0, le=1
    )
    csat_delta_average: float = column(
        "Change of customer satisfaction [points], up = better; null where not measured.", nullable=True
    )
    nps_delta_average: float = column(
        "Change of the Net Promoter Score [points], up = better; null where not measured.", nullable=True
    )
    experience_consistency_score: float = column(
        "1 = success, 0 = not; null where the channel has no established experience, or no other channel has.",
        nullable=True,
        ge=0,
        le=1,
    )
    retention_revenue_preserved: float = column(
        "Retained revenue as far as the policy credits it [currency]; null where it is unknown.", nullable=True
    )
    retention_revenue_preserved_grade: str = column(
        "Evidence for it; null where not counted.", nullable=True, isin=EVIDENCE_GRADES
    )
    playbook_cost: float = column(
        "Cost of one use [currency]; null where unknown, or not executed in the ROI window.", nullable=True
    )
    human_review_time: float = column(
        "People who answered the request in the ROI window [reviews]; null where none.", nullable=True, ge=1
    )
    api_calls: float = column("1 = executed in the ROI window; null where not.", nullable=True, ge=1, le=1)
    retained_revenue: float = column(
        "Revenue retained by a use in the ROI window [currency]: by a comparison, else as recorded; null where it "
        "is unknown.",
        nullable=True,
    )
    retained_revenue_grade: str = column(
        "Evidence for it; null where not counted.", nullable=True, isin=EVIDENCE_GRADES
    )


def kpi_evidence(
    outcome_analyses: ir.Table,
    approval_decisions: ir.Table,
    treatment_effects: ir.Table,
    kpis: ir.Table,
    roi_breakdown: ir.Table,
    as_of: ir.DateScalar,
    policy: Policy,
) -> ir.Table:
    """Join what each intervention adds to the KPIs and to the ROI."""
    facts = intervention_facts(outcome_analyses, policy)
    rows = facts.select("customer_id", "intervention_id", *INTERVENTION_KPIS)
    runs = established_runs(outcome_analyses, policy)
    executed = executions(outcome_analyses, as_of, policy)
    people = reviewers(outcome_analyses, approval_decisions, as_of, policy)
    parts = (
        runs.select("intervention_id", runs.has_succeeded.cast("float64").name(CONSISTENCY)),
        executed.select("intervention_id", executed.cost.name(PLAYBOOK_COST), ibis.literal(1.0).name(API_CALLS)),
        people.group_by("intervention_id").agg(people.count().cast("float64").name(REVIEW_TIME)),
        _revenue(retained_revenue(executed, treatment_effects), roi_breakdown, policy),
    )
    for part in parts:
        rows = lookup(rows, part, "intervention_id")
    rows = _of_published_kpis(rows, kpis)
    return rows.filter(any_of(rows[name].notnull() for name in COUNTED))


@check(blocking=True)
def values_that_differ_from_their_evidence(kpi_evidence: ir.Table, kpis: ir.Table, roi_breakdown: ir.Table) -> ir.Table:
    """Return KPIs and ROI components that are not the sum of what the interventions add."""
    found = contributions(kpi_evidence)
    both = ibis.union(found.select(*CELL, "records", "adds"), _published(kpis, roi_breakdown))
    sums = both.group_by(*CELL).agg(
        records=both.records.sum(), gap=both.adds.sum().fill_null(0.0).abs(), size=both.adds.abs().sum().fill_null(0.0)
    )
    # Each grade of the retained revenue is rounded to a cent, every other value to six places.
    rounding = (sums.cell == RETENTION_REVENUE).ifelse(len(EVIDENCE_GRADES) * HALF_A_CENT, 0.0)
    is_wrong = (sums.records != 0) | (sums.gap > 1e-6 + rounding + ROUNDING * sums["size"])
    return sums.filter(is_wrong).select(*CELL, more_records_than_published="records", gap="gap")


def _revenue(retained: ir.Table, roi_breakdown: ir.Table, policy: Policy) -> ir.Table:
    """Return the columns of retained revenue; the KPI counts no grade whose amount is unknown."""
    parts = roi_breakdown.filter(roi_breakdown.component == RETAINED_REVENUE, roi_breakdown.amount.notnull())
    graded = lookup(retained, parts.select("evidence_grade", counted_grade="evidence_grade"), "evidence_grade")
    credited = graded.counted_grade.notnull().ifelse(
        graded.retained * prices(policy.journey.roi)[RETAINED_REVENUE], ibis.null("float64")
    )
    return graded.select(
        "intervention_id",
        credited.name(RETENTION_REVENUE),
        graded.counted_grade.name(RETENTION_GRADE),
        graded.retained.name(RETAINED_REVENUE),
        graded.evidence_grade.name(RETAINED_GRADE),
    )


def _of_published_kpis(rows: ir.Table, kpis: ir.Table) -> ir.Table:
    """Set what KPIs count to null where the published KPI has no value, or has one of labels."""
    measured = _measured(kpis)
    columns = {cell.name: {cell.counted, cell.added or cell.counted} for cell in CELLS if cell.table == KPIS}
    flags = {f"has_{kpi}": (measured.kpi == kpi).any().fill_null(False) for kpi in columns}
    flagged = rows.cross_join(measured.agg(**flags))
    kept = {
        name: flagged[f"has_{kpi}"].ifelse(flagged[name], ibis.null(flagged[name].type()))
        for kpi, names in columns.items()
        for name in sorted(names)
    }
    return flagged.mutate(**kept).drop(*flags)


def _measured(kpis: ir.Table) -> ir.Table:
    """Return the published KPIs with a value that count interventions."""
    names = [cell.name for cell in CELLS if cell.table == KPIS]
    is_of_interventions = kpis.kpi.isin(names) & ((kpis.kpi != PRECISION) | (kpis.basis == PROXY))
    return kpis.filter(kpis.n > 0, is_of_interventions)


def _published(kpis: ir.Table, roi_breakdown: ir.Table) -> ir.Table:
    """Return the negative records and sums of the published values that count interventions."""
    measured = _measured(kpis)
    adds_up = measured.kpi.isin([cell.name for cell in CELLS if cell.added is not None])
    components = roi_breakdown.filter(
        roi_breakdown.records > 0, roi_breakdown.component.isin([cell.name for cell in CELLS if cell.table == ROI])
    )
    return ibis.union(
        measured.select(
            table_name=ibis.literal(KPIS),
            cell="kpi",
            evidence_grade=ibis.null("string"),
            records=-measured.n.cast("float64"),
            adds=adds_up.ifelse(-measured.numerator, ibis.null("float64")),
        ),
        components.select(
            table_name=ibis.literal(ROI),
            cell="component",
            evidence_grade="evidence_grade",
            records=-components.records.cast("float64"),
            adds=-components.quantity,
        ),
    )
