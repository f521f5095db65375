"""KPI and ROI values that count interventions, each with the columns of `kpi_evidence` that have its facts.

The check of `kpi_evidence` adds up these facts; `cjo why` and the SQL macros list them for a customer.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.evidence_grades import ASSUMPTION
from cjo_assets.core.expressions.tables import long_rows
from cjo_assets.families.journey.value._kpi_facts import CONSISTENCY, INTERVENTION_KPIS, RETENTION_REVENUE
from cjo_assets.families.journey.value._roi_components import API_CALLS, PLAYBOOK_COST, RETAINED_REVENUE, REVIEW_TIME

KPIS, ROI = "journey.kpis", "journey.roi_breakdown"
RETENTION_GRADE, RETAINED_GRADE = f"{RETENTION_REVENUE}_grade", f"{RETAINED_REVENUE}_grade"


@dataclass(frozen=True)
class Cell:
    """A KPI, or a component of the ROI, that counts interventions.

    Attributes:
        table: the published table that has its value.
        name: KPI or component.
        counted: column that is null where an intervention is not counted.
        added: column of what an intervention adds to the numerator or quantity; None where it has no part in a sum.
        grade: column of the evidence grade; None for a KPI, and for a component that is an assumption.
        is_record: whether each intervention is one record; otherwise it has as many as it adds.
    """

    table: str
    name: str
    counted: str
    added: str | None
    grade: str | None = None
    is_record: bool = True


CELLS = (
    *(Cell(KPIS, kpi, counted=kpi, added=kpi) for kpi in INTERVENTION_KPIS),
    # A quotient of rates of channels, not of sums.
    Cell(KPIS, CONSISTENCY, counted=CONSISTENCY, added=None),
    Cell(KPIS, RETENTION_REVENUE, counted=RETENTION_GRADE, added=RETENTION_REVENUE),
    Cell(ROI, PLAYBOOK_COST, counted=PLAYBOOK_COST, added=PLAYBOOK_COST),
    Cell(ROI, REVIEW_TIME, counted=REVIEW_TIME, added=REVIEW_TIME, is_record=False),
    Cell(ROI, API_CALLS, counted=API_CALLS, added=API_CALLS),
    Cell(ROI, RETAINED_REVENUE, counted=RETAINED_GRADE, added=RETAINED_REVENUE, grade=RETAINED_GRADE),
)
COUNTED = tuple(cell.counted for cell in CELLS)


def contributions(kpi_evidence: ir.Table) -> ir.Table:
    """Return one row per intervention and cell that counts it, with its records and what it adds."""
    parts = [
        {
            "table_name": ibis.literal(cell.table),
            "cell": ibis.literal(cell.name),
            "evidence_grade": _grade(kpi_evidence, cell),
            "is_counted": kpi_evidence[cell.counted].notnull(),
            "records": ibis.literal(1.0) if cell.is_record else kpi_evidence[cell.counted],
            "adds": ibis.null("float64") if cell.added is None else kpi_evidence[cell.added],
        }
        for cell in CELLS
    ]
    rows = long_rows(kpi_evidence, ("customer_id", "intervention_id"), parts)
    return rows.filter(rows.is_counted).drop("is_counted")


def contributions_of(customer: str, day: str) -> str:
    """Return a query for `contributions` of a customer on a day, both given as SQL."""
    return f"""SELECT intervention_id, table_name, cell, evidence_grade, adds FROM (
            SELECT intervention_id, unnest([{", ".join(_structs())}], recursive := TRUE)
            FROM journey.kpi_evidence WHERE as_of = {day} AND customer_id = {customer}
        ) AS cells WHERE is_counted ORDER BY ALL"""


def _grade(kpi_evidence: ir.Table, cell: Cell) -> ir.StringValue:
    if cell.grade is not None:
        return kpi_evidence[cell.grade]
    return ibis.literal(ASSUMPTION) if cell.table == ROI else ibis.null("string")


def _structs() -> Iterator[str]:
    for cell in CELLS:
        grade = cell.grade or (f"'{ASSUMPTION}'" if cell.table == ROI else "NULL")
        yield (
            f"{{'table_name': '{cell.table}', 'cell': '{cell.name}', 'evidence_grade': {grade}, "
            f"'is_counted': {cell.counted} IS NOT NULL, 'adds': {cell.added or 'NULL'}}}"
        )
