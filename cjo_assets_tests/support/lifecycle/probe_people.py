"""Other values for the policy of people."""

from typing import Any

PEOPLE_VALUES: dict[str, Any] = {
    # A handoff of the sample has waited for 87 hours, and a person is offline for 247.
    "lifecycle.people.accept_hours": 100,
    "lifecycle.people.absent_hours": 300,
    # Two tickets are older.
    "lifecycle.people.window_days": 10,
    "lifecycle.people.minimum_answers": 1,
}
