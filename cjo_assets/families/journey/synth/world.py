"""World of generated journeys: segments, stages, playbooks and their probabilities; values in `default_world.py`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cjo_assets.core.contract import ANY_SEGMENT
from cjo_assets.policy import NO_STAGE, Policy
from cjo_assets.synth.columns import Numbers
from cjo_assets.synth.made import WorldError


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
        distress_share: of a customer's weeks that are bad weeks, drawn for each week [0-1].
        distress_factor: on the chance of bad moves in a bad week; quiet weeks have so much less that the mean holds.
        distress_signals: factor on the signals in a bad week.
        distress_negative_share: of the signals of a bad week [0-1].
        positive_types: types of positive signals, equally likely.
        automated_share: of signals that no person reported [0-1].
        act_share: of fitting signals that led to an action [0-1].
        answered_share, approved_share: of the requests that were answered, and of the answers that approved [0-1].
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
    first_stage: str
    bands: tuple[int, ...]
    distress_share: float
    distress_factor: float
    distress_signals: float
    distress_negative_share: float
    positive_types: tuple[str, ...]
    automated_share: float
    act_share: float
    answered_share: float
    approved_share: float
    measured_share: float
    override_share: float
    spontaneous_success: float
    effect_weeks: int
    contact_pause_days: int
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
        weekly: segment x stage of the world x week in it (the last represents all later) x next stage [0-1].
        is_good, is_bad: which next stages are recoveries, and which are trouble.
    """

    segments: tuple[str, ...]
    stages: tuple[str, ...]
    weekly: Numbers
    is_good: Numbers
    is_bad: Numbers


def chances_of(world: World, policy: Policy) -> Chances:
    """Return the weekly chances of untreated customers.

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
