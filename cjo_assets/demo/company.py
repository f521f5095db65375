"""The invented company of the demonstration: its size, its dates, and how its world differs from the default ones.

The values are no policy: a policy may differ from them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from cjo_assets.families.journey.synth.default_world import default_world
from cjo_assets.families.journey.synth.world import World
from cjo_assets.families.lifecycle.synth.world import LifecycleWorld, Wave, default_lifecycle_world
from cjo_assets.families.marketing.synth.world import MarketingWorld, Segment, default_marketing_world

SEED = 7
LAST_DAY = date(2026, 3, 31)
CUSTOMERS, CAMPAIGNS = 400, 12
# The longest contract has begun two years ago; the oldest campaign has ended for some weeks.
WEEKS, CAMPAIGN_WEEKS = 104, 14
# Few enough that a customer whose use does not fall shows two alarms in 90 days by chance only.
SIGNALS_PER_CUSTOMER = 3.0
CONVERSATIONS, TICKETS = 80.0, 6.0
# Included conversations of each limited plan [per month], of which most clients use more than the share that is little.
INCLUDED_CONVERSATIONS = {"starter": 10, "growth": 15}
# Share of days with use: on nearly all of them, so that two weeks differ where use falls, not by chance.
ACTIVE_DAY_SHARE = 0.95

# Chance of a move in a quiet week, by stage: most customers leave a stage within its typical duration.
MOVES = {
    "engagement": {"support": 0.06, "retention": 0.14, "churned": 0.004},
    "retention": {"support": 0.08, "churned": 0.004},
}

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
    world = default_lifecycle_world()
    return replace(
        world,
        names=customer_names(),
        plans=tuple(
            replace(plan, conversations=INCLUDED_CONVERSATIONS.get(plan.name, plan.conversations))
            for plan in world.plans
        ),
        active_day_share=ACTIVE_DAY_SHARE,
        wave=WAVE,
        decline_share=0.06,
        decline_days=DECLINE_DAYS,
        churn_after_decline=CHURN_AFTER_DECLINE,
        churn_delay=CHURN_DELAY,
        recovery_delay=RECOVERY_DELAY,
        # A journey ends when a client leaves, and does not begin again.
        return_share=0.0,
    )


def journey_world() -> World:
    """Return the default journeys, with fewer customers beyond the typical duration of their stage."""
    world = default_world()
    moved = {name: replace(stage, moves=MOVES.get(name, stage.moves)) for name, stage in world.stages.items()}
    return replace(world, stages=moved)


def marketing_world() -> MarketingWorld:
    """Return the default market with the segments of the customers and with named campaigns."""
    return replace(default_marketing_world(), segments=AUDIENCES, names=CAMPAIGN_NAMES)
