"""The sample of the lifecycle: the facts of operation with their arithmetic."""

from cjo_assets_tests.support.chain import Chain
from cjo_assets_tests.support.rows import Row


def compliance(sample: Chain) -> dict[tuple[str, str], Row]:
    """Return the compliance with service levels by customer and metric."""
    rows = sample.rows("FROM lifecycle.sla_compliance")
    return {(row["customer_id"], row["metric"]): row for row in rows}


def test_downtime_of_the_month(lifecycle_sample: Chain) -> None:
    """F22: 36 of 28,800 minutes; a thousandth of the 44,640 minutes of January may be down."""
    row = compliance(lifecycle_sample)["C004", "uptime"]
    assert (row["measured"], row["missed"], row["attained"]) == (28_800, 36, 0.99875)
    assert (row["allowed"], round(row["used"], 3), row["state"], row["credit"]) == (44.64, 0.806, "at_risk", 0.0)


def test_a_breach_with_a_credit(lifecycle_sample: Chain) -> None:
    """F23: 60 minutes are more than 44.64; a tenth of 8,166.67."""
    row = compliance(lifecycle_sample)["C008", "uptime"]
    assert (row["missed"], row["state"], row["is_contracted"], row["credit"]) == (60, "breached", True, 816.67)


def test_states_of_the_sample(lifecycle_sample: Chain) -> None:
    found = compliance(lifecycle_sample)
    # Ten clients pay, and C011 is measured in its trial; C007 was down for maintenance alone.
    assert len(found) == 4 * 11
    states = {key: row["state"] for key, row in found.items() if row["state"] not in ("met", "not_measurable")}
    assert states == {
        ("C004", "uptime"): "at_risk",
        ("C008", "uptime"): "breached",
        # One clock was broken in January: T-02 and T-03 of C001, T-07 of C008.
        ("C001", "first_response"): "breached",
        ("C008", "first_response"): "breached",
    }
    assert {key for key, row in found.items() if row["credit"] > 0} == {("C008", "uptime")}


def test_costs_of_models(lifecycle_sample: Chain) -> None:
    """F27: 0.0358 spent and 0.0350 avoided; two calls of 0.0175 instead of 0.000875 were misrouted."""
    found = lifecycle_sample.by("workflow", "lifecycle.model_costs")
    spent, avoided, misrouted = (
        sum(row[name] for row in found.values()) for name in ("cost", "avoided", "misrouted_cost")
    )
    assert (round(spent, 9), round(avoided, 9), round(misrouted, 9)) == (0.0358, 0.035, 0.03325)
    assert round(avoided / (spent + avoided), 6) == 0.49435
    answer = found["answer"]
    assert (answer["calls"], answer["cache_hits"], answer["misrouted_calls"]) == (8, 6, 2)
    # M-02 was billed with 0.018 instead of 0.0175.
    assert (answer["billed_calls"], answer["billed"], answer["billed_difference"]) == (2, 0.0355, 0.0005)
    assert found["classify"]["billed"] is None


def test_costs_are_those_of_the_daily_metrics(lifecycle_sample: Chain) -> None:
    sql = (
        "SELECT sum(numerator) AS cost FROM lifecycle.daily_metrics WHERE metric = 'model_cost' "
        "AND metric_day BETWEEN DATE '2025-01-01' AND DATE '2025-01-20'"
    )
    (daily,) = lifecycle_sample.rows(sql)
    (month,) = lifecycle_sample.rows("SELECT sum(cost) AS cost FROM lifecycle.model_costs")
    assert round(daily["cost"], 9) == round(month["cost"], 9)
