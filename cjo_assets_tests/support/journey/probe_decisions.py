"""Inputs of decisions in the probe: earlier contacts, expensive and delicate playbooks, all approval routes."""

from typing import Any

LATE: tuple[Any, ...] = (("failed_onboarding_step", 0.9, 3, "automated"),)
LOUD: tuple[Any, ...] = (
    ("support_ticket_spike", 0.82, 4, "automated"),
    ("negative_sentiment", 0.67, 3, "automated"),
)

CASES: tuple[tuple[Any, ...], ...] = (
    # name, stage, days, previous, tenure, value, CRM tier, signals
    # Severity per day rises by 18 %: between half the margin of the trend and the margin.
    ("trend", "retention", 30, "engagement", 20, 5000, None,
     (("usage_drop", 0.28, 3, "automated"), ("usage_drop", 0.78, 15, "automated"))),
    # Critical, without a playbook, and worth more than a customer who is only monitored.
    ("stuck", "engagement", 60, "onboarding", 20, 100000, None, ()),
    # A person is called who must be an executive, by the value alone.
    ("stuck_rich", "engagement", 60, "onboarding", 20, 160000, None, ()),
    ("contact_open", "onboarding", 20, None, 5, 12000, None, LOUD),
    ("contact_many", "onboarding", 20, None, 5, 12000, None, LOUD),
    ("contact_past", "onboarding", 20, None, 5, 12000, None, LOUD),
    ("contact_refused", "onboarding", 20, None, 5, 12000, None, LOUD),
    # Confident enough to act, and not to act unasked; what is used for it costs nothing.
    ("unsure", "retention", 100, "engagement", 20, 5000, None,
     (("support_satisfaction_low", 0.9, 3, "manual"), ("negative_sentiment", 0.7, 2, "manual"))),
    # A manager's by its tier alone.
    ("worst_tier", "onboarding", 40, None, 1, 45000, None,
     (*LOUD, ("repeat_support_tickets", 0.9, 2, "automated"), ("usage_drop", 0.9, 2, "automated"),
      ("support_satisfaction_low", 0.9, 1, "automated"))),
    # An executive's by its cost alone.
    ("dear", "support", 20, "engagement", 6, 5000, None,
     (("inactivity_warning", 0.9, 3, "automated"), ("usage_drop", 0.9, 2, "automated"))),
)  # fmt: skip

PLAYBOOKS: tuple[tuple[Any, ...], ...] = (
    # id, stage, segments, triggers, risk threshold, action, needs approval, cost, value, status
    ("P_RET_3", "retention", ("All",), ("support_satisfaction_low",), 0.3, "thank_you", False, 0, (20000, 30000),
     "active"),
    ("P_SUP_3", "support", ("All",), ("inactivity_warning",), 0.1, "site_visit", False, 1000, (60000, 90000),
     "active"),
)  # fmt: skip

HISTORY: tuple[tuple[str, str, str, str, bool, int], ...] = (
    # id, case, stage, action, needs approval, age in days
    # Never measured: open for 30 days, and not to be repeated for 30.
    ("H21", "contact_open", "onboarding", "onboarding_call", False, 40),
    *((f"H3{number}", "contact_many", "retention", "health_check", False, age)
      for number, age in enumerate((5, 10, 15))),
    *((f"H4{number}", "contact_past", "retention", "health_check", False, age)
      for number, age in enumerate((10, 20, 45))),
    ("H51", "contact_refused", "support", "manager_followup", True, 20),
    *((f"H6{number}", "contact_refused", "support", "manager_followup", True, 60 + number) for number in range(4)),
)  # fmt: skip

DECISIONS = (
    # intervention, decision, age in days of the answer, category
    ("H51", "rejected", 19, "wrong_customer"),
    ("H60", "rejected", 59, "bad_timing"),
    ("H61", "rejected", 60, "too_expensive"),
    ("H62", "rejected", 61, "wrong_playbook"),
    ("H63", "rejected", 62, "other"),
)

# A word for a missing value instead of a name: the answer does not count.
NAMELESS = ("H51", "approved", 19)

OUTCOMES = tuple(
    # intervention, outcome, resolution [days], CSAT, revenue, overridden, age in days
    (name, "no_response", None, 0, 0, False, 4)
    for name in ("H30", "H31", "H32", "H40", "H41", "H42")
)

# Signals as a source describes them that normalises, weighs and adjusts by itself.
DESCRIBED_SIGNALS: tuple[dict[str, float | str], ...] = (
    {"normalized_strength": 0.95},
    {"risk_weight": 0.6},
    {"segment_adjustment": 0.5},
    {"source": "derived"},
)
