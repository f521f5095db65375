"""Rows and other values for the policy of operation, for what does not happen in the sample."""

from typing import Any

OPERATION_VALUES: dict[str, Any] = {
    # C004 has used four fifths of what may be down.
    "lifecycle.sla.budget_at_risk": 0.9,
    "lifecycle.models.cheap": "large",
}
