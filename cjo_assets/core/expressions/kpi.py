"""Vocabulary of KPIs, and the value, attainment and status of a KPI and of a family of KPIs as expressions."""

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from cjo_assets.core.expressions.evidence_grades import ASSUMPTION
from cjo_assets.core.expressions.intervals import (
    MEASURED,
    NOT_DISTINGUISHABLE,
    NOT_MEASURABLE,
    mean_interval,
    wilson_interval,
)
from cjo_assets.core.expressions.numbers import CONTRIBUTION_DECIMALS, rounded
from cjo_assets.core.expressions.tables import first_per

EXCEEDED, ON_TRACK, AT_RISK, CRITICAL = "exceeded", "on_track", "at_risk", "critical"
STATUSES = [EXCEEDED, ON_TRACK, AT_RISK, CRITICAL, NOT_DISTINGUISHABLE, NOT_MEASURABLE]
# From bad to good.
WORST_FIRST = (CRITICAL, AT_RISK, NOT_DISTINGUISHABLE, ON_TRACK, EXCEEDED)
# A proxy of the figure; an estimate of the source that was not compared with anything.
PROXY = "proxy"
BASES = [MEASURED, PROXY, ASSUMPTION, NOT_MEASURABLE]
HIGHER, LOWER = "higher_is_better", "lower_is_better"
# Kinds of estimates: a share is of records that are true or false, a mean is of numbers.
SHARE, MEAN = "share", "mean"


@dataclass(frozen=True)
class Definition:
    """Definition of a KPI.

    Attributes:
        unit: of value, interval and target.
        direction: whether higher or lower is better.
        numerator: what is counted.
        denominator: what it is divided by; empty for a sum.
        missing: the input that would make it measurable.
        is_estimate: whether it estimates more than was counted; a full count needs no interval.
    """

    unit: str
    direction: str
    numerator: str
    missing: str
    denominator: str = ""
    is_estimate: bool = True

    @property
    def words(self) -> str:
        """The definition in one line."""
        return f"{self.numerator} / {self.denominator}" if self.denominator else self.numerator


@dataclass(frozen=True)
class Measure:
    """A KPI that the data answer: numerator over denominator, or the numerator alone for a sum.

    A measure of neither kind may bring its own `interval`.
    """

    numerator: ir.NumericValue
    denominator: ir.NumericValue | None
    n: ir.NumericValue
    note: str | ir.StringValue
    basis: str | ir.StringValue = MEASURED
    kind: str | None = None
    squares: ir.NumericValue | None = None
    interval: tuple[ir.NumericValue, ir.NumericValue] | None = None


def measures_as_rows(facts: ir.Table, measures: Mapping[str, Measure]) -> ir.Table:
    """Return measures as one row each, from a table of one row of sums and counts."""
    none = ibis.null("float64")
    parts = [
        ibis.struct(
            {
                "kpi": ibis.literal(name),
                "numerator": measure.numerator.cast("float64"),
                "denominator": none if measure.denominator is None else measure.denominator.cast("float64"),
                "n": measure.n.cast("int64"),
                "squares": none if measure.squares is None else measure.squares.cast("float64"),
                "own_low": none if measure.interval is None else measure.interval[0].cast("float64"),
                "own_high": none if measure.interval is None else measure.interval[1].cast("float64"),
                "kind": ibis.null("string") if measure.kind is None else ibis.literal(measure.kind),
                "basis": _text(measure.basis),
                "note": _text(measure.note),
            }
        )
        for name, measure in measures.items()
    ]
    return facts.select(part=ibis.array(parts).unnest()).unpack("part")


def with_interval(rows: ir.Table, level: float) -> ir.Table:
    """Add the interval of a share, by Wilson's score, of a mean, by Student's t; else the measure's own, if any."""
    counted = (rows.kind == SHARE).ifelse(rows.numerator, ibis.null("float64"))
    share_low, share_high = wilson_interval(counted, rows.denominator, level)
    mean_low, mean_high = mean_interval(rows.numerator, rows.squares, rows.n, level)
    return rows.mutate(
        interval_low=ibis.cases((rows.kind == SHARE, share_low), (rows.kind == MEAN, mean_low), else_=rows.own_low),
        interval_high=ibis.cases((rows.kind == SHARE, share_high), (rows.kind == MEAN, mean_high), else_=rows.own_high),
    )


def with_attainment(rows: ir.Table) -> ir.Table:
    """Add the value, null without a record behind it, and the share of the target that it reaches.

    A missed target of 0 is reached to a share of 0; a kept one has no share.

    Only the noise of binary floats is rounded away, lest it decide, and depend on the order of the rows: 0.24 / 0.3 is
    to meet a threshold of 0.8, and two thirds a target of two thirds.
    """
    is_known = (rows.n > 0).fill_null(False)
    quotient = rows.numerator / ibis.coalesce(rows.denominator, 1.0).nullif(0.0)
    rows = rows.mutate(value=is_known.ifelse(rounded(quotient, CONTRIBUTION_DECIMALS), ibis.null("float64")))
    is_higher = rows.direction == HIGHER
    share = is_higher.ifelse(rows.value / rows.target.nullif(0.0), rows.target.nullif(0.0) / rows.value.nullif(0.0))
    is_missed_zero = (rows.target == 0) & is_higher.ifelse(rows.value < 0, rows.value > 0)
    return rows.mutate(attainment=is_missed_zero.ifelse(0.0, rounded(share, CONTRIBUTION_DECIMALS)))


def status_of(rows: ir.Table, warning: float, critical: float) -> ir.StringValue:
    """Return the status of each KPI.

    A count of everything is compared with its target as it is. An estimate is compared by its interval: it keeps the
    target where the worse end does, misses it where the better end does, and is not distinguishable from it otherwise.
    An estimate without an interval can miss its target, by its attainment, and never keep it.

    Args:
        rows: KPIs with attainment, as `with_attainment` returns them, their interval, and `is_estimate`.
        warning: attainment below which a KPI is at risk.
        critical: attainment below which it is critical.
    """
    # Two thirds of the records meet a target of two thirds: both sides are free of the same noise.
    target = rounded(rows.target, CONTRIBUTION_DECIMALS)
    worse, better = (rounded(end, CONTRIBUTION_DECIMALS) for end in _ends(rows))

    def beats(number: ir.NumericValue) -> ir.BooleanValue:
        return (rows.direction == HIGHER).ifelse(number > target, number < target)

    # An end that does not exist is as far away as can be.
    is_kept = (beats(worse) | (worse == target)).fill_null(False)
    may_be_kept = (beats(better) | (better == target)).fill_null(True)
    has_interval = worse.notnull() | better.notnull()
    is_better, is_near = beats(rows.value), (rows.value == target) | (rows.attainment >= warning).fill_null(False)
    missed = (rows.attainment >= critical).ifelse(AT_RISK, CRITICAL)
    return ibis.cases(
        (rows.value.isnull(), NOT_MEASURABLE),
        (~rows.is_estimate, ibis.cases((is_better, EXCEEDED), (is_near, ON_TRACK), else_=missed)),
        (has_interval & is_kept, is_better.ifelse(EXCEEDED, ON_TRACK)),
        (has_interval & ~may_be_kept, missed),
        (has_interval | is_better | is_near, NOT_DISTINGUISHABLE),
        else_=missed,
    )


def with_status(rows: ir.Table, warning: float, critical: float) -> ir.Table:
    """Add value, attainment and status; without a value all figures are null, and the note is `missing`.

    Args:
        rows: KPIs with target, direction, is_estimate, missing, and a measure with its interval, null where none.
        warning: attainment below which a KPI is at risk.
        critical: attainment below which it is critical.
    """
    attained = with_attainment(rows)
    is_known = attained["value"].notnull()
    figures = ("interval_low", "interval_high", "numerator", "denominator")
    return attained.mutate(
        status=status_of(attained, warning, critical),
        basis=is_known.ifelse(attained.basis, NOT_MEASURABLE),
        n=is_known.ifelse(attained.n, 0),
        note=is_known.ifelse(attained.note, attained.missing),
        **{name: is_known.ifelse(attained[name], ibis.null("float64")) for name in figures},
    )


def not_their_quotient(kpis: ir.Table) -> ir.Table:
    """Return KPIs whose value differs from numerator over denominator, or is outside its interval."""
    denominator = kpis.denominator.fill_null(1.0).nullif(0.0)
    expected = kpis.numerator / denominator
    # All three are rounded, so the quotient of small numbers is less precise.
    doubt = 1e-6 * (1 + (1 + expected.abs()) / denominator.abs())
    is_wrong = (kpis.value - expected).abs() > doubt
    is_outside = ~kpis.value.between(kpis.interval_low - 1e-6, kpis.interval_high + 1e-6)
    failing = kpis.filter(is_wrong.fill_null(False) | is_outside.fill_null(False))
    return failing.select("kpi", "value", "numerator", "denominator", "interval_low", "interval_high")


def _ends(rows: ir.Table) -> tuple[ir.NumericValue, ir.NumericValue]:
    """Return the worse and the better end of each interval."""
    is_higher = rows.direction == HIGHER
    return (
        is_higher.ifelse(rows.interval_low, rows.interval_high),
        is_higher.ifelse(rows.interval_high, rows.interval_low),
    )


def families_of(kpis: ir.Table) -> ir.Table:
    """Count the KPIs of each family, and the measured ones by status."""
    is_measured = kpis.basis == MEASURED

    def count(condition: ir.BooleanValue) -> ir.IntegerScalar:
        return condition.cast("int64").sum()

    return kpis.group_by("family").agg(
        kpis=kpis.count(),
        measured=count(is_measured),
        at_risk=count(is_measured & kpis.status.isin([AT_RISK, CRITICAL])),
        critical=count(is_measured & (kpis.status == CRITICAL)),
        exceeded=count(is_measured & (kpis.status == EXCEEDED)),
        not_distinguishable=count(is_measured & (kpis.status == NOT_DISTINGUISHABLE)),
    )


def worst_of(kpis: ir.Table) -> ir.Table:
    """Return the measured KPI of each family with the worst status, then the least attainment: worst_*."""
    measured = kpis.filter(kpis.basis == MEASURED)
    badness = measured.status.cases(*((status, place) for place, status in enumerate(WORST_FIRST)), else_=None)
    worst = first_per(measured, "family", [badness, measured.attainment.fill_null(0.0), measured.kpi])
    return worst.select("family", worst_kpi="kpi", worst_status="status", worst_attainment="attainment")


def family_status(families: ir.Table, least_measured: float) -> ir.StringValue:
    """Return the status of each family: one KPI suffices for a bad status, a good one needs a share of measured KPIs.

    A measured KPI that is not distinguishable from its target leaves its family without good news.

    Args:
        families: counts as `families_of` returns them.
        least_measured: share of a family's KPIs; with fewer measured it may be at risk or critical, never well.

    A family is critical only if the column `critical` is there to distinguish it from one at risk.
    """
    is_dark = (families.measured == 0) | (families.measured < least_measured * families.kpis)
    is_critical = [(families.critical > 0, CRITICAL)] if "critical" in families.columns else []
    return ibis.cases(
        *is_critical,
        (families.at_risk > 0, AT_RISK),
        (is_dark, NOT_MEASURABLE),
        (families.not_distinguishable > 0, NOT_DISTINGUISHABLE),
        (families.exceeded == families.measured, EXCEEDED),
        else_=ON_TRACK,
    )


def _text(value: str | ir.StringValue) -> ir.StringValue:
    return ibis.literal(value) if isinstance(value, str) else value
