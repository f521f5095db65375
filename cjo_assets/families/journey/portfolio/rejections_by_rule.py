"""Rejected rows by rule.

One row per as-of date, dataset and rule that rows of the current files broke. A row that broke two rules counts in
both; `audit.dataset_loads` counts the rejected rows of a dataset. Rows dated after the as-of date are left out, rows
without a readable date are not.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.personal import Personal


class RejectionsByRule(DatedContract):
    """Rejected rows, by rule. One row per as-of date, dataset and broken rule."""

    dataset: str = key("Dataset.")
    rule: str = key("Rule that the rows broke.")
    rejected_rows: int = column("Rows that broke it [rows, down = better].", ge=1)
    customers: int = column("Customers these rows claim to be about, known or not [customers].", ge=0)
    example_customer_id: str = column(
        "First by name of these customers, as written; null where no row names one.",
        nullable=True,
        personal=Personal("customer", is_example=True),
    )


def rejections_by_rule(as_of: ir.DateScalar, **quarantined: ir.Table) -> ir.Table:
    """Count the rows that broke each rule.

    Args:
        as_of: rows dated later are left out.
        quarantined: the rejected rows of every dataset.
    """
    columns = ("dataset", "customer_id", "record_date", "broken_rules")
    rejected = ibis.union(*(rows.select(*columns) for rows in quarantined.values()))
    rejected = rejected.filter(rejected.record_date.isnull() | (rejected.record_date <= as_of))
    broken = rejected.select("dataset", "customer_id", rule=rejected.broken_rules.unnest())
    return broken.group_by("dataset", "rule").agg(
        rejected_rows=broken.count(),
        customers=broken.customer_id.nunique(),
        example_customer_id=broken.customer_id.min(),
    )
