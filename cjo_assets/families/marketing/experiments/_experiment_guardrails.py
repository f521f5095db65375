"""Guardrails of an experiment: ratios that must not fall while its metric rises.

A guardrail is a ratio of a count to impressions, clicks or money. Given the denominators of both arms, the variant's
share of all counted is binomial, so the score interval of that share gives one of the ratio of both arms. Counts of
people use the design effect of people, whatever the denominator.
"""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from cjo_assets.core.contract import names_where
from cjo_assets.core.expressions.intervals import score_interval
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, rounded
from cjo_assets.families.marketing.measurement._experiment_snapshots import PEOPLE
from cjo_assets.policy import Policy
from cjo_assets.policy.marketing_experiments import Guardrail


def guardrails(rows: ir.Table, policy: Policy) -> ir.Table:
    """Return broken and unproven guardrails per experiment, and whether one fell with certainty.

    Args:
        rows: experiments with their unit, the counts of both arms, and `multiplier`: how many standard errors the
            interval that decides reaches; null where nothing is read.
        policy: the guardrails. The metric of the experiment is none of its own.
    """
    rules = policy.marketing.experiments.guardrails
    if not rules:
        none = rows.multiplier.notnull().ifelse(ibis.literal([], "array<string>"), ibis.null("array<string>"))
        return rows.select(
            "experiment_id", guardrails_broken=none, guardrails_unproven=none, has_harmed_guardrail=ibis.literal(False)
        )
    broken, unproven, harmed = {}, {}, ibis.literal(False)
    compared = _compared(rows, rules, policy.marketing.snapshots.people_design_effect)
    for name, guardrail in rules.items():
        is_other, is_harmed = compared[f"{name} is other"], compared[f"{name} is harmed"]
        broken[name] = is_harmed | (is_other & (compared[f"{name} change"] < -guardrail.margin)).fill_null(False)
        unproven[name] = is_other & ~broken[name] & ~(compared[f"{name} low"] >= -guardrail.margin).fill_null(False)
        harmed |= is_harmed
    is_read = compared.multiplier.notnull()
    return compared.select(
        "experiment_id",
        guardrails_broken=is_read.ifelse(names_where(broken), ibis.null("array<string>")),
        guardrails_unproven=is_read.ifelse(names_where(unproven), ibis.null("array<string>")),
        has_harmed_guardrail=is_read & harmed,
    )


def _compared(rows: ir.Table, rules: Mapping[str, Guardrail], people_design_effect: float) -> ir.Table:
    """Return the relative change of each guardrail from control to variant, with its interval."""
    shares: dict[str, ir.NumericValue] = {}
    changes: dict[str, ir.Value] = {}
    counts_people = (rows.unit == PEOPLE).fill_null(False)
    for name, guardrail in rules.items():
        effect = counts_people.ifelse(people_design_effect, guardrail.design_effect)
        count, count0 = (rows[f"{arm}_{guardrail.counted}"] / effect for arm in ("variant", "control"))
        low, high = score_interval(count, count + count0, rows.multiplier)
        shares |= {f"{name} low": low, f"{name} high": high}
    rows = rows.mutate(**shares)
    for name, guardrail in rules.items():
        count, count0 = (rows[f"{arm}_{guardrail.counted}"] for arm in ("variant", "control"))
        took, took0 = (rows[f"{arm}_{guardrail.per}"].cast("float64").nullif(0.0) for arm in ("variant", "control"))
        # A share of 1 is an infinite ratio.
        low, high = (
            bound / (1 - bound).nullif(0.0) * took0 / took - 1 for bound in (rows[f"{name} low"], rows[f"{name} high"])
        )
        is_other = (rows.numerator != guardrail.counted) | (rows.denominator != guardrail.per)
        changes |= {
            f"{name} is other": is_other,
            f"{name} is harmed": (is_other & (high < 0)).fill_null(False),
            f"{name} change": rounded((count / took) / (count0 / took0).nullif(0.0) - 1, CONTRIBUTION_DECIMALS),
            f"{name} low": low,
        }
    return rows.select("experiment_id", "multiplier", **changes)
