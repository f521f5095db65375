"""Generated lifecycle data as `cjo synth` offers them."""

from __future__ import annotations

from datetime import date

from cjo_assets.core.answers import Synth, SynthOption, SynthRequest
from cjo_assets.policy import Policy
from cjo_assets.synth.made import Made


def _generate(request: SynthRequest, policy: Policy) -> Made:
    # The generators are imported when they are needed: definitions and other commands do without them.
    from cjo_assets.families.lifecycle.synth.datasets import LifecycleRequest, generated_lifecycle

    return generated_lifecycle(
        LifecycleRequest(
            request.count,
            request.seed,
            request.last_day,
            request.weeks,
            request.options["conversations_per_organization"],
            request.options["tickets_per_organization"],
            request.dirty,
            request.has_effect,
        ),
        policy,
    )


SYNTH = Synth(
    "organizations",
    date(2025, 1, 20),
    104,
    _generate,
    (
        SynthOption("conversations_per_organization", "Average number of conversations per organization.", 40.0),
        SynthOption("tickets_per_organization", "Average number of tickets per organization.", 10.0),
    ),
)
