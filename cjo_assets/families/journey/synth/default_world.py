"""The world of generated data: every number that is true of it.

Belongs here: values. Does not belong here: what they mean (`world.py`).

These are facts of an invented market, not rules: a policy must be able to differ from them, or nothing could show
whether the platform finds them.
"""

from cjo_assets.core.contract import ANY_SEGMENT
from cjo_assets.synth.world import Playbook, Segment, Stage, World


def default_world() -> World:
    """Return the world of generated data."""
    return World(
        segments={
            "SMB": Segment(0.60, 9_000.0, 0.6, recovery=0.9, trouble=1.5),
            "Mid-Market": Segment(0.28, 40_000.0, 0.5, recovery=1.0, trouble=1.0),
            "Enterprise": Segment(0.12, 120_000.0, 0.5, recovery=1.1, trouble=0.7),
        },
        stages={
            "onboarding": Stage(
                {"engagement": 0.25},
                (0.3, 0.8, 1.3, 1.2, 0.8, 0.6),
                (1.0,) * 6,
                1.6,
                0.50,
                ("failed_onboarding_step", "low_product_usage", "inactivity_warning", "negative_sentiment"),
            ),
            "engagement": Stage(
                {"support": 0.045, "retention": 0.05, "churned": 0.004},
                (0.2, 0.5, 0.8, 1.0, 1.2, 1.4),
                (0.5, 0.7, 0.8, 1.0, 1.2, 1.5),
                1.0,
                0.35,
                ("usage_drop", "inactivity_warning", "low_product_usage", "negative_sentiment"),
            ),
            "support": Stage(
                {"retention": 0.26, "escalation": 0.07, "churned": 0.012},
                (0.8, 1.3, 1.1, 0.8, 0.5, 0.4),
                (0.5, 0.9, 1.2, 1.3, 1.4, 1.5),
                2.2,
                0.60,
                ("support_ticket_spike", "repeat_support_tickets", "support_satisfaction_low", "negative_sentiment"),
            ),
            "retention": Stage(
                {"support": 0.03, "churned": 0.004},
                (1.0,) * 6,
                (0.5, 0.6, 0.8, 1.0, 1.1, 1.2),
                0.6,
                0.25,
                ("usage_drop", "negative_sentiment", "inactivity_warning"),
            ),
            "escalation": Stage(
                {"support": 0.16, "retention": 0.14, "churned": 0.05},
                (0.7, 1.2, 1.2, 0.8, 0.5, 0.4),
                (0.6, 1.0, 1.2, 1.4, 1.5, 1.6),
                2.6,
                0.70,
                ("negative_sentiment", "support_satisfaction_low", "repeat_support_tickets", "support_ticket_spike"),
            ),
        },
        playbooks=_playbooks(),
        first_stage="onboarding",
        bands=(0, 1, 2, 4, 8, 13),
        distress_share=0.2,
        distress_factor=3.0,
        distress_signals=3.0,
        distress_negative_share=0.92,
        positive_types=("positive_sentiment", "renewal_intent", "usage_recovery"),
        automated_share=0.85,
        act_share=0.5,
        answered_share=0.95,
        approved_share=0.8,
        measured_share=0.9,
        override_share=0.06,
        spontaneous_success=0.35,
        effect_weeks=4,
        contact_pause_days=28,
    )


def _playbooks() -> tuple[Playbook, ...]:
    """Return ten playbooks; triage and follow-up are rivals for the same customers, and one of them is better."""
    anyone, larger = (ANY_SEGMENT,), ("Mid-Market", "Enterprise")
    tickets = ("repeat_support_tickets", "support_ticket_spike", "support_satisfaction_low")
    return (
        Playbook(
            "SYN_PB_ONB_1", "Guided start", "onboarding", anyone, ("failed_onboarding_step", "low_product_usage"),
            "guided_start_email", False, 8.0, (100.0, 600.0), {ANY_SEGMENT: 0.10}, 1.2, 1.0,
        ),
        Playbook(
            "SYN_PB_ONB_2", "Onboarding specialist", "onboarding", larger,
            ("failed_onboarding_step", "negative_sentiment"), "specialist_session", True, 280.0, (2_000.0, 9_000.0),
            {ANY_SEGMENT: 0.28, "Enterprise": 0.35}, 1.5, 1.0, "SYN_PB_ONB_1",
        ),
        Playbook(
            "SYN_PB_ENG_1", "Usage nudge", "engagement", anyone,
            ("inactivity_warning", "low_product_usage", "usage_drop"), "usage_nudge_email", False, 5.0, (50.0, 400.0),
            {ANY_SEGMENT: 0.05}, 1.15, 0.95,
        ),
        Playbook(
            "SYN_PB_ENG_2", "Value review", "engagement", larger, ("usage_drop", "negative_sentiment"),
            "value_review_call", False, 160.0, (500.0, 4_000.0), {ANY_SEGMENT: 0.20}, 1.6, 0.7, "SYN_PB_ENG_1",
        ),
        Playbook(
            "SYN_PB_SUP_1", "Ticket triage", "support", anyone, tickets, "priority_ticket_triage_run", False, 70.0,
            (300.0, 1_500.0), {ANY_SEGMENT: 0.05}, 1.1, 0.95,
        ),
        Playbook(
            "SYN_PB_SUP_2", "Personal follow-up", "support", anyone, tickets, "personal_followup_call", False, 80.0,
            (300.0, 1_500.0), {ANY_SEGMENT: 0.30, "SMB": 0.27}, 1.6, 0.6,
        ),
        Playbook(
            "SYN_PB_RET_1", "Health check", "retention", anyone, ("usage_drop", "inactivity_warning"),
            "account_health_check", False, 120.0, (800.0, 5_000.0), {ANY_SEGMENT: 0.15}, 1.0, 0.7,
        ),
        Playbook(
            "SYN_PB_RET_2", "Loyalty offer", "retention", ("SMB",), ("usage_drop", "negative_sentiment"),
            "loyalty_offer", True, 260.0, (200.0, 1_200.0), {ANY_SEGMENT: -0.05}, 1.0, 1.0, "SYN_PB_RET_1",
        ),
        Playbook(
            "SYN_PB_ESC_1", "Escalation desk", "escalation", anyone,
            ("negative_sentiment", "support_satisfaction_low", "repeat_support_tickets"), "escalation_desk_call", False,
            200.0, (1_500.0, 6_000.0), {ANY_SEGMENT: 0.12}, 1.3, 0.8,
        ),
        Playbook(
            "SYN_PB_ESC_2", "Executive sponsor", "escalation", larger, ("negative_sentiment", "support_ticket_spike"),
            "executive_sponsor_call", True, 700.0, (6_000.0, 20_000.0), {ANY_SEGMENT: 0.25}, 1.8, 0.5, "SYN_PB_ESC_1",
        ),
    )  # fmt: skip
