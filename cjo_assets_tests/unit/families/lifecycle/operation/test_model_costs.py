"""Tests of the costs of language models; prices are 0.5 and 1.5 of the small model, 10 and 30 of the large one."""

import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from cjo_assets.families.lifecycle.inputs.model_calls import ModelCalls
from cjo_assets.families.lifecycle.operation.model_costs import (
    ModelCosts,
    model_costs,
    models_without_price,
    rows_of_no_organization,
)
from cjo_assets_tests.support.lifecycle.events import RULES, organizations_of
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, day, instant, kept, policy_with, rows_of, table_of

KEY = ("customer_id", "workflow", "model")


def call(at: str = "2025-01-03 10:00", model: str = "large", **more: Any) -> Row:
    """Return a call that costs 0.0175 on the large model and 0.000875 on the small one."""
    tokens = {"input_tokens": 700, "output_tokens": 350, "customer_id": "C1", "workflow": "answer"}
    return tokens | {"model": model, "called_at": instant(at)} | more


def of(*calls: Row, offset: int = 0, rules: Any = RULES) -> dict[tuple[str, str, str], Row]:
    """Return the costs of a day."""
    table = model_costs(table_of(ModelCalls, calls), as_of(offset), rules)
    return by(KEY, kept(ModelCosts, table, day(offset)))


def one(*calls: Row, model: str = "large", **more: Any) -> Row:
    """Return the costs of one model."""
    return of(*calls, **more)["C1", "answer", model]


def test_cost_is_tokens_by_price() -> None:
    row = one(call(), call())
    assert (row["calls"], row["input_tokens"], row["output_tokens"]) == (2, 1400, 700)
    assert (row["cost"], row["avoided"], row["saving"]) == (0.035, 0.0, 0.0)
    assert row["month"] == date(2025, 1, 1)


def test_a_cache_hit_costs_nothing_and_spares_its_tokens() -> None:
    """0.0175 spent and 0.0525 spared."""
    row = one(call(), *(call(is_cache_hit=True, complexity=0.1) for _ in range(3)))
    assert (row["calls"], row["cache_hits"], row["input_tokens"]) == (4, 3, 700)
    assert (row["cost"], row["avoided"], row["saving"]) == (0.0175, 0.0525, 0.75)
    assert row["misrouted_calls"] == 0


def test_a_simple_task_on_a_premium_model_is_misrouted() -> None:
    """0.0175 instead of 0.000875; the limit itself, unknown complexity and the small model are not misrouted."""
    calls = [call(complexity=0.39), call(complexity=0.4), call(), call(model="small", complexity=0.1)]
    found = of(*calls)
    row = found["C1", "answer", "large"]
    assert (row["misrouted_calls"], row["misrouted_cost"]) == (1, 0.016625)
    small = found["C1", "answer", "small"]
    assert (small["misrouted_calls"], small["misrouted_cost"], small["cost"]) == (0, 0.0, 0.000875)


def test_the_bill_is_compared_with_the_prices() -> None:
    row = one(call(billed_cost=0.018), call(billed_cost=0.0175), call())
    assert (row["billed_calls"], row["billed"], row["billed_difference"]) == (2, 0.0355, 0.0005)
    unknown = one(call())
    assert (unknown["billed_calls"], unknown["billed"], unknown["billed_difference"]) == (0, None, None)
    # A bill for an answer of the cache is all too much.
    assert one(call(is_cache_hit=True, billed_cost=0.01))["billed_difference"] == 0.01


def test_a_model_without_price_has_no_cost() -> None:
    table = model_costs(table_of(ModelCalls, [call(model="new", complexity=0.1, billed_cost=1.0)]), as_of(), RULES)
    (row,) = kept(ModelCosts, table)
    assert (row["calls"], row["misrouted_calls"], row["billed"]) == (1, 0, 1.0)
    unknown = ("cost", "avoided", "saving", "billed_difference", "misrouted_cost")
    assert [row[name] for name in unknown] == [None] * 5
    assert [found["model"] for found in rows_of(models_without_price(table))] == ["new"]


def test_the_month_ends_with_the_as_of_date() -> None:
    calls = [call("2024-12-31 23:59"), call("2025-01-01 00:00"), call("2025-01-20 23:59"), call("2025-01-21 00:00")]
    assert one(*calls)["calls"] == 2
    assert of(*calls, offset=12) == {}


def test_costs_of_no_organization() -> None:
    table = model_costs(table_of(ModelCalls, [call()]), as_of(), RULES)
    assert rows_of(rows_of_no_organization(table, organizations_of("C1"))) == []
    assert len(rows_of(rows_of_no_organization(table, organizations_of("C2")))) == 1


@pytest.mark.parametrize("seed", [1, 2])
def test_costs_agree_with_a_recomputation(seed: int) -> None:
    """Prices in plain Python, over 400 generated calls."""
    draw = random.Random(seed)
    calls: Rows = [
        {
            "call_id": f"K{number}",
            "customer_id": f"C{draw.randrange(3)}",
            "workflow": draw.choice(("answer", "classify")),
            "model": draw.choice(("small", "large", "unknown")),
            "called_at": datetime(2024, 12, 20) + timedelta(minutes=draw.randrange(45 * 1440)),
            "input_tokens": draw.randrange(5000),
            "output_tokens": draw.randrange(5000),
            "is_cache_hit": draw.random() < 0.3,
            "complexity": draw.choice((None, 0.0, 0.39, 0.4, 0.9)),
            "billed_cost": draw.choice((None, 0.01)),
        }
        for number in range(400)
    ]
    prices = {"small": (0.5, 1.5), "large": (10.0, 30.0)}
    sums: dict[tuple[str, str, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in calls:
        if date(2025, 1, 1) <= row["called_at"].date() <= date(2025, 1, 20):
            total = sums[tuple(row[name] for name in KEY)]  # type: ignore[index]
            total["calls"] += 1
            if row["model"] in prices:
                price, cheap = prices[row["model"]], prices["small"]
                cost, low = (
                    (row["input_tokens"] * a + row["output_tokens"] * b) / 1_000_000 for a, b in (price, cheap)
                )
                total["avoided" if row["is_cache_hit"] else "cost"] += cost
                is_simple = row["complexity"] is not None and row["complexity"] < 0.4
                if row["model"] == "large" and is_simple and not row["is_cache_hit"]:
                    total["misrouted_calls"] += 1
                    total["misrouted_cost"] += cost - low
    found = of(*calls)
    assert found.keys() == sums.keys()
    for key, total in sums.items():
        names = ["calls", "misrouted_calls", *(["cost", "avoided", "misrouted_cost"] if key[2] in prices else [])]
        for name in names:
            assert found[key][name] == pytest.approx(total[name], abs=1e-8), (key, name)


def test_the_policy_decides_which_tasks_are_simple() -> None:
    rules = policy_with(lifecycle__models__complexity=0.1).lifecycle  # type: ignore[attr-defined]
    assert one(call(complexity=0.2), rules=rules)["misrouted_calls"] == 0
