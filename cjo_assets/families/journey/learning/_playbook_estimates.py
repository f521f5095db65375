"""Estimates of a playbook from few runs: success rate, cost, value of a success, and net value with its bounds.

Not a table but the arithmetic of `playbook_performance`. Each row knows its own sums and those of the other segments.
The others, drawn to the prior of all playbooks and the playbook's own range, are the prior of the row; in a segment
they weigh at most `segment_prior_runs`. The row "All" has no others and starts from the prior itself. The prior of
success rates is the policy's until enough playbooks have runs; then it is their own mean, and weighs the more the more
alike they are.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.intervals import (
    beta_interval,
    beta_variance,
    product_variance,
    shrunk,
    two_sided_quantile,
    within,
)
from cjo_assets.core.expressions.numbers import MONEY_DECIMALS, rounded
from cjo_assets.policy.journey import Learning

KEYS = ("playbook_id", "segment")
# What is added up: runs and successes, those with a recorded cost and its sum, and of the successes with a known value
# what each brought beyond the middle of the playbook's range, and its square.
SUMS = ("runs", "successes", "costed", "cost", "valued", "surplus", "squares")
LOGGED = ("log_runs", "log_successes", "log_cost", "log_worth", "log_overrides", "log_judged")
KNOWN = ("is_all", "usual_cost", "middle", "prior_variance", "log_runs", "log_overrides", "log_judged")
PASSED_ON = (*KNOWN, "prior_success_rate", "prior_runs")


def playbook_estimates(sums: ir.Table, logged: ir.Table, rules: Learning) -> ir.Table:
    """Return success rate, cost, value, net value and intervals of each playbook and segment.

    Args:
        sums: one row per playbook and segment with what is added up, and the playbook's own estimates.
        logged: what an earlier system knew, per playbook and segment.
        rules: the priors.
    """
    rows = _with_others(_with_prior(_with_log(sums, logged, rules), rules))
    rows = _drawn_to_the_prior(rows, rules)
    return _with_net_value(_drawn_to_the_others(rows), rules)


def _with_log(sums: ir.Table, logged: ir.Table, rules: Learning) -> ir.Table:
    """Add to each row what the log says of it; of "All", the sum of the segments where it has no row for all."""
    rows = sums.left_join(logged, KEYS).drop(*(f"{name}_right" for name in KEYS))
    per_playbook = ibis.window(group_by=rows.playbook_id)

    def filled(name: str) -> ir.NumericValue:
        return ibis.coalesce(rows[name], rows.is_all.ifelse(rows[name].sum().over(per_playbook), 0), 0)

    # The range is what is believed of the mean; a single success may be further off.
    deviation = (rows.highest_value - rows.lowest_value) / (2 * two_sided_quantile(rules.interval_level))
    # Another system knew other customers, and counted in its own way: its runs count for less than ours.
    discount = rules.log_run_weight
    rows = rows.mutate(
        **{name: filled(name) for name in LOGGED},
        middle=(rows.lowest_value + rows.highest_value) / 2,
        prior_variance=rules.prior_runs * deviation**2,
    )
    # Without a success nothing is said of the value of one.
    surplus = (rows.log_worth / rows.log_successes.cast("float64").nullif(0.0) - rows.middle).fill_null(0.0)
    log_runs, log_successes = rows.log_runs * discount, rows.log_successes * discount
    return rows.select(
        *KEYS,
        *KNOWN,
        runs=rows.measured_runs + log_runs,
        successes=rows.successes + log_successes,
        costed=rows.costed + log_runs,
        cost=rows.cost + rows.log_cost * discount,
        valued=rows.valued + log_successes,
        surplus=rows.surplus + log_successes * surplus,
        # The log knows means only: its successes are taken to spread as the prior does.
        squares=rows.squared_surplus + log_successes * (surplus**2 + rows.prior_variance),
    )


def _with_prior(rows: ir.Table, rules: Learning) -> ir.Table:
    """Add the mean and weight that success rates are drawn to: of the playbooks themselves, once there are enough.

    Moments of the beta-binomial distribution (Kleinman 1973): playbooks spread by chance, which their runs say, and
    because they differ; the more they differ, the less their mean weighs. A playbook counts from so many runs on as the
    mean may weigh: fewer say next to nothing about how different playbooks are.
    """
    used = rows.filter(rows.is_all, rows.runs >= rules.learned_prior_most_runs)
    rate = used.successes / used.runs
    used = used.mutate(rate=rate, trust=used.runs / (used.runs + rules.prior_runs))
    used = used.mutate(
        mean=(used.trust * used.rate).sum().over(ibis.window()) / used.trust.sum().over(ibis.window()),
        own=used.trust * (1 - used.trust / used.trust.sum().over(ibis.window())),
    )
    moments = used.agg(
        playbooks=used.count(),
        mean=used.mean.max(),
        spread=(used.trust * (used.rate - used.mean) ** 2).sum(),
        by_chance=(used.own / used.runs).sum(),
        at_most=used.own.sum(),
    )
    mean = moments.mean
    is_learned = (moments.playbooks >= rules.learned_prior_playbooks) & (mean > 0) & (mean < 1)
    spread = moments.spread / (mean * (1 - mean)).nullif(0.0)
    alike = (spread - moments.by_chance) / (moments.at_most - moments.by_chance).nullif(0.0)
    # Without any spread beyond chance the playbooks are one, and their mean weighs the most.
    weight = (alike > 0).ifelse(1 / alike.nullif(0.0) - 1, rules.learned_prior_most_runs)
    weight = within(weight, rules.learned_prior_least_runs, rules.learned_prior_most_runs)
    prior = moments.select(
        prior_success_rate=is_learned.fill_null(False).ifelse(mean, rules.prior_success_rate),
        prior_runs=is_learned.fill_null(False).ifelse(weight, rules.prior_runs),
    )
    return rows.cross_join(prior)


def _with_others(rows: ir.Table) -> ir.Table:
    """Add to each row what is known of the other segments: `other_...`, all 0 for the row "All"."""
    per_playbook = ibis.window(group_by=rows.playbook_id)
    totals = {name: rows[name].max(where=rows.is_all).over(per_playbook) for name in SUMS}
    rows = rows.select(*KEYS, *PASSED_ON, *SUMS, **{f"total_{name}": total for name, total in totals.items()})
    # The log may know less of all segments than of one of them: then it knows nothing of the others.
    is_known = rows.total_runs > rows.runs
    others = {f"other_{name}": is_known.ifelse(rows[f"total_{name}"] - rows[name], 0.0) for name in SUMS}
    return rows.select(*KEYS, *PASSED_ON, *SUMS, **others)


def _drawn_to_the_prior(rows: ir.Table, rules: Learning) -> ir.Table:
    """Estimate rate, cost and value from the others alone, and what these estimates weigh."""

    def weight_of(others: ir.NumericValue, prior_runs: ir.NumericValue | float = rules.prior_runs) -> ir.NumericValue:
        weight = prior_runs + others
        return rows.is_all.ifelse(weight, ibis.least(weight, rules.segment_prior_runs))

    valued_weight = rules.prior_runs + rows.other_valued
    squares = rules.prior_runs * rows.prior_variance + rows.other_squares
    return rows.select(
        *KEYS,
        *PASSED_ON,
        *SUMS,
        rate_of_others=shrunk(rows.prior_success_rate, rows.prior_runs, rows.other_successes, rows.other_runs),
        cost_of_others=shrunk(rows.usual_cost, rules.prior_runs, rows.other_cost, rows.other_costed),
        surplus_of_others=rows.other_surplus / valued_weight,
        variance_of_others=(squares - rows.other_surplus**2 / valued_weight) / valued_weight,
        weight=weight_of(rows.other_runs, rows.prior_runs),
        costed_weight=weight_of(rows.other_costed),
        valued_weight=weight_of(rows.other_valued),
    )


def _drawn_to_the_others(rows: ir.Table) -> ir.Table:
    """Estimate rate, cost and value of the row, with the others as its prior."""
    every = rows.valued_weight + rows.valued
    # The own successes, measured from what the others let expect.
    surplus = rows.surplus - rows.valued * rows.surplus_of_others
    squares = rows.squares - 2 * rows.surplus_of_others * rows.surplus + rows.valued * rows.surplus_of_others**2
    variance = (rows.valued_weight * rows.variance_of_others + squares - surplus**2 / every) / every
    return rows.select(
        *KEYS,
        *PASSED_ON,
        rate=shrunk(rows.rate_of_others, rows.weight, rows.successes, rows.runs),
        rate_weight=rows.weight + rows.runs,
        avg_cost=rounded(shrunk(rows.cost_of_others, rows.costed_weight, rows.cost, rows.costed), MONEY_DECIMALS),
        avg_value=rounded(rows.middle + rows.surplus_of_others + surplus / every, MONEY_DECIMALS),
        # What remains after subtraction may fall a rounding error below 0.
        value_variance=ibis.greatest(variance, 0.0) / every,
    )


def _with_net_value(rows: ir.Table, rules: Learning) -> ir.Table:
    """Return the estimates, with the net value of a run and its interval from the variances of rate and value."""
    low, high = beta_interval(rows.rate, rows.rate_weight, rules.interval_level)
    net_value = rounded(rows.rate) * rows.avg_value - rows.avg_cost
    variance = product_variance(
        rows.rate, beta_variance(rows.rate, rows.rate_weight), rows.avg_value, rows.value_variance
    )
    radius = two_sided_quantile(rules.interval_level) * variance.sqrt()
    return rows.select(
        *KEYS,
        "log_runs",
        "log_overrides",
        "log_judged",
        "avg_cost",
        "avg_value",
        prior_success_rate=rounded(rows.prior_success_rate),
        prior_runs=rounded(rows.prior_runs),
        success_rate=rounded(rows.rate),
        success_rate_low=rounded(low),
        success_rate_high=rounded(high),
        expected_net_value=rounded(net_value, MONEY_DECIMALS),
        net_value_lower_bound=rounded(net_value - radius, MONEY_DECIMALS),
        net_value_upper_bound=rounded(net_value + radius, MONEY_DECIMALS),
    )
