"""Tests of the funnel: counts that never rise, rates with intervals, medians, the window and the worst step."""

from typing import Any

import pytest

from cjo_assets.families.lifecycle.pipeline.client_pipeline import ClientPipeline
from cjo_assets.families.lifecycle.pipeline.pipeline_funnel import (
    PipelineFunnel,
    deals_that_are_not_counted,
    pipeline_funnel,
    steps_that_rise,
)
from cjo_assets_tests.support.lifecycle.events import RULES
from cjo_assets_tests.support.rows import Row, as_of, by, instant, kept, rows_of, table_of


def deal(reached: int, begun: str = "2025-01-02T00:00:00", kind: str = "new", **instants: str) -> Row:
    """Return a deal that reached so many milestones."""
    times = {f"{name}_at": instant(at) for name, at in instants.items()}
    return {"kind": kind, "reached": reached, "begun_at": instant(begun)} | times


def of(*deals: Row) -> dict[Any, Row]:
    """Return the funnel, by kind and milestone."""
    return by(("kind", "step"), kept(PipelineFunnel, pipeline_funnel(table_of(ClientPipeline, deals), as_of(), RULES)))


def test_a_deal_counts_at_every_milestone_before_its_furthest() -> None:
    found = of(deal(1), deal(3), deal(3), deal(12))
    counts = [found["new", step]["reached"] for step in ("signed_up", "researched", "requirements_validated", "demo")]
    assert counts == [4, 3, 3, 1]
    row = found["new", "signed_up"]
    assert (row["went_on"], row["rate"]) == (3, 0.75)
    # Wilson's interval of 3 of 4 at 95 %.
    assert (row["rate_low"], row["rate_high"]) == (pytest.approx(0.300642, abs=1e-6), pytest.approx(0.954413, abs=1e-6))
    assert found["new", "handed_over"]["went_on"] is None
    assert found["new", "requirements_validated"]["is_worst"]
    assert sum(row["is_worst"] for row in found.values()) == 1


def test_iterations_are_counted_apart_and_have_no_signup() -> None:
    found = of(deal(12), deal(8, kind="iteration"))
    assert ("iteration", "signed_up") not in found
    assert (found["iteration", "researched"]["reached"], found["new", "researched"]["reached"]) == (1, 1)


def test_without_deals_there_are_no_rates() -> None:
    found = of()
    assert len(found) == 23
    assert {row["reached"] for row in found.values()} == {0}
    assert {row["rate"] for row in found.values()} == {None}
    assert not any(row["is_worst"] for row in found.values())


def test_the_window_holds_deals_of_its_days() -> None:
    # 180 days up to 20 January begin on 25 July.
    found = of(deal(1, "2024-07-25T00:00:00"), deal(1, "2024-07-24T23:59:59"))
    assert found["new", "signed_up"]["reached"] == 1


def test_the_median_time_to_the_next_milestone() -> None:
    times = [("01", "02"), ("01", "03"), ("01", "09"), ("05", "02")]
    found = of(*(deal(2, signed_up=f"2025-01-{one}", researched=f"2025-01-{other}") for one, other in times))
    # 24, 48 and 192 hours; the fourth is out of order.
    assert found["new", "signed_up"]["median_hours"] == 48.0
    assert found["new", "researched"]["median_hours"] is None


def test_checks_of_the_funnel() -> None:
    deals = table_of(ClientPipeline, [deal(1), deal(3)])
    table = pipeline_funnel(deals, as_of(), RULES)
    assert rows_of(steps_that_rise(table)) == []
    assert rows_of(deals_that_are_not_counted(table, deals, as_of(), RULES)) == []
    rising = table.mutate(reached=table.place)
    assert len(rows_of(steps_that_rise(rising))) == 21
    fewer = table.filter(table.step != "signed_up")
    assert len(rows_of(deals_that_are_not_counted(fewer, deals, as_of(), RULES))) == 1
