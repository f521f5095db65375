"""Rows of one day that the journey report shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from cjo_assets.policy.journey_value import Portfolio
from cjo_assets.reporting.document import Prose, Record, Row, records
from cjo_assets.reporting.naming import NameSource, Naming
from cjo_assets.reporting.palette import BAD, SOFT, UNKNOWN, WARNING
from cjo_assets.reporting.summary import Summary

# Width of a band of the risk distribution: ten bars are distinguishable on a phone.
RISK_BAND = 0.1
NO_TIER = "no tier"
# Risk tiers with their colours in a chart, the highest first.
TIERS = {"high": BAD, "medium": WARNING, "low": SOFT, NO_TIER: UNKNOWN}


_PLAYBOOK = NameSource("journey.playbooks", "playbook_id")
NAMES = {"playbook_id": _PLAYBOOK, "nearest_playbook_id": _PLAYBOOK}


@dataclass(frozen=True)
class JourneyFigures:
    """The rows of the tables that the report shows.

    Lists that grow with the number of customers are cut; the first rows stay.

    Attributes:
        report_rows: how long a list may be.
        trend_days: how far back the trend reaches.
        snapshot: the row of `portfolio_snapshots`; `snapshots` those of the days before and of the day.
        risk_bands: customers by band of `overall_risk_score` and tier, counted.
        next_steps: the first of them; `last_step` is the last one, whose rank is their number.
        decisions: the most urgent of them; `summary` counts all.
        gaps: the riskiest of them; `summary` counts all.
        approvals: requests of interventions that wait for approval, the first to lapse first, and after them those of
            `next_steps`; `summary` counts all.
        playbooks: of all segments together, the most valuable first; `playbook_count` counts all.
        portfolio: targets and limits of the shares.
        currency: currency of amounts.
        history: by table, the rows of the day and of earlier days on record, the oldest first.
        naming: names and labels.
        paragraph: the day in words.
    """

    as_of: date
    policy_hash: str
    policy_version: str
    report_rows: int
    trend_days: int
    summary: Row
    snapshot: Row
    snapshots: list[Row]
    segments: list[Row]
    stages: list[Row]
    flows: list[Row]
    conformance: list[Row]
    risk_bands: list[Row]
    next_steps: list[Row]
    last_step: Row | None
    decisions: list[Row]
    gaps: list[Row]
    approvals: list[Row]
    playbooks: list[Row]
    playbook_count: list[Row]
    kpis: list[Row]
    kpi_status: list[Row]
    roi: Row
    roi_parts: list[Row]
    roi_grades: list[Row]
    sensitivity: list[Row]
    loads: list[Row]
    rejections: list[Row]
    portfolio: Portfolio
    currency: str
    history: Mapping[str, list[Row]]
    naming: Naming
    paragraph: Summary | None = None

    @property
    def day(self) -> Record:
        """The day of the report."""
        return Record("report", (), {"as_of": self.as_of})

    @property
    def policy(self) -> Record:
        """The policy values that the report states."""
        return Record(
            "policy",
            (),
            {
                "version": self.policy_version,
                "policy_hash": self.policy_hash,
                "journey.reporting.report_rows": self.report_rows,
                "journey.reporting.trend_days": self.trend_days,
                "labels.currency": self.currency,
            }
            | {
                f"journey.portfolio.{kind}.{name}": limit
                for kind in ("targets", "red_limits")
                for name, limit in getattr(self.portfolio, kind)
            },
        )

    @property
    def amounts_in(self) -> Prose:
        """The currency before an amount."""
        return (self.policy.show("labels.currency"), " ")

    def days(self, table: str) -> list[Record]:
        """Return the rows of a table on the day and on earlier days on record."""
        return records(f"journey.{table}", ("as_of",), self.history[table], self.naming)
