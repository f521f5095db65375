"""Tests of health: measures, missing measures, coverage, bands, changes, and what was known on a day."""

from datetime import date
from typing import Any

import ibis
import pytest

from cjo_assets.families.lifecycle.money.accounts import Accounts
from cjo_assets.families.lifecycle.success._health import band_of, score_of
from cjo_assets.families.lifecycle.success.health_contributions import health_contributions, weights_that_do_not_sum
from cjo_assets.families.lifecycle.success.health_scores import (
    clients_without_score_row,
    health_that_fell,
    scores_that_are_not_the_sum,
)
from cjo_assets_tests.support.engine import BACKEND
from cjo_assets_tests.support.lifecycle.events import RULES, cancelled, event, events_of
from cjo_assets_tests.support.lifecycle.health import (
    contributions_of,
    invoice,
    metric,
    metrics_of,
    paying,
    scores_of,
    scores_table,
)
from cjo_assets_tests.support.rows import Row, Rows, as_of, policy_with, rows_of, table_of

# A customer with a value of every measure.
WHOLE: Rows = [
    metric("resolved", -3, 9, 10),
    metric("completed", -3, 19, 20),
    metric("conversations", -3, 20),
    metric("conversations", -30, 25),
    *(metric("active_days", -2 * n, 1) for n in range(14)),
    metric("active_users", -1, 10),
    metric("active_users", -2, 8),
    metric("features", -1, 2),
    metric("features", -5, 3),
    metric("tickets", -10, 2),
    metric("csat", -4, 41, 10),
]
LOG = [paying(), invoice("C1", "2025-01-30")]


def points(metrics: Rows, events: Rows = LOG, **more: Any) -> dict[str, Any]:
    """Return the points of each measure of C1, rounded to three decimals."""
    found = contributions_of(metrics, events, **more)
    return {
        name: row["points"] if row["points"] is None else round(row["points"], 3) for (_, name), row in found.items()
    }


def test_points_and_score_by_hand() -> None:
    """The customer of the sample with 87.83 points."""
    assert points(WHOLE) == {
        # (0.9 - 0.5) / 0.4 and (0.95 - 0.7) / 0.25.
        "resolution_rate": 100.0,
        "completion_rate": 100.0,
        # 20 / 25 = 0.8 between 0.5 and 1.
        "volume_trend": 60.0,
        # 14 / 28 of 0.6.
        "active_day_share": 83.333,
        # 3 of 5: the largest of a day.
        "features_used": 60.0,
        # 2 / 10: 0.8 of the 0.9 between 1 and 0.1.
        "tickets_per_user": 88.889,
        "complex_ticket_share": 100.0,
        # 4.1 between 2.5 and 4.5.
        "csat": 80.0,
        "days_overdue": 100.0,
    }
    row = scores_of(WHOLE, LOG)["C1"]
    # 0.30 x 100 + 0.25 x 67.778 + 0.20 x 94.444 + 0.15 x 80 + 0.10 x 100.
    assert (row["score"], row["band"], row["coverage"]) == (87.833333, "green", 1.0)
    assert (row["not_measurable"], row["mrr"]) == ([], 100.0)
    # It loses 0.25 / 3 x 40 points, as the features do: the first by name.
    assert row["weakest_measure"] == "features_used"


def test_contributions_are_points_times_weight() -> None:
    found = contributions_of(WHOLE, LOG)
    weights = {name: row["weight"] for (_, name), row in found.items()}
    assert (weights["resolution_rate"], weights["csat"], weights["days_overdue"]) == (0.15, 0.15, 0.1)
    assert weights["volume_trend"] == pytest.approx(0.25 / 3)
    assert sum(weights.values()) == pytest.approx(1.0)
    trend = found["C1", "volume_trend"]
    assert (trend["numerator"], trend["denominator"], trend["value"]) == (20.0, 25.0, 0.8)
    assert trend["contribution"] == pytest.approx(60 * 0.25 / 3)


def test_missing_components_give_their_weight_to_the_others() -> None:
    """The trial of the sample: 3 of 4 resolved, 5 of 28 days, 2 features, no ticket of 3 users."""
    metrics = [
        metric("resolved", -2, 3, 4),
        metric("completed", -2, 4, 4),
        metric("conversations", -2, 4),
        *(metric("active_days", -n, 1) for n in range(5)),
        metric("active_users", -1, 3),
        metric("features", -1, 2),
        metric("tickets", -200, 1, customer="other"),
    ]
    log = [event("trial_started", "2025-01-13", subject="S1", due_at="2025-01-27")]
    row = scores_of(metrics, log)["C1"]
    # (0.30 x 81.25 + 0.25 x 34.880952 + 0.20 x 100) / 0.75.
    assert (row["score"], row["coverage"], row["band"]) == (70.793651, 0.75, "yellow")
    assert row["not_measurable"] == ["complex_ticket_share", "csat", "days_overdue", "volume_trend"]
    missing = contributions_of(metrics, log)["C1", "csat"]
    names = ("numerator", "denominator", "value", "points", "weight", "contribution")
    assert [missing[name] for name in names] == [None] * 6


def test_a_score_needs_the_coverage_of_the_policy() -> None:
    usage = [metric("active_users", -1, 1), metric("active_days", -1, 1), metric("features", -1, 1)]
    log = [paying(), invoice("C1", "2025-01-30")]
    # Engagement, payment: 0.35.
    row = scores_of(usage, log)["C1"]
    assert (row["score"], row["band"], row["coverage"]) == (None, "unknown", 0.35)
    assert (row["change"], row["has_fallen"], row["weakest_measure"]) == (None, None, None)
    assert {part["contribution"] for part in contributions_of(usage, log).values()} == {None}
    # Support too: 0.55; the customer of the sample with 42.26 points.
    row = scores_of([*usage, metric("tickets", -7, 1)], log)["C1"]
    assert (row["score"], row["band"], row["coverage"]) == (42.261905, "red", 0.55)
    # Exactly the minimum suffices: 0.25 + 0.15 + 0.10.
    assert scores_of([*usage, metric("csat", -1, 12, 3)], log)["C1"]["coverage"] == 0.5
    assert scores_of([*usage, metric("csat", -1, 12, 3)], log)["C1"]["score"] is not None


@pytest.mark.parametrize(
    ("score", "band"),
    [(59.999999, "red"), (60.0, "yellow"), (80.0, "yellow"), (80.000001, "green"), (0.0, "red"), (None, "unknown")],
)
def test_every_score_has_one_band(score: float | None, band: str) -> None:
    value = ibis.literal(score, "float64")
    assert BACKEND.to_pyarrow(band_of(score_of(value), RULES)).as_py() == band


def test_noise_of_binary_floats_does_not_change_the_band() -> None:
    almost = ibis.literal(60.0) - ibis.literal(1e-13)
    assert BACKEND.to_pyarrow(almost).as_py() < 60
    assert BACKEND.to_pyarrow(band_of(score_of(almost), RULES)).as_py() == "yellow"


@pytest.mark.parametrize(
    ("metrics", "measure", "expected"),
    [
        # Beyond both ends.
        ([metric("resolved", 0, 1, 10)], "resolution_rate", 0.0),
        ([metric("resolved", 0, 10, 10)], "resolution_rate", 100.0),
        # More than before is no more than full.
        ([metric("conversations", 0, 9), metric("conversations", -28, 3)], "volume_trend", 100.0),
        # None after some, and none at all.
        ([metric("conversations", 0, 9, customer="C2"), metric("conversations", -28, 3)], "volume_trend", 0.0),
        ([metric("conversations", 0, 9)], "volume_trend", None),
        # No record of any customer in the window: nothing is known.
        ([metric("conversations", -28, 3)], "volume_trend", None),
        # The window has 28 days.
        ([metric("csat", -27, 15, 3)], "csat", 100.0),
        ([metric("csat", -28, 15, 3)], "csat", None),
        ([metric("csat", -27, 10, 2)], "csat", None),
        # Other customers use it, this one does not.
        ([metric("active_users", 0, 1, customer="C2")], "active_day_share", 0.0),
        ([metric("active_users", 0, 1, customer="C2")], "features_used", 0.0),
        ([metric("active_users", 0, 1, customer="C2"), metric("tickets", 0, 1)], "tickets_per_user", None),
        ([metric("active_users", 0, 4), metric("tickets", 0, 4)], "tickets_per_user", 0.0),
        ([metric("active_users", 0, 4)], "tickets_per_user", None),
        # One of four, and one from before the window.
        ([metric("tickets", 0, 4), metric("complex_tickets", 0, 1)], "complex_ticket_share", 50.0),
        ([metric("tickets", -40, 1), metric("complex_tickets", 0, 1)], "complex_ticket_share", 0.0),
        # After the day.
        ([metric("csat", 1, 15, 3)], "csat", None),
    ],
)
def test_edges_of_measures(metrics: Rows, measure: str, expected: float | None) -> None:
    assert points(metrics)[measure] == expected


def test_days_overdue_are_those_of_the_worst_invoice() -> None:
    log = [paying(), invoice("C1", "2025-01-05"), invoice("C1", "2025-01-19") | {"subject_id": "I2"}]
    assert points([], log)["days_overdue"] == 50.0
    assert points([], [paying()])["days_overdue"] is None
    assert points([], [*log, invoice("C1", "2024-10-01") | {"subject_id": "I3"}])["days_overdue"] == 0.0


def test_clients_are_those_who_pay_or_have_a_trial() -> None:
    log = [
        paying("payer"),
        event("trial_started", "2025-01-06", "trial", "T1"),
        event("trial_started", "2025-01-05", "lapsed", "T2"),
        paying("left"),
        cancelled("2025-01-20", "left", "S-left"),
        event("research_completed", "2025-01-06", "lead", "D1", quantity=1),
    ]
    # The trial of 6 January has its 14th day on the as-of date.
    assert set(scores_of([], log)) == {"payer", "trial"}
    assert set(scores_of([], log, offset=-1)) == {"payer", "trial", "lapsed", "left"}


def test_the_earlier_score_is_that_of_the_earlier_day() -> None:
    metrics = [
        metric("resolved", -20, 9, 10),
        metric("completed", -20, 19, 20),
        metric("csat", -20, 41, 10),
        # Known since yesterday: 9 of 20 are resolved.
        metric("resolved", -1, 0, 10),
    ]
    row = scores_of(metrics, LOG)["C1"]
    # (0.30 x 100 + 0.15 x 80 + 0.10 x 100) / 0.55, and 15 points of 0.55 less.
    assert (row["earlier_score"], row["score"]) == (94.545455, 67.272727)
    assert row["change"] == -27.272727
    assert scores_of(metrics, LOG, offset=-7)["C1"]["score"] == row["earlier_score"]


def test_a_fall_is_reported_from_the_points_of_the_policy() -> None:
    quiet = [metric(name, -20, 10, 10) for name in ("resolved", "completed")]
    log = [paying(), invoice("C1", "2025-01-30")]
    base: Rows = [*quiet, metric("csat", -20, 45, 10)]
    # Outcomes, satisfaction, payment: 0.55 of the weight, all at 100.
    assert scores_of(base, log)["C1"]["score"] == 100.0
    worse = [*base, metric("csat", -1, 10, 10)]
    row = scores_of(worse, log)["C1"]
    # 55 / 20 = 2.75: 12.5 points of satisfaction, so 100 - 87.5 x 0.15 / 0.55.
    assert row["change"] == pytest.approx(-87.5 * 0.15 / 0.55, abs=1e-6)
    assert row["has_fallen"] is True
    rules = policy_with(lifecycle__health__fell=-30.0).lifecycle  # type: ignore[attr-defined]
    assert scores_of(worse, log, rules=rules)["C1"]["has_fallen"] is False


def test_checks_find_sums_and_rows_that_are_wrong() -> None:
    daily, log = metrics_of(WHOLE), events_of(*LOG)
    scores = scores_table(daily, log)
    parts = health_contributions(daily, log, as_of(), RULES)
    assert rows_of(scores_that_are_not_the_sum(scores, parts)) == []
    assert rows_of(weights_that_do_not_sum(parts)) == []
    assert rows_of(health_that_fell(scores)) == []
    wrong = parts.mutate(contribution=parts.contribution + 0.001)
    assert len(rows_of(scores_that_are_not_the_sum(scores, wrong))) == 1
    assert len(rows_of(scores_that_are_not_the_sum(scores.mutate(score=ibis.null("float64")), parts))) == 1
    assert len(rows_of(weights_that_do_not_sum(parts.mutate(weight=parts.weight / 2)))) == 1
    accounts = table_of(Accounts, [{"customer_id": "C1", "subscriptions": 1}, {"customer_id": "C2"}])
    assert rows_of(clients_without_score_row(accounts, scores)) == []
    assert len(rows_of(clients_without_score_row(accounts, scores.filter(scores.customer_id == "C2")))) == 1


def test_measures_and_weights_follow_the_policy() -> None:
    rules = policy_with(
        lifecycle__health__components={
            "outcomes": 1.0,
            "engagement": 0.0,
            "support": 0.0,
            "satisfaction": 1.0,
            "payment": 0.0,
        }
    ).lifecycle  # type: ignore[attr-defined]
    row: Row = scores_of(WHOLE, LOG, rules=rules)["C1"]
    assert (row["score"], row["coverage"]) == (90.0, 1.0)
    assert date(2025, 1, 20) == row["as_of"]
