"""Other values for the policy of people."""

from typing import Any

PEOPLE_VALUES: dict[str, Any] = {
    # A handoff of the sample has waited for 87 hours.
    "lifecycle.people.accept_hours": 100,
}
