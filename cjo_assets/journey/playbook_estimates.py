"""Estimates of a playbook from few runs: success rate, cost, value of a success, and net value with its bounds.

Not a table but the arithmetic of `playbook_performance`. Each row knows its own sums and those of the other segments.
The others, drawn to the policy's prior and the playbook's own range by `prior_runs`, are the prior of the row; in a
segment they weigh at most `segment_prior_runs`. The row "All" has no others and starts from the prior itself.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.policy_sections import Learning
from cjo_assets.shared.numbers import MONEY_DECIMALS, rounded
from cjo_assets.shared.statistics import (
    beta_interval,
    beta_variance,
    product_variance,
    shrunk,
    two_sided_quantile,
)

LOGGED = ("log_runs", "log_successes", "log_cost", "log_overrides", "log_judged")


def with_estimates(rows: ir.Table, logged: ir.Table, rules: Learning) -> ir.Table:
    """Add success rate, cost, value, net value and their intervals to the sums of each playbook and segment.

    Args:
        rows: one row per playbook and segment with its sums, and the playbook's own estimates.
        logged: what an earlier system knew, per playbook and segment.
        rules: the priors.
    """
    rows = _with_log(rows, logged)
    deviation = (rows.highest_value - rows.lowest_value) / (2 * two_sided_quantile(rules.interval_level))
    # The range is what is believed of the mean; a single success may be further off.
    rows = rows.mutate(
        middle=(rows.lowest_value + rows.highest_value) / 2, prior_variance=rules.prior_runs * deviation**2
    )
    log_surplus = rows.log_value - rows.middle
    rows = rows.mutate(
        known_runs=rows.measured_runs + rows.log_runs,
        known_successes=rows.successes + rows.log_successes,
        known_cost=rows.cost + rows.log_cost,
        known_valued=rows.valued + rows.log_successes,
        known_surplus=rows.surplus + rows.log_successes * log_surplus,
        # The log knows means only: its successes are taken to spread as the prior does.
        known_squares=rows.squared_surplus + rows.log_successes * (log_surplus**2 + rows.prior_variance),
    )
    rows = _with_others(rows, ("runs", "successes", "cost", "valued", "surplus", "squares"))
    rows = _with_rate_and_cost(rows, rules)
    rows = _with_value(rows, rules)
    return _with_net_value(rows, rules)


def _with_log(rows: ir.Table, logged: ir.Table) -> ir.Table:
    """Add what the log says of each row; of "All", the sum of the segments where it has no row for all."""
    keys = ("playbook_id", "segment")
    rows = rows.left_join(logged, keys).drop(*(f"{name}_right" for name in keys))
    rows = rows.mutate(log_worth=rows.log_value * rows.log_successes)
    per_playbook = ibis.window(group_by=rows.playbook_id)

    def filled(name: str) -> ir.NumericValue:
        return ibis.coalesce(rows[name], rows.is_all.ifelse(rows[name].sum().over(per_playbook), 0), 0)

    rows = rows.mutate(**{name: filled(name) for name in (*LOGGED, "log_worth")})
    # Without a success nothing is said of the value of one, and the middle of the range stands.
    value = rows.log_worth / rows.log_successes.cast("float64").nullif(0.0)
    return rows.mutate(log_value=ibis.coalesce(value, (rows.lowest_value + rows.highest_value) / 2))


def _with_others(rows: ir.Table, names: tuple[str, ...]) -> ir.Table:
    """Add to each row what is known of the other segments: `other_...`, all 0 for the row "All"."""
    per_playbook = ibis.window(group_by=rows.playbook_id)
    totals = rows.mutate(
        **{f"total_{name}": rows[f"known_{name}"].max(where=rows.is_all).over(per_playbook) for name in names}
    )
    # The log of all segments may know less than that of one of them: then the others are not known.
    others_known = totals.total_runs > totals.known_runs
    return totals.mutate(
        **{
            f"other_{name}": others_known.ifelse(totals[f"total_{name}"] - totals[f"known_{name}"], 0.0)
            for name in names
        }
    )


def _with_rate_and_cost(rows: ir.Table, rules: Learning) -> ir.Table:
    others = rules.prior_runs + rows.other_runs
    weight = _weight(rows, others, rules)
    rate_of_others = shrunk(rules.prior_success_rate, rules.prior_runs, rows.other_successes, rows.other_runs)
    cost_of_others = shrunk(rows.usual_cost, rules.prior_runs, rows.other_cost, rows.other_runs)
    rows = rows.mutate(
        rate=shrunk(rate_of_others, weight, rows.known_successes, rows.known_runs),
        rate_weight=weight + rows.known_runs,
        avg_cost=rounded(shrunk(cost_of_others, weight, rows.known_cost, rows.known_runs), MONEY_DECIMALS),
    )
    low, high = beta_interval(rows.rate, rows.rate_weight, rules.interval_level)
    return rows.mutate(success_rate=rounded(rows.rate), success_rate_low=rounded(low), success_rate_high=rounded(high))


def _with_value(rows: ir.Table, rules: Learning) -> ir.Table:
    """Add the mean value of a success and its variance, by the normal model with known weights."""
    others = rules.prior_runs + rows.other_valued
    weight = _weight(rows, others, rules)
    spread = rules.prior_runs * rows.prior_variance + rows.other_squares - rows.other_surplus**2 / others
    rows = rows.mutate(
        value_weight=weight, surplus_of_others=rows.other_surplus / others, variance_of_others=spread / others
    )
    # The own successes, measured from what the others let expect.
    count = rows.known_valued
    surplus = rows.known_surplus - count * rows.surplus_of_others
    squares = rows.known_squares - 2 * rows.surplus_of_others * rows.known_surplus + count * rows.surplus_of_others**2
    every = rows.value_weight + count
    variance = (rows.value_weight * rows.variance_of_others + squares - surplus**2 / every) / every
    return rows.mutate(
        avg_value=rounded(rows.middle + rows.surplus_of_others + surplus / every, MONEY_DECIMALS),
        value_variance=ibis.greatest(variance, 0.0) / every,
    )


def _with_net_value(rows: ir.Table, rules: Learning) -> ir.Table:
    """Add the net value of a run and its interval, from the variances of rate and value."""
    net_value = rows.success_rate * rows.avg_value - rows.avg_cost
    variance = product_variance(
        rows.rate, beta_variance(rows.rate, rows.rate_weight), rows.avg_value, rows.value_variance
    )
    radius = two_sided_quantile(rules.interval_level) * variance.sqrt()
    return rows.mutate(
        expected_net_value=rounded(net_value, MONEY_DECIMALS),
        net_value_lower_bound=rounded(net_value - radius, MONEY_DECIMALS),
        net_value_upper_bound=rounded(net_value + radius, MONEY_DECIMALS),
    )


def _weight(rows: ir.Table, others: ir.NumericValue, rules: Learning) -> ir.NumericValue:
    """Return what the others weigh: all they know for "All", in a segment no more than the policy allows."""
    return rows.is_all.ifelse(others, ibis.least(others, rules.segment_prior_runs))
