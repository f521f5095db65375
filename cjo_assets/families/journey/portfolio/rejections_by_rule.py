"""What was turned away, and why.

One row per as-of date, dataset and rule that rows of the present files broke. A row that broke two rules stands in
both: the rows of a dataset that were turned away are counted in `audit.dataset_loads`. Rows dated after the as-of date
are left out, rows whose date cannot be read are not.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.personal import Personal


class RejectionsByRule(DatedContract):
    """Rows turned away, by rule. One row per as-of date, dataset and broken rule."""

    dataset: str = key("Dataset.")
    rule: str = key("Rule that the rows broke.")
    rejected_rows: int = column("Rows that broke it [rows, down = better].", ge=1)
    customers: int = column("Customers these rows claim to be about, known or not [customers].", ge=0)
    example_customer_id: str = column(
        "First by name of these customers, as written; null where no row names one.",
        nullable=True,
        personal=Personal("customer", is_example=True),
    )


def rejections_by_rule(as_of: date, **quarantined: ir.Table) -> ir.Table:
    """Count the rows that broke each rule.

    Args:
        as_of: rows dated later are not yet known.
        quarantined: the rows turned away of every dataset.
    """
    columns = ("dataset", "customer_id", "record_date", "broken_rules")
    rows = ibis.union(*(rows.select(*columns) for rows in quarantined.values()))
    rows = rows.filter(rows.record_date.isnull() | (rows.record_date <= as_of))
    rows = rows.select("dataset", "customer_id", rule=rows.broken_rules.unnest())
    return rows.group_by("dataset", "rule").agg(
        rejected_rows=rows.count(), customers=rows.customer_id.nunique(), example_customer_id=rows.customer_id.min()
    )
