"""Rows and other values for the policy of experiments, for what does not happen in the sample."""

from typing import Any

from cjo_assets_tests.support.lifecycle.probe_rows import day_of, instant_of
from cjo_assets_tests.support.rows import Row, Rows

# Successes and exposures by experiment and variant: a winner beside a hopeless variant, and two that lack exposures.
RESULTS = {"EXP-P": {"good": (900, 1000), "bad": (1, 150)}, "EXP-Q": {"one": (10, 100), "other": (12, 100)}}
COHORTS = {"EXP-P": "renewal", "EXP-Q": "other"}


def _result(experiment: str, variant: str, successes: int, exposures: int) -> Row:
    return {
        "experiment_id": experiment,
        "variant_id": variant,
        "result_date": day_of(1)[:10],
        "cohort": COHORTS[experiment],
        "metric": "click",
        "is_control": False,
        "exposures": exposures,
        "successes": successes,
    }


# More conversations in a month than the sample has, of a customer who pays nothing.
POWER_USER = [
    {
        "conversation_id": f"P-POWER-{number}",
        "customer_id": "P_WAITS",
        "user_id": None,
        "product": "chatbot",
        "config_id": None,
        "config_version": None,
        "started_at": instant_of(1),
        "ended_at": None,
        "status": "active",
        "is_resolved": None,
        "asked_for_human": False,
    }
    for number in range(1001)
]
EXPERIMENT_ROWS: dict[str, Rows] = {
    "conversations": POWER_USER,
    "variant_results": [
        _result(experiment, variant, *counts)
        for experiment, variants in RESULTS.items()
        for variant, counts in variants.items()
    ],
}

EXPERIMENT_VALUES: dict[str, Any] = {
    f"lifecycle.experiments.{name}": value
    for name, value in {
        "confidence": 0.9,
        # The third variant of the sample has 990.
        "minimum_exposures": 990,
        # Three floors of 0.01 take more than a hundredth.
        "exploration_share": 0.01,
        # A variant of the sample has 0.005121.
        "drop_below": 0.01,
        "drop_after": 200,
        "most_variants": 2,
        "nodes": 100,
        # 1,800 exposures are missing at 200 a day.
        "longest_days": 5,
    }.items()
}

EXPERIMENT_VALUES |= {
    "lifecycle.personalization.salt": "another",
    **{f"lifecycle.personalization.tones.{cohort}": "another" for cohort in ("new_trial", "power", "at_risk")},
}
