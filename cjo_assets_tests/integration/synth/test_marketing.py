"""Generated marketing data: the same bytes for a seed, true to the truth file, accepted or refused as made."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow
import pyarrow.compute as pc
import pytest
from typer.testing import CliRunner

from cjo_assets.cli.app import app
from cjo_assets.engine.store import Store
from cjo_assets.families.marketing import family as marketing
from cjo_assets.families.marketing.synth.datasets import CHUNK_CAMPAIGNS, MarketingRequest, generated_marketing
from cjo_assets.families.marketing.synth.world import default_marketing_world, require_marketing_words
from cjo_assets.ingest.chain import compute_day, load_files
from cjo_assets.policy import Policy
from cjo_assets.synth.made import WorldError
from cjo_assets_tests.integration.synth.test_writer import hashes
from cjo_assets_tests.support.catalog import STATEMENTS
from cjo_assets_tests.support.chain import Chain
from cjo_assets_tests.support.journey.markets import Market
from cjo_assets_tests.support.rows import policy_with

UNTIL = date(2026, 3, 31)
# Answers to requests cannot be known before the requests.
NAMES = sorted(dataset.name for dataset in marketing.DATASETS if dataset.name != "marketing_approvals")
OPTIONAL = ("--touchpoints", "--experiment-metrics")
# The tables of files and quarantine, without derived figures.
LOOKUPS = replace(
    marketing.FAMILY,
    tables=tuple(replace(table, checks=()) for table in marketing.FAMILY.tables if table.group == "inputs"),
)


def campaigns_of(count: int, policy: Policy, **changes: object) -> Market:
    """Generate tables in memory."""
    made = generated_marketing(replace(MarketingRequest(count, 7, UNTIL), **changes), policy)
    parts: dict[str, list[pyarrow.Table]] = {}
    for name, table in made.batches():
        parts.setdefault(name, []).append(table)
    return Market({name: pyarrow.concat_tables(tables) for name, tables in parts.items()}, made.truth())


def synth(out: Path, *arguments: str) -> None:
    """Run the command in this process."""
    command = ["synth", "--family", "marketing", "--out", str(out), *arguments]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output


@pytest.fixture(scope="module")
def many(policy: Policy) -> Market:
    """Enough campaigns for shares to settle."""
    return campaigns_of(1_000, policy)


@pytest.fixture(scope="module")
def few(policy: Policy) -> Market:
    """Return some campaigns, with the touches before their conversions."""
    return campaigns_of(60, policy, with_touchpoints=True, with_experiment_metrics=True)


@pytest.fixture
def lookups() -> Iterator[Store]:
    """Return a store that knows the lookups."""
    store = Store(duckdb.connect(), (LOOKUPS,), STATEMENTS)
    yield store
    store.connection.close()


def test_a_seed_gives_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    arguments = ["--campaigns", "12", "--seed", "3", "--format", "csv", "--dirty", "0.2", *OPTIONAL]
    synth(tmp_path / "here", *arguments)
    command = [str(Path(sys.executable).with_name("cjo")), "synth", "--family", "marketing", "--out", "there"]
    environment = os.environ | {"PYTHONHASHSEED": "1", "TZ": "Pacific/Auckland", "LC_ALL": "C"}
    subprocess.run([*command, *arguments], cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=60)
    assert hashes(tmp_path / "here") == hashes(tmp_path / "there")
    assert {Path(name).stem for name in hashes(tmp_path / "here")} == {*NAMES, "truth_marketing"}
    synth(tmp_path / "here", "--force", "--campaigns", "12", "--seed", "4", "--format", "json")
    files = hashes(tmp_path / "here")
    assert {Path(name).suffix for name in files} == {".json"}
    assert "marketing/touchpoints.json" not in files, "what an earlier request wrote is gone"
    assert files["truth_marketing.json"] != hashes(tmp_path / "there")["truth_marketing.json"]


def test_all_formats_have_equal_rows_and_all_are_accepted(tmp_path: Path, policy: Policy) -> None:
    said = []
    for file_format in ("parquet", "csv", "json"):
        synth(tmp_path / file_format, "--campaigns", "20", *OPTIONAL, "--format", file_format)
        store = Store(duckdb.connect(), (LOOKUPS,), STATEMENTS)
        load_files(store, (LOOKUPS,), tmp_path / file_format, tmp_path / "archive")
        compute_day(store, (LOOKUPS,), UNTIL, policy)
        chain = Chain(store)
        truth = json.loads((tmp_path / file_format / "truth_marketing.json").read_text(encoding="utf-8"))
        for name in NAMES:
            assert chain.rows(f"FROM quarantine.{name}") == [], name
            assert chain.rows(f"SELECT count(*) AS n FROM marketing.{name}") == [{"n": truth["rows"][name]}]
        columns = "* EXCLUDE (source_file)"
        said.append({name: chain.rows(f"SELECT {columns} FROM marketing.{name} ORDER BY ALL") for name in NAMES})
        store.connection.close()
    assert said[0] == said[1] == said[2]


def test_exactly_the_corrupted_rows_are_found(tmp_path: Path, policy: Policy, lookups: Store) -> None:
    synth(tmp_path, "--campaigns", "150", "--dirty", "0.2", "--format", "parquet")
    load_files(lookups, (LOOKUPS,), tmp_path, tmp_path / "archive")
    compute_day(lookups, (LOOKUPS,), UNTIL, policy)
    chain = Chain(lookups)
    truth = json.loads((tmp_path / "truth_marketing.json").read_text(encoding="utf-8"))
    costly: set[str] = set()
    for name in set(NAMES) - {"touchpoints", "experiment_metrics"}:
        spoiled = truth["spoiled_rows"].get(name, {})
        broken = chain.rows(f"SELECT broken_rules, count(*) AS n FROM quarantine.{name} GROUP BY ALL")
        # A fault in an optional column that no rule reads costs the value, not the row.
        discards = f"quarantine.{name}_discarded_values"
        is_there = chain.rows("FROM duckdb_tables() WHERE schema_name || '.' || table_name = ?", discards)
        kept = chain.rows(f"SELECT broken_rules, count(*) AS n FROM {discards} GROUP BY ALL") if is_there else []
        # Each kind of fault breaks rules of its own.
        assert sorted(row["n"] for row in [*broken, *kept]) == sorted(filter(None, spoiled.values())), name
        (accepted,) = chain.rows(f"SELECT count(*) AS n FROM marketing.{name}")
        assert accepted["n"] + sum(row["n"] for row in broken) == truth["rows"][name]
        costly |= {rule for row in kept for rule in row["broken_rules"]}
    columns = {rule.partition(":")[0] for rule in costly}
    assert columns == {"decided_at", "insight_at", "resolved_at", "trend_vs_prior_window"}
    kinds = {name: len(faults) for name, faults in truth["spoiled_rows"].items()}
    assert kinds["campaigns"] == 8
    assert sum(kinds.values()) > 45


def test_first_campaigns_are_the_same_however_many_follow(policy: Policy, few: Market) -> None:
    more = campaigns_of(CHUNK_CAMPAIGNS + 40, policy, with_touchpoints=False)
    known = few.tables["campaigns"]["campaign_id"].combine_chunks()
    for name, table in few.tables.items():
        if name not in ("touchpoints", "experiment_metrics"):
            other = more.tables[name]
            if "campaign_id" in other.column_names:
                other = other.filter(pc.is_in(other["campaign_id"], known))
            assert table.combine_chunks().slice(0, 500).equals(other.combine_chunks().slice(0, 500)), name
    assert more.truth["experiments"][: len(few.truth["experiments"])] == few.truth["experiments"]
    budgets = more.tables["campaigns"]["budget"].to_pylist()
    assert budgets[:40] != budgets[CHUNK_CAMPAIGNS:], "chunks have seeds of their own"


def arms_of(market: Market) -> dict[str, np.ndarray]:
    """Return counts of every arm that was shown, and the true rate of its metric."""
    metrics, experiments = market.tables["performance_metrics"], market.tables["experiments"].to_pylist()
    sums = metrics.group_by("asset_id").aggregate([(name, "sum") for name in ("impressions", "clicks", "conversions")])
    by_asset = {row["asset_id"]: row for row in sums.to_pylist()}
    rows = []
    for experiment, true in zip(experiments, market.truth["experiments"], strict=True):
        assert experiment["experiment_id"] == true["experiment_id"]
        count = "clicks" if "click_through" in true["metric"] else "conversions"
        for arm in ("control", "variant"):
            if (row := by_asset.get(experiment[f"{arm}_asset"])) is not None:
                rows.append((row["impressions_sum"], row[f"{count}_sum"], true[f"{arm}_rate"], count == "clicks"))
    return dict(zip(("shown", "counted", "rate", "is_clicks"), map(np.array, zip(*rows, strict=True)), strict=True))


def test_counts_have_true_rates_and_design_effect(many: Market) -> None:
    arms = arms_of(many)
    z = (arms["counted"] - arms["shown"] * arms["rate"]) / np.sqrt(arms["shown"] * arms["rate"] * (1 - arms["rate"]))
    for kind, is_kind in (("clicks", arms["is_clicks"]), ("conversions", ~arms["is_clicks"])):
        effect, own = many.truth["design_effects"][kind], z[is_kind]
        assert own.size > 700
        assert abs(own.mean()) < 4 * np.sqrt(effect / own.size), kind
        # The variance of n squares is that of the mean times the square root of 2 / n: five of these.
        assert own.var() == pytest.approx(effect, rel=5 * np.sqrt(2 / own.size)), kind


def test_planted_effects_are_those_of_the_market(many: Market, policy: Policy) -> None:
    effects = np.array([one["relative_effect"] for one in many.truth["experiments"]])
    for effect, share in default_marketing_world().effects:
        assert (np.abs(effects - effect) < 0.001).mean() == pytest.approx(share, abs=0.05), effect
    for one in many.truth["experiments"]:
        assert one["absolute_effect"] == pytest.approx(one["variant_rate"] - one["control_rate"], abs=1e-7)
    idle = campaigns_of(100, policy, has_effect=False)
    assert {one["relative_effect"] for one in idle.truth["experiments"]} == {0.0}
    broken = np.array([one["control_share"] != 0.5 for one in many.truth["experiments"]])
    assert 0.03 < broken.mean() < 0.07


def test_the_funnel_narrows_by_the_rates_of_the_truth(many: Market) -> None:
    events = many.tables["funnel_events"].group_by(["campaign_id", "stage"]).aggregate([("count", "sum")]).to_pylist()
    counts: dict[str, dict[str, int]] = {}
    for row in events:
        counts.setdefault(row["campaign_id"], {})[row["stage"]] = row["count_sum"]
    errors: dict[str, list[float]] = {"click_rate": [], "visit_rate": [], "conversion_rate": [], "purchase_rate": []}
    for true in many.truth["campaigns"]:
        stages = counts.get(true["campaign_id"], {})
        assert bool(stages) == (true["click_rate"] is not None)
        if not stages:
            continue
        assert ("visit" in stages) == true["are_visits_tracked"]
        goal = next(stage for stage in ("signup", "demo_request", "feature_adopt") if stage in stages)
        path = [stages.get(stage) for stage in ("impression", "click", "visit", goal, "purchase")]
        tracked = [count for count in path if count is not None]
        assert tracked == sorted(tracked, reverse=True)
        for (before, after), (rate, found) in zip(itertools.pairwise(path), errors.items(), strict=True):
            if before and after is not None and true[rate]:
                found.append(after / before / true[rate] - 1)
    for rate, found in errors.items():
        assert len(found) > 500
        assert abs(np.mean(found)) < 0.01, rate


def test_money_sums_to_the_truth(many: Market) -> None:
    assets = dict(zip(*(many.columns("creative_assets")[name] for name in ("asset_id", "campaign_id")), strict=True))
    spend: dict[str, float] = {}
    for row in many.tables["performance_metrics"].select(["asset_id", "cost"]).to_pylist():
        spend[assets[row["asset_id"]]] = spend.get(assets[row["asset_id"]], 0.0) + row["cost"]
    ledger = {row["campaign_id"]: row for row in many.tables["roi_ledger"].to_pylist()}
    wrong = 0
    for true in many.truth["campaigns"]:
        assert true["spend"] == pytest.approx(spend.get(true["campaign_id"], 0.0), abs=0.005)
        if (row := ledger.get(true["campaign_id"])) is None:
            assert true["spend"] == 0
            continue
        assert row["media_spend"] == true["spend"]
        assert row["net_roi"] == pytest.approx(
            row["estimated_value"] - row["llm_cost"] - row["human_review_cost"] - row["media_spend"], abs=0.005
        )
        factor = 1.25 if true["is_ledger_wrong"] else 1.0
        assert row["estimated_value"] == pytest.approx(true["value"] * factor, abs=0.01)
        wrong += true["is_ledger_wrong"]
    assert 60 < wrong < 140
    added = {name: pc.sum(many.tables["segment_rollups"][name]).as_py() for name in ("impressions", "spend")}
    assert added["impressions"] == pc.sum(many.tables["performance_metrics"]["impressions"]).as_py()
    assert added["spend"] == pytest.approx(sum(spend.values()), abs=0.01)


def test_the_last_touch_is_the_one_that_was_counted(few: Market) -> None:
    touches = few.tables["touchpoints"].sort_by([("conversion_id", "ascending"), ("touched_at", "ascending")])
    rows = touches.to_pylist()
    last = {row["conversion_id"]: row for row in rows}
    assert len(rows) > 1.5 * len(last)
    assert all(row["touched_at"] <= row["converted_at"] for row in rows)
    counted: dict[tuple[str, str], int] = {}
    for row in last.values():
        place = row["campaign_id"], row["channel_id"]
        counted[place] = counted.get(place, 0) + 1
    hints = [row for row in few.tables["attribution_hints"].to_pylist() if row["method"] == "last_touch"]
    assert counted == {
        (row["campaign_id"], row["channel_id"]): row["attributed_conversions"]
        for row in hints
        if row["attributed_conversions"]
    }


def test_sums_over_people_are_of_the_orders_that_were_counted(few: Market) -> None:
    """Their means are those of the market, and the revenue before an experiment explains part of that in it."""
    sums = few.tables["experiment_metrics"].to_pylist()
    last = {(row["asset_id"], row["metric"]): row for row in sums}
    snapshots = few.tables["performance_metrics"].group_by("asset_id").aggregate([("conversions", "sum")])
    orders = {row["asset_id"]: row["conversions_sum"] for row in snapshots.to_pylist()}
    per_order = {asset: row for (asset, metric), row in last.items() if metric == "revenue_per_order"}
    assert {asset: row["denominator_total"] for asset, row in per_order.items()} == orders
    estimated = few.tables["performance_metrics"].group_by("asset_id").aggregate([("revenue_proxy", "sum")])
    revenue = sum(row["total"] for row in per_order.values())
    assert revenue == pytest.approx(sum(row["revenue_proxy_sum"] for row in estimated.to_pylist()), rel=0.05)
    per_person = [row for (_, metric), row in last.items() if metric == "revenue_per_person"]
    covariances = [row["pre_products"] - row["pre_total"] * row["total"] / row["people"] for row in per_person]
    assert sum(covariance > 0 for covariance in covariances) > 0.9 * len(covariances)


def test_nothing_that_happened_is_later_than_the_last_day(many: Market) -> None:
    for dataset in marketing.DATASETS:
        if dataset.name in many.tables and dataset.name != "experiments":
            table = many.tables[dataset.name]
            for name in ("timestamp", "date", "decided_at", "executed_at", "resolved_at", "created_at", "window_end"):
                if name in table.column_names:
                    assert pc.max(table[name]).as_py().isoformat()[:10] <= UNTIL.isoformat(), (dataset.name, name)
    statuses = {
        name: set(many.tables[name]["status"].to_pylist())
        for name in ("campaigns", "experiments", "budget_actions", "campaign_risk_signals")
    }
    assert {name: len(found) for name, found in statuses.items()} == {
        "campaigns": 4,
        "experiments": 4,
        "budget_actions": 5,
        "campaign_risk_signals": 4,
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--family", "marketing", "--campaigns", "0"], "1 to 9,999,999 for campaigns"),
        (["--family", "marketing", "--campaigns", "5", "--weeks", "0"], "1 to 520 for weeks"),
        (["--family", "marketing", "--campaigns", "5", "--dirty", "2"], "the dirty share"),
        (["--family", "marketing", "--campaigns", "5", "--seed", "-1"], "A seed is 0 or above"),
        (["--family", "marketing", "--customers", "5"], "Missing option --campaigns"),
        (["--campaigns", "5"], "Missing option --customers"),
        (["--family", "sales", "--campaigns", "5"], "Unknown family sales"),
    ],
)
def test_mistakes_get_one_clear_message_and_leave_no_file(arguments: list[str], message: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["synth", "--out", str(out), *arguments])
    assert done.exit_code == 1
    assert message in " ".join(done.output.split())
    assert not out.exists()


def test_a_policy_without_words_for_the_market_is_refused(policy: Policy) -> None:
    market = default_marketing_world()
    require_marketing_words(market, policy)
    with pytest.raises(WorldError, match=r"metrics: reply_rate\."):
        require_marketing_words(replace(market, metrics=(*market.metrics, ("reply_rate", "clicks"))), policy)
    with pytest.raises(WorldError, match=r"metrics: conversion_rate\."):
        require_marketing_words(replace(market, metrics=(("conversion_rate", "clicks"),)), policy)
    words = policy_with(vocabulary__cost_models=["per_send", "per_click", "per_impression"])
    with pytest.raises(WorldError, match="cost models: flat"):
        require_marketing_words(market, words)
