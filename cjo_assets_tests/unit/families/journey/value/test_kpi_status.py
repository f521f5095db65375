"""Tests of the status of each family: one KPI at risk is enough, and few measured ones are no good news."""

import pytest

from cjo_assets.families.journey.value.kpi_status import KpiStatus, kpi_status
from cjo_assets.families.journey.value.kpis import Kpis
from cjo_assets_tests.support.rows import DAY, POLICY, by, kept, table_of

FAMILIES = ("operational_health", "journey_impact", "business_value")
EXCEEDED, ON_TRACK, AT_RISK, CRITICAL = (
    ("exceeded", "measured"),
    ("on_track", "measured"),
    ("at_risk", "measured"),
    ("critical", "measured"),
)
OPEN = ("not_distinguishable", "measured")
NOTHING = ("not_measurable", "not_measurable")
# For each family: statuses and bases of its KPIs; its status, measured, at risk, exceeded; what is open is counted.
CASES = [
    (
        # One at risk is not hidden by three that exceed.
        ([EXCEEDED, EXCEEDED, EXCEEDED, AT_RISK], ("at_risk", 4, 1, 3)),
        ([ON_TRACK, CRITICAL, AT_RISK, NOTHING], ("at_risk", 3, 2, 0)),
        ([EXCEEDED, NOTHING], ("exceeded", 1, 0, 1)),
    ),
    (
        ([EXCEEDED, ON_TRACK], ("on_track", 2, 0, 1)),
        ([NOTHING, NOTHING], ("not_measurable", 0, 0, 0)),
        # A proxy is no measurement, whichever way it points.
        ([("critical", "proxy"), ("exceeded", "assumption"), EXCEEDED, EXCEEDED], ("exceeded", 2, 0, 2)),
    ),
    (
        ([("exceeded", "proxy"), NOTHING], ("not_measurable", 0, 0, 0)),
        ([ON_TRACK], ("on_track", 1, 0, 0)),
        ([CRITICAL], ("at_risk", 1, 1, 0)),
    ),
    (
        # Trap 5: good news needs half of the KPIs, bad news one.
        ([EXCEEDED, ("exceeded", "proxy"), NOTHING], ("not_measurable", 1, 0, 1)),
        ([ON_TRACK, NOTHING, NOTHING], ("not_measurable", 1, 0, 0)),
        ([AT_RISK, NOTHING, NOTHING], ("at_risk", 1, 1, 0)),
    ),
    (
        # A KPI that may as well miss its target takes the good news away, and hides no bad news.
        ([EXCEEDED, EXCEEDED, OPEN], ("not_distinguishable", 3, 0, 2)),
        ([OPEN, AT_RISK], ("at_risk", 2, 1, 0)),
        ([OPEN, NOTHING, NOTHING], ("not_measurable", 1, 0, 0)),
    ),
]


@pytest.mark.parametrize("families", CASES)
def test_the_status_of_a_family_follows_from_measured_kpis(
    families: tuple[tuple[list[tuple[str, str]], tuple[str, int, int, int]], ...],
) -> None:
    rows = [
        {"family": family, "kpi": f"{family} {number}", "status": status, "basis": basis}
        for family, (found, _) in zip(FAMILIES, families, strict=True)
        for number, (status, basis) in enumerate(found)
    ]
    judged = by("family", kept(KpiStatus, kpi_status(table_of(Kpis, rows), POLICY)))
    assert judged == {
        family: {
            "as_of": DAY,
            "family": family,
            "status": status,
            "kpis": len(found),
            "measured": measured,
            "at_risk": at_risk,
            "exceeded": exceeded,
            "not_distinguishable": found.count(OPEN),
        }
        for family, (found, (status, measured, at_risk, exceeded)) in zip(FAMILIES, families, strict=True)
    }


def test_no_kpis_no_families() -> None:
    assert kept(KpiStatus, kpi_status(table_of(Kpis, []), POLICY)) == []
