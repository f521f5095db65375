"""Keys of several columns: compared part by part, whatever characters the parts contain."""

import ibis
from hypothesis import given, settings
from hypothesis import strategies as st

from cjo_assets.core.expressions.keys import is_key_in
from cjo_assets.families.marketing.experiments.experiment_evaluations import (
    ExperimentEvaluations,
    experiments_not_evaluated,
)
from cjo_assets.families.marketing.inputs import experiments, performance_metrics
from cjo_assets.families.marketing.inputs.campaigns import Campaigns
from cjo_assets.families.marketing.inputs.creative_assets import CreativeAssets
from cjo_assets.families.marketing.inputs.experiments import Experiments
from cjo_assets.families.marketing.inputs.performance_metrics import PerformanceMetrics
from cjo_assets_tests.support.rows import made_of, rows_of, table_of

PAIRS = ibis.schema({"place": "int64", "first": "string", "second": "string"})
PARTS = st.one_of(st.none(), st.text("ab |\x1f", max_size=3))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(PARTS, PARTS), min_size=1, max_size=8), st.lists(st.tuples(PARTS, PARTS), max_size=8))
def test_a_key_is_found_exactly_where_all_parts_are_equal(
    keys: list[tuple[str | None, str | None]], known: list[tuple[str | None, str | None]]
) -> None:
    rows, others = (
        made_of([{"place": place, "first": a, "second": b} for place, (a, b) in enumerate(pairs)], PAIRS)
        for pairs in (keys, known)
    )
    found = rows_of(rows.select("place", found=is_key_in([rows.first, rows.second], others, ["first", "second"])))
    by_place = {row["place"]: row["found"] for row in found}
    assert [by_place[place] for place in range(len(keys))] == [None if None in key else key in known for key in keys]


def test_asset_of_another_campaign_is_rejected() -> None:
    """Campaign "a b" owns asset "c"; the experiment of campaign "a" on "b c" joins to the same text."""
    assets = table_of(
        CreativeAssets,
        [
            {"asset_id": "c", "campaign_id": "a b"},
            {"asset_id": "x", "campaign_id": "a"},
            {"asset_id": "b c", "campaign_id": "z"},
        ],
    )
    rows = table_of(
        Experiments,
        [
            {"experiment_id": "own", "campaign_id": "a b", "control_asset": "c", "variant_asset": "x"},
            {"experiment_id": "foreign", "campaign_id": "a", "control_asset": "b c", "variant_asset": "x"},
        ],
    )
    campaigns = table_of(Campaigns, [{"campaign_id": name} for name in ("a", "a b", "z")])
    broken = experiments.relations(rows, campaigns, assets)
    found = {row["experiment_id"]: row for row in rows_of(rows.select("experiment_id", **broken))}
    rules = [f"{arm}_asset: no asset of the campaign" for arm in ("control", "variant")]
    assert [found["own"][rule] for rule in rules] == [False, True]
    assert [found["foreign"][rule] for rule in rules] == [True, False]


def test_snapshot_of_another_experiment_is_rejected() -> None:
    plans = table_of(Experiments, [{"experiment_id": "a b", "control_asset": "c", "variant_asset": "d"}])
    rows = table_of(
        PerformanceMetrics,
        [{"experiment_id": "a", "asset_id": "b c"}, {"experiment_id": "a b", "asset_id": "d"}],
    )
    rule = performance_metrics.relations(rows, plans)["asset_id: no arm of the experiment"]
    found = {row["experiment_id"]: row["is_wrong"] for row in rows_of(rows.select("experiment_id", is_wrong=rule))}
    assert found == {"a": True, "a b": False}


def test_an_accepted_experiment_without_evaluation_is_found() -> None:
    plans = table_of(Experiments, [{"experiment_id": name} for name in ("judged", "lost")])
    judged = table_of(ExperimentEvaluations, [{"experiment_id": "judged"}])
    assert [row["experiment_id"] for row in rows_of(experiments_not_evaluated(plans, judged))] == ["lost"]
