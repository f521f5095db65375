"""Tests of movements and the bridge: the five movements, months, restated months, and rates."""

from datetime import date

import ibis.expr.types as ir

from cjo_assets.families.lifecycle.money.accounts import Accounts
from cjo_assets.families.lifecycle.money.mrr_bridge import (
    MrrBridge,
    end_that_differs_from_accounts,
    months_that_do_not_close,
    mrr_bridge,
)
from cjo_assets.families.lifecycle.money.mrr_movements import (
    MrrMovements,
    months_that_do_not_connect,
    mrr_movements,
)
from cjo_assets_tests.support.lifecycle.events import RULES, cancelled, changed, events_of, started
from cjo_assets_tests.support.rows import Row, Rows, as_of, by, day, days_of, kept, rows_of, table_of

JANUARY, DECEMBER, NOVEMBER = date(2025, 1, 1), date(2024, 12, 1), date(2024, 11, 1)


def moved(*events: Row, offset: int = 0) -> dict[tuple[date, str], Row]:
    """Return the movements of a day, by month and customer."""
    found = kept(MrrMovements, mrr_movements(events_of(*events), as_of(offset), RULES), day(offset))
    return by(("month", "customer_id"), found)


def named(found: dict[tuple[date, str], Row]) -> dict[tuple[date, str], tuple[str, float]]:
    """Return name and change of those movements that change something."""
    return {key: (row["movement"], row["change_mrr"]) for key, row in found.items() if row["movement"] != "unchanged"}


def bridged(*events: Row, offset: int = 0) -> dict[date, Row]:
    """Return the bridge of a day, by month."""
    return by("month", kept(MrrBridge, bridge(*events, offset=offset), day(offset)))


def bridge(*events: Row, offset: int = 0) -> ir.Table:
    """Return the bridge of a day as a table."""
    movements = mrr_movements(events_of(*events), as_of(offset), RULES)
    return mrr_bridge(movements, as_of(offset), RULES)


def test_the_five_movements() -> None:
    found = moved(
        started("2024-11-10", 100.0, "new"),
        started("2023-01-01", 100.0, "returned", "S2"),
        cancelled("2023-12-31", "returned", "S2"),
        started("2024-11-10", 80.0, "returned", "S3"),
        started("2023-01-01", 100.0, "more", "S4"),
        changed("2024-11-10", 130.0, "more", "S4"),
        started("2023-01-01", 100.0, "less", "S5"),
        changed("2024-11-10", 70.0, "less", "S5"),
        started("2023-01-01", 100.0, "gone", "S6"),
        cancelled("2024-11-10", "gone", "S6"),
        started("2023-01-01", 100.0, "same", "S7"),
    )
    assert named({key: row for key, row in found.items() if key[0] == NOVEMBER}) == {
        (NOVEMBER, "new"): ("new", 100.0),
        (NOVEMBER, "returned"): ("reactivation", 80.0),
        (NOVEMBER, "more"): ("expansion", 30.0),
        (NOVEMBER, "less"): ("contraction", -30.0),
        (NOVEMBER, "gone"): ("churn", -100.0),
    }
    assert found[NOVEMBER, "same"]["movement"] == "unchanged"


def test_subscriptions_of_a_customer_are_netted() -> None:
    """A second one is an expansion, and cancelling one of two a contraction."""
    log = [
        started("2023-01-01", 100.0),
        started("2024-11-10", 50.0, subject="S2"),
        cancelled("2024-12-10"),
        # In January one is replaced by another of the same price.
        cancelled("2025-01-05", subject="S2"),
        started("2025-01-06", 50.0, subject="S3"),
    ]
    assert named(moved(*log)) == {
        (date(2024, 11, 1), "C1"): ("expansion", 50.0),
        (DECEMBER, "C1"): ("contraction", -100.0),
    }


def test_a_cancellation_and_a_return_within_a_month_are_no_churn() -> None:
    log = [started("2023-01-01", 100.0), cancelled("2024-12-05"), started("2024-12-20", 120.0)]
    assert named(moved(*log)) == {(DECEMBER, "C1"): ("expansion", 20.0)}
    # On the 19th of December it is a churn of the running month, as far as is known.
    assert named(moved(*log, offset=-32)) == {(DECEMBER, "C1"): ("churn", -100.0)}


def test_a_customer_of_less_than_a_month_is_new_once() -> None:
    log = [started("2024-11-05", 100.0), cancelled("2024-11-20"), started("2025-01-06", 100.0, subject="S2")]
    assert named(moved(*log)) == {(JANUARY, "C1"): ("reactivation", 100.0)}


def test_months_end_on_their_last_day_and_the_running_one_on_the_as_of_date() -> None:
    log = [started("2024-12-31", 100.0), changed("2025-01-20", 150.0), changed("2025-01-21", 900.0)]
    assert named(moved(*log)) == {(DECEMBER, "C1"): ("new", 100.0), (JANUARY, "C1"): ("expansion", 50.0)}


def test_leap_day_and_the_first_of_a_month() -> None:
    log = [started("2024-02-29", 100.0), started("2024-03-01", 50.0, "C2", "S2")]
    found = named(moved(*log))
    assert found == {(date(2024, 2, 1), "C1"): ("new", 100.0), (date(2024, 3, 1), "C2"): ("new", 50.0)}


def test_a_late_record_restates_its_month() -> None:
    log = [started("2024-02-05", 700.0), cancelled("2024-12-30", recorded_at="2025-01-13")]
    assert named(moved(*log, offset=-8)) == {(date(2024, 2, 1), "C1"): ("new", 700.0)}
    assert (DECEMBER, "C1") in named(moved(*log, offset=-7))


def test_months_shown_follow_the_policy() -> None:
    months = sorted({month for month, _ in moved(started("2020-01-01", 100.0))})
    assert (len(months), months[0], months[-1]) == (13, date(2024, 1, 1), JANUARY)


def test_bridge_of_two_months_by_hand() -> None:
    found = bridged(
        started("2023-01-01", 1000.0, "A", "S1"),
        changed("2024-12-10", 1100.0, "A", "S1"),
        started("2023-01-01", 500.0, "B", "S2"),
        cancelled("2025-01-10", "B", "S2"),
        started("2024-12-12", 8000.0, "C", "S3", about="annual"),
    )
    december, january = found[DECEMBER], found[JANUARY]
    assert (december["start_mrr"], december["new_mrr"], december["expansion_mrr"]) == (1500.0, 666.67, 100.0)
    assert (december["end_mrr"], december["end_arr"]) == (2266.67, 27_200.0)
    assert (december["start_customers"], december["new_customers"], december["end_customers"]) == (2, 1, 3)
    # (1,500 + 100) / 1,500 and 1,500 / 1,500.
    assert (december["nrr"], december["grr"]) == (1.066666667, 1.0)
    assert (january["churn_mrr"], january["churned_customers"], january["end_mrr"]) == (500.0, 1, 1766.67)
    # 1,766.67 / 2,266.67; one of three left; 1,766.67 over two customers.
    assert (january["nrr"], january["grr"], january["logo_churn"]) == (0.779412089, 0.779412089, 0.333333333)
    assert january["arpa"] == 883.34
    # A and B paid 1,500 a year ago and pay 1,100 now.
    assert january["cohort_nrr"] == 0.733333333
    # 883.335 over the mean of twelve months: eleven times 0, once a third.
    assert january["ltv"] == 31_800.06


def test_rates_without_customers_are_null_and_amounts_are_zero() -> None:
    found = bridged(started("2025-01-10", 100.0))
    assert len(found) == 13
    assert (found[DECEMBER]["start_mrr"], found[DECEMBER]["end_mrr"], found[DECEMBER]["end_customers"]) == (0.0, 0.0, 0)
    assert [found[DECEMBER][name] for name in ("nrr", "grr", "logo_churn", "arpa", "cohort_nrr", "ltv")] == [None] * 6
    assert (found[JANUARY]["new_mrr"], found[JANUARY]["nrr"], found[JANUARY]["arpa"]) == (100.0, None, 100.0)


def test_cohort_of_the_running_month_is_that_of_the_same_day() -> None:
    """Who began on 25 January 2024 did not pay twelve months before 20 January 2025."""
    log = [
        started("2024-01-25", 100.0),
        started("2024-01-10", 100.0, "C2", "S2"),
        changed("2024-12-01", 150.0, "C2", "S2"),
    ]
    assert bridged(*log)[JANUARY]["cohort_nrr"] == 1.5


def test_checks_of_the_bridge() -> None:
    table = bridge(started("2023-01-01", 1000.0), changed("2024-12-10", 1100.0))
    accounts = table_of(Accounts, [{"customer_id": "C1", "mrr": 1100.0, "arr": 13_200.0}])
    assert rows_of(months_that_do_not_close(table)) == []
    assert rows_of(end_that_differs_from_accounts(table, accounts)) == []
    wrong = table.mutate(expansion_mrr=table.expansion_mrr + 0.01)
    assert len(rows_of(months_that_do_not_close(wrong))) == 13
    fewer = table.mutate(start_customers=table.start_customers + 1)
    assert len(rows_of(months_that_do_not_close(fewer))) == 13
    assert len(rows_of(end_that_differs_from_accounts(table, accounts.mutate(mrr=accounts.mrr + 0.01)))) == 1


def test_months_that_do_not_connect_are_found() -> None:
    rows: Rows = [
        {"month": DECEMBER, "customer_id": "C1", "start_mrr": 0.0, "end_mrr": 100.0},
        {"month": JANUARY, "customer_id": "C1", "start_mrr": 100.0, "end_mrr": 100.0},
        {"month": DECEMBER, "customer_id": "C2", "start_mrr": 0.0, "end_mrr": 100.0},
        {"month": JANUARY, "customer_id": "C2", "start_mrr": 90.0, "end_mrr": 100.0},
        {"month": DECEMBER, "customer_id": "C3", "start_mrr": 0.0, "end_mrr": 100.0},
        {"month": JANUARY, "customer_id": "C4", "start_mrr": 90.0, "end_mrr": 100.0},
    ]
    table = days_of(MrrMovements, [row | {"as_of": day(0)} for row in rows]).drop("as_of")
    assert {row["customer_id"] for row in rows_of(months_that_do_not_connect(table))} == {"C2", "C3", "C4"}
