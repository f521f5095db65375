"""Tests of reconciliation: every residual between two sources is named, and a missing value is no agreement."""

from typing import Any

import pytest

from cjo_assets.families.marketing.analysis.campaign_analysis import CampaignAnalysis
from cjo_assets.families.marketing.analysis.reconciliation import (
    Reconciliation,
    reconciliation,
    residuals_beyond_tolerance,
)
from cjo_assets.families.marketing.inputs.channels import Channels
from cjo_assets.families.marketing.inputs.creative_assets import CreativeAssets
from cjo_assets.families.marketing.inputs.funnel_events import FunnelEvents
from cjo_assets.families.marketing.inputs.performance_metrics import PerformanceMetrics
from cjo_assets.families.marketing.inputs.roi_ledger import RoiLedger
from cjo_assets.families.marketing.inputs.segment_rollups import SegmentRollups
from cjo_assets.policy import Policy
from cjo_assets_tests.support.marketing.campaigns import metric_table, performance, performance_table
from cjo_assets_tests.support.rows import POLICY, Row, as_of, by, day, instant, kept, policy_with, rows_of, table_of

KEY = ("campaign_id", "scope", "figure", "one_source", "other_source")
CAMPAIGNS = [
    {"campaign_id": "agrees", "primary_kpi": "conversion_rate", "impressions": 3000, "clicks": 90, "conversions": 40}
    | {"spend": 100.0, "value": 400.0},
    {"campaign_id": "differs", "primary_kpi": "click_through_rate", "impressions": 1000, "clicks": 10}
    | {"conversions": 0, "spend": 0.0, "value": 0.0},
    {"campaign_id": "unmeasured", "primary_kpi": "conversion_rate"},
    {"campaign_id": "silent", "primary_kpi": "conversion_rate"},
]
LEDGER = [
    # 1 % of spend is allowed, 5 % of value is not exceeded by 5 %; the net value is a cent off its parts.
    {"campaign_id": "agrees", "media_spend": 101.0, "estimated_value": 420.0, "llm_cost": 9.0}
    | {"human_review_cost": 10.0, "net_roi": 300.01},
    {"campaign_id": "differs", "media_spend": 50.0, "estimated_value": 10.0, "llm_cost": 0.0}
    | {"human_review_cost": 0.0, "net_roi": 40.0},
    {"campaign_id": "unmeasured", "media_spend": 5.0, "estimated_value": 0.0, "net_roi": -5.0},
]


def snapshot(asset: str, moment: str, impressions: int, clicks: int, conversions: int, **changes: Any) -> Row:
    """Return a snapshot whose stated rate is conversions over impressions."""
    rate = conversions / impressions if impressions else 0.0
    counts = {"impressions": impressions, "clicks": clicks, "conversions": conversions, "conversion_rate": rate}
    return {"asset_id": asset, "experiment_id": "x", "timestamp": instant(moment)} | counts | changes


SNAPSHOTS = [
    # Increments of two days within the window of the rollup, one before it, one on its last evening.
    snapshot("mine", "2025-01-10T23:59:59", 1000, 30, 10, cost=40.0, revenue_proxy=100.0),
    snapshot("mine", "2025-01-11T00:00:00", 500, 15, 10, cost=20.0, revenue_proxy=100.0),
    snapshot("mine", "2025-01-17T23:59:59", 1500, 45, 20, cost=40.0, revenue_proxy=200.0),
    # The rate is stated over clicks.
    snapshot("other", "2025-01-12T00:00:00", 1000, 10, 5, conversion_rate=0.5),
    snapshot("mine", "2025-01-21T00:00:00", 9999, 9999, 9999),
]
ASSETS = [
    {"asset_id": "mine", "campaign_id": "agrees", "segment_id": "s"},
    {"asset_id": "other", "campaign_id": "differs", "segment_id": "s"},
]
WINDOW = {"window_start": day(-9), "window_end": day(-3), "primary_kpi": "conversion_rate"}
ROLLUPS = [
    {"rollup_id": "R1", "campaign_id": "agrees", "segment_id": "s", "impressions": 2000, "clicks": 60}
    | {"conversions": 30, "spend": 60.0, "revenue_proxy": 300.0, "kpi_value": 0.015}
    | WINDOW,
    # Five conversions of 2000 impressions too many, and a rate that its own counts contradict.
    {"rollup_id": "R2", "campaign_id": "agrees", "segment_id": "s", "impressions": 2000, "clicks": 60}
    | {"conversions": 35, "spend": 60.0, "revenue_proxy": 300.0, "kpi_value": 0.015}
    | WINDOW,
    {"rollup_id": "elsewhere", "campaign_id": "agrees", "segment_id": "nobody", "impressions": 10, "kpi_value": 0.0}
    | WINDOW,
    {"rollup_id": "not over", "campaign_id": "agrees", "segment_id": "s"} | WINDOW | {"window_end": day(1)},
]
CHANNELS = [
    {"channel_id": "search", "cost_model": "per_click", "avg_cost": 1.5},
    {"channel_id": "mail", "cost_model": "per_send", "avg_cost": 0.02},
    {"channel_id": "posters", "cost_model": "flat", "avg_cost": 100.0},
    {"channel_id": "free", "cost_model": "per_click", "avg_cost": None},
]
SHOWN = [
    # 420 clicks at 1.50 are 630; two experiments of one asset, each with half of them.
    performance("agrees", 0, asset_id="dear", channel_id="search", clicks=210, cost=450.0, experiment_id="one"),
    performance("agrees", 0, asset_id="dear", channel_id="search", clicks=210, cost=450.0, experiment_id="two"),
    performance("agrees", 0, asset_id="dearer", channel_id="search", clicks=510, cost=930.0),
    performance("agrees", 0, impressions=12_000, asset_id="as planned", channel_id="mail", cost=240.0),
    performance("agrees", 0, asset_id="a fifth more", channel_id="search", clicks=100, cost=180.0),
    performance("agrees", 0, asset_id="poster", channel_id="posters", clicks=5, cost=9.0),
    performance("agrees", 0, asset_id="free", channel_id="free", clicks=5, cost=9.0),
]
EVENTS = [
    ("agrees", "impression", 3060),
    ("agrees", "click", 92),
    ("agrees", "signup", 40),
    ("agrees", "purchase", 1),
    ("differs", "click", 0),
]
# one value, other value, residual, share, state, source without a value
LEDGER_METRICS, FUNNEL_METRICS = ("ledger", "metrics"), ("funnel", "metrics")
PARTS, STATED, WINDOWS = ("ledger", "ledger_parts"), ("stated_metrics", "metrics"), ("rollups", "metrics")
OWN, MODEL = ("rollups", "rollup_parts"), ("stated_cost", "cost_model")
EXPECTED = {
    ("agrees", "campaign", "spend", *LEDGER_METRICS): (101.0, 100.0, 1.0, 0.01, "within_tolerance", None),
    ("agrees", "campaign", "value", *LEDGER_METRICS): (420.0, 400.0, 20.0, 0.05, "within_tolerance", None),
    ("agrees", "campaign", "net_value", *PARTS): (300.01, 300.0, 0.01, 0.000033, "within_tolerance", None),
    ("agrees", "campaign", "rate", *STATED): (40 / 3000, 40 / 3000, 0.0, 0.0, "within_tolerance", None),
    ("agrees", "campaign", "impressions", *FUNNEL_METRICS): (3060.0, 3000.0, 60.0, 0.02, "within_tolerance", None),
    ("agrees", "campaign", "clicks", *FUNNEL_METRICS): (92.0, 90.0, 2.0, 2 / 90, "beyond_tolerance", None),
    ("agrees", "campaign", "conversions", *FUNNEL_METRICS): (40.0, 40.0, 0.0, 0.0, "within_tolerance", None),
    ("differs", "campaign", "spend", *LEDGER_METRICS): (50.0, 0.0, 50.0, None, "beyond_tolerance", None),
    ("differs", "campaign", "value", *LEDGER_METRICS): (10.0, 0.0, 10.0, None, "beyond_tolerance", None),
    ("differs", "campaign", "net_value", *PARTS): (40.0, -40.0, 80.0, 2.0, "beyond_tolerance", None),
    ("differs", "campaign", "rate", *STATED): (0.5, 0.005, 0.495, 99.0, "beyond_tolerance", None),
    ("differs", "campaign", "impressions", *FUNNEL_METRICS): (None, 1000.0, None, None, "missing", "funnel"),
    ("differs", "campaign", "clicks", *FUNNEL_METRICS): (0.0, 10.0, -10.0, -1.0, "beyond_tolerance", None),
    ("unmeasured", "campaign", "spend", *LEDGER_METRICS): (5.0, None, None, None, "missing", "metrics"),
    ("unmeasured", "campaign", "value", *LEDGER_METRICS): (0.0, None, None, None, "missing", "metrics"),
    ("unmeasured", "campaign", "net_value", *PARTS): (-5.0, -5.0, 0.0, 0.0, "within_tolerance", None),
    ("agrees", "R1", "impressions", *WINDOWS): (2000.0, 2000.0, 0.0, 0.0, "within_tolerance", None),
    ("agrees", "R1", "clicks", *WINDOWS): (60.0, 60.0, 0.0, 0.0, "within_tolerance", None),
    ("agrees", "R1", "conversions", *WINDOWS): (30.0, 30.0, 0.0, 0.0, "within_tolerance", None),
    ("agrees", "R1", "spend", *WINDOWS): (60.0, 60.0, 0.0, 0.0, "within_tolerance", None),
    ("agrees", "R1", "value", *WINDOWS): (300.0, 300.0, 0.0, 0.0, "within_tolerance", None),
    ("agrees", "R1", "rate", *OWN): (0.015, 0.015, 0.0, 0.0, "within_tolerance", None),
    ("agrees", "R2", "conversions", *WINDOWS): (35.0, 30.0, 5.0, 1 / 6, "beyond_tolerance", None),
    ("agrees", "R2", "rate", *OWN): (0.015, 0.0175, -0.0025, -1 / 7, "beyond_tolerance", None),
    ("agrees", "dear", "asset_cost", *MODEL): (900.0, 630.0, 270.0, 270 / 630, "beyond_tolerance", None),
    ("agrees", "dearer", "asset_cost", *MODEL): (930.0, 765.0, 165.0, 165 / 765, "beyond_tolerance", None),
    ("agrees", "as planned", "asset_cost", *MODEL): (240.0, 240.0, 0.0, 0.0, "within_tolerance", None),
    ("agrees", "a fifth more", "asset_cost", *MODEL): (180.0, 150.0, 30.0, 0.2, "within_tolerance", None),
    ("agrees", "elsewhere", "impressions", *WINDOWS): (10.0, None, None, None, "missing", "metrics"),
}


@pytest.fixture(scope="module")
def tables() -> dict[str, Any]:
    """Return the inputs."""
    events = [
        {"event_id": str(place), "campaign_id": name, "stage": stage, "count": count, "date": day(-1)}
        | {"timestamp": instant("2025-01-20T00:00:00")}
        for place, (name, stage, count) in enumerate(EVENTS)
    ]
    return {
        "campaign_analysis": table_of(CampaignAnalysis, CAMPAIGNS),
        "roi_ledger": table_of(RoiLedger, LEDGER),
        "performance_metrics": table_of(PerformanceMetrics, SNAPSHOTS),
        "creative_assets": table_of(CreativeAssets, ASSETS),
        "asset_performance": performance_table(SHOWN),
        "channels": table_of(Channels, CHANNELS),
        "funnel_events": table_of(FunnelEvents, events),
        "segment_rollups": table_of(SegmentRollups, ROLLUPS),
        "metric_definitions": metric_table(),
    }


def reconciled(tables: dict[str, Any], policy: Policy = POLICY) -> dict[tuple[str, ...], Row]:
    """Return the residuals under a policy."""
    return by(KEY, kept(Reconciliation, reconciliation(**tables, as_of=as_of(), policy=policy)))


@pytest.fixture(scope="module")
def rows(tables: dict[str, Any]) -> dict[tuple[str, ...], Row]:
    """Return the residuals under the packaged policy."""
    return reconciled(tables)


@pytest.mark.parametrize("key", EXPECTED, ids=" ".join)
def test_each_residual_by_hand(key: tuple[str, ...], rows: dict[tuple[str, ...], Row]) -> None:
    """Trap M8, M16: a rate over another denominator is found; a window is compared with its own snapshots."""
    names = ("one_value", "other_value", "residual", "residual_share", "state", "missing_source")
    for name, expected in zip(names, EXPECTED[key], strict=True):
        value = rows[key][name]
        assert value == (pytest.approx(expected, abs=1e-6) if isinstance(expected, float) else expected), name


def test_figures_that_no_source_has_make_no_row(rows: dict[tuple[str, ...], Row]) -> None:
    """Both silent, a stage that is no conversion of the metric, and a window still open: no row, no residual."""
    assert "silent" not in {key[0] for key in rows}
    assert ("differs", "campaign", "conversions", *FUNNEL_METRICS) not in rows
    assert "not over" not in {key[1] for key in rows}
    assert rows["agrees", "R1", "rate", *OWN]["metric"] == "conversion_rate"
    # A channel without a unit, or without a price, has no model to compare with.
    assert not {"poster", "free"} & {key[1] for key in rows}
    expected = {key for key in EXPECTED if key[1] not in ("R2", "elsewhere")}
    assert {key for key in rows if key[1] not in ("R2", "elsewhere")} == expected


def test_all_that_is_beyond_tolerance_is_named(rows: dict[tuple[str, ...], Row]) -> None:
    table = table_of(Reconciliation, [{name: row[name] for name in row if name != "as_of"} for row in rows.values()])
    named = {tuple(row[name] for name in KEY) for row in rows_of(residuals_beyond_tolerance(table))}
    assert named == {key for key, row in rows.items() if row["state"] == "beyond_tolerance"}
    assert len(named) == 10


def test_totals_are_compared_by_what_they_add(tables: dict[str, Any], rows: dict[tuple[str, ...], Row]) -> None:
    """Snapshots that count from the start: the window holds the last total less the last one before it."""
    totals = [
        snapshot("mine", "2025-01-10T23:59:59", 1000, 30, 10, cost=40.0, revenue_proxy=100.0),
        snapshot("mine", "2025-01-11T00:00:00", 1500, 45, 20, cost=60.0, revenue_proxy=200.0),
        snapshot("mine", "2025-01-17T23:59:59", 3000, 90, 40, cost=100.0, revenue_proxy=400.0),
    ]
    policy = policy_with(marketing__snapshots__snapshots_are="totals")
    found = reconciled(tables | {"performance_metrics": table_of(PerformanceMetrics, totals)}, policy)
    of_window = [key for key in found if key[1] == "R1"]
    assert len(of_window) == 6
    assert all(found[key] == rows[key] for key in of_window)


# What to turn, and the residual that is another then; each is of rows that no other leaf touches.
TURNED: dict[str, tuple[Any, tuple[str, ...]]] = {
    "tolerances__spend": (0.009, ("agrees", "campaign", "spend", *LEDGER_METRICS)),
    "tolerances__value": (0.049, ("agrees", "campaign", "value", *LEDGER_METRICS)),
    "tolerances__net_value": (0.00003, ("agrees", "campaign", "net_value", *PARTS)),
    "tolerances__impressions": (0.01, ("agrees", "campaign", "impressions", *FUNNEL_METRICS)),
    "tolerances__clicks": (0.03, ("agrees", "campaign", "clicks", *FUNNEL_METRICS)),
    "tolerances__conversions": (0.2, ("agrees", "R2", "conversions", *WINDOWS)),
    "tolerances__rate": (0.2, ("agrees", "R2", "rate", *OWN)),
    "tolerances__asset_cost": (0.19, ("agrees", "a fifth more", "asset_cost", *MODEL)),
}
STAGES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "impression_stage": ("click", ("agrees", "campaign", "impressions", *FUNNEL_METRICS)),
    "click_stage": ("impression", ("agrees", "campaign", "clicks", *FUNNEL_METRICS)),
    "conversion_stages": ({"conversion_rate": "purchase"}, ("agrees", "campaign", "conversions", *FUNNEL_METRICS)),
    "cost_model_units": (
        {"per_click": "clicks", "per_send": "clicks"},
        ("agrees", "as planned", "asset_cost", *MODEL),
    ),
}


@pytest.mark.parametrize("turned", [TURNED, STAGES], ids=["tolerances", "stages"])
def test_the_policy_decides(turned: dict[str, Any], tables: dict[str, Any], rows: dict[tuple[str, ...], Row]) -> None:
    policy = policy_with(**{f"marketing__reconciliation__{path}": value for path, (value, _) in turned.items()})
    found = reconciled(tables, policy)
    for path, (_, key) in turned.items():
        assert (found[key]["state"], found[key]["one_value"]) != (rows[key]["state"], rows[key]["one_value"]), path


def test_nothing_to_reconcile(tables: dict[str, Any]) -> None:
    none = {name: table.filter(False) for name, table in tables.items()}
    assert reconciled(none) == {}
