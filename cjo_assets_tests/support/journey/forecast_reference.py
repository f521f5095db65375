"""Churn within the horizon by numpy, from weekly probabilities as arrays; many sets of them at once."""

from typing import Any

import numpy as np

from cjo_assets_tests.support.rows import POLICY, Rows

RULES = POLICY.journey.forecast
BINS = list(RULES.time_bins_weeks)
LAST_WEEK = BINS[-1]
WEEKS = -(-RULES.horizon_days // 7)
TERMINAL = list(POLICY.vocabulary.terminal_stages)
STAGES = [stage for stage in POLICY.vocabulary.stages if stage not in TERMINAL]
NEXT_STAGES = [*STAGES, *TERMINAL]
BIN_OF_WEEK = [max(place for place, start in enumerate(BINS) if start <= week) for week in range(LAST_WEEK + 1)]
Array = np.ndarray[Any, Any]


def posterior(model: Rows, segment: str) -> tuple[Array, Array]:
    """Return the Dirichlet parameters of each stage and bin: those of the moves, and the sum with that of staying."""
    moves = np.zeros((len(STAGES), len(BINS), len(NEXT_STAGES)))
    total = np.zeros((len(STAGES), len(BINS)))
    for row in model:
        if row["segment"] == segment:
            place = STAGES.index(row["journey_stage"]), BINS.index(row["from_week"])
            believed = RULES.prior_weeks * row["prior_probability"]
            moves[*place, NEXT_STAGES.index(row["next_stage"])] = row["transitions"] + believed
            total[place] = row["observed_weeks"] + RULES.prior_weeks
    return moves, total


def draws(moves: Array, total: Array, number: int, seed: int) -> Array:
    """Return weekly probabilities drawn from the posterior: Dirichlet, independent from bin to bin."""
    parameters = np.concatenate([moves, (total - moves.sum(axis=2))[..., None]], axis=2)
    drawn = np.random.default_rng(seed).gamma(np.broadcast_to(parameters, (number, *parameters.shape)))
    return np.asarray((drawn / drawn.sum(axis=-1, keepdims=True))[..., :-1])


def churn(weekly: Array) -> Array:
    """Return churn within the horizon of each set of weekly probabilities, by stage and week in it.

    A move falls in the middle of its week. The half week that is left may take the customer further; if not, it ends
    between the first week of the next stage and its second.
    """
    count = len(STAGES)
    ahead = np.zeros((len(weekly), count + 1, LAST_WEEK + 1))
    ahead[:, count] = 1
    for _ in range(WEEKS):
        half = weekly[:, :, 0, :] / 2
        paused = (ahead[:, :count, 0] + ahead[:, :count, min(1, LAST_WEEK)]) / 2
        entered = np.einsum("dnm,dm->dn", half, ahead[:, :, 0]) + (1 - half.sum(axis=2)) * paused
        entered = np.concatenate([entered, np.ones((len(weekly), 1))], axis=1)
        before = ahead.copy()
        for week in range(LAST_WEEK + 1):
            chance = weekly[:, :, BIN_OF_WEEK[week], :]
            stayed = (1 - chance.sum(axis=2)) * ahead[:, :count, min(week + 1, LAST_WEEK)]
            before[:, :count, week] = stayed + np.einsum("dsn,dn->ds", chance, entered)
        ahead = before
    return ahead[:, :count]


def deviations(moves: Array, total: Array, step: float = 1e-6) -> Array:
    """Return the standard deviation of churn by stage and week, from derivatives by small steps."""
    mean = moves / total[..., None]
    variance = np.zeros((len(STAGES), LAST_WEEK + 1))
    for stage, start in np.ndindex(len(STAGES), len(BINS)):
        places = np.nonzero(moves[stage, start])[0]
        slopes = []
        for place in places:
            pair = np.stack([mean, mean])
            pair[:, stage, start, place] += [step, -step]
            more, less = churn(pair)
            slopes.append((more - less) / (2 * step))
        chances, slopes_by_move = mean[stage, start, places][:, None, None], np.array(slopes)
        squares = (chances * slopes_by_move**2).sum(axis=0) - (chances * slopes_by_move).sum(axis=0) ** 2
        variance += squares / (total[stage, start] + 1)
    return np.asarray(np.sqrt(variance))
