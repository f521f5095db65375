"""World of generated marketing data: what its numbers mean, and their values.

They describe an invented market and are no policy: a policy may differ from them, and a test shows that the platform
finds the difference.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cjo_assets.core.contract import allowed_words, columns_of
from cjo_assets.families.marketing.inputs.channels import Channels
from cjo_assets.policy import Policy
from cjo_assets.synth.made import WorldError

CLICKS, CONVERSIONS = "clicks", "conversions"


@dataclass(frozen=True)
class Channel:
    """Where assets are shown.

    Attributes:
        type, platform, cost_model: as a source would write them.
        unit_cost: price of one unit of the cost model; of a flat one, of a day of an experiment [currency].
        click_rate: of impressions [0-1].
        daily_impressions: of both arms of an experiment [impressions per day].
    """

    type: str
    platform: str
    cost_model: str
    unit_cost: float
    click_rate: float
    daily_impressions: float


@dataclass(frozen=True)
class Segment:
    """Whom assets are shown to; `click_factor` is on the click rate of the channel."""

    name: str
    priority: str
    size: int
    click_factor: float


@dataclass(frozen=True)
class Goal:
    """What a campaign is for.

    Attributes:
        objective: as a source would write it.
        metric: its primary KPI, as policies name it.
        stage: what a conversion is called in the funnel.
        conversion_share: of visits that convert [0-1].
        purchase_share: of conversions that end in a purchase [0-1]; 0 where nothing is sold.
        value: of a conversion [currency].
    """

    objective: str
    metric: str
    stage: str
    conversion_share: float
    purchase_share: float
    value: float


@dataclass(frozen=True)
class MarketingWorld:
    """The market.

    Attributes:
        metrics: what experiments are decided by, and the count each is of, over impressions.
        spread: least and greatest factor by which a place differs from the rates of its channel and goal.
        effects: relative effects of the second arm on the count of the metric, and the share of experiments with each.
        experiments: shares of the campaigns with one experiment, two, and so on.
        goal_metric_share: of experiments that are decided by the primary KPI; the others by the click-through rate.
        campaign_days: a campaign lasts.
        experiment_days: least and most days that an experiment lasts.
        first_day_in_campaign: latest day of a campaign on which an experiment begins.
        drafted_days: after the last day, on which a campaign may begin that is a draft so far.
        paused_share: of the campaigns that are under way.
        click_design_effect, conversion_design_effect: variance of the counts of an arm, as a multiple of that of
            independent impressions: days differ.
        visit_share: of clicks that arrive [0-1].
        untracked_share: of campaigns whose visits are not tracked.
        mismatch_share: of experiments whose control arm gets `mismatch` of the impressions instead of a half.
        ledger_error_share: of campaigns whose ledger states `ledger_error` times the value.
        target_share: of campaigns with a target.
        target_spread: least and greatest target, as a multiple of the true rate of their control arms.
        budget_spread: least and greatest budget, as a multiple of what the campaign is expected to spend.
        self_transfer_share, unapproved_share: of the moves of budget.
        decisions, moves, risks: on average per campaign.
        flagged_share: of assets with a risk flag.
        names: of the first campaigns; the others are numbered.
    """

    channels: tuple[Channel, ...]
    segments: tuple[Segment, ...]
    goals: tuple[Goal, ...]
    metrics: tuple[tuple[str, str], ...]
    spread: tuple[float, float]
    effects: tuple[tuple[float, float], ...]
    experiments: tuple[float, ...]
    goal_metric_share: float
    campaign_days: int
    experiment_days: tuple[int, int]
    first_day_in_campaign: int
    drafted_days: int
    paused_share: float
    click_design_effect: float
    conversion_design_effect: float
    visit_share: float
    untracked_share: float
    mismatch_share: float
    mismatch: float
    ledger_error_share: float
    ledger_error: float
    target_share: float
    target_spread: tuple[float, float]
    budget_spread: tuple[float, float]
    self_transfer_share: float
    unapproved_share: float
    decisions: float
    moves: float
    risks: float
    flagged_share: float
    names: tuple[str, ...] = ()
    has_effect: bool = True

    def without_effect(self) -> MarketingWorld:
        """Return the same market in which the arms of an experiment do not differ."""
        return replace(self, has_effect=False)


CHANNELS = (
    Channel(
        type="email",
        platform="Mailchimp",
        cost_model="per_send",
        unit_cost=0.02,
        click_rate=0.060,
        daily_impressions=4_000.0,
    ),
    Channel(
        type="paid_search",
        platform="Google Ads",
        cost_model="per_click",
        unit_cost=0.80,
        click_rate=0.045,
        daily_impressions=3_000.0,
    ),
    Channel(
        type="social",
        platform="Meta Ads",
        cost_model="per_impression",
        unit_cost=0.010,
        click_rate=0.020,
        daily_impressions=8_000.0,
    ),
    Channel(
        type="in_app", platform="Pendo", cost_model="flat", unit_cost=90.0, click_rate=0.080, daily_impressions=2_500.0
    ),
)
SEGMENTS = (
    Segment(name="Growth-Stage SaaS", priority="high", size=26_000, click_factor=1.1),
    Segment(name="Price-Sensitive SMBs", priority="high", size=120_000, click_factor=1.0),
    Segment(name="Enterprise IT Leaders", priority="medium", size=18_000, click_factor=0.8),
    Segment(name="Dormant Trial Users", priority="low", size=60_000, click_factor=0.7),
)
GOALS = (
    Goal(
        objective="More trial signups",
        metric="conversion_rate",
        stage="signup",
        conversion_share=0.12,
        purchase_share=0.25,
        value=12.0,
    ),
    Goal(
        objective="More demo requests",
        metric="demo_request_rate",
        stage="demo_request",
        conversion_share=0.10,
        purchase_share=0.10,
        value=25.0,
    ),
    Goal(
        objective="More visits and signups",
        metric="click_through_rate",
        stage="signup",
        conversion_share=0.08,
        purchase_share=0.25,
        value=12.0,
    ),
    Goal(
        objective="More use of new features",
        metric="feature_click_through_rate",
        stage="feature_adopt",
        conversion_share=0.20,
        purchase_share=0.0,
        value=6.0,
    ),
)
METRICS = (
    ("conversion_rate", CONVERSIONS),
    ("demo_request_rate", CONVERSIONS),
    ("click_through_rate", CLICKS),
    ("feature_click_through_rate", CLICKS),
)


def default_marketing_world() -> MarketingWorld:
    """Return the market of generated data."""
    return MarketingWorld(
        channels=CHANNELS,
        segments=SEGMENTS,
        goals=GOALS,
        metrics=METRICS,
        spread=(0.75, 1.3),
        effects=((0.0, 0.45), (0.12, 0.15), (0.25, 0.2), (0.4, 0.05), (-0.15, 0.15)),
        experiments=(0.5, 0.3, 0.2),
        goal_metric_share=0.7,
        campaign_days=42,
        experiment_days=(14, 28),
        first_day_in_campaign=10,
        drafted_days=10,
        paused_share=0.1,
        click_design_effect=2.0,
        conversion_design_effect=1.5,
        visit_share=0.9,
        untracked_share=0.15,
        mismatch_share=0.05,
        mismatch=0.47,
        ledger_error_share=0.1,
        ledger_error=1.25,
        target_share=0.8,
        target_spread=(0.6, 1.3),
        budget_spread=(0.8, 1.6),
        self_transfer_share=0.04,
        unapproved_share=0.04,
        decisions=4.0,
        moves=2.5,
        risks=1.0,
        flagged_share=0.05,
    )


def require_marketing_words(world: MarketingWorld, policy: Policy) -> None:
    """Refuse a market that the policy has no words for, or whose metrics the policy takes for something else.

    Raises:
        WorldError: naming everything that is amiss.
    """
    defined = policy.marketing.metric_definitions
    unlike = {
        name
        for name, count in world.metrics
        if name not in defined or (defined[name].numerator, defined[name].denominator) != (count, "impressions")
    }
    vocabulary = {spec.name: set(allowed_words(spec, policy.vocabulary)) for spec in columns_of(Channels) if spec.words}
    unknown = {
        "metrics": unlike,
        "funnel steps": {goal.stage for goal in world.goals} - set(policy.vocabulary.funnel_stages),
        "kinds of channel": {channel.type for channel in world.channels} - vocabulary["type"],
        "cost models": {channel.cost_model for channel in world.channels} - vocabulary["cost_model"],
    }
    faults = [f"{what}: {', '.join(sorted(names))}" for what, names in unknown.items() if names]
    if faults:
        raise WorldError(f"The policy does not know what the generated market is made of: {'; '.join(faults)}.")
