"""Decomposition of score changes into their causes.

One row per customer and score: the change between two days as the sum of the parts of time, data, policy, missing data
and code.

Four states are computed by the transforms of the tables, each one step further than the last:

    start   the first day, as published
    timed   the last day with the records and the policy of the first: only time has passed
    dated   the last day with its own records, still with the policy of the first
    end     the last day, as published

Time is the change from start to timed, data from timed to dated, policy from dated to end. In each step, changes of a
factor that became unknown, or known, count as missing data instead. If a run had different code, its day is recomputed
with the present code, and the difference is the part of the code.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import Contract, column, key
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, rounded
from cjo_assets.core.expressions.tables import lookup, merged
from cjo_assets.core.questions import ScoreChanges
from cjo_assets.families.journey.questions._raw_rows import records
from cjo_assets.families.journey.risk.risk_scores import SCORES

EXPLAINED = ("overall_risk_score", "decision_risk")
CAUSES = {
    "time": "the days that passed",
    "data": "new and corrected records",
    "policy": "the policy",
    "missing_data": "factors that became known or unknown",
    "code": "the code",
}
COMPARED, CAME, LEFT = "compared", "came", "left"
TOLERANCE = 1e-9
# The states in order; recomputed start and end are the published ones if the code is the same.
STATES = ("start", "start_now", "timed", "dated", "end_now", "end")
KEY = ("customer_id", "score")


class RiskChanges(Contract):
    """The change of each score between two days, by cause. One row per customer and score."""

    customer_id: str = key("Customer.", personal="customer")
    segment: str = column("Market segment on the last day; on the first if no longer a customer.", words="segments")
    score: str = key("Score explained, a column of risk_scores.", isin=list(EXPLAINED))
    presence: str = column("compared; came or left: scored on one of the days only.", isin=[COMPARED, CAME, LEFT])
    before: float = column("Score on the first day [0-1, up = worse]; null: not scored.", ge=0, le=1, nullable=True)
    after: float = column("Score on the last day [0-1, up = worse]; null: not scored.", ge=0, le=1, nullable=True)
    change: float = column("After less before; null unless compared.", nullable=True)
    time: float = column("Part of the change due to time alone.", nullable=True)
    data: float = column("Part of the change due to new or corrected records.", nullable=True)
    policy: float = column("Part of the change due to the policy.", nullable=True)
    missing_data: float = column("Part of the change due to factors that became unknown, or known.", nullable=True)
    code: float = column("Part of the change due to code; 0 if it is the same.", nullable=True)


def risk_changes(scores: dict[str, ir.Table], contributions: dict[str, ir.Table], segments: ir.Table) -> ir.Table:
    """Decompose the change of each score.

    Args:
        scores: `risk_scores` of each state.
        contributions: `risk_contributions` of each state.
        segments: customer_id and segment.
    """
    long = {state: _by_score(rows, state) for state, rows in scores.items()}
    rows = merged([long["start"], long["end"]], KEY)
    for state in STATES[1:-1]:
        rows = lookup(rows, long[state], KEY)
    # Customers without a score in an intermediate state did not change in the step that leads to it.
    start_now = ibis.coalesce(rows.start_now, rows.start)
    timed = ibis.coalesce(rows.timed, start_now)
    end_now = ibis.coalesce(rows.end_now, rows.end)
    dated = ibis.coalesce(rows.dated, end_now)
    rows = rows.mutate(start_now=start_now, timed=timed, dated=dated, end_now=end_now)
    steps = {"time": ("start_now", "timed"), "data": ("timed", "dated"), "policy": ("dated", "end_now")}
    for cause, (before, after) in steps.items():
        missing = _missing(contributions[before], contributions[after]).rename({f"missing_{cause}": "missing"})
        rows = lookup(rows, missing, KEY)
        rows = rows.mutate(
            **{
                f"missing_{cause}": rows[f"missing_{cause}"].fill_null(0.0),
                f"by_{cause}": rows[after] - rows[before] - rows[f"missing_{cause}"].fill_null(0.0),
            }
        )
    is_compared = rows.start.notnull() & rows.end.notnull()
    parts = {
        "change": rows.end - rows.start,
        "time": rows.by_time,
        "data": rows.by_data,
        "policy": rows.by_policy,
        "missing_data": rows.missing_time + rows.missing_data + rows.missing_policy,
        "code": (rows.start_now - rows.start) + (rows.end - rows.end_now),
    }
    rows = rows.mutate(
        presence=ibis.cases((rows.start.isnull(), CAME), (rows.end.isnull(), LEFT), else_=COMPARED),
        **{
            name: is_compared.ifelse(rounded(value, CONTRIBUTION_DECIMALS), ibis.null("float64"))
            for name, value in parts.items()
        },
    )
    rows = rows.join(segments.select("customer_id", "segment"), "customer_id")
    return rows.rename(before="start", after="end").select(*RiskChanges.to_schema().columns)


def parts_that_do_not_sum(risk_changes: ir.Table) -> ir.Table:
    """Return changes that are not the sum of their parts."""
    first, *others = CAUSES
    parts = sum((risk_changes[cause] for cause in others), risk_changes[first])
    rows = risk_changes.mutate(gap=risk_changes.change - parts)
    return rows.filter(rows.gap.abs() > TOLERANCE).select("customer_id", "score", "gap")


def _by_score(rows: ir.Table, state: str) -> ir.Table:
    """Return one row per customer and explained score."""
    parts = [
        rows.select("customer_id", score=ibis.literal(score), **{state: rows[score].cast("float64")})
        for score in EXPLAINED
    ]
    return ibis.union(*parts)


def _missing(before: ir.Table, after: ir.Table) -> ir.Table:
    """Return per customer and score the change due to factors that became unknown or known, including nested scores."""
    names = ["customer_id", "score", "factor"]
    both = before.select(*names, raw_before="raw_value", contribution_before="contribution").join(
        after.select(*names, "weight", raw_after="raw_value", contribution_after="contribution"), names
    )
    switched = both.raw_before.isnull() != both.raw_after.isnull()
    both = both.mutate(gone=switched.ifelse(both.contribution_after - both.contribution_before, 0.0))

    def own(score: str) -> ir.NumericValue:
        return both.gone.sum(where=(both.score == score) & both.factor.notin(SCORES))

    def weight(score: str, factor: str) -> ir.NumericValue:
        return both.weight.max(where=(both.score == score) & (both.factor == factor)).fill_null(0.0)

    sums = both.group_by("customer_id").agg(
        overall=own("overall_risk_score"),
        friction=own("friction_score"),
        churn=own("churn_risk_score"),
        decision=own("decision_risk"),
        friction_in_churn=weight("churn_risk_score", "friction_score"),
        churn_in_decision=weight("decision_risk", "churn_risk_score"),
        overall_in_decision=weight("decision_risk", "overall_risk_score"),
    )
    churn = sums.churn + sums.friction_in_churn * sums.friction
    decision = sums.decision + sums.churn_in_decision * churn + sums.overall_in_decision * sums.overall
    parts = {"overall_risk_score": sums.overall, "decision_risk": decision}
    return ibis.union(
        *(sums.select("customer_id", score=ibis.literal(score), missing=value) for score, value in parts.items())
    )


SCORE_CHANGES = ScoreChanges(
    scores="journey.risk_scores",
    contributions="journey.risk_contributions",
    segments="journey.journey_states",
    contract=RiskChanges,
    split=risk_changes,
    failing_rows=parts_that_do_not_sum,
    causes=CAUSES,
    records=records("$customer", "$day"),
    states_between=STATES,
    main_score="decision_risk",
    rows_shown=lambda policy: policy.journey.reporting.report_rows,
)
