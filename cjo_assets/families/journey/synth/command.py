"""Generated journey data as `cjo synth` offers them."""

from __future__ import annotations

from datetime import date

from cjo_assets.core.answers import Synth, SynthOption, SynthRequest
from cjo_assets.policy import Policy
from cjo_assets.synth.made import Made


def _generate(request: SynthRequest, policy: Policy) -> Made:
    # The generators are imported when they are needed: definitions and other commands do without them.
    from cjo_assets.families.journey.synth.datasets import Request, generated

    return generated(
        Request(
            request.count,
            request.seed,
            request.last_day,
            request.weeks,
            request.options["signals_per_customer"],
            request.dirty,
            request.has_effect,
            with_performance_log=request.options["performance_log"],
        ),
        policy,
    )


SYNTH = Synth(
    "customers",
    date(2025, 1, 20),
    104,
    _generate,
    (
        SynthOption("signals_per_customer", "Average number of signals per customer.", 10.0),
        SynthOption("performance_log", "Also write a performance log of an earlier system (journey).", False),
    ),
)
