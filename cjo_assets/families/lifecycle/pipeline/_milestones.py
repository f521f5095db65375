"""Milestones of a deal in their order, from signup to handover, and the events that reach them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Milestone:
    """A milestone of a deal.

    Attributes:
        name: name of the milestone; its instant is the column `<name>_at`.
        event: type of the event that reaches it; empty for the signup, which is no event.
        about: word that the event must have; any if empty.
        is_of_deal: whether the event names the deal; otherwise it is one of the customer's newest deal at its instant.
    """

    name: str
    event: str = ""
    about: str = ""
    is_of_deal: bool = True

    @property
    def column(self) -> str:
        """Column of its instant."""
        return f"{self.name}_at"


SIGNED_UP, REQUIREMENTS_VALIDATED = "signed_up", "requirements_validated"
PRD_APPROVED, CONFIG_DEPLOYED = "prd_approved", "config_deployed"
MILESTONES = (
    Milestone(SIGNED_UP),
    Milestone("researched", "research_completed"),
    Milestone(REQUIREMENTS_VALIDATED, "requirements_validated"),
    Milestone("demo", "demo_delivered"),
    Milestone("pilot", "pilot_agreed"),
    Milestone("nda", "nda_signed"),
    Milestone("prd_started", "prd_started"),
    Milestone(PRD_APPROVED, "prd_approved"),
    Milestone("pricing_approved", "pricing_approved"),
    Milestone("proposal_signed", "proposal_signed"),
    Milestone(CONFIG_DEPLOYED, "config_deployed", "production", is_of_deal=False),
    Milestone("handed_over", "handoff_accepted", "success_manager", is_of_deal=False),
)
NAMES = [milestone.name for milestone in MILESTONES]
NEW, ITERATION = "new", "iteration"
KINDS = [NEW, ITERATION]
