"""Estimates of success rate, cost, value of a success and net value of a playbook, from few runs.

Each row has its own sums and those of the other segments. The other segments, shrunk to the prior of all playbooks and
the playbook's own range, are the prior of the row; in a segment they weigh at most `segment_prior_runs`. The row "All"
has no other segments and is shrunk to the prior itself. The prior of success rates is the policy's until enough
playbooks have runs; then it is their mean, which weighs the more the more similar they are.
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
from cjo_assets.core.expressions.tables import lookup
from cjo_assets.policy.journey import Learning

KEYS = ("playbook_id", "segment")
# Sums: runs and successes; runs with a recorded cost, and that cost; successes with a known value, that value beyond
# the middle of the playbook's range, and its square.
SUMS = ("runs", "successes", "costed", "cost", "valued", "surplus", "squares")
LOGGED = ("log_runs", "log_successes", "log_cost", "log_worth", "log_overrides", "log_judged")
KNOWN = ("is_all", "usual_cost", "middle", "prior_variance", "log_runs", "log_overrides", "log_judged")
PASSED_ON = (*KNOWN, "prior_success_rate", "prior_runs")


def playbook_estimates(sums: ir.Table, logged: ir.Table, rules: Learning) -> ir.Table:
    """Return success rate, cost, value, net value and intervals of each playbook and segment.

    Args:
        sums: one row per playbook and segment with what is added up, and the playbook's own estimates.
        logged: sums of an earlier system, per playbook and segment.
        rules: the priors.
    """
    combined = _with_others(_with_prior(_with_log(sums, logged, rules), rules))
    return _with_net_value(_shrunk_to_the_others(_shrunk_to_the_prior(combined, rules)), rules)


def _with_log(sums: ir.Table, logged: ir.Table, rules: Learning) -> ir.Table:
    """Add the sums of the log; for "All" the sum of the segments where the log has no row for all."""
    rows = lookup(sums, logged, KEYS)
    per_playbook = ibis.window(group_by=rows.playbook_id)

    def filled(name: str) -> ir.NumericValue:
        return ibis.coalesce(rows[name], rows.is_all.ifelse(rows[name].sum().over(per_playbook), 0), 0)

    # The range is an interval of the mean; a single success may be further off.
    deviation = (rows.highest_value - rows.lowest_value) / (2 * two_sided_quantile(rules.interval_level))
    # Runs of another system, with other customers and definitions, count less than ours.
    discount = rules.log_run_weight
    rows = rows.mutate(
        **{name: filled(name) for name in LOGGED},
        middle=(rows.lowest_value + rows.highest_value) / 2,
        prior_variance=rules.prior_runs * deviation**2,
    )
    # Without a success its value is unknown, and the middle of the range is assumed.
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
        # The log has means only: its successes are assumed to spread like the prior.
        squares=rows.squared_surplus + log_successes * (surplus**2 + rows.prior_variance),
    )


def _with_prior(rows: ir.Table, rules: Learning) -> ir.Table:
    """Add the mean and weight that success rates are shrunk to: those of the playbooks, once there are enough.

    Moments of the beta-binomial distribution (Kleinman 1973): playbooks spread by chance, which follows from their
    runs, and because they differ; the more they differ, the less their mean weighs. A playbook counts from
    `learned_prior_most_runs` runs on: fewer carry almost no information on how playbooks differ.
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
    # Without spread beyond chance the playbooks are equal, and their mean has the largest weight.
    weight = (alike > 0).ifelse(1 / alike.nullif(0.0) - 1, rules.learned_prior_most_runs)
    weight = within(weight, rules.learned_prior_least_runs, rules.learned_prior_most_runs)
    prior = moments.select(
        prior_success_rate=is_learned.fill_null(False).ifelse(mean, rules.prior_success_rate),
        prior_runs=is_learned.fill_null(False).ifelse(weight, rules.prior_runs),
    )
    return rows.cross_join(prior)


def _with_others(rows: ir.Table) -> ir.Table:
    """Add the sums of the other segments as `other_...`, all 0 for the row "All"."""
    per_playbook = ibis.window(group_by=rows.playbook_id)
    totals = {name: rows[name].max(where=rows.is_all).over(per_playbook) for name in SUMS}
    rows = rows.select(*KEYS, *PASSED_ON, *SUMS, **{f"total_{name}": total for name, total in totals.items()})
    # The log may have fewer runs for all segments than for one; then it has none for the others.
    is_known = rows.total_runs > rows.runs
    others = {f"other_{name}": is_known.ifelse(rows[f"total_{name}"] - rows[name], 0.0) for name in SUMS}
    return rows.select(*KEYS, *PASSED_ON, *SUMS, **others)


def _shrunk_to_the_prior(rows: ir.Table, rules: Learning) -> ir.Table:
    """Estimate rate, cost and value from the other segments alone, with the weight of these estimates."""

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


def _shrunk_to_the_others(rows: ir.Table) -> ir.Table:
    """Estimate rate, cost and value of the row, with the other segments as its prior."""
    every = rows.valued_weight + rows.valued
    # Value of the successes beyond the expectation from the other segments.
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
        # A difference of equal numbers may be a rounding error below 0.
        value_variance=ibis.greatest(variance, 0.0) / every,
    )


def _with_net_value(rows: ir.Table, rules: Learning) -> ir.Table:
    """Return the estimates, with the net value of a run and its interval from the variances of rate and value."""
    low, high = beta_interval(rows.rate, rows.rate_weight, rules.interval_level)
    # The product of the published numbers, so that a reader can check it.
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
        "prior_success_rate",
        "prior_runs",
        success_rate=rows.rate,
        success_rate_low=low,
        success_rate_high=high,
        # Rounded before the rules of the advice compare them with 0.
        expected_net_value=rounded(net_value, MONEY_DECIMALS),
        net_value_lower_bound=rounded(net_value - radius, MONEY_DECIMALS),
        net_value_upper_bound=rounded(net_value + radius, MONEY_DECIMALS),
    )
