"""Rates of comparable audience segments of a campaign.

Channel and call to action change a rate more than the audience does, so a segment is compared only with other segments
on its own channels and with its own calls to action: its reference is the rate it would have had if each of its
exposures had performed like those of the others in the same place.
"""

import ibis
import ibis.expr.types as ir

from cjo_assets.families.marketing.measurement._measured_kpis import performance_sums, with_interval, with_kpi

SEGMENT = ("campaign_id", "segment_id")
PLACE = ("campaign_id", "channel_id", "call_to_action")


def segment_references(
    asset_performance: ir.Table,
    creative_assets: ir.Table,
    campaign_analysis: ir.Table,
    metric_definitions: ir.Table,
    level: float,
) -> ir.Table:
    """Return the rate of comparable segments with its interval, per campaign and segment.

    A segment without a row cannot be compared: one of its places has no exposures of another segment, or the other
    segments had no success in any of its places.
    """
    cells = _cells(asset_performance, creative_assets, campaign_analysis, metric_definitions, level)
    cells = cells.filter(cells.kpi_exposures > 0)
    place = ibis.window(group_by=PLACE)
    cells = cells.mutate(
        others=cells.kpi_exposures.sum().over(place) - cells.kpi_exposures,
        other_successes=cells.kpi_successes.sum().over(place) - cells.kpi_successes,
        # Of several design effects in one place, the largest gives the conservative interval.
        place_effect=cells.design_effect.max().over(place),
        weight=cells.kpi_exposures / cells.kpi_exposures.sum().over(ibis.window(group_by=SEGMENT)),
    )
    has_others = cells.others > 0
    cells = cells.mutate(has_others=has_others, trials=has_others.ifelse(cells.others, ibis.null("int64")))
    references = cells.group_by(SEGMENT).agg(
        is_comparable=cells.has_others.all(),
        expected=(cells.weight * cells.other_successes / cells.trials).sum(),
        design_effect=cells.place_effect.max(),
        # A weighted mean of rates is as uncertain as one rate of so many trials (Kish's effective sample size).
        effective=1 / (cells.weight**2 / cells.trials).sum(),
    )
    references = references.filter(references.is_comparable, references.expected > 0)
    references = references.mutate(expected_successes=references.expected * references.effective)
    references = with_interval(
        references, "expected_successes", "effective", "expected", level, references.design_effect
    )
    return references.select(*SEGMENT, others="expected", others_low="expected_low", others_high="expected_high")


def _cells(
    asset_performance: ir.Table,
    creative_assets: ir.Table,
    campaign_analysis: ir.Table,
    metric_definitions: ir.Table,
    level: float,
) -> ir.Table:
    """Return the campaign's metric by segment, channel and call to action."""
    calls = creative_assets.select("asset_id", call_to_action=creative_assets.cta.strip().lower())
    shown = asset_performance.join(calls, "asset_id")
    metrics = campaign_analysis.select("campaign_id", "primary_kpi")
    sums = performance_sums(shown, "segment_id", *PLACE).join(metrics, "campaign_id")
    return with_kpi(sums, "primary_kpi", metric_definitions, level)
