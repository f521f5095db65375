"""Columns of the page on an experiment: arms, soundness, weeks, metrics of people, and plans."""

from cjo_assets.reporting.document import Column

SOUNDNESS = (
    Column("decided by", "reading", "words"),
    Column("p value", "p_value", "chance", below=(("corrected", "adjusted_p_value", "chance"),)),
    Column("benefit from", "benefit_low", "rate", below=(("to", "benefit_high", "rate"),)),
    Column("enough exposures", "is_powered", below=(("needs", "required_exposures", "count"),)),
    Column("finds lifts from", "minimum_detectable_effect", "percent"),
    Column(
        "posterior lift from",
        "posterior_lift_low",
        "lift",
        below=(("to", "posterior_lift_high", "lift"), ("loss if worse", "expected_loss", "rate")),
    ),
    Column("sample-ratio mismatch", "has_sample_ratio_mismatch"),
    Column("guardrails broken", "guardrails_broken", "names", below=(("open:", "guardrails_unproven", "names"),)),
)
ARMS = (
    Column("arm", "arm", "words", below=(("", "asset_id", "plain"),)),
    Column("rate", "rate", "rate", below=(("from", "rate_low", "rate"), ("to", "rate_high", "rate"))),
    Column("successes", "successes", "count", below=(("of", "exposures", "count"),)),
    Column("assigned", "assigned", "count", below=(("", "assigned_unit", "words"),)),
    Column("cost", "cost", "money"),
    Column("value", "revenue_proxy", "money"),
    Column("channel", "channel_id"),
    Column("audience", "segment_id"),
)
CONSISTENCY = (
    Column("complete weeks", "complete_weeks", "count", below=(("minimum reached:", "has_minimum_run", "plain"),)),
    Column("weeks compared", "compared_weeks", "count"),
    Column("effects differ by week", "is_heterogeneous", below=(("p", "heterogeneity_p_value", "chance"),)),
    Column(
        "observed design effect",
        "observed_design_effect",
        "number",
        below=(
            ("from", "observed_design_effect_low", "number"),
            ("to", "observed_design_effect_high", "number"),
            ("assumed:", "design_effect", "number"),
        ),
    ),
)
WEEKS = (
    Column("week", "week", "count", below=(("from", "first_day", "day"), ("complete:", "is_complete", "plain"))),
    Column("control", "control_successes", "count", below=(("of", "control_exposures", "count"),)),
    Column("variant", "variant_successes", "count", below=(("of", "variant_exposures", "count"),)),
    Column(
        "effect",
        "absolute_effect",
        "rate",
        below=(("from", "absolute_effect_low", "rate"), ("to", "absolute_effect_high", "rate")),
    ),
)
# One row per metric and arm; the verdict alone has a colour, and only where something is decided.
PERSON_METRICS = (
    Column("metric", "metric", "words", below=(("", "unit", "words"), ("until", "measured_on", "day"))),
    Column("arm", "asset_id", below=(("against", "control_asset", "plain"),)),
    Column("control", "control_value", "number", below=(("of", "control_people", "count"),)),
    Column("value", "value", "number", below=(("of", "people", "count"),)),
    Column(
        "effect, one look",
        "relative_effect",
        "lift",
        below=(("from", "relative_effect_low", "lift"), ("to", "relative_effect_high", "lift")),
    ),
    Column(
        "effect, any day, from",
        "always_valid_relative_low",
        "lift",
        below=(("to", "always_valid_relative_high", "lift"),),
    ),
    Column("variance left by CUPED", "variance_ratio", "percent"),
    Column("p", "p_value", "chance", below=(("corrected", "adjusted_p_value", "chance"),)),
    Column("chance to beat control", "chance_to_beat_control", "likelihood"),
    Column("verdict", "verdict", "words", is_status=True, below=(("decided by", "reading", "words"),)),
)
PLANS = (
    Column("true lift", "lift", "percent"),
    Column(
        "exposures per arm to detect it",
        "exposures_to_detect",
        "count",
        below=(("days at the present pace:", "days_to_detect", "count"), ("chance now", "power_to_detect", "percent")),
    ),
    Column(
        "exposures per arm to scale",
        "exposures_to_scale",
        "count",
        below=(("days at the present pace:", "days_to_scale", "count"), ("chance now", "power_to_scale", "percent")),
    ),
)
