"""Weekly probabilities of moving from stage to stage.

One row per as-of date, segment, non-terminal stage, bin of weeks in the stage and next stage. The probability is that
of moving to the next stage in any one week of the bin, given that the customer is still there when the week begins;
1 minus the sum of a bin is the probability of staying. Counts and the policy's prior are combined by their weight in
customer-weeks (a Dirichlet prior): with ten customers the prior dominates, with a million the counts.
"""

import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.intervals import beta_interval
from cjo_assets.core.expressions.numbers import RATE_DECIMALS, rounded
from cjo_assets.families.journey.forecast._spells import fitted_model, spells
from cjo_assets.policy import Policy


class TransitionModel(DatedContract):
    """Weekly probability of each move. One row per as-of date, segment, stage, bin of weeks in it and next stage."""

    segment: str = key("Market segment.", words="segments")
    journey_stage: str = key("Stage the customer is in.", words="stages")
    from_week: int = key("First week in the stage that the bin holds [weeks, 0 = the first 7 days].", ge=0)
    until_week: int = column(
        "First week after the bin [weeks]; null for the last bin, which has no end.", nullable=True
    )
    next_stage: str = key("Stage entered next; the same stage where it was entered again.", words="stages")
    observed_weeks: int = column("Weeks of the bin that are over, stayed through or ended in [customer-weeks].", ge=0)
    censored_weeks: int = column("Weeks of the bin under way on the as-of date, not counted [customer-weeks].", ge=0)
    transitions: int = column("Of the observed weeks, those that ended in this next stage [customer-weeks].", ge=0)
    prior_probability: float = column("The policy's belief [0-1 per week].", ge=0, le=1)
    weekly_probability: float = column(
        "(transitions + prior_weeks x belief) / (observed + prior_weeks) [0-1 per week].", decimals=12, ge=0, le=1
    )
    probability_low: float = column("Lower end of its interval, of the policy's level [0-1].", decimals=6, ge=0, le=1)
    probability_high: float = column("Upper end of its interval [0-1].", decimals=6, ge=0, le=1)
    prior_weight: float = column(
        "Share of the belief in the probability [0-1, 1 = nothing observed].", decimals=6, ge=0, le=1
    )


def transition_model(customers: ir.Table, state_entries: ir.Table, as_of: ir.DateScalar, policy: Policy) -> ir.Table:
    """Estimate every move from the log by the as-of date and the policy's prior.

    The interval is that of the posterior: a single probability of a Dirichlet distribution has a Beta distribution.
    """
    rules = policy.journey.forecast
    model = fitted_model(spells(customers, state_entries, as_of, policy), [as_of], policy)
    chance = model.weekly_probability
    low, high = beta_interval(chance, model.observed_weeks + rules.prior_weeks, rules.interval_level)
    return model.mutate(probability_low=low, probability_high=high)


@check(blocking=True)
def cells_beyond_certainty(transition_model: ir.Table) -> ir.Table:
    """Return bins whose probabilities exceed 1, or in which more weeks ended than were observed."""
    cells = transition_model.group_by("segment", "journey_stage", "from_week").agg(
        moves=transition_model.transitions.sum(),
        observed_weeks=transition_model.observed_weeks.max(),
        probability=rounded(transition_model.weekly_probability.sum(), RATE_DECIMALS),
    )
    return cells.filter((cells.probability > 1) | (cells.moves > cells.observed_weeks))
