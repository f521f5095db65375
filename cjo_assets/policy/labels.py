"""Labels of values in reports and on the terminal, and the currency of amounts."""

from __future__ import annotations

from cjo_assets.policy.base import Section


class LabelsPolicy(Section):
    """Words that people read instead of values of the tables.

    Attributes:
        currency: currency of the amounts of families whose rules do not name one.
        words: label of each value, wherever it occurs.
        columns: labels of values that have another meaning in a column, by the name of the column.
    """

    currency: str
    words: dict[str, str]
    columns: dict[str, dict[str, str]]

    def of(self, column: str, value: str) -> str:
        """Return the label of a value of a column; a value without one has spaces instead of underscores."""
        return self.columns.get(column, {}).get(value) or self.words.get(value) or value.replace("_", " ")
