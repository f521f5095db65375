"""Explanation of derived signals: the rule of each type in a sentence, and what its records contain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from cjo_assets.core.questions import Row, RowExplanation
from cjo_assets.families.lifecycle.success._derived_from_events import FAILED_STEP, LOW_USAGE, RENEWAL_INTENT
from cjo_assets.families.lifecycle.success._derived_signals import (
    DISSATISFIED,
    DROP,
    INACTIVE,
    MOST_CSAT,
    RECOVERY,
    REPEATED,
    SPIKE,
)

# The columns of the records behind a signal that its rule reads.
SHOWN = {
    "tickets": ("category", "created_at"),
    "conversations": ("started_at", "ended_at", "csat"),
    "usage_daily": ("usage_date", "logins"),
    "lifecycle_events": ("event_type", "subject_id", "occurred_at", "about", "quantity", "due_at"),
}

# The column with an answer about satisfaction.
ANSWER = {"conversations": "csat", "lifecycle_events": "quantity"}


@dataclass(frozen=True)
class Evidence:
    """What a signal was derived from.

    Attributes:
        day: day of detection.
        records: values of its records.
        rules: the part `signals` of the policy section.
    """

    day: date
    records: list[Row]
    rules: dict[str, Any]


@dataclass(frozen=True)
class SignalRule:
    """The rule of a signal type.

    Attributes:
        sentence: the rule, with the policy values of signals and stages in braces.
        sections: paths of the policy values that it reads, each of a value or a group of values.
        found: from the evidence to what its records contain.
    """

    sentence: str
    sections: tuple[str, ...]
    found: Callable[[Evidence], str]


def explained_signal(row: Row, records: list[Row], section: Row) -> tuple[str, dict[str, Any]]:
    """Return the rule of a signal with what its records contain, and the policy values that it used."""
    rule = RULES.get(row["signal_type"])
    if rule is None:
        return f"{row['signal_type']} is no derived signal type of this version", {}
    values: dict[str, Any] = {}
    for path in (*rule.sections, "signals.quiet_days"):
        values |= _leaves(path, section)
    try:
        signals = section["signals"]
        sentence = f"{rule.sentence}; detected on the first such day, with none in the {{quiet_days}} days before"
        sentence = sentence.format(**signals, stages=section["stages"])
        return f"{sentence}. Records: {rule.found(Evidence(row['detected_at'], records, signals))}", values
    except KeyError as missing:
        return f"the policy of that day has no value {missing}, which the rule of {row['signal_type']} reads", values


def _leaves(path: str, section: Any) -> dict[str, Any]:
    """Return the policy values under a path, by path; none where the policy of another version lacks it."""
    for name in path.split("."):
        section = section.get(name) if isinstance(section, dict) else None
    if isinstance(section, dict):
        return {f"{path}.{name}": value for name, value in section.items()}
    return {} if section is None else {path: section}


def _tickets(seen: Evidence) -> str:
    return f"{len(seen.records)} tickets up to {seen.day}"


def _categories(seen: Evidence) -> str:
    counts = Counter(record["category"] for record in seen.records)
    return ", ".join(f"{count} tickets of {category}" for category, count in sorted(counts.items()))


def _answers(seen: Evidence) -> str:
    answers = [record[ANSWER[record["dataset"]]] for record in seen.records]
    mean = f", mean {sum(answers) / len(answers):.6g}" if answers else ""
    return f"{len(answers)} answers{mean}"


def _drop(seen: Evidence) -> str:
    days = seen.rules["usage_drop"]["days"]
    first = seen.day - timedelta(days=days - 1)
    now = sum(record["logins"] for record in seen.records if date.fromisoformat(record["usage_date"]) >= first)
    before = sum(record["logins"] for record in seen.records) - now
    return f"{now} logins from {first} to {seen.day}, {before} in the {days} days before"


def _logins(seen: Evidence) -> str:
    return f"{sum(record['logins'] for record in seen.records)} logins up to {seen.day}"


def _last_login(seen: Evidence) -> str:
    last = max((date.fromisoformat(record["usage_date"]) for record in seen.records), default=None)
    return f"last login on {last}, {(seen.day - last).days} days before" if last else "none"


def _events(seen: Evidence) -> str:
    return ", ".join(_event(record) for record in seen.records) or "none"


def _event(record: Row) -> str:
    due = f" due {record['due_at'][:10]}" if record["due_at"] else ""
    return f"{record['event_type']} {record['subject_id']}{due}"


def _conversations(seen: Evidence) -> str:
    events = [_event(record) for record in seen.records if record["dataset"] == "lifecycle_events"]
    return ", ".join([f"{len(seen.records) - len(events)} conversations", *events])


RULES = {
    SPIKE: SignalRule(
        "at least {ticket_spike[tickets]} tickets in {ticket_spike[days]} days, and at least "
        "{ticket_spike[times_weekly_mean]} times the mean of as many days in the {ticket_spike[before_days]} days "
        "before; strength: tickets / {ticket_spike[full_at]}",
        ("signals.ticket_spike",),
        _tickets,
    ),
    REPEATED: SignalRule(
        "at least {repeat[tickets]} tickets of one category in {repeat[days]} days; strength: tickets / "
        "{repeat[full_at]}",
        ("signals.repeat",),
        _categories,
    ),
    DISSATISFIED: SignalRule(
        "a mean satisfaction of at most {satisfaction[csat]} in {satisfaction[days]} days, of at least "
        f"{{satisfaction[minimum]}} answers; strength: ({MOST_CSAT} - mean) / {MOST_CSAT - 1}",
        ("signals.satisfaction",),
        _answers,
    ),
    DROP: SignalRule(
        "logins of {usage_drop[days]} days at most {usage_drop[ratio]} times those of the {usage_drop[days]} days "
        "before, which were at least {usage_drop[least_before]}; strength: 1 - that ratio",
        ("signals.usage_drop",),
        _drop,
    ),
    RECOVERY: SignalRule(
        "within {usage_recovery[within_days]} days of a drop, logins of {usage_drop[days]} days at least "
        "{usage_recovery[share_of_before]} times those before it; strength: that ratio",
        ("signals.usage_recovery", "signals.usage_drop"),
        _logins,
    ),
    INACTIVE: SignalRule(
        "{inactivity[days]} days since the last login; strength: days / {inactivity[full_at]}",
        ("signals.inactivity",),
        _last_login,
    ),
    FAILED_STEP: SignalRule(
        "a dependency open after its due date, or a rollback within {onboarding[rollback_days]} days of the first "
        "deployment; strength: {onboarding[strength]}",
        ("signals.onboarding",),
        _events,
    ),
    RENEWAL_INTENT: SignalRule(
        "a proposal signed at most {stages[renewal_days]} days before the anniversary of the contract; strength: "
        "{renewal[strength]}",
        ("signals.renewal", "stages.renewal_days"),
        _events,
    ),
    LOW_USAGE: SignalRule(
        "conversations of a whole month below {low_usage[share]} times those that the plan includes; strength: 1 - "
        "that share",
        ("signals.low_usage",),
        _conversations,
    ),
}
EXPLANATION = RowExplanation("evidence", SHOWN, explained_signal)
