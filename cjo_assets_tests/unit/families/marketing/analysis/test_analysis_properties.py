"""Properties of the analysis of campaigns for any data: no loss, no look-ahead, no effect of order."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import ibis.expr.types as ir
import pytest

from cjo_assets.core.contract import Contract, key_of
from cjo_assets.core.table import PARAMETERS, arguments_of, in_order
from cjo_assets.families.marketing.family import FAMILY
from cjo_assets.families.marketing.inputs.attribution_hints import AttributionHints
from cjo_assets.families.marketing.inputs.audience_segments import AudienceSegments
from cjo_assets.families.marketing.inputs.campaigns import ACTIVE, COMPLETED, DRAFT, PAUSED, Campaigns
from cjo_assets.families.marketing.inputs.channels import Channels
from cjo_assets.families.marketing.inputs.creative_assets import CreativeAssets
from cjo_assets.families.marketing.inputs.experiments import Experiments
from cjo_assets.families.marketing.inputs.funnel_events import FunnelEvents
from cjo_assets.families.marketing.inputs.performance_metrics import PerformanceMetrics
from cjo_assets.families.marketing.inputs.roi_ledger import RoiLedger
from cjo_assets.families.marketing.inputs.segment_rollups import SegmentRollups
from cjo_assets.families.marketing.inputs.touchpoints import Touchpoints
from cjo_assets.families.marketing.measurement.asset_performance import AssetPerformance, asset_performance
from cjo_assets.families.marketing.value.roi_analysis import RoiAnalysis
from cjo_assets_tests.support.marketing.campaigns import campaign, metric_table
from cjo_assets_tests.support.rows import BACKEND, DAY, POLICY, Rows, as_of, kept, rows_of, table_of

TABLES = in_order(
    table for table in FAMILY.tables if table.group == "analysis" or table.name == "performance_assessment"
)
Dataset = tuple[type[Contract], Rows]
METRICS = ["conversion_rate", "click_through_rate", "vibes"]
STAGES = POLICY.vocabulary.funnel_stages


def world(seed: int, days: Sequence[int], later: bool = False) -> dict[str, Dataset]:
    """Return datasets of five campaigns, of which one is only set up; `later` ones carry ids of their own."""
    chance = random.Random(seed)
    names = [f"C{place}" for place in range(4)]
    first = f"later {seed} " if later else ""

    def moment() -> datetime:
        return datetime.combine(DAY, datetime.min.time()) + timedelta(
            days=chance.choice(days), seconds=chance.randrange(86_400)
        )

    def place() -> dict[str, str]:
        return {"campaign_id": chance.choice(names), "channel_id": f"H{chance.randrange(3)}"}

    assets = [
        {
            "asset_id": f"{name}/{number}",
            "campaign_id": name,
            "segment_id": f"S{number % 2}",
            "channel_id": f"H{number}",
        }
        for name in names
        for number in range(3)
    ]
    snapshots = [
        {"asset_id": asset["asset_id"], "experiment_id": f"E {asset['campaign_id']}", "timestamp": moment()}
        | {"impressions": chance.randrange(3000), "clicks": chance.randrange(90), "conversions": chance.randrange(30)}
        | {"cost": chance.randrange(10_000) / 100, "revenue_proxy": chance.choice([0.0, 12.35, 499.99])}
        for asset in assets
        for _ in range(chance.randrange(5))
    ]
    events = [
        place() | {"event_id": f"{first}F{number}", "stage": chance.choice(STAGES), "count": chance.randrange(500)}
        | {"timestamp": when, "date": when.date() - timedelta(days=chance.randrange(2))}
        | {"confidence": chance.random()}
        for number in range(60)
        for when in [moment()]
    ]  # fmt: skip
    hints = [
        place() | {"hint_id": f"{first}N{number}", "timestamp": moment(), "confidence": chance.random()}
        | {"attributed_conversions": chance.random() * 90, "method": chance.choice(["first_touch", "assist"])}
        for number in range(20)
    ]  # fmt: skip
    touches = [
        place() | {"touchpoint_id": f"{first}T{number}-{touch}", "conversion_id": f"{first}V{number}"}
        | {"converted_at": when, "touched_at": when - timedelta(hours=chance.randrange(900))}
        | {"conversion_value": [None, 19.99, 333_333_333_333.33, 0.0, 0.01][number % 5]}
        for number in range(30)
        for when in [moment()]
        for touch in range(chance.randrange(1, 7))
    ]  # fmt: skip
    rollups = [
        {"rollup_id": f"{first}R{number}", "campaign_id": chance.choice(names), "segment_id": f"S{chance.randrange(3)}"}
        | {"window_start": when - timedelta(days=6), "window_end": when, "impressions": chance.randrange(9000)}
        | {"primary_kpi": chance.choice(METRICS), "kpi_value": chance.random()}
        for number in range(12)
        for when in [moment().date()]
    ]
    return {
        "campaigns": (
            Campaigns,
            [
                campaign(
                    name, status=status, primary_kpi=METRICS[number % 3], kpi_target=[None, 0.01, 0.02][number % 3]
                )
                for number, (name, status) in enumerate(
                    zip([*names, "set up"], [ACTIVE, PAUSED, COMPLETED, ACTIVE, DRAFT], strict=True)
                )
            ],
        ),
        "creative_assets": (CreativeAssets, assets),
        "channels": (
            Channels,
            [
                {"channel_id": f"H{number}", "cost_model": model, "avg_cost": 0.05}
                for number, model in enumerate(("per_click", "per_send", "flat"))
            ],
        ),
        "audience_segments": (AudienceSegments, [{"segment_id": f"S{number}", "name": "New"} for number in range(3)]),
        "experiments": (
            Experiments,
            [{"experiment_id": f"E {name}", "campaign_id": name, "status": "running"} for name in names],
        ),
        "performance_metrics": (PerformanceMetrics, snapshots),
        "roi_ledger": (
            RoiLedger,
            [{"campaign_id": name, "llm_cost": 1.1, "media_spend": 50.0, "net_roi": -51.1} for name in names[:2]],
        ),
        "funnel_events": (FunnelEvents, events),
        "segment_rollups": (SegmentRollups, rollups),
        "attribution_hints": (AttributionHints, hints),
        "touchpoints": (Touchpoints, touches),
    }


def computed(datasets: dict[str, Dataset]) -> tuple[dict[str, Rows], dict[str, ir.Table]]:
    """Return the rows of every table of the analysis, and all tables."""
    tables = {name: table_of(contract, rows) for name, (contract, rows) in datasets.items()}
    tables["metric_definitions"] = metric_table()
    tables["roi_analysis"] = table_of(RoiAnalysis, [{"roi_percentage": 12.5}])
    done = asset_performance(tables["performance_metrics"], tables["creative_assets"], as_of(), POLICY)
    tables["asset_performance"] = table_of(AssetPerformance, _without_day(kept(AssetPerformance, done)))
    found: dict[str, Rows] = {}
    for table in TABLES:
        rows = kept(table.contract, asked(table.computation, tables))
        key = key_of(table.contract)
        found[table.name] = sorted(rows, key=lambda row: [str(row[name]) for name in key])
        tables[table.name] = table_of(table.contract, _without_day(rows))
    return found, tables


def _without_day(rows: Rows) -> Rows:
    return [{name: row[name] for name in row if name != "as_of"} for row in rows]


def asked(function: Callable[..., ir.Table], tables: dict[str, ir.Table]) -> ir.Table:
    """Return what a transform or an audit makes of the tables it names."""
    named = {name: tables[name] for name in _names(function) if name not in PARAMETERS}
    return function(**arguments_of(function, as_of(), POLICY), **named)


def _names(function: Callable[..., ir.Table]) -> tuple[str, ...]:
    return function.__code__.co_varnames[: function.__code__.co_argcount]


@pytest.fixture(scope="module")
def analysis() -> tuple[dict[str, Rows], dict[str, ir.Table]]:
    """Return a world of thirty days, analysed."""
    return computed(world(7, range(-29, 1)))


def test_nothing_is_lost(analysis: tuple[dict[str, Rows], dict[str, ir.Table]]) -> None:
    """Every blocking audit holds: sums of campaigns and segments, stages, credits, campaigns counted once."""
    found, tables = analysis
    blocking = [audit for table in TABLES for audit in table.checks if audit.is_blocking]
    assert len(blocking) == 8
    for audit in blocking:
        assert not rows_of(asked(audit.failing_rows, tables)), audit.name
    assert all(found.values())
    states = {row["state"] for name in ("funnel_analysis", "reconciliation") for row in found[name]}
    assert states >= {"measured", "not_tracked", "exceeds", "within_tolerance", "beyond_tolerance", "missing"}


def test_a_later_record_and_another_order_change_nothing(
    analysis: tuple[dict[str, Rows], dict[str, ir.Table]],
) -> None:
    """The day sees what was known on it, and neither threads nor the order of rows leave a trace."""
    found, _ = analysis
    today, tomorrow = world(7, range(-29, 1)), world(8, range(1, 9), later=True)
    dated = ("performance_metrics", "funnel_events", "segment_rollups", "attribution_hints", "touchpoints")
    for name in dated:
        contract, rows = today[name]
        today[name] = contract, [*rows, *tomorrow[name][1]]
    for _, rows in today.values():
        random.Random(1).shuffle(rows)
    BACKEND.raw_sql("SET threads = 1")
    try:
        again, _ = computed(today)
    finally:
        BACKEND.raw_sql("RESET threads")
    known = {row["touchpoint_id"] for row in found["touch_credits"]}
    again["touch_credits"] = [row for row in again["touch_credits"] if row["touchpoint_id"] in known]
    for name, rows in found.items():
        assert again[name] == rows, name
