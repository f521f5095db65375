"""Tests of KPI status: the limits of each status in both directions, and the status of a family."""

import ibis
import pytest

from cjo_assets.core.expressions.kpi import HIGHER, LOWER, families_of, family_status, status_of, with_attainment
from cjo_assets_tests.support.rows import Rows, made_of, rows_of

KPIS = ibis.schema(
    {"kpi": "string", "numerator": "float64", "denominator": "float64", "n": "int64", "target": "float64"}
    | {"direction": "string", "is_estimate": "boolean", "interval_low": "float64", "interval_high": "float64"}
)
# Counts of everything: numerator, denominator, n, target, direction; attainment, status by 0.8 and 0.5
CASES = [
    ((8.0, 10.0, 10, 0.8, HIGHER), (1.0, "on_track")),
    ((9.0, 10.0, 10, 0.8, HIGHER), (1.125, "exceeded")),
    # 0.24 / 0.3 is 0.8 to a person, and less to a binary float.
    ((0.24, 1.0, 1, 0.3, HIGHER), (0.8, "on_track")),
    ((0.2399999, 1.0, 1, 0.3, HIGHER), (0.7999996667, "at_risk")),
    ((2.0, 3.0, 3, 2 / 3, HIGHER), (1.0, "on_track")),
    ((0.15, 1.0, 1, 0.3, HIGHER), (0.5, "at_risk")),
    ((0.1499999, 1.0, 1, 0.3, HIGHER), (0.4999996667, "critical")),
    ((-1.0, 1.0, 1, 0.5, HIGHER), (-2.0, "critical")),
    ((4.0, 1.0, 1, 5.0, LOWER), (1.25, "exceeded")),
    ((6.25, 1.0, 1, 5.0, LOWER), (0.8, "on_track")),
    ((11.0, 1.0, 1, 5.0, LOWER), (0.4545454545, "critical")),
    # With a target of none, none reaches it, and one or three hundred miss it completely.
    ((0.0, None, 4, 0.0, LOWER), (None, "on_track")),
    ((1.0, None, 4, 0.0, LOWER), (0.0, "critical")),
    ((300.0, None, 4, 0.0, LOWER), (0.0, "critical")),
    ((-0.1, 1.0, 1, 0.0, HIGHER), (0.0, "critical")),
    ((0.1, 1.0, 1, 0.0, HIGHER), (None, "exceeded")),
    # No record, or nothing to divide by: not measurable, never on track.
    ((0.0, None, 0, 0.0, LOWER), (None, "not_measurable")),
    ((None, None, None, 0.5, HIGHER), (None, "not_measurable")),
    ((1.0, 0.0, 3, 0.5, HIGHER), (None, "not_measurable")),
]


def test_status_is_computed_before_rounding() -> None:
    """Trap M18: 67 % meets 67 %, and just below a threshold is below it."""
    names = ("numerator", "denominator", "n", "target", "direction")
    rows: Rows = [
        {"kpi": f"{place:02}", "is_estimate": False} | dict(zip(names, given, strict=True))
        for place, (given, _) in enumerate(CASES)
    ]
    judged = with_attainment(made_of(rows, KPIS))
    found = rows_of(judged.mutate(status=status_of(judged, 0.8, 0.5)).order_by("kpi"))
    for row, (given, (attainment, status)) in zip(found, CASES, strict=True):
        assert row["status"] == status, given
        assert row["attainment"] == (None if attainment is None else pytest.approx(attainment, abs=1e-9)), given


# Estimates of a target of 10, up and down: value, low, high; status by 0.8 and 0.5.
ESTIMATES: list[tuple[str, float, float | None, float | None, str]] = [
    # Good news needs the worse end.
    (HIGHER, 12.0, 10.0, 14.0, "exceeded"),
    (HIGHER, 12.0, 9.999999, 14.0, "not_distinguishable"),
    (HIGHER, 10.0, 10.0, 10.0, "on_track"),
    (LOWER, 8.0, 6.0, 10.0, "exceeded"),
    (LOWER, 8.0, 6.0, 10.000001, "not_distinguishable"),
    # A miss is one where the better end misses too, however near it is.
    (HIGHER, 7.0, 4.0, 10.0, "not_distinguishable"),
    (HIGHER, 7.0, 4.0, 9.999999, "at_risk"),
    (HIGHER, 9.9, 9.8, 9.95, "at_risk"),
    (HIGHER, 2.0, -30.0, 10.5, "not_distinguishable"),
    (HIGHER, 2.0, -3.0, 4.0, "critical"),
    (LOWER, 25.0, 9.0, 70.0, "not_distinguishable"),
    (LOWER, 25.0, 11.0, 70.0, "critical"),
    # Without an interval no news is good, and bad news is that of the value.
    (HIGHER, 1000.0, None, None, "not_distinguishable"),
    (HIGHER, 10.0, None, None, "not_distinguishable"),
    (HIGHER, 8.0, None, None, "not_distinguishable"),
    (HIGHER, 7.0, None, None, "at_risk"),
    (HIGHER, 4.9, None, None, "critical"),
    (LOWER, 0.0, None, None, "not_distinguishable"),
    # One end without limit.
    (HIGHER, 12.0, 10.5, None, "exceeded"),
    (HIGHER, 12.0, 9.0, None, "not_distinguishable"),
    (HIGHER, 3.0, None, 4.0, "critical"),
]


@pytest.mark.parametrize(("direction", "value", "low", "high", "status"), ESTIMATES)
def test_an_estimate_is_compared_by_its_interval(
    direction: str, value: float, low: float | None, high: float | None, status: str
) -> None:
    row = {"kpi": "x", "numerator": value, "n": 9, "target": 10.0, "direction": direction, "is_estimate": True}
    judged = with_attainment(made_of([row | {"interval_low": low, "interval_high": high}], KPIS))
    assert rows_of(judged.select(status=status_of(judged, 0.8, 0.5))) == [{"status": status}]


def test_one_missed_kpi_is_enough_for_at_risk() -> None:
    families = {
        "critical": (["exceeded", "critical", "at_risk"], ["measured"] * 3),
        "at_risk": (["exceeded", "at_risk"], ["measured"] * 2),
        "exceeded": (["exceeded", "not_measurable"], ["measured", "not_measurable"]),
        "on_track": (["exceeded", "on_track"], ["measured"] * 2),
        # Neither good nor bad news; a family in the dark stays there.
        "not_distinguishable": (["exceeded", "not_distinguishable"], ["measured"] * 2),
        "not_measurable": (["on_track", "not_measurable", "exceeded"], ["measured", "not_measurable", "proxy"]),
        "not_measurable too": (["not_distinguishable", *["not_measurable"] * 2], ["measured", *["not_measurable"] * 2]),
    }
    rows: Rows = [
        {"family": family, "status": status, "basis": basis}
        for family, (statuses, bases) in families.items()
        for status, basis in zip(statuses, bases, strict=True)
    ]
    kpis = made_of(rows, ibis.schema(dict.fromkeys(("family", "status", "basis"), "string")))
    counted = families_of(kpis)
    assert {row["family"]: row["said"] for row in rows_of(counted.mutate(said=family_status(counted, 0.5)))} == {
        family: family.removesuffix(" too") for family in families
    }
    # Without an interval a critical KPI puts its family at risk.
    blurred = counted.drop("critical")
    told = {row["family"]: row["said"] for row in rows_of(blurred.mutate(said=family_status(blurred, 0.5)))}
    assert told["critical"] == "at_risk"
