"""Message that accompanies an intervention: its figures, and the text that the rules write.

It is a draft for the person who carries out the intervention; no message is sent.
"""

from __future__ import annotations

from typing import Any

from cjo_assets.reporting.summary import Figure
from cjo_assets.reporting.text import shown

Row = dict[str, Any]

STATES = "journey.journey_states"


def intervention_figures(intervention: Row) -> tuple[Figure, ...]:
    """Return the figures that a message may use.

    Args:
        intervention: `state_entered_at` and `days_in_state` of its customer.
    """
    since, days = intervention["state_entered_at"], intervention["days_in_state"]
    return (
        Figure("in_stage_since", shown(since), f"{STATES}/state_entered_at", "day the customer entered the stage"),
        Figure("days_in_stage", shown(days), f"{STATES}/days_in_state", "whole days in the stage [days]"),
    )


def intervention_words(intervention: Row) -> dict[str, str]:
    """Return the subject of a message in the words of the sources.

    Args:
        intervention: segment, stage, playbook and action.
    """
    names = ("segment", "journey_stage", "playbook_name", "recommended_action")
    return {name: str(intervention[name]) for name in names}


def rule_based_message(intervention: Row) -> str:
    """Return the message that needs no language model."""
    since, days = (figure.text for figure in intervention_figures(intervention))
    words = {name: text.replace("_", " ") for name, text in intervention_words(intervention).items()}
    unit = "day" if intervention["days_in_state"] == 1 else "days"
    return (
        f"You have been in {words['journey_stage']} since {since}, {days} {unit} by now. "
        f"As a next step we offer: {words['recommended_action']} ({words['playbook_name']})."
    )
