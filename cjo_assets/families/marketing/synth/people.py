"""Generated sums over the people of each arm: revenue since the experiment began, orders, and revenue before it."""

from __future__ import annotations

import numpy as np
import pyarrow

from cjo_assets.families.marketing.synth.draws import ARMS, Columns, Marketing
from cjo_assets.families.marketing.synth.records import OwnedTable
from cjo_assets.families.marketing.synth.tables import asset_ids, experiment_ids
from cjo_assets.families.marketing.synth.world import MarketingWorld
from cjo_assets.synth.columns import Numbers, date_column, name_column

METRICS = ("revenue_per_person", "revenue_per_order")
IMPRESSIONS_PER_PERSON = 2
# Of a gamma distribution: the values of orders have half their mean as standard deviation.
SHAPE = 4.0
# Of all people, and of those who buy: who had bought before. It is the same in both arms.
KNOWN, KNOWN_BUYERS = 0.05, 0.4


def experiment_metrics(
    world: MarketingWorld, drawn: Marketing, number: pyarrow.Array, chance: np.random.Generator
) -> OwnedTable:
    """Draw what people spent, and return the sums until each day: a row per metric, arm and day."""
    rows = drawn.days
    group = rows["experiment"] * ARMS + rows["arm"]
    sums = {name: _so_far(values, group) for name, values in _sums_of_days(world, drawn, chance).items()}
    place, metric = np.repeat(np.arange(group.size), len(METRICS)), np.tile(np.arange(len(METRICS)), group.size)
    is_ratio = metric == METRICS.index("revenue_per_order")

    def of_ratio(name: str) -> pyarrow.Array:
        return pyarrow.array(sums[name][place].astype(float), mask=~is_ratio)

    def of_mean(name: str) -> pyarrow.Array:
        return pyarrow.array(sums[name][place], mask=is_ratio)

    table = pyarrow.table(
        {
            "experiment_id": experiment_ids(drawn, number).take(pyarrow.array(rows["experiment"][place])),
            "asset_id": asset_ids(drawn, number).take(pyarrow.array(group[place])),
            "metric": name_column(METRICS, metric),
            "measured_on": date_column(rows["day"][place]),
            "people": sums["people"][place],
            "total": sums["total"][place],
            "sum_of_squares": sums["squares"][place],
            # Who buys has one order.
            "denominator_total": of_ratio("orders"),
            "denominator_sum_of_squares": of_ratio("orders"),
            "denominator_products": of_ratio("total"),
            "pre_total": of_mean("pre_total"),
            "pre_sum_of_squares": of_mean("pre_squares"),
            "pre_products": of_mean("pre_products"),
        }
    )
    return drawn.experiments["campaign"][rows["experiment"][place]], table


def _sums_of_days(world: MarketingWorld, drawn: Marketing, chance: np.random.Generator) -> Columns:
    """Return the sums over the people who were first shown an arm on a day."""
    rows = drawn.days
    bought, count = rows["conversions"], rows["day"].size
    people = np.maximum(bought, rows["impressions"] // IMPRESSIONS_PER_PERSON)
    goal = drawn.campaigns["goal"][drawn.experiments["campaign"][rows["experiment"]]]
    mean = np.array([goal.value for goal in world.goals])[goal]
    day = np.repeat(np.arange(count), bought)
    value, before = mean[day] * chance.gamma(SHAPE, 1 / SHAPE, (2, day.size))
    known = chance.binomial(people, KNOWN)
    buyers = np.minimum(chance.binomial(bought, KNOWN_BUYERS), known)
    # Who spent more before spends more now: half of an order is the habit, half is drawn.
    is_known = np.arange(day.size) - np.repeat(np.cumsum(bought) - bought, bought) < buyers[day]
    value = np.round(np.where(is_known, (value + before) / 2, value), 2)
    before = np.round(np.where(is_known, before, 0.0), 2)
    others = known - buyers
    other_total = np.round(mean * chance.gamma(np.maximum(SHAPE * others, 1e-9), 1 / SHAPE) * (others > 0), 2)
    other_squares = other_total**2 / np.maximum(others, 1) * (1 + 1 / SHAPE)

    def added(values: Numbers) -> Numbers:
        return np.bincount(day, values, count)

    return {
        "people": people,
        "orders": bought,
        "total": added(value),
        "squares": added(value**2),
        "pre_total": added(before) + other_total,
        "pre_squares": added(before**2) + other_squares,
        "pre_products": added(before * value),
    }


def _so_far(values: Numbers, group: Numbers) -> Numbers:
    """Return the sums of values up to each row within its group, in the order of the rows."""
    order = np.argsort(group, kind="stable")
    total = np.cumsum(values[order])
    is_first = np.append(True, group[order][1:] != group[order][:-1])[: order.size]
    base = (total - values[order])[is_first][np.cumsum(is_first) - 1]
    found = np.empty_like(total)
    found[order] = total - base
    return np.round(found, 4) if found.dtype.kind == "f" else found
