"""The world behind generated data: every number that is true of it.

Belongs here: the true probabilities, rates and effects, and what contradicts a policy. Does not belong here: drawing
from them (`journeys.py`) or writing them down (`truth.py`).

These are facts of an invented market, not rules: a policy must be able to differ from them, or nothing could show
whether the platform finds them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cjo_assets.policy import NO_STAGE, Policy
from cjo_assets.shared.contract import ANY_SEGMENT

Numbers = np.ndarray
DAYS_PER_WEEK = 7


class WorldError(Exception):
    """A world that cannot be, or that the policy has no words for."""


@dataclass(frozen=True)
class Segment:
    """A market segment.

    Attributes:
        share: of all customers [0-1].
        median_value, value_spread: account values are log-normal [currency; standard deviation of the logarithm].
        recovery, trouble: factors on the chances of the good and of the bad moves.
    """

    share: float
    median_value: float
    value_spread: float
    recovery: float
    trouble: float


@dataclass(frozen=True)
class Stage:
    """A stage customers can leave again.

    Attributes:
        moves: chance to enter each next stage in a week of the plain stage [0-1 per week].
        good_shape, bad_shape: factors on the good and the bad moves, one per band of weeks in the stage.
        signal_rate: signals per week, relative to the other stages.
        negative_share: of its signals, in a quiet week [0-1].
        negative_types: types of its negative signals, equally likely.
    """

    moves: dict[str, float]
    good_shape: tuple[float, ...]
    bad_shape: tuple[float, ...]
    signal_rate: float
    negative_share: float
    negative_types: tuple[str, ...]


@dataclass(frozen=True)
class Playbook:
    """A playbook and what it truly does.

    Attributes:
        success_lift: added to the chance of success without any help, per segment in which it differs from All.
        recovery_factor, trouble_factor: on the weekly chances of good and bad moves of a treated customer.
    """

    playbook_id: str
    name: str
    journey_stage: str
    eligible_segments: tuple[str, ...]
    trigger_signals: tuple[str, ...]
    action: str
    approval_required: bool
    cost: float
    value_range: tuple[float, float]
    success_lift: dict[str, float]
    recovery_factor: float
    trouble_factor: float
    fallback: str | None = None
    risk_threshold: float = 0.3

    def is_for(self, segment: str) -> bool:
        """Return whether the segment is eligible."""
        return ANY_SEGMENT in self.eligible_segments or segment in self.eligible_segments


@dataclass(frozen=True)
class World:
    """Everything that is true.

    Attributes:
        bands: first week in the stage of each band [weeks]; the last has no end.
        distress_share: of a customer's weeks that are bad weeks, drawn anew each week [0-1].
        distress_factor: on the chance of bad moves in a bad week; quiet weeks have so much less that the mean holds.
        distress_signals: factor on the signals in a bad week.
        distress_negative_share: of the signals of a bad week [0-1].
        positive_types: types of positive signals, equally likely.
        automated_share: of signals that no person reported [0-1].
        act_share: of fitting signals that somebody acted upon [0-1].
        answered_share, approved_share: of the requests that were answered, and of the answers that said yes [0-1].
        measured_share: of what was carried out that has an outcome in the end [0-1].
        override_share: of the outcomes a person overrode [0-1].
        spontaneous_success: chance of a good outcome without any help [0-1].
        effect_weeks: full weeks in the stage after the decision's in which a treatment works [weeks].
        contact_pause_days: between two decisions for one customer [days].
        has_effect: whether playbooks do anything.
    """

    segments: dict[str, Segment]
    stages: dict[str, Stage]
    playbooks: tuple[Playbook, ...]
    first_stage: str = "onboarding"
    bands: tuple[int, ...] = (0, 1, 2, 4, 8, 13)
    distress_share: float = 0.2
    distress_factor: float = 3.0
    distress_signals: float = 3.0
    distress_negative_share: float = 0.92
    positive_types: tuple[str, ...] = ("positive_sentiment", "renewal_intent", "usage_recovery")
    automated_share: float = 0.85
    act_share: float = 0.5
    answered_share: float = 0.95
    approved_share: float = 0.8
    measured_share: float = 0.9
    override_share: float = 0.06
    spontaneous_success: float = 0.35
    effect_weeks: int = 4
    contact_pause_days: int = 28
    has_effect: bool = True

    @property
    def quiet_factor(self) -> float:
        """Factor on the chance of bad moves in a quiet week."""
        return (1 - self.distress_share * self.distress_factor) / (1 - self.distress_share)

    def success_probability(self, playbook: Playbook, segment: str) -> float:
        """Return the true chance that a use succeeds [0-1]."""
        lift = playbook.success_lift.get(segment, playbook.success_lift[ANY_SEGMENT])
        return round(self.spontaneous_success + (lift if self.has_effect else 0.0), 6)

    def without_effect(self) -> World:
        """Return the same world in which no playbook does anything."""
        idle = tuple(replace(playbook, recovery_factor=1.0, trouble_factor=1.0) for playbook in self.playbooks)
        return replace(self, playbooks=idle, has_effect=False)


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


def require_words(world: World, policy: Policy) -> None:
    """Refuse a world that the policy has no words for, or whose customers move as the policy does not allow.

    Raises:
        WorldError: naming everything that is amiss.
    """
    rules, words = policy.journey, policy.vocabulary
    allowed = {(start, end) for start, ends in rules.evaluation.transitions.items() for end in ends}
    allowed |= {(start, end) for start, ends in rules.evaluation.re_entries.items() for end in ends}
    moves = {(name, end) for name, stage in world.stages.items() for end in stage.moves}
    moves.add((NO_STAGE, world.first_stage))
    types = {name for stage in world.stages.values() for name in stage.negative_types} | set(world.positive_types)
    unknown = {
        "segments": set(world.segments) - set(words.segments),
        "stages": (set(world.stages) | {end for _, end in moves}) - set(words.stages),
        "transitions": {f"{start} to {end}" for start, end in moves - allowed},
        "signal types": types - set(rules.signals.catalogue),
        "lasting stages": set(words.terminal_stages) & set(world.stages),
    }
    faults = [f"{what}: {', '.join(sorted(names))}" for what, names in unknown.items() if names]
    if not {outcome for outcome in words.outcomes if outcome not in rules.learning.success_outcomes}:
        faults.append("outcomes: none is left for what failed")
    if faults:
        raise WorldError(f"The policy does not know what the generated world is made of: {'; '.join(faults)}.")


@dataclass(frozen=True)
class Chances:
    """The weekly chances as arrays; every axis in the order of its names.

    Attributes:
        stages: all stages; those of the world first, then those without return.
        weekly: segment x stage of the world x week in it (the last stands for all later) x next stage [0-1].
        is_good, is_bad: which next stages are recoveries, and which are trouble.
    """

    segments: tuple[str, ...]
    stages: tuple[str, ...]
    weekly: Numbers
    is_good: Numbers
    is_bad: Numbers


def chances_of(world: World, policy: Policy) -> Chances:
    """Return the weekly chances of customers whom nobody treats.

    Raises:
        WorldError: a chance would exceed 1 in a bad week of a treated customer.
    """
    ends = sorted({end for stage in world.stages.values() for end in stage.moves} - set(world.stages))
    stages = (*world.stages, *ends)
    forecast = policy.journey.forecast
    good, bad = set(forecast.recovery_stages), {*forecast.escalation_stages, *policy.vocabulary.terminal_stages}
    is_good = np.array([stage in good for stage in stages])
    is_bad = np.array([stage in bad for stage in stages])
    band = np.searchsorted(world.bands, np.arange(world.bands[-1] + 1), side="right") - 1
    weekly = np.zeros((len(world.segments), len(world.stages), len(band), len(stages)))
    for i, segment in enumerate(world.segments.values()):
        for j, stage in enumerate(world.stages.values()):
            for end, chance in stage.moves.items():
                k = stages.index(end)
                shape = stage.bad_shape if is_bad[k] else stage.good_shape if is_good[k] else (1.0,) * len(world.bands)
                factor = segment.trouble if is_bad[k] else segment.recovery if is_good[k] else 1.0
                weekly[i, j, :, k] = np.round(chance * factor * np.array(shape)[band], 6)
    most = np.ones((len(world.stages), len(stages)))
    for playbook in world.playbooks:
        j = stages.index(playbook.journey_stage)
        most[j] = np.maximum(most[j], np.where(is_bad, playbook.trouble_factor, playbook.recovery_factor))
    most = np.where(is_bad, most * world.distress_factor, np.where(is_good, most, 1.0))
    if (weekly * most[:, None, :]).sum(axis=-1).max() > 1 or world.quiet_factor < 0:
        raise WorldError("The chances of a week sum to more than 1 for a treated customer in a bad week.")
    return Chances(tuple(world.segments), stages, weekly, is_good, is_bad)
