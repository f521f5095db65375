"""A policy number as an expression: one literal, or a choice by segment where segments differ."""

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from cjo_assets.policy import JourneyPolicy, Policy


def differs_by_segment(policy: Policy, pick: Callable[[JourneyPolicy], object]) -> bool:
    """Tell whether any segment has a value of its own."""
    return any(pick(own) != pick(policy.journey) for own in policy.journey_by_segment.values())


def by_segment(
    policy: Policy, segment: ir.StringValue, pick: Callable[[JourneyPolicy], float | None]
) -> ir.NumericValue:
    """Return the picked number for each row's segment; null where the policy has none."""
    default = _number(pick(policy.journey))
    own = [
        (name, _number(pick(rules)))
        for name, rules in policy.journey_by_segment.items()
        if pick(rules) != pick(policy.journey)
    ]
    return segment.cases(*own, else_=default) if own else default


def by_name_and_segment(
    policy: Policy,
    name: ir.StringValue,
    segment: ir.StringValue,
    numbers: Callable[[JourneyPolicy], dict[str, float]],
    default: float | None,
) -> ir.NumericValue:
    """Return the number that the policy gives to each row's name (a stage, a type, a source) in its segment."""
    names = sorted({key for rules in (policy.journey, *policy.journey_by_segment.values()) for key in numbers(rules)})
    return name.cases(
        *((key, by_segment(policy, segment, lambda rules, key=key: numbers(rules).get(key, default))) for key in names),
        else_=_number(default),
    )


def _number(value: float | None) -> ir.NumericValue:
    return ibis.null("float64") if value is None else ibis.literal(float(value), "float64")
