"""The invented company of the demonstration: its size, its dates, and how its world differs from the default ones.

The values are no policy: a policy may differ from them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from cjo_assets.families.lifecycle.synth.world import LifecycleWorld, Wave, default_lifecycle_world
from cjo_assets.families.marketing.synth.world import MarketingWorld, Segment, default_marketing_world

SEED = 7
LAST_DAY = date(2026, 3, 31)
CUSTOMERS, CAMPAIGNS = 400, 12
# The longest contract has begun two years ago; the oldest campaign has ended for some weeks.
WEEKS, CAMPAIGN_WEEKS = 104, 14
SIGNALS_PER_CUSTOMER = 20.0
CONVERSATIONS, TICKETS = 40.0, 12.0

# Segment of the journey by plan of the lifecycle, from the smallest.
SEGMENT_OF_PLAN = {"starter": "SMB", "growth": "Mid-Market", "enterprise": "Enterprise"}
# Share of bad weeks while the use of a client falls, and until it returns.
DISTRESS_SHARE = 0.7

# The decline begins 10 to 6 weeks before the last day; the use of those who stay returns 25 to 40 days later.
WAVE = Wave(share=0.18, days_before_end=(70, 45))
RECOVERY_DELAY = (25, 40)
DECLINE_DAYS, CHURN_DELAY, CHURN_AFTER_DECLINE = 25, (15, 40), 0.35

FIRST_WORDS = (
    "Alder", "Amber", "Aspen", "Beacon", "Birch", "Cedar", "Cobalt", "Coral", "Delta", "Ember",
    "Falcon", "Granite", "Harbor", "Juniper", "Kestrel", "Lumen", "Maple", "Northgate", "Orchard", "Pioneer",
)  # fmt: skip
SECOND_WORDS = (
    "Analytics", "Bank", "Clinics", "Energy", "Foods", "Freight", "Goods", "Health", "Insurance", "Labs",
    "Legal", "Logistics", "Media", "Motors", "Outfitters", "Robotics", "Systems", "Telecom", "Travel", "Works",
)  # fmt: skip
CAMPAIGN_NAMES = (
    "Spring upgrade", "Security webinar", "Welcome back", "Partner referral", "New year, new plan", "Migration offer",
    "Feature tour", "Annual billing", "Enterprise roundtable", "Trial extension", "Peer benchmark report",
    "Voice assistant launch",
)  # fmt: skip
AUDIENCES = (
    Segment(name="SMB", priority="high", size=120_000, click_factor=1.0),
    Segment(name="Mid-Market", priority="high", size=26_000, click_factor=1.1),
    Segment(name="Enterprise", priority="medium", size=18_000, click_factor=0.8),
    Segment(name="Trial users", priority="low", size=60_000, click_factor=0.7),
)


def customer_names() -> tuple[str, ...]:
    """Return names of organizations, each once."""
    first, second = len(FIRST_WORDS), len(SECOND_WORDS)
    return tuple(
        f"{FIRST_WORDS[place % first]} {SECOND_WORDS[(place + place // first) % second]}"
        for place in range(first * second)
    )


def lifecycle_world() -> LifecycleWorld:
    """Return the default clients, of whom some decline together and nearly all the others stay."""
    return replace(
        default_lifecycle_world(),
        names=customer_names(),
        wave=WAVE,
        decline_share=0.06,
        decline_days=DECLINE_DAYS,
        churn_after_decline=CHURN_AFTER_DECLINE,
        churn_delay=CHURN_DELAY,
        recovery_delay=RECOVERY_DELAY,
        # A journey ends when a client leaves, and does not begin again.
        return_share=0.0,
    )


def marketing_world() -> MarketingWorld:
    """Return the default market with the segments of the customers and with named campaigns."""
    return replace(default_marketing_world(), segments=AUDIENCES, names=CAMPAIGN_NAMES)
