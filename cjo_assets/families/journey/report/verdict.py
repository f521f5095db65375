"""First screen of the journey report: verdict in one sentence, key figures, first actions, and what lacks data."""

from __future__ import annotations

from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.families.journey.portfolio._portfolio_measures import MEASURES
from cjo_assets.families.journey.report.figures import JourneyFigures
from cjo_assets.families.journey.report.first_actions import first_actions
from cjo_assets.families.journey.report.summary import style_of
from cjo_assets.reporting.document import Prose, Record, Tile, Verdict, records
from cjo_assets.reporting.first_screen import ASSUMED, evidence_of, measured_kpis, one_line, tile, units
from cjo_assets.reporting.summary import passages_of
from cjo_assets.reporting.text import against_zero

FRICTION, HIGH_RISK, REVENUE = "friction_rate", "high_risk_share", "revenue_at_risk_share"
HEADLINES = {
    FRICTION: "customers are stuck",
    HIGH_RISK: "many customers may leave",
    REVENUE: "much revenue is at risk",
}
WITHIN, TOO_LITTLE = "every share is within its target", "too little is known for a verdict"
TARGETS, RED_LIMITS = "targets", "red_limits"


def verdict(figures: JourneyFigures) -> Verdict:
    """Return the first screen of the day."""
    snapshot = Record("journey.portfolio_snapshots", (), figures.snapshot, figures.naming)
    paragraph = figures.paragraph
    return Verdict(
        status=snapshot.show("verdict", "words"),
        word=str(figures.snapshot["status"]),
        meaning=_sentence(figures, snapshot),
        reasons=(*((reason,) for reason in snapshot.each("status_reasons", "prose")), *_standing(figures, snapshot)),
        tiles=_tiles(figures, snapshot),
        actions=first_actions(figures),
        missing=_missing(figures),
        summary=passages_of(paragraph, style_of),
        provenance="" if paragraph is None else paragraph.provenance,
    )


def _sentence(figures: JourneyFigures, snapshot: Record) -> Prose:
    """Return what is wrong, how many customers of how many it concerns, and against which limit."""
    missed = sorted((name for name in MEASURES if _missed_limit(figures, name)), key=lambda name: _order(figures, name))
    headline = HEADLINES[missed[0]] if missed else WITHIN
    if snapshot.row["status"] == NOT_MEASURABLE:
        headline = TOO_LITTLE
    customers = units(snapshot.row["active_customers"], "customer")
    said: Prose = (headline, ". Of ", snapshot.show("active_customers", "count"), f" active {customers}, ")
    counts = {FRICTION: ("customers_in_friction", " in friction"), HIGH_RISK: ("customers_high_risk", " at high risk")}
    for place, name in enumerate(sorted(counts, key=lambda name: name not in missed[:1])):
        column, words = counts[name]
        verb = " is" if snapshot.row[column] == 1 else " are"
        counted = snapshot.show(column, "count", is_strong=True)
        said = (*said, " and " if place else "", counted, verb, words, *_limit(figures, name))
    if not snapshot.has(REVENUE):
        return (*said, ".")
    return (
        *(*said, "; ", snapshot.show(REVENUE, "percent"), " of their yearly revenue is at risk"),
        *(*_limit(figures, REVENUE), "."),
    )


def _missed_limit(figures: JourneyFigures, name: str) -> str | None:
    """Return the limit that a share exceeds, the red one first; None where it is within both or unknown."""
    share = figures.snapshot[name]
    if share is None:
        return None
    return next(
        (kind for kind in (RED_LIMITS, TARGETS) if share > getattr(getattr(figures.portfolio, kind), name)), None
    )


def _order(figures: JourneyFigures, name: str) -> tuple[bool, int]:
    return _missed_limit(figures, name) != RED_LIMITS, list(HEADLINES).index(name)


def _limit(figures: JourneyFigures, name: str) -> Prose:
    kind = _missed_limit(figures, name) or TARGETS
    return (" (limit ", figures.policy.show(f"journey.portfolio.{kind}.{name}", "percent"), ")")


def _missing(figures: JourneyFigures) -> Prose:
    """Return the trends without an earlier day and the KPIs without data."""
    snapshot = Record("journey.portfolio_snapshots", (), figures.snapshot, figures.naming)
    parts: list[Prose] = [
        (words,)
        for column, words in (
            ("trend_7_days", "no trend against a week before"),
            ("trend_28_days", "no trend against four weeks before"),
        )
        if snapshot.row[column] == NOT_MEASURABLE
    ]
    parts += measured_kpis(records("journey.kpi_status", ("family",), figures.kpi_status, figures.naming))
    if not figures.kpi_status:
        parts.append(("the policy has switched KPI tracking off",))
    return one_line(parts)


def _standing(figures: JourneyFigures, snapshot: Record) -> list[Prose]:
    """Return what trend, stages and KPIs add to the verdict."""
    day = figures.snapshot
    said: list[Prose] = [
        (
            "Revenue at risk against a week before: ",
            snapshot.show("trend_7_days", "words", is_strong=True),
            "; against four weeks before: ",
            snapshot.show("trend_28_days", "words", is_strong=True),
            ".",
        )
    ]
    said += [(note,) for note in snapshot.each("trend_notes", "prose")]
    if day["systemic_failures"]:
        said.append(("Stages that fail their customers: ", snapshot.show("systemic_failures", "names"), "."))
    if day["top_leaking_stage"] is not None:
        said.append(
            (
                "Most revenue at risk is in ",
                snapshot.show("top_leaking_stage", "words", is_strong=True),
                ": ",
                *figures.amounts_in,
                snapshot.show("top_leaking_revenue_at_risk", "money"),
                ".",
            )
        )
    if not figures.kpi_status:
        return [*said, ("The policy has switched KPI tracking off.",)]
    families: Prose = ("KPIs: ",)
    rows = records("journey.kpi_status", ("family",), figures.kpi_status, figures.naming)
    for place, row in enumerate(rows):
        between = ", " if place else ""
        families = (*families, between, row.show("family", "words"), " ", row.show("status", "words", is_strong=True))
    return [*said, (*families, ".")]


def _tiles(figures: JourneyFigures, snapshot: Record) -> tuple[Tile, ...]:
    snapshots, days, roi = (figures.days(table) for table in ("portfolio_snapshots", "journey_summary", "roi_estimate"))
    active: Prose = ("of ", snapshot.show("active_customers", "count"), " active")
    return (
        tile(
            "Revenue at risk",
            snapshots,
            "revenue_at_risk",
            "whole",
            (snapshot.show(REVENUE, "percent"), " of the account value with a forecast"),
            unit="a year",
            currency=figures.amounts_in,
            target=_target(figures, REVENUE),
            evidence=ASSUMED,
        ),
        tile(
            "Customers in friction",
            snapshots,
            "customers_in_friction",
            "count",
            active,
            unit=units(figures.snapshot["customers_in_friction"], "customer"),
            target=_target(figures, FRICTION),
        ),
        tile(
            "Customers at high risk",
            snapshots,
            "customers_high_risk",
            "count",
            (*active, "; ", snapshot.show("customers_without_answer", "count"), " without an answer"),
            unit=units(figures.snapshot["customers_high_risk"], "customer"),
            target=_target(figures, HIGH_RISK),
        ),
        tile(
            "Waiting for approval",
            days,
            "interventions_pending",
            "count",
            (days[-1].show("interventions_expired", "count"), " lapsed without an answer"),
            unit=units(days[-1].row["interventions_pending"], "request"),
        ),
        tile(
            "Net benefit",
            roi,
            "net_benefit",
            "whole",
            _grounds(figures, roi[-1]),
            unit="in the window",
            currency=figures.amounts_in,
            evidence=evidence_of(figures.roi["value_evidence_grade"]),
        ),
    )


def _target(figures: JourneyFigures, name: str) -> Prose:
    return ("at most ", figures.policy.show(f"journey.portfolio.{TARGETS}.{name}", "percent"))


def _grounds(figures: JourneyFigures, roi: Record) -> Prose:
    """Return what the net benefit is based on."""
    if figures.roi["value_evidence_grade"] is None:
        return ("costs alone: no value on record",)
    said = against_zero(figures.roi["compared_value_status"])
    grounds: Prose = ("weakest evidence: ", roi.show("evidence_grade", "words"))
    return (
        *(*grounds, "; with compared value alone ", roi.show("net_benefit_compared", "whole")),
        *((f"; {said}",) if said else ()),
    )
