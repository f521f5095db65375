"""Policy values as expressions: a literal, or a choice by segment where segments have overrides."""

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from cjo_assets.policy import Policy, SegmentRules, default_rules, rules_by_segment

Pick = Callable[[SegmentRules], float | None]


def differs_by_segment(policy: Policy, pick: Callable[[SegmentRules], object]) -> bool:
    """Return whether any segment overrides the value."""
    return any(pick(own) != pick(default_rules(policy)) for own in rules_by_segment(policy).values())


def by_segment(policy: Policy, segment: ir.StringValue, pick: Pick) -> ir.NumericValue:
    """Return the picked number for each row's segment; null where the policy has none."""
    default = _number(pick(default_rules(policy)))
    own = [
        (name, _number(pick(rules)))
        for name, rules in rules_by_segment(policy).items()
        if pick(rules) != pick(default_rules(policy))
    ]
    return segment.cases(*own, else_=default) if own else default


def by_name_and_segment(
    policy: Policy,
    name: ir.StringValue,
    segment: ir.StringValue,
    numbers: Callable[[SegmentRules], dict[str, float]],
    default: float | None,
) -> ir.NumericValue:
    """Return the number that the policy gives to each row's name (a stage, a type, a source) in its segment."""

    def number_of(key: str) -> ir.NumericValue:
        return by_segment(policy, segment, lambda rules: numbers(rules).get(key, default))

    names = sorted(
        {key for rules in (default_rules(policy), *rules_by_segment(policy).values()) for key in numbers(rules)}
    )
    if not names:
        return _number(default)
    return name.cases(
        *((key, number_of(key)) for key in names),
        else_=_number(default),
    )


def _number(value: float | None) -> ir.NumericValue:
    return ibis.null("float64") if value is None else ibis.literal(float(value), "float64")
