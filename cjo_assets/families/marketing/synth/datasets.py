"""Generated marketing datasets, in chunks of campaigns, and their true parameters.

Each chunk has a seed derived from the given seed and the number of the chunk, so the first campaigns are the same
whatever the number of campaigns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, ClassVar

import numpy as np
import pyarrow

from cjo_assets.core.dataset import Dataset
from cjo_assets.families.marketing.inputs import (
    attribution_hints,
    audience_segments,
    budget_actions,
    campaign_risk_signals,
    campaigns,
    channels,
    creative_assets,
    experiments,
    funnel_events,
    orchestrator_decisions,
    performance_metrics,
    roi_ledger,
    segment_rollups,
)
from cjo_assets.families.marketing.inputs import experiment_metrics as sums_of_people
from cjo_assets.families.marketing.inputs import touchpoints as touchpoint_rows
from cjo_assets.families.marketing.synth.draws import ARMS, CONTROL, VARIANT, Marketing, marketing_of
from cjo_assets.families.marketing.synth.faults import MARKETING_FAULTS
from cjo_assets.families.marketing.synth.people import experiment_metrics
from cjo_assets.families.marketing.synth.records import OwnedTable, record_tables, touchpoints
from cjo_assets.families.marketing.synth.tables import (
    CAMPAIGN_DIGITS,
    campaign_ids,
    campaign_numbers,
    counted_tables,
    experiment_ids,
    place_tables,
    totals_by_campaign,
    true_rates,
)
from cjo_assets.families.marketing.synth.world import MarketingWorld, default_marketing_world, require_marketing_words
from cjo_assets.policy import Policy
from cjo_assets.synth.columns import DAYS_PER_WEEK, Span, as_contracted, day_number
from cjo_assets.synth.faults import Fault
from cjo_assets.synth.made import Made, generator, require_within

CHUNK_CAMPAIGNS = 1_000
FOR_COUNTS, FOR_RECORDS, FOR_TOUCHES, FOR_DIRT, FOR_PEOPLE = 0, 1, 2, 3, 4
MOST_WEEKS = 520
DECIMALS = 8
TOUCHPOINTS = touchpoint_rows.DATASET.name
EXPERIMENT_METRICS = sums_of_people.DATASET.name


@dataclass(frozen=True)
class MarketingRequest:
    """What is to be generated.

    Attributes:
        campaigns: how many.
        seed: the same request with the same seed gives the same rows.
        until: last day of the records.
        weeks: in which campaigns begin.
        dirty: corrupted rows for each good one [0-1].
        has_effect: whether the arms of experiments differ.
        with_touchpoints: whether the touches before each conversion are generated.
        with_experiment_metrics: whether sums over the people of each arm are generated.
    """

    campaigns: int
    seed: int
    until: date
    weeks: int = 26
    dirty: float = 0.0
    has_effect: bool = True
    with_touchpoints: bool = False
    with_experiment_metrics: bool = False

    def require_sense(self) -> None:
        """Refuse what cannot be generated.

        Raises:
            WorldError: naming what is amiss.
        """
        limits = [
            ("campaigns", self.campaigns, 1, 10**CAMPAIGN_DIGITS - 1),
            ("weeks", self.weeks, 1, MOST_WEEKS),
            ("the dirty share", self.dirty, 0, 1),
        ]
        require_within(limits, self.seed)

    @property
    def span(self) -> Span:
        """The days on which campaigns begin."""
        last_day = day_number(self.until)
        return Span(last_day - self.weeks * DAYS_PER_WEEK + 1, last_day)


@dataclass(kw_only=True)
class GeneratedMarketing(Made):
    """The rows of a request, and what is true of them."""

    family: ClassVar[str] = "marketing"
    datasets: ClassVar[tuple[Dataset, ...]] = (
        campaigns.DATASET,
        audience_segments.DATASET,
        channels.DATASET,
        creative_assets.DATASET,
        experiments.DATASET,
        performance_metrics.DATASET,
        orchestrator_decisions.DATASET,
        roi_ledger.DATASET,
        funnel_events.DATASET,
        budget_actions.DATASET,
        campaign_risk_signals.DATASET,
        segment_rollups.DATASET,
        attribution_hints.DATASET,
        touchpoint_rows.DATASET,
        sums_of_people.DATASET,
    )
    faults: ClassVar[dict[str, tuple[Fault, ...]]] = MARKETING_FAULTS

    request: MarketingRequest
    world: MarketingWorld
    of_campaigns: list[dict[str, Any]] = field(default_factory=list)
    of_experiments: list[dict[str, Any]] = field(default_factory=list)

    def batches(self) -> Iterator[tuple[str, pyarrow.Table]]:
        """Make the rows, dataset and table at a time; a dataset comes once per chunk."""
        contracts = {dataset.name: dataset.contract for dataset in self.datasets}
        for name, table in place_tables(self.world).items():
            yield self.counted(name, as_contracted(contracts[name], table), None)
        for chunk, first in enumerate(range(0, self.request.campaigns, CHUNK_CAMPAIGNS)):
            count = min(CHUNK_CAMPAIGNS, self.request.campaigns - first)
            number = campaign_numbers(first + 1, CHUNK_CAMPAIGNS)
            drawn = marketing_of(self.world, self.request.span, CHUNK_CAMPAIGNS, self._chance(FOR_COUNTS, chunk))
            dirt = self._chance(FOR_DIRT, chunk)
            self._learn(drawn, number, count)
            for name, (owner, table) in self._tables(drawn, number, chunk).items():
                own = table.slice(0, int(np.searchsorted(owner, count)))
                yield self.counted(name, as_contracted(contracts[name], own), dirt)

    def truth(self) -> dict[str, Any]:
        """Return the content of the truth file, complete when all batches were taken."""
        request, world = self.request, self.world
        return {
            "request": {
                "campaigns": request.campaigns,
                "seed": request.seed,
                "from": (request.until - timedelta(days=request.weeks * DAYS_PER_WEEK - 1)).isoformat(),
                "until": request.until.isoformat(),
                "weeks": request.weeks,
                "dirty": request.dirty,
                "has_effect": request.has_effect,
                "with_touchpoints": request.with_touchpoints,
                "with_experiment_metrics": request.with_experiment_metrics,
            },
            **self.counts(),
            "design_effects": {
                "clicks": world.click_design_effect,
                "conversions": world.conversion_design_effect,
                "meaning": "variance of an arm's count over that of independent impressions",
            },
            "effects": "experiments: rate of the metric in each arm, over impressions; effects are variant against "
            "control; control_share is the share of impressions that the control arm truly gets",
            "funnel": "campaigns: click_rate of impressions, visit_rate of clicks, conversion_rate of visits, "
            "purchase_rate of conversions, over what was shown; null where nothing was",
            "campaigns": self.of_campaigns,
            "experiments": self.of_experiments,
        }

    def _tables(self, drawn: Marketing, number: pyarrow.Array, chunk: int) -> dict[str, OwnedTable]:
        span = self.request.span
        made = counted_tables(self.world, drawn, span, number)
        made |= record_tables(self.world, drawn, span, number, self._chance(FOR_RECORDS, chunk))
        if self.request.with_touchpoints:
            made[TOUCHPOINTS] = touchpoints(self.world, drawn, number, self._chance(FOR_TOUCHES, chunk))
        if self.request.with_experiment_metrics:
            people = self._chance(FOR_PEOPLE, chunk)
            made[EXPERIMENT_METRICS] = experiment_metrics(self.world, drawn, number, people)
        return made

    def _chance(self, use: int, chunk: int) -> np.random.Generator:
        return generator(self.request.seed, use, chunk)

    def _learn(self, drawn: Marketing, number: pyarrow.Array, count: int) -> None:
        """Keep what is true of the first campaigns of a chunk."""
        rows, world = drawn.experiments, self.world
        wanted = range(int(np.searchsorted(rows["campaign"], count)))
        rates = np.round(true_rates(world, drawn), DECIMALS)
        names = experiment_ids(drawn, number).to_pylist()
        owners = campaign_ids(number, rows["campaign"]).to_pylist()
        self.of_experiments += [
            {
                "experiment_id": names[one],
                "campaign_id": owners[one],
                "metric": world.metrics[rows["metric"][one]][0],
                "control_rate": float(rates[one, CONTROL]),
                "variant_rate": float(rates[one, VARIANT]),
                "absolute_effect": round(float(rates[one, VARIANT] - rates[one, CONTROL]), DECIMALS),
                "relative_effect": round(float(rates[one, VARIANT] / rates[one, CONTROL] - 1), DECIMALS),
                "control_share": float(rows["control_share"][one]),
            }
            for one in wanted
        ]
        expected = _expected(world, drawn)
        totals = {name: totals_by_campaign(drawn, name) for name in ("cost", "value")}
        for campaign, identity in enumerate(campaign_ids(number, np.arange(count)).to_pylist()):
            shown, clicks, conversions = (float(values[campaign]) for values in expected.values())
            goal = world.goals[drawn.campaigns["goal"][campaign]]
            visits = clicks * world.visit_share
            self.of_campaigns.append(
                {
                    "campaign_id": identity,
                    "primary_kpi": goal.metric,
                    "spend": float(totals["cost"][campaign]),
                    "value": float(totals["value"][campaign]),
                    "is_ledger_wrong": bool(drawn.campaigns["has_ledger_error"][campaign]),
                    "are_visits_tracked": not drawn.campaigns["is_untracked"][campaign],
                    "click_rate": round(clicks / shown, DECIMALS) if shown else None,
                    "visit_rate": world.visit_share if shown else None,
                    "conversion_rate": round(conversions / visits, DECIMALS) if shown else None,
                    "purchase_rate": goal.purchase_share if shown else None,
                }
            )


def generated_marketing(
    request: MarketingRequest, policy: Policy, world: MarketingWorld | None = None
) -> GeneratedMarketing:
    """Prepare the rows of a request.

    Raises:
        WorldError: the request makes no sense, or the policy has no words for the market.
    """
    request.require_sense()
    world = world or default_marketing_world()
    world = world if request.has_effect else world.without_effect()
    require_marketing_words(world, policy)
    return GeneratedMarketing(dirty=request.dirty, request=request, world=world)


def _expected(world: MarketingWorld, drawn: Marketing) -> dict[str, np.ndarray]:
    """Return what is shown in each campaign, and how many clicks and conversions are to be expected of it."""
    rows, days = drawn.experiments, drawn.days
    arm = days["experiment"] * ARMS + days["arm"]
    shown = np.bincount(arm, days["impressions"], rows["campaign"].size * ARMS).reshape(-1, ARMS)
    clicks = shown * rows["click_rate"]
    conversions = clicks * world.visit_share * rows["conversion_share"]
    count = drawn.campaigns["campaign"].size
    counts = {"shown": shown, "clicks": clicks, "conversions": conversions}
    return {name: np.bincount(rows["campaign"], values.sum(axis=1), count) for name, values in counts.items()}
