"""Decisions of message experiments: collect, continue, promote, or what prevents one.

One row per as-of date and experiment. A promotion is a choice, not a proof: the shares of variants follow the results,
and only a difference to a control of fixed share is a lift. The first decision that applies is taken: invalid,
infeasible, collect, promote_pending, promote, continue.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from cjo_assets.core.checks import check
from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.core.expressions.days import days_after
from cjo_assets.core.expressions.numbers import SCORE_DECIMALS
from cjo_assets.core.expressions.tables import first_per, lookup
from cjo_assets.families.lifecycle.experiments._arms import EXPERIMENT, arms
from cjo_assets.families.lifecycle.inputs.variant_results import COHORTS
from cjo_assets.policy.lifecycle import LifecyclePolicy

INVALID, INFEASIBLE, COLLECT, CONTINUE = "invalid", "infeasible", "collect", "continue"
PROMOTE, PROMOTE_PENDING = "promote", "promote_pending"
DECISIONS = [INVALID, INFEASIBLE, COLLECT, PROMOTE_PENDING, PROMOTE, CONTINUE]


class VariantDecisions(DatedContract):
    """What follows from the results of an experiment. One row per as-of date and experiment."""

    experiment_id: str = key("Experiment.")
    cohort: str = column("Cohort of the experiment.", isin=COHORTS)
    variants: int = column("Variants with results [variants].", ge=1)
    dropped: int = column("Variants that get no further exposure [variants]; null: invalid.", ge=0, nullable=True)
    decision: str = column(
        "What follows: invalid, infeasible, collect, promote_pending, promote or continue.", isin=DECISIONS
    )
    leader: str = column("Variant with the highest p_best; null: invalid.", nullable=True)
    leader_p_best: float = column(
        "Its probability of being the best [0-1]; null: invalid.", ge=0, le=1, nullable=True, decimals=SCORE_DECIMALS
    )
    exposures_missing: int = column(
        "Exposures that the leader and its rivals lack together [exposures]; null: invalid.", ge=0, nullable=True
    )
    exposures_per_day: float = column(
        "Mean exposures of all variants on the days with results [exposures per day].", ge=0, decimals=2
    )
    eta_days: int = column(
        "Days until no exposure is missing, at this pace [days]; null: invalid, or without exposures.",
        ge=0, nullable=True,
    )  # fmt: skip
    first_day: date = column("First day with results.")
    last_day: date = column("Last day with results.")


def variant_decisions(
    variant_posteriors: ir.Table, variant_results: ir.Table, as_of: ir.DateScalar, policy: LifecyclePolicy
) -> ir.Table:
    """Return the decision of each experiment with results."""
    rules = policy.experiments
    rows = variant_posteriors
    is_rival = (~rows.is_dropped).fill_null(False)
    missing = is_rival.ifelse(ibis.greatest(rules.minimum_exposures - rows.exposures, 0), 0)
    found = rows.group_by(EXPERIMENT).agg(
        cohort=rows.cohort.min(),
        variants=rows.count(),
        dropped=rows.is_dropped.cast("int64").sum(),
        exposures_missing=missing.sum(),
        is_invalid=rows.p_best.isnull().any(),
    )
    leaders = first_per(rows, EXPERIMENT, [ibis.desc("p_best"), "variant_id"])
    found = lookup(found, leaders, EXPERIMENT, leader="variant_id", leader_p_best="p_best")
    found = lookup(found, _pace(variant_results, as_of), EXPERIMENT)
    nothing = ibis.null("int64")
    exposures_missing = found.is_invalid.ifelse(nothing, found.exposures_missing)
    eta_days = (exposures_missing / found.exposures_per_day.nullif(0.0)).ceil().cast("int64")
    eta_days = (exposures_missing == 0).ifelse(0, eta_days)
    can_promote = found.leader_p_best >= rules.confidence
    winner = PROMOTE if rules.auto_promote else PROMOTE_PENDING
    decision = ibis.cases(
        (found.is_invalid, INVALID),
        ((eta_days > rules.longest_days).fill_null(exposures_missing > 0), INFEASIBLE),
        (exposures_missing > 0, COLLECT),
        (can_promote, winner),
        else_=CONTINUE,
    )
    return found.mutate(
        dropped=found.is_invalid.ifelse(nothing, found.dropped),
        leader=found.is_invalid.ifelse(ibis.null("string"), found.leader),
        exposures_missing=exposures_missing,
        eta_days=eta_days,
        decision=decision,
    ).drop("is_invalid")


def _pace(variant_results: ir.Table, as_of: ir.DateScalar) -> ir.Table:
    """Return exposures per day with results, and the first and last of these days."""
    rows = variant_results.filter(variant_results.result_date < days_after(as_of, 1))
    return rows.group_by(EXPERIMENT).agg(
        exposures_per_day=rows.exposures.sum() / rows.result_date.nunique(),
        first_day=rows.result_date.min(),
        last_day=rows.result_date.max(),
    )


@check(blocking=True)
def experiments_without_decision(
    variant_decisions: ir.Table, variant_results: ir.Table, as_of: ir.DateScalar
) -> ir.Table:
    """Return experiments with results that have no decision."""
    found = arms(variant_results, as_of).select(EXPERIMENT).distinct()
    return found.anti_join(variant_decisions, EXPERIMENT)
