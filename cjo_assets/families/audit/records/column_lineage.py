"""Column lineage: the source columns of every column.

One row per column, source column and kind. Computed from the statements that computed the tables.
"""

from cjo_assets.core.contract import Contract, TextList, column, key


class ColumnLineage(Contract):
    """What every column follows from, by the last statement. One row per column, source column and kind."""

    table_name: str = key("Table, with its schema.")
    column_name: str = key("Its column.")
    source_table: str = key("Table it follows from, with its schema; itself where it reads its own earlier days.")
    source_column: str = key("Column of that table.")
    kind: str = key(
        "direct: the value is computed from the source; indirect: the source decides which rows there are, or how they "
        "are grouped or ordered.",
        isin=["direct", "indirect"],
    )
    roles: TextList = column(
        "What the source is used for: value; or filter, join, group, order (of a limit), window, distinct, set, unnest."
    )
