"""Page on one quarter of one client: performance, changes, usage, costs, and recommendations, for review by people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from cjo_assets.core.family import Review
from cjo_assets.families.lifecycle.report.figures import FAMILY
from cjo_assets.families.lifecycle.value.quarterly_review import COST_PER_INTERACTION, COST_REDUCTION
from cjo_assets.policy import Policy, section_named
from cjo_assets.policy.lifecycle import LifecyclePolicy
from cjo_assets.reporting.document import (
    Block,
    Column,
    Document,
    Paragraph,
    Prose,
    Record,
    Row,
    Section,
    Tile,
    Verdict,
    grid,
    records,
)
from cjo_assets.reporting.naming import Naming
from cjo_assets.reporting.text import day as day_text

PAGE = "quarterly_review.html"
MONTHS = 3
OF_DAY = "WHERE as_of = $day AND customer_id = $subject"
DEPLOYED = "deployed_at >= $first AND deployed_at < $end"
QUERIES = {
    "organizations": f"SELECT customer_id, name, industry FROM {FAMILY}.organizations WHERE customer_id = $subject",
    "accounts": f"SELECT customer_id, mrr, plan_id, renewal_on FROM {FAMILY}.accounts {OF_DAY}",
    "quarterly_review": f"SELECT * FROM {FAMILY}.quarterly_review {OF_DAY} ORDER BY metric",
    "health_scores": f"SELECT * FROM {FAMILY}.health_scores {OF_DAY}",
    "sla_compliance": f"SELECT * FROM {FAMILY}.sla_compliance {OF_DAY} AND measured > 0 ORDER BY metric",
    "config_changes": f"SELECT * FROM {FAMILY}.config_changes {OF_DAY} AND {DEPLOYED} ORDER BY deployed_at, config_id",
    "personalization": f"SELECT * FROM {FAMILY}.personalization {OF_DAY} AND variant_id IS NOT NULL",
    "opportunities": f"SELECT * FROM {FAMILY}.opportunities {OF_DAY} AND is_indicated "
    "AND state IN ('open', 'invited') ORDER BY value DESC NULLS LAST, kind",
    "plan_usage": f"SELECT * FROM {FAMILY}.plan_usage {OF_DAY} AND state IN ('near', 'over') ORDER BY meter",
}
KEYS = {
    "organizations": ("customer_id",),
    "quarterly_review": ("customer_id", "metric"),
    "sla_compliance": ("customer_id", "metric"),
    "config_changes": ("config_id", "config_version"),
    "opportunities": ("customer_id", "kind"),
    "plan_usage": ("customer_id", "meter"),
}
OUTCOMES = (
    "resolution_rate",
    "completion_rate",
    "first_contact",
    "escalation_rate",
    "in_time",
    "ticket_autonomy",
    "sla_met",
)
USAGE = ("conversations_per_day", "active_day_share", "tickets_per_day", "csat")
COSTS = (COST_PER_INTERACTION, COST_REDUCTION)
RATES, PER_DAY, ASSUMED = "Rates by quarter", "Sums per day, and satisfaction", "Assumed, per interaction"
NOT_KNOWN: Prose = ("n: records. n/a: no record of the quarter. First: the first whole quarter after go-live.",)
BY_POLICY = ". Minutes of people per ticket, their cost, and the cost of an interaction before are the policy's."
CURRENCY = "lifecycle.billing.currency"
METRIC = Column("metric", "metric", "words")
CHANGES = (
    Column("configuration", "config_id", below=(("version", "config_version", "count"), ("", "product", "words"))),
    Column("changed", "kinds", "names"),
    Column("risk", "risk", "words"),
    Column("live since", "deployed_at", "instant"),
    Column("outcome", "outcome", "words", is_status=True),
)
LEVELS = (
    Column("service level", "metric", "words", below=(("", "service", "words"),)),
    Column("attained", "attained", "rate"),
    Column("target", "target", "rate"),
    Column("state", "state", "words", is_status=True),
)
OFFERS = (
    Column("opportunity", "kind", "words", below=(("", "offer", "names"),)),
    Column("value a year", "value", "whole"),
    Column("not now, because", "blocked_by", "names"),
)
LIMITS = (
    Column("use of the plan", "meter", "words"),
    Column("used", "used", "count", below=(("of", "included", "count"),)),
    Column("share", "share", "percent"),
    Column("state", "state", "words", is_status=True),
)


class Quarter:
    """The rows of a page, and how its quarter relates to the day they were computed for."""

    def __init__(self, subject: str, quarter: date, day: date, rows: Mapping[str, list[Row]], policy: Policy) -> None:
        """Keep the rows; the day is in the quarter or in the one after it."""
        rules: LifecyclePolicy = section_named(policy, LifecyclePolicy.__name__)
        self.naming = Naming(policy.labels, day.year)
        self.currency = Record("policy", (), {CURRENCY: rules.billing.currency}).show(CURRENCY)
        self.subject, self.quarter, self.day, self.rows = subject, quarter, day, rows
        self.is_running = all(row["quarter"] == quarter for row in rows["quarterly_review"])

    def of(self, name: str) -> list[Record]:
        """Return the rows of a table with their labels."""
        key = KEYS.get(name, ("customer_id",))
        return records(f"{FAMILY}.{name}", key, self.rows[name], self.naming)

    def columns(self, style: str) -> tuple[Column, ...]:
        """Return the columns of a grid of metrics: the quarter, what it is compared with, and the first one."""
        own = f"{self.day.year} Q{self.day.month // MONTHS + 1} to {day_text(self.day)}"
        before = _name(self.quarter if not self.is_running else _before(self.quarter))
        value, earlier = (own, "value", "n"), (before, "before", "n_before")
        pair = (value, earlier) if self.is_running else (earlier, value)
        shown = (*pair, (f"first: {self.first}", "baseline", "n_baseline"))
        return (
            METRIC,
            *(part for title, name, n in shown for part in (Column(title, name, style), Column("n", n, "count"))),
        )

    @property
    def first(self) -> str:
        """Name of the first whole quarter after go-live."""
        found = {row["baseline_quarter"] for row in self.rows["quarterly_review"]} - {None}
        return _name(*found) if found else "none yet"


def _name(quarter: date) -> str:
    return f"{quarter.year} Q{quarter.month // MONTHS + 1}"


def _before(quarter: date) -> date:
    return (quarter - timedelta(days=MONTHS * 28)).replace(day=1)


def quarter_page(subject: str, quarter: date, day: date, rows: Mapping[str, list[Row]], policy: Policy) -> Document:
    """Return the page of a client and quarter, from the rows of a day in it or in the quarter after it."""
    found = Quarter(subject, quarter, day, rows, policy)
    [organization] = found.of("organizations")
    return Document(
        title=f"Quarterly review {_name(quarter)}",
        day=organization.show("name"),
        verdict=_verdict(found),
        sections=(
            _metrics(found, "performance", "Performance", OUTCOMES, "percent", RATES, NOT_KNOWN),
            _changes(found),
            _metrics(found, "usage", "Conversations and users", USAGE, "number", PER_DAY),
            _costs(found),
            _recommendations(found),
        ),
        preposition="of",
        is_compact=True,
    )


def _verdict(found: Quarter) -> Verdict:
    [organization] = found.of("organizations")
    day = Record("report", (), {"as_of": found.day})
    health = next(iter(found.of("health_scores")), None)
    account = next(iter(found.of("accounts")), None)
    unknown = Record("report", (), {"health": "unknown", "figure": None})
    tiles = []
    if health is not None:
        tiles.append(
            Tile("Health", (health.show("score", "tenth"),), ("of 100; 7 days: ", health.show("change", "signed")))
        )
    if account is not None:
        tiles.append(
            Tile(
                "Revenue",
                (found.currency, " ", account.show("mrr", "whole")),
                ("a month, plan ", account.show("plan_id")),
            )
        )
        tiles.append(
            Tile(
                "Renewal",
                (account.show("renewal_on", "day"),),
                ("of the annual contract" if account.has("renewal_on") else "no annual contract",),
            )
        )
    meaning: Prose = (
        "Health by the bands of the policy. Draft for review by the success manager. ",
        *("Client ", organization.show("customer_id"), "; computed for ", day.show("as_of", "day")),
        ", in this quarter." if found.is_running else ", after this quarter: columns show both.",
    )
    status = unknown.show("health", "words") if health is None else health.show("band", "words")
    return Verdict(status, str(status.value), meaning, (), tuple(tiles))


def _metrics(
    found: Quarter, anchor: str, title: str, names: tuple[str, ...], style: str, caption: str, note: Prose = ()
) -> Section:
    by_metric = {record.row["metric"]: record for record in found.of("quarterly_review")}
    rows = [by_metric[name] for name in names if name in by_metric]
    if not rows:
        return Section(anchor, title, (Paragraph(("No record of these quarters.",)),))
    return Section(anchor, title, (grid(caption, found.columns(style), rows, note),))


def _changes(found: Quarter) -> Section:
    blocks: list[Block] = []
    if found.rows["config_changes"]:
        blocks.append(grid("Versions that went live in the quarter", CHANGES, found.of("config_changes")))
    for row in found.of("personalization"):
        said: Prose = ("Messages are of variant ", row.show("variant_id"), " in experiment ", row.show("experiment_id"))
        blocks.append(Paragraph((*said, ".")))
    if found.rows["sla_compliance"]:
        blocks.append(grid("Service levels of the month of the day", LEVELS, found.of("sla_compliance")))
    nothing = Paragraph(("No version went live, and no experiment includes the client.",))
    return Section("changes", "Changes, experiments and service levels", tuple(blocks) or (nothing,))


def _costs(found: Quarter) -> Section:
    return _metrics(found, "costs", "Costs and savings", COSTS, "number", ASSUMED, ("In ", found.currency, BY_POLICY))


def _recommendations(found: Quarter) -> Section:
    blocks: list[Block] = []
    for health in found.of("health_scores"):
        if health.has("weakest_measure"):
            blocks.append(Paragraph(("Health loses most by: ", health.show("weakest_measure", "words"), ".")))
    if found.rows["opportunities"]:
        blocks.append(grid("To offer", OFFERS, found.of("opportunities"), ("In ", found.currency, ".")))
    if found.rows["plan_usage"]:
        blocks.append(grid("Close to a limit", LIMITS, found.of("plan_usage")))
    nothing = Paragraph(("No rule recommends anything.",))
    return Section("what-to-do", "Recommendations for the next quarter", tuple(blocks) or (nothing,))


REVIEW = Review("customer", PAGE, QUERIES, quarter_page)
