"""Tests of patterns between organizations: effects by hand, minimum numbers, opt-in, and that no pattern names one."""

from datetime import timedelta
from typing import Any

import pytest

from cjo_assets.families.lifecycle.inputs.organizations import Organizations
from cjo_assets.families.lifecycle.success.village_patterns import (
    VillagePatterns,
    patterns_of_too_few,
    patterns_that_name_an_organization,
    village_patterns,
)
from cjo_assets.families.lifecycle.support.daily_metrics import DailyMetrics
from cjo_assets_tests.support.lifecycle.events import RULES, event, events_of
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, day, instant, kept, rows_of, table_of

# Days before the as-of date on which a practice is applied, and whole from then on.
APPLIED = -27
# Resolved of ten conversations after the application; six of ten before it.
ADOPTERS = {"A1": 9, "A2": 8, "A3": 9, "A4": 8, "A5": 9}
OTHERS = {"B1": 6, "B2": 7, "B3": 6, "B4": 7, "B5": 6}


def organization(customer: str, **more: Any) -> Row:
    """Return an organization that opted in."""
    return {"customer_id": customer, "name": f"Company {customer}", "industry": "retail", "village_opt_in": True} | more


def rates(customer: str, after: int, at: int = APPLIED) -> Rows:
    """Return the resolved conversations of an organization before and after a day."""
    row = {"customer_id": customer, "metric": "resolved", "denominator": 10.0, "n": 10}
    return [
        row | {"metric_day": day(at - 1), "numerator": 6.0},
        row | {"metric_day": day(at), "numerator": float(after)},
    ]


def applied(customer: str, practice: str = "reminders", at: int = APPLIED) -> Row:
    """Return the application of a practice."""
    return event("practice_applied", str(day(at)), customer, about=practice)


def of(
    adopters: dict[str, int] = ADOPTERS,
    others: dict[str, int] = OTHERS,
    practice: str = "reminders",
    at: int = APPLIED,
    **changed: Row,
) -> dict[Any, Row]:
    """Return the patterns by practice."""
    everyone = adopters | others
    organizations = [organization(name, **changed.get(name, {})) for name in everyone]
    metrics = [row for name, after in everyone.items() for row in rates(name, after, at)]
    table = village_patterns(
        table_of(Organizations, organizations),
        events_of(*(applied(name, practice, at) for name in adopters)),
        table_of(DailyMetrics, metrics),
        as_of(),
        RULES,
    )
    return by("practice", kept(VillagePatterns, table))


def test_the_change_of_adopters_less_that_of_others() -> None:
    row = of()["reminders"]
    # Changes of 0.3, 0.2, 0.3, 0.2 and 0.3; others of 0, 0.1, 0, 0.1 and 0, on average 0.04.
    assert (row["industry"], row["adopters"], row["others"], row["evidence_grade"]) == ("retail", 5, 5, "matched")
    assert (row["change"], row["effect"]) == (0.26, 0.22)
    # The deviation of the effects is 0.0547723 and 2.131847 the quantile with four degrees: 0.22 -+ 0.0522194.
    assert (round(row["effect_low"], 6), round(row["effect_high"], 6)) == (0.167781, 0.272219)


def first_others(count: int) -> dict[str, int]:
    """Return so many of the others."""
    return dict(list(OTHERS.items())[:count])


def test_too_few_organizations_are_not_published() -> None:
    assert of(adopters=dict(list(ADOPTERS.items())[:4])) == {}
    assert of(others=first_others(4)) == {}


def test_without_results_of_others_the_change_alone_is_known() -> None:
    everyone = [organization(name) for name in ADOPTERS | OTHERS]
    measured = ADOPTERS | first_others(4)
    table = village_patterns(
        table_of(Organizations, everyone),
        events_of(*(applied(name) for name in ADOPTERS)),
        table_of(DailyMetrics, [row for name, after in measured.items() for row in rates(name, after)]),
        as_of(),
        RULES,
    )
    [row] = kept(VillagePatterns, table)
    assert (row["evidence_grade"], row["effect"], row["others"]) == ("before_after", 0.26, 5)


@pytest.mark.parametrize(
    "changed",
    [{"village_opt_in": False}, {"industry": "banking"}, {"signed_up_at": instant("2025-01-21 00:00")}],
)
def test_only_organizations_of_the_industry_that_opted_in_count(changed: Row) -> None:
    assert of(A1=changed) == {}
    assert of(B1=changed) == {}


def test_the_days_after_must_be_over() -> None:
    assert of(at=APPLIED + 1) == {}
    # A result of the 28th day after, or before the 28th day before, does not count.
    for offset in (28, -29):
        organizations = table_of(Organizations, [organization(name) for name in ADOPTERS | OTHERS])
        metrics = [row for name, after in (ADOPTERS | OTHERS).items() for row in rates(name, after, -40)]
        for row in metrics:
            if row["metric_day"] == day(-40 if offset > 0 else -41):
                row["metric_day"] = day(-40) + timedelta(days=offset)
        events = events_of(*(applied(name, at=-40) for name in ADOPTERS))
        assert rows_of(village_patterns(organizations, events, table_of(DailyMetrics, metrics), as_of(), RULES)) == []


@pytest.mark.parametrize("practice", ["as Company A1 does", "company_a1", "for B2 only", "see shop.example.com", "a@b"])
def test_practices_that_name_an_organization_are_left_out(practice: str) -> None:
    assert of(practice=practice) == {}
    organizations = table_of(Organizations, [organization(name) for name in ("A1", "B2")])
    table = table_of(VillagePatterns, [{"practice": practice, "industry": "retail"}])
    assert rows_of(patterns_that_name_an_organization(table, organizations)) == [{"text": practice}]
    table = table_of(VillagePatterns, [{"practice": "reminders", "industry": practice}])
    assert rows_of(patterns_that_name_an_organization(table, organizations)) == [{"text": practice}]
    table = table_of(VillagePatterns, [{"practice": "reminders", "industry": "retail"}])
    assert rows_of(patterns_that_name_an_organization(table, organizations)) == []


def test_patterns_of_too_few_are_found() -> None:
    rows: Rows = [{"practice": f"P{one}{two}", "adopters": one, "others": two} for one in (4, 5) for two in (4, 5)]
    found = rows_of(patterns_of_too_few(table_of(VillagePatterns, rows), RULES))
    assert sorted(row["practice"] for row in found) == ["P44", "P45", "P54"]
