"""Picture of value, cost and net benefit as a waterfall."""

from __future__ import annotations

from cjo_assets.core.expressions.evidence_grades import VALUE
from cjo_assets.core.expressions.numbers import HALF_A_CENT
from cjo_assets.reporting.document import Cited, Picture, Record
from cjo_assets.reporting.palette import NET
from cjo_assets.reporting.text import words


def waterfall(net: Cited, parts: list[Record]) -> Picture:
    """Return the picture of value, cost and net benefit.

    Args:
        net: the net benefit.
        parts: components with kind, amount and evidence grade; a component without an amount has no bar.
    """
    bars = []
    reached = 0.0
    known = [part for part in parts if abs(part.row["amount"] or 0.0) >= HALF_A_CENT]
    for part in sorted(known, key=lambda part: part.row["kind"] != VALUE):
        is_value = part.row["kind"] == VALUE
        amount = part.row["amount"] if is_value else -part.row["amount"]
        bars.append(
            {
                "label": ("" if is_value else "less ") + part.show("component", "words").text,
                "figure": part.show("amount", "money").text,
                "start": reached,
                "end": reached + amount,
                "grade": words(part.row["evidence_grade"]),
            }
        )
        reached += amount
    bars.append({"label": NET, "figure": net.text, "start": 0.0, "end": net.value, "grade": NET})
    description = (
        "Value comes first and costs are subtracted; the colour of a bar is its evidence grade. "
        "Components that are not measurable are in the table only."
    )
    data = {"parts": [bar | {"place": place} for place, bar in enumerate(bars)]}
    return Picture("roi_waterfall", "From value to net benefit", (description,), data)
