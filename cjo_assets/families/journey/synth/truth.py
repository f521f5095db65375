"""True parameters of generated journeys, computed from the world's probabilities without any draw."""

from __future__ import annotations

from typing import Any

import numpy as np

from cjo_assets.families.journey.synth.model import Model
from cjo_assets.families.journey.synth.world import Chances, Playbook, World
from cjo_assets.policy import Policy
from cjo_assets.synth.columns import DAYS_PER_WEEK, Numbers

DECIMALS = 6
# A week in the stage ends on one of its days; the first week not on the day of entry itself.
FIRST_WEEK_DAYS = DAYS_PER_WEEK - 1


def truth_document(model: Model, policy: Policy) -> dict[str, Any]:
    """Return the true parameters of the data, as the content of the truth file."""
    world, chances = model.world, model.chances
    return {
        "bands": [
            {"from_week": start, "until_week": end}
            for start, end in zip(world.bands, (*world.bands[1:], None), strict=True)
        ],
        "weekly_probabilities": _weekly_probabilities(world, chances),
        "churn": _churn(world, chances, policy.journey.forecast.horizon_days),
        "playbooks": [_playbook(world, playbook) for playbook in world.playbooks],
        "treatment": _treatment(world, chances),
        "signals": _signals(model),
    }


def _weekly_probabilities(world: World, chances: Chances) -> list[dict[str, Any]]:
    return [
        {"segment": segment, "journey_stage": stage, "from_week": start, "next_stage": end, "probability": chance}
        for i, segment in enumerate(chances.segments)
        for j, stage in enumerate(world.stages)
        for start in world.bands
        for k, end in enumerate(chances.stages)
        if (chance := float(chances.weekly[i, j, start, k])) > 0
    ]


def _churn(world: World, chances: Chances, horizon: int) -> dict[str, Any]:
    weeks = -(-horizon // DAYS_PER_WEEK)
    by_weeks, by_days = churn_by_weeks(chances, weeks), churn_by_days(chances, horizon)
    return {
        "horizon_days": horizon,
        "horizon_weeks": weeks,
        "by_weeks": "every move takes the whole week it falls in, as in a model that counts weeks",
        "by_days": "every move on its day, as in the data",
        "probabilities": [
            {
                "segment": segment,
                "journey_stage": stage,
                "week_in_stage": week,
                "by_weeks": round(float(by_weeks[i, j, week]), DECIMALS),
                "by_days": round(float(by_days[i, j, week]), DECIMALS),
            }
            for i, segment in enumerate(chances.segments)
            for j, stage in enumerate(world.stages)
            for week in range(chances.weekly.shape[2])
        ],
    }


def _playbook(world: World, playbook: Playbook) -> dict[str, Any]:
    return {
        "playbook_id": playbook.playbook_id,
        "journey_stage": playbook.journey_stage,
        "success_probability": {
            segment: world.success_probability(playbook, segment) for segment in filter(playbook.is_for, world.segments)
        },
        "recovery_factor": playbook.recovery_factor,
        "trouble_factor": playbook.trouble_factor,
    }


def _treatment(world: World, chances: Chances) -> dict[str, Any]:
    return {
        "has_effect": world.has_effect,
        "spontaneous_success": world.spontaneous_success,
        "recovery_stages": [name for name, good in zip(chances.stages, chances.is_good, strict=True) if good],
        "trouble_stages": [name for name, bad in zip(chances.stages, chances.is_bad, strict=True) if bad],
        "effect_weeks": world.effect_weeks,
        "effect": "in the stage's weeks after the week of a decision that was carried out, so many of them, the "
        "weekly probability of entering a recovery stage is multiplied by recovery_factor, of a trouble stage by "
        "trouble_factor",
    }


def _signals(model: Model) -> dict[str, Any]:
    world = model.world
    return {
        "stages": [
            {
                "journey_stage": name,
                "per_quiet_week": round(float(model.signal_rate[j]), DECIMALS),
                "negative_share": stage.negative_share,
                "negative_types": sorted(stage.negative_types),
            }
            for j, (name, stage) in enumerate(world.stages.items())
        ],
        "positive_types": sorted(world.positive_types),
        "automated_share": world.automated_share,
        "distress": _distress(world),
    }


def churn_by_weeks(chances: Chances, weeks: int) -> Numbers:
    """Return the chance to be gone after so many weeks, by segment, stage and weeks in it that are over.

    By recursion: with one week more to go, a customer moves and begins the next stage, or stays and is a week older.
    """
    segments, stages, bands, ends = chances.weekly.shape
    stay = 1 - chances.weekly.sum(axis=3)
    gone = np.zeros((segments, stages, bands))
    for _ in range(weeks):
        on_entry = np.ones((segments, ends))
        on_entry[:, :stages] = gone[:, :, 0]
        older = np.concatenate([gone[:, :, 1:], gone[:, :, -1:]], axis=2)
        gone = np.einsum("ijbk,ik->ijb", chances.weekly, on_entry) + stay * older
    return gone


def churn_by_days(chances: Chances, days: int) -> Numbers:
    """Return the chance to be gone within so many days, with every move on its day.

    The same recursion by days, from the last day of a week that is over, or from the day of entry. A move in a week
    falls on each of its days alike.
    """
    segments, stages, bands, ends = chances.weekly.shape
    oldest = (bands - 1) * DAYS_PER_WEEK + days
    week = np.minimum(np.arange(1, oldest + 2) // DAYS_PER_WEEK, bands - 1)
    day_of_week = np.arange(1, oldest + 2) % DAYS_PER_WEEK
    is_first = np.arange(1, oldest + 2) < DAYS_PER_WEEK
    length = np.where(is_first, FIRST_WEEK_DAYS, DAYS_PER_WEEK)
    passed = np.where(is_first, day_of_week - 1, day_of_week)
    share = chances.weekly[:, :, week, :] / length[:, None]
    hazard = share / (1 - share.sum(axis=3, keepdims=True) * passed[:, None])
    stay = 1 - hazard.sum(axis=3)
    # gone[age]: still in the stage at the end of the day of that age, so many days to go.
    gone = np.zeros((segments, stages, oldest + 1))
    for _ in range(days):
        on_entry = np.ones((segments, ends))
        on_entry[:, :stages] = gone[:, :, 0]
        older = np.concatenate([gone[:, :, 1:], gone[:, :, -1:]], axis=2)
        gone = np.einsum("ijak,ik->ija", hazard, on_entry) + stay * older
    start = np.maximum(np.arange(bands) * DAYS_PER_WEEK - 1, 0)
    return gone[:, :, start]


def _distress(world: World) -> dict[str, float]:
    return {
        "share_of_weeks": world.distress_share,
        "trouble_factor": world.distress_factor,
        "trouble_factor_of_quiet_weeks": round(world.quiet_factor, DECIMALS),
        "signal_factor": world.distress_signals,
        "negative_share": world.distress_negative_share,
    }
