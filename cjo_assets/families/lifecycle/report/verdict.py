"""First screen of the lifecycle report: verdict, missed targets, key figures, first actions, and what lacks data."""

from __future__ import annotations

from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.families.lifecycle.overview.lifecycle_summary import (
    PAYMENTS_OVERDUE,
    REVENUE_AT_RISK,
    REVENUE_LOST,
    SLA_MISSED,
)
from cjo_assets.families.lifecycle.report.figures import LifecycleFigures
from cjo_assets.families.lifecycle.report.first_actions import first_actions
from cjo_assets.families.lifecycle.report.prose import first_of, named
from cjo_assets.families.lifecycle.success._health import UNKNOWN
from cjo_assets.families.lifecycle.support.ticket_sla import BREACHED
from cjo_assets.reporting.document import Cited, Prose, Tile, Verdict
from cjo_assets.reporting.first_screen import ASSUMED, measured_kpis, one_line, tile, units

MET, NOT_KNOWN = "every target that can be measured is met", "no figure with a target is known"


def verdict(figures: LifecycleFigures) -> Verdict:
    """Return the first screen of the day."""
    day = figures.summary
    sentences = {
        REVENUE_LOST: _revenue_lost,
        REVENUE_AT_RISK: _revenue_at_risk,
        SLA_MISSED: _sla_missed,
        PAYMENTS_OVERDUE: _payments_overdue,
    }
    return Verdict(
        status=day.show("status", "words"),
        word=str(day.row["status"]),
        meaning=_sentence(figures),
        reasons=tuple(sentence(figures) for reason, sentence in sentences.items() if reason in day.row["reasons"]),
        tiles=_tiles(figures),
        actions=first_actions(figures),
        missing=_missing(figures),
    )


def _sentence(figures: LifecycleFigures) -> Prose:
    """Return each missed target with how much of how much it concerns, and its limit."""
    day = figures.summary
    missed: dict[str, Prose] = {
        REVENUE_LOST: (
            *("net revenue retention is ", day.show("nrr", "percent", is_strong=True)),
            *(" (target ", _target(figures, "nrr"), ")"),
        ),
        REVENUE_AT_RISK: (
            *(*figures.currency, day.show("at_risk_mrr", "whole", is_strong=True), " of ", day.show("mrr", "whole")),
            *(" a month may leave (", day.show("at_risk_share", "percent"), ", limit "),
            *(_target(figures, "at_risk_share"), ")"),
        ),
        SLA_MISSED: (
            *(day.show("breached_clocks", "count", is_strong=True), " of ", day.show("open_clocks", "count")),
            *(" open clocks of tickets are beyond their target (", day.show("breached_share", "percent"), ", limit "),
            *(_target(figures, "breached_share"), ")"),
        ),
        PAYMENTS_OVERDUE: (
            *(*figures.currency, day.show("overdue_amount", "whole", is_strong=True), " are overdue ("),
            *(day.show("overdue_share", "percent"), " of a month, limit ", _target(figures, "overdue_share"), ")"),
        ),
    }
    found = [part for reason, part in missed.items() if reason in day.row["reasons"]]
    if not found:
        return (NOT_KNOWN if day.row["status"] == NOT_MEASURABLE else MET, ".")
    return one_line(found)


def _target(figures: LifecycleFigures, name: str) -> Cited:
    return figures.policy.show(f"lifecycle.targets.{name}.target", "percent")


def _missing(figures: LifecycleFigures) -> Prose:
    """Return the clients without a health score, and the KPIs without data."""
    parts: list[Prose] = [
        ("clients without a health score: ", row.show("clients", "count"))
        for row in figures.of("health_by_band")
        if row.row["band"] == UNKNOWN and row.row["clients"]
    ]
    return one_line([*parts, *measured_kpis(figures.of("kpi_status"))])


def _revenue_lost(figures: LifecycleFigures) -> Prose:
    """Return retention against its target, and the customers who pay less."""
    less = [row for row in figures.of("movements") if row.row["change_mrr"] < 0]
    lost = [
        (*named(row), " ", row.show("change_mrr", "signed"), " (", row.show("movement", "words"), ")") for row in less
    ]
    return (
        *(
            "Revenue is lost: customers of the month before pay ",
            figures.summary.show("nrr", "percent", is_strong=True),
        ),
        *(" of what they paid (target ", figures.policy.show("lifecycle.targets.nrr.target", "percent"), "). "),
        *first_of(lost, is_cut="movements" in figures.cut),
        *((".",) if lost else ()),
    )


def _revenue_at_risk(figures: LifecycleFigures) -> Prose:
    """Return the revenue at risk against its target, and the customers who may leave."""
    risky = [
        (*named(row), " ", row.show("mrr", "whole"), " (", row.show("reasons", "names"), ")")
        for row in figures.of("at_risk")
    ]
    return (
        *("Revenue may leave: ", *figures.currency, figures.summary.show("at_risk_mrr", "whole", is_strong=True)),
        *(" a month, or ", figures.summary.show("at_risk_share", "percent"), " (target at most "),
        *(figures.policy.show("lifecycle.targets.at_risk_share.target", "percent"), "). "),
        *first_of(risky, is_cut="at_risk" in figures.cut),
        ".",
    )


def _sla_missed(figures: LifecycleFigures) -> Prose:
    """Return the missed SLA targets against their target, and whose they are."""
    broken = [
        (
            *named(row),
            ", ticket ",
            row.show("ticket_id"),
            " (",
            row.show("clock", "words"),
            ", ",
            row.show("priority", "words"),
            ")",
        )
        for row in figures.of("ticket_sla")
        if row.row["state"] == BREACHED
    ]
    return (
        *("SLA targets are missed: ", figures.summary.show("breached_clocks", "count", is_strong=True), " of "),
        *(figures.summary.show("open_clocks", "count"), " open clocks of tickets are beyond their target, or "),
        *(figures.summary.show("breached_share", "percent"), " (target at most "),
        *(figures.policy.show("lifecycle.targets.breached_share.target", "percent"), "). "),
        *first_of(broken, is_cut="ticket_sla" in figures.cut),
        ".",
    )


def _payments_overdue(figures: LifecycleFigures) -> Prose:
    """Return what is overdue against its target, and the customers who owe it."""
    owed = [
        (*named(row), " ", row.show("open", "whole"), ", ", row.show("days_overdue", "count"), " days")
        for row in figures.of("invoices")
    ]
    return (
        *("Payments are overdue: ", *figures.currency, figures.summary.show("overdue_amount", "whole", is_strong=True)),
        *(", or ", figures.summary.show("overdue_share", "percent"), " of the revenue of a month (target at most "),
        *(figures.policy.show("lifecycle.targets.overdue_share.target", "percent"), "). "),
        *first_of(owed, is_cut="invoices" in figures.cut),
        ".",
    )


def _tiles(figures: LifecycleFigures) -> tuple[Tile, ...]:
    return (*_revenue_tiles(figures), *_service_tiles(figures))


def _revenue_tiles(figures: LifecycleFigures) -> tuple[Tile, ...]:
    """Return recurring revenue, its retention, and what of it may leave."""
    day, days, month = figures.summary, figures.days, figures.month
    return (
        tile(
            "Recurring revenue",
            days,
            "mrr",
            "whole",
            (
                *(day.show("mrr_change", "signed"), " this month; ", day.show("customers", "count")),
                *(" paying customers, ", day.show("customers_change", "signed")),
            ),
            unit="a month",
            currency=figures.currency,
        ),
        tile(
            "Net revenue retention",
            days,
            "nrr",
            "percent",
            ("without expansion ", month.show("grr", "percent")),
            unit="of the month before",
            target=("at least ", _target(figures, "nrr")),
        ),
        tile(
            "May leave",
            days,
            "at_risk_mrr",
            "whole",
            (day.show("at_risk_customers", "count"), " customers, ", day.show("at_risk_share", "percent")),
            unit="a month",
            currency=figures.currency,
            target=("at most ", _target(figures, "at_risk_share")),
            evidence=ASSUMED,
        ),
    )


def _service_tiles(figures: LifecycleFigures) -> tuple[Tile, ...]:
    """Return missed SLA targets, what is overdue, and what can be offered."""
    day, days = figures.summary, figures.days
    return (
        tile(
            "Missed SLA targets",
            days,
            "breached_clocks",
            "count",
            (
                *("of ", day.show("open_clocks", "count"), " open clocks; close to their target "),
                day.show("clocks_at_risk", "count"),
            ),
            unit=units(day.row["breached_clocks"], "clock"),
            target=("at most ", _target(figures, "breached_share")),
        ),
        tile(
            "Overdue",
            days,
            "overdue_amount",
            "whole",
            (
                *(day.show("overdue_share", "percent"), " of a month, on "),
                *(day.show("overdue_invoices", "count"), " invoices"),
            ),
            unit="open",
            currency=figures.currency,
            target=("at most ", _target(figures, "overdue_share"), " of a month"),
        ),
        tile(
            "To offer",
            days,
            "offers_value",
            "whole",
            (
                *("offers ", day.show("offers", "count"), "; meters at the limit of a plan "),
                day.show("meters_at_limit", "count"),
            ),
            unit="a year",
            currency=figures.currency,
            evidence=ASSUMED,
        ),
    )
