"""The sample of the lifecycle: the facts of operation with their arithmetic."""

from cjo_assets_tests.support.chain import Chain
from cjo_assets_tests.support.rows import Row, instant


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


def test_a_version_to_roll_back(lifecycle_sample: Chain) -> None:
    """F21: 2 of 12 requests are too few, 3 of 40 are 0.075, known at 10:10."""
    changes = {
        (row["config_id"], row["config_version"]): row for row in lifecycle_sample.rows("FROM lifecycle.config_changes")
    }
    assert len(changes) == 6
    row = changes["cfg-01", 2]
    assert (row["decision"], row["rule"], row["observed"], row["n"]) == ("roll_back", "error_rate", 0.075, 40)
    assert (row["to_version"], row["first_failed_at"]) == (1, instant("2025-01-15 10:05"))
    assert (row["deployed_at"], row["detected_after_minutes"]) == (instant("2025-01-15 10:00"), 10.0)
    assert (row["changed_paths"], row["risk"]) == (["model.max_tokens", "system_prompt"], "low")
    # Requested at 09:40; the first conversation began at noon.
    assert (row["change_id"], row["approval"], row["is_self_service"]) == ("CH-1", "not_needed", True)
    assert (row["lead_minutes"], row["outcome"], row["is_claim_right"]) == (20.0, "too_early", True)
    assert {name: row["decision"] for name, row in changes.items() if name != ("cfg-01", 2)} == {
        ("cfg-01", 1): "not_live",
        # Their windows are whole days, or there are none.
        ("cfg-03", 1): "insufficient_data",
        ("cfg-05", 1): "insufficient_data",
        ("cfg-07", 1): "insufficient_data",
        ("cfg-11", 1): "insufficient_data",
    }


def test_incidents(lifecycle_sample: Chain) -> None:
    found = lifecycle_sample.rows("FROM lifecycle.incidents ORDER BY opened_at")
    assert [(row["customer_id"], row["source"], row["repair_minutes"]) for row in found] == [
        ("C004", "reported", 36.0),
        ("C008", "reported", 60.0),
        # The window of 3 errors of 40, five minutes after version 2 was deployed.
        ("C004", "unreported", 5.0),
    ]
    assert [row["versions"] for row in found] == [[], [], ["cfg-01 2"]]
    counts = [(row["down_minutes"], row["errors"], row["requests"]) for row in found]
    assert counts == [(36, 12, 400), (60, 25, 600), (0, 3, 40)]
    # Failures of a window of a whole day are not timed.
    assert [row["detected_after_minutes"] for row in found] == [None] * 3
    notices = [(row["notice_sent_at"], row["rca_published_at"]) for row in found]
    assert notices == [(None, None), (instant("2025-01-14 05:00"), instant("2025-01-17 12:00")), (None, None)]
