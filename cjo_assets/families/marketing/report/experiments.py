"""Experiments of the marketing report: effects with intervals, verdicts and soundness."""

from __future__ import annotations

from cjo_assets.families.marketing.report.figures import MarketingFigures
from cjo_assets.families.marketing.report.prose import table_of
from cjo_assets.reporting.document import Block, Column, Paragraph, Picture, Prose, Record, Section
from cjo_assets.reporting.first_screen import FEWEST_POINTS

METRIC = Column("metric", "metric", "words", below=(("per", "unit", "words"),))
LIFTS = (
    Column(
        "lift, one look",
        "relative_effect",
        "lift",
        below=(("from", "relative_effect_low", "lift"), ("to", "relative_effect_high", "lift")),
    ),
    Column(
        "lift, any day, from",
        "always_valid_relative_low",
        "lift",
        below=(("to", "always_valid_relative_high", "lift"),),
    ),
)
RATES = (
    Column(
        "experiment",
        "campaign_id",
        "name",
        below=(("", "experiment_id", "plain"), ("", "status", "words")),
    ),
    METRIC,
    Column(
        "control",
        "control_rate",
        "rate",
        below=(("", "control_successes", "count"), ("of", "control_exposures", "count")),
    ),
    Column(
        "variant",
        "variant_rate",
        "rate",
        below=(("", "variant_successes", "count"), ("of", "variant_exposures", "count")),
    ),
)
EFFECTS = (
    *RATES,
    *LIFTS,
    Column("p", "p_value", "chance", below=(("corrected", "adjusted_p_value", "chance"),)),
    Column(
        "chance to beat control",
        "chance_to_beat_control",
        "likelihood",
        below=(("loss if worse", "expected_loss", "rate"),),
    ),
    Column("verdict", "verdict", "words", is_status=True, below=(("", "rule", "words"),)),
)
SOUNDNESS = (
    Column("experiment", "campaign_id", "name", below=(("", "experiment_id", "plain"), ("", "metric", "words"))),
    Column("needs per arm", "required_exposures", "count"),
    Column("has enough", "is_powered"),
    Column("finds lifts from", "minimum_detectable_effect", "percent"),
    Column(
        "arms as planned: p",
        "always_valid_sample_ratio_p_value",
        "chance",
        below=(("one look", "sample_ratio_p_value", "chance"), ("mismatch", "has_sample_ratio_mismatch", "plain")),
    ),
    Column(
        "guardrails broken", "guardrails_broken", "names", below=(("not ruled out:", "guardrails_unproven", "names"),)
    ),
    Column(
        "lift, posterior",
        "posterior_lift_low",
        "lift",
        below=(("to", "posterior_lift_high", "lift"),),
    ),
    Column("hypothesis held", "hypothesis_held"),
)


def experiments(figures: MarketingFigures) -> Section:
    """Return effects and verdicts of experiments, or only rates where the policy disables testing."""
    title = "Experiments"
    rows = figures.of("experiment_evaluations")
    if not rows:
        return Section("experiments", title, (Paragraph(("There is no experiment.",)),))
    if not figures.rules.enable_statistical_testing:
        off = Paragraph(("The policy has switched statistical testing off: rates are shown, and nothing is proved.",))
        grid = table_of(figures, "Rates of both arms", RATES, "experiment_evaluations")
        return Section("experiments", title, (off, grid))
    blocks: list[Block] = []
    drawn = [row for row in rows if row.row["relative_effect"] is not None]
    if len(drawn) >= FEWEST_POINTS:
        blocks.append(_forest(drawn))
    note = (
        "One look is the interval for reading once, at a planned end; any day is the one that holds however often "
        "it is read, and decides while an experiment runs. The chance to beat the control is a posterior probability "
        "for information: it decides nothing, and only a decided verdict has a colour."
    )
    blocks.append(table_of(figures, "Effects and verdicts", EFFECTS, "experiment_evaluations", note))
    blocks.append(
        table_of(figures, "Soundness of the experiments", SOUNDNESS, "experiment_evaluations", is_folded=True)
    )
    return Section("experiments", title, tuple(blocks))


def _forest(rows: list[Record]) -> Picture:
    effects = [
        {
            "place": place,
            "label": f"{row.show('campaign_id', 'name').text}, {row.show('metric', 'words').text}",
            "figure": row.show("relative_effect", "lift").text,
            "verdict": row.row["verdict"],
            "word": row.show("verdict", "words").text,
            "effect": row.row["relative_effect"],
            "low": row.row["relative_effect_low"],
            "high": row.row["relative_effect_high"],
            "always_low": row.row["always_valid_relative_low"],
            "always_high": row.row["always_valid_relative_high"],
        }
        for place, row in enumerate(sorted(rows, key=lambda row: -row.row["relative_effect"]))
    ]
    description: Prose = (
        "Lift of the variant over the control. The thick line is the interval for a single reading at a planned end, "
        "the thin one holds on all days at once; a line that reaches the edge continues beyond it, and one across the "
        "middle rule has proved nothing. The colour of a point is the verdict.",
    )
    return Picture("experiment_forest", "Lift of each experiment, with both intervals", description, {"rows": effects})
