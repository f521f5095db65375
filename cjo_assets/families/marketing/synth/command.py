"""Generated marketing data as `cjo synth` offers them."""

from __future__ import annotations

from datetime import date

from cjo_assets.core.answers import Synth, SynthOption, SynthRequest
from cjo_assets.policy import Policy
from cjo_assets.synth.made import Made


def _generate(request: SynthRequest, policy: Policy) -> Made:
    # The generators are imported when they are needed: definitions and other commands do without them.
    from cjo_assets.families.marketing.synth.datasets import MarketingRequest, generated_marketing

    return generated_marketing(
        MarketingRequest(
            request.count,
            request.seed,
            request.last_day,
            request.weeks,
            request.dirty,
            request.has_effect,
            with_touchpoints=request.options["touchpoints"],
            with_experiment_metrics=request.options["experiment_metrics"],
        ),
        policy,
    )


SYNTH = Synth(
    "campaigns",
    date(2026, 3, 31),
    26,
    _generate,
    (
        SynthOption("touchpoints", "Also write the touchpoints before conversions (marketing).", False),
        SynthOption("experiment_metrics", "Also write sums over the people of each arm (marketing).", False),
    ),
)
