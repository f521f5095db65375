"""Simulated lives of customers: stages, signals, interventions and outcomes, as arrays.

All customers of a chunk live in parallel, each step being one week of their present stage. Nothing looks ahead: a bad
week is drawn first, its signals precede the move that it makes more likely, and a treatment works from the next week
on. The weekly probabilities are those of the world for all customers, and only the treatment distinguishes treated
customers from others in the same stage and week.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow

from cjo_assets.families.journey.synth.model import Model
from cjo_assets.synth.columns import DAYS_PER_WEEK, NOBODY, Numbers, Span

MANUAL, AUTOMATED = 0, 1
UNANSWERED, REJECTED, APPROVED, NOT_ASKED = 0, 1, 2, 3
# Names drawn together: any order will do, but a change of it changes every generated file.
CUSTOMER_FIELDS = ("segment", "account_value", "first_day", "crm_noise", "last_stage")
LONGEST_MEASUREMENT_DAYS = 21
OFFICE_OPENS, OFFICE_CLOSES = 8 * 3600, 18 * 3600


@dataclass(frozen=True)
class Cohort:
    """Customers whose beginning, troubles and end are given instead of drawn: those of another family.

    Arrays with one entry per customer; days as days since 1970-01-01, beyond the log for what does not happen.

    Attributes:
        number: numbers of the customers, as their ids have them.
        segment: place of the segment in the world.
        account_value: [currency].
        first_day: day of the first entry, within the log.
        trouble_day, relief_day: first day of the weeks that are bad with `distress_share`, and first day after them.
        churn_day: day on which the customer leaves.
        distress_share: of the weeks in trouble [0-1].
    """

    number: pyarrow.Array
    segment: Numbers
    account_value: Numbers
    first_day: Numbers
    trouble_day: Numbers
    relief_day: Numbers
    churn_day: Numbers
    distress_share: float


@dataclass(frozen=True)
class Lives:
    """The outcome of a chunk of customers, as columns of arrays.

    Attributes:
        customers: one row per customer.
        entries: one row per entry into a stage, by customer and day.
        signals: one row per signal, by customer and day.
        interventions: one row per intervention, by customer and day.
        triggers: intervention and signal, by their rows.
    """

    customers: dict[str, Numbers]
    entries: dict[str, Numbers]
    signals: dict[str, Numbers]
    interventions: dict[str, Numbers]
    triggers: dict[str, Numbers]


def lives(model: Model, span: Span, count: int, chance: np.random.Generator, cohort: Cohort | None = None) -> Lives:
    """Let so many customers live.

    Args:
        model: the world.
        span: the days of the log; customers begin on any of them.
        count: customers.
        chance: where all randomness comes from.
        cohort: the customers, if they are given.
    """
    segment, account_value, first_day, crm_noise = _drawn(model, span, count, chance)
    if cohort is not None:
        segment, account_value, first_day = cohort.segment, cohort.account_value, cohort.first_day
    last_stage = np.full(count, model.first_stage)
    now = {
        "customer": np.arange(count),
        "stage": last_stage.copy(),
        "week": np.zeros(count, dtype=np.int64),
        "day": first_day.copy(),
        "playbook": np.full(count, NOBODY),
        "treated_weeks": np.zeros(count, dtype=np.int64),
        "next_contact": first_day.copy(),
    }
    begun = {"customer": now["customer"], "stage": now["stage"], "day": first_day, "previous": last_stage * 0 + NOBODY}
    entries, signals, interventions, triggers = [begun], [], [], []
    counts = {"signals": 0, "interventions": 0}
    while now["customer"].size:
        is_bad_week = chance.random(now["customer"].size) < _distress_share(model, now, cohort)
        next_stage, days = _moves(model, now, segment, is_bad_week, chance)
        if cohort is not None:
            next_stage, days = _departures(model, now, next_stage, days, cohort)
        seen = _signals(model, now, days, is_bad_week, span, chance)
        acts, causes = _interventions(model, now, seen, days, segment, span, chance)
        causes["signal"] += counts["signals"]
        causes["intervention"] += counts["interventions"]
        counts["signals"] += seen["row"].size
        counts["interventions"] += acts["row"].size
        signals.append({name: seen[name] for name in seen if name != "row"})
        interventions.append({name: acts[name] for name in acts if name != "row"})
        triggers.append(causes)
        _treat(model, now, acts)
        now, entered = _step(model, now, next_stage, days, span)
        last_stage[entered["customer"]] = entered["stage"]
        entries.append(entered)
    customers = dict(
        zip(CUSTOMER_FIELDS, (segment, account_value, first_day, crm_noise, last_stage), strict=True),
        customer=np.arange(count),
    )
    ordered_signals, place = _in_order(_joined(signals))
    ordered_interventions, new_row = _in_order(_joined(interventions))
    joined = _joined(triggers)
    links = {"intervention": new_row[joined["intervention"]], "signal": place[joined["signal"]]}
    by_both = np.lexsort((links["signal"], links["intervention"]))
    return Lives(
        customers,
        _in_order(_joined(entries))[0],
        ordered_signals,
        ordered_interventions,
        {name: column[by_both] for name, column in links.items()},
    )


def _drawn(
    model: Model, span: Span, count: int, chance: np.random.Generator
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Draw segment, value of the account, first day and the noise of the CRM's opinion of customers."""
    segment = np.searchsorted(model.cumulative_shares, chance.random(count) * model.cumulative_shares[-1], "right")
    about = np.array([(one.median_value, one.value_spread) for one in model.world.segments.values()])[segment]
    account_value = np.round(about[:, 0] * np.exp(about[:, 1] * chance.standard_normal(count)), 2)
    first_day = chance.integers(span.first_day, span.last_day, count, endpoint=True)
    return segment, account_value, first_day, chance.random(count)


def _distress_share(model: Model, now: dict[str, Numbers], cohort: Cohort | None) -> float | Numbers:
    """Return the probability that the present week of each customer is a bad one."""
    usual = model.world.distress_share
    if cohort is None:
        return usual
    customer = now["customer"]
    is_in_trouble = (now["day"] >= cohort.trouble_day[customer]) & (now["day"] < cohort.relief_day[customer])
    return np.where(is_in_trouble, cohort.distress_share, usual)


def _departures(
    model: Model, now: dict[str, Numbers], next_stage: Numbers, days: Numbers, cohort: Cohort
) -> tuple[Numbers, Numbers]:
    """Let customers of a cohort leave on their day, if their stage allows it, and no others."""
    lasting, staying = len(model.world.stages), len(model.chances.stages)
    is_drawn = (next_stage >= lasting) & (next_stage < staying)
    next_stage, days = np.where(is_drawn, staying, next_stage), np.where(is_drawn, DAYS_PER_WEEK, days)
    can_leave = model.chances.weekly[0, now["stage"], 0, lasting:].any(axis=1)
    wait = np.maximum(cohort.churn_day[now["customer"]] - now["day"], 1)
    leaves = can_leave & (wait < days)
    return np.where(leaves, lasting, next_stage), np.where(leaves, wait, days)


def _moves(
    model: Model, now: dict[str, Numbers], segment: Numbers, is_bad_week: Numbers, chance: np.random.Generator
) -> tuple[Numbers, Numbers]:
    """Draw each customer's next stage, or the number of stages where one stays, and the day of the week it begins."""
    world, chances = model.world, model.chances
    week = np.minimum(now["week"], chances.weekly.shape[2] - 1)
    chance_to = chances.weekly[segment[now["customer"]], now["stage"], week]
    distress = np.where(is_bad_week, world.distress_factor, world.quiet_factor)
    chance_to *= np.where(chances.is_bad, distress[:, None], 1.0)
    treated = np.flatnonzero((now["treated_weeks"] > 0) & (now["playbook"] != NOBODY))
    playbook = now["playbook"][treated]
    factors = np.where(chances.is_good, model.recovery_factor[playbook][:, None], 1.0)
    factors *= np.where(chances.is_bad, model.trouble_factor[playbook][:, None], 1.0)
    chance_to[treated] *= factors
    drawn = chance.random(week.size)
    next_stage = (drawn[:, None] >= np.cumsum(chance_to, axis=1)).sum(axis=1)
    # A customer enters at most one stage a day: the first week of a stage ends on its second day at the earliest.
    earliest = (now["week"] == 0).astype(np.int64)
    day_of_week = chance.integers(earliest, DAYS_PER_WEEK)
    return next_stage, np.where(next_stage < len(chances.stages), day_of_week, DAYS_PER_WEEK)


def _signals(
    model: Model,
    now: dict[str, Numbers],
    days: Numbers,
    is_bad_week: Numbers,
    span: Span,
    chance: np.random.Generator,
) -> dict[str, Numbers]:
    """Draw the signals of the week on the days that the customer is still there, by customer, day and type."""
    world = model.world
    rate = model.signal_rate[now["stage"]] * np.where(is_bad_week, world.distress_signals, 1.0)
    row = np.repeat(np.arange(rate.size), chance.poisson(rate))
    day_of_week = chance.integers(0, DAYS_PER_WEEK, row.size)
    stage = now["stage"][row]
    negative_share = np.where(is_bad_week[row], world.distress_negative_share, model.negative_share[stage])
    is_negative = chance.random(row.size) < negative_share
    choice = chance.random(row.size)
    kind = len(model.types) - len(world.positive_types) + (choice * len(world.positive_types)).astype(np.int64)
    for number, types in enumerate(model.negative_types):
        chosen = is_negative & (stage == number)
        kind[chosen] = types[(choice[chosen] * types.size).astype(np.int64)]
    strength = np.round(chance.beta(np.where(is_bad_week[row] & is_negative, 4.0, 2.0), 2.0), 2)
    source = (chance.random(row.size) < world.automated_share).astype(np.int64)
    date = now["day"][row] + day_of_week
    # A customer has at most one signal of a type on a day: a second would be rejected.
    key = (row * DAYS_PER_WEEK + day_of_week) * len(model.types) + kind
    first = np.unique(key, return_index=True)[1]
    kept = first[(day_of_week[first] < days[row[first]]) & (date[first] <= span.last_day)]
    return {
        "row": row[kept],
        "customer": now["customer"][row[kept]],
        "day": date[kept],
        "kind": kind[kept],
        "strength": strength[kept],
        "stage": stage[kept],
        "source": source[kept],
    }


def _interventions(
    model: Model,
    now: dict[str, Numbers],
    seen: dict[str, Numbers],
    days: Numbers,
    segment: Numbers,
    span: Span,
    chance: np.random.Generator,
) -> tuple[dict[str, Numbers], dict[str, Numbers]]:
    """Draw who acts on the first fitting signal of a week, with what, and the outcome."""
    world = model.world
    fits = model.fits[segment[seen["customer"]], seen["stage"], seen["kind"]]
    fitting = np.flatnonzero(fits.any(axis=1) & (seen["day"] >= now["next_contact"][seen["row"]]))
    first = fitting[np.unique(seen["row"][fitting], return_index=True)[1]]
    acted = first[chance.random(first.size) < world.act_share]
    day = seen["day"][acted] + chance.integers(0, 2, acted.size)
    wanted = (chance.random(acted.size) * fits[acted].sum(axis=1)).astype(np.int64)
    playbook = (np.cumsum(fits[acted], axis=1) > wanted[:, None]).argmax(axis=1)
    row = seen["row"][acted]
    present = (day < now["day"][row] + days[row]) & (day <= span.last_day)
    row, day, playbook = row[present], day[present], playbook[present]
    acts = _with_answer_and_outcome(model, row, now["customer"][row], day, playbook, segment, chance)
    acts["stage"] = now["stage"][row]
    by_row = np.full(days.size, NOBODY)
    by_row[row] = np.arange(row.size)
    cause = by_row[seen["row"]]
    which = np.flatnonzero(cause != NOBODY)
    of = cause[which]
    is_trigger = model.triggers[seen["kind"][which], playbook[of]]
    led_to_it = np.flatnonzero(is_trigger & (seen["day"][which] <= day[of]))
    return acts, {"intervention": of[led_to_it], "signal": which[led_to_it]}


def _with_answer_and_outcome(
    model: Model,
    row: Numbers,
    customer: Numbers,
    day: Numbers,
    playbook: Numbers,
    segment: Numbers,
    chance: np.random.Generator,
) -> dict[str, Numbers]:
    world, count = model.world, row.size
    answer = np.where(chance.random(count) < world.approved_share, APPROVED, REJECTED)
    answer = np.where(chance.random(count) < world.answered_share, answer, UNANSWERED)
    answer = np.where(model.is_asked[playbook], answer, NOT_ASKED)
    succeeded = chance.random(count) < model.success[playbook, segment[customer]]
    delay = chance.integers(1, LONGEST_MEASUREMENT_DAYS, count, endpoint=True)
    low, high = model.value_range[playbook].T
    value = np.round(low + (high - low) * chance.random(count), 2)
    return {
        "row": row,
        "customer": customer,
        "day": day,
        "playbook": playbook,
        "confidence": np.round(0.5 + 0.45 * chance.random(count), 2),
        "latency": np.round(120 * np.exp(0.4 * chance.standard_normal(count)), 1),
        "answer": answer,
        "answer_second": chance.integers(OFFICE_OPENS, OFFICE_CLOSES, count),
        "answerer": chance.integers(0, 1 << 16, count),
        "is_executed": np.isin(answer, (APPROVED, NOT_ASKED)),
        "is_measured": chance.random(count) < world.measured_share,
        "succeeded": succeeded,
        "measured_day": day + delay,
        "resolution_days": delay,
        "saved": np.where(succeeded, value, 0.0),
        "is_overridden": chance.random(count) < world.override_share,
        "nuance": chance.integers(0, 1 << 16, count),
        "csat": chance.integers(0, 3, count) - (~succeeded).astype(np.int64),
        "risk_change": np.round(np.where(succeeded, -0.3, 0.1) * chance.random(count), 2),
    }


def _treat(model: Model, now: dict[str, Numbers], acts: dict[str, Numbers]) -> None:
    """Let the week pass for treatments under way, and begin those that were carried out."""
    now["treated_weeks"] = np.maximum(now["treated_weeks"] - 1, 0)
    now["next_contact"][acts["row"]] = acts["day"] + model.world.contact_pause_days
    done = acts["is_executed"]
    now["playbook"][acts["row"][done]] = acts["playbook"][done]
    now["treated_weeks"][acts["row"][done]] = model.world.effect_weeks


def _step(
    model: Model, now: dict[str, Numbers], next_stage: Numbers, days: Numbers, span: Span
) -> tuple[dict[str, Numbers], dict[str, Numbers]]:
    """Return the stage of every customer after the week, and the entries it brought."""
    moved = next_stage < len(model.chances.stages)
    after = now | {
        "stage": np.where(moved, next_stage, now["stage"]),
        "week": np.where(moved, 0, now["week"] + 1),
        "day": now["day"] + days,
        "treated_weeks": np.where(moved, 0, now["treated_weeks"]),
    }
    in_time = after["day"] <= span.last_day
    arrived = moved & in_time
    entered = {
        "customer": now["customer"][arrived],
        "stage": next_stage[arrived],
        "day": after["day"][arrived],
        "previous": now["stage"][arrived],
    }
    goes_on = in_time & (after["stage"] < len(model.world.stages))
    return {name: column[goes_on] for name, column in after.items()}, entered


def _joined(parts: list[dict[str, Numbers]]) -> dict[str, Numbers]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _in_order(rows: dict[str, Numbers]) -> tuple[dict[str, Numbers], Numbers]:
    """Return rows by customer and day, and the new place of each."""
    order = np.lexsort((rows["day"], rows["customer"]))
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    return {name: column[order] for name, column in rows.items()}, place
