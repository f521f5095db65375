"""Tenancy: expressions that find rows of one organization that refer to a record of another.

`customer_id` is the tenant of a row. Rows that refer to another tenant's record are rejected by the dataset, and every
table with a `customer_id` has a blocking check with `rows_of_no_organization`.
"""

import ibis.expr.types as ir

from cjo_assets.core.expressions.keys import is_key_in

TENANT = "customer_id"


def is_unknown(rows: ir.Table, organizations: ir.Table) -> ir.BooleanValue:
    """Return whether a row names an organization that is not in the file; false where it names none."""
    return rows[TENANT].notin(organizations[TENANT]).fill_null(False)


def is_of_another(rows: ir.Table, record: ir.Value, records: ir.Table, key: str) -> ir.BooleanValue:
    """Return whether a value names a record that belongs to another organization.

    Args:
        rows: the rows, with the column `customer_id`.
        record: the value of each row that names a record.
        records: the records; those without `customer_id` belong to all.
        key: their key column.
    """
    is_owned, is_own = ownership(rows, record, records, key)
    return is_owned & ~is_own


def ownership(rows: ir.Table, record: ir.Value, records: ir.Table, key: str) -> tuple[ir.BooleanValue, ir.BooleanValue]:
    """Return whether any organization owns the record that a value names, and whether that of the row does."""
    owned = records.filter(records[TENANT].notnull())
    is_owned, is_own = record.isin(owned[key]), is_key_in([rows[TENANT], record], owned, [TENANT, key])
    return is_owned.fill_null(False), is_own.fill_null(False)


def shared_keys(rows: ir.Table, *key: str) -> ir.Table:
    """Return the keys that rows of several organizations have."""
    named = rows.filter(rows[TENANT].notnull())
    return named.group_by(list(key)).having(lambda row: row[TENANT].min() != row[TENANT].max()).agg()


def without_organization(table: ir.Table, organizations: ir.Table) -> ir.Table:
    """Return the rows of a table whose organization is not in the file."""
    return table.filter(is_unknown(table, organizations))
