"""Picture of value, cost and net benefit as a waterfall."""

from __future__ import annotations

from cjo_assets.core.expressions.evidence_grades import VALUE
from cjo_assets.core.expressions.numbers import HALF_A_CENT
from cjo_assets.reporting.document import Cited, Picture, Record
from cjo_assets.reporting.first_screen import FEWEST_POINTS
from cjo_assets.reporting.palette import COST, NET


def waterfall(net: Cited, parts: list[Record]) -> list[Picture]:
    """Return the picture of value, cost and net benefit, the largest parts first; none where few parts are known.

    Args:
        net: the net benefit.
        parts: components with kind, amount and evidence grade; a component without an amount has no bar.
    """
    bars = []
    reached = 0.0
    known = [part for part in parts if abs(part.row["amount"] or 0.0) >= HALF_A_CENT]
    for part in sorted(known, key=lambda part: (part.row["kind"] != VALUE, -abs(part.row["amount"]))):
        is_value = part.row["kind"] == VALUE
        amount = part.row["amount"] if is_value else -part.row["amount"]
        bars.append(
            {
                "label": ("" if is_value else "less ") + part.show("component", "words").text,
                "figure": part.show("amount", "money").text,
                "start": reached,
                "end": reached + amount,
                "grade": part.row["evidence_grade"] if is_value else COST,
                "word": part.show("evidence_grade", "words").text if is_value else COST,
            }
        )
        reached += amount
    bars.append({"label": NET, "figure": net.text, "start": 0.0, "end": net.value, "grade": NET, "word": NET})
    if len(bars) < FEWEST_POINTS:
        return []
    description = (
        "Value comes first in the colour of its evidence, then the costs are subtracted, each the largest first. "
        "Components that are not measurable are in the table only."
    )
    data = {"parts": [bar | {"place": place} for place, bar in enumerate(bars)]}
    return [Picture("roi_waterfall", "From value to net benefit", (description,), data)]
