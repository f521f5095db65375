"""Verdict of the lifecycle report: status of the day, the missed targets, and the key figures."""

from __future__ import annotations

from cjo_assets.core.expressions.intervals import NOT_MEASURABLE
from cjo_assets.families.lifecycle.overview.lifecycle_summary import (
    CRITICAL,
    NEEDS_ATTENTION,
    ON_TRACK,
    PAYMENTS_OVERDUE,
    REVENUE_AT_RISK,
    REVENUE_LOST,
    SLA_MISSED,
)
from cjo_assets.families.lifecycle.report.figures import LifecycleFigures
from cjo_assets.families.lifecycle.report.prose import first_of, named
from cjo_assets.families.lifecycle.support.ticket_sla import BREACHED
from cjo_assets.reporting.document import Prose, Tile, Verdict

MEANINGS = {
    ON_TRACK: "Every target that can be measured is met. ",
    NEEDS_ATTENTION: "Targets are missed. ",
    CRITICAL: "Targets are missed, at least one of them by far. ",
    NOT_MEASURABLE: "No figure with a target is known. ",
}


def verdict(figures: LifecycleFigures) -> Verdict:
    """Return the verdict on the day."""
    day = figures.summary
    status = day.row["status"]
    meaning: Prose = (
        *(MEANINGS[status], day.show("customers", "count"), " customers pay ", *figures.currency),
        *(day.show("mrr", "whole", is_strong=True), " a month, ", day.show("mrr_change", "signed")),
        " since the end of the month before.",
    )
    sentences = {
        REVENUE_LOST: _revenue_lost,
        REVENUE_AT_RISK: _revenue_at_risk,
        SLA_MISSED: _sla_missed,
        PAYMENTS_OVERDUE: _payments_overdue,
    }
    return Verdict(
        status=day.show("status", "words"),
        word=str(status),
        meaning=meaning,
        reasons=tuple(sentence(figures) for reason, sentence in sentences.items() if reason in day.row["reasons"]),
        tiles=_tiles(figures),
    )


def _revenue_lost(figures: LifecycleFigures) -> Prose:
    """Return retention against its target, and the customers who pay less."""
    less = [row for row in figures.of("movements") if row.row["change_mrr"] < 0]
    lost = [(*named(row), " ", row.show("change_mrr", "signed"), " (", row.show("movement"), ")") for row in less]
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
        (*named(row), " ", row.show("ticket_id"), " (", row.show("clock", "words"), ", ", row.show("priority"), ")")
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
    return (*_revenue_tiles(figures), *_service_tiles(figures), *_growth_tiles(figures))


def _revenue_tiles(figures: LifecycleFigures) -> tuple[Tile, ...]:
    """Return recurring revenue, its retention, and what of it may leave."""
    day, month, targets = figures.summary, figures.month, figures.policy
    return (
        Tile(
            "Recurring revenue a month",
            (*figures.currency, day.show("mrr", "whole")),
            (
                day.show("mrr_change", "signed"),
                " this month; ",
                *figures.currency,
                month.show("end_arr", "whole"),
                " a year",
            ),
        ),
        Tile(
            "Net revenue retention",
            (day.show("nrr", "percent"),),
            (
                *("target ", targets.show("lifecycle.targets.nrr.target", "percent")),
                *("; without expansion ", month.show("grr", "percent")),
            ),
        ),
        Tile(
            "May leave",
            (*figures.currency, day.show("at_risk_mrr", "whole")),
            (
                *(day.show("at_risk_customers", "count"), " customers, ", day.show("at_risk_share", "percent")),
                *("; target at most ", targets.show("lifecycle.targets.at_risk_share.target", "percent")),
            ),
        ),
    )


def _service_tiles(figures: LifecycleFigures) -> tuple[Tile, ...]:
    """Return missed SLA targets, and the customers with what they owe."""
    day, month, targets = figures.summary, figures.month, figures.policy
    return (
        Tile(
            "Missed SLA targets",
            (day.show("breached_clocks", "count"),),
            (
                *("of ", day.show("open_clocks", "count"), " open clocks; close to their target "),
                day.show("clocks_at_risk", "count"),
            ),
        ),
        Tile(
            "Paying customers",
            (day.show("customers", "count"),),
            (
                *(day.show("customers_change", "signed"), " this month; "),
                *(*figures.currency, month.show("arpa", "whole"), " each"),
            ),
        ),
        Tile(
            "Overdue",
            (*figures.currency, day.show("overdue_amount", "whole")),
            (
                *(day.show("overdue_share", "percent"), " of a month; target at most "),
                targets.show("lifecycle.targets.overdue_share.target", "percent"),
            ),
        ),
    )


def _growth_tiles(figures: LifecycleFigures) -> tuple[Tile, ...]:
    """Return deals and opportunities."""
    day = figures.summary
    return (
        Tile(
            "Deals before handover",
            (day.show("deals_open", "count"),),
            (
                *(day.show("deals_overdue", "count"), " overdue, "),
                *(day.show("deals_to_review", "count"), " to review"),
            ),
        ),
        Tile(
            "To offer, a year",
            (*figures.currency, day.show("offers_value", "whole")),
            (
                *("offers ", day.show("offers", "count"), "; meters at the limit of a plan "),
                day.show("meters_at_limit", "count"),
            ),
        ),
    )
